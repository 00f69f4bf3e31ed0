"""The network of a report as the installed host builds it: the host's own classes, on the meta device, without weights.

In goes data that was read by closed grammars and is written anew here, never what stands in a file: classic YOLOv5
evaluates the texts that its builder is given. This module imports torch and the host.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from yolo_probe.checkpoint.reader import Checkpoint
from yolo_probe.environment import version_of
from yolo_probe.errors import HostError, ModelYamlError, reason_of, shown
from yolo_probe.expressions import MAX_NUMBER, ConstructorCall, ExpressionError, evaluate
from yolo_probe.hosts.subject import Rebuilt, Subject
from yolo_probe.hosts.ultralytics_architecture import written_anew
from yolo_probe.hosts.ultralytics_rebuild import SPARE, Weightless, activation_kept, at_most, imported, silent
from yolo_probe.live.live import Live
from yolo_probe.model.structure import count_layers
from yolo_probe.networks.constructors import generations_with
from yolo_probe.networks.model_yaml import build, network_in
from yolo_probe.networks.network import Network, NetworkRow

WORDS = frozenset({"nc", "anchors", "na", "no", "gd", "gw"})
"""The builder's own variables, which an argument may name."""

TEXTS = frozenset({"nearest", "bilinear", "bicubic", "zeros", "reflect", "replicate", "circular"})
"""Texts that classes of torch take."""

PYPI = "yolov5"
REMEDY = "pip install yolov5, or run this in a clone of YOLOv5"


@dataclass(frozen=True, slots=True)
class InstalledNetwork:
    """A network that the installed host has built."""

    model: nn.Module
    """In evaluation mode, on the meta device; ours to change."""
    host: str
    """``yolov5 7.0.14``."""


def installed_network(subject: Subject) -> InstalledNetwork:
    """The network of a subject, before ``fuse()``, as the installed host builds it.

    Raises: HostError where there is no host or it fails, ModelYamlError for a network that is not passed on to one.
    """
    if isinstance(subject.rebuilt, Rebuilt):
        built = subject.rebuilt.built
        assert isinstance(built, Live)
        return InstalledNetwork(deepcopy(built.model).eval(), f"ultralytics {version_of('ultralytics')}")
    network = _network(subject)
    generation = subject.origin.generation
    assert generation != "ultralytics"
    limit = 3 * count_layers(build(network, generation, subject.origin.release)).modules + SPARE
    document = rebuilt_document(network)
    name, host = _found()
    with silent():
        yolo = _run(lambda: imported(name), f"{host} cannot be imported", REMEDY)
        kind = _model_class(yolo, subject)
        with activation_kept(yolo), torch.device("meta"), Weightless(), at_most(limit):
            model = _run(
                lambda: kind(document).to("meta"), f"{host} cannot build this network", "another release may build it"
            )
    return InstalledNetwork(model.eval(), host)


def _run(own: Callable[[], Any], problem: str, remedy: str) -> Any:
    """What the host's own code gives.

    Raises: HostError with whatever it raises.
    """
    try:
        return own()
    except Exception as error:  # whatever it is, it is why the host cannot answer
        raise HostError(f"{problem}: {reason_of(error)}", remedy) from error


def rebuilt_document(network: Network) -> dict[str, object]:
    """The mapping that a host is given: numbers, names of known classes, and texts written anew.

    Raises: ModelYamlError for a class or an argument that is not recognised.
    """
    document = network.document()
    document["backbone"], document["head"] = (
        [_written(network, row) for row in rows] for rows in (network.backbone, network.head)
    )
    if network.activation:
        document["activation"] = _of_text(network, network.activation, "activation")
    return document


def _written(network: Network, row: NetworkRow) -> list[object]:
    place = f"line {row.line}, {row.module}" if row.line else row.module
    sources = row.sources if isinstance(row.sources, int) else list(row.sources)
    module = row.module.removeprefix("torch.")
    if not generations_with(module):
        raise _refused(network, row.module, place)
    arguments = [
        _of_text(network, argument, place) if isinstance(argument, str) else _plain(network, argument, place)
        for argument in row.arguments
    ]
    return [sources, row.number, module, arguments]


def _of_text(network: Network, text: str, place: str) -> object:
    """What a text means, as data; as a text only where it is one of a few words, or an activation written anew."""
    if text in WORDS:
        return text
    try:
        value = evaluate(text, {})
    except ExpressionError as error:
        raise _refused(network, text, place) from error
    if isinstance(value, str) and value in TEXTS:
        return value
    if isinstance(value, ConstructorCall) and (written := written_anew(value)):
        return written
    return _plain(network, value, place)


def _plain(network: Network, value: object, place: str) -> object:
    """A number, True, False, None, or lists of them."""
    if value is None or isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= MAX_NUMBER):
        return value
    if isinstance(value, list | tuple):
        return [_plain(network, each, place) for each in value]
    raise _refused(network, value, place)


def _refused(network: Network, value: object, place: str) -> ModelYamlError:
    return ModelYamlError(
        f"{network.origin}: {place}: found {shown(value)}, expected numbers and words such as nc",
        "YOLOv5 would evaluate it, so it is not passed on",
    )


def _network(subject: Subject) -> Network:
    """The network that the host is to build.

    Raises: ModelYamlError where a file does not describe one.
    """
    if isinstance(subject.source, Network):
        return subject.source
    assert isinstance(subject.source, Checkpoint)
    return network_in(subject.root.attributes.get("yaml"), subject.label)


def _found() -> tuple[str, str]:
    """The module of the installed YOLOv5's networks, and what the host is called.

    Raises: HostError where there is none.
    """
    if release := version_of(PYPI):
        return f"{PYPI}.models.yolo", f"{PYPI} {release}"
    folder = Path.cwd()
    if _is_clone(folder):
        sys.path.insert(0, str(folder))
        return "models.yolo", "the YOLOv5 of this folder"
    raise HostError("no YOLOv5 is installed, and this folder is no clone of it", REMEDY)


def _is_clone(folder: Path) -> bool:
    """Whether a folder has YOLOv5's models/yolo.py, told by what that defines; nothing is run."""
    try:
        tree = ast.parse((folder / "models" / "yolo.py").read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return False
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return {"parse_model", "Detect"} <= names and bool(names & {"Model", "DetectionModel"})


def _model_class(yolo: Any, subject: Subject) -> Callable[[dict[str, object]], nn.Module]:
    """The class of the whole model: of that name, or what came before it.

    Raises: HostError where the host has none.
    """
    name = subject.root.class_path.rpartition(".")[2]
    for each in (name, "Model"):
        if isinstance(kind := getattr(yolo, each, None), type) and issubclass(kind, nn.Module):
            return kind
    raise HostError(f"{yolo.__name__} has no {name}", REMEDY)

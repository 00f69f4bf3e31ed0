"""The networks that the installed ultralytics ships, by name: ``yolov8n``, ``yolo11s-seg``, ``rtdetr-l``.

The name chooses a model YAML in the package's folder, and the scale in it. The package is not imported.
Source: ``yaml_model_load`` and ``guess_model_scale`` in ultralytics' nn/tasks.py.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from yolo_probe.errors import ModelYamlError

_NAME = re.compile(r"yolov[35].*u$|yolo(v?[246-9]|v?1\d|-|e)|rtdetr")
"""Names of its networks: those that begin as the networks of YOLOv5 and YOLOv3 end with ``u``."""

NOT_RECORDED = re.compile(r"world-t2i|cls-resnet18")
"""Parts of names of its networks whose lines are not recorded."""

_SCALED = re.compile(r"(\d+)([nslmx])(.*)$")
"""The letter of the scale, after the version in a name."""

_REMEDY = "Pass a model YAML: nc, scales, backbone and head, as ultralytics ships them."
_LARGEST = 1_000_000
"""Most bytes of a model YAML."""


@cache
def shipped_yamls() -> Mapping[str, Path]:
    """The model YAMLs of the installed package by their names, without ``.yaml``; empty where it is not installed."""
    spec = find_spec("ultralytics")
    if spec is None or not spec.submodule_search_locations:
        return {}
    files = Path(spec.submodule_search_locations[0]).rglob("*.yaml")
    models = [file for file in files if "models" in file.parts]
    return {file.stem: file for file in sorted(models, key=lambda file: -len(file.parts))}


def name_in(target: str) -> str | None:
    """The name of a network of ultralytics, shipped or not, that a target looks like; None for any other.

    Without ``.pt``, ``.yaml``, and the ``u`` after the networks of YOLOv5 and YOLOv3.
    """
    name = target.removesuffix(".pt").removesuffix(".yaml")
    if _NAME.match(name) is None or "@" in name:
        return None
    return re.sub(r"(yolov[35].*)u$", r"\1", name)


def without_scale(name: str) -> str:
    """The name of the YAML of a network, as it is in the package: ``yolov8-seg`` for ``yolov8n-seg``."""
    return _SCALED.sub(r"\1\3", name)


def yaml_of(name: str) -> Path | None:
    """The YAML of a network; None for one that is not shipped."""
    for stem in (without_scale(name), name):
        if found := shipped_yamls().get(stem):
            return found
    return None


def is_model_yaml(path: str) -> bool:
    """Whether a file looks like a model YAML of ultralytics: those of YOLOv5 have anchors."""
    try:
        if not Path(path).is_file():  # a pipe may never give anything
            return False
        with Path(path).open("rb") as file:
            content = file.read(_LARGEST)
    except OSError:
        return False
    return b"backbone" in content and b"anchors" not in content


def document_of(path: str | Path, name: str) -> dict[object, object]:
    """A model YAML as ultralytics reads it for a network of that name, whose letter after the version is the scale.

    Raises: ModelYamlError for a file that is no mapping of plain data.
    """
    from yolo_probe.yaml_file import YamlKind, read_yaml

    kind = YamlKind(
        "a model YAML of ultralytics", ModelYamlError, _REMEDY, _LARGEST, last_counts=True, ascii_alone=True
    )
    document = read_yaml(path, kind).document
    if not isinstance(document, Mapping):
        raise ModelYamlError(f"{path}: found no mapping, expected the keys nc, backbone and head", _REMEDY)
    scales, letter = document.get("scales"), _SCALED.search(name)
    chosen = {"scale": letter[2]} if letter and isinstance(scales, Mapping) and letter[2] in scales else {}
    return {**document, **chosen, "yaml_file": f"{name}.yaml"}

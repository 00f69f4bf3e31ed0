"""The model of a checkpoint or a YAML as the installed ultralytics builds it: without weights, to run and to fuse.

It is built from a checked architecture, never from data of the file itself, on the meta device, and compared with the
checkpoint's own structure. This module imports torch and ultralytics.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from importlib import import_module
from logging import CRITICAL, StreamHandler, disable
from logging import root as root_logger
from typing import Any
from warnings import catch_warnings, simplefilter

import torch
from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torch.overrides import TorchFunctionMode

from yolo_probe.errors import ModelYamlError, TraceError, reason_of, shown
from yolo_probe.hosts.subject import Rebuilt
from yolo_probe.hosts.ultralytics_architecture import TORCH_MODULES, Architecture, mismatch
from yolo_probe.live.description import tensors_in
from yolo_probe.live.live import Live, say_nothing
from yolo_probe.model.structure import Module, count_parameters, named_parameters

SPARE_MODULES = 1000
"""How many modules may be made in addition to three times those in the file: a network may be built three times."""


def rebuild(architecture: Architecture, root: Module, options: Mapping[object, object]) -> Rebuilt:
    """The model of a file as the installed ultralytics builds it.

    ``root``: its structure in the file. ``options``: those of its training.
    Raises: ModelYamlError for an architecture that the installed ultralytics does not know, TraceError where building
    or fusing fails, or where the result is not what the file has.
    """
    with _building(architecture, 3 * architecture.modules + SPARE_MODULES) as tasks:
        return _rebuilt(tasks, architecture, root, options)


def build(architecture: Architecture) -> Rebuilt:
    """The model of a YAML as the installed ultralytics builds it, and as a finished training leaves it: not trainable.

    Raises: ModelYamlError for an architecture that the installed ultralytics does not know, TraceError where building
    or fusing fails.
    """
    with _building(architecture, architecture.modules) as tasks:
        model = _build(tasks, architecture)
        built = Live(model)
        choose_head(tasks, model, built.root, {})
        trainable = Live(model).fused(grad_enabled=True)
        model.requires_grad_(False)
        stored = Live(model)
        return Rebuilt(built, stored, stored.fused(), saved_fused=False, fused_trainable=trainable)


@contextmanager
def _building(architecture: Architecture, most: int) -> Iterator[Any]:
    """The module ultralytics.nn.tasks, inside a context in which it builds at most so many modules without weights.

    Raises: as ``rebuild``; whatever the host's own code raises on data from a file is why it fails.
    """
    tasks = _tasks()
    _check_classes(architecture, tasks)
    try:
        with silent(), activation_kept(tasks), torch.device("meta"), Weightless(), at_most(most):
            yield tasks
    except (ModelYamlError, TraceError):
        raise
    except Exception as error:
        place = _place(error)
        raise TraceError(f"the installed ultralytics cannot build this network: {place}{reason_of(error)}") from error


def _place(error: Exception) -> str:
    """The row at which the builder or its first pass failed and what came in, from the error's frames; may be empty."""
    place, frame = "", error.__traceback__
    while frame is not None:
        found = frame.tb_frame.f_locals
        row, module, given = found.get("m"), found.get("self"), found.get("input")
        if frame.tb_frame.f_code.co_name == "parse_model" and isinstance(found.get("i"), int):
            name = row if isinstance(row, str) else getattr(row, "__name__", "")
            place = f"row {found['i']}, {name} with {shown(found.get('args'))}: "
        elif isinstance(row, nn.Module) and isinstance(getattr(row, "i", None), int):
            shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in tensors_in([found.get("x")]))
            place = f"row {row.i}, {type(row).__name__} on {shapes or 'no tensor'}: "
        elif isinstance(module, nn.Conv2d) and isinstance(given, torch.Tensor):
            channels = f"found {given.shape[1]} channels, expected {module.in_channels}: "
            place += channels * (given.shape[1] != module.in_channels and not place.endswith(channels))
        frame = frame.tb_next
    return place


def _rebuilt(tasks: Any, architecture: Architecture, root: Module, options: Mapping[object, object]) -> Rebuilt:
    model = _build(tasks, architecture)
    started = None
    if width := _other_width(Live(model).root, root):
        started = Live(model)
        model = _widened(tasks, architecture, width)
    choose_head(tasks, model, root, options)
    built = Live(model)
    difference = mismatch(root, built.root)
    # a file of a fused network has fewer parameters, but not by much: nothing larger is fused to compare
    alike = count_parameters(built.root) <= 4 * count_parameters(root) + 1_000_000
    saved_fused = bool(difference) and alike and not mismatch(root, built.fused().root)
    if difference and not saved_fused:
        raise TraceError(f"the installed ultralytics builds another network: {difference}")
    flags = _flags(root)
    if saved_fused:
        # a flag that fuse() itself sets says nothing of the network before
        set_by_fuse = _flags(built.fused().root)
        flags = {name: flag for name, flag in flags.items() if flag != set_by_fuse[name]}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(flags.get(name, parameter.requires_grad))
    stored = Live(model)
    return Rebuilt(built, stored, stored.fused(), saved_fused, started=started)


def _flags(root: Module) -> dict[str, bool]:
    """Whether each parameter requires a gradient, by its name."""
    return {name: tensor.requires_grad for name, tensor in named_parameters(root)}


QUIET_ENVIRONMENT = {"YOLO_OFFLINE": "true", "YOLOv5_AUTOINSTALL": "false", "YOLO_AUTOINSTALL": "false"}
"""Environment variables with which hosts neither use the internet nor install packages when they are imported."""


def imported(name: str) -> Any:
    """A module of a host, by name; what it prints while it is imported goes to stderr."""
    kept = {key: os.environ.get(key) for key in QUIET_ENVIRONMENT}
    os.environ.update(QUIET_ENVIRONMENT)
    try:
        with redirect_stdout(sys.stderr):
            return import_module(name)
    finally:
        for key, value in kept.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value


def _tasks() -> Any:
    """The module ultralytics.nn.tasks; its log goes to stdout, as where somebody else imports it."""
    if found := sys.modules.get("ultralytics.nn.tasks"):
        return found
    stdout = sys.stdout
    try:
        tasks = imported("ultralytics.nn.tasks")
    except ImportError:
        raise
    except Exception as error:  # as where torchvision was made for another torch
        raise ImportError(reason_of(error), name="torchvision" if "torchvision" in str(error) else None) from error
    for handler in tasks.LOGGER.handlers:
        if isinstance(handler, StreamHandler) and handler.stream is sys.stderr:
            handler.setStream(stdout)
    return tasks


def _check_classes(architecture: Architecture, tasks: Any) -> None:
    """Refuse an architecture with a class that is no block of the package."""
    rows: list[Sequence[Any]] = []
    for part in ("backbone", "head"):
        found = architecture.document[part]
        assert isinstance(found, list)
        rows += found
    for number, (_, _, name, _) in enumerate(rows):
        kind = getattr(tasks, name, None)
        is_block = (
            isinstance(kind, type)
            and issubclass(kind, nn.Module)
            and kind.__module__.startswith("ultralytics.nn.modules.")
        )
        if name not in TORCH_MODULES and not is_block:
            raise ModelYamlError(
                f"row {number}: found {name}, expected a block of the installed ultralytics, or a layer of torch such "
                "as nn.ReLU"
            )
    if not isinstance(getattr(tasks, architecture.model, None), type):
        raise ModelYamlError(f"the installed ultralytics has no {architecture.model}")


class Weightless(TorchFunctionMode):  # type: ignore[misc]  # torch is not read by mypy
    """Makes ``torch.tensor`` use the CPU: the builder reads values of such tensors, the strides.

    A parameter that is made of one, as the heads of YOLO-World and YOLOE do, goes to the meta device with the others.
    """

    def __enter__(self) -> Any:
        """The mode, with a hook on the parameters that modules get."""
        self._hook = register_module_parameter_registration_hook(_without_weights)
        return super().__enter__()

    def __exit__(self, *raised: Any) -> None:
        """Takes the hook away again."""
        self._hook.remove()
        super().__exit__(*raised)

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        given = dict(kwargs or {})
        if func is torch.tensor:
            given.setdefault("device", "cpu")
        return func(*args, **given)


def _without_weights(module: nn.Module, name: str, parameter: Any) -> Any:
    """What a module gets in place of a parameter that is not on the meta device; None where it is."""
    if parameter is None or parameter.is_meta:
        return None
    return nn.Parameter(parameter.to("meta"), parameter.requires_grad)


def _build(tasks: Any, architecture: Architecture, classes: int | None = None) -> nn.Module:
    """The model without weights. ``classes``: a number in place of the file's."""
    document = _copied(architecture.document)
    if classes is not None:
        document["nc"] = classes
    kind = getattr(tasks, architecture.model)
    model: nn.Module = kind.__new__(kind)
    model.__dict__["info"] = say_nothing
    kind.__init__(model, document, ch=document["channels"], verbose=False)
    del model.__dict__["info"]
    return model


@contextmanager
def silent() -> Iterator[None]:
    """Inside, hosts and counters print nothing on stdout, and no logs or warnings."""
    kept = root_logger.manager.disable
    disable(CRITICAL)
    try:
        with redirect_stdout(sys.stderr), catch_warnings():
            simplefilter("ignore")
            yield
    finally:
        disable(kept)


@contextmanager
def activation_kept(networks: Any) -> Iterator[None]:
    """Restores the default activation of ``Conv``, which a YAML changes for the whole process."""
    kept = getattr(networks.Conv, "default_act", None)
    try:
        yield
    finally:
        if kept is not None:
            networks.Conv.default_act = kept


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(each) for key, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


@contextmanager
def at_most(modules: int) -> Iterator[None]:
    """Raises ModelYamlError inside as soon as more than this many modules are put into others."""
    made = 0

    def count(*_: object) -> None:
        nonlocal made
        made += 1
        if made > modules:
            raise ModelYamlError(f"more than {modules:,} modules")

    handle = register_module_module_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


CLASS_BRANCHES = ("cv3", "one2one_cv3")
"""The branches of a head whose width depends on the number of classes."""


def _other_width(built: Module, file: Module) -> int:
    """Width of the class branches in the file, where it differs from that of the built network; else 0.

    A training from a pretrained file uses the branches of that file, whatever its own number of classes is. Source:
    ``BaseModel.load`` in ultralytics' nn/tasks.py, 8.4.
    """
    widths = [_width(root) for root in (built, file)]
    return widths[1] if 0 not in widths and widths[0] != widths[1] else 0


def _width(root: Module) -> int:
    """Number of input channels of the last convolution of the head's class branches; 0 where there is none."""
    module: Module | None = root.children.get("model")
    for step in (-1, CLASS_BRANCHES, 0, -1):
        children = module.children if module is not None else {}
        if isinstance(step, tuple):
            module = next((child for name in step if (child := children.get(name)) is not None), None)
        else:
            module = list(children.values())[step] if children else None
    weight = module.parameters.get("weight") if module is not None else None
    return weight.shape[1] if weight is not None and len(weight.shape) == 4 else 0


def _widened(tasks: Any, architecture: Architecture, width: int) -> nn.Module:
    """The model with class branches of that width, taken from a model for ``width`` classes."""
    model, source = (_build(tasks, architecture, classes) for classes in (None, width))
    for name in CLASS_BRANCHES:
        branches, others = (getattr(each.model[-1], name, None) for each in (model, source))
        if branches is None or others is None:
            continue
        others = deepcopy(others)  # as the host does, so that its activations are its own
        for branch, other in zip(branches, others, strict=True):
            other[-1] = nn.Conv2d(other[-1].in_channels, branch[-1].out_channels, 1)
        setattr(model.model[-1], name, others)
    return model


def choose_head(tasks: Any, model: Any, root: Module, options: Mapping[object, object]) -> None:
    """Select the head that the validation of a training with these options uses, where a model has two.

    Source: ultralytics' engine/validator.py, which asks for the end-to-end head where ``nms=False``; releases that
    have an option ``end2end`` ask that one.
    """
    rows = root.children.get("model")
    head = list(rows.children.values())[-1] if rows and rows.children else None
    held = {name for name, child in head.children.items() if child is not None} if head else set()
    if ("cv2" in held) != ("one2one_cv2" in held):
        asked: object = "one2one_cv2" in held  # there is only one: fuse() has removed the other, or there never was one
    elif "end2end" in tasks.DEFAULT_CFG_DICT:
        asked = options.get("end2end")
    else:
        asked = options.get("nms") is False
    if isinstance(asked, bool) and (settable := getattr(type(model), "end2end", None)) and settable.fset:
        model.end2end = asked

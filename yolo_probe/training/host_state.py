"""The state of a running training, read from the host's own objects or from the frames of its code.

Classic YOLOv5 passes its callbacks almost nothing, and has none up to v5.0; what they need are local variables of
``train()`` and ``val.run()``, further up the stack. Nothing found here is changed. Source: train.py, val.py and test.py
of YOLOv5 v1.0 to HEAD and of YOLOv7, and ultralytics' engine/trainer.py and engine/validator.py.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from torch import nn


@dataclass(frozen=True, slots=True)
class Writers:
    """The loggers of a host up to v5.0, which has no object for them."""

    tb: object
    """The writer of TensorBoard."""


@dataclass(frozen=True, slots=True)
class Running:
    """The objects and options of a running training; None or empty where one could not be found."""

    model: nn.Module | None = None
    """The model that trains, with the host's wrapper (DDP) if there is one."""
    ema: nn.Module | None = None
    """The running average of its weights, which is validated and saved."""
    parameters_held: frozenset[int] | None = None
    """Identities of the parameters in the optimizer's groups."""
    imgsz: tuple[int, int] | None = None
    """Height and width of the images in pixels."""
    scales: float = 0.0
    """The share of that size by which the images of a batch may be smaller or larger: the option ``multi_scale``."""
    is_rectangular: bool = False
    """Whether a batch has the shape of its images: the option ``rect``."""
    is_quad: bool = False
    """Whether each image is joined from four: the option ``quad``, where no batch gets another size after that."""
    freeze: object = None
    """The value of the option ``freeze``."""
    always_frozen: tuple[str, ...] = ()
    """Parts of names; the host keeps the BatchNorms with such a name in evaluation mode."""
    epoch: int | None = None
    """The current or last epoch, as the host prints it; None before the first."""
    end_to_end: bool | None = None
    """Whether the host will switch the head of the best model to end-to-end results; None if it does not switch it."""
    evolves: bool = False
    """Whether it is one of the trainings of ``--evolve``."""
    resumes: bool = False
    """Whether it goes on with a training that was interrupted."""
    weights: str = ""
    """The file from which its weights come, as the option names it; empty where there is none."""
    save_dir: Path | None = None
    loggers: object | None = None
    """The host's own object for loggers: ``Loggers`` of classic YOLOv5, the trainer of ultralytics."""


def classic() -> Running:
    """The training of classic YOLOv5 that this thread's stack is in; all None if it is in none."""
    frame = next((each for each in _frames() if each.f_code.co_name == "train" and _options(each) is not None), None)
    if frame is None:
        return Running()
    names, options = frame.f_locals, _options(frame)
    scales = _scales(getattr(options, "multi_scale", None))
    is_quad = bool(getattr(options, "quad", False)) and not scales
    size = _size(names.get("imgsz", getattr(options, "imgsz", None)))
    average, writer = names.get("ema"), names.get("tb_writer", frame.f_globals.get("tb_writer"))
    return Running(
        model=_module(names.get("model")),
        ema=_module(getattr(average, "ema", None)),
        parameters_held=held_by(names.get("optimizer")),
        imgsz=(2 * size[0], 2 * size[1]) if size and is_quad else size,
        scales=scales,
        is_rectangular=bool(getattr(options, "rect", False)),
        is_quad=is_quad,
        freeze=_freeze(options),
        epoch=names.get("epoch"),
        evolves=bool(getattr(options, "evolve", False)),
        resumes=bool(getattr(options, "resume", False)),
        weights=_weights(getattr(options, "weights", None)),
        save_dir=_folder(names.get("save_dir", names.get("log_dir", getattr(writer, "log_dir", None)))),
        loggers=names.get("loggers", names.get("logger")) if writer is None else Writers(writer),
    )


def _options(frame: FrameType) -> object | None:
    """The options of a classic ``train()``: a variable of the function, in v1.0 of its script."""
    options: object = frame.f_globals.get("opt")
    return frame.f_locals.get("opt", options if isinstance(options, Namespace) else None)


def loop_epoch() -> int | None:
    """The innermost variable ``epoch`` of the functions that this is called from; None where there is none."""
    epochs = (frame.f_locals.get("epoch") for frame in _frames())
    return next((each for each in epochs if type(each) is int and each >= 0), None)


def starts_itself() -> bool:
    """Whether the training that the stack is in fires ``on_train_start``; v6.0 and v6.1 do not."""
    return any(f.f_code.co_name == "train" and "on_train_start" in f.f_code.co_consts for f in _frames())


def validated() -> nn.Module | None:
    """The model that this thread's stack validates for its training; None outside a validation, or in one of a file.

    A validator of ultralytics is called with the trainer, val.run() of YOLOv5 with the model; what either loads itself
    may be any network.
    """
    for frame in _frames():
        if frame.f_code.co_name in ("run", "__call__"):
            names = frame.f_locals
            if "model" in names and ("dataloader" in names or "trainer" in names):
                trains = names.get("trainer") is not None if "trainer" in names else names.get("training", True)
                return _module(names["model"]) if trains else None
    return None


def fusing() -> bool:
    """Whether this is called by a ``fuse()``, at most 12 frames up."""
    return any(frame.f_code.co_name == "fuse" for frame, _ in zip(_frames(), range(12), strict=False))


def of_trainer(trainer: Any) -> Running:
    """The state of the training of an ultralytics trainer."""
    args = trainer.args
    classifies = getattr(args, "task", None) == "classify"  # which has neither option
    return Running(
        model=_module(getattr(trainer, "model", None)),
        ema=_module(getattr(getattr(trainer, "ema", None), "ema", None)),
        parameters_held=held_by(getattr(trainer, "optimizer", None)),
        imgsz=_size(getattr(args, "imgsz", None)),
        scales=0.0 if classifies else _scales(getattr(args, "multi_scale", None)),
        is_rectangular=not classifies and bool(getattr(args, "rect", False)),
        freeze=_freeze(args),
        always_frozen=tuple(getattr(trainer, "freeze_layer_names", ())),
        epoch=None if (epoch := getattr(trainer, "epoch", None)) is None else epoch + 1,  # it prints 1/2, then 2/2
        end_to_end=getattr(args, "nms", None) is False,
        resumes=bool(getattr(args, "resume", False)),
        weights=_weights(getattr(args, "pretrained", None)) or _weights(getattr(args, "model", None)),
        save_dir=_folder(getattr(trainer, "save_dir", None)),
        loggers=trainer,
    )


def listeners() -> Iterator[object]:
    """The callbacks registered for the training that this thread's stack is in."""
    for frame in _frames():
        names = frame.f_locals
        table = getattr(names.get("callbacks"), "_callbacks", None)
        if isinstance(table, Mapping):
            yield from (action.get("callback") for actions in table.values() for action in actions)
        table = getattr(names.get("self"), "callbacks", None)
        if isinstance(table, Mapping):
            yield from (function for functions in table.values() for function in functions)


def _frames() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _module(value: object) -> nn.Module | None:
    return value if isinstance(value, nn.Module) else None


def held_by(optimizer: Any) -> frozenset[int] | None:
    """Identities of the parameters in the groups of an optimizer; None for what is none."""
    groups = getattr(optimizer, "param_groups", None)
    if not isinstance(groups, Sequence):
        return None
    return frozenset(
        id(parameter) for group in groups if isinstance(group, Mapping) for parameter in group.get("params", ())
    )


def _size(value: object) -> tuple[int, int] | None:
    if isinstance(value, int):
        return value, value
    if isinstance(value, Sequence) and value and all(isinstance(side, int) for side in value):
        return value[0], value[-1]
    return None


def _freeze(options: object) -> object:
    """The value of the option ``freeze``; nothing is frozen by it where it is not set, or the host has none."""
    value: object = getattr(options, "freeze", None)
    return () if value is None else value


def _scales(value: object) -> float:
    """The option ``multi_scale``: a half where it is only switched on, as before ultralytics 8.4."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.5 if value else 0.0
    return float(value)


def _weights(value: object) -> str:
    """The path of a checkpoint; empty for anything else, as a YAML or the name of no file."""
    return str(value) if isinstance(value, str | Path) and str(value).endswith((".pt", ".pth")) else ""


def _folder(value: object) -> Path | None:
    return Path(value) if isinstance(value, str | Path) else None

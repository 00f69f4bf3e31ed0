"""``model_info`` in the place of the host's: the same call, the same line, the same result, without running the model.

Each generation of YOLOv5, and ultralytics, has a ``model_info`` of its own; which one a call is about is read off the
function that stands in the host's module: its parameters, and the words that it prints.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
from torch import nn

from yolo_probe.errors import TraceError
from yolo_probe.installed import installed_thop
from yolo_probe.live import Live, unwrapped
from yolo_probe.render.tables import parameter_table
from yolo_probe.report import choose_counter
from yolo_probe.structure import Shape, Tensor
from yolo_probe.summary import FORMS, HostLine, LineForm, host_line
from yolo_probe.trace import Trace

HOME = "utils.torch_utils"
"""Where every host defines its ``model_info``; other modules import the name."""


def model_info(model: nn.Module, *args: Any, **kwargs: Any) -> tuple[int, int, int, float] | None:
    """Print the summary line that the model's own host prints; returns what that host returns.

    Takes every generation's call: ``(model, verbose, img_size)``, ``(model, verbose, imgsz)`` or
    ``(model, detailed=, verbose=, imgsz=)``. A model of no host is told as YOLOv5 HEAD tells it.
    """
    return _print_info(_host_function(model), model, args, kwargs)


@dataclass(frozen=True, slots=True)
class Told:
    """A line that the drop-in has just printed in a host's place."""

    model: nn.Module
    live: Live
    line: HostLine
    form: LineForm
    stride: int
    """The largest of the model, in pixels."""
    logger: logging.Logger
    host: str
    """Name of the module that defines the host's own ``model_info``."""


def install(watch: Callable[[Told], None] | None = None) -> None:
    """Put the drop-in in the place of ``model_info`` in every module of a host that is imported.

    ``watch``: is told of every line after it is printed.
    """
    for module, function in list(_bindings()):
        module.model_info = _replacement(_original(function), watch)


def uninstall() -> None:
    """Put every host's own ``model_info`` back."""
    for module, function in list(_bindings()):
        module.model_info = _original(function)


def _bindings() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Modules in which the name ``model_info`` is a host's function, or the drop-in for it."""
    for module in list(sys.modules.values()):
        function = getattr(module, "__dict__", {}).get("model_info")
        if inspect.isfunction(function) and _original(function).__module__.endswith(HOME):
            yield module, function


def _original(function: Callable[..., Any]) -> Callable[..., Any]:
    return getattr(function, "_yolo_probe_replaces", function)


def _replacement(original: Callable[..., Any], watch: Callable[[Told], None] | None) -> Callable[..., Any]:
    @wraps(original)
    def replacement(model: nn.Module, *args: Any, **kwargs: Any) -> Any:
        try:
            return _print_info(original, model, args, kwargs, watch)
        except Exception as error:  # a fault of ours must not stop a training
            _logger(original).warning(f"yolo-probe: model_info failed ({type(error).__name__}: {error})")
            return original(model, *args, **kwargs)

    replacement._yolo_probe_replaces = original  # type: ignore[attr-defined]
    return replacement


def _host_function(model: nn.Module) -> Callable[..., Any] | None:
    """The host's own ``model_info``, as the module that defines the model's class sees it."""
    for kind in type(unwrapped(model)).__mro__:
        function = getattr(sys.modules.get(kind.__module__), "model_info", None)
        if inspect.isfunction(function) and function is not model_info:
            return _original(function)
    return None


def _print_info(
    host: Callable[..., Any] | None, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any],
    watch: Callable[[Told], None] | None = None,
) -> tuple[int, int, int, float] | None:  # fmt: skip
    given = inspect.signature(host or _as_head).bind(model, *args, **kwargs)
    given.apply_defaults()
    asked = given.arguments
    form = _form(host) if host else FORMS["head"]
    if "detailed" in asked and not asked["verbose"]:
        return None
    logger = _logger(host)
    live = Live(model)
    if asked["detailed"] if "detailed" in asked else asked["verbose"]:
        _print_table(live, form, logger)
    imgsz = asked.get("imgsz", asked.get("img_size", 640))
    height, width = imgsz if isinstance(imgsz, list | tuple) else (imgsz, imgsz)
    stride = _stride(unwrapped(model) if form.proxies else model)
    line = host_line(
        live.root,
        form,
        choose_counter(None, installed_thop()).convention,
        stride,
        (int(height), int(width)),
        built=True,
        run=_runner(live, model, form),
        fused=bool(getattr(model, "is_fused", bool)()),
    )
    logger.info(line.text)
    if line.missing:
        logger.info(f"  No GFLOPs: {line.missing}.")
    if watch is not None:
        watch(Told(model, live, line, form, stride, logger, host.__module__ if host else ""))
    if "detailed" not in asked:
        return None
    totals = line.totals
    return form.layer_count(totals.layers), totals.parameters, totals.gradients, line.gflops or 0.0


def _stride(model: nn.Module) -> int:
    stride = getattr(model, "stride", None)
    return 32 if stride is None else int(torch.as_tensor(stride).max())


def _as_head(model: nn.Module, detailed: bool = False, verbose: bool = True, imgsz: object = 640) -> None:
    """The call of a model that belongs to no host."""


def _form(host: Callable[..., Any]) -> LineForm:
    """The form of a host's line, by the parameters and the words of its own function."""
    if "detailed" in inspect.signature(host).parameters:
        return FORMS["head"]
    constants = host.__code__.co_consts
    words = " ".join(constant for constant in constants if isinstance(constant, str))
    return LineForm(
        "modules",
        named_after="" if "Model Summary" in words else "yolov5",
        unit="GFLOPS" if "GFLOPS" in words else "GFLOPs",
        channels="yaml" if "ch" in constants else "first parameter",
    )


def _logger(host: Callable[..., Any] | None) -> logging.Logger:
    names = host.__globals__ if host else {}
    found = names.get("LOGGER") or names.get("logger")
    return found if isinstance(found, logging.Logger) else logging.getLogger("yolo_probe")


def _runner(live: Live, model: nn.Module, form: LineForm) -> Callable[[Shape], Trace]:
    """The forward pass as this host's counting run would make it."""
    first = next(model.parameters(), None)
    if form.proxies or first is None or first.dtype == torch.float32:
        return live.trace

    def refuse(image: Shape) -> Trace:
        raise TraceError(f"the first layer: a float32 image into a {str(first.dtype).removeprefix('torch.')} model")

    return refuse


def _print_table(live: Live, form: LineForm, logger: logging.Logger) -> None:
    def statistics(tensor: Tensor) -> tuple[str, str]:
        values = live.value_of(tensor).detach()
        if not values.is_floating_point():
            return "-", "-"
        return f"{values.mean():.3g}", f"{values.std():.3g}"

    for line in parameter_table(live.root, form, statistics):
        if form.proxies:
            logger.info(line)
        else:
            print(line)  # noqa: T201  # as classic YOLOv5 does

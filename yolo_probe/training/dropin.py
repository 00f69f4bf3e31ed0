"""``model_info`` in the place of the host's: the same call, the same line, the same result, without running the model.

Each generation of YOLOv5, and ultralytics, has a ``model_info`` of its own; which one a call is about is read off the
function that stands in the host's module: its parameters, and the words that it prints.
"""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, wraps
from types import ModuleType
from typing import Any, Protocol, cast

import torch
from torch import nn

from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import Convention, choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import RulesError, TraceError, reason_of
from yolo_probe.hosts.host import ULTRALYTICS
from yolo_probe.hosts.images import image_channels
from yolo_probe.hosts.summary_line import FORMS, HostLine, LineForm, host_line
from yolo_probe.live.applied_rules import CustomOps
from yolo_probe.live.live import Live, network_of, unwrapped
from yolo_probe.live.real_copy import copy_fault, uncollected
from yolo_probe.model.structure import Module, Shape, Tensor
from yolo_probe.model.trace import Trace
from yolo_probe.model.user_rules import CountingRule
from yolo_probe.render.host_tables import parameter_table
from yolo_probe.render.verification import verification_line
from yolo_probe.reports.verify import verify_model
from yolo_probe.training.import_hook import HOME, expect, expect_nothing

NAMED = 5
"""Uncounted operators that a remark names."""


def model_info(
    model: nn.Module,
    *args: Any,
    custom_ops: Mapping[type, CountingRule] | None = None,
    verify: bool = False,
    **kwargs: Any,
) -> tuple[int, int, int, float] | None:
    """Print the summary line that the model's own host prints; returns what that host returns.

    Takes every generation's call: ``(model, verbose, img_size)``, ``(model, verbose, imgsz)`` or
    ``(model, detailed=, verbose=, imgsz=)``; ``model`` is any ``nn.Module``, or a ``YOLO`` of ultralytics. A model of
    no host is told as YOLOv5 HEAD tells it, on stdout where nothing listens to the log. ``custom_ops`` are the counting
    rules that ``thop.profile`` takes under this name; where one fails or leaves no whole number, a warning says which,
    and the line is the host's own, without them. ``verify`` runs the real thop and the real ``fuse()`` on copies, and a
    further line says whether both agree.
    Raises: TargetError for what is no model.
    """
    model = network_of(model, "model_info")
    beside = _Beside(custom_ops=custom_ops or {}, verify=verify)
    host = _host_function(model)
    with uncollected():
        try:
            return _print_info(host, model, args, kwargs, beside)
        except RulesError as error:  # before anything is printed: whoever has rules sees no less than the host's line
            return _print_info(host, model, args, kwargs, replace(beside, custom_ops={}, refused=str(error)))


@dataclass(frozen=True, slots=True)
class Told:
    """A line that the drop-in has just printed in a host's place."""

    model: nn.Module
    live: Live
    line: HostLine
    form: LineForm
    stride: int
    """The largest of the model, in pixels."""
    logger: Logger
    host: str
    """Name of the module that defines the host's own ``model_info``."""


@dataclass(frozen=True, slots=True)
class _Beside:
    """What a call asks for that no host knows of."""

    watch: Callable[[Told], None] | None = None
    custom_ops: Mapping[type, CountingRule] = field(default_factory=dict)
    verify: bool = False
    refused: str = ""
    """Why the user's rules are left out."""


def install(watch: Callable[[Told], None] | None = None) -> None:
    """Put the drop-in in the place of ``model_info`` in every module of a host, also of a host imported later.

    ``watch``: is told of every line after it is printed.
    """

    def replace_names(_: ModuleType) -> None:
        for module, function in list(_bindings()):
            module.model_info = _replacement(_original(function), watch)

    expect(HOME, replace_names)


def uninstall() -> None:
    """Put every host's own ``model_info`` back."""
    expect_nothing(HOME)
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
            with uncollected():
                return _print_info(original, model, args, kwargs, _Beside(watch))
        except Exception as error:  # a fault of ours must not stop a training
            _logger(original).warning(f"yolo-probe: model_info failed ({reason_of(error)})")
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
    beside: _Beside,
) -> tuple[int, int, int, float] | None:  # fmt: skip
    asked = _arguments(host or _as_head, model, args, kwargs)
    form = _form(host) if host else FORMS["head"]
    if type(unwrapped(model)).__module__.startswith("ultralytics."):
        form = replace(form, host=ULTRALYTICS)
    if "detailed" in asked and not asked["verbose"]:
        return None
    logger = _logger(host)
    convention = choose_counter(None, installed_thop()).convention
    custom_ops = CustomOps(beside.custom_ops, convention.subclasses) if beside.custom_ops else None
    if custom_ops and any(custom_ops.rule_for(type(module)) for module in model.modules()):
        form = replace(form, samples=4)
    live = Live(model, custom_ops, elementwise=False)
    imgsz = asked.get("imgsz", asked.get("img_size", 640))
    height, width = imgsz if isinstance(imgsz, list | tuple) else (imgsz, imgsz)
    stride = _stride(unwrapped(model) if form.proxies else model)
    root = live.root
    if inside := root.children.get("_orig_mod"):  # a compiled model answers for the one inside
        root = Module(root.class_path, {**inside.attributes, **root.attributes}, children=root.children)
    line = host_line(
        root,
        form,
        convention,
        stride,
        (int(height), int(width)),
        built=True,
        run=_runner(live, model, form, imgsz),
        fused=live.is_fused,
        totals=live.totals,
    )
    remarks = tuple(_remarks(line, convention, _flops(live, line, convention)))
    if asked["detailed"] if "detailed" in asked else asked["verbose"]:
        _print_table(live, form, logger)
    logger.info(line.text or line.counts)
    for remark in remarks:
        logger.info(f"  {remark}.")
    if beside.refused:
        logger.warning(f"  {beside.refused}. This line is without your rules, as the host itself prints it.")
    if beside.verify:
        image = (1, image_channels(live.root), *line.size)
        found = verify_model(model, image, form=form, custom_ops=beside.custom_ops)
        logger.info(f"  {verification_line(found)}")
    if beside.watch is not None:
        beside.watch(Told(model, live, line, form, stride, logger, host.__module__ if host else ""))
    if "detailed" not in asked:
        return None
    totals = line.totals
    return form.layer_count(totals.layers), totals.parameters, totals.gradients, line.gflops or 0.0


def _stride(model: nn.Module) -> int:
    stride = getattr(model, "stride", None)
    return 32 if stride is None else int(max(torch.as_tensor(stride).flatten().tolist()))


def _remarks(line: HostLine, convention: Convention, flops: int | None) -> Iterator[str]:
    """What a reader of the line must know beside it: why it has no figure, or what the figure leaves out."""
    if line.missing:
        counted = "" if flops is None else f". Counted by yolo-probe: {flops / 1e9:.1f} GFLOPs"
        yield f"No GFLOPs: {line.missing}{counted}"
    if line.executed:
        yield f"A copy of the model was run on zeros, as its shapes depend on values ({line.executed})"
    if line.uncounted:
        named = [f"{each.operator} at {each.path or 'the model'} ({each.values:,} values)" for each in line.uncounted]
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        height, width = line.uncounted_size
        yield f"Not counted by {convention.title}, at {height}x{width}: {', '.join(named[:NAMED])}{more}"


def _flops(live: Live, line: HostLine, convention: Convention) -> int | None:
    """Direct count at the line's size, where the host has none; None where that fails too."""
    if not line.missing:
        return None
    try:
        run = live.trace((1, image_channels(live.root), *line.size))
    except TraceError:
        return None
    return charge(run.records, convention).flops


def _as_head(model: nn.Module, detailed: bool = False, verbose: bool = True, imgsz: object = 640) -> None:
    """The call of a model that belongs to no host."""


def _arguments(
    host: Callable[..., Any], model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """What a call asks of a host's function, by its parameters' names; ``Signature.bind`` would be slow.

    Raises: TypeError for what it does not take, as it would.
    """
    defaults = _defaults(host)
    if len(args) >= len(defaults) or kwargs.keys() - list(defaults)[len(args) + 1 :]:
        inspect.signature(host).bind(model, *args, **kwargs)  # says what is wrong
    return {**defaults, **dict(zip(defaults, (model, *args), strict=False)), **kwargs}


@lru_cache(maxsize=16)
def _defaults(host: Callable[..., Any]) -> dict[str, Any]:
    """Parameters of a host's function, and the value of each where none is given."""
    return {name: each.default for name, each in inspect.signature(host).parameters.items()}


@lru_cache(maxsize=16)
def _form(host: Callable[..., Any]) -> LineForm:
    """The form of a host's line, by the parameters and the words of its own function."""
    if "detailed" in _defaults(host):
        return FORMS["head"]
    constants = host.__code__.co_consts
    words = " ".join(constant for constant in constants if isinstance(constant, str))
    return LineForm(
        "modules",
        named_after="" if "Model Summary" in words else "yolov5",
        unit="GFLOPS" if "GFLOPS" in words else "GFLOPs",
        channels="yaml" if "ch" in constants else "first parameter",
    )


class Logger(Protocol):
    """What a host's lines go through: usually a ``logging.Logger``, but some write to one of their own."""

    def info(self, message: str, /) -> object:
        """Say something."""

    def warning(self, message: str, /) -> object:
        """Say what is not as it should be."""


class _Terminal:
    """In the place of a log to which nothing listens."""

    def info(self, message: str, /) -> None:
        print(message)  # noqa: T201  # the line was asked for

    def warning(self, message: str, /) -> None:
        print(message, file=sys.stderr)  # noqa: T201


def _logger(host: Callable[..., Any] | None) -> Logger:
    names = host.__globals__ if host else {}
    found = names.get("LOGGER") or names.get("logger")
    if callable(getattr(found, "info", None)) and callable(getattr(found, "warning", None)):
        return cast(Logger, found)
    own = logging.getLogger("yolo_probe")
    return own if own.hasHandlers() else _Terminal()


def _runner(live: Live, model: nn.Module, form: LineForm, imgsz: object) -> Callable[[Shape], Trace]:
    """The forward pass as this host's counting run would make it."""
    if form.proxies or not (fault := _counting_fault(model, imgsz)):
        return live.trace

    def refuse(image: Shape) -> Trace:
        raise TraceError(fault)

    return refuse


def _counting_fault(model: nn.Module, imgsz: object) -> str:
    """Why a classic host, which copies the model and feeds the copy a float32 image, gets no figure; or empty."""
    if isinstance(imgsz, tuple):
        return f"the size {imgsz}, a tuple: it takes a number or a list"
    first = next(model.parameters(), None)
    if first is not None and first.dtype != torch.float32:
        return f"the first layer: a float32 image into a {str(first.dtype).removeprefix('torch.')} model"
    return copy_fault(model)


def _print_table(live: Live, form: LineForm, logger: Logger) -> None:
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

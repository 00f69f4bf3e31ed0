"""The drop-in, a ``model_info`` that replaces the host's: same call, same line, same result, without running the model.

Each generation of YOLOv5, and ultralytics, has its own ``model_info``. Which one to follow is found from the function
in the host's module: from its parameters, and from the words that it prints.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache, wraps
from types import ModuleType
from typing import Any, get_args

import torch
from torch import nn

from yolo_probe.counters.charges import Charges, Uncounted, charge
from yolo_probe.counters.conventions import Convention, choose_counter
from yolo_probe.environment import has_thop, installed_thop
from yolo_probe.errors import RulesError, TraceError, UnknownModuleError, reason_of, shown
from yolo_probe.hosts.host import ULTRALYTICS, YOLOV5, Host
from yolo_probe.hosts.images import Size, fitting_image, image_channels
from yolo_probe.hosts.known_functions import KnownFunction, known_function
from yolo_probe.hosts.summary_line import FORMS, HostLine, LayerDefinition, LineForm, MissingGflops, host_line
from yolo_probe.language import language_of_log, translated
from yolo_probe.live.applied_rules import CustomOps
from yolo_probe.live.live import Live, is_compiled, network_of, unwrapped
from yolo_probe.live.real_copy import copy_fault, uncollected
from yolo_probe.model.structure import Module, Shape, Tensor, packed_weights
from yolo_probe.model.trace import Trace
from yolo_probe.model.user_rules import CountingRule
from yolo_probe.render.common import first_of, packed_words
from yolo_probe.render.host_tables import parameter_table
from yolo_probe.render.stride_scaling import scaled_words
from yolo_probe.render.verification import verification_line
from yolo_probe.reports.stride_scaling import Scaled, scaled_line
from yolo_probe.reports.verify import verify_model
from yolo_probe.training.host_call import HostCall, HostFailedError, call_host
from yolo_probe.training.host_log import Logger, log_of
from yolo_probe.training.import_hook import HOME, expect, expect_nothing
from yolo_probe.training.left_to_host import (
    count_of_its_own,
    counted_module,
    is_size,
    line_of_its_own,
    size_asked,
    types_of,
)

MAX_NAMED_OPERATORS = 5
"""Number of uncounted operators that a remark names; the others are a number."""


def model_info(
    model: nn.Module,
    *args: Any,
    custom_ops: Mapping[type, CountingRule] | None = None,
    verify: bool = False,
    **kwargs: Any,
) -> tuple[int, int, int, float] | None:
    """Layers, parameters, gradients and GFLOPs of a model, after printing them as its own host's ``model_info`` does.

    ``model`` is any ``nn.Module``, or a ``YOLO`` of ultralytics; one of no host gets the line of YOLOv5 HEAD. The other
    arguments are those of the host's own function: ``(verbose, img_size)``, ``(verbose, imgsz)`` or ``(detailed,
    verbose, imgsz)``; sizes are in pixels, 640 by default. The line goes to the host's log; for a model of no host to
    the log ``yolo_probe``, or to standard output if that has no handlers. ``custom_ops`` maps classes to counting
    rules, as ``thop.profile`` takes them; if a rule fails, a warning names it and the line is printed without any. With
    ``verify`` the real thop and ``fuse()`` are run on copies of the model, and one more line says whether they agree.

    Unit: GFLOPs is a float, 0.0 where the host prints none; the other three are integers. None is returned where the
    host's function returns it: always up to YOLOv5 v7.0, with ``verbose=False`` later.
    Raises: TargetError where the model is not an ``nn.Module``, TypeError for arguments that the host does not take.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        >>> layers, parameters, gradients, gflops = model_info(model, imgsz=64)
        >>> layers, parameters == 8 * 3 * 3 * 3 + 2 * 8, gradients == parameters
        (2, True, True)
    """
    model = network_of(model, "model_info")
    extras = _Extras(custom_ops=custom_ops or {}, verify=verify)
    host = _host_function(model)
    with uncollected():
        try:
            return _print_info(host, model, args, kwargs, extras)
        except HostFailedError as error:
            raise error.raised from None
        except RulesError as error:  # before anything is printed: whoever has rules sees no less than the host's line
            return _print_info(host, model, args, kwargs, replace(extras, custom_ops={}, refused=str(error)))


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A summary line that the drop-in has just printed instead of a host."""

    model: nn.Module
    live: Live
    line: HostLine
    form: LineForm
    stride: int
    """The largest stride of the model, in pixels; 32 where it has none that hosts can read."""
    logger: Logger
    host: str
    """Name of the module that defines the host's own ``model_info``."""
    form_known: bool
    """Whether ``form`` is known, not guessed from the line."""


def printed(model: nn.Module, size: Size, watch: Callable[[PrintedLine], None]) -> None:
    """Print the line of a model for an image of that size, as ``model_info`` does, and call ``watch`` with it.

    Raises: whatever the host's own function raises where that must run.
    """
    host = _host_function(model)
    key = next((name for name in ("imgsz", "img_size") if name in _defaults(host or _as_head)), None)
    with uncollected():
        _print_info(host, model, (), {key: list(size)} if key else {}, _Extras(watch))


def unprinted(model: nn.Module) -> PrintedLine:
    """The line of a model that its host has not printed, or printed before anybody listened."""
    host = _host_function(model)
    known = known_function(host) if host else _HEAD
    return _told(_counted(model, host, _form_of(model, host, known or _HEAD), {}, _Extras()), log_of(host), host)


def _told(counted: _Counted, logger: Logger, host: Callable[..., Any] | None) -> PrintedLine:
    """A line as whoever watches gets it. ``host``: the host's own function; None for a model of no host."""
    return PrintedLine(
        counted.model, counted.live, counted.line, counted.form, counted.stride or 32, logger,
        host=host.__module__ if host else "",
        form_known=host is None or known_function(host) is not None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Extras:
    """Options of a call that no host's function has."""

    watch: Callable[[PrintedLine], None] | None = None
    custom_ops: Mapping[type, CountingRule] = field(default_factory=dict)
    verify: bool = False
    refused: str = ""
    """Why the user's rules are not used."""


def install(watch: Callable[[PrintedLine], None] | None = None) -> None:
    """Replace ``model_info`` by the drop-in in every module of YOLOv5 and ultralytics, also if they are imported later.

    ``watch`` is called with every line after it is printed. A second call replaces the first. If the drop-in fails, a
    warning says why and the host's own function runs.

    Example:
        >>> install()  # YOLOv5 and ultralytics print their line as before, without running the model
        >>> uninstall()
    """

    def replace_names(_: ModuleType) -> None:
        for module, function in list(_bindings()):
            module.model_info = _replacement(_original(function), watch)

    expect(HOME, replace_names)


def uninstall() -> None:
    """Put every host's own ``model_info`` back; without ``install()`` this changes nothing.

    Example:
        >>> install()
        >>> uninstall()  # YOLOv5 and ultralytics run their own functions once more
    """
    expect_nothing(HOME)
    for module, function in list(_bindings()):
        module.model_info = _original(function)


def _bindings() -> Iterator[tuple[Any, Callable[..., Any]]]:
    """Each module in which the name ``model_info`` is a host's function or its drop-in, with that function."""
    for module in list(sys.modules.values()):
        function = getattr(module, "__dict__", {}).get("model_info")
        if inspect.isfunction(function) and _original(function).__module__.endswith(HOME):
            yield module, function


def _original(function: Callable[..., Any]) -> Callable[..., Any]:
    return getattr(function, "_yolo_probe_replaces", function)


def _replacement(original: Callable[..., Any], watch: Callable[[PrintedLine], None] | None) -> Callable[..., Any]:
    @wraps(original)
    def replacement(model: nn.Module, *args: Any, **kwargs: Any) -> Any:
        try:
            with uncollected():
                return _print_info(original, model, args, kwargs, _Extras(watch))
        except HostFailedError as error:
            raise error.raised from None  # as if the host alone had been called
        except Exception as error:  # a fault of ours must not stop a training
            result = original(model, *args, **kwargs)  # first: what it raises too is no fault of ours
            _warn(log_of(original), f"model_info failed ({reason_of(error)})")
            return result

    replacement._yolo_probe_replaces = original  # type: ignore[attr-defined]
    return replacement


def _host_function(model: nn.Module) -> Callable[..., Any] | None:
    """The host's own ``model_info``, from the module that defines the model's class; None for a model of no host.

    That module has the function by its name; in YOLOv5 v1.0 and v2.0 it has the module ``torch_utils``. Other modules
    of a host's package, as that of ultralytics' ``SAM``, have neither: there the function is where the host defines it.
    """
    for kind in type(unwrapped(model)).__mro__:
        for place in _places_of(kind.__module__):
            function = getattr(place, "model_info", None)
            if inspect.isfunction(function) and _original(function).__module__.endswith(HOME):
                return _original(function)
    return None


def _places_of(module: str) -> Iterator[object]:
    """Where the function of a class's host may be, nearest first; ``module``: of the class."""
    home = sys.modules.get(module)
    yield home
    yield getattr(home, "torch_utils", None)
    yield _home_of(module)


def _home_of(module: str) -> ModuleType | None:
    """The module in which the host's package that has this module defines its ``model_info``."""
    for name, home in list(sys.modules.items()):
        if name.endswith(HOME):
            package = name.removesuffix(HOME).removesuffix("yolo.")  # ultralytics.yolo. to 8.0.135
            if module.startswith(package or "models."):
                return home
    return None


def _print_info(
    host: Callable[..., Any] | None, model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any],
    extras: _Extras,
) -> tuple[int, int, int, float] | None:  # fmt: skip
    asked = _arguments(host or _as_head, model, args, kwargs)
    known = known_function(host) if host else _HEAD
    if known and "detailed" in asked and not asked["verbose"]:
        return None
    table = bool(asked["detailed"] if "detailed" in asked else asked.get("verbose"))
    form = _form_of(model, host, known) if known else None
    reason = line_of_its_own(model, form, asked) if host else ""
    if host and (reason or known is None or (table and not known.table)):
        printed_by_host = call_host(host, model, *args, **kwargs)
        return _explain_own(host, model, printed_by_host, known, {} if reason else asked, extras, reason)
    assert form is not None
    if not is_size(size := size_asked(asked)):
        raise TypeError(f"model_info: found the size {shown(size)}, expected a number of pixels, or two")
    logger = log_of(host)
    counted = _counted(model, host, form, asked, extras)
    own = None
    if host and counted.line.text is None:
        own = call_host(host, model, *args, **kwargs)
    else:
        if table:
            _print_table(counted.live, form, logger)
        logger.info(counted.line.text or counted.line.counts)
    with _guarded(logger):
        for remark in _remarks(counted, own):
            logger.info(_remark(f"{remark}."))
        _finish(counted, own, logger, host, extras)
    if own is not None:
        return own.result
    if "detailed" not in asked:
        return None
    totals = counted.line.totals
    return form.layer_count(totals.layers), totals.parameters, totals.gradients, counted.line.gflops or 0.0


_HEAD = KnownFunction(FORMS["head"], True)
"""What a model of no host is printed as."""


def _form_of(model: nn.Module, host: Callable[..., Any] | None, known: KnownFunction) -> LineForm:
    """The form of a known line, with its host."""
    return replace(known.form, host=_named_host(model, host))


def _named_host(model: nn.Module, function: Callable[..., Any] | None) -> Host:
    """The host of a line: that of the model, as YOLOv5 HEAD has the function of ultralytics, else of the function."""
    home = type(unwrapped(model)).__module__
    if function is not None and _host_function(model) is None:
        home = function.__module__
    return ULTRALYTICS if home.startswith("ultralytics.") else YOLOV5


@dataclass(frozen=True, slots=True)
class _Counted:
    """A model's line, and what it was made from."""

    model: nn.Module
    live: Live
    form: LineForm
    convention: Convention
    stride: int | None
    line: HostLine


def _counted(
    model: nn.Module, host: Callable[..., Any] | None, form: LineForm, asked: Mapping[str, Any], extras: _Extras
) -> _Counted:
    """The line of that form for a model, computed. ``host``: the function that prints it; None for a model of no host.

    What such a function takes for granted of a model is not asked of a model of no host.
    """
    convention = choose_counter(None, installed_thop()).convention
    custom_ops = CustomOps(extras.custom_ops, convention.subclasses) if extras.custom_ops else None
    if custom_ops and any(custom_ops.rule_for(type(module)) for module in model.modules()):
        form = replace(form, samples=4)
    live = Live(model, custom_ops, elementwise=False)
    imgsz = size_asked(asked)
    height, width = imgsz if isinstance(imgsz, list | tuple) else (imgsz, imgsz)
    stride = _stride(counted_module(model, form))
    if stride is None and host is None:
        stride = 32
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
        run=_runner(live, model, form, convention, imgsz) if host else live.trace,
        fused=form.marks_fused and live.is_fused,
        totals=live.totals,
    )
    return _Counted(model, live, form, convention, stride, line)


def _explain_own(
    host: Callable[..., Any], model: nn.Module, own: HostCall, known: KnownFunction | None, asked: Mapping[str, Any],
    extras: _Extras, reason: str = "",
) -> tuple[int, int, int, float] | None:  # fmt: skip
    """Explain a line that the host itself has printed: what its numbers are, by our own count.

    ``reason``: why it was left to the host, if its function is known.
    """
    logger = log_of(host)
    with _guarded(logger):
        form = _form_of(model, host, known) if known else _guessed_form(model, host, own)
        counted = _counted(model, host, form, asked, extras)
        if reason and own.line:
            logger.info(_remark(f"The line above is the host's own: {reason}."))
        elif known is None and own.line:
            for remark in _explanation(counted):
                logger.info(_remark(f"{remark}."))
        _finish(counted, own, logger, host, extras)
    return own.result


def _remark(text: str) -> str:
    """A remark below the line, in the language of the environment."""
    return f"  {translated(text, language_of_log())}"


def _warn(logger: Logger, text: str) -> None:
    logger.warning(f"yolo-probe: {translated(text, language_of_log())}")


@contextmanager
def _guarded(logger: Logger) -> Iterator[None]:
    """A context after a line is printed, in which a fault of ours costs one warning."""
    try:
        yield
    except Exception as error:  # the line stands whatever fails after it
        _warn(logger, f"the explanation of this line failed ({reason_of(error)})")


def _guessed_form(model: nn.Module, host: Callable[..., Any], own: HostCall) -> LineForm:
    """The form that a line of an unknown function probably has: its definition of a layer is the one that fits."""
    named = _named_host(model, host)
    form = replace(FORMS["v7.0"], host=named, whole_image_too=named is ULTRALYTICS)
    counts = Live(model).totals.layers
    forms = (replace(form, layers=layers) for layers in get_args(LayerDefinition))
    return next((each for each in forms if each.layer_count(counts) == own.layers), form)


def _explanation(counted: _Counted) -> Iterator[str]:
    """What yolo-probe itself counts, below a line whose form it does not know."""
    totals = counted.line.totals
    yield "The line above is the host's own: the code that prints it is new to yolo-probe"
    direct = _direct(counted)
    figure = f", {direct.flops / 1e9:.1f} GFLOPs by the rules of {counted.convention.title}" if direct else ""
    yield (
        f"Counted by yolo-probe: {totals.layers.modules:,} modules ({totals.layers.leaf_modules:,} of them leaves), "
        f"{totals.parameters:,} parameters, {totals.gradients:,} gradients{figure}"
    )


def _finish(
    counted: _Counted, own: HostCall | None, logger: Logger, host: Callable[..., Any] | None, extras: _Extras
) -> None:
    """What follows a line: warnings, the asked verification, and whoever watches.

    ``own``: the host's own call, if that has printed the line.
    """
    line = counted.line
    if own is not None:
        line = replace(line, text=own.line or None, counts=own.counts or line.counts, gflops=own.gflops)
    if extras.refused:
        logger.warning(_remark(f"{extras.refused}. This line is without your rules, as the host itself prints it."))
    if extras.verify:
        image = (1, image_channels(counted.live.root), *line.size)
        found = verify_model(counted.model, image, form=counted.form, custom_ops=extras.custom_ops)
        logger.info(_remark(verification_line(found)))
    if extras.watch is not None:
        extras.watch(_told(replace(counted, line=line), logger, host))


def _stride(model: nn.Module) -> int | None:
    """The largest stride of a model, in pixels; None where it has one that hosts cannot read, as a Conv2d has."""
    try:
        return int(model.stride.max()) if hasattr(model, "stride") else 32
    except Exception:  # whatever an attribute of the user's raises, a host hides
        return None


def _remarks(counted: _Counted, own: HostCall | None) -> Iterator[str]:
    """Remarks below the line: whose GFLOPs it has or why none, or what its GFLOPs do not contain."""
    line = counted.line
    if own is not None and own.gflops is not None:
        run = f"the host's own counting run, which took {own.seconds:.1f} s"
        yield f"The GFLOPs are from {run}: yolo-probe cannot count {line.unknown}"
    elif line.unknown:
        finds = "" if own is None else "the host's own counting run finds none, and "
        yield f"No GFLOPs: {finds}yolo-probe cannot count {line.unknown}"
    elif line.missing:
        direct = _direct(counted)
        figure = f". Counted by yolo-probe: {direct.flops / 1e9:.1f} GFLOPs" if direct else ""
        yield f"No GFLOPs: {line.missing}{figure}"
        if direct and direct.uncounted:
            yield _left_out(counted, direct.uncounted, line.size)
    if own is None and (scaled := _scaled(counted)):
        yield scaled_words(scaled)
    if line.executed:
        yield f"A copy of the model was run on zeros, as its shapes depend on values ({line.executed})"
    if line.uncounted:
        yield _left_out(counted, line.uncounted, line.uncounted_size)
    if packed := packed_weights(counted.live.root):
        yield packed_words(packed)


def _scaled(counted: _Counted) -> Scaled | None:
    return scaled_line(counted.line, counted.live.root, counted.live.trace, counted.convention)


def scaled_of(model: nn.Module, size: Size) -> Scaled | None:
    """The GFLOPs that ``model_info`` prints of an image of that size, beside the direct count, if they differ.

    None also where the host's function is not known, or it prints none.
    """
    host = _host_function(model)
    known = known_function(host) if host else _HEAD
    if known is None:
        return None
    return _scaled(_counted(model, host, _form_of(model, host, known), {"imgsz": list(size)}, _Extras()))


def _left_out(counted: _Counted, uncounted: Sequence[Uncounted], size: Size) -> str:
    """What the counter has no rule for, at an image of that size."""
    named = [f"{each.operator} at {each.path or 'the model'} ({each.values:,} values)" for each in uncounted]
    height, width = size
    return f"Not counted by {counted.convention.title}, at {height}x{width}: {first_of(named, MAX_NAMED_OPERATORS)}"


def _direct(counted: _Counted) -> Charges | None:
    """What an image of the line's size costs, counted directly; None where that fails."""
    live = counted.live
    try:
        _, run = fitting_image(live.root, counted.line.size, live.trace_weightless, live.trace)
    except TraceError:
        return None
    return charge(run.records, counted.convention)


def _as_head(model: nn.Module, detailed: bool = False, verbose: bool = True, imgsz: object = 640) -> None:
    """The parameters of ``model_info`` for a model of no host."""


def _arguments(
    host: Callable[..., Any], model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The arguments of a call by the names of the host's parameters; ``Signature.bind`` would be slow.

    Raises: TypeError for arguments that the host's function does not take, with its own message.
    """
    defaults = _defaults(host)
    if len(args) >= len(defaults) or kwargs.keys() - list(defaults)[len(args) + 1 :]:
        inspect.signature(host).bind(model, *args, **kwargs)  # says what is wrong
    return {**defaults, **dict(zip(defaults, (model, *args), strict=False)), **kwargs}


@lru_cache(maxsize=16)
def _defaults(host: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a host's function by name, with their defaults."""
    return {name: each.default for name, each in inspect.signature(host).parameters.items()}


def _runner(
    live: Live, model: nn.Module, form: LineForm, convention: Convention, imgsz: object
) -> Callable[[Shape], Trace]:
    """The forward pass that this host's counting run would make; it raises where that run would fail."""
    counted = counted_module(model, form)
    fault = _counting_fault(counted, form, imgsz) or _refusing_module(counted, convention)
    counts = has_thop()
    left = count_of_its_own(model, form, convention)

    def run(image: Shape) -> Trace:
        if not counts:
            raise MissingGflops("thop is not installed")
        if fault:
            raise TraceError(fault)
        if left:
            raise UnknownModuleError(left)
        trace = live.trace(image)
        if trace.executed and any(parameter.is_meta for parameter in model.parameters()):
            raise TraceError(trace.executed)
        return trace

    return run


def _counting_fault(model: nn.Module, form: LineForm, imgsz: object) -> str:
    """Why a host of that form finds no FLOPs, whatever the model computes; empty if nothing stands in its way."""
    if isinstance(imgsz, tuple) and not form.takes_tuple:
        return f"the size {imgsz}, a tuple: it takes a number or a list"
    first = next(model.parameters(), None)
    if first is not None and form.fed != "of_model":
        if first.dtype != torch.float32 and len(types_of(model)) == 1:
            return f"the first layer: a float32 image into a {str(first.dtype).removeprefix('torch.')} model"
        if form.fed == "cpu_float32" and first.device.type != "cpu":
            return f"the first layer: an image on the CPU into a model on {first.device}"
    return copy_fault(model) if form.copies else ""


def _refusing_module(model: nn.Module, convention: Convention) -> str:
    """The module at which the installed thop fails, and why; empty if there is none."""
    for path, module in model.named_modules() if convention.fails_at else ():
        kind = "scripted" if isinstance(module, torch.jit.ScriptModule) else "compiled" if is_compiled(module) else ""
        if kind in convention.fails_at:
            return f"{path or 'the model'}: {convention.title} cannot keep its total on a {kind} module"
    return ""


def _print_table(live: Live, form: LineForm, logger: Logger) -> None:
    def statistics(tensor: Tensor) -> tuple[str, str]:
        values = live.value_of(tensor).detach()
        if not values.is_floating_point():
            return "-", "-"
        return f"{values.mean():.3g}", f"{values.std():.3g}"

    for line in list(parameter_table(live.root, form, statistics)):  # whole or, where it fails, the host's own
        if form.layers == "leaf_modules":
            logger.info(line)
        else:
            print(line)  # noqa: T201  # as classic YOLOv5 does

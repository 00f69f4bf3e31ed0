"""A live ``nn.Module`` as plain data, and its forward pass on shapes. The model itself is not changed.

The model's own ``forward`` runs on a weightless copy: modules of the same classes whose parameters, buffers and tensors
are meta tensors. The user's model is read, never called, copied or changed.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import takewhile
from pathlib import PurePath
from types import FunctionType, MethodType, ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from yolo_probe.errors import DataDependentError, TargetError, TraceError, first_words, reason_of, shown
from yolo_probe.live.applied_rules import AppliedRules, OwnOps
from yolo_probe.live.arguments import Arguments, Inputs
from yolo_probe.live.description import NO_SHAPE, PAD, Descriptions
from yolo_probe.live.real_copy import real_copy, uncollected
from yolo_probe.live.recorder import CopiedModule, Recorder
from yolo_probe.live.scripted import scripted_functions_beside
from yolo_probe.live.side_effects import foreign, kept, undisturbed
from yolo_probe.live.weightless_copy import Copier
from yolo_probe.model.structure import Shape, Tensor, Totals, named_walk, totals_of
from yolo_probe.model.trace import Trace, slots_of
from yolo_probe.model.user_rules import OwnRules


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside DataParallel, DistributedDataParallel, torch's AveragedModel and torch.compile."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel)):
            model = model.module
        elif is_compiled(model):
            model = model._modules["_orig_mod"]
        else:
            return model


def is_compiled(module: nn.Module) -> bool:
    """Whether torch.compile has made this module around another."""
    return "_orig_mod" in module._modules


def network_of(model: Any, call: str) -> nn.Module:
    """The ``nn.Module`` that a public function is given, directly or in an object that has one, such as ``YOLO``.

    ``call``: name of the function, for the message.
    Raises: TargetError for anything else.
    """
    has_one = not isinstance(model, nn.Module) or any(
        kind.__module__ == "ultralytics.engine.model" for kind in type(model).__mro__
    )
    network = getattr(model, "model", None) if has_one else model
    if isinstance(network, torch.jit.ScriptModule):
        raise TargetError(f"{call}: found a scripted module, expected an nn.Module", "Pass what it was scripted from.")
    if not isinstance(network, nn.Module):
        found = shown(model) if isinstance(model, str | PurePath) else type(model).__name__
        remedy = "For a file: yolo-probe info FILE." if isinstance(model, str | PurePath) else ""
        raise TargetError(f"{call}: found {found}, expected an nn.Module", remedy)
    return network


def weightless(model: nn.Module) -> nn.Module:
    """A copy of a model in evaluation mode whose tensors have shapes and flags but no values."""
    return Copier().module(model)


def _without_shape(model: nn.Module, error: RuntimeError) -> TraceError:
    """What a model holds that has no shape: a nested tensor, or a lazy module's parameter before its first call."""
    named = (*model.named_parameters(), *model.named_buffers())
    nested = next((name for name, each in named if each.is_nested), None)
    if nested is not None:
        return TraceError(f"{nested}: found {NO_SHAPE}, expected a tensor with a shape", PAD)
    return TraceError(f"the model: {first_words(error)}", "Run a lazy module once.")


def is_sharded(model: nn.Module) -> bool:
    """Whether processes share a model's parameters, as with FSDP: each has a part, and a forward needs them all."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return False
    return any(type(module).__module__.startswith("torch.distributed.fsdp") for module in model.modules()) or any(
        type(each).__module__.startswith(("torch.distributed.tensor", "torch.distributed._tensor"))
        or hasattr(each, "_fsdp_flattened")
        for each in model.parameters()
    )


class Live:
    """A live model: its structure, and forward passes of its weightless copy.

    ``training``: whether the passes are those of training. ``elementwise``: whether functions of single values, which
    no thop charges, are recorded. ``every_function``: whether any other function that computes is recorded too, by its
    name, for the list of what is uncounted. ``most_operators``: a pass with more fails.
    """

    def __init__(
        self,
        model: nn.Module,
        custom_ops: AppliedRules | None = None,
        *,
        training: bool = False,
        elementwise: bool = True,
        every_function: bool = False,
        most_operators: int | None = None,
    ) -> None:
        self._model = model
        self._custom_ops, self._training, self._elementwise = custom_ops, training, elementwise
        self._every_function, self._most = every_function, most_operators
        self._inner = unwrapped(model)
        if is_sharded(self._inner):
            raise TraceError(
                "the model: found parameters that several processes share, expected whole ones",
                "Ask before FSDP shards it.",
            )
        self._descriptions = Descriptions()
        try:
            with uncollected():
                self.root = self._descriptions.module(model)
                """The structure of the model at the time of construction; shared modules are one object."""
        except RuntimeError as error:  # of torch, of a tensor without a shape
            raise _without_shape(self._inner, error) from error
        self._recorder: Recorder | None = None
        self._real_recorder: Recorder | None = None
        self._places: list[CopiedModule] = []
        self._executed = ""
        self.by_fuse = Fusing()
        """How ``fuse()`` made it."""
        self._real: dict[int, torch.Tensor] | None = None

    @property
    def model(self) -> nn.Module:
        """The live model itself."""
        return self._model

    @cached_property
    def totals(self) -> Totals:
        """Layers, parameters and gradients of the model."""
        return totals_of(self.root)

    @property
    def is_fused(self) -> bool:
        """Whether the model's own ``is_fused()`` says so; only ultralytics has that function."""
        return bool(getattr(self._model, "is_fused", bool)())

    def value_of(self, tensor: Tensor) -> torch.Tensor:
        """The real tensor of the model that a tensor of the structure describes."""
        if self._real is None:
            tensors = (*self._model.parameters(), *self._model.buffers())
            self._real = {id(self._descriptions.tensor(real)): real for real in tensors}
        return self._real[id(tensor)]

    def trace(self, image: Shape) -> Trace:
        """The record of one forward pass of the weightless copy; of a real copy if it depends on data.

        Shapes: ``image`` is (batch, channels, height, width).
        Raises: TraceError where that fails too, or shapes do not fit, with the module's path.
        """
        return self.trace_inputs(image)

    def trace_inputs(self, image: Inputs) -> Trace:
        """The record of one forward pass, as ``trace`` gives it, for any arguments."""
        if not self._executed:
            try:
                return self.trace_weightless(image)
            except DataDependentError as error:
                self._executed = str(error)
        return self._real_trace(image)

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Names of the images that the forward takes: of a usual model one, of pairs of images two.

        They are the first arguments that have no default, or an image as their default.
        """
        parameters = list(inspect.signature(type(self._inner).forward).parameters.values())[1:]
        return tuple(each.name for each in takewhile(_is_image, parameters))

    def inputs_of(self, image: Shape) -> Inputs:
        """An image of that shape, or one for each argument that the forward needs."""
        if len(self.images) < 2:
            return image
        return Arguments((torch.empty(image, dtype=self._dtype, device="meta"),) * len(self.images))

    def trace_images(self, image: Shape) -> Trace:
        """The record of one forward pass, as ``trace`` gives it, on an image for each argument that the forward needs.

        A host's count for its line has one image, whatever the forward needs.
        """
        return self.trace_inputs(self.inputs_of(image))

    def trace_weightless(self, image: Inputs) -> Trace:
        """The record of one forward pass of the weightless copy, also where a pass of a real one would be needed.

        Raises: DataDependentError where it is, TraceError where shapes do not fit, both with the module's path.
        """
        with self._unnoticed(self._copier), uncollected():
            if self._recorder is None:
                self._recorder = self._recorder_of(self._copier.module)
            return self._recorder.run(image)

    def _real_trace(self, image: Inputs) -> Trace:
        with self._unnoticed(self._copier, weightless=False):
            if self._real_recorder is None:
                copies = real_copy(self._inner)
                self._real_recorder = self._recorder_of(lambda module: copies[id(module)], "cpu")
            return replace(self._real_recorder.run(image), executed=self._executed)

    @contextmanager
    def _unnoticed(self, copier: Copier, *, weightless: bool = True) -> Iterator[None]:
        """A context after which nothing outside the model is as if code of the model had run.

        ``copier``: made the copy whose code runs. ``weightless``: whether that has no values. Then code of torch and of
        the hosts draws no random numbers, and they are left alone: another thread may draw some meanwhile.
        """
        known = self._custom_ops is None and not (self._foreign or copier.foreign_code)
        numbers = nullcontext() if known and weightless else undisturbed()
        with numbers, kept(self._foreign, copier.foreign_code):
            yield

    def _recorder_of(self, copy_of: Callable[[nn.Module], nn.Module], device: str = "meta") -> Recorder:
        places = [
            CopiedModule(path, self._descriptions.module(module), copy_of(module)) for path, module in self._modules
        ]
        self._places += places
        return Recorder(
            places,
            slots_of(self._descriptions.module(self._inner)),
            self._custom_ops,
            device=device,
            training=self._training,
            elementwise=self._elementwise,
            every_function=self._every_function,
            scripted=self._copier.is_scripted or scripted_functions_beside(self._foreign),
            dtype=self._dtype if device == "meta" else torch.float32,
            most_operators=self._most,
        )

    @cached_property
    def _modules(self) -> list[tuple[str, nn.Module]]:
        return list(_named_modules(self._inner))

    @cached_property
    def _copier(self) -> Copier:
        copier = Copier()
        copier.module(self._inner)
        return copier

    @cached_property
    def _foreign(self) -> set[type]:
        return foreign(type(module) for _, module in self._modules)

    @property
    def _dtype(self) -> torch.dtype:
        """The dtype of the first floating-point parameter; float32 if there is none."""
        tensors = (each for _, module in self._modules for each in module._parameters.values() if each is not None)
        return next((each.dtype for each in tensors if each.is_floating_point()), torch.float32)

    def in_training(self) -> Live:
        """The same model, whose forward passes are those of training."""
        return Live(
            self._model, self._custom_ops, training=True, every_function=self._every_function, most_operators=self._most
        )

    def with_rules(self, rules: OwnRules) -> Live:
        """The same model with modules counted by the user's own rules."""
        return Live(
            self._model, OwnOps(rules), training=self._training, elementwise=self._elementwise,
            every_function=self._every_function, most_operators=self._most,
        )  # fmt: skip

    def fused(self, *, grad_enabled: bool = False, end_to_end: bool | None = None) -> Live:
        """The model after its own ``fuse()``, which runs on a weightless copy.

        ``grad_enabled``: whether autograd is on; in YOLOv5 that decides whether the new weights require a gradient.
        ``end_to_end``: what ultralytics sets before it fuses, which decides which head remains.
        A ``fuse()`` that needs values, as for NumPy, runs on a real copy.
        Raises: TraceError where ``fuse()`` fails, with the module's path.
        """
        copier = Copier()
        copy = copier.module(self._inner)
        set_end_to_end(copy, end_to_end)
        on_values = False
        try:
            with self._unnoticed(copier), torch.device("meta"):
                fused = _fuse(copy, grad_enabled)
        except FuseError:
            copy, on_values = real_copy(self._inner)[id(self._inner)], True
            set_end_to_end(copy, end_to_end)
            with self._unnoticed(copier, weightless=False), torch.device("cpu"):
                fused = _fuse(copy, grad_enabled)
        returned = isinstance(fused, nn.Module)
        left = fused if returned else copy
        left = weightless(left) if on_values else left  # without its values
        made = Live(left, every_function=self._every_function, most_operators=self._most)
        made.by_fuse = Fusing(on_values=on_values, returned=returned)
        return made


class FuseError(TraceError):
    """What a model's own ``fuse()`` raised."""


@dataclass(frozen=True, slots=True)
class Fusing:
    """How a model's own ``fuse()`` made a model."""

    on_values: bool = False
    """Whether it ran on a copy with values, as it needs some."""
    returned: bool = True
    """Whether it returned a model, as hosts expect; else it changed its own."""


def set_end_to_end(model: nn.Module, value: bool | None) -> None:
    """Switch end-to-end results of a model's head on or off, as ultralytics does before validation."""
    if value is not None and getattr(model, "end2end", None) is not None:
        model.end2end = value


def _named_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every distinct module with its first qualified name, parents first; nothing inside scripted modules."""
    return named_walk(model, lambda each: {} if isinstance(each, torch.jit.ScriptModule) else each._modules)


def _is_image(argument: inspect.Parameter) -> bool:
    """Whether an argument of a forward is an image, which may have one as its default."""
    if argument.kind not in (argument.POSITIONAL_ONLY, argument.POSITIONAL_OR_KEYWORD):
        return False
    default = argument.default
    return default is argument.empty or (isinstance(default, torch.Tensor) and default.dim() == 4)


def has_fuse(model: nn.Module) -> bool:
    """Whether the model has a function ``fuse()`` that is called without arguments, as hosts do."""
    own = getattr(type(model), "fuse", None)
    if not isinstance(own, FunctionType):
        return False
    needed = list(inspect.signature(own).parameters.values())[1:]
    return all(
        each.default is not each.empty or each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in needed
    )


def _fuse(copy: nn.Module, grad_enabled: bool) -> Any:
    """What the ``fuse()`` of a copy returns: usually the copy, which it has changed.

    Raises: TraceError where the model has none, FuseError where it fails, with the module's path.
    """
    try:
        with torch.set_grad_enabled(grad_enabled):
            return _fused_in_silence(copy)
    except TraceError:
        raise
    except (Exception, SystemExit) as error:  # the user's own fuse(): whatever it raises is what validation would raise
        raise FuseError(f"{_place_of(error, copy)}: fuse() fails there: {reason_of(error)}") from error


def fuse_silently(model: nn.Module) -> nn.Module:
    """The model that ``fuse()`` returns, else the given one, which may be changed; nothing is printed.

    Raises: TraceError where the model has none; whatever ``fuse()`` raises.
    """
    fused = _fused_in_silence(model)
    return fused if isinstance(fused, nn.Module) else model


def _fused_in_silence(model: nn.Module) -> Any:
    """What ``fuse()`` returns; nothing is printed."""
    fuse = getattr(model, "fuse", None)
    own = getattr(fuse, "__func__", None)
    if not isinstance(own, FunctionType):
        raise TraceError(f"the model: found no fuse() in {type(model).__name__}, expected one")
    places: list[tuple[dict[str, Any], str]] = []
    for module in model.modules():
        for name, silent in _fusing(type(module)).items():  # type: ignore[arg-type]  # classes are hashable
            if module.__dict__.setdefault(name, bound := MethodType(silent, module)) is bound:
                places.append((module.__dict__, name))
    model.__dict__["info"] = say_nothing
    try:
        return _muted(own)(model)
    finally:
        for names, name in (*places, (model.__dict__, "info")):
            names.pop(name, None)


@lru_cache(maxsize=256)
def _fusing(kind: type) -> Mapping[str, FunctionType]:
    """The functions of a class of modules that take part in a ``fuse()``, by name, without what they would print."""
    return {
        name: _muted(function)
        for base in reversed(kind.__mro__)
        for name, function in vars(base).items()
        if "fuse" in name and "forward" not in name and isinstance(function, FunctionType)
    }


def _muted(function: FunctionType) -> FunctionType:
    """The same function with a log and a ``print`` that say nothing."""
    mute = logging.Logger("yolo_probe.mute", logging.CRITICAL + 1)
    names = {**function.__globals__, "LOGGER": mute, "logger": mute, "print": say_nothing}
    if isinstance(home := names.get("torch_utils"), ModuleType):  # v1.0 calls its model_info there
        names["torch_utils"] = SimpleNamespace(**{**vars(home), "model_info": say_nothing})
    silent = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    silent.__kwdefaults__ = function.__kwdefaults__
    return silent


def say_nothing(*_: object, **__: object) -> None:
    """Do nothing, instead of printing."""


def _place_of(error: BaseException, root: nn.Module) -> str:
    """Path of the module whose code raised: the innermost that is a local variable in the traceback of its code."""
    paths = {id(module): path for path, module in root.named_modules()}
    place, step = "", error.__traceback__
    while step is not None:
        ours = step.tb_frame.f_globals is globals()
        held = [paths[id(value)] for value in list(step.tb_frame.f_locals.values()) if id(value) in paths and not ours]
        place = max((path for path in held if path), key=len, default=place)
        step = step.tb_next
    return place or "the model"

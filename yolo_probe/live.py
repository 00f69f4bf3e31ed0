"""A live ``nn.Module`` as plain data, and its forward pass on shapes, without touching the model.

The model's own ``forward`` runs on a weightless copy: modules of the same classes whose parameters, buffers and tensors
are meta tensors. A module of torch that has a block answers with the shape of its output, as it does for a file, and a
function that only moves or combines values answers likewise; everything else runs torch's meta kernels. The user's
model is read, never called, copied or changed.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from yolo_probe.blocks import BLOCKS, Frame, Pass, Value, multi_head_attention
from yolo_probe.errors import TraceError
from yolo_probe.functions import ANSWERS, RECORDS
from yolo_probe.operators import ShapeError
from yolo_probe.structure import Module, Shape, Tensor
from yolo_probe.trace import Trace, slots_of

SHORT = 64
"""Elements up to which a row of numbers that is a plain attribute keeps its values in the copy: strides."""


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside DataParallel, DistributedDataParallel and torch.compile."""
    while True:
        if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            model = model.module
        elif "_orig_mod" in model._modules:
            model = model._modules["_orig_mod"]
        else:
            return model


def weightless(model: nn.Module) -> nn.Module:
    """A copy of a model in evaluation mode whose tensors have shapes and flags but no values."""
    return _Copier(Live(model)._described).module(model)


class Live:
    """A live model: its structure, and forward passes of its weightless copy."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._described: dict[int, Module] = {}
        self._tensors: dict[int, Tensor] = {}
        self.root = self._module(self._model)
        """The structure of the model; what is shared is shared."""
        self._recorder: _Recorder | None = None
        self._real: dict[int, torch.Tensor] | None = None

    def _module(self, module: nn.Module) -> Module:
        found = self._described.get(id(module))
        if found is None:
            kind = type(module)
            inside = module.__dict__
            found = self._described[id(module)] = Module(
                f"{kind.__module__}.{kind.__qualname__}",
                {key: value for key, value in inside.items() if key[0] != "_" and _is_plain(value)},
                {key: self._tensor(value) for key, value in inside["_parameters"].items() if value is not None},
                {key: self._tensor(value) for key, value in inside["_buffers"].items() if value is not None},
                {key: child if child is None else self._module(child) for key, child in inside["_modules"].items()},
            )
        return found

    def _tensor(self, tensor: torch.Tensor) -> Tensor:
        found = self._tensors.get(id(tensor))
        if found is None:
            dtype = str(tensor.dtype).removeprefix("torch.")
            found = self._tensors[id(tensor)] = Tensor(tuple(tensor.shape), dtype, tensor.requires_grad)
        return found

    def value_of(self, tensor: Tensor) -> torch.Tensor:
        """The real tensor that a tensor of the structure stands for."""
        if self._real is None:
            tensors = (*self._model.parameters(), *self._model.buffers())
            self._real = {id(self._tensors[id(real)]): real for real in tensors}
        return self._real[id(tensor)]

    def trace(self, image: Shape) -> Trace:
        """One forward pass of the weightless copy, in evaluation mode.

        Shapes: ``image`` is (batch, channels, height, width).
        Raises: TraceError where the pass depends on data or shapes do not fit, with the module's path.
        """
        if self._recorder is None:
            copier = _Copier(self._described)
            inside = unwrapped(self._model)
            copy = copier.module(inside)
            described = {id(copier.copies[id(module)]): self._described[id(module)] for module in inside.modules()}
            self._recorder = _Recorder(copy, described, slots_of(self.root))
        return self._recorder.run(image)

    def fused(self, *, grad_enabled: bool = False) -> Live:
        """The model after its own ``fuse()``, which runs on a weightless copy.

        ``grad_enabled``: whether autograd is on meanwhile; in YOLOv5 that decides what the new weights require.
        Raises: TraceError where ``fuse()`` fails, with the module's path.
        """
        copy = weightless(unwrapped(self._model))
        _fuse(copy, grad_enabled)
        return Live(copy)


def _fuse(copy: nn.Module, grad_enabled: bool) -> None:
    """Run a weightless copy's own ``fuse()`` without touching the random state.

    Raises: TraceError where the model has none, or where it fails, with the module's path.
    """
    try:
        with torch.set_grad_enabled(grad_enabled), torch.device("meta"):
            fuse_silently(copy)
    except TraceError:
        raise
    except Exception as error:  # the user's own fuse(): whatever it raises is what validation would raise
        words = str(error).strip().splitlines()
        reason = f"{type(error).__name__}: {words[0]}" if words else type(error).__name__
        raise TraceError(f"{_place_of(error, copy)}: fuse() fails there: {reason}") from error


def fuse_silently(model: nn.Module) -> None:
    """Run the ``fuse()`` of a model that is ours to change, without the lines that it would print.

    Raises: TraceError where the model has none; whatever ``fuse()`` raises.
    """
    fuse = getattr(model, "fuse", None)
    own = getattr(fuse, "__func__", None)
    if not isinstance(own, FunctionType):
        raise TraceError(f"the model: found no fuse() in {type(model).__name__}, expected one")
    mute = logging.Logger("yolo_probe.mute", logging.CRITICAL + 1)
    names = {**own.__globals__, "LOGGER": mute, "logger": mute, "print": _say_nothing}
    silent = FunctionType(own.__code__, names, own.__name__, own.__defaults__, own.__closure__)
    silent.__kwdefaults__ = own.__kwdefaults__
    model.__dict__["info"] = _say_nothing
    silent(model)
    del model.__dict__["info"]


def _say_nothing(*_: object, **__: object) -> None:
    """What a host prints during a dry run is for nobody."""


def _place_of(error: BaseException, root: nn.Module) -> str:
    """Path of the module that the code was about that raised: the innermost that one of its local names holds."""
    paths = {id(module): path for path, module in root.named_modules()}
    place, step = "", error.__traceback__
    while step is not None:
        held = [paths[id(value)] for value in list(step.tb_frame.f_locals.values()) if id(value) in paths]
        place = max((path for path in held if path), key=len, default=place)
        step = step.tb_next
    return place or "the model"


def _is_plain(value: object) -> bool:
    kind = type(value)
    if kind in _ATOMS:
        return True
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, dict) and all(map(_is_plain, value.values()))


_ATOMS = frozenset({bool, int, float, str, type(None)})
_AS_THEY_ARE = _ATOMS | {type, torch.Size, torch.dtype, torch.device}
_NO_HOOKS = {key: value for key, value in nn.Module().__dict__.items() if "_hooks" in key}
"""A module's tables of hooks, empty: a copy has none."""
_CONTAINERS = frozenset({list, tuple, dict, set, OrderedDict})


class _Copier:
    """Each object of a model copied once, so that what is shared stays shared; tensors have no values."""

    def __init__(self, described: Mapping[int, Module]) -> None:
        self._described = described
        self.copies: dict[int, Any] = {}
        self._kept: list[Any] = []  # what an address stands for must not be freed meanwhile

    def module(self, module: nn.Module) -> nn.Module:
        copy = self.copies.get(id(module))
        if copy is None:
            copy = self.copies[id(module)] = object.__new__(type(module))
            inside = copy.__dict__
            inside.update(_NO_HOOKS)
            plain = self._described[id(module)].attributes
            for key, value in module.__dict__.items():
                kind = type(value)
                if kind in _AS_THEY_ARE:
                    inside[key] = value
                elif key in plain or (kind in _CONTAINERS and not value):
                    inside[key] = kind(value)
                elif key not in _NO_HOOKS:
                    inside[key] = self._attribute(value)
            inside["training"] = False
        return copy

    def _attribute(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.dim() == 1 and 0 < value.numel() <= SHORT and not value.is_meta:
            return value.detach().to("cpu", copy=True)
        return self._value(value)

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        if isinstance(value, nn.Module):
            return self.module(value)
        if isinstance(value, torch.Tensor) or kind in _CONTAINERS:
            copied = self.copies.get(id(value))
            if copied is None:
                copied = self.copies[id(value)] = self._copied(value)
                self._kept.append(value)
            return copied
        if kind is MethodType and isinstance(value.__self__, nn.Module):
            return MethodType(value.__func__, self.module(value.__self__))
        return value

    def _copied(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            empty = torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")
            return nn.Parameter(empty, value.requires_grad) if isinstance(value, nn.Parameter) else empty
        if isinstance(value, dict):
            return type(value)((key, self._value(each)) for key, each in value.items())
        return type(value)(map(self._value, value))


class _Recorder(TorchFunctionMode):  # type: ignore[misc]  # torch is not read by mypy
    """Writes down what a weightless copy computes: its modules of torch, and the functions that run outside them."""

    def __init__(self, copy: nn.Module, described: Mapping[int, Module], slots: Mapping[int, int]) -> None:
        super().__init__()
        self._copy = copy
        self._dtype = next((p.dtype for p in copy.parameters() if p.is_floating_point()), torch.float32)
        self._pass = Pass([], slots)
        self._running: list[tuple[str, str]] = []
        self._inside = 0
        for path, module in copy.named_modules():
            self._prepare(path, module, described[id(module)])

    def run(self, image: Shape) -> Trace:
        """One forward pass on an image of that shape."""
        records = self._pass.records
        records.clear()
        self._running.clear()
        self._inside = 0
        x = torch.empty(image, dtype=self._dtype, device="meta")
        try:
            with torch.no_grad(), self:
                out = self._copy(x)
        except ShapeError as error:
            raise TraceError(f"{self._where}: {error}") from None
        except Exception as error:  # the user's own forward: whatever it raises is why there is no figure
            words = str(error).strip().splitlines()
            raise TraceError(f"{self._where}: {words[0] if words else type(error).__name__}") from error
        return Trace(image, tuple(records), _shapes(out))

    @property
    def _where(self) -> str:
        return (self._running[-1][0] if self._running else "") or "the model"

    def _prepare(self, path: str, module: nn.Module, described: Module) -> None:
        classes: tuple[Any, ...] = type(module).__mro__
        torch_class = next(c for c in classes if c.__module__.startswith("torch.nn.modules."))
        block = BLOCKS.get(f"nn.{torch_class.__name__}") if torch_class is not nn.Sequential else None
        place = (path, described.kind)
        if torch_class is nn.MultiheadAttention:
            call = self._attended(place, Frame(described, path, self._pass), module)
        elif block is None:
            call = self._entered(place, module.forward)
        elif "forward" in module.__dict__ or classes[0].forward is not torch_class.forward:
            call = self._counted(place, block, Frame(described, path, self._pass), module.forward)
        else:
            call = self._answered(place, block, Frame(described, path, self._pass))
        module.__dict__["forward"] = call

    def _entered(self, place: tuple[str, str], forward: Callable[..., Any]) -> Callable[..., Any]:
        """A module whose children and functions are followed."""
        running = self._running

        def call(*args: Any, **kwargs: Any) -> Any:
            running.append(place)
            out = forward(*args, **kwargs)
            running.pop()
            return out

        return call

    def _answered(self, place: tuple[str, str], block: Callable[..., Value], frame: Frame) -> Callable[..., Any]:
        """A module whose output's shape follows from its input's: no kernel runs."""
        running = self._running
        empty, meta = torch.empty, torch.device("meta")

        def call(x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            running.append(place)
            out = block(frame, tuple(x.size()))
            running.pop()
            return empty(out, dtype=x.dtype, device=meta)

        return call

    def _counted(
        self, place: tuple[str, str], block: Callable[..., Value], frame: Frame, forward: Callable[..., Any]
    ) -> Callable[..., Any]:
        """A counted module with a forward of its own: that runs, and what it calls is part of the module."""

        def call(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            self._running.append(place)
            block(frame, tuple(x.shape))
            self._inside += 1
            out = forward(x, *args, **kwargs)
            self._inside -= 1
            self._running.pop()
            return out

        return call

    def _attended(self, place: tuple[str, str], frame: Frame, module: nn.Module) -> Callable[..., Any]:
        """Attention, whose projections are functions inside it: one record for all."""
        forward = module.forward

        def call(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            self._running.append(place)
            self._inside += 1
            out = forward(query, key, value, *args, **kwargs)
            self._inside -= 1
            self._running.pop()
            multi_head_attention(frame, *(_sequence_first(module, x) for x in (query, key, value)))
            return out

        return call

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        answer = ANSWERS.get(func)
        out = answer(args, kwargs or {}) if answer is not None else None
        if out is None:
            out = func(*args, **(kwargs or {}))
        if not self._inside and (record := RECORDS.get(func)) is not None:
            path, kind = self._running[-1] if self._running else ("", "")
            self._pass.records.append(record(args, kwargs or {}, out, path, kind))
        return out


def _sequence_first(module: nn.Module, x: torch.Tensor) -> Shape:
    """Shape of an input of attention as (length, batch, features)."""
    if x.dim() == 2:
        length, features = x.size()
        return length, 1, features
    first, second, features = x.size()
    return (second, first, features) if module.batch_first else (first, second, features)


def _shapes(out: Any) -> Value:
    if isinstance(out, torch.Tensor):
        return tuple(out.shape)
    if isinstance(out, Mapping):
        out = list(out.values())
    return [tuple(each.shape) for each in out if isinstance(each, torch.Tensor)] if isinstance(out, Sequence) else []

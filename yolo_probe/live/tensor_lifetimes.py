"""The calls of modules and the lifetimes of tensors in a forward pass of a live model, as torch itself runs it.

The weightless copy runs on torch's meta kernels, so that nothing is computed and the model is not touched. Tensors are
identified by their storages: a view, or the result of an operator in place, is the same tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from yolo_probe.errors import TraceError
from yolo_probe.live.arguments import Arguments, Inputs, fed
from yolo_probe.live.description import tensors_in
from yolo_probe.live.live import Live, unwrapped, weightless
from yolo_probe.live.side_effects import foreign, kept, undisturbed
from yolo_probe.model.activations import Activations, Step, activations_of
from yolo_probe.model.forward import ModuleCall, Value
from yolo_probe.model.structure import Shape


@dataclass(frozen=True, slots=True)
class Observed:
    """Module calls and activations of one pass."""

    calls: tuple[ModuleCall, ...]
    """Every call of a module in the order of their returns."""
    activations: Activations


def observe(live: Live, inputs: Inputs) -> Observed | None:
    """The observation of a pass of a live model in evaluation mode; None if it needs values, or torch has no meta
    kernel.

    It runs twice: the grids and anchors that a head makes for the first image of a size are kept, and are no
    activations.
    """
    copy = weightless(unwrapped(live.model))
    with undisturbed(), kept(foreign(map(type, copy.modules()))):
        try:
            with torch.no_grad():
                first = _zeros(copy, inputs)
                copy(*first.given, **first.named)
                return _observed(copy, _zeros(copy, inputs))
        except (TraceError, RuntimeError, ValueError, TypeError, NotImplementedError):
            return None


def _zeros(copy: nn.Module, inputs: Inputs) -> Arguments:
    if isinstance(inputs, Arguments):
        return Arguments(fed(inputs.given, "meta"), fed(dict(inputs.named), "meta"))
    first = next((each.dtype for each in copy.parameters() if each.is_floating_point()), torch.float32)
    return Arguments((torch.zeros(inputs, dtype=first, device="meta"),))


def _observed(copy: nn.Module, inputs: Arguments) -> Observed:
    places: dict[int, list[str]] = {}
    for path, module in copy.named_modules(remove_duplicate=False):
        places.setdefault(id(module), []).append(path)
    running: list[tuple[str, Value]] = []
    calls: list[ModuleCall] = []

    def enter(module: nn.Module, given: Any) -> None:
        above = running[-1][0] if running else ""
        paths = places[id(module)]  # a shared module is listed where it is called
        here = [path for path in paths if path.rpartition(".")[0] == above]
        running.append(((here or paths)[0], _value(given)))

    def leave(module: nn.Module, given: Any, out: Any) -> None:
        path, value = running.pop()
        calls.append(ModuleCall(path, value, _value(out)))

    for module in copy.modules():
        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)
    fixed = [tensor for module in copy.modules() for tensor in tensors_in(vars(module).values())]
    storages = _Storages(fixed, lambda: running[-1][0])
    given = [storages.number(each) for each in tensors_in([inputs.given, inputs.named])]
    with storages:
        out = copy(*inputs.given, **inputs.named)
    results = [storages.number(each) for each in tensors_in([out])]
    return Observed(tuple(calls), activations_of(storages.steps, storages.shapes, results, given))


def _value(given: Any) -> Value:
    """Shape of an input or output; a list of shapes if it has several tensors."""
    shapes = [tuple(each.shape) for each in tensors_in([given])]
    return shapes[0] if len(shapes) == 1 else shapes


class _Storages(TorchDispatchMode):  # type: ignore[misc]  # torch is not read by mypy
    """Records which tensors each operator of torch reads and writes."""

    def __init__(self, fixed: Sequence[torch.Tensor], where: Callable[[], str]) -> None:
        super().__init__()
        self.steps: list[Step] = []
        self.shapes: dict[int, Shape] = {}
        """Shape of each tensor, by number, when it was first seen."""
        self._numbers: dict[int, int] = {}
        self._fixed = {_storage(tensor) for tensor in fixed}
        self._where = where
        self._held: list[Any] = []

    def number(self, tensor: torch.Tensor) -> int:
        """The number of a tensor's storage. A new tensor is kept alive, so that its storage is not reused."""
        storage = _storage(tensor)
        if storage not in self._numbers:
            self._numbers[storage] = len(self._numbers)
            self.shapes[self._numbers[storage]] = tuple(tensor.shape)
            self._held.append(tensor)
        return self._numbers[storage]

    def __torch_dispatch__(self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        name: str = func.overloadpacket.__name__
        results = list(tensors_in([out]))
        if "norm" in name or name.endswith("with_indices"):
            results = results[:1]  # the others are statistics, or indices of a pooling's maxima
        given = list(tensors_in([args, kwargs]))
        reads = tuple(self.number(each) for each in given if _storage(each) not in self._fixed)
        read_from = {_storage(each) for each in given}
        new = [each for each in results if _storage(each) not in self._fixed and each.untyped_storage().nbytes()]
        in_place = name.endswith("_")
        writes = tuple(self.number(each) for each in new if in_place or _storage(each) not in read_from)
        self.steps.append(Step(self._where(), name, reads, writes))
        return out


def _storage(tensor: torch.Tensor) -> int:
    number: int = tensor.untyped_storage()._cdata
    return number

"""Scripted modules and functions (compiled by torch), inside which a pass sees no modules and no functions.

Their work is recorded by the operators of torch's own library, with FLOPs by torch's own formulas: torch's
FlopCounterMode counts these, every other counter does not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from yolo_probe.live.torch_internals import directly, flops_of
from yolo_probe.model.structure import Shape

SCRIPTED = "scripted"
"""Name of the operator in a record of such work."""


class Scripted(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Replaces a scripted module in a copy; calls and attributes are those of the scripted module."""

    def __init__(self, scripted: nn.Module) -> None:
        super().__init__()
        self.__dict__["_scripted"] = scripted

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_scripted"], name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The output of the scripted module."""
        return self.__dict__["_scripted"](*args, **kwargs)


def scripted_functions_beside(kinds: Iterable[type]) -> bool:
    """Whether these classes, or the Python modules that define them, contain a scripted function."""
    names = {kind.__module__ for kind in kinds}
    spaces = [vars(sys.modules[name]) for name in names if name in sys.modules] + [vars(kind) for kind in kinds]
    return any(isinstance(value, torch.jit.ScriptFunction) for space in spaces for value in list(space.values()))


class ScriptedWork(TorchDispatchMode):  # type: ignore[misc]  # torch is not read by mypy
    """Calls ``write`` for each operator that no visible function of torch has called.

    ``is_seen`` says whether such a function is running. ``write`` gets input shapes, output shape and FLOPs.
    """

    def __init__(self, is_seen: Callable[[], bool], write: Callable[[tuple[Shape, ...], Shape, int], None]) -> None:
        super().__init__()
        self._is_seen, self._write = is_seen, write

    def __torch_dispatch__(self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        with directly():
            out = func(*args, **(kwargs or {}))
        inputs = tuple(tuple(each.shape) for each in args if isinstance(each, torch.Tensor))
        if not self._is_seen() and inputs and isinstance(out, torch.Tensor) and not getattr(func, "is_view", False):
            self._write(inputs, tuple(out.shape), flops_of(func, args, kwargs or {}, out))
        return out

"""Code that torch has compiled: scripted modules and functions, of which a pass sees no modules and no functions.

What they compute is written down operator by operator of torch's own library, with the FLOPs that torch's formulas give
them: torch's FlopCounterMode counts these, every other counter leaves them out.
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
"""The operator of a record of such work."""


class Scripted(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Stands in a copy for a scripted module, which is called and asked for what it has."""

    def __init__(self, scripted: nn.Module) -> None:
        super().__init__()
        self.__dict__["_scripted"] = scripted

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_scripted"], name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the scripted module gives."""
        return self.__dict__["_scripted"](*args, **kwargs)


def scripted_functions_beside(kinds: Iterable[type]) -> bool:
    """Whether a scripted function is among the names of these classes, or of the files that define them."""
    names = {kind.__module__ for kind in kinds}
    spaces = [vars(sys.modules[name]) for name in names if name in sys.modules] + [vars(kind) for kind in kinds]
    return any(isinstance(value, torch.jit.ScriptFunction) for space in spaces for value in list(space.values()))


class ScriptedWork(TorchDispatchMode):  # type: ignore[misc]  # torch is not read by mypy
    """Tells of each operator that runs while no function of torch is running that is seen as such.

    ``is_seen``: whether one is. ``write``: is told of the shapes in, the shape out and the FLOPs.
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

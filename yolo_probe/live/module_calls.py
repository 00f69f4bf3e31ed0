"""What a module of a copy does when it is called.

A pass makes hundreds of calls. So these are plain functions, to which ``functools.partial`` gives what they need first:
less stands around one than around a function inside a function.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any
from weakref import ref

import torch
from torch import nn

from yolo_probe.live.weightless_copy import Later
from yolo_probe.model.forward import BLOCKS, Frame, Value, from_scattered
from yolo_probe.model.operators import OpRecord

Empty = dict[tuple[Sequence[int], torch.dtype], torch.Tensor]
"""A meta tensor of each shape and type."""

directly = torch._C.DisableTorchFunction
"""Within it, reading a shape and making a tensor are no functions of the model."""

_LINEAR = BLOCKS["nn.Linear"]


def answer(
    running: list[tuple[str, str]], empty: Empty, block: Callable[..., Value], frame: Frame,
    input: torch.Tensor,  # noqa: A002  # as torch calls it, and some code of models too
    *_: Any, **__: Any,
) -> torch.Tensor:  # fmt: skip
    """Call of a module whose output's shape follows from its input's: no kernel runs."""
    with directly():
        try:
            scattered = block is _LINEAR and not input.is_contiguous()
            out = (from_scattered if scattered else block)(frame, tuple(input.size()))
        except Exception:
            running.append((frame.path, frame.module.kind))
            raise
        return meta(empty, out, input.dtype)  # type: ignore[arg-type]  # none of them has several outputs


def keep(
    running: list[tuple[str, str]], empty: Empty, records: list[OpRecord], place: tuple[str, str], operator: str,
    slots: int, same: bool,
    input: torch.Tensor,  # noqa: A002  # as in answer
    *_: Any, **__: Any,
) -> torch.Tensor:  # fmt: skip
    """Call of a module whose output has its input's shape; of one that is shared each is told where it is made.

    ``same``: whether it returns its input itself, because it works in place or does nothing.
    """
    with directly():
        path, kind = place
        try:
            shape = tuple(input.size())
        except Exception:
            running.append(place)
            raise
        if slots > 1 and running and running[-1][0]:
            path = f"{running[-1][0]}.{path.rpartition('.')[2]}"
        records.append(OpRecord(operator, path, kind, (shape,), shape, (), {}, slots))
        return input if same and input.is_meta else meta(empty, shape, input.dtype)


def pass_on(
    running: list[tuple[str, str]], empty: Empty, frame: Frame, children: Later, held: Callable[[], Any], *args: Any,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """Call of a module that only passes its input from one child to the next, until somebody looks at these."""
    if children.source is None:
        return enter(running, (frame.path, frame.module.kind), type(held()).forward, held, *args, **kwargs)
    (given,) = (*args, *kwargs.values())
    before = f"{frame.path}." if frame.path else ""
    with directly():
        link = frame
        try:
            shape: Any = tuple(given.size())
            for name, child in frame.module.children.items():
                link = Frame(child, before + name, frame.current)  # type: ignore[arg-type]  # no link of a chain is None
                shape = BLOCKS[link.module.kind](link, shape)
        except Exception:
            running.append((link.path, link.module.kind))
            raise
        return meta(empty, shape, given.dtype)


def enter(
    running: list[tuple[str, str]], place: tuple[str, str], forward: Callable[..., Any], held: Callable[[], Any],
    *args: Any, **kwargs: Any,
) -> Any:  # fmt: skip
    """Call of a module whose children and functions are followed."""
    running.append(place)
    out = forward(held(), *args, **kwargs)
    running.pop()
    return out


def meta(empty: Empty, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    """A new meta tensor, which takes a quarter of the time where one of that shape and type is there to detach."""
    found = empty.get((shape, dtype))
    if found is None:
        found = empty[shape, dtype] = torch.empty(shape, dtype=dtype, device="meta")
    return found.data


def forward_of(module: nn.Module) -> Callable[..., Any]:
    """The forward of a copy, see ``own_forward``."""
    function, held = own_forward(module)
    return lambda *args, **kwargs: function(held(), *args, **kwargs)


def own_forward(module: nn.Module) -> tuple[Callable[..., Any], Callable[[], Any]]:
    """The forward of a copy, and what gives the copy to it; in a cycle of references it would outlive its use."""
    bound: Any = module.forward
    if type(bound) is not MethodType or bound.__self__ is not module:
        return (lambda _, *args, **kwargs: bound(*args, **kwargs)), _nothing
    return bound.__func__, ref(module)


def _nothing() -> None:
    """What a forward that is no method of its module is given."""

"""What modules of one class have in common: the names of their attributes, and a forward that does very little."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from inspect import CO_VARARGS, CO_VARKEYWORDS
from operator import itemgetter
from typing import Any, NamedTuple

from torch import nn

from yolo_probe.live.real_copy import own_attributes
from yolo_probe.model.structure import kind_of

_BARE: dict[str, Any] = {
    "training": False, "_compiled_call_impl": None, "_parameters": None, "_buffers": None, "_modules": None,
    "_non_persistent_buffers_set": None,
}  # fmt: skip
"""What a copy has beside its own attributes; the last four are its own too."""


class Layout(NamedTuple):
    """What modules of one class whose attributes have the same names have in common."""

    size: int
    """Number of all attributes."""
    class_path: str
    kind: str
    own: tuple[str, ...]
    """Names of what ``nn.Module`` itself does not put there."""
    read: Callable[[dict[str, Any]], tuple[Any, ...]]
    """Tables of parameters, buffers and children of a module, then ``own``; KeyError where one is missing."""
    is_usual: bool
    """Whether the class declares all of ``own``: a module of torch as torch makes it."""
    inside: dict[str, Any]
    """The inside of a copy, to be copied and filled: a dict that need not grow takes half of the time."""


@lru_cache(maxsize=4096)
def layout_of(kind: type, names: tuple[str, ...]) -> Layout:
    """The layout of modules of a class with attributes of these names."""
    class_path = f"{kind.__module__}.{kind.__qualname__}"
    own = tuple(key for key in own_attributes(names) if key != "_compiled_call_impl")
    read = itemgetter("_parameters", "_buffers", "_modules", *own)
    classes = kind.__mro__[: kind.__mro__.index(nn.Module)]
    declared = {name for each in classes for name in vars(each).get("__annotations__", ())}
    is_usual = (declared - {"weight", "bias"}).issuperset(own)  # pruning makes a plain attribute of a weight
    return Layout(len(names), class_path, kind_of(class_path), own, read, is_usual, {**_BARE, **dict.fromkeys(own)})


def chain_of(kind: type) -> tuple[str, ...]:
    """Names of three children that the forward of a class calls one after the other, if that is all it does; else none.

    So it is where torch's own code calls it and its instructions are those of YOLOv5's ``Conv``.
    """
    code = getattr(kind.forward, "__code__", None)  # type: ignore[attr-defined]  # a module has a forward
    if code is None or len(code.co_names) != 3 or code.co_code != _CHAIN.co_code:
        return ()
    if code.co_argcount != 2 or code.co_kwonlyargcount or code.co_flags & (CO_VARARGS | CO_VARKEYWORDS):
        return ()
    usual = ("__call__", "__getattr__", "__getattribute__")
    names: tuple[str, ...] = code.co_names[::-1]
    if any(getattr(kind, name) is not getattr(nn.Module, name) for name in usual) or len(set(names)) != 3:
        return ()
    return () if any(hasattr(kind, name) for name in names) else names


def _conv_bn_act(self: Any, x: Any) -> Any:
    return self.act(self.bn(self.conv(x)))


_CHAIN = _conv_bn_act.__code__

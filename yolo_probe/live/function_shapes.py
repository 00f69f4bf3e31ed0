"""Outputs of torch's functions on the meta device, found without a kernel, for those that run often and are slow.

Each gives the shape and dtype of the output, or None if the arguments are not the usual ones; then torch's own kernel
runs; it also runs where an input is scattered (turned, channels last), as the output then may be too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from yolo_probe.model.operators import broadcast, cat

Output = tuple[Sequence[int], torch.dtype]
"""Shape and dtype of a tensor."""


def _like(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    """Output of an elementwise function of one tensor."""
    x = args[0] if len(args) == 1 and not kwargs else None
    if not isinstance(x, torch.Tensor) or not x.is_meta or not x.is_floating_point() or not x.is_contiguous():
        return None
    return x.size(), x.dtype


def _pair(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    """Output of an operation on two tensors, or a tensor and a number."""
    if len(args) != 2 or kwargs:
        return None
    a, b = args
    if not all(each.is_contiguous() for each in args if isinstance(each, torch.Tensor)):
        return None  # the output lies as they do, which torch knows
    if type(a) is torch.Tensor and a.is_meta and a.is_floating_point():  # the usual case, without further checks
        shape, dtype = a.size(), a.dtype
        if type(b) in (int, float):
            return shape, dtype
        if type(b) is torch.Tensor and (
            b.is_floating_point() if not b.dim() else b.is_meta and b.dtype == dtype and b.size() == shape
        ):
            return shape, dtype
    tensors = [each for each in (a, b) if isinstance(each, torch.Tensor)]
    large = [each for each in tensors if each.is_meta]
    if not large or not all(each.is_floating_point() and (each.is_meta or not each.dim()) for each in tensors):
        return None
    if len({each.dtype for each in large}) != 1:
        return None
    shape = broadcast(tuple(a.size()), tuple(b.size())) if len(tensors) == 2 else tuple(large[0].size())
    return shape, large[0].dtype


def _tensors_and_dim(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Sequence[torch.Tensor], int]:
    """The tensors to join and the axis; no tensors if the arguments are not the usual ones."""
    tensors = args[0] if args else kwargs.get("tensors")
    dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    usual = isinstance(tensors, (list, tuple)) and isinstance(dim, int) and kwargs.keys() <= {"tensors", "dim"}
    return (tensors, dim) if usual and all(isinstance(each, torch.Tensor) for each in tensors) else ((), 0)  # type: ignore[return-value, union-attr]


def _cat(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    tensors, dim = _tensors_and_dim(args, kwargs)
    shapes, dtypes = [], set()
    for each in tensors:
        shape = tuple(each.size())
        if not each.is_meta or not shape or not each.is_contiguous():
            return None
        shapes.append(shape)
        dtypes.add(each.dtype)
    return (cat(shapes, dim), dtypes.pop()) if len(dtypes) == 1 else None


def _stack(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    tensors, dim = _tensors_and_dim(args, kwargs)
    if not tensors:
        return None
    first = tensors[0]
    shape, dtype = first.size(), first.dtype
    if not all(each.is_meta and each.dtype == dtype and each.size() == shape for each in tensors):
        return None
    axes = len(shape) + 1
    if not -axes <= dim < axes:
        return None
    return (*shape[: dim % axes], len(tensors), *shape[dim % axes :]), dtype


def _arange(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    """Output of ``arange`` with an end alone."""
    if not kwargs.keys() <= {"end", "device", "dtype"} or len(args) + ("end" in kwargs) != 1:
        return None
    end, device, dtype = args[0] if args else kwargs["end"], kwargs.get("device"), kwargs.get("dtype")
    if type(end) is not int or end < 0 or device is None or torch.device(device).type != "meta":
        return None
    return (end,), torch.int64 if dtype is None else dtype


T = torch.Tensor
Answer = Callable[[Sequence[Any], Mapping[str, Any]], "Output | None"]
ANSWERS: Mapping[Any, Answer] = {
    torch.cat: _cat,
    torch.stack: _stack,
    torch.arange: _arange,
    **dict.fromkeys((torch.sigmoid, T.sigmoid, T.exp, torch.exp, nn.functional.silu, T.contiguous, T.__neg__), _like),
    **dict.fromkeys(
        (
            T.add, T.__add__, T.__radd__, torch.add, T.sub, T.__sub__, T.__rsub__, torch.sub, T.mul, T.__mul__,
            T.__rmul__, torch.mul, T.div, T.__truediv__, torch.div, T.pow, T.__pow__, torch.pow,
        ),
        _pair,
    ),
}  # fmt: skip

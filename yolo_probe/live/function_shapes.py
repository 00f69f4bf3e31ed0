"""Outputs of torch's functions on the meta device, found without a kernel, for those that run often and are slow.

Each gives the shape, dtype and strides of the output, or None if the arguments are not the usual ones; then torch's own
kernel runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from yolo_probe.model.operators import broadcast, cat

Output = tuple[Sequence[int], torch.dtype, "Sequence[int] | None"]
"""Shape, dtype and strides of a tensor; no strides of a contiguous one."""


def _is_one(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether the arguments are one tensor of the usual kind alone."""
    if len(args) != 1 or kwargs or not isinstance(args[0], torch.Tensor):
        return False
    return bool(args[0].is_meta and args[0].is_floating_point())


def _like(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    """Output of an elementwise function of one tensor."""
    return _laid_out(args[0].size(), args) if _is_one(args, kwargs) else None


def _contiguous(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    return (args[0].size(), args[0].dtype, None) if _is_one(args, kwargs) else None


def _pair(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    """Output of an operation on two tensors, or a tensor and a number."""
    if len(args) != 2 or kwargs:
        return None
    a, b = args
    if type(a) is torch.Tensor and type(b) in (int, float) and a.is_meta and a.is_floating_point():
        return _laid_out(a.size(), (a,))  # the usual case, without further checks
    tensors = [each for each in args if isinstance(each, torch.Tensor)]
    large = [each for each in tensors if each.is_meta]
    if not large or not all(each.is_floating_point() and (each.is_meta or not each.dim()) for each in tensors):
        return None
    if len({each.dtype for each in large}) != 1:
        return None
    shape = broadcast(tuple(a.size()), tuple(b.size())) if len(tensors) == 2 else large[0].size()
    return _laid_out(shape, large)


def _laid_out(shape: Sequence[int], tensors: Sequence[torch.Tensor]) -> Output:
    """Output of that shape and these inputs' dtype, which lies in memory as an elementwise function lays it out."""
    usual = all(each.is_contiguous() and each.size() == shape for each in tensors)
    return shape, tensors[0].dtype, None if usual else elementwise_strides(shape, tensors)


def elementwise_strides(shape: Sequence[int], tensors: Sequence[torch.Tensor]) -> tuple[int, ...]:
    """Strides of the output of an elementwise function: its axes follow each other as those of its inputs do.

    Of two axes the one with the larger stride in the first input that has both is the outer one; an input that is
    broadcast along an axis says nothing of it, and axes of which no input says anything stay in their order.
    Unit: elements. Source: ``reorder_dimensions`` of torch's ``TensorIterator``.
    """
    steps = [_steps(each, shape) for each in tensors]
    order = list(reversed(range(len(shape))))  # the innermost axis first
    for last in range(1, len(order)):
        moved = last
        for at in range(last - 1, -1, -1):
            way = _compared(order[at], order[moved], shape, steps)
            if way < 0:
                break
            if way > 0:
                order[at], order[moved] = order[moved], order[at]
                moved = at
    strides, step = [0] * len(shape), 1
    for axis in order:
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


def _steps(tensor: torch.Tensor, shape: Sequence[int]) -> list[int]:
    """Strides of an input by axis of the output; 0 where it is broadcast."""
    own = zip(tensor.size(), tensor.stride(), shape[len(shape) - tensor.dim() :], strict=True)
    return [0] * (len(shape) - tensor.dim()) + [0 if size == 1 != whole else step for size, step, whole in own]


def _compared(inner: int, outer: int, shape: Sequence[int], steps: Sequence[Sequence[int]]) -> int:
    """Above 0 where two axes are in the wrong order, below 0 where in the right one, 0 where nothing says."""
    for each in steps:
        if each[inner] and each[outer]:
            if each[inner] != each[outer]:
                return each[inner] - each[outer]
            if shape[inner] > shape[outer]:
                return 1
    return 0


def _tensors_and_dim(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Sequence[torch.Tensor], int]:
    """The tensors to join and the axis; no tensors if the arguments are not the usual ones."""
    tensors = args[0] if args else kwargs.get("tensors")
    dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    usual = isinstance(tensors, (list, tuple)) and isinstance(dim, int) and kwargs.keys() <= {"tensors", "dim"}
    return (tensors, dim) if usual and all(isinstance(each, torch.Tensor) for each in tensors) else ((), 0)  # type: ignore[return-value, union-attr]


_OF_CHANNELS_LAST = (4, 5)
"""Numbers of axes of tensors whose channels may lie last."""


def _cat(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    """Output of ``cat``, which is contiguous but where the channels of all that it joins may lie last.

    Source: ``cat_compute_output_memory_format`` of torch.
    """
    tensors, dim = _tensors_and_dim(args, kwargs)
    shapes, dtypes = [], set()
    for each in tensors:
        shape = tuple(each.size())
        if not each.is_meta or not shape:
            return None
        shapes.append(shape)
        dtypes.add(each.dtype)
    if len(dtypes) != 1:
        return None
    if len(shapes[0]) in _OF_CHANNELS_LAST and all(map(_may_have_channels_last, tensors)):
        return None
    return cat(shapes, dim), dtypes.pop(), None


def _may_have_channels_last(tensor: torch.Tensor) -> bool:
    """Whether the columns of an image may be further apart than all of its channels are."""
    return bool(tensor.stride(1) * tensor.size(1) <= tensor.stride(-1))


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
    return (*shape[: dim % axes], len(tensors), *shape[dim % axes :]), dtype, None


def _arange(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    """Output of ``arange`` with an end alone."""
    if not kwargs.keys() <= {"end", "device", "dtype"} or len(args) + ("end" in kwargs) != 1:
        return None
    end, device, dtype = args[0] if args else kwargs["end"], kwargs.get("device"), kwargs.get("dtype")
    if type(end) is not int or end < 0 or device is None or torch.device(device).type != "meta":
        return None
    return (end,), torch.int64 if dtype is None else dtype, None


T = torch.Tensor
Answer = Callable[[Sequence[Any], Mapping[str, Any]], "Output | None"]
ANSWERS: Mapping[Any, Answer] = {
    torch.cat: _cat,
    torch.stack: _stack,
    torch.arange: _arange,
    **dict.fromkeys((torch.sigmoid, T.sigmoid, T.exp, torch.exp, nn.functional.silu, T.__neg__), _like),
    T.contiguous: _contiguous,
    **dict.fromkeys(
        (
            T.add, T.__add__, T.__radd__, torch.add, T.sub, T.__sub__, T.__rsub__, torch.sub, T.mul, T.__mul__,
            T.__rmul__, torch.mul, T.div, T.__truediv__, torch.div, T.pow, T.__pow__, torch.pow,
        ),
        _pair,
    ),
}  # fmt: skip

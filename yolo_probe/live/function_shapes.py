"""Torch's functions on the meta device: those whose output is known without a kernel, and those that counters count.

``ANSWERS`` gives the shape and type of the output for functions that run often and whose meta kernels are slow;
None where the arguments are not the common ones, and then the kernel runs. ``RECORDS`` describes the functions that
some counter charges when a module calls them itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from yolo_probe.live.function_records import FUNCTIONS, Record, argument, by_operator
from yolo_probe.model.operators import OpRecord, broadcast, cat

Output = tuple[Sequence[int], torch.dtype]
"""Shape and type of a tensor."""


def _like(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    """Output of a function of each value on its own."""
    x = args[0]
    if not x.is_meta or not x.is_floating_point():
        return None
    return x.size(), x.dtype


def _pair(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    """Output of an operation on two tensors, or a tensor and a number."""
    a, b = args[0], args[1]
    if not kwargs and type(a) is torch.Tensor and a.is_meta and a.is_floating_point():  # the common ones, quickly
        shape, dtype = a.size(), a.dtype
        if type(b) in (int, float):
            return shape, dtype
        if type(b) is torch.Tensor and (
            b.is_floating_point() if not b.dim() else b.is_meta and b.dtype == dtype and b.size() == shape
        ):
            return shape, dtype
    tensors = [each for each in (a, b) if isinstance(each, torch.Tensor)]
    large = [each for each in tensors if each.is_meta]
    if (
        kwargs
        or not large
        or not all(each.is_floating_point() and (each.is_meta or not each.dim()) for each in tensors)
    ):
        return None
    if len({each.dtype for each in large}) != 1:
        return None
    shape = broadcast(tuple(a.size()), tuple(b.size())) if len(tensors) == 2 else tuple(large[0].size())
    return shape, large[0].dtype


def _cat(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    tensors = args[0] if args else kwargs.get("tensors")
    dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if not isinstance(tensors, (list, tuple)) or not isinstance(dim, int) or "out" in kwargs:
        return None
    shapes, dtypes = [], set()
    for each in tensors:
        shape = tuple(each.size())
        if not each.is_meta or not shape:
            return None
        shapes.append(shape)
        dtypes.add(each.dtype)
    return (cat(shapes, dim), dtypes.pop()) if len(dtypes) == 1 else None


def _stack(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Output | None:
    tensors = args[0] if args else kwargs.get("tensors")
    dim = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if not isinstance(tensors, (list, tuple)) or not isinstance(dim, int) or "out" in kwargs or not tensors:
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
    """Whole numbers from 0 to an end, of the type asked for."""
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


def _matmul(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    a, b = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "other")
    if b is None:
        b = kwargs.get("mat2")
    shapes = tuple(a.shape), tuple(b.shape)
    return OpRecord("matmul", path, kind, shapes, tuple(out.shape), functional=True)


def _called(name: str) -> Record:
    """A product of matrices that is asked for by name, which some counters see where they do not see ``@``."""

    def record(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
        return _matmul(args, kwargs, out, path, kind)._replace(options={"call": name})

    return record


def _linear(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    x, weight = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "weight")
    bias = argument(args, kwargs, 2, "bias") is not None
    shape = tuple(weight.shape)
    return OpRecord("linear", path, kind, (tuple(x.shape),), tuple(out.shape), shape, {"bias": bias}, functional=True)


def _conv2d(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    x, weight = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "weight")
    options = {
        "bias": argument(args, kwargs, 2, "bias") is not None,
        "groups": argument(args, kwargs, 6, "groups") or 1,
    }
    shape = tuple(weight.shape)
    return OpRecord("conv2d", path, kind, (tuple(x.shape),), tuple(out.shape), shape, options, functional=True)


def _attention(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    inputs = tuple(tuple(argument(args, kwargs, i, n).shape) for i, n in enumerate(("query", "key", "value")))
    return OpRecord("scaled_dot_product_attention", path, kind, inputs, tuple(out.shape), functional=True)


def _einsum(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    equation, *operands = args  # torch has already written letters for operands given with lists of axes
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = list(operands[0])
    operator = "einsum" if len(operands) <= 2 else "einsum of several"  # its order of products is not in the call
    inputs = tuple(tuple(each.shape) for each in operands)
    return OpRecord(operator, path, kind, inputs, tuple(out.shape), options={"equation": equation}, functional=True)


def _matmul_method(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    record = _matmul(args, kwargs, out, path, kind)
    return record if by_operator("matmul") else record._replace(options={"call": "matmul"})


RECORDS: Mapping[Any, Record] = {
    T.__matmul__: _matmul,
    T.matmul: _matmul_method,
    torch.matmul: _called("matmul"),
    **dict.fromkeys((torch.bmm, T.bmm), _called("bmm")),
    nn.functional.linear: _linear,
    torch.conv2d: _conv2d,
    torch.einsum: _einsum,
    nn.functional.scaled_dot_product_attention: _attention,
    **FUNCTIONS,
}

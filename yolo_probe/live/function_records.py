"""Records of torch's functions that multiply and add, for the modules that call them without a module of torch.

``RECORDS`` has every function that some counter charges, and every function that does such work even if a counter has
no rule for it; ``custom`` is for the operators of other libraries (torchvision's deformable convolution), whose cost is
not known. A function that only moves values has no record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from inspect import currentframe
from math import prod
from typing import Any

import torch
from torch import nn

from yolo_probe.live.description import tensors_in
from yolo_probe.live.named_calls import Named
from yolo_probe.model.operators import OpRecord, each_axis
from yolo_probe.model.structure import Shape

Record = Callable[[Sequence[Any], Mapping[str, Any], Any, str, str], OpRecord]
T = torch.Tensor
F = nn.functional


_ALIASES: Mapping[str, tuple[str, ...]] = {
    "input": ("x", "a", "x1"),
    "other": ("mat2", "x2", "tensor2"),
    "mat1": ("input",),
    "dim": ("axis",),
    "tensors": ("arrays",),
}
"""Other names that torch accepts for an argument, taken from NumPy."""


def argument(args: Sequence[Any], kwargs: Mapping[str, Any], place: int, name: str) -> Any:
    """An argument of a call, by position or by one of its names; None if it is not given."""
    if len(args) > place:
        return args[place]
    return next((kwargs[each] for each in (name, *_ALIASES.get(name, ())) if each in kwargs), None)


def _shapes(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Shape, ...]:
    """Shapes of all tensors among the arguments."""
    found: list[Shape] = []
    for each in (*args, *kwargs.values()):
        inner = each if isinstance(each, (list, tuple)) else (each,)
        found += [tuple(x.shape) for x in inner if isinstance(x, T)]
    return tuple(found)


def _output(out: Any) -> Shape:
    """Shape of the first result."""
    first = out[0] if isinstance(out, (list, tuple)) and out else out
    return tuple(first.shape) if isinstance(first, T) else ()


def comes_from_training(*values: Any) -> bool:
    """Whether a tensor among values is computed from a parameter that trains; gradients are not recorded here."""
    return any(each.requires_grad or hasattr(each, _TRAINED) for each in tensors_in(values))


def keeps_gradients(func: Any) -> bool:
    """Whether what a function of torch gives trains where its inputs do: not new numbers, and not what is detached."""
    name = getattr(func, "__name__", "")
    return func not in _DETACHED and not name.startswith("new_") and not name.endswith("_like")


_DETACHED = frozenset({T.detach, T.data.__get__})


def mark_as_training(out: Any) -> None:
    """Remember of each tensor of a result that it is computed from a parameter that trains."""
    for each in out if isinstance(out, (list, tuple)) else (out,):
        if isinstance(each, T) and each.is_floating_point():
            setattr(each, _TRAINED, True)


_TRAINED = "_yolo_probe_trained"


def _named(operator: str) -> Record:
    """The record of an operator of which only the shapes are known."""

    def record(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
        return OpRecord(operator, path, kind, _shapes(args, kwargs), _output(out), functional=True)

    return record


def _product(operator: str, left: tuple[int, str], call: str = "") -> Record:
    """The record of a product of two matrices; the sum is over the last axis of the first.

    ``call``: how the function was called, for counters that see some of its names alone.
    """

    def record(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
        options: dict[str, Any] = {"products": prod(out.shape) * argument(args, kwargs, *left).shape[-1]}
        if call:
            options["call"] = call
        if kwargs.get("beta") == 0:  # the first input is not read
            options["adds"] = False
        return OpRecord(operator, path, kind, _shapes(args, kwargs), tuple(out.shape), (), options, functional=True)

    return record


def _convolution(operator: str) -> Record:
    def record(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
        x, weight = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "weight")
        options: dict[str, Any] = {
            "bias": argument(args, kwargs, 2, "bias") is not None,
            "groups": argument(args, kwargs, 6, "groups") or 1,
        }
        if isinstance(padding := argument(args, kwargs, 4, "padding"), str):
            options["padding"] = padding
        shape = tuple(weight.shape)
        if operator.startswith("conv_transpose"):
            for place, name, usual in ((3, "stride", 1), (4, "padding", 0), (7, "dilation", 1)):
                given = argument(args, kwargs, place, name)
                options[name] = each_axis(usual if given is None else given, len(shape) - 2)
        return OpRecord(operator, path, kind, (tuple(x.shape),), tuple(out.shape), shape, options, functional=True)

    return record


DEFORMABLE = "torchvision.ops.deform_conv.DeformConv2d"
"""The class of torchvision's module."""


def _deformable_convolution(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    """Record of torchvision's operator, under a name of its own where its module runs it, which two tools know."""
    x, weight, _, _, bias = args[:5]
    operator = "deformable_conv2d" if kind == DEFORMABLE else "deform_conv2d"
    options = {"bias": isinstance(bias, nn.Parameter), "mask": args[-1]}  # without a bias torchvision gives zeros
    shape = tuple(weight.shape)
    return OpRecord(operator, path, kind, (tuple(x.shape),), tuple(out.shape), shape, options, functional=True)


def _tensordot(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    a, b = argument(args, kwargs, 0, "a"), argument(args, kwargs, 1, "b")
    dims = argument(args, kwargs, 2, "dims")
    dims = 2 if dims is None else dims
    if isinstance(dims, int):
        axes = list(range(a.dim() - dims, a.dim()))
    else:
        axes = list(dims[0]) if isinstance(dims[0], (list, tuple)) else [dims[0]]
    options = {"products": prod(out.shape) * prod(a.shape[axis] for axis in axes)}
    shapes = tuple(a.shape), tuple(b.shape)
    return OpRecord("tensordot", path, kind, shapes, tuple(out.shape), (), options, functional=True)


def _inner(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    a, b = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "other")
    shapes = tuple(a.shape), tuple(b.shape)
    options = {"products": prod(out.shape) * a.shape[-1] if all(shapes) else 0}
    return OpRecord("inner", path, kind, shapes, tuple(out.shape), (), options, functional=True)


def attention_path(asked: bool, mask: Any, padding: Any, heads: int, inputs: Sequence[Shape]) -> Mapping[str, Any]:
    """Options of attention for what it runs inside: another function where no weights are asked, the sum with a mask.

    ``mask`` (L, S) or (N x heads, L, S) and ``padding`` (N, S): tensors or None; ``inputs``: as ``OpRecord`` has them.
    """
    hidden = {} if padding is None else {"hidden": True}
    if not asked:
        return {"path": "fused", **hidden}
    if mask is None and padding is None:
        return {}
    (length, batch, _), (keys, _, _) = inputs[:2]
    rows = 1 if mask is None else length
    images = batch * heads if padding is not None or mask.dim() == 3 else 1
    return {"path": "masked", "mask": images * rows * keys, **hidden}


def splits(query: Any, key: Any, value: Any) -> bool:
    """Whether attention splits its weights for keys and values alone: of another batch than the query's."""
    return key is value and query is not key and query.dim() == 3


def _attention_forward(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    names = ("query", "key", "value", "embed_dim_to_check", "num_heads", "in_proj_weight", "in_proj_bias", "bias_k")
    query, key, value, _, heads, _, bias, bias_k = (argument(args, kwargs, i, name) for i, name in enumerate(names))
    zeros = bool(argument(args, kwargs, 9, "add_zero_attn"))
    inputs = tuple(
        (len(x), 1, x.shape[1]) if x.dim() == 2 else (x.shape[0], x.shape[1], x.shape[2]) for x in (query, key, value)
    )
    options = {"heads": heads, "bias": bias is not None, "appended": (bias_k is not None) + zeros, "zeros": zeros}
    options["split"] = splits(query, key, value)
    padding, asked, mask = (
        argument(args, kwargs, place, name)
        for place, name in ((14, "key_padding_mask"), (15, "need_weights"), (16, "attn_mask"))
    )
    options |= attention_path(asked is not False, mask, padding, heads, inputs)
    return OpRecord("multi_head_attention", path, kind, inputs, tuple(out[0].shape), (), options, functional=True)


def _elementwise(operator: str, call: str = "") -> Record:
    """The record function for an elementwise function. ``call``: the method's name, if it is called by name."""
    options = {"call": call} if call else {}

    def record(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
        given = (*args, *kwargs.values()) if kwargs else args
        shapes = tuple([tuple(x.shape) for x in given if isinstance(x, T)])
        return OpRecord(operator, path, kind, shapes, tuple(out.shape), (), options, functional=True)

    return record


def _leaky_relu(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    record = _elementwise("leaky_relu")(args, kwargs, out, path, kind)
    return record._replace(options={"inplace": bool(argument(args, kwargs, 2, "inplace"))})


def _cat(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    tensors = argument(args, kwargs, 0, "tensors")
    return OpRecord("cat", path, kind, tuple([tuple(x.shape) for x in tensors]), tuple(out.shape), functional=True)


def interpolation(size: Any, scale: Any, mode: Any, recomputed: Any) -> dict[str, Any]:
    """Options of an interpolation."""
    options: dict[str, Any] = {"mode": mode or "nearest", "sized": size is not None}
    if isinstance(size, int):
        options["side"] = size
    if scale is not None:
        options["scale"] = tuple(scale) if isinstance(scale, (list, tuple)) else scale
        if recomputed or mode == "area":  # the size of the output is computed in Python
            options["recomputed"] = True
    return options


def _interpolation(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    names = ((1, "size"), (2, "scale_factor"), (3, "mode"), (5, "recompute_scale_factor"))
    size, scale, mode, recomputed = (argument(args, kwargs, *each) for each in names)
    options = interpolation(size, scale, mode, recomputed)
    if argument(args, kwargs, 6, "antialias"):
        options["antialias"] = True
    if _is_called_by(F.upsample, F.interpolate):
        options["old_name"] = True
    shapes = (tuple(argument(args, kwargs, 0, "input").shape),)
    return OpRecord("upsample", path, kind, shapes, tuple(out.shape), (), options, functional=True)


def _is_called_by(outer: Any, inner: Any) -> bool:
    """Whether one function of torch, of which torch dispatches nothing, has called another that is running."""
    frame = currentframe()
    while frame is not None and frame.f_code is not inner.__code__:
        frame = frame.f_back
    return frame is not None and frame.f_back is not None and frame.f_back.f_code is outer.__code__


def _sampling(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    options = {"mode": argument(args, kwargs, 2, "mode") or "bilinear"}
    shapes = _shapes(args, kwargs)
    return OpRecord("grid_sample", path, kind, shapes, tuple(out.shape), (), options, functional=True)


def _pooling(operator: str) -> Record:
    def record(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
        shapes = (tuple(argument(args, kwargs, 0, "input").shape),)
        return OpRecord(operator, path, kind, shapes, _output(out), functional=True)

    return record


def _average(axes: int, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    x, kernel, stride, padding = (
        argument(args, kwargs, i, name) for i, name in enumerate(("input", "kernel_size", "stride", "padding"))
    )
    inside = argument(args, kwargs, 5, "count_include_pad")
    options = {
        "kernel": each_axis(kernel, axes),
        "stride": each_axis(stride or kernel, axes),
        "padding": each_axis(padding or 0, axes),
        "inside": inside is not None and not inside,
        "number": isinstance(kernel, int),
    }
    shapes = (tuple(x.shape),)
    return OpRecord(f"avg_pool{axes}d", path, kind, shapes, tuple(out.shape), (), options, functional=True)


def _matmul(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    a, b = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "other")
    folded = _is_folded(a, b) if b.dim() == 1 else a.dim() == 1 and b.dim() > 2 and _is_folded(b.mT, a)
    options = {"folded": True} if folded else {}
    shapes = tuple(a.shape), tuple(b.shape)
    return OpRecord("matmul", path, kind, shapes, tuple(out.shape), (), options, functional=True)


def _is_folded(batch: torch.Tensor, vector: torch.Tensor) -> bool:
    """Whether torch takes a batch of matrices for one matrix, as it is to multiply each with a vector.

    It does where the vector trains, or where the batch lies so that nothing is copied.
    """
    if batch.dim() < 3 or comes_from_training(vector):
        return True
    shape, stride = batch.shape, batch.stride()
    return all(stride[i] == stride[i + 1] * shape[i + 1] for i in range(batch.dim() - 2))


def _called(name: str) -> Record:
    """The record of a product of matrices called by name; some counters see it and do not see ``@``."""

    def record(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
        made = _matmul(args, kwargs, out, path, kind)
        return made._replace(options={**made.options, "call": name})

    return record


def _linear(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    x, weight = argument(args, kwargs, 0, "input"), argument(args, kwargs, 1, "weight")
    given, shape = tuple(x.shape), tuple(weight.shape)
    if len(shape) == 1:
        return _called("linear")((x, weight), {}, out, path, kind)
    options: dict[str, Any] = {"bias": argument(args, kwargs, 2, "bias") is not None}
    if len(given) > 2:
        options["contiguous"] = x.is_contiguous()
    return OpRecord("linear", path, kind, (given,), tuple(out.shape), shape, options, functional=True)


def _attention(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    tensors = [argument(args, kwargs, place, name) for place, name in enumerate(("query", "key", "value"))]
    inputs = tuple(tuple(each.shape) for each in tensors)
    mask, dropout = argument(args, kwargs, 3, "attn_mask"), argument(args, kwargs, 4, "dropout_p")
    fits = _are_alike(inputs, bool(kwargs.get("enable_gqa"))) and all(each.stride(-1) == 1 for each in tensors)
    options = {"path": "fused"} if fits and not dropout and _fits_one_kernel(mask) else {}
    name = "scaled_dot_product_attention"
    return OpRecord(name, path, kind, inputs, tuple(out.shape), (), options, functional=True)


def _are_alike(inputs: Sequence[Shape], in_groups: bool) -> bool:
    """Whether query, key and value are as torch's one kernel for a CPU takes them; ``in_groups``: of heads."""
    query, key, value = inputs
    if len(query) != 4 or query[0] != key[0] or key[:2] != value[:2] or query[3] != value[3]:
        return False
    return query[1] == key[1] or in_groups


def _fits_one_kernel(mask: Any) -> bool:
    """Whether that kernel takes a mask: of two axes or four, and not one that trains, as it has no gradient of it."""
    return mask is None or (mask.dim() in (2, 4) and not comes_from_training(mask))


def _einsum(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    equation, *operands = args  # torch has already replaced lists of axes by letters
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = list(operands[0])
    inputs = tuple(tuple(each.shape) for each in operands)
    options: dict[str, Any] = {"equation": equation}
    if len(operands) <= 2:
        return OpRecord("einsum", path, kind, inputs, tuple(out.shape), options=options, functional=True)
    options["products"] = _products_by_torch(torch.einsum, equation, *map(_meta, inputs))
    return OpRecord("einsum of several", path, kind, inputs, tuple(out.shape), options=options, functional=True)


def _multi_dot(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
    inputs = _shapes(args, kwargs)
    options = {"products": _products_by_torch(torch.linalg.multi_dot, list(map(_meta, inputs)))}
    return OpRecord("multi_dot", path, kind, inputs, tuple(out.shape), (), options, functional=True)


def _meta(shape: Shape) -> torch.Tensor:
    return torch.empty(shape, device="meta")


def _products_by_torch(function: Callable[..., Any], *args: Any) -> int:
    """The products that a function of several tensors runs: only torch knows in which order it multiplies them."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        function(*args)
    return int(counter.get_total_flops()) // 2


def _normalization(operator: str, weight_place: int) -> Record:
    def record(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
        x, weight = argument(args, kwargs, 0, "input"), argument(args, kwargs, weight_place, "weight")
        options: dict[str, Any] = {"affine": weight is not None}
        if operator == "batch_norm":
            options["training"] = bool(argument(args, kwargs, 5, "training"))
        shape = () if weight is None else tuple(weight.shape)
        return OpRecord(operator, path, kind, (tuple(x.shape),), tuple(out.shape), shape, options, functional=True)

    return record


def _under_no_replaced_name(record: Record) -> Record:
    """The record of a function by a name that no tool replaces, beside one in torch.nn.functional that tools do."""

    def marked(args: Sequence[Any], kwargs: Mapping[str, Any], out: Any, path: str, kind: str) -> OpRecord:
        made = record(args, kwargs, out, path, kind)
        return made._replace(options={**made.options, "held": True})

    return marked


def _as_it_is(record: Record) -> Record:
    return record


ELEMENTWISE_FUNCTIONS: Mapping[Any, Record] = {
    torch.add: _elementwise("add", "add"),
    torch.mul: _elementwise("mul", "mul"),
    Named.add: _elementwise("add", "add"),
    Named.mul: _elementwise("mul", "mul"),
    **dict.fromkeys((T.add, T.__add__, T.__radd__, T.__iadd__, T.add_), _elementwise("add")),
    **dict.fromkeys(
        (torch.multiply, T.multiply, T.mul, T.__mul__, T.__rmul__, T.__imul__, T.mul_), _elementwise("mul")
    ),
    **dict.fromkeys((torch.sub, T.sub, T.subtract, T.__sub__, T.__rsub__, T.__isub__, T.sub_), _elementwise("sub")),
    **dict.fromkeys((torch.div, T.div, T.divide, T.__truediv__, T.__itruediv__, T.div_), _elementwise("div")),
    **dict.fromkeys((T.__rtruediv__, T.__rdiv__), _elementwise("div", "1 / x")),
    **dict.fromkeys((torch.pow, T.pow, T.__pow__, T.__rpow__, T.pow_, torch.square, T.square), _elementwise("pow")),
    **dict.fromkeys((torch.exp, T.exp), _elementwise("exp")),
    **dict.fromkeys((torch.sigmoid, T.sigmoid), _elementwise("sigmoid")),
    **dict.fromkeys((torch.softmax, T.softmax), _elementwise("softmax")),
    **dict.fromkeys((torch.mean, T.mean), _elementwise("mean")),
    **dict.fromkeys((torch.erf, T.erf), _named("erf")),
    **dict.fromkeys((torch.cumsum, T.cumsum), _named("cumsum")),
    **dict.fromkeys((torch.cumprod, T.cumprod), _named("cumprod")),
    **dict.fromkeys((torch.var, T.var), _named("var")),
    **dict.fromkeys((torch.std, T.std), _named("std")),
    F.softmax: _elementwise("softmax", "softmax"),
    F.relu: _elementwise("relu"),
    F.relu6: _elementwise("relu6"),
    F.leaky_relu: _leaky_relu,
    F.elu: _elementwise("elu"),
    F.gelu: _elementwise("gelu"),
    F.silu: _elementwise("silu"),
    F.prelu: _elementwise("prelu"),
    **{
        getattr(F, name): _elementwise(name)
        for name in (
            *("celu", "selu", "hardsigmoid", "hardswish", "hardtanh", "logsigmoid", "mish", "softplus", "softsign"),
            *("tanhshrink", "softshrink", "hardshrink", "threshold", "rrelu", "log_softmax"),
        )
    },
    **dict.fromkeys((torch.tanh, T.tanh, T.tanh_), _elementwise("tanh")),
    **dict.fromkeys((torch.log_softmax, T.log_softmax), _elementwise("log_softmax")),
    # no tool replaces these names, which it does with those of torch.nn.functional
    **dict.fromkeys(
        (
            *(torch.relu, torch.relu_, T.relu, T.relu_, F.relu_, F.leaky_relu_, F.elu_, F.selu_, F.celu_, F.hardtanh_),
            *(F.rrelu_, F.threshold_, torch.selu, torch.celu, T.prelu, T.sigmoid_, torch.sigmoid_, T.hardshrink),
        ),
        _elementwise("activation"),
    ),
    torch.cat: _cat,
    F.interpolate: _interpolation,
    **{
        getattr(space, f"{name}{axes}d{more}"): seen(_pooling(f"{name}{axes}d"))
        for axes in (1, 2, 3)
        for name in ("max_pool", "adaptive_max_pool", "adaptive_avg_pool")
        for more in ("", "_with_indices")
        for space, seen in ((torch, _under_no_replaced_name), (F, _as_it_is))  # some are in both, as F names them
        if hasattr(space, f"{name}{axes}d{more}")
    },
    **{getattr(F, f"avg_pool{axes}d"): partial(_average, axes) for axes in (1, 2, 3)},
    F.glu: _elementwise("glu"),
}
"""Elementwise functions and reductions: what counters charge apart from products."""

TRANSFORMS = ("fft", "ifft", "rfft", "irfft", "fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn")
"""Functions of ``torch.fft``."""

RECORDS: Mapping[Any, Record] = {
    **dict.fromkeys((T.__matmul__, T.matmul), _matmul),
    Named.matmul: _called("matmul"),
    torch.matmul: _called("matmul"),
    **dict.fromkeys((torch.bmm, T.bmm), _called("bmm")),
    F.linear: _linear,
    torch.einsum: _einsum,
    F.scaled_dot_product_attention: _attention,
    torch.conv2d: _convolution("conv2d"),
    F.batch_norm: _normalization("batch_norm", 3),
    F.instance_norm: _normalization("instance_norm", 3),
    F.group_norm: _normalization("group_norm", 2),
    F.layer_norm: _normalization("layer_norm", 2),
    torch.batch_norm: _under_no_replaced_name(_normalization("batch_norm", 1)),
    torch.instance_norm: _under_no_replaced_name(_normalization("instance_norm", 1)),
    torch.group_norm: _under_no_replaced_name(_normalization("group_norm", 2)),
    torch.layer_norm: _under_no_replaced_name(_normalization("layer_norm", 2)),
    F.multi_head_attention_forward: _attention_forward,
    torch.conv1d: _convolution("conv1d"),
    torch.conv3d: _convolution("conv3d"),
    torch.conv_transpose1d: _convolution("conv_transpose1d"),
    torch.conv_transpose2d: _convolution("conv_transpose2d"),
    torch.conv_transpose3d: _convolution("conv_transpose3d"),
    torch.tensordot: _tensordot,
    **dict.fromkeys((torch.mm, T.mm), _product("mm", (0, "input"))),
    **dict.fromkeys((torch.addmm, T.addmm), _product("addmm", (1, "mat1"))),
    torch.baddbmm: _product("baddbmm", (1, "batch1"), "baddbmm"),
    T.baddbmm: _product("baddbmm", (1, "batch1"), "a tensor's baddbmm"),
    **dict.fromkeys((torch.addbmm, T.addbmm), _named("addbmm")),
    **dict.fromkeys((torch.mv, T.mv), _named("mv")),
    **dict.fromkeys((torch.inner, T.inner), _inner),
    torch.linalg.matmul: _product("linalg.matmul", (0, "input")),
    T.__rmatmul__: _product("matmul from the right", (1, "other")),
    **dict.fromkeys((torch.linalg.multi_dot, torch.chain_matmul), _multi_dot),
    torch.bilinear: _named("bilinear"),
    torch.cdist: _named("cdist"),
    F.grid_sample: _sampling,
    torch.convolution: _named("convolution"),
    **dict.fromkeys((torch.dot, T.dot), _named("dot")),
    **dict.fromkeys((torch.outer, T.outer), _named("outer")),
    **dict.fromkeys((torch.kron, T.kron), _named("kron")),
    **dict.fromkeys((torch.matrix_exp, T.matrix_exp), _named("matrix_exp")),
    **{getattr(torch.linalg, name): _named(f"linalg.{name}") for name in ("inv", "solve", "qr", "svd", "eigh")},
    **{getattr(torch.fft, name): _named(f"fft.{name}") for name in TRANSFORMS},
    **ELEMENTWISE_FUNCTIONS,
}
"""By function. If one of these calls another inside, only the outer one is recorded, as thop sees it."""


_NO_ARITHMETIC = frozenset(
    # views and copies
    "view view_as reshape reshape_as permute transpose t swapaxes swapdims movedim moveaxis flatten unflatten ravel "
    "squeeze squeeze_ unsqueeze unsqueeze_ expand expand_as broadcast_to broadcast_tensors repeat repeat_interleave "
    "tile chunk split split_with_sizes tensor_split hsplit vsplit unbind narrow select index_select masked_select take "
    "take_along_dim gather scatter scatter_ index_put index_put_ index_copy index_copy_ index_fill index_fill_ "
    "__getitem__ __setitem__ contiguous clone detach detach_ to type type_as float half bfloat16 double int long bool "
    "cpu cuda copy_ fill_ zero_ masked_fill masked_fill_ masked_scatter where roll flip fliplr flipud rot90 tril triu "
    "diag diagonal diag_embed stack hstack vstack dstack column_stack concat concatenate block_diag pad pixel_shuffle "
    "pixel_unshuffle channel_shuffle unfold as_strided real imag view_as_real view_as_complex resolve_conj dropout "
    "dropout1d dropout2d dropout3d one_hot max_unpool1d max_unpool2d max_unpool3d fractional_max_pool2d "
    "fractional_max_pool3d fractional_max_pool2d_with_indices fractional_max_pool3d_with_indices embedding "
    "numpy __deepcopy__ requires_grad_ "
    # new tensors
    "zeros ones empty full arange linspace logspace eye tensor as_tensor from_numpy scalar_tensor zeros_like ones_like "
    "empty_like full_like rand randn randint randperm rand_like randn_like randint_like new_zeros new_ones new_empty "
    "new_full new_tensor meshgrid tril_indices triu_indices cartesian_prod bernoulli multinomial normal "
    "normal_ uniform_ "
    # properties of a tensor, and comparisons
    "__get__ __set__ __delete__ size dim ndimension numel nelement stride storage_offset is_floating_point is_complex "
    "is_contiguous element_size get_device item tolist data_ptr is_same_size __len__ __bool__ __int__ __float__ "
    "__index__ __iter__ __contains__ __hash__ __format__ __repr__ eq ne lt le gt ge __eq__ __ne__ __lt__ __le__ __gt__ "
    "__ge__ __and__ __or__ __xor__ __invert__ logical_and logical_or logical_not bitwise_and bitwise_or bitwise_not "
    "isnan isinf isfinite any all equal allclose sort argsort topk argmax argmin max min amax amin maximum minimum "
    "clamp clamp_ clamp_min clamp_max clip nonzero unique kthvalue median searchsorted bucketize round floor ceil "
    "trunc sign neg __neg__ abs __abs__ "
    # what computes nothing
    "_assert device dtype complex _set_grad_enabled".split()
)
"""Names of torch's functions that move, make, choose or compare values; no counter charges them."""


def other(func: Any) -> Record | None:
    """Record of any other function of torch that computes, by its name: ``tanh()``; None for one that does not."""
    name = getattr(func, "__name__", "")
    return None if not name or name in _NO_ARITHMETIC else _named(f"{name}()")


def custom(func: Any) -> Record | None:
    """Record of an operator that torch itself does not define, as torchvision's; None for every other function.

    Only torchvision's have their bare name, ``nms``: ``quantized.linear`` is not torch's ``linear``.
    """
    if isinstance(func, torch._ops.OpOverload):
        func = func.overloadpacket
    if not isinstance(func, torch._ops.OpOverloadPacket):
        return None
    library, _, name = func._qualified_op_name.partition("::")
    if library in ("aten", "prims", "prim", "profiler"):
        return None
    if (library, name) == ("torchvision", "deform_conv2d"):
        return _deformable_convolution
    return _named(name if library == "torchvision" else f"{library}.{name}")

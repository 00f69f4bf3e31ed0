"""The forward pass of each module of torch that a network of YOLOv5 has, on shapes: one block for each class."""

from __future__ import annotations

from math import prod

from yolo_probe.errors import shown
from yolo_probe.model import operators
from yolo_probe.model.forward import Block, Frame, Value, block
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape


@block("nn.Sequential", takes="several")
def sequential(f: Frame, x: Value) -> Value:
    for name in f.module.children:
        x = f.current.call(f.module.child(name), f"{f.path}.{name}", x)
    return x


@block("nn.Conv2d")
def conv2d(f: Frame, x: Shape) -> Shape:
    weight = f.weight()
    groups = f.get("groups", int)
    padding = f.module.attributes["padding"]
    pads = padding if isinstance(padding, str) else f.pair("padding")
    out = operators.conv2d(x, weight, f.pair("stride"), pads, f.pair("dilation"), groups)
    mode = f.module.attributes.get("padding_mode", "zeros")
    if mode in ("reflect", "circular"):
        spans = [side * (kernel - 1) for side, kernel in zip(f.pair("dilation"), weight[2:], strict=True)]
        sides = (
            pads if not isinstance(pads, str) else [span - span // 2 for span in spans] if pads == "same" else (0, 0)
        )
        operators.check_border(x, sides[0], sides[1], mode)
    options: dict[str, object] = {"bias": "bias" in f.module.parameters, "groups": groups}
    if isinstance(padding, str) and mode == "zeros":
        options["padding"] = padding
    return f.record("conv2d", (x,), out, weight, **options)


@block("nn.Conv1d")
def conv1d(f: Frame, x: Shape) -> Shape:
    weight, groups = f.weight(), f.get("groups", int)
    stride, padding, dilation = (f.get(name, tuple)[0] for name in ("stride", "padding", "dilation"))
    if len(x) != 3 or x[1] != weight[1] * groups:
        raise ShapeError(f"conv1d: found an input of shape {x}, expected {weight[1] * groups} channels")
    length = (x[2] + 2 * padding - dilation * (weight[2] - 1) - 1) // stride + 1
    bias = "bias" in f.module.parameters
    return f.record("conv1d", (x,), (x[0], weight[0], length), weight, bias=bias, groups=groups)


@block("nn.Unfold")
def unfold(f: Frame, x: Shape) -> Shape:
    kernel, stride, padding, dilation = (f.pair(name) for name in ("kernel_size", "stride", "padding", "dilation"))
    _, _, h, w = operators.pool2d(x, kernel, stride, padding, dilation, False)
    return f.copy(x, (x[0], x[1] * kernel[0] * kernel[1], h * w))


@block("nn.ConvTranspose2d")
def conv_transpose2d(f: Frame, x: Shape) -> Shape:
    weight = f.weight()
    groups = f.get("groups", int)
    stride, padding, extra, dilation = (f.pair(name) for name in ("stride", "padding", "output_padding", "dilation"))
    out = operators.conv_transpose2d(x, weight, stride, padding, extra, dilation, groups)
    return f.record(
        "conv_transpose2d", (x,), out, weight, bias="bias" in f.module.parameters, groups=groups, stride=stride,
        padding=padding, dilation=dilation,
    )  # fmt: skip


@block("nn.BatchNorm2d", "nn.SyncBatchNorm")
def batch_norm(f: Frame, x: Shape) -> Shape:
    weight = f.module.parameters.get("weight")
    features = f.get("num_features", int) if weight is None else weight.shape[0]  # as torch, which asks its tensors
    if len(x) != 4 or x[1] != features:
        raise ShapeError(f"batch_norm: found an input of shape {x}, expected {features} channels")
    training = f.current.training or f.module.attributes.get("track_running_stats") is False
    if training and x[0] * prod(x[2:]) == 1:
        raise ShapeError("batch_norm: found 1 value in each channel, of which training takes no mean, expected more")
    return f.record("batch_norm", (x,), x, affine=f.get("affine", bool), training=training)


def _norm(operator: str, affine: str) -> Block:
    """The block of a normalization, which keeps the shape; ``affine``: the name of its flag."""

    def norm(f: Frame, x: Shape) -> Shape:
        weight = f.module.parameters.get("weight")
        shape = () if weight is None else tuple(weight.shape)
        shifts = {} if weight is None or f.module.parameters.get("bias") else {"shift": False}
        return f.record(operator, (x,), x, shape, affine=f.flag(affine), **shifts)

    return norm


block("nn.LayerNorm")(_norm("layer_norm", "elementwise_affine"))


@block("nn.GroupNorm")
def group_norm(f: Frame, x: Shape) -> Shape:
    groups = f.get("num_groups", int)
    if groups > 0 and x[0] * x[1] // groups * prod(x[2:]) == 1:
        raise ShapeError("group_norm: found 1 value in each group, of which torch takes no mean, expected more")
    return _norm("group_norm", "affine")(f, x)  # type: ignore[return-value]  # a norm gives one shape


@block("nn.InstanceNorm2d")
def instance_norm(f: Frame, x: Shape) -> Shape:
    uses_input = f.current.training or not f.flag("track_running_stats")
    if uses_input and prod(x[2:]) == 1:
        raise ShapeError("instance_norm: found 1 value in each channel, of which torch takes no mean, expected more")
    return _norm("instance_norm", "affine")(f, x)  # type: ignore[return-value]  # a norm gives one shape


@block("nn.Linear")
def linear(f: Frame, x: Shape) -> Shape:
    weight, bias = f.weight(), "bias" in f.module.parameters
    return f.record("linear", (x,), operators.linear(x, weight), weight, bias=bias, contiguous=True)


def from_scattered(f: Frame, x: Shape) -> Shape:
    """Output of an ``nn.Linear`` whose input is not contiguous: torch then adds the bias as a second operator."""
    weight, bias = f.weight(), "bias" in f.module.parameters
    whole = not bias or len(x) < 3
    out = f.record("linear", (x,), operators.linear(x, weight), weight, bias=bias, contiguous=whole)
    return f.called(x, out)


def multi_head_attention(
    f: Frame, q: Shape, k: Shape, v: Shape, *, operator: str = "multi_head_attention", **path: object
) -> Shape:
    """The first output of ``nn.MultiheadAttention``: query (L, N, E), key and value (S, N, E) give (L, N, E).

    ``path``: options for what it runs inside, where that is not the usual.
    """
    heads = f.get("num_heads", int)
    zeros = bool(f.module.attributes.get("add_zero_attn"))
    appended = ("bias_k" in f.module.parameters) + zeros
    bias = "in_proj_bias" in f.module.parameters
    out = f.record(operator, (q, k, v), q, (), heads=heads, bias=bias, appended=appended, zeros=zeros, **path)
    return f.called([q, k, v], out)


@block("nn.MaxPool2d")
def max_pool2d(f: Frame, x: Shape) -> Shape:
    kernel, stride, padding, dilation = (f.pair(name) for name in ("kernel_size", "stride", "padding", "dilation"))
    if f.module.attributes.get("return_indices"):
        raise ShapeError("found return_indices, with which it has two outputs, expected one")
    out = operators.pool2d(x, kernel, stride, padding, dilation, f.get("ceil_mode", bool))
    return f.record("max_pool2d", (x,), out)


@block("nn.AvgPool2d")
def avg_pool2d(f: Frame, x: Shape) -> Shape:
    kernel, stride, padding = (f.pair(name) for name in ("kernel_size", "stride", "padding"))
    out = operators.pool2d(x, kernel, stride, padding, 1, f.get("ceil_mode", bool))
    inside = not f.get("count_include_pad", bool)
    number = isinstance(f.module.attributes["kernel_size"], int)
    return f.record(
        "avg_pool2d", (x,), out, kernel=kernel, stride=stride, padding=padding, inside=inside, number=number
    )


def _adaptive_pool2d(operator: str) -> Block:
    """The block of a pooling to a given size."""

    def adaptive_pool2d(f: Frame, x: Shape) -> Shape:
        size = f.module.attributes["output_size"]
        sizes = size if isinstance(size, tuple | list) else (size, size)
        if len(sizes) != 2 or not all(side is None or (type(side) is int and side > 0) for side in sizes):
            raise ShapeError(f"found output_size={shown(size)}, expected one or two integers")
        return f.record(operator, (x,), operators.adaptive_pool2d(x, sizes))

    return adaptive_pool2d


for _name, _operator in (("Avg", "avg"), ("Max", "max")):
    block(f"nn.Adaptive{_name}Pool2d")(_adaptive_pool2d(f"adaptive_{_operator}_pool2d"))


@block("nn.AdaptiveAvgPool1d")
def adaptive_pool1d(f: Frame, x: Shape) -> Shape:
    size = f.module.attributes["output_size"]
    length = size[0] if isinstance(size, tuple | list) and size else size
    if not (length is None or (type(length) is int and length > 0)):
        raise ShapeError(f"found output_size={shown(size)}, expected an integer")
    return f.record("adaptive_avg_pool1d", (x,), x if length is None else (*x[:-1], length))


@block("nn.Upsample", "nn.UpsamplingNearest2d", "nn.UpsamplingBilinear2d")
def upsample(f: Frame, x: Shape) -> Shape:
    side, scale = f.module.attributes["size"], f.module.attributes["scale_factor"]
    size = None if side is None else f.pair("size")
    if not (scale is None or isinstance(scale, int | float | tuple | list)):
        raise ShapeError(f"found scale_factor={shown(scale)}, expected a number")
    mode = f.get("mode", str)
    if mode not in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        raise ShapeError(f"found mode={shown(mode)}, expected nearest, bilinear or bicubic")
    out = operators.upsample(x, size, scale)
    scale = tuple(scale) if isinstance(scale, list) else scale
    if f.module.attributes.get("recompute_scale_factor"):
        return f.record("upsample", (x,), out, mode=mode, sized=False, scale=scale, recomputed=True)
    number = side if isinstance(side, int) else None
    return f.record("upsample", (x,), out, mode=mode, sized=size is not None, scale=scale, side=number)


@block("nn.ZeroPad2d", "nn.ReflectionPad2d", "nn.ReplicationPad2d", "nn.ConstantPad2d")
def pad2d(f: Frame, x: Shape) -> Shape:
    padding = f.module.attributes["padding"]
    if not (type(padding) is int or (isinstance(padding, tuple | list) and len(padding) == 4)):
        raise ShapeError(f"found padding={shown(padding)}, expected one or four integers")
    return f.record(
        "pad2d", (x,), operators.pad2d(x, padding, "reflect" if f.module.kind == "nn.ReflectionPad2d" else "constant")
    )


@block("nn.Flatten")
def flatten(f: Frame, x: Shape) -> Shape:
    return f.keep("flatten", x, operators.flatten(x, f.get("start_dim", int), f.get("end_dim", int)))


@block("nn.PixelShuffle")
def pixel_shuffle(f: Frame, x: Shape) -> Shape:
    return f.record("pixel_shuffle", (x,), operators.pixel_shuffle(x, f.get("upscale_factor", int)))


@block("nn.PixelUnshuffle")
def pixel_unshuffle(f: Frame, x: Shape) -> Shape:
    return f.record("pixel_unshuffle", (x,), operators.pixel_unshuffle(x, f.get("downscale_factor", int)))


@block("nn.Softmax")
def softmax(f: Frame, x: Shape) -> Shape:
    dim = f.module.attributes["dim"]
    if not isinstance(dim, int):  # what torch chooses, with a warning, where no dim is given
        dim = 0 if len(x) in (0, 1, 3) else 1
    return f.record("softmax", (x,), x, dim=dim)


ELEMENTWISE = {
    "nn.SiLU": "silu",
    "nn.ReLU": "relu",
    "nn.ReLU6": "relu6",
    "nn.LeakyReLU": "leaky_relu",
    "nn.ELU": "elu",
    "nn.SELU": "selu",
    "nn.CELU": "celu",
    "nn.GELU": "gelu",
    "nn.Mish": "mish",
    "nn.Hardswish": "hardswish",
    "nn.Hardsigmoid": "hardsigmoid",
    "nn.Hardtanh": "hardtanh",
    "nn.LogSigmoid": "logsigmoid",
    "nn.Sigmoid": "sigmoid",
    "nn.Softplus": "softplus",
    "nn.Tanh": "tanh",
    "nn.Dropout": "dropout",
    "nn.Dropout2d": "dropout",
    "nn.Identity": "identity",
}
"""Kinds of modules that change each value alone, and the operator that each runs."""


def _elementwise(operator: str) -> Block:
    """The block of a module that changes each value alone, which keeps the shape."""

    def elementwise(f: Frame, x: Shape) -> Shape:
        if isinstance(x, list):  # nn.Identity returns whatever it gets
            return x
        nothing = operator in ("identity", "dropout") and not f.current.training
        if nothing:
            return f.keep(operator, x, x)
        in_place = f.module.attributes.get("inplace") is True
        return f.keep(operator, x, x, inplace=True) if in_place else f.record(operator, (x,), x)

    return elementwise


@block("nn.PReLU")
def prelu(f: Frame, x: Shape) -> Shape:
    return f.record("prelu", (x,), x, f.weight())


for _kind, _operator in ELEMENTWISE.items():
    block(_kind, takes="several" if _kind == "nn.Identity" else "one")(_elementwise(_operator))

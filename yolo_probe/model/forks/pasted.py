"""Blocks that people paste into YOLOv5's models/common.py, in the forms that are found most often.

Each is known by the names of what it holds. ``fuse()`` of YOLOv5 touches none of them, only each Conv inside.
"""

from __future__ import annotations

from functools import partial
from math import prod

from yolo_probe.model.forks.yolov5_lite import hswish
from yolo_probe.model.forward import Frame, Value, block
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Module, Shape
from yolo_probe.model.torch_blocks import from_scattered
from yolo_probe.model.yolov5_blocks import corners, several, sppf

pasted = partial(block, pasted=True)
"""Registers a block that people paste into YOLOv5."""


@pasted("C2f", holds="cv1 cv2 m", sets="c")
def c2f(f: Frame, x: Shape) -> Shape:
    parts = list(f.halves(f("cv1", x)))
    inside = f.inside("m")
    for name in inside.module.children:
        parts.append(inside(name, parts[-1]))
    return f("cv2", f.cat(parts))


# Squeeze and excitation


@pasted("SE", "SELayer", holds="avgpool l1 relu l2 sig")
def se(f: Frame, x: Shape) -> Shape:
    n, c, *_ = x
    y = f.view(f("avgpool", x), (n, c))
    return f.mul(x, f.view(f("sig", f("l2", f("relu", f("l1", y)))), (n, c, 1, 1)))


@pasted(
    "SE", "SEAttention", "SELayer", "SEBlock", "SEModule", "se_block", holds="avg_pool fc", sets="channel? reduction?"
)
def se_of_linear(f: Frame, x: Shape) -> Shape:
    n, c, *_ = x
    y = f("fc", f.view(f("avg_pool", x), (n, c)))
    return f.mul(x, f.view(y, (n, c, 1, 1)))


@pasted("ECA", "eca_layer", "ECAAttention", "ECALayer", holds="avg_pool conv sigmoid", sets="k_size?")
def eca(f: Frame, x: Shape) -> Shape:
    n, c, *_ = f("avg_pool", x)
    y = f("sigmoid", f.view(f("conv", (n, 1, c)), (n, c, 1, 1)))
    return f.mul(x, y)


@pasted("EffectiveSELayer", holds="fc act")
def effective_se(f: Frame, x: Shape) -> Shape:
    n, c, *_ = x
    y = f.function("mean", (x,), (n, c, 1, 1))
    return f.mul(x, f("act", f("fc", y)))


# Channel and spatial attention


@pasted("ChannelAttention", "ChannelAttentionModule", holds="avg_pool max_pool f1 relu f2 sigmoid")
def channel_attention(f: Frame, x: Shape) -> Shape:
    return _of_both_pools(f, x, "f1", "relu", "f2")


@pasted("ChannelAttention", "ChannelAttentionModule", holds="avg_pool max_pool fc1 relu1 fc2 sigmoid")
def channel_attention_numbered(f: Frame, x: Shape) -> Shape:
    return _of_both_pools(f, x, "fc1", "relu1", "fc2")


def _of_both_pools(f: Frame, x: Shape, *names: str) -> Shape:
    """The sigmoid of what these modules make of the averages, plus what they make of the largest values."""
    average, largest = f("avg_pool", x), x
    for name in names:
        average = f(name, average)
    for name in ("max_pool", *names):
        largest = f(name, largest)
    return f("sigmoid", f.add(average, largest))


@pasted("SpatialAttention", "SpatialAttentionModule", holds="conv sigmoid")
@pasted("SpatialAttention", "SpatialAttentionModule", holds="conv1 sigmoid")
def spatial_attention(f: Frame, x: Shape) -> Shape:
    n, _, h, w = x
    f.function("mean", (x,), (n, 1, h, w))
    y = f.cat([(n, 1, h, w), (n, 1, h, w)])
    return f("sigmoid", f("conv" if f.has("conv") else "conv1", y))


def _has_gates(module: Module) -> bool:
    """Whether its two parts multiply their input themselves, as those with ``light`` do."""
    return "light" in module.child("channel_attention").attributes


@pasted("CBAM", holds="channel_attention spatial_attention", when=_has_gates)
def cbam_of_whole_gates(f: Frame, x: Shape) -> Shape:
    return f("spatial_attention", f("channel_attention", x))


@pasted("CBAM", holds="channel_attention spatial_attention")
def cbam(f: Frame, x: Shape) -> Shape:
    x = f.mul(f("channel_attention", x), x)
    return f.mul(f("spatial_attention", x), x)


@pasted("ResBlock_CBAM", holds="bottleneck cbam downsample? relu", sets="expansion downsampling")
def residual_with_cbam(f: Frame, x: Shape) -> Shape:
    y = f("cbam", f("bottleneck", x))
    return f("relu", f.add(y, f("downsample", x) if f.flag("downsampling") else x))


@pasted("CBAM", holds="ca sa")
def cbam_short(f: Frame, x: Shape) -> Shape:
    x = f.mul(f("ca", x), x)
    return f.mul(f("sa", x), x)


@pasted("CoordAtt", "CA", "CABlock", holds="pool_h pool_w conv1 bn1 act conv_h conv_w")
def coordinate_attention(f: Frame, x: Shape) -> Shape:
    return _by_coordinates(f, x, (f("pool_h", x), f("pool_w", x)), "act", "conv_h", "conv_w")


@pasted("CA", holds="pool_h pool_w conv1 bn1 act1 conv2 conv3")
def coordinate_attention_numbered(f: Frame, x: Shape) -> Shape:
    return _by_coordinates(f, x, (f("pool_h", x), f("pool_w", x)), "act1", "conv2", "conv3")


@pasted("CoordAtt", "CA", "CABlock", holds="conv1 bn1 act conv_h conv_w")
def coordinate_attention_without_pools(f: Frame, x: Shape) -> Shape:
    """Its pools are made in each pass, so that counters which look at modules do not see them."""
    n, c, h, w = x
    means = [f.function("adaptive_avg_pool2d", (x,), shape) for shape in ((n, c, h, 1), (n, c, 1, w))]
    return _by_coordinates(f, x, (means[0], means[1]), "act", "conv_h", "conv_w")


def _by_coordinates(f: Frame, x: Shape, means: tuple[Shape, Shape], act: str, for_rows: str, for_columns: str) -> Shape:
    """The input times one number for each row and one for each column, made of the means of both."""
    n, c, h, w = x
    y = f.cat([means[0], f.view(means[1], (n, c, w, 1))], 2)
    y = f(act, f("bn1", f("conv1", y)))
    rows = f(for_rows, f.view(y, (n, y[1], h, 1)))
    columns = f(for_columns, f.view(y, (n, y[1], 1, w)))
    rows, columns = f.function("sigmoid", (rows,), rows), f.function("sigmoid", (columns,), columns)
    return f.mul(f.mul(x, columns), rows)


pasted("h_sigmoid", holds="relu")(hswish)


@pasted("h_swish", holds="sigmoid")
def h_swish(f: Frame, x: Shape) -> Shape:
    return f.mul(x, f("sigmoid", x))


@pasted("SimAM", holds="activaton", sets="e_lambda")
@pasted("SimAM", holds="activation", sets="e_lambda")
@pasted("SimAM", holds="act", sets="e_lambda")
def simam(f: Frame, x: Shape) -> Shape:
    n, c, *_ = x
    mean = f.function("mean", (x,), (n, c, 1, 1))
    y = f.function("pow", (f.function("sub", (x, mean), x),), x)
    f.function("sum()", (y,), (n, c, 1, 1))
    total = f.function("div", ((n, c, 1, 1),), (n, c, 1, 1))
    total = f.function("mul", (f.function("add", (total,), total),), total)
    y = f.function("add", (f.function("div", (y, total), y),), y)
    name = next(name for name in ("activaton", "activation", "act") if f.has(name))
    return f.mul(x, f(name, y))


@pasted("GAM_Attention", "GAMAttention", "GAM", holds="channel_attention spatial_attention")
def gam(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    inside = f.inside("channel_attention")
    # the axes are permuted, so the first linear layer gets a tensor that is not contiguous
    y = from_scattered(inside.inside("0"), (n, h * w, c))
    for name in list(inside.module.children)[1:]:
        y = inside(name, y)
    x = f.mul(x, f.view(y, x))
    y = f("spatial_attention", x)
    return f.mul(x, f.function("sigmoid", (y,), y))


# Light convolutions


@pasted("GSConv", holds="cv1 cv2")
def gs_conv(f: Frame, x: Shape) -> Shape:
    y = f("cv1", x)
    y = f.cat([y, f("cv2", y)])
    return f.copy(y, y)


@pasted("GSConvns", holds="cv1 cv2 shuf act")
def gs_conv_that_is_shuffled_by_a_convolution(f: Frame, x: Shape) -> Shape:
    y = f("cv1", x)
    return f("act", f("shuf", f.cat([y, f("cv2", y)])))


@pasted("GSBottleneck", "GSBottleneckC", holds="conv_lighting conv? shortcut")
def gs_bottleneck(f: Frame, x: Shape) -> Shape:
    return f.add(f("conv_lighting", x), f("shortcut", x))


@pasted("VoVGSCSP", "VoVGSCSPC", holds="cv1 cv2 gsb res? cv3")
def vov_gscsp(f: Frame, x: Shape) -> Shape:
    y = f("gsb", f("cv1", x))
    return f("cv3", f.cat([f("cv2", x), y]))


@pasted("space_to_depth", "space_to_Depth", "SPD", sets="d")
def space_to_depth(f: Frame, x: Shape) -> Shape:
    return corners(f, x)


# Pyramid pooling


@pasted("HSPP", holds="cv1 cv2 m1 m2 m3")
def hspp(f: Frame, x: Shape) -> Shape:
    parts = [f("cv1", x)]
    for name in ("m1", "m2", "m3"):
        parts.append(f(name, parts[-1]))
    return f("cv2", f.cat(parts))


pasted("SimSPPF", holds="cv1 cv2 m")(sppf)


# Between rows


_CONCATS = ("BiFPN_Concat2", "BiFPN_Concat3", "BiFPN_Concat", "Concat_BiFPN")


@pasted(*_CONCATS, sets="d epsilon", tensors="w", takes="several")
def bifpn_concat(f: Frame, x: Value) -> Shape:
    levels = _weighted(f, x)
    scaled = [f.function("mul", ((), each), each) for each in levels]
    return f.cat(scaled, f.get("d", int))


@pasted("BiFPN_Add2", "BiFPN_Add3", holds="conv silu", sets="epsilon", tensors="w", takes="several")
def bifpn_add(f: Frame, x: Value) -> Shape:
    return f("conv", f("silu", _weighted_sum(f, _weighted(f, x))))


@pasted("Concat_bifpn", holds="conv act", sets="epsilon", tensors="w1_weight w2_weight", takes="several")
def bifpn_add_of_two_or_three(f: Frame, x: Value) -> Shape:
    levels = _weighted(f, x, f"w{len(several(x)) - 1}_weight")
    return f("conv", f("act", _weighted_sum(f, levels)))


def _weighted_sum(f: Frame, levels: list[Shape]) -> Shape:
    total, *others = (f.function("mul", ((), each), each) for each in levels)
    for each in others:
        total = f.add(total, each)
    return total


def _weighted(f: Frame, x: Value, name: str = "w") -> list[Shape]:
    """The inputs, one for each weight; the weights are divided by their sum."""
    levels, weight = several(x), f.module.parameters[name].shape
    if len(levels) != prod(weight):
        raise ShapeError(f"found {len(levels)} inputs, expected {prod(weight)}, one for each weight")
    f.function("sum()", (weight,), ())
    f.function("add", ((),), ())
    f.function("div", (weight, ()), weight)
    return levels


@pasted("CARAFE", holds="comp enc pix_shf upsmp unfold", sets="scale")
def carafe(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    scale = f.get("scale", int)
    weights = f("pix_shf", f("enc", f("comp", x)))
    weights = f.function("softmax", (weights,), weights)
    taps = weights[1]
    f("upsmp", x)
    f.copy(x, (n, c, taps, h * scale, w * scale))
    inputs = (weights, (n, c, taps, h * scale, w * scale))
    return f.function("einsum", inputs, (n, c, h * scale, w * scale), equation="bkhw,bckhw->bchw")

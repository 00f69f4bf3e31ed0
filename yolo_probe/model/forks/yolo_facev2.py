"""YOLO-FaceV2, and what others took from it: blocks against occlusion, receptive fields that share weights, gates.

Source: https://github.com/Krasjet-Yu/YOLO-FaceV2 (2022), whose ``fuse()`` is that of YOLOv5 v5.0.
"""

from __future__ import annotations

from yolo_probe.model import operators
from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forward import Frame, Value
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import bottleneck, c3, several

# Against occlusion


@pasted("Residual", holds="fn")
def residual(f: Frame, x: Shape) -> Shape:
    return f.add(f("fn", x), x)


@pasted("SEAM", holds="DCovN avg_pool fc")
@pasted("ConvMixer", holds="DConvN avg_pool fc")
def seam(f: Frame, x: Shape) -> Shape:
    y = f("avg_pool", f("DCovN" if f.has("DCovN") else "DConvN", x))
    return _times_exponential(f, x, f.view(y, x[:2]))


@pasted("MultiSEAM", holds="DCovN0 DCovN1 DCovN2 avg_pool fc")
def multi_seam(f: Frame, x: Shape) -> Shape:
    sizes = [f(name, x) for name in ("DCovN0", "DCovN1", "DCovN2")]
    first, *others = (f.view(f("avg_pool", each), x[:2]) for each in (*sizes, x))
    for each in others:
        first = f.add(first, each)
    return _times_exponential(f, x, f.function("div", (first,), first))


def _times_exponential(f: Frame, x: Shape, y: Shape) -> Shape:
    """The input times e to the power of one number for each channel."""
    y = f.view(f("fc", y), (*x[:2], 1, 1))
    return f.mul(x, f.function("exp", (y,), y))


# Receptive fields


pasted("C3RFEM", holds="cv1 cv2 cv3 m")(c3)


@pasted("RFEM", holds="layer bn act")
def rfem(f: Frame, x: Shape) -> Shape:
    first, *others = several(f.current.call(f.module.child("layer"), f"{f.path}.layer", x))
    for each in (*others, x):
        first = f.add(first, each)
    return f("act", f("bn", first))


@pasted(
    "TridentBlock", holds="bn1 bn2 act", sets="stride c padding dilate bias?",
    tensors="share_weightconv1 share_weightconv2 bias?", takes="several",
)  # fmt: skip
def trident(f: Frame, x: Value) -> list[Shape]:
    """Three branches that share their weights, and differ in padding and dilation."""
    branches = several([x] * 3 if isinstance(x, tuple) else x)
    if isinstance(x, tuple) == (f.module.attributes["c"] is False):
        raise ShapeError(f"found {len(branches) if isinstance(x, list) else 1} inputs, expected what c says")
    return [_branch(f, each, i) for i, each in enumerate(branches)]


def _branch(f: Frame, x: Shape, number: int) -> Shape:
    sides = [f.get(name, list)[number] for name in ("padding", "dilate")]
    y = f("act", f("bn1", _shared(f, x, "share_weightconv1", 1, 0, 1)))
    y = f("bn2", _shared(f, y, "share_weightconv2", f.get("stride", int), *sides))
    return f("act", f.add(y, x))


def _shared(f: Frame, x: Shape, name: str, stride: int, padding: int, dilation: int) -> Shape:
    weight = f.module.parameters[name].shape
    out = operators.conv2d(x, weight, (stride,) * 2, (padding,) * 2, (dilation,) * 2, 1)
    return f.with_weight(weight, "conv2d", (x,), out, bias="bias" in f.module.parameters, groups=1)


# With a GroupNorm


pasted("Bottleneck_XBN", holds="cv1 cv2", sets="add")(bottleneck)


@pasted("XBNConv", holds="conv bn act")
def conv_norm_act(f: Frame, x: Shape) -> Shape:
    return f("act", f("bn", f("conv", x)))


# CBAM of gates


@pasted("CBAM", holds="ChannelGate SpatialGate?", sets="no_spatial")
def cbam_of_gates(f: Frame, x: Shape) -> Shape:
    x = f("ChannelGate", x)
    return x if f.flag("no_spatial") else f("SpatialGate", x)


@pasted("ChannelGate", holds="mlp", sets="gate_channels pool_types")
def channel_gate(f: Frame, x: Shape) -> Shape:
    first, *others = (f("mlp", _pooled(f, x, name)) for name in f.get("pool_types", list))
    for each in others:
        first = f.add(first, each)
    y = f.function("sigmoid", (first,), first)
    return f.mul(x, f.view(y, (*y, 1, 1)))


def _pooled(f: Frame, x: Shape, name: object) -> Shape:
    if name not in ("avg", "max"):
        raise ShapeError(f"found a pool of type {name}, expected avg or max")
    sides, out = x[2:], (*x[:2], 1, 1)
    if name == "max":
        return f.function("max_pool2d", (x,), out)
    options = {"kernel": sides, "stride": sides, "padding": (0, 0), "inside": False, "number": False}
    return f.function("avg_pool2d", (x,), out, **options)


@pasted("Flatten")
def flat(f: Frame, x: Shape) -> Shape:
    return f.view(x, operators.flatten(x))


@pasted("SpatialGate", holds="compress spatial")
def spatial_gate(f: Frame, x: Shape) -> Shape:
    y = f("spatial", f("compress", x))
    return f.mul(x, f.function("sigmoid", (y,), y))


@pasted("ChannelPool")
def channel_pool(f: Frame, x: Shape) -> Shape:
    n, _, h, w = x
    y = f.view(f.function("mean", (x,), (n, h, w)), (n, 1, h, w))
    return f.cat([(n, 1, h, w), y])


@pasted("BasicConv", holds="conv bn? relu?", sets="out_channels bn? relu?")
def basic_conv(f: Frame, x: Shape) -> Shape:
    x = f("conv", x)
    for name in ("bn", "relu"):
        x = f(name, x) if f.has(name) else x
    return x


@pasted("EMA", holds="softmax agp pool_h pool_w gn conv1x1 conv3x3", sets="groups")
def multi_scale_attention(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    groups = f.get("groups", int)
    if groups < 1 or c % groups:
        raise ShapeError(f"found groups={groups}, expected a divisor of {c} channels")
    grouped = f.view(x, (n * groups, c // groups, h, w))
    first = f("gn", _by_rows_and_columns(f, grouped))
    second = f("conv3x3", grouped)
    weights = f.add(_by_channels(f, first, second), _by_channels(f, second, first))
    y = f.view(weights, (n * groups, 1, h, w))
    return f.view(f.mul(grouped, f.function("sigmoid", (y,), y)), x)


def _by_rows_and_columns(f: Frame, x: Shape) -> Shape:
    """The input times what one convolution makes of the means of its rows and of its columns."""
    n, c, h, w = x
    rows, columns = f("pool_h", x), f("pool_w", x)
    f("conv1x1", f.cat([rows, f.view(columns, (n, c, w, 1))], 2))
    x = f.mul(x, f.function("sigmoid", ((n, c, h, 1),), (n, c, h, 1)))
    return f.mul(x, f.function("sigmoid", ((n, c, 1, w),), (n, c, 1, w)))


def _by_channels(f: Frame, means_of: Shape, x: Shape) -> Shape:
    """One number for each place: its channels times the shares that these means have."""
    n, c, h, w = x
    shares = f("softmax", f.view(f("agp", means_of), (n, 1, c)))
    return f.function("matmul", (shares, f.view(x, (n, c, h * w))), (n, 1, h * w), call="matmul")

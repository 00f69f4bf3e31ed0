"""Light backbones that people give YOLOv5: MobileNetV3, EfficientNet-Lite, GhostNet, PP-LCNet, the HGNetV2 of RT-DETR.

``fuse()`` of the forks that have them merges each Conv inside, and touches nothing else.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import c2f, pasted
from yolo_probe.model.forks.yolo_facev2 import conv_norm_act
from yolo_probe.model.forks.yolov5_lite import conv_bn_relu_maxpool, mobilev3_bneck, shuffled_branches
from yolo_probe.model.forward import Frame
from yolo_probe.model.structure import Shape

pasted("conv_bn_hswish", "SimConv", "stem", holds="conv bn act")(conv_norm_act)
pasted("MobileNetV3_InvertedResidual", "MobileNet_Block", holds="conv", sets="identity")(mobilev3_bneck)
pasted("Conv_maxpool", holds="conv maxpool")(conv_bn_relu_maxpool)


@pasted("SeBlock", holds="Squeeze Excitation")
def se_block(f: Frame, x: Shape) -> Shape:
    return f.mul(x, f("Excitation", f("Squeeze", x)))


@pasted("DepthSepConv", holds="dw_sp", sets="stride inp oup dw_size")
def depth_separable(f: Frame, x: Shape) -> Shape:
    return f("dw_sp", x)


@pasted("LightConv", holds="conv1 conv2")
def light_conv(f: Frame, x: Shape) -> Shape:
    return f("conv2", f("conv1", x))


@pasted("HGBlock", holds="m sc ec", sets="add")
def hg_block(f: Frame, x: Shape) -> Shape:
    parts, inside = [x], f.inside("m")
    for name in inside.module.children:
        parts.append(inside(name, parts[-1]))
    y = f("ec", f("sc", f.cat(parts)))
    return f.add(y, x) if f.flag("add") else y


@pasted("HGStem", holds="stem1 stem2a stem2b stem3 stem4 pool")
def hg_stem(f: Frame, x: Shape) -> Shape:
    x = _padded(f, f("stem1", x))
    y = f("stem2b", _padded(f, f("stem2a", x)))
    return f("stem4", f("stem3", f.cat([f("pool", x), y])))


def _padded(f: Frame, x: Shape) -> Shape:
    """One more column to the right, and one more row below."""
    return f.copy(x, (*x[:2], x[2] + 1, x[3] + 1))


@pasted("RepC3", holds="cv1 cv2 m cv3")
def rep_c3(f: Frame, x: Shape) -> Shape:
    return f("cv3", f.add(f("m", f("cv1", x)), f("cv2", x)))


# EfficientNet-Lite and GhostNet


@pasted(
    "MBConvBlock", holds="_expand_conv? _bn0? _depthwise_conv _bn1 se? _project_conv _bn2 _relu",
    sets="_momentum _epsilon input_filters output_filters stride expand_ratio has_se id_skip drop_connect",
)  # fmt: skip
def mobile_inverted_bottleneck(f: Frame, x: Shape) -> Shape:
    """Its rows never give the rate at which ``drop_connect`` would drop."""
    y = x
    if f.get("expand_ratio", int) != 1:
        y = f("_relu", f("_bn0", f("_expand_conv", y)))
    y = f("_relu", f("_bn1", f("_depthwise_conv", y)))
    y = f("se", y) if f.flag("has_se") else y
    y = f("_bn2", f("_project_conv", y))
    keeps = f.get("stride", int) == 1 and f.get("input_filters", int) == f.get("output_filters", int)
    return f.add(y, x) if f.flag("id_skip") and keeps else y


@pasted("GhostConv", holds="primary_conv cheap_operation")
def ghost_conv(f: Frame, x: Shape) -> Shape:
    y = f("primary_conv", x)
    return f.cat([y, f("cheap_operation", y)])


@pasted("GhostModuleV2", holds="gate_fn primary_conv cheap_operation short_conv?", sets="mode oup")
def ghost_module(f: Frame, x: Shape) -> Shape:
    """Half of the channels from a convolution, half from a cheap one; with attention each has a weight for each place.

    The attention is of an image half as large, and is enlarged again.
    """
    n, c, h, w = x
    weights: Shape = ()
    if f.has("short_conv"):
        window = {"kernel": (2, 2), "stride": (2, 2), "padding": (0, 0), "inside": False, "number": True}
        weights = f("short_conv", f.function("avg_pool2d", (x,), (n, c, h // 2, w // 2), **window))
    y = ghost_conv(f, x)
    y = f.view(y, (n, min(y[1], f.get("oup", int)), *y[2:]))
    if not f.has("short_conv"):
        return y
    weights = f("gate_fn", weights)
    return f.mul(y, f.function("upsample", (weights,), (*weights[:2], *y[2:]), mode="nearest", sized=True))


@pasted("GhostBottleneckV2", holds="ghost1 conv_dw? bn_dw? se? ghost2 shortcut", sets="stride se?")
def ghost_bottleneck(f: Frame, x: Shape) -> Shape:
    y = f("ghost1", x)
    if f.get("stride", int) > 1:
        y = f("bn_dw", f("conv_dw", y))
    y = f("ghost2", f("se", y) if f.has("se") else y)
    return f.add(y, f("shortcut", x))


pasted("C2fGhostV2", holds="cv1 cv2 m", sets="c")(c2f)


@pasted("ShuffleNetV2_Model", "ShuffleNetV2_InvertedResidual", holds="branch1 branch2", sets="stride")
def shuffle_block(f: Frame, x: Shape) -> Shape:
    return shuffled_branches(f, x)


# MobileOne, before its branches are merged


@pasted("MobileOne", holds="m")
def mobile_one(f: Frame, x: Shape) -> Shape:
    return f("m", x)


@pasted("DepthWiseConv", "PointWiseConv", holds="conv")
def pair_inside(f: Frame, x: Shape) -> Shape:
    return f("conv", x)


def _numbered(name: str) -> str:
    """The names of up to eight branches, of which one is there at least."""
    return " ".join([f"{name}_0", *(f"{name}_{number}?" for number in range(1, 8))])


@pasted(
    "MobileOneBlock", sets="deploy in_channels out_channels k dw_bn_layer? pw_bn_layer?",
    holds=f"nonlinearity se dw_bn_layer? {_numbered('dw_3x3')} dw_1x1 pw_bn_layer? {_numbered('pw_1x1')}",
    when=lambda module: module.attributes.get("deploy") is False,
)  # fmt: skip
def mobile_one_block(f: Frame, x: Shape) -> Shape:
    identity = f("dw_bn_layer", x) if f.has("dw_bn_layer") else ()
    branches = _branches(f, "dw_3x3", x)
    y = _sum_with(f, identity, f("dw_1x1", x))
    x = f("nonlinearity", f("se", f.add(y, _sum(f, branches))))
    identity = f("pw_bn_layer", x) if f.has("pw_bn_layer") else ()
    return f("nonlinearity", _sum_with(f, identity, _sum(f, _branches(f, "pw_1x1", x))))


def _branches(f: Frame, name: str, x: Shape) -> list[Shape]:
    return [f(f"{name}_{number}", x) for number in range(f.get("k", int))]


def _sum(f: Frame, parts: list[Shape]) -> Shape:
    """Their sum as Python takes it: the first is added to 0."""
    total: Shape = ()
    for part in parts:
        total = _sum_with(f, total, part)
    return total


def _sum_with(f: Frame, a: Shape, b: Shape) -> Shape:
    """The sum of two tensors, or of 0 and one."""
    return f.add(a, b) if a else f.function("add", (b,), b)

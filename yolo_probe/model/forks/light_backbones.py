"""Light backbones that people give YOLOv5: MobileNetV3, PP-LCNet and ResNet's stem, and the HGNetV2 of RT-DETR.

``fuse()`` of the forks that have them merges each Conv inside, and touches nothing else.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.yolo_facev2 import conv_norm_act
from yolo_probe.model.forks.yolov5_lite import conv_bn_relu_maxpool, mobilev3_bneck, shuffled_branches
from yolo_probe.model.forward import Frame
from yolo_probe.model.structure import Shape

pasted("conv_bn_hswish", "SimConv", holds="conv bn act")(conv_norm_act)
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


@pasted("ShuffleNetV2_Model", holds="branch1 branch2", sets="stride")
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

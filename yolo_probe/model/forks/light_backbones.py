"""Light backbones that people give YOLOv5: MobileNetV3, PP-LCNet and ResNet's stem, and the HGNetV2 of RT-DETR.

``fuse()`` of the forks that have them merges each Conv inside, and touches nothing else.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.yolo_facev2 import conv_norm_act
from yolo_probe.model.forks.yolov5_lite import conv_bn_relu_maxpool, mobilev3_bneck
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

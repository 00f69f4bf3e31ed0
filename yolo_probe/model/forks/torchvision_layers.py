"""Layers of torchvision's classifiers that people give YOLOv5 as rows: ResNet, MobileNet, EfficientNet, ShuffleNet.

``fuse()`` of YOLOv5 and of its forks touches none of them. Source: torchvision/models and torchvision/ops/misc.py, 0.11
to 0.28.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.yolov5_lite import shuffled_branches
from yolo_probe.model.forward import Frame
from yolo_probe.model.structure import Shape

_MODELS, _MISC = "torchvision.models", "torchvision.ops.misc"

pasted(f"{_MODELS}.shufflenetv2.InvertedResidual", holds="branch1 branch2", sets="stride")(shuffled_branches)


@pasted("torchvision.ops.stochastic_depth.StochasticDepth", sets="p mode")
def stochastic_depth(f: Frame, x: Shape) -> Shape:
    if not (f.current.training and f.module.attributes["p"]):
        return x
    chance = (x[0], *(1,) * (len(x) - 1)) if f.module.attributes["mode"] == "row" else (1,) * len(x)
    f.function("div", (chance,), chance)
    return f.mul(x, chance)


@pasted(
    f"{_MISC}.ConvNormActivation", f"{_MISC}.Conv2dNormActivation", f"{_MODELS}.mobilenetv2.ConvBNActivation",
    holds="0 1? 2?", sets="out_channels",
)  # fmt: skip
def in_order(f: Frame, x: Shape) -> Shape:
    for name in f.module.children:
        x = f(name, x)
    return x


@pasted(f"{_MISC}.SqueezeExcitation", holds="avgpool fc1 fc2 activation scale_activation")
def squeeze_excitation(f: Frame, x: Shape) -> Shape:
    y = x
    for name in ("avgpool", "fc1", "activation", "fc2", "scale_activation"):
        y = f(name, y)
    return f.mul(y, x)


_RESIDUAL = "use_res_connect out_channels _is_cn?"


@pasted(f"{_MODELS}.mobilenetv2.InvertedResidual", holds="conv", sets=f"{_RESIDUAL} stride")
def inverted_residual(f: Frame, x: Shape) -> Shape:
    y = f("conv", x)
    return f.add(x, y) if f.flag("use_res_connect") else y


@pasted(f"{_MODELS}.mobilenetv3.InvertedResidual", holds="block", sets=_RESIDUAL)
@pasted(
    f"{_MODELS}.efficientnet.MBConv", f"{_MODELS}.efficientnet.FusedMBConv", holds="block stochastic_depth",
    sets=_RESIDUAL,
)  # fmt: skip
def residual_block(f: Frame, x: Shape) -> Shape:
    y = f("block", x)
    if not f.flag("use_res_connect"):
        return y
    return f.add(f("stochastic_depth", y) if f.has("stochastic_depth") else y, x)


@pasted(f"{_MODELS}.resnet.BasicBlock", holds="conv1 bn1 relu conv2 bn2 downsample?", sets="stride downsample?")
@pasted(
    f"{_MODELS}.resnet.Bottleneck", holds="conv1 bn1 relu conv2 bn2 conv3 bn3 downsample?", sets="stride downsample?"
)
def residual_of_resnet(f: Frame, x: Shape) -> Shape:
    y = f("relu", f("bn1", f("conv1", x)))
    y = f("bn2", f("conv2", y))
    if f.has("conv3"):
        y = f("bn3", f("conv3", f("relu", y)))
    return f("relu", f.add(y, f("downsample", x) if f.has("downsample") else x))

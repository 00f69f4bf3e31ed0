"""mobile-yolov5: YOLOv5 v1.0 with the inverted residuals of MobileNetV2, which its ``fuse()`` merges too.

Its ``fuse()`` leaves None in the place of each BatchNorm, and new convolutions that always train.

Source: https://github.com/Syencil/mobile-yolov5-pruning-distillation (2020), models/common.py and models/yolo.py. It
needs a torch of its time, in which a block may take what is None out of its Sequential while that runs.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from yolo_probe.model.forks.fork import Fork, one_convolution, with_attributes
from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.yolo_facev2 import conv_norm_act
from yolo_probe.model.forks.yolov7 import head_before
from yolo_probe.model.forward import Frame
from yolo_probe.model.fusion import BATCH_NORMS, merge_of, pair_before
from yolo_probe.model.structure import Module, Shape


@pasted("ConvBNReLU", holds="0 1? 2", sets="forward?")
def in_order(f: Frame, x: Shape) -> Shape:
    for name, child in f.module.children.items():
        x = f(name, x) if child else x
    return x


@pasted("InvertedResidual", holds="conv", sets="stride use_res_connect forward?")
def inverted_residual(f: Frame, x: Shape) -> Shape:
    y = in_order(f.inside("conv"), x)
    return f.add(x, y) if f.flag("use_res_connect") else y


pasted("Converter", holds="conv bn act")(conv_norm_act)


@pasted("DwBottleneck", holds="conv_in conv_dw conv_out bn", sets="add")
def depthwise_bottleneck(f: Frame, x: Shape) -> Shape:
    y = f("bn", f("conv_out", f("conv_dw", f("conv_in", x))))
    return f.add(x, y) if f.flag("add") else y


@pasted("MobileBottleneck", holds="bottleneck1 bottlenecks")
def mobile_bottlenecks(f: Frame, x: Shape) -> Shape:
    x, inside = f("bottleneck1", x), f.inside("bottlenecks")
    for name in inside.module.children:
        x = inside(name, x)
    return x


def _merged(module: Module, path: str, first: str, second: str) -> Module:
    """A module in which one child, a BatchNorm, is merged into another before it, and is None."""
    pair = Module("models.common.Conv", {}, children={"conv": module.child(first), "bn": module.child(second)})
    made = one_convolution(merge_of(path, pair, grad_enabled=True).fused, trains=True)
    return replace(module, children={**module.children, first: made, second: None})


def _fused_in_order(module: Module, path: str) -> Module:
    """A sequence with each BatchNorm merged that comes right after a convolution."""
    for (first, before), (second, after) in pairwise(module.children.items()):
        if before and after and before.kind == "nn.Conv2d" and after.kind in BATCH_NORMS:
            module = _merged(module, path, first, second)
    return module


def _fused_conv(module: Module, path: str, grad_enabled: bool) -> Module:
    if module.children.get("bn") is None:
        return module
    attributes = {**module.attributes, "forward": "fuseforward"}
    return replace(_merged(module, path, "conv", "bn"), attributes=attributes)


def _fused_sequence(module: Module, path: str, grad_enabled: bool) -> Module:
    return with_attributes(module, _fused_in_order(module, path).children, forward="fuseforward")


def _fused_residual(module: Module, path: str, grad_enabled: bool) -> Module:
    inside = _fused_in_order(module.child("conv"), path)
    return with_attributes(module, {**module.children, "conv": inside}, forward="fuseforward")


def _sequence_before(module: Module) -> Module:
    """A sequence with a BatchNorm again after each convolution with a bias."""
    children: dict[str, Module | None] = dict(module.children)
    for name, child in module.children.items():
        if child is not None and child.kind == "nn.Conv2d" and "bias" in child.parameters:
            children[name], children[str(int(name) + 1)] = pair_before(child)
    if children == module.children:
        return module
    return head_before(replace(module, children=dict(sorted(children.items(), key=lambda each: int(each[0])))))


def _residual_before(module: Module) -> Module:
    before = _sequence_before(module.child("conv"))
    if before is module.child("conv"):
        return module
    return head_before(replace(module, children={**module.children, "conv": before}))


MOBILE_YOLOV5 = Fork(
    "mobile-yolov5",
    line="v1.0",
    marks=frozenset({f"models.common.{name}" for name in ("ConvBNReLU", "InvertedResidual", "DwBottleneck")}),
    builds=lambda root: root.kind == "Model" and "md" in root.attributes,
    fuses={"Conv": _fused_conv, "ConvBNReLU": _fused_sequence, "InvertedResidual": _fused_residual},
    restores={"ConvBNReLU": _sequence_before, "InvertedResidual": _residual_before},
)

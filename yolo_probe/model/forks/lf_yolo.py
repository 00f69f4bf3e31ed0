"""LF-YOLO, as YOLOU has it: its blocks of cheap features, its field of dilations and pools, and its head.

``fuse()`` merges each Conv, and touches nothing in these.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forward import Frame
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, detect, gives_a_box

pasted("Detect_LF", holds="m", sets=HEAD, tensors=ANCHORS, takes="several", when=gives_a_box())(detect)


@pasted("GhostModule", "GDConv", holds="primary_conv cheap_operation", sets="oup")
def ghost_module(f: Frame, x: Shape) -> Shape:
    """Channels that are convolved, and as many that a depthwise convolution makes of them; the last may be dropped."""
    y = f("primary_conv", x)
    y = f.cat([y, f("cheap_operation", y)])
    return f.view(y, (y[0], min(y[1], f.get("oup", int)), *y[2:]))


@pasted("CspGhost", holds="dense", sets="part1_chnls part2_chnls num_layers")
def ghost_of_a_part(f: Frame, x: Shape) -> Shape:
    n, c, *sides = x
    kept = f.get("part1_chnls", int)
    return f.cat([f.view(x, (n, kept, *sides)), f("dense", f.view(x, (n, c - kept, *sides)))])


@pasted("EFE", holds="conv1x1_1 Ghost conv1x1_2")
def efficient_features(f: Frame, x: Shape) -> Shape:
    x = f("conv1x1_1", x)
    return f.add(x, f("conv1x1_2", f("Ghost", x)))


_POOLS = ("", "SPPmax5", "SPPmax9", "SPPmax13")
_DILATIONS = tuple(tuple(f"Dilation{pool}_{dilation}" for dilation in (1, 3, 5)) for pool in range(4))


@pasted("RMF", holds=" ".join([*_POOLS, *(name for names in _DILATIONS for name in names)]))
def reinforced_features(f: Frame, x: Shape) -> Shape:
    """Of the input and of what each pool makes of it, convolutions with three dilations, all as channels."""
    found = []
    for pool, names in zip(_POOLS, _DILATIONS, strict=True):
        y = f(pool, x) if pool else x
        found.append(f.cat([f(name, y) for name in names]))
    return f.cat(found)

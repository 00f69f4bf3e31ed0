"""Scaled-YOLOv4: networks of CSP blocks with Mish, in the code of YOLOv5 v3.0, whose ``fuse()`` and line it has.

Its Mish is a class of the package mish_cuda, which runs one kernel of its own: no counter sees it.

Source: https://github.com/WongKinYiu/ScaledYOLOv4, branch yolov4-large (2020).
"""

from __future__ import annotations

from yolo_probe.model.forks.fork import Fork
from yolo_probe.model.forward import Frame, block
from yolo_probe.model.structure import Shape

MISH = "mish_cuda.MishCuda"


@block(MISH)
def mish_cuda(f: Frame, x: Shape) -> Shape:
    return f.function("mish", (x,), x)


SCALED_YOLOV4 = Fork(
    "Scaled-YOLOv4",
    line="v3.0",
    marks=frozenset({MISH}),
    builds=lambda root: root.kind == "Model",
    fuses_as_its_line=True,
)

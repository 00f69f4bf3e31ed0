"""The blocks that YOLOv5 had before v5.0 alone, on shapes: ``Detect`` of v1.0, ``ConvPlus`` and ``Flatten``.

Source: models/yolo.py and models/experimental.py of v1.0, models/common.py of v2.0.
"""

from __future__ import annotations

from yolo_probe.model import operators
from yolo_probe.model.forward import Frame, Value, block
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, boxes, gives_a_box, several


@block("Detect", sets=HEAD, tensors=ANCHORS, takes="several", when=gives_a_box())
def detect(f: Frame, x: Value) -> list[Shape]:
    levels = several(x)
    if f.get("nl", int) > len(levels):
        raise ShapeError(f"found {len(levels)} inputs, expected one for each of {f.get('nl', int)} levels")
    return boxes(f, levels[: f.get("nl", int)])


@block("ConvPlus", holds="cv1 cv2")
def conv_plus(f: Frame, x: Shape) -> Shape:
    return f.add(f("cv1", x), f("cv2", x))


@block("Flatten")
def flatten(f: Frame, x: Shape) -> Shape:
    return f.view(x, operators.flatten(x))

"""yolov7WithAttributes: a head of YOLOv7 that also gives attributes of cars, persons and signs, each in its place.

Source: https://github.com/yichenchan/yolov7WithAttributes (2023), models/yolo.py.
"""

from __future__ import annotations

from yolo_probe.model.forks.yolov7 import HEAD_OF_YOLOV7, centre_and_size, implicit_level
from yolo_probe.model.forward import Frame, Value, block
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import ANCHORS, boxes, several

_ONE_OF_SEVERAL = ((15, 18), (19, 21), (26, 28), (47, 49), (49, 51), (51, 53), (68, 71), (71, 73))
"""First output of each attribute that is one of several, and the one after its last."""
_SEEN = 8
"""Outputs on whether each of the parts is seen, which are not beside each other."""
_CORNERS = tuple((first, first + 4) for first in (21, 28, 33, 38, 43, 54, 59, 64))
"""The same for the places of the parts."""
_POINTS = 73
"""From this one on the outputs are of points."""


@block("IDetectWithAttributes", holds="m ia im", sets=f"{HEAD_OF_YOLOV7} attri", tensors=ANCHORS, takes="several")
def i_detect_with_attributes(f: Frame, x: Value) -> list[Shape]:
    levels = enumerate(several(x)[: f.get("nl", int)])
    return boxes(f, [implicit_level(f, i, level) for i, level in levels], _boxes_with_attributes)


def _boxes_with_attributes(f: Frame, x: Shape) -> Shape:
    """One level's boxes and attributes, all written into its predictions."""
    n, anchors, h, w, outputs = x
    if outputs < _POINTS:
        raise ShapeError(f"found {outputs} outputs, expected the {_POINTS} that its forward takes, or more")

    def part(operator: str, number: int) -> None:
        shape = (n, anchors, h, w, number)
        f.function(operator, (shape,), shape)

    for first, last in _ONE_OF_SEVERAL:
        part("softmax", last - first)
    part("sigmoid", f.get("nc", int) + 5)
    part("sigmoid", _SEEN)
    for first, last in _CORNERS:
        part("sigmoid", last - first)
    part("sigmoid", outputs - _POINTS)
    centre_and_size(f, (n, anchors, h, w, 2))
    return f.view(x, (n, anchors * h * w, outputs))

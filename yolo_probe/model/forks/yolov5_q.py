"""yolov5-q: YOLOv5 v6.1 with a head for masks of its own, from before YOLOv5 had one.

Source: https://github.com/Laughing-q/yolov5-q (2022), models/yolo.py; it prints and fuses as YOLOv5 v6.0 does.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forward import Frame, Value
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, boxes, several, writes_in_place


@pasted(
    "DetectSegment", holds="m proto_net", sets=f"{HEAD} mask_dim nm proto_c", tensors=ANCHORS, takes="several",
    when=writes_in_place,
)  # fmt: skip
def detect_masks(f: Frame, x: Value) -> list[Shape]:
    levels, convolutions = several(x)[: f.get("nl", int)], f.inside("m")
    f("proto_net", levels[0])
    return boxes(f, (convolutions(str(i), level) for i, level in enumerate(levels)), _boxes_beside_masks)


def _boxes_beside_masks(f: Frame, x: Shape) -> Shape:
    """One level's boxes and scores, written into a copy; the coefficients of the masks in it stay as they are."""
    n, anchors, h, w, outputs = x
    two, box, masks = (n, anchors, h, w, 2), 5, f.get("mask_dim", int)
    f.function("mul", ((anchors, 2), ()), (anchors, 2))
    y = f.copy(x, x)
    for size in (box, outputs - box - masks):
        f.function("sigmoid", ((n, anchors, h, w, size),), (n, anchors, h, w, size))
    for operator, inputs in (("mul", (two,)), ("sub", (two,)), ("add", (two, two)), ("mul", (two, ()))):
        f.function(operator, inputs, two)
    for operator, inputs in (("mul", (two,)), ("pow", (two,)), ("mul", (two, two))):
        f.function(operator, inputs, two)
    return f.view(y, (n, anchors * h * w, outputs))

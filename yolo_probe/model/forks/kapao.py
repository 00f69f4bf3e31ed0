"""KAPAO: key points and poses as objects, in the models of YOLOv5 v6.0, whose head decodes the points of a pose too.

Source: https://github.com/wmcnally/kapao (2021), models/yolo.py; yolo_research has the head under a name of its own.
"""

from __future__ import annotations

from yolo_probe.model.forks.fork import Fork, merged_conv
from yolo_probe.model.forward import Frame, Value, block
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import HEAD, boxes, boxes_of_level, several, writes_in_place

_BUFFERS = "anchors anchor_grid"


@block(
    "Detect", holds="m", sets=f"{HEAD} num_coords", tensors=_BUFFERS, takes="several", pasted=True,
    when=writes_in_place,  # only then does its head decode the points
)  # fmt: skip
@block("kapao_Detect", holds="m", sets=f"{HEAD} num_coords", tensors=_BUFFERS, takes="several", pasted=True)
def detect_of_poses(f: Frame, x: Value) -> list[Shape]:
    convolutions = f.inside("m")
    levels = enumerate(several(x)[: f.get("nl", int)])
    return boxes(f, [convolutions(str(i), level) for i, level in levels], _boxes_with_coordinates)


def _boxes_with_coordinates(f: Frame, x: Shape) -> Shape:
    """One level's boxes, and the points of a pose: four times the prediction less two, in sizes of the anchor."""
    out = boxes_of_level(f, x)
    n, anchors, h, w, _ = x
    number = f.get("num_coords", int)
    if number:
        points: Shape = (n, anchors, h, w, number)
        points = f.function("sub", (f.function("mul", (points,), points),), points)
        f.mul(points, (1, anchors, 1, 1, number))
        f.function("mul", ((1, 1, h, w, 2), ()), (1, 1, h, w, 2))
        f.add(points, (1, 1, h, w, number))
    return out


KAPAO = Fork(
    "KAPAO",
    line="v6.0",
    marks=frozenset({"num_coords"}),  # of its model, not of its head alone
    builds=lambda root: root.kind == "Model",
    fuses={"Conv": merged_conv, "DWConv": merged_conv},
    writes_anchor_grid=False,
)

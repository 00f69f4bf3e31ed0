"""YOLOX's head as YOLOAir and YOLOU have it in YOLOv5: a class, a box and an object for each place, without anchors.

Source: ``DetectX`` of https://github.com/iscyy/yoloair (2022), models/yolox.py. ``fuse()`` changes nothing in it.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forward import Frame, Value
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import several

_LOSSES = "l1_loss bcewithlog_loss iou_loss"
_PLACES = "grids xy_shifts org_grids grid_sizes expanded_strides center_ltrbes center_radius"


@pasted(
    "DetectX", holds=f"cls_preds reg_preds obj_preds {_LOSSES}", takes="several",
    sets=f"n_anchors num_classes nc nl na use_l1 prior_prob inplace hw? stride? {_PLACES}",
)  # fmt: skip
def detect_x(f: Frame, x: Value) -> list[Shape]:
    inputs = several(x)
    if not inputs or len(inputs) % 2:
        raise ShapeError(f"found {len(inputs)} inputs, expected two for each level, for classes and for boxes")
    levels = [_predicted(f, str(i), inputs[2 * i], inputs[2 * i + 1]) for i in range(len(inputs) // 2)]
    if f.current.training:
        return _boxes_in_training(f, levels)
    whole = [f.cat([box, _sigmoid(f, found), _sigmoid(f, classes)]) for classes, box, found in levels]
    y = f.cat([f.view(each, (each[0], each[1], each[2] * each[3])) for each in whole], 2)
    places = [(1, each[2] * each[3], 2) for each in whole]
    grid = f.cat(places, 1)
    strides = f.cat([(1, count, 1) for _, count, _ in places], 1)
    centre = size = (y[0], y[2], 2)
    f.mul(f.add(centre, grid), strides)
    f.mul(f.function("exp", (size,), size), strides)
    return [f.view(y, (y[0], y[2], y[1]))]


def _predicted(f: Frame, level: str, for_classes: Shape, for_boxes: Shape) -> tuple[Shape, Shape, Shape]:
    """Of one level the predictions of classes, boxes and objects."""
    classes = f.inside("cls_preds")(level, for_classes)
    return classes, f.inside("reg_preds")(level, for_boxes), f.inside("obj_preds")(level, for_boxes)


def _sigmoid(f: Frame, x: Shape) -> Shape:
    return f.function("sigmoid", (x,), x)


def _boxes_in_training(f: Frame, levels: list[tuple[Shape, Shape, Shape]]) -> list[Shape]:
    """What the loss is given: all boxes as corners, classes and objects; the grid of a size is made once."""
    rows = []
    for level in levels:
        rows.append([f.copy(each, (each[0], each[2] * each[3], each[1])) for each in level])
        n, places, _ = rows[-1][1]
        half = f.function("mul", (f.function("exp", ((n, places, 2),), (n, places, 2)),), (n, places, 2))
        centre = f.function("mul", (f.add(half, (1, places, 2)),), half)
        f.function("sub", (f.add(centre, half), half), half)
    return [f.cat([row[i] for row in rows], 1) for i in range(3)]

"""YOLOv6's heads, as YOLOU has them in YOLOv5: decoupled, without anchors. ``fuse()`` leaves the Conv of their own.

Source: https://github.com/jizhishutong/YOLOU (2022), models/yolov6_v1.py and models/yolov6_v2.py.
"""

from __future__ import annotations

from math import prod

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.yolov9 import place_anchors
from yolo_probe.model.forward import Frame, Value
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import several

_BRANCHES = "head_layers stems cls_convs reg_convs cls_preds reg_preds"
_HEAD = "nc no nl na anchors prior_prob inplace stride"


def _branches(f: Frame, level: str, x: Shape) -> tuple[Shape, Shape, Shape]:
    """The classes and the boxes of one level, and what the boxes are predicted from."""
    x = f.inside("stems")(level, x)
    classes = f.inside("cls_preds")(level, f.inside("cls_convs")(level, x))
    y = f.inside("reg_convs")(level, x)
    return classes, f.inside("reg_preds")(level, y), y


@pasted("Detectv6", holds=f"{_BRANCHES} obj_preds", sets=_HEAD, takes="several")
def detect_v6(f: Frame, x: Value) -> list[Shape]:
    levels: list[Shape] = []
    for i, level in enumerate(several(x)[: f.get("nl", int)]):
        classes, box, y = _branches(f, str(i), level)
        found = f.inside("obj_preds")(str(i), y)
        if f.current.training:
            n, c, h, w = f.cat([box, found, classes])
            levels.append(f.copy((n, c, h, w), (n, f.get("na", int), h, w, f.get("no", int))))
        else:
            parts = [f.function("sigmoid", (each,), each) for each in (found, classes)]
            levels.append(_boxes(f, f.cat([box, *parts])))
    return levels if f.current.training else [f.cat(levels)]


def _boxes(f: Frame, x: Shape) -> Shape:
    """One level's boxes: the centre, plus the grid, and the exponential of the size, both times the stride."""
    n, _, h, w = x
    outputs = f.get("no", int)
    whole = f.copy(x, (n, f.get("na", int), h * w, outputs))
    two = (*whole[:3], 2)
    centre = f.function("mul", (f.add(two, (1, *two[1:])), ()), two)
    size = f.function("mul", (f.function("exp", (two,), two), ()), two)
    return f.view(f.cat([centre, size, (*two[:3], outputs - 4)], 3), (n, h * w, outputs))


@pasted(
    "Detectv6_E", holds=f"{_BRANCHES} proj_conv", takes="several", tensors="proj?",
    sets=f"{_HEAD} grid use_dfl reg_max grid_cell_offset grid_cell_size",
)  # fmt: skip
def detect_v6_of_distributions(f: Frame, x: Value) -> list[Shape]:
    """A head whose boxes are, with ``use_dfl``, means of distributions."""
    levels = several(x)[: f.get("nl", int)]
    if not f.current.training:
        place_anchors(f, levels, sum(h * w for _, _, h, w in levels))
    classes, sides = [], []
    for i, level in enumerate(levels):
        n, _, h, w = level
        found, box, _ = _branches(f, str(i), level)
        if not f.current.training and f.flag("use_dfl"):
            y = f.view(box, (n, f.get("reg_max", int) + 1, 4, h * w))
            box = f("proj_conv", f.function("softmax", (y,), y, call="softmax"))
        found = f.function("sigmoid", (found,), found)
        classes.append(f.view(found, (n, found[1], h * w)))
        sides.append(f.view(box, (n, prod(box[1:]) // (h * w), h * w)))
    scores, distances = f.cat(classes, 2), f.cat(sides, 2)
    if f.current.training:
        return [scores, distances]
    return [_boxes_of_sides(f, distances, scores)]


def _boxes_of_sides(f: Frame, distances: Shape, scores: Shape) -> Shape:
    """The boxes of distances to their four sides, an object that is certain, and the scores of the classes."""
    n, _, places = distances
    two: Shape = (n, places, 2)
    first = f.function("sub", ((places, 2), two), two)
    last = f.add((places, 2), two)
    centre = f.function("div", (f.add(first, last),), two)
    boxes = f.cat([centre, f.function("sub", (last, first), two)], 2)
    boxes = f.mul(boxes, (places, 1))
    return f.cat([boxes, (n, places, 1), (n, places, scores[1])], 2)

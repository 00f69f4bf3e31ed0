"""YOLO-SA, as YOLOU has it: attention along rows and columns in the place of each Concat, and a decoupled head.

Source: https://github.com/jizhishutong/YOLOU (2022), ``LFSa`` of models/common.py and models/yolosa.py.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forward import Frame, Value
from yolo_probe.model.structure import Module, Shape
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, boxes, gives_a_box, several


@pasted("LFSa", holds="act c lc sc", sets="d", takes="several")
def attention_along_rows_and_columns(f: Frame, x: Value) -> Shape:
    whole = f.cat(several(x), f.get("d", int))
    for _ in range(3):
        f("c", whole)
    n, c, h, w = whole
    turned = (n, c, w, h)
    rows, columns = (_weights(f, *each) for each in ((whole, turned), (turned, whole)))
    row = f("lc", f("sc", f.function("matmul", (rows, whole), whole, call="matmul")))
    column = f("lc", f("sc", f.function("matmul", (columns, turned), turned, call="matmul")))
    y = f.add(whole, row)
    return f.add(y, (*column[:2], column[3], column[2]))


def _weights(f: Frame, a: Shape, b: Shape) -> Shape:
    """The weights of each row for each other."""
    y = f.function("matmul", (a, b), (*a[:3], a[2]), call="matmul")
    return f("act", f.function("mul", (y,), y))


def _is_decoupled(module: Module) -> bool:
    return module.attributes.get("is_dh") is True and gives_a_box()(module)


@pasted(
    "Detect_YOLOSA", holds="m m2 m2_cls m2_obj m2_reg", sets=f"{HEAD} is_dh is_ndh", tensors=ANCHORS, takes="several",
    when=_is_decoupled,
)  # fmt: skip
def detect_sa(f: Frame, x: Value) -> list[Shape]:
    levels = several(x)[: f.get("nl", int)]
    return boxes(f, (_predicted(f, str(i), level) for i, level in enumerate(levels)))


def _predicted(f: Frame, level: str, x: Shape) -> Shape:
    """One level's predictions: the same convolutions run twice, for the classes and for the rest."""
    x = f.inside("m")(level, x)
    for_classes, for_boxes = (f.inside("m2")(level, x) for _ in range(2))
    classes = f.inside("m2_cls")(level, for_classes)
    found = [classes, *(f.inside(name)(level, for_boxes) for name in ("m2_obj", "m2_reg"))]
    n, _, h, w = classes
    anchors = f.get("na", int)
    classes, objects, sizes = (f.copy(y, (n, anchors, h, w, y[1] // max(1, anchors))) for y in found)
    return f.cat([sizes, objects, classes], 4)

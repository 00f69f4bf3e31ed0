"""Heads that people paste into YOLOv5: with branches for classes and boxes, as that of YOLOX, or an auxiliary head.

``fuse()`` of YOLOv5 merges each Conv inside, and touches nothing else.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.yolov7 import run_auxiliary
from yolo_probe.model.forward import Frame, Value
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, detect, gives_a_box, several

pasted(
    "Decoupled_Detect", "DecoupledDetect", "Decouple_Detect", holds="m", sets=HEAD, tensors=ANCHORS, takes="several",
    when=gives_a_box(),
)(detect)  # fmt: skip

_BRANCHES = "merge cls_convs1 cls_convs2 reg_convs1 reg_convs2 cls_preds reg_preds obj_preds"


@pasted("DecoupledHead", "Decouple", holds=_BRANCHES, sets="nc nl na")
def decoupled_head(f: Frame, x: Shape) -> Shape:
    x = f("merge", x)
    classes = f("cls_preds", f("cls_convs2", f("cls_convs1", x)))
    y = f("reg_convs2", f("reg_convs1", x))
    return f.cat([f("reg_preds", y), f("obj_preds", y), classes])


@pasted("Decouple", holds="a b1 b2 b3 c1 c2 c3", sets="nc na")
def decouple(f: Frame, x: Shape) -> Shape:
    """As many channels for each anchor: its box and object, then its classes."""
    x = f("a", x)
    n, _, h, w = found = f("b3", f("b2", f("b1", x)))
    classes = f("c3", f("c2", f("c1", x)))
    anchors = f.get("na", int)
    parts = [f.view(each, (n, anchors, each[1] // max(1, anchors), h, w)) for each in (found, classes)]
    y = f.cat(parts, 2)
    return f.view(y, (n, y[1] * y[2], h, w))


@pasted("Detect", holds="m m2", sets=HEAD, tensors=ANCHORS, takes="several", when=gives_a_box())
def detect_with_auxiliary(f: Frame, x: Value) -> list[Shape]:
    """The head of YOLOv5, and convolutions of other levels whose predictions only the loss needs."""
    levels, leads = several(x), f.get("nl", int)
    run_auxiliary(f, levels[leads : 2 * leads])
    return detect(f, x)

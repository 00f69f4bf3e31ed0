"""yolov5-face: its stem and light blocks, and a head that gives each box ten numbers for five landmarks.

Source: https://github.com/deepcam-cn/yolov5-face at 84ef013 (April 2023).
"""

from __future__ import annotations

from yolo_probe.model.forks.fork import Fork, merged_conv
from yolo_probe.model.forks.yolov5_lite import shuffled_branches
from yolo_probe.model.forward import Frame, Value, block
from yolo_probe.model.structure import Module, Shape, distinct_modules
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, boxes, gives_a_box, several

LANDMARKS = 10
"""Numbers of the five landmarks of a box."""


@block("StemBlock", holds="stem_1 stem_2a stem_2b stem_2p stem_3")
def stem_block(f: Frame, x: Shape) -> Shape:
    x = f("stem_1", x)
    y = f("stem_2b", f("stem_2a", x))
    return f("stem_3", f.cat([y, f("stem_2p", x)]))


@block("ShuffleV2Block", holds="branch1 branch2", sets="stride")
def shuffle_v2_block(f: Frame, x: Shape) -> Shape:
    return shuffled_branches(f, x)


@block("BlazeBlock", "DoubleBlazeBlock", holds="branch1 shortcut? relu", sets="use_pool")
def blaze_block(f: Frame, x: Shape) -> Shape:
    y = f("branch1", x)
    return f("relu", f.add(y, f("shortcut", x) if f.flag("use_pool") else x))


@block("Detect", holds="m", sets=f"{HEAD} export_cat?", tensors=ANCHORS, takes="several", when=gives_a_box(LANDMARKS))
def detect(f: Frame, x: Value) -> list[Shape]:
    convolutions, levels = f.inside("m"), several(x)
    return boxes(f, (convolutions(str(i), levels[i]) for i in range(f.get("nl", int))), _boxes)


def _boxes(f: Frame, x: Shape) -> Shape:
    """One level's boxes: their scores, centre and size, and five landmarks of two numbers each."""
    n, anchors, h, w, outputs = x
    two, grid, scores = (n, anchors, h, w, 2), (1, 1, h, w, 2), (n, anchors, h, w, outputs - LANDMARKS)
    f.function("sigmoid", (scores,), scores)
    for operator, inputs in (("mul", (two,)), ("sub", (two,)), ("add", (two, grid)), ("mul", (two, ()))):
        f.function(operator, inputs, two)
    for operator, inputs in (("mul", (two,)), ("pow", (two,)), ("mul", (two, (1, anchors, 1, 1, 2)))):
        f.function(operator, inputs, two)
    for _ in range(LANDMARKS // 2):
        f.function("mul", (two, (1, anchors, 1, 1, 2)), two)
        f.function("mul", (grid, ()), grid)
        f.function("add", (two, grid), two)
    return f.view(x, (n, anchors * h * w, outputs))


def _has_landmarks(root: Module) -> bool:
    gives = gives_a_box(LANDMARKS)
    return any(module.kind == "Detect" and gives(module) for module in distinct_modules(root))


YOLOV5_FACE = Fork(
    "yolov5-face",
    line="v5.0",
    marks=frozenset({"StemBlock", "ShuffleV2Block", "BlazeBlock", "DoubleBlazeBlock"}),
    builds=lambda root: root.kind == "Model" and _has_landmarks(root),
    fuses={"Conv": merged_conv},
    smallest_image=1,
)

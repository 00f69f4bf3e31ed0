"""rotation-yolov5: YOLOv5 v3.1 with a head that gives each box a number for each of 180 angles.

Source: https://github.com/BossZard/rotation-yolov5 (2020), models/yolo.py.
"""

from __future__ import annotations

from yolo_probe.model.forks.fork import Fork, merged_conv
from yolo_probe.model.forks.yolov5_obb import ANGLES
from yolo_probe.model.forward import block
from yolo_probe.model.structure import Module, distinct_modules
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, detect, gives_a_box

_gives_angles = gives_a_box(ANGLES)


def _is_its_head(module: Module) -> bool:
    return module.kind == "Detect" and module.attributes.get("angle") == ANGLES and _gives_angles(module)


block("Detect", holds="m", sets=f"{HEAD} angle", tensors=ANCHORS, takes="several", when=_is_its_head)(detect)

ROTATION_YOLOV5 = Fork(
    "rotation-yolov5",
    line="v3.1",
    marks=frozenset({"Detect"}),
    builds=lambda root: root.kind == "Model" and any(map(_is_its_head, distinct_modules(root))),
    fuses={"Conv": merged_conv},
)

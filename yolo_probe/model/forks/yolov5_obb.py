"""yolov5_obb: a head that gives each box, beside its classes, a number for each of 180 angles.

Source: https://github.com/hukaixuan19970627/yolov5_obb (2022), whose ``fuse()`` and line are those of YOLOv5 v6.0.
"""

from __future__ import annotations

from yolo_probe.model.forward import block
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, detect, gives_a_box

ANGLES = 180
"""Numbers of a box for its angle, one for each degree."""

block("Detect", holds="m", sets=HEAD, tensors=ANCHORS, takes="several", when=gives_a_box(ANGLES))(detect)

"""Whose model YAML it is, by the classes that its rows name."""

from __future__ import annotations

from collections.abc import Sequence

from yolo_probe.networks.constructors import YOLOV5, Dialect
from yolo_probe.networks.forks.yolov5_face import YOLOV5_FACE
from yolo_probe.networks.forks.yolov5_lite import YOLOV5_LITE
from yolo_probe.networks.forks.yolov7 import YOLOV7, YOLOV7_U7
from yolo_probe.networks.forks.yolov9 import YOLOV9
from yolo_probe.networks.network import NetworkRow

DIALECTS: tuple[Dialect, ...] = (YOLOV9, YOLOV7, YOLOV7_U7, YOLOV5_FACE, YOLOV5_LITE)
"""In the order in which they are asked."""


def dialect_of(rows: Sequence[NetworkRow]) -> Dialect:
    """The dialect that has all classes of these rows, else the most; of several the first.

    A fork with marks is asked only where a row names one of them, and then before YOLOv5. Heads of one name, such as
    ``Detect``, are told by the number of their arguments.
    """
    named = {row.module for row in rows}
    marked = [dialect for dialect in DIALECTS if dialect.marks & named]
    others = [dialect for dialect in DIALECTS if not dialect.marks]
    return min((*marked, YOLOV5, *others), key=lambda dialect: dialect.fit(rows))

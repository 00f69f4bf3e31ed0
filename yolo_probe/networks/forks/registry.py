"""Whose model YAML it is, by the classes that its rows name."""

from __future__ import annotations

from collections.abc import Sequence

from yolo_probe.networks.constructors import YOLOV5, Dialect
from yolo_probe.networks.forks.yolov9 import YOLOV9
from yolo_probe.networks.network import NetworkRow

DIALECTS: tuple[Dialect, ...] = (YOLOV9,)
"""In the order in which they are asked."""


def dialect_of(rows: Sequence[NetworkRow]) -> Dialect:
    """The dialect that has all classes of these rows, else the most; of several the first, YOLOv5 before its forks.

    Heads of one name, such as ``Detect``, are told by the number of their arguments.
    """
    return min((YOLOV5, *DIALECTS), key=lambda dialect: dialect.fit(rows))

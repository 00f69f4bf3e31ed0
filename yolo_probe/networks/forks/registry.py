"""Whose model YAML it is, by the classes that its rows name."""

from __future__ import annotations

from collections.abc import Iterable

from yolo_probe.networks.constructors import YOLOV5, Dialect

DIALECTS: tuple[Dialect, ...] = ()
"""In the order in which they are asked."""


def dialect_of(classes: Iterable[str]) -> Dialect:
    """The dialect of the first fork that has classes which YOLOv5 has not, and all of these; else that of YOLOv5."""
    named = {name for name in classes if not name.startswith(("nn.", "torch.nn."))}
    if named <= YOLOV5.blocks.keys():
        return YOLOV5
    return next((dialect for dialect in DIALECTS if named <= dialect.blocks.keys()), YOLOV5)

"""The record of timm's ``Attention``, which ptflops charges as a whole, beside the records of what it runs inside."""

from __future__ import annotations

from typing import Any

from yolo_probe.model.operators import TIMM_ATTENTION, OpRecord
from yolo_probe.model.structure import Shape

CLASSES = ("timm.layers.attention.Attention", "timm.models.vision_transformer.Attention")
"""Where timm has it and had it before; no subclass is charged."""


def whole_record(place: tuple[str, str], module: Any, shape: Shape, output: Shape, slots: int) -> OpRecord:
    """The record of a call."""
    options = {"heads": module.num_heads, "size": module.head_dim}
    return OpRecord(TIMM_ATTENTION, *place, (shape,), output, (), options, slots, seen_by="modules")


def inside(record: OpRecord) -> OpRecord:
    """The record of what ran inside."""
    return record._replace(options={**record.options, "inside": TIMM_ATTENTION})

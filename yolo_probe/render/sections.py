"""The sections of each report, for every renderer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from yolo_probe.render import fuse_diff, info
from yolo_probe.render.document import Section
from yolo_probe.report import FuseDiff, Info

if TYPE_CHECKING:
    from yolo_probe.counters import Counters
    from yolo_probe.inspection import Inspection
    from yolo_probe.provenance import Provenance
    from yolo_probe.story import Story

    Report = FuseDiff | Info | Counters | Inspection | Provenance | Story


def sections(report: Report) -> Iterator[Section]:
    """The report part by part, those together that stand together."""
    if isinstance(report, FuseDiff):
        return fuse_diff.document(report)
    if isinstance(report, Info):
        return info.document(report)
    # what no other command needs
    from yolo_probe.counters import Counters
    from yolo_probe.provenance import Provenance
    from yolo_probe.story import Story

    if isinstance(report, Counters):
        from yolo_probe.render import counters

        return counters.document(report)
    if isinstance(report, Provenance):
        from yolo_probe.render import gradients

        return gradients.document(report)
    if isinstance(report, Story):
        from yolo_probe.render import story

        return story.document(report)
    from yolo_probe.render import inspect

    return inspect.document(report)

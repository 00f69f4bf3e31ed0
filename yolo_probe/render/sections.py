"""The sections of each report, for every renderer."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from yolo_probe.render.document import Section

if TYPE_CHECKING:
    from yolo_probe.reports.counters import Counters
    from yolo_probe.reports.fuse_diff import FuseDiff
    from yolo_probe.reports.gradients import Provenance
    from yolo_probe.reports.info import Info
    from yolo_probe.reports.inspection import Inspection
    from yolo_probe.reports.layers import LayerCosts
    from yolo_probe.reports.story import Story

    Report: TypeAlias = FuseDiff | Info | Counters | Inspection | LayerCosts | Provenance | Story

_MODULES = {
    "FuseDiff": "fuse_diff",
    "Info": "info",
    "Counters": "counters",
    "Inspection": "inspection",
    "LayerCosts": "layers",
    "Provenance": "gradients",
    "Story": "story",
}
"""Where the document of each is made; imported when it is asked for, since a command shows one report."""


def sections(report: Report) -> Iterator[Section]:
    """The report part by part, those together that stand together."""
    found: Iterator[Section] = import_module(f"yolo_probe.render.{_MODULES[type(report).__name__]}").document(report)
    return found

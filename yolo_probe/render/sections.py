"""Each report's document for every renderer, and its plain data: the one place where reports are told apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

HOMES: Mapping[str, tuple[str, str]] = {
    "FuseDiff": ("render.fuse_diff", "reports.fuse_diff"),
    "Info": ("render.info", "reports.info"),
    "Counters": ("render.counters", "reports.counters"),
    "Inspection": ("render.inspection", "reports.inspection_json"),
    "LayerCosts": ("render.layers", "reports.layers"),
    "Provenance": ("render.gradients", "reports.gradients"),
    "Story": ("render.story", "reports.story"),
}
"""By class, which module has its ``document`` and which its ``as_json``.

Names, not functions: a command shows one report, and imports what that one needs when it is asked for.
"""


def sections(report: Report) -> Iterator[Section]:
    """The report part by part, those together that stand together."""
    home, _ = HOMES[type(report).__name__]
    found: Iterator[Section] = import_module(f"yolo_probe.{home}").document(report)
    return found


def as_json(report: Report) -> Mapping[str, object]:
    """The report as plain data, by the versioned schema: what ``--format json`` writes."""
    _, home = HOMES[type(report).__name__]
    found: Mapping[str, object] = import_module(f"yolo_probe.{home}").as_json(report)
    return found

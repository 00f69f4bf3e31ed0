"""The document and the plain data of any report; only here reports are chosen by their class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from yolo_probe.render.document import Section

if TYPE_CHECKING:
    from yolo_probe.counters.comparison import Comparison
    from yolo_probe.reports.bench import Bench
    from yolo_probe.reports.counters import Counters
    from yolo_probe.reports.diff import Diff
    from yolo_probe.reports.explain import Explanation
    from yolo_probe.reports.flop_count import FlopCount
    from yolo_probe.reports.fuse_diff import FuseDiff
    from yolo_probe.reports.gradients import Provenance
    from yolo_probe.reports.info import Info
    from yolo_probe.reports.inspection import Inspection
    from yolo_probe.reports.layers import LayerCosts
    from yolo_probe.reports.side_by_side import SideBySide
    from yolo_probe.reports.story import Story

    Report: TypeAlias = (
        FuseDiff
        | Info
        | Diff
        | Explanation
        | SideBySide
        | Counters
        | Inspection
        | LayerCosts
        | Bench
        | Provenance
        | Story
        | FlopCount
        | Comparison
    )

HOMES: Mapping[str, tuple[str, str]] = {
    "FuseDiff": ("render.fuse_diff", "reports.fuse_diff"),
    "Info": ("render.info", "reports.info"),
    "Explanation": ("render.explain", "reports.explain"),
    "SideBySide": ("render.side_by_side", "reports.side_by_side"),
    "Diff": ("render.diff", "reports.diff"),
    "Counters": ("render.counters", "reports.counters"),
    "FlopCount": ("render.flop_count", "reports.flop_count"),
    "Comparison": ("render.comparison", "reports.comparison"),
    "Inspection": ("render.inspection", "reports.inspection_json"),
    "LayerCosts": ("render.layers", "reports.layers"),
    "Bench": ("render.bench", "reports.bench_json"),
    "Provenance": ("render.gradients", "reports.gradients"),
    "Story": ("render.story", "reports.story"),
}
"""By class of the report, the modules of its ``document`` and its ``as_json``.

Names, not functions: a command shows one report, and imports what that one needs when it is asked for.
"""


def sections(report: Report) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    home, _ = HOMES[type(report).__name__]
    found: Iterator[Section] = import_module(f"yolo_probe.{home}").document(report)
    return found


def as_json(report: Report) -> Mapping[str, object]:
    """The report as plain data in the versioned schema, as ``--format json`` writes it."""
    _, home = HOMES[type(report).__name__]
    found: Mapping[str, object] = import_module(f"yolo_probe.{home}").as_json(report)
    return found

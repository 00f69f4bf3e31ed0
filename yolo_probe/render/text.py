"""A report as text in 80 columns, for a terminal, a pipe or an issue tracker; colour adds nothing but colour."""

from __future__ import annotations

from yolo_probe.render import fuse_diff, info
from yolo_probe.render.layout import Paint, plain
from yolo_probe.report import FuseDiff, Info


def render(report: FuseDiff | Info, paint: Paint = plain, columns: int | None = None) -> str:
    """The whole report. ``columns``: width of the terminal, if it is one; a host's line is broken only there."""
    if isinstance(report, FuseDiff):
        lines = fuse_diff.lines(report, paint, columns)
    else:
        lines = info.lines(report, paint, columns)
    return "\n".join(line.rstrip() for line in lines) + "\n"

"""The sections of either report, for every renderer."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.render import fuse_diff, info
from yolo_probe.render.document import Section
from yolo_probe.report import FuseDiff, Info


def sections(report: FuseDiff | Info) -> Iterator[Section]:
    """The report part by part, those together that stand together."""
    return fuse_diff.document(report) if isinstance(report, FuseDiff) else info.document(report)

"""The output of a probe for one run: ``probe.json``, ``.md`` and ``.png`` in its folder, figures in its loggers.

If one of them cannot be written, that costs a warning, and the others are written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from yolo_probe.errors import reason_of
from yolo_probe.render.markdown import render as render_markdown
from yolo_probe.render.picture import draw
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.training_record import Event, as_json
from yolo_probe.training.loggers import Scalars, sinks_of
from yolo_probe.training.settings import File

Warn = Callable[[str], object]
"""Takes a warning for the host's log."""


@dataclass(slots=True)
class RunFiles:
    """The files and the loggers of one run."""

    folder: Path | None = None
    """The folder of the run; None if it is not known."""
    loggers: object | None = None
    """The host's own object for its loggers; None if there is none."""
    unwritten: set[File] = field(default_factory=set)
    """Files that could not be written once; they are not tried a second time."""

    def write(self, wanted: Sequence[File], events: Sequence[Event], report: FuseDiff | None, warn: Warn) -> None:
        """Write the record of the events so far; with a ``report``, also the other files."""
        if self.folder is None or not self.folder.is_dir():
            return
        writers: dict[File, Callable[[Path], object]] = {"json": partial(_write_record, events, report)}
        if report:
            writers |= {"md": partial(_write_markdown, report), "png": partial(draw, report)}
        for ending, write in writers.items():
            if ending not in wanted or ending in self.unwritten:
                continue
            path = self.folder / f"probe.{ending}"
            try:
                write(path)
            except Exception as error:  # the other files and lines do not depend on this one
                self.unwritten.add(ending)
                warn(f"{path.name} was not written ({reason_of(error)})")

    def log(self, values: Scalars, warn: Warn) -> None:
        """Write figures to every logger of the run."""
        if self.loggers is None:
            return
        for sink in sinks_of(self.loggers):
            try:
                sink.write(values, 0)
            except Exception as error:  # the logger's own fault: training and probe go on
                warn(f"{sink.name} took no figures ({reason_of(error)})")


def _write_record(events: Sequence[Event], report: FuseDiff | None, path: Path) -> None:
    path.write_text(json.dumps(as_json(events, report), indent=2) + "\n", encoding="utf-8")


def _write_markdown(report: FuseDiff, path: Path) -> None:
    path.write_text(render_markdown(report), encoding="utf-8")

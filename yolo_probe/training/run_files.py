"""What a probe leaves of a run: ``probe.json``, ``.md`` and ``.png`` beside it, and figures in its own loggers.

What cannot be written costs a warning, and the rest is written all the same.
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
    """Of the run; None where it is not known."""
    loggers: object | None = None
    """The host's own object for them; None where there is none."""
    unwritten: set[File] = field(default_factory=set)
    """Files that could not be written, which are not tried again."""

    def write(self, wanted: Sequence[File], events: Sequence[Event], report: FuseDiff | None, warn: Warn) -> None:
        """Write the record as far as the training has come; the other files when there is a ledger."""
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
            except Exception as error:  # a file that cannot be written is no reason to say nothing more
                self.unwritten.add(ending)
                warn(f"{path.name} was not written ({reason_of(error)})")

    def log(self, values: Scalars, warn: Warn) -> None:
        """Write figures into every logger of the run."""
        if self.loggers is None:
            return
        for sink in sinks_of(self.loggers):
            try:
                sink.write(values, 0)
            except Exception as error:  # a logger's own fault: the training goes on, and so does the probe
                warn(f"{sink.name} took no figures ({reason_of(error)})")


def _write_record(events: Sequence[Event], report: FuseDiff | None, path: Path) -> None:
    path.write_text(json.dumps(as_json(events, report), indent=2) + "\n", encoding="utf-8")


def _write_markdown(report: FuseDiff, path: Path) -> None:
    path.write_text(render_markdown(report), encoding="utf-8")

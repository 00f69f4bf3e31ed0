"""The output of a probe for one run: ``probe.json``, ``.md``, ``.png``, ``.html`` beside it, figures in its loggers.

If one of them cannot be written, that costs a warning, and the others are written.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

from yolo_probe.errors import StoryError, reason_of
from yolo_probe.render import report_page
from yolo_probe.render.markdown import render as render_markdown
from yolo_probe.render.picture import draw
from yolo_probe.reports.full_report import report_of_run
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.story import Story, read_story
from yolo_probe.reports.training_record import Event, as_json, from_json, frozen_rows, has_thawed
from yolo_probe.training.loggers import Scalars, sinks_of
from yolo_probe.training.settings import File

_NOWHERE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
"""Errors of the system that hold for every file in a folder: no space, or no right to write."""

Warn = Callable[[str], object]
"""Takes a warning for the host's log."""


@dataclass(slots=True)
class RunFiles:
    """The files and the loggers of one run."""

    folder: Path | None = None
    """The folder of the run; None if it is not known."""
    loggers: object | None = None
    """The host's own object for its loggers; None if there is none."""
    owned: Path | None = None
    """The folder that this run has written to; files in another one are of an earlier run."""
    continues: bool = False
    """Whether this run goes on with a training that was interrupted; then its record goes on too."""
    earlier: tuple[Event, ...] = ()
    """The events of the interrupted part."""
    unwritten: set[File] = field(default_factory=set)
    """Files that could not be written once; they are not tried a second time."""

    @property
    def may_have_thawed(self) -> bool:
        """Whether what is frozen now may have trained in an interrupted part: its record says so, or there is none."""
        return self.continues and (not self.earlier or has_thawed(self.earlier))

    def write(self, wanted: Sequence[File], events: Sequence[Event], report: FuseDiff | None, warn: Warn) -> None:
        """Write the record of the events so far; with a ``report``, also the other files."""
        if self.folder is None or not self.folder.is_dir():
            return
        if self.folder != self.owned:
            self.owned = self.folder
            self.earlier = _interrupted(self.folder) if self.continues else ()
            if not self.earlier:
                _set_aside(self.folder, wanted, warn)
        record = partial(_write_record, (*self.earlier, *events), report)
        writers: dict[File, Callable[[Path], object]] = {"json": record}
        if report:
            writers |= {"md": partial(_write_markdown, report), "png": partial(_draw, (*self.earlier, *events), report)}
            writers["html"] = partial(_write_page, (*self.earlier, *events), report)
        for ending, write in writers.items():
            if ending not in wanted or ending in self.unwritten:
                continue
            path = self.folder / f"probe.{ending}"
            try:
                write_whole(path, write)
            except Exception as error:  # the other files and lines do not depend on this one
                self.unwritten |= {ending} if getattr(error, "errno", None) not in _NOWHERE else {*get_args(File)}
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


def _interrupted(folder: Path) -> tuple[Event, ...]:
    """The events that an interrupted training has recorded in its folder; none where they cannot be read."""
    try:
        return read_story(str(folder)).moments
    except StoryError:
        return ()


def _set_aside(folder: Path, wanted: Sequence[File], warn: Warn) -> None:
    """Rename what an earlier run has left in the folder: ``probe-1.json``, or the next number that is free."""
    left = [path for ending in wanted if (path := folder / f"probe.{ending}").is_file()]
    number = 1
    while any(folder.glob(f"probe-{number}.*")):
        number += 1
    for path in left:
        kept = path.with_stem(f"probe-{number}")
        try:
            path.rename(kept)
        except OSError as error:
            warn(f"{path.name} of an earlier run was not kept as {kept.name} ({reason_of(error)})")


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file beside ``path``, and then put it in the place of ``path``: whole, or not at all.

    Raises: whatever ``write`` raises, and OSError; the file that was there stands then.
    """
    beside = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")  # a picture's format is its ending
    try:
        write(beside)
        with beside.open("rb+") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _write_record(events: Sequence[Event], report: FuseDiff | None, path: Path) -> None:
    path.write_text(json.dumps(as_json(events, report), indent=2) + "\n", encoding="utf-8")


def _draw(events: Sequence[Event], report: FuseDiff, path: Path) -> None:
    draw(report, path, frozen_rows(events))


def _write_page(events: Sequence[Event], report: FuseDiff, path: Path) -> None:
    content = as_json(events, report)
    story = Story(path.parent.name, from_json(content), content)
    path.write_text(report_page.render(report_of_run(report, story)), encoding="utf-8")


def _write_markdown(report: FuseDiff, path: Path) -> None:
    path.write_text(render_markdown(report), encoding="utf-8")

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
from hashlib import sha256
from pathlib import Path
from typing import get_args

from yolo_probe.errors import StoryError, reason_of
from yolo_probe.render import report_page
from yolo_probe.render.markdown import render as render_markdown
from yolo_probe.render.picture import draw
from yolo_probe.reports.full_report import report_of_run
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.story import MAX_RECORD_BYTES, Story, read_story
from yolo_probe.reports.training_record import (
    Changed,
    Event,
    Started,
    as_json,
    from_json,
    frozen_rows,
    has_thawed,
    model_of,
)
from yolo_probe.training.loggers import Scalars, sinks_of
from yolo_probe.training.settings import File

_NOWHERE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
"""Errors of the system that hold for every file in a folder: no space, or no right to write."""

STEM = "probe"
"""Name of the files of a run, without the ending."""

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
    """Files that could not be written once; there is no second warning."""
    stem: str = STEM
    """Name of its files without the ending: another one where another run has taken that in the middle of this one."""
    written: dict[File, bytes | None] = field(default_factory=dict)
    """What the files that this run has written, or goes on with, were when they were written."""

    @property
    def may_have_thawed(self) -> bool:
        """Whether what is frozen now may have trained in an interrupted part: its record says so, or there is none."""
        return self.continues and (not self.earlier or has_thawed(self.earlier))

    def write(self, wanted: Sequence[File], events: Sequence[Event], report: FuseDiff | None, warn: Warn) -> None:
        """Write the record of the events so far; with a ``report``, also the other files."""
        if self.folder is None or not self.folder.is_dir():
            self._miss_folder(warn)
            return
        self._take(self.folder, wanted, events, warn)
        record = partial(_write_record, (*self.earlier, *events), report)
        writers: dict[File, Callable[[Path], object]] = {"json": record}
        if report:
            writers |= {"md": partial(_write_markdown, report), "png": partial(_draw, (*self.earlier, *events), report)}
            writers["html"] = partial(_write_page, (*self.earlier, *events), report)
        for ending, write in writers.items():
            if ending not in wanted:
                continue
            path = self.folder / f"{self.stem}.{ending}"
            try:
                write_whole(path, write)
                self.written[ending] = _identity(path)
            except Exception as error:  # the other files and lines do not depend on this one
                if ending not in self.unwritten:
                    warn(f"{path.name} was not written ({reason_of(error)})")
                self.unwritten |= {ending} if getattr(error, "errno", None) not in _NOWHERE else {*get_args(File)}

    def _miss_folder(self, warn: Warn) -> None:
        """Say once that a folder is gone in which this run has written."""
        if self.folder is not None and self.folder == self.owned and not self.unwritten:
            self.unwritten |= {*get_args(File)}
            warn(f"the folder of the run is gone: {self.stem}.json was not written")

    def _take(self, folder: Path, wanted: Sequence[File], events: Sequence[Event], warn: Warn) -> None:
        """Make sure that the names of this run's files are its own: no file of another run is overwritten."""
        if folder != self.owned:
            self.owned = folder
            self.earlier = _interrupted(folder, events) if self.continues else ()
            if not self.earlier:
                _set_aside(folder, wanted, warn)
            self.written = {ending: _identity(folder / f"{self.stem}.{ending}") for ending in wanted}
            return
        now = {ending: _identity(folder / f"{self.stem}.{ending}") for ending in wanted}
        if not any(each and each != self.written.get(ending) for ending, each in now.items()):
            return
        record = self.written.get("json")
        renamed = (path.stem for path in sorted(folder.glob(f"{STEM}-*.json")) if record and _identity(path) == record)
        taken, self.stem = self.stem, next(renamed, None) or _free_stem(folder)
        self.written = {ending: _identity(folder / f"{self.stem}.{ending}") for ending in wanted}
        warn(f"{taken}.json is of another training in this folder now: that of this one is {self.stem}.json")

    def log(self, values: Scalars, warn: Warn) -> None:
        """Write figures to every logger of the run."""
        if self.loggers is None:
            return
        for sink in sinks_of(self.loggers):
            try:
                sink.write(values, 0)
            except Exception as error:  # the logger's own fault: training and probe go on
                warn(f"{sink.name} took no figures ({reason_of(error)})")


def _interrupted(folder: Path, events: Sequence[Event]) -> tuple[Event, ...]:
    """The events that an interrupted training has recorded in its folder.

    There are none where they cannot be read, or are of another network than that of ``events``, which come next.
    """
    try:
        earlier = read_story(str(folder)).moments
    except StoryError:
        return ()
    last = next(each for each in reversed(earlier) if isinstance(each, Started | Changed))
    return earlier if not events or model_of(last).parameters == model_of(events[0]).parameters else ()


def _set_aside(folder: Path, wanted: Sequence[File], warn: Warn) -> None:
    """Rename what an earlier run has left in the folder: ``probe-1.json``, or the next number that is free."""
    left = [path for ending in wanted if (path := folder / f"{STEM}.{ending}").is_file()]
    stem = _free_stem(folder)
    for path in left:
        kept = path.with_stem(stem)
        try:
            path.rename(kept)
        except OSError as error:
            warn(f"{path.name} of an earlier run was not kept as {kept.name} ({reason_of(error)})")


def _free_stem(folder: Path) -> str:
    """``probe-1``, or with the next number that no file in the folder has."""
    number = 1
    while any(folder.glob(f"{STEM}-{number}.*")):
        number += 1
    return f"{STEM}-{number}"


def _identity(path: Path) -> bytes | None:
    """What tells this file from any other, also where it is renamed: its content; None where there is none.

    Inodes and times may change by themselves in a folder that is mounted from elsewhere.
    """
    try:
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            return sha256(stream.read(MAX_RECORD_BYTES)).digest()
    except OSError:
        return None


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

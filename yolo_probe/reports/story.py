"""The record of a finished or stopped training, read from ``probe.json``.

In goes the folder of a run, or its record; out comes a ``Story``. A record may come from anywhere: whatever in it is
not as the probe writes it is refused, with its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from yolo_probe.checkpoint.reader import Checkpoint
from yolo_probe.errors import StoryError, shown
from yolo_probe.hosts.subject import Subject
from yolo_probe.model.freezing import row_ranges
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.ledger import Account, Entry, GradientEvent
from yolo_probe.reports.question import Question
from yolo_probe.reports.record_place import RECORD, record_beside
from yolo_probe.reports.training_record import (
    Changed,
    Ended,
    Event,
    OtherSchemaError,
    Started,
    TrainingRecord,
    from_json,
    has_thawed,
    undecided,
)
from yolo_probe.reports.typed_json import FormError

MAX_RECORD_BYTES = 16_000_000
"""Size of a ``probe.json``."""
REMEDY = "pass the folder of a run that was trained with `yolo-probe train`, or its probe.json"


@dataclass(frozen=True, slots=True)
class Story:
    """A training, as recorded."""

    label: str
    """The folder of the run."""
    record: TrainingRecord
    content: Mapping[str, object]
    """All of the file, as plain data."""

    @property
    def moments(self) -> tuple[Event, ...]:
        """The events in order."""
        return self.record.events

    @property
    def accounts(self) -> Mapping[str, Account]:
        """The accounts of the ledger by name; empty if the training has not ended."""
        return self.record.ledger.by_name if self.record.ledger else {}

    @property
    def balanced(self) -> bool:
        """Whether every number is explained exactly."""
        remainders = [*(each.remainder for each in self.accounts.values()), *map(undecided, self.moments)]
        return not any(remainders)


def read_story(target: str) -> Story:
    """The story of a run. ``target``: path of its folder, or of the record in it.

    Raises: StoryError for a missing file, or one that is no record.
    """
    path = Path(target, RECORD) if os.path.isdir(target) else Path(target)
    content = _content(path)
    try:
        record = from_json(content)
    except FormError as error:
        remedy = "render it with the yolo-probe that wrote it" if isinstance(error, OtherSchemaError) else REMEDY
        raise StoryError(f"{path}: {error}", remedy) from None
    return Story(str(path.parent), record, cast("Mapping[str, object]", content))


def as_json(story: Story) -> Mapping[str, object]:
    """The record as plain data, which is the content of its file."""
    return story.content


def story_beside(subject: Subject, parameters: int) -> Story | None:
    """The record beside a checkpoint; None where there is none that can be read, or it is of another training.

    That is one of another network, or one that began when this file was there.

    ``parameters``: of the network in the file.
    """
    if subject.kind != "checkpoint" or subject.path is None or (path := record_beside(subject.path)) is None:
        return None
    try:
        story = read_story(str(path))
    except StoryError:
        return None
    starts = [moment for moment in story.moments if isinstance(moment, Started)]
    if not starts or starts[0].training.parameters != parameters:
        return None
    date = subject.source.contents.get("date") if isinstance(subject.source, Checkpoint) else None
    return None if date and any(start.earlier_best == date for start in starts) else story


def fuse_diff_of_run(question: Question) -> FuseDiff:
    """The report on a checkpoint, with what the record beside it says of its training and the file cannot.

    Raises: ProbeError where the network cannot be followed or fused.
    """
    report, subject = fuse_diff(question), question.subject
    story = story_beside(subject, report.training.summary.parameters)
    if story is None:
        return report
    if frozen := _with_recorded_freeze(subject, story.moments):
        report = fuse_diff(replace(question, subject=frozen))
    if has_thawed(story.moments):
        report = _with_recorded_flags(report, story.accounts.get("gradients"))
    return replace(report, run=tuple(_known(story.moments)))


def _with_recorded_flags(report: FuseDiff, recorded: Account | None) -> FuseDiff:
    """The report of a training whose code put something back into training, which the file alone does not tell.

    ``recorded``: the ledger of gradients of that training; without one of the same numbers the report's own stays, and
    no longer says of what ``--freeze`` froze that it did not train.
    """
    ledger = report.gradients
    if recorded is None or (recorded.before, recorded.after) != (ledger.before, ledger.after):
        undone = {each.detail for each in report.events if each.lasts}
        events = tuple(replace(each, detail="", lasts=False) if each.lasts else each for each in report.events)
        entries = tuple(replace(each, detail="") if each.detail in undone else each for each in ledger.entries)
        return replace(report, events=events, gradients=replace(ledger, entries=entries))
    entries = tuple(
        Entry(each.cause, each.count, each.amount, each.arithmetic, each.why, during_training=each.during_training)
        for each in recorded.entries
    )
    events = tuple(
        GradientEvent(each.cause, frozenset(), each.why, during_training=each.during_training) for each in entries
    )
    return replace(report, events=events, gradients=replace(ledger, entries=entries))


def _with_recorded_freeze(subject: Subject, moments: Sequence[Event]) -> Subject | None:
    """The subject with the rows that did not train, as YOLOv7 does not save them; None where nothing is to be added.

    What code of the training thawed or froze later is told beside the ledger alone.
    """
    start, saved = [moment for moment in moments if isinstance(moment, Started)][-1], subject.saved
    changed = any(isinstance(moment, Changed) for moment in moments)
    if saved is None or saved.freeze is not None or changed or not (start.freeze and start.frozen_rows):
        return None
    return replace(subject, saved=replace(saved, freeze=start.frozen_rows, freeze_option=start.freeze))


def _known(moments: Sequence[Event]) -> Iterator[str]:
    """What a record says of a training that its file cannot, each in a few words."""
    start = next(moment for moment in moments if isinstance(moment, Started))
    if start.weights:
        yield f"started from {start.weights}"
    if start.freeze:
        yield f"{start.freeze} ({row_ranges(start.frozen_rows)})" if start.frozen_rows else start.freeze
    for moment in moments:
        match moment:
            case Started(resumed=True):
                yield "resumed"
            case Changed():
                when = "later" if moment.epoch is None else f"from epoch {moment.epoch} on"
                switched = ((moment.train_now, "trainable"), (moment.train_no_more, "frozen"))
                yield from (f"{each.where} {became} {when}" for each, became in switched if each)
            case Ended(validated=left, outputs=outputs):
                numbers = f"{left.layers:,} layers, {left.parameters:,} parameters, {left.gradients:,} gradients"
                yield f"its fuse() left {numbers}"
                if outputs:
                    yield f"outputs after it: {outputs.words if outputs.first else 'the same, row by row'}"
            case _:
                pass


def _content(path: Path) -> object:
    import json

    try:
        if not path.is_file():
            hint = (
                f"found no {RECORD} in the folder" if path.name == RECORD and path.parent.is_dir() else "no such file"
            )
            raise StoryError(f"{path}: {hint}, expected the record of a training", REMEDY)
        with path.open("rb") as stream:
            content = stream.read(MAX_RECORD_BYTES + 1)
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise StoryError(f"{shown(str(path))}: cannot be read: {words}", REMEDY) from None
    if len(content) > MAX_RECORD_BYTES:
        raise StoryError(
            f"{path}: found more than {MAX_RECORD_BYTES:,} bytes, expected the record of a training", REMEDY
        )
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        words = str(error)[:100]
        raise StoryError(f"{path}: found no JSON ({words}), expected the record of a training", REMEDY) from None

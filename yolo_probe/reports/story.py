"""What a finished or stopped training has recorded of itself: ``probe.json`` read back, moment by moment.

In goes the folder of a run, or its record; out comes a ``Story``. A record is data from anywhere: whatever in it is not
as the probe writes it is refused, with its place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TypeVar

from yolo_probe.errors import StoryError, shown
from yolo_probe.reports.schema import SCHEMA

RECORD = "probe.json"
LARGEST = 16_000_000
"""Bytes of a record."""
REMEDY = "pass the folder of a run that was trained with `yolo-probe train`, or its probe.json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decided:
    """One mechanism and what it decided."""

    mechanism: str
    parameters: int
    evidence: str


@dataclass(frozen=True, slots=True)
class Measured:
    """A model at one moment."""

    layers: int
    parameters: int
    gradients: int
    decided: tuple[Decided, ...]
    """Who decided what trains; empty where the record is older than that."""

    @property
    def unexplained(self) -> int:
        """Parameters that no mechanism holds; 0 in a record that is right."""
        return self.parameters - sum(each.parameters for each in self.decided) if self.decided else 0


@dataclass(frozen=True, slots=True)
class Started:
    """Training starts."""

    model: Measured
    host_line: str | None
    freeze: str | None
    """The option as it was typed."""
    rows: tuple[int, ...]
    """Rows that it names."""
    moving: int
    """BatchNorms with frozen weights whose statistics still move."""
    unheld: tuple[str, ...]
    """Names of the parameters that train and that no optimizer group holds."""
    fuse_fails: str | None


@dataclass(frozen=True, slots=True)
class Validated:
    """The first validation while the training goes on."""

    model: Measured
    copy: str
    is_fused: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Parameters whose flag changed."""

    where: str
    parameters: int


@dataclass(frozen=True, slots=True)
class Changed:
    """``requires_grad`` changed while the training went on."""

    model: Measured
    epoch: int | None
    before: int
    """Gradients until then."""
    started: Place | None
    stopped: Place | None
    unheld: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """The best model was fused and validated."""

    model: Measured
    host_line: str | None
    difference: float | None
    """The largest of two outputs, unfused and fused."""


@dataclass(frozen=True, slots=True)
class Account:
    """One number from the line at train start to the line of the end, with the causes of the change."""

    name: str
    before: int
    after: int
    entries: tuple[tuple[str, int], ...]

    @property
    def unexplained(self) -> int:
        """What no cause accounts for."""
        return self.after - self.before - sum(amount for _, amount in self.entries)


Moment = Started | Validated | Changed | Ended


@dataclass(frozen=True, slots=True)
class Story:
    """A training as its record tells it."""

    label: str
    """The folder of the run."""
    moments: tuple[Moment, ...]
    accounts: tuple[Account, ...]
    """Empty where the training has not ended."""
    record: Mapping[str, object]
    """All of it as it was read."""

    @property
    def balanced(self) -> bool:
        """Whether every number is explained to the last digit."""
        left = [*(each.unexplained for each in self.accounts), *(each.model.unexplained for each in self.moments)]
        return not any(left)


def read_story(target: str) -> Story:
    """The story of a run: TARGET is its folder, or the record in it.

    Raises: StoryError for everything else.
    """
    path = Path(target, RECORD) if os.path.isdir(target) else Path(target)
    record = _Record(_document(path), str(path), "")
    schema = record.field("schema", _whole)
    if schema != SCHEMA:
        raise record.wrong("schema", schema, str(SCHEMA), "render it with the yolo-probe that wrote it")
    moments = tuple(_moment(each) for each in record.each("events"))
    if not moments:
        raise record.wrong("events", [], "at least one event")
    accounts = _accounts(record.part("ledger")) if record.has("ledger") else ()
    return Story(str(path.parent), moments, accounts, record.values)


def as_json(story: Story) -> Mapping[str, object]:
    """The record itself: it is plain data already."""
    return story.record


def _document(path: Path) -> object:
    import json

    try:
        if not path.is_file():
            hint = (
                f"found no {RECORD} in the folder" if path.name == RECORD and path.parent.is_dir() else "no such file"
            )
            raise StoryError(f"{path}: {hint}, expected the record of a training", REMEDY)
        with path.open("rb") as stream:
            content = stream.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise StoryError(f"{shown(str(path))}: cannot be read: {words}", REMEDY) from None
    if len(content) > LARGEST:
        raise StoryError(f"{path}: found more than {LARGEST:,} bytes, expected the record of a training", REMEDY)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        words = str(error)[:100]
        raise StoryError(f"{path}: found no JSON ({words}), expected the record of a training", REMEDY) from None


class _Record:
    """A part of a record, which knows its place."""

    def __init__(self, values: object, path: str, place: str) -> None:
        self._path, self._place = path, place
        if not isinstance(values, dict):
            found = f"found {shown(values)}{f' as {place}' if place else ''}, expected an object"
            raise StoryError(f"{path}: {found}", REMEDY)
        self.values: Mapping[str, object] = values

    def has(self, key: str) -> bool:
        """Whether it is there and not null."""
        return self.values.get(key) is not None

    def wrong(self, key: str, found: object, expected: str, remedy: str = REMEDY) -> StoryError:
        """The error that something of that name is not as the probe writes it."""
        return StoryError(f"{self._path}: found {shown(found)} as {self._at(key)}, expected {expected}", remedy)

    def field(self, key: str, read: Callable[[object], T | None]) -> T:
        """A value of a kind. Raises: StoryError for another, and where there is none."""
        if key not in self.values:
            raise StoryError(f"{self._path}: found no {self._at(key)}, expected {_KINDS[read]}", REMEDY)
        value = read(self.values[key])
        if value is None:
            raise self.wrong(key, self.values[key], _KINDS[read])
        return value

    def optional(self, key: str, read: Callable[[object], T | None]) -> T | None:
        """The same, or None where it is null or not there."""
        return self.field(key, read) if self.has(key) else None

    def part(self, key: str) -> _Record:
        """An object inside."""
        return _Record(self.values.get(key), self._path, self._at(key))

    def each(self, key: str) -> tuple[_Record, ...]:
        """The objects of a list inside; of none where it is not there."""
        values = self.values.get(key, [])
        if not isinstance(values, list):
            raise self.wrong(key, values, "a list")
        return tuple(_Record(value, self._path, f"{self._at(key)}[{i}]") for i, value in enumerate(values))

    def _at(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _count(value: object) -> int | None:
    number = _whole(value)
    return number if number is not None and number >= 0 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, float) and isfinite(value) else _count(value)


def _texts(value: object) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list) and all(isinstance(each, str) for each in value) else None


def _counts(value: object) -> tuple[int, ...] | None:
    return tuple(value) if isinstance(value, list) and all(_count(each) is not None for each in value) else None


_KINDS: Mapping[Callable[[object], object], str] = {
    _whole: "a whole number",
    _count: "a whole number from 0 on",
    _text: "a text",
    _flag: "true or false",
    _number: "a number",
    _texts: "a list of texts",
    _counts: "a list of whole numbers from 0 on",
}


def _moment(record: _Record) -> Moment:
    event = record.field("event", _text)
    read = {"start": _started, "validation": _validated, "change": _changed, "end": _ended}.get(event)
    if read is None:
        raise record.wrong("event", event, "start, validation, change or end")
    return read(record)


def _measured(record: _Record, key: str) -> Measured:
    numbers = record.part(key)
    decided = tuple(
        Decided(each.field("mechanism", _text), each.field("parameters", _count), each.field("evidence", _text))
        for each in record.each("mechanisms")
    )
    layers, parameters, gradients = (numbers.field(name, _count) for name in ("layers", "parameters", "gradients"))
    return Measured(layers, parameters, gradients, decided)


def _started(record: _Record) -> Moment:
    return Started(
        model=_measured(record, "training"),
        host_line=record.optional("host_line", _text),
        freeze=record.optional("freeze", _text),
        rows=record.optional("frozen_rows", _counts) or (),
        moving=len(record.optional("moving_batch_norms", _texts) or ()),
        unheld=record.optional("not_in_optimizer", _texts) or (),
        fuse_fails=record.part("fuse").optional("fails", _text) if record.has("fuse") else None,
    )


def _validated(record: _Record) -> Moment:
    copy = record.field("copy", _text)
    if copy not in ("model", "ema"):
        raise record.wrong("copy", copy, "model or ema")
    return Validated(_measured(record, "validated"), copy, record.field("fused", _flag))


def _changed(record: _Record) -> Moment:
    started, stopped = (_place(record, key) for key in ("train_now", "train_no_more"))
    return Changed(
        model=_measured(record, "training"),
        epoch=record.optional("epoch", _count),
        before=record.field("gradients_before", _count),
        started=started,
        stopped=stopped,
        unheld=record.optional("not_in_optimizer", _texts) or (),
    )


def _place(record: _Record, key: str) -> Place | None:
    if not record.has(key):
        return None
    part = record.part(key)
    return Place(part.field("where", _text), part.field("parameters", _count))


def _ended(record: _Record) -> Moment:
    return Ended(
        _measured(record, "validated"),
        record.optional("host_line", _text),
        record.optional("largest_difference", _number),
    )


def _accounts(ledger: _Record) -> tuple[Account, ...]:
    found = []
    for name in ("layers", "parameters", "gradients", "flops"):
        if ledger.has(name):
            part = ledger.part(name)
            entries = tuple((each.field("cause", _text), each.field("amount", _whole)) for each in part.each("entries"))
            found.append(Account(name, part.field("before", _count), part.field("after", _count), entries))
    return tuple(found)

"""What a training records of itself, ``probe.json``: one value per moment, which is written, read and put into words.

Its keys are the names of the fields. The JSON Schema is ``configs/probe.schema.json``. A key that is new gets a
default, so that older files are still read; where that cannot be, ``schema`` gets another number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.fuse_diff import as_json as report_as_json
from yolo_probe.reports.ledger import Account
from yolo_probe.reports.mechanisms import Decided
from yolo_probe.reports.schema import SCHEMA
from yolo_probe.reports.typed_json import Count, FormError, as_plain, read, wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The four numbers of a model."""

    layers: Count
    """As the host counts them."""
    parameters: Count
    gradients: Count
    """Parameters that require a gradient."""
    flops: Count | None
    """Of one image, at the size of the host's line; None where the forward pass cannot be followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseTrial:
    """A dry run of ``fuse()`` as validation does it, without weights."""

    merges: Count
    """How many BatchNorms it merges."""
    fails: str | None
    """Why it fails, with the module's path."""
    layers: Count | None = None
    """That it leaves; None where it fails."""
    parameters: Count | None = None
    """Likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one mechanism took out of training after the host had printed its line."""

    mechanism: str
    where: str
    """In a few words, ``rows 0 to 9``; empty for all that trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What the host's line says, and what of it no longer holds when training starts."""

    gradients: Count
    gflops: float | None
    """Before it is rounded; None where the line has none."""
    imgsz: tuple[Count, Count]
    """Height and width in pixels of the image that the GFLOPs are for."""
    taken: tuple[Taken, ...]
    taken_parameters: Count
    """Those that trained when the line was printed and no longer do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Training starts: the model as it will really train."""

    event: Literal["start"] = "start"
    host_line: str | None
    """What the host printed of the model; None where the probe did not see that."""
    training: Numbers
    mechanisms: tuple[Decided, ...] = ()
    """Who decided what trains; empty where the record is older than that."""
    imgsz: tuple[Count, Count]
    """Height and width in pixels of the images that it trains on."""
    flops_at_imgsz: Count | None
    """For one image of that size; None where the forward pass cannot be followed."""
    freeze: str | None
    """The option as it was typed: ``--freeze 10``."""
    frozen_rows: tuple[Count, ...]
    """Rows that it names."""
    frozen_parameters: Count
    moving_batch_norms: tuple[str, ...]
    """Paths of the BatchNorms whose weights are frozen and whose running statistics still move."""
    not_in_optimizer: tuple[str, ...]
    """Names of the parameters that require a gradient and that no group of the optimizer holds."""
    fuse: FuseTrial
    printed: Printed | None = None
    """None where the probe did not see the line, or where the record is older than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """The first validation while the training goes on."""

    event: Literal["validation"] = "validation"
    copy: Literal["model", "ema"]
    """Whether it is the model that trains, or the running average of its weights."""
    fused: bool
    validated: Numbers
    mechanisms: tuple[Decided, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """Parameters whose flag changed."""

    where: str
    """In a few words: ``rows 0 to 9``."""
    tensors: Count
    parameters: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """Parameters whose ``requires_grad`` changed while the training went on."""

    event: Literal["change"] = "change"
    epoch: Count | None
    """In which it was seen; None where the host does not say."""
    training: Numbers
    mechanisms: tuple[Decided, ...] = ()
    gradients_before: Count
    train_now: Switched | None
    train_no_more: Switched | None
    not_in_optimizer: tuple[str, ...]
    """Names of those that train from now on and that no group of the optimizer holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The best model was fused and validated."""

    event: Literal["end"] = "end"
    host_line: str | None
    validated: Numbers
    mechanisms: tuple[Decided, ...] = ()
    largest_difference: float | None
    """Of two values of its outputs, before and after ``fuse()``; None where they were not compared, or are NaN."""
    largest_output: float | None
    """The largest absolute value before."""


Event: TypeAlias = Started | Validated | Changed | Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """The ledger of the whole training."""

    layers: Account | None = None
    parameters: Account | None = None
    gradients: Account | None = None
    flops: Account | None = None

    @property
    def by_name(self) -> Mapping[str, Account]:
        """Those that are there."""
        accounts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: account for name, account in accounts.items() if account}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """A training as far as it has come; once it has ended, with all keys of `yolo-probe fuse-diff --format json`."""

    schema: Literal[1]
    command: Literal["train", "fuse-diff"]
    events: tuple[Event, ...]
    """In order."""
    ledger: Accounts | None = None
    """None as long as the training has not ended."""


@dataclass(frozen=True, slots=True)
class _Version:
    """What every record has, whatever else its version of the schema has."""

    schema: int


class OtherSchemaError(FormError):
    """A record of another version of the schema."""


def model_of(event: Event) -> Numbers:
    """The model that an event is about."""
    return event.training if isinstance(event, Started | Changed) else event.validated


def undecided(event: Event) -> int:
    """Parameters that no mechanism holds; 0 in a record that is right."""
    held = sum(each.parameters for each in event.mechanisms)
    return model_of(event).parameters - held if event.mechanisms else 0


def as_json(events: Sequence[Event], report: FuseDiff | None) -> dict[str, object]:
    """The record of a training with these events; ``report``: its ledger, once it has ended."""
    head = report_as_json(report) if report else {"schema": SCHEMA, "command": "train"}
    return head | {"events": as_plain(tuple(events))}


def from_json(content: object) -> TrainingRecord:
    """The record that this JSON is, as this version or one before has written it.

    Raises: OtherSchemaError for a record of another version of the schema, FormError for what is no record.
    """
    schema = read(_Version, content).schema
    if schema != SCHEMA:
        raise OtherSchemaError(str(wrong(schema, "schema", str(SCHEMA))))
    record = read(TrainingRecord, content)
    if not record.events:
        raise wrong([], "events", "at least one event")
    return record

"""The record of a training, ``probe.json``: one value for each event, which is written, read and put into words.

The keys are the names of the fields; the JSON Schema is ``configs/probe.schema.json``. A new key gets a default, so
that older files can still be read; if that is not possible, ``schema`` gets the next number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, TypeAlias

from yolo_probe.model.structure import Module
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.fuse_diff import as_json as report_as_json
from yolo_probe.reports.fused_outputs import FusedOutputs
from yolo_probe.reports.ledger import Account
from yolo_probe.reports.mechanisms import Decided
from yolo_probe.reports.schema import SCHEMA
from yolo_probe.reports.typed_json import Count, FormError, as_plain, read, wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The four numbers of a model."""

    layers: Count
    """Layers as the host counts them."""
    parameters: Count
    gradients: Count
    """Parameters that require a gradient."""
    flops: Count | None
    """FLOPs of one image of the size of the host's line; None if the forward pass cannot be followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Modules of a network, each counted with its own parameters."""

    where: str
    """Their paths in a few words: ``model.24``."""
    modules: Count
    parameters: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseTrial:
    """A dry run of ``fuse()`` as validation does it, without weights."""

    merges: Count
    """Number of BatchNorms that it merges."""
    fails: str | None
    """Why it fails, with the module's path; None if it works."""
    layers: Count | None = None
    """Layers after it; None if it fails."""
    parameters: Count | None = None
    """Parameters after it; None if it fails."""
    on_values: bool = False
    """Whether it ran on a copy with weights, as it needs some."""
    uncalled: Part | None = None
    """Modules with parameters that a forward pass calls before it and not after it, and that are still there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What one mechanism took out of training after the host had printed its line."""

    mechanism: str
    where: str
    """The parameters in a few words, ``rows 0 to 9``; empty for all that trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """What the host's line says, and what of it no longer holds when training starts."""

    gradients: Count
    gflops: float | None
    """GFLOPs before rounding; None if the line has none, or is not known to be for ``imgsz``."""
    imgsz: tuple[Count, Count]
    """Height and width in pixels of the image to which the GFLOPs apply."""
    taken: tuple[Taken, ...]
    taken_parameters: Count
    """Elements of the parameters that trained when the line was printed and no longer do."""
    given_parameters: Count = 0
    """Elements of the parameters that did not train then and do now."""
    gone: Part | None = None
    """Modules that the model had when the line was printed and that it no longer has."""
    new: Part | None = None
    """Modules that it has instead; those of another class or shape are both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scales:
    """The sizes between which ``multi_scale`` draws one for each batch."""

    smallest: tuple[Count, Count]
    """Height and width in pixels."""
    largest: tuple[Count, Count]
    flops_of_smallest: Count | None
    """FLOPs of one image of that size; None if the forward pass cannot be followed."""
    flops_of_largest: Count | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Training starts: the model as it will really train."""

    event: Literal["start"] = "start"
    host_line: str | None
    """The line that the host printed; None if the probe did not see it."""
    training: Numbers
    mechanisms: tuple[Decided, ...] = ()
    """The mechanisms that decided what trains; empty in an older record."""
    imgsz: tuple[Count, Count]
    """Height and width in pixels of the images that it trains on."""
    flops_at_imgsz: Count | None
    """FLOPs of one image of that size; None if the forward pass cannot be followed."""
    scales: Scales | None = None
    """None if all batches have the size ``imgsz``, or in an older record."""
    rectangular: bool = False
    """Whether a batch has the shape of its images, which is at most the size otherwise: the option ``rect``."""
    quad: bool = False
    """Whether each image is joined from four, which makes ``imgsz`` twice the size that was asked for."""
    freeze: str | None
    """The option as it was typed: ``--freeze 10``."""
    frozen_rows: tuple[Count, ...]
    """The rows that this option names."""
    frozen_parameters: Count
    moving_batch_norms: tuple[str, ...]
    """Paths of the BatchNorms whose weights are frozen and whose running statistics still move."""
    not_in_optimizer: tuple[str, ...]
    """Names of the parameters that require a gradient and are in no group of the optimizer."""
    fuse: FuseTrial
    printed: Printed | None = None
    """None if the probe did not see the line, or in an older record."""
    announced: bool = True
    """Whether the host has callbacks for it; else it was seen at the optimizer's first step."""
    weights: str | None = None
    """The file from which its weights come, as the option names it; None for none, or in an older record."""
    resumed: bool = False
    """Whether it goes on with a training that was interrupted."""
    own_loop: bool = False
    """Whether a loop of the user's own trains it, and no host."""
    earlier_best: str | None = None
    """The date in the best model's file that an earlier run has left in the folder; None for no file, or no date."""


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
    """The parameters in a few words: ``rows 0 to 9``."""
    tensors: Count
    parameters: Count
    rows: tuple[Count, ...] = ()
    """The rows that hold them, in whole or in part; empty in an older record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What changed in a model while its training went on: which parameters train, or its modules."""

    event: Literal["change"] = "change"
    epoch: Count | None
    """The epoch in which it was seen, as the host prints it: YOLOv5 counts from 0, ultralytics from 1.

    None if the host does not say.
    """
    training: Numbers
    mechanisms: tuple[Decided, ...] = ()
    gradients_before: Count
    train_now: Switched | None
    train_no_more: Switched | None
    not_in_optimizer: tuple[str, ...]
    """Names of the parameters that train from now on and are in no group of the optimizer."""
    gone: Part | None = None
    """Modules that code of the training took out."""
    new: Part | None = None
    """Modules that it put in; those of another class or shape are both."""
    replaced: Switched | None = None
    """Parameters that are other objects of the same shape, which the optimizer does not hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The best model was fused and validated; by a host that does not do that, it is what ``fuse()`` will leave."""

    event: Literal["end"] = "end"
    host_line: str | None
    printed: bool = True
    """Whether the host has printed ``host_line``; else it will, when it loads the model."""
    validated: Numbers
    mechanisms: tuple[Decided, ...] = ()
    largest_difference: float | None = None
    """In an older record: largest absolute difference between outputs before and after ``fuse()``."""
    largest_output: float | None = None
    """In an older record: largest absolute output before ``fuse()``."""
    outputs: FusedOutputs | None = None
    """The outputs before and after ``fuse()``; None if they were not compared."""
    earlier_file: bool = False
    """Whether the file of the best model is of an earlier run in the folder: this one has not written it."""


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
        """The accounts by name, without those that are None."""
        accounts = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: account for name, account in accounts.items() if account}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """A training as far as it has come; once it has ended, with all keys of `yolo-probe fuse-diff --format json`."""

    schema: Literal[1]
    command: Literal["train", "fuse-diff"]
    events: tuple[Event, ...]
    """The events in order."""
    ledger: Accounts | None = None
    """None until the training has ended."""


@dataclass(frozen=True, slots=True)
class _Version:
    """The one key that a record of any version of the schema has."""

    schema: int


class OtherSchemaError(FormError):
    """A record of another version of the schema."""


def part_of(modules: Sequence[tuple[str, Module]]) -> Part | None:
    """Modules as a part of the record: the paths of those that are in no other of them; None for none."""
    if not modules:
        return None
    paths = [path for path, _ in modules]
    outer = [path for path in paths if path.rpartition(".")[0] not in paths]
    where = ", ".join(outer[:3]) + (f" and {len(outer) - 3} more" if len(outer) > 3 else "")
    tensors = {id(tensor): tensor for _, module in modules for tensor in module.parameters.values()}
    return Part(where=where, modules=len(paths), parameters=sum(tensor.numel for tensor in tensors.values()))


def model_of(event: Event) -> Numbers:
    """The four numbers of the model that an event is about."""
    return event.training if isinstance(event, Started | Changed) else event.validated


def undecided(event: Event) -> int:
    """Number of parameters without a mechanism; 0 in a correct record."""
    held = sum(each.parameters for each in event.mechanisms)
    return model_of(event).parameters - held if event.mechanisms else 0


def frozen_rows(events: Sequence[Event]) -> tuple[str, ...]:
    """Names of the rows that ``--freeze`` kept from training, from the start to the end."""
    first = next((event for event in events if isinstance(event, Started)), None)
    thawed = thawed_rows(events)
    return tuple(str(row) for row in first.frozen_rows if row not in thawed) if first else ()


def thawed_rows(events: Sequence[Event]) -> frozenset[int]:
    """The rows of which something trained from a later moment on."""
    later = (event.train_now for event in events if isinstance(event, Changed))
    return frozenset(row for switched in later if switched for row in switched.rows)


def has_thawed(events: Sequence[Event]) -> bool:
    """Whether something trained from a later moment on."""
    return any(isinstance(event, Changed) and event.train_now for event in events)


def as_json(events: Sequence[Event], report: FuseDiff | None) -> dict[str, object]:
    """The record of a training as plain data. ``report``: the fuse-diff from start to end; None until it has ended."""
    head = report_as_json(report) if report else {"schema": SCHEMA, "command": "train"}
    return head | {"events": as_plain(tuple(events))}


def from_json(content: object) -> TrainingRecord:
    """The record that this JSON describes, written by this version or an earlier one.

    Raises: OtherSchemaError for a record of another version of the schema, FormError for anything else.
    """
    schema = read(_Version, content).schema
    if schema != SCHEMA:
        raise OtherSchemaError(str(wrong(schema, "schema", str(SCHEMA))))
    record = read(TrainingRecord, content)
    if not record.events:
        raise wrong([], "events", "at least one event")
    return record

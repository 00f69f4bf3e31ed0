"""The words of a story: each moment of a training with its numbers and who decided them, and the ledger at its end."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.model.freezing import row_ranges
from yolo_probe.render.document import (
    Cause,
    Figures,
    Heading,
    Heads,
    HostLine,
    Note,
    Part,
    Remainder,
    Section,
    Words,
    signed,
)
from yolo_probe.reports.story import Account, Changed, Ended, Measured, Moment, Started, Story, Validated


def document(story: Story) -> Iterator[Section]:
    """The story part by part."""
    yield (Heading(f"{story.label}: a training, as its probe.json tells it"),)
    if lines := [*_lines(story)]:
        yield tuple(lines)
    for number, moment in enumerate(story.moments):
        heads = (Heads(("layers", "gradients", "parameters")),) if number == 0 else ()
        yield *heads, *_moment(moment)
    if not any(isinstance(moment, Ended) for moment in story.moments):
        yield (Words("The training has not ended, or it was stopped before its best model was validated."),)
    for number, account in enumerate(story.accounts):
        heads = (Heads(("training", "validation", "change")),) if number == 0 else ()
        yield *heads, *_account(account)


def _lines(story: Story) -> Iterator[Part]:
    """What the host printed at the start and at the end."""
    for moment in story.moments:
        if isinstance(moment, Started | Ended) and moment.host_line:
            first = isinstance(moment, Started)
            yield Words("When training started, the host printed" if first else "When it validated the best model")
            yield HostLine(moment.host_line, "")


def _moment(moment: Moment) -> Iterator[Part]:
    match moment:
        case Started():
            yield from _state("start", moment.model, _start_notes(moment))
        case Validated():
            copy = "the EMA copy" if moment.copy == "ema" else "the training model"
            fused = "fused" if moment.is_fused else "not fused"
            yield from _state("first validation", moment.model, iter([f"Validation uses {copy}, {fused}."]))
        case Changed():
            label = "a change" if moment.epoch is None else f"epoch {moment.epoch}"
            yield from _state(label, moment.model, _change_notes(moment))
        case Ended():
            yield from _state("end", moment.model, _end_notes(moment))


def _state(label: str, model: Measured, notes: Iterator[str]) -> Iterator[Part]:
    yield Figures(label, (f"{model.layers:,}", f"{model.gradients:,}", f"{model.parameters:,}"))
    for each in model.decided:
        yield Cause(each.mechanism, f"{each.parameters:,}")
    if model.decided:
        yield Remainder(model.unexplained)
    for words in dict.fromkeys((*notes, *(each.evidence for each in model.decided))):
        yield Note(words)


def _start_notes(start: Started) -> Iterator[str]:
    if start.freeze:
        rows = f" ({row_ranges(start.rows)})" if start.rows else ""
        yield f"The host's line was printed before {start.freeze} acted{rows}."
    if start.moving:
        yield f"{start.moving} BatchNorm2d have frozen weights and statistics that still move."
    yield from _unheld(start.unheld)
    if start.fuse_fails:
        yield f"A dry run of fuse() failed: {start.fuse_fails}."


def _change_notes(change: Changed) -> Iterator[str]:
    for place, words in ((change.started, "From now on these train"), (change.stopped, "These no longer train")):
        if place:
            yield f"{words}: {place.where}, {place.parameters:,} parameters."
    yield f"{change.before:,} gradients became {change.model.gradients:,} while the training went on."
    yield from _unheld(change.unheld)


def _unheld(names: tuple[str, ...]) -> Iterator[str]:
    if names:
        yield f"In no group of the optimizer, so they never change: {len(names)} tensors (first: {names[0]})."


def _end_notes(end: Ended) -> Iterator[str]:
    yield "The best model, after fuse()."
    if end.difference is not None:
        yield f"Its outputs moved by at most {end.difference:.2g} when it was fused."


def _account(account: Account) -> Iterator[Part]:
    change = account.after - account.before
    label = "FLOPs" if account.name == "flops" else account.name
    yield Figures(label, (f"{account.before:,}", f"{account.after:,}", signed(change)))
    for cause, amount in account.entries:
        yield Cause(cause, signed(amount))
    yield Remainder(account.unexplained)

"""The words of a story: each event of a training with its numbers and mechanisms, and the ledger at its end."""

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
from yolo_probe.reports.ledger import Account
from yolo_probe.reports.story import Story
from yolo_probe.reports.training_record import Changed, Ended, Event, Started, Validated, model_of, undecided
from yolo_probe.reports.training_record import Part as Modules


def document(story: Story) -> Iterator[Section]:
    """The story part by part."""
    yield (Heading(f"{story.label}: a training, as its probe.json tells it"),)
    if lines := [*_lines(story)]:
        yield tuple(lines)
    own_loop = any(isinstance(moment, Started) and moment.own_loop for moment in story.moments)
    for number, moment in enumerate(story.moments):
        heads = (Heads(("layers", "gradients", "parameters")),) if number == 0 else ()
        yield *heads, *_moment(moment, own_loop=own_loop)
    if not _has_ended(story):
        yield (Words("No end is on record: the training goes on, was stopped, or could not write it."),)
    for number, (name, account) in enumerate(story.accounts.items()):
        heads = (Heads(("training", "validation", "change")),) if number == 0 else ()
        yield *heads, *_account(name, account)


def _has_ended(story: Story) -> bool:
    """Whether the training, or the part of it that went on last, has ended."""
    last = [type(moment) for moment in story.moments if isinstance(moment, Started | Ended)][-1:]
    return last == [Ended]


def _lines(story: Story) -> Iterator[Part]:
    """The lines that the host printed at the start and at the end."""
    for moment in story.moments:
        if isinstance(moment, Started | Ended) and moment.host_line:
            yield Words(_when(moment))
            yield HostLine(moment.host_line, "")


def _when(moment: Started | Ended) -> str:
    """When the host printed the line of that moment."""
    if isinstance(moment, Started) and moment.resumed:
        return "When it was resumed"
    if isinstance(moment, Started):
        return f"When training started, the {'probe' if moment.own_loop else 'host'} printed"
    return "When it validated the best model, it printed" if moment.printed else "At the end, its line is"


def _moment(moment: Event, *, own_loop: bool) -> Iterator[Part]:
    match moment:
        case Started():
            yield from _state("resumed" if moment.resumed else "start", moment, _start_notes(moment))
        case Validated():
            copy = "the EMA copy" if moment.copy == "ema" else "the training model"
            fused = "fused" if moment.fused else "not fused"
            yield from _state("first validation", moment, iter([f"Validation uses {copy}, {fused}."]))
        case Changed():
            label = "a change" if moment.epoch is None else f"epoch {moment.epoch}"
            yield from _state(label, moment, _change_notes(moment))
        case Ended():
            yield from _state("end", moment, _end_notes(moment, own_loop=own_loop))


def _state(label: str, moment: Event, notes: Iterator[str]) -> Iterator[Part]:
    model = model_of(moment)
    yield Figures(label, (f"{model.layers:,}", f"{model.gradients:,}", f"{model.parameters:,}"))
    for each in moment.mechanisms:
        yield Cause(each.mechanism, f"{each.parameters:,}")
    if moment.mechanisms:
        yield Remainder(undecided(moment))
    for words in dict.fromkeys((*notes, *(each.evidence for each in moment.mechanisms))):
        yield Note(words)


def _start_notes(start: Started) -> Iterator[str]:
    if start.weights and not start.resumed:
        yield f"Its weights come from {start.weights}."
    if start.own_loop:
        yield "This is the model at the first step of the optimizer."
    elif not start.announced:
        yield "The host has no callbacks for its start: this is the model at the first step of the optimizer."
    if start.scales:
        low, high = ("x".join(map(str, each)) for each in (start.scales.smallest, start.scales.largest))
        yield f"Each batch has a size of its own, from {low} to {high}."
    if start.quad:
        low, high = ("x".join(str(side // part) for side in start.imgsz) for part in (2, 1))
        yield f"Each image is made of four of {low}, or of one: it is {high}."
    if start.rectangular:
        largest = "x".join(map(str, start.scales.largest if start.scales else start.imgsz))
        yield f"Each batch has the shape of its images, of which {largest} is the largest."
    if start.freeze:
        rows = f" ({row_ranges(start.frozen_rows)})" if start.frozen_rows else ""
        yield f"The host's line was printed before {start.freeze} acted{rows}."
    if start.printed and (start.printed.gone or start.printed.new):
        yield "The line was printed before the network itself changed."
        yield from _changed_modules(start.printed.gone, start.printed.new)
    if start.moving_batch_norms:
        yield f"{len(start.moving_batch_norms)} BatchNorm2d have frozen weights and statistics that still move."
    yield from _unheld(start.not_in_optimizer)
    if lost := start.fuse.uncalled:
        yield f"After fuse() these are no longer called: {lost.where}, {lost.parameters:,} parameters."
    if start.fuse.fails:
        yield f"A dry run of fuse() failed: {start.fuse.fails}."


def _change_notes(change: Changed) -> Iterator[str]:
    yield from _changed_modules(change.gone, change.new)
    switched = ((change.train_now, "From now on these train"), (change.train_no_more, "These no longer train"))
    for each, words in switched:
        if each:
            yield f"{words}: {each.where}, {each.parameters:,} parameters."
    if change.replaced:
        yield f"New objects are in the place of these parameters: {change.replaced.where}."
    if change.train_now or change.train_no_more or change.gone or change.new:
        yield f"{change.gradients_before:,} gradients became {change.training.gradients:,} while the training went on."
    yield from _unheld(change.not_in_optimizer)


def _changed_modules(gone: Modules | None, new: Modules | None) -> Iterator[str]:
    for part, words in ((gone, "are gone"), (new, "are new")):
        if part:
            yield f"These modules {words}: {part.where}, {part.parameters:,} parameters."


def _unheld(names: tuple[str, ...]) -> Iterator[str]:
    if names:
        yield f"In no group of the optimizer, so they do not change: {len(names)} tensors (first: {names[0]})."


def _end_notes(end: Ended, *, own_loop: bool) -> Iterator[str]:
    if end.earlier_file:
        yield "The folder has a best.pt of an earlier run: this one has not written it."
    if own_loop:
        yield "The model at the end, as its fuse() will leave it if it has one."
    elif end.printed:
        yield "The best model, after fuse()."
    else:
        yield "The best model, as fuse() will leave it if it has one."
    if end.outputs:
        yield f"fuse() {end.outputs.verdict}: {end.outputs.words}."
    elif end.largest_difference is not None:
        yield f"Its outputs moved by at most {end.largest_difference:.2g} when it was fused."


def _account(name: str, account: Account) -> Iterator[Part]:
    change = account.after - account.before
    label = "FLOPs" if name == "flops" else name
    yield Figures(label, (f"{account.before:,}", f"{account.after:,}", signed(change)))
    for each in account.entries:
        yield Cause(each.cause, signed(each.amount))
    yield Remainder(account.remainder)

"""Why a number changed: causes that add up to the change exactly.

Each amount is counted from the places where its cause applies, never computed as a difference. The remainder, which no
cause explains, is always reported.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from yolo_probe.counters.charges import Charges, charge
from yolo_probe.counters.conventions import Convention
from yolo_probe.hosts.summary_line import LayerDefinition
from yolo_probe.model.fusion import Fusion, Merge
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module, Tensor, named_parameters
from yolo_probe.model.user_rules import CUSTOM
from yolo_probe.reports.typed_json import Count


@dataclass(frozen=True, slots=True)
class Entry:
    """One cause of a change."""

    cause: str
    """The cause in a few words."""
    count: int
    """Number of places where it applies."""
    amount: int
    """The change of the number, with its sign."""
    arithmetic: str
    """An expression in integers, +, - and x, whose value is the amount."""
    why: str
    """One sentence for a newcomer."""
    detail: str = ""
    """Text after the cause: ``2 x 4,752 channels``."""
    during_training: bool = False
    """Whether it came while the training went on."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """``before`` + the entries' amounts + ``unexplained`` = ``after``."""

    before: int
    after: int
    entries: tuple[Entry, ...]

    @property
    def unexplained(self) -> int:
        """The part of the change that no entry explains; 0 in a correct ledger."""
        return self.after - self.before - sum(entry.amount for entry in self.entries)


class FourLedgers:
    """A report with a ledger for each of the four numbers; that of FLOPs is None where they are not known."""

    layers: Ledger
    parameters: Ledger
    gradients: Ledger
    flops: Ledger | None

    @property
    def ledgers(self) -> Iterator[tuple[str, Ledger | None]]:
        """The four ledgers by name."""
        yield from (
            ("layers", self.layers),
            ("parameters", self.parameters),
            ("gradients", self.gradients),
            ("flops", self.flops),
        )

    @property
    def balanced(self) -> bool:
        """Whether every change is explained exactly."""
        return all(ledger is None or ledger.unexplained == 0 for _, ledger in self.ledgers)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEntry:
    """One cause of a change, as it is written."""

    cause: str
    count: Count
    """Number of places where it happened."""
    amount: int
    arithmetic: str
    why: str
    during_training: bool = False
    """Whether it came while the training went on; False in an older record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One number before and after, with the causes of the change, as it is written and read."""

    before: Count
    after: Count
    entries: tuple[AccountEntry, ...]
    unexplained: int
    """The value in the file; ``remainder`` computes it from the entries."""

    @property
    def remainder(self) -> int:
        """The part of the change that no cause explains."""
        return self.after - self.before - sum(each.amount for each in self.entries)


def account_of(ledger: Ledger) -> Account:
    """A ledger in the form in which it is written."""
    entries = tuple(
        AccountEntry(
            cause=each.cause, count=each.count, amount=each.amount, arithmetic=each.arithmetic, why=each.why,
            during_training=each.during_training,
        )
        for each in ledger.entries
    )  # fmt: skip
    return Account(before=ledger.before, after=ledger.after, entries=entries, unexplained=ledger.unexplained)


def layers_ledger(
    before: int, after: int, fusion: Fusion, stays_after: str, *, counted: LayerDefinition = "modules"
) -> Ledger:
    """The ledger of layers before and after ``fuse()``: one less for each BatchNorm that is merged.

    ``counted``: what counts as a layer. ``stays_after``: the place of the BatchNorms that are not merged, in words.
    """
    tensors = counted == "parameter_tensors"
    if tensors:
        entries = [_merged_tensors(fusion)]
    else:
        entries = [merged_layers(len({id(merge.batch_norm) for merge in fusion.merges}))]
    apart = len(fusion.merges) - len({id(merge.convolution) for merge in fusion.merges})
    if apart and not tensors:
        why = "Places that shared one convolution have one each after fuse(), which makes every convolution anew."
        entries.append(Entry("convolutions no longer shared", apart, apart, f"{apart} x 1", why, f"{apart} x 1"))
    for change in fusion.changes:
        gone, new = (_layers_in(places, counted) for places in (change.gone, change.new))
        entries.append(changed_layers(change.cause, change.why, gone, new))
    if fusion.stays:
        why = "fuse() merges only a BatchNorm that belongs to a Conv; these stand elsewhere: "
        detail = f"{len(fusion.stays)}, {stays_after}"
        stay = Entry("BatchNorm2d that stay", len(fusion.stays), 0, "0", f"{why}{', '.join(fusion.stays)}.", detail)
        entries.append(stay)
    return Ledger(before, after, tuple(entries))


def merged_layers(merged: int) -> Entry:
    """The entry for the layers that are gone with so many merged BatchNorms."""
    return Entry(
        "BatchNorm2d merged into the convolution before it",
        merged,
        -merged,
        f"-{merged} x 1",
        "fuse() computes the BatchNorm into the convolution's weights, so that module is gone; the network computes "
        "the same.",
        f"{merged} x 1",
    )


def changed_layers(cause: str, why: str, gone: int, new: int) -> Entry:
    """The entry for the layers of a change."""
    detail = f"{gone} gone, {new} new" if new else f"{gone} x 1"
    return Entry(cause, gone + new, new - gone, f"{new} - {gone}", why, detail)


def _layers_in(places: Iterable[tuple[str, Module]], counted: LayerDefinition) -> int:
    """Number of layers among the modules of a change."""
    modules = [module for _, module in places]
    if counted == "parameter_tensors":
        return len({id(tensor) for module in modules for tensor in module.parameters.values()})
    return sum(not (counted == "leaf_modules" and module.children) for module in modules)


def _merged_tensors(fusion: Fusion) -> Entry:
    """The entry for merged BatchNorms where a parameter tensor counts as a layer."""
    old = {id(t) for m in fusion.merges for part in (m.convolution, m.batch_norm) for t in part.parameters.values()}
    new = {id(tensor) for merge in fusion.merges for tensor in merge.fused.parameters.values()}
    why = (
        "Each parameter tensor is a layer here: the weight of a convolution and the two of its BatchNorm become a "
        "weight and a bias."
    )
    return Entry(
        "BatchNorm2d merged into the convolution before it", len(fusion.merges), len(new) - len(old),
        f"{len(new)} - {len(old)}", why, f"{len(old)} tensors become {len(new)}",
    )  # fmt: skip


def parameters_ledger(before: int, after: int, fusion: Fusion) -> Ledger:
    """The ledger of parameters before and after ``fuse()``: a BatchNorm's weight and bias go, a bias is added."""
    channels = _size(merge.batch_norm.parameters["weight"] for merge in fusion.merges)
    shifts = _size(merge.batch_norm.parameters["bias"] for merge in fusion.merges)
    biased = [merge for merge in fusion.merges if "bias" not in merge.convolution.parameters]
    gained = sum(merge.channels for merge in biased)
    places = len({id(merge.batch_norm) for merge in fusion.merges})
    entries = [lost_norms(places, channels, shifts), gained_biases(len(biased), gained)]
    old = _size(t for m in fusion.merges for name, t in m.convolution.parameters.items() if name != "bias")
    new = _size(merge.fused.parameters["weight"] for merge in fusion.merges)
    if old != new:
        why = "Weights that were shared, or kept in several parts, are one tensor for each convolution after fuse()."
        entries.append(Entry("weights made anew", len(fusion.merges), new - old, f"{new:,} - {old:,}", why))
    for change in fusion.changes:
        old, new = _size(_tensors(change.gone)), _size(_tensors(change.new))
        entries.append(changed(change.cause, change.why, len(change.gone), old, new))
    return Ledger(before, after, tuple(entries))


def lost_norms(places: int, channels: int, shifts: int) -> Entry:
    """The entry for the weights and the biases of merged BatchNorms."""
    return Entry(
        "BatchNorm weights and biases",
        places,
        -channels - shifts,
        f"-2 x {channels:,}" if channels == shifts else f"-{channels:,} - {shifts:,}",
        "A BatchNorm has a weight and a bias for each channel; both are computed into the convolution.",
        f"2 x {channels:,} channels",
    )


def gained_biases(places: int, gained: int) -> Entry:
    """The entry for the biases of merged convolutions that had none."""
    return Entry(
        "a bias in each merged convolution",
        places,
        gained,
        f"1 x {gained:,}",
        "The convolution had no bias; the shift of the BatchNorm becomes one, a number for each channel.",
        f"1 x {gained:,} channels",
    )


def changed(cause: str, why: str, places: int, gone: int, new: int) -> Entry:
    """The entry for what goes and what comes with a change in so many places."""
    detail = f"{gone:,} gone, {new:,} new" if new else ""
    return Entry(cause, places, new - gone, f"{new:,} - {gone:,}", why, detail)


def _tensors(places: Iterable[tuple[str, Module]]) -> Iterable[Tensor]:
    return (tensor for _, module in places for tensor in module.parameters.values())


def _size(tensors: Iterable[Tensor]) -> int:
    """Number of elements of the tensors; a shared tensor counts once."""
    return sum(tensor.numel for tensor in {id(tensor): tensor for tensor in tensors}.values())


@dataclass(frozen=True, slots=True)
class GradientEvent:
    """An event before ``fuse()`` that took parameters out of training, or back into it."""

    cause: str
    names: frozenset[str]
    """Names of the parameters whose ``requires_grad`` it set."""
    why: str
    detail: str = ""
    trains: bool = False
    """What it set ``requires_grad`` to."""
    during_training: bool = False
    """Whether it came while the training went on."""
    lasts: bool = False
    """Whether these parameters never trained, as far as is known."""


def gradients_ledger(before: int, after: int, built: Module, events: Sequence[GradientEvent], fusion: Fusion) -> Ledger:
    """The ledger of parameters that require a gradient: what each event, and then ``fuse()``, changed.

    ``built``: the structure before anything was frozen; the events name its parameters.
    """
    sizes = {name: tensor.numel for name, tensor in named_parameters(built)}
    entries = []
    for event in events:
        total, sign = sum(sizes[name] for name in event.names), 1 if event.trains else -1
        entries.append(
            Entry(
                event.cause, len(event.names), sign * total, f"{sign} x {total:,}", event.why, event.detail,
                event.during_training,
            )
        )  # fmt: skip
    entries.append(_fuse_gradients(fusion))
    for change in fusion.changes:
        lost, gained = (_size(t for t in _tensors(places) if t.requires_grad) for places in (change.gone, change.new))
        if lost or gained:
            entries.append(Entry(change.cause, len(change.gone), gained - lost, f"{gained:,} - {lost:,}", change.why))
    return Ledger(before, after, tuple(entries))


def _fuse_gradients(fusion: Fusion) -> Entry:
    touched = [merge for merge in fusion.merges if _trainable(merge)]
    lost = _size(t for m in touched for part in (m.convolution, m.batch_norm) for t in _training(part))
    gained = _size(t for m in touched for t in _training(m.fused))
    return fuse_gradients(len(touched), lost, gained, always=fusion.always_trains)


def fuse_gradients(places: int, lost: int, gained: int, *, always: bool = False) -> Entry:
    """The entry for the parameters that train in so many convolutions before and after a merge.

    ``always``: whether the new convolutions train whatever the old ones did.
    """
    if not places:
        why = "No merged convolution had anything left to train, so fuse() had no flag to change."
        return Entry("fuse()", 0, 0, "0", why, "none left to change")
    if gained and not lost:
        why = "This fuse() makes trainable convolutions of frozen ones, as that of YOLOv5 v1 to v3.0 does."
    elif always:
        why = "This fuse() makes every convolution anew, and leaves it trainable, with autograd on or off."
    elif gained:
        why = "Autograd was on, so the new weights inherit the gradient from the old ones."
    else:
        why = "fuse() makes each convolution anew with requires_grad=False; with autograd off it stays so."
    detail = f"{several(places, 'convolution')} made anew, " + ("trainable" if gained else "not trainable")
    return Entry("fuse()", places, gained - lost, f"{gained:,} - {lost:,}", why, detail)


def _trainable(merge: Merge) -> bool:
    return any(_training(part) for part in (merge.convolution, merge.batch_norm, merge.fused))


def _training(module: Module) -> list[Tensor]:
    return [tensor for tensor in module.parameters.values() if tensor.requires_grad]


MERGING_CONVOLUTIONS = ("conv2d", "conv_transpose2d")
"""The operators into which ``fuse()`` merges a BatchNorm."""


def flops_ledger(before: Charges, after: Charges, fusion: Fusion) -> Ledger:
    """The ledger of FLOPs before and after ``fuse()``, by the rules of one counter."""
    merged = {merge.batch_norm_path for merge in fusion.merges}
    gained_bias = {m.fused_path for m in fusion.merges if "bias" not in m.convolution.parameters}
    old, new = _by_change(before, fusion, "gone"), _by_change(after, fusion, "new")
    run = {record.path for record in new[-1].records} | {merge.convolution_path for merge in fusion.merges}
    idle = old[-1].where(lambda record: _is_convolution(record) and record.path not in run)
    stay = old[-1].where(lambda record: not _is_convolution(record) or record.path in run)
    entries = [_convolutions(stay, new[-1], gained_bias)]
    if idle.records:
        number, amount = len(idle.records), idle.flops
        why = "They serve training alone: the forward pass after fuse() leaves them out. Their weights stay."
        cause = f"{several(number, 'convolution')} {'that no longer runs' if number == 1 else 'that no longer run'}"
        entries.append(Entry(cause, number, -amount, f"-{amount:,}", why))
    if entry := _biases(new[-1].where(lambda record: record.path in gained_bias)):
        entries.append(entry)
    if merged:
        entries.append(_batch_norms(old[-1].where(lambda record: record.path in merged)))
    for change, gone, made in zip(fusion.changes, old, new, strict=False):
        a, b = gone.flops, made.flops
        detail = f"{a:,} gone, {b:,} new" if b else ""
        if a or b:
            entries.append(Entry(change.cause, len(gone.records), b - a, f"{b:,} - {a:,}", change.why, detail))
    if other := _others(old[-1].where(lambda record: record.path not in merged), new[-1]):
        entries.append(other)
    return Ledger(before.flops, after.flops, tuple(entries))


def _by_change(charges: Charges, fusion: Fusion, side: Literal["gone", "new"]) -> list[Charges]:
    """The charges for the modules of each change, and last those for all other modules."""
    places = {
        path: i
        for i, change in enumerate(fusion.changes)
        for path, _ in (change.gone if side == "gone" else change.new)
    }
    groups = charges.grouped(lambda record: places.get(record.path, len(fusion.changes)))
    none = charges.where(lambda record: False)
    return [groups.get(i, none) for i in range(len(fusion.changes) + 1)]


def _is_convolution(record: OpRecord) -> bool:
    return record.operator in MERGING_CONVOLUTIONS


def _convolutions(before: Charges, after: Charges, gained_bias: set[str]) -> Entry:
    """The entry for all convolutions, without the biases that ``fuse()`` added."""
    old = before.where(_is_convolution)
    bare = (
        without_bias(record) if record.path in gained_bias else record
        for record in after.where(_is_convolution).records
    )  # fmt: skip
    a, b = old.flops, charge(bare, after.convention).flops
    detail = f"{a:,} before and after" if a == b else f"{a:,} before, {b:,} after"
    why = (
        "Merging changes the numbers in a convolution, not how many products it computes: none got cheaper."
        if a == b
        else "This counter charges a convolution once for each place that shares it; after fuse() none is shared."
    )
    number = len(old.records)
    return Entry(several(number, "convolution"), number, b - a, f"{b:,} - {a:,}", why, detail)


def without_bias(record: OpRecord) -> OpRecord:
    """The same convolution as it was before ``fuse()`` gave it a bias."""
    return record._replace(options={**record.options, "bias": False})


def several(number: int, noun: str) -> str:
    """A number of things: ``1 convolution``, ``60 convolutions``."""
    return f"{number} {noun}{'s' * (number != 1)}"


def _biases(convolutions: Charges) -> Entry | None:
    """The entry for the biases that ``fuse()`` added; None if the counter charges nothing for them."""
    bare = charge(map(without_bias, convolutions.records), convolutions.convention)
    more = zip(convolutions.records, convolutions.counts, bare.counts, strict=True)
    places, arithmetic, amount = _rates(
        [(record, whole - part) for record, whole, part in more if whole is not None and part is not None],
        convolutions.convention,
    )
    if not places:
        return None
    why = "This counter charges a convolution's bias for each output value; before, the BatchNorm did that work."
    return Entry(
        f"a bias in {several(places, 'convolution')}, now charged",
        places,
        amount,
        arithmetic,
        why,
        f"{arithmetic} values",
    )


def trains_nothing(before: int) -> Entry:
    """The entry for parameters that all train before, and of which none does in a finished file or an EMA copy."""
    why = "strip_optimizer(), or the copy that validation uses (EMA), trains nothing; fuse() is not the reason."
    return Entry("a file or a copy that trains nothing", before, -before, f"-1 x {before:,}", why)


def _batch_norms(norms: Charges) -> Entry:
    number = len(norms.records)
    charged = [(record, count) for record, count in norms if count]
    places, arithmetic, amount = _rates(charged, norms.convention)
    if not places:
        why = "This counter charges nothing for BatchNorm, so nothing drops when it is merged."
        return Entry(f"{number} BatchNorm2d, never charged", number, 0, "0", why)
    by_values = amount >= sum(prod(record.output) for record in norms.records)
    return uncharged_norms(places, amount, arithmetic, by_values=by_values)


def uncharged_norms(places: int, amount: int, arithmetic: str, *, by_values: bool = True) -> Entry:
    """The entry for FLOPs that a counter charged for so many BatchNorms, by the values that they give or by weights."""
    what = "every value that a BatchNorm gives" if by_values else "the weights of a BatchNorm"
    why = f"This counter charges {what}; merged ones are no longer there to be charged."
    negative = "-" + arithmetic.replace(" + ", " - ")
    detail = f"{arithmetic} {'values' if by_values else 'weights'}"
    return Entry(f"{places} BatchNorm2d, no longer charged", places, -amount, negative, why, detail)


def _rates(charges: Iterable[tuple[OpRecord, int]], convention: Convention) -> tuple[int, str, int]:
    """Charges as sums of rate x values: number of places, the sum in words, and its value in FLOPs."""
    values: Counter[int] = Counter()
    places = 0
    for record, count in charges:
        if count:
            size = prod(record.output)
            rate, rest = divmod(convention.flops_per_count * count, size)
            if rest:  # this counter charges by weights, not by output values
                rate, size = convention.flops_per_count, count
            values[rate] += size
            places += 1
    arithmetic = " + ".join(f"{rate:,} x {size:,}" for rate, size in sorted(values.items(), reverse=True))
    return places, arithmetic, sum(rate * size for rate, size in values.items())


def _others(before: Charges, after: Charges) -> Entry | None:
    """The entry for all that is neither a convolution nor a merged BatchNorm; None if that is free."""
    old, new = (charges.where(lambda record: not _is_convolution(record)) for charges in (before, after))
    a, b = old.flops, new.flops
    if not a and not b:
        return None
    charged = old.charged.records
    names = ", ".join(dict.fromkeys(r.operator if r.functional else r.kind.rpartition(".")[2] for r in charged))
    detail = f"{a:,} before and after" if a == b else f"{a:,} before, {b:,} after"
    why = "fuse() does not touch these modules."
    if a != b and any(r.operator == CUSTOM for r in charged):
        why = "A rule of your own charges by what fuse() changes."
    return Entry(names, len(charged), b - a, f"{b:,} - {a:,}", why, detail)

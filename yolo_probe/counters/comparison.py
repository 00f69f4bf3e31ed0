"""One network by the rules of every counter: each figure as terms that add up to it, and the faults in it.

The figures are computed from the traces of one network in up to three modes; nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

from yolo_probe.counters.charges import Charges, Uncounted, charge
from yolo_probe.counters.conventions import TERMS, Convention, term_of
from yolo_probe.counters.faults import HIDDEN, HIDDEN_WHY, SHARED, SHARED_WHY, TWICE, TWICE_WHY
from yolo_probe.counters.torchinfo_parameters import inner, listed_parameters
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module, count_parameters, named_modules, packed_weights

Mode = Literal["train", "unfused", "fused"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class ByMode:
    """One number for each mode of a network; None where there is no such mode, or the counter gives no such number."""

    train: int | None
    """In training mode."""
    unfused: int | None
    """In evaluation mode, before ``fuse()``."""
    fused: int | None
    """In evaluation mode, after ``fuse()``."""

    def times(self, factor: int) -> ByMode:
        """Each number multiplied by the factor."""
        return ByMode(*(None if (number := getattr(self, mode)) is None else factor * number for mode in MODES))


@dataclass(frozen=True, slots=True)
class FoundFault:
    """A fault of a counter that changes its figure for this network; the term of the same name has the amount."""

    name: str
    why: str
    """One sentence."""
    right: ByMode
    """The counter's figure without this fault."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The figures of one counter for a network, in its own unit."""

    convention: Convention
    figure: ByMode
    terms: Mapping[str, ByMode]
    """The parts of the figure; in each mode they add up to it."""
    faults: tuple[FoundFault, ...]
    parameters: ByMode
    """Its total of parameters; None where it gives none."""
    uncounted: tuple[Uncounted, ...]
    """What it has no rule for, without what a fault names."""

    @property
    def train(self) -> int | None:
        """The figure in training mode."""
        return self.figure.train

    @property
    def unfused(self) -> int | None:
        """The figure in evaluation mode, before ``fuse()``."""
        return self.figure.unfused

    @property
    def fused(self) -> int | None:
        """The figure after ``fuse()``."""
        return self.figure.fused

    @property
    def flops(self) -> ByMode:
        """The figure in FLOPs, 1 MAC as 2."""
        return self.figure.times(self.convention.flops_per_count)

    @property
    def right(self) -> ByMode:
        """The figure without the faults in it, in its own unit."""
        return ByMode(*(self._right(mode) for mode in MODES))

    def _right(self, mode: Mode) -> int | None:
        figure: int | None = getattr(self.figure, mode)
        amounts: list[int] = [getattr(self.terms[fault.name], mode) for fault in self.faults] if figure else []
        return None if figure is None else figure - sum(amounts)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same network by several counters."""

    default: str
    """Name of the counter that the others are compared with."""
    counters: Mapping[str, Counted]
    apart: ByMode
    """Number of values that activations compute; they are no sums of products, so the exact count leaves them out."""
    parameters: ByMode
    """The number that the network has, with which the counters' totals are compared."""
    packed: Mapping[str, int]
    """By path of a quantised module, the number of weights that torch keeps packed in it; they are no parameters."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A network in one mode."""

    root: Module
    records: Sequence[OpRecord]


def compare(modes: Mapping[Mode, Measured], conventions: Iterable[Convention], default: str) -> Comparison:
    """The figures of these counters. ``modes``: those that the network has, always ``unfused``; ``default``: a name."""
    counters = {convention.name: _counted(convention, modes) for convention in conventions}
    apart = {mode: sum(map(_activation, measured.records)) for mode, measured in modes.items()}
    parameters = {mode: count_parameters(measured.root) for mode, measured in modes.items()}
    packed = packed_weights(modes["unfused"].root)
    return Comparison(default, counters, _by_mode(apart), _by_mode(parameters), packed)


def _by_mode(numbers: Mapping[Mode, int]) -> ByMode:
    return ByMode(*(numbers.get(mode) for mode in MODES))


def _activation(record: OpRecord) -> int:
    """Number of values of an activation; once, where both a module and the function that it calls have a record."""
    is_one = term_of(record) == "activation" or record.operator in ("sigmoid", "softmax")
    return prod(record.output) if is_one and record.seen_by != "modules" else 0


def _counted(convention: Convention, modes: Mapping[Mode, Measured]) -> Counted:
    seen: dict[Mode, Measured] = dict(modes)
    if (
        "train" in modes and not convention.trains
    ):  # it puts the model into evaluation mode, or charges the same in both
        seen["train"] = modes["unfused"]
    charges = {mode: charge(measured.records, convention) for mode, measured in seen.items()}
    parts = {mode: each.by_term() for mode, each in charges.items()}
    figure = ByMode(*(charges[mode].total if mode in charges else None for mode in MODES))
    faults = {fault.name: fault.why for fault in convention.faults.values()} | _EVERYWHERE
    found = {name for terms in parts.values() for name in terms}
    order = [name for name in (*TERMS, *faults) if name in found]
    terms = {name: ByMode(*(parts[mode].get(name, 0) if mode in parts else None for mode in MODES)) for name in order}
    return Counted(
        convention,
        figure,
        terms,
        tuple(_found(name, faults[name], figure, terms[name]) for name in order if name in faults),
        ByMode(*(parameter_total(convention, modes[mode]) if mode in modes else None for mode in MODES)),
        tuple(_unnamed(charges["unfused"])),
    )


def _unnamed(charges: Charges) -> Iterator[Uncounted]:
    """What has no rule, and no fault by which it is named: a fault is of a module, not of the function in its place."""
    faults = charges.convention.faults
    named = {(each.operator, each.path) for each in charges.records if not each.functional and each.operator in faults}
    return (each for each in charges.uncounted if (each.operator, each.path) not in named)


_EVERYWHERE = {SHARED: SHARED_WHY, TWICE: TWICE_WHY, HIDDEN: HIDDEN_WHY}
"""Faults that are not of an operator, by their name."""


def _found(name: str, why: str, figure: ByMode, amount: ByMode) -> FoundFault:
    numbers = ((getattr(figure, mode), getattr(amount, mode)) for mode in MODES)
    return FoundFault(name, why, ByMode(*(None if whole is None else whole - part for whole, part in numbers)))


def _own_count(module: Module) -> int:
    """Number of values in a module's own parameters."""
    return sum(tensor.numel for tensor in module.parameters.values())


def _leaves_inside(module: Module) -> Iterator[Module]:
    """The leaves below a module, one of several blocks once for each, of several names in one block once."""
    for child in {id(each): each for each in module.children.values() if each is not None}.values():
        if child.children:
            yield from _leaves_inside(child)
        else:
            yield child


def parameter_total(convention: Convention, measured: Measured) -> int | None:
    """A counter's total of parameters; None where it gives none."""
    rule, root = convention.parameters, measured.root
    if rule == "none":
        return None
    if rule == "listed":
        return listed_parameters(root, measured.records)
    if rule == "leaves":
        return sum(_own_count(module) for _, module in named_modules(root) if not module.children)
    if rule == "leaves inside":
        called = [each for each in measured.records if not each.functional and each.seen_by != "functions"]
        charged = {each.path for each in called if each.operator in convention.rules and convention.charges_class(each)}
        paths = {id(module): path for path, module in named_modules(inner(root))}
        return sum(_own_count(each) for each in _leaves_inside(root) if paths.get(id(each)) in charged)
    tensors = {id(tensor): tensor for _, module in named_modules(root) for tensor in module.parameters.values()}
    return sum(tensor.numel for tensor in tensors.values() if tensor.requires_grad or rule != "trainable")

"""One network by the rules of every counter: each figure as terms that add up to it, and the faults in it.

The figures come from the traces of one network in up to three modes; nothing is counted twice, nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

from yolo_probe.counters.charges import Uncounted, charge
from yolo_probe.counters.conventions import TERMS, Convention, term_of
from yolo_probe.counters.faults import SHARED, SHARED_WHY, TWICE, TWICE_WHY
from yolo_probe.counters.torchinfo_parameters import listed_parameters
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module, Tensor, count_parameters, named_modules

Mode = Literal["train", "unfused", "fused"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class ByMode:
    """One number for each mode of a network; None where it has no such mode, or the counter no such number."""

    train: int | None
    """As it trains."""
    unfused: int | None
    """As it is evaluated."""
    fused: int | None
    """As it is evaluated after ``fuse()``."""

    def times(self, factor: int) -> ByMode:
        """Each number that many times."""
        return ByMode(*(None if (number := getattr(self, mode)) is None else factor * number for mode in MODES))


@dataclass(frozen=True, slots=True)
class FoundFault:
    """A fault of a counter that changes its figure for this network; its amount is the term of this name."""

    name: str
    why: str
    right: ByMode
    """The counter's figure without this fault."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What one counter says of a network, in its own unit."""

    convention: Convention
    figure: ByMode
    terms: Mapping[str, ByMode]
    """What the figure is made of; in each mode they add up to it."""
    faults: tuple[FoundFault, ...]
    parameters: ByMode
    """Its total of parameters; None where it has none."""
    uncounted: tuple[Uncounted, ...]
    """What it has no rule for, but that of a fault."""

    @property
    def train(self) -> int | None:
        """The figure as the network trains."""
        return self.figure.train

    @property
    def unfused(self) -> int | None:
        """The figure as it is evaluated."""
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
    """The counter that the others are held against."""
    counters: Mapping[str, Counted]
    apart: ByMode
    """Values of activations, which are no sums of products: what the exact count leaves out."""
    parameters: ByMode
    """What the network really has, against which the counters' totals are held."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A network in one mode."""

    root: Module
    records: Sequence[OpRecord]


def compare(modes: Mapping[Mode, Measured], conventions: Iterable[Convention], default: str) -> Comparison:
    """The figures of these counters. ``modes``: those that the network has; ``unfused`` always."""
    counters = {convention.name: _counted(convention, modes) for convention in conventions}
    apart = {mode: sum(map(_activation, measured.records)) for mode, measured in modes.items()}
    parameters = {mode: count_parameters(measured.root) for mode, measured in modes.items()}
    return Comparison(default, counters, *(ByMode(*(each.get(mode) for mode in MODES)) for each in (apart, parameters)))


def _activation(record: OpRecord) -> int:
    """Values of an activation function, once where a module and what it calls have a record each."""
    is_one = term_of(record) == "activation" or record.operator in ("sigmoid", "softmax")
    return prod(record.output) if is_one and record.seen_by != "modules" else 0


def _counted(convention: Convention, modes: Mapping[Mode, Measured]) -> Counted:
    seen: dict[Mode, Measured] = dict(modes)
    if "train" in modes and not convention.trains:  # it puts the model into evaluation mode, or sees no difference
        seen["train"] = modes["unfused"]
    charges = {mode: charge(measured.records, convention) for mode, measured in seen.items()}
    parts = {mode: each.by_term() for mode, each in charges.items()}
    figure = ByMode(*(charges[mode].total if mode in charges else None for mode in MODES))
    faults = {fault.name: fault.why for fault in convention.faults.values()} | {SHARED: SHARED_WHY, TWICE: TWICE_WHY}
    found = {name for terms in parts.values() for name in terms}
    order = [name for name in (*TERMS, *faults) if name in found]
    terms = {name: ByMode(*(parts[mode].get(name, 0) if mode in parts else None for mode in MODES)) for name in order}
    return Counted(
        convention,
        figure,
        terms,
        tuple(_found(name, faults[name], figure, terms[name]) for name in order if name in faults),
        ByMode(*(parameter_total(convention, modes[mode]) if mode in modes else None for mode in MODES)),
        tuple(each for each in charges["unfused"].uncounted if each.operator not in convention.faults),
    )


def _found(name: str, why: str, figure: ByMode, amount: ByMode) -> FoundFault:
    numbers = ((getattr(figure, mode), getattr(amount, mode)) for mode in MODES)
    return FoundFault(name, why, ByMode(*(None if whole is None else whole - part for whole, part in numbers)))


def parameter_total(convention: Convention, measured: Measured) -> int | None:
    """A counter's total of parameters; None where it gives none."""
    rule, root = convention.parameters, measured.root
    if rule == "none":
        return None
    if rule == "listed":
        return listed_parameters(root, measured.records)
    tensors: dict[int, Tensor] = {}
    for path, module in named_modules(root):
        if rule == "leaves" and (module.children or path.endswith(".out_proj")):
            continue
        tensors |= {id(tensor): tensor for tensor in module.parameters.values()}
    return sum(tensor.numel for tensor in tensors.values() if tensor.requires_grad or rule != "trainable")

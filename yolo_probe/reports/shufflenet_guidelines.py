"""The four guidelines of ShuffleNet V2 for a network: which operators go against them, in which rows, at what cost.

Source: Ma et al. 2018, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design", section 2: G1 equal
channel width minimizes the memory access cost, G2 excessive group convolution increases it, G3 network fragmentation
reduces the degree of parallelism, G4 element-wise operations are non-negligible.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt, prod

from yolo_probe.counters.charges import added
from yolo_probe.counters.conventions import term_of
from yolo_probe.counters.rules import CONVOLUTIONS, TRANSPOSED_CONVOLUTIONS
from yolo_probe.model.activations import total
from yolo_probe.model.operators import OpRecord
from yolo_probe.reports.line_costs import UNUSED, Operation

ELEMENT_WISE = ("BatchNorm", "normalization", "activation", "sums and products")
"""Terms whose operators change each value by itself; in a fused network most BatchNorms are gone."""

FRAGMENTS = ("convolution", "fully connected", "pooling", "attention", "matrix products")
"""Terms whose operators count as fragments of their block; the paper counts convolutions and poolings."""


@dataclass(frozen=True, slots=True)
class Guideline:
    """One guideline, and the operators of the network that go against it."""

    name: str
    """``G1``."""
    title: str
    checked: int
    """Number of operators that it is about; for G3 of rows."""
    concerned: int
    """Number of those that go against it."""
    rows: tuple[str, ...]
    """The rows that have them; an empty name for what is in no row."""
    flops: int | None
    """FLOPs of those for which the counter has a rule; None if it has none."""
    values: int
    """Values that those read and write."""
    details: Mapping[str, int]
    """Further figures of the guideline, by name."""


def guidelines(operations: Sequence[Operation], row_of: Callable[[str], str]) -> tuple[Guideline, ...]:
    """The four guidelines. ``row_of`` gives the row of a module's path."""
    ran = [operation for operation in operations if operation.record.operator != UNUSED]
    return (_width(ran, row_of), _groups(ran, row_of), _fragments(ran, row_of), _element_wise(ran, row_of))


def _width(ran: Sequence[Operation], row_of: Callable[[str], str]) -> Guideline:
    checked = [operation for operation in ran if _is_pointwise(operation.record)]
    unequal = [operation for operation in checked if operation.record.weight[0] != operation.record.weight[1]]
    least = sum(least_access(operation.record) for operation in unequal)
    return _guideline("G1", "equal channel width", checked, unequal, row_of, {"least_values": least})


def _is_pointwise(record: OpRecord) -> bool:
    """Whether it is a 1x1 convolution without groups; the paper's proof is for those."""
    return record.operator == "conv2d" and record.weight[2:] == (1, 1) and record.options["groups"] == 1


def least_access(record: OpRecord) -> int:
    """The fewest values that a 1x1 convolution with as many products could move: as many channels in as out.

    Formula: values >= 2 sqrt(h w B) + B / (h w) with B = h w c1 c2 (the paper's MAC, memory access cost); rounded down.
    """
    channels = prod(record.weight)
    places = prod(record.output) // record.weight[0]
    return isqrt(4 * places * places * channels) + channels


def _groups(ran: Sequence[Operation], row_of: Callable[[str], str]) -> Guideline:
    kinds = (*CONVOLUTIONS, *TRANSPOSED_CONVOLUTIONS)
    checked = [operation for operation in ran if operation.record.operator in kinds]
    grouped = [operation for operation in checked if operation.record.options["groups"] != 1]
    depthwise = sum(operation.record.options["groups"] == operation.record.input[1] for operation in grouped)
    return _guideline("G2", "group convolutions", checked, grouped, row_of, {"depthwise": depthwise})


def _fragments(ran: Sequence[Operation], row_of: Callable[[str], str]) -> Guideline:
    counts: dict[str, int] = {}
    for operation in ran:
        if term_of(operation.record) in FRAGMENTS and (row := row_of(operation.record.path)):
            counts[row] = counts.get(row, 0) + 1
    rows = {row for row, count in counts.items() if count > 1}
    inside = [operation for operation in ran if row_of(operation.record.path) in rows]
    details = {"fragments": sum(counts.values()), "most": max(counts.values(), default=0)}
    return _guideline("G3", "fragmentation", list(counts), inside, row_of, details, concerned=len(rows))


def _element_wise(ran: Sequence[Operation], row_of: Callable[[str], str]) -> Guideline:
    alone = [operation for operation in ran if is_element_wise(operation.record)]
    return _guideline("G4", "element-wise operators", ran, alone, row_of, {})


def is_element_wise(record: OpRecord) -> bool:
    """Whether an operator changes each value by itself, as a module or as a function."""
    return term_of(record._replace(functional=False)) in ELEMENT_WISE


def _guideline(
    name: str, title: str, checked: Sequence[object], against: Iterable[Operation], row_of: Callable[[str], str],
    details: Mapping[str, int], concerned: int | None = None,
) -> Guideline:  # fmt: skip
    against = list(against)
    rows = tuple(dict.fromkeys(row_of(operation.record.path) for operation in against))
    return Guideline(
        name,
        title,
        len(checked),
        len(against) if concerned is None else concerned,
        rows,
        added(operation.flops for operation in against),
        total(operation.access for operation in against).values,
        details,
    )

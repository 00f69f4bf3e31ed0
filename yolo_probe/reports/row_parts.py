"""A network cut into its rows: layers, parameters and FLOPs of each, which add up to those of the whole.

Activations that blocks share belong to no row: they are counted apart. So is what holds the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from math import prod
from typing import Literal

from yolo_probe.counters.charges import Charges
from yolo_probe.hosts.summary_line import LayerDefinition
from yolo_probe.model.structure import Module, Shape, distinct_modules, named_parameters, row_holder, tally
from yolo_probe.model.trace import Trace
from yolo_probe.reports.line_costs import lines_of, operations_of

Number = Literal["layers", "parameters", "flops"]


@dataclass(frozen=True, slots=True)
class RowPart:
    """One row, or what is in no row."""

    name: str
    """Its number as the file has it; empty for what is in no row."""
    kind: str
    layers: int
    parameters: int
    flops: int
    area: int = 0
    """Height x width of the map that it puts out; 0 where it puts out none, or that is not known."""


@dataclass(frozen=True)
class Parts:
    """A network as the sum of its rows."""

    rows: tuple[RowPart, ...]
    outside: RowPart
    """What holds the rows, and what runs in none of them."""
    activations: int
    """Activations of blocks, each counted once however many blocks share it."""
    activated: int
    """Blocks that have one."""

    def total(self, number: Number) -> int:
        """Layers, parameters or FLOPs of all rows and of what is in none."""
        shared = self.activations if number == "layers" else 0
        figures: list[int] = [getattr(part, number) for part in (*self.rows, self.outside)]
        return sum(figures) + shared


def parts_of(root: Module, definition: LayerDefinition, run: Trace | None, charges: Charges) -> Parts:
    """The parts of a network. ``definition``: what a layer is. ``run``: a forward pass; without it FLOPs are 0."""
    _, holder = row_holder(root)
    acts = [child for module in distinct_modules(root) if (child := module.children.get("act")) is not None]
    shared = {id(act): act for act in acts if not act.children and not act.parameters}
    seen: set[int] = set(shared)
    tensors: set[int] = set()
    costs = _costs_by_row(root, run, charges)
    rows = tuple(
        _part(name, row, definition, costs.get(name, (0, 0)), seen, tensors)
        for name, row in holder.children.items()
        if row is not None
    )
    outside = _part("", root, definition, costs.get("", (0, 0)), seen, tensors)
    counted = 0 if definition == "parameter_tensors" else len(shared)
    return Parts(rows, outside, counted, len(acts))


def _part(
    name: str, module: Module, definition: LayerDefinition, costs: tuple[int, int], seen: set[int], tensors: set[int]
) -> RowPart:
    """The part of a module, without what other parts have had; adds to ``seen`` and ``tensors``."""
    inside = [each for each in distinct_modules(module) if id(each) not in seen]
    own = [tensor for each in inside for tensor in each.parameters.values() if id(tensor) not in tensors]
    own = list({id(tensor): tensor for tensor in own}.values())
    seen.update(map(id, inside))
    tensors.update(map(id, own))
    totals = tally((each.children for each in inside), [(tensor.numel, tensor.requires_grad) for tensor in own])
    return RowPart(name, module.kind, getattr(totals.layers, definition), totals.parameters, *costs)


def _costs_by_row(root: Module, run: Trace | None, charges: Charges) -> dict[str, tuple[int, int]]:
    """FLOPs of each row, and the area of the map that it puts out."""
    if run is None:
        return {}
    lines = lines_of(root, run, operations_of(root, charges), "row")
    return {line.name: (line.flops or 0, _area(line.outputs)) for line in lines}


def _area(outputs: Sequence[Shape]) -> int:
    return prod(outputs[0][2:]) if len(outputs) == 1 and len(outputs[0]) == 4 else 0


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of the first network beside the one of the second that stands in its place; None where there is none."""

    first: RowPart | None
    second: RowPart | None

    def change(self, number: Number) -> int:
        """The second one's figure less the first one's."""
        return sum(sign * getattr(part, number) for sign, part in ((-1, self.first), (1, self.second)) if part)

    @property
    def scale(self) -> float:
        """How many times as large the second one's map is; 1 where that is not known."""
        if not (self.first and self.second and self.first.area and self.second.area):
            return 1
        return self.second.area / self.first.area


_ROLES = {
    **dict.fromkeys(("Focus", "Stem", "StemBlock"), "Conv"),
    **dict.fromkeys(("BottleneckCSP", "C3Ghost", "C3TR", "C3SPP", "C2f", "C3k2"), "C3"),
    **dict.fromkeys(("SPPF", "SPPCSPC"), "SPP"),
    "Segment": "Detect",
}
"""The class in whose place another one stands in the networks of other generations."""


def aligned(first: Parts, second: Parts) -> tuple[Pair, ...]:
    """The rows of two networks side by side, as a diff aligns lines: by the parts that their classes play."""
    kinds, others = (
        [_ROLES.get(kind := row.kind.rpartition(".")[2], kind) for row in parts.rows] for parts in (first, second)
    )
    pairs: list[Pair] = []
    for _, a, b, c, d in SequenceMatcher(None, kinds, others, autojunk=False).get_opcodes():
        old, new = first.rows[a:b], second.rows[c:d]
        for index in range(max(len(old), len(new))):
            pairs.append(Pair(old[index] if index < len(old) else None, new[index] if index < len(new) else None))
    return tuple(pairs)


def size_of(root: Module) -> int:
    """Parameters of a network; a shared tensor counts once."""
    return sum(tensor.numel for _, tensor in named_parameters(root))

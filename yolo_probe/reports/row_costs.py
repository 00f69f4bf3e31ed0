"""The cost of each row of a network, in training and after ``fuse()``; the rows add up to the totals exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from yolo_probe.counters.charges import Charges
from yolo_probe.model.structure import named_parameters, named_rows
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.line_costs import lines_of, operations_of
from yolo_probe.reports.question import State


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a row in one state."""

    flops: int | None
    """By the report's counter; None where the pass could not be followed, or no operator has a rule."""
    parameters: int
    """Elements of its parameters; a shared tensor counts in the first row that has it."""


@dataclass(frozen=True, slots=True)
class RowCost:
    """One row of a network: a child of its list of rows, or of the model itself where it has none."""

    name: str
    """As the host writes it: ``0``, ``24``, ``layer1``; empty for what is in no row."""
    kind: str
    """Name of its class: ``Conv``."""
    training: Cost
    validation: Cost


def rows_of(report: FuseDiff) -> tuple[RowCost, ...]:
    """The rows in order, and one more if something that costs is in no row."""
    kinds, row_name = named_rows(report.training.root)
    training, validation = (
        _costs(state, row_name, report.question.charges(state)) for state in (report.training, report.validation)
    )
    names = [*kinds, *({""} & {*training, *validation})]
    free = Cost(None if report.flops is None else 0, 0)
    return tuple(
        RowCost(name, kinds.get(name, "other"), training.get(name, free), validation.get(name, free)) for name in names
    )


def _costs(state: State, row_name: Callable[[str], str], charges: Charges) -> dict[str, Cost]:
    """Costs by name of the row; the empty name is for what is in no row and not free."""
    if state.run is None:
        parameters: Counter[str] = Counter()
        for path, tensor in named_parameters(state.root):
            parameters[row_name(path)] += tensor.numel
        return {name: Cost(None, size) for name, size in parameters.items()}
    lines = lines_of(state.root, state.run, operations_of(state.root, charges), "row")
    return {
        line.name: Cost(line.flops, line.parameters) for line in lines if line.name or line.flops or line.parameters
    }

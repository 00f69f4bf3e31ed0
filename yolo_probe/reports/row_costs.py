"""What each row of a network costs, in training and after ``fuse()``; the rows add up to the totals exactly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from yolo_probe.counters.conventions import Convention
from yolo_probe.model.structure import named_parameters, named_rows
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.line_costs import lines_of, operations_of
from yolo_probe.reports.question import State


@dataclass(frozen=True, slots=True)
class Cost:
    """What a row costs in one state."""

    flops: int | None
    """By the report's counter; None where the forward pass could not be followed."""
    parameters: int
    """Each tensor where it is first."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a network: a child of its list of rows, or of the model itself where it has none."""

    name: str
    """As the host writes it: ``0``, ``24``, ``layer1``; empty for what belongs to no row."""
    kind: str
    """Name of its class: ``Conv``."""
    training: Cost
    validation: Cost


def rows_of(report: FuseDiff) -> tuple[Row, ...]:
    """Every row in order; what belongs to none of them is one more row, where there is any."""
    kinds, row_name = named_rows(report.training.root)
    convention = report.question.counter.convention
    training, validation = (_costs(state, row_name, convention) for state in (report.training, report.validation))
    names = [*kinds, *({""} & {*training, *validation})]
    free = Cost(None if report.flops is None else 0, 0)
    return tuple(
        Row(name, kinds.get(name, "other"), training.get(name, free), validation.get(name, free)) for name in names
    )


def _costs(state: State, row_name: Callable[[str], str], convention: Convention) -> dict[str, Cost]:
    """Cost by name of a row; the empty name for what belongs to none and is not free."""
    if state.run is None:
        parameters: Counter[str] = Counter()
        for path, tensor in named_parameters(state.root):
            parameters[row_name(path)] += tensor.numel
        return {name: Cost(None, size) for name, size in parameters.items()}
    lines = lines_of(state.root, state.run, operations_of(state.root, state.run, convention), "row")
    return {
        line.name: Cost(line.flops, line.parameters) for line in lines if line.name or line.flops or line.parameters
    }

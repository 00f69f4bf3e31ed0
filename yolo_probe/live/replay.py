"""The kernels of a forward pass, one after the other, on tensors of its shapes.

Each kernel reads the last tensor of the shapes that it takes, so that as much memory is read and written as in the
network, mostly as soon after it was written. Which tensor of a shape it reads is not the network's own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from math import prod

import torch
from torch import Tensor

from yolo_probe.live.kernels import NO_VALUES, Memory, Step, Values, kernel_of
from yolo_probe.model.operators import OWN_PARAMETERS, TIMM_ATTENTION, OpRecord
from yolo_probe.model.structure import Module, Shape, below
from yolo_probe.model.trace import Trace


class Replay:
    """One forward pass as kernels; ``run()`` runs them. ``values``: weights by name; others are random."""

    def __init__(self, root: Module, run: Trace, memory: Memory, values: Values = NO_VALUES) -> None:
        self._memory = memory
        missing: Counter[str] = Counter()
        self.steps = tuple(_steps(root, run, memory, values, missing))
        self.unmeasured: Mapping[str, int] = dict(missing)
        """Operators whose kernels are not known, with their number; they do not run."""
        made: set[Shape] = {tuple(run.input)}
        self._given = {tuple(run.input): memory.placed(torch.rand(run.input))}
        for step in self.steps:  # what no kernel before it makes, such as the halves of a tensor
            for shape in step.inputs:
                if shape not in made:
                    self._given[shape] = memory.placed(torch.rand(shape))
            made |= {*step.inputs, step.output}

    def run(self) -> None:
        """One pass."""
        with torch.inference_mode():
            last = dict(self._given)
            for _, _, inputs, output, kernel in self.steps:
                last[output] = kernel(*[last[shape] for shape in inputs])

    def outputs(self) -> Iterator[tuple[Step, Tensor]]:
        """Each kernel with its output, in one pass."""
        with torch.inference_mode():
            last = dict(self._given)
            for step in self.steps:
                last[step.output] = out = step.run(*[last[shape] for shape in step.inputs])
                yield step, out

    def seconds_of(self, row_of: Callable[[str], str]) -> dict[str, float]:
        """The time of each row in one pass; a device is waited for after each row that runs."""
        found: dict[str, float] = {}
        with torch.inference_mode():
            last = dict(self._given)
            row, begin = None, self._memory.now()
            for path, _, inputs, output, kernel in self.steps:
                at = row_of(path)
                if row is not None and at != row:
                    end = self._memory.now()
                    found[row] = found.get(row, 0.0) + end - begin
                    begin = self._memory.now()
                row = at
                last[output] = kernel(*[last[shape] for shape in inputs])
            if row is not None:
                found[row] = found.get(row, 0.0) + self._memory.now() - begin
        return found


def random_modules(run: Trace, values: Values) -> tuple[str, ...]:
    """Paths of the modules whose weights are not among the values."""

    def is_random(record: OpRecord) -> bool:
        held = values.get(below(record.path, "weight"))
        return bool(record.weight) and (held is None or tuple(held.shape) != tuple(record.weight))

    return tuple(dict.fromkeys(record.path for record in run.records if is_random(record)))


def _steps(
    root: Module, run: Trace, memory: Memory, values: Values, missing: Counter[str]
) -> Iterator[Step]:  # fmt: skip
    """The kernels of operators and of copies, in the order of the pass; ``missing`` gets those that are not known."""
    for record in _records(run):
        kernel = kernel_of(record, root, memory, values)
        if kernel is None:
            missing[record.operator] += 1
        else:
            inputs = tuple(tuple(shape) for shape in record.inputs if shape)
            yield Step(record.path, record.operator, inputs or (tuple(record.output),), tuple(record.output), kernel)


def _records(run: Trace) -> Iterator[OpRecord]:
    """The records of a pass, and those of its copies at their places."""
    moves = list(run.moves)
    for place in range(len(run.records) + 1):
        while moves and moves[0].place == place:
            move = moves.pop(0)
            yield OpRecord("copy", move.path, "", (tuple(move.output),), move.output)
        if place < len(run.records) and _runs(run.records[place]):
            yield _whole(run.records[place])


def _runs(record: OpRecord) -> bool:
    """Whether a record is work of its own, and not another name of what has records too."""
    return record.seen_by != "functions" and record.operator not in (TIMM_ATTENTION, OWN_PARAMETERS)


def _whole(record: OpRecord) -> OpRecord:
    """The record itself; where one tensor gives another shape value by value, that shape as the input too."""
    shapes = [shape for shape in record.inputs if shape]
    grid = record.operator in ("sub", "mul") and len(shapes) == 1 and prod(shapes[0]) != prod(record.output)
    return record._replace(inputs=(record.output,)) if grid else record

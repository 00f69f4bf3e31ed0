"""What a forward pass reads, writes and keeps: memory access cost by operator, activations, and their peak.

Out of the records of a pass come numbers of values; bytes are those of one type for all (``BYTES`` has FP32). The
image is one of the tensors, the weights are not: they stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from math import prod

from yolo_probe.model.operators import Followed, OpRecord
from yolo_probe.model.structure import Shape
from yolo_probe.model.trace import Trace

BYTES = 4
"""Of a value in FP32, as hosts run a network unless they are asked for FP16."""

NOTHING_MOVES = frozenset({"identity", "dropout", "flatten"})
"""Operators that give their input back in evaluation mode."""


@dataclass(frozen=True, slots=True)
class Access:
    """Values that an operator moves if it runs by itself: everything comes from memory once and goes back once.

    Formula: h w (c1 + c2) + c1 c2 / g for a 1x1 convolution of g groups, h w c1 read, h w c2 written.
    Source: the memory access cost (MAC) of ShuffleNet V2 (Ma et al. 2018), section 2.
    """

    read: int
    """Of feature maps."""
    written: int
    weights: int
    """Without biases, and without the four numbers a channel of a BatchNorm, as the paper has it."""

    @property
    def values(self) -> int:
        """All of them."""
        return self.read + self.written + self.weights

    def __add__(self, other: Access) -> Access:
        return Access(self.read + other.read, self.written + other.written, self.weights + other.weights)


NO_ACCESS = Access(0, 0, 0)


def access(record: OpRecord) -> Access:
    """What one operator moves. Attention: what goes in and out, and its four projections, not what is between them."""
    if record.operator in NOTHING_MOVES:
        return NO_ACCESS
    weights = prod(record.weight) if record.weight else 0
    if record.operator == "multi_head_attention":
        embed, key, value = (shape[-1] for shape in record.inputs)
        weights = embed * (2 * embed + key + value)
    return Access(sum(prod(shape) for shape in record.inputs if shape), prod(record.output), weights)


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor that is there at one moment."""

    path: str | None
    """Of the module that made it; empty: the model itself; None: it is an input of the model."""
    shape: Shape

    @property
    def values(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Activations:
    """The tensors of a forward pass, the image among them.

    Operators run in the order of the pass. A tensor is there from the operator that makes it to the last that reads
    it, and while an operator runs its inputs and its output are there together. What the pass returns stays: the
    boxes, and the raw predictions beside them. A view is the tensor that it is of, and what works in place (a SiLU with
    inplace=True) makes none. Memory for use inside an operator is not among them.
    """

    made: int
    """Values of all tensors that operators make."""
    peak: int
    """Values of those that are there together at most."""
    path: str
    """Of the module that runs then, the first time."""
    operator: str
    held: tuple[Held, ...]
    """The tensors of that moment, in the order in which they were made."""
    unfollowed: tuple[str, ...] = ()
    """Operators that make tensors inside, which are not among these."""


@dataclass(frozen=True, slots=True)
class Step:
    """What runs at one moment."""

    path: str
    operator: str
    reads: tuple[int, ...]
    """Numbers of the tensors."""
    writes: tuple[int, ...]


IMAGE = 0
"""The number of the tensor that goes into the network."""


def activations(run: Trace) -> Activations | None:
    """The tensors of a pass; None where the pass does not tell which operator reads which."""
    if not run.calls:
        return None
    shapes: dict[int, Shape] = {IMAGE: run.input}
    steps = tuple(_steps(run, shapes))
    unread: dict[int, None] = {}
    for step in steps:  # of what works in place, reads what it has become
        unread = {tensor: None for tensor in unread if tensor not in step.reads} | dict.fromkeys(step.writes)
    predictions = _tensors(run.output if isinstance(run.output, list) else [run.output])
    inside = tuple(dict.fromkeys(step.operator for step in steps if step.operator == "multi_head_attention"))
    return replace(activations_of(steps, shapes, (*unread, *predictions)), unfollowed=inside)


def activations_of(
    steps: Sequence[Step], shapes: Mapping[int, Shape], results: Iterable[int], inputs: Iterable[int] = (IMAGE,)
) -> Activations:
    """The same of steps in their order. ``shapes``: of each tensor; ``results``: those that the pass returns."""
    end = len(steps)
    makers: dict[int, str | None] = dict.fromkeys(inputs)
    made_at, last = dict.fromkeys(makers, 0), dict.fromkeys(makers, 0)
    for moment, step in enumerate(steps):
        last |= dict.fromkeys((*step.reads, *step.writes), moment)
        for tensor in step.writes:
            makers.setdefault(tensor, step.path)
            made_at.setdefault(tensor, moment)
    last |= dict.fromkeys(results, end)
    change = [0] * (end + 2)
    for tensor, moment in made_at.items():
        change[moment] += prod(shapes[tensor])
        change[last[tensor] + 1] -= prod(shapes[tensor])
    together = list(accumulate(change))
    peak = max(together)
    when = together.index(peak)
    held = tuple(Held(makers[t], shapes[t]) for t, moment in made_at.items() if moment <= when <= last[t])
    made = sum(prod(shapes[tensor]) for tensor in made_at if makers[tensor] is not None)
    at = steps[when] if steps else Step("", "", (), ())
    return Activations(made, peak, at.path, at.operator, held)


def _steps(run: Trace, shapes: dict[int, Shape]) -> Iterator[Step]:
    """Operators and moves in the order of the pass, without those that read no tensor: a grid is made once."""
    moves = list(run.moves)
    for place in range(len(run.records) + 1):
        while moves and moves[0].place == place:
            move = moves.pop(0)
            shapes.setdefault(move.output.tensor, tuple(move.output))
            yield Step(move.path, "copy", (move.source,), (move.output.tensor,))
        if place < len(run.records) and (reads := _tensors(run.records[place].inputs)):
            record = run.records[place]
            assert isinstance(record.output, Followed)
            shapes.setdefault(record.output.tensor, tuple(record.output))
            yield Step(record.path, record.operator, reads, (record.output.tensor,))


def _tensors(shapes: Sequence[Shape]) -> tuple[int, ...]:
    return tuple(shape.tensor for shape in shapes if isinstance(shape, Followed))


def total(accesses: Iterable[Access]) -> Access:
    """The sum of what operators move."""
    return sum(accesses, NO_ACCESS)

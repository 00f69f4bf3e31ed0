"""What a forward pass reads, writes and keeps: memory access cost by operator, activations, and their peak.

Everything is computed from the records of a pass and counted in values; ``BYTES`` is the size of one in FP32. The image
is one of the activations, the weights are not: no operator makes them.
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
"""Bytes of one value in FP32, as hosts run a network unless they are asked for FP16."""

NOTHING_MOVES = frozenset({"identity", "dropout", "flatten"})
"""Operators that return their input unchanged in evaluation mode."""


@dataclass(frozen=True, slots=True)
class Access:
    """Values that an operator moves if it runs alone: it reads each from memory once, or writes it there once.

    Formula: h w (c1 + c2) + c1 c2 / g for a 1x1 convolution of g groups, h w c1 read, h w c2 written.
    Source: the memory access cost (MAC) of ShuffleNet V2 (Ma et al. 2018), section 2.
    """

    read: int
    """Values of feature maps that come in."""
    written: int
    """Values of the feature map that comes out."""
    weights: int
    """Without biases, and without the four numbers a channel of a BatchNorm, as the paper has it."""

    @property
    def values(self) -> int:
        """Number of all values moved."""
        return self.read + self.written + self.weights

    def __add__(self, other: Access) -> Access:
        return Access(self.read + other.read, self.written + other.written, self.weights + other.weights)


NO_ACCESS = Access(0, 0, 0)


def access(record: OpRecord) -> Access:
    """Values that one operator moves.

    Attention counts its inputs, its output and the weights of its four projections, but no values inside it.
    """
    if record.operator in NOTHING_MOVES:
        return NO_ACCESS
    weights = prod(record.weight) if record.weight else 0
    if record.operator == "multi_head_attention":
        embed, key, value = (shape[-1] for shape in record.inputs)
        weights = embed * (2 * embed + key + value)
    return Access(sum(prod(shape) for shape in record.inputs if shape), prod(record.output), weights)


@dataclass(frozen=True, slots=True)
class Held:
    """A tensor that is in memory at one moment."""

    path: str | None
    """Path of the module that made it; empty: the model itself; None: it is an input of the model."""
    shape: Shape

    @property
    def values(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Activations:
    """The tensors of a forward pass, the image among them.

    Operators run in the order of the pass. A tensor is in memory from the operator that makes it to the last one that
    reads it; while an operator runs, its inputs and its output are in memory together. What the pass returns stays to
    the end: the boxes and the raw predictions. A view is the same tensor as its source, and an operator that works in
    place (a SiLU with inplace=True) makes no new one. Memory that an operator uses inside is not counted.
    """

    peak: int
    """Values of the tensors at the moment when most are in memory together."""
    path: str
    """Path of the module that runs at that moment, the first one if there are several."""
    operator: str
    """What that module runs."""
    held: tuple[Held, ...]
    """The tensors of that moment, in the order in which they were made."""
    made_by: Mapping[str, int]
    """The same values by the path of the module that makes them; empty: the model itself."""
    unfollowed: tuple[str, ...] = ()
    """Operators that make tensors inside, which are not counted."""

    @property
    def made(self) -> int:
        """Values of all tensors that operators make."""
        return sum(self.made_by.values())


@dataclass(frozen=True, slots=True)
class Step:
    """One operator or copy, and the tensors that it reads and writes."""

    path: str
    operator: str
    reads: tuple[int, ...]
    """Numbers of the tensors, as ``Followed.tensor`` has them."""
    writes: tuple[int, ...]


IMAGE = 0
"""The number of the tensor that goes into the network."""


def activations(run: Trace) -> Activations | None:
    """The tensors of a pass; None where the trace does not say which operator reads which tensor."""
    if not run.calls:
        return None
    shapes: dict[int, Shape] = {IMAGE: run.input}
    steps = tuple(_steps(run, shapes))
    unread: dict[int, None] = {}
    for step in steps:  # an operator that works in place reads and writes one tensor, which stays unread
        unread = {tensor: None for tensor in unread if tensor not in step.reads} | dict.fromkeys(step.writes)
    predictions = _tensors(run.output if isinstance(run.output, list) else [run.output])
    inside = tuple(dict.fromkeys(step.operator for step in steps if step.operator == "multi_head_attention"))
    return replace(activations_of(steps, shapes, (*unread, *predictions)), unfollowed=inside)


def activations_of(
    steps: Sequence[Step], shapes: Mapping[int, Shape], results: Iterable[int], inputs: Iterable[int] = (IMAGE,)
) -> Activations:
    """The tensors of steps in their order. ``shapes``: of each tensor; ``results``: those that the pass returns."""
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
    made_by: dict[str, int] = {}
    for tensor in made_at:
        if (maker := makers[tensor]) is not None:
            made_by[maker] = made_by.get(maker, 0) + prod(shapes[tensor])
    at = steps[when] if steps else Step("", "", (), ())
    return Activations(peak, at.path, at.operator, held, made_by)


def _steps(run: Trace, shapes: dict[int, Shape]) -> Iterator[Step]:
    """Operators and moves in the order of the pass, without those that read no tensor, as the making of a grid."""
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

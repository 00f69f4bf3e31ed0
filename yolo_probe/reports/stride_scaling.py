"""FLOPs as classic YOLOv5 finds them (those of an image as small as the stride, times the area), and their error.

The product is right if the cost is proportional to the area. Where it is not, the cost of each operator as a polynomial
of the number of cells (squares with the stride as side) says why: a fixed part is multiplied though it occurs once, and
a part that grows with the square of the area is not multiplied enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import Convention
from yolo_probe.errors import TraceError
from yolo_probe.hosts.images import Run, Size
from yolo_probe.model.operators import OpRecord

OperatorPlace = tuple[str, str]
"""Name of an operator, and path of the module that runs it."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A cost in FLOPs by the number of cells k: fixed + per_cell x k + square x k^2."""

    fixed: int
    twice_per_cell: int
    """2 x per_cell; per_cell itself may be a half."""
    twice_square: int
    """2 x square; square itself may be a half."""

    def at(self, cells: int) -> int:
        """The cost in FLOPs for that number of cells."""
        return self.fixed + (self.twice_per_cell * cells + self.twice_square * cells * cells) // 2


@dataclass(frozen=True, slots=True)
class ScalingError:
    """Operators of one name whose cost is not proportional to the area."""

    name: str
    places: int
    amount: int
    """FLOPs of the product minus FLOPs of the direct count."""
    cost: Polynomial | None
    """Their cost; None if no polynomial gives the direct count."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """FLOPs of an image, found from a small one and counted directly."""

    cell: int
    """Side of the small image in pixels."""
    cells: int
    """Number of such squares in the larger image."""
    small: int
    """FLOPs of the small image."""
    direct: int
    """FLOPs of the larger image, counted directly."""
    errors: tuple[ScalingError, ...]
    """The errors by operator; they add up to ``error``."""
    cost: Polynomial | None
    """The cost of all operators together."""

    @property
    def flops(self) -> int:
        """FLOPs of the larger image, by multiplication."""
        return self.small * self.cells

    @property
    def error(self) -> int:
        """FLOPs of the product minus FLOPs of the direct count."""
        return self.flops - self.direct


def scaled(run: Run, channels: int, stride: int, size: Size, convention: Convention) -> Scaled:
    """FLOPs of an image by multiplication, and the difference from the direct count.

    ``size``: height and width in pixels, multiples of the stride. A stride below 32 is taken as 32, as in YOLOv5.
    Source: ``model_info`` in YOLOv5's utils/torch_utils.py, to v7.0.
    Raises: TraceError where a pass fails, UnknownModuleError where it cannot be followed.
    """
    cell = max(stride, 32)
    cells = (size[0] // cell) * (size[1] // cell)
    direct = _by_place(run((1, channels, *size)).records, convention)
    rows = [_by_place(run((1, channels, cell, cell)).records, convention)]
    with suppress(TraceError):  # two and three cells only serve to say why
        rows += [_by_place(run((1, channels, cell, cell * count)).records, convention) for count in (2, 3)]
    wrong: dict[str, list[OperatorPlace]] = {}
    for place in direct | rows[0]:
        if rows[0].get(place, 0) * cells != direct.get(place, 0):
            wrong.setdefault(place[0], []).append(place)
    return Scaled(
        cell,
        cells,
        sum(rows[0].values()),
        sum(direct.values()),
        tuple(
            ScalingError(
                name,
                len(places),
                sum(rows[0].get(place, 0) * cells - direct.get(place, 0) for place in places),
                _fitted(rows, places, cells, sum(direct.get(place, 0) for place in places)),
            )
            for name, places in wrong.items()
        ),
        _fitted(rows, direct, cells, sum(direct.values())),
    )


def _by_place(records: Sequence[OpRecord], convention: Convention) -> dict[OperatorPlace, int]:
    """FLOPs by place, without what is free."""
    charged = charge(records, convention).charged
    return {place: group.flops for place, group in charged.grouped(_place).items()}


def _place(record: OpRecord) -> OperatorPlace:
    return record.operator if record.functional else record.kind.rpartition(".")[2], record.path


def _fitted(
    rows: Sequence[dict[OperatorPlace, int]], places: Iterable[OperatorPlace], cells: int, direct: int
) -> Polynomial | None:
    """The polynomial through the cost at one, two and three cells; None if it does not give the direct count."""
    if len(rows) < 3:
        return None
    places = tuple(places)
    one, two, three = (sum(row.get(place, 0) for place in places) for row in rows)
    bend = three - 2 * two + one
    found = Polynomial(3 * one - 3 * two + three, 2 * (two - one) - 3 * bend, bend)
    return found if found.at(cells) == direct else None

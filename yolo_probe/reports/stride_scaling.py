"""FLOPs as classic YOLOv5 finds them: one image as large as the stride, multiplied by the area; and what that misses.

The product is right where the cost is proportional to the area. Each operator's cost as a polynomial of the number of
cells (squares as large as the stride) says where it is not: a fixed part is multiplied though it occurs once, a part
that grows with the square of the area is not multiplied enough.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from yolo_probe.counters.conventions import Convention
from yolo_probe.errors import TraceError
from yolo_probe.hosts.images import Run, Size
from yolo_probe.model.operators import OpRecord

Place = tuple[str, str]
"""An operator as it is listed, and the path of the module that runs it."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """A cost in FLOPs by the number of cells k: fixed + per_cell x k + square x k^2."""

    fixed: int
    twice_per_cell: int
    """2 x per_cell, which need not be whole."""
    twice_square: int
    """2 x square, likewise."""

    def at(self, cells: int) -> int:
        """Its value."""
        return self.fixed + (self.twice_per_cell * cells + self.twice_square * cells * cells) // 2


@dataclass(frozen=True, slots=True)
class ScalingError:
    """Operators of one name whose cost is not proportional to the area."""

    name: str
    places: int
    amount: int
    """FLOPs that multiplying by the area has more than counting the image, or less."""
    cost: Polynomial | None
    """None where no polynomial gives the direct count."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """What one image as large as the stride says of a larger one."""

    cell: int
    """Side of the small image in pixels."""
    cells: int
    """How many of them the larger image has."""
    small: int
    """FLOPs of the small image."""
    direct: int
    """FLOPs of the larger image, counted."""
    errors: tuple[ScalingError, ...]
    """What the product is wrong about; they add up to ``error``."""
    cost: Polynomial | None
    """Of all operators together."""

    @property
    def flops(self) -> int:
        """FLOPs of the larger image, by multiplication."""
        return self.small * self.cells

    @property
    def error(self) -> int:
        """FLOPs that the product has more than the direct count, or less."""
        return self.flops - self.direct


def scaled(run: Run, channels: int, stride: int, size: Size, convention: Convention) -> Scaled:
    """FLOPs of an image by multiplication, against the direct count.

    ``size``: height and width, multiples of the stride, which counts as 32 at least, as in YOLOv5.
    Source: ``model_info`` in YOLOv5's utils/torch_utils.py, to v7.0.
    Raises: TraceError where a pass fails, UnknownModuleError where it cannot be followed.
    """
    cell = max(stride, 32)
    cells = (size[0] // cell) * (size[1] // cell)
    direct = _by_place(run((1, channels, *size)).records, convention)
    rows = [_by_place(run((1, channels, cell, cell)).records, convention)]
    with suppress(TraceError):  # a longer row of cells only says why
        rows += [_by_place(run((1, channels, cell, cell * count)).records, convention) for count in (2, 3)]
    wrong: dict[str, list[Place]] = {}
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


def _by_place(records: Sequence[OpRecord], convention: Convention) -> dict[Place, int]:
    found: dict[Place, int] = {}
    for record in records:
        if count := convention.count(record):
            name = record.operator if record.functional else record.kind.rpartition(".")[2]
            found[name, record.path] = found.get((name, record.path), 0) + convention.flops_per_count * count
    return found


def _fitted(rows: Sequence[dict[Place, int]], places: Iterable[Place], cells: int, direct: int) -> Polynomial | None:
    """The cost of these places by one, two and three cells, if it goes on like that to the image."""
    if len(rows) < 3:
        return None
    places = tuple(places)
    one, two, three = (sum(row.get(place, 0) for place in places) for row in rows)
    bend = three - 2 * two + one
    found = Polynomial(3 * one - 3 * two + three, 2 * (two - one) - 3 * bend, bend)
    return found if found.at(cells) == direct else None

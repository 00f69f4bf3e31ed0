"""FLOPs as hosts find them from small images, and their error.

Classic YOLOv5 multiplies those of an image as small as the stride by the area, which is right if the cost is
proportional to it. Where it is not, the cost of each operator as a polynomial of the number of cells (squares with the
stride as side) says why: a fixed part is multiplied though it occurs once, and a part that grows with the square of the
area is not multiplied enough. Newer hosts continue the series of a few small images, which is wrong where the cost
grows in steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import Convention
from yolo_probe.errors import TraceError
from yolo_probe.hosts.extrapolation import continued, is_proportional
from yolo_probe.hosts.images import Run, Size
from yolo_probe.hosts.summary_line import HostLine
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module
from yolo_probe.model.trace import Trace

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
    paths: tuple[str, ...]
    """The modules that run them."""
    amount: int
    """FLOPs as found from small images minus FLOPs of the direct count."""
    cost: Polynomial | None
    """Their cost; None if no polynomial gives the direct count."""

    @property
    def places(self) -> int:
        """The number of those modules."""
        return len(self.paths)


@dataclass(frozen=True, slots=True)
class Scaled:
    """FLOPs of an image, found from small ones and counted directly."""

    cell: int
    """Side of the small image in pixels."""
    cells: int
    """Number of such squares in the larger image."""
    images: int
    """Number of small images that were counted, each one cell wider than the last."""
    small: int
    """FLOPs of the first."""
    flops: int
    """FLOPs of the larger image, as found from them."""
    direct: int
    """FLOPs of the larger image, counted directly."""
    errors: tuple[ScalingError, ...]
    """The errors by operator; they add up to ``error``."""
    cost: Polynomial | None
    """The cost of all operators together."""

    @property
    def error(self) -> int:
        """FLOPs as found from small images minus FLOPs of the direct count."""
        return self.flops - self.direct


def scaled(run: Run, channels: int, stride: int, size: Size, convention: Convention) -> Scaled:
    """FLOPs of an image as classic YOLOv5 finds them, and the difference from the direct count.

    ``size``: height and width in pixels, multiples of the stride. A stride below 32 is taken as 32, as in YOLOv5.
    Source: ``model_info`` in YOLOv5's utils/torch_utils.py, to v7.0.
    Raises: TraceError where a pass fails, UnknownModuleError where it cannot be followed.
    """
    cell = max(stride, 32)
    direct = run((1, channels, *size))
    return _scaled([run((1, channels, cell, cell))], direct, run, convention)


def scaled_line(line: HostLine, root: Module, run: Run, convention: Convention) -> Scaled | None:
    """The GFLOPs of a host's line beside the direct count; None if both are printed alike or one is not known.

    It is not known either of an image whose sides are no multiples of the stride, or that a real copy would have to
    compute. ``root``, ``run``: the model, and the forward pass from which the line was counted.
    """
    if not line.small_images or line.gflops is None or line.executed:
        return None
    if is_proportional(root, line.small_images[-1], convention):
        return None  # another pass would take a third of the time of the line
    first = line.small_images[0].input
    if any(side % first[2] for side in line.size):
        return None
    try:
        direct = run((*first[:2], *line.size))
    except TraceError:
        return None
    flops = charge(direct.records, convention).flops
    if f"{flops / 1e9:.1f}" == f"{line.gflops:.1f}":
        return None
    return _scaled(line.small_images, direct, run, convention)


def _scaled(small: Sequence[Trace], direct: Trace, run: Run, convention: Convention) -> Scaled:
    """The comparison of small images, one cell high and each one cell wider than the last, with the image itself."""
    batch, channels, cell, width = small[0].input
    cells = (direct.input[2] // cell) * (direct.input[3] // cell)
    counted = {each.input[3] // cell: _by_place(each.records, convention) for each in small}
    whole = _by_place(direct.records, convention)
    found = {
        place: continued([each.get(place, 0) for each in counted.values()], width // cell, cells)
        for place in {**whole, **counted[width // cell]}
    }
    with suppress(TraceError):  # one to three cells only serve to say why
        for count in {1, 2, 3} - counted.keys():
            counted[count] = _by_place(run((batch, channels, cell, cell * count)).records, convention)
    rows = [counted[count] for count in (1, 2, 3) if count in counted]
    wrong: dict[str, list[OperatorPlace]] = {}
    for place, flops in found.items():
        if flops != whole.get(place, 0):
            wrong.setdefault(place[0], []).append(place)
    return Scaled(
        cell,
        cells,
        len(small),
        sum(counted[width // cell].values()),
        sum(found.values()),
        sum(whole.values()),
        tuple(
            ScalingError(
                name,
                tuple(path for _, path in places),
                sum(found[place] - whole.get(place, 0) for place in places),
                _fitted(rows, places, cells, sum(whole.get(place, 0) for place in places)),
            )
            for name, places in wrong.items()
        ),
        _fitted(rows, whole, cells, sum(whole.values())),
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


def scaled_as_json(found: Scaled) -> dict[str, object]:
    """The comparison as plain data, in FLOPs."""
    return {
        "cell": found.cell,
        "cells": found.cells,
        "images": found.images,
        "flops_of_a_cell": found.small,
        "flops": found.flops,
        "direct": found.direct,
        "error": found.error,
        "cost": _cost(found.cost),
        "causes": [
            {
                "name": each.name,
                "places": each.places,
                "paths": list(each.paths),
                "amount": each.amount,
                "cost": _cost(each.cost),
            }
            for each in found.errors
        ],
    }


def _cost(cost: Polynomial | None) -> dict[str, int | float] | None:
    """Coefficients of a cost by the number of cells k: fixed + per_cell x k + square x k^2."""
    if cost is None:
        return None
    doubled = {"per_cell": cost.twice_per_cell, "square": cost.twice_square}
    return {"fixed": cost.fixed} | {name: n // 2 if n % 2 == 0 else n / 2 for name, n in doubled.items()}

"""The words on FLOPs that a host finds from small images: how it does, and which modules make the difference."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.render.common import first_of, giga
from yolo_probe.render.document import Cause, Figures, Note, Part, Remainder, signed
from yolo_probe.reports.stride_scaling import Scaled, ScalingError

MAX_NAMED_MODULES = 4
"""Number of modules that a sentence names for each operator; the others are a number."""


def scaled_words(found: Scaled) -> str:
    """Why a printed figure is not that of the image itself, without the last full stop."""
    return (
        f"Counted directly it is {giga(found.direct)} GFLOPs, not {giga(found.flops)}. The line's figure is "
        f"{_images(found)}; the cost of these modules does not grow like that: {_places(found)}"
    )


def scaled_parts(found: Scaled, who: str) -> Iterator[Part]:
    """The FLOPs as found from small images: the direct count, and the causes of the difference.

    ``who``: which host counts so.
    """
    yield Figures("stride-scaled FLOPs", (f"{found.flops:,}",))
    yield Note(f"{giga(found.flops)} GFLOPs, as {who} counts: {_images(found)}.")
    yield Cause("counted directly, as above", f"{found.direct:,}")
    for each in sorted(found.errors, key=lambda each: -abs(each.amount)):
        yield Cause(f"{each.places} {each.name}: {_why(each, found.cells)}", signed(each.amount))
    yield Remainder(found.error - sum(each.amount for each in found.errors))
    if not found.error:
        yield Note("The product is exact: all of the cost is proportional to the area.")
        return
    less = "less" if found.error < 0 else "more"
    share = abs(found.error) / found.direct
    size = f"{share:.2%}" if share >= 0.0001 else "Less than 0.01%"
    yield Note(f"{size} {less} than there is. {_affine(found)}".rstrip())
    yield Note(f"Where: {_places(found)}.")


def _images(found: Scaled) -> str:
    """From which images the figure was found."""
    cell, cells = found.cell, f"{found.cells:,}"
    if found.images == 1:
        return f"one cell, an image of {cell}x{cell}, {found.small:,} FLOPs, times {cells} for the area"
    return f"the series of images {cell}x{cell} to {cell}x{cell * found.images}, continued to {cells} such cells"


def _places(found: Scaled) -> str:
    """The modules that make the difference, the largest part of it first."""
    order = sorted(found.errors, key=lambda each: -abs(each.amount))
    named = ((each, [path or "the model" for path in each.paths]) for each in order)
    return "; ".join(f"{each.name} at {first_of(paths, MAX_NAMED_MODULES)}" for each, paths in named)


def _why(error: ScalingError, cells: int) -> str:
    """A sentence on why a cost is not proportional to the area."""
    if error.cost is None:
        return "grows in steps"
    fixed, square = error.cost.fixed, error.cost.twice_square
    if square:
        return "grows with the square of the area"
    return f"a fixed {fixed:,}, taken {cells:,} times"


def _affine(found: Scaled) -> str:
    """The whole cost as a polynomial of the area."""
    cost = found.cost
    if cost is None:
        return ""
    affine = f"{f'{cost.fixed:,} + ' if cost.fixed else ''}{_half(cost.twice_per_cell)} x k"
    if cost.twice_square:
        return f"k such cells cost {affine}, the affine part, + {_half(cost.twice_square)} x k^2 FLOPs."
    return f"k such cells cost {affine} FLOPs: affine, not proportional."


def _half(number: int) -> str:
    return f"{number // 2:,}" if number % 2 == 0 else f"{number / 2:,.1f}"

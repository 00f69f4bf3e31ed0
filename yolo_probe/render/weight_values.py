"""The words of weights by value: what is 0, NaN or infinite, and what that means for the other numbers."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.render.common import first_of, share
from yolo_probe.render.document import Cause, Figures, Note, Part, Section, Table
from yolo_probe.reports.weight_values import WeightValues

MOST_NAMES = 5
"""Number of names that a note lists."""


def weight_sections(found: WeightValues) -> Iterator[Section]:
    """The totals with their meaning, and the rows."""
    yield tuple(_totals(found))
    if found.all.zeros or found.all.nan or found.all.infinite:
        yield (_rows(found),)


def _totals(found: WeightValues) -> Iterator[Part]:
    counts = found.all
    yield Figures("values of the weights", (f"{counts.values:,}",))
    yield Cause(f"0: {share(counts.zeros, counts.values)}", f"{counts.zeros:,}")
    yield Cause("NaN", f"{counts.nan:,}")
    yield Cause("infinite", f"{counts.infinite:,}")
    yield Note(_meaning(found))


def _meaning(found: WeightValues) -> str:
    words = []
    broken = found.all.nan + found.all.infinite + found.buffers.nan + found.buffers.infinite
    if broken:
        inside = found.buffers.nan + found.buffers.infinite
        also = f", {inside:,} of them in buffers" if inside else ""
        words.append(f"{broken:,} values are no numbers{also}: the network's output cannot be trusted.")
    zeros = found.convolutions.zeros
    if zeros:
        words.append(
            f"{share(zeros, found.convolutions.values)} of the convolutions' weights are 0. They still cost what "
            "they cost: parameters and FLOPs count them, and the file and a forward pass are as large and as slow as "
            "without."
        )
    if found.masks:
        words.append(
            f"{len(found.masks)} pruned weights have their mask beside them ({first_of(found.masks, MOST_NAMES)}), "
            "which makes the file larger: torch.nn.utils.prune.remove() applies and removes it."
        )
    if found.unread:
        words.append(f"Not read, as they are no floating-point numbers: {first_of(found.unread, MOST_NAMES)}.")
    return " ".join(words) or "Every value is a number, and no weight of a convolution is 0."


def _rows(found: WeightValues) -> Part:
    heads = ("row", "class", "values", "0", "share", "NaN", "infinite")
    lines = (
        (row.name or "other", row.kind or "-", f"{row.counts.values:,}", f"{row.counts.zeros:,}",
         share(row.counts.zeros, row.counts.values), f"{row.counts.nan:,}", f"{row.counts.infinite:,}")
        for row in found.rows
    )  # fmt: skip
    return Table(heads, tuple(lines))

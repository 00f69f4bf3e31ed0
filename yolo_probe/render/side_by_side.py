"""The words of a comparison of networks: one row for each, the smallest figure of each column marked."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.render.document import Footer, Heading, Section, Table, Words
from yolo_probe.reports.side_by_side import COUNTED, NetworkRow, SideBySide

_HEADS = ("network", "classes", "layers", "parameters", "GFLOPs", "fused", "parameters", "GFLOPs")


def document(report: SideBySide) -> Iterator[Section]:
    """The comparison part by part."""
    height, width = report.size
    count = len(report.rows)
    several = f"{count} networks, one image of {height}x{width}; * the smallest of its column"
    yield (Heading(several if count > 1 else f"1 network, one image of {height}x{width}"),)
    yield (Table(_HEADS, tuple(_cells(report, row) for row in report.rows)),)
    definitions = {row.host: row for row in report.rows}
    hosts = ", ".join(sorted(definitions))
    yield (
        Words(
            f"Before fuse(), as training prints, and after it, as validation does. Each layers column counts as its "
            f"own host does ({hosts}): compare layers only within one host."
        ),
    )
    recorded = [row for row in report.rows if row.known_only]
    if recorded:
        names = ", ".join(row.target for row in recorded)
        yield (
            Words(
                f"Only ultralytics builds {names}, and it is not installed: these are its own figures, recorded from "
                f"{recorded[0].known_only}."
            ),
        )
    yield (
        Footer("Counted", f"{CONVENTIONS[report.counter.convention.name].title}, 1 MAC = 2 FLOPs"),
        Footer("More", "--format csv  --imgsz  --nc  --counter; yolo-probe diff A B explains what is between two"),
    )


def _cells(report: SideBySide, row: NetworkRow) -> tuple[str, ...]:
    def cell(column: str) -> str:
        figure = getattr(row, column)
        if figure is None:
            return "not known"
        shown = f"{figure / 1e9:.1f}" if column.endswith("flops") else f"{figure:,}"
        return f"{shown}{'*' if figure == report.best(column) else ''}"

    return (row.target, "" if row.classes is None else f"{row.classes:,}", *(cell(column) for column in COUNTED))

"""The words of one count: its total, its parts, and the operators without a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from yolo_probe.counters.charges import Uncounted
from yolo_probe.render.common import flops_words, packed_words, percent, shortened
from yolo_probe.render.document import Footer, Heading, Section, Table
from yolo_probe.reports.flop_count import FlopCount

MAX_TABLE_ROWS = 12
"""Number of modules, or operators, that are shown; the others are one row, and ``rows()`` has all."""


def document(report: FlopCount) -> Iterator[Section]:
    """The count part by part."""
    image = f" for an input of {'x'.join(map(str, report.input))}" if report.input else ""
    yield (Heading(f"{flops_words(report.flops)}{image}, by the rules of {report.counter}"),)
    yield (_table("operator", report.by_operator, report),)
    yield (_table("module", outermost(report.by_module), report),)
    yield tuple(_footers(report))


def _table(name: str, sums: Mapping[str, int], report: FlopCount) -> Table:
    """The parts that add up to the total: in the order in which they run, or largest first if not all are shown."""
    order = sorted(sums.items(), key=lambda item: -item[1]) if len(sums) > MAX_TABLE_ROWS else list(sums.items())
    shown, others = order[:MAX_TABLE_ROWS], order[MAX_TABLE_ROWS:]
    rows = [(shortened(key) or "(the model itself)", count) for key, count in shown]
    if others:
        rows.append((f"{len(others)} others", sum(count for _, count in others)))
    rows.append(("total", report.total))
    return Table(
        (name, report.unit, "share"),
        tuple((key, f"{count:,}", _share(count, report.total)) for key, count in rows),
    )


def outermost(by_module: Mapping[str, int]) -> dict[str, int]:
    """The outermost modules that add up to the total, and what the model itself computes outside them.

    A model that only holds one other, as YOLOv5's holds its list of rows, is looked into.
    """
    inside, whole = "", by_module.get("", 0)
    while True:
        start = f"{inside}." if inside else ""
        level = {path: n for path, n in by_module.items() if path.startswith(start) and "." not in path[len(start) :]}
        level.pop("", None)
        if len(level) != 1 or list(level.values()) != [whole]:
            break
        (inside,) = level
    if not level:
        return {inside: whole} if by_module else {}
    rest = whole - sum(level.values())
    return {**level, **({inside: rest} if rest else {})}


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _footers(report: FlopCount) -> Iterator[Footer]:
    flops = f" = {report.flops:,} FLOPs (1 MAC is 2 FLOPs)" if report.unit == "MACs" else ""
    yield Footer("Counted", f"{report.total:,} {report.unit}{flops}")
    if report.uncounted:
        yield Footer("Missing", f"not counted: {missing(report.uncounted)}")
    yield from (Footer("Note", words) for words in report.notes)
    if report.packed:
        yield Footer("Packed", packed_words(report.packed))
    yield Footer("More", "by_module  by_module_alone  by_operator  rows() for pandas  as_json()")


MAX_NAMED_OPERATORS = 3
"""Number of operators without a rule that are named."""


def missing(uncounted: Sequence[Uncounted]) -> str:
    """The operators without a rule, each with its share of all output values."""
    named = [
        f"{each.operator} at {each.path or 'the model'} ({percent(each.share)})"
        for each in uncounted[:MAX_NAMED_OPERATORS]
    ]
    more = [f"{len(uncounted) - MAX_NAMED_OPERATORS} more"] if len(uncounted) > MAX_NAMED_OPERATORS else []
    return ", ".join(named + more)

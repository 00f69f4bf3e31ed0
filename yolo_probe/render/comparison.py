"""The words of a comparison on a live model: the figure of each tool, and what each does not count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yolo_probe.counters.comparison import Comparison, Counted
from yolo_probe.counters.conventions import TERM_OF
from yolo_probe.render.common import flops_words, packed_words, percent, prefix_of
from yolo_probe.render.document import Footer, Heading, Section, Table, Words, Working


def document(report: Comparison) -> Iterator[Section]:
    """The comparison part by part."""
    figures = sorted(each.flops.unfused or 0 for each in report.counters.values())
    number = f"{len(figures)} counters" if len(figures) > 1 else "1 counter"
    span = " to ".join(dict.fromkeys(map(flops_words, (figures[0], figures[-1])))) if figures else ""
    yield (Heading(f"One pass of one model by {number}: {span}" if span else "No counter was named"),)
    if not figures:
        return
    yield (_table(report, figures[-1]),)
    for words, workings in (
        ("These charge nothing for what others charge:", _free(report)),
        ("These have no rule for what the model computes:", _unruled(report)),
        ("These charge what they do not mean to:", _faults(report)),
    ):
        if found := tuple(workings):
            yield Words(words), *found
    yield tuple(_footers(report))


def _table(report: Comparison, largest: int) -> Table:
    """A row for each counter, and one more if training mode gives another figure, or a fault is in it."""
    name, unit = prefix_of(largest)
    fused = any(each.fused is not None for each in report.counters.values())
    heads = ("counter", "prints", "unit", f"{name}FLOPs", *(("fused",) if fused else ()), "parameters")

    def line(label: str, counted: Counted, prints: int | None, after: int | None, total: str) -> tuple[str, ...]:
        factor = counted.convention.flops_per_count
        scaled = ["" if n is None else f"{factor * n / unit:.2f}" for n in (prints, *((after,) if fused else ()))]
        return (label, "" if prints is None else f"{prints:,}", counted.convention.unit, *scaled, total)

    rows: list[tuple[str, ...]] = []
    for key, counted in report.counters.items():
        parameters = "-" if counted.parameters.unfused is None else f"{counted.parameters.unfused:,}"
        mark = " *" if key == report.default else ""
        rows.append(line(f"{key}{mark}", counted, counted.unfused, counted.fused, parameters))
        if counted.train not in (None, counted.unfused):
            rows.append(line("  in training mode", counted, counted.train, None, ""))
        if counted.faults:
            rows.append(line("  without its faults", counted, counted.right.unfused, counted.right.fused, ""))
    return Table(heads, tuple(rows))


def _free(report: Comparison) -> Iterator[Working]:
    """For each term, the counters that do not charge it, and those that have no rule for it."""
    counters = report.counters
    faults = {fault.name for counted in counters.values() for fault in counted.faults}
    for term in dict.fromkeys(name for counted in counters.values() for name in counted.terms if name not in faults):
        free = [
            name
            for name, counted in counters.items()
            if not _charges(counted, term) and term not in {TERM_OF.get(each.operator) for each in counted.uncounted}
        ]
        if free:
            yield Working(term, ((_names(free, report), ""),))


def _unruled(report: Comparison) -> Iterator[Working]:
    """For each operator, the counters without a rule for it, and its share of the model."""
    found: dict[tuple[str, float], list[str]] = {}
    for name, counted in report.counters.items():
        shares: dict[str, float] = {}
        for each in counted.uncounted:
            shares[each.operator] = shares.get(each.operator, 0.0) + each.share
        for each_share in shares.items():
            found.setdefault(each_share, []).append(name)
    for (operator, share), names in found.items():
        yield Working(operator, ((f"{_names(names, report)} ({percent(share)} of all values)", ""),))


def _faults(report: Comparison) -> Iterator[Working]:
    """For each fault, the counters that have it, and what it adds to their figure."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, counted in report.counters.items():
        for fault in counted.faults:
            if amount := counted.terms[fault.name].unfused:
                words = f"{amount:+,} {counted.convention.unit}"
                found.setdefault(fault.name, {}).setdefault(words, []).append(name)
    for name, amounts in found.items():
        words = "; ".join(f"{_names(names, report)}: {amount}" for amount, names in amounts.items())
        yield Working(name, ((words, ""),))


def _charges(counted: Counted, term: str) -> bool:
    amount = counted.terms.get(term)
    return amount is not None and any((amount.train, amount.unfused, amount.fused))


def _names(names: Sequence[str], report: Comparison) -> str:
    """Names of counters; three or more in a row as ``first to last``."""
    order = list(report.counters)
    runs: list[list[str]] = []
    for name in names:
        if runs and order.index(name) == order.index(runs[-1][-1]) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    if len(names) == len(order) > 1:
        return "all of them"
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run) for run in runs)


def _footers(report: Comparison) -> Iterator[Footer]:
    if report.default in report.counters:
        yield Footer("*", "by the rules of the installed thop, else of the newest that is known")
    yield Footer("Units", "1 MAC is 2 FLOPs: a tool that prints MACs shows half")
    has, none = report.parameters.unfused, [n for n, c in report.counters.items() if c.parameters.unfused is None]
    silent = "; - where a tool prints none" if none else ""
    yield Footer("Network", f"{has:,} parameters{silent}" if has is not None else "")
    if report.packed:
        yield Footer("Packed", packed_words(report.packed))
    yield Footer("More", 'counters["NAME"].terms  rows() for pandas.DataFrame  as_json()')

"""The words of what was measured: times beside FLOPs, the rows that cost more than their FLOPs say, and advice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from yolo_probe.hosts.subject import Subject
from yolo_probe.render.common import counted, first_of, heading, live_heading, share
from yolo_probe.render.document import Footer, Heading, Note, Section, Table, Words
from yolo_probe.reports.bench import Bench, Case, Row
from yolo_probe.reports.timing import Gain, Timing

MOST_ROWS = 5
"""Rows that are shown where not all are asked for."""
MOST_ADVICE = 3
"""Sentences of advice."""


def document(report: Bench) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    first, subject = report.cases[0], report.subject
    yield (Heading(heading(subject) if isinstance(subject, Subject) else live_heading(subject)),)
    yield tuple(Words(text) for text in (_answer(first), _reached(report, first), *_unmeasured(report)))
    yield _times(report)
    rows = report.rows if report.settings.by_row else report.dearer[:MOST_ROWS]
    if rows:
        yield _rows(report, rows)
    if advice := tuple(islice(_advice(report, first), MOST_ADVICE)):
        yield tuple(Words(text) for text in advice)
    yield tuple(_footers(report))


# The answer


def _answer(case: Case) -> str:
    """What fuse() saved in time, beside what it saved in FLOPs."""
    found, before = case.gain, case.unfused
    if found is None or before is None or case.flops_unfused is None:
        alone = "There is no other state to compare: the network is fused, or has no fuse()."
        return f"One pass takes {_ms(case.fused.median)} ms. {alone}"
    flops = case.flops_unfused - case.flops_fused
    beside = f"{_giga(flops)} of {_giga(case.flops_unfused)} GFLOPs ({share(flops, case.flops_unfused)})"
    if not found.is_seen:
        return (
            f"No difference seen: fuse() changes {_ms(before.median)} ms to {_ms(case.fused.median)} ms, and the noise "
            f"of that difference is {_ms(found.margin)} ms. In FLOPs it saves {beside}."
        )
    verb = "saves" if found.saved > 0 else "costs"
    return (
        f"fuse() {verb} {_ms(abs(found.saved))} ms of {_ms(before.median)} ms "
        f"({100 * abs(found.saved) / before.median:.1f} %), give or take {_ms(found.margin)} ms. In FLOPs it saves "
        f"{beside}."
    )


def _reached(report: Bench, case: Case) -> str:
    peak = report.peak
    it = "Fused, it" if case.unfused else "It"
    return (
        f"{it} reaches {_giga(case.rate)} GFLOPS, {100 * case.rate / peak.flops:.0f} % of the "
        f"{_giga(peak.flops)} GFLOPS of a product of two {peak.side}x{peak.side} matrices here. A copy of "
        f"{peak.copied // 2**20} MiB moves {_giga(peak.bytes)} GB/s: below {report.ridge:.1f} FLOPs a byte, memory is "
        "the limit."
    )


def _unmeasured(report: Bench) -> Iterator[str]:
    found = report.cases[0].unmeasured
    if found:
        names = first_of([f"{number} x {name}" for name, number in found.items()], MOST_ROWS)
        yield f"Not measured, and missing in every time: {names}."


# The tables


def _times(report: Bench) -> Section:
    compared = any(case.unfused for case in report.cases)
    heads = ("size", "batch", *(("unfused", "fused", "saved") if compared else ("time",)), "GFLOPS")
    rows = tuple(
        (
            "x".join(map(str, case.size)),
            str(case.batch),
            *((_spread(case.unfused),) if case.unfused else ()),
            _spread(case.fused),
            *((_saved(case.gain),) if case.gain else ()),
            _giga(case.rate),
        )
        for case in report.cases
    )
    return Table(heads, rows), Note("Milliseconds of one pass: the median, and the quartiles in brackets.")


def _spread(time: Timing) -> str:
    return f"{_ms(time.median)} ({_ms(time.low)}-{_ms(time.high)})"


def _saved(found: Gain) -> str:
    return f"{_ms(found.saved)} +- {_ms(found.margin)}" if found.is_seen else "none seen"


def _rows(report: Bench, rows: tuple[Row, ...]) -> Section:
    heads = ("row", "class", "ms", "of time", "of FLOPs", "FLOPs/byte", "roofline", "bound by")
    cells = tuple(
        (
            row.name or "other",
            row.kind,
            _ms(row.seconds),
            _percent(row.share_of_time),
            _percent(row.share_of_flops),
            f"{row.intensity:.1f}",
            _ms(row.least),
            row.bound,
        )
        for row in rows
    )
    first = report.cases[0]
    which = "Every row" if report.settings.by_row else "Rows that cost more time than their FLOPs say"
    state, place = ", fused" if first.unfused else "", "x".join(map(str, first.size))
    note = (
        f"{which}{state}, at {place}, batch {first.batch}. Roofline: what the measured speeds of arithmetic and memory "
        "allow, if every operator ran by itself."
    )
    return Table(heads, cells), Note(note)


# Advice


def _advice(report: Bench, case: Case) -> Iterator[str]:
    """Sentences that follow from the figures, each with its own."""
    time = sum(row.seconds for row in report.rows)
    if time and (dearer := report.dearer):
        row = dearer[0]
        yield (
            f"Look at row {row.name} ({row.kind}) first: {_percent(row.share_of_time)} of the time for "
            f"{_percent(row.share_of_flops)} of the FLOPs."
        )
        bound = sum(row.seconds for row in report.rows if row.bound == "memory")
        if bound / time > 0.2:
            yield (
                f"{_percent(bound / time)} of the time is in rows that memory limits: there fewer or smaller feature "
                "maps save time, fewer FLOPs alone do not."
            )
    found = case.gain
    if found and found.is_seen and found.saved > 0:
        yield f"Measure and deploy after fuse(): it is {_ms(found.saved)} ms faster here."
    elif found and not found.is_seen:
        yield (
            f"To see a difference below {_ms(found.margin)} ms, measure longer (--seconds "
            f"{4 * report.settings.seconds:g}) on a machine that does nothing else."
        )


def _footers(report: Bench) -> Iterator[Footer]:
    settings = report.settings
    form = f"{'FP16' if settings.half else 'FP32'}{', channels last' if settings.channels_last else ''}"
    weights = "random weights" if report.question else "a copy of the model"
    turns = ", unfused and fused in turn" if report.cases[0].unfused else ""
    blocks = min(case.fused.count for case in report.cases)
    yield Footer("Measured", f"{report.machine}, {form}, {weights}; {blocks} or more blocks{turns}")
    if report.question is None:
        yield Footer("Counted", f"by the rules of {report.convention.title}")
        yield Footer("More", "bench(model, imgsz, batch=, device=, half=, channels_last=, compiled=).as_json()")
        return
    yield Footer("Counted", counted(report.question))
    rows = "" if settings.by_row else "--by row  "
    yield Footer("More", f"{rows}--imgsz  --batch  --threads  --device cuda  --half  --channels-last  --format json")


def _ms(seconds: float) -> str:
    """Milliseconds with three digits."""
    value = 1000 * seconds
    return f"{value:.0f}" if abs(value) >= 99.5 else f"{value:.1f}" if abs(value) >= 9.95 else f"{value:.2f}"


def _giga(number: float) -> str:
    value = number / 1e9
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 0.95 else f"{value:.3f}"


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"

"""The words of what was measured: times beside FLOPs, the rows that cost more than their FLOPs say, and advice."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.hosts.subject import Subject
from yolo_probe.render.common import counted, first_of, heading, live_heading, share
from yolo_probe.render.document import Footer, Heading, Note, Section, Table, Words
from yolo_probe.reports.bench import Bench, Case, Row
from yolo_probe.reports.bench_advice import advice
from yolo_probe.reports.timing import Gain, Timing, giga, milliseconds, percent

MOST_ROWS = 5
"""Rows that are shown where not all are asked for."""


def document(report: Bench) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    first = report.cases[0]
    yield (Heading(title(report)),)
    yield tuple(Words(text) for text in (answer(report), _reached(report, first), *_unmeasured(report)))
    yield _times(report)
    rows = report.rows if report.settings.by_row else report.dearer[:MOST_ROWS]
    if rows:
        yield _rows(report, rows)
    if found := advice(report):
        yield tuple(Words(text) for text in found)
    yield tuple(_footers(report))


def title(report: Bench) -> str:
    """The heading of the report."""
    subject = report.subject
    return heading(subject) if isinstance(subject, Subject) else live_heading(subject)


# The answer


def answer(report: Bench) -> str:
    """What fuse() saved in time, beside what it saved in FLOPs; of the first size and batch."""
    case = report.cases[0]
    found, before = case.gain, case.unfused
    if found is None or before is None or case.flops_unfused is None:
        alone = "There is no other state to compare: the network is fused, or has no fuse()."
        if report.not_fused:
            alone = f"There is no time after fuse(): {report.not_fused.reason}."
        return f"One pass takes {milliseconds(case.fused.median)} ms. {alone}"
    flops = case.flops_unfused - case.flops_fused
    beside = f"{giga(flops)} of {giga(case.flops_unfused)} GFLOPs ({share(flops, case.flops_unfused)})"
    whole, saved, margin = before.median, abs(found.saved), milliseconds(found.margin)
    if not found.is_seen:
        return (
            f"No difference seen: fuse() changes {milliseconds(whole)} ms to {milliseconds(case.fused.median)} ms, and "
            f"the noise of that difference is {margin} ms. In FLOPs it saves {beside}."
        )
    verb = "saves" if found.saved > 0 else "costs"
    return (
        f"fuse() {verb} {milliseconds(saved)} ms of {milliseconds(whole)} ms ({100 * saved / whole:.1f} %), give or "
        f"take {margin} ms. In FLOPs it saves {beside}."
    )


def _reached(report: Bench, case: Case) -> str:
    peak = report.peak
    it = "Fused, it" if case.unfused else "It"
    return (
        f"{it} reaches {giga(case.rate)} GFLOPS, {100 * case.rate / peak.flops:.0f} % of the "
        f"{giga(peak.flops)} GFLOPS of a product of two {peak.side}x{peak.side} matrices here. A copy of "
        f"{peak.copied // 2**20} MiB moves {giga(peak.bytes)} GB/s: below {report.ridge:.1f} FLOPs a byte, memory is "
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
    counted = any(case.joules_fused is not None for case in report.cases)
    heads = ("size", "batch", *(("unfused", "fused", "saved") if compared else ("time",)), "GFLOPS")
    rows = tuple(
        (
            "x".join(map(str, case.size)),
            str(case.batch),
            *((_spread(case.unfused),) if case.unfused else ()),
            _spread(case.fused),
            *((_saved(case.gain),) if case.gain else ()),
            giga(case.rate),
            *((_joules(case),) if counted else ()),
        )
        for case in report.cases
    )
    note = "Milliseconds of one pass: the median, and the quartiles in brackets."
    energy = " Joules are those of the whole device, a pass at a time." if counted else ""
    return Table((*heads, *(("joules",) if counted else ())), rows), Note(f"{note}{energy}")


def _joules(case: Case) -> str:
    """The energy of a pass, before and after ``fuse()``."""
    return " to ".join("-" if each is None else f"{each:.3g}" for each in _energies(case))


def _energies(case: Case) -> tuple[float | None, ...]:
    return (*((case.joules_unfused,) if case.unfused else ()), case.joules_fused)


def _spread(time: Timing) -> str:
    return f"{milliseconds(time.median)} ({milliseconds(time.low)}-{milliseconds(time.high)})"


def _saved(found: Gain) -> str:
    return f"{milliseconds(found.saved)} +- {milliseconds(found.margin)}" if found.is_seen else "none seen"


def _rows(report: Bench, rows: tuple[Row, ...]) -> Section:
    heads = ("row", "class", "ms", "of time", "of FLOPs", "FLOPs/byte", "roofline", "bound by")
    cells = tuple(
        (
            row.name or "other",
            row.kind,
            milliseconds(row.seconds),
            percent(row.share_of_time),
            percent(row.share_of_flops),
            f"{row.intensity:.1f}",
            milliseconds(row.least),
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


def _footers(report: Bench) -> Iterator[Footer]:
    settings = report.settings
    forms = ("FP16" if settings.half else "FP32", *(("channels last",) if settings.channels_last else ()))
    form = ", ".join((*forms, *(("compiled",) if settings.compiled else ())))
    weights = _weights(report)
    turns = ", unfused and fused in turn" if report.cases[0].unfused else ""
    blocks = min(case.fused.count for case in report.cases)
    yield Footer("Measured", f"{report.machine}, {form}, {weights}; {blocks} or more blocks{turns}")
    if report.no_energy and settings.device == "cuda":
        yield Footer("Energy", report.no_energy)
    if report.question is None:
        yield Footer("Counted", f"by the rules of {report.convention.title}")
        yield Footer("More", "bench(model, imgsz, batch=, device=, half=, channels_last=, compiled=).as_json()")
        return
    yield Footer("Counted", counted(report.question))
    rows = "" if settings.by_row else "--by row  "
    weights = "" if settings.weights or not report.question.subject.saved else "--weights  "
    more = f"{rows}{weights}--imgsz  --batch  --threads  --device cuda  --half  --channels-last"
    yield Footer("More", f"{more}  -o bench.svg  --format json")


def _weights(report: Bench) -> str:
    """Whose weights ran."""
    if report.question is None:
        return "a copy of the model"
    found = "random weights" if report.weights == "random" else "the file's weights"
    if report.random:
        found += f", random ones in {first_of(report.random, 2)}"
    return f"{found}, the code of its host" if report.runs_code else found

"""The words of a diff: the two lines, and a block for each of the four numbers."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.render.common import giga, host_line, ledger_block
from yolo_probe.render.document import (
    Figures,
    Footer,
    Heading,
    Heads,
    Note,
    Part,
    Section,
    Words,
)
from yolo_probe.reports.diff import Diff, Side
from yolo_probe.reports.ledger import Ledger


def document(report: Diff) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    first, second = report.first, report.second
    yield (Heading(f"{_named(first)} -> {_named(second)}"),)
    yield (
        Words(_prints(first)),
        host_line(first.state, first.question),
        Words(_prints(second)),
        host_line(second.state, second.question),
    )
    for name, ledger in report.ledgers:
        heads = (Heads(("first", "second", "change")),) if name == "layers" else ()
        yield *heads, *_block(name, ledger), *(_of_flops(report) if name == "flops" else ())
    yield (
        Footer("Counted", _counted(report)),
        Footer("More", "--counter-a  --counter-b  --imgsz-a  --imgsz-b  --format json"),
    )


def _named(side: Side) -> str:
    """A side in a few words: ``yolov5s@v6.1, 80 classes``."""
    subject = side.subject
    network = "" if subject.network in (None, subject.label) or subject.saved is None else f" ({subject.network})"
    classes = "" if subject.classes is None else f", {subject.classes} class{'es' * (subject.classes != 1)}"
    return f"{subject.label}{network}{classes}{', fused' if side.is_fused else ''}"


def _prints(side: Side) -> str:
    return f"Of {side.subject.label} {side.subject.origin.name} prints"


def _block(name: str, ledger: Ledger | None) -> Iterator[Part]:
    label = "FLOPs" if name == "flops" else name
    if ledger is None:
        yield Figures(label, ("not known", "not known", ""))
        yield Note("The forward pass of one of them is not known; yolo-probe info tells which module it is.")
        return
    rounded = None
    if name == "flops":
        rounded = Figures("rounded to", (f"{giga(ledger.before)} GFLOPs", f"{giga(ledger.after)} GFLOPs", ""))
    yield from ledger_block(label, ledger, second=rounded)


def _of_flops(report: Diff) -> Iterator[Part]:
    """What is to be said of the FLOPs: where a line is of another image, and where the maps are of another size."""
    notes = []
    for side in (report.first, report.second):
        line = side.state.line
        if line.gflops is not None and line.size != side.question.size:
            here, there = (f"{height}x{width}" for height, width in (side.question.size, line.size))
            notes.append(
                f"{side.subject.origin.name} prints {line.gflops:.1f}, of one image of {there}; here it is {here}."
            )
    yield from map(Note, dict.fromkeys(notes))
    yield from _rescaled(report)


def _rescaled(report: Diff) -> Iterator[Part]:
    """A sentence on the row from which on maps are of another size."""
    pair = report.rescaled
    if pair and pair.second and report.flops:
        where = f"row {pair.second.name} ({pair.second.kind.rpartition('.')[2]})"
        yield Note(
            f"From {where} on the maps have {pair.scale:.3g} x the area: the rows behind it cost that much more "
            "or less, whatever their parameters are."
        )


def _counted(report: Diff) -> str:
    questions = [each.question for each in (report.first, report.second)]
    words = [
        f"{CONVENTIONS[question.counter.convention.name].title} at {question.size[0]}x{question.size[1]}"
        for question in questions
    ]
    return words[0] if words[0] == words[1] else f"{words[0]}; then {words[1]}"

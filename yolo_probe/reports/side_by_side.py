"""The report of ``yolo-probe compare``: the four numbers of several networks in one table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import cast

from yolo_probe.counters.conventions import Counter
from yolo_probe.errors import TargetError
from yolo_probe.hosts.images import Size
from yolo_probe.hosts.known_lines import KnownNetwork, known_networks, release_numbers
from yolo_probe.hosts.line_matches import Match
from yolo_probe.hosts.subject import Subject
from yolo_probe.hosts.target import resolve
from yolo_probe.networks.generations import Generation
from yolo_probe.reports.diff import match_of_line, subject_of_line
from yolo_probe.reports.info import info
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.schema import SCHEMA, counter_as_json


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """One network in the table; of each pair the first is before ``fuse()``, the second after it."""

    target: str
    network: str
    host: str
    classes: int | None
    layers: int
    parameters: int
    flops: int | None
    """Of one image; None where the forward pass is not known."""
    fused_layers: int | None
    """None where what ``fuse()`` does is not known."""
    fused_parameters: int | None
    fused_flops: int | None
    known_only: str = ""
    """The release whose recorded figures these are, where the network cannot be built here; else empty."""


COUNTED = ("layers", "parameters", "flops", "fused_layers", "fused_parameters", "fused_flops")
"""The columns with figures."""

BEST = ("parameters", "flops", "fused_parameters", "fused_flops")
"""Those in which the smallest figure is the best; what a layer is differs from host to host."""


@dataclass(frozen=True)
class SideBySide:
    """Several networks, each with its four numbers."""

    rows: tuple[NetworkRow, ...]
    size: Size
    counter: Counter

    def best(self, column: str) -> int | None:
        """The smallest figure of a column; None where it has no best, or fewer than two networks have a figure."""
        if column not in BEST:
            return None
        found = [figure for row in self.rows if (figure := cast("int | None", getattr(row, column))) is not None]
        return min(found) if len(found) > 1 else None


def side_by_side(
    targets: Sequence[str], size: Size, counter: Counter, *, host: Generation | None = None, classes: int | None = None
) -> SideBySide:
    """The table of several networks: checkpoints, model YAMLs, names, pasted summary lines.

    ``host``, ``classes``: as for ``resolve``, for those that are no files.
    Raises: ProbeError for a target that cannot be read or is not known.
    """
    return SideBySide(tuple(_row(target, size, counter, host, classes) for target in targets), size, counter)


def _row(target: str, size: Size, counter: Counter, host: Generation | None, classes: int | None) -> NetworkRow:
    if match := match_of_line(target):
        return _of_line(match, size, counter)
    is_file = "/" in target or target.endswith((".pt", ".pth"))
    try:
        subject = resolve(target, host=None if is_file else host, classes=None if is_file else classes)
    except TargetError:
        recorded = _recorded(target)
        if recorded is None or size != (640, 640):
            raise
        return _of_known(target, recorded, classes or 80)
    return _of_subject(subject, Question(subject, size, counter))


def _of_line(match: Match, size: Size, counter: Counter) -> NetworkRow:
    """The row of the network that prints a pasted line."""
    if match.network.family == "ultralytics" and size == (640, 640):
        return _of_known(match.network.network, match.network, match.numbers.classes)
    subject = subject_of_line(match)
    return _of_subject(subject, Question(subject, size, counter))


def _of_subject(subject: Subject, question: Question) -> NetworkRow:
    report = info(question, fused=False)
    form = subject.origin.form
    after = None if subject.foreign else report.fused  # what its own fuse() does is not known

    def layers(state: State) -> int:
        return form.layer_count(state.summary.layers)

    return NetworkRow(
        target=subject.label,
        network=subject.network or "",
        host=subject.origin.listed,
        classes=subject.classes,
        layers=layers(report.state),
        parameters=report.state.summary.parameters,
        flops=report.state.summary.flops,
        fused_layers=layers(after) if after else None,
        fused_parameters=after.summary.parameters if after else None,
        fused_flops=after.summary.flops if after else None,
    )


def _recorded(target: str) -> KnownNetwork | None:
    """The newest recorded network of that name, where only its own host could build it."""
    found = [each for each in known_networks() if each.network == target.removesuffix(".yaml") and not each.note]
    return max(found, key=lambda each: release_numbers(each.hosts[-1]) if each.hosts else (), default=None)


def _of_known(target: str, known: KnownNetwork, classes: int) -> NetworkRow:
    numbers = known.numbers(classes)
    before, after = numbers.gflops[known.counters[-1]]
    host = f"{known.family} {known.hosts[-1].rpartition(' ')[2]}"
    return NetworkRow(
        target=target,
        network=known.network,
        host=host,
        classes=classes,
        layers=known.layers[0],
        parameters=numbers.parameters[0],
        flops=None if before is None else round(before * 1e9),
        fused_layers=known.layers[1],
        fused_parameters=numbers.parameters[1],
        fused_flops=None if after is None else round(after * 1e9),
        known_only=host,
    )


def as_json(report: SideBySide) -> dict[str, object]:
    """The report as plain data; counts are integers, FLOPs are MACs times 2."""
    return {
        "schema": SCHEMA,
        "command": "compare",
        "imgsz": list(report.size),
        "counter": counter_as_json(report.counter.convention),
        "networks": [plain(row) for row in report.rows],
        "best": {column: report.best(column) for column in BEST},
    }


def plain(row: NetworkRow) -> dict[str, object]:
    """One network as plain data."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def as_csv(report: SideBySide) -> Iterable[list[object]]:
    """The table as lines of cells, the names of the columns first."""
    yield [field.name for field in fields(NetworkRow)]
    for row in report.rows:
        yield ["" if value is None else value for value in plain(row).values()]

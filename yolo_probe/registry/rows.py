"""One row for each checkpoint of many: which network it is, its numbers before and after ``fuse()``, what is unusual.

A row never fails: what is wrong with a file is a part of its row. Nothing is imported or executed for a file, and no
weights are read.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from yolo_probe.checkpoint.archive import opened
from yolo_probe.checkpoint.reader import Checkpoint
from yolo_probe.checkpoint.remote import is_url
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import NoModulesError, ProbeError, TraceError, UnknownModuleError, reason_of, visible
from yolo_probe.hosts.subject import MOST_EPOCHS, Subject
from yolo_probe.hosts.summary_line import Summary, summarize
from yolo_probe.hosts.target import resolve, resolve_file
from yolo_probe.model.freezing import as_built
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.question import Question

SIZE = (640, 640)
"""The size of the image that is counted, in pixels: the one that hosts print."""

NOT_RECORDED = "FLOPs and fuse() are not known: fuse-diff has them where ultralytics is installed"
"""The warning of a network of ultralytics that is none of the recorded ones."""

TOO_LARGE = "needs more memory to be read than any checkpoint does"
"""The error of a file that exhausts the memory of its process."""

HASHED = 1 << 20
"""Bytes that are read at once for a hash."""

MOST = 2**63 - 1
"""The largest number of a row: what 64 bits hold."""

WOULD_RUN = "would run "
"""How the warning of a file begins that would run something when it is loaded."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file; a value that is not known is None."""

    path: str
    host: str | None = None
    """``YOLOv5 v7.0``, ``ultralytics 8.4.190``, ``YOLOv7``."""
    network: str | None = None
    classes: int | None = None
    layers: int | None = None
    """As its host's line has them when training starts."""
    parameters: int | None = None
    gradients: int | None = None
    gflops: float | None = None
    """Of one image of 640x640."""
    fused_layers: int | None = None
    fused_parameters: int | None = None
    fused_gflops: float | None = None
    dtype: str | None = None
    """Type of the parameters: ``FP16``, ``FP32``, ``mixed precision``."""
    stripped: bool | None = None
    epoch: int | None = None
    """-1 in a finished file."""
    fitness: float | None = None
    bytes: int | None = None
    warnings: tuple[str, ...] = ()
    error: str = ""
    """Why there is no answer; empty where there is one."""
    sha256: str | None = None

    @property
    def is_safe(self) -> bool:
        """Whether loading it would run nothing, as far as it could be read."""
        return not any(
            words.startswith(WOULD_RUN) or f": {WOULD_RUN}" in words for words in (*self.warnings, self.error)
        )

    @property
    def is_known(self) -> bool:
        """Whether every number is known."""
        figures = (self.layers, self.parameters, self.gflops, self.fused_layers, self.fused_parameters)
        return not self.error and None not in (*figures, self.fused_gflops)


COLUMNS = tuple(field.name for field in fields(FileRow) if field.name != "sha256")
"""The columns of a table; ``sha256`` stands behind them where it was asked for."""


def plain(row: FileRow, *, sha256: bool = False) -> dict[str, object]:
    """A row as plain data, its columns in order."""
    data = asdict(row) | {"warnings": list(row.warnings)}
    return data if sha256 else {name: data[name] for name in COLUMNS}


def describe(path: str | os.PathLike[str]) -> dict[str, object]:
    """One checkpoint as a flat dict: which network it is, its numbers, what is unusual or wrong with it.

    A plain function of a path, for the workers of any framework. FLOPs are of one image of 640x640, in GFLOPs
    (1 MAC = 2 FLOPs) by the rules of the installed thop. It raises nothing for a file: see ``error``.

    >>> row = describe("configs/demo/narrow-best.pt")
    >>> row["network"], row["layers"], row["fused_layers"], row["error"]
    ('narrow', 214, 157, '')
    """
    return plain(file_row(os.fspath(path)))


def file_row(path: str, *, sha256: bool = False) -> FileRow:
    """The row of one file. ``sha256``: whether all of it is read for its hash."""
    try:
        row = _within(_read(path))
    except ProbeError as error:
        row = FileRow(path, bytes=_size_of(path), error=_without(path, str(error)))
    except MemoryError:
        row = FileRow(path, bytes=_size_of(path), error=TOO_LARGE)
    except Exception as error:  # a fault of ours is a row too, not the end of a scan
        row = FileRow(path, bytes=_size_of(path), error=f"yolo-probe failed: {reason_of(error)}")
    return replace(row, sha256=_hash_of(path)) if sha256 else row


def _within(row: FileRow) -> FileRow:
    """A row whose numbers every table can hold; a file may claim others, which are not known then."""
    values = asdict(row)
    beyond = [name for name, value in values.items() if isinstance(value, int | float) and not _fits(value)]
    return FileRow(**values | dict.fromkeys(beyond)) if beyond else row


def _fits(number: float) -> bool:
    return abs(number) <= MOST  # which NaN is not


def target_row(target: str) -> FileRow:
    """The row of a checkpoint, a model YAML or the name of a network. Raises: ProbeError where it has no answer."""
    is_file = is_url(target) or target.endswith((".pt", ".pth"))
    return _read(target) if is_file else _of_subject(target, resolve(target))


def _read(path: str) -> FileRow:
    """The row of a file that has a network. Raises: ProbeError for any other."""
    try:
        return _of_subject(path, resolve_file(path))
    except NoModulesError:
        if report := _of_weights(path):
            return _of_report(path, report)
        raise


def _of_weights(path: str) -> FuseDiff | None:
    """The network that weights alone are recognised as; None where they are not."""
    from yolo_probe.reports.inspection import inspect

    try:
        found = inspect(path).weights
    except ProbeError:
        return None
    return found.summary if found else None


def _of_report(path: str, report: FuseDiff) -> FileRow:
    """The row of weights alone, by the network that they fit."""
    subject = report.question.subject
    row = FileRow(
        path, host=subject.origin.name, network=subject.network, classes=subject.classes, bytes=_size_of(path),
        warnings=("weights without modules: the network is recognised by their shapes",),
    )  # fmt: skip
    return _with_fused(_with_state(row, subject, report.training.summary), subject, report.validation.summary)


def _of_subject(path: str, subject: Subject) -> FileRow:
    question, saved = Question(subject, SIZE, choose_counter(None, installed_thop())), subject.saved
    row = FileRow(
        path, host=subject.origin.listed, network=subject.network, classes=subject.classes, fitness=_fitness(subject),
        warnings=tuple(_warnings(subject)),
    )  # fmt: skip
    if isinstance(subject.source, Checkpoint):
        row = replace(row, bytes=subject.source.size)
    if saved:
        epoch = saved.epoch if saved.epoch is not None and abs(saved.epoch) < MOST_EPOCHS else None
        row = replace(row, dtype=saved.dtype, stripped=saved.stripped, epoch=epoch)
    stored = subject.root
    try:
        unfused = question.unfused(stored) if not subject.gap else stored
    except UnknownModuleError as error:
        return _fused_alone(replace(row, warnings=(*row.warnings, _without(path, str(error)))), question)
    built = as_built(unfused)
    try:
        row = _with_state(row, subject, question.summary(built))
        if subject.gap:
            return _with_recorded(row, subject)
        if subject.foreign:  # what its own fuse() does to them is not known
            return row
        return _with_fused(row, subject, question.summary(question.fusion(unfused, grad_enabled=False).root))
    except TraceError as error:
        if row.layers is None:  # what needs no forward pass
            row = _with_state(row, subject, summarize(built, None, question.counter.convention))
        return replace(row, warnings=(*row.warnings, _without(path, str(error))))


def _fused_alone(row: FileRow, question: Question) -> FileRow:
    """The row of a file that was saved after ``fuse()``, where the network before it is not known."""
    root = question.subject.root
    try:
        summary = question.summary(root)
    except TraceError:
        summary = summarize(root, None, question.counter.convention)
    return _with_fused(row, question.subject, summary)


def _with_state(row: FileRow, subject: Subject, summary: Summary) -> FileRow:
    layers, parameters, gflops = _figures(subject, summary)
    return replace(row, layers=layers, parameters=parameters, gradients=summary.gradients, gflops=gflops)


def _with_fused(row: FileRow, subject: Subject, summary: Summary) -> FileRow:
    layers, parameters, gflops = _figures(subject, summary)
    return replace(row, fused_layers=layers, fused_parameters=parameters, fused_gflops=gflops)


def _figures(subject: Subject, summary: Summary) -> tuple[int, int, float | None]:
    """Layers as the host counts them, parameters, GFLOPs."""
    gflops = None if summary.flops is None else summary.flops / 1e9
    return subject.origin.form.layer_count(summary.layers), summary.parameters, gflops


def _with_recorded(row: FileRow, subject: Subject) -> FileRow:
    """The row of a network that only its host builds, with the recorded figures of the one that it is."""
    from yolo_probe.hosts.known_lines import known_networks

    for known in reversed(known_networks()):
        if (known.network, known.family, known.note) != (row.network, subject.origin.family, "") or not row.classes:
            continue
        numbers = known.numbers(row.classes)
        if (known.layers[0], numbers.parameters[0]) != (row.layers, row.parameters):
            continue
        before, after = numbers.gflops[known.counters[-1]]
        return replace(
            row, gflops=before, fused_layers=known.layers[1], fused_parameters=numbers.parameters[1],
            fused_gflops=after,
        )  # fmt: skip
    return replace(row, warnings=(*row.warnings, NOT_RECORDED))


def _warnings(subject: Subject) -> list[str]:
    saved = subject.saved
    found = []
    if saved and saved.runs:
        found.append(f"{WOULD_RUN}{', '.join(saved.runs[:5])} when it is loaded")
    if unusual := saved and [name for name in saved.unusual if name not in saved.runs]:
        found.append(f"names what no checkpoint needs: {', '.join(unusual[:5])}")
    if foreign := dict.fromkeys(kind.rpartition(".")[2] for _, kind in subject.foreign):
        found.append(f"classes that {subject.origin.host.name} does not have: {', '.join(foreign)}")
    return [visible(words) for words in found]


def _fitness(subject: Subject) -> float | None:
    """The best fitness that the training recorded."""
    contents = subject.source.contents if isinstance(subject.source, Checkpoint) else {}
    value = contents.get("best_fitness")
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if _fits(value) else None


def _without(path: str, message: str) -> str:
    """A message without the path that it begins with, on one line."""
    return visible(message.removeprefix(f"{path}: ").removeprefix(f"{Path(path).name}: "))


def _size_of(path: str) -> int | None:
    try:
        return os.path.getsize(path)
    except (OSError, ValueError):
        return None


def _hash_of(path: str) -> str | None:
    try:
        found = hashlib.sha256()
        with opened(path) as file:  # a regular file, or one behind a URL; another one may never end
            for start in range(0, file.size, HASHED):
                found.update(file.read(start, min(HASHED, file.size - start)))
        return found.hexdigest()
    except (ProbeError, OSError):
        return None

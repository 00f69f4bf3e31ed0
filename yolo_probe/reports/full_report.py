"""Every report on one target as one value: what ``yolo-probe report`` puts on a page. It has no figures of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from yolo_probe.errors import ProbeError, UnknownModuleError
from yolo_probe.model.activations import activations
from yolo_probe.model.structure import Module
from yolo_probe.reports import bench_json, inspection_json
from yolo_probe.reports import counters as counters_report
from yolo_probe.reports import fuse_diff as fuse_diff_report
from yolo_probe.reports import gradients as gradients_report
from yolo_probe.reports import info as info_report
from yolo_probe.reports import layers as layers_report
from yolo_probe.reports import story as story_report
from yolo_probe.reports.bench import Bench
from yolo_probe.reports.counters import Counters, counters
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.gradients import Provenance, provenance
from yolo_probe.reports.info import Info, info
from yolo_probe.reports.inspection import Inspection, inspect
from yolo_probe.reports.layers import LayerCosts, View, gathered, layer_costs
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.row_graph import row_graph
from yolo_probe.reports.schema import SCHEMA
from yolo_probe.reports.story import Story, fuse_diff_of_run, story_beside
from yolo_probe.reports.training_record import frozen_rows, thawed_rows
from yolo_probe.reports.typed_json import as_plain

FREEZING = {"--freeze", "other code"}
"""Mechanisms that keep parameters from training; the others freeze a copy of the model when it is saved or fused."""

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class FullReport:
    """The reports on one target; None where there is none, which ``missing`` then explains."""

    label: str
    """Name of the file, the network or the class."""
    root: Module
    """The network as its rows are shown."""
    answer: FuseDiff | Info
    """The two lines; one line where it is not known what ``fuse()`` does."""
    gradients: Provenance | None = None
    layers: LayerCosts | None = None
    fused_layers: LayerCosts | None = None
    counters: Counters | None = None
    inspection: Inspection | None = None
    story: Story | None = None
    bench: Bench | None = None
    """Times, where they were measured."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """By the name of a report, why there is none and what to do."""

    @property
    def frozen_rows(self) -> tuple[str, ...]:
        """Names of the rows that did not train; a finished file, of which nothing trains, has none for that alone."""
        if self.gradients is None:
            return frozen_rows(self.story.moments) if self.story else ()
        thawed = {*map(str, thawed_rows(self.story.moments if self.story else ()))}
        rows = (row for row in self.gradients.rows if not row.trainable and row.name not in thawed)
        return tuple(row.name for row in rows if {*row.frozen_by} - {"DFL"} and {*row.frozen_by} <= FREEZING | {"DFL"})


class _Attempts:
    """Reports that are made one by one; why one cannot be made is kept."""

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}

    def made(self, name: str, make: Callable[[], _Found]) -> _Found | None:
        """The report, or None with the reason in ``missing``."""
        try:
            return make()
        except ProbeError as error:
            self.missing[name] = f"{error}. {error.remedy}".rstrip()
            return None


def full_report(question: Question, freeze: tuple[int, ...] = ()) -> FullReport:
    """Every report on a network, those that can be made.

    ``freeze``: the numbers of ``--freeze``, for a name or YAML only.
    Raises: ProbeError where not even its summary line is known, or for a checkpoint and such numbers.
    """
    subject = question.subject
    answer = _answer(question)
    report = report_around(answer, provenance(subject, freeze))
    if subject.kind != "checkpoint" or not subject.path:
        return report
    attempts, path = _Attempts(), subject.path
    parameters = _state(answer).summary.parameters
    inspection = attempts.made("inspection", lambda: inspect(path))
    missing = {**report.missing, **attempts.missing}
    return replace(report, inspection=inspection, story=story_beside(subject, parameters), missing=missing)


def report_around(answer: FuseDiff | Info, gradients: Provenance | None = None) -> FullReport:
    """A report with what can be found from the network of its answer: the costs of its rows, and every counter."""
    question, attempts = answer.question, _Attempts()
    return FullReport(
        question.subject.label,
        question.subject.root,
        answer,
        gradients,
        attempts.made("layers", lambda: layer_costs(question, View(), fused=False)),
        attempts.made("fused_layers", lambda: layer_costs(question, View(), fused=True)),
        attempts.made("counters", lambda: counters(question, brief=True)),
        missing=attempts.missing,
    )


def report_of_run(answer: FuseDiff, story: Story) -> FullReport:
    """The report of a finished training: what its probe has on record, and the costs of the network in both states."""
    question = answer.question
    root, attempts = answer.training.root, _Attempts()

    def costs(state: State, *, is_fused: bool) -> LayerCosts | None:
        run, convention = state.run, question.counter.convention
        if run is None:
            return None
        return gathered(
            question.subject, question, convention, View(), state.root, run, activations(run), is_fused=is_fused
        )

    return FullReport(
        question.subject.label,
        root,
        answer,
        layers=attempts.made("layers", lambda: costs(answer.training, is_fused=False)),
        fused_layers=attempts.made("fused_layers", lambda: costs(answer.validation, is_fused=True)),
        story=story,
        missing=attempts.missing,
    )


def _answer(question: Question) -> FuseDiff | Info:
    try:
        return fuse_diff_of_run(question)
    except UnknownModuleError:
        return info(question, fused=False)


def _state(answer: FuseDiff | Info) -> State:
    """The network before ``fuse()``, as the answer has it."""
    return answer.training if isinstance(answer, FuseDiff) else answer.state


def as_json(report: FullReport) -> dict[str, object]:
    """The JSON of each report, the graph of the rows, and the reasons for those that are missing."""
    answer, made = report.answer, report.counters
    return {
        "schema": SCHEMA,
        "command": "report",
        "fuse_diff": fuse_diff_report.as_json(answer) if isinstance(answer, FuseDiff) else None,
        "info": info_report.as_json(answer) if isinstance(answer, Info) else None,
        "layers": report.layers and layers_report.as_json(report.layers),
        "fused_layers": report.fused_layers and layers_report.as_json(report.fused_layers),
        "gradients": report.gradients and gradients_report.as_json(report.gradients),
        "counters": made and counters_report.as_json(made),
        "inspection": report.inspection and inspection_json.as_json(report.inspection),
        "story": report.story and story_report.as_json(report.story),
        "bench": report.bench and bench_json.as_json(report.bench),
        "missing": dict(report.missing),
        "graph": as_plain(row_graph(report.root)),
        "frozen_rows": list(report.frozen_rows),
    }

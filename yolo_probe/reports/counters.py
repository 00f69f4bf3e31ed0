"""The report of ``yolo-probe counters``: one network by the rules of every counter."""

from __future__ import annotations

from dataclasses import dataclass

from yolo_probe.counters.charges import Uncounted
from yolo_probe.counters.comparison import Comparison, Measured, Mode, compare
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.errors import TraceError
from yolo_probe.hosts.images import Run
from yolo_probe.model.freezing import as_built
from yolo_probe.model.structure import Module
from yolo_probe.reports.comparison import figures_as_json
from yolo_probe.reports.question import Question
from yolo_probe.reports.schema import head_as_json


@dataclass(frozen=True)
class Counters:
    """The figure of every counter for one network: in training, in evaluation, after ``fuse()``."""

    question: Question
    comparison: Comparison
    unused_rules: tuple[str, ...] = ()
    """Rules of the user's own that no operator of this network used."""
    brief: bool = False
    """Whether the text has the figures alone, without the terms of each counter."""

    @property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """The operators without a rule in the default counter."""
        return self.comparison.counters[self.comparison.default].uncounted


def counters(question: Question, *, brief: bool = False) -> Counters:
    """Every counter's figure for one network, each as terms that add up to it.

    ``brief``: whether the text has the figures alone.
    Raises: TargetError where the forward pass is not known, TraceError where it or ``fuse()`` fails.
    """
    question.need_flops()
    subject = question.subject
    image = (1, subject.channels, *question.size)
    if rebuilt := question.rebuilt():
        built, fused = rebuilt.built, rebuilt.fused
        runs: dict[Mode, tuple[Module, Run]] = {
            "train": (built.root, question.ruled(built.root, built, training=True)),
            "unfused": (built.root, question.ruled(built.root, built)),
        }
        if rebuilt.not_fused is None:
            runs["fused"] = (fused.root, question.ruled(fused.root, fused))
    else:
        root = as_built(question.unfused(subject.root))
        merged = question.fusion(root, grad_enabled=False).root
        runs = {
            "train": (root, question.ruled(root, training=True)),
            "unfused": (root, question.ruled(root)),
            "fused": (merged, question.ruled(merged)),
        }
    try:
        modes = {mode: Measured(root, run(image).records) for mode, (root, run) in runs.items()}
    except TraceError as error:
        raise question.placed(error, question.remedy_of_failure(error)) from None
    conventions = [convention.with_rules(question.rules) for convention in CONVENTIONS.values()]
    unused = question.rules.unused(modes["unfused"].records) if question.rules else ()
    return Counters(question, compare(modes, conventions, question.counter.convention.name), unused, brief)


def as_json(report: Counters) -> dict[str, object]:
    """The report as plain data; figures and terms are integers in each counter's own unit."""
    question = report.question
    return {
        **head_as_json("counters", question.subject),
        "imgsz": list(question.size),
        **figures_as_json(report.comparison),
    } | ({"rules": {"file": question.rules.path, "unused": list(report.unused_rules)}} if question.rules else {})

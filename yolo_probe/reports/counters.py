"""The report of ``yolo-probe counters``: one network by the rules of every counter."""

from __future__ import annotations

from dataclasses import dataclass

from yolo_probe.counters.comparison import MODES, ByMode, Comparison, Counted, Measured, Mode, compare
from yolo_probe.counters.conventions import CONVENTIONS, Uncounted
from yolo_probe.errors import TraceError
from yolo_probe.hosts.images import Run
from yolo_probe.hosts.subject import Rebuilt
from yolo_probe.model.freezing import with_gradients
from yolo_probe.model.fusion import restore
from yolo_probe.model.structure import Module
from yolo_probe.reports.question import Question
from yolo_probe.reports.schema import head_as_json, uncounted_as_json


@dataclass(frozen=True)
class Counters:
    """What every counter says of one network, unfused and fused, and as it trains."""

    question: Question
    comparison: Comparison
    unused_rules: tuple[str, ...] = ()
    """Rules of the user's that nothing in this network came to."""

    @property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """What the default counter has no rule for."""
        return self.comparison.counters[self.comparison.default].uncounted


def counters(question: Question) -> Counters:
    """Every counter's figure for one network, each as terms that add up to it.

    Raises: TargetError where the forward pass is not known, TraceError where it or ``fuse()`` fails.
    """
    question.need_flops()
    subject = question.subject
    image = (1, subject.channels, *question.size)
    if isinstance(subject.rebuilt, Rebuilt):
        built, fused = subject.rebuilt.built, subject.rebuilt.fused
        runs: dict[Mode, tuple[Module, Run]] = {
            "train": (built.root, question.ruled(built.root, built, training=True)),
            "unfused": (built.root, question.ruled(built.root, built)),
            "fused": (fused.root, question.ruled(fused.root, fused)),
        }
    else:
        root = with_gradients(restore(subject.root), True)
        merged = question.fusion(root, grad_enabled=False).root
        runs = {
            "train": (root, question.ruled(root, training=True)),
            "unfused": (root, question.ruled(root)),
            "fused": (merged, question.ruled(merged)),
        }
    try:
        modes = {mode: Measured(root, run(image).records) for mode, (root, run) in runs.items()}
    except TraceError as error:
        raise question.placed(error, "correct the network: its forward pass fails there") from None
    conventions = [convention.with_rules(question.rules) for convention in CONVENTIONS.values()]
    unused = question.rules.unused(modes["unfused"].records) if question.rules else ()
    return Counters(question, compare(modes, conventions, question.counter.convention.name), unused)


def as_json(report: Counters) -> dict[str, object]:
    """The report as plain data; figures and terms are integers in each counter's own unit."""
    question, comparison = report.question, report.comparison
    return {
        **head_as_json("counters", question.subject),
        "imgsz": list(question.size),
        "default": comparison.default,
        "counters": {name: _counter(counted) for name, counted in comparison.counters.items()},
        "activations": _modes(comparison.apart),
        "parameters": _modes(comparison.parameters),
    } | ({"rules": {"file": question.rules.path, "unused": list(report.unused_rules)}} if question.rules else {})


def _counter(counted: Counted) -> dict[str, object]:
    return {
        "unit": counted.convention.unit,
        **_modes(counted.figure),
        "flops": _modes(counted.flops),
        "terms": {name: _modes(amount) for name, amount in counted.terms.items()},
        "faults": [{"name": each.name, "why": each.why, "right": _modes(each.right)} for each in counted.faults],
        "right": _modes(counted.right),
        "parameters": _modes(counted.parameters),
        "uncounted": uncounted_as_json(counted.uncounted),
    }


def _modes(numbers: ByMode) -> dict[str, int | None]:
    return {mode: getattr(numbers, mode) for mode in MODES}

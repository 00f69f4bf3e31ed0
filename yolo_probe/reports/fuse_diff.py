"""The report of ``yolo-probe fuse-diff``: the states of training and validation, and four ledgers between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from yolo_probe.hosts.subject import Rebuilt, Subject
from yolo_probe.hosts.summary_line import FORMS, host_line
from yolo_probe.model.forks.registry import fork_of
from yolo_probe.model.freezing import as_built, with_gradients
from yolo_probe.model.fusion import Fusion, difference
from yolo_probe.model.structure import (
    Module,
    count_gradients,
    count_parameters,
    named_modules,
    named_parameters,
)
from yolo_probe.reports.ledger import (
    FourLedgers,
    GradientEvent,
    Ledger,
    account_of,
    flops_ledger,
    gradients_ledger,
    layers_ledger,
    parameters_ledger,
)
from yolo_probe.reports.mechanisms import decide, gradient_events, known_of
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.schema import counter_as_json, foot_as_json, head_as_json, not_fused_as_json, state_as_json
from yolo_probe.reports.typed_json import as_plain

if TYPE_CHECKING:
    from yolo_probe.reports.fused_outputs import FusedOutputs
    from yolo_probe.reports.verification import Verification


@dataclass(frozen=True)
class FuseDiff(FourLedgers):
    """The states of a network in training and validation, and a ledger for each of the four numbers."""

    question: Question
    training: State
    validation: State
    fusion: Fusion
    saved_fused: bool
    """Whether the file was saved after ``fuse()``, so that its state in training is reconstructed."""
    events: tuple[GradientEvent, ...]
    gradients_with_autograd: int
    """Gradients after ``fuse()`` with autograd on, as train.py runs it."""
    layers: Ledger
    parameters: Ledger
    gradients: Ledger
    flops: Ledger | None
    started: State | None = None
    """The state of the training line, if training then took over parts of another network, or made more; else None."""
    late: tuple[str, ...] = ()
    """Parts that the constructor made after it had printed the training line."""
    verification: Verification | None = None
    """The figures of the real thop and ``fuse()``; None without ``--verify``."""
    run: tuple[str, ...] = ()
    """What only the training knew of a checkpoint, from the record beside it, each in a few words."""
    first_printed: bool = True
    """Whether the host of a training has printed the first line; else it is computed for the model as it trained."""
    second_printed: bool = True
    """Whether it has printed the second line; else it is what the host prints when it loads the model."""
    outputs: FusedOutputs | None = None
    """The outputs before and after ``fuse()``; None if they were not compared."""

    @cached_property
    def is_shipped(self) -> bool:
        """Whether the network has as many parameters as the one that YOLOv5 v7.0 ships under its name."""
        from yolo_probe.networks.model_yaml import build
        from yolo_probe.networks.shipped import find_network, network_names

        subject = self.question.subject
        if subject.network not in network_names("v7.0") or subject.classes is None:
            return False
        shipped = build(find_network(subject.network, "v7.0").with_classes(subject.classes), "v7.0")
        return count_parameters(shipped) == self.training.summary.parameters

    @cached_property
    def alternatives(self) -> tuple[str, ...]:
        """Other hosts that the evidence allows; also v7.0, the most common one, if it prints the same numbers."""
        question, subject = self.question, self.question.subject
        found = subject.origin.alternatives
        if subject.saved is None or subject.origin.form.named_after:
            return found
        ours = (self.training, self.validation)
        theirs = [
            host_line(state.root, FORMS["v7.0"], question.counter.of_host, subject.stride, built=state is self.training)
            for state in ours
        ]
        numbers = [(line.text or "").partition(": ")[2] for line in theirs]
        if numbers != [(state.line.text or "").partition(": ")[2].replace("GFLOPS", "GFLOPs") for state in ours]:
            return found
        title = theirs[0].counts.partition(": ")[0]
        return (*found, f'v7.0 prints the same numbers after "{title}:"')


def fuse_diff(question: Question, *, may_fail: bool = False) -> FuseDiff:
    """The report on a network: what training and validation print of it, and every cause of the difference.

    ``may_fail``: whether a file whose forward pass fails is answered without its FLOPs.
    Raises: ProbeError where the network cannot be followed or fused.
    """
    subject = question.subject
    if rebuilt := question.rebuilt():
        return _rebuilt_diff(question, rebuilt)
    stored = subject.root if subject.saved else with_gradients(subject.root, False)
    unfused = question.unfused(stored)
    saved_fused = unfused is not stored
    built = as_built(unfused)
    # a file saved after fuse() has the flags that fuse() set; they are kept as they are
    if saved_fused and fork_of(stored):
        fusion = difference(unfused, stored)
    else:
        fusion = question.fusion(unfused, grad_enabled=saved_fused, kept_flags=saved_fused)
    training = question.state(built, built=True, may_fail=may_fail and subject.saved is not None)
    return explain(
        question,
        training,
        question.state(fusion.root, built=subject.saved is None, may_fail=bool(training.fails)),
        fusion,
        tuple(_events(subject, built, unfused, restored=saved_fused)),
        saved_fused=saved_fused,
        gradients_with_autograd=count_gradients(question.fusion(unfused, grad_enabled=True).root),
    )


def _rebuilt_diff(question: Question, rebuilt: Rebuilt) -> FuseDiff:
    """The report on a network that its installed host has built and fused."""
    built, stored, fused = rebuilt.built, rebuilt.stored, rebuilt.fused
    began, started = None, rebuilt.started
    if started:
        began = question.state(started.root, built=True, model=started, may_fail=bool(rebuilt.late))
    return replace(
        explain(
            question,
            question.state(built.root, built=True, model=built, may_fail=question.subject.origin.by_source),
            question.state(fused.root, model=fused, may_fail=True),
            difference(stored.root, fused.root),
            tuple(_events(question.subject, built.root, stored.root, restored=rebuilt.saved_fused)),
            saved_fused=rebuilt.saved_fused,
            gradients_with_autograd=count_gradients(fused.root),
        ),
        started=began,
        late=rebuilt.late,
    )


def explain(
    question: Question, training: State, validation: State, fusion: Fusion, events: tuple[GradientEvent, ...], *,
    saved_fused: bool = False, gradients_with_autograd: int = 0,
) -> FuseDiff:  # fmt: skip
    """The report on two states of a network, before and after ``fuse()``, with the causes of each change."""
    form = question.subject.origin.form
    before, after = training.summary, validation.summary
    layers = form.layer_count(before.layers), form.layer_count(after.layers)
    flops = None
    if training.run and validation.run:
        flops = flops_ledger(question.charges(training), question.charges(validation), fusion)
    return FuseDiff(
        question=question,
        training=training,
        validation=validation,
        fusion=fusion,
        saved_fused=saved_fused,
        events=events,
        gradients_with_autograd=gradients_with_autograd,
        layers=layers_ledger(*layers, fusion, _stays(fusion), counted=form.layers),
        parameters=parameters_ledger(before.parameters, after.parameters, fusion),
        gradients=gradients_ledger(before.gradients, after.gradients, training.root, events, fusion),
        flops=flops,
    )


def _stays(fusion: Fusion) -> str:
    """The place of the BatchNorms that ``fuse()`` does not merge, in words."""
    parents = dict(named_modules(fusion.root))
    kinds = {parents[path.rpartition(".")[0]].kind for path in fusion.stays}
    if kinds <= {"BottleneckCSP", "MixConv2d"}:
        return "after a Concat (no convolution before them)"
    return "not in a Conv"


def _events(subject: Subject, built: Module, stored: Module, *, restored: bool) -> Iterator[GradientEvent]:
    """The events before ``fuse()`` that took parameters out of training, in order.

    ``restored``: whether BatchNorms were put back into ``stored``.
    """
    trained = frozenset(name for name, tensor in named_parameters(built) if tensor.requires_grad)
    known = known_of(subject, is_restored=restored)
    return gradient_events(decide(stored, known), known, trained)


def as_json(report: FuseDiff) -> dict[str, object]:
    """The report as plain data; counts are integers, FLOPs are MACs times 2."""
    question = report.question
    return {
        **head_as_json("fuse-diff", question.subject, report.alternatives),
        "imgsz": list(question.size),
        "counter": counter_as_json(question.counter.convention),
        "training": state_as_json(report.training, question),
        "validation": state_as_json(report.validation, question)
        | ({"known": False} if _unknown_after_fuse(question.subject) else {})
        | not_fused_as_json(question.subject.not_fused),
        "host_lines": _host_lines(report),
        "missing_gflops": {"training": report.training.line.missing, "validation": report.validation.line.missing},
        "gradients_with_autograd": report.gradients_with_autograd,
        **({"run": list(report.run)} if report.run else {}),
        "ledger": {name: ledger and as_plain(account_of(ledger)) for name, ledger in report.ledgers},
        **foot_as_json(question, report.training, report.verification),
    }


def _unknown_after_fuse(subject: Subject) -> bool:
    """Whether the numbers after ``fuse()`` are those of another network, or of one that it may not give."""
    return bool(subject.foreign) or subject.fuse_fails or subject.may_merge_elsewhere


def _host_lines(report: FuseDiff) -> dict[str, str | None]:
    subject = report.question.subject
    fails = subject.fuse_fails and not subject.foreign
    lines = {"training": report.training.line.text, "validation": None if fails else report.validation.line.text}
    return lines | ({"started": report.started.line.text} if report.started else {})

"""All that yolo-probe has to say on one question, as one value; ``as_json`` gives it its versioned schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

from yolo_probe.counters.conventions import Counter, Uncounted
from yolo_probe.errors import TargetError, TraceError, UnknownModuleError
from yolo_probe.hosts.subject import LiveModel, Model, Rebuilt, Subject
from yolo_probe.hosts.summary_line import FORMS, HostLine, Run, Size, Summary, host_line, rounded_size, summarize
from yolo_probe.model.freezing import with_gradients
from yolo_probe.model.fusion import Fusion, difference, fuse, fused_state, restore
from yolo_probe.model.structure import (
    LayerCounts,
    Module,
    count_gradients,
    count_parameters,
    named_modules,
    named_parameters,
)
from yolo_probe.model.trace import Trace, trace
from yolo_probe.model.user_rules import OwnRules, advice
from yolo_probe.networks.network import Network
from yolo_probe.reports.checks import Confirmation
from yolo_probe.reports.ledger import (
    GradientEvent,
    Ledger,
    flops_ledger,
    gradients_ledger,
    layers_ledger,
    parameters_ledger,
)
from yolo_probe.reports.mechanisms import decide, gradient_events, known_of
from yolo_probe.reports.stride_scaling import Polynomial, Scaled, scaled

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class State:
    """A network in one state: unfused or fused, trainable or not."""

    root: Module
    run: Trace | None
    summary: Summary
    line: HostLine


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: about which network, at which size, by which counter."""

    subject: Subject
    asked_size: Size
    counter: Counter
    options: str = ""
    """The other options as they were typed, for a command that is advised."""
    rules: OwnRules | None = None
    """The user's own."""

    @property
    def size(self) -> Size:
        """The size that is counted: the asked one rounded up to the stride."""
        return rounded_size(self.asked_size, self.subject.stride)

    def state(
        self, root: Module, line_size: Size = (640, 640), *, built: bool = False, model: Model | None = None
    ) -> State:
        """Measure one state of the network. ``model``: what runs in its place, where its own forward pass does."""
        subject = self.subject
        forward: Run = model.trace if model else partial(trace, root)
        run = self._run(self.ruled(root, model))
        summary = summarize(root, run, self.counter.convention)
        form = subject.origin.form
        line = host_line(
            root, form, self.counter.of_host, subject.stride, line_size, built=built, run=forward,
            fused=form.marks_fused and (model.is_fused if model else fused_state(root) == "fused"),
        )  # fmt: skip
        return State(root, run, summary, line)

    def ruled(self, root: Module, model: Model | None = None, *, training: bool = False) -> Run:
        """The forward pass with the user's own rules, which no host has."""
        if model is None:
            return partial(trace, root, training=training, rules=self.rules)
        running = model.in_training() if training else model
        return (running.with_rules(self.rules) if self.rules else running).trace

    def uncounted(self, state: State) -> tuple[Uncounted, ...]:
        """What no rule knows in one state."""
        return self.counter.convention.uncounted(state.run.records) if state.run else ()

    def scaled(self, forward: Run) -> Scaled:
        """FLOPs as classic YOLOv5 finds them, by multiplying those of one image as large as the stride."""
        try:
            return scaled(forward, self.subject.channels, self.subject.stride, self.size, self.counter.convention)
        except TraceError as error:
            remedy = "leave --stride-scaled out: YOLOv5 to v7.0 prints no GFLOPs of this network"
            raise self.placed(error, remedy) from None

    def _run(self, forward: Run) -> Trace | None:
        if not self.subject.has_flops:
            return None
        try:
            return forward((1, self.subject.channels, *self.size))
        except TraceError as error:
            host = self.subject.origin.form.host
            raise self.placed(error, f"correct the network: its forward pass fails there, in {host} too") from None

    def fusion(self, root: Module, *, grad_enabled: bool) -> Fusion:
        """The structure after ``fuse()``.

        Raises: UnknownModuleError where what it does is not known, TraceError where it fails.
        """
        refuse_unknown(self.subject)
        try:
            return fuse(root, grad_enabled=grad_enabled)
        except TraceError as error:
            raise self.placed(error, "correct the network; yolo-probe info shows it unfused") from None

    def need_flops(self) -> None:
        """Refuse a network whose forward pass is not known, where nothing can be said without it.

        Raises: TargetError.
        """
        subject = self.subject
        if subject.gap:
            raise TargetError(f"{subject.label}: FLOPs are not known: {subject.gap.reason}", subject.gap.remedy)
        if subject.unknown:
            path, kind = subject.unknown[0]
            raise TargetError(
                f"{subject.label}: FLOPs are not known: found {kind} at {path}, expected modules of YOLOv5",
                f"yolo-probe info shows its layers, parameters and gradients; {advice(subject.unknown, self.rules)}",
            )

    def placed(self, error: TraceError, remedy: str) -> TraceError:
        """An error of the forward pass, with the file and the line of the row that it is about."""
        source = self.subject.source
        row = re.match(r"model\.(\d+)", str(error))
        line = None
        if row and isinstance(source, Network) and int(row[1]) < len(source.rows):
            line = source.rows[int(row[1])].line
        place = f"{self.subject.path or self.subject.label}{f', line {line}' if line else ''}"
        if self.rules and (made := [name for name, rule in self.rules.modules.items() if rule.output]):
            remedy += f"; or correct the output that {self.rules.path} gives {', '.join(made)}"
        return type(error)(f"{place}: {error}", remedy)


@dataclass(frozen=True)
class FuseDiff:
    """Training against validation: two states and four ledgers."""

    question: Question
    training: State
    validation: State
    fusion: Fusion
    saved_fused: bool
    """Whether the file was saved after ``fuse()``, so that the training column is rebuilt."""
    events: tuple[GradientEvent, ...]
    gradients_with_autograd: int
    """What validation would say where autograd is on, as in train.py."""
    layers: Ledger
    parameters: Ledger
    gradients: Ledger
    flops: Ledger | None
    started: State | None = None
    """What the training line was about, where training then took in parts of another network."""
    confirmation: Confirmation | None = None
    """What the real thop and the real ``fuse()`` say, where they were asked."""

    @property
    def ledgers(self) -> Iterator[tuple[str, Ledger | None]]:
        """The four ledgers by name."""
        yield from (
            ("layers", self.layers),
            ("parameters", self.parameters),
            ("gradients", self.gradients),
            ("flops", self.flops),
        )

    @property
    def balanced(self) -> bool:
        """Whether every change is explained to the last digit."""
        return all(ledger is None or ledger.unexplained == 0 for _, ledger in self.ledgers)

    @cached_property
    def is_shipped(self) -> bool:
        """Whether the network has the parameters of the one of its name that YOLOv5 v7.0 ships."""
        from yolo_probe.networks.model_yaml import build
        from yolo_probe.networks.shipped import find_network, network_names

        subject = self.question.subject
        if subject.network not in network_names("v7.0") or subject.classes is None:
            return False
        shipped = build(find_network(subject.network, "v7.0").with_classes(subject.classes), "v7.0")
        return count_parameters(shipped) == self.training.summary.parameters

    @cached_property
    def alternatives(self) -> tuple[str, ...]:
        """Other hosts that the evidence allows, and what today's most common one prints where it is another line."""
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


def fuse_diff(question: Question) -> FuseDiff:
    """What training and validation print of a network, and every cause of the difference.

    Raises: ProbeError where the network cannot be followed or fused.
    """
    subject = question.subject
    if isinstance(subject.rebuilt, Rebuilt):
        return _rebuilt_diff(question, subject.rebuilt)
    stored = subject.root if subject.saved else with_gradients(subject.root, False)
    unfused = restore(stored)
    saved_fused = unfused is not stored
    built = with_gradients(unfused, True)
    # what was fused before it was saved has the flags that fuse() left it, and is not fused again
    fusion = question.fusion(unfused, grad_enabled=saved_fused)
    return explain(
        question,
        question.state(built, built=True),
        question.state(fusion.root, built=subject.saved is None),
        fusion,
        tuple(_events(subject, built, unfused, restored=saved_fused)),
        saved_fused=saved_fused,
        gradients_with_autograd=count_gradients(fuse(unfused, grad_enabled=True).root),
    )


def _rebuilt_diff(question: Question, rebuilt: Rebuilt) -> FuseDiff:
    """The same of a network that its host has built and fused."""
    built, stored, fused = rebuilt.built, rebuilt.stored, rebuilt.fused
    started = rebuilt.started
    return replace(
        explain(
            question,
            question.state(built.root, built=True, model=built),
            question.state(fused.root, model=fused),
            difference(stored.root, fused.root),
            tuple(_events(question.subject, built.root, stored.root, restored=rebuilt.saved_fused)),
            saved_fused=rebuilt.saved_fused,
            gradients_with_autograd=count_gradients(fused.root),
        ),
        started=question.state(started.root, built=True, model=started) if started else None,
    )


def explain(
    question: Question, training: State, validation: State, fusion: Fusion, events: tuple[GradientEvent, ...], *,
    saved_fused: bool = False, gradients_with_autograd: int = 0,
) -> FuseDiff:  # fmt: skip
    """The causes of the difference between two states of which one is the other after ``fuse()``."""
    form = question.subject.origin.form
    before, after = training.summary, validation.summary
    layers = form.layer_count(before.layers), form.layer_count(after.layers)
    flops = None
    if training.run and validation.run:
        flops = flops_ledger(training.run, validation.run, fusion, question.counter.convention)
    return FuseDiff(
        question=question,
        training=training,
        validation=validation,
        fusion=fusion,
        saved_fused=saved_fused,
        events=events,
        gradients_with_autograd=gradients_with_autograd,
        layers=layers_ledger(*layers, fusion, _stays(fusion), leaves=form.layers == "leaf_modules"),
        parameters=parameters_ledger(before.parameters, after.parameters, fusion),
        gradients=gradients_ledger(before.gradients, after.gradients, training.root, events, fusion),
        flops=flops,
    )


def refuse_unknown(subject: Subject) -> None:
    """Refuse where nothing is there to fuse, and a class that may derive from Conv, so that fuse() would merge it."""
    if subject.gap:
        problem = f"{subject.label}: what fuse() does is not known: {subject.gap.reason}"
        raise UnknownModuleError(problem, subject.gap.remedy)
    modules = dict(named_modules(subject.root))
    for path, kind in (*subject.unknown, *subject.ruled):
        if modules[path].children.keys() >= {"conv", "bn"}:
            raise UnknownModuleError(
                f"{subject.label}: found {kind} at {path} with a convolution and a BatchNorm, expected a class of "
                "YOLOv5: whether fuse() merges them is not known",
                "yolo-probe info shows the layers, parameters and gradients of this file",
            )


def _stays(fusion: Fusion) -> str:
    """Where the BatchNorms stand that ``fuse()`` leaves."""
    parents = dict(named_modules(fusion.root))
    kinds = {parents[path.rpartition(".")[0]].kind for path in fusion.stays}
    if kinds <= {"BottleneckCSP", "MixConv2d"}:
        return "after a Concat (no convolution before them)"
    return "not in a Conv"


def _events(subject: Subject, built: Module, stored: Module, *, restored: bool) -> Iterator[GradientEvent]:
    """What took parameters out of training before ``fuse()``, in the order in which it happens.

    ``restored``: whether BatchNorms were put back into ``stored``.
    """
    trained = frozenset(name for name, tensor in named_parameters(built) if tensor.requires_grad)
    known = known_of(subject, is_restored=restored)
    return gradient_events(decide(stored, known), known, trained)


@dataclass(frozen=True)
class Info:
    """One state of a network, and what it becomes at validation."""

    question: Question
    state: State
    is_fused: bool
    """Whether the state shown is the fused one."""
    fused: State | None
    """The fused state; None where fuse() would fail."""
    at_640: State | None
    """The same state at 640x640, where another size was asked."""
    confirmation: Confirmation | None = None
    """What the real thop and the real ``fuse()`` say, where they were asked."""
    scaled: Scaled | None = None
    """The FLOPs as classic YOLOv5 finds them, where that was asked."""


def info(question: Question, *, fused: bool, stride_scaled: bool = False) -> Info:
    """One state: a checkpoint as it is stored, a name or YAML as the host builds it; or either after ``fuse()``.

    ``stride_scaled``: whether its FLOPs are also found by multiplying those of a small image.
    Raises: ProbeError where the network cannot be followed or fused.
    """
    subject = question.subject
    new = subject.saved is None
    rebuilt = subject.rebuilt if isinstance(subject.rebuilt, Rebuilt) else None
    model, fused_model = (rebuilt.saved, rebuilt.fused) if rebuilt else (None, None)
    stored = subject.root if subject.saved else with_gradients(subject.root, False)
    try:
        root = fused_model.root if fused_model else question.fusion(stored, grad_enabled=False).root
        after = question.state(root, question.size, built=new, model=fused_model)
    except TraceError:
        if fused:
            raise
        after = None  # its own numbers are known all the same
    state = after if fused and after else question.state(subject.root, question.size, built=new, model=model)
    small = replace(question, asked_size=(640, 640))
    shown = fused_model if fused else model
    at_640 = small.state(state.root, built=new, model=shown) if question.size != small.size else None
    scaled = question.scaled(question.ruled(state.root, shown)) if stride_scaled and state.run else None
    return Info(question, state, fused, after, at_640, scaled=scaled)


def as_json(report: FuseDiff | Info) -> dict[str, object]:
    """The report as plain data, by the schema of version ``SCHEMA``; counts are integers, FLOPs are MACs times 2."""
    question = report.question
    head: dict[str, object] = {
        "schema": SCHEMA,
        "command": "fuse-diff" if isinstance(report, FuseDiff) else "info",
        "target": target_as_json(question.subject, report.alternatives if isinstance(report, FuseDiff) else ()),
        "imgsz": list(question.size),
        "counter": {"name": question.counter.convention.name, "unit": "FLOPs"},
    }
    if isinstance(report, Info):
        state: dict[str, object] = {"summary": _column(report.state, question), "line": report.state.line.text}
        state |= {"stride_scaled": _scaled(report.scaled)} if report.scaled else {}
        return head | state | _left_out(question, report.state) | _gaps(report) | _confirmed(report.confirmation)
    return (
        head
        | {
            "training": _column(report.training, question),
            "validation": _column(report.validation, question),
            "host_lines": _host_lines(report),
            "missing_gflops": {"training": report.training.line.missing, "validation": report.validation.line.missing},
            "gradients_with_autograd": report.gradients_with_autograd,
            "ledger": {name: ledger and _ledger(ledger) for name, ledger in report.ledgers},
        }
        | _left_out(question, report.training)
        | _gaps(report)
        | _confirmed(report.confirmation)
    )


def _scaled(found: Scaled) -> dict[str, object]:
    return {
        "cell": found.cell,
        "cells": found.cells,
        "flops_of_a_cell": found.small,
        "flops": found.flops,
        "direct": found.direct,
        "error": found.error,
        "cost": _cost(found.cost),
        "causes": [
            {"name": each.name, "places": each.places, "amount": each.amount, "cost": _cost(each.cost)}
            for each in found.errors
        ],
    }


def _cost(cost: Polynomial | None) -> dict[str, int | float] | None:
    """Parts of a cost by the number of cells: what is fixed, what comes with each cell, with the square of them."""
    if cost is None:
        return None
    doubled = {"per_cell": cost.twice_per_cell, "square": cost.twice_square}
    return {"fixed": cost.fixed} | {name: n // 2 if n % 2 == 0 else n / 2 for name, n in doubled.items()}


def _host_lines(report: FuseDiff) -> dict[str, str | None]:
    lines = {"training": report.training.line.text, "validation": report.validation.line.text}
    return lines | ({"started": report.started.line.text} if report.started else {})


def target_as_json(subject: Subject | LiveModel, alternatives: Sequence[str] = ()) -> dict[str, object]:
    """What a report is about, as plain data; ``alternatives``: other hosts, where a report knows more of them."""
    if isinstance(subject, LiveModel):
        live = subject
        return {"kind": "live", "class": live.class_path, "network": live.network, "classes": live.classes}
    origin = subject.origin
    return {
        "kind": subject.kind,
        "path": subject.path,
        "network": subject.network,
        "classes": subject.classes,
        "host": {
            "generation": origin.generation,
            "evidence": list(origin.evidence),
            "alternatives": list(alternatives or origin.alternatives),
        },
    }


def _column(state: State, question: Question) -> dict[str, object]:
    summary = state.summary
    counts: LayerCounts = summary.layers
    return {
        "layers": question.subject.origin.form.layer_count(counts),
        "layers_by_definition": {
            "modules": counts.modules,
            "leaf_modules": counts.leaf_modules,
            "parameter_tensors": counts.parameter_tensors,
        },
        "parameters": summary.parameters,
        "gradients": summary.gradients,
        "flops": summary.flops,
    }


def _ledger(ledger: Ledger) -> dict[str, object]:
    return {
        "before": ledger.before,
        "after": ledger.after,
        "entries": [
            {
                "cause": entry.cause,
                "count": entry.count,
                "amount": entry.amount,
                "arithmetic": entry.arithmetic,
                "why": entry.why,
            }
            for entry in ledger.entries
        ],
        "unexplained": ledger.unexplained,
    }


def uncounted_as_json(found: Sequence[Uncounted]) -> list[dict[str, object]]:
    """What a counter has no rule for, as plain data."""
    return [
        {"operator": each.operator, "path": each.path, "values": each.values, "share": round(each.share, 6)}
        for each in found
    ]


def _left_out(question: Question, state: State) -> dict[str, object]:
    return {"uncounted": uncounted_as_json(question.uncounted(state))} | rules_as_json(question.rules, state.run)


def rules_as_json(rules: OwnRules | None, run: Trace | None) -> dict[str, object]:
    """The user's own rules, where there are some, and those that nothing in a pass came to."""
    if rules is None:
        return {}
    unused = rules.unused(run.records if run else ())
    return {"rules": {"file": rules.path, "unused": list(unused)}}


def _gaps(report: FuseDiff | Info) -> dict[str, object]:
    """What could not be answered, where something could not."""
    unknown, gap = report.question.subject.unknown, report.question.subject.gap
    if gap:
        return {"unknown": {"reason": gap.reason, "remedy": gap.remedy}}
    return {"unknown_modules": [{"path": path, "class": kind} for path, kind in unknown]} if unknown else {}


def _confirmed(confirmation: Confirmation | None) -> dict[str, object]:
    """What the real thop and the real ``fuse()`` say, where they were asked."""
    if confirmation is None:
        return {}
    checks = [
        {"name": check.name, "ours": check.ours, "theirs": check.theirs, "reason": check.reason}
        for check in confirmation.checks
    ]
    found = {
        "thop": confirmation.thop,
        "host": confirmation.host,
        "agrees": confirmation.agrees,
        "checks": checks,
        "seconds": round(confirmation.seconds, 3),
    }
    return {"verification": found | ({"reason": confirmation.reason} if confirmation.reason else {})}

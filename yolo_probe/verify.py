"""The computed figures beside the real ones: the installed thop and the model's own ``fuse()``, run on real copies.

The user's model is copied and never run. Each check holds both numbers, or why one of them could not be had.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from yolo_probe.checks import Check, Confirmation
from yolo_probe.conventions import Convention
from yolo_probe.copies import first_words, real_copy, undisturbed
from yolo_probe.custom_ops import CountingRule, CustomOps
from yolo_probe.errors import HostError, ProbeError
from yolo_probe.fusion import is_fused
from yolo_probe.hosts.architecture import mismatch
from yolo_probe.hosts.installed_network import InstalledNetwork, installed_network, silent
from yolo_probe.installed import installed_thop
from yolo_probe.live import Live, fuse_silently, unwrapped
from yolo_probe.report import FuseDiff, Info, Question, State, choose_counter
from yolo_probe.structure import LayerCounts, Shape, totals_of
from yolo_probe.summary import FORMS, LineForm


@dataclass(frozen=True, slots=True)
class Verification:
    """What the real thop and the real ``fuse()`` say of a model."""

    image: Shape
    thop: str
    """What ``import thop`` finds, with its version; empty where none is installed."""
    checks: tuple[Check, ...]
    seconds: float

    @property
    def agrees(self) -> bool:
        """Whether every figure could be had and is as computed."""
        return all(check.agrees for check in self.checks)

    @property
    def text(self) -> str:
        """One line: what was compared, and every disagreement with both numbers."""
        took = f"({self.seconds:.1f} s)"
        size = f"at {self.image[2]}x{self.image[3]}"
        counts = f"{self.thop} counts {self.checks[0].ours or 0:,} FLOPs {size}"
        if self.agrees:
            layers, parameters = self.checks[2].ours, self.checks[3].ours
            fused = f"fuse() leaves {layers:,} layers, {parameters:,} parameters"
            return f"verified: {counts}, {fused}: both as computed {took}"
        failed = [check for check in self.checks if not check.agrees]
        problems = "; ".join(dict.fromkeys(map(_problem, failed)))
        if self.checks[0].agrees and all(check.reason for check in failed):
            return f"verified in part: {counts}, as computed; {problems} {took}"
        return f"not verified {size}: {problems} {took}"


def _problem(check: Check) -> str:
    if check.reason:
        return check.reason
    return f"{check.name} computed {check.ours:,}, found {check.theirs:,}"


def verify(
    model: nn.Module,
    image: Shape,
    *,
    form: LineForm = FORMS["head"],
    custom_ops: Mapping[type, CountingRule] | None = None,
) -> Verification:
    """The real figures of a model beside the computed ones, unfused and after its own ``fuse()``.

    Shapes: ``image`` is (batch, channels, height, width). ``form``: which of its modules a host counts as layers.
    """
    began = time.perf_counter()
    found = installed_thop()
    convention = choose_counter(None, found).convention
    rules = custom_ops or {}
    live = Live(model, CustomOps(rules, convention.subclasses) if rules else None)
    inside = unwrapped(model)
    with undisturbed():
        checks = (
            _check("FLOPs", partial(_computed, live, image, convention), partial(_profiled, inside, image, rules)),
            *_fused_checks(live, inside, image, convention, rules, form),
        )
    thop = f"thop {found.version}" if found else ""
    return Verification(image, thop, checks, time.perf_counter() - began)


def _fused_checks(
    live: Live,
    inside: nn.Module,
    image: Shape,
    convention: Convention,
    rules: Mapping[type, CountingRule],
    form: LineForm,
) -> tuple[Check, ...]:
    names = ("fused FLOPs", "layers", "parameters", "gradients")
    real, _ = real_copy(inside)
    try:
        ours = live.fused()
        with torch.no_grad():
            fuse_silently(real)
    except Exception as error:  # the user's own fuse(): what it raises is the answer
        reason = f"fuse() could not be run: {first_words(error)}"
        return tuple(Check(name, None, None, reason) for name in names)
    flops = _check(names[0], partial(_computed, ours, image, convention), partial(_profiled, real, image, rules))
    computed, found = totals_of(ours.root), totals_of(Live(real).root)
    pairs = (
        (form.layer_count(computed.layers), form.layer_count(found.layers)),
        (computed.parameters, found.parameters),
        (computed.gradients, found.gradients),
    )
    return flops, *(Check(name, *pair) for name, pair in zip(names[1:], pairs, strict=True))


def _check(name: str, ours: Callable[[], int], theirs: Callable[[], int]) -> Check:
    values: list[int | None] = []
    reason = ""
    for figure in (ours, theirs):
        try:
            values.append(figure())
        except Exception as error:  # the user's own forward or the installed thop: what it raises is the answer
            values.append(None)
            reason = reason or f"{name}: {first_words(error)}"
    return Check(name, values[0], values[1], reason)


def _computed(live: Live, image: Shape, convention: Convention) -> int:
    return convention.flops(live.trace(image).records)


def _profiled(model: nn.Module, image: Shape, rules: Mapping[type, CountingRule]) -> int:
    import thop

    copy, _ = real_copy(model)
    macs, _ = thop.profile(copy, inputs=(torch.zeros(image),), custom_ops=dict(rules), verbose=False)
    return 2 * int(macs)


def confirm(report: FuseDiff | Info) -> Confirmation:
    """The real figures of the network of a report, as the installed host builds it, beside the reported ones.

    The real thop counts it at the report's size, unfused and after the host's own ``fuse()``.
    """
    began = time.perf_counter()
    question, found = report.question, installed_thop()
    if found is None:
        return Confirmation(reason="thop is not installed", remedy="pip install ultralytics-thop")
    thop = f"{found.distribution} {found.version}"
    rules = choose_counter(None, found).convention
    other = "" if rules is question.counter.convention else question.counter.convention.title
    host = ""
    try:
        network = installed_network(question.subject)
        host = network.host
        with silent(), undisturbed():
            checks = tuple(_report_checks(report, network, rules))
    except ProbeError as error:
        return Confirmation(thop, host, (), time.perf_counter() - began, other, str(error), error.remedy)
    return Confirmation(thop, host, checks, time.perf_counter() - began, other)


def _states(report: FuseDiff | Info) -> tuple[State | None, State | None]:
    """The unfused and the fused state of a report, where it has them."""
    if isinstance(report, FuseDiff):
        return report.training, report.validation
    if report.is_fused or report.question.subject.is_fused or is_fused(report.state.root):
        return None, report.state
    return report.state, report.fused


def _report_checks(report: FuseDiff | Info, network: InstalledNetwork, rules: Convention) -> Iterator[Check]:
    """What the real ones say of the states of a report.

    Raises: HostError where the host builds or fuses to another network than the reported one.
    """
    unfused, fused = _states(report)
    model = network.model
    if unfused:
        _refuse_another(unfused, model, network.host)
        yield from _state_checks("", unfused, model, report.question, rules)
    if fused is None:
        return
    try:
        with torch.no_grad(), torch.device("meta"):
            fuse_silently(model)
    except Exception as error:  # the host's own fuse(): what it raises is the answer
        raise HostError(f"the fuse() of {network.host} fails: {first_words(error)}") from error
    if not unfused:
        _refuse_another(fused, model, network.host)
    yield from _state_checks("fused ", fused, model, report.question, rules)


def _refuse_another(state: State, model: nn.Module, host: str) -> None:
    if difference := mismatch(state.root, Live(model).root):
        difference = difference.replace("in the file", "in the report").replace("when built", f"by {host}")
        raise HostError(
            f"{host} is installed, which builds another network than the one reported: {difference}",
            "install the release that the report is about; a name or YAML can also be reported with --host",
        )


def _state_checks(
    prefix: str, state: State, model: nn.Module, question: Question, rules: Convention
) -> Iterator[Check]:
    """FLOPs, layers and parameters of one state."""
    reported, run = state.summary.flops, state.run
    assert reported is not None
    assert run is not None
    flops = reported if rules is question.counter.convention else rules.flops(run.records)
    image = (1, question.subject.channels, *question.size)
    yield _check(f"{prefix}FLOPs", lambda: flops, partial(_counted, model, image))
    modules, parameters = list(model.modules()), list(model.parameters())
    layers = LayerCounts(len(modules), sum(not each._modules for each in modules), len(parameters))
    form = question.subject.origin.form
    yield Check(f"{prefix}layers", form.layer_count(state.summary.layers), form.layer_count(layers))
    yield Check(f"{prefix}parameters", state.summary.parameters, sum(each.numel() for each in parameters))


def _counted(model: nn.Module, image: Shape) -> int:
    """What the installed thop counts of a model on the meta device, which it may leave its marks on: a copy."""
    import thop

    macs, _ = thop.profile(deepcopy(model), inputs=(torch.zeros(image, device="meta"),), verbose=False)
    return 2 * int(macs)

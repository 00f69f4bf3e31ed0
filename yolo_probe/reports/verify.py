"""Runs the installed thop and the real ``fuse()``, and compares their figures with the computed ones.

For a live model they run on real copies; the user's own model is never run. For a report they run on the network as the
installed host builds it, on the meta device. Each check has both figures, or the reason why one is missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from functools import partial

import torch
from torch import nn

from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import Convention, choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import HostError, ProbeError, first_words
from yolo_probe.hosts.installed_network import InstalledNetwork, installed_network
from yolo_probe.hosts.summary_line import FORMS, LineForm
from yolo_probe.hosts.ultralytics_architecture import mismatch
from yolo_probe.hosts.ultralytics_rebuild import silent
from yolo_probe.live.applied_rules import CustomOps
from yolo_probe.live.live import Live, fuse_silently, unwrapped
from yolo_probe.live.real_copy import real_copy
from yolo_probe.live.side_effects import undisturbed
from yolo_probe.model.fusion import fused_state
from yolo_probe.model.structure import LayerCounts, Shape, totals_of
from yolo_probe.model.user_rules import CountingRule
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.info import Info
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.verification import Check, Verification


def verify_model(
    model: nn.Module,
    image: Shape,
    *,
    form: LineForm = FORMS["head"],
    custom_ops: Mapping[type, CountingRule] | None = None,
) -> Verification:
    """The real and computed figures of a live model, before and after its own ``fuse()``.

    Shapes: ``image`` is (batch, channels, height, width). ``form`` says which modules the host counts as layers;
    ``custom_ops`` are the user's rules, as thop takes them.
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
    return Verification(found, "", checks, image, time.perf_counter() - began)


def _fused_checks(
    live: Live,
    inside: nn.Module,
    image: Shape,
    convention: Convention,
    rules: Mapping[type, CountingRule],
    form: LineForm,
) -> tuple[Check, ...]:
    names = ("fused FLOPs", "layers", "parameters", "gradients")
    real = real_copy(inside)[id(inside)]
    try:
        ours = live.fused()
        with torch.no_grad():
            real = fuse_silently(real)
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
    return charge(live.trace(image).records, convention).flops


def _profiled(model: nn.Module, image: Shape, rules: Mapping[type, CountingRule]) -> int:
    copy = real_copy(model)[id(model)]
    return profiled(copy, torch.zeros(image), rules)


def profiled(model: nn.Module, image: torch.Tensor, rules: Mapping[type, CountingRule] | None = None) -> int:
    """FLOPs of a model as the installed thop counts them; it may add attributes to that model."""
    import thop

    macs, _ = thop.profile(model, inputs=(image,), custom_ops=dict(rules or {}), verbose=False)
    return 2 * int(macs)


def verify_report(report: FuseDiff | Info) -> Verification:
    """The real figures of the network of a report, as the installed host builds it, and the reported ones.

    The real thop counts at the report's size, before and after the host's own ``fuse()``, on the meta device and
    without weights.
    """
    began = time.perf_counter()
    question, found = report.question, installed_thop()
    if found is None:
        return Verification(reason="thop is not installed", remedy="pip install ultralytics-thop")
    image = (1, question.subject.channels, *question.size)
    rules = choose_counter(None, found).convention
    other = "" if rules is question.counter.convention else question.counter.convention.title
    host = ""
    try:
        network = installed_network(question.subject)
        host = network.host
        with silent(), undisturbed():
            checks = tuple(_report_checks(report, network, rules))
    except ProbeError as error:
        return Verification(found, host, (), image, time.perf_counter() - began, other, str(error), error.remedy)
    return Verification(found, host, checks, image, time.perf_counter() - began, other)


def _states(report: FuseDiff | Info) -> tuple[State | None, State | None]:
    """The unfused and the fused state of a report; None where it has none."""
    if isinstance(report, FuseDiff):
        return report.training, report.validation
    if report.is_fused or fused_state(report.state.root) == "fused":
        return None, report.state
    return report.state, report.fused


def _report_checks(report: FuseDiff | Info, network: InstalledNetwork, rules: Convention) -> Iterator[Check]:
    """The checks of both states of a report.

    Raises: HostError where the host builds or fuses to another network than the reported one.
    """
    unfused, fused = _states(report)
    model = network.model
    if unfused:
        _refuse_another(unfused, model, network.host)
        yield from _state_checks("", unfused, model, report.question, rules)
    if fused is None or report.question.subject.not_fused:
        return
    try:
        with torch.no_grad(), torch.device("meta"):
            model = fuse_silently(model)
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
    """The checks of one state: FLOPs, layers, parameters."""
    reported, run = state.summary.flops, state.run
    assert reported is not None
    assert run is not None
    flops = reported if rules is question.counter.convention else charge(run.records, rules).flops
    image = (1, question.subject.channels, *question.size)
    try:
        yield Check(f"{prefix}FLOPs", flops, profiled(deepcopy(model), torch.zeros(image, device="meta")))
    except Exception as error:  # the installed thop and the host's own forward: what they raise is the answer
        yield Check(f"{prefix}FLOPs", flops, None, f"thop.profile() fails: {first_words(error)}")
    modules, parameters = list(model.modules()), list(model.parameters())
    layers = LayerCounts(len(modules), sum(not each._modules for each in modules), len(parameters))
    form = question.subject.origin.form
    yield Check(f"{prefix}layers", form.layer_count(state.summary.layers), form.layer_count(layers))
    yield Check(f"{prefix}parameters", state.summary.parameters, sum(each.numel() for each in parameters))

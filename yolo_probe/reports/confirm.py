"""A report beside the real tools: the network as the installed host builds it, its own ``fuse()``, the installed thop.

Everything runs on the meta device, without weights. Each check holds the reported number and the real one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import nn

from yolo_probe.counters.conventions import Convention, choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import HostError, ProbeError, first_words
from yolo_probe.hosts.installed_network import InstalledNetwork, installed_network
from yolo_probe.hosts.ultralytics_architecture import mismatch
from yolo_probe.hosts.ultralytics_rebuild import silent
from yolo_probe.live.live import Live, fuse_silently
from yolo_probe.live.side_effects import undisturbed
from yolo_probe.model.fusion import fused_state
from yolo_probe.model.structure import LayerCounts
from yolo_probe.reports.checks import Check, Confirmation
from yolo_probe.reports.fuse_diff import FuseDiff, Info, Question, State
from yolo_probe.reports.verification import profiled


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
    if report.is_fused or fused_state(report.state.root) == "fused":
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
    try:
        yield Check(f"{prefix}FLOPs", flops, profiled(deepcopy(model), torch.zeros(image, device="meta")))
    except Exception as error:  # the installed thop and the host's own forward: what they raise is the answer
        yield Check(f"{prefix}FLOPs", flops, None, f"thop.profile() fails: {first_words(error)}")
    modules, parameters = list(model.modules()), list(model.parameters())
    layers = LayerCounts(len(modules), sum(not each._modules for each in modules), len(parameters))
    form = question.subject.origin.form
    yield Check(f"{prefix}layers", form.layer_count(state.summary.layers), form.layer_count(layers))
    yield Check(f"{prefix}parameters", state.summary.parameters, sum(each.numel() for each in parameters))

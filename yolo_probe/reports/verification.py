"""The computed figures beside the real ones: the installed thop and the model's own ``fuse()``, run on real copies.

The user's model is copied and never run. Each check holds both numbers, or why one of them could not be had.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import nn

from yolo_probe.counters.conventions import Convention, choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import first_words
from yolo_probe.hosts.summary_line import FORMS, LineForm
from yolo_probe.live.applied_rules import CustomOps
from yolo_probe.live.live import Live, fuse_silently, unwrapped
from yolo_probe.live.real_copy import real_copy
from yolo_probe.live.side_effects import undisturbed
from yolo_probe.model.structure import Shape, totals_of
from yolo_probe.model.user_rules import CountingRule
from yolo_probe.reports.checks import Check


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
    copy, _ = real_copy(model)
    return profiled(copy, torch.zeros(image), rules)


def profiled(model: nn.Module, image: torch.Tensor, rules: Mapping[type, CountingRule] | None = None) -> int:
    """FLOPs that the installed thop itself counts in a model, on which it may leave its marks."""
    import thop

    macs, _ = thop.profile(model, inputs=(image,), custom_ops=dict(rules or {}), verbose=False)
    return 2 * int(macs)

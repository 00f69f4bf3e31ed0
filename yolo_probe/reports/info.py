"""The report of ``yolo-probe info``: the four numbers of one state, the host's line, and the state after ``fuse()``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yolo_probe.errors import TraceError
from yolo_probe.hosts.subject import Rebuilt
from yolo_probe.model.freezing import with_gradients
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.schema import counter_as_json, foot_as_json, head_as_json, state_as_json
from yolo_probe.reports.stride_scaling import Scaled, scaled_as_json
from yolo_probe.reports.verification import Verification

if TYPE_CHECKING:
    from yolo_probe.reports.weight_values import WeightValues


@dataclass(frozen=True)
class Info:
    """The numbers of one state of a network, and of the state after ``fuse()``."""

    question: Question
    state: State
    is_fused: bool
    """Whether ``state`` is the fused one."""
    fused: State | None
    """The fused state; None where fuse() would fail."""
    at_640: State | None
    """The same state at 640x640; None if that is the size asked for."""
    verification: Verification | None = None
    """The figures of the real thop and ``fuse()``; None without ``--verify``."""
    scaled: Scaled | None = None
    """FLOPs as classic YOLOv5 finds them; None without ``--stride-scaled``."""
    values: WeightValues | None = None
    """The weights by value; None without ``--weights``."""


def info(question: Question, *, fused: bool, stride_scaled: bool = False, may_fail: bool = False) -> Info:
    """The report on one state: a checkpoint as it is stored, a name or YAML as the host builds it.

    ``fused``: whether it is about the state after ``fuse()``. ``stride_scaled``: whether FLOPs are also found as
    classic YOLOv5 does, by multiplying those of a small image. ``may_fail``: whether a file whose forward pass fails is
    answered without its FLOPs.
    Raises: ProbeError where the network cannot be followed or fused.
    """
    subject = question.subject
    new, by_source = subject.saved is None, subject.origin.by_source
    may_fail = by_source or (may_fail and not (new or fused))
    rebuilt = subject.rebuilt if isinstance(subject.rebuilt, Rebuilt) else None
    model, fused_model = (rebuilt.saved, rebuilt.fused) if rebuilt else (None, None)
    stored = subject.root if subject.saved else with_gradients(subject.root, False)
    try:
        question.need_fused()
        root = fused_model.root if fused_model else question.fusion(stored, grad_enabled=False).root
        after = question.state(root, question.size, built=new, model=fused_model, may_fail=fused and by_source)
    except TraceError:
        if fused:
            raise
        after = None  # the numbers before fuse() are known without it
    state = after if fused else None
    state = state or question.state(subject.root, question.size, built=new, model=model, may_fail=may_fail)
    small = replace(question, asked_size=(640, 640))
    shown = fused_model if fused else model
    at_640 = small.state(state.root, built=new, model=shown, may_fail=may_fail) if question.size != small.size else None
    scaled = question.scaled(question.ruled(state.root, shown)) if stride_scaled and state.run else None
    return Info(question, state, fused, after, at_640, scaled=scaled)


def as_json(report: Info) -> dict[str, object]:
    """The report as plain data; counts are integers, FLOPs are MACs times 2."""
    question, state = report.question, report.state
    return {
        **head_as_json("info", question.subject),
        "imgsz": list(question.size),
        "counter": counter_as_json(question.counter.convention),
        "summary": state_as_json(state, question),
        "line": state.line.text,
        **({"stride_scaled": scaled_as_json(report.scaled)} if report.scaled else {}),
        **({"weight_values": report.values.as_json()} if report.values else {}),
        **foot_as_json(question, state, report.verification),
    }

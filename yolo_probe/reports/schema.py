"""The schema of the reports as plain data: its version, and the parts that several reports have in common."""

from __future__ import annotations

from collections.abc import Sequence

from yolo_probe.counters.conventions import Convention, Uncounted
from yolo_probe.hosts.subject import LiveModel, Subject
from yolo_probe.model.trace import Trace
from yolo_probe.model.user_rules import OwnRules
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.verification import Verification

SCHEMA = 1
"""Version of the schema; a field that is added keeps it, one that changes its meaning or goes raises it."""


def head_as_json(command: str, subject: Subject | LiveModel, alternatives: Sequence[str] = ()) -> dict[str, object]:
    """How every report begins: the version of the schema, the command, and what it is about."""
    return {"schema": SCHEMA, "command": command, "target": target_as_json(subject, alternatives)}


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


def counter_as_json(convention: Convention) -> dict[str, object]:
    """Whose rules counted; FLOPs are MACs times 2."""
    return {"name": convention.name, "unit": "FLOPs"}


def state_as_json(state: State, question: Question) -> dict[str, object]:
    """The four numbers of one state."""
    summary = state.summary
    counts = summary.layers
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


def uncounted_as_json(found: Sequence[Uncounted]) -> list[dict[str, object]]:
    """What a counter has no rule for, as plain data."""
    return [
        {"operator": each.operator, "path": each.path, "values": each.values, "share": round(each.share, 6)}
        for each in found
    ]


def rules_as_json(rules: OwnRules | None, run: Trace | None) -> dict[str, object]:
    """The user's own rules, where there are some, and those that nothing in a pass came to."""
    if rules is None:
        return {}
    unused = rules.unused(run.records if run else ())
    return {"rules": {"file": rules.path, "unused": list(unused)}}


def foot_as_json(question: Question, state: State, verification: Verification | None) -> dict[str, object]:
    """How a report on the four numbers ends: what is not counted or not known, and what the real tools say."""
    left_out = {"uncounted": uncounted_as_json(question.uncounted(state))} | rules_as_json(question.rules, state.run)
    return left_out | _gaps(question.subject) | _verified(verification)


def _gaps(subject: Subject) -> dict[str, object]:
    """What could not be answered, where something could not."""
    unknown, gap = subject.unknown, subject.gap
    if gap:
        return {"unknown": {"reason": gap.reason, "remedy": gap.remedy}}
    return {"unknown_modules": [{"path": path, "class": kind} for path, kind in unknown]} if unknown else {}


def _verified(verification: Verification | None) -> dict[str, object]:
    """What the real thop and the real ``fuse()`` say, where they were asked."""
    if verification is None:
        return {}
    checks = [
        {"name": check.name, "ours": check.ours, "theirs": check.theirs, "reason": check.reason}
        for check in verification.checks
    ]
    found = {
        "thop": verification.thop.title if verification.thop else "",
        "host": verification.host,
        "agrees": verification.agrees,
        "checks": checks,
        "seconds": round(verification.seconds, 3),
    }
    return {"verification": found | ({"reason": verification.reason} if verification.reason else {})}

"""The schema of the reports as plain data: its version, and the parts that several reports have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from yolo_probe.counters.charges import Uncounted
from yolo_probe.counters.conventions import Convention
from yolo_probe.hosts.subject import LiveModel, NotFused, Subject
from yolo_probe.model.trace import Trace
from yolo_probe.model.user_rules import OwnRules
from yolo_probe.reports.question import Question, State

if TYPE_CHECKING:
    from yolo_probe.reports.verification import Verification

SCHEMA = 1
"""Version of the schema; it is raised when a key is removed or changes its meaning, not when one is added."""


def head_as_json(command: str, subject: Subject | LiveModel, alternatives: Sequence[str] = ()) -> dict[str, object]:
    """The first keys of every report: version of the schema, command, target."""
    return {"schema": SCHEMA, "command": command, "target": target_as_json(subject, alternatives)}


def target_as_json(subject: Subject | LiveModel, alternatives: Sequence[str] = ()) -> dict[str, object]:
    """The target of a report as plain data. ``alternatives``: other possible hosts, instead of those of the subject."""
    if isinstance(subject, LiveModel):
        live = subject
        return {"kind": "live", "class": live.class_path, "network": live.network, "classes": live.classes}
    origin = subject.origin
    return {
        "kind": subject.kind,
        "path": subject.path,
        "network": subject.network,
        "classes": subject.classes,
        **({"images": list(subject.images)} if subject.images else {}),
        "host": {
            "generation": None if origin.of_no_host else origin.generation,
            "evidence": list(origin.evidence),
            "alternatives": list(alternatives or origin.alternatives),
        },
    }


def counter_as_json(convention: Convention) -> dict[str, object]:
    """The counter as plain data; a report's figures are in FLOPs, 1 MAC as 2."""
    return {"name": convention.name, "unit": "FLOPs"}


def state_as_json(state: State, question: Question) -> dict[str, object]:
    """The four numbers of one state as plain data; layers also by each definition."""
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


def not_fused_as_json(found: NotFused | None) -> dict[str, object]:
    """Why the numbers after ``fuse()`` are those of the network as it is; empty where its own code gives them."""
    return {"not_fused": {"reason": found.reason, "has_no_fuse": found.has_none}} if found else {}


def uncounted_as_json(found: Sequence[Uncounted]) -> list[dict[str, object]]:
    """The operators without a rule, as plain data; ``share`` is that of all output values."""
    return [
        {"operator": each.operator, "path": each.path, "values": each.values, "share": round(each.share, 6)}
        for each in found
    ]


def packed_as_json(packed: Mapping[str, int]) -> dict[str, object]:
    """The number of packed weights of each quantised module, by its path; empty where there are none."""
    return {"packed_weights": dict(packed)} if packed else {}


def rules_as_json(rules: OwnRules | None, run: Trace | None) -> dict[str, object]:
    """The file of the user's own rules and those that no operator used; empty without such a file."""
    if rules is None:
        return {}
    unused = rules.unused(run.records if run else ())
    return {"rules": {"file": rules.path, "unused": list(unused)}}


def foot_as_json(question: Question, state: State, verification: Verification | None) -> dict[str, object]:
    """The last keys of a report on the four numbers: what is not counted or not known, and the real tools' figures."""
    skipped = {"uncounted": uncounted_as_json(question.charges(state).uncounted)} | rules_as_json(
        question.rules, state.run
    )
    return skipped | _gaps(question.subject) | _verified(verification)


def _gaps(subject: Subject) -> dict[str, object]:
    """The keys on what is not known; empty if all is known."""
    unknown, gap = subject.unknown, subject.gap
    if gap:
        return {"unknown": {"reason": gap.reason, "remedy": gap.remedy}}
    return {"unknown_modules": [{"path": path, "class": kind} for path, kind in unknown]} if unknown else {}


def _verified(verification: Verification | None) -> dict[str, object]:
    """The key on the figures of the real thop and ``fuse()``; empty without ``--verify``."""
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

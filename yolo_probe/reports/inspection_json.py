"""An inspection as plain data, in the versioned schema of the reports: the output of ``--format json``."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from yolo_probe.checkpoint.decode import Inert
from yolo_probe.checkpoint.sizes import OWNERS
from yolo_probe.errors import shown
from yolo_probe.reports import fuse_diff
from yolo_probe.reports.inspection import CopyTotals, Inspection, Weights
from yolo_probe.reports.schema import SCHEMA

MAX_PLAIN_VALUES = 10_000
"""Number of values of a file's options that are written as JSON."""


def as_json(report: Inspection) -> dict[str, object]:
    """The inspection as plain data; sizes are in bytes."""
    anatomy, origin, saved, weights = report.anatomy, report.origin, report.saved, report.weights
    plain = _Plain(MAX_PLAIN_VALUES)
    return {
        "schema": SCHEMA,
        "command": "inspect",
        "target": {
            "kind": "weights" if weights else "checkpoint",
            "path": report.path,
            "class": report.model_class or None,
            "network": report.network,
            "classes": report.classes,
            "host": origin
            and {
                "generation": origin.generation,
                "release": origin.release,
                "evidence": list(origin.evidence),
                "alternatives": list(origin.alternatives),
            },
        },
        "bytes": {"file": anatomy.file}
        | {owner: anatomy.part(owner).size for owner in OWNERS}
        | {"container": anatomy.container},
        "parts": {
            part.owner: {"storages": part.storages, "dtypes": dict(part.dtypes), "shared": part.shared}
            for part in anatomy.parts
        },
        "container": {"kind": report.container, "pickle": anatomy.pickle},
        "copies": {name: _copy(copy) for name, copy in report.copies.items()},
        "validation": saved and {"copy": saved.copy},
        "resume": {
            "possible": report.resume.answer == "yes",
            "reason": report.resume.reason,
            "copy": report.resume.copy,
            "epochs_done": report.resume.done,
            "epochs": report.resume.epochs,
        },
        "stripped": saved and saved.stripped,
        "strip_optimizer": anatomy.strip
        and {"tensors": anatomy.strip.tensors, "saved": anatomy.strip.saved, "file_about": anatomy.strip.file},
        "unstripped_about": report.whole and report.whole.size,
        "activations": report.activations
        and {
            "blocks": report.activations.blocks,
            "distinct": report.activations.distinct,
            "layers": report.activations.layers.modules,
            "fused_layers": report.activations.fused and report.activations.fused.modules,
        },
        "training": {
            "epoch": plain.value(report.contents.get("epoch")),
            "best_fitness": plain.value(report.contents.get("best_fitness")),
            "date": plain.value(report.contents.get("date")),
            "git": plain.value(report.contents.get("git")),
            "freeze": saved and saved.freeze and list(saved.freeze),
            "options": plain.value({k: v for k, v in report.options.items() if k not in report.secrets and k != "hyp"}),
            "hyp": plain.value(report.hyp),
        },
        "names": list(report.names[:MAX_PLAIN_VALUES]),
        "imports": {module: list(names) for module, names in report.imports.items()},
        "calls": list(report.calls),
        "unusual": list(report.unusual),
        "secrets": list(report.secrets),
    } | {
        **({"weights": _weights_json(weights)} if weights else {}),
        **({"weight_values": report.values.as_json()} if report.values else {}),
    }


def _copy(copy: CopyTotals) -> dict[str, object]:
    layers = copy.totals.layers
    return {
        "precision": copy.precision,
        "parameters": copy.totals.parameters,
        "gradients": copy.totals.gradients,
        "layers_by_definition": {
            "modules": layers.modules,
            "leaf_modules": layers.leaf_modules,
            "parameter_tensors": layers.parameter_tensors,
        },
    }


def _weights_json(weights: Weights) -> dict[str, object]:
    found, summary = weights.guess, weights.summary and fuse_diff.as_json(weights.summary)
    return {
        "tensors": len(weights.tensors),
        "elements": weights.elements,
        "guess": found
        and {
            "network": found.network,
            "classes": found.classes,
            "generation": found.generation,
            "fused": found.fused,
            "also": list(found.also),
        },
        "cfg": weights.asked,
        "fused": weights.fused if summary else None,
        "summary": summary and {key: summary[key] for key in ("training", "validation", "host_lines", "counter")},
    }


class _Plain:
    """Turns values of a file into JSON values, as many as its budget allows."""

    def __init__(self, budget: int) -> None:
        self._budget = budget

    def value(self, value: object, depth: int = 0) -> object:
        """The value for JSON; a few words if JSON has no such value, it is nested too deep, or the budget is spent."""
        self._budget -= 1
        if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
            return value
        if isinstance(value, str):
            return value[:4096]
        if self._budget > 0 and depth < 8:
            if isinstance(value, Mapping):
                return {
                    str(key)[:256]: self.value(each, depth + 1) for key, each in list(value.items())[: self._budget]
                }
            if isinstance(value, list | tuple):
                return [self.value(each, depth + 1) for each in value[: max(self._budget, 0)]]
        return value.name if isinstance(value, Inert) else shown(value)

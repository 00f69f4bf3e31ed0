"""A comparison of counters as plain data: nested for JSON, and flat rows for a table."""

from __future__ import annotations

from yolo_probe.counters.comparison import MODES, ByMode, Comparison, Counted
from yolo_probe.reports.schema import SCHEMA, packed_as_json, uncounted_as_json


def as_json(report: Comparison) -> dict[str, object]:
    """The comparison of a live model as plain data."""
    return {"schema": SCHEMA, "command": "compare_counters", **figures_as_json(report)}


def figures_as_json(comparison: Comparison) -> dict[str, object]:
    """The figure and terms of every counter, in its own unit, and the network's own activations and parameters."""
    return {
        "default": comparison.default,
        "counters": {name: _counter(counted) for name, counted in comparison.counters.items()},
        "activations": _modes(comparison.apart),
        "parameters": _modes(comparison.parameters),
        **packed_as_json(comparison.packed),
    }


def rows_of(comparison: Comparison) -> list[dict[str, object]]:
    """One dict for each counter; None where a tool prints no such figure, or the model has no such mode."""
    return [
        {
            "counter": name,
            "unit": counted.convention.unit,
            "train": counted.train,
            "unfused": counted.unfused,
            "fused": counted.fused,
            "flops": counted.flops.unfused,
            "flops_fused": counted.flops.fused,
            "flops_right": counted.right.times(counted.convention.flops_per_count).unfused,
            "parameters": counted.parameters.unfused,
            "uncounted": len(counted.uncounted),
        }
        for name, counted in comparison.counters.items()
    ]


def _counter(counted: Counted) -> dict[str, object]:
    return {
        "unit": counted.convention.unit,
        **_modes(counted.figure),
        "flops": _modes(counted.flops),
        "terms": {name: _modes(amount) for name, amount in counted.terms.items()},
        "faults": [{"name": each.name, "why": each.why, "right": _modes(each.right)} for each in counted.faults],
        "right": _modes(counted.right),
        "parameters": _modes(counted.parameters),
        "uncounted": uncounted_as_json(counted.uncounted),
    }


def _modes(numbers: ByMode) -> dict[str, int | None]:
    return {mode: getattr(numbers, mode) for mode in MODES}

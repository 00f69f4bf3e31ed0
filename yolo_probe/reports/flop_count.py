"""The charges of one counter for one forward pass: the total, and sums by module and by operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from yolo_probe.counters.charges import Charges, Uncounted
from yolo_probe.counters.known_differences import differences
from yolo_probe.model.structure import Shape
from yolo_probe.reports.schema import SCHEMA, packed_as_json, uncounted_as_json


@dataclass(frozen=True, slots=True)
class FlopCount:
    """The charges of one counter for one forward pass; all but ``flops`` are in the counter's own unit."""

    counter: str
    """Name of the rules: ``ultralytics-thop-2.2``."""
    unit: str
    """MACs or FLOPs; 1 MAC is 2 FLOPs."""
    total: int
    """The figure that the counter itself prints, in that unit."""
    flops: int
    """The total in FLOPs."""
    by_module: Mapping[str, int]
    """By qualified name, a module with all that is inside it; '' is the whole model. They do not add up."""
    by_module_alone: Mapping[str, int]
    """By qualified name, a module without what is inside it. They add up to the total."""
    by_operator: Mapping[str, int]
    """By operator. They add up to the total."""
    uncounted: tuple[Uncounted, ...]
    """The operators without a rule; they are in none of the sums."""
    input: Shape = ()
    """Shape of the first input."""
    notes: tuple[str, ...] = ()
    """Sentences: where the real tool's figure may be another, and why."""
    packed: Mapping[str, int] = field(default_factory=dict)
    """By path of a quantised module, the number of weights that torch keeps packed in it; they are no parameters."""

    def rows(self) -> list[dict[str, object]]:
        """One dict for each module that costs something or has operators without a rule, for ``pandas.DataFrame``.

        ``count`` is with all that is inside the module, ``alone`` without it, both in ``unit``; ``flops`` is ``count``
        in FLOPs. None means not known, which is not 0.

        Example:
            >>> FlopCount("torch", "FLOPs", 6, 6, {"": 6, "a": 6}, {"a": 6}, {"linear": 6}, ()).rows()[1]
            {'module': 'a', 'count': 6, 'alone': 6, 'unit': 'FLOPs', 'flops': 6, 'uncounted': 0}
        """
        factor = 2 if self.unit == "MACs" else 1
        missing: dict[str, int] = {}
        for each in self.uncounted:
            missing[each.path] = missing.get(each.path, 0) + 1
        return [
            {
                "module": path,
                "count": count,
                "alone": self.by_module_alone.get(path, None if path in missing else 0),
                "unit": self.unit,
                "flops": None if count is None else factor * count,
                "uncounted": missing.get(path, 0),
            }
            for path, count in {**self.by_module, **{path: self.by_module.get(path) for path in missing}}.items()
        ]


def count_of(charges: Charges, image: Shape, packed: Mapping[str, int]) -> FlopCount:
    """The sums of these charges; what is free is not listed. ``image``: shape of the input."""
    whole = charges.by_module_with_parents()
    return FlopCount(
        counter=charges.convention.name,
        unit=charges.convention.unit,
        total=charges.total,
        flops=charges.flops,
        by_module={} if whole[""] is None else {"": whole[""], **_charged(whole)},
        by_module_alone=_charged(charges.by_module()),
        by_operator=_charged(charges.by_operator()),
        uncounted=charges.uncounted,
        input=image,
        notes=tuple(differences(charges, image)),
        packed=packed,
    )


def _charged(sums: Mapping[str, int | None]) -> dict[str, int]:
    return {name: count for name, count in sums.items() if count}


def as_json(report: FlopCount) -> dict[str, object]:
    """The count as plain data: integers in the counter's own unit, ``flops`` in FLOPs."""
    return {
        "schema": SCHEMA,
        "command": "count_flops",
        "counter": report.counter,
        "unit": report.unit,
        "input": list(report.input),
        "total": report.total,
        "flops": report.flops,
        "by_module": dict(report.by_module),
        "by_module_alone": dict(report.by_module_alone),
        "by_operator": dict(report.by_operator),
        "notes": list(report.notes),
        "uncounted": uncounted_as_json(report.uncounted),
        **packed_as_json(report.packed),
    }

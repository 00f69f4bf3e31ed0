"""What a network may have at most, and what its file has to be: a gate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from yolo_probe.registry.rows import FileRow

Requirement = Literal["stripped", "fp16", "known", "safe"]
REQUIREMENTS: dict[Requirement, str] = {
    "stripped": "not stripped",
    "fp16": "not FP16",
    "known": "not every number is known",
    "safe": "not safe to load",
}
"""What can be required of a file, and what one is called that does not meet it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that were asked for; None: no limit."""

    parameters: int | None = None
    gflops: float | None = None
    megabytes: float | None = None
    """1 MB is 1,000,000 bytes."""
    require: tuple[Requirement, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.require) or (self.parameters, self.gflops, self.megabytes) != (None, None, None)

    def broken(self, row: FileRow) -> Iterator[str]:
        """What a row breaks, each in a sentence without a full stop: the figure found, and the limit."""
        if row.error:
            yield row.error
            return
        megabytes = None if row.bytes is None else row.bytes / 1e6
        yield from _above("parameters", row.parameters, self.parameters)
        yield from _above("GFLOPs", row.gflops, self.gflops)
        yield from _above("MB", megabytes, self.megabytes)
        met = {
            "stripped": bool(row.stripped),
            "fp16": row.dtype == "FP16",
            "known": row.is_known,
            "safe": row.is_safe,
        }
        unknown = {"stripped": row.stripped is None, "fp16": row.dtype is None}
        for name in self.require:
            if not met[name]:
                yield f"{name} is required, and not known" if unknown.get(name) else REQUIREMENTS[name]


def _above(unit: str, found: float | None, limit: float | None) -> Iterator[str]:
    if limit is None:
        return
    if found is None:
        yield f"{unit} not known, at most {_number(limit)} allowed"
    elif found > limit:
        yield f"{_number(found)} {unit}, at most {_number(limit)} allowed: {_number(found - limit)} too many"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{round(value, 4):,g}" if value < 1e6 else f"{value:,.0f}"

"""What measurements of a network would be: made-up times, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from tests.networks import question
from yolo_probe.reports.bench import Bench, Case, Row, Settings
from yolo_probe.reports.timing import Timing


class MadeUpPeak(NamedTuple):
    """A device that computes 100 GFLOPS and moves 10 GB/s."""

    flops: float = 100e9
    bytes: float = 10e9
    side: int = 1024
    copied: int = 2**27


def steady(milliseconds: float) -> Timing:
    """A time without noise."""
    seconds = milliseconds / 1000
    return Timing(seconds, seconds, seconds, 5)


def row(name: str, milliseconds: float, share_of_time: float, share_of_flops: float, **others: Any) -> Row:
    """A row of a network of 1 GFLOP."""
    flops = round(share_of_flops * 1e9)
    values: dict[str, Any] = {"kind": "Conv", "moved": 10**6, "bound": "arithmetic", "least": flops / 100e9}
    return Row(name, timing=steady(milliseconds), flops=flops, share_of_time=share_of_time,
               share_of_flops=share_of_flops, **{**values, **others})  # fmt: skip


UNFUSED, FUSED = steady(120), steady(100)
ROWS = (
    row("0", 30, 0.3, 0.3),
    row("1", 50, 0.5, 0.1, kind="C3", bound="memory", moved=10**8),
    row("2", 20, 0.2, 0.6),
)


def report(
    unfused: Timing | None = UNFUSED, fused: Timing = FUSED, unmeasured: Mapping[str, int] | None = None
) -> Bench:
    """What a measurement of yolov5n would be."""
    asked = question("yolov5n")
    case = Case((640, 640), 1, unfused, fused, None if unfused is None else 1_100_000_000, 10**9, unmeasured or {})
    peak, convention = cast(Any, MadeUpPeak()), asked.counter.convention
    return Bench(asked.subject, asked, convention, Settings(), "torch 0, cpu, 1 thread", 1, peak, (case,), ROWS)

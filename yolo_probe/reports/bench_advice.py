"""Sentences of advice that follow from measured times, each with the figure that it stands on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from yolo_probe.reports.bench import Bench
from yolo_probe.reports.timing import milliseconds, percent

MOST = 3
"""Sentences, at most."""
NOTICED = 0.2
"""Share of the time from which what memory limits is worth a sentence."""

WORTH_A_LOOK = 0.05
"""Share of the time that a row takes beyond its share of the FLOPs, from which it is where to begin."""


def advice(report: Bench) -> tuple[str, ...]:
    """Where the time goes, what limits it, and what ``fuse()`` does to it; none without a figure."""
    return tuple(islice(_advice(report), MOST))


def _advice(report: Bench) -> Iterator[str]:
    time = sum(row.seconds for row in report.rows)
    if time and (dearer := report.dearer):
        row = dearer[0]
        if row.share_of_time - row.share_of_flops > WORTH_A_LOOK:
            yield (
                f"Look at row {row.name} ({row.kind}) first: {percent(row.share_of_time)} of the time for "
                f"{percent(row.share_of_flops)} of the FLOPs."
            )
        bound = sum(row.seconds for row in report.rows if row.bound == "memory")
        if bound / time > NOTICED:
            yield (
                f"{percent(bound / time)} of the time is in rows that memory limits: there fewer or smaller feature "
                "maps save time, fewer FLOPs alone do not."
            )
    found = report.cases[0].gain
    if found and found.is_seen and found.saved > 0:
        yield f"Measure and deploy after fuse(): it is {milliseconds(found.saved)} ms faster here."
    elif found and not found.is_seen:
        yield (
            f"To see a difference below {milliseconds(found.margin)} ms, measure longer (--seconds "
            f"{4 * report.settings.seconds:g}) on a machine that does nothing else."
        )

"""Sentences of advice from the values that a network moves, each with the figure that it stands on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from yolo_probe.model.activations import total
from yolo_probe.render.common import share, shortened
from yolo_probe.reports.layers import LayerCosts
from yolo_probe.reports.shufflenet_guidelines import Guideline

MOST = 3
"""Sentences, at most."""


def memory_advice(report: LayerCosts) -> tuple[str, ...]:
    """Where the values go, what ``fuse()`` takes away, and which guideline costs most; none without a figure."""
    return tuple(islice(_advice(report), MOST))


def _advice(report: LayerCosts) -> Iterator[str]:
    whole = report.access.values
    if not whole:
        return
    lines = (*report.lines, *report.others)
    most = max(lines, key=lambda line: line.access.values)
    name = f"{report.view.by} {shortened(most.name) or 'other'}"
    yield (
        f"Look at {name} first: {share(most.access.values, whole)} of the values moved, for "
        f"{share(most.flops, report.flops)} of the FLOPs."
    )
    norms = total(each.access for each in report.operations if each.record.operator == "batch_norm").values
    if norms and report.unmerged:
        yield f"Measure after fuse(): it merges BatchNorms, which move {share(norms, whole)} of the values."
    costs = {each.name: (_excess(each), each) for each in report.guidelines if each.concerned}
    if costs:
        excess, dearest = max(costs.values(), key=lambda cost: cost[0])
        if excess:
            yield _words(dearest, excess, whole)


def _excess(guideline: Guideline) -> int:
    """Values that go against a guideline: of G1 those above the fewest; 0 of G3, which is about time alone."""
    if guideline.name == "G1":
        return guideline.values - guideline.details["least_values"]
    return 0 if guideline.name == "G3" else guideline.values


def _words(guideline: Guideline, excess: int, whole: int) -> str:
    moved = f"{guideline.name} costs most: {share(excess, whole)} of the values moved"
    match guideline.name:
        case "G1":
            return f"{moved} would not be with as many channels out as in."
        case "G2":
            return f"{moved} are those of convolutions with groups."
        case _:
            return f"{moved} are those of single values; a runtime that joins them to a convolution does not move them."

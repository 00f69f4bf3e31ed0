"""The cases in which the real counter gives another figure than ours, and why: sentences for the report.

What a counter charges by mistake is in its figure here too, and named in ``faults``. These are cases that the shapes of
one forward pass do not show. ``tests/sweep`` has a case for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from yolo_probe.counters.charges import Charges
from yolo_probe.counters.faults import HIDDEN_WHY
from yolo_probe.model.structure import Shape

_UNUSED = ((), "The real tool leaves out results that the output does not depend on; here they are counted.")
_SIZES = (
    (),
    "The real tool takes products of sizes in a model's code (n * heads) for work, 1 each; here only those of Detect "
    "and nn.MultiheadAttention are counted.",
)
_AS_ONE = (
    ("native_multi_head_attention",),
    "A frozen nn.TransformerEncoderLayer runs as one operator, which the real tool does not see; here its fully "
    "connected layers are counted.",
)

_AS_KERNEL = "scaled_dot_product_attention"

DIFFERENCES: Mapping[str, Sequence[tuple[Sequence[str], str]]] = {
    "thop-2019": (
        (
            (),
            "The real tool adds up in single precision, which loses the last digits of a large sum; here it is exact.",
        ),
    ),
    "fvcore": (_UNUSED,),
    "torchprofile": (_UNUSED, _SIZES, _AS_ONE),
    "torch": (
        _AS_ONE,
        (
            (_AS_KERNEL,),
            "On a CPU FlopCounterMode misses attention that runs as one kernel; here it is counted, as on a GPU.",
        ),
    ),
}
"""By name of the counter: operators, and what is different where one of them runs; no operators: wherever."""


def differences(charges: Charges, image: Shape) -> Iterator[str]:
    """What is to be known of a figure beside the real tool's; ``image``: the shape of the input."""
    convention = charges.convention
    found = {record.operator for record in charges.records if record.operator != _AS_KERNEL}
    found |= {_AS_KERNEL for record in charges.records if record.options.get("path") == "fused"}
    if convention.traces and any("autograd" in record.options for record in charges.records):
        yield HIDDEN_WHY
    for operators, words in DIFFERENCES.get(convention.name, ()):
        if not operators or not found.isdisjoint(operators):
            yield words
    if convention.averages and image and image[0] > 1:
        average = f"{charges.total / image[0]:,.0f}"
        yield f"The real tool prints the average of the {image[0]} samples of the batch: {average} {convention.unit}."

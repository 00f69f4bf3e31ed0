"""Inside a process with a real thop: what it counts of each custom network, and what the probe counts and leaves out.

Argument: the convention of that thop. Prints one line of JSON for each network.
"""

from __future__ import annotations

import json
import sys
from copy import deepcopy

import thop
import torch
from torch.library import Library

from tests.custom_modules import IDEAS, network
from tests.fingerprints import fingerprint
from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.live.live import Live

IMAGE = (1, 3, 16, 16)
CONVENTION = CONVENTIONS[sys.argv[1] if sys.argv[1:] else "torch"]


def define_deformable_convolution() -> Library:
    """Torchvision's operator, by its shapes alone, where its compiled part is not there."""
    import torchvision  # noqa: F401  # defines the others

    library = Library("torchvision", "FRAGMENT")
    if not hasattr(torch.ops.torchvision, "deform_conv2d"):
        arguments = "Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias"
        numbers = ", ".join(f"int {name}" for name in ("sh", "sw", "ph", "pw", "dh", "dw", "groups", "offset_groups"))
        library.define(f"deform_conv2d({arguments}, {numbers}, bool use_mask) -> Tensor")
        library.impl(
            "deform_conv2d",
            lambda x, weight, offset, *_: x.new_zeros(x.shape[0], weight.shape[0], *offset.shape[2:]),
            "CompositeExplicitAutograd",
        )
    return library


def main() -> None:
    library = define_deformable_convolution()
    for name in IDEAS:
        model = network(name)
        macs = thop.profile(deepcopy(model), inputs=(torch.zeros(IMAGE),), verbose=False)[0]
        before = fingerprint(model)
        trace = Live(model).trace(IMAGE)
        unchanged, records = before == fingerprint(model), trace.records
        left_out = [[each.operator, each.path, each.values] for each in charge(records, CONVENTION).uncounted]
        counted = charge(records, CONVENTION).total
        answer = {"network": name, "thop": int(macs), "probe": counted, "uncounted": left_out}
        print(json.dumps(answer | {"executed": trace.executed, "unchanged": unchanged}))
    del library


if __name__ == "__main__":
    main()

"""Inside a process with a real thop: what it counts of each custom network, and what the probe counts and leaves out.

Argument: the convention of that thop. Prints one line of JSON for each network.
"""

from __future__ import annotations

import json
import sys
from copy import deepcopy

import thop
import torch

from tests.custom_modules import IDEAS, network
from tests.fingerprints import fingerprint
from tests.shims.deformable import define_deformable_convolution
from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.live.live import Live

IMAGE = (1, 3, 16, 16)
CONVENTION = CONVENTIONS[sys.argv[1] if sys.argv[1:] else "torch"]


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

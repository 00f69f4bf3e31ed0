"""Inside the process of a real host: each network live, its lines and counts by the host and by yolo-probe.

Arguments: model YAMLs. Prints one line of JSON for each: the lines of both, the FLOPs of both, and whether the model is
as it was.
"""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from pathlib import Path

import thop
import torch
import yolov5.models.yolo as host
from yolov5.utils import torch_utils

from tests.oracles.fingerprints import fingerprint, said
from yolo_probe import dropin
from yolo_probe.conventions import CONVENTIONS
from yolo_probe.live import Live

CONVENTION = CONVENTIONS["ultralytics-thop-2.2"]


def check(path: Path) -> dict[str, object]:
    """What the host and the probe say of one network, new and fused."""
    model = host.Model(str(path))
    answer: dict[str, object] = {"network": path.stem}
    for state in ("new", "fused"):
        real = said(torch_utils.LOGGER, model.info)
        before = fingerprint(model)
        dropin.install()
        ours = said(torch_utils.LOGGER, model.info)
        dropin.uninstall()
        side = max(int(model.stride.max()), 32)
        image = (1, next(model.parameters()).shape[1], 2 * side, 3 * side)
        counted = CONVENTION.flops(Live(model).trace(image).records)
        unchanged = before == fingerprint(model)
        macs, _ = thop.profile(deepcopy(model), inputs=(torch.empty(image),), verbose=False)
        answer[state] = {
            "host": real, "probe": ours, "thop": 2 * int(macs), "flops": counted, "unchanged": unchanged,
        }  # fmt: skip
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        said(torch_utils.LOGGER, model.fuse)
    return answer


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps(check(Path(argument))), flush=True)

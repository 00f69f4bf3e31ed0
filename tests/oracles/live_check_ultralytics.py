"""Inside a process with ultralytics: each network live, its line by the host and by yolo-probe.

Arguments: names of model YAMLs that ultralytics ships. Prints one line of JSON for each.
"""

from __future__ import annotations

import json
import sys

from ultralytics.nn import tasks
from ultralytics.utils import LOGGER

from tests.oracles.fingerprints import fingerprint, said
from yolo_probe import dropin

CLASSES = {
    "-seg": tasks.SegmentationModel,
    "-pose": tasks.PoseModel,
    "-obb": tasks.OBBModel,
    "-cls": tasks.ClassificationModel,
    "rtdetr": tasks.RTDETRDetectionModel,
}


def check(name: str) -> dict[str, object]:
    """What the host and the probe say of one network, new and fused."""
    build = next((kind for part, kind in CLASSES.items() if part in name), tasks.DetectionModel)
    model = build(name, verbose=False)
    answer: dict[str, object] = {"network": name}
    for state in ("new", "fused"):
        real = said(LOGGER, model.info)
        before = fingerprint(model)
        dropin.install()
        ours = said(LOGGER, model.info)
        dropin.uninstall()
        answer[state] = {"host": real, "probe": ours, "unchanged": before == fingerprint(model)}
        model.eval()
        model.fuse(verbose=False)
    return answer


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps(check(argument)), flush=True)

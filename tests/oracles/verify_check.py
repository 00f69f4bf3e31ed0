"""Inside the process of a real host: verify_model() on a small network of it, and on one that disagrees.

Arguments: a folder for files. Prints one line of JSON for each.
"""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from yolov5.models.yolo import Model
from yolov5.utils.torch_utils import LOGGER, model_info

import yolo_probe
from tests.oracles.custom_modules import network
from tests.oracles.fingerprints import fingerprint, said
from tests.oracles.wrapped_check import CLASSIC
from yolo_probe.hosts.summary_line import FORMS
from yolo_probe.render.verification import verification_line
from yolo_probe.reports.verify import verify_model

IMAGE = (1, 3, 64, 96)


class Wavering(nn.Conv2d):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution whose ``fuse()`` does something else where there are values."""

    def fuse(self) -> None:
        if not self.weight.is_meta:
            self.bias = None


def main(folder: Path) -> None:
    file = folder / "yolov5-small.yaml"
    file.write_text(CLASSIC, encoding="utf-8")
    model: Any = said(LOGGER, partial(Model, str(file)))[1]
    models = {
        "host": model,
        "without fuse": network("matmul"),
        "changing its mind": Wavering(3, 8, 1),
        "failing": nn.Sequential(nn.Conv2d(3, 8, 1), nn.Linear(3, 3)),
    }
    for name, each in models.items():
        before = fingerprint(each)
        found: Any
        lines, found = said(LOGGER, partial(verify_model, each, IMAGE, form=FORMS["v7.0"]))
        checks = [[check.name, check.ours, check.theirs, check.reason] for check in found.checks]
        answer = {"agrees": found.agrees, "checks": checks, "text": verification_line(found), "lines": lines}
        print(json.dumps({"model": name, **answer, "unchanged": before == fingerprint(each)}))
    real = said(LOGGER, partial(model_info, model))[0]
    ours = said(LOGGER, partial(yolo_probe.model_info, model, verify=True))[0]
    print(json.dumps({"model": "line", "host": real, "probe": ours}))


if __name__ == "__main__":
    torch.manual_seed(0)
    main(Path(sys.argv[1]))

"""Inside a process with ultralytics: the kernels of its own forward pass, and of the passes that bench measures.

Arguments: names of networks. Prints a line of JSON for each, before and after ``fuse()``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils import LOGGER

from tests.oracles.layers_check import Kernels
from yolo_probe.hosts.target import resolve
from yolo_probe.live.kernels import Memory
from yolo_probe.live.model_passes import states

IMAGE = (1, 3, 160, 224)


def main() -> None:
    LOGGER.setLevel("ERROR")
    memory = Memory(torch.device("cpu"), torch.float32, channels_last=False)
    for name in sys.argv[1:]:
        rebuilt: Any = resolve(name).rebuilt
        found = states(rebuilt.saved.model, IMAGE, memory)
        for fused, (_, _, passes, _) in zip((False, True), found, strict=True):
            model = DetectionModel(f"{name}.yaml", verbose=False).eval()
            with torch.inference_mode():
                model = model.fuse(verbose=False) if fused else model
                with Kernels() as real:
                    model(torch.rand(IMAGE))
            with Kernels() as probe:
                passes.run()
            print(json.dumps({"network": name, "fused": fused, "real": real.ran, "probe": probe.ran}), flush=True)


if __name__ == "__main__":
    main()

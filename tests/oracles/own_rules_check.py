"""Inside a process with a real host and a real thop: a custom module by ``thop.profile(custom_ops=...)``.

Arguments: a folder, the convention of that thop. Writes ``best.pt``, a checkpoint of the host with a module of a fork
in one row, and ``my_rules.py``; prints the FLOPs of thop and of ``count_flops`` as JSON.
"""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from pathlib import Path
from runpy import run_path

import thop
import torch
import yolov5.models.common as common
from torch import nn
from yolov5.models.yolo import DetectionModel

import yolo_probe

RULE = """
import torch

def squeeze(m, x, y):
    n, c, h, w = x[0].size()
    convolutions = [each for each in m.children() if each.bias is not None]
    products = sum(each.weight.numel() for each in convolutions)
    m.total_ops += torch.DoubleTensor([int(products + 2 * y.numel())])

custom_ops = {"SE": squeeze}
outputs = {"SE": "input"}
"""


class SE(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Squeeze and excitation, as forks of YOLOv5 have it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, channels // 4, 1), nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.fc2(self.fc1(x.mean((2, 3), keepdim=True)).relu()).sigmoid()


def main() -> None:
    folder, name = Path(sys.argv[1]), sys.argv[2]
    (config,) = Path(common.__file__).parent.rglob("yolov5n.yaml")
    model = DetectionModel(str(config)).eval()
    SE.__module__ = common.__name__
    common.SE = SE
    row = SE(256)
    row.i, row.f, row.type, row.np = 9, -1, "SE", sum(p.numel() for p in row.parameters())
    model.model[9] = row
    torch.save({"epoch": -1, "model": deepcopy(model).half(), "yolov5pip_version": "7.0.14"}, folder / "best.pt")
    rules = folder / "my_rules.py"
    rules.write_text(RULE)
    rule = run_path(str(rules))["squeeze"]
    image = torch.zeros(1, 3, 640, 640)
    ours = yolo_probe.count_flops(model, 640, counter=name, rules=str(rules))
    macs, _ = thop.profile(model, inputs=(image,), custom_ops={SE: rule}, verbose=False)
    print(json.dumps({"thop": int(2 * macs), "live": ours.flops, "by_module": ours.by_module["model.9"]}))


if __name__ == "__main__":
    main()

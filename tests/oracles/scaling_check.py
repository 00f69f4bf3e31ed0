"""Inside a process with YOLOv5 7.0.14 and a real thop: one small image times the area, and the image itself.

Arguments: a folder, then for each network its name and its image size. Writes a checkpoint of each, NAME.pt;
prints as JSON the host's own line, and FLOPs of thop for an image of the stride's size and for the whole one.
"""

from __future__ import annotations

import json
import logging
import sys
from copy import deepcopy
from pathlib import Path

import thop
import torch
import yolov5.models
from torch import nn
from yolov5.models.yolo import ClassificationModel, DetectionModel
from yolov5.utils.torch_utils import model_info


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def build(name: str) -> nn.Module:
    network = name.removesuffix("-cls")
    (path,) = Path(yolov5.models.__file__).parent.rglob(f"{network}.yaml")
    model = DetectionModel(str(path))
    return ClassificationModel(model=model, nc=1000, cutoff=10) if network != name else model


def flops(model: nn.Module, side: int) -> int:
    image = torch.zeros(1, 3, side, side, device="meta")
    return int(2 * thop.profile(deepcopy(model).to("meta"), inputs=(image,), verbose=False)[0])


def main() -> None:
    folder, *asked = sys.argv[1:]
    heard = Lines()
    logging.getLogger("yolov5").addHandler(heard)
    for name, size in zip(asked[::2], map(int, asked[1::2]), strict=True):
        model = build(name).eval()
        torch.save({"epoch": -1, "model": deepcopy(model).half()}, Path(folder) / f"{name}.pt")
        heard.lines.clear()
        model_info(model, imgsz=size)
        answer = {"line": heard.lines[-1], "cell": flops(model, 32), "direct": flops(model, size)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

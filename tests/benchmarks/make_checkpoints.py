"""Run inside a host: builds each named network and leaves its ``best.pt`` as that host's training would."""

from __future__ import annotations

import sys
from copy import deepcopy
from datetime import datetime
from pathlib import Path


def main(folder: Path, names: list[str]) -> None:
    import torch
    import yolov5
    from yolov5.models.yolo import Model
    from yolov5.utils.general import strip_optimizer
    from yolov5.utils.torch_utils import ModelEMA

    for name in names:
        (network,) = (Path(yolov5.__file__).parent / "models").rglob(f"{name}.yaml")
        model = Model(str(network))
        model.yaml_file = network.name
        checkpoint = {
            "epoch": 0,
            "best_fitness": 0.0,
            "model": deepcopy(model).half(),
            "ema": deepcopy(ModelEMA(model).ema).half(),
            "updates": 1,
            "optimizer": None,
            "opt": {"imgsz": 640, "freeze": [0]},
            "date": datetime.now().isoformat(),
        }
        unfinished = folder / f"{name}.unfinished"
        torch.save(checkpoint, unfinished)
        strip_optimizer(unfinished)
        unfinished.rename(folder / f"{name}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

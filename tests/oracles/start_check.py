"""Inside yolov5==7.0.14: what a probe records of a training's start, of a bare model and of one in DDP.

``Callbacks`` is as HEAD has it, without ``get_registered_actions()``. Prints one line of JSON for each model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
import yolov5
from torch import nn
from yolov5.models import yolo
from yolov5.utils.callbacks import Callbacks

import yolo_probe


def train(opt: SimpleNamespace, around: object, save_dir: Path) -> None:
    """The events of a training, in the order of the host's, with its names of local variables."""
    callbacks = Callbacks()
    yolo_probe.register(callbacks, events=[], loggers=False)
    callbacks.run("on_pretrain_routine_start")
    model = yolo.Model(f"{yolov5.__path__[0]}/models/yolov5n.yaml", ch=3, nc=3)
    optimizer = torch.optim.SGD(model.parameters())  # noqa: F841  # the probe looks for this name
    imgsz = 64  # noqa: F841
    model = around(model)  # type: ignore[operator]
    callbacks.run("on_train_start")


def main(folder: Path) -> None:
    """Train in name alone: bare, and in DDP."""
    del Callbacks.get_registered_actions
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder / 'together'}", world_size=1, rank=0)
    for name, around in (("bare", lambda model: model), ("DDP", nn.parallel.DistributedDataParallel)):
        train(SimpleNamespace(freeze=[0], evolve=False), around, folder / name)
        record = json.loads((folder / name / "probe.json").read_text())
        print(json.dumps(record["events"][0]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Inside yolov5==7.0.14: what a probe records of the start of a training, of a model that is bare, in DDP, or broken.

``Callbacks`` is as HEAD has it, without ``get_registered_actions()``. Prints one line of JSON for each model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import torch
import yolov5
from torch import nn
from yolov5.models import common, yolo
from yolov5.utils.callbacks import Callbacks

import yolo_probe


class UsesNorm(common.Conv):  # type: ignore[misc]  # hosts are not read by mypy
    """A block whose fused forward still calls what fuse() took away."""

    def forward_fuse(self, x: torch.Tensor) -> torch.Tensor:
        """As before fuse()."""
        return self.act(self.bn(self.conv(x)))


class GivesHalf(common.Conv):  # type: ignore[misc]  # hosts are not read by mypy
    """A block whose fused forward has fewer channels."""

    def forward_fuse(self, x: torch.Tensor) -> torch.Tensor:
        """Half of the output."""
        return self.act(self.conv(x))[:, ::2]


def having(kind: type) -> Callable[[nn.Module], nn.Module]:
    """A function that makes row 3 of a model a block of that class."""

    def change(model: nn.Module) -> nn.Module:
        model.model[3].__class__ = kind
        return model

    return change


AROUND: dict[str, Callable[[nn.Module], nn.Module]] = {
    "bare": lambda model: model,
    "DDP": nn.parallel.DistributedDataParallel,
    "uses bn": having(UsesNorm),
    "gives half": having(GivesHalf),
}


def train(opt: SimpleNamespace, around: Callable[[nn.Module], nn.Module], save_dir: Path) -> None:
    """The events of a training, in the order of the host's, with its names of local variables."""
    callbacks = Callbacks()
    yolo_probe.register(callbacks, events=[], loggers=False)
    callbacks.run("on_pretrain_routine_start")
    model = yolo.Model(f"{yolov5.__path__[0]}/models/yolov5n.yaml", ch=3, nc=3)
    optimizer = torch.optim.SGD(model.parameters())  # noqa: F841  # the probe looks for this name
    imgsz = 64  # noqa: F841
    model = around(model)
    callbacks.run("on_train_start")


def main(folder: Path) -> None:
    """Train in name alone, one model after the other."""
    del Callbacks.get_registered_actions
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder / 'together'}", world_size=1, rank=0)
    for name, around in AROUND.items():
        (folder / name).mkdir()
        train(SimpleNamespace(freeze=[0], evolve=False), around, folder / name)
        record = json.loads((folder / name / "probe.json").read_text())
        print(json.dumps(record["events"][0]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

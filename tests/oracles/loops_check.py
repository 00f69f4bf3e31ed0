"""One training by Lightning (argument ``lightning``) or Accelerate (``accelerate``): alone, then watched.

The first convolution is frozen in the second epoch. Prints one line of JSON: whether the weights of both are equal bit
by bit, and the events on record.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

import yolo_probe

Watch = Callable[..., AbstractContextManager[Any]]


def network() -> nn.Module:
    """Two convolutions; always with the same weights."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 4, 1))


def images() -> DataLoader[torch.Tensor]:
    """Two batches, in an order that is drawn anew for each epoch."""
    return DataLoader(torch.rand(8, 3, 64, 64), batch_size=4, shuffle=True)


def by_lightning(watch: Watch) -> nn.Module:
    """A training by ``Trainer.fit``, to which the optimizer is not known before."""
    import pytorch_lightning

    class Module(pytorch_lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = network()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.network(x)

        def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
            self.network[0].requires_grad_(self.current_epoch == 0)
            return self(batch).square().mean()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    module = Module()
    trainer = pytorch_lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False
    )
    with watch(module):
        trainer.fit(module, images())
    return module


def by_accelerate(watch: Watch) -> nn.Module:
    """A loop with what ``prepare()`` has returned."""
    from accelerate import Accelerator

    accelerator, model = Accelerator(cpu=True), network()
    model, optimizer, data = accelerator.prepare(model, torch.optim.SGD(model.parameters(), lr=0.1), images())
    with watch(model, optimizer):
        for epoch in range(2):
            model[0].requires_grad_(epoch == 0)
            for batch in data:
                accelerator.backward(model(batch).square().mean())
                optimizer.step()
                optimizer.zero_grad()
    return model


def main(library: str, folder: Path) -> None:
    train = {"lightning": by_lightning, "accelerate": by_accelerate}[library]
    alone = train(lambda *_: nullcontext()).state_dict()
    watched = train(partial(yolo_probe.watch, folder=folder, imgsz=64)).state_dict()
    record = json.loads((folder / "probe.json").read_text(encoding="utf-8"))
    same = all(torch.equal(alone[name], watched[name]) for name in alone)
    events = [
        [each["event"], each.get("epoch"), each.get("training", {}).get("gradients")] for each in record["events"]
    ]
    print(json.dumps({"same": same, "events": events}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

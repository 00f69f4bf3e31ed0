"""Inside the process of a classic host: its own Model, Callbacks, ModelEMA, checkpoint functions, and a probe.

The loop is the test's, in the order and with the arguments of v6.0 (argument ``v6.0``) or of v7.0 (``v7.0``), so that
generations whose own train.py no longer runs on this Python are held to their events too. ``threads``: called from
other threads; ``broken``: the probe fails; ``unwritable``: a file of it cannot be written; ``thaw``: what was frozen
trains in the second epoch; ``late``: registered when the model is built; ``evolve``: both are generations of one
``--evolve``; ``unsaved``: no best model is saved, as ``--evolve`` saves none; ``own``: callbacks of the user's own
freeze rows 10 and 13 before the first batch. Prints what the host logs.
"""

from __future__ import annotations

import copy
import logging
import pickle
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from yolov5.models.experimental import attempt_load
from yolov5.models.yolo import Model
from yolov5.utils import torch_utils
from yolov5.utils.callbacks import Callbacks
from yolov5.utils.general import strip_optimizer

import yolo_probe
from tests.fingerprints import fingerprint

MODELS = Path(torch_utils.__file__).parents[1] / "models"
TRAINS: list[nn.Module] = []
"""The models that were built."""


def built(opt: Namespace) -> nn.Module:
    """The model that trains, frozen as train.py does it."""
    model = Model(str(MODELS / opt.cfg), ch=3, nc=2)
    frozen = tuple(f"model.{row}." for row in range(opt.freeze[0]))
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not name.startswith(frozen)
    TRAINS.append(model)
    return model


def freezing(row: int) -> Callable[..., None]:
    """A callback of the user's own that freezes a row."""

    def freeze(*_: object) -> None:
        TRAINS[-1].model[row].requires_grad_(False)

    return freeze


def thaw(model: nn.Module, opt: Namespace, epoch: int) -> None:
    """Let all of it train from the second epoch on, where that is asked."""
    if opt.thaw and epoch == 1:
        model.requires_grad_(True)


def run(data: object, model: nn.Module, dataloader: object, callbacks: Callbacks, hooks: tuple[str, ...]) -> None:
    """A validation."""
    for hook in hooks:
        callbacks.run(hook)


class Broken:
    """An optimizer that answers its host and nobody else."""

    def __init__(self, optimizer: Any) -> None:
        self.state_dict = optimizer.state_dict

    @property
    def param_groups(self) -> list[Any]:
        raise LookupError("not for you")


class Old:
    """The order of v6.0 and v6.1."""

    @staticmethod
    def train(hyp: object, opt: Namespace, device: str, callbacks: Callbacks) -> None:
        save_dir, imgsz = opt.save_dir, opt.imgsz
        model = built(opt)
        optimizer = torch.optim.SGD(list(model.parameters()), lr=0.1)
        ema = torch_utils.ModelEMA(model)
        callbacks.run("on_pretrain_routine_end")
        for epoch in range(2):
            thaw(model, opt, epoch)
            optimizer.step()  # of no gradients
            callbacks.run("on_train_batch_end", 0, model, None, None, None, False, False)
            callbacks.run("on_train_epoch_end", epoch=epoch)
            run({}, ema.ema, None, callbacks, ("on_val_image_end", "on_val_end"))
        finish(save_dir, model, ema, optimizer, imgsz, callbacks, saves=not opt.unsaved)


class New:
    """The order of v6.2 and later."""

    @staticmethod
    def train(hyp: object, opt: Namespace, device: str, callbacks: Callbacks) -> None:
        save_dir, imgsz = opt.save_dir, opt.imgsz
        callbacks.run("on_pretrain_routine_start")
        model = built(opt)
        optimizer = torch.optim.SGD([p for n, p in model.named_parameters() if n != "model.24.m.0.bias"], lr=0.1)
        optimizer = Broken(optimizer) if opt.broken else optimizer
        ema = torch_utils.ModelEMA(model)
        callbacks.run("on_pretrain_routine_end", [], [])
        before = fingerprint(model)
        callbacks.run("on_train_start")
        for epoch in range(2):
            thaw(model, opt, epoch)
            callbacks.run("on_train_epoch_start")
            callbacks.run("on_train_batch_end", model, 0, None, None, None, [])
            callbacks.run("on_train_epoch_end", epoch=epoch)
            run({}, ema.ema, None, callbacks, ("on_val_start", "on_val_end"))
        assert opt.thaw or opt.own or before == fingerprint(model)
        finish(save_dir, model, ema, optimizer, imgsz, callbacks, saves=not opt.unsaved)


def finish(
    save_dir: Path, model: nn.Module, ema: Any, optimizer: Any, imgsz: int, callbacks: Callbacks, *, saves: bool
) -> None:
    """What train.py does when training is over. ``saves``: whether it has saved a best model."""
    best = save_dir / "weights" / "best.pt"
    best.parent.mkdir(parents=True, exist_ok=True)
    if saves:
        save_and_validate(best, model, ema, optimizer, callbacks)
    callbacks.run("on_train_end", best, best, False, 1, [])


def save_and_validate(best: Path, model: nn.Module, ema: Any, optimizer: Any, callbacks: Callbacks) -> None:
    """What it does where it has saved a best model."""
    average = copy.deepcopy(ema.ema).half()
    state = {"epoch": 1, "best_fitness": 0.0, "model": copy.deepcopy(model).half(), "ema": average, "updates": 1,
             "optimizer": optimizer.state_dict(), "opt": {}, "date": None}  # fmt: skip
    torch.save(state, best)
    strip_optimizer(str(best))
    run({}, attempt_load(str(best)), None, callbacks, ("on_val_start",))


def options_of(save_dir: Path, variant: Sequence[str] = (), *, cfg: str = "yolov5n.yaml", imgsz: int = 64) -> Namespace:
    """What a training is asked for: rows 0 to 9 frozen, and whatever of the variants is named."""
    return Namespace(
        save_dir=save_dir, cfg=cfg, imgsz=imgsz, freeze=[10], evolve=300 if "evolve" in variant else None,
        **{each: each in variant for each in ("thaw", "own", "broken", "unsaved")},
    )  # fmt: skip


OWN = {"v6.0": ["on_pretrain_routine_end"] * 2, "v7.0": ["on_train_start", "on_train_epoch_start"]}
"""Events before the first batch, by the order of events."""


class Threaded(Callbacks):  # type: ignore[misc]  # hosts are not read by mypy
    """Calls every function from a thread of its own, as ``run(..., thread=True)`` does, one after the other."""

    def run(self, hook: str, *args: Any, **kwargs: Any) -> None:
        super().run(hook, *args, thread=True, **kwargs)
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and thread.daemon:
                thread.join()


def main() -> None:
    order, folder, *variant = sys.argv[1:]
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    probe = None
    for number in range(2):  # two trainings in one process
        callbacks = Threaded() if "threads" in variant else Callbacks()
        if "late" in variant:
            register = partial(yolo_probe.register, callbacks, imgsz=64)
            callbacks.register_action("on_pretrain_routine_end", callback=lambda *_, act=register: act())
        elif probe and "evolve" in variant:
            probe.register_classic(callbacks)
        else:
            probe = yolo_probe.register(callbacks, imgsz=64)
        if probe:
            assert pickle.loads(pickle.dumps(copy.deepcopy(probe))).settings == probe.settings  # noqa: S301
        if "own" in variant:
            for row, hook in zip((10, 13), OWN[order], strict=True):
                callbacks.register_action(hook, callback=freezing(row))
        options = options_of(Path(folder) / str(number), variant)
        if "unwritable" in variant:  # the probe cannot write its record there
            (options.save_dir / "probe.json").mkdir(parents=True)
        (Old if order == "v6.0" else New).train({}, options, "cpu", callbacks)


if __name__ == "__main__":
    main()

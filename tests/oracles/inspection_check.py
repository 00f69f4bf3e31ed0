"""What real files hold, by the host that writes them: a process that has one host on its path makes and measures them.

Arguments: the host (a release of ``yolov5`` on PyPI, or ``ultralytics``) and the folder to write to. Standard output
is one JSON object: for each file its sizes as torch has them, and what the host's own ``strip_optimizer`` made of it.
This file imports nothing of yolo_probe.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import yaml
from torch import nn

OWNERS = ("model", "ema", "optimizer")


class Storages(pickle.Pickler):
    """Bytes of every storage behind what is dumped, each once, as torch itself hands them out."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), 2)
        self.sizes: dict[int, int] = {}

    def persistent_id(self, value: Any) -> str | None:
        if not torch.is_storage(value):
            return None
        untyped = value._untyped_storage if isinstance(value, torch.storage.TypedStorage) else value
        self.sizes[untyped._cdata] = untyped.nbytes()
        return "a storage"

    def total(self, *values: Any) -> int:
        for value in values:
            self.dump(value)
        return sum(self.sizes.values())


def measured(path: Path) -> dict[str, int]:
    """Tensor bytes of each owner in a file, what an owner before it has left out."""
    content = torch.load(path, map_location="cpu", weights_only=False)
    if isinstance(content, nn.Module) or not set(OWNERS) & set(content):
        content = {"model": content}
    parts = [content.pop(owner, None) for owner in OWNERS] + [content]
    totals = [Storages().total(*parts[: i + 1]) for i in range(len(parts))]
    sizes = [after - before for before, after in zip([0, *totals], totals)]  # noqa: B905  # totals is one shorter
    return dict(zip((*OWNERS, "other"), sizes, strict=True)) | {"file": os.path.getsize(path)}


def stripped(path: Path) -> dict[str, int]:
    """The same after the host's own strip_optimizer."""
    after = path.with_suffix(".stripped")
    strip_optimizer(str(path), str(after))
    return measured(after)


def trained(model: nn.Module, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """The optimizer after one step, when it has its averages."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return optimizer


def classic(folder: Path) -> None:
    """Files of YOLOv5, each with what its train.py saves or a user does."""
    from yolov5.models import yolo
    from yolov5.utils import torch_utils

    models = Path(yolo.__file__).parent
    cfg = yaml.safe_load((models / "yolov5s.yaml").read_text()) | {"width_multiple": 0.125}
    model = yolo.Model(cfg, nc=2).train()
    model.hyp, model.class_weights = {"lr0": 0.01}, torch.ones(2)
    ema = torch_utils.ModelEMA(model)
    for parameter in list(model.parameters())[:30]:
        parameter.requires_grad = False
    options = {"weights": "", "imgsz": 640, "freeze": [10], "epochs": 5, "hf_token": "abc"}
    for name, kind in {"sgd": torch.optim.SGD, "adam": torch.optim.AdamW}.items():
        settings = {"momentum": 0.9} if name == "sgd" else {}
        optimizer = trained(model, kind([p for p in model.parameters() if p.requires_grad], lr=0.01, **settings))
        content = {
            "epoch": 2,
            "best_fitness": 0.5,
            "model": deepcopy(model).half(),
            "ema": deepcopy(ema.ema).half(),
            "updates": 7,
            "optimizer": optimizer.state_dict(),
        } | ({} if HOST.startswith("5") else {"opt": options, "date": "2024-01-02T03:04:05"})
        torch.save(content, folder / f"{name}.pt")
    ema.ema(torch.zeros(1, 3, 64, 64))  # a validation, whose grids Detect keeps
    torch.save(content | {"ema": deepcopy(ema.ema).half()}, folder / "validated.pt")
    torch.save(content, folder / "legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"epoch": -1, "model": ema.ema, "ema": None, "optimizer": None}, folder / "fp32.pt")
    torch.save({"epoch": 3, "model": model, "ema": model, "optimizer": None}, folder / "one-in-both.pt")
    torch.save({"epoch": 3, "model": model, "kept": [model.class_weights, torch.ones(5)]}, folder / "kept.pt")
    torch.save(deepcopy(model).fuse(), folder / "bare-fused.pt")
    torch.save(model.state_dict(), folder / "state-dict.pt")
    if hasattr(yolo, "ClassificationModel"):
        classifier = yolo.ClassificationModel(model=deepcopy(model), nc=10)
        torch.save({"epoch": 0, "model": classifier.half(), "ema": None, "optimizer": None}, folder / "classifier.pt")
        cfg = yaml.safe_load((models / "segment" / "yolov5s-seg.yaml").read_text()) | {"width_multiple": 0.125}
        segmenter = yolo.SegmentationModel(cfg, nc=2)
        torch.save({"epoch": 0, "model": segmenter, "ema": None, "optimizer": None}, folder / "segmenter.pt")


def ultralytics(folder: Path) -> None:
    """The file that ultralytics' own save_model writes, for two optimizers."""
    from ultralytics.cfg import get_cfg
    from ultralytics.engine.trainer import BaseTrainer
    from ultralytics.nn.tasks import DetectionModel
    from ultralytics.utils.torch_utils import ModelEMA

    for name, kind in {"sgd": torch.optim.SGD, "adam": torch.optim.AdamW}.items():
        model = DetectionModel("yolov5n.yaml", nc=2, verbose=False)
        model.args = get_cfg()
        model.criterion = model.init_criterion()
        settings = {"momentum": 0.9} if name == "sgd" else {}
        optimizer = trained(model, kind(model.parameters(), lr=0.01, **settings))
        trainer = SimpleNamespace(
            ema=ModelEMA(model), model=model, epoch=2, best_fitness=0.5, fitness=0.5, optimizer=optimizer,
            stopper=SimpleNamespace(best_fitness=0.5, best_epoch=2), scaler=torch.amp.GradScaler("cpu", enabled=False),
            args=get_cfg(), metrics={}, read_results_csv=dict, save_period=-1, wdir=folder,
            last=folder / f"{name}.pt", best=folder / "best.pt",
        )  # fmt: skip
        BaseTrainer.save_model(trainer)
    model.eval()(torch.zeros(1, 3, 64, 64))
    torch.save({"epoch": 1, "model": model, "ema": None, "optimizer": None, "train_args": {}}, folder / "fp32.pt")
    (folder / "best.pt").unlink()


HOST, FOLDER = sys.argv[1], Path(sys.argv[2])
if HOST == "ultralytics":
    from ultralytics.utils.torch_utils import strip_optimizer

    ultralytics(FOLDER)
else:
    from yolov5.utils.general import strip_optimizer

    classic(FOLDER)
answer: dict[str, Any] = {}
for file in sorted(FOLDER.glob("*.pt")):
    answer[file.name] = measured(file)
    if file.name not in ("bare-fused.pt", "state-dict.pt"):
        answer[file.name]["stripped"] = stripped(file)
print(json.dumps(answer))

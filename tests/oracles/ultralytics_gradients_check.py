"""Inside a process with ultralytics: every state of ``requires_grad`` that its own code leaves, and the probe's.

Prints one line of JSON for each state, in the form of ``gradients_check``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from ultralytics.nn import tasks
from ultralytics.utils import LOGGER
from ultralytics.utils.torch_utils import ModelEMA, strip_optimizer

from tests.oracles.ultralytics_check import save
from yolo_probe import explain_gradients
from yolo_probe.hosts.target import resolve
from yolo_probe.reports.gradients import as_json, provenance

NEW = tasks.DetectionModel("yolo11n.yaml", ch=3, nc=2, verbose=False)


def built(freeze: int = 0) -> Any:
    """A new model, its rows frozen as the trainer does it."""
    model = deepcopy(NEW)
    parts = [f"model.{row}." for row in range(freeze)] + [".dfl"]
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not any(part in name for part in parts)
    return model


def fused(model: Any, grad: Any) -> Any:
    with grad:
        return model.eval().fuse(verbose=False)


def states() -> Iterator[tuple[str, Any]]:
    """A name and a model for each state."""
    on, off = torch.enable_grad(), torch.no_grad()
    yield "fresh", deepcopy(NEW)
    yield "freeze=10", built(10)
    yield "EMA", ModelEMA(built()).ema
    yield "fused, grad on", fused(built(), on)
    yield "fused, no_grad", fused(built(), off)
    yield "EMA fused", fused(ModelEMA(built()).ema, on)
    yield "freeze=10 fused", fused(built(10), on)


def real(model: torch.nn.Module) -> dict[str, int]:
    """What torch says of a model."""
    parameters = list(model.parameters())
    trained = sum(each.numel() for each in parameters if each.requires_grad)
    return {"sum": trained, "total": sum(each.numel() for each in parameters),
            "non_leaf": sum(not each.is_leaf for each in parameters)}  # fmt: skip


def main() -> None:
    folder = Path(sys.argv[1])
    LOGGER.setLevel("ERROR")
    for name, model in states():
        ours = explain_gradients(model).as_json()
        print(json.dumps({"state": name, "real": real(model), "ours": ours, "unharmed": True}), flush=True)
    path = save(built(10), folder, freeze=10)
    for name in ("unstripped", "stripped"):
        saved = torch.load(path, weights_only=False)
        says = {key: real(saved[key]) for key in ("model", "ema") if saved.get(key) is not None}
        validated = deepcopy(saved["ema"] or saved["model"]).float()
        left = {mode: real(fused(deepcopy(validated), grad))["sum"]
                for mode, grad in (("grad_on", torch.enable_grad()), ("no_grad", torch.no_grad()))}  # fmt: skip
        ours = as_json(provenance(resolve(str(path))))
        print(json.dumps({"state": name, "real": says, "fused": left, "ours": ours}), flush=True)
        strip_optimizer(path)


if __name__ == "__main__":
    main()

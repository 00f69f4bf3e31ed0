"""Inside the process of a classic host: every state of ``requires_grad`` that its own functions leave, and the probe's.

Prints one line of JSON for each state: what the real model says (``sum`` over its parameters that require a gradient,
``total``, ``non_leaf``) and what yolo-probe says of it, live or as a file.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn
from yolov5.models.yolo import Model
from yolov5.utils import torch_utils
from yolov5.utils.general import strip_optimizer

from yolo_probe import explain_gradients
from yolo_probe.hosts.target import resolve
from yolo_probe.reports.gradients import as_json, provenance

NEW = Model(str(Path(torch_utils.__file__).parents[1] / "models" / "yolov5n.yaml"), ch=3, nc=2)


def built(freeze: tuple[int, ...] = ()) -> Any:
    """A new model, its rows frozen as train.py does it."""
    model = deepcopy(NEW)
    prefixes = tuple(f"model.{row}." for row in freeze)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not (prefixes and name.startswith(prefixes))
    return model


def averaged(model: Any) -> Any:
    """The EMA copy."""
    return torch_utils.ModelEMA(model).ema


def fused(model: Any, grad: Any) -> Any:
    """The model after its own fuse(), in evaluation mode as attempt_load has it."""
    model.eval()
    with grad:
        return model.fuse()


def synchronized(model: Any) -> Any:
    """The model as a training on several GPUs has it."""
    return nn.SyncBatchNorm.convert_sync_batchnorm(model)


def pruned(model: Any) -> Any:
    """The model after the host's own pruning."""
    torch_utils.prune(model, 0.3)
    return model


def states() -> Iterator[tuple[str, Any]]:
    """A name and a model for each state."""
    on, off, inference = torch.enable_grad(), torch.no_grad(), torch.inference_mode()
    ten = tuple(range(10))
    yield "fresh", built()
    yield "freeze 10", built(ten)
    yield "freeze 0 5", built((0, 5))
    yield "EMA", averaged(built())
    yield "fused, grad on", fused(built(), on)
    yield "fused, grad on, copied", deepcopy(fused(built(), on))
    yield "fused, no_grad", fused(built(), off)
    yield "fused, inference_mode", fused(built(), inference)
    yield "EMA fused, grad on", fused(averaged(built()), on)
    yield "EMA fused, no_grad", fused(averaged(built()), off)
    yield "freeze 10 fused, grad on", fused(built(ten), on)
    yield "freeze 10 fused, no_grad", fused(built(ten), off)
    yield "SyncBatchNorm", synchronized(built(ten))
    yield "pruned", pruned(built(ten))
    yield "wrapped", nn.DataParallel(built(ten))
    alone = built()
    alone.model[3].conv.weight.requires_grad_(False)
    yield "one tensor frozen", alone


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """A name and a checkpoint for each way in which the host saves, as its train.py puts them together."""
    for name, freeze in (("", ()), (" freeze 10", tuple(range(10)))):
        model = built(freeze)
        ema = torch_utils.ModelEMA(model)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        opt = {"freeze": list(freeze) and [10]} if name else {}
        state = {"epoch": 1, "best_fitness": 0.0, "model": deepcopy(model).half(), "ema": deepcopy(ema.ema).half(),
                 "updates": 1, "optimizer": optimizer.state_dict(), "opt": opt, "date": None}  # fmt: skip
        path = folder / f"last{name}.pt".replace(" ", "-")
        torch.save(state, path)
        yield f"unstripped{name}", path
        only = folder / f"model-only{name}.pt".replace(" ", "-")
        torch.save(state | {"ema": None, "updates": None}, only)
        yield f"model only{name}", only
        stripped = folder / f"best{name}.pt".replace(" ", "-")
        strip_optimizer(str(path), str(stripped))
        yield f"stripped{name}", stripped
    for name, mode in (("grad on", torch.enable_grad()), ("no_grad", torch.no_grad())):
        path = folder / f"fused-{name}.pt".replace(" ", "-")
        torch.save({"epoch": -1, "model": fused(built(), mode), "ema": None, "optimizer": None}, path)
        yield f"saved after fuse(), {name}", path


def real(model: nn.Module) -> dict[str, int]:
    """What torch says of a model."""
    parameters = list(model.parameters())
    return {
        "sum": sum(each.numel() for each in parameters if each.requires_grad),
        "total": sum(each.numel() for each in parameters),
        "non_leaf": sum(not each.is_leaf for each in parameters),
    }


def real_fused(model: nn.Module) -> dict[str, int]:
    """What torch says of a saved copy after the host's own fuse(), with autograd on and under no_grad."""
    modes = {"grad_on": torch.enable_grad(), "no_grad": torch.no_grad()}
    return {name: real(fused(deepcopy(model).float(), mode))["sum"] for name, mode in modes.items()}


def main() -> None:
    folder = Path(sys.argv[1])
    for name, model in states():
        flags = [each.requires_grad for each in model.parameters()]
        ours = explain_gradients(model).as_json()
        unharmed = flags == [each.requires_grad for each in model.parameters()]
        print(json.dumps({"state": name, "real": real(model), "ours": ours, "unharmed": unharmed}), flush=True)
    for name, path in files(folder):
        saved = torch.load(path, weights_only=False)
        copies = {key: saved[key] for key in ("model", "ema") if saved.get(key) is not None}
        says = {key: real(copy) for key, copy in copies.items()}
        validated = copies.get("ema", copies.get("model"))
        ours = as_json(provenance(resolve(str(path))))
        print(json.dumps({"state": name, "real": says, "fused": real_fused(validated), "ours": ours}), flush=True)


if __name__ == "__main__":
    main()

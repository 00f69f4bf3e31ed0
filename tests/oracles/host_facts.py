"""What a real YOLOv5 and the real counters say of networks: a process that has one host on its path answers requests.

One JSON object a line comes in on standard input, one goes out on standard output, in order; all that host and
counters print goes to standard error. A request names a network, what to save and what to count; the answer holds
figures alone. Counting runs on the meta device: no kernel, the same digits. This file imports nothing of yolo_probe.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from tests.oracles.meta_shapes import answer_by_shape, same
from tests.oracles.real_counters import ThopReleases, exact_totals

Request = dict[str, Any]
Answer = dict[str, Any]

SMALL = 12_000_000
"""Parameters up to which a network is trained, stripped and loaded by the host's own functions, weights and all."""


LEAVE_NOTHING_BEHIND = ("ultralytics-thop-2.1.3", "ultralytics-thop-2.2", "torch")
"""Counters that need no copy of the model; the others leave buffers and hooks in it."""


class Counters(ThopReleases):
    """The real thop releases, for the host too."""

    def use(self, name: str) -> Any:
        """That release as the ``thop`` of this process and of the host."""
        thop = super().use(name)
        for module in (yolo, torch_utils):
            if hasattr(module, "thop"):
                module.thop = thop
        return thop

    def count(self, name: str, model: nn.Module, size: tuple[int, int]) -> int:
        """FLOPs of one image: of thop, twice the MACs."""
        model = (model if name in LEAVE_NOTHING_BEHIND else deepcopy(model)).eval()
        channels = model.yaml["ch"] if hasattr(model, "yaml") else 3  # a classification model has none
        image = torch.empty(1, channels, *size, device=next(model.parameters()).device)
        if name == "torch":
            with FlopCounterMode(display=False) as counter, torch.no_grad():
                model(image)
            return int(counter.get_total_flops())
        with exact_totals(name):
            macs = self.use(name).profile(model, inputs=(image,), verbose=False)[0]
        assert macs == int(macs), f"{name} gives a fraction: {macs}"
        return 2 * int(macs)


class Lines(logging.Handler):
    """The summary lines that the host logs."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if "ummary: " in message:
            self.lines.append(message)

    def take(self) -> str:
        """The only line since the last call."""
        (line,), self.lines = self.lines, []
        return line


def normalize_by_shape() -> None:
    """Let BatchNorm on the meta device answer with its shape in torch's own counter, too, which takes it apart."""
    batch_norm = nn.functional.batch_norm

    def by_shape(image: torch.Tensor, *rest: Any, **options: Any) -> torch.Tensor:
        return same(image) if image.is_meta else batch_norm(image, *rest, **options)

    nn.functional.batch_norm = by_shape


def leave_weights_unset() -> None:
    """Layers keep the memory they get: no figure depends on a weight, and setting them takes most of a build."""
    for name in ("kaiming_uniform_", "uniform_", "normal_", "xavier_uniform_", "kaiming_normal_"):
        setattr(nn.init, name, lambda tensor, *_, **__: tensor)


def build(request: Request) -> nn.Module:
    """The network as the host builds it for training; its line is logged."""
    if DEFAULT_ACTIVATION is not None:
        common.Conv.default_act = DEFAULT_ACTIVATION  # a YAML with an activation sets it for the whole process
    kind = getattr(yolo, "SegmentationModel" if request.get("segmentation") else "Model")
    options = {key: request[key] for key in ("ch", "nc", "anchors") if key in request}
    model = kind(request["cfg"], **options)
    if classes := request.get("classify"):
        log.lines.clear()
        model = yolo.ClassificationModel(model=model, nc=classes)
        torch_utils.model_info(model)
        return model.train()
    model.nc = model.yaml["nc"]
    model.hyp = {"lr0": 0.01}
    return model.train()


def without_weights(model: nn.Module) -> nn.Module:
    """A copy on the meta device; plain attributes stay what they are."""
    memo: dict[int, object] = {}
    for parameter in model.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().float().to("meta"), parameter.requires_grad)
    for buffer in model.buffers():
        memo[id(buffer)] = buffer.to("meta")
    return deepcopy(model, memo)


def figures(model: nn.Module) -> Answer:
    """Layers by each definition, parameters, gradients."""
    modules = list(model.modules())
    parameters = list(model.parameters())
    return {
        "layers_by_definition": {
            "modules": len(modules),
            "leaf_modules": sum(not module._modules for module in modules),
            "parameter_tensors": len(parameters),
        },
        "parameters": sum(parameter.numel() for parameter in parameters),
        "gradients": sum(parameter.numel() for parameter in parameters if parameter.requires_grad),
    }


def counts(model: nn.Module, request: Request) -> Answer:
    """FLOPs by counter and size."""
    return {
        name: {f"{h},{w}": counters.count(name, model, (h, w)) for h, w in sizes}
        for name, sizes in request.get("count", {}).items()
    }


def lines_by_counter(model: nn.Module, request: Request) -> dict[str, str]:
    """The host's line of this state with each release of thop installed."""
    found = {}
    for name in request.get("lines", []):
        counters.use(name)
        torch_utils.model_info(model)
        found[name] = log.take()
    counters.use(INSTALLED)
    return found


def freeze(model: nn.Module, rows: int) -> None:
    """What ``train.py --freeze`` does."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not any(name.startswith(f"model.{row}.") for row in range(rows))


def checkpoint(model: nn.Module, request: Request) -> Answer:
    """What the host's ``train.py`` saves at the end of an epoch, in its order."""
    if request["small"]:
        ema = torch_utils.ModelEMA(model)
        copies = {"model": deepcopy(model).half(), "ema": deepcopy(ema.ema).half(), "updates": ema.updates}
    else:  # one copy serves as both
        for parameter in model.parameters():
            parameter.requires_grad = False
        copies = {"model": model.eval().half(), "ema": model, "updates": 0}
    optimizer = torch.optim.SGD(list(model.parameters()), lr=0.01, momentum=0.9)
    content = {"epoch": 2, "best_fitness": 0.5} | ({"training_results": ""} if HOST == "5.0.0" else {}) | copies
    content["optimizer"] = optimizer.state_dict()
    if HOST < "6.2":
        content |= {"wandb_id": None} | ({} if HOST == "5.0.0" else {"neptune_id": None})
    if HOST >= "6.1":
        options = {"weights": "", "cfg": f"{request['id']}.yaml", "imgsz": 640, "freeze": request.get("freeze", [0])}
        content |= {"opt": options, "date": datetime.now().isoformat()}
    if HOST >= "7":
        content |= {"yolov5pip_version": HOST}
    if request.get("classify"):  # classify/train.py saves the EMA as the model
        content |= {"model": content["ema"], "ema": None, "optimizer": None}
    return content


def save(model: nn.Module, request: Request) -> None:
    """The file that the host's trainer leaves behind, in the form that the request names."""
    path, form = request["file"], request.get("form", "stripped")
    content = checkpoint(model, request)
    if form == "fp32":
        content |= {"model": torch_utils.ModelEMA(model).ema, "ema": None}
    elif form == "model_only":
        content["ema"] = None
    elif form == "stripped" and not request.get("classify"):  # classify/train.py does not strip
        with loading(content):
            general.strip_optimizer(path, path)
    if form != "stripped" or request.get("classify") or not request.get("zip", True):
        torch.save(content, path, _use_new_zipfile_serialization=request.get("zip", True))


@contextmanager
def loading(content: Request) -> Iterator[None]:
    """``torch.load`` gives this content: what is to be read back need not be written first."""
    load, torch.load = torch.load, lambda *_, **__: content
    try:
        yield
    finally:
        torch.load = load


def facts(request: Request) -> Answer:
    """All that the request asks of one network, saved last."""
    log.lines.clear()
    counters.use(INSTALLED)
    model = build(request)
    answer: Answer = {"id": request["id"], "host": HOST, "built_line": log.take()}
    if rows := request.get("freeze_rows"):
        freeze(model, rows)
        answer["gradients_frozen"] = figures(model)["gradients"]
    prune(model, request)
    small = sum(parameter.numel() for parameter in model.parameters()) <= SMALL
    meta = without_weights(model)
    answer["training"] = figures(meta) | {"flops": counts(meta, request), "lines": lines_by_counter(meta, request)}
    if request.get("kernels"):
        answer["kernels"] = {name: counters.count(name, model, (640, 640)) for name in request["count"]}

    if request.get("trainable"):
        answer["trainable"] = fused_trainable(meta)
    for parameter in meta.parameters():
        parameter.requires_grad = False  # as EMA and strip_optimizer leave it
    meta.eval().fuse()
    fused_line = log.take()
    answer["validation"] = figures(meta) | {"flops": counts(meta, request), "lines": lines_by_counter(meta, request)}
    answer["validation"]["line"] = fused_line

    if request.get("file"):
        save(model, request | {"small": small})
        if small:
            log.lines.clear()
            loaded = experimental.attempt_load(request["file"])
            answer["loaded"] = figures(loaded) | {"line": log.take()}
    return answer


def opened(request: Request) -> Answer:
    """What the host says of a checkpoint that others made; only what it prints when it loads it."""
    log.lines.clear()
    for name in [name for name in sys.modules if name.startswith("yolov5.models")]:
        sys.modules[name.removeprefix("yolov5.")] = sys.modules[name]  # as in a checkout, where both are one
    counters.use(INSTALLED)
    content = torch.load(request["open"], map_location="cpu", weights_only=False)
    model = without_weights((content.get("ema") or content["model"]).float())
    for module in model.modules():
        if isinstance(getattr(module, "anchor_grid", None), torch.Tensor):  # as attempt_load repairs it, after fuse()
            del module.anchor_grid
            module.anchor_grid = [torch.zeros(1)] * module.nl
        if isinstance(module, nn.Upsample) and not hasattr(module, "recompute_scale_factor"):
            module.recompute_scale_factor = None
    answer: Answer = {"id": request["id"], "training": figures(model) | {"flops": counts(model, request)}}
    model.fuse()
    answer["validation"] = figures(model) | {"flops": counts(model, request)}
    log.lines.clear()
    answer["loaded"] = figures(experimental.attempt_load(request["open"])) | {"line": log.take()}
    return answer


def fused_trainable(model: nn.Module) -> dict[str, int]:
    """Gradients after ``fuse()`` of a trainable network, with gradients recorded and without."""
    found = {}
    for name, grad in (("grad", True), ("no_grad", False)):
        copy = deepcopy(model)
        with torch.set_grad_enabled(grad):
            copy.fuse()
        found[name] = figures(copy)["gradients"]
    log.lines.clear()
    return found


def prune(model: nn.Module, request: Request) -> None:
    """Narrow the hidden channels of Bottlenecks for real: the first convolution gives fewer, the second takes fewer."""
    for number, kept in enumerate(request.get("prune", [])):
        block = [module for module in model.modules() if type(module) is common.Bottleneck][number]
        first, second = block.cv1, block.cv2
        channels = max(1, int(first.conv.out_channels * kept))
        norm = nn.BatchNorm2d(channels, first.bn.eps, first.bn.momentum)
        first.conv.weight = nn.Parameter(first.conv.weight.detach()[:channels].clone())
        first.conv.out_channels = channels
        first.bn = norm
        second.conv.weight = nn.Parameter(second.conv.weight.detach()[:, :channels].clone())
        second.conv.in_channels = channels


def answer_all() -> None:
    """One answer for each request; a request that fails is answered with its traceback."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = opened(request) if "open" in request else facts(request)
        except Exception:
            answer = {"id": request["id"], "failed": traceback.format_exc()}
        replies.write(json.dumps(answer) + "\n")
        replies.flush()


replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # before the imports: ultralytics prints when its settings were another release's
HOST, folders = sys.argv[1], json.loads(sys.argv[2])
INSTALLED = "ultralytics-thop-2.2"
torch.set_num_threads(1)
torch.set_flush_denormal(True)
sys.path.insert(0, folders[INSTALLED])
from yolov5.models import common, experimental, yolo  # noqa: E402
from yolov5.utils import general, torch_utils  # noqa: E402

DEFAULT_ACTIVATION = getattr(common.Conv, "default_act", None)
experimental.attempt_download = lambda path, *_, **__: path  # the file is there: nobody is to be asked for it
counters = Counters(folders)
by_shape = answer_by_shape()
normalize_by_shape()
leave_weights_unset()
log = Lines()
logger = getattr(torch_utils, "LOGGER", None) or torch_utils.logger
logger.setLevel(logging.INFO)
logger.addHandler(log)

if __name__ == "__main__":
    answer_all()

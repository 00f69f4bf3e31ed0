"""Inside the process of a real host: one network in every wrapping, its line by the host and by yolo-probe.

Argument: ``classic`` or ``ultralytics``. Prints one line of JSON for each wrapping.
"""

from __future__ import annotations

import json
import sys
import threading
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import torch
from torch import distributed, nn
from torch.ao import quantization
from torch.ao.quantization import quantize_fx
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

from tests.fingerprints import fingerprint, said
from yolo_probe.training import dropin

warnings.simplefilter("ignore")
Wrap = Callable[[Any], Any]
MINIMUM = quantization.QConfig(quantization.MinMaxObserver, quantization.default_weight_observer)
"""Observers that take whatever a host's image of undefined values holds."""


def each_convolution(change: Callable[[nn.Module], object]) -> Wrap:
    """That change to a few convolutions of a model."""

    def changed(model: nn.Module) -> nn.Module:
        for module in [module for module in model.modules() if type(module) is nn.Conv2d][:5]:
            change(module)
        return model

    return changed


def having(**attributes: object) -> Wrap:
    """Those attributes on the model, beside torch's own."""

    def changed(model: nn.Module) -> nn.Module:
        vars(model).update(attributes)
        return model

    return changed


def pruned(model: nn.Module) -> nn.Module:
    with torch.no_grad():
        return each_convolution(lambda conv: prune.l1_unstructured(conv, "weight", 0.3))(model)


def prepared(model: nn.Module) -> nn.Module:
    model.eval()
    model.qconfig = MINIMUM
    return quantization.prepare(model)


def prepared_for_training(model: nn.Module) -> nn.Module:
    model.train()
    model.qconfig = quantization.get_default_qat_qconfig("fbgemm")
    return quantization.prepare_qat(model)


def fused_and_prepared(model: nn.Module) -> nn.Module:
    model.train()
    for module in model.modules():
        if type(module).__name__ == "Conv":
            quantization.fuse_modules_qat(module, ["conv", "bn"], inplace=True)
    return prepared_for_training(model)


def prepared_graph(model: Any) -> Any:
    mapping = quantization.QConfigMapping().set_global(MINIMUM)
    row = model.model[2]
    row.m = quantize_fx.prepare_fx(row.m.eval(), mapping, (torch.zeros(1, 8, 8, 8),))
    return model


def hooked(model: nn.Module) -> nn.Module:
    for module in model.modules():
        module.register_forward_hook(FIRED)
        module.register_forward_pre_hook(FIRED)
    return model


class Fired:
    """A hook that counts."""

    times = 0

    def __call__(self, *_: object) -> None:
        self.times += 1

    def __deepcopy__(self, memo: object) -> Fired:
        return self


FIRED = Fired()


def knows_its_owner(model: Any) -> Any:
    trainer = SimpleNamespace(model=model, lock=None, seen=[])
    vars(model.model[0])["parent"] = model
    model.model[1].owners = [model, trainer]
    model.trainer = trainer
    return model


class Answering(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A row that looks its attributes up in the row inside, and writes on an object of its own."""

    def __init__(self, row: nn.Module) -> None:
        super().__init__()
        self.row = row
        self.seen = SimpleNamespace(last=None)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("row"), name)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.last = self.row(x)
        return self.seen.last


def answering(model: Any) -> Any:
    model.model[0] = Answering(model.model[0])
    return model


class Mixing(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A row whose channels a quantised linear layer then mixes; it takes whatever a host's image holds."""

    def __init__(self, row: Any) -> None:
        super().__init__()
        channels = row.conv.out_channels
        self.row, self.i, self.f = row, row.i, row.f
        self.mix = quantization.quantize_dynamic(nn.Sequential(nn.Linear(channels, channels)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        numbers = torch.nan_to_num(self.row(x), 0.0, 1.0, 0.0)
        return self.mix(numbers.transpose(1, 3)).transpose(1, 3)


def quantised(model: Any) -> Any:
    model.model[1] = Mixing(model.model[1])
    return model


WRAPPINGS: Mapping[str, Wrap] = {
    "bare": lambda model: model,
    "DataParallel": nn.DataParallel,
    "DistributedDataParallel": nn.parallel.DistributedDataParallel,
    "torch.compile": lambda model: torch.compile(model, backend="eager"),
    "half": lambda model: model.half(),
    "bfloat16": lambda model: model.bfloat16(),
    "SyncBatchNorm": nn.SyncBatchNorm.convert_sync_batchnorm,
    "pruned": pruned,
    "pruned while gradients are on": each_convolution(lambda conv: prune.l1_unstructured(conv, "weight", 0.3)),
    "weight norm": each_convolution(parametrizations.weight_norm),
    "weight norm by hooks": each_convolution(weight_norm),
    "spectral norm": each_convolution(parametrizations.spectral_norm),
    "spectral norm by hooks": each_convolution(spectral_norm),
    "prepared": prepared,
    "prepared for training": prepared_for_training,
    "fused and prepared": fused_and_prepared,
    "a prepared graph": prepared_graph,
    "hooks": hooked,
    "a lock": lambda model: having(lock=threading.Lock())(model),
    "a generator": lambda model: having(numbers=(i for i in range(3)), random=torch.Generator())(model),
    "its owner": knows_its_owner,
    "attributes of another": answering,
    "quantised": quantised,
}


ROWS = """
nc: 2
depth_multiple: 1.0
width_multiple: 1.0
backbone: [[-1, 1, Conv, [8, 3, 2]], [-1, 1, Conv, [16, 3, 2]], [-1, 1, C3, [16]], [-1, 1, SPP, [16, [3, 5]]]]
"""
CLASSIC = f"anchors: [[10, 13, 16, 30]]{ROWS}head: [[[3], 1, Detect, [nc, anchors]]]"
NEWER = f"{ROWS}head: [[[3], 1, Detect, [nc]]]"


def main(host: str, folder: Path) -> None:
    file = folder / "yolov5-small.yaml"
    file.write_text(CLASSIC if host == "classic" else NEWER, encoding="utf-8")
    build: Callable[[], Any]
    if host == "classic":
        from yolov5.models.yolo import Model
        from yolov5.utils import torch_utils

        build = partial(Model, str(file))
    else:
        from ultralytics.nn.tasks import DetectionModel
        from ultralytics.utils import torch_utils

        build = partial(DetectionModel, str(file), verbose=False)
    averaged = {"EMA": lambda model: torch_utils.ModelEMA(model).ema}
    for name, wrap in {**WRAPPINGS, **averaged}.items():
        model: Any = said(torch_utils.LOGGER, partial(lambda wrap: wrap(build()), wrap))[1]
        real = said(torch_utils.LOGGER, partial(torch_utils.model_info, model))
        before, FIRED.times = fingerprint(model), 0
        dropin.install()
        ours = said(torch_utils.LOGGER, lambda: torch_utils.model_info(model))  # noqa: B023  # the name is the drop-in
        dropin.uninstall()
        unchanged = before == fingerprint(model) and not FIRED.times
        print(json.dumps({"wrapping": name, "host": real, "probe": ours, "unchanged": unchanged}), flush=True)


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=0, world_size=1)
        main(sys.argv[1], Path(folder))
        distributed.destroy_process_group()

"""Inside a process with one real counter: what it says of real networks in each mode, and what the probe says.

Arguments: the counter's name, the image size, ``cpu`` or ``meta``, and networks. Prints a line of JSON for each.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn

import yolo_probe

Measure = Callable[[nn.Module, torch.Tensor], "tuple[float, float | None]"]
"""Model and image to the figure in the counter's own unit and its total of parameters, if it has one."""


def thop(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    from thop import profile

    macs, parameters = profile(model, inputs=(image,), verbose=False)[:2]
    return macs, parameters


def fvcore(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    return fvcore_analysis(model, image).total(), None


def fvcore_analysis(model: nn.Module, image: torch.Tensor) -> Any:
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(model, image)
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)


def ptflops(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    from ptflops.pytorch_engine import get_flops_pytorch

    macs, parameters = get_flops_pytorch(model, tuple(image.shape[1:]), print_per_layer_stat=False)
    return macs, parameters


def ptflops_aten(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    from ptflops.aten_engine import get_flops_aten

    macs, parameters = get_flops_aten(model, tuple(image.shape[1:]), print_per_layer_stat=False)
    return macs, parameters


def torchprofile(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    from torchprofile import profile_macs

    return profile_macs(model, image), None


def torch_flops(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        model(image)
    return counter.get_total_flops(), None


def torchinfo(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    import torchinfo as package

    mode = "train" if model.training else "eval"
    found = package.summary(model, input_data=image, verbose=0, mode=mode, device=image.device)
    return found.total_mult_adds, found.total_params


def calflops(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    from calflops import calculate_flops

    flops, _, parameters = calculate_flops(
        model, args=[image], output_as_string=False, print_results=False, output_precision=20
    )
    return flops, parameters


def deepspeed(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    from deepspeed.profiling.flops_profiler import FlopsProfiler

    model.eval()  # as its own get_model_profile() does
    profiler = FlopsProfiler(model)
    profiler.start_profile()
    model(image)
    found = profiler.get_total_flops(), profiler.get_total_params()
    profiler.end_profile()
    return found


MEASURES: dict[str, Measure] = {
    "fvcore": fvcore,
    "ptflops": ptflops,
    "ptflops-aten": ptflops_aten,
    "torchprofile": torchprofile,
    "torch": torch_flops,
    "torchinfo": torchinfo,
    "calflops": calflops,
    "deepspeed": deepspeed,
}


def build(network: str) -> tuple[nn.Module, int]:
    """A network as its own host builds it, and the side of its image in full size."""
    if not network.startswith("yolov5"):
        import torchvision

        return torchvision.models.get_model(network, weights=None), 224
    import yolov5.models
    from yolov5.models.yolo import DetectionModel, SegmentationModel

    (path,) = Path(yolov5.models.__file__).parent.rglob(f"{network}.yaml")
    return (SegmentationModel if network.endswith("-seg") else DetectionModel)(str(path)), 640


def states(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The model as it trains, as it is evaluated, and fused."""
    yield "train", deepcopy(model).train()
    yield "unfused", deepcopy(model).eval()
    if hasattr(model, "fuse"):
        with torch.no_grad():
            yield "fused", deepcopy(model).eval().fuse()


def main() -> None:
    name, size, device, *networks = sys.argv[1:]
    measure = MEASURES.get(name, thop)
    warnings.simplefilter("ignore")
    logging.disable()
    for network in networks:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            answer = answer_on(name, measure, network, int(size), device)
        print(json.dumps({"network": network} | answer), flush=True)


def answer_on(name: str, measure: Measure, network: str, size: int, device: str) -> dict[str, Any]:
    """Each mode's figure and parameters, by the real counter and by the probe."""
    model, side = build(network)
    side = size or side
    ours = yolo_probe.compare_counters(model, (1, 3, side, side), counters=(name,)).counters[name]
    answer: dict[str, Any] = {}
    for mode, state in states(model):
        image = torch.zeros(1, 3, side, side, device=device)
        figure, parameters = measure(state.to(device), image)
        answer[mode] = {"real": [figure, parameters], "probe": [getattr(ours, mode), getattr(ours.parameters, mode)]}
    return answer


if __name__ == "__main__":
    main()

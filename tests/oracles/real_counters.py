"""The real counters in one process: how each is asked, and several releases of thop. Imports no yolo_probe.

A process is told of them by a JSON object on its command line: the counters' names, and for each thop its folder; all
other tools are on the path.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

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


class ThopReleases:
    """The releases in these folders, by a name for each."""

    def __init__(self, folders: Mapping[str, str]) -> None:
        self.modules = {name: _imported(folder) for name, folder in folders.items()}

    def use(self, name: str) -> Any:
        """That release as the ``thop`` that this process imports from now on."""
        _forget()
        sys.modules.update(self.modules[name])
        return self.modules[name]["thop"]


def _imported(folder: str) -> dict[str, Any]:
    _forget()
    sys.path.insert(0, folder)
    import thop

    sys.path.remove(folder)
    assert Path(thop.__file__).is_relative_to(folder), f"{thop.__file__} is not in {folder}"
    return {name: module for name, module in sys.modules.items() if name.split(".")[0] == "thop"}


def _forget() -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "thop"]:
        del sys.modules[name]


class RealCounters:
    """Those that a process is told of."""

    def __init__(self, argument: str) -> None:
        folders: dict[str, str] = json.loads(argument)
        self.names = tuple(folders)
        self._thops = ThopReleases({name: folder for name, folder in folders.items() if folder})
        for name in self.names:  # a tool imports what it needs when it is asked: before anything is put back
            with quiet():
                self._ask(name)(nn.Conv2d(3, 4, 1).eval(), torch.zeros(1, 3, 8, 8))

    def __call__(
        self, name: str, model: nn.Module, image: Any, ask: Measure | None = None
    ) -> tuple[float, float | None]:
        """That counter's figure and its total of parameters; ``ask``: another way to ask it."""
        own = self._ask(name)
        with _restored(torch, nn.functional, torch.Tensor), quiet():
            return (ask or own)(model, image)

    def _ask(self, name: str) -> Measure:
        if name in self._thops.modules:
            self._thops.use(name)
        return MEASURES.get(name, thop)


@contextlib.contextmanager
def exact_totals(name: str) -> Iterator[None]:
    """What is made and counted here has exact totals: those of thop's releases of 2019 lose digits in FP32."""
    if name == "thop-2019":
        torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Nothing that is printed is seen."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def _restored(*spaces: Any) -> Iterator[None]:
    """Puts functions back that a tool leaves replaced where it fails, as calflops does."""
    before = [dict(vars(space)) for space in spaces]
    try:
        yield
    finally:
        for space, kept in zip(spaces, before, strict=True):
            for name, value in kept.items():
                if vars(space).get(name) is not value:
                    setattr(space, name, value)

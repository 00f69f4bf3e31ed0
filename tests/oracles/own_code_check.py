"""Inside a process with the real thop and fvcore: what they and FlopCounterMode count of each network, beside ours.

Prints one line of JSON for each network of ``own_code``.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import thop
import torch
from fvcore.nn import FlopCountAnalysis
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import yolo_probe
from tests.fingerprints import fingerprint
from tests.oracles.own_code import CASES, REFUSED

warnings.simplefilter("ignore")


def by_torch(model: nn.Module, x: torch.Tensor) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(x)
    return int(counter.get_total_flops())


def by_fvcore(model: nn.Module, x: torch.Tensor) -> int:
    for parameter in model.parameters():
        parameter.requires_grad_(False)  # else tracing refuses a parameter in a closure
    analysis = FlopCountAnalysis(model, x).unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return int(analysis.total())


def by_thop(model: nn.Module, x: torch.Tensor) -> int:
    return int(thop.profile(model, inputs=(x,), verbose=False)[0])


REAL: dict[str, Callable[[nn.Module, torch.Tensor], int]] = {"torch": by_torch, "fvcore": by_fvcore, "thop": by_thop}


def figure(call: Callable[[], int]) -> Any:
    """The figure, or that there is none."""
    try:
        return call()
    except (RuntimeError, ValueError, yolo_probe.errors.ProbeError):
        return "refused"


def main() -> None:
    for name, make in {**CASES, **REFUSED}.items():
        model, x = make()
        model.eval()
        before = fingerprint(model)
        ours = {each: figure(lambda: yolo_probe.count_flops(model, x, each).total) for each in REAL}  # noqa: B023
        unchanged = before == fingerprint(model)
        real = {each: figure(lambda: measure(make()[0].eval(), x)) for each, measure in REAL.items()}  # noqa: B023
        print(json.dumps({"network": name, "real": real, "probe": ours, "unchanged": unchanged}), flush=True)


if __name__ == "__main__":
    main()

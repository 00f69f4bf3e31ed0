"""Inside a process with a real thop: custom rules on custom networks, by thop and by the probe.

Argument: the convention of that thop. Prints one line of JSON for each set of rules.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import thop
import torch
from torch import nn

import yolo_probe
from tests.custom_modules import Apply, Network, rows
from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.live.applied_rules import CustomOps
from yolo_probe.live.live import Live

IMAGE = (1, 3, 16, 16)


def outputs(module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> None:
    """One for each value that comes in and two for each that goes out."""
    module.total_ops += torch.DoubleTensor([inputs[0].numel() + 2 * output.numel()])


class Block(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Two convolutions, one of which stands in two places, and a product."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(8, 8, 1)
        self.second = self.third = nn.Conv2d(8, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.third(self.second(self.first(x))))
        return y.flatten(2) @ rows(x)


class Narrow(nn.Conv2d):  # type: ignore[misc]  # torch is not read by mypy
    """A subclass of a module that thop knows."""


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "block": lambda: Network(Block()),
    "subclass": lambda: Network(nn.Sequential(Narrow(8, 4, 1), nn.SiLU())),
    "function": lambda: Network(Apply(lambda x: torch.einsum("nchw,ndhw->ncd", x, x))),
}
RULES: dict[str, dict[type, Any]] = {
    "a block": {Block: outputs},
    "a torch module": {nn.Conv2d: outputs},
    "an activation": {nn.SiLU: outputs},
    "a function's module": {Apply: outputs},
    "the model": {Network: outputs},
    "every module": {nn.Module: outputs},
    "a container": {nn.Sequential: outputs},
    "a block and what is inside": {Block: outputs, nn.BatchNorm2d: outputs},
}


def main() -> None:
    convention = CONVENTIONS[sys.argv[1]]
    for name, build in NETWORKS.items():
        for kind, rules in RULES.items():
            model = build()
            model.eval()
            macs = thop.profile(deepcopy(model), inputs=(torch.zeros(IMAGE),), custom_ops=rules, verbose=False)[0]
            records = Live(model, CustomOps(rules, convention.subclasses)).trace(IMAGE).records
            ours = charge(records, convention).flops // 2
            answer = {"case": f"{name}, {kind}", "thop": int(macs), "probe": ours}
            if convention.functions:
                image = torch.empty(1, 3, 640, 640)
                macs = thop.profile(model, inputs=(image,), custom_ops=rules, verbose=False, stride=32)[0]
                result = yolo_probe.model_info(model, custom_ops=rules)
                assert result is not None
                answer |= {"thop's line": macs / 1e9 * 2, "probe's line": result[3]}
            print(json.dumps(answer))


if __name__ == "__main__":
    main()

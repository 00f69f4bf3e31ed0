"""Run inside yolov5==7.0.14: its line of a network with each case in a row, and the drop-in's. Prints JSON lines.

Argument: the module of this package that has the cases.
"""

from __future__ import annotations

import importlib
import json
import sys
import warnings
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from math import prod

import torch
from torch import nn
from yolov5.models.yolo import DetectionModel
from yolov5.utils import torch_utils

import yolo_probe
from tests.fingerprints import said
from tests.sweep.case import Case

NETWORK = {
    "nc": 80,
    "depth_multiple": 0.33,
    "width_multiple": 0.25,
    "anchors": [[10, 13, 16, 30, 33, 23]],
    "backbone": [[-1, 1, "Conv", [64, 6, 2, 2]], [-1, 1, "Conv", [128, 3, 4]], [-1, 1, "SPPF", [128, 5]]],
    "head": [[-1, 1, "Conv", [128, 3, 4]], [[-1], 1, "Detect", ["nc", "anchors"]]],
}
"""The least that the host builds as it does yolov5n: the line is asked for 350 times."""

ROW = 2


class Beside(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A row that gives its input, and on the way runs a case on as many values as that takes."""

    def __init__(self, row: nn.Module, case: Case) -> None:
        super().__init__()
        self.i, self.f, self.type, self.np = row.i, row.f, row.type, row.np
        self.case, (self.shape,) = case.make(), case.shapes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The input, changed by nothing, as far as a counter sees."""
        values = x.flatten()[:1].expand(prod(self.shape)).reshape(self.shape).clone()
        self.case(values)
        return x


def line(call: Callable[[nn.Module], object], model: nn.Module) -> list[str]:
    """What a call logs of a model."""
    return said(torch_utils.LOGGER, partial(call, model))[0]


def main(module: str) -> None:
    """Print both lines of each case."""
    warnings.simplefilter("ignore")
    host = torch_utils.model_info
    plain = DetectionModel(deepcopy(NETWORK)).eval()
    cases: Mapping[str, Case] = importlib.import_module(f"tests.sweep.{module}").CASES
    for name, case in cases.items():
        model = deepcopy(plain)
        model.model[ROW] = Beside(model.model[ROW], case)
        print(json.dumps({"case": name, "host": line(host, model), "ours": line(yolo_probe.model_info, model)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

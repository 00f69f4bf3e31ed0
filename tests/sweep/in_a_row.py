"""Run inside yolov5==7.0.14: its line with each case in row 9 of yolov5n, and the drop-in's. Prints JSON lines.

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
import yolov5
from torch import nn
from yolov5.models.yolo import DetectionModel
from yolov5.utils import torch_utils

import yolo_probe
from tests.fingerprints import said
from tests.sweep.case import Case


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
    plain = DetectionModel(f"{yolov5.__path__[0]}/models/yolov5n.yaml").eval()
    cases: Mapping[str, Case] = importlib.import_module(f"tests.sweep.{module}").CASES
    for name, case in cases.items():
        model = deepcopy(plain)
        model.model[9] = Beside(model.model[9], case)
        print(json.dumps({"case": name, "host": line(host, model), "ours": line(yolo_probe.model_info, model)}))


if __name__ == "__main__":
    main(*sys.argv[1:])

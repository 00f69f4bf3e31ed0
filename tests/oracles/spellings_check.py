"""Inside a process with one real counter: each way to write a sum or a product.

Argument: the counter's name. Prints a line of JSON for each: what the real counter says, and the probe.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

import torch
from torch import nn

import yolo_probe
from tests.oracles.counters_check import MEASURES, thop

SPELLINGS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "a + b": lambda a, b: a + b,
    "a.add(b)": lambda a, b: a.add(b),
    "torch.add": lambda a, b: torch.add(a, b),
    "a.add_(b)": lambda a, b: a.clone().add_(b),
    "a += b": lambda a, b: a.clone().__iadd__(b),
    "sum": lambda a, b: sum([a, b]),
    "a * b": lambda a, b: a * b,
    "a * 2": lambda a, b: a * 2,
    "2 * a": lambda a, b: 2 * a,
    "a.mul(b)": lambda a, b: a.mul(b),
    "a.mul(2)": lambda a, b: a.mul(2),
    "torch.mul": lambda a, b: torch.mul(a, b),
    "a.multiply(b)": lambda a, b: a.multiply(b),
    "a @ b": lambda a, b: a @ b,
    "a.matmul(b)": lambda a, b: a.matmul(b),
    "torch.matmul": lambda a, b: torch.matmul(a, b),
    "a.bmm(b)": lambda a, b: a.flatten(0, 1).bmm(b.flatten(0, 1)),
    "a.softmax": lambda a, b: a.softmax(1),
    "F.softmax": lambda a, b: nn.functional.softmax(a, 1),
}


class Spelled(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution, and what is done with its output."""

    def __init__(self, way: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv, self.way = nn.Conv2d(3, 4, 1, bias=False), way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return self.way(y, y)


def main() -> None:
    name = sys.argv[1]
    measure: Any = MEASURES.get(name, thop)
    warnings.simplefilter("ignore")
    logging.disable()
    for spelling, way in SPELLINGS.items():
        ours = yolo_probe.count_flops(Spelled(way), (1, 3, 8, 8), counter=name)
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            real = measure(Spelled(way).eval(), torch.zeros(1, 3, 8, 8))[0]
        print(json.dumps({"spelling": spelling, "real": real, "probe": ours.total}), flush=True)


if __name__ == "__main__":
    main()

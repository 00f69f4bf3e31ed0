"""Each way to write a sum or a product: `python -m tests.sweep --cases spellings`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import nn

from tests.sweep.case import Case

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


CASES: Mapping[str, Case] = {name: Case(partial(Spelled, way), ((1, 3, 8, 8),)) for name, way in SPELLINGS.items()}

"""A function that code kept before a counter replaced its name is not charged: real calflops has these figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import silu

from yolo_probe import count_flops

F = nn.functional


class Conv(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """As a fork's Conv, whose activation is an attribute of its class."""

    act: Any = nn.SiLU()

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.conv(x))


class Bound(Conv):
    act = staticmethod(F.silu)


class Listed(Conv):
    acts = (F.silu,)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.acts[0](self.conv(x))


class Named(Conv):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return silu(self.conv(x))


class Default(Conv):
    def forward(self, x: torch.Tensor, act: Callable[..., Any] = F.silu) -> torch.Tensor:
        return act(self.conv(x))


def activated(x: torch.Tensor) -> torch.Tensor:
    return silu(x)


class ByHelper(Conv):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return activated(self.conv(x))


def enclosing(act: Callable[..., Any]) -> type[Conv]:
    class Enclosed(Conv):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return act(self.conv(x))

    return Enclosed


class Asks(Conv):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.silu(self.conv(x))


class AsksOthers(Conv):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(silu(self.conv(x)))


CONVOLUTION, ACTIVATION = 2 * 8 * 30 * 30 * 27, 8 * 30 * 30


@pytest.mark.parametrize(
    ("kind", "activations"),
    [
        (Conv, 1), (Bound, 0), (Listed, 0), (Named, 0), (Default, 0), (ByHelper, 0), (enclosing(F.silu), 0), (Asks, 1),
        (AsksOthers, 1),
    ],
)  # fmt: skip
def test_a_function_that_was_kept_before_its_name_was_replaced_is_not_charged(
    kind: type[Conv], activations: int
) -> None:
    for counter in ("calflops", "deepspeed"):
        assert count_flops(kind(), 32, counter).total == CONVOLUTION + activations * ACTIVATION

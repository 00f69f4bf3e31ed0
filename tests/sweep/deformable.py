"""Torchvision's deformable convolution: `python -m tests.sweep --cases deformable`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import nn
from torchvision.ops import DeformConv2d, deform_conv2d

from tests.shims.deformable import define_deformable_convolution
from tests.sweep.case import Case

OPERATOR = define_deformable_convolution()
"""Torch takes the operator back when this is collected."""


class Deformed(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution that finds offsets, and perhaps a mask, for a deformable one."""

    def __init__(self, masked: bool = False, **options: Any) -> None:
        super().__init__()
        self.offset, self.masked = nn.Conv2d(8, 27, 3, padding=1), masked
        self.deform = DeformConv2d(8, 4, 3, padding=1, **options)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The deformable convolution of the input."""
        found = self.offset(x)
        return self.deform(x, found[:, :18], found[:, 18:] if self.masked else None)


class MaskedByName(Deformed):
    """The same with its mask by keyword, which a forward hook is not given."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The deformable convolution of the input."""
        found = self.offset(x)
        return self.deform(x, found[:, :18], mask=found[:, 18:])


class Called(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """The function, called by a module that is no deformable convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.offset, self.weight = nn.Conv2d(8, 18, 3, padding=1), nn.Parameter(torch.ones(4, 8, 3, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The deformable convolution of the input."""
        return deform_conv2d(x, self.offset(x), self.weight, padding=1)


NETWORKS: Mapping[str, Callable[[], nn.Module]] = {
    "deformable": Deformed,
    "deformable with a mask": partial(Deformed, masked=True),
    "deformable with a mask by keyword": MaskedByName,
    "deformable in groups": partial(Deformed, groups=2),
    "deformable without a bias": partial(Deformed, bias=False),
    "deformable, called as a function": Called,
}

CASES: Mapping[str, Case] = {name: Case(make, ((1, 8, 12, 12),)) for name, make in NETWORKS.items()}

"""Layers of torchvision as rows of a YOLOv5: their recipes give what the modules run, by every counter."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.live.test_pasted import Rows, assert_costs_what_it_runs, put_in_models


class Conv2dNormActivation(nn.Sequential):
    pasted_into = "torchvision.ops.misc"

    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1, g: int = 1) -> None:
        convolution = nn.Conv2d(c1, c2, k, s, k // 2, groups=g, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(c2), nn.ReLU6(inplace=True))
        self.out_channels = c2


class SqueezeExcitation(nn.Module):
    pasted_into = "torchvision.ops.misc"

    def __init__(self, c: int) -> None:
        super().__init__()
        self.avgpool, self.fc1, self.fc2 = nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 4, 1), nn.Conv2d(4, c, 1)
        self.activation, self.scale_activation = nn.SiLU(), nn.Sigmoid()

    def forward(self, x: Any) -> Any:
        return self.scale_activation(self.fc2(self.activation(self.fc1(self.avgpool(x))))) * x


class StochasticDepth(nn.Module):
    pasted_into = "torchvision.ops.stochastic_depth"

    def __init__(self) -> None:
        super().__init__()
        self.p, self.mode = 0.2, "row"

    def forward(self, x: Any) -> Any:
        if not self.training:
            return x
        return x * torch.empty(x.shape[0], 1, 1, 1, device=x.device).bernoulli_(1 - self.p).div_(1 - self.p)


class MBConv(nn.Module):
    pasted_into = "torchvision.models.efficientnet"

    def __init__(self, c: int) -> None:
        super().__init__()
        layers = (
            Conv2dNormActivation(c, 2 * c),
            Conv2dNormActivation(2 * c, 2 * c, 3, g=2 * c),
            SqueezeExcitation(2 * c),
        )
        self.block, self.stochastic_depth = nn.Sequential(*layers, Conv2dNormActivation(2 * c, c)), StochasticDepth()
        self.use_res_connect, self.out_channels = True, c

    def forward(self, x: Any) -> Any:
        y = self.stochastic_depth(self.block(x))
        y += x
        return y


class InvertedResidual(nn.Module):
    pasted_into = "torchvision.models.mobilenetv2"

    def __init__(self, c1: int, c2: int, s: int) -> None:
        super().__init__()
        last = nn.Conv2d(2 * c1, c2, 1, bias=False), nn.BatchNorm2d(c2)
        self.conv = nn.Sequential(Conv2dNormActivation(c1, 2 * c1, 3, s, c1), *last)
        self.stride, self.use_res_connect, self.out_channels, self._is_cn = s, s == 1 and c1 == c2, c2, s > 1

    def forward(self, x: Any) -> Any:
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


class BasicBlock(nn.Module):
    pasted_into = "torchvision.models.resnet"

    def __init__(self, c1: int, c2: int, s: int = 1) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c1, c2, 3, s, 1, bias=False), nn.BatchNorm2d(c2)
        self.conv2, self.bn2 = nn.Conv2d(c2, c2, 3, 1, 1, bias=False), nn.BatchNorm2d(c2)
        self.relu, self.stride, self.downsample = nn.ReLU(inplace=True), s, None
        if s > 1:
            self.downsample = nn.Sequential(nn.Conv2d(c1, c2, 1, s, bias=False), nn.BatchNorm2d(c2))

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


BLOCKS: Mapping[str, Callable[[], Rows]] = {
    "EfficientNet": lambda: [(MBConv(16), -1)],
    "MobileNetV2": lambda: [(InvertedResidual(16, 16, 1), -1), (InvertedResidual(16, 24, 2), -1)],
    "ResNet": lambda: [(nn.Sequential(BasicBlock(16, 16), BasicBlock(16, 24, 2)), -1)],
}


@pytest.fixture(autouse=True)
def as_in_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torchvision", "torchvision.models", "torchvision.ops"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    put_in_models(monkeypatch, list(globals().values()))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_layer_of_torchvision_costs_what_it_runs_by_every_counter(block: str, tmp_path: Path) -> None:
    assert_costs_what_it_runs(BLOCKS[block](), tmp_path)

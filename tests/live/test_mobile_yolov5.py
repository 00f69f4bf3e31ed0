"""What fuse() of mobile-yolov5 leaves is known from the file: inverted residuals of which it merges every BatchNorm."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

from collections import OrderedDict
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from torch import nn

from tests.live import test_pasted
from tests.live.test_fuses_of_forks import explained, macs
from tests.live.test_pasted import put_in_models


def merged(conv: nn.Conv2d) -> nn.Conv2d:
    """A new convolution, which trains."""
    sizes = (conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    return nn.Conv2d(*sizes, groups=conv.groups)


class Conv(test_pasted.Conv):
    def fuseforward(self, x: Any) -> Any:
        return self.act(self.conv(x))

    def merge(self) -> None:
        self.conv, self.bn = merged(self.conv), None
        self.__dict__["forward"] = self.fuseforward


class ConvBNReLU(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, k: int = 3, stride: int = 1, groups: int = 1) -> None:
        conv = nn.Conv2d(inputs, outputs, k, stride, k // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(outputs), nn.ReLU6())

    def fuseforward(self, x: Any) -> Any:
        return self[2](self[0](x))

    def merge(self) -> None:
        self[0], self[1] = merged(self[0]), None
        self.__dict__["forward"] = self.fuseforward


class InvertedResidual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, ratio: int) -> None:
        super().__init__()
        inside = inputs * ratio
        self.stride, self.use_res_connect = stride, stride == 1 and inputs == outputs
        wide = [ConvBNReLU(inputs, inside, 1)] if ratio != 1 else []
        deep = ConvBNReLU(inside, inside, 3, stride, inside)
        last = nn.Conv2d(inside, outputs, 1, bias=False)
        self.conv = nn.Sequential(*wide, deep, last, nn.BatchNorm2d(outputs))

    def forward(self, x: Any) -> Any:
        y = x
        for module in self.conv:
            y = y if module is None else module(y)
        return x + y if self.use_res_connect else y

    def fuseforward(self, x: Any) -> Any:
        return InvertedResidual.forward(self, x)

    def merge(self) -> None:
        conv, norm = list(self.conv._modules)[-2:]
        self.conv._modules[conv], self.conv._modules[norm] = merged(self.conv._modules[conv]), None
        self.__dict__["forward"] = self.fuseforward


class DwBottleneck(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv_in, self.conv_dw = Conv(c, 2 * c), Conv(2 * c, 2 * c)
        self.conv_out, self.bn, self.add = nn.Conv2d(2 * c, c, 1, bias=False), nn.BatchNorm2d(c), True

    def forward(self, x: Any) -> Any:
        return x + self.bn(self.conv_out(self.conv_dw(self.conv_in(x))))


class MobileBottleneck(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.bottleneck1 = DwBottleneck(c)
        self.bottlenecks = nn.Sequential(DwBottleneck(c), DwBottleneck(c))

    def forward(self, x: Any) -> Any:
        return self.bottlenecks(self.bottleneck1(x))


class Model(test_pasted.Model):
    pasted_into = "models.yolo"


@pytest.fixture(autouse=True)
def as_in_the_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_models(monkeypatch, list(globals().values()))


def mobile() -> nn.Module:
    rows = [
        (Conv(3, 16), -1), (InvertedResidual(16, 16, 1, 1), -1), (InvertedResidual(16, 16, 1, 6), -1),
        (InvertedResidual(16, 24, 2, 6), -1), (MobileBottleneck(24), -1), (nn.Conv2d(24, 4, 1), -1),
    ]  # fmt: skip
    model = Model(rows)
    model.md = {"nc": 1}
    return model.eval()


def fused(model: nn.Module) -> nn.Module:
    """A copy after what its fuse() does; each Conv keeps the name of its BatchNorm."""
    made = deepcopy(model)
    for module in list(made.modules()):
        module.__dict__["_modules"] = OrderedDict(module._modules)
        if hasattr(module, "merge"):
            module.merge()
    return made


def test_each_batch_norm_of_an_inverted_residual_is_merged_and_what_is_new_trains(tmp_path: Path) -> None:
    model = mobile()
    for parameter in model.parameters():
        parameter.requires_grad = False
    expected = list(fused(model).parameters())
    report = explained(model, tmp_path)
    assert report.question.subject.origin.fork == "mobile-yolov5"
    found = report.validation.summary
    assert found.layers.parameter_tensors == len(expected)
    assert found.parameters == sum(each.numel() for each in expected)
    assert found.gradients == sum(each.numel() for each in expected if each.requires_grad)
    assert report.training.summary.flops == 2 * macs(model)


def test_a_file_saved_after_its_fuse_has_both_states(tmp_path: Path) -> None:
    model = mobile()
    before = explained(model, tmp_path)
    after = explained(fused(model), tmp_path)
    assert after.saved_fused
    for state in ("training", "validation"):
        numbers, again = getattr(before, state).summary, getattr(after, state).summary
        assert (numbers.parameters, numbers.layers, numbers.flops) == (again.parameters, again.layers, again.flops)

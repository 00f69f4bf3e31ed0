"""The outputs of each row before and after ``fuse()``: rounding is not a difference, and nothing else is rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.live.test_watch import Network
from yolo_probe.reports.fused_outputs import FusedOutputs
from yolo_probe.training.output_drift import MAX_PARAMETERS, fused_outputs

SIZE = (96, 96)


class Head(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Sorts its scores, casts to FP32 on the way, and returns a nested output."""

    def forward(self, x: torch.Tensor) -> dict[str, object]:
        scores = x.float().flatten(1).to(torch.float32) + torch.ones(1)
        return {"best": scores.topk(5).values, "all": [scores, x]}


class Large(Network):
    """Refuses the small image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[-2:] != SIZE:
            raise ValueError("another size")
        return super().forward(x)


def trained(network: nn.Module) -> nn.Module:
    """The network with BatchNorms that change something."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                nn.init.uniform_(tensor, 0.1, 2)
    return network


def with_head() -> nn.Module:
    network = Network()
    network.model.append(Head())
    return network


def wide() -> nn.Module:
    network = Network()
    network.model[1] = nn.LazyConv2d(4, 1)
    return network


@pytest.mark.parametrize(("make", "size", "rows"), [(Network, (64, 64), 2), (Large, SIZE, 2), (with_head, (64, 64), 3)])
def test_rows_that_agree_up_to_rounding_are_the_same(
    make: Callable[[], nn.Module], size: tuple[int, int], rows: int
) -> None:
    network = trained(make())
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    found = fused_outputs(network, 3, SIZE)
    assert (found.size, found.rows, found.first) == (size, rows, None)
    assert found.largest is not None
    assert found.largest < 1e-12
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert not network.model[0]._forward_hooks


class Loses(Network):
    """A ``fuse()`` that moves one bias by a millionth of the output."""

    share = 1e-6

    def fuse(self) -> Network:
        super().fuse()
        with torch.no_grad():
            self.model[1].bias += self.share
        return self


class Breaks(Loses):
    """A ``fuse()`` that leaves no number."""

    share = float("nan")


def test_the_first_row_that_differs_is_named_with_by_how_much() -> None:
    found = fused_outputs(trained(Loses()), 3, SIZE).first
    assert found is not None
    assert (found.name, found.kind) == ("model.1", "Conv2d")
    assert found.difference is not None
    assert 1e-9 < found.difference < 1e-5
    broken = fused_outputs(trained(Breaks()), 3, SIZE)
    assert broken.first is not None
    assert (broken.first.name, broken.first.difference, broken.largest) == ("model.1", None, None)
    assert "not finite" in broken.words


def test_outputs_that_do_not_differ_at_all_are_said_to_be_exactly_the_same() -> None:
    same = FusedOutputs(size=(64, 64), rows=3, largest=0.0, first=None)
    assert same.words == "it gives exactly the same with its 3 rows, for one random 64x64 image"
    assert "the same with its 3 rows, to 2e-16 of" in replace(same, largest=2e-16).words


def test_a_model_that_gives_nan_before_fuse_is_not_compared() -> None:
    network = trained(Network())
    with torch.no_grad():
        network.model[1].bias[0] = float("nan")
    with pytest.raises(ValueError, match=r"it gives NaN or infinity before fuse\(\), too"):
        fused_outputs(network, 3, SIZE)


class Changes(Network):
    """Each ``fuse()`` of these changes what the model returns, and no row that it keeps."""

    how = ""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = super().forward(x)
        return x.sigmoid() if getattr(self, "flag", False) else x

    def fuse(self) -> nn.Module:
        if self.how == "flag":
            self.flag = True
        elif self.how == "row":
            del self.model[1]
        elif self.how == "shape":
            self.model[1] = nn.Conv2d(8, 2, 1)
        elif self.how == "other":
            return Network().double()
        else:
            self.model[1].weight.data = self.model[1].weight.data.flip(0)
        return self


@pytest.mark.parametrize("how", ["flag", "row", "shape", "other", "classes"])
def test_what_the_model_returns_decides_not_the_rows_that_are_left(how: str) -> None:
    network = trained(Changes())
    network.how = how
    assert fused_outputs(network, 3, SIZE).first is not None


class Flat(nn.Module):  # type: ignore[misc]
    """Its ``fuse()`` merges two rows: the first gives other numbers, the model the same. It writes into its input."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(self.model(x.sub_(0.5)), 0.1, training=True)

    def fuse(self) -> Flat:
        self.model[0] = nn.utils.fuse_conv_bn_eval(self.model[0], self.model[1])
        self.model[1] = nn.Dropout()
        return self


def test_a_row_that_is_merged_into_another_is_no_change_and_hooks_of_the_user_are_not_called() -> None:
    seen: list[object] = []
    network = trained(Flat())
    network.model[0].register_forward_hook(lambda *_: seen.append(0))
    assert fused_outputs(network, 3, SIZE).first is None
    assert seen == []


def test_what_would_cost_too_much_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolo_probe.training.output_drift.MAX_PARAMETERS", 100)
    with pytest.raises(ValueError, match="268 parameters, more than 100"):
        fused_outputs(Network(), 3, SIZE)
    assert MAX_PARAMETERS == 200_000_000

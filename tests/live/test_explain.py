"""Unit: a live model explained, and its optimizer held against it; nothing of the model changes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import yolo_probe
from yolo_probe.errors import TargetError
from yolo_probe.reports.gradients import OptimizerCheck


class Conv(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution block whose fuse() is YOLOv5's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3 if channels == 4 else 4, channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return self.act(self.bn(x) if "bn" in self._modules else x)

    def merge(self) -> None:
        """Replace both by one convolution, made as frozen and then written in place."""
        fused = nn.Conv2d(self.conv.in_channels, self.conv.out_channels, 1, bias=True).requires_grad_(False)
        fused.weight.copy_(self.conv.weight * self.bn.weight[:, None, None, None])
        fused.bias.copy_(self.bn.bias - self.bn.weight)
        self.conv = fused
        del self.bn


class Network(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(Conv(4), Conv(8), nn.Conv2d(8, 2, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)

    def fuse(self) -> Network:
        for block in self.model[:2]:
            block.merge()
        return self


def check(model: nn.Module, optimizer: object) -> OptimizerCheck:
    found = yolo_probe.explain_gradients(model, optimizer).report.optimizer
    assert found is not None
    return found


def sgd(parameters: list[nn.Parameter]) -> torch.optim.SGD:
    return torch.optim.SGD(parameters, lr=0.1)


def test_an_optimizer_that_holds_what_trains_is_told_as_right() -> None:
    model = Network()
    explanation = yolo_probe.explain_gradients(model, sgd(list(model.parameters())))
    assert explanation.report.optimizer == OptimizerCheck(1, (), (), (), 0)
    words = " ".join(str(explanation).split())
    assert "The optimizer has 1 group: they hold every parameter that trains, once, and no other." in words


def test_a_parameter_that_trains_in_no_group_a_frozen_one_in_one_and_the_same_twice_are_named() -> None:
    model = Network()
    parameters = dict(model.named_parameters())
    first, last = parameters["model.0.conv.weight"], parameters.pop("model.2.bias")
    first.requires_grad_(False)
    optimizer = sgd(list(parameters.values()))
    optimizer.param_groups.append({"params": [parameters["model.1.bn.weight"], nn.Parameter(torch.zeros(1))]})
    assert check(model, optimizer) == OptimizerCheck(
        2, ("model.2.bias",), ("model.0.conv.weight",), ("model.1.bn.weight",), 1
    )
    text = " ".join(str(yolo_probe.explain_gradients(model, optimizer)).split())
    assert "! 1 parameter tensor (first: model.2.bias) in no group" in text
    assert last.requires_grad


def test_parameters_of_a_model_fused_with_autograd_on_are_no_leaves() -> None:
    explanation = yolo_probe.explain_gradients(Network().eval().fuse())
    assert [each.mechanism for each in explanation.report.copies[0].decisions] == [
        "built trainable",
        "fuse() with autograd on",
    ]
    assert explanation.report.non_leaf == tuple(f"model.{i}.conv.{key}" for i in (0, 1) for key in ("weight", "bias"))
    assert "4 parameters are no leaves" in str(explanation)


def test_what_fuse_would_leave_is_found_on_copies() -> None:
    model = Network()
    fused = yolo_probe.explain_gradients(model).report.fused
    merged, head = 3 * 4 + 4 + 4 * 8 + 8, 8 * 2 + 2
    assert (fused.grad_on, fused.no_grad) == (merged + head, head)
    assert "bn" in model.model[0]._modules


def test_the_rows_tell_the_batch_norms_that_still_move() -> None:
    model = Network()
    model.model[0].requires_grad_(False)
    rows = yolo_probe.explain_gradients(model).report.rows
    assert [(row.name, row.parameters, row.trainable, row.moving) for row in rows] == [
        ("0", 3 * 4 + 2 * 4, 0, 1),
        ("1", 4 * 8 + 2 * 8, 4 * 8 + 2 * 8, 0),
        ("2", 8 * 2 + 2, 8 * 2 + 2, 0),
    ]


def test_a_model_of_no_host_is_explained_too() -> None:
    explanation = yolo_probe.explain_gradients(nn.Linear(2, 3))
    (copy,) = explanation.report.copies
    assert [(each.mechanism, each.parameters) for each in copy.decisions] == [("built trainable", 9)]
    assert explanation.report.fused.grad_on is None
    assert "found no fuse() in Linear" in str(explanation)
    assert repr(explanation) == str(explanation)


class Biased(nn.Module):  # type: ignore[misc]
    """A block that never had a BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 8, 3), nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.conv(x))


def test_a_new_model_that_never_had_a_batch_norm_is_not_said_to_be_fused() -> None:
    explanation = yolo_probe.explain_gradients(nn.Sequential(Biased()))
    (copy,) = explanation.report.copies
    assert [(each.mechanism, each.parameters) for each in copy.decisions] == [("built trainable", 3 * 8 * 9 + 8)]
    assert not explanation.report.is_fused
    assert "fuse() changes nothing more" not in str(explanation)


@pytest.mark.parametrize(
    ("model", "optimizer", "message"),
    [("best.pt", None, "found 'best.pt', expected an nn.Module"), (Network(), 3, "found int without param_groups")],
)
def test_what_is_no_model_and_no_optimizer_is_refused(model: nn.Module, optimizer: object, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        yolo_probe.explain_gradients(model, optimizer)

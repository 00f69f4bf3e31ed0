"""Two live models: every difference in ledgers that add up, and neither model is touched."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import yolo_probe


class Block(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    act = nn.SiLU()

    def __init__(self, c1: int, c2: int, *, shared: bool) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(c1, c2, 3, padding=1, bias=False), nn.BatchNorm2d(c2)
        self.act = Block.act if shared else nn.SiLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.bn(self.conv(x)))


def network(width: int, blocks: int, *, shared: bool) -> nn.Module:
    rows = [Block(3, width, shared=shared)] + [Block(width, width, shared=shared) for _ in range(blocks)]
    return nn.Sequential(*rows, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 7))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (network(8, 1, shared=False), network(8, 1, shared=True)),
        (network(8, 1, shared=False), network(16, 3, shared=True)),
        (network(16, 3, shared=True), network(4, 0, shared=True)),
        (network(8, 2, shared=False).requires_grad_(False), network(8, 2, shared=False)),
    ],
)
def test_every_ledger_adds_up(first: nn.Module, second: nn.Module) -> None:
    before = [{name: tensor.clone() for name, tensor in model.state_dict().items()} for model in (first, second)]
    report = yolo_probe.diff(first, second, 64, "thop-0.1").report
    assert {name: ledger and ledger.unexplained for name, ledger in report.ledgers} == dict.fromkeys(
        ("layers", "parameters", "gradients", "flops"), 0
    )
    for number, model in enumerate((first, second)):
        side = (report.first, report.second)[number].state.summary
        assert side.layers.modules == len(list(model.modules()))
        assert side.parameters == sum(each.numel() for each in model.parameters())
        assert side.gradients == sum(each.numel() for each in model.parameters() if each.requires_grad)
        assert all(torch.equal(tensor, before[number][name]) for name, tensor in model.state_dict().items())

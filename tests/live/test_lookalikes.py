"""Checkpoints whose classes have the names of known ones and another body: no figure of them is called exact."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from yolo_probe.counters.conventions import choose_counter
from yolo_probe.errors import ProbeError
from yolo_probe.hosts.target import resolve
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.question import Question

HOMES = ("models", "models.common", "models.experimental", "models.yolo")


class Conv(nn.Module):
    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1) -> None:
        super().__init__()
        self.conv, self.bn, self.act = nn.Conv2d(c1, c2, k, s, k // 2, bias=False), nn.BatchNorm2d(c2), nn.SiLU()

    def forward(self, x: Any) -> Any:
        return self.act(self.bn(self.conv(x)))

    def forward_fuse(self, x: Any) -> Any:
        return self.act(self.conv(x))

    def forward_twice(self, x: Any) -> Any:
        return self.act(self.conv(x)) + self.act(self.conv(x))


class SPPF(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.m = Conv(c, c // 2), Conv(2 * c, c), nn.MaxPool2d(5, 1, 2)


class Detect(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.nc, self.no, self.nl, self.na, self.inplace = 2, 7, 1, 3, True
        self.grid, self.anchor_grid = [torch.empty(0)], [torch.empty(0)]
        self.register_buffer("anchors", torch.ones(1, 3, 2))
        self.m = nn.ModuleList([nn.Conv2d(channels, 21, 1)])


class DetectionModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(Conv(3, 16, 3, 2), nn.Sequential(Conv(16, 32, 3, 2)), SPPF(32), Detect(32))
        self.yaml, self.names, self.nc, self.save = {"nc": 2, "ch": 3}, ["a", "b"], 2, [2]
        self.stride = torch.tensor([4.0])
        for i, module in enumerate(self.model):
            module.i, module.f = i, -1 if i < 3 else [2]

    def forward(self, x: Any) -> Any:
        return self.model(x)


def first(model: Any) -> Any:
    return model.model[0]


def set_forward(of: Callable[[Any], Any], name: str, key: str = "forward") -> Callable[[Any], object]:
    """A change that gives a module the function of that name of the first Conv."""
    return lambda model: of(model).__dict__.__setitem__(key, getattr(first(model), name))


def fused(model: Any, forward: str) -> None:
    conv = first(model)
    conv.conv = nn.Conv2d(3, 16, 3, 2, 1)
    del conv.bn
    conv.forward = getattr(conv, forward)


def elsewhere(model: Any) -> None:
    """A Conv of the same name that another module of the host defines, which its fuse() does not ask for."""
    kind = type("Conv", (Conv,), {"__module__": "models.experimental"})
    sys.modules["models.experimental"].Conv = kind  # type: ignore[attr-defined]
    first(model).__class__ = kind


CHANGES: dict[str, Callable[[Any], object]] = {
    "forward of a Conv": set_forward(first, "forward_twice"),
    "forward of a Conv that leaves its BatchNorm out": set_forward(first, "forward_fuse"),
    "forward of a convolution": set_forward(lambda model: first(model).conv, "forward_twice"),
    "inner function of a convolution": set_forward(lambda model: first(model).conv, "forward_twice", "_conv_forward"),
    "forward of an activation": set_forward(lambda model: first(model).act, "forward_twice"),
    "forward of a Sequential": set_forward(lambda model: model.model[1], "forward_twice"),
    "forward of a block": set_forward(lambda model: model.model[2], "forward_twice"),
    "forward of the head": set_forward(lambda model: model.model[3], "forward_twice"),
    "forward of the model": set_forward(lambda model: model, "forward_twice"),
    "one pass of the model": set_forward(lambda model: model, "forward_twice", "_forward_once"),
    "fuse of the model": set_forward(lambda model: model, "forward_twice", "fuse"),
    "forward of a fused Conv": lambda model: fused(model, "forward_twice"),
    "child of a Conv": lambda model: setattr(first(model), "se", nn.Conv2d(16, 16, 1)),
    "child of a convolution": lambda model: setattr(first(model).conv, "se", nn.Conv2d(16, 16, 1)),
    "child of the model": lambda model: setattr(model, "neck", nn.Conv2d(3, 3, 1)),
    "parameter of a Conv": lambda model: setattr(first(model), "scale", nn.Parameter(torch.ones(16))),
    "attribute of the head": lambda model: setattr(model.model[3], "reg_max", 16),
    "classes of the head": lambda model: setattr(model.model[3], "nc", 7),
    "module of a class": elsewhere,
    "shape of the means": lambda model: setattr(first(model).bn, "running_mean", torch.zeros(7)),
    "shape of a BatchNorm's bias": lambda model: setattr(first(model).bn, "bias", nn.Parameter(torch.zeros(7))),
    "shape of a bias": lambda model: setattr(model.model[3].m[0], "bias", nn.Parameter(torch.zeros(7))),
    "padding": lambda model: setattr(first(model).conv, "padding_mode", "odd"),
    "stride": lambda model: setattr(first(model).conv, "stride", (0, 0)),
    "groups": lambda model: setattr(first(model).conv, "groups", 3),
    "channels": lambda model: setattr(first(model).conv, "out_channels", 99),
    "two outputs of a pool": lambda model: setattr(model.model[2].m, "return_indices", True),
    "pools in a list": lambda model: setattr(model.model[2], "m", nn.ModuleList([nn.MaxPool2d(5, 1, 2)])),
    "anchors of the head": lambda model: setattr(model.model[3], "na", 5),
    "BatchNorm of another kind": lambda model: setattr(first(model), "bn", nn.GroupNorm(4, 16)),
    "BatchNorm without statistics": lambda model: setattr(
        first(model), "bn", nn.BatchNorm2d(16, track_running_stats=False)
    ),
    "rows that are kept": lambda model: setattr(model, "save", []),
}
"""What is unlike the host's own modules."""

SAME: dict[str, Callable[[Any], object]] = {
    "nothing": lambda model: None,
    "fused": lambda model: fused(model, "forward_fuse"),
    "pruned": lambda model: setattr(first(model).bn, "num_features", 99),
    "rows in a list": lambda model: setattr(model, "model", nn.ModuleList(model.model)),
}
"""What changes nothing that a pass or fuse() asks."""


@pytest.fixture(autouse=True)
def as_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The classes under the names that a file of YOLOv5 has for them."""
    for home in HOMES:
        monkeypatch.setitem(sys.modules, home, types.ModuleType(home))
    for kind in (Conv, SPPF, Detect, DetectionModel):
        home = "models.yolo" if kind in (Detect, DetectionModel) else "models.common"
        monkeypatch.setattr(kind, "__module__", home)
        setattr(sys.modules[home], kind.__name__, kind)


def answer(change: Callable[[Any], object], folder: Path) -> FuseDiff:
    model = DetectionModel().eval()
    change(model)
    model.requires_grad_(False)
    torch.save({"epoch": -1, "model": model, "opt": {}, "date": "2023-01-01T00:00:00"}, folder / "best.pt")
    return fuse_diff(Question(resolve(str(folder / "best.pt")), (64, 64), choose_counter("thop-0.1", None)))


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_not_the_hosts_is_refused_or_not_known(name: str, tmp_path: Path) -> None:
    try:
        report = answer(CHANGES[name], tmp_path)
    except ProbeError:
        return
    assert report.question.subject.foreign
    assert report.flops is None
    assert "GFLOPs" not in (report.training.line.text or "")


@pytest.mark.parametrize("name", SAME)
def test_what_changes_nothing_is_exact(name: str, tmp_path: Path) -> None:
    report = answer(SAME[name], tmp_path)
    assert not report.question.subject.foreign
    assert report.flops
    assert {ledger.unexplained for _, ledger in report.ledgers if ledger} == {0}

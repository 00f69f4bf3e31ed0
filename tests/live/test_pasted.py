"""Blocks that people paste into YOLOv5: their recipes give what the modules themselves run, by every counter."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from yolo_probe.api import compare_counters
from yolo_probe.counters.comparison import Comparison
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.hosts.target import resolve
from yolo_probe.reports.counters import counters
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.question import Question


class Conv(nn.Module):
    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1, g: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c1, c2, k, s, k // 2, groups=g, bias=False)
        self.bn = nn.BatchNorm2d(c2)
        self.act = nn.SiLU()

    def forward(self, x: Any) -> Any:
        return self.act(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.add = Conv(c, c, 3), Conv(c, c, 3), True

    def forward(self, x: Any) -> Any:
        return x + self.cv2(self.cv1(x))


class C2f(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.c = c // 2
        self.cv1, self.cv2 = Conv(c, c), Conv(2 * c, c)
        self.m = nn.ModuleList(Bottleneck(self.c) for _ in range(2))

    def forward(self, x: Any) -> Any:
        y = list(self.cv1(x).chunk(2, 1))
        y.extend(m(y[-1]) for m in self.m)
        return self.cv2(torch.cat(y, 1))


class SE(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.l1, self.relu = nn.Linear(c, c // 4, bias=False), nn.ReLU(inplace=True)
        self.l2, self.sig = nn.Linear(c // 4, c, bias=False), nn.Sigmoid()

    def forward(self, x: Any) -> Any:
        n, c, _, _ = x.size()
        y = self.avgpool(x).view(n, c)
        y = self.sig(self.l2(self.relu(self.l1(y))))
        return x * y.view(n, c, 1, 1).expand_as(x)


class SEAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.avg_pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Linear(c, c // 4, bias=False), nn.ReLU(), nn.Linear(c // 4, c), nn.Sigmoid())

    def forward(self, x: Any) -> Any:
        n, c, _, _ = x.size()
        return x * self.fc(self.avg_pool(x).view(n, c)).view(n, c, 1, 1).expand_as(x)


class ECA(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.avg_pool, self.conv = nn.AdaptiveAvgPool2d(1), nn.Conv1d(1, 1, 3, padding=1, bias=False)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Any) -> Any:
        y = self.conv(self.avg_pool(x).squeeze(-1).transpose(-1, -2)).transpose(-1, -2).unsqueeze(-1)
        return x * self.sigmoid(y).expand_as(x)


class ChannelAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.avg_pool, self.max_pool = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)
        self.f1, self.relu = nn.Conv2d(c, c // 4, 1, bias=False), nn.ReLU()
        self.f2, self.sigmoid = nn.Conv2d(c // 4, c, 1, bias=False), nn.Sigmoid()

    def forward(self, x: Any) -> Any:
        average = self.f2(self.relu(self.f1(self.avg_pool(x))))
        return self.sigmoid(average + self.f2(self.relu(self.f1(self.max_pool(x)))))


class SpatialAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.sigmoid = nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.Sigmoid()

    def forward(self, x: Any) -> Any:
        average, (largest, _) = torch.mean(x, dim=1, keepdim=True), torch.max(x, dim=1, keepdim=True)
        return self.sigmoid(self.conv(torch.cat([average, largest], 1)))


class CBAM(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.channel_attention, self.spatial_attention = ChannelAttention(c), SpatialAttention()

    def forward(self, x: Any) -> Any:
        x = self.channel_attention(x) * x
        return self.spatial_attention(x) * x


class h_sigmoid(nn.Module):  # noqa: N801  # as it is called where it is pasted from
    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU6(inplace=True)

    def forward(self, x: Any) -> Any:
        return self.relu(x + 3) / 6


class h_swish(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.sigmoid = h_sigmoid()

    def forward(self, x: Any) -> Any:
        return x * self.sigmoid(x)


class CoordAtt(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.pool_h, self.pool_w = nn.AdaptiveAvgPool2d((None, 1)), nn.AdaptiveAvgPool2d((1, None))
        self.conv1, self.bn1, self.act = nn.Conv2d(c, 8, 1), nn.BatchNorm2d(8), h_swish()
        self.conv_h, self.conv_w = nn.Conv2d(8, c, 1), nn.Conv2d(8, c, 1)

    def forward(self, x: Any) -> Any:
        _, _, h, w = x.size()
        y = torch.cat([self.pool_h(x), self.pool_w(x).permute(0, 1, 3, 2)], dim=2)
        rows, columns = torch.split(self.act(self.bn1(self.conv1(y))), [h, w], dim=2)
        return x * self.conv_w(columns.permute(0, 1, 3, 2)).sigmoid() * self.conv_h(rows).sigmoid()


class SimAM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.activaton, self.e_lambda = nn.Sigmoid(), 1e-4

    def forward(self, x: Any) -> Any:
        _, _, h, w = x.size()
        y = (x - x.mean(dim=[2, 3], keepdim=True)).pow(2)
        y = y / (4 * (y.sum(dim=[2, 3], keepdim=True) / (w * h - 1) + self.e_lambda)) + 0.5
        return x * self.activaton(y)


class GAM_Attention(nn.Module):  # noqa: N801
    def __init__(self, c: int) -> None:
        super().__init__()
        self.channel_attention = nn.Sequential(nn.Linear(c, c // 4), nn.ReLU(inplace=True), nn.Linear(c // 4, c))
        self.spatial_attention = nn.Sequential(
            nn.Conv2d(c, c // 4, 7, padding=3), nn.BatchNorm2d(c // 4), nn.ReLU(inplace=True),
            nn.Conv2d(c // 4, c, 7, padding=3), nn.BatchNorm2d(c),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.shape
        y = self.channel_attention(x.permute(0, 2, 3, 1).view(n, -1, c)).view(n, h, w, c)
        x = x * y.permute(0, 3, 1, 2)
        return x * self.spatial_attention(x).sigmoid()


class GSConv(nn.Module):
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(c1, c2 // 2), Conv(c2 // 2, c2 // 2, 5, 1, c2 // 2)

    def forward(self, x: Any) -> Any:
        y = self.cv1(x)
        y = torch.cat((y, self.cv2(y)), 1)
        n, c, h, w = y.size()
        y = y.reshape(n * c // 2, 2, h * w).permute(1, 0, 2).reshape(2, -1, c // 2, h, w)
        return torch.cat((y[0], y[1]), 1)


class GSBottleneck(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv_lighting = nn.Sequential(GSConv(c, c // 2), GSConv(c // 2, c))
        self.shortcut = Conv(c, c)

    def forward(self, x: Any) -> Any:
        return self.conv_lighting(x) + self.shortcut(x)


class VoVGSCSP(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(c, c // 2), Conv(c, c // 2)
        self.gsb = nn.Sequential(GSBottleneck(c // 2))
        self.res, self.cv3 = Conv(c // 2, c // 2, 3), Conv(c, c)

    def forward(self, x: Any) -> Any:
        y = self.gsb(self.cv1(x))
        return self.cv3(torch.cat((self.cv2(x), y), dim=1))


class BiFPN_Concat2(nn.Module):  # noqa: N801
    def __init__(self) -> None:
        super().__init__()
        self.d, self.epsilon = 1, 0.0001
        self.w = nn.Parameter(torch.ones(2))

    def forward(self, x: Any) -> Any:
        weight = self.w / (torch.sum(self.w, dim=0) + self.epsilon)
        return torch.cat([weight[0] * x[0], weight[1] * x[1]], self.d)


class BiFPN_Add3(nn.Module):  # noqa: N801
    def __init__(self, c: int) -> None:
        super().__init__()
        self.w, self.epsilon = nn.Parameter(torch.ones(3)), 0.0001
        self.conv, self.silu = nn.Conv2d(c, c, 1), nn.SiLU()

    def forward(self, x: Any) -> Any:
        weight = self.w / (torch.sum(self.w, dim=0) + self.epsilon)
        return self.conv(self.silu(weight[0] * x[0] + weight[1] * x[1] + weight[2] * x[2]))


class CARAFE(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.scale = 2
        self.comp, self.enc = Conv(c, 8), Conv(8, 100, 3)
        self.pix_shf, self.upsmp = nn.PixelShuffle(2), nn.Upsample(scale_factor=2, mode="nearest")
        self.unfold = nn.Unfold(kernel_size=5, dilation=2, padding=4)

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.size()
        weights = torch.softmax(self.pix_shf(self.enc(self.comp(x))), dim=1)
        y = self.unfold(self.upsmp(x)).view(n, c, -1, h * 2, w * 2)
        return torch.einsum("bkhw,bckhw->bchw", [weights, y])


class EffectiveSELayer(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc, self.act = nn.Conv2d(c, c, 1), nn.Hardsigmoid(inplace=True)

    def forward(self, x: Any) -> Any:
        return x * self.act(self.fc(x.mean((2, 3), keepdim=True)))


class Focus(nn.Module):
    """As forks for NPUs have it: without slices, or with a convolution in their place."""

    def __init__(self, c1: int, c2: int, *, of_two: bool) -> None:
        super().__init__()
        if of_two:
            self.conv_slice = Conv(c1, 4 * c1, 3, 2)
        self.conv = Conv(4 * c1, c2, 3) if of_two else Conv(c1, c2, 3, 2)

    def forward(self, x: Any) -> Any:
        return self.conv(self.conv_slice(x) if hasattr(self, "conv_slice") else x)


class SPF(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.n = 2
        self.m = nn.Sequential(*(nn.MaxPool2d(3, 1, 1) for _ in range(self.n)))

    def forward(self, x: Any) -> Any:
        return self.m(x)


class SPPFCSPC(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3, self.cv4 = Conv(c, c), Conv(c, c), Conv(c, c, 3), Conv(c, c)
        self.m = nn.MaxPool2d(5, 1, 2)
        self.cv5, self.cv6, self.cv7 = Conv(4 * c, c), Conv(c, c, 3), Conv(2 * c, c)

    def forward(self, x: Any) -> Any:
        y = [self.cv4(self.cv3(self.cv1(x)))]
        for _ in range(3):
            y.append(self.m(y[-1]))
        return self.cv7(torch.cat([self.cv6(self.cv5(torch.cat(y, 1))), self.cv2(x)], 1))


class DWConvblock(nn.Module):
    def __init__(self, c: int, k: int) -> None:
        super().__init__()
        self.p = k // 2
        self.conv1, self.bn1 = nn.Conv2d(c, c, k, 1, self.p, groups=c, bias=False), nn.BatchNorm2d(c)
        self.act1, self.conv2 = nn.SiLU(inplace=True), nn.Conv2d(c, 2 * c, 1, bias=False)
        self.bn2, self.act2 = nn.BatchNorm2d(2 * c), nn.SiLU(inplace=True)

    def forward(self, x: Any) -> Any:
        y = self.act1(self.bn1(self.conv1(x)))
        return self.act2(self.bn2(self.conv2(y)))


class Model(nn.Module):
    def __init__(self, rows: list[tuple[Any, Any]]) -> None:
        super().__init__()
        self.model = nn.Sequential(*(module for module, _ in rows))
        self.yaml, self.names, self.nc = {"nc": 1, "ch": 3}, ["a"], 1
        self.stride, self.save = torch.tensor([32.0]), [0, 1]
        for i, (module, source) in enumerate(rows):
            module.i, module.f = i, source

    def forward(self, x: Any) -> Any:
        kept: list[Any] = []
        for module in self.model:
            source: Any = module.f
            given = x if source == -1 else [x if each == -1 else kept[each] for each in source]
            x = module(given)
            kept.append(x)
        return x


Rows = list[tuple[Any, Any]]
"""Modules, and the row or rows that each takes: -1 for the one before."""

BLOCKS: Mapping[str, Callable[[], Rows]] = {
    "C2f": lambda: [(C2f(16), -1)],
    "SE": lambda: [(SE(16), -1)],
    "SEAttention": lambda: [(SEAttention(16), -1)],
    "ECA": lambda: [(ECA(16), -1)],
    "CBAM": lambda: [(CBAM(16), -1)],
    "CoordAtt": lambda: [(CoordAtt(16), -1)],
    "SimAM": lambda: [(SimAM(), -1)],
    "GAM_Attention": lambda: [(GAM_Attention(16), -1)],
    "GSConv": lambda: [(GSConv(16, 32), -1)],
    "VoVGSCSP": lambda: [(VoVGSCSP(16), -1)],
    "BiFPN_Concat2": lambda: [(Conv(16, 16), -1), (BiFPN_Concat2(), [-1, 0])],
    "BiFPN_Add3": lambda: [(Conv(16, 16), -1), (BiFPN_Add3(16), [-1, 0, 1])],
    "CARAFE": lambda: [(CARAFE(16), -1)],
    "EffectiveSELayer": lambda: [(EffectiveSELayer(16), -1)],
    "Focus": lambda: [(Focus(16, 16, of_two=False), -1)],
    "Focus of two": lambda: [(Focus(16, 16, of_two=True), -1)],
    "SPF": lambda: [(SPF(), -1)],
    "SPPFCSPC": lambda: [(SPPFCSPC(16), -1)],
    "DWConvblock": lambda: [(DWConvblock(16, 3), -1)],
}


def put_in_models(monkeypatch: pytest.MonkeyPatch, kinds: Iterable[object]) -> None:
    """Move classes, and those of this file, to the modules that a file of YOLOv5 has them in, or that they name.

    Of two classes of one name, the one that is given stays.
    """
    for name in ("models", "models.common", "models.yolo", "models.attention", "utils", "utils.loss"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    classes = [each for each in (*globals().values(), *kinds) if isinstance(each, type) and issubclass(each, nn.Module)]
    for kind in dict.fromkeys(classes):
        usual = "models.yolo" if kind is Model or kind.__name__.endswith("Detect") else "models.common"
        home = vars(kind).get("pasted_into", usual)
        if home not in sys.modules:
            monkeypatch.setitem(sys.modules, home, types.ModuleType(home))
        monkeypatch.setattr(kind, "__module__", home)
        setattr(sys.modules[home], kind.__name__, kind)


@pytest.fixture(autouse=True)
def as_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_models(monkeypatch, [])


@pytest.mark.parametrize("block", BLOCKS)
def test_a_pasted_block_costs_what_it_runs_by_every_counter(block: str, tmp_path: Path) -> None:
    assert_costs_what_it_runs(BLOCKS[block](), tmp_path)


def assert_costs_what_it_runs(rows: Rows, folder: Path) -> None:
    """As ``assert_same_figures``; all is known, and nothing is unexplained."""
    question = assert_same_figures(rows, folder)
    assert question.subject.foreign == ()
    assert {ledger.unexplained for _, ledger in fuse_diff(question).ledgers if ledger} == {0}


def assert_same_figures(rows: Rows, folder: Path) -> Question:
    """A network of these rows has the same figures from its file as live, by every counter: its file's question."""
    model = Model([(Conv(3, 16, 3, 2), -1), *rows]).eval()
    torch.save({"epoch": -1, "model": model}, folder / "best.pt")
    live = compare_counters(model, 64)
    question = Question(resolve(str(folder / "best.pt")), (64, 64), choose_counter("thop-0.1", None))
    assert figures(counters(question).comparison) == figures(live)
    return question


def figures(found: Comparison) -> dict[str, object]:
    """What each counter says in evaluation mode, and what it has no rule for."""
    return {
        name: (counted.figure.unfused, {each.operator for each in counted.uncounted})
        for name, counted in found.counters.items()
    }

"""Blocks of YOLOv12 and YOLOv13: their recipes give what the modules themselves run."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.live.test_pasted import Bottleneck, Conv, Model, Rows, assert_costs_what_it_runs, put_in_models
from tests.live.test_pasted_from_yolo11 import C3k, C3k2, two
from tests.networks import counter
from yolo_probe.api import compare_counters
from yolo_probe.errors import ProbeError
from yolo_probe.hosts.target import resolve
from yolo_probe.model.operators import SOFTMAX_OF_SOME_FORM
from yolo_probe.reports.counters import counters
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.question import Question


class AAttn(nn.Module):
    """With queries, keys and values in one convolution, or values apart; with a softmax in either form."""

    def __init__(self, c: int, heads: int, area: int, *, apart: bool, is_function: bool) -> None:
        super().__init__()
        self.area, self.num_heads, self.head_dim = area, heads, c // heads
        if apart:
            self.qk, self.v = Conv(c, 2 * c), Conv(c, c)
        else:
            self.qkv = Conv(c, 3 * c)
        self.proj, self.pe = Conv(c, c), Conv(c, c, 5, g=c)
        AAttn.is_function = is_function

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.shape
        each = h * w // self.area
        if hasattr(self, "qk"):
            made, v = self.qk(x), self.v(x)
            around = self.pe(v)
            q, k = made.flatten(2).transpose(1, 2).reshape(n * self.area, each, 2 * c).split([c, c], dim=2)
            v = v.flatten(2).transpose(1, 2).reshape(n * self.area, each, c)
        else:
            made = self.qkv(x).flatten(2).transpose(1, 2).reshape(n * self.area, each, 3 * c)
            q, k, v = made.split([c, c, c], dim=2)
            around = self.pe(v.reshape(n, h, w, c).permute(0, 3, 1, 2))
        q, k, v = (p.transpose(1, 2).reshape(n * self.area, self.num_heads, self.head_dim, each) for p in (q, k, v))
        weights = (q.transpose(-2, -1) @ k) * self.head_dim**-0.5
        if AAttn.is_function:
            weights = weights.softmax(dim=-1)
        else:
            weights = torch.exp(weights - weights.max(dim=-1, keepdim=True).values)
            weights = weights / weights.sum(dim=-1, keepdim=True)
        y = (v @ weights.transpose(-2, -1)).permute(0, 3, 1, 2).reshape(n, h, w, c).permute(0, 3, 1, 2)
        return self.proj(y + around)


class ABlock(nn.Module):
    def __init__(self, attn: AAttn, c: int) -> None:
        super().__init__()
        self.attn, self.mlp = attn, two(c)

    def forward(self, x: Any) -> Any:
        x = x + self.attn(x)
        return x + self.mlp(x)


class A2C2f(nn.Module):
    def __init__(self, c: int, *inside: nn.Module, scaled: bool) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(c, c // 2), Conv((1 + len(inside)) * c // 2, c)
        self.gamma = nn.Parameter(torch.ones(c)) if scaled else None
        self.m = nn.ModuleList(inside)

    def forward(self, x: Any) -> Any:
        y = [self.cv1(x)]
        y.extend(m(y[-1]) for m in self.m)
        made = self.cv2(torch.cat(y, 1))
        return made if self.gamma is None else x + self.gamma.view(1, -1, 1, 1) * made


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("is_function", [False, True])
def test_attention_of_areas_costs_what_it_runs_whatever_the_form_of_its_softmax(
    apart: bool, is_function: bool, tmp_path: Path
) -> None:
    attention = [AAttn(16, 2, area, apart=apart, is_function=is_function) for area in (4, 1)]
    inside = nn.Sequential(*(ABlock(each, 16) for each in attention))
    model = Model([(Conv(3, 32, 3, 2), -1), (A2C2f(32, inside, C3k(16), scaled=True), -1)]).eval()
    torch.save({"epoch": -1, "model": model}, tmp_path / "best.pt")
    question = Question(resolve(str(tmp_path / "best.pt")), (64, 64), counter())
    assert question.subject.foreign == ()
    assert {ledger.unexplained for _, ledger in fuse_diff(question).ledgers if ledger} == {0}
    found, live = counters(question).comparison.counters, compare_counters(model, 64).counters
    named = {name for name in found if SOFTMAX_OF_SOME_FORM in {each.operator for each in found[name].uncounted}}
    assert named == {"ptflops", "torchprofile", "calflops", "deepspeed", "textbook"}  # charge for a part of one form
    assert all(found[name].figure.unfused == live[name].figure.unfused for name in found if name not in named)


def test_areas_and_heads_that_do_not_fit_are_named(tmp_path: Path) -> None:
    file = tmp_path / "best.pt"
    for name, value, words in (("area", 3, "multiple of the 3 areas"), ("head_dim", 5, "for 2 heads of 5")):
        block = AAttn(16, 2, 1, apart=False, is_function=True)
        setattr(block, name, value)
        torch.save({"epoch": -1, "model": Model([(Conv(3, 16, 3, 2), -1), (block, -1)])}, file)
        with pytest.raises(ProbeError, match=words):
            fuse_diff(Question(resolve(str(file)), (64, 64), counter()))


class DSConv(nn.Module):
    def __init__(self, c: int, k: int = 3) -> None:
        super().__init__()
        self.dw, self.pw = nn.Conv2d(c, c, k, padding=k // 2, groups=c, bias=False), nn.Conv2d(c, c, 1, bias=False)
        self.bn, self.act = nn.BatchNorm2d(c), nn.SiLU()

    def forward(self, x: Any) -> Any:
        return self.act(self.bn(self.pw(self.dw(x))))


class DSBottleneck(Bottleneck):
    def __init__(self, c: int, add: bool = True) -> None:
        super().__init__(c)
        self.cv1, self.cv2, self.add = DSConv(c), DSConv(c, 5), add

    def forward(self, x: Any) -> Any:
        y = self.cv2(self.cv1(x))
        return x + y if self.add else y


class DSC3k(C3k):
    def __init__(self, c: int) -> None:
        super().__init__(c)
        self.m = nn.Sequential(DSBottleneck(c // 2), DSBottleneck(c // 2, False))


class DSC3k2(C3k2):
    pass


class AdaHyperedgeGen(nn.Module):
    def __init__(self, c: int, edges: int, heads: int) -> None:
        super().__init__()
        self.num_heads, self.num_hyperedges, self.head_dim, self.context = heads, edges, c // heads, "both"
        self.prototype_base = nn.Parameter(torch.zeros(edges, c))
        self.context_net, self.pre_head_proj = nn.Linear(2 * c, edges * c), nn.Linear(c, c)
        self.dropout, self.scaling = nn.Dropout(0.1), self.head_dim**0.5

    def forward(self, x: Any) -> Any:
        n, places, c = x.shape
        context = torch.cat([x.mean(dim=1), x.max(dim=1)[0]], dim=-1)
        prototypes = self.prototype_base.unsqueeze(0) + self.context_net(context).view(n, self.num_hyperedges, c)
        shape = (self.num_heads, self.head_dim)
        heads = self.pre_head_proj(x).view(n, places, *shape).transpose(1, 2).reshape(-1, places, self.head_dim)
        edges = prototypes.view(n, self.num_hyperedges, *shape).permute(0, 2, 3, 1)
        logits = torch.bmm(heads, edges.reshape(-1, self.head_dim, self.num_hyperedges)) / self.scaling
        logits = logits.view(n, self.num_heads, places, self.num_hyperedges).mean(dim=1)
        return nn.functional.softmax(self.dropout(logits), dim=1)


class AdaHGConv(nn.Module):
    def __init__(self, c: int, edges: int, heads: int) -> None:
        super().__init__()
        self.edge_generator = AdaHyperedgeGen(c, edges, heads)
        self.edge_proj, self.node_proj = (nn.Sequential(nn.Linear(c, c), nn.GELU()) for _ in range(2))

    def forward(self, x: Any) -> Any:
        shares = self.edge_generator(x)
        edges = self.edge_proj(torch.bmm(shares.transpose(1, 2), x))
        return self.node_proj(torch.bmm(shares, edges)) + x


class AdaHGComputation(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.embed_dim, self.hgnn = c, AdaHGConv(c, 4, 2)

    def forward(self, x: Any) -> Any:
        return self.hgnn(x.flatten(2).transpose(1, 2)).transpose(1, 2).view(x.shape)


class C3AH(C3k):
    def __init__(self, c: int) -> None:
        super().__init__(c)
        self.cv1, self.cv2, self.cv3, self.m = Conv(c, c), Conv(c, c), Conv(2 * c, c), AdaHGComputation(c)


class FuseModule(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.downsample, self.upsample, self.conv_out = nn.AvgPool2d(2), nn.Upsample(scale_factor=2), Conv(3 * c, c)

    def forward(self, x: Any) -> Any:
        return self.conv_out(torch.cat([self.downsample(x[0]), x[1], self.upsample(x[2])], dim=1))


class HyperACE(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.c, self.fuse = c // 2, FuseModule(c)
        self.cv1, self.cv2 = Conv(c, 3 * self.c), Conv(5 * self.c, c)
        self.m = nn.ModuleList([DSC3k(self.c)])
        self.branch1, self.branch2 = C3AH(self.c), C3AH(self.c)

    def forward(self, levels: Any) -> Any:
        y = list(self.cv1(self.fuse(levels)).chunk(3, 1))
        first, second = self.branch1(y[1]), self.branch2(y[1])
        y.extend(m(y[-1]) for m in self.m)
        y[1] = first
        return self.cv2(torch.cat([*y, second], 1))


class DownsampleConv(nn.Module):
    def __init__(self, c: int, doubles: bool) -> None:
        super().__init__()
        self.downsample, self.channel_adjust = nn.AvgPool2d(2), Conv(c, 2 * c) if doubles else nn.Identity()

    def forward(self, x: Any) -> Any:
        return self.channel_adjust(self.downsample(x))


class FullPAD_Tunnel(nn.Module):  # noqa: N801  # as it is called where it is pasted from
    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.tensor(0.0))

    def forward(self, x: Any) -> Any:
        return x[0] + self.gate * x[1]


BLOCKS: Mapping[str, Callable[[], Rows]] = {
    "A2C2f": lambda: [(A2C2f(16, C3k(8), C3k(8), scaled=False), -1)],
    "DSC3k2": lambda: [(DSC3k2(16, nn.ModuleList([DSBottleneck(8), DSC3k(8)]), 4), -1)],
    "DownsampleConv": lambda: [(DownsampleConv(16, True), -1), (DownsampleConv(32, False), -1)],
    "FullPAD_Tunnel": lambda: [(Conv(16, 16), -1), (FullPAD_Tunnel(), [0, -1])],
    "HyperACE": lambda: [(Conv(16, 16, 3, 2), -1), (Conv(16, 16, 3, 2), -1), (HyperACE(16), [0, 1, -1])],
}


@pytest.fixture(autouse=True)
def as_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_models(monkeypatch, list(globals().values()))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_yolov13_costs_what_it_runs_by_every_counter(block: str, tmp_path: Path) -> None:
    assert_costs_what_it_runs(BLOCKS[block](), tmp_path)

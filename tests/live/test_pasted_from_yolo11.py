"""Blocks of YOLOv10 and YOLO11: their recipes give what the modules themselves run, by every counter."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.live.test_pasted import Bottleneck, Conv, Rows, assert_costs_what_it_runs, put_in_models
from tests.networks import counter
from yolo_probe.errors import ProbeError
from yolo_probe.hosts.target import resolve
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.question import Question


class Attention(nn.Module):
    def __init__(self, c: int, heads: int) -> None:
        super().__init__()
        self.num_heads, self.head_dim, self.key_dim = heads, c // heads, c // heads // 2
        self.scale = self.key_dim**-0.5
        self.qkv, self.proj, self.pe = Conv(c, 2 * c), Conv(c, c), Conv(c, c, 3, g=c)

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.shape
        parts = self.qkv(x).view(n, self.num_heads, self.key_dim * 2 + self.head_dim, h * w)
        q, k, v = parts.split([self.key_dim, self.key_dim, self.head_dim], dim=2)
        weights = ((q.transpose(-2, -1) @ k) * self.scale).softmax(dim=-1)
        y = (v @ weights.transpose(-2, -1)).view(n, c, h, w) + self.pe(v.reshape(n, c, h, w))
        return self.proj(y)


def two(c: int) -> nn.Sequential:
    return nn.Sequential(Conv(c, 2 * c), Conv(2 * c, c))


class PSABlock(nn.Module):
    def __init__(self, c: int, add: bool) -> None:
        super().__init__()
        self.attn, self.ffn, self.add = Attention(c, 2), two(c), add

    def forward(self, x: Any) -> Any:
        x = x + self.attn(x) if self.add else self.attn(x)
        return x + self.ffn(x) if self.add else self.ffn(x)


class Halves(nn.Module):
    def __init__(self, c: int, m: nn.Module, parts: int = 2) -> None:
        super().__init__()
        self.c, self.cv1, self.cv2, self.m = c // 2, Conv(c, c), Conv(parts * (c // 2), c), m


class C2PSA(Halves):
    def forward(self, x: Any) -> Any:
        a, b = self.cv1(x).split((self.c, self.c), dim=1)
        return self.cv2(torch.cat((a, self.m(b)), 1))


class C2fPSA(Halves):
    def forward(self, x: Any) -> Any:
        y = list(self.cv1(x).chunk(2, 1))
        y.extend(m(y[-1]) for m in self.m)
        return self.cv2(torch.cat(y, 1))


class C3k2(C2fPSA):
    pass


class PSA(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.c, self.cv1, self.cv2 = c // 2, Conv(c, c), Conv(c, c)
        self.attn, self.ffn = Attention(c // 2, 2), two(c // 2)

    def forward(self, x: Any) -> Any:
        a, b = self.cv1(x).split((self.c, self.c), dim=1)
        b = b + self.attn(b)
        b = b + self.ffn(b)
        return self.cv2(torch.cat((a, b), 1))


class SCDown(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(c, c), Conv(c, c, 3, 2, c)

    def forward(self, x: Any) -> Any:
        return self.cv2(self.cv1(x))


class C3k(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(c, c // 2), Conv(c, c // 2), Conv(c, c)
        self.m = nn.Sequential(Bottleneck(c // 2), Bottleneck(c // 2))

    def forward(self, x: Any) -> Any:
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), 1))


BLOCKS: Mapping[str, Callable[[], Rows]] = {
    "C3k": lambda: [(C3k(16), -1)],
    "C3k2": lambda: [(C3k2(16, nn.ModuleList([Bottleneck(8), C3k(8)]), 4), -1)],
    "C2PSA": lambda: [(C2PSA(16, nn.Sequential(PSABlock(8, True), PSABlock(8, False))), -1)],
    "C2fPSA": lambda: [(C2fPSA(16, nn.ModuleList([PSABlock(8, True)]), 3), -1)],
    "PSA": lambda: [(PSA(16), -1)],
    "SCDown": lambda: [(SCDown(16), -1)],
}


@pytest.fixture(autouse=True)
def as_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_models(monkeypatch, list(globals().values()))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_yolo11_costs_what_it_runs_by_every_counter(block: str, tmp_path: Path) -> None:
    assert_costs_what_it_runs(BLOCKS[block](), tmp_path)


def test_heads_that_are_not_those_of_the_convolutions_are_named(tmp_path: Path) -> None:
    block = PSA(16)
    assert_costs_what_it_runs([(block, -1)], tmp_path)
    block.attn.key_dim = 3
    file = tmp_path / "best.pt"
    saved = torch.load(file, weights_only=False)
    next(each for each in saved["model"].modules() if isinstance(each, Attention)).key_dim = 3
    torch.save(saved, file)
    with pytest.raises(ProbeError, match="16 channels for heads that take"):
        fuse_diff(Question(resolve(str(file)), (64, 64), counter()))

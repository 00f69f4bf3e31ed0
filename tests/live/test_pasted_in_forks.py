"""Blocks that several forks share: their recipes give what the modules themselves run, by every counter."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.live.test_pasted import (
    CBAM,
    Conv,
    Rows,
    assert_costs_what_it_runs,
    h_swish,
    put_in_models,
)
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.hosts.target import resolve
from yolo_probe.model.structure import count_layers, count_parameters
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.question import Question


def gate(c: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(c, 4, bias=False), nn.ReLU(True), nn.Linear(4, c, bias=False), nn.Sigmoid())


class C3(nn.Module):
    def __init__(self, c: int, m: nn.Module) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(c, c // 2), Conv(c, c // 2), Conv(c, c)
        self.m = nn.Sequential(m)

    def forward(self, x: Any) -> Any:
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), dim=1))


class BoT3(C3):
    pass


class C3RFEM(C3):
    pass


# Bottleneck transformers


class MHSA(nn.Module):
    def __init__(self, c: int, heads: int, side: int = 0) -> None:
        super().__init__()
        self.heads, self.pos, self.softmax = heads, bool(side), nn.Softmax(dim=-1)
        self.query, self.key, self.value = (nn.Conv2d(c, c, 1) for _ in range(3))
        if side:
            self.rel_h_weight = nn.Parameter(torch.zeros(1, heads, c // heads, 1, side))
            self.rel_w_weight = nn.Parameter(torch.zeros(1, heads, c // heads, side, 1))

    def forward(self, x: Any) -> Any:
        n, c, _, _ = x.size()
        q, k, v = (each(x).view(n, self.heads, c // self.heads, -1) for each in (self.query, self.key, self.value))
        y = torch.matmul(q.permute(0, 1, 3, 2), k)
        if self.pos:
            places = (self.rel_h_weight + self.rel_w_weight).view(1, self.heads, c // self.heads, -1)
            y = y + torch.matmul(places.permute(0, 1, 3, 2), q)[:, :, : y.shape[2]]
        return torch.matmul(v, self.softmax(y).permute(0, 1, 3, 2)).view(x.shape)


class BottleneckTransformer(nn.Module):
    def __init__(self, c1: int, c2: int, side: int = 0) -> None:
        super().__init__()
        self.cv1, self.cv2, self.fc1 = Conv(c1, c2), nn.Sequential(MHSA(c2, 4, side)), nn.Linear(c2, c2)
        if c1 == c2:
            self.shortcut = True
        else:
            self.shortcut = nn.Sequential(nn.Conv2d(c1, c2, 1), nn.BatchNorm2d(c2))

    def forward(self, x: Any) -> Any:
        y = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


# YOLO-FaceV2


class Residual(nn.Module):
    def __init__(self, fn: nn.Module) -> None:
        super().__init__()
        self.fn = fn

    def forward(self, x: Any) -> Any:
        return self.fn(x) + x


def dense(c: int, patch: int = 0) -> nn.Sequential:
    inside = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, groups=c), nn.GELU(), nn.BatchNorm2d(c))
    block = nn.Sequential(Residual(inside), nn.Conv2d(c, c, 1), nn.GELU(), nn.BatchNorm2d(c))
    first = (nn.Conv2d(c, c, patch, patch), nn.GELU(), nn.BatchNorm2d(c)) if patch else ()
    return nn.Sequential(*first, block)


class SEAM(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.DCovN, self.avg_pool, self.fc = dense(c), nn.AdaptiveAvgPool2d(1), gate(c)

    def forward(self, x: Any) -> Any:
        n, c, _, _ = x.size()
        y = self.fc(self.avg_pool(self.DCovN(x)).view(n, c)).view(n, c, 1, 1)
        return x * torch.exp(y).expand_as(x)


class MultiSEAM(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.DCovN0, self.DCovN1, self.DCovN2 = (dense(c, patch) for patch in (3, 5, 7))
        self.avg_pool, self.fc = nn.AdaptiveAvgPool2d(1), gate(c)

    def forward(self, x: Any) -> Any:
        n, c, _, _ = x.size()
        a, b, d, e = (self.avg_pool(y).view(n, c) for y in (self.DCovN0(x), self.DCovN1(x), self.DCovN2(x), x))
        return x * torch.exp(self.fc((a + b + d + e) / 4).view(n, c, 1, 1)).expand_as(x)


class TridentBlock(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.stride, self.c, self.padding, self.dilate, self.bias = 1, True, [1, 2, 3], [1, 2, 3], None
        self.share_weightconv1 = nn.Parameter(torch.zeros(c // 2, c, 1, 1))
        self.share_weightconv2 = nn.Parameter(torch.zeros(c, c // 2, 3, 3))
        self.bn1, self.bn2, self.act = nn.BatchNorm2d(c // 2), nn.BatchNorm2d(c), nn.SiLU()

    def forward(self, x: Any) -> Any:
        outputs = []
        for padding, dilation in zip(self.padding, self.dilate, strict=True):
            y = self.act(self.bn1(functional.conv2d(x, self.share_weightconv1)))
            y = functional.conv2d(y, self.share_weightconv2, None, self.stride, padding, dilation)
            outputs.append(self.act(self.bn2(y) + x))
        return outputs


class RFEM(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.layer, self.bn, self.act = nn.Sequential(TridentBlock(c)), nn.BatchNorm2d(c), nn.SiLU()

    def forward(self, x: Any) -> Any:
        y = self.layer(x)
        return self.act(self.bn(y[0] + y[1] + y[2] + x))


class XBNConv(Conv):
    def __init__(self, c: int) -> None:
        super().__init__(c, c)
        self.bn = nn.GroupNorm(4, c)


class ChannelPool(nn.Module):
    def forward(self, x: Any) -> Any:
        return torch.cat((torch.max(x, 1)[0].unsqueeze(1), torch.mean(x, 1).unsqueeze(1)), dim=1)


class Flatten(nn.Module):
    def forward(self, x: Any) -> Any:
        return x.view(x.size(0), -1)


class BasicConv(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out_channels, self.relu = 1, None
        self.conv, self.bn = nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.BatchNorm2d(1)

    def forward(self, x: Any) -> Any:
        return self.bn(self.conv(x))


class ChannelGate(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.gate_channels, self.pool_types = c, ["avg", "max"]
        self.mlp = nn.Sequential(Flatten(), nn.Linear(c, 4), nn.ReLU(), nn.Linear(4, c))

    def forward(self, x: Any) -> Any:
        sides = x.size()[2:]
        y = self.mlp(functional.avg_pool2d(x, sides, sides)) + self.mlp(functional.max_pool2d(x, sides, sides))
        return x * torch.sigmoid(y).unsqueeze(2).unsqueeze(3).expand_as(x)


class SpatialGate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.compress, self.spatial = ChannelPool(), BasicConv()

    def forward(self, x: Any) -> Any:
        return x * torch.sigmoid(self.spatial(self.compress(x)))


class CBAMOfGates(nn.Module):
    pasted_into = "models.attention"

    def __init__(self, c: int) -> None:
        super().__init__()
        self.ChannelGate, self.no_spatial, self.SpatialGate = ChannelGate(c), False, SpatialGate()

    def forward(self, x: Any) -> Any:
        return self.SpatialGate(self.ChannelGate(x))


class EMA(nn.Module):
    def __init__(self, c: int, groups: int) -> None:
        super().__init__()
        self.groups, each = groups, c // groups
        self.softmax, self.agp = nn.Softmax(-1), nn.AdaptiveAvgPool2d((1, 1))
        self.pool_h, self.pool_w = nn.AdaptiveAvgPool2d((None, 1)), nn.AdaptiveAvgPool2d((1, None))
        self.gn = nn.GroupNorm(each, each)
        self.conv1x1, self.conv3x3 = nn.Conv2d(each, each, 1), nn.Conv2d(each, each, 3, padding=1)

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.size()
        y = x.reshape(n * self.groups, -1, h, w)
        rows, columns = torch.split(
            self.conv1x1(torch.cat([self.pool_h(y), self.pool_w(y).permute(0, 1, 3, 2)], dim=2)), [h, w], dim=2
        )
        a = self.gn(y * rows.sigmoid() * columns.permute(0, 1, 3, 2).sigmoid())
        b = self.conv3x3(y)
        total = self.shares(a, b) + self.shares(b, a)
        return (y * total.reshape(n * self.groups, 1, h, w).sigmoid()).reshape(n, c, h, w)

    def shares(self, a: Any, b: Any) -> Any:
        n = a.shape[0]
        return torch.matmul(self.softmax(self.agp(a).reshape(n, -1, 1).permute(0, 2, 1)), b.reshape(n, a.shape[1], -1))


# Light backbones


class SeBlock(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.Squeeze = nn.AdaptiveAvgPool2d(1)
        self.Excitation = nn.Sequential(nn.Conv2d(c, 4, 1), nn.ReLU(), nn.Conv2d(4, c, 1), nn.Sigmoid())

    def forward(self, x: Any) -> Any:
        return x * self.Excitation(self.Squeeze(x)).expand_as(x)


class MobileNetV3_InvertedResidual(nn.Module):  # noqa: N801  # as it is called where it is pasted from
    def __init__(self, c: int, squeezed: bool) -> None:
        super().__init__()
        self.identity = True
        self.conv = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1, groups=c, bias=False), nn.BatchNorm2d(c), nn.Hardswish(),
            SeBlock(c) if squeezed else nn.Sequential(), nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c),
        )  # fmt: skip

    def forward(self, x: Any) -> Any:
        return x + self.conv(x)


class DepthSepConv(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.stride, self.inp, self.oup, self.dw_size = 1, c, c, 3
        self.dw_sp = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, groups=c), nn.BatchNorm2d(c), nn.Hardswish())

    def forward(self, x: Any) -> Any:
        return self.dw_sp(x)


class conv_bn_hswish(Conv):  # noqa: N801
    pass


class LightConv(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = Conv(c, c), Conv(c, c, 3, 1, c)

    def forward(self, x: Any) -> Any:
        return self.conv2(self.conv1(x))


class HGBlock(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.m, self.add = nn.ModuleList([LightConv(c), LightConv(c)]), True
        self.sc, self.ec = Conv(3 * c, c // 2), Conv(c // 2, c)

    def forward(self, x: Any) -> Any:
        y = [x]
        y.extend(m(y[-1]) for m in self.m)
        return self.ec(self.sc(torch.cat(y, 1))) + x


class HGStem(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.stem1, self.stem3, self.stem4 = Conv(c, c, 3, 2), Conv(2 * c, c, 3, 2), Conv(c, c)
        self.stem2a, self.stem2b = Conv(c, c // 2, 2), Conv(c // 2, c, 2)
        self.stem2a.conv.padding = self.stem2b.conv.padding = (0, 0)
        self.pool = nn.MaxPool2d(kernel_size=2, stride=1, padding=0, ceil_mode=True)

    def forward(self, x: Any) -> Any:
        x = functional.pad(self.stem1(x), [0, 1, 0, 1])
        y = self.stem2b(functional.pad(self.stem2a(x), [0, 1, 0, 1]))
        return self.stem4(self.stem3(torch.cat([self.pool(x), y], dim=1)))


# Attention


class CA(nn.Module):
    """Coordinate attention whose pools are made in each pass."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv1, self.bn1, self.act = nn.Conv2d(c, 8, 1), nn.BatchNorm2d(8), h_swish()
        self.conv_h, self.conv_w = nn.Conv2d(8, c, 1), nn.Conv2d(8, c, 1)

    def forward(self, x: Any) -> Any:
        _, _, h, w = x.size()
        y = torch.cat([nn.AdaptiveAvgPool2d((h, 1))(x), nn.AdaptiveAvgPool2d((1, w))(x).permute(0, 1, 3, 2)], dim=2)
        rows, columns = torch.split(self.act(self.bn1(self.conv1(y))), [h, w], dim=2)
        return x * self.conv_w(columns.permute(0, 1, 3, 2)).sigmoid() * self.conv_h(rows).sigmoid()


class ChannelAttentionModule(nn.Module):
    """A gate that multiplies its input itself."""

    def __init__(self, c: int, light: bool) -> None:
        super().__init__()
        self.light, self.avg_pool, self.act = light, nn.AdaptiveAvgPool2d(1), nn.Sigmoid()
        if light:
            self.max_pool = nn.AdaptiveMaxPool2d(1)
            self.shared_MLP: nn.Module = nn.Sequential(nn.Linear(c, 4), nn.LeakyReLU(0.1, True), nn.Linear(4, c))
        else:
            self.shared_MLP = nn.Conv2d(c, c, 1)

    def forward(self, x: Any) -> Any:
        if not self.light:
            return x * self.act(self.shared_MLP(self.avg_pool(x)))
        y = self.shared_MLP(self.avg_pool(x).view(x.size(0), -1)).unsqueeze(2).unsqueeze(3)
        return x * self.act(y + self.shared_MLP(self.max_pool(x).view(x.size(0), -1)).unsqueeze(2).unsqueeze(3))


class SpatialAttentionModule(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cv1, self.act = nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.Sigmoid()

    def forward(self, x: Any) -> Any:
        y = torch.cat([torch.mean(x, 1, keepdim=True), torch.max(x, 1, keepdim=True)[0]], 1)
        return x * self.act(self.cv1(y))


class CBAMOfWholeGates(nn.Module):
    pasted_into = "models.yolo"

    def __init__(self, c: int, light: bool) -> None:
        super().__init__()
        self.channel_attention, self.spatial_attention = ChannelAttentionModule(c, light), SpatialAttentionModule()

    def forward(self, x: Any) -> Any:
        return self.spatial_attention(self.channel_attention(x))


class ResBlock_CBAM(nn.Module):  # noqa: N801
    def __init__(self, c: int, downsampling: bool) -> None:
        super().__init__()
        self.expansion, self.downsampling = 2, downsampling
        self.bottleneck = nn.Sequential(nn.Conv2d(c, 2 * c if downsampling else c, 1), nn.LeakyReLU(0.1, True))
        self.cbam, self.relu = CBAM(2 * c if downsampling else c), nn.ReLU(inplace=True)
        if downsampling:
            self.downsample = nn.Sequential(nn.Conv2d(c, 2 * c, 1), nn.BatchNorm2d(2 * c))

    def forward(self, x: Any) -> Any:
        y = self.cbam(self.bottleneck(x))
        y += self.downsample(x) if self.downsampling else x
        return self.relu(y)


class TransformerLayer(nn.Module):
    def __init__(self, c: int, names: str) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(c, c, bias=False) for _ in range(3))
        self.ma, self.fc1, self.fc2 = nn.MultiheadAttention(c, 2), nn.Linear(c, c), nn.Linear(c, c)
        for number in (1, 2):
            setattr(self, f"{names}{number}", nn.LayerNorm(c))
        if names == "layernorm":
            self.dropout, self.act = nn.Dropout(0.1), nn.ReLU(True)

    def forward(self, x: Any) -> Any:
        if hasattr(self, "ln1"):
            y = self.ln1(x)
            x = self.ln2(self.ma(self.q(y), self.k(y), self.v(y))[0] + x)
            return self.fc2(self.fc1(x)) + x
        y = self.layernorm1(x)
        x = self.ma(self.q(y), self.k(y), self.v(y))[0] + x
        return self.dropout(self.fc2(self.dropout(self.act(self.fc1(self.layernorm2(x)))))) + x


class TransformerBlock(nn.Module):
    def __init__(self, c: int, names: str) -> None:
        super().__init__()
        self.c2, self.linear, self.tr = c, nn.Linear(c, c), nn.Sequential(TransformerLayer(c, names))

    def forward(self, x: Any) -> Any:
        y = x.flatten(2).permute(2, 0, 1)
        return self.tr(y + self.linear(y)).permute(1, 2, 0).reshape(x.shape)


class HSPP(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.m1 = Conv(c, c), Conv(4 * c, c), nn.AvgPool2d(5, 1, 2)
        self.m2, self.m3 = nn.MaxPool2d(9, 1, 4), nn.MaxPool2d(13, 1, 6)

    def forward(self, x: Any) -> Any:
        y = [self.cv1(x)]
        for m in (self.m1, self.m2, self.m3):
            y.append(m(y[-1]))
        return self.cv2(torch.cat(y, 1))


class Concat_bifpn(nn.Module):  # noqa: N801
    def __init__(self, c: int) -> None:
        super().__init__()
        self.w1_weight, self.w2_weight = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
        self.epsilon, self.conv, self.act = 0.0001, Conv(c, c), nn.ReLU()

    def forward(self, x: Any) -> Any:
        w = self.w1_weight if len(x) == 2 else self.w2_weight
        weight = w / (torch.sum(w, dim=0) + self.epsilon)
        y = weight[0] * x[0] + weight[1] * x[1]
        return self.conv(self.act(y + weight[2] * x[2] if len(x) == 3 else y))


for _kind in (CBAMOfGates, CBAMOfWholeGates):
    _kind.__name__ = _kind.__qualname__ = "CBAM"

BLOCKS: Mapping[str, Callable[[], Rows]] = {
    "BoT3": lambda: [(BoT3(16, BottleneckTransformer(8, 8)), -1)],
    "BoT3 of positions": lambda: [(BoT3(16, BottleneckTransformer(8, 8, 32)), -1)],
    "bottleneck transformer of another width": lambda: [(BottleneckTransformer(16, 16), -1)],
    "SEAM": lambda: [(SEAM(16), -1)],
    "MultiSEAM": lambda: [(MultiSEAM(16), -1)],
    "C3RFEM": lambda: [(C3RFEM(16, RFEM(8)), -1)],
    "XBNConv": lambda: [(XBNConv(16), -1)],
    "CBAM of gates": lambda: [(CBAMOfGates(16), -1)],
    "EMA": lambda: [(EMA(16, 4), -1)],
    "MobileNetV3": lambda: [(conv_bn_hswish(16, 16), -1), (MobileNetV3_InvertedResidual(16, squeezed=True), -1)],
    "MobileNetV3 without squeezing": lambda: [(MobileNetV3_InvertedResidual(16, squeezed=False), -1)],
    "PP-LCNet": lambda: [(DepthSepConv(16), -1)],
    "HGStem": lambda: [(HGStem(16), -1)],
    "HGBlock": lambda: [(HGBlock(16), -1)],
    "CA without pools": lambda: [(CA(16), -1)],
    "CBAM of whole gates": lambda: [(CBAMOfWholeGates(16, light=False), -1)],
    "CBAM of light gates": lambda: [(CBAMOfWholeGates(16, light=True), -1)],
    "ResBlock_CBAM": lambda: [(ResBlock_CBAM(16, downsampling=False), -1)],
    "ResBlock_CBAM that widens": lambda: [(ResBlock_CBAM(16, downsampling=True), -1)],
    "transformer": lambda: [(TransformerBlock(16, "ln"), -1)],
    "transformer that drops": lambda: [(TransformerBlock(16, "layernorm"), -1)],
    "HSPP": lambda: [(HSPP(16), -1)],
    "BiFPN of two": lambda: [(Conv(16, 16), -1), (Concat_bifpn(16), [-1, 0])],
    "BiFPN of three": lambda: [(Conv(16, 16), -1), (Concat_bifpn(16), [-1, 0, 1])],
}


@pytest.fixture(autouse=True)
def as_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_models(monkeypatch, list(globals().values()))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_that_forks_share_costs_what_it_runs_by_every_counter(block: str, tmp_path: Path) -> None:
    assert_costs_what_it_runs(BLOCKS[block](), tmp_path)


def test_a_block_in_two_places_is_one_block(tmp_path: Path) -> None:
    shared = Conv(16, 16)
    assert_costs_what_it_runs([(nn.Sequential(shared, BoT3(16, BottleneckTransformer(8, 8)), shared), -1)], tmp_path)
    report = fuse_diff(Question(resolve(str(tmp_path / "best.pt")), (64, 64), choose_counter("thop-0.1", None)))
    model = torch.load(tmp_path / "best.pt", weights_only=False)["model"]
    counts = [
        (count_layers(state.root).modules, count_parameters(state.root))
        for state in (report.training, report.validation)
    ]
    merged = sum(isinstance(module, Conv) for module in model.modules())
    layers, parameters = len([*model.modules()]), sum(p.numel() for p in model.parameters())
    channels = sum(module.bn.num_features for module in model.modules() if isinstance(module, Conv))
    assert counts == [(layers, parameters), (layers - merged, parameters - channels)]

"""Blocks of YOLOAir, which many take from there: recipes give what the modules themselves run, by every counter."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.live.test_pasted import Bottleneck, Conv, Rows, assert_costs_what_it_runs, assert_same_figures, put_in_models
from tests.live.test_pasted_in_forks import C3


class CNeB(C3):
    pass


class C3HB(C3):
    pass


class CoT3(C3):
    pass


def pooled(c: int) -> nn.ModuleList:
    return nn.ModuleList(nn.MaxPool2d(k, 1, k // 2) for k in (5, 9))


class SPPCSP(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3, self.cv4 = Conv(c, c), nn.Conv2d(c, c, 1), Conv(c, c, 3), Conv(c, c)
        self.m, self.cv5, self.cv6, self.cv7 = pooled(c), Conv(3 * c, c), Conv(c, c, 3), Conv(2 * c, c)
        self.bn, self.act = nn.BatchNorm2d(2 * c), nn.Mish()

    def forward(self, x: Any) -> Any:
        y = self.cv4(self.cv3(self.cv1(x)))
        y = self.cv6(self.cv5(torch.cat([y] + [m(y) for m in self.m], 1)))
        return self.cv7(self.act(self.bn(torch.cat((y, self.cv2(x)), dim=1))))


class BottleneckCSP2(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(c, c), nn.Conv2d(c, c, 1, bias=False), Conv(2 * c, c)
        self.bn, self.act, self.m = nn.BatchNorm2d(2 * c), nn.SiLU(), nn.Sequential(Bottleneck(c))

    def forward(self, x: Any) -> Any:
        y = self.cv1(x)
        return self.cv3(self.act(self.bn(torch.cat((self.m(y), self.cv2(y)), dim=1))))


class BottleneckCSPF(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv4 = Conv(c, c // 2), nn.Conv2d(c, c // 2, 1, bias=False), Conv(c, c)
        self.bn, self.act, self.m = nn.BatchNorm2d(c), nn.SiLU(), nn.Sequential(Bottleneck(c // 2))

    def forward(self, x: Any) -> Any:
        return self.cv4(self.act(self.bn(torch.cat((self.m(self.cv1(x)), self.cv2(x)), dim=1))))


class C3C2(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(c, c // 2, 1, bias=False), nn.BatchNorm2d(c // 2)
        self.act, self.cv1, self.m = nn.SiLU(), Conv(c, c), nn.Sequential(Bottleneck(c // 2))

    def forward(self, x: Any) -> Any:
        y = self.conv(x)
        return self.cv1(torch.cat((self.m(self.act(self.bn(y))), y), dim=1))


class HorLayerNorm(nn.Module):
    def __init__(self, c: int, first: bool = False) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = nn.Parameter(torch.ones(c)), nn.Parameter(torch.zeros(c)), 1e-6
        self.data_format, self.normalized_shape = "channels_first" if first else "channels_last", (c,)

    def forward(self, x: Any) -> Any:
        if self.data_format == "channels_last":
            return functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        mean = x.mean(1, keepdim=True)
        spread = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(spread + self.eps)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvNextBlock(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.dwconv, self.norm = nn.Conv2d(c, c, 7, padding=3, groups=c), HorLayerNorm(c)
        self.pwconv1, self.act, self.pwconv2 = nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c)
        self.gamma, self.drop_path = nn.Parameter(torch.ones(c)), nn.Identity()

    def forward(self, x: Any) -> Any:
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(self.act(self.pwconv1(y)))
        return x + self.drop_path(y.permute(0, 3, 1, 2))


class ConvNeXt(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.index, first = 0, nn.Sequential(nn.Conv2d(c, c, 4, 4), HorLayerNorm(c, first=True))
        self.downsample_layers = nn.ModuleList([first, nn.Sequential(HorLayerNorm(c, first=True))])
        self.stages = nn.ModuleList([nn.Sequential(ConvNextBlock(c)), nn.Sequential(ConvNextBlock(c))])

    def forward(self, x: Any) -> Any:
        return self.stages[self.index](self.downsample_layers[self.index](x))


class gnconv(nn.Module):  # noqa: N801  # as it is called where it is pasted from
    def __init__(self, c: int) -> None:
        super().__init__()
        self.order, self.dims, self.scale = 2, [c // 2, c], 1.0
        self.proj_in, self.proj_out = nn.Conv2d(c, 2 * c, 1), nn.Conv2d(c, c, 1)
        self.dwconv = nn.Conv2d(c + c // 2, c + c // 2, 7, padding=3, groups=c + c // 2)
        self.pws = nn.ModuleList([nn.Conv2d(c // 2, c, 1)])

    def forward(self, x: Any) -> Any:
        first, rest = torch.split(self.proj_in(x), (self.dims[0], sum(self.dims)), dim=1)
        gates = torch.split(self.dwconv(rest) * self.scale, self.dims, dim=1)
        x = first * gates[0]
        for i in range(self.order - 1):
            x = self.pws[i](x) * gates[i + 1]
        return self.proj_out(x)


class HorBlock(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.norm1, self.gnconv, self.norm2 = HorLayerNorm(c, first=True), gnconv(c), HorLayerNorm(c)
        self.pwconv1, self.act, self.pwconv2 = nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c)
        self.gamma1, self.gamma2 = nn.Parameter(torch.ones(c)), nn.Parameter(torch.ones(c))
        self.drop_path = nn.Identity()

    def forward(self, x: Any) -> Any:
        x = x + self.drop_path(self.gamma1.view(x.shape[1], 1, 1) * self.gnconv(self.norm1(x)))
        y = self.pwconv2(self.act(self.pwconv1(self.norm2(x.permute(0, 2, 3, 1)))))
        return x + self.drop_path((self.gamma2 * y).permute(0, 3, 1, 2))


class CoT(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.dim, self.kernel_size = c, 3
        self.key_embed = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, groups=4), nn.BatchNorm2d(c), nn.ReLU())
        self.value_embed = nn.Sequential(nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c))
        self.attention_embed = nn.Sequential(
            nn.Conv2d(2 * c, c, 1), nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 9 * c, 1)
        )

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.shape
        keys, values = self.key_embed(x), self.value_embed(x).view(n, c, -1)
        y = self.attention_embed(torch.cat([keys, x], dim=1)).reshape(n, c, 9, h, w)
        y = y.mean(2, keepdim=False).view(n, c, -1)
        return keys + (functional.softmax(y, dim=-1) * values).view(n, c, h, w)


class ContextBlock2d(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.inplanes, self.planes, self.pool, self.fusions = c, 4, "att", ["channel_add", "channel_mul"]
        self.conv_mask, self.softmax = nn.Conv2d(c, 1, 1), nn.Softmax(dim=2)
        self.channel_add_conv, self.channel_mul_conv = (
            nn.Sequential(nn.Conv2d(c, 4, 1), nn.LayerNorm([4, 1, 1]), nn.ReLU(True), nn.Conv2d(4, c, 1))
            for _ in range(2)
        )

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.size()
        mask = self.softmax(self.conv_mask(x).view(n, 1, h * w)).unsqueeze(3)
        context = torch.matmul(x.view(n, c, h * w).unsqueeze(1), mask).view(n, c, 1, 1)
        return x * torch.sigmoid(self.channel_mul_conv(context)) + self.channel_add_conv(context)


class ShuffleAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.G, self.channel, each = 2, c, c // 4
        self.avg_pool, self.gn, self.sigmoid = nn.AdaptiveAvgPool2d(1), nn.GroupNorm(each, each), nn.Sigmoid()
        for name in ("cweight", "cbias", "sweight", "sbias"):
            setattr(self, name, nn.Parameter(torch.ones(1, each, 1, 1)))

    def forward(self, x: Any) -> Any:
        n, _, h, w = x.size()
        a, b = x.view(n * self.G, -1, h, w).chunk(2, dim=1)
        a = a * self.sigmoid(self.cweight * self.avg_pool(a) + self.cbias)
        b = b * self.sigmoid(self.sweight * self.gn(b) + self.sbias)
        y = torch.cat([a, b], dim=1).contiguous().view(n, -1, h, w)
        return y.reshape(n, 2, -1, h, w).permute(0, 2, 1, 3, 4).reshape(n, -1, h, w)


class Channel_Att(nn.Module):  # noqa: N801
    def __init__(self, c: int) -> None:
        super().__init__()
        self.channels, self.bn2 = c, nn.BatchNorm2d(c)

    def forward(self, x: Any) -> Any:
        weight = self.bn2.weight.data.abs() / torch.sum(self.bn2.weight.data.abs())
        y = torch.mul(weight, self.bn2(x).permute(0, 2, 3, 1).contiguous())
        return torch.sigmoid(y.permute(0, 3, 1, 2).contiguous()) * x


class NAMAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.Channel_Att = Channel_Att(c)

    def forward(self, x: Any) -> Any:
        return self.Channel_Att(x)


class Involution(nn.Module):
    def __init__(self, c: int, stride: int) -> None:
        super().__init__()
        self.kernel_size, self.stride, self.c1, self.group_channels, self.groups = 3, stride, c, 8, c // 8
        self.conv1, self.conv2 = Conv(c, c // 4), Conv(c // 4, 9 * self.groups)
        if stride > 1:
            self.avgpool = nn.AvgPool2d(stride, stride)
        self.unfold = nn.Unfold(3, 1, 1, stride)

    def forward(self, x: Any) -> Any:
        weight = self.conv2(self.conv1(x if self.stride == 1 else self.avgpool(x)))
        n, _, h, w = weight.shape
        weight = weight.view(n, self.groups, 9, h, w).unsqueeze(2)
        y = self.unfold(x).view(n, self.groups, self.group_channels, 9, h, w)
        return (weight * y).sum(dim=3).view(n, self.c1, h, w)


class SKAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.d = 8
        self.convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(c, c, k, padding=k // 2), nn.BatchNorm2d(c), nn.ReLU()) for k in (1, 3)
        )
        self.fc, self.fcs = nn.Linear(c, 8), nn.ModuleList(nn.Linear(8, c) for _ in range(2))
        self.softmax = nn.Softmax(dim=0)

    def forward(self, x: Any) -> Any:
        n, c, _, _ = x.size()
        found = [branch(x) for branch in self.convs]
        y = self.fc(sum(found).mean(-1).mean(-1))
        weights = self.softmax(torch.stack([fc(y).view(n, c, 1, 1) for fc in self.fcs], 0))
        return (weights * torch.stack(found, 0)).sum(0)


class SplitAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.channel, self.k = c, 3
        self.mlp1, self.gelu, self.mlp2 = nn.Linear(c, c, bias=False), nn.GELU(), nn.Linear(c, 3 * c, bias=False)
        self.softmax = nn.Softmax(1)

    def forward(self, x: Any) -> Any:
        n, k, h, w, c = x.shape
        x = x.reshape(n, k, -1, c)
        y = self.mlp2(self.gelu(self.mlp1(torch.sum(torch.sum(x, 1), 1))))
        weights = self.softmax(y.reshape(n, self.k, c)).unsqueeze(-2)
        return torch.sum(weights * x, 1).reshape(n, h, w, c)


class S2Attention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.mlp1, self.mlp2, self.split_attention = nn.Linear(c, 3 * c), nn.Linear(c, c), SplitAttention(c)

    def forward(self, x: Any) -> Any:
        c = x.shape[1]
        y = self.mlp1(x.permute(0, 2, 3, 1))
        first, second, third = y[..., :c], y[..., c : 2 * c], y[..., 2 * c :]
        first[:, 1:, :, : c // 4] = first[:, :-1, :, : c // 4].clone()
        second[:, :, 1:, : c // 4] = second[:, :, :-1, : c // 4].clone()
        return self.mlp2(self.split_attention(torch.stack([first, second, third], 1))).permute(0, 3, 1, 2)


class ACmix(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.in_planes = self.out_planes = c
        self.head, self.kernel_att, self.kernel_conv, self.stride, self.dilation = 2, 5, 3, 1, 1
        self.head_dim, self.padding_att = c // 2, 2
        self.rate1, self.rate2 = nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(1))
        self.conv1, self.conv2, self.conv3 = (nn.Conv2d(c, c, 1) for _ in range(3))
        self.conv_p, self.pad_att, self.unfold = nn.Conv2d(2, c // 2, 1), nn.ReflectionPad2d(2), nn.Unfold(5)
        self.softmax, self.fc = nn.Softmax(dim=1), nn.Conv2d(6, 9, 1, bias=False)
        self.dep_conv = nn.Conv2d(9 * c // 2, c, 3, padding=1, groups=c // 2)

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.shape
        q, k, v = self.conv1(x), self.conv2(x), self.conv3(x)
        rows = torch.linspace(-1.0, 1.0, h).view(-1, 1).repeat(1, w)
        columns = torch.linspace(-1.0, 1.0, w).repeat(h, 1)
        places = self.conv_p(torch.cat([columns.unsqueeze(0), rows.unsqueeze(0)], 0).unsqueeze(0))

        def around(y: Any) -> Any:
            return self.unfold(self.pad_att(y)).view(-1, c // 2, 25, h, w)

        heads = (2 * n, c // 2, h, w)
        scaled = q.view(heads) * 0.5
        keys = around(k.view(heads)) + places.unsqueeze(2) - around(places)
        weights = self.softmax((scaled.unsqueeze(2) * keys).sum(1))
        attended = (weights.unsqueeze(1) * around(v.view(heads))).sum(2).view(n, c, h, w)
        y = self.fc(torch.cat([each.view(n, 2, c // 2, h * w) for each in (q, k, v)], 1))
        convolved = self.dep_conv(y.permute(0, 2, 1, 3).reshape(n, -1, h, w))
        return self.rate1 * attended + self.rate2 * convolved


class CARAFE(nn.Module):
    pasted_into = "models.attention"

    def __init__(self, c: int) -> None:
        super().__init__()
        self.kernel_size, self.up_factor = 3, 2
        self.down, self.encoder, self.out = nn.Conv2d(c, 4, 1), nn.Conv2d(4, 36, 3, padding=1), nn.Conv2d(c, c, 1)

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.shape
        y = functional.softmax(functional.pixel_shuffle(self.encoder(self.down(x)), 2), dim=1)
        y = y.unfold(2, 2, step=2).unfold(3, 2, step=2).reshape(n, 9, h, w, 4).permute(0, 2, 3, 1, 4)
        x = functional.pad(x, (1, 1, 1, 1)).unfold(2, 3, step=1).unfold(3, 3, step=1)
        y = torch.matmul(x.reshape(n, c, h, w, 9).permute(0, 2, 3, 1, 4), y).reshape(n, h, w, -1)
        return self.out(functional.pixel_shuffle(y.permute(0, 3, 1, 2), 2))


class RepVGGBlock(nn.Module):
    pasted_into = "models.attention"

    def __init__(self, c: int, deploy: bool) -> None:
        super().__init__()
        self.deploy, self.groups, self.in_channels, self.out_channels = deploy, 1, c, c
        self.nonlinearity, self.se = nn.SiLU(), nn.Identity()
        if deploy:
            self.rbr_reparam = nn.Conv2d(c, c, 3, padding=1)
        else:
            self.rbr_identity = nn.BatchNorm2d(c)
            self.rbr_dense = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
            self.rbr_1x1 = nn.Sequential(nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x: Any) -> Any:
        if self.deploy:
            return self.nonlinearity(self.se(self.rbr_reparam(x)))
        return self.nonlinearity(self.se(self.rbr_dense(x) + self.rbr_1x1(x) + self.rbr_identity(x)))


class ASFFV5(nn.Module):
    def __init__(self, c: int, level: int) -> None:
        super().__init__()
        self.level, self.dim, self.inter_dim, self.vis = level, [c, c, c], c, False
        if level == 0:
            self.stride_level_1 = Conv(c, c, 3, 2)
        else:
            self.compress_level_0 = Conv(c, c)
        if level == 2:
            self.compress_level_1 = Conv(c, c)
        else:
            self.stride_level_2 = Conv(c, c, 3, 2)
        self.weight_level_0, self.weight_level_1, self.weight_level_2 = Conv(c, 8), Conv(c, 8), Conv(c, 8)
        self.weight_levels, self.expand = Conv(24, 3), Conv(c, c, 3)

    def resized(self, large: Any, middle: Any, small: Any) -> Any:
        if self.level == 0:
            halved = functional.max_pool2d(large, 3, stride=2, padding=1)
            return small, self.stride_level_1(middle), self.stride_level_2(halved)
        small = functional.interpolate(self.compress_level_0(small), scale_factor=2 * self.level, mode="nearest")
        if self.level == 1:
            return small, middle, self.stride_level_2(large)
        return small, functional.interpolate(self.compress_level_1(middle), scale_factor=2, mode="nearest"), large

    def forward(self, x: Any) -> Any:
        a, b, c = self.resized(*x)
        weights = torch.cat((self.weight_level_0(a), self.weight_level_1(b), self.weight_level_2(c)), 1)
        weights = functional.softmax(self.weight_levels(weights), dim=1)
        return self.expand(a * weights[:, 0:1] + b * weights[:, 1:2] + c * weights[:, 2:])


BLOCKS: Mapping[str, Callable[[], Rows]] = {
    "CNeB": lambda: [(CNeB(16, ConvNextBlock(8)), -1)],
    "ConvNeXt": lambda: [(ConvNeXt(16), -1)],
    "C3HB": lambda: [(C3HB(16, HorBlock(8)), -1)],
    "CoT3": lambda: [(CoT3(16, CoT(8)), -1)],
    "SPPCSP": lambda: [(SPPCSP(16), -1)],
    "BottleneckCSP2": lambda: [(BottleneckCSP2(16), -1)],
    "BottleneckCSPF": lambda: [(BottleneckCSPF(16), -1)],
    "C3C2": lambda: [(C3C2(16), -1)],
    "ContextBlock2d": lambda: [(ContextBlock2d(16), -1)],
    "ShuffleAttention": lambda: [(ShuffleAttention(16), -1)],
    "NAMAttention": lambda: [(NAMAttention(16), -1)],
    "Involution": lambda: [(Involution(16, 1), -1)],
    "Involution that halves": lambda: [(Involution(16, 2), -1)],
    "SKAttention": lambda: [(SKAttention(16), -1)],
    "S2Attention": lambda: [(S2Attention(16), -1)],
    "ACmix": lambda: [(ACmix(16), -1)],
    "CARAFE": lambda: [(CARAFE(16), -1)],
    "ASFF of one level": lambda: [(Conv(16, 16, 3, 2), -1), (Conv(16, 16, 3, 2), -1), (ASFFV5(16, 0), [0, 1, -1])],
    "ASFF of the middle": lambda: [(Conv(16, 16, 3, 2), -1), (Conv(16, 16, 3, 2), -1), (ASFFV5(16, 1), [0, 1, -1])],
    "ASFF of the largest": lambda: [(Conv(16, 16, 3, 2), -1), (Conv(16, 16, 3, 2), -1), (ASFFV5(16, 2), [0, 1, -1])],
}


@pytest.fixture(autouse=True)
def as_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_models(monkeypatch, list(globals().values()))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_yoloair_costs_what_it_runs_by_every_counter(block: str, tmp_path: Path) -> None:
    assert_costs_what_it_runs(BLOCKS[block](), tmp_path)


@pytest.mark.parametrize("deploy", [False, True])
def test_what_another_forks_fuse_would_merge_is_counted_and_named(deploy: bool, tmp_path: Path) -> None:
    question = assert_same_figures([(RepVGGBlock(16, deploy), -1)], tmp_path)
    assert question.subject.foreign == (("model.1", "models.attention.RepVGGBlock"),)

"""Blocks with dilations, lines of attention and branches: recipes give what the modules themselves run."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.live.test_pasted import Conv, EffectiveSELayer, GSConv, Rows, assert_costs_what_it_runs, put_in_models
from tests.live.test_pasted_heads import Detect, WindowAttention, joined, split


class ConvBNLayer(nn.Module):
    pasted_into = "models.Models.ppyolo"

    def __init__(self, c1: int, c2: int, k: int = 1, s: int = 1, act: bool = True) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(c1, c2, k, s, k // 2, bias=False), nn.BatchNorm2d(c2)
        self.act = Swish() if act else nn.Identity()

    def forward(self, x: Any) -> Any:
        return self.act(self.bn(self.conv(x)))


class Swish(nn.Module):
    pasted_into = "models.Models.ppyolo"

    def __init__(self) -> None:
        super().__init__()
        self.inplace = True

    def forward(self, x: Any) -> Any:
        x.mul_(torch.sigmoid(x))
        return x


class RepVggBlock(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.ch_in, self.ch_out, self.deploy, self.act = c, c, False, Swish()
        self.conv1, self.conv2 = ConvBNLayer(c, c, 3, act=False), ConvBNLayer(c, c, act=False)

    def forward(self, x: Any) -> Any:
        return self.act(self.conv1(x) + self.conv2(x))


class BasicBlock(nn.Module):
    def __init__(self, c: int, shortcut: bool) -> None:
        super().__init__()
        self.conv1, self.conv2, self.shortcut = ConvBNLayer(c, c, 3), RepVggBlock(c), shortcut

    def forward(self, x: Any) -> Any:
        y = self.conv2(self.conv1(x))
        return x + y if self.shortcut else y


class CSPResStage(nn.Module):
    def __init__(self, c: int, of_neck: bool) -> None:
        super().__init__()
        self.conv_down: Any = None if of_neck else ConvBNLayer(c, c, 3, 2)
        self.conv1, self.conv2, self.conv3 = ConvBNLayer(c, c // 2), ConvBNLayer(c, c // 2), ConvBNLayer(c, c)
        self.blocks = nn.Sequential(BasicBlock(c // 2, True))
        self.attn: Any = None if of_neck else EffectiveSELayer(c)

    def forward(self, x: Any) -> Any:
        x = self.conv_down(x) if self.conv_down is not None else x
        y = torch.cat([self.conv1(x), self.blocks(self.conv2(x))], 1)
        return self.conv3(self.attn(y) if self.attn is not None else y)


class CSPResNet(nn.Module):
    def __init__(self, c: int, of_neck: bool) -> None:
        super().__init__()
        self.backbone = CSPResStage(c, of_neck)

    def forward(self, x: Any) -> Any:
        return self.backbone(x)


class CSPResNet_CBS(nn.Module):  # noqa: N801  # as it is called where it is pasted from
    def __init__(self, c: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(ConvBNLayer(c, c, 3, 2), ConvBNLayer(c, c, 3))

    def forward(self, x: Any) -> Any:
        return self.stem(x)


class SPPE(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.pool = [nn.MaxPool2d(k, 1, k // 2) for k in (5, 9, 13)]
        for number, each in enumerate(self.pool):
            self.add_module(f"pool{number}", each)
        self.conv = ConvBNLayer(4 * c, c)

    def forward(self, x: Any) -> Any:
        return self.conv(torch.cat([x] + [pool(x) for pool in self.pool], 1))


class CSPStage(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = ConvBNLayer(c, c // 2), ConvBNLayer(c, c // 2), ConvBNLayer(c, c)
        self.convs = nn.Sequential(BasicBlock(c // 2, False), SPPE(c // 2))

    def forward(self, x: Any) -> Any:
        return self.conv3(torch.cat([self.conv1(x), self.convs(self.conv2(x))], 1))


class ResSPP(nn.Module):
    def __init__(self, c: int, n: int) -> None:
        super().__init__()
        self.n, self.conv1, self.conv2 = n, ConvBNLayer(c, c), ConvBNLayer(4 * c, c)
        for number in range(1, 5):
            setattr(self, f"basicBlock_spp{number}", BasicBlock(c, False))
        self.spp = nn.ModuleList(nn.MaxPool2d(k, 1, k // 2) for k in (5, 9, 13))

    def forward(self, x: Any) -> Any:
        before = 2 if self.n > 2 else 1
        blocks = [getattr(self, f"basicBlock_spp{number}") for number in range(1, self.n + 1)]
        x = self.conv1(x)
        for each in blocks[:before]:
            x = each(x)
        x = self.conv2(torch.cat([x] + [pool(x) for pool in self.spp], 1))
        for each in blocks[before:]:
            x = each(x)
        return x


class Detect_LF(Detect):  # noqa: N801
    pasted_into = "models.lf_yolo"


def pair(c1: int, c2: int, k: int = 1, s: int = 1, g: int = 1, d: int = 1) -> nn.Sequential:
    made = nn.Sequential()
    made.add_module("conv", nn.Conv2d(c1, c2, k, s, d * (k // 2), d, g, bias=False))
    made.add_module("bn", nn.BatchNorm2d(c2))
    return made


class GhostModule(nn.Module):
    def __init__(self, c1: int, c2: int, d: int = 1) -> None:
        super().__init__()
        self.oup, few = c2, (c2 + 1) // 2
        self.primary_conv = nn.Sequential(nn.Conv2d(c1, few, 1, bias=False), nn.BatchNorm2d(few), nn.ReLU(inplace=True))
        self.cheap_operation = nn.Sequential(
            nn.Conv2d(few, few, 3, 1, d, d, few, bias=False), nn.BatchNorm2d(few), nn.ReLU(inplace=True)
        )

    def forward(self, x: Any) -> Any:
        y = self.primary_conv(x)
        return torch.cat([y, self.cheap_operation(y)], 1)[:, : self.oup]


class GDConv(GhostModule):
    pass


class CspGhost(nn.Module):
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.part1_chnls = c1 // 4
        self.part2_chnls, self.num_layers = c1 - c1 // 4, c2 - c1 // 4
        self.dense = GhostModule(self.part2_chnls, self.num_layers)

    def forward(self, x: Any) -> Any:
        return torch.cat((x[:, : self.part1_chnls], self.dense(x[:, self.part1_chnls :])), 1)


class EFE(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv1x1_1 = nn.Sequential(nn.Conv2d(c, c, 1), nn.BatchNorm2d(c))
        self.Ghost = CspGhost(c, 2 * c)
        self.conv1x1_2 = nn.Sequential(nn.Conv2d(2 * c, c, 1), nn.BatchNorm2d(c))

    def forward(self, x: Any) -> Any:
        x = self.conv1x1_1(x)
        return x + self.conv1x1_2(self.Ghost(x))


class RMF(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        for place, size in enumerate((1, 5, 9, 13)):
            if size > 1:
                self.add_module(f"SPPmax{size}", nn.MaxPool2d(size, 1, size // 2))
            for dilation in (1, 3, 5):
                self.add_module(f"Dilation{place}_{dilation}", GDConv(c, 3, dilation))

    def forward(self, x: Any) -> Any:
        found = []
        for place, size in enumerate((1, 5, 9, 13)):
            y = getattr(self, f"SPPmax{size}")(x) if size > 1 else x
            found.append(torch.cat([getattr(self, f"Dilation{place}_{d}")(y) for d in (1, 3, 5)], 1))
        return torch.cat(found, 1)


class ASPP(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.mean, self.conv, self.atrous_block1 = nn.AdaptiveAvgPool2d((1, 1)), nn.Conv2d(c, 8, 1), nn.Conv2d(c, 8, 1)
        for dilation in (6, 12, 18):
            setattr(self, f"atrous_block{dilation}", nn.Conv2d(c, 8, 3, 1, dilation, dilation))
        self.conv_1x1_output = nn.Conv2d(40, 8, 1)

    def forward(self, x: Any) -> Any:
        y = functional.upsample(self.conv(self.mean(x)), size=x.shape[2:], mode="bilinear")
        parts = [getattr(self, f"atrous_block{dilation}")(x) for dilation in (1, 6, 12, 18)]
        return self.conv_1x1_output(torch.cat([y, *parts], 1))


class BasicConv(nn.Module):
    def __init__(self, c1: int, c2: int, k: int = 1, d: int = 1, relu: bool = False) -> None:
        super().__init__()
        self.out_channels, self.conv = c2, nn.Conv2d(c1, c2, k, 1, d * (k // 2), d, bias=False)
        self.bn, self.relu = nn.BatchNorm2d(c2), nn.ReLU(inplace=True) if relu else None

    def forward(self, x: Any) -> Any:
        x = self.bn(self.conv(x))
        return x if self.relu is None else self.relu(x)


class BasicRFB(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.scale, self.out_channels, self.relu = 0.1, c, nn.ReLU()
        for number in range(3):
            branch = nn.Sequential(BasicConv(c, 4), BasicConv(4, 8, 3, relu=True), BasicConv(8, 8, 3, number + 2))
            setattr(self, f"branch{number}", branch)
        self.ConvLinear, self.shortcut = BasicConv(24, c), BasicConv(c, c)

    def forward(self, x: Any) -> Any:
        y = self.ConvLinear(torch.cat((self.branch0(x), self.branch1(x), self.branch2(x)), 1))
        return self.relu(y * self.scale + self.shortcut(x))


def infinities(n: int, h: int, w: int) -> Any:
    return -torch.diag(torch.tensor(float("inf")).repeat(h), 0).unsqueeze(0).repeat(n * w, 1, 1)


class CrissCrossAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.query_conv, self.key_conv, self.value_conv = nn.Conv2d(c, 4, 1), nn.Conv2d(c, 4, 1), nn.Conv2d(c, c, 1)
        self.softmax, self.INF, self.gamma = nn.Softmax(dim=3), infinities, nn.Parameter(torch.zeros(1))

    def forward(self, x: Any) -> Any:
        n, _, h, w = x.size()

        def columns(y: Any) -> Any:
            return y.permute(0, 3, 1, 2).contiguous().view(n * w, -1, h)

        def rows(y: Any) -> Any:
            return y.permute(0, 2, 1, 3).contiguous().view(n * h, -1, w)

        q, k, v = self.query_conv(x), self.key_conv(x), self.value_conv(x)
        of_column = torch.bmm(columns(q).permute(0, 2, 1), columns(k)) + self.INF(n, h, w)
        of_row = torch.bmm(rows(q).permute(0, 2, 1), rows(k)).view(n, h, w, w)
        y = self.softmax(torch.cat([of_column.view(n, w, h, h).permute(0, 2, 1, 3), of_row], 3))
        of_column = y[..., :h].permute(0, 2, 1, 3).contiguous().view(n * w, h, h).permute(0, 2, 1)
        of_row = y[..., h:].contiguous().view(n * h, w, w).permute(0, 2, 1)
        down = torch.bmm(columns(v), of_column).view(n, w, -1, h).permute(0, 2, 3, 1)
        along = torch.bmm(rows(v), of_row).view(n, h, -1, w).permute(0, 2, 1, 3)
        return self.gamma * (down + along) + x


class Covariance(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Any) -> Any:
        n, c, h, w = x.shape
        places = h * w
        centred = (-1.0 / places / places) * torch.ones(places, places) + (1.0 / places) * torch.eye(places, places)
        x = x.reshape(n, c, places)
        return x.bmm(centred.view(1, places, places).repeat(n, 1, 1)).bmm(x.transpose(1, 2))


class Root(torch.autograd.Function):
    @staticmethod
    def forward(_: Any, x: Any, steps: int) -> Any:
        n, c, _ = x.shape
        threes = (3.0 * torch.eye(c, c)).view(1, c, c).repeat(n, 1, 1)
        trace = (1.0 / 3.0) * x.mul(threes).sum(dim=1).sum(dim=1)
        whole = x.div(trace.view(n, 1, 1).expand_as(x))
        z = 0.5 * (threes - whole)
        y = whole.bmm(z)
        for _ in range(1, steps - 1):
            factor = 0.5 * (threes - z.bmm(y))
            y, z = y.bmm(factor), factor.bmm(z)
        root = 0.5 * y.bmm(threes - z.bmm(y))
        return root * torch.sqrt(trace).view(n, 1, 1).expand_as(x)


class SOCA(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.max_pool = nn.MaxPool2d(2)
        self.conv_du = nn.Sequential(nn.Conv2d(c, c // 8, 1), nn.ReLU(), nn.Conv2d(c // 8, c, 1), nn.Sigmoid())

    def forward(self, x: Any) -> Any:
        n, c, _, _ = x.shape
        y = torch.mean(Root.apply(Covariance.apply(x), 5), 1)
        return self.conv_du(y.view(n, c, 1, 1)) * x


class ShuffleNetV2_Model(nn.Module):  # noqa: N801
    def __init__(self, c: int, stride: int) -> None:
        super().__init__()
        self.stride, half = stride, c // 2
        self.branch1 = nn.Sequential(pair(c, c, 3, 2, c), pair(c, half), nn.ReLU()) if stride == 2 else nn.Sequential()
        first = c if stride == 2 else half
        self.branch2 = nn.Sequential(pair(first, half), nn.ReLU(), pair(half, half, 3, stride, half), pair(half, half))

    def forward(self, x: Any) -> Any:
        if self.stride == 1:
            first, second = x.chunk(2, dim=1)
            y = torch.cat((first, self.branch2(second)), 1)
        else:
            y = torch.cat((self.branch1(x), self.branch2(x)), 1)
        n, c, h, w = y.size()
        return y.view(n, 2, c // 2, h, w).permute(0, 2, 1, 3, 4).contiguous().view(n, c, h, w)


class DepthWiseConv(nn.Module):
    def __init__(self, c: int, k: int, s: int) -> None:
        super().__init__()
        self.conv = pair(c, c, k, s, c)

    def forward(self, x: Any) -> Any:
        return self.conv(x)


class PointWiseConv(nn.Module):
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.conv = pair(c1, c2)

    def forward(self, x: Any) -> Any:
        return self.conv(x)


class MobileOneBlock(nn.Module):
    def __init__(self, c1: int, c2: int, k: int, s: int) -> None:
        super().__init__()
        self.deploy, self.in_channels, self.out_channels, self.k = False, c1, c2, k
        self.nonlinearity, self.se, same = nn.ReLU(), nn.Identity(), c1 == c2 and s == 1
        self.dw_bn_layer: Any = nn.BatchNorm2d(c1) if same else None
        self.pw_bn_layer: Any = nn.BatchNorm2d(c1) if same else None
        self.dw_1x1 = DepthWiseConv(c1, 1, s)
        for number in range(k):
            setattr(self, f"dw_3x3_{number}", DepthWiseConv(c1, 3, s))
            setattr(self, f"pw_1x1_{number}", PointWiseConv(c1, c2))

    def forward(self, x: Any) -> Any:
        identity = 0 if self.dw_bn_layer is None else self.dw_bn_layer(x)
        branches = [getattr(self, f"dw_3x3_{number}")(x) for number in range(self.k)]
        x = self.nonlinearity(self.se(identity + self.dw_1x1(x) + sum(branches)))
        identity = 0 if self.pw_bn_layer is None else self.pw_bn_layer(x)
        return self.nonlinearity(identity + sum(getattr(self, f"pw_1x1_{number}")(x) for number in range(self.k)))


class MobileOne(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.m = nn.Sequential(MobileOneBlock(c, c, 2, 1), MobileOneBlock(c, 2 * c, 1, 2))

    def forward(self, x: Any) -> Any:
        return self.m(x)


class Mlp(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2, self.drop = nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c), nn.Dropout(0.0)

    def forward(self, x: Any) -> Any:
        return self.drop(self.fc2(self.drop(self.act(self.fc1(x)))))


class SwinTransformerLayer(nn.Module):
    def __init__(self, c: int, side: int, shift: int) -> None:
        super().__init__()
        self.dim, self.num_heads, self.window_size, self.shift_size, self.mlp_ratio = c, 2, side, shift, 4.0
        self.norm1, self.attn, self.drop_path = nn.LayerNorm(c), WindowAttention(c, side, 2), nn.Identity()
        self.norm2, self.mlp = nn.LayerNorm(c), Mlp(c)

    def forward(self, x: Any) -> Any:
        side, shift, (_, _, height, width) = self.window_size, self.shift_size, x.shape
        x = functional.pad(x, (0, -width % side, 0, -height % side))
        n, c, h, w = x.shape
        x, mask = x.permute(0, 2, 3, 1).contiguous().view(n, h * w, c), None
        if shift:
            windows = split(torch.zeros((1, h, w, 1)), side).view(-1, side * side)
            mask = windows.unsqueeze(1) - windows.unsqueeze(2)
        y = self.norm1(x).view(n, h, w, c)
        y = torch.roll(y, shifts=(-shift, -shift), dims=(1, 2)) if shift else y
        y = self.attn(split(y, side).view(-1, side * side, c), mask=mask)
        y = joined(y.view(-1, side, side, c), side, h, w)
        y = torch.roll(y, shifts=(shift, shift), dims=(1, 2)) if shift else y
        x = x + self.drop_path(y.view(n, h * w, c))
        x = x + self.drop_path(self.mlp(self.norm2(x)))
        return x.permute(0, 2, 1).contiguous().view(-1, c, h, w)[:, :, :height, :width]


class SwinTransformerBlock(nn.Module):
    def __init__(self, c1: int, c2: int, side: int) -> None:
        super().__init__()
        self.conv: Any = Conv(c1, c2) if c1 != c2 else None
        self.blocks = nn.Sequential(*(SwinTransformerLayer(c2, side, shift) for shift in (0, side // 2)))

    def forward(self, x: Any) -> Any:
        return self.blocks(x if self.conv is None else self.conv(x))


class Swin_Transformer_B(nn.Module):  # noqa: N801
    def __init__(self, c: int, side: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(c, c // 2), Conv(c // 2, c // 2), Conv(c, c)
        self.m = SwinTransformerBlock(c // 2, c // 2, side)

    def forward(self, x: Any) -> Any:
        x = self.cv1(x)
        return self.cv3(torch.cat((self.m(x), self.cv2(x)), dim=1))


class GSBottleneck(nn.Module):
    """With a branch that its forward does not run."""

    pasted_into = "models.Models.slimneck"

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv_lighting, self.conv = nn.Sequential(GSConv(c, c)), nn.Sequential(GSConv(c, c))
        self.shortcut = Conv(c, c, 3)

    def forward(self, x: Any) -> Any:
        return self.conv_lighting(x) + self.shortcut(x)


class GSConvns(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(c, c // 2), Conv(c // 2, c // 2, 5, g=c // 2)
        self.shuf, self.act = nn.Conv2d(c, c, 1, bias=False), nn.ReLU()

    def forward(self, x: Any) -> Any:
        y = self.cv1(x)
        return self.act(self.shuf(torch.cat((y, self.cv2(y)), 1)))


class VoVGSCSP(nn.Module):
    pasted_into = "models.Models.slimneck"

    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(c, c // 2), Conv(c, c // 2), Conv(c, c)
        self.gsb = nn.Sequential(GSConvns(c // 2))

    def forward(self, x: Any) -> Any:
        return self.cv3(torch.cat((self.cv2(x), self.gsb(self.cv1(x))), 1))


class RepVGGBlockv6(nn.Module):
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.deploy, self.groups, self.in_channels, self.out_channels = False, 1, c1, c2
        self.nonlinearity, self.se = nn.ReLU(), nn.Identity()
        self.rbr_identity: Any = nn.BatchNorm2d(c1) if c1 == c2 else None
        self.rbr_dense, self.rbr_1x1 = pair(c1, c2, 3), pair(c1, c2)

    def forward(self, x: Any) -> Any:
        identity = 0 if self.rbr_identity is None else self.rbr_identity(x)
        return self.nonlinearity(self.se(self.rbr_dense(x) + self.rbr_1x1(x) + identity))


class RepBlock(nn.Module):
    def __init__(self, c1: int, c2: int, n: int) -> None:
        super().__init__()
        self.conv1 = RepVGGBlockv6(c1, c2)
        self.block: Any = nn.Sequential(RepVGGBlockv6(c2, c2)) if n > 1 else None

    def forward(self, x: Any) -> Any:
        x = self.conv1(x)
        return x if self.block is None else self.block(x)


class Decouple(nn.Module):
    def __init__(self, c: int, classes: int) -> None:
        super().__init__()
        self.na, self.nc, self.a = 3, classes, Conv(c, c)
        self.b1, self.b2, self.b3 = Conv(c, c, 3), Conv(c, c, 3), nn.Conv2d(c, 15, 1)
        self.c1, self.c2, self.c3 = Conv(c, c), Conv(c, c), nn.Conv2d(c, 3 * classes, 1)

    def forward(self, x: Any) -> Any:
        n, _, h, w = x.shape
        x = self.a(x)
        b, c = self.b3(self.b2(self.b1(x))), self.c3(self.c2(self.c1(x)))
        return torch.cat((b.view(n, 3, 5, h, w), c.view(n, 3, self.nc, h, w)), 2).view(n, -1, h, w)


class Decoupled_Detect(Detect):  # noqa: N801
    pass


BLOCKS: Mapping[str, Callable[[], Rows]] = {
    "CSPResNet": lambda: [(CSPResNet_CBS(16), -1), (CSPResNet(16, of_neck=False), -1)],
    "CSPResNet of the neck": lambda: [(CSPResNet(16, of_neck=True), -1)],
    "CSPStage": lambda: [(CSPStage(16), -1)],
    **{f"ResSPP of {n}": lambda n=n: [(ResSPP(16, n), -1)] for n in (1, 2, 3, 4)},
    "Detect_LF": lambda: [(Conv(16, 16), -1), (Detect_LF(nn.Conv2d(16, 3 * 7, 1), 2), [1])],
    "EFE": lambda: [(EFE(16), -1)],
    "RMF": lambda: [(RMF(16), -1)],
    "ASPP": lambda: [(ASPP(16), -1)],
    "BasicRFB": lambda: [(BasicRFB(16), -1)],
    "CrissCrossAttention": lambda: [(CrissCrossAttention(16), -1)],
    "Swin": lambda: [(Swin_Transformer_B(16, 8), -1)],
    "Swin on an image that is padded": lambda: [(SwinTransformerBlock(16, 8, 7), -1)],
    "SOCA": lambda: [(SOCA(16), -1)],
    "ShuffleNetV2_Model": lambda: [(ShuffleNetV2_Model(16, 1), -1), (ShuffleNetV2_Model(16, 2), -1)],
    "MobileOne": lambda: [(MobileOne(16), -1)],
    "VoVGSCSP without res": lambda: [(VoVGSCSP(16), -1)],
    "RepBlock": lambda: [(RepBlock(16, 8, 2), -1), (RepBlock(8, 16, 1), -1)],
    "Decouple": lambda: [(Conv(16, 16), -1), (Decoupled_Detect(Decouple(16, 2), 2), [1])],
    "GSBottleneck": lambda: [(GSBottleneck(16), -1)],
}


@pytest.fixture(autouse=True)
def as_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("models.Models", "models.Models.ppyolo", "models.Models.slimneck", "models.lf_yolo"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    put_in_models(monkeypatch, [Detect, *globals().values()])
    monkeypatch.setattr(sys.modules["models.common"], "infinities", infinities, raising=False)
    monkeypatch.setattr(infinities, "__module__", "models.common")


@pytest.mark.filterwarnings("ignore:.*upsample.? is deprecated")
@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_many_branches_costs_what_it_runs_by_every_counter(block: str, tmp_path: Path) -> None:
    assert_costs_what_it_runs(BLOCKS[block](), tmp_path)

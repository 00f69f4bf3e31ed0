"""Heads, Swin Transformer V2, Ghost V2 and OREPA as YOLOU and its like have them: recipes give what the modules run."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.live.test_pasted import C2f, Conv, Rows, assert_costs_what_it_runs, assert_same_figures, put_in_models
from tests.live.test_pasted_heads import DFL, Detect, Mlp, V8_Detect, joined, split
from tests.live.test_pasted_in_forks import C3, SeBlock

# Heads


def several(c: int, out: int, levels: int = 2) -> nn.ModuleList:
    return nn.ModuleList(nn.Conv2d(c, out, 1) for _ in range(levels))


def grid(h: int, w: int) -> Any:
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack((columns, rows), 2)


def branches(head: Any, c: int, classes: int, box: int) -> None:
    head.nc, head.no, head.nl, head.na, head.anchors = classes, classes + 5, 2, 1, 1
    head.prior_prob, head.inplace, head.stride = 1e-2, True, torch.tensor([8, 16])
    head.stems, head.cls_convs, head.reg_convs = (
        nn.ModuleList(Conv(c, c, k) for _ in range(2)) for k in (1, 3, 3)
    )  # fmt: skip
    head.cls_preds, head.reg_preds = several(c, classes), several(c, box)
    head.head_layers = nn.Sequential(*head.stems, *head.cls_convs, *head.reg_convs, *head.cls_preds, *head.reg_preds)


class Detectv6(nn.Module):
    pasted_into = "models.yolov6_v1"

    def __init__(self, c: int, classes: int) -> None:
        super().__init__()
        branches(self, c, classes, 4)
        self.obj_preds = several(c, 1)

    def forward(self, x: Any) -> Any:
        found = []
        for i, level in enumerate(x):
            y = self.stems[i](level)
            classes = self.cls_preds[i](self.cls_convs[i](y))
            y = self.reg_convs[i](y)
            box, objects = self.reg_preds[i](y), self.obj_preds[i](y)
            y = torch.cat([box, objects.sigmoid(), classes.sigmoid()], 1)
            n, _, h, w = y.shape
            y = y.view(n, self.na, self.no, h * w).permute(0, 1, 3, 2).contiguous()
            centre = (y[..., 0:2] + grid(h, w).view(1, self.na, h * w, 2).float()) * self.stride[i]
            size = torch.exp(y[..., 2:4]) * self.stride[i]
            found.append(torch.cat((centre, size, y[..., 4:]), -1).view(n, h * w, self.no))
        return (torch.cat(found, 1),)


class Detectv6_E(nn.Module):  # noqa: N801  # as it is called where it is pasted from
    pasted_into = "models.yolov6_v2"

    def __init__(self, c: int, classes: int, of_distributions: bool) -> None:
        super().__init__()
        self.use_dfl, self.reg_max = of_distributions, 16 if of_distributions else 0
        branches(self, c, classes, 4 * (self.reg_max + 1))
        self.grid, self.grid_cell_offset, self.grid_cell_size = [torch.zeros(1)] * 2, 0.5, 5.0
        self.proj_conv = nn.Conv2d(self.reg_max + 1, 1, 1, bias=False)
        self.proj = nn.Parameter(torch.linspace(0, self.reg_max, self.reg_max + 1), requires_grad=False)

    def forward(self, x: Any) -> Any:
        points, strides = [], []
        for level, stride in zip(x, self.stride, strict=True):
            h, w = level.shape[2:]
            columns, rows = torch.arange(w) + 0.5, torch.arange(h) + 0.5
            rows, columns = torch.meshgrid(rows, columns, indexing="ij")
            points.append(torch.stack((columns, rows), -1).reshape(-1, 2))
            strides.append(torch.full((h * w, 1), float(stride)))
        places, scale = torch.cat(points), torch.cat(strides)
        scores, sides = [], []
        for i, level in enumerate(x):
            n, _, h, w = level.shape
            y = self.stems[i](level)
            classes, box = self.cls_preds[i](self.cls_convs[i](y)), self.reg_preds[i](self.reg_convs[i](y))
            if self.use_dfl:
                box = box.reshape(n, 4, self.reg_max + 1, h * w).permute(0, 2, 1, 3)
                box = self.proj_conv(functional.softmax(box, dim=1))
            scores.append(classes.sigmoid().reshape(n, self.nc, h * w))
            sides.append(box.reshape(n, 4, h * w))
        classes = torch.cat(scores, -1).permute(0, 2, 1)
        near, far = torch.split(torch.cat(sides, -1).permute(0, 2, 1), 2, -1)
        first, last = places - near, places + far
        boxes = torch.cat([(first + last) / 2, last - first], -1)
        boxes *= scale
        return (torch.cat([boxes, torch.ones(*boxes.shape[:2], 1), classes], -1),)


class Detect_YOLOSA(Detect):  # noqa: N801
    pasted_into = "models.yolosa"

    def __init__(self, c: int, classes: int) -> None:
        super().__init__(nn.Identity(), classes)
        self.is_dh = self.is_ndh = True
        self.m, half = nn.ModuleList([Conv(c, c // 2)]), c // 2
        self.m2 = nn.ModuleList([nn.Sequential(Conv(half, half, 3))])
        self.m2_cls, self.m2_obj, self.m2_reg = (several(half, 3 * out, 1) for out in (classes, 1, 4))

    def forward(self, x: Any) -> Any:
        y = self.m[0](x[0])
        first, second = self.m2[0](y), self.m2[0](y)
        parts = self.m2_cls[0](first), self.m2_obj[0](second), self.m2_reg[0](second)
        n, _, h, w = y.shape
        classes, objects, sizes = (y.view(n, 3, -1, h, w).permute(0, 1, 3, 4, 2).contiguous() for y in parts)
        whole = torch.cat([sizes, objects, classes], -1).permute(0, 1, 4, 2, 3)
        boxes, y = self.decoded(whole, 0)
        return torch.cat([boxes], 1), [y]

    def decoded(self, y: Any, level: int) -> Any:
        return super().decoded(y.reshape(y.shape[0], -1, *y.shape[3:]), level)


class LFSa(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.act, self.d = nn.Softmax(dim=-1), 1
        self.c, self.sc = nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 1)
        self.lc = nn.Conv2d(c, c, 7, 1, 3, groups=c)

    def forward(self, x: Any) -> Any:
        x = torch.cat(x, self.d)
        q, k, v = self.c(x), self.c(x), self.c(x)
        h, w = x.shape[2:]
        row = self.act(torch.matmul(q, k.transpose(2, 3)) * w**-0.5)
        column = self.act(torch.matmul(q.transpose(2, 3), k) * h**-0.5)
        row = self.lc(self.sc(torch.matmul(row, v)))
        column = self.lc(self.sc(torch.matmul(column, v.transpose(2, 3))))
        return x + row + column.transpose(2, 3)


class Pose(V8_Detect):
    pasted_into = "models.yolo"

    def __init__(self, c: int, classes: int, points: tuple[int, int]) -> None:
        super().__init__(c, classes)
        self.kpt_shape, self.nk, self.detect = list(points), points[0] * points[1], V8_Detect.forward
        self.cv4 = nn.ModuleList(nn.Sequential(Conv(c, 16, 3), nn.Conv2d(16, self.nk, 1)) for _ in range(2))

    def forward(self, x: Any) -> Any:
        n, values = x[0].shape[0], self.kpt_shape[1]
        points = torch.cat([self.cv4[i](x[i]).view(n, self.nk, -1) for i in range(self.nl)], -1)
        boxes, levels = self.detect(self, x)
        total = points.shape[2]
        anchors, strides = torch.zeros(2, total), torch.ones(1, total)
        y = points.clone()
        if values == 3:
            y[:, 2::3].sigmoid_()
        y[:, 0::values] = (y[:, 0::values] * 2.0 + (anchors[0] - 0.5)) * strides
        y[:, 1::values] = (y[:, 1::values] * 2.0 + (anchors[1] - 0.5)) * strides
        return torch.cat([boxes, y], 1), (levels, points)


class CLLA(nn.Module):
    pasted_into = "models.yolo"

    def __init__(self, c: int) -> None:
        super().__init__()
        self.range, self.c_, self.attend = 2, c, nn.Softmax(dim=-1)
        self.q, self.k, self.v = (nn.Linear(c, c) for _ in range(3))

    def forward(self, large: Any, small: Any) -> Any:
        h, w = small.shape[2:]
        places = [(i, j) for i in range(self.range) for j in range(self.range)]
        around = [large[..., i::2, j::2][..., :h, :w].contiguous().unsqueeze(2) for i, j in places]
        y = torch.cat(around, 2).permute(0, 3, 4, 2, 1)
        q = self.q(small.permute(0, 2, 3, 1).contiguous().unsqueeze(3))
        k, v = self.k(y), self.v(y)
        y = torch.sum(q * k / self.range, 4)
        y = self.attend(torch.mean(y, 3).unsqueeze(3) * 2 - y)
        y = torch.sum(v * y.unsqueeze(4), 3).permute(0, 3, 1, 2).contiguous()
        return (y + small) / 2


class CLLABlock(nn.Module):
    pasted_into = "models.yolo"

    def __init__(self, c: int, out: int) -> None:
        super().__init__()
        self.range, self.c_, self.cout = 2, c, out
        self.conv1, self.conv2, self.att = nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 1), CLLA(c)
        self.det = nn.Conv2d(c, out, 1)

    def forward(self, large: Any, small: Any) -> Any:
        return self.det(self.att(self.conv1(large), self.conv2(small)))


class CLLADetect(Detect):
    def __init__(self, c: int, classes: int) -> None:
        super().__init__(nn.Conv2d(c, 3 * (classes + 5), 1), classes)
        self.nl, self.det, self.stride = 2, CLLABlock(c, 3 * (classes + 5)), torch.tensor([16.0, 32.0])

    def forward(self, x: Any) -> Any:
        outputs = self.det(x[0], x[1]), self.m[0](x[2])
        found = [self.decoded(y, i) for i, y in enumerate(outputs)]
        return torch.cat([boxes for boxes, _ in found], 1), [y for _, y in found]


class kapao_Detect(Detect):  # noqa: N801
    pasted_into = "models.yolo"

    def __init__(self, c: int, classes: int, coordinates: int) -> None:
        super().__init__(nn.Conv2d(c, 3 * (classes + 5), 1), classes)
        self.num_coords = coordinates
        del self.anchor_grid
        self.register_buffer("anchor_grid", torch.ones(1, 1, 3, 1, 1, 2))

    def forward(self, x: Any) -> Any:
        n, _, h, w = (y := self.m[0](x[0])).shape
        y = y.view(n, 3, self.no, h, w).permute(0, 1, 3, 4, 2).contiguous()
        places, z = grid(h, w).view(1, 1, h, w, 2).float(), y.sigmoid()
        z[..., 0:2] = (z[..., 0:2] * 2 - 0.5 + places) * self.stride[0]
        z[..., 2:4] = (z[..., 2:4] * 2) ** 2 * self.anchor_grid[0]
        if number := self.num_coords:
            z[..., -number:] = z[..., -number:] * 4 - 2
            z[..., -number:] *= self.anchor_grid[0].repeat((1, 1, 1, 1, number // 2))
            z[..., -number:] += (places * self.stride[0]).repeat((1, 1, 1, 1, number // 2))
        return torch.cat([z.view(n, -1, self.no)], 1), [y]


# Ghost V2, GhostNet, EfficientNet-Lite, ShuffleNetV2


def pair(c1: int, c2: int, k: Any = 1, s: int = 1, g: int = 1) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    pads = (k[0] // 2, k[1] // 2) if isinstance(k, tuple) else k // 2
    return nn.Conv2d(c1, c2, k, s, pads, groups=g, bias=False), nn.BatchNorm2d(c2)


class GhostModuleV2(nn.Module):
    def __init__(self, c1: int, c2: int, attends: bool) -> None:
        super().__init__()
        self.mode, self.oup, self.gate_fn, half = "attn" if attends else "original", c2, nn.Sigmoid(), -(-c2 // 2)
        self.primary_conv = nn.Sequential(*pair(c1, half), nn.ReLU(inplace=True))
        self.cheap_operation = nn.Sequential(*pair(half, half, 3, g=half), nn.Sequential())
        if attends:
            steps = (*pair(c1, c2), *pair(c2, c2, (1, 5), g=c2), *pair(c2, c2, (5, 1), g=c2))
            self.short_conv = nn.Sequential(*steps)

    def forward(self, x: Any) -> Any:
        first = self.primary_conv(x)
        y = torch.cat([first, self.cheap_operation(first)], 1)[:, : self.oup]
        if self.mode == "original":
            return y
        weights = self.gate_fn(self.short_conv(functional.avg_pool2d(x, kernel_size=2, stride=2)))
        return y * functional.interpolate(weights, size=(y.shape[-2], y.shape[-1]), mode="nearest")


class GhostBottleneckV2(nn.Module):
    def __init__(self, c: int, attends: bool, stride: int = 1) -> None:
        super().__init__()
        self.stride, self.se, half = stride, None, c // 2
        self.ghost1, self.ghost2 = GhostModuleV2(c, half, attends), GhostModuleV2(half, c, False)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.conv_dw, self.bn_dw = pair(half, half, 3, stride, half)
            self.shortcut = nn.Sequential(*pair(c, c, 3, stride, c), *pair(c, c))

    def forward(self, x: Any) -> Any:
        y = self.ghost1(x)
        y = self.ghost2(self.bn_dw(self.conv_dw(y)) if self.stride > 1 else y)
        y += self.shortcut(x)
        return y


class OfAngles(kapao_Detect):
    num_coords = 0

    def __init__(self, c: int, classes: int) -> None:
        super().__init__(c, classes, 0)
        del self.num_coords
        self.angle, self.no, self.m = 180, classes + 185, nn.ModuleList([nn.Conv2d(c, 3 * (classes + 185), 1)])


KapaoDetect = type("Detect", (kapao_Detect,), {"pasted_into": "models.kapao"})
DetectOfAngles = type("Detect", (OfAngles,), {"pasted_into": "models.rotation"})


class DetectSegment(Detect):
    pasted_into = "models.yolo"

    def __init__(self, c: int, classes: int, masks: int) -> None:
        super().__init__(nn.Conv2d(c, 3 * (classes + 5 + masks), 1), classes, masks)
        self.mask_dim, self.nm, self.proto_c = masks, 5 + masks, c
        self.proto_net = nn.Sequential(nn.Conv2d(c, masks, 1), nn.SiLU(inplace=True))

    def forward(self, x: Any) -> Any:
        masks = self.proto_net(x[0])
        n, _, h, w = (y := self.m[0](x[0])).shape
        y = y.view(n, 3, self.no, h, w).permute(0, 1, 3, 4, 2).contiguous()
        places = grid(h, w).expand(1, 3, h, w, 2).float()
        sizes = (self.anchors[0] * self.stride[0]).view(1, 3, 1, 1, 2).expand(1, 3, h, w, 2)
        z = y.clone()
        z[..., 0:5] = z[..., 0:5].sigmoid()
        z[..., self.nm :] = z[..., self.nm :].sigmoid()
        z[..., 0:2] = (z[..., 0:2] * 2 - 0.5 + places) * self.stride[0]
        z[..., 2:4] = (z[..., 2:4] * 2) ** 2 * sizes
        return torch.cat([z.view(n, -1, self.no)], 1), ([y], masks)


class C2fGhostV2(C2f):
    def __init__(self, c: int) -> None:
        super().__init__(c)
        self.m = nn.Sequential(*(GhostBottleneckV2(c // 2, attends=bool(i)) for i in range(2)))


class GhostConv(nn.Module):
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.primary_conv, self.cheap_operation = Conv(c1, c2 // 2), Conv(c2 // 2, c2 // 2, 3, g=c2 // 2)

    def forward(self, x: Any) -> Any:
        y = self.primary_conv(x)
        return torch.cat([y, self.cheap_operation(y)], 1)


class stem(nn.Module):  # noqa: N801
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.conv, self.bn = pair(c1, c2, 3, 2)
        self.act = nn.ReLU6(inplace=True)

    def forward(self, x: Any) -> Any:
        return self.act(self.bn(self.conv(x)))


class MBConvBlock(nn.Module):
    def __init__(self, c1: int, c2: int, expand: int, squeezed: bool) -> None:
        super().__init__()
        self._momentum, self._epsilon, self.input_filters, self.output_filters = 0.01, 1e-3, c1, c2
        self.stride, self.expand_ratio, self.has_se, self.id_skip, wide = 1, expand, squeezed, True, c1 * expand
        if expand != 1:
            self._expand_conv, self._bn0 = pair(c1, wide)
        self._depthwise_conv, self._bn1 = pair(wide, wide, 3, g=wide)
        if squeezed:
            self.se = SeBlock(wide)
        self._project_conv, self._bn2 = pair(wide, c2)
        self._relu, self.drop_connect = nn.ReLU6(inplace=True), None

    def forward(self, x: Any) -> Any:
        y = self._relu(self._bn0(self._expand_conv(x))) if self.expand_ratio != 1 else x
        y = self._relu(self._bn1(self._depthwise_conv(y)))
        y = self._bn2(self._project_conv(self.se(y) if self.has_se else y))
        if self.input_filters == self.output_filters:
            y += x
        return y


class ShuffleNetV2_InvertedResidual(nn.Module):  # noqa: N801
    def __init__(self, c: int, stride: int) -> None:
        super().__init__()
        self.stride, half = stride, c // 2
        entry = c if stride == 2 else half
        self.branch1 = nn.Sequential(*pair(c, c, 3, 2, c), *pair(c, half)) if stride == 2 else nn.Sequential()
        self.branch2 = nn.Sequential(*pair(entry, half), nn.ReLU(inplace=True), *pair(half, half, 3, stride, half))

    def forward(self, x: Any) -> Any:
        first, second = x.chunk(2, dim=1) if self.stride == 1 else (self.branch1(x), x)
        y = torch.cat((first, self.branch2(second)), dim=1)
        n, c, h, w = y.size()
        return y.view(n, 2, c // 2, h, w).permute(0, 2, 1, 3, 4).contiguous().view(n, c, h, w)


# Swin Transformer V2


def mask_of(x: Any, side: int, shift: int, h: int, w: int) -> Any:
    places = torch.zeros((1, -(-h // side) * side, -(-w // side) * side, 1), device=x.device)
    parts = slice(0, -side), slice(-side, -shift), slice(-shift, None)
    for i, (rows, columns) in enumerate((rows, columns) for rows in parts for columns in parts):
        places[:, rows, columns, :] = i
    windows = split(places, side).view(-1, side * side)
    mask = windows.unsqueeze(1) - windows.unsqueeze(2)
    return mask.masked_fill(mask != 0, -100.0).masked_fill(mask == 0, 0.0)


def softmax_of(attention: Any, y: Any, mask: Any) -> Any:
    n, heads, tokens, _ = y.shape
    if mask is not None:
        y = y.view(n // mask.shape[0], -1, heads, tokens, tokens) + mask.unsqueeze(1).unsqueeze(0)
        y = y.view(-1, heads, tokens, tokens)
    return attention.attn_drop(attention.softmax(y))


class WindowAttention_v2(nn.Module):  # noqa: N801
    def __init__(self, c: int, side: int, heads: int, biased: bool) -> None:
        super().__init__()
        self.dim, self.window_size, self.num_heads, self.pretrained_window_size = c, (side, side), heads, (0, 0)
        self.logit_scale = nn.Parameter(torch.ones(heads, 1, 1))
        self.cpb_mlp = nn.Sequential(nn.Linear(2, 32), nn.ReLU(inplace=True), nn.Linear(32, heads, bias=False))
        self.register_buffer("relative_coords_table", torch.zeros(1, 2 * side - 1, 2 * side - 1, 2))
        self.register_buffer("relative_position_index", torch.zeros(side * side, side * side, dtype=torch.long))
        self.q_bias, self.v_bias = (nn.Parameter(torch.zeros(c)) if biased else None for _ in range(2))
        self.qkv, self.attn_drop, self.proj = nn.Linear(c, 3 * c, bias=False), nn.Dropout(0.0), nn.Linear(c, c)
        self.proj_drop, self.softmax = nn.Dropout(0.0), nn.Softmax(dim=-1)

    def forward(self, x: Any, mask: Any = None) -> Any:
        n, tokens, c = x.shape
        bias = None
        if self.q_bias is not None:
            bias = torch.cat((self.q_bias, torch.zeros_like(self.v_bias), self.v_bias))
        y = functional.linear(x, self.qkv.weight, bias).reshape(n, tokens, 3, self.num_heads, -1)
        q, k, v = y.permute(2, 0, 3, 1, 4)
        y = functional.normalize(q, dim=-1) @ functional.normalize(k, dim=-1).transpose(-2, -1)
        y = y * torch.clamp(self.logit_scale, max=torch.log(torch.tensor(100.0))).exp()
        table = self.cpb_mlp(self.relative_coords_table).view(-1, self.num_heads)
        places = table[self.relative_position_index.view(-1)].view(tokens, tokens, -1).permute(2, 0, 1).contiguous()
        y = softmax_of(self, y + (16 * torch.sigmoid(places)).unsqueeze(0), mask)
        return self.proj_drop(self.proj((y @ v).transpose(1, 2).reshape(n, tokens, c)))


class Mlp_v2(nn.Module):  # noqa: N801
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2, self.drop = nn.Linear(c, 4 * c), nn.SiLU(), nn.Linear(4 * c, c), nn.Dropout(0.0)

    def forward(self, x: Any) -> Any:
        return self.drop(self.fc2(self.drop(self.act(self.fc1(x)))))


class SwinTransformerLayer_v2(nn.Module):  # noqa: N801
    def __init__(self, c: int, side: int, shift: int, biased: bool) -> None:
        super().__init__()
        self.dim, self.num_heads, self.window_size, self.shift_size, self.mlp_ratio = c, 2, side, shift, 4.0
        self.norm1, self.attn = nn.LayerNorm(c), WindowAttention_v2(c, side, 2, biased)
        self.drop_path, self.norm2, self.mlp = nn.Identity(), nn.LayerNorm(c), Mlp_v2(c)

    def forward(self, x: Any) -> Any:
        _, _, high, wide = x.shape
        side, shift = self.window_size, self.shift_size
        right, below = (side - wide % side) % side, (side - high % side) % side
        x = functional.pad(x, (0, right, 0, below)) if right or below else x
        n, c, h, w = x.shape
        shortcut = x.permute(0, 2, 3, 1).contiguous().view(n, h * w, c)
        mask = mask_of(x, side, shift, h, w) if shift else None
        y = shortcut.view(n, h, w, c)
        y = torch.roll(y, shifts=(-shift, -shift), dims=(1, 2)) if shift else y
        y = self.attn(split(y, side).view(-1, side * side, c), mask=mask)
        y = joined(y.view(-1, side, side, c), side, h, w)
        y = torch.roll(y, shifts=(shift, shift), dims=(1, 2)) if shift else y
        x = shortcut + self.drop_path(self.norm1(y.view(n, h * w, c)))
        x = x + self.drop_path(self.norm2(self.mlp(x)))
        return x.permute(0, 2, 1).contiguous().view(-1, c, h, w)[:, :, :high, :wide]


class SwinTransformer2Block(nn.Module):
    def __init__(self, c: int, side: int, biased: bool = True) -> None:
        super().__init__()
        self.conv = None
        shifts = 0, side // 2
        self.blocks = nn.Sequential(*(SwinTransformerLayer_v2(c, side, shift, biased) for shift in shifts))

    def forward(self, x: Any) -> Any:
        return self.blocks(x)


class Swin_v2_A(C3):  # noqa: N801
    def __init__(self, c: int, side: int) -> None:
        super().__init__(c, nn.Identity())
        self.m = SwinTransformer2Block(c // 2, side)


class WindowAttention(nn.Module):
    def __init__(self, c: int, side: int, heads: int) -> None:
        super().__init__()
        self.dim, self.window_size, self.num_heads = c, (side, side), heads
        self.relative_position_bias_weight = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        self.meta_network = nn.Sequential(nn.Linear(2, 32), nn.ReLU(inplace=True), nn.Linear(32, heads))
        self.qkv, self.attn_drop, self.proj = nn.Linear(c, 3 * c), nn.Dropout(0.0), nn.Linear(c, c)
        self.proj_drop, self.softmax = nn.Dropout(0.0), nn.Softmax(dim=-1)
        self.tau = nn.Parameter(torch.zeros(1, heads, 1, 1))
        self.register_buffer("relative_coordinates_log", torch.zeros(side**4, 2))

    def forward(self, x: Any, mask: Any = None) -> Any:
        n, tokens, c = x.shape
        q, k, v = (
            self.qkv(x).reshape(n, tokens, 3, self.num_heads, c // self.num_heads).permute(2, 0, 3, 1, 4).unbind(0)
        )
        lengths = torch.norm(q, dim=-1, keepdim=True) * torch.norm(k, dim=-1, keepdim=True).transpose(-2, -1)
        y = torch.einsum("bhqd, bhkd -> bhqk", q, k) / torch.maximum(lengths, torch.tensor(1e-6))
        y /= self.tau.clamp(min=0.01)
        places = self.meta_network(self.relative_coordinates_log).permute(1, 0)
        y = softmax_of(self, y + places.reshape(self.num_heads, tokens, tokens).unsqueeze(0), mask)
        return torch.einsum("bhal, bhlv -> bhav", y, v)


class SwinTransformerBlock(nn.Module):
    def __init__(self, c: int, side: int, shift: int) -> None:
        super().__init__()
        self.dim, self.num_heads, self.window_size, self.shift_size, self.mlp_ratio = c, 2, side, shift, 4.0
        self.norm1, self.attn = nn.LayerNorm(c), WindowAttention(c, side, 2)
        self.drop_path, self.norm2, self.mlp = nn.Identity(), nn.LayerNorm(c), Mlp(c)

    def forward(self, x: Any, mask: Any) -> Any:
        x = shortcut = x.permute(0, 3, 2, 1).contiguous()
        side, shift = self.window_size, self.shift_size
        _, h, w, c = x.shape
        right, below = (side - w % side) % side, (side - h % side) % side
        x = functional.pad(x, (0, 0, 0, right, 0, below))
        _, high, wide, _ = x.shape
        x = torch.roll(x, shifts=(-shift, -shift), dims=(1, 2)) if shift else x
        x = self.attn(split(x, side).view(-1, side * side, c), mask=mask if shift else None)
        x = joined(x.view(-1, side, side, c), side, high, wide)
        x = torch.roll(x, shifts=(shift, shift), dims=(1, 2)) if shift else x
        x = x[:, :h, :w, :].contiguous() if right or below else x
        x = shortcut + self.drop_path(self.norm1(x))
        x = x + self.drop_path(self.norm2(self.mlp(x)))
        return x.permute(0, 3, 2, 1).contiguous()


class PatchMerging(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.dim, self.reduction, self.norm = c, nn.Linear(4 * c, 2 * c, bias=False), nn.LayerNorm(4 * c)

    def forward(self, x: Any) -> Any:
        n, c, h, w = x.shape
        x = functional.pad(x.view(n, h, w, c), (0, 0, 0, w % 2, 0, h % 2))
        x = torch.cat([x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]], -1)
        return self.reduction(self.norm(x.view(n, -1, 4 * c)))


class SwinTransformer_Layer(nn.Module):  # noqa: N801
    def __init__(self, c: int, side: int, merges: bool) -> None:
        super().__init__()
        self.dim, self.depth, self.last_layer, self.window_size, self.use_checkpoint = c, 2, not merges, side, False
        self.shift_size, self.avgpool = side // 2, nn.AdaptiveAvgPool1d(1)
        self.blocks = nn.ModuleList(SwinTransformerBlock(c, side, shift) for shift in (0, side // 2))
        self.downsample = PatchMerging(c) if merges else None

    def forward(self, x: Any) -> Any:
        n, _, h, w = x.size()
        mask = mask_of(x, self.window_size, self.shift_size, h, w)
        for block in self.blocks:
            block.H, block.W = h, w
            x = block(x, mask)
        if self.downsample is not None:
            x, h, w = self.downsample(x), (h + 1) // 2, (w + 1) // 2
        return x.view(n, -1, h, w)


class PatchEmbed(nn.Module):
    def __init__(self, c1: int, c2: int, patch: int) -> None:
        super().__init__()
        self.patch_size, self.in_chans, self.embed_dim = (patch, patch), c1, c2
        self.tokens, self.norm, self.pos_drop = nn.Conv2d(c1, c2, patch, patch), nn.LayerNorm(c2), nn.Dropout(0.0)

    def forward(self, x: Any) -> Any:
        _, _, h, w = x.size()
        high, wide = self.patch_size
        x = functional.pad(x, (0, wide - w % wide)) if w % wide else x
        x = functional.pad(x, (0, 0, 0, high - h % high)) if h % high else x
        x = self.tokens(x)
        _, _, h, w = x.shape
        return self.pos_drop(self.norm(x.flatten(2).transpose(1, 2)).transpose(1, 2).view(-1, self.embed_dim, h, w))


class LayerNorm(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(c)

    def forward(self, x: Any) -> Any:
        return self.norm(x.permute(0, 3, 2, 1).contiguous()).permute(0, 3, 2, 1).contiguous()


# OREPA


class OREPA_3x3_RepConv(nn.Module):  # noqa: N801
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.deploy, self.kernel_size, self.in_channels, self.out_channels, self.groups = False, 3, c1, c2, 1
        self.stride, self.padding, self.dilation, self.branch_counter = 1, 1, 1, 6
        self.nonlinear, self.bn, self.vector = nn.Identity(), nn.BatchNorm2d(c2), nn.Parameter(torch.zeros(6, c2))
        shapes = {
            "origin": (c2, c1, 3, 3), "avg_conv": (c2, c1, 1, 1), "pfir_conv": (c2, c1, 1, 1),
            "1x1_kxk_idconv1": (c1, c1, 1, 1), "1x1_kxk_conv2": (c2, c1, 3, 3),
            "gconv_dw": (8 * c1, 1, 3, 3), "gconv_pw": (c2, 8 * c1, 1, 1),
        }  # fmt: skip
        for name, shape in shapes.items():
            setattr(self, f"weight_rbr_{name}", nn.Parameter(torch.zeros(shape)))
        self.register_buffer("weight_rbr_avg_avg", torch.ones(3, 3))
        self.register_buffer("weight_rbr_prior", torch.ones(c2, 3, 3))
        self.register_buffer("id_tensor", torch.zeros(c1, c1, 1, 1))

    def weight(self) -> Any:
        def scaled(weight: Any, row: int) -> Any:
            return torch.einsum("oihw,o->oihw", weight, self.vector[row])

        origin = scaled(self.weight_rbr_origin, 0)
        average = scaled(torch.einsum("oihw,hw->oihw", self.weight_rbr_avg_conv, self.weight_rbr_avg_avg), 1)
        prior = scaled(torch.einsum("oihw,ohw->oihw", self.weight_rbr_pfir_conv, self.weight_rbr_prior), 2)
        first = (getattr(self, "weight_rbr_1x1_kxk_idconv1") + self.id_tensor).squeeze()  # noqa: B009
        both = torch.einsum("ti,othw->oihw", first, getattr(self, "weight_rbr_1x1_kxk_conv2"))  # noqa: B009
        both = scaled(both, 3)
        many, each, h, w = self.weight_rbr_gconv_dw.shape
        outputs, inputs = self.weight_rbr_gconv_pw.shape[0], self.in_channels
        depthwise = self.weight_rbr_gconv_dw.view(inputs, many // inputs, each, h, w)
        pointwise = self.weight_rbr_gconv_pw.squeeze().view(outputs, inputs, many // inputs)
        whole = torch.einsum("gtihw,ogt->ogihw", depthwise, pointwise).view(outputs, -1, h, w)
        return origin + average + both + prior + scaled(whole, 4)

    def forward(self, x: Any) -> Any:
        y = functional.conv2d(x, self.weight(), None, self.stride, self.padding, self.dilation, self.groups)
        return self.nonlinear(self.bn(y))


class ConvBN(nn.Module):
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.nonlinear, (self.conv, self.bn) = nn.Identity(), pair(c1, c2)

    def forward(self, x: Any) -> Any:
        return self.nonlinear(self.bn(self.conv(x)))


class RepConv_OREPA(nn.Module):  # noqa: N801
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.deploy, self.groups, self.in_channels, self.out_channels = False, 1, c1, c2
        self.padding, self.dilation, self.nonlinearity, self.se = 1, 1, nn.SiLU(), nn.Identity()
        self.rbr_identity = nn.BatchNorm2d(c1) if c1 == c2 else None
        self.rbr_dense, self.rbr_1x1 = OREPA_3x3_RepConv(c1, c2), ConvBN(c1, c2)

    def forward(self, x: Any) -> Any:
        if hasattr(self, "rbr_reparam"):
            return self.nonlinearity(self.se(self.rbr_reparam(x)))
        identity = 0 if self.rbr_identity is None else self.rbr_identity(x)
        return self.nonlinearity(self.se(self.rbr_dense(x) + self.rbr_1x1(x) + identity))

    def merge(self) -> None:
        merged = nn.Conv2d(self.in_channels, self.out_channels, 3, padding=1)
        self.rbr_reparam = merged.requires_grad_(False)
        del self.rbr_dense, self.rbr_1x1, self.rbr_identity


LEVELS: Rows = [(Conv(16, 16, 3, 2), -1), (Conv(16, 16, 3, 2), -1)]

BLOCKS: Mapping[str, Callable[[], Rows]] = {
    "head of YOLOv6": lambda: [*LEVELS, (Detectv6(16, 2), [1, -1])],
    "head of YOLOv6 with distributions": lambda: [*LEVELS, (Detectv6_E(16, 2, of_distributions=True), [1, -1])],
    "head of YOLOv6 without distributions": lambda: [*LEVELS, (Detectv6_E(16, 2, of_distributions=False), [1, -1])],
    "head of YOLO-SA": lambda: [(Conv(16, 16), -1), (Detect_YOLOSA(16, 2), [1])],
    "LFSa": lambda: [(Conv(16, 16), -1), (LFSa(32), [0, -1])],
    "head of poses": lambda: [*LEVELS, (Pose(16, 1, (5, 3)), [1, -1])],
    "head of points": lambda: [*LEVELS, (Pose(16, 1, (5, 2)), [1, -1])],
    "head across levels": lambda: [*LEVELS, (CLLADetect(16, 2), [0, 1, -1])],
    "head of KAPAO": lambda: [(Conv(16, 16), -1), (kapao_Detect(16, 36, 34), [1])],
    "head of KAPAO without points": lambda: [(Conv(16, 16), -1), (kapao_Detect(16, 2, 0), [1])],
    "head of KAPAO in its own code": lambda: [(Conv(16, 16), -1), (KapaoDetect(16, 36, 34), [1])],
    "head of yolov5-q": lambda: [(Conv(16, 16), -1), (DetectSegment(16, 2, 8), [1])],
    "head of rotation-yolov5": lambda: [(Conv(16, 16), -1), (DetectOfAngles(16, 2), [1])],
    "C2fGhostV2": lambda: [(C2fGhostV2(16), -1)],
    "GhostBottleneckV2 that halves": lambda: [(GhostBottleneckV2(16, attends=True, stride=2), -1)],
    "GhostConv": lambda: [(GhostConv(16, 16), -1)],
    "EfficientNet-Lite": lambda: [
        (stem(16, 16), -1),
        (MBConvBlock(16, 16, 1, squeezed=False), -1),
        (MBConvBlock(16, 8, 6, squeezed=True), -1),
    ],
    "ShuffleNetV2": lambda: [(ShuffleNetV2_InvertedResidual(16, stride), -1) for stride in (2, 1)],
    "Swin V2": lambda: [(Swin_v2_A(16, 4), -1)],
    "Swin V2 on an image that does not fit": lambda: [(SwinTransformer2Block(16, 7, biased=False), -1)],
    "Swin V2 of YOLOU": lambda: [
        (PatchEmbed(16, 16, 3), -1),
        (SwinTransformer_Layer(16, 4, merges=True), -1),
        (LayerNorm(32), -1),
        (SwinTransformer_Layer(32, 4, merges=False), -1),
    ],
    "weight of OREPA": lambda: [(OREPA_3x3_RepConv(16, 16), -1)],
}


@pytest.fixture(autouse=True)
def as_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_models(monkeypatch, [DFL, *globals().values()])


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_yolou_costs_what_it_runs_by_every_counter(block: str, tmp_path: Path) -> None:
    assert_costs_what_it_runs(BLOCKS[block](), tmp_path)


def test_orepa_is_counted_and_named_where_no_fork_is_known(tmp_path: Path) -> None:
    question = assert_same_figures([(RepConv_OREPA(16, 16), -1), (RepConv_OREPA(16, 8), -1)], tmp_path)
    kind = "models.common.RepConv_OREPA"
    assert question.subject.foreign == (("model.1", kind), ("model.2", kind))

"""Swin blocks, decoupled heads and other blocks of forks: their recipes give what the modules run, by every counter."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.live.test_pasted import CBAM, Conv, Rows, assert_costs_what_it_runs, put_in_models
from tests.live.test_pasted_from_yoloair import ASFFV5


class TransformerLayer(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(c), nn.LayerNorm(c)
        self.q, self.k, self.v = (nn.Linear(c, c, bias=False) for _ in range(3))
        self.ma, self.dropout, self.act = nn.MultiheadAttention(c, 2), nn.Dropout(0.1), nn.ReLU(True)
        self.fc1, self.fc2 = nn.Linear(c, 4 * c, bias=False), nn.Linear(4 * c, c, bias=False)

    def forward(self, x: Any) -> Any:
        y = self.ln1(x)
        x = self.dropout(self.ma(self.q(y), self.k(y), self.v(y))[0]) + x
        return x + self.dropout(self.fc2(self.dropout(self.act(self.fc1(self.ln2(x))))))


class TransformerBlock(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.c2, self.linear, self.tr = c, nn.Linear(c, c), nn.Sequential(TransformerLayer(c))

    def forward(self, x: Any) -> Any:
        n, c, w, h = x.shape
        y = x.flatten(2).unsqueeze(0).transpose(0, 3).squeeze(3)
        return self.tr(y + self.linear(y)).unsqueeze(3).transpose(0, 3).reshape(n, c, w, h)


class Mlp(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc1, self.act, self.drop1 = nn.Linear(c, 4 * c), nn.GELU(), nn.Dropout(0.0)
        self.fc2, self.drop2 = nn.Linear(4 * c, c), nn.Dropout(0.0)

    def forward(self, x: Any) -> Any:
        return self.drop2(self.fc2(self.drop1(self.act(self.fc1(x)))))


class DropPath(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.drop_prob = 0.1

    def forward(self, x: Any) -> Any:
        if not self.training:
            return x
        chance = 1 - self.drop_prob + torch.rand((x.shape[0],) + (1,) * (x.ndim - 1), device=x.device)
        return x.div(1 - self.drop_prob) * chance.floor_()


class WindowAttention(nn.Module):
    def __init__(self, c: int, side: int, heads: int) -> None:
        super().__init__()
        self.dim, self.window_size, self.num_heads, self.scale = c, (side, side), heads, (c // heads) ** -0.5
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * side - 1) ** 2, heads))
        self.register_buffer("relative_position_index", torch.zeros(side * side, side * side, dtype=torch.long))
        self.qkv, self.attn_drop = nn.Linear(c, 3 * c, bias=False), nn.Dropout(0.0)
        self.proj, self.proj_drop, self.softmax = nn.Linear(c, c), nn.Dropout(0.0), nn.Softmax(dim=-1)

    def forward(self, x: Any, mask: Any = None) -> Any:
        n, tokens, c = x.shape
        q, k, v = (
            self.qkv(x).reshape(n, tokens, 3, self.num_heads, c // self.num_heads).permute(2, 0, 3, 1, 4).unbind(0)
        )
        y = (q * self.scale) @ k.transpose(-2, -1)
        bias = self.relative_position_bias_table[self.relative_position_index.view(-1)].view(tokens, tokens, -1)
        y = y + bias.permute(2, 0, 1).contiguous().unsqueeze(0)
        if mask is not None:
            masks = mask.shape[0]
            y = y.view(n // masks, masks, self.num_heads, tokens, tokens) + mask.unsqueeze(1).unsqueeze(0)
            y = y.view(-1, self.num_heads, tokens, tokens)
        y = self.attn_drop(self.softmax(y))
        return self.proj_drop(self.proj((y @ v).transpose(1, 2).reshape(n, tokens, c)))


def split(x: Any, side: int) -> Any:
    n, h, w, c = x.shape
    x = x.view(n, h // side, side, w // side, side, c).permute(0, 1, 3, 2, 4, 5)
    return x.contiguous().view(-1, side, side, c)


def joined(x: Any, side: int, h: int, w: int) -> Any:
    n = int(x.shape[0] / (h * w / side / side))
    x = x.view(n, h // side, w // side, side, side, -1).permute(0, 1, 3, 2, 4, 5)
    return x.contiguous().view(n, h, w, -1)


class SwinTransformerLayer(nn.Module):
    def __init__(self, c: int, heads: int, side: int, shift: int, drops: bool) -> None:
        super().__init__()
        self.window_size, self.shift_size, self.mlp_ratio = side, shift, 4
        self.norm1, self.attn = nn.LayerNorm(c), WindowAttention(c, side, heads)
        self.drop_path, self.norm2, self.mlp = DropPath() if drops else nn.Identity(), nn.LayerNorm(c), Mlp(c)

    def mask(self, x: Any, h: int, w: int) -> Any:
        side = self.window_size
        places = torch.zeros((1, -(-h // side) * side, -(-w // side) * side, 1), device=x.device)
        parts = slice(0, -side), slice(-side, -self.shift_size), slice(-self.shift_size, None)
        for i, (rows, columns) in enumerate((rows, columns) for rows in parts for columns in parts):
            places[:, rows, columns, :] = i
        windows = split(places, side).view(-1, side * side)
        mask = windows.unsqueeze(1) - windows.unsqueeze(2)
        return mask.masked_fill(mask != 0, torch.tensor(-100.0)).masked_fill(mask == 0, torch.tensor(0.0))

    def forward(self, x: Any) -> Any:
        _, c, w, h = x.shape
        x = x.permute(0, 3, 2, 1).contiguous()
        mask, shortcut, side = self.mask(x, h, w), x, self.window_size
        right, below = (side - w % side) % side, (side - h % side) % side
        x = functional.pad(self.norm1(x), (0, 0, 0, right, 0, below))
        _, high, wide, _ = x.shape
        if self.shift_size > 0:
            x = torch.roll(x, shifts=(-self.shift_size, -self.shift_size), dims=(1, 2))
        x = self.attn(split(x, side).view(-1, side * side, c), mask=mask if self.shift_size > 0 else None)
        x = joined(x.view(-1, side, side, c), side, high, wide)
        if self.shift_size > 0:
            x = torch.roll(x, shifts=(self.shift_size, self.shift_size), dims=(1, 2))
        if right > 0 or below > 0:
            x = x[:, :h, :w, :].contiguous()
        x = shortcut + self.drop_path(x)
        x = x + self.drop_path(self.mlp(self.norm2(x)))
        return x.permute(0, 3, 2, 1).contiguous()


class SwinTransformerBlock(nn.Module):
    def __init__(self, c1: int, c2: int, side: int, drops: bool = False) -> None:
        super().__init__()
        self.conv = Conv(c1, c2) if c1 != c2 else None
        self.window_size, self.shift_size = side, side // 2
        self.tr = nn.Sequential(*(SwinTransformerLayer(c2, 2, side, shift, drops) for shift in (0, side // 2)))

    def forward(self, x: Any) -> Any:
        return self.tr(x if self.conv is None else self.conv(x))


class C3STR(nn.Module):
    def __init__(self, c: int, side: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(c, c // 2), Conv(c, c // 2), Conv(c, c)
        self.m = SwinTransformerBlock(c // 2, c // 2, side)

    def forward(self, x: Any) -> Any:
        return self.cv3(torch.cat((self.m(self.cv1(x)), self.cv2(x)), dim=1))


class ChannelAttentionModule(nn.Module):
    def __init__(self, c: int, flat: bool) -> None:
        super().__init__()
        self.avg_pool, self.max_pool = nn.AdaptiveAvgPool2d(1), nn.AdaptiveMaxPool2d(1)
        layers = (nn.Linear(c, 4), nn.ReLU(), nn.Linear(4, c)) if flat else (nn.Conv2d(c, 4, 1), nn.Conv2d(4, c, 1))
        self.shared_MLP, self.sigmoid = nn.Sequential(*layers), nn.Sigmoid()

    def forward(self, x: Any) -> Any:
        if isinstance(self.shared_MLP[0], nn.Linear):
            y = self.shared_MLP(self.avg_pool(x).view(x.size(0), -1)).unsqueeze(2).unsqueeze(3)
            return self.sigmoid(y + self.shared_MLP(self.max_pool(x).view(x.size(0), -1)).unsqueeze(2).unsqueeze(3))
        return self.sigmoid(self.shared_MLP(self.avg_pool(x)) + self.shared_MLP(self.max_pool(x)))


class SpatialAttentionModule(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv2d, self.sigmoid = nn.Conv2d(2, 1, 7, 1, 3), nn.Sigmoid()

    def forward(self, x: Any) -> Any:
        average, (largest, _) = torch.mean(x, dim=1, keepdim=True), torch.max(x, dim=1, keepdim=True)
        return self.sigmoid(self.conv2d(torch.cat([average, largest], dim=1)))


class space_to_depth(nn.Module):  # noqa: N801  # as it is called where it is pasted from
    def __init__(self) -> None:
        super().__init__()
        self.d = 1

    def forward(self, x: Any) -> Any:
        return torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1)


class DecoupledHead(nn.Module):
    def __init__(self, c: int, classes: int) -> None:
        super().__init__()
        self.nc, self.nl, self.na, self.merge = classes, 1, 3, Conv(c, 16)
        self.cls_convs1, self.cls_convs2 = Conv(16, 16, 3), Conv(16, 16, 3)
        self.reg_convs1, self.reg_convs2 = Conv(16, 16, 3), Conv(16, 16, 3)
        self.cls_preds, self.reg_preds, self.obj_preds = (nn.Conv2d(16, 3 * n, 1) for n in (classes, 4, 1))

    def forward(self, x: Any) -> Any:
        x = self.merge(x)
        y = self.reg_convs2(self.reg_convs1(x))
        classes = self.cls_preds(self.cls_convs2(self.cls_convs1(x)))
        return torch.cat([self.reg_preds(y), self.obj_preds(y), classes], 1)


class Detect(nn.Module):
    def __init__(self, m: nn.Module, classes: int, more: int = 0) -> None:
        super().__init__()
        self.nc, self.no, self.nl, self.na, self.inplace = classes, classes + 5 + more, 1, 3, True
        self.grid, self.anchor_grid = [torch.zeros(1)], [torch.zeros(1)]
        self.register_buffer("anchors", torch.ones(3, 3, 2))
        self.m, self.stride = nn.ModuleList([m]), torch.tensor([8.0])

    def forward(self, x: Any) -> Any:
        boxes, y = self.decoded(self.m[0](x[0]), 0)
        return torch.cat([boxes], 1), [y]

    def decoded(self, y: Any, level: int) -> Any:
        n, _, h, w = y.shape
        y = y.view(n, self.na, self.no, h, w).permute(0, 1, 3, 4, 2).contiguous()
        i = torch.arange(h), torch.arange(w)
        rows, columns = torch.meshgrid(*i, indexing="ij")
        grid = torch.stack((columns, rows), 2).expand(1, self.na, h, w, 2) - 0.5
        sizes = (self.anchors[level] * self.stride[level]).view(1, self.na, 1, 1, 2).expand(1, self.na, h, w, 2)
        z = y.sigmoid()
        xy = (z[..., 0:2] * 2 + grid) * self.stride[level]
        wh = (z[..., 2:4] * 2) ** 2 * sizes
        return torch.cat((xy, wh, z[..., 4:]), -1).view(n, -1, self.no), y


class Decoupled_Detect(Detect):  # noqa: N801
    pass


class ASFF_Detect(Detect):  # noqa: N801
    def __init__(self, c: int, classes: int) -> None:
        super().__init__(nn.Conv2d(c, 3 * (classes + 5), 1), classes)
        self.nl, self.m = 3, nn.ModuleList(nn.Conv2d(c, 3 * (classes + 5), 1) for _ in range(3))
        self.l0_fusion, self.l1_fusion, self.l2_fusion = (ASFFV5(c, level) for level in range(3))
        self.stride = torch.tensor([8.0, 16.0, 32.0])

    def forward(self, x: Any) -> Any:
        outputs, boxes = [], []
        for i, fusion in enumerate((self.l2_fusion, self.l1_fusion, self.l0_fusion)):
            y = self.m[i](fusion(x))
            found, level = self.decoded(y, i)
            boxes.append(found)
            outputs.append(level)
        return torch.cat(boxes, 1), outputs


class DetectWithAuxiliary(Detect):
    pasted_into = "models.auxiliary"

    def __init__(self, c: int, classes: int) -> None:
        super().__init__(nn.Conv2d(c, 3 * (classes + 5), 1), classes)
        self.m2 = nn.ModuleList([nn.Conv2d(c, 3 * (classes + 5), 1)])

    def forward(self, x: Any) -> Any:
        n, _, h, w = (y := self.m2[0](x[1])).shape
        y.view(n, 3, self.no, h, w).permute(0, 1, 3, 4, 2).contiguous()
        return super().forward(x)


class DFL(nn.Module):
    def __init__(self, c1: int) -> None:
        super().__init__()
        self.conv, self.c1 = nn.Conv2d(c1, 1, 1, bias=False).requires_grad_(False), c1

    def forward(self, x: Any) -> Any:
        n, _, anchors = x.shape
        return self.conv(x.view(n, 4, self.c1, anchors).transpose(2, 1).softmax(1)).view(n, 4, anchors)


class V8_Detect(nn.Module):  # noqa: N801
    shape: Any = None

    def __init__(self, c: int, classes: int) -> None:
        super().__init__()
        self.nc, self.nl, self.reg_max, self.no = classes, 2, 16, classes + 64
        self.stride = torch.tensor([8.0, 16.0])
        self.cv2, self.cv3 = (
            nn.ModuleList(nn.Sequential(Conv(c, 16, 3), nn.Conv2d(16, out, 1)) for _ in range(2))
            for out in (64, classes)
        )
        self.dfl = DFL(16)

    def forward(self, x: Any) -> Any:
        levels = [torch.cat((self.cv2[i](x[i]), self.cv3[i](x[i])), 1) for i in range(self.nl)]
        points, strides = [], []
        for level, stride in zip(levels, self.stride, strict=True):
            h, w = level.shape[2:]
            columns = torch.arange(end=w, device=level.device, dtype=level.dtype) + 0.5
            rows = torch.arange(end=h, device=level.device, dtype=level.dtype) + 0.5
            rows, columns = torch.meshgrid(rows, columns, indexing="ij")
            points.append(torch.stack((columns, rows), -1).view(-1, 2))
            strides.append(torch.full((h * w, 1), float(stride), device=level.device))
        anchors, scale = torch.cat(points).transpose(0, 1), torch.cat(strides).transpose(0, 1)
        box, classes = torch.cat([level.view(level.shape[0], self.no, -1) for level in levels], 2).split(
            (64, self.nc), 1
        )
        near, far = self.dfl(box).chunk(2, 1)
        first, last = anchors.unsqueeze(0) - near, anchors.unsqueeze(0) + far
        found = torch.cat(((first + last) / 2, last - first), 1) * scale
        return torch.cat((found, classes.sigmoid()), 1), levels


class SimConv(nn.Module):
    def __init__(self, c1: int, c2: int) -> None:
        super().__init__()
        self.conv, self.bn, self.act = nn.Conv2d(c1, c2, 1, bias=False), nn.BatchNorm2d(c2), nn.ReLU()

    def forward(self, x: Any) -> Any:
        return self.act(self.bn(self.conv(x)))


class SimSPPF(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.m = SimConv(c, c // 2), SimConv(2 * c, c), nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Any) -> Any:
        x = self.cv1(x)
        y = self.m(x)
        z = self.m(y)
        return self.cv2(torch.cat([x, y, z, self.m(z)], 1))


class RepC3(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(c, c // 2), Conv(c, c // 2), Conv(c // 2, c)
        self.m = nn.Sequential(Conv(c // 2, c // 2, 3))

    def forward(self, x: Any) -> Any:
        return self.cv3(self.m(self.cv1(x)) + self.cv2(x))


class IOUloss(nn.Module):
    pasted_into = "utils.loss"

    def __init__(self) -> None:
        super().__init__()
        self.reduction, self.loss_type = "none", "iou"


class DetectX(nn.Module):
    stride = (8, 16)

    def __init__(self, c: int, classes: int) -> None:
        super().__init__()
        self.n_anchors, self.num_classes, self.nc, self.nl, self.na = 1, classes, classes, 2, 1
        self.cls_preds, self.reg_preds, self.obj_preds = (
            nn.ModuleList(nn.Conv2d(c, out, 1) for _ in self.stride) for out in (classes, 4, 1)
        )
        self.l1_loss, self.bcewithlog_loss = nn.L1Loss(reduction="none"), nn.BCEWithLogitsLoss(reduction="none")
        self.iou_loss, self.use_l1, self.inplace = IOUloss(), False, True
        self.prior_prob, self.center_radius, self.grid_sizes = 1e-2, 2.5, [[0, 0, 0] for _ in self.stride]
        for name in ("grids", "xy_shifts", "org_grids", "expanded_strides", "center_ltrbes"):
            setattr(self, name, [torch.zeros(1)] * 2)

    def forward(self, x: Any) -> Any:
        levels = [
            torch.cat([boxes(y), objects(y).sigmoid(), classes(z).sigmoid()], 1)
            for z, y, classes, boxes, objects in zip(
                x[::2], x[1::2], self.cls_preds, self.reg_preds, self.obj_preds, strict=True
            )
        ]
        self.hw = [level.shape[-2:] for level in levels]
        y = torch.cat([level.flatten(2) for level in levels], 2).permute(0, 2, 1)
        grids, strides = [], []
        for (h, w), stride in zip(self.hw, self.stride, strict=True):
            rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
            grids.append(torch.stack((columns, rows), 2).view(1, -1, 2))
            strides.append(torch.full((1, h * w, 1), stride))
        grid, scale = torch.cat(grids, 1).type(y.dtype), torch.cat(strides, 1).type(y.dtype)
        y[..., :2] = (y[..., :2] + grid) * scale
        y[..., 2:4] = torch.exp(y[..., 2:4]) * scale
        return (y,)


class Implicit(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.channel, self.implicit = c, nn.Parameter(torch.zeros(1, c, 1, 1))


class ImplicitA(Implicit):
    def forward(self, x: Any) -> Any:
        return self.implicit + x


class ImplicitM(Implicit):
    def forward(self, x: Any) -> Any:
        return self.implicit * x


ATTRIBUTES: Mapping[str, list[tuple[int, int | None]]] = {
    "softmax": [(15, 18), (19, 21), (26, 28), (47, 49), (49, 51), (51, 53), (68, 71), (71, 73)],
    "sigmoid": [(21, 25), (28, 32), (33, 37), (38, 42), (43, 47), (54, 58), (59, 63), (64, 68), (73, None)],
}


class IDetectWithAttributes(nn.Module):
    def __init__(self, c: int, nc: int, attributes: int) -> None:
        super().__init__()
        self.nc, self.attri, self.no, self.nl, self.na = nc, attributes, nc + 5 + attributes, 1, 3
        self.grid, self.stride = [torch.zeros(1)], torch.tensor([8.0])
        self.register_buffer("anchors", torch.ones(1, 3, 2))
        self.register_buffer("anchor_grid", torch.ones(1, 1, 3, 1, 1, 2))
        self.m = nn.ModuleList([nn.Conv2d(c, self.no * 3, 1)])
        self.ia, self.im = nn.ModuleList([ImplicitA(c)]), nn.ModuleList([ImplicitM(self.no * 3)])

    def forward(self, x: Any) -> Any:
        y = self.im[0](self.m[0](self.ia[0](x[0])))
        n, _, h, w = y.shape
        y = y.view(n, 3, self.no, h, w).permute(0, 1, 3, 4, 2).contiguous()
        if self.training:
            return [y]
        for first, last in ATTRIBUTES["softmax"]:
            y[..., first:last] = torch.softmax(y[..., first:last], dim=-1)
        y[..., : self.nc + 5] = torch.sigmoid(y[..., : self.nc + 5])
        seen = [18, 25, 32, 37, 42, 53, 58, 63]
        y[..., seen] = torch.sigmoid(y[..., seen])
        for first, last in ATTRIBUTES["sigmoid"]:
            y[..., first:last] = torch.sigmoid(y[..., first:last])
        y[..., 0:2] = (y[..., 0:2] * 2.0 - 0.5 + self.grid[0]) * self.stride[0]
        y[..., 2:4] = (y[..., 2:4] * 2) ** 2 * self.anchor_grid[0]
        return torch.cat([y.view(n, -1, self.no)], 1), [y]


class BottleneckPruned(nn.Module):
    def __init__(self, c1: int, c2: int, c3: int, add: bool) -> None:
        super().__init__()
        self.cv1, self.cv2, self.add = Conv(c1, c2), Conv(c2, c3, 3), add

    def forward(self, x: Any) -> Any:
        y = self.cv2(self.cv1(x))
        return x + y if self.add else y


class C3Pruned(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(c, 7), Conv(c, 5), Conv(12, c)
        self.m = nn.Sequential(BottleneckPruned(7, 3, 7, add=True), BottleneckPruned(7, 2, 7, add=False))

    def forward(self, x: Any) -> Any:
        return self.cv3(torch.cat([self.m(self.cv1(x)), self.cv2(x)], 1))


class C3PrunedNoRes(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.cv3 = Conv(c, 7), Conv(c, 5), Conv(12, c)

    def forward(self, x: Any) -> Any:
        return self.cv3(torch.cat([self.cv1(x), self.cv2(x)], 1))


class SPPPruned(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2 = Conv(c, 3), Conv(9, c)
        self.m = nn.ModuleList([nn.MaxPool2d(side, 1, side // 2) for side in (5, 9)])

    def forward(self, x: Any) -> Any:
        x = self.cv1(x)
        return self.cv2(torch.cat([x, *(pool(x) for pool in self.m)], 1))


class SPPFPruned(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.cv2, self.m = Conv(c, 3), Conv(12, c), nn.MaxPool2d(5, 1, 2)

    def forward(self, x: Any) -> Any:
        parts = [self.cv1(x)]
        for _ in range(3):
            parts.append(self.m(parts[-1]))
        return self.cv2(torch.cat(parts, 1))


def cbam(flat: bool) -> CBAM:
    block = CBAM(16)
    block.channel_attention, block.spatial_attention = ChannelAttentionModule(16, flat), SpatialAttentionModule()
    return block


DetectWithAuxiliary.__name__ = DetectWithAuxiliary.__qualname__ = "Detect"

BLOCKS: Mapping[str, Callable[[], Rows]] = {
    "transformer": lambda: [(TransformerBlock(16), -1)],
    "C3STR": lambda: [(C3STR(16, 4), -1)],
    "Swin on an image that does not fit": lambda: [(SwinTransformerBlock(16, 8, 7), -1)],
    "Swin that drops paths": lambda: [(SwinTransformerBlock(16, 16, 8, drops=True), -1)],
    "CBAM of linear layers": lambda: [(cbam(flat=True), -1)],
    "CBAM of convolutions": lambda: [(cbam(flat=False), -1)],
    "SPD-Conv": lambda: [(space_to_depth(), -1), (Conv(64, 16), -1)],
    "head with angles": lambda: [(Conv(16, 16), -1), (Detect(nn.Conv2d(16, 3 * 187, 1), 2, 180), [1])],
    "head of YOLOX": lambda: [(Conv(16, 16, 3, 2), -1), (DetectX(16, 2), [0, 0, 1, 1])],
    "head of YOLOv8": lambda: [
        (Conv(16, 16, 3, 2), -1),
        (Conv(16, 16, 3, 2), -1),
        (V8_Detect(16, 2), [1, -1]),
    ],
    "head that fuses levels": lambda: [
        (Conv(16, 16, 3, 2), -1),
        (Conv(16, 16, 3, 2), -1),
        (ASFF_Detect(16, 2), [0, 1, -1]),
    ],
    "head with an auxiliary one": lambda: [(Conv(16, 16), -1), (DetectWithAuxiliary(16, 2), [0, 1])],
    "head with attributes": lambda: [(Conv(16, 16), -1), (IDetectWithAttributes(16, 2, 80), [1])],
    "pruned": lambda: [(C3Pruned(16), -1), (C3PrunedNoRes(16), -1), (SPPPruned(16), -1), (SPPFPruned(16), -1)],
    "SimSPPF": lambda: [(SimSPPF(16), -1)],
    "RepC3": lambda: [(RepC3(16), -1)],
    "decoupled head": lambda: [(Conv(16, 16), -1), (Decoupled_Detect(DecoupledHead(16, 2), 2), [1])],
}


@pytest.fixture(autouse=True)
def as_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_models(monkeypatch, list(globals().values()))


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_a_fork_costs_what_it_runs_by_every_counter(block: str, tmp_path: Path) -> None:
    assert_costs_what_it_runs(BLOCKS[block](), tmp_path)

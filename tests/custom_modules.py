"""Networks of one idea each, as people write them into their models: what a counter must be asked about."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

F = nn.functional


class Network(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution, and then one idea as a module of its own."""

    def __init__(self, idea: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.idea = idea
        self.stride = torch.tensor([8.0, 16.0, 32.0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.idea(self.conv(x))


class Apply(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A function as a module."""

    def __init__(self, function: Callable[..., torch.Tensor], *children: nn.Module) -> None:
        super().__init__()
        self.function = function
        self.inside = nn.ModuleList(children)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, *self.inside)


def rows(x: torch.Tensor) -> torch.Tensor:
    """The pixels of an image, (batch, pixels, channels)."""
    return x.flatten(2).transpose(1, 2)


def _attend(x: torch.Tensor, attention: nn.MultiheadAttention) -> torch.Tensor:
    q = rows(x).transpose(0, 1)
    out, _ = F.multi_head_attention_forward(
        q, q, q, 8, 2, attention.in_proj_weight, attention.in_proj_bias, attention.bias_k, attention.bias_v,
        attention.add_zero_attn, 0.0, attention.out_proj.weight, attention.out_proj.bias, training=False,
    )  # fmt: skip
    return out


def _grid(x: torch.Tensor) -> torch.Tensor:
    return F.grid_sample(x, torch.zeros(x.shape[0], 4, 5, 2, device=x.device), align_corners=False)


def _deform(x: torch.Tensor) -> torch.Tensor:
    from torchvision.ops import deform_conv2d

    offset = torch.zeros(x.shape[0], 18, *x.shape[2:], device=x.device)
    return deform_conv2d(x, offset, torch.ones(4, 8, 3, 3, device=x.device), padding=1)


def _suppress(x: torch.Tensor) -> torch.Tensor:
    from torchvision.ops import nms

    corners = rows(x)[0, :, :2]
    kept = nms(torch.cat((corners, corners + 1), 1), rows(x)[0, :, 2], 0.5)
    return rows(x)[0, kept] @ torch.ones(8, 3)


DEPENDS_ON_DATA = frozenset({"a value", "a list", "an array", "places", "a mask", "suppression"})

IDEAS: dict[str, Callable[[], nn.Module]] = {
    "einsum": lambda: Apply(lambda x: torch.einsum("nchw,ndhw->ncd", x, x)),
    "einsum, an axis summed before": lambda: Apply(lambda x: torch.einsum("nchw,dc->nhd", x, torch.ones(5, 8).to(x))),
    "einsum, products alone": lambda: Apply(lambda x: torch.einsum("nchw,d->nchwd", x, torch.ones(4).to(x))),
    "einsum with an ellipsis": lambda: Apply(lambda x: torch.einsum("...hw,...vw->...hv", x, x)),
    "einsum without a result": lambda: Apply(lambda x: torch.einsum("nchw,cd", x, torch.ones(8, 5).to(x))),
    "einsum, broadcast": lambda: Apply(lambda x: torch.einsum("nchw,nchw->nhw", x, x[:, :1])),
    "einsum of lists": lambda: Apply(lambda x: torch.einsum(x, [0, 1, 2, 3], x, [0, 4, 2, 3], [0, 1, 4])),
    "einsum of one": lambda: Apply(lambda x: torch.einsum("nchw->nc", x)),
    "einsum of three": lambda: Apply(lambda x: torch.einsum("nchw,ncvw,ncuw->nhvu", x, x, x)),
    "grid_sample": lambda: Apply(_grid),
    "deform_conv2d": lambda: Apply(_deform),
    "conv1d": lambda: Apply(lambda x: F.conv1d(x.flatten(2), torch.ones(4, 8, 3).to(x))),
    "conv3d": lambda: Apply(lambda x: F.conv3d(x[:, None], torch.ones(4, 1, 3, 3, 3).to(x), None, 1, 1)),
    "conv_transpose2d": lambda: Apply(lambda x: F.conv_transpose2d(x, torch.ones(8, 4, 2, 2).to(x), stride=2)),
    "conv_transpose1d": lambda: Apply(lambda x: F.conv_transpose1d(x.flatten(2), torch.ones(8, 4, 2).to(x))),
    "mm": lambda: Apply(lambda x: torch.mm(rows(x)[0], x.flatten(2)[0])),
    "addmm": lambda: Apply(lambda x: torch.addmm(torch.ones(8).to(x), rows(x)[0], torch.ones(8, 8).to(x))),
    "baddbmm": lambda: Apply(lambda x: torch.baddbmm(torch.ones(1, 1, 8).to(x), rows(x), torch.ones(1, 8, 8).to(x))),
    "bmm": lambda: Apply(lambda x: torch.bmm(x.flatten(2), rows(x))),
    "matmul": lambda: Apply(lambda x: x.flatten(2) @ rows(x)),
    "from the right": lambda: Apply(lambda x: rows(x).__rmatmul__(x.flatten(2))),
    "tensordot": lambda: Apply(lambda x: torch.tensordot(x, torch.ones(8, 5).to(x), ([1], [0]))),
    "scaled dot product": lambda: Apply(lambda x: F.scaled_dot_product_attention(rows(x), rows(x), rows(x))),
    "attention as a function": lambda: Apply(_attend, nn.MultiheadAttention(8, 2)),
    "attention with keys of its own": lambda: Apply(
        _attend, nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True)
    ),
    "attention module with keys of its own": lambda: Apply(
        lambda x, a: a(rows(x), rows(x), rows(x))[0],
        nn.MultiheadAttention(8, 2, add_bias_kv=True, add_zero_attn=True, batch_first=True),
    ),
    "interpolate": lambda: Apply(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    "softmax": lambda: Apply(lambda x: F.softmax(x, 1)),
    "modules of one axis": lambda: nn.Sequential(
        nn.Flatten(2), nn.Conv1d(8, 4, 3, groups=2), nn.BatchNorm1d(4), nn.InstanceNorm1d(4),
        nn.ConvTranspose1d(4, 2, 2), nn.LogSoftmax(1), nn.Softmin(1),
        *([nn.RMSNorm((2, 255))] if hasattr(nn, "RMSNorm") else []),  # since torch 2.4
    ),
    "modules of three axes": lambda: nn.Sequential(
        nn.Unflatten(1, (2, 4)), nn.Conv3d(2, 4, 3, padding=1), nn.BatchNorm3d(4),
        nn.ConvTranspose3d(4, 2, 2, stride=2),
    ),
    "two inputs": lambda: Apply(lambda x, m: m(rows(x), rows(x)), nn.Bilinear(8, 8, 3)),
    "softmax over channels": lambda: nn.Softmax2d(),
    "a value": lambda: Apply(lambda x: x @ x.mT if x.sum().item() < 1e9 else x),
    "a list": lambda: Apply(lambda x: x[:, :, : len(x[0, 0, 0].tolist())] @ x.mT),
    "an array": lambda: Apply(lambda x: x @ torch.from_numpy(x.mT.numpy())),
    "places": lambda: Apply(lambda x: (x < 1e9).nonzero().float() @ torch.ones(4, 3)),
    "a mask": lambda: Apply(lambda x: F.linear(x[x < 1e9].view(-1, 8), torch.ones(5, 8))),
    "suppression": lambda: Apply(_suppress),
}  # fmt: skip
"""By name, each in a network for an image of 3 channels."""


def network(name: str) -> Network:
    """A new network around that idea, in evaluation mode."""
    found = Network(IDEAS[name]())
    found.eval()
    return found

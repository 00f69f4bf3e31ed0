"""Blocks as people paste them into YOLOv5, each of its own way to compute: what no list of torch's names has."""

# mypy: disable-error-code="misc, no-untyped-call, no-untyped-def"

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from tests.sweep.case import Case

F = nn.functional
C = 16


class Of(nn.Module):
    """Children by name, and a forward that is given them."""

    def __init__(self, forward: Callable[[Any, Any], Any], **children: nn.Module) -> None:
        super().__init__()
        self.run = forward
        for name, child in children.items():
            setattr(self, name, child)

    def forward(self, x):
        """What the function gives."""
        return self.run(self, x)


class Window(nn.Module):
    """Attention in windows of 7, padded to fit, shifted, with a bias of positions and a mask made in forward."""

    def __init__(self, shift: int = 3, window: int = 7, heads: int = 4) -> None:
        super().__init__()
        self.shift, self.window, self.heads = shift, window, heads
        self.qkv, self.proj, self.norm = nn.Linear(C, 3 * C), nn.Linear(C, C), nn.LayerNorm(C)
        self.bias = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        grid = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        relative = (grid[:, :, None] - grid[:, None, :]).permute(1, 2, 0) + window - 1
        self.register_buffer("index", relative[..., 0] * (2 * window - 1) + relative[..., 1])

    def forward(self, x):
        n, c, h, w = x.shape
        s = self.window
        x = F.pad(x, (0, -w % s, 0, -h % s))
        hp, wp = x.shape[2:]
        y = self.norm(x.permute(0, 2, 3, 1))
        y = torch.roll(y, (-self.shift, -self.shift), (1, 2))
        y = y.view(n, hp // s, s, wp // s, s, c).transpose(2, 3).reshape(-1, s * s, c)
        q, k, v = self.qkv(y).view(-1, s * s, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        scores = scores + self.bias[self.index.view(-1)].view(s * s, s * s, -1).permute(2, 0, 1).unsqueeze(0)
        mask = torch.zeros((1, hp, wp, 1), device=x.device)
        for number, rows in enumerate((slice(0, -s), slice(-s, -self.shift), slice(-self.shift, None))):
            mask[:, rows] = number
        mask = mask.view(1, hp // s, s, wp // s, s, 1).transpose(2, 3).reshape(-1, s * s)
        mask = (mask[:, None] - mask[:, :, None]).masked_fill_(mask[:, None] != mask[:, :, None], -100.0)
        scores = (scores.view(n, -1, self.heads, s * s, s * s) + mask[None, :, None]).view(-1, self.heads, s * s, s * s)
        y = self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, s * s, c))
        y = y.view(n, hp // s, wp // s, s, s, c).transpose(2, 3).reshape(n, hp, wp, c)
        return torch.roll(y, (self.shift, self.shift), (1, 2))[:, :h, :w].permute(0, 3, 1, 2).contiguous()


class Dynamic(nn.Module):
    """A convolution whose kernel is a mix of four, weighted by the image."""

    def __init__(self) -> None:
        super().__init__()
        self.route = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(C, 4), nn.Softmax(1))
        self.weight = nn.Parameter(torch.ones(4, C, C, 3, 3))

    def forward(self, x):
        n, c, h, w = x.shape
        weight = (self.route(x) @ self.weight.view(4, -1)).view(n * c, c, 3, 3)
        return F.conv2d(x.reshape(1, n * c, h, w), weight, padding=1, groups=n).view(n, c, h, w)


class Involution(nn.Module):
    """A kernel for each place, over unfolded neighbours."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce, self.span = nn.Conv2d(C, 4, 1), nn.Conv2d(4, 9 * 4, 1)

    def forward(self, x):
        n, c, h, w = x.shape
        kernel = self.span(self.reduce(x)).view(n, 4, 1, 9, h, w)
        return (F.unfold(x, 3, padding=1).view(n, 4, c // 4, 9, h, w) * kernel).sum(3).view(n, c, h, w)


class Carafe(nn.Module):
    """Upsampling by kernels of the content."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Conv2d(C, 4 * 9, 3, padding=1)

    def forward(self, x):
        n, c, h, w = x.shape
        weight = F.pixel_shuffle(self.encode(x), 2).softmax(1)
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = F.unfold(x, 3, dilation=2, padding=2).view(n, c, 9, 2 * h, 2 * w)
        return torch.einsum("nkhw,nckhw->nchw", weight, x)


class Spectral(nn.Module):
    """A learned filter in the frequencies."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C, 20, 11, 2))

    def forward(self, x):
        y = torch.fft.rfft2(x, norm="ortho") * torch.view_as_complex(self.weight)
        return torch.fft.irfft2(y, s=x.shape[2:], norm="ortho")


class FourierMix(nn.Module):
    """A convolution of the real and imaginary parts."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * C, 2 * C, 1)

    def forward(self, x):
        y = torch.fft.rfftn(x, dim=(2, 3))
        y = self.conv(torch.cat((y.real, y.imag), 1))
        return torch.fft.irfftn(torch.complex(*y.chunk(2, 1)), s=x.shape[2:], dim=(2, 3))


class ComplexProduct(nn.Module):
    """A product of complex matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C, C, dtype=torch.complex64))

    def forward(self, x):
        return (x.flatten(2).transpose(1, 2).to(torch.complex64) @ self.weight).abs()


class DropPath(nn.Module):
    """Drops whole images while training."""

    def forward(self, x):
        if not self.training:
            return x
        keep = x.new_empty((x.shape[0],) + (1,) * (x.ndim - 1)).bernoulli_(0.9)
        return x.div(0.9) * keep


class Coordinates(nn.Module):
    """A grid made in forward, beside the channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(C + 2, C, 3, padding=1)

    def forward(self, x):
        n, _, h, w = x.shape
        rows = torch.linspace(-1, 1, h, device=x.device).view(1, 1, h, 1).expand(n, 1, h, w)
        columns = torch.linspace(-1, 1, w, device=x.device).view(1, 1, 1, w).expand(n, 1, h, w)
        return self.conv(torch.cat((x, rows, columns), 1))


class Lazily(nn.Module):
    """Makes a layer and a buffer at its first call."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(C, C, 1)
        self.made = None

    def forward(self, x):
        if self.made is None or self.made.shape[-1] != x.shape[-1]:
            self.register_buffer("scale", torch.ones(1, 1, *x.shape[2:], device=x.device), persistent=False)
            self.made = self.scale
        return self.conv(x * self.scale)


def _mixed(x, weight):
    return torch.sigmoid(F.conv2d(x, weight, padding=1)) * x


class Scripted(nn.Module):
    """A function and a child that are scripted."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C, C, 3, 3))
        self.mixed = torch.jit.script(_mixed)
        self.child = torch.jit.script(nn.Sequential(nn.Conv2d(C, C, 1), nn.ReLU()))

    def forward(self, x):
        return self.child(self.mixed(x, self.weight))


class Scan(nn.Module):
    """A state that goes along the pixels, as in Mamba."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.out = nn.Linear(C, 2 * C), nn.Linear(C, C)
        self.decay = nn.Parameter(torch.ones(C, 4))

    def forward(self, x):
        n, c, h, _ = x.shape
        y, gate = self.inner(x.mean(3).transpose(1, 2)).chunk(2, -1)
        state, outputs = x.new_zeros(n, c, 4), []
        for i in range(h):
            state = state * torch.exp(-self.decay) + y[:, i, :, None]
            outputs.append(torch.einsum("ncs,cs->nc", state, self.decay))
        y = torch.stack(outputs, 1) * F.silu(gate)
        return x + self.out(y).transpose(1, 2)[..., None]


class LinearAttention(nn.Module):
    """Keys and values are multiplied first."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Conv2d(C, 3 * C, 1, bias=False)

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = self.qkv(x).reshape(n, 3, 4, c // 4, h * w).unbind(1)
        context = torch.einsum("bhdn,bhen->bhde", k.softmax(-1), v)
        return torch.einsum("bhde,bhdn->bhen", context, q.softmax(-2)).reshape(n, c, h, w)


class NonLocal(nn.Module):
    """Products by bmm, baddbmm and addmm."""

    def __init__(self) -> None:
        super().__init__()
        self.theta, self.phi, self.g = (nn.Conv2d(C, C // 2, 1) for _ in range(3))
        self.out = nn.Parameter(torch.ones(C // 2, C))

    def forward(self, x):
        n, c, h, w = x.shape
        q, k, v = (each(x).flatten(2) for each in (self.theta, self.phi, self.g))
        scores = torch.baddbmm(torch.zeros(n, h * w, h * w, device=x.device), q.transpose(1, 2), k, alpha=0.5)
        y = torch.bmm(scores.softmax(-1), v.transpose(1, 2))
        y = torch.addmm(x.new_zeros(c), y.reshape(-1, c // 2), self.out)
        return x + y.view(n, h * w, c).transpose(1, 2).reshape_as(x)


class Once(torch.autograd.Function):
    """A function with a backward of its own."""

    @staticmethod
    def forward(ctx, x, weight):
        """A convolution and its gate."""
        return F.conv2d(x, weight) * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, gradient):
        """Nothing that a counter runs."""
        return gradient, None


def _in_place(self, x):
    x = self.conv(x)
    x.mul_(2).add_(1).clamp_(0, 6)
    x[:, : C // 2] += x[:, C // 2 :]
    x[:, 0] = x.mean(1)
    return self.last(x)


def _shared(self, x):
    levels = [self.conv(F.avg_pool2d(x, s)) for s in (1, 2, 4)]
    return levels[0] + F.interpolate(levels[1], x.shape[2:]) + F.interpolate(levels[2], x.shape[2:])


def _many(self, x):
    y = [self.a(x)]
    for _ in range(3):
        y.append(self.b(y[-1]))
    return self.c(torch.cat(y, 1))


def _hooked() -> nn.Module:
    made = nn.Sequential(nn.Conv2d(C, C, 1), nn.BatchNorm2d(C))
    made[0].register_forward_hook(lambda module, given, out: out * module.weight.mean())
    made[1].register_forward_pre_hook(lambda module, given: (F.relu(given[0]),))
    return made


def conv(k: int = 3, c1: int = C, c2: int = C, **kw: Any) -> nn.Module:
    """A convolution that keeps the size."""
    return nn.Conv2d(c1, c2, k, padding=k // 2, **kw)


BLOCKS: Mapping[str, Callable[[], nn.Module]] = {
    "windows": Window,
    "dynamic kernels": Dynamic,
    "involution": Involution,
    "carafe": Carafe,
    "spectral filter": Spectral,
    "fourier convolution": FourierMix,
    "complex product": ComplexProduct,
    "drop path": lambda: nn.Sequential(conv(), DropPath(), conv()),
    "coordinates": Coordinates,
    "made at the first call": Lazily,
    "scripted": Scripted,
    "state space": Scan,
    "linear attention": LinearAttention,
    "non-local": NonLocal,
    "a function of its own": lambda: Of(lambda self, x: Once.apply(x, self.conv.weight), conv=conv(1)),
    "in place": lambda: Of(_in_place, conv=conv(), last=conv(1)),
    "shared over scales": lambda: Of(_shared, conv=conv()),
    "rows again": lambda: Of(_many, a=conv(1), b=conv(), c=conv(1, 4 * C)),
    "hooks": _hooked,
    "checkpointed": lambda: Of(
        lambda self, x: checkpoint(self.conv, x, use_reentrant=False), conv=nn.Sequential(conv(), nn.BatchNorm2d(C))
    ),
    "checkpointed, reentrant": lambda: Of(lambda self, x: checkpoint(self.conv, x, use_reentrant=True), conv=conv()),
    "compiled child": lambda: nn.Sequential(torch.compile(nn.Sequential(conv(), nn.ReLU()), backend="eager"), conv(1)),
    "compiled forward": lambda: Of(
        lambda self, x: torch.compile(lambda y: self.conv(y).relu(), backend="eager")(x), conv=conv()
    ),
    "data parallel inside": lambda: nn.Sequential(nn.DataParallel(nn.Sequential(conv(), nn.SiLU())), conv(1)),
    "without gradients": lambda: Of(lambda self, x: torch.no_grad()(self.conv)(x.detach()), conv=conv()),
    "autocast": lambda: Of(
        lambda self, x: torch.autocast("cpu", torch.bfloat16)(self.conv)(x).float(), conv=nn.Sequential(conv(), conv(1))
    ),
    "vmap": lambda: Of(lambda self, x: torch.vmap(lambda y: F.conv2d(y[None], self.conv.weight)[0])(x), conv=conv(1)),
    "functional call": lambda: Of(
        lambda self, x: torch.func.functional_call(self.conv, dict(self.conv.named_parameters()), (x,)), conv=conv()
    ),
    "weights computed": lambda: Of(
        lambda self, x: F.conv2d(x, F.normalize(self.conv.weight.flatten(1), dim=1).view_as(self.conv.weight)),
        conv=conv(1),
    ),
    "wavelet": lambda: Of(
        lambda self, x: F.conv_transpose2d(
            F.conv2d(x, torch.ones(4 * C, 1, 2, 2, device=x.device), stride=2, groups=C),
            torch.ones(4 * C, 1, 2, 2, device=x.device),
            stride=2,
            groups=C,
        ),
    ),
    "strip pooling": lambda: Of(
        lambda self, x: (
            x * F.interpolate(self.h(F.adaptive_avg_pool2d(x, (None, 1))), x.shape[2:]).sigmoid()
            + F.interpolate(self.w(F.adaptive_avg_pool2d(x, (1, None))), x.shape[2:])
        ),
        h=nn.Conv2d(C, C, (3, 1), padding=(1, 0)),
        w=nn.Conv2d(C, C, (1, 3), padding=(0, 1)),
    ),
    "channel attention by conv1d": lambda: Of(
        lambda self, x: x * self.c(x.mean((2, 3), keepdim=True).squeeze(-1).transpose(1, 2)).transpose(1, 2)[..., None],
        c=nn.Conv1d(1, 1, 3, padding=1),
    ),
    "top k": lambda: Of(
        lambda self, x: self.conv(x.flatten(2).topk(100, -1).values.unflatten(-1, (10, 10))), conv=conv()
    ),
    "gather": lambda: Of(
        lambda self, x: self.l(x.flatten(2).gather(2, x.flatten(2).argsort(-1)).transpose(1, 2)), l=nn.Linear(C, C)
    ),
    "scaled products": lambda: Of(
        lambda self, x: F.scaled_dot_product_attention(*self.qkv(x).flatten(2).transpose(1, 2).chunk(3, -1)),
        qkv=conv(1, C, 3 * C),
    ),
    "kronecker": lambda: Of(
        lambda self, x: torch.kron(x[0, 0, :4, :4], x[0, 1, :4, :4]) @ self.w.weight, w=nn.Linear(16, 16)
    ),
    "outer": lambda: Of(lambda self, x: torch.outer(x[0, 0, 0], x[0, 1, 0]) + torch.inner(x[0, 0], x[0, 1])),
    "linalg": lambda: Of(lambda self, x: torch.linalg.multi_dot([x[0, 0], x[0, 1], x[0, 2]]) + torch.linalg.norm(x)),
    "matmul of linalg": lambda: Of(lambda self, x: torch.linalg.matmul(x, x)),
    "covariance": lambda: Of(lambda self, x: torch.cov(x[0].flatten(1)) @ torch.corrcoef(x[0].flatten(1))),
    "distances": lambda: Of(
        lambda self, x: torch.cdist(x.flatten(2).transpose(1, 2), self.l.weight[None]), l=nn.Linear(C, 32)
    ),
    "matrix power": lambda: Of(lambda self, x: torch.matrix_power(x, 3)),
    "products from the right": lambda: Of(
        lambda self, x: x[0, 0].__rmatmul__(x[0, 1]) + torch.mm(x[0, 0], x[0, 1]).mv(x[0, 0, 0])
    ),
    "products by methods": lambda: Of(lambda self, x: x[0].bmm(x[0]).baddbmm(x[0], x[0])),
    "depthwise by loop": lambda: Of(
        lambda self, x: torch.cat(
            [F.conv2d(x[:, i : i + 1], self.c.weight[i : i + 1], padding=1) for i in range(C)], 1
        ),
        c=nn.Conv2d(C, C, 3, groups=C),
    ),
}
"""A new block, by its name."""

CASES: Mapping[str, Case] = {name: Case(make, ((1, C, 20, 20),)) for name, make in BLOCKS.items()}

"""Networks whose modules run code of their own: shared activations, subclasses, hooks, forwards on the instance, ...

Each is a network and an input, by what is unusual about it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

F = nn.functional
Case = tuple[nn.Module, torch.Tensor]


def image(*shape: int) -> torch.Tensor:
    return torch.randn(*(shape or (1, 3, 12, 12)), generator=torch.Generator().manual_seed(0))


class Block(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """As YOLOv5's Conv."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.conv, self.bn, self.act = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.bn(self.conv(x)))


class Skip(Block):
    """The same with a sum."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.act(self.bn(self.conv(x)))


def shared(*kinds: type[Block]) -> nn.Module:
    act = nn.SiLU()
    return nn.Sequential(*(kind(act) for kind in kinds))


# Subclasses


def derived(kind: Any, change: Callable[[Callable[..., Any], torch.Tensor], torch.Tensor], *args: Any) -> nn.Module:
    """A module of a class derived from one of torch, whose forward does that with torch's own."""

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        return change(lambda *given: kind.forward(self, *given), x)

    return type(f"Own{kind.__name__}", (kind,), {"forward": forward})(*args)


def after_convolution(module: nn.Module) -> Case:
    return nn.Sequential(nn.Conv2d(3, 8, 3), module), image()


class ByFunction(nn.Conv2d):  # type: ignore[misc]
    """A convolution that calls the function itself."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1)), self.weight, self.bias)


class ByName(nn.Module):  # type: ignore[misc]
    """Calls a module's forward, so that no hook on it runs, and the module."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module, self.last = module, nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last.forward(self.module.forward(x)) + self.module(x)


# Hooks


class Captures(nn.Module):  # type: ignore[misc]
    """Registers a hook while it runs, as transformers does."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept: list[torch.Tensor] = []
        handle = self.a.register_forward_hook(lambda _, __, out: kept.append(out))
        self.a(x)
        handle.remove()
        return self.b(kept[-1])


WEIGHT = torch.ones(4, 8, 3, 3)
"""A tensor that is not the model's."""


def two() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3))


def hooked(hook: Callable[..., Any], *, before: bool = False, own_class: bool = False) -> Case:
    model = nn.Sequential(shared(Block), nn.Conv2d(3, 8, 3)) if own_class else two()
    register = model[0].register_forward_pre_hook if before else model[0].register_forward_hook
    register(hook)
    return model, image()


def own_forward(change: Callable[[Callable[..., Any], torch.Tensor], torch.Tensor], place: str = "") -> Case:
    """A forward that was replaced on the instance."""
    model = two()
    module = model.get_submodule(place)
    module.forward = lambda x, own=module.forward: change(own, x)
    return model, image()


def changed(change: Callable[[nn.Module], object]) -> Case:
    model = two()
    with torch.no_grad():
        change(model[1])
    return model, image()


# Functions, by every name that torch takes for an argument


class Through(nn.Module):  # type: ignore[misc]
    """A convolution, a function, and a convolution that is right only if the function's shape is."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function
        self.first = nn.Conv2d(3, 8, 1)
        self.last = nn.Conv2d(function(torch.zeros(1, 8, 8, 8)).shape[1], 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.function(self.first(x)))


def through(function: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    return Through(function), image(1, 3, 8, 8)


FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "cat, axis": lambda x: torch.cat([x, x], axis=1),
    "cat, named": lambda x: torch.cat(tensors=[x, x], dim=1),
    "concat": lambda x: torch.concat([x, x], axis=-3),
    "stack, axis": lambda x: torch.stack([x, x], axis=1).flatten(1, 2),
    "stack, negative axis": lambda x: torch.stack([x, x], axis=-4).flatten(1, 2),
    "sum, keepdims": lambda x: x.sum(axis=1, keepdims=True),
    "mean, two axes": lambda x: x.mean(axis=(2, 3), keepdims=True),
    "max": lambda x: x.max(axis=1, keepdims=True)[0],
    "softmax": lambda x: torch.softmax(x, dim=1),
    "squeeze": lambda x: x.mean(dim=(2, 3), keepdim=True).squeeze(3).unsqueeze(3),
    "chunk": lambda x: torch.chunk(x, 2, dim=1)[0],
    "unbind": lambda x: torch.stack(torch.unbind(x, dim=1), 1),
    "swapaxes": lambda x: x.swapaxes(axis0=1, axis1=2),
    "transpose": lambda x: x.transpose(dim0=1, dim1=2),
    "add, scaled": lambda x: torch.add(x, x, alpha=2),
    "add, named": lambda x: torch.add(input=x, other=x),
    "div, rounded": lambda x: torch.div(x, 2, rounding_mode="floor"),
    "matmul, named": lambda x: torch.matmul(input=x, other=x),
    "bmm, named": lambda x: torch.bmm(input=x[0], mat2=x[0])[None],
    "out": lambda x: torch.sigmoid(x, out=torch.empty_like(x)),
    "silu in place": lambda x: F.silu(x, inplace=True),
    "a tensor from elsewhere": lambda x: x * torch.ones(1, 8, 1, 1),
}


# Refused by torch, and what looks like it


def at_one_pixel(module: nn.Module, channels: int = 8) -> Case:
    return nn.Sequential(nn.Conv2d(3, channels, 12), module), image()


CASES: dict[str, Callable[[], Case]] = {
    "own activations": lambda: (nn.Sequential(Block(nn.SiLU()), Skip(nn.SiLU())), image()),
    "shared activation, plain first": lambda: (shared(Block, Skip), image()),
    "shared activation, plain last": lambda: (shared(Skip, Block), image()),
    "a convolution that pads": lambda: after_convolution(
        derived(nn.Conv2d, lambda own, x: own(F.pad(x, (1, 1, 1, 1))), 8, 4, 3)
    ),
    "a convolution that pads to fit": lambda: after_convolution(
        derived(nn.Conv2d, lambda own, x: own(F.pad(x, (3, 3, 3, 3))), 8, 4, 15)
    ),
    "a convolution that pads after": lambda: after_convolution(
        derived(nn.Conv2d, lambda own, x: F.pad(own(x), (1, 1, 1, 1)), 8, 4, 3)
    ),
    "a convolution that runs twice": lambda: after_convolution(
        derived(nn.Conv2d, lambda own, x: own(x) + own(x.flip(2)), 8, 4, 3)
    ),
    "a convolution by its function": lambda: after_convolution(ByFunction(8, 4, 3)),
    "a linear layer of tokens": lambda: after_convolution(
        derived(nn.Linear, lambda own, x: own(x.flatten(2).transpose(1, 2)), 8, 4)
    ),
    "a normalization of two batches": lambda: after_convolution(
        derived(nn.BatchNorm2d, lambda own, x: own(torch.cat([x, x])), 8)
    ),
    "a normalization of the last axis": lambda: after_convolution(
        derived(nn.LayerNorm, lambda own, x: own(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), 8)
    ),
    "an upsampling of half": lambda: after_convolution(derived(nn.Upsample, lambda own, x: own(x[:, :4]), None, 2)),
    "a pooling that pads": lambda: after_convolution(
        derived(nn.AvgPool2d, lambda own, x: own(F.pad(x, (1, 1, 1, 1))), 2)
    ),
    "a transposed convolution that crops": lambda: after_convolution(
        derived(nn.ConvTranspose2d, lambda own, x: own(x)[..., :-1, :-1], 8, 4, 3, 2)
    ),
    "an activation that scales": lambda: after_convolution(derived(nn.SiLU, lambda own, x: own(x) * 2)),
    "a hook inside forward": lambda: (Captures(), image(1, 4)),
    "a hook that computes": lambda: hooked(lambda _, __, out: F.conv2d(out, WEIGHT)[:, :1].expand(-1, 8, -1, -1)),
    "a hook that repeats": lambda: hooked(lambda _, __, out: torch.cat([out, out])),
    "a hook before": lambda: hooked(lambda _, given: (torch.cat([given[0]] * 3),), before=True),
    "a hook on a block": lambda: hooked(lambda _, __, out: torch.cat([out, out]), own_class=True),
    "a hook before a block": lambda: hooked(lambda _, given: (torch.cat([given[0]] * 2),), before=True, own_class=True),
    "a forward on the instance": lambda: own_forward(lambda own, x: own(torch.cat([x, x])), "1"),
    "a forward on the root": lambda: own_forward(lambda own, x: own(torch.cat([x, x]))),
    "a forward called by its name": lambda: (ByName(nn.Conv2d(3, 4, 3)), image()),
    "a subclass called by its name": lambda: (ByName(derived(nn.Conv2d, lambda own, x: own(x) * 2, 3, 4, 3)), image()),
    "pruned": lambda: changed(lambda module: prune.l1_unstructured(module, "weight", 0.3)),
    "weight norm": lambda: changed(parametrizations.weight_norm),
    "spectral norm": lambda: changed(parametrizations.spectral_norm),
    "without a batch": lambda: (nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AvgPool2d(2)), image(3, 12, 12)),
    "groups at one pixel": lambda: at_one_pixel(nn.GroupNorm(4, 8)),
    "tracked at one pixel": lambda: at_one_pixel(nn.InstanceNorm2d(8, track_running_stats=True)),
    "reflected to the edge": lambda: after_convolution(nn.ReflectionPad2d(9)),
    "circular to the edge": lambda: after_convolution(nn.Conv2d(8, 4, 3, padding=10, padding_mode="circular")),
    **{name: partial(through, function) for name, function in FUNCTIONS.items()},
}

REFUSED: dict[str, Callable[[], Case]] = {
    "a group at one pixel": lambda: at_one_pixel(nn.GroupNorm(8, 8)),
    "a channel at one pixel": lambda: at_one_pixel(nn.InstanceNorm2d(8)),
    "reflected beyond the edge": lambda: after_convolution(nn.ReflectionPad2d(10)),
    "reflected at one side": lambda: after_convolution(nn.ReflectionPad2d((0, 0, 10, 0))),
    "a convolution reflected": lambda: after_convolution(nn.Conv2d(8, 4, 3, padding=10, padding_mode="reflect")),
    "a convolution around twice": lambda: after_convolution(nn.Conv2d(8, 4, 3, padding=11, padding_mode="circular")),
}

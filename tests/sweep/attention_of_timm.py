"""Timm's attention, which ptflops has a rule for: `python -m tests.sweep --cases attention_of_timm`."""

from __future__ import annotations

from collections.abc import Mapping

from timm.layers import Attention
from torch import nn

from tests.sweep.case import Case


class Own(Attention):  # type: ignore[misc]  # timm is not read by mypy
    """A subclass, which no tool takes for the class itself."""


def normed() -> nn.Module:
    """Attention with biases and norms inside."""
    return Attention(16, 4, qkv_bias=True, qk_norm=True, norm_layer=nn.LayerNorm)


CASES: Mapping[str, Case] = {
    name: Case(make, ((1, 10, 16),))
    for name, make in (
        ("Attention", lambda: nn.Sequential(Attention(16, 4))),
        ("Attention with norms", lambda: nn.Sequential(normed())),
        ("a subclass of Attention", lambda: nn.Sequential(Own(16, 4))),
    )
}

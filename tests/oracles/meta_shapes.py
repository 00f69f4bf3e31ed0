"""Shapes in place of torch's Python on the meta device, for a process that follows whole networks there.

Torch answers these operators on the meta device by running their arithmetic in Python, without values: that takes most
of the time of such a process, and gives no figure. Whoever calls them, and counts their calls, still does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.library import Library


def same(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of that shape."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device)


def _batch_norm(image: torch.Tensor, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, *_: Any) -> Any:
    """The output, and the two statistics that a training keeps for its gradients."""
    kept = image.shape[1] if training else 0
    return same(image), _like(image, kept), _like(image, kept)


def _grid_sample(image: torch.Tensor, grid: torch.Tensor, *_: Any) -> torch.Tensor:
    return _like(image, *image.shape[:2], *grid.shape[1:3])


def _like(tensor: torch.Tensor, *shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=tensor.dtype, device=tensor.device)  # ``new_empty`` is Python there, too


OPERATORS: dict[str, Callable[..., Any]] = {
    "native_batch_norm": _batch_norm,
    "grid_sampler_2d": _grid_sample,
    "silu": same,
    "silu_": lambda tensor: tensor,
}


def answer_by_shape() -> Library:
    """Torch answers so for as long as the library that is returned is kept."""
    library = Library("aten", "IMPL")
    for name, shapes in OPERATORS.items():
        library.impl(name, shapes, "Meta")
    return library

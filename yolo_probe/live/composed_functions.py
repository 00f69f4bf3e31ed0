"""Functions of ``torch.nn.functional`` that call others: written out, so that each counter sees those that it charges.

Torch shows the call of such a function as one, and nothing of what is inside. The real tools see the inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log, pi, prod
from typing import Any

import torch
from torch import nn

from yolo_probe.model.operators import each_axis

F = nn.functional


def _power_pool(axes: int) -> Callable[..., torch.Tensor]:
    """Pooling by the power mean, on one axis or more: (sum of x^p in each window)^(1 / p)."""
    average = getattr(F, f"avg_pool{axes}d")

    def pool(
        input: torch.Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False,  # noqa: A002
    ) -> torch.Tensor:  # fmt: skip
        means = average(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        size = prod(each_axis(kernel_size, axes))
        sums = (torch.sign(means) * F.relu(torch.abs(means))).mul(size)
        return sums.pow(1.0 / norm_type)

    return pool


def _across_channels(
    input: torch.Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0,  # noqa: A002
) -> torch.Tensor:  # fmt: skip
    """Normalization by the mean square of ``size`` channels: x / (k + alpha mean(x^2))^beta."""
    squares = input.mul(input)
    before, after = size // 2, (size - 1) // 2
    if input.dim() == 3:
        padded = F.pad(squares.unsqueeze(1), (0, 0, before, after))
        means = F.avg_pool2d(padded, (size, 1), stride=1).squeeze(1)
    else:
        n, channels, first, *others = input.shape
        padded = F.pad(squares.view(n, 1, channels, first, -1), (0, 0, 0, 0, before, after))
        means = F.avg_pool3d(padded, (size, 1, 1), stride=1).squeeze(1).view(n, channels, first, *others)
    return input / means.mul(alpha).add(k).pow(beta)


def _gaussian_loss(
    input: torch.Tensor, target: torch.Tensor, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean",  # noqa: A002
) -> torch.Tensor:  # fmt: skip
    """The negative log-likelihood of a Gaussian: (log(var) + (input - target)^2 / var) / 2."""
    var = var.clone() if isinstance(var, torch.Tensor) else torch.full_like(input, var)
    if var.shape == input.shape[:-1]:
        var = var.unsqueeze(-1)
    loss = 0.5 * (torch.log(var) + (input - target) ** 2 / var)
    loss = loss + 0.5 * log(2 * pi) if full else loss
    return getattr(loss, reduction)() if reduction != "none" else loss


COMPOSED: Mapping[Any, Callable[..., torch.Tensor]] = {
    **{getattr(F, f"lp_pool{axes}d"): _power_pool(axes) for axes in (1, 2, 3) if hasattr(F, f"lp_pool{axes}d")},
    F.local_response_norm: _across_channels,
    F.gaussian_nll_loss: _gaussian_loss,
}
"""By function: the same, of the functions that it calls."""

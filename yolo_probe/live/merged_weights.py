"""The weights of a network after ``fuse()``, from those before it: each BatchNorm merged into its convolution."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from yolo_probe.live.kernels import Values
from yolo_probe.model.fusion import Merge
from yolo_probe.model.structure import below

NORM = ("weight", "bias", "running_mean", "running_var")
"""What a BatchNorm has of each channel."""


def merged(values: Values, merges: Iterable[Merge]) -> Values:
    """The weights by their names after ``fuse()``; those of a merge of which a tensor is missing are left out.

    Formula: W' = W * g / sqrt(v + eps), b' = (b - m) * g / sqrt(v + eps) + beta.
    """
    found = {name: value.float() for name, value in values.items()}
    for merge in merges:
        weight = found.pop(below(merge.convolution_path, "weight"), None)
        bias = found.pop(below(merge.convolution_path, "bias"), None)
        norm = [found.pop(below(merge.batch_norm_path, name), None) for name in NORM]
        if weight is None or any(each is None for each in norm) or "Transpose" in merge.convolution.kind:
            continue
        made = _merged(weight, bias, norm, merge.batch_norm.attributes.get("eps", 1e-5))
        found |= {below(merge.fused_path, name): tensor for name, tensor in zip(("weight", "bias"), made, strict=True)}
    return found


def _merged(weight: Tensor, bias: Tensor | None, norm: Any, eps: Any) -> tuple[Tensor, Tensor]:
    scale, shift, mean, variance = norm
    factor = scale / torch.sqrt(variance + eps)
    return weight * factor.reshape(-1, 1, 1, 1), (0 if bias is None else bias) * factor + shift - mean * factor

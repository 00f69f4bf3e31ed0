"""How far the outputs of a model move when it is fused. Only here real kernels are run, on copies of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import nn

from yolo_probe.hosts.images import Size
from yolo_probe.live.live import fuse_silently, set_end_to_end
from yolo_probe.live.side_effects import undisturbed


@dataclass(frozen=True, slots=True)
class Moved:
    """Outputs of one model before and after ``fuse()``, on the same random image."""

    difference: float
    """The largest absolute difference of two values."""
    largest: float
    """The largest absolute value before ``fuse()``."""
    seconds: float
    """Time that loading, fusing and both passes took."""


def moved_by_fuse(file: Path, channels: int, size: Size, end_to_end: bool | None = None) -> Moved:
    """How far ``fuse()`` moves the outputs of the model in a checkpoint that this training has just written.

    The file is loaded with pickle, as the host itself has just done: to the CPU, in FP32.
    Raises: whatever loading, ``fuse()`` or the forward pass of the model raise.
    """
    begin = perf_counter()
    saved = torch.load(file, map_location="cpu", weights_only=False)
    model = saved.get("ema") or saved["model"]
    set_end_to_end(model, end_to_end)
    return moved(model, torch.rand((1, channels, *size), generator=torch.Generator().manual_seed(0)), begin)


def moved(model: nn.Module, image: torch.Tensor, begin: float | None = None) -> Moved:
    """How far ``fuse()`` moves the outputs of a model for that image, found on copies of it.

    Shapes: ``image`` is (batch, channels, height, width). ``begin``: when the measured time began; None: now.
    """
    begin = perf_counter() if begin is None else begin
    with undisturbed(), torch.no_grad():
        unfused = deepcopy(model).float().eval()
        fused = deepcopy(unfused)
        fuse_silently(fused)
        before, after = dict(_tensors(unfused(image))), dict(_tensors(fused(image)))
    pairs = [(a, after[key]) for key, a in before.items() if key in after and a.shape == after[key].shape and a.numel()]
    return Moved(
        difference=max((float((a - b).abs().max()) for a, b in pairs), default=0.0),
        largest=max((float(a.abs().max()) for a, _ in pairs), default=0.0),
        seconds=perf_counter() - begin,
    )


def _tensors(output: Any, place: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor of an output with its place in it, since ``fuse()`` may remove a head and its outputs."""
    if isinstance(output, torch.Tensor):
        yield place, output
    elif isinstance(output, Mapping):
        for key, each in output.items():
            yield from _tensors(each, f"{place}.{key}")
    elif isinstance(output, Sequence):
        for i, each in enumerate(output):
            yield from _tensors(each, f"{place}.{i}")

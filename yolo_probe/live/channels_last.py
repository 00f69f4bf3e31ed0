"""Outputs of torch's modules whose input lies scattered in memory, as torch's kernels on a CPU lay them out."""

from __future__ import annotations

import torch

from yolo_probe.live.torch_layers import OPERATORS
from yolo_probe.model.torch_blocks import ELEMENTWISE

LAYERS_BY_ELEMENT = frozenset(name.removeprefix("nn.") for name in ELEMENTWISE)
"""Modules of torch that answer each value by itself."""

_OF_IMAGES = frozenset(name for name in OPERATORS if name.endswith("2d") and "InstanceNorm" not in name) | {
    *("Upsample", "GroupNorm", "PixelShuffle", "PixelUnshuffle")
}
"""Modules of torch whose output lies with its channels last where their input does."""


def laid_out(made: torch.Tensor, given: torch.Tensor, layer: str) -> torch.Tensor:
    """The output of a module as torch's kernels on a CPU lay it out, where the input is scattered.

    An activation gives what lies as its input does; a module of images keeps channels last.
    """
    laid = made
    if layer in LAYERS_BY_ELEMENT:
        laid = torch.empty_like(given)
    elif layer in _OF_IMAGES and made.dim() == 4 and _keeps_channels_last(given, layer):
        laid = made.to(memory_format=torch.channels_last)
    return laid.as_subclass(type(made))


def _keeps_channels_last(image: torch.Tensor, layer: str) -> bool:
    """Whether a module gives channels that lie last; a BatchNorm looks at the values' places alone."""
    same = layer == "BatchNorm2d" and image.is_contiguous(memory_format=torch.channels_last)
    return same or _suggests_channels_last(image)


def _suggests_channels_last(image: torch.Tensor) -> bool:
    """Whether torch takes an image's channels to lie last: by its strides, also by those of axes of one entry."""
    least = 0
    for axis in (1, 3, 2, 0):
        stride = image.stride(axis)
        if stride < least or (axis == 0 and least == image.stride(1)):
            return False
        least = stride * image.size(axis)
    return True

"""The image that a network is counted on: its channels, and its height and width as multiples of the stride."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from yolo_probe.model.structure import Module, Shape, named_modules
from yolo_probe.model.trace import Trace, trace

Size = tuple[int, int]
"""Height and width of an image in pixels."""

MAX_SIDE = 65536
"""Largest side of an image that a command or a setting takes, in pixels."""

Run = Callable[[Shape], Trace]
"""A forward pass on an image of that shape."""


def image_channels(root: Module) -> int:
    """Number of channels of an image for this model: ``yaml['ch']``, else those that its first convolution takes."""
    yaml = root.attributes.get("yaml")
    if isinstance(yaml, Mapping) and isinstance(channels := yaml.get("ch"), int):
        return channels
    rows = root.children.get("model")
    first = next(iter(rows.children.values()), None) if rows else None
    share = 4 if first is not None and first.kind == "Focus" else 1
    for _, module in named_modules(root):
        channels = module.attributes.get("in_channels")
        if module.kind == "nn.Conv2d" and isinstance(channels, int):
            return max(channels // share, 1)
    return 3


def head_stride(root: Module) -> int:
    """The largest stride of a model in pixels, as YOLOv5 finds it: 256 / width of the smallest level, of a 256 image.

    Raises: TraceError where the pass fails.
    """
    side = 256
    levels = trace(root, (1, image_channels(root), side, side)).output
    if not isinstance(levels, list):
        return 32
    return int(max((side / level[3] for level in levels), default=32))


def rounded_size(size: Size, stride: int) -> Size:
    """Height and width rounded up to multiples of the stride, or of 32 where the stride is smaller, as in YOLOv5."""
    stride = max(stride, 32)
    return -(-size[0] // stride) * stride, -(-size[1] // stride) * stride

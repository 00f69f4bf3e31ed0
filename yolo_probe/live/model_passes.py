"""Passes of a copy of a live model, to be timed: its own code runs on random images, the model itself does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import nn

from yolo_probe.errors import TraceError, reason_of
from yolo_probe.live.kernels import Memory
from yolo_probe.live.live import fuse_silently
from yolo_probe.live.real_copy import real_copy
from yolo_probe.model.structure import Shape


def copy_of(model: nn.Module, *, fused: bool = False) -> nn.Module:
    """A copy in evaluation mode, after its own ``fuse()`` where that is asked for.

    Raises: TraceError where ``fuse()`` fails.
    """
    copy = real_copy(model)[id(model)]
    if not fused:
        return copy
    try:
        with torch.no_grad():
            return fuse_silently(copy)
    except TraceError:
        raise
    except Exception as error:  # the user's own fuse(): whatever it raises is what validation would raise
        raise TraceError(f"the model: fuse() fails: {reason_of(error)}") from error


class ModelPasses:
    """Passes of a copy of a model."""

    unmeasured: Mapping[str, int] = {}
    """Nothing: all of the model runs."""

    def __init__(self, copy: nn.Module, image: Shape, memory: Memory, *, compiled: bool = False) -> None:
        self._model = copy.to(memory.device, memory.dtype)
        if memory.channels_last:
            self._model = self._model.to(memory_format=torch.channels_last)
        self._image = memory.placed(torch.rand(image))
        self._memory = memory
        self._call: Callable[[torch.Tensor], object] = torch.compile(self._model) if compiled else self._model

    def run(self) -> None:
        """One pass."""
        with torch.inference_mode():
            self._call(self._image)

    def seconds_of(self, row_of: Callable[[str], str]) -> dict[str, float]:
        """The time of each row in one pass that is not compiled; a device is waited for before and after each row."""
        found: dict[str, float] = {}
        begun: list[float] = []
        hooks = []
        for path, module in self._model.named_modules():
            row = row_of(path)
            if row and not row_of(path.rpartition(".")[0]):

                def end(*_: object, row: str = row) -> None:
                    found[row] = found.get(row, 0.0) + self._memory.now() - begun.pop()

                hooks.append(module.register_forward_pre_hook(lambda *_: begun.append(self._memory.now())))
                hooks.append(module.register_forward_hook(end))
        try:
            with torch.inference_mode():
                self._model(self._image)
        finally:
            for hook in hooks:
                hook.remove()
        return found

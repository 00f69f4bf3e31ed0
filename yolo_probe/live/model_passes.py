"""Passes of a copy of a live model, to be timed: its own code runs on random images, the model itself does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import prod

import torch
from torch import nn

from yolo_probe.errors import TraceError, reason_of
from yolo_probe.live.kernels import NO_VALUES, Memory, Values
from yolo_probe.live.live import Live, fuse_silently, has_fuse
from yolo_probe.live.real_copy import real_copy
from yolo_probe.model.fusion import fused_state
from yolo_probe.model.structure import Module, Shape
from yolo_probe.model.trace import Trace


def copy_of(
    model: nn.Module, *, fused: bool = False, values: Values = NO_VALUES
) -> tuple[nn.Module, tuple[str, ...]]:  # fmt: skip
    """A copy in evaluation mode, after its own ``fuse()`` where that is asked for; and the modules with random weights.

    ``values``: weights by name, for what the model has no values of.
    Raises: TraceError where ``fuse()`` fails.
    """
    copy = real_copy(model)[id(model)]
    left = _fill(model, copy, values)
    if not fused:
        return copy, left
    try:
        with torch.no_grad():
            return fuse_silently(copy), left
    except TraceError:
        raise
    except (Exception, SystemExit) as error:  # the user's own fuse(): whatever it raises is what validation would raise
        raise TraceError(f"the model: fuse() fails: {reason_of(error)}") from error


def _fill(model: nn.Module, copy: nn.Module, values: Values) -> tuple[str, ...]:
    """Give a copy the weights that its model has no values of, random ones where none are given; the modules of those.

    What is left at 0 by that: means and shifts. Variances and scales, which have one axis, are 1.
    """
    random: dict[str, None] = {}
    held = {**dict(copy.named_parameters()), **dict(copy.named_buffers())}
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if not tensor.is_meta or not tensor.is_floating_point():
            continue
        given = values.get(name)
        if given is not None and given.shape == tensor.shape:
            held[name].data.copy_(given)
        elif tensor.dim() > 1:
            held[name].data.normal_(0, prod(tensor.shape[1:]) ** -0.5)
            random[name.rpartition(".")[0]] = None
        elif name.endswith(("weight", "running_var")):
            held[name].data.fill_(1)
    return tuple(random)


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


def states(
    model: nn.Module, image: Shape, memory: Memory, compiled: bool = False, values: Values | None = None
) -> Iterator[tuple[Module, Trace, ModelPasses, tuple[str, ...]]]:
    """The states of a model on copies of it, as built and after its own ``fuse()`` where it has one that has not run.

    Each is the structure, its record on an image, its passes, and the modules that have random weights although some
    are given. ``values``: weights by name, for those that the model has no values of; without them they are random.
    Raises: TraceError where its forward pass cannot be followed, or ``fuse()`` fails.
    """
    is_whole = not has_fuse(model) or fused_state(Live(model).root) == "fused"
    for fused in (False,) if is_whole else (False, True):
        made, left = copy_of(model, fused=fused, values=values or NO_VALUES)
        copy = Live(made, every_function=True)
        passes = ModelPasses(made, image, memory, compiled=compiled)
        yield copy.root, copy.trace(image), passes, left if values else ()

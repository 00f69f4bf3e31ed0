"""A checkpoint's weights, and their mean and standard deviation, where numpy or torch is installed to read them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from yolo_probe.checkpoint.reader import Checkpoint
from yolo_probe.model.structure import Tensor

if TYPE_CHECKING:
    import torch

Statistics = Callable[[Tensor], tuple[str, str]]
"""Mean and standard deviation (divided by n - 1) in three digits, as the hosts print them; ``-`` if not known."""

_UNKNOWN = ("-", "-")


def statistics_of(source: object) -> Statistics:
    """A function that reads one tensor of a checkpoint and gives its statistics; ``-`` for any other source."""
    readers = {"numpy": _with_numpy, "torch": _with_torch}
    reader = next((reader for library, reader in readers.items() if find_spec(library)), None)
    if reader is None or not isinstance(source, Checkpoint):
        return lambda _: _UNKNOWN
    return partial(reader, source)


def _with_numpy(checkpoint: Checkpoint, tensor: Tensor) -> tuple[str, str]:
    import numpy

    if tensor.location is None or tensor.dtype not in ("float16", "float32", "float64"):
        return _UNKNOWN
    storage = numpy.frombuffer(checkpoint.storage_bytes(tensor), dtype=numpy.dtype(tensor.dtype))
    strides = [stride * storage.itemsize for stride in tensor.location.strides]
    view = numpy.lib.stride_tricks.as_strided(storage[tensor.location.offset :], tensor.shape, strides)
    values = view.astype(numpy.float64)
    return _written(float(values.mean()), float(values.std(ddof=1)) if values.size > 1 else float("nan"))


def _with_torch(checkpoint: Checkpoint, tensor: Tensor) -> tuple[str, str]:
    values = values_of(checkpoint, tensor)
    if values is None:
        return _UNKNOWN
    values = values.double()
    return _written(values.mean().item(), values.std().item() if values.numel() > 1 else float("nan"))


def values_of(checkpoint: Checkpoint, tensor: Tensor) -> torch.Tensor | None:
    """The values of one tensor, read from the file now; None where there are none, or no floating-point numbers.

    Raises: CheckpointError if the file has changed.
    """
    import torch

    if tensor.location is None or not getattr(torch, tensor.dtype).is_floating_point:
        return None
    storage = torch.frombuffer(bytearray(checkpoint.storage_bytes(tensor)), dtype=getattr(torch, tensor.dtype))
    return storage.as_strided(tensor.shape, tensor.location.strides, tensor.location.offset)


def _written(mean: float, deviation: float) -> tuple[str, str]:
    return f"{mean:.3g}", f"{deviation:.3g}"

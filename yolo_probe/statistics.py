"""Mean and standard deviation of a checkpoint's weights, where they can be read."""

from __future__ import annotations

from typing import Protocol

from yolo_probe.checkpoint import Checkpoint
from yolo_probe.structure import Tensor


class Statistics(Protocol):
    """Something that knows the values of a tensor."""

    def of(self, tensor: Tensor) -> tuple[str, str]:
        """Mean and standard deviation with three digits, ``-`` where they are not known."""
        ...


class Unread:
    """No values: a network that is not in a file, or no numpy to read them with."""

    def of(self, tensor: Tensor) -> tuple[str, str]:
        """Not known."""
        return "-", "-"


class OfCheckpoint:
    """Values out of a checkpoint's storages, read one tensor at a time."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    def of(self, tensor: Tensor) -> tuple[str, str]:
        """Mean, and standard deviation with n - 1 below, as torch's ``std`` has it."""
        import numpy

        if tensor.location is None or tensor.dtype not in ("float16", "float32", "float64"):
            return "-", "-"
        storage = numpy.frombuffer(self._checkpoint.storage_bytes(tensor), dtype=numpy.dtype(tensor.dtype))
        width = storage.itemsize
        values = numpy.lib.stride_tricks.as_strided(
            storage[tensor.location.offset :], tensor.shape, [stride * width for stride in tensor.location.strides]
        ).astype(numpy.float64)
        deviation = values.std(ddof=1) if values.size > 1 else float("nan")
        return f"{values.mean():.3g}", f"{deviation:.3g}"


def statistics_of(source: object) -> Statistics:
    """Statistics of a checkpoint if numpy is there to read it, else none."""
    from importlib.util import find_spec

    return OfCheckpoint(source) if isinstance(source, Checkpoint) and find_spec("numpy") else Unread()

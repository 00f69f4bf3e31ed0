"""How many values of a tensor in a checkpoint are 0, NaN or infinite, read from the file and counted without numpy."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from yolo_probe.checkpoint.reader import offset_of
from yolo_probe.model.structure import Location, Tensor


@dataclass(frozen=True, slots=True)
class ValueCounts:
    """Numbers of values."""

    values: int = 0
    zeros: int = 0
    """0 and -0."""
    nan: int = 0
    infinite: int = 0

    def __add__(self, other: ValueCounts) -> ValueCounts:
        return ValueCounts(
            self.values + other.values, self.zeros + other.zeros, self.nan + other.nan, self.infinite + other.infinite
        )


_FORMATS: Mapping[str, tuple[str, int]] = {
    "float16": ("H", 0x7C00),
    "bfloat16": ("H", 0x7F80),
    "float32": ("I", 0x7F800000),
    "float64": ("Q", 0x7FF0000000000000),
}
"""The array type of as many bits, and the exponent of NaN and infinity: IEEE 754, and the upper half of it."""


def value_counts(read: Callable[[Tensor], bytes], tensor: Tensor) -> ValueCounts | None:
    """The counts of a tensor in a file; None for numbers of another kind, and where there are no values.

    ``read``: gives all bytes of a tensor's storage. Raises: what that raises.
    """
    if tensor.dtype not in _FORMATS or tensor.location is None:
        return None
    kind, exponent = _FORMATS[tensor.dtype]
    every = array(kind, read(tensor))
    if sys.byteorder == "big":
        every.byteswap()
    values = _values(every, tensor, tensor.location)
    sign = 1 << 8 * values.itemsize - 1
    zeros = values.count(0) + values.count(sign)
    if not _may_be_infinite(values, exponent):
        return ValueCounts(len(values), zeros)
    infinite = values.count(exponent) + values.count(exponent | sign)
    nan = sum(value & exponent == exponent for value in values) - infinite
    return ValueCounts(len(values), zeros, nan, infinite)


def _values(every: array[int], tensor: Tensor, location: Location) -> array[int]:
    """The values of the tensor among all of its storage, in any order."""
    span = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, location.strides, strict=True))
    if not tensor.numel:
        return array(every.typecode)
    if span == tensor.numel:  # dense, in whatever order of the axes
        return every[location.offset : location.offset + span]
    return array(every.typecode, (every[offset_of(tensor, location, index)] for index in range(tensor.numel)))


def _may_be_infinite(values: array[int], exponent: int) -> bool:
    """Whether any value has the first bits of that exponent, by its highest byte alone."""
    width = values.itemsize
    top = exponent >> 8 * (width - 1)
    highest = values.tobytes()[width - 1 if sys.byteorder == "little" else 0 :: width]
    return bool(highest.translate(None, bytes(byte for byte in range(256) if byte & top != top)))

"""The list into which one pass is recorded: how long it may grow, and what ran inside an autograd function."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import currentframe, unwrap
from types import CodeType, FunctionType

import torch

from yolo_probe.errors import TooManyOperatorsError
from yolo_probe.live.torch_internals import is_compiling
from yolo_probe.model.operators import OpRecord


class Records(list[OpRecord]):
    """A list of records that fails to grow beyond so many, and marks those made inside an autograd function."""

    def __init__(self, most: int | None, autograd: frozenset[CodeType], within: CodeType) -> None:
        super().__init__()
        self._most, self._autograd, self._within = most, autograd, within

    def append(self, record: OpRecord) -> None:
        """Add a record.

        Raises: TooManyOperatorsError where there would be more than may be.
        """
        if self._most is not None and len(self) >= self._most:
            raise TooManyOperatorsError(f"the forward pass: found more than {self._most:,} operators, expected fewer")
        if self._autograd and not is_compiling() and _is_inside(self._autograd, self._within):
            record = record._replace(options={**record.options, "autograd": True})
        super().append(record)


def _is_inside(codes: frozenset[CodeType], within: CodeType) -> bool:
    """Whether a function with one of these codes is running, called by the one with the code ``within``."""
    frame = currentframe()
    while frame is not None and frame.f_code is not within:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False


def autograd_functions(above: type = torch.autograd.Function) -> Iterator[CodeType]:
    """The code of the forward of each subclass of torch.autograd.Function that is not torch's own."""
    each: type
    for each in above.__subclasses__():
        forward = unwrap(getattr(each, "forward", above))
        if isinstance(forward, FunctionType) and not each.__module__.startswith("torch."):
            yield forward.__code__
        yield from autograd_functions(each)

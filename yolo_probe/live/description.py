"""A module of a live model as plain data, described when it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import nn

from yolo_probe.model.structure import Module, Tensor

ATOMS = frozenset({bool, int, float, str, type(None)})
"""Types of plain values that hold no others."""


def is_plain(value: object) -> bool:
    """Whether a value is a number, text, or a container of nothing else."""
    kind = type(value)
    if kind in ATOMS:
        return True
    if isinstance(value, (list, tuple)):
        return all(map(is_plain, value))
    return isinstance(value, dict) and all(map(is_plain, value.values()))


_NONE: Mapping[str, Module | None] = MappingProxyType({})


class Tensors:
    """The description of each tensor, and the meta tensor in the place of each, made once."""

    def __init__(self) -> None:
        self._described: dict[int, Tensor] = {}
        self._metas: dict[int, torch.Tensor] = {}
        self._dtypes: dict[torch.dtype, str] = {}

    def describe(self, tensor: torch.Tensor) -> Tensor:
        """The description of a tensor."""
        found = self._described.get(id(tensor))
        if found is None:
            dtype = tensor.dtype
            name = self._dtypes.get(dtype) or self._dtypes.setdefault(dtype, str(dtype).removeprefix("torch."))
            found = self._described[id(tensor)] = Tensor(tuple(tensor.shape), name, tensor.requires_grad)
        return found

    def like(self, tensor: torch.Tensor) -> torch.Tensor:
        """The meta tensor in the place of a tensor, a parameter if that is one."""
        made = self._metas.get(id(tensor))
        if made is None:
            with torch._C.DisableTorchFunction():  # a forward may be waiting for it
                made = self._metas[id(tensor)] = _meta_like(tensor)
        return made


def _meta_like(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.is_contiguous():
        made = torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")
    else:
        made = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")
    return nn.Parameter(made, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else made


class _WhenRead:
    """The parameters or the buffers of an ``Unread``."""

    def __init__(self, name: str) -> None:
        self._name, self._table = name, f"_{name}"

    def __get__(self, unread: Unread, _: type) -> Mapping[str, Any]:
        table: Any = unread.attributes[self._table]
        found = unread.__dict__[self._name] = {key: each for key, each in table.items() if each is not None}
        return found


class Unread(Module):
    """The description of a live module before it is made: attributes and tensors, which have shapes too, are its own.

    ``inside``: the module's ``__dict__``.
    """

    parameters, buffers = _WhenRead("parameters"), _WhenRead("buffers")

    def __init__(self, inside: Mapping[str, Any], class_path: str, kind: str) -> None:
        self.class_path, self.kind = class_path, kind
        self.attributes, self.children = inside, _NONE

    def settle(self, tensors: Tensors) -> None:
        """Become plain data, which keeps nothing of the module."""
        for name in ("parameters", "buffers"):
            table: Mapping[str, Any] = getattr(self, name)
            self.__dict__[name] = {key: tensors.describe(each) for key, each in table.items()}
        self.attributes = {key: value for key, value in self.attributes.items() if key[0] != "_" and is_plain(value)}
        self.__class__ = Module  # type: ignore[assignment]  # nothing is left that a Module has not


def settle(described: Iterable[Module], tensors: Tensors) -> None:
    """Make those descriptions that are not made yet."""
    for module in described:
        if isinstance(module, Unread):
            module.settle(tensors)

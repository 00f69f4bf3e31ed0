"""Descriptions of the modules and tensors of a live model as plain data; each is made once."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from yolo_probe.model.structure import Module, Tensor

ATOMS = frozenset({bool, int, float, str, type(None)})
"""Types of plain values that contain no others."""


def is_plain(value: object) -> bool:
    """Whether a value is a number, a text, or a container of these alone."""
    kind = type(value)
    if kind in ATOMS:
        return True
    if isinstance(value, (list, tuple)):
        return ATOMS.issuperset(map(type, value)) or all(map(is_plain, value))
    return isinstance(value, dict) and all(map(is_plain, value.values()))


def tensors_in(values: Iterable[Any]) -> Iterator[torch.Tensor]:
    """All tensors among values, also inside lists, tuples and dicts."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, Mapping):
            yield from tensors_in(list(value.values()))
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(value)


NO_SHAPE = "a nested tensor, whose parts have shapes of their own"
PAD = "Pad it, with to_padded_tensor(0.0), and count that."


QUANTISED = ("torch.ao.nn.", "torch.nn.quantized.", "torch.nn.intrinsic.quantized.")
"""How the names of the Python modules begin in which torch defines its quantised modules."""


def packed_weights(module: nn.Module) -> int:
    """Number of weights and biases that torch keeps packed in a quantised module itself, as no ``nn.Parameter``.

    Source: ``weight()`` and ``bias()`` of torch's quantised convolutions and linear layers, ``get_weight()`` and
    ``get_bias()`` of its recurrent ones. In modules that are only prepared these names are parameters.
    """
    readers = (getattr(module, name, None) for name in ("weight", "bias", "get_weight", "get_bias"))
    return sum(each.numel() for each in tensors_in(read() for read in readers if inspect.ismethod(read)))


@lru_cache(maxsize=1024)
def _class_path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


class Descriptions:
    """The description of each module and tensor of one model, without a reference to them."""

    def __init__(self) -> None:
        self._modules: dict[int, Module] = {}
        self._tensors: dict[int, Tensor] = {}
        self._dtypes: dict[torch.dtype, str] = {}

    def module(self, module: nn.Module) -> Module:
        """The description of a module and of all that is below it.

        Raises: RuntimeError for a lazy module that has not run yet, or a nested tensor: they have no shape.
        """
        found = self._modules.get(id(module))
        if found is None:
            inside = module.__dict__
            class_path = _class_path(type(module))  # type: ignore[arg-type]  # classes are hashable
            found = self._modules[id(module)] = Module(
                class_path,
                {
                    key: value
                    for key, value in inside.items()
                    if key[0] != "_" and (type(value) in ATOMS or is_plain(value))
                },
                self._tensors_in(module._parameters),
                self._tensors_in(module._buffers),
            )
            if module._modules:  # not in the ``__dict__`` of a traced module
                found.children = {
                    name: None if child is None else self.module(child) for name, child in module._modules.items()
                }
            if class_path.startswith(QUANTISED):
                found.packed = packed_weights(module)
        return found

    def _tensors_in(self, table: Mapping[str, torch.Tensor | None]) -> dict[str, Tensor]:
        return {key: self.tensor(each) for key, each in table.items() if each is not None} if table else {}

    def tensor(self, tensor: torch.Tensor) -> Tensor:
        """The description of a tensor.

        Raises: RuntimeError for a tensor without a shape.
        """
        found = self._tensors.get(id(tensor))
        if found is None:
            if tensor.is_nested:
                raise RuntimeError(f"found {NO_SHAPE}")
            dtype = tensor.dtype
            name = self._dtypes.get(dtype) or self._dtypes.setdefault(dtype, str(dtype).removeprefix("torch."))
            found = self._tensors[id(tensor)] = Tensor(tuple(tensor.shape), name, tensor.requires_grad)
        return found

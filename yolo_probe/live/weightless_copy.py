"""A copy of a live model without its weights.

The copy has modules of the same classes with the same attributes. Every tensor is a meta tensor, which has shape, dtype
and flags but no values. Shared objects stay shared; bound methods, closures and hooks belong to the copy; it has no
object of the model's that could change. The model is only read.
"""

from __future__ import annotations

from types import FunctionType, MethodType
from typing import Any

import torch
from torch import nn

from yolo_probe.live.description import ATOMS
from yolo_probe.live.real_copy import CONTAINERS, rebuilt
from yolo_probe.live.scripted import Scripted
from yolo_probe.live.side_effects import is_known
from yolo_probe.live.torch_internals import EMPTY, FORWARD_HOOKS, HOOKS, parameter

MAX_KEPT_ELEMENTS = 64
"""Largest size of a tensor with one axis that keeps its values, if it is a plain attribute: strides."""

MAX_OBJECTS = 20_000
"""Number of objects in attributes that are copied; with more, an attribute refers to a data set."""

_AS_THEY_ARE = ATOMS | {type, torch.Size, torch.dtype, torch.device}
_NOT_CALLED = frozenset(HOOKS) - frozenset(FORWARD_HOOKS)
_TABLES = frozenset(key for key, value in EMPTY.items() if isinstance(value, (dict, set)))


class Copier:
    """Copies the objects of one model, each once."""

    def __init__(self) -> None:
        self.foreign_code: set[str] = set()
        """Python modules that define functions and objects in the attributes; torch and hosts are not listed."""
        self.is_scripted = False
        """Whether the model contains code that torch has compiled."""
        self._copies: dict[int, Any] = {}
        self._empty: dict[tuple[Any, ...], torch.Tensor] = {}
        self._not_called = {key: type(EMPTY[key])() for key in _NOT_CALLED}
        self._objects = 0

    def module(self, module: nn.Module) -> nn.Module:
        """The copy of a module with all that is in it; a scripted module is used as it is, with its values."""
        copy: nn.Module | None = self._copies.get(id(module))
        if copy is None:
            if isinstance(module, torch.jit.ScriptModule):
                self.is_scripted = True
                copy = self._copies[id(module)] = Scripted(module)
                return copy
            copy = self._copies[id(module)] = object.__new__(type(module))
            source, inside = module.__dict__, copy.__dict__
            inside.update(source)
            inside.update(self._not_called)
            for key, value in source.items():
                kind = type(value)
                if kind in ATOMS or key in _NOT_CALLED:
                    continue
                if key in _TABLES:
                    inside[key] = self._table(value) if value else kind()
                elif not (kind is tuple and ATOMS.issuperset(map(type, value))):
                    inside[key] = self._attribute(value)
            inside["training"], inside["_compiled_call_impl"] = False, None
        return copy

    def _table(self, table: Any) -> Any:
        """The copy of a table of parameters, buffers, children or hooks, or a set of names; modules share none."""
        if isinstance(table, set):
            return set(table)
        copy = type(table)()
        for name, value in table.items():
            if isinstance(value, torch.Tensor):
                copy[name] = self._tensor(value)
            else:
                copy[name] = self.module(value) if isinstance(value, nn.Module) else self._value(value)
        return copy

    def _tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        """A meta tensor like it, an alias of the first of that shape: making a new one takes three times as long.

        A copy with its values where torch has no such meta tensor: of a sparse CSR one, a quantised one.
        """
        copy: torch.Tensor | None = self._copies.get(id(tensor))
        if copy is None:
            try:
                empty = self._empty_of(tensor.shape, tensor.stride(), tensor.dtype)
            except RuntimeError:
                empty = tensor.detach().clone()
            is_parameter = type(tensor) is not torch.Tensor and isinstance(tensor, nn.Parameter)
            copy = parameter(empty, tensor.requires_grad) if is_parameter else empty.detach()
            self._copies[id(tensor)] = copy
        return copy

    def _empty_of(self, *layout: Any) -> torch.Tensor:
        """The meta tensor of that shape, strides and dtype."""
        empty = self._empty.get(layout)
        if empty is None:
            shape, strides, dtype = layout
            empty = self._empty[layout] = torch.empty_strided(shape, strides, dtype=dtype, device="meta")
        return empty

    def _attribute(self, value: Any) -> Any:
        if (
            isinstance(value, torch.Tensor)
            and value.dim() == 1
            and 0 < value.numel() <= MAX_KEPT_ELEMENTS
            and not value.is_meta
        ):
            return value.detach().to("cpu", copy=True)
        return self._value(value)

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        copied = self._copies.get(id(value))
        if copied is not None:
            return copied
        if kind in CONTAINERS:
            return self._container(value, kind)
        if isinstance(value, nn.Module):
            return self.module(value)
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        defined_in = value.__module__ if kind in (FunctionType, MethodType) else kind.__module__
        if not is_known(defined_in):
            self.foreign_code.add(str(defined_in))
        if kind is MethodType:
            return MethodType(value.__func__, self._value(value.__self__))
        self.is_scripted |= isinstance(value, torch.jit.ScriptFunction)
        self._objects += 1
        copied = rebuilt(value, self._value, self._copies) if self._objects < MAX_OBJECTS else value
        self._copies[id(value)] = copied
        return copied

    def _container(self, value: Any, kind: Any) -> Any:
        if kind is tuple:
            copied = tuple([each if type(each) in ATOMS else self._value(each) for each in value])
            self._copies[id(value)] = copied
            return copied
        copy = self._copies[id(value)] = kind()
        if kind is list:
            copy.extend(value if ATOMS.issuperset(map(type, value)) else map(self._value, value))
        elif kind is set:
            copy.update(map(self._value, value))
        else:
            copy.update([(key, each if type(each) in ATOMS else self._value(each)) for key, each in value.items()])
        return copy

"""The arguments of a forward pass, and what goes in and comes out of a module as shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from yolo_probe.errors import TraceError
from yolo_probe.live.description import NO_SHAPE, PAD, tensors_in
from yolo_probe.live.named_calls import Named
from yolo_probe.model.forward import Value
from yolo_probe.model.structure import Shape


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a forward pass, with tensors also inside lists and dicts; only real copies use their values."""

    given: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


Inputs = Shape | Arguments
"""The input of a model: the shape of an image, or any arguments."""


def fed(value: Any, device: str) -> Any:
    """The arguments for a copy on that device: a copy of each tensor, on ``meta`` without values.

    Raises: TraceError for a nested tensor.
    """
    if isinstance(value, torch.Tensor) and value.is_nested:
        raise TraceError(f"the input: found {NO_SHAPE}, expected one with a shape", PAD)
    if isinstance(value, torch.Tensor) and device != "meta" and not value.is_meta:
        return value.detach().to(device, torch.float32 if value.is_floating_point() else value.dtype, copy=True)
    if isinstance(value, torch.Tensor):
        return torch.zeros(value.shape, dtype=value.dtype, device=device)
    if isinstance(value, Mapping):
        return {name: fed(each, device) for name, each in value.items()}
    return type(value)(fed(each, device) for each in value) if type(value) in (list, tuple) else value


def as_named(value: Any) -> Any:
    """The value with each tensor as a ``Named`` one."""
    if isinstance(value, torch.Tensor):
        return value.as_subclass(Named)
    if isinstance(value, dict):
        return {name: as_named(each) for name, each in value.items()}
    return type(value)(map(as_named, value)) if type(value) in (list, tuple) else value


def without_values(value: Any) -> Any:
    """The value with each real tensor replaced by a meta tensor."""
    if isinstance(value, torch.Tensor):
        return value if value.is_meta or not value.dim() else torch.empty_like(value, device="meta")
    if isinstance(value, dict):
        return {name: without_values(each) for name, each in value.items()}
    return type(value)(map(without_values, value)) if type(value) in (list, tuple) else value


def tensor_shapes(values: Sequence[Any]) -> tuple[Shape, ...]:
    """Shapes of all tensors among values, also inside containers."""
    return tuple(tuple(each.shape) for each in tensors_in(values))


def first_shape(values: Sequence[Any]) -> Shape:
    """Shape of the first tensor among values, also inside containers; empty if there is none."""
    return next((tuple(each.shape) for each in tensors_in(values)), ())


def output_shapes(out: Any) -> Value:
    """The shapes of what a pass gives: that of one tensor, or those of all in a list or dict."""
    if isinstance(out, torch.Tensor):
        return tuple(out.shape)
    if isinstance(out, Mapping):
        out = list(out.values())
    return [tuple(each.shape) for each in out if isinstance(each, torch.Tensor)] if isinstance(out, Sequence) else []

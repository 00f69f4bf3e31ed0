"""A host's own code, run without weights: what it makes is on the meta device, and the numbers it looks at are real."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook
from torch.overrides import TorchFunctionMode
from torch.utils._device import _device_constructors

REAL = {torch.tensor, torch.as_tensor, torch.arange, torch.linspace}
"""What hosts make numbers with that they look at while they build: strides, anchors, rates."""


class _Weightless(TorchFunctionMode):  # type: ignore[misc]  # torch is not read by mypy
    """Puts what torch makes onto the meta device."""

    makers = frozenset(_device_constructors()) - REAL

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in self.makers and options.get("device") is None:
            options["device"] = "meta"
        return func(*args, **options)


def without_weights(build: Callable[[], nn.Module]) -> nn.Module:
    """The model that a host builds, or fuses, when nothing has a value but what it must look at."""
    hook = register_module_parameter_registration_hook(_on_meta)
    try:
        with _Weightless():
            model = build()
    finally:
        hook.remove()
    for module in model.modules():
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffer.to("meta")
    return model


def _on_meta(module: nn.Module, name: str, parameter: nn.Parameter | None) -> nn.Parameter | None:
    if parameter is None or parameter.is_meta:
        return None
    return nn.Parameter(parameter.detach().to("meta"), parameter.requires_grad)

"""A live model in one line: what a probe could change of it, and of the random state."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import nn


def fingerprint(model: nn.Module) -> str:
    """Everything that a probe could change: tensors, attributes, hooks, modes, the random state."""
    digest = hashlib.sha256()
    for name, module in model.named_modules():
        for key, value in sorted(vars(module).items()):
            if key not in ("_modules", "_parameters", "_buffers"):
                digest.update(f"{name}.{key}={described(value)}".encode())
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        digest.update(f"{name}{tensor.requires_grad}{tensor._version}".encode())
        digest.update(tensor.detach().numpy().tobytes())
    digest.update(torch.get_rng_state().numpy().tobytes())
    return digest.hexdigest()


def described(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{id(value)}{value.tolist()}"
    if isinstance(value, (list, tuple)):
        return f"{id(value)}[{','.join(map(described, value))}]"
    return repr(value)

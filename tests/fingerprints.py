"""What the live checks observe: a model in one line with all that a probe could change, and what a call logs."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn


def fingerprint(model: nn.Module) -> str:
    """Everything that a probe could change: tensors, attributes, hooks, modes, what random numbers come next."""
    digest = hashlib.sha256()
    for name, module in model.named_modules():
        for key, value in sorted(vars(module).items()):
            if key not in ("_modules", "_parameters", "_buffers"):
                digest.update(f"{name}.{key}={described(value)}".encode())
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        digest.update(f"{name}{tensor.requires_grad}{tensor._version}".encode())
        if not tensor.is_meta:
            values = tensor.detach()
            digest.update((values.float() if values.dtype == torch.bfloat16 else values).numpy().tobytes())
    digest.update(torch.get_rng_state().numpy().tobytes())
    digest.update(repr((random.getstate(), np.random.get_state(legacy=True))).encode())
    return digest.hexdigest()


def described(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"{id(value)}{tuple(value.shape) if value.is_meta else value.tolist()}"
    if isinstance(value, (list, tuple)):
        return f"{id(value)}[{','.join(map(described, value))}]"
    return repr(value)


def said(logger: logging.Logger, call: Callable[[], object]) -> tuple[list[str], object]:
    """What a host's logger prints during a call, and what the call returns."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    kept, logger.handlers, logger.propagate = logger.handlers, [handler], False
    logger.setLevel(logging.INFO)
    result = call()
    logger.handlers = kept
    return lines, result

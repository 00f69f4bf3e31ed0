"""What tells of a training whose host has no callbacks: the steps of its optimizer, and its function that validates.

YOLOv5 to v5.0, YOLOv7, YOLOv5-Lite and YOLOv3 v9 are such hosts; so are YOLOv5's scripts for segmentation and
classification, and a training loop of the user's own.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import lru_cache, wraps
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook


def on_steps(act: Callable[[Optimizer], object]) -> Callable[[], object]:
    """Call ``act`` before each step of every optimizer of this process; the returned function ends that."""
    acts, key = _before_steps("torch._dynamo" in sys.modules), object()
    acts[key] = act
    return lambda: acts.pop(key, None)


@lru_cache
def _before_steps(may_compile: bool) -> dict[object, Callable[[Optimizer], object]]:
    """What one hook of torch calls. The hook stays: taking it out would break a step that is going through the hooks,
    as one of another thread. ``may_compile``: whether a step may be compiled, which would compile the hook with it.
    """
    acts: dict[object, Callable[[Optimizer], object]] = {}

    def before_step(optimizer: Optimizer, *_: object) -> None:
        for act in list(acts.values()):
            act(optimizer)

    register_optimizer_step_pre_hook(torch.compiler.disable(before_step) if may_compile else before_step)
    return acts


def on_validations(module: ModuleType, name: str, act: Callable[[nn.Module], object]) -> Callable[[], None] | None:
    """Call ``act`` with the model before each validation by the module's function of that name.

    The returned function ends that. None for a module without such a function: one that takes a model and a dataloader.
    """
    own = getattr(module, name, None)
    if not inspect.isfunction(own) or own.__module__ != module.__name__:
        return None
    signature = inspect.signature(own)
    if not {"model", "dataloader"} <= signature.parameters.keys():
        return None

    @wraps(own)
    def validate(*args: Any, **kwargs: Any) -> Any:
        try:
            model = signature.bind(*args, **kwargs).arguments.get("model")
        except TypeError:  # the function says what is wrong
            model = None
        if isinstance(model, nn.Module):
            act(model)
        return own(*args, **kwargs)

    setattr(module, name, validate)
    return lambda: setattr(module, name, own)

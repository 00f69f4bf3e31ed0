"""What is used of torch's own insides: all of it, in one place, each with the plain way where a torch has it not.

Nothing here decides a figure: it only makes a pass shorter.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import Any
from weakref import ref

import torch
from torch import nn

EMPTY = nn.Module().__dict__
"""What every module has in its ``__dict__``."""
HOOKS = tuple(key for key in EMPTY if "_hooks" in key)
"""Names of the tables of hooks in it."""
FORWARD_HOOKS = tuple(key for key in HOOKS if key.startswith("_forward"))
"""Names of those that a call of a module looks into."""


def parameter(tensor: torch.Tensor, requires_grad: bool) -> nn.Parameter:
    """A parameter of this tensor, as ``nn.Parameter`` makes it, in a fifth of the time."""
    make = getattr(torch.Tensor, "_make_subclass", None)
    return make(nn.Parameter, tensor, requires_grad) if make else nn.Parameter(tensor, requires_grad)


COMPILED = (torch._C.ScriptMethod, torch._C.ScriptFunction)
"""Code that torch has compiled, which it may call as a function of its own."""

_DIRECT_CALL = "_compiled_call_impl"

directly: Callable[[], Any] = getattr(torch._C, "DisableTorchFunction", nullcontext)
"""Within it, reading a shape and making a tensor are no functions of the model; without it they have no record."""


def has_forward_hooks(module: nn.Module) -> bool:
    """Whether a call of this module runs more than its forward; hooks that torch has for all modules do not count."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def call_directly(module: nn.Module, call: Callable[..., Any]) -> bool:
    """Have ``module(x)`` run ``call`` between the module's own hooks; those for all modules are not the model's.

    Where torch cannot do that, ``module.forward``, which has to be ``call`` too, is reached through torch's own call.
    """
    if not _calls_directly():
        return False
    held = ref(module)

    def direct(*args: Any, **kwargs: Any) -> Any:
        here = held()
        assert here is not None
        return _between_hooks(here, call, args, kwargs) if has_forward_hooks(here) else call(*args, **kwargs)

    module.__dict__[_DIRECT_CALL] = direct
    return True


def _between_hooks(module: Any, call: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """As ``register_forward_pre_hook`` and ``register_forward_hook`` say: what a hook returns takes the place of it."""
    for number, hook in list(module._forward_pre_hooks.items()):
        if number in module._forward_pre_hooks_with_kwargs:
            given = hook(module, args, kwargs)
            args, kwargs = (args, kwargs) if given is None else given
        else:
            given = hook(module, args)
            args = args if given is None else given if isinstance(given, tuple) else (given,)
    out = call(*args, **kwargs)
    for number, hook in list(module._forward_hooks.items()):
        with_kwargs = number in module._forward_hooks_with_kwargs
        given = hook(module, args, kwargs, out) if with_kwargs else hook(module, args, out)
        out = out if given is None else given
    return out


@cache
def _calls_directly() -> bool:
    """Whether this torch calls what a compiled module has been compiled to: tried once."""
    probe = nn.Module()
    probe.__dict__[_DIRECT_CALL] = lambda x: x
    try:
        return bool(probe(1) == 1)
    except NotImplementedError:  # the forward of a bare module
        return False

"""Every use of torch's and Python's internals, each with a fallback for a release that does not have it.

Only the figures of compiled code come from here, as torch's own counter gives them; all else only saves time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dis import get_instructions, opmap
from functools import cache
from types import FunctionType
from typing import Any
from weakref import ref

import torch
from torch import nn
from torch.utils import flop_counter
from torch.utils._pytree import tree_map

EMPTY = nn.Module().__dict__
"""The ``__dict__`` of a module without parameters, children and hooks."""
HOOKS = tuple(key for key in EMPTY if "_hooks" in key)
"""Names of its tables of hooks."""
FORWARD_HOOKS = tuple(key for key in HOOKS if key.startswith("_forward"))
"""Names of the tables of hooks that a call of a module uses."""


def parameter(tensor: torch.Tensor, requires_grad: bool) -> nn.Parameter:
    """A parameter with this tensor, as ``nn.Parameter`` makes it, but in a fifth of the time."""
    return _make(nn.Parameter, tensor, requires_grad) if _make else nn.Parameter(tensor, requires_grad)


_make: Callable[..., nn.Parameter] | None = getattr(torch.Tensor, "_make_subclass", None)


COMPILED = (torch._C.ScriptMethod, torch._C.ScriptFunction)
"""Types of code that torch has compiled; torch dispatches calls of it like functions of its own."""

autocasts: Callable[[], bool] = getattr(torch._C, "_is_any_autocast_enabled", lambda: True)
"""Whether autocast may change types now; where torch does not say, it may."""

is_compiling: Callable[[], bool] = getattr(torch.compiler, "is_compiling", lambda: False)
"""Whether torch.compile is reading the code that calls this; since torch 2.3."""

_DIRECT_CALL = "_compiled_call_impl"

directly: Callable[[], Any] = getattr(torch._C, "DisableTorchFunction", nullcontext)
"""A context in which reading a shape or making a tensor is not dispatched as a function of the model."""


def flops_of(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> int:
    """FLOPs that torch's own counter gives one operator of its library; 0 where it has no formula."""
    registry = getattr(flop_counter, "flop_registry", None)  # since torch 2.2
    if registry is not None:
        formula = registry.get(func._overloadpacket)
        return int(formula(*args, **kwargs, out_val=out)) if formula else 0
    formula = flop_counter.flop_mapping.get(func._overloadpacket)
    args, kwargs, shape = tree_map(_shape_of, (args, kwargs, out))  # torch 2.1 gives its formulas shapes
    return int(formula(*args, **kwargs, out_shape=shape)) if formula else 0


def _shape_of(value: Any) -> Any:
    return value.shape if isinstance(value, torch.Tensor) else value


def globals_of(function: FunctionType) -> list[Any]:
    """What the code of a function reads by a global name of its own.

    Where its code cannot be read, also what has the name of an attribute that it reads, as ``silu`` beside ``F.silu``.
    """
    names = set(function.__code__.co_names) & function.__globals__.keys()
    if names and "LOAD_GLOBAL" in opmap:
        names &= {each.argval for each in get_instructions(function) if each.opname == "LOAD_GLOBAL"}
    return [function.__globals__[name] for name in names]


def has_forward_hooks(module: nn.Module) -> bool:
    """Whether a module has forward hooks of its own; hooks that torch has for all modules do not count."""
    return bool(module._forward_hooks or module._forward_pre_hooks)


def call_directly(module: nn.Module, call: Callable[..., Any]) -> bool:
    """Make ``module(x)`` run ``call`` between the module's own hooks; return whether this torch can do that.

    If it cannot, torch's own call reaches ``module.forward``, which the caller has to set to ``call`` too.
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
    """The output of ``call`` between the hooks of a module; what a hook returns replaces arguments or output."""
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
    """Whether this torch calls the compiled form of a module; found by one trial."""
    probe = nn.Module()
    probe.__dict__[_DIRECT_CALL] = lambda x: x
    try:
        return bool(probe(1) == 1)
    except NotImplementedError:  # the forward of a bare module
        return False

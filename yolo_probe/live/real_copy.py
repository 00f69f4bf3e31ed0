"""Real copies of a live model: for a forward pass that depends on data, and for what keeps a host from making its own.

A copy shares nothing that a forward pass could change, except objects that cannot be copied (locks, files).
Hooks stay behind.
"""

from __future__ import annotations

import gc
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from operator import attrgetter, itemgetter
from types import BuiltinFunctionType, FunctionType, GeneratorType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import torch
from torch import nn

from yolo_probe.errors import first_words

EMPTY = nn.Module().__dict__
_FIRST = list(EMPTY)
HOOKS = tuple(key for key in EMPTY if "_hooks" in key)
_CALLED = tuple(key for key in HOOKS if not key.endswith(("_with_kwargs", "_always_called")))
_called_of = itemgetter(*_CALLED)
_requires_grad_of = attrgetter("requires_grad")
_PLAIN = frozenset({bool, int, float, str, type(None), torch.Size, torch.dtype, torch.device})
CONTAINERS = frozenset({dict, OrderedDict, list, tuple, set})
_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, GeneratorType, torch.UntypedStorage)
LARGE = 2**24
"""Bytes from which an array of NumPy is not copied."""


def own_attributes(inside: Iterable[str]) -> list[str]:
    """Names of what a module's ``__dict__`` has beside what ``nn.Module.__init__`` puts there."""
    keys = list(inside)
    # usually that comes first, unless the class has set something before
    return keys[len(_FIRST) :] if keys[: len(_FIRST)] == _FIRST else [key for key in keys if key not in EMPTY]


class Walked(NamedTuple):
    """What a walk through a model has met."""

    modules: Sequence[nn.Module]
    """Each once, in the order of ``modules()``."""
    held: Sequence[tuple[nn.Module, str]]
    """Modules, and the name of an attribute of theirs that is more than numbers and words."""


@contextmanager
def uncollected() -> Iterator[None]:
    """The garbage collector waits, if it runs at all: it would look through thousands of new objects, none garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def real_copy(model: nn.Module) -> tuple[nn.Module, dict[int, nn.Module]]:
    """A copy of a model with its values, in float32 on the CPU and in evaluation mode, and its modules by their own."""
    memo: dict[int, Any] = {}
    inside = list(model.modules())
    copies = {id(module): object.__new__(type(module)) for module in inside}
    memo.update(copies)
    for tensor in (*model.parameters(), *model.buffers()):
        memo[id(tensor)] = _values(tensor)
    for module in inside:
        copied = copies[id(module)].__dict__
        for key, value in vars(module).items():
            copied[key] = EMPTY[key].copy() if key in EMPTY and "_hooks" in key else _copied(value, memo)
        copied.update(training=False, _compiled_call_impl=None)
    return copies[id(model)], {id(copies[id(module)]): module for module in inside}


def rebuilt(value: Any, copied: Callable[[Any], Any], memo: dict[int, Any]) -> Any:
    """A copy of an object whose parts ``copied`` copies, or the object itself where it cannot be copied.

    ``memo`` gets the copy by the object's identity before its parts are copied. An object that does something when it
    is deleted is its own copy: what it would close is not the copy's.
    """
    kind = type(value)
    if isinstance(value, _SHARED) or hasattr(kind, "__del__") or (kind.__module__ == "numpy" and _is_large(value)):
        return value
    try:
        if isinstance(value, torch.Generator):
            memo[id(value)] = made = torch.Generator(value.device)
            made.set_state(value.get_state())
            return made
        shell = _shell_of(value)
        if shell is not None:
            memo[id(value)] = shell
            vars(shell).update((key, copied(each)) for key, each in list(vars(value).items()))
            return shell
        return _reduced(value, copied, memo)
    except Exception:  # any object's own code
        memo[id(value)] = value
        return value


def _reduced(value: Any, copied: Callable[[Any], Any], memo: dict[int, Any]) -> Any:
    """A copy of an object by what it gives to pickle."""
    parts = value.__reduce_ex__(4)
    if isinstance(parts, str):
        return value
    memo.setdefault(id(memo), []).append(parts)  # an identity in the memo must not be given to another object
    make, given, state, items, pairs = (*parts, None, None, None)[:5]
    made = memo[id(value)] = make(*map(copied, given))
    if state is not None:
        state = copied(state)
        if hasattr(made, "__setstate__"):
            made.__setstate__(state)
        else:
            own, slots = state if isinstance(state, tuple) else (state, None)
            if own:
                vars(made).update(own)
            for name, each in (slots or {}).items():
                object.__setattr__(made, name, each)
    for each in items or ():
        made.append(copied(each))
    for key, each in pairs or ():
        made[key] = copied(each)
    return made


def _shell_of(value: Any) -> Any:
    """An object of the same class without attributes; None where its class is not Python's alone."""
    kind = type(value)
    if kind in (SimpleNamespace, Namespace):
        return kind()
    plain = kind.__module__ != "builtins" and kind.__basicsize__ == _Bare.__basicsize__ and hasattr(value, "__dict__")
    try:
        return object.__new__(kind) if plain else None
    except TypeError:  # a class of C among its bases
        return None


def _is_large(value: Any) -> bool:
    """Whether an array is too large to be copied for a forward pass that may only read it."""
    return int(getattr(value, "nbytes", 0)) > LARGE


class _Bare:
    """As large as an object of Python that has nothing but attributes."""


def _values(tensor: torch.Tensor) -> torch.Tensor:
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    if tensor.is_meta:
        values = torch.zeros(tensor.shape, dtype=dtype)
    else:
        values = tensor.detach().to("cpu", dtype, copy=True)
    return nn.Parameter(values, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else values


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """A copy of a value, or the value itself where it cannot be copied."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if id(value) in memo:
        return memo[id(value)]
    if isinstance(value, torch.Tensor):
        memo[id(value)] = made = _values(value)
    elif kind is dict:
        made = memo[id(value)] = {}
        made.update((key, _copied(each, memo)) for key, each in value.items())
    elif kind is list:
        made = memo[id(value)] = []
        made.extend(_copied(each, memo) for each in value)
    elif kind is tuple:
        made = memo[id(value)] = tuple(_copied(each, memo) for each in value)
    else:
        made = rebuilt(value, lambda each: _copied(each, memo), memo)
    return made


def copy_fault(model: nn.Module, walked: Walked | None = None) -> str:
    """Why ``deepcopy(model)``, with which YOLOv5's counting run begins, fails; empty where it does not.

    ``walked``: what is known of the model, if that is so.
    """
    if walked is None:
        modules = list(model.modules())
        held = [(module, key) for module in modules for key in own_attributes(vars(module))]
        walked = Walked(modules, held)
    doubtful = [(module, key) for module, key in walked.held if _could_fail(vars(module)[key])]
    buffers = [each for module in walked.modules for each in module._buffers.values() if each is not None]
    if any(map(_requires_grad_of, buffers)):
        doubtful += [(module, "_buffers") for module in walked.modules if _could_fail(module._buffers)]
    if any(map(any, map(_called_of, map(vars, walked.modules)))):
        doubtful += [(module, key) for module in walked.modules for key in _CALLED if _could_fail(vars(module)[key])]
    memo: dict[int, Any] = {}
    if doubtful:
        memo.update((id(module), module) for module in walked.modules)
        memo.update((id(tensor), tensor) for tensor in model.parameters())
    for module, key in doubtful:
        if _copies_itself(type(module)):
            continue
        try:
            deepcopy(vars(module)[key], memo)
        except Exception as error:  # any object's own code
            path = next(path for path, each in model.named_modules() if each is module)
            return f"{path or 'the model'}: {key} cannot be copied ({first_words(error)})"
    return ""


def _copies_itself(kind: type) -> bool:
    """Whether a class says what of it is copied, as DistributedDataParallel does."""
    own = kind.__mro__[: kind.__mro__.index(nn.Module)]
    return any(name in vars(each) for each in own for name in ("__getstate__", "__deepcopy__", "__reduce_ex__"))


def _could_fail(value: Any) -> bool:
    """Whether copying a value could fail: it holds more than numbers and words."""
    kind = type(value)
    if kind in _PLAIN or isinstance(value, type) or (kind in CONTAINERS and not value):
        return False
    if isinstance(value, torch.Tensor):
        return value.requires_grad and not value.is_leaf
    if kind in (list, tuple, set):
        return not _PLAIN.issuperset(map(type, value)) and any(map(_could_fail, value))
    if isinstance(value, dict):
        return any(map(_could_fail, value.values()))
    return not isinstance(value, nn.Module)

"""Real copies of a live model, for a forward pass that depends on data; and why a host could not make such a copy.

A copy shares nothing that a forward pass could change, except objects that cannot be copied (locks, files). Hooks that
a forward pass calls are part of it.
"""

from __future__ import annotations

import gc
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from types import BuiltinFunctionType, CellType, FunctionType, GeneratorType, ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn

from yolo_probe.errors import first_words
from yolo_probe.live.scripted import Scripted
from yolo_probe.live.torch_internals import EMPTY, FORWARD_HOOKS, HOOKS

_CALLED = frozenset(key for key in HOOKS if not key.endswith(("_with_kwargs", "_always_called")))
_NOT_CALLED = frozenset(HOOKS) - frozenset(FORWARD_HOOKS)
_PLAIN = frozenset({bool, int, float, str, type(None), torch.Size, torch.dtype, torch.device})
CONTAINERS = frozenset({dict, OrderedDict, list, tuple, set})
_SHARED = (type, ModuleType, BuiltinFunctionType, GeneratorType, torch.UntypedStorage, torch.jit.ScriptModule)
MAX_ARRAY_BYTES = 2**24
"""Size above which a NumPy array is not copied."""


@contextmanager
def uncollected() -> Iterator[None]:
    """A context without garbage collection, which would search thousands of new objects that are no garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def real_copy(model: nn.Module) -> dict[int, nn.Module]:
    """A copy of each module of a model, by the module's ``id``: real values, float32, on the CPU, evaluation mode."""
    memo: dict[int, Any] = {}
    scripted = [module for module in model.modules() if isinstance(module, torch.jit.ScriptModule)]
    inside_scripted = {id(each) for module in scripted for each in module.modules()}
    inside = [module for module in model.modules() if id(module) not in inside_scripted]
    copies: dict[int, nn.Module] = {id(module): object.__new__(type(module)) for module in inside}
    copies.update((id(module), Scripted(deepcopy(module).eval())) for module in scripted)
    memo.update(copies)
    for tensor in (*model.parameters(), *model.buffers()):
        memo[id(tensor)] = _values(tensor)
    for module in inside:
        copied = copies[id(module)].__dict__
        for key, value in vars(module).items():
            copied[key] = OrderedDict() if key in _NOT_CALLED else _copied(value, memo)
        copied.update(training=False, _compiled_call_impl=None)
    return copies


def rebuilt(value: Any, copied: Callable[[Any], Any], memo: dict[int, Any]) -> Any:
    """A copy of an object, or the object itself if it cannot be copied.

    ``copied`` copies its parts; ``memo`` gets the copy, by the object's ``id``, before that. An object with ``__del__``
    is not copied, since deleting the copy would close what belongs to the object.
    """
    kind = type(value)
    if isinstance(value, _SHARED) or hasattr(kind, "__del__") or (kind.__module__ == "numpy" and _is_large(value)):
        return value
    try:
        if isinstance(value, FunctionType):
            return _function(value, copied, memo)
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


def _function(value: FunctionType, copied: Callable[[Any], Any], memo: dict[int, Any]) -> FunctionType:
    """A function with copies of its closure and defaults; the function itself if it has neither."""
    cells = value.__closure__ or ()
    held = (*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values())
    if not cells and _PLAIN.issuperset(map(type, held)):
        return value
    closure = tuple(CellType() for _ in cells)
    made = FunctionType(value.__code__, value.__globals__, value.__name__, None, closure)
    memo[id(value)] = made
    for cell, source in zip(closure, cells, strict=True):
        with suppress(ValueError):  # an empty cell
            cell.cell_contents = copied(source.cell_contents)
    made.__defaults__ = value.__defaults__ and tuple(map(copied, value.__defaults__))
    made.__kwdefaults__ = {name: copied(each) for name, each in (value.__kwdefaults__ or {}).items()}
    made.__dict__.update(value.__dict__)
    made.__qualname__, made.__module__ = value.__qualname__, value.__module__
    return made


def _reduced(value: Any, copied: Callable[[Any], Any], memo: dict[int, Any]) -> Any:
    """A copy of an object, made from what it gives to pickle."""
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
    """An object of the same class without attributes; None if the class is not written in Python alone."""
    kind = type(value)
    if kind in (SimpleNamespace, Namespace):
        return kind()
    plain = kind.__module__ != "builtins" and kind.__basicsize__ == _Bare.__basicsize__ and hasattr(value, "__dict__")
    try:
        return object.__new__(kind) if plain else None
    except TypeError:  # a class of C among its bases
        return None


def _is_large(value: Any) -> bool:
    """Whether an array is too large to be copied; a forward pass usually only reads it."""
    return int(getattr(value, "nbytes", 0)) > MAX_ARRAY_BYTES


class _Bare:
    """An object with the size of a plain Python object."""


def _values(tensor: torch.Tensor) -> torch.Tensor:
    dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
    if tensor.is_meta:
        values = torch.zeros(tensor.shape, dtype=dtype)
    else:
        values = tensor.detach().to("cpu", dtype, copy=True)
    return nn.Parameter(values, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else values


def _copied(value: Any, memo: dict[int, Any]) -> Any:
    """A copy of a value, or the value itself if it cannot be copied."""
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


def copy_fault(model: nn.Module) -> str:
    """Why ``deepcopy(model)`` fails, with which YOLOv5's counting run begins; empty if it works."""
    modules = list(model.modules())
    doubtful = [
        (module, key)
        for module in modules
        for key, value in vars(module).items()
        if (key in _CALLED or key == "_buffers" or key not in EMPTY) and _could_fail(value)
    ]
    memo: dict[int, Any] = {}
    if doubtful:
        memo.update((id(module), module) for module in modules)
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
    """Whether a class defines how it is copied, as DistributedDataParallel does."""
    own = kind.__mro__[: kind.__mro__.index(nn.Module)]
    return any(name in vars(each) for each in own for name in ("__getstate__", "__deepcopy__", "__reduce_ex__"))


def _could_fail(value: Any) -> bool:
    """Whether copying a value could fail: it contains more than numbers and texts."""
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

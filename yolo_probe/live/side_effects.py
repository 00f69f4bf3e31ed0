"""Restores what the code of a model changes outside the model during a pass on shapes.

A forward may fill a dict of its module, of its class or of a closure, or the cache of a function, a cache of grids by
size for example. What a weightless copy puts there has no values, and the user's next forward would find it. It may
draw random numbers too, of torch, Python or NumPy.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

import torch

KNOWN = ("torch.", "builtins", "ultralytics.", "yolov5.")
"""Start of the names of Python modules whose code keeps nothing of a forward pass, and draws no random numbers in one
without values; tests check that for every shipped network."""

MAX_ENTRIES = 4096
"""Largest number of entries of a container that is restored."""

_CODE = (FunctionType, ModuleType, type)
_CONTAINERS = frozenset({dict, list, set, deque})
"""Exactly these types: in a derived class, items may mean something else."""
_Cached = type(lru_cache(max))


def is_known(module: object) -> bool:
    """Whether the code in a Python module of that name is torch's or a host's."""
    return isinstance(module, str) and module.startswith(KNOWN)


def foreign(kinds: Iterable[type]) -> set[type]:
    """The classes among these and their bases whose code, or replaced forward, is not torch's or a host's."""
    return {
        each
        for kind in set(kinds)
        for each in kind.__mro__
        if not is_known(getattr(vars(each).get("forward"), "__module__", each.__module__))
    }


@contextmanager
def undisturbed() -> Iterator[None]:
    """A context after which the random numbers of torch, Python and NumPy continue as if it had not run.

    What another thread has drawn meanwhile is drawn once more: the state is that of the process.
    """
    numpy: Any = sys.modules.get("numpy.random")
    state, numpy_state = random.getstate(), numpy and numpy.get_state()
    torch_state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(torch_state)
        random.setstate(state)
        if numpy:
            numpy.set_state(numpy_state)


@contextmanager
def kept(own: Set[type], modules: Set[str] = frozenset()) -> Iterator[None]:
    """A context that restores names and containers of these classes and Python modules.

    What the pass did not change is not touched, nor is a container of a derived class.
    """
    undo: list[Callable[[], None]] = []
    seen: set[int] = set()
    for name in {kind.__module__ for kind in own} | modules:
        module = sys.modules.get(name)
        if module is not None:
            undo.append(_names(vars(module), vars(module).__setitem__, vars(module).__delitem__))
            _note(vars(module).values(), undo, seen)
    for kind in own:
        undo.append(_names(vars(kind), _setter(kind), _deleter(kind)))
        _note(vars(kind).values(), undo, seen)
    try:
        yield
    finally:
        for each in undo:
            each()


def _names(
    space: Mapping[str, Any], put: Callable[[str, Any], object], drop: Callable[[str], object]
) -> Callable[[], None]:
    before = dict(space)

    def restore() -> None:
        if len(space) == len(before) and all(space.get(name, restore) is value for name, value in before.items()):
            return
        for name in [name for name, value in space.items() if name not in before and not isinstance(value, _CODE)]:
            drop(name)
        for name, value in before.items():
            if space.get(name, restore) is not value and not isinstance(value, _CODE):
                put(name, value)

    return restore


def _setter(kind: type) -> Callable[[str, Any], None]:
    return lambda name, value: type.__setattr__(kind, name, value)


def _deleter(kind: type) -> Callable[[str], None]:
    return lambda name: type.__delattr__(kind, name)


def _note(values: Iterable[Any], undo: list[Callable[[], None]], seen: set[int], depth: int = 0) -> None:
    """Add to ``undo`` for every container among these values, in closures, and one level inside."""
    for value in list(values):
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        if isinstance(value, _Cached):
            undo.append(_emptied(value))
        elif type(value) is FunctionType:
            if depth == 0:
                _note([*held_by(value), value.__dict__], undo, seen, 1)
        elif type(value) in _CONTAINERS and id(value) not in seen and len(value) <= MAX_ENTRIES:
            seen.add(id(value))
            undo.append(_contents(value))
            if depth < 2:
                _note(value.values() if isinstance(value, dict) else value, undo, seen, 2)


def _emptied(function: Any) -> Callable[[], None]:
    """A function that empties a function's cache if it got new entries: single entries cannot be removed."""
    misses = function.cache_info().misses

    def restore() -> None:
        if function.cache_info().misses != misses:
            function.cache_clear()

    return restore


def held_by(function: FunctionType) -> list[Any]:
    """What a function holds: the values of its closure and of its defaults."""
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    return [*_enclosed(function), *defaults]


def _enclosed(function: FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # an empty cell
            yield cell.cell_contents


def _contents(container: Any) -> Callable[[], None]:
    """A function that restores the entries that a container has now."""
    if isinstance(container, dict):
        return _names(container, container.__setitem__, container.__delitem__)
    before = list(container)

    def restore() -> None:
        if len(container) != len(before) or any(a is not b for a, b in zip(container, before, strict=True)):
            container.clear()
            (container.update if isinstance(container, set) else container.extend)(before)

    return restore

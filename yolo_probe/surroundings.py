"""What the code of a model keeps outside the model: put back as it was after a pass on shapes.

A forward may fill a dict of its module, of its class or of a closure, or the cache of a function, a cache of grids by
size for example. What a weightless copy puts there has no values, and the user's next forward would find it.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

KNOWN = ("torch.", "builtins", "ultralytics.", "yolov5.")
"""Where the code of a class keeps nothing of a forward pass: held against every network that is shipped."""

LARGEST = 4096
"""Entries up to which a container is noted."""

_CODE = (FunctionType, ModuleType, type)
_Cached = type(lru_cache(max))


@contextmanager
def kept(kinds: Iterable[type]) -> Iterator[None]:
    """Names and containers beside the code of these classes are afterwards as they were before."""
    undo: list[Callable[[], None]] = []
    seen: set[int] = set()
    own = {each for kind in kinds for each in kind.__mro__ if not each.__module__.startswith(KNOWN)}
    for name in {kind.__module__ for kind in own}:
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
        for name, value in list(space.items()):
            if name not in before and not isinstance(value, _CODE):
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
    """Note every container among these values, in what functions close over, and one level inside."""
    for value in list(values):
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        if isinstance(value, _Cached):
            undo.append(_emptied(value))
        elif type(value) is FunctionType:
            cells = [cell.cell_contents for cell in value.__closure__ or () if _filled(cell)]
            held = [*cells, *(value.__defaults__ or ()), value.__dict__]
            if depth == 0:
                _note(held, undo, seen, 1)
        elif isinstance(value, (dict, list, set, deque)) and id(value) not in seen and len(value) <= LARGEST:
            seen.add(id(value))
            undo.append(_contents(value))
            if depth < 2:
                _note(value.values() if isinstance(value, dict) else value, undo, seen, 2)


def _emptied(function: Any) -> Callable[[], None]:
    """Empties the cache of a function that has been called meanwhile: of its entries none can be taken out alone."""
    misses = function.cache_info().misses

    def restore() -> None:
        if function.cache_info().misses != misses:
            function.cache_clear()

    return restore


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018  # an empty cell raises
    except ValueError:
        return False
    return True


def _contents(container: Any) -> Callable[[], None]:
    before: Any = dict(container) if isinstance(container, dict) else list(container)

    def restore() -> None:
        if isinstance(container, dict):
            same = len(container) == len(before) and all(
                dict.get(container, key, restore) is value for key, value in before.items()
            )
            if not same:
                dict.clear(container)
                dict.update(container, before)
        elif len(container) != len(before) or any(a is not b for a, b in zip(container, before, strict=True)):
            container.clear()
            (container.update if isinstance(container, set) else container.extend)(before)

    return restore

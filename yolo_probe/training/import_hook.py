"""Modules that are imported later: something to do with each as soon as its code has run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

HOME = "utils.torch_utils"
"""How the module ends in which a host, either one, defines its ``model_info``; other modules import the name."""


class Arrivals(MetaPathFinder):
    """A finder that finds nothing itself, and lets ``greet`` see every module of that name after its import."""

    def __init__(self, ending: str, greet: Callable[[ModuleType], None]) -> None:
        self._ending = ending
        self._greet = greet

    def waits_for(self, ending: str) -> bool:
        """Whether it is modules of that name that it waits for."""
        return self._ending == ending

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where the other finders find the module; None where it is not one of those that are waited for."""
        if not _ends(name, self._ending):
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)  # Python 3.11 still takes finders without
            spec: ModuleSpec | None = find(name, path, target) if find and not isinstance(finder, Arrivals) else None
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Greeted(spec.loader, self._greet)
                return spec
        return None


class _Greeted(Loader):
    """Loads as another loader does, and greets the module then; the module never sees it."""

    def __init__(self, loader: Loader, greet: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._greet = greet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._greet(module)


def expect(ending: str, greet: Callable[[ModuleType], None]) -> None:
    """Greet every module whose dotted name ends so, now and from now on, in place of an earlier greeting."""
    expect_nothing(ending)
    sys.meta_path.insert(0, Arrivals(ending, greet))
    for name, module in list(sys.modules.items()):
        if _ends(name, ending) and isinstance(module, ModuleType):
            greet(module)


def _ends(name: str, ending: str) -> bool:
    return f".{name}".endswith(f".{ending}")


def expect_nothing(ending: str) -> None:
    """Take back what ``expect`` did for that name."""
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not (isinstance(finder, Arrivals) and finder.waits_for(ending))
    ]

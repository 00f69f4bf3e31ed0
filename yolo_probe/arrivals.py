"""Modules that are imported later: something to do with each as soon as its code has run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


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
        if not f".{name}".endswith(f".{self._ending}"):
            return None
        others = (finder.find_spec for finder in sys.meta_path if not isinstance(finder, Arrivals))
        spec = next((spec for find in others if (spec := find(name, path, target))), None)
        loader = spec.loader if spec else None
        if loader is not None and hasattr(loader, "exec_module"):
            run = loader.exec_module

            def run_and_greet(module: ModuleType) -> None:
                run(module)
                self._greet(module)

            loader.exec_module = run_and_greet  # type: ignore[method-assign]
        return spec


def expect(ending: str, greet: Callable[[ModuleType], None]) -> None:
    """Greet every module whose dotted name ends so, from now on and in place of an earlier greeting."""
    expect_nothing(ending)
    sys.meta_path.insert(0, Arrivals(ending, greet))


def expect_nothing(ending: str) -> None:
    """Take back what ``expect`` did for that name."""
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not (isinstance(finder, Arrivals) and finder.waits_for(ending))
    ]

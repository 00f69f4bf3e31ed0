"""A function that runs for each module of a given name, right after the module's own code has run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

HOME = "utils.torch_utils"
"""End of the name of the module in which both hosts define ``model_info``; other modules import it from there."""


class Arrivals(MetaPathFinder):
    """A finder that asks the others, and has ``greet`` called for each module of that name once it is loaded."""

    def __init__(self, ending: str, greet: Callable[[ModuleType], None]) -> None:
        self._ending = ending
        self._greet = greet

    def waits_for(self, ending: str) -> bool:
        """Whether it waits for modules of that name."""
        return self._ending == ending

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the other finders give; None for a module of another name."""
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
    """Loads as another loader does, then calls ``greet``; the module does not see this loader."""

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
    """Call ``greet`` for every module whose dotted name ends so: those imported, and those imported from now on.

    It replaces an earlier ``greet`` for the same name.
    """
    expect_nothing(ending)
    sys.meta_path.insert(0, Arrivals(ending, greet))
    for name, module in list(sys.modules.items()):
        if _ends(name, ending) and isinstance(module, ModuleType):
            greet(module)


def _ends(name: str, ending: str) -> bool:
    return f".{name}".endswith(f".{ending}")


def expect_nothing(ending: str) -> None:
    """Undo ``expect`` for that name."""
    sys.meta_path[:] = [
        finder for finder in sys.meta_path if not (isinstance(finder, Arrivals) and finder.waits_for(ending))
    ]

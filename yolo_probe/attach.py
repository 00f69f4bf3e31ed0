"""A probe on hosts that are not imported yet: an import hook acts right after their modules are loaded.

A host is known by what its modules are called and hold, whatever package they are in: ``utils.callbacks`` of classic
YOLOv5, ``utils.torch_utils`` of either host, ``ultralytics.utils.callbacks.base``. Nothing of torch is imported before
the host imports it, since hosts set environment variables that torch reads once. No fault of the probe's reaches the
host: it costs one warning, and all is put back.
"""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yolo_probe.callbacks import Probe


class Attachment:
    """A probe's hold on the hosts of this process, from the moment that it is made until ``detach()``."""

    def __init__(self, make: Callable[[], Probe]) -> None:
        """``make`` is called once, when the first host is there."""
        self._make = make
        self._made: Probe | None = None
        self._undo: list[Callable[[], object]] = []
        self._finder = _Finder(self._loaded)
        sys.meta_path.insert(0, self._finder)
        for name, module in list(sys.modules.items()):
            if isinstance(module, ModuleType) and _kind(name) is not None:
                self._loaded(name, module)

    def detach(self) -> None:
        """Give every host its own back; what is imported from now on is left alone."""
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        while self._undo:
            self._undo.pop()()
        if self._made is not None:
            self._made.detach()

    @property
    def _probe(self) -> Probe:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _loaded(self, name: str, module: ModuleType) -> None:
        act = {"callbacks": self._watch_classic, "model_info": self._watch_lines, "events": self._watch_events}
        kind = _kind(name)
        assert kind is not None
        self._guarded(act[kind], module)

    def _guarded(self, act: Callable[[Any], object], value: object) -> None:
        """Do it; a fault costs one warning, and detaches."""
        if self._finder not in sys.meta_path:
            return
        try:
            act(value)
        except Exception as error:  # whatever it is, the host's import and training go on
            logging.getLogger("yolo_probe").warning(
                f"yolo-probe: the probe could not be attached ({type(error).__name__}: {error}); the training goes on"
            )
            self.detach()

    def _watch_classic(self, module: ModuleType) -> None:
        """Register the probe with every object of the class ``Callbacks``, those that exist and those to come."""
        kind = getattr(module, "Callbacks", None)
        if not isinstance(kind, type) or not hasattr(kind, "register_action"):
            return
        own = kind.__init__  # type: ignore[misc]
        shared = "_callbacks" in vars(kind)  # YOLOv5 v6.0: one table for all objects
        first = True

        def register(callbacks: object) -> None:
            nonlocal first
            if first or not shared:
                first = False
                self._probe.register_classic(callbacks)

        @wraps(own)
        def initialise(callbacks: object, *args: Any, **kwargs: Any) -> None:
            own(callbacks, *args, **kwargs)
            self._guarded(register, callbacks)

        defined = "__init__" in vars(kind)
        kind.__init__ = initialise  # type: ignore[misc]
        self._undo.append(lambda: setattr(kind, "__init__", own) if defined else delattr(kind, "__init__"))
        for existing in [each for each in gc.get_referrers(kind) if type(each) is kind]:
            register(existing)

    def _watch_lines(self, module: ModuleType) -> None:
        """Put the drop-in for ``model_info`` in place, before other modules take the name from this one."""
        if not callable(getattr(module, "model_info", None)):
            return
        from yolo_probe import dropin
        from yolo_probe.callbacks import watching

        dropin.install(watching(self._probe))
        if dropin.uninstall not in self._undo:
            self._undo.append(dropin.uninstall)

    def _watch_events(self, module: ModuleType) -> None:
        """Add the probe's functions to those that every model and trainer of ultralytics starts with."""
        table = getattr(module, "default_callbacks", None)
        if not isinstance(table, Mapping):
            return
        for event, function in self._probe.events().items():
            if event in table:
                table[event].append(function)
                self._undo.append(partial(_take_out, function, table[event]))


def _take_out(function: object, functions: list[object]) -> None:
    if function in functions:
        functions.remove(function)


_KINDS = {"utils.callbacks": "callbacks", "utils.torch_utils": "model_info", "utils.callbacks.base": "events"}


def _kind(name: str) -> str | None:
    """What a module of that name is for in a host, by the end of its name."""
    return next((kind for end, kind in _KINDS.items() if name == end or name.endswith(f".{end}")), None)


class _Finder:
    """The first finder of ``sys.meta_path``: lets the others find, and is told when a host's module is loaded."""

    def __init__(self, loaded: Callable[[str, ModuleType], None]) -> None:
        self._loaded = loaded

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if _kind(name) is None:
            return None
        for finder in list(sys.meta_path):
            find = getattr(finder, "find_spec", None)  # Python 3.11 still takes finders without
            spec: ModuleSpec | None = find(name, path, target) if find is not None and finder is not self else None
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self._loaded)
                return spec
        return None


class _Loader(Loader):
    """Loads as another loader does, and tells that the module is loaded; the module never sees it."""

    def __init__(self, loader: Loader, loaded: Callable[[str, ModuleType], None]) -> None:
        self._loader = loader
        self._loaded = loaded

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._loaded(module.__name__, module)

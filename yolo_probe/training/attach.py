"""Attaches a probe to hosts that are not imported yet: an import hook acts right after their modules are loaded.

A host is recognised by the names and contents of its modules, in whatever package they are: ``utils.callbacks`` of
classic YOLOv5, ``utils.torch_utils`` of either host, ``ultralytics.utils.callbacks.base``. torch is not imported before
the host imports it, since hosts set environment variables that torch reads once. No error of the probe reaches the
host: it costs one warning, and all changes are undone.
"""

from __future__ import annotations

import gc
import logging
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import partial, wraps
from pathlib import Path
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from yolo_probe.errors import reason_of
from yolo_probe.language import language_of_log, translated
from yolo_probe.training.import_hook import HOME, expect, expect_nothing

if TYPE_CHECKING:
    from yolo_probe.language import Language
    from yolo_probe.training.probe import Probe


class Attachment:
    """The connection of a probe to the hosts of this process, from its construction until ``detach()``."""

    def __init__(
        self, make: Callable[[], Probe], options: Sequence[str] = (), language: Language | None = None
    ) -> None:
        """``make`` is called once, when the first host is imported.

        ``options``: those of ``yolo-probe train``, for the processes that a host starts to train on several devices.
        ``language``: of its own messages; None for that of the environment.
        """
        self._make, self._options, self._language = make, tuple(options), language or language_of_log()
        self._made: Probe | None = None
        self._undo: list[Callable[[], object]] = []
        self._attached = True
        self._tuners: WeakSet[object] = WeakSet()
        """Those of which a training has had the probe: of each tune() one is told, as of ``--evolve``."""
        acts: Mapping[str, Callable[[Any], object]] = {
            "utils.callbacks": self._watch_classic,
            HOME: self._watch_lines,
            "utils.callbacks.base": self._watch_events,
            "utils.dist": self._watch_launcher,
            "engine.tuner": self._watch_tuner,
            "engine.trainer": self._watch_tuner,  # in later releases a tuner's trainings are started there
            "test": partial(self._watch_validations, "test"),
            "val": partial(self._watch_validations, "run"),
        }
        for ending, act in acts.items():
            self._undo.append(partial(expect_nothing, ending))
            expect(ending, partial(self._guarded, act))

    def detach(self) -> None:
        """Undo every change in the hosts; those imported from now on are not changed."""
        self._attached = False
        while self._undo:
            self._undo.pop()()
        if self._made is not None:
            self._made.detach()

    def finish(self) -> None:
        """Tell the end of a training whose host does not, or that there was none: its script has run to the end."""
        if self._made is not None:
            self._made.finish()
        elif self._attached:
            self._warn(
                "neither YOLOv5 nor ultralytics was seen in this process; a training loop of your own is told by "
                "`with yolo_probe.watch(model):` around it"
            )

    @property
    def _probe(self) -> Probe:
        if self._made is None:
            self._made = self._make()
        return self._made

    def _guarded(self, act: Callable[[Any], object], value: object) -> None:
        """Run ``act``; an error in it costs one warning, and detaches."""
        if not self._attached:
            return
        try:
            act(value)
        except Exception as error:  # whatever it is, the host's import and training go on
            self._warn(f"the probe could not be attached ({reason_of(error)}); the training goes on")
            self.detach()

    def _warn(self, words: str) -> None:
        logging.getLogger("yolo_probe").warning(f"yolo-probe: {translated(words, self._language)}")

    def _watch_classic(self, module: ModuleType) -> None:
        """Register the probe with every object of the class ``Callbacks``, existing and future."""
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
        """Install the drop-in for ``model_info`` before other modules import the name from this one.

        From then on the drop-in itself waits for the modules of further hosts.
        """
        if not callable(getattr(module, "model_info", None)):
            return
        from yolo_probe.training import dropin
        from yolo_probe.training.probe import watching

        dropin.install(watching(self._probe))
        self._undo.append(dropin.uninstall)

    def _watch_events(self, module: ModuleType) -> None:
        """Add the probe's callbacks to those that every model and trainer of ultralytics starts with.

        They come first, since a ``YOLO`` that resets its callbacks keeps the first of each event alone.
        """
        table = getattr(module, "default_callbacks", None)
        if not isinstance(table, MutableMapping):
            return
        for event, function in self._probe.events().items():
            own = table.get(event)
            if isinstance(own, list):
                own.insert(0, function)
                self._undo.append(partial(_take_out, function, own))
            elif own is not None:  # 8.0.0: one function, which does nothing
                table[event] = function
                self._undo.append(partial(table.__setitem__, event, own))

    def _watch_launcher(self, module: ModuleType) -> None:
        """Run the processes that ultralytics starts with the probe too, where its callbacks do not travel to them."""
        own = getattr(module, "generate_ddp_command", None)
        if not callable(own):
            return

        @wraps(own)
        def command(*args: Any, **kwargs: Any) -> Any:
            words, file = own(*args, **kwargs)
            self._probe.is_elsewhere()
            text = Path(file).read_text(encoding="utf-8", errors="replace")
            if "_callbacks=" not in text and file in words:  # since 8.4.140 they are pickled
                place = words.index(file)
                words = [*words[:place], "-m", "yolo_probe", "train", *self._options, *words[place:]]
            return words, file

        setattr(module, own.__name__, command)
        self._undo.append(partial(setattr, module, own.__name__, own))

    def _watch_tuner(self, module: ModuleType) -> None:
        """Run the first of the trainings that a tune() of ultralytics starts, each as a process, with the probe too."""
        own = getattr(module, "subprocess", None)
        if own is not subprocess:
            return
        words = [sys.executable, "-m", "yolo_probe", "train", *self._options]

        def run(command: Any, *args: Any, **kwargs: Any) -> Any:
            tuner = _tuner() or module
            probed = _with_probe(command, words) if self._attached and tuner not in self._tuners else None
            if probed is not None:
                self._tuners.add(tuner)
                self._probe.is_elsewhere()
            return subprocess.run(command if probed is None else probed, *args, **kwargs)

        module.subprocess = _Launching(run)  # type: ignore[attr-defined]
        self._undo.append(partial(setattr, module, "subprocess", own))

    def _watch_validations(self, name: str, module: ModuleType) -> None:
        """Hear of validations in hosts without callbacks; ``name``: of the function that validates."""
        from yolo_probe.training.without_callbacks import on_validations

        if undo := on_validations(module, name, lambda model: self._probe.on_validation(model)):
            self._undo.append(undo)


class _Launching:
    """The module ``subprocess`` as one module of a host sees it, with a ``run`` of its own."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self.run = run

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)


def _tuner() -> object | None:
    """The tuner of ultralytics that the stack is in; its trainings may be started by an object of another module."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        owner = frame.f_locals.get("self")
        if type(owner).__module__.endswith("engine.tuner"):
            return owner
        frame = frame.f_back
    return None


def _with_probe(command: object, words: Sequence[str]) -> str | list[str] | None:
    """The command that trains with the probe; None for what does not start a training of ultralytics.

    ``words``: those of ``yolo-probe train``. Source: engine/tuner.py: ``yolo train`` as a list, as one string for a
    shell in 8.3, and since then this Python with ``-m ultralytics.cfg.__init__ train``.
    """
    if isinstance(command, str) and command.startswith("yolo train "):
        return f"{shlex.join(words)} {command}" if _is_ours("yolo") else None
    if not isinstance(command, list):
        return None
    if command[:2] == ["yolo", "train"]:
        return [*words, *command] if _is_ours("yolo") else None
    if command[:4] == [sys.executable, "-m", "ultralytics.cfg.__init__", "train"]:
        return [*words, "yolo", *command[3:]]
    return None


def _is_ours(script: str) -> bool:
    """Whether this is a script of the Python that runs."""
    found = shutil.which(script)
    return found is not None and Path(found).parent == Path(sys.executable).parent


def _take_out(function: object, functions: list[object]) -> None:
    if function in functions:
        functions.remove(function)

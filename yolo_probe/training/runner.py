"""Runs a host's training script unmodified, as Python itself would run it, with a probe attached.

The script sees the same ``sys.argv``, ``sys.path[0]`` and ``__main__`` as without yolo-probe. Its exit code becomes
that of the process, and a traceback shows only its own frames.
"""

from __future__ import annotations

import builtins
import os
import runpy
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import SourceFileLoader
from itertools import zip_longest
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Literal

from yolo_probe.errors import HostError
from yolo_probe.training.attach import Attachment
from yolo_probe.training.old_torch_load import REMEDY, is_refused
from yolo_probe.training.settings import is_first_rank, is_switched_off, read_settings

if TYPE_CHECKING:
    from yolo_probe.language import Language
    from yolo_probe.training.probe import Probe

ULTRALYTICS = ("ultralytics", "yolo")
"""The names of the ultralytics command."""


@dataclass(frozen=True, slots=True)
class HostCommand:
    """A command of a host to run."""

    kind: Literal["script", "module", "ultralytics"]
    name: str
    """Path of the script, or name of the module."""
    arguments: tuple[str, ...]
    """The arguments of the script, module or command."""
    settings: str | None = None
    """Path of a YAML file with settings of the probe; None for the defaults."""
    language: Language | None = None
    """Language of the probe's messages; None for that of the settings."""


def run_host(command: HostCommand) -> None:
    """Run the command with the probe attached; without it if ``YOLO_PROBE=0``, or on another rank than 0.

    Raises: SettingsError for a wrong settings file, HostError if there is nothing to run, SystemExit and everything
    else that the host raises.
    """
    attachment = _attach(command) if not is_switched_off() and is_first_rank() else None
    run = {"script": _run_script, "module": _run_module, "ultralytics": _run_ultralytics}[command.kind]
    try:
        run(command)
    except SystemExit as ended:
        if attachment and not ended.code:
            attachment.finish()
        raise
    except HostError:
        raise
    except BaseException as error:
        seen, earlier = {id(error)}, error.__cause__ or error.__context__
        while earlier is not None and id(earlier) not in seen:  # two errors may name each other
            seen.add(id(earlier))
            earlier.__traceback__ = _frames_of_host(earlier.__traceback__)
            earlier = earlier.__cause__ or earlier.__context__
        _show_from(_frames_of_host(error.__traceback__))
        raise
    if attachment:
        attachment.finish()


def _attach(command: HostCommand) -> Attachment:
    """Attach a probe to each host that is imported; it is never detached, since threads may outlive the script."""
    spoken = {"language": command.language} if command.language else {}
    settings = read_settings(command.settings, **spoken)

    def make() -> Probe:
        from yolo_probe.training.probe import Probe  # with torch, once the host has imported it

        return Probe(settings)

    options = ["--settings", os.path.abspath(command.settings)] if command.settings else []
    options += ["--lang", command.language] if command.language else []
    return Attachment(make, options, settings.language)


def _run_script(command: HostCommand) -> None:
    """Run a file as ``python FILE`` does."""
    path = command.name
    if not os.path.isfile(path):
        found = "a directory" if os.path.isdir(path) else "no such file"
        raise HostError(
            f"train {path}: found {found}, expected the training script of a host",
            "Pass its path, as in `yolo-probe train train.py --data ...`, or a module: `yolo-probe train -m MODULE`.",
        )
    sys.argv = [path, *command.arguments]
    _search_first(os.path.dirname(os.path.realpath(path)))
    loader = _Script("__main__", os.path.join(os.getcwd(), path))
    main = ModuleType("__main__")
    main.__dict__.update(__file__=loader.path, __loader__=loader, __cached__=None, __builtins__=builtins)
    sys.modules["__main__"] = main
    loader.exec_module(main)


class _Script(SourceFileLoader):
    """Loads a script and writes no .pyc file, as Python does."""

    def set_data(self, *_: object, **__: object) -> None:
        """Write nothing."""


def _run_module(command: HostCommand) -> None:
    """Run a module as ``python -m MODULE`` does."""
    sys.argv = ["-m", *command.arguments]
    _search_first(os.getcwd())
    try:
        runpy.run_module(command.name, {"__builtins__": builtins}, "__main__", alter_sys=True)
    except ImportError as error:
        if not _raised_by_runpy(error.__traceback__):
            raise
        raise HostError(
            f"train -m {command.name}: found none ({error}), expected a module that Python can run",
            f"Check its name, and that it is installed for {sys.executable}.",
        ) from None


def _run_ultralytics(command: HostCommand) -> None:
    """Run the command line of ultralytics as its script does."""
    sys.argv = [shutil.which(command.name) or command.name, *command.arguments]
    try:
        entrypoint = next(found for each in _ENTRY_POINTS if (found := _imported(*each)))
    except ModuleNotFoundError as error:
        if error.name != "ultralytics":
            raise
        raise HostError(
            f"train {command.name}: found no installed ultralytics, expected one",
            f"Install it for {sys.executable}: pip install ultralytics. A script of that name: ./{command.name}",
        ) from None
    sys.exit(entrypoint())


_ENTRY_POINTS = (
    ("ultralytics.cfg", "entrypoint"),
    ("ultralytics.yolo.cfg", "entrypoint"),  # to 8.0.135
    ("ultralytics.yolo.cli", "cli"),  # to 8.0.6
)
"""What the command line of ultralytics runs: a module, and its function."""


def _imported(module: str, function: str) -> Callable[[], Any] | None:
    """That function; None where this release has no such module. Raises: ModuleNotFoundError for another module."""
    try:
        return getattr(import_module(module), function, None)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return None


def _search_first(folder: str) -> None:
    """Let imports search this folder first, instead of that of yolo-probe's own script."""
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = folder


def _raised_by_runpy(trace: TracebackType | None) -> bool:
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_globals.get("__name__") == "runpy"


def _frames_of_host(trace: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames of this package, and without those of Python that run and import a script."""
    frames: list[TracebackType] = []
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__"))
        if not name.startswith((f"{PACKAGE}.", *_IMPORTING)) and (frames or name != "runpy"):
            frames.append(trace)
        trace = trace.tb_next
    for frame, following in zip_longest(frames, frames[1:]):
        frame.tb_next = following
    return frames[0] if frames else None


PACKAGE = __name__.partition(".")[0]
_IMPORTING = ("importlib._bootstrap", "importlib._bootstrap_external")


def _show_from(trace: TracebackType | None) -> None:
    """Let Python show only this part of the traceback when the exception ends the process."""
    show = sys.excepthook

    def show_host(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        show(kind, error.with_traceback(trace), trace)
        if is_refused(error):
            print(f"yolo-probe: torch.load() of this release refuses the file: {REMEDY}", file=sys.stderr)  # noqa: T201

    sys.excepthook = show_host

"""The settings of a probe: the shipped ``configs/probe.yaml``, changed by the user's file and by keyword arguments."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, cast, get_args

from yolo_probe import shipped_files as configs_path
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.errors import SettingsError, shown
from yolo_probe.hosts.images import MAX_SIDE
from yolo_probe.language import LANGUAGES, Language
from yolo_probe.yaml_file import KeyPath, YamlKind, read_yaml

Event: TypeAlias = Literal["start", "validation", "end"]
File: TypeAlias = Literal["json", "md", "png", "html"]
Verbosity: TypeAlias = Literal["short", "full"]

MAX_FILE_BYTES = 100_000
"""Size of a settings file."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a probe; their defaults are in ``configs/probe.yaml``."""

    imgsz: tuple[int, int] | None
    """Height and width in pixels at which FLOPs are counted; None for the run's own."""
    counter: str | None
    """Name of the counter; None for the installed thop."""
    events: tuple[Event, ...]
    """The events at which lines are printed."""
    files: tuple[File, ...]
    """The files that are written into the folder of the run."""
    loggers: bool
    """Whether the figures are sent to the run's own loggers."""
    verify: bool
    """Whether real outputs of the unfused and the fused best model are compared at the end."""
    verbosity: Verbosity
    language: Language | None
    """The language of the messages; None for that of the environment. Files are in English."""


def read_settings(path: str | None = None, **overrides: object) -> Settings:
    """The settings: the defaults, changed by the file at ``path``, then by the keyword arguments.

    Raises: SettingsError with the file, line and key, what was found and what was expected.
    """
    default = configs_path.path("probe.yaml")
    values = _document(str(default))
    if path is not None:
        values |= _document(path)
    values |= _checked(overrides, "settings", {})
    return Settings(**values)


def is_switched_off() -> bool:
    """Whether ``YOLO_PROBE`` is ``0``, ``off``, ``false`` or ``no`` in the environment."""
    return os.environ.get("YOLO_PROBE", "").lower() in ("0", "off", "false", "no")


def is_first_rank() -> bool:
    """Whether this process is the first of its training; only that one prints.

    Processes that a script itself starts, as with ``torch.multiprocessing.spawn``, may have no ``RANK``.
    """
    together = sys.modules.get("torch.distributed")
    if together is not None and together.is_available() and together.is_initialized():
        return bool(together.get_rank() == 0)
    rank = os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or "-1"
    return rank in ("-1", "0")


def _document(path: str) -> dict[str, Any]:
    """The checked settings of a file; empty for an empty file."""
    file = read_yaml(path, YamlKind("a settings file", SettingsError, _REMEDY, largest=MAX_FILE_BYTES))
    document = {} if file.document is None else file.document
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: found {shown(document)}, expected lines `key: value`", _REMEDY)
    return _checked(document, path, file.lines)


def _checked(given: Mapping[str, object], origin: str, lines: Mapping[KeyPath, int]) -> dict[str, Any]:
    """The given settings in the types of ``Settings``. ``lines``: the line of each in the file, from 1."""
    names = [field.name for field in fields(Settings)]
    checked = {}
    for key, value in given.items():
        place = f"{origin}, line {lines[str(key),]}" if (str(key),) in lines else origin
        if key not in names:
            raise SettingsError(f"{place}: found the key {shown(key)}, expected {', '.join(names)}", _REMEDY)
        expected, check = _CHECKS[key]
        try:
            checked[key] = check(value)
        except (TypeError, ValueError):
            raise SettingsError(f"{place}: {key}: found {shown(value)}, expected {expected}", _REMEDY) from None
    return checked


def _size(value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    sides = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    height, width = sides
    if not all(type(side) is int and 1 <= side <= MAX_SIDE for side in sides):
        raise ValueError
    return cast("tuple[int, int]", (height, width))


def _one_of(choices: tuple[object, ...]) -> Callable[[object], object]:
    def check(value: object) -> object:
        return choices[[(type(choice), choice) for choice in choices].index((type(value), value))]

    return check


def _some_of(choices: tuple[str, ...]) -> Callable[[object], object]:
    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or any(each not in choices for each in value):
            raise ValueError
        return tuple(choice for choice in choices if choice in value)

    return check


_CHECKS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "imgsz": (f"pixels, 1 to {MAX_SIDE}: 640, or [height, width]; or null", _size),
    "counter": (f"one of {', '.join(CONVENTIONS)}; or null", _one_of((None, *CONVENTIONS))),
    "events": (f"a list of {', '.join(get_args(Event))}", _some_of(get_args(Event))),
    "files": (f"a list of {', '.join(get_args(File))}", _some_of(get_args(File))),
    "loggers": ("true or false", _one_of((True, False))),
    "verify": ("true or false", _one_of((True, False))),
    "verbosity": ("short or full", _one_of(get_args(Verbosity))),
    "language": (f"{' or '.join(LANGUAGES)}; or null", _one_of((None, *LANGUAGES))),
}
"""For each setting the expected value in words, and the function that returns the value or raises."""

_REMEDY = "configs/probe.yaml of yolo-probe has every setting and its default."

"""The log of a host, and the probe's lines on it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, cast

from yolo_probe.language import Language, translated

NAME = "yolo-probe"


class Logger(Protocol):
    """The log of a host: usually a ``logging.Logger``, but some hosts have a class of their own."""

    def info(self, message: str, /) -> object:
        """Write a message."""

    def warning(self, message: str, /) -> object:
        """Write a warning."""


class _Terminal:
    """Standard output and error, instead of a log without handlers."""

    def info(self, message: str, /) -> None:
        print(message)  # noqa: T201  # the line was asked for

    def warning(self, message: str, /) -> None:
        print(message, file=sys.stderr)  # noqa: T201


def log_of(host: Callable[..., Any] | None) -> Logger:
    """The log of a host; standard output where it has none, as YOLOv5 v1.0 and v2.0. Ours for a model of no host."""
    names = host.__globals__ if host else {}
    found = names.get("LOGGER") or names.get("logger")
    if callable(getattr(found, "info", None)) and callable(getattr(found, "warning", None)):
        return cast(Logger, found)
    own = logging.getLogger("yolo_probe")
    return own if host is None and own.hasHandlers() else _Terminal()


def say(logger: Logger, lines: Iterable[str], language: Language, *, warning: bool = False) -> None:
    """Write lines with the probe's name before each, and the progress bars of tqdm out of the way."""
    write = logger.warning if warning else logger.info
    with _beside_progress_bar():
        for line in lines:
            write(f"{_prefix(logger)}{translated(line, language)}")


def _beside_progress_bar() -> AbstractContextManager[None]:
    """A context in which the progress bars of tqdm are out of the way; they are back after it."""
    bars = getattr(sys.modules.get("tqdm"), "tqdm", None)
    context: AbstractContextManager[None] = bars.external_write_mode() if bars else nullcontext()
    return context


def _prefix(logger: Logger) -> str:
    """The start of a message, in the colour that the host uses for its own."""
    for name in ("ultralytics.utils", "yolov5.utils.general", "utils.general"):
        module = sys.modules.get(name)
        if module is not None and getattr(module, "LOGGER", None) is logger:
            return str(module.colorstr(f"{NAME}: "))
    return f"{NAME}: "

"""Calls a host's own ``model_info`` and reads the line that it prints, which goes where the host sends it."""

from __future__ import annotations

import builtins
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

_LINE = re.compile(
    r"(?P<counts>.+: (?P<layers>[\d,.e+]+) layers, [\d,.e+]+ parameters, [\d,.e+]+ gradients)"
    r"(?:, (?P<gflops>[\d,.]+) GFLOP[sS])?"
)
"""The summary line of every generation."""


@dataclass(frozen=True, slots=True)
class HostCall:
    """What a host's own ``model_info`` returned and printed."""

    result: tuple[int, int, int, float] | None
    """As it returned it; up to ultralytics 8.0.107 two numbers or none."""
    seconds: float
    line: str
    """The summary line; empty where none was seen."""
    counts: str
    """The part before the GFLOPs."""
    layers: int | None
    """The number of layers in it."""
    gflops: float | None
    """The figure in it, which the host has rounded."""


class HostFailedError(Exception):
    """The host's own function raised; ``raised`` is what it raised."""

    def __init__(self, raised: Exception) -> None:
        super().__init__(str(raised))
        self.raised = raised


def call_host(function: Callable[..., Any], *args: Any, **kwargs: Any) -> HostCall:
    """Run a host's own function, and see what it prints.

    A copy of the function runs, in which the names of its log and of ``print`` are those of forwarding objects: nothing
    of the host's is changed. Raises: HostFailedError where the function raises.
    """
    printed: list[str] = []
    began = time.perf_counter()
    try:
        result = _listening(function, printed)(*args, **kwargs)
    except Exception as error:
        raise HostFailedError(error) from error
    seconds = time.perf_counter() - began
    found = next((match for text in reversed(printed) if (match := _LINE.fullmatch(text.strip()))), None)
    if found is None:
        return HostCall(result, seconds, "", "", None, None)
    layers, gflops = found["layers"].replace(",", ""), found["gflops"]
    return HostCall(
        result, seconds, found[0], found["counts"], round(float(layers)),
        float(gflops.replace(",", "")) if gflops else None,
    )  # fmt: skip


def _listening(function: Callable[..., Any], printed: list[str]) -> Callable[..., Any]:
    """The function with a log and a ``print`` that also note what they are given."""
    if not isinstance(function, FunctionType):
        return function

    def note_and_print(*values: Any, **options: Any) -> None:
        printed.append(" ".join(map(str, values)))
        builtins.print(*values, **options)  # noqa: T201  # the host's own line

    names: Mapping[str, Any] = function.__globals__
    logs = {name: _Log(names[name], printed) for name in ("LOGGER", "logger") if name in names}
    made = FunctionType(
        function.__code__,
        {**names, **logs, "print": names.get("print", note_and_print)},
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


class _Log:
    """A host's log that also notes its messages."""

    def __init__(self, log: Any, printed: list[str]) -> None:
        self._log, self._printed = log, printed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def info(self, message: Any, *args: Any, **kwargs: Any) -> None:
        """Write a message to the host's log, as if the host itself had."""
        self._printed.append(str(message))
        if isinstance(self._log, logging.Logger):
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
        self._log.info(message, *args, **kwargs)

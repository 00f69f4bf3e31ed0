"""Summary lines as they stand in logs and threads: a text -> the numbers in it, to the digits that it has.

All generations of all hosts are read: ``7.46816e+06`` and ``7,468,157``, GFLOPS and GFLOPs, with a log's prefix or
colour codes around the line, and with parts missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_NUMBER = r"\d[\d,]{0,20}(?:\.\d{1,9})?(?:e[+-]?\d{1,2})?"
_LINE = re.compile(
    rf"(?:(?<![^\s:|])(?P<name>[^\s:|]{{1,255}})[ \t]+(?P<word>[Ss]ummary)(?P<fused>[ \t]*\(fused\))?:?\s*)?"
    rf"(?<![\d.,])(?:(?P<layers>{_NUMBER})\s+layers?[,;\s]+)?"
    rf"(?P<parameters>{_NUMBER})\s+param(?:eter)?s?"
    rf"(?:[,;\s]+(?P<gradients>{_NUMBER})\s+grad(?:ient)?s?)?"
    rf"(?:[,;\s]+(?P<gflops>{_NUMBER})\s*(?P<unit>GFLOPs|GFLOPS|GFlops|GFLOPs\b))?",
)
_COLOUR = re.compile(r"\x1b\[[\d;?]*[ -/]*[@-~]|\x1b|\[(?:\d{1,3}(?:;\d{1,3})*)?m")
"""Colour codes, also those of a text from which copying took the escape character."""

OWN_LINES = "yolo-probe: "
"""What the probe's own lines in a log begin with."""

LOG_ENDINGS = (".log", ".txt", ".out")
"""How the names of logs end."""

FEWEST = 10_000
"""Parameters of a network, at least, where a text has no other number of it."""

LARGEST_TEXT = 64 * 2**20
"""Most characters of a log that are read."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it was printed."""

    text: str
    """Without separators: ``7.46816e+06``."""

    @property
    def value(self) -> int:
        """The whole number; of ``%g`` only the first six digits are known."""
        return round(float(self.text)) if self.is_rounded else int(self.text)

    @property
    def is_rounded(self) -> bool:
        """Whether it has six digits alone, as ``%g`` writes it."""
        return "e" in self.text or "." in self.text

    def shows(self, number: int) -> bool:
        """Whether a host that prints this number prints these digits."""
        return f"{number:g}" == self.text if self.is_rounded else number == int(self.text)


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One summary line, as far as it is there."""

    text: str
    name: str
    """The word before ``summary``: ``Model``, ``YOLOv5s``; empty where it is missing."""
    is_capital: bool | None
    """Whether ``Summary`` has a capital; None where the word is missing."""
    says_fused: bool
    """Whether ``(fused)`` stands behind it."""
    has_separators: bool
    """Whether thousands are separated by commas."""
    layers: Figure | None
    parameters: Figure
    gradients: Figure | None
    gflops: str
    """The digits, ``15.8``; empty where they are missing."""
    unit: str
    """``GFLOPs`` or ``GFLOPS``; empty where they are missing."""

    def shows_gflops(self, gflops: float) -> bool:
        """Whether a host that prints these GFLOPs prints these digits."""
        return f"{gflops:.{len(self.gflops.partition('.')[2])}f}" == self.gflops


def lines_in(text: str, *, log: bool = False) -> Iterator[PrintedLine]:
    """The summary lines in a text, each once, in their order.

    ``log``: whether it is a whole log, in which a number of parameters alone is no summary line.
    """
    seen = set()
    for match in _LINE.finditer(_COLOUR.sub("", text[:LARGEST_TEXT]).replace("\r", "\n")):
        if _is_ours(match):
            continue
        if log and not any(match[part] for part in ("layers", "gradients", "gflops", "word")):
            continue
        line = _line(match)
        if not (line.name or line.layers or line.gradients or line.gflops or line.parameters.value >= FEWEST):
            continue
        key = (line.name, line.layers, line.parameters, line.gradients, line.gflops)
        if key not in seen:
            seen.add(key)
            yield line


def _is_ours(match: re.Match[str]) -> bool:
    """Whether a line is one of the probe's own, which it adds to a training's log."""
    start = match.string.rfind("\n", 0, match.start()) + 1
    return OWN_LINES in match.string[start : match.start()]


def _line(match: re.Match[str]) -> PrintedLine:
    def figure(part: str) -> Figure | None:
        return Figure(match[part].replace(",", "")) if match[part] else None

    parameters = figure("parameters")
    assert parameters
    counted = [match[part] or "" for part in ("layers", "parameters", "gradients")]
    return PrintedLine(
        text=" ".join(match[0].split()),
        name=match["name"] or "",
        is_capital=match["word"] == "Summary" if match["word"] else None,
        says_fused=bool(match["fused"]),
        has_separators=any("," in each for each in counted),
        layers=figure("layers"),
        parameters=parameters,
        gradients=figure("gradients"),
        gflops=(match["gflops"] or "").replace(",", ""),
        unit=match["unit"] or "",
    )

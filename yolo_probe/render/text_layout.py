"""The layout of a text report in 80 columns: a label and three figures of 20 columns each, causes with amounts."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap

WIDTH = 80
CAUSE = 60
"""Columns that a cause can always use; it gets more if its amount is short."""
COLUMN = 20
NARROW = 16
"""Width of a column of figures if labels are long."""

Paint = Callable[[str, str], str]
"""A function of style and text that returns the text to write: plain, or with the terminal's codes."""

HUES = {"layers": "cyan", "parameters": "blue", "gradients": "magenta", "FLOPs": "yellow"}
"""The colour of each of the four numbers, in the host's line and in its block."""


def hue(label: str) -> str | None:
    """The colour of a label, which is that of the number at its end; None for other labels."""
    return HUES.get(label.rpartition(" ")[2])


def plain(_style: str, text: str) -> str:
    """The text without a style."""
    return text


_STYLES = re.compile(r"(\x1b\[[0-9;]*m)")


def printable(text: str, *, styled: bool = False) -> str:
    """The text with ? for control characters, as names from a file can contain any. ``styled``: colours are kept."""
    parts = _STYLES.split(text) if styled else [text]
    return "".join(part if i % 2 else _printable(part) for i, part in enumerate(parts))


def _printable(text: str) -> str:
    if text.replace("\n", "").isprintable():  # nearly always, and a report as JSON has a million characters
        return text
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def sentences(text: str, indent: str = "", hanging: str | None = None, width: int = WIDTH) -> Iterator[str]:
    """Words in lines of at most ``width`` columns; line feeds are kept, and no line is broken at a no-break space."""
    hanging = indent if hanging is None else hanging
    for part in text.splitlines():
        for line in wrap(part, width, initial_indent=indent, subsequent_indent=hanging,
                         break_on_hyphens=False, break_long_words=False):  # fmt: skip
            yield line.replace("\N{NO-BREAK SPACE}", " ")
        indent = hanging


def note(text: str) -> Iterator[str]:
    """Indented words below the rows of a block."""
    return sentences(text, "  ")


def row(label: str, *columns: str, width: int = COLUMN) -> str:
    """A label and figures in columns of that width; the last one ends at the right edge."""
    return f"{label:<{WIDTH - width * len(columns)}}" + "".join(f"{column:>{width}}" for column in columns)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint = plain) -> Iterator[str]:
    """The lines of a table: the first cell left-aligned, figures right-aligned."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    room = max(WIDTH - sum(widths), len(widths) - 1)
    gaps = [room // (len(widths) - 1) + (i < room % (len(widths) - 1)) for i in range(len(widths) - 1)]
    gaps = [min(gap, 4) for gap in gaps]
    for number, cells in enumerate((heads, *rows)):
        line = f"{cells[0]:<{widths[0]}}" + "".join(
            f"{cell:>{gap + width}}" for cell, gap, width in zip(cells[1:], gaps, widths[1:], strict=True)
        )
        yield paint("dim", line) if number == 0 else line


def chart(
    heads: Sequence[str], lines: Sequence[Sequence[str]], sums: Sequence[Sequence[str]], names: int,
    amounts: Sequence[int], width: int = WIDTH, paint: Paint = plain,
) -> Iterator[str]:  # fmt: skip
    """The lines of a chart: names left-aligned, figures right-aligned, then a bar for each amount."""
    mark = "#" if paint is plain or not _has_blocks() else "\N{FULL BLOCK}"
    every = (heads, *lines, *sums)
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    gap = 2 if sum(widths) + 2 * (len(widths) - 1) <= width else 1
    room = min(width - sum(widths) - gap * len(widths), LONGEST_BAR) if amounts else 0
    largest = max(amounts, default=0)
    for number, cells in enumerate(every):
        places = enumerate(zip(cells, widths, strict=True))
        line = (" " * gap).join(f"{cell:<{size}}" if i < names else f"{cell:>{size}}" for i, (cell, size) in places)
        if number == 0:
            yield paint("dim", line)
        elif number > len(lines):
            yield paint("bold" if number == len(every) - 1 else "", line)
        elif room >= SHORTEST_BAR and largest:
            bar = mark * ((2 * room * amounts[number - 1] + largest) // (2 * largest))
            yield f"{line}{' ' * gap}{paint('yellow', bar) if bar else ''}"
        else:
            yield line


def _has_blocks() -> bool:
    """Whether the terminal can show more than ASCII."""
    return (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")


LONGEST_BAR, SHORTEST_BAR = 30, 6
"""Where there is no room for the shorter one, there is none."""


def chart_width(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Number of columns that all cells and a bar need in one table."""
    return sum(max(map(len, column)) + 2 for column in zip(heads, *rows, strict=True)) + SHORTEST_BAR


def working(label: str, sums: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """A label, and to its right sums with what each is for; a sum that is too long continues in the next line."""
    start = f"{label:<{width}}"
    for text, name in sums:
        yield from sentences(f"{text} {name}", start, " " * (width + 2))
        start = " " * width


def cause(text: str, amount: str, mark: str = " ") -> Iterator[str]:
    """A cause and, on its last line, its amount at the right edge."""
    room = max(CAUSE, WIDTH - 3 - len(amount))
    *lines, last = wrap(text, room, break_on_hyphens=False, break_long_words=False)
    for line in lines:
        yield f"{mark} {line}"
        mark = " "
    space = WIDTH - len(last) - 2
    if len(amount) >= space:
        yield f"{mark} {last}"
        last, mark, space = "", " ", WIDTH - 2
    yield f"{mark} {last}{amount:>{space}}"


def footer(label: str, text: str, width: int = WIDTH) -> Iterator[str]:
    """A label of nine columns, and words to its right."""
    return sentences(text, f"{label:<9}", " " * 9, width)

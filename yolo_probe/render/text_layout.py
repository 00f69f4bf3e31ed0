"""The layout of a text report in 80 columns: a label and three figures of 20 columns each, causes with amounts."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from unicodedata import combining

from yolo_probe.language import is_wide

WIDTH = 80
CAUSE = 60
"""Columns that a cause can always use; it gets more if its amount is short."""
COLUMN = 20
NARROW = 16
"""Width of a column of figures if labels are long."""
LABEL = 9
"""Width of the labels of the footer."""

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


def cells(text: str) -> int:
    """Number of columns that a terminal needs for a text: two for each Chinese character."""
    if text.isascii():
        return len(text)
    return sum(1 + is_wide(character) for character in text if not combining(character))


def padded(text: str, width: int) -> str:
    """The text with spaces after it up to that many columns."""
    return text + " " * (width - cells(text))


def aligned(text: str, width: int) -> str:
    """The text with spaces before it up to that many columns."""
    return " " * (width - cells(text)) + text


_WIDE = "\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6"
"""Blocks of Unicode whose characters are wide, for a pattern."""
_CLOSING, _OPENING = "\uff0c\u3002\u3001\uff1b\uff1a\uff1f\uff01\uff09", "\uff08"
"""The punctuation that no line begins with, and that none ends with."""
_WORDS = r"[ \t\r\f\v]+|\S[^ \t\r\f\v]*"
_WORDS_AND_WIDE = (
    rf"[ \t\r\f\v]+|[{_OPENING}]*(?:(?![{_OPENING}])[{_WIDE}]|[^\s{_WIDE}][^ \t\r\f\v{_WIDE}]*)[{_CLOSING}]*"
)
"""A piece that is not broken: spaces, a word, a wide character. To compile this one takes as long as all others."""


def wrapped(text: str, width: int, first: str = "", others: str = "") -> list[str]:
    """The text in lines of at most ``width`` columns, broken at spaces and beside Chinese characters.

    ``first``, ``others``: the start of the first line and of the others. A line that cannot be broken may be longer.
    """
    lines, line, gap = [], first, ""
    is_empty = True
    for piece in re.findall(_WORDS if max(text, default="") < "\u1100" else _WORDS_AND_WIDE, text):
        if piece.isspace():
            gap = piece
            continue
        if not is_empty and cells(line + gap + piece) > width:
            lines.append(line)
            line, gap = others, ""
        line, gap, is_empty = line + gap + piece, "", False
    return lines if is_empty else [*lines, line]


def sentences(text: str, indent: str = "", hanging: str | None = None, width: int = WIDTH) -> Iterator[str]:
    """Words in lines of at most ``width`` columns; line feeds are kept, and no line is broken at a no-break space."""
    hanging = indent if hanging is None else hanging
    for part in text.splitlines():
        for line in wrapped(part, width, indent, hanging):
            yield line.replace("\N{NO-BREAK SPACE}", " ")
        indent = hanging


def note(text: str, width: int = WIDTH) -> Iterator[str]:
    """Indented words below the rows of a block."""
    return sentences(text, "  ", width=width)


def row(label: str, *columns: str, column: int = COLUMN, width: int = WIDTH) -> Iterator[str]:
    """A label and figures in columns; the last one ends at the right edge. Where they do not fit, one below another.

    ``column``: the width of one, less where there is not that much room.
    """
    if width < WIDTH:
        column = min(column, (width - SHORT_LABEL) // len(columns))
    start = width - column * len(columns)
    if width == WIDTH or (cells(label) <= start and all(cells(each) < column for each in columns)):
        yield padded(label, start) + "".join(aligned(each, column) for each in columns)
        return
    first, *others = columns
    *lines, last = wrapped(label, width, label[: len(label) - len(label.lstrip())], "    ") or [""]
    yield from lines
    beside = cells(last) + 1 + cells(first) <= width
    yield last + aligned(first, width - cells(last)) if beside else last
    yield from (aligned(each, width) for each in (others if beside else columns) if each)


SHORT_LABEL = 12
"""Columns that a label can use in a narrow terminal."""


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint = plain, width: int = WIDTH
) -> Iterator[str]:
    """The lines of a table: the first cell left-aligned, figures right-aligned."""
    widths = [max(map(cells, column)) for column in zip(heads, *rows, strict=True)]
    if width < WIDTH and sum(widths) + len(widths) - 1 > width:
        yield from _records(heads, rows, paint, width)
        return
    room = max(width - sum(widths), len(widths) - 1)
    gaps = [room // (len(widths) - 1) + (i < room % (len(widths) - 1)) for i in range(len(widths) - 1)]
    gaps = [min(gap, 4) for gap in gaps]
    for number, (name, *figures) in enumerate((heads, *rows)):
        line = padded(name, widths[0]) + "".join(
            aligned(figure, gap + size) for figure, gap, size in zip(figures, gaps, widths[1:], strict=True)
        )
        yield paint("dim", line) if number == 0 else line


def _records(heads: Sequence[str], rows: Sequence[Sequence[str]], paint: Paint, width: int) -> Iterator[str]:
    """A table that is too wide: each row as lines, one for each of its cells."""
    if heads[0]:
        yield paint("dim", heads[0])
    for name, *figures in rows:
        yield name or "-"
        for head, figure in zip(heads[1:], figures, strict=True):
            if figure:
                line, *others = row(f"  {head}", figure, column=max(cells(figure), 1), width=width)
                yield paint("dim", line[: len(head) + 2]) + line[len(head) + 2 :]
                yield from others


def chart(
    heads: Sequence[str], lines: Sequence[Sequence[str]], sums: Sequence[Sequence[str]], names: int,
    amounts: Sequence[int], width: int = WIDTH, paint: Paint = plain,
) -> Iterator[str]:  # fmt: skip
    """The lines of a chart: names left-aligned, figures right-aligned, then a bar for each amount."""
    mark = "#" if paint is plain or not _has_blocks() else "\N{FULL BLOCK}"
    every = (heads, *lines, *sums)
    widths = [max(map(cells, column)) for column in zip(*every, strict=True)]
    if width < WIDTH and sum(widths) + len(widths) - 1 > width:
        yield from _records(heads, (*lines, *sums), paint, width)
        return
    gap = 2 if sum(widths) + 2 * (len(widths) - 1) <= width else 1
    room = min(width - sum(widths) - gap * len(widths), LONGEST_BAR) if amounts else 0
    largest = max(amounts, default=0)
    for number, texts in enumerate(every):
        places = enumerate(zip(texts, widths, strict=True))
        line = (" " * gap).join((padded if i < names else aligned)(text, size) for i, (text, size) in places)
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
    return sum(max(map(cells, column)) + 2 for column in zip(heads, *rows, strict=True)) + SHORTEST_BAR


def working(label: str, sums: Sequence[tuple[str, str]], start: int, width: int = WIDTH) -> Iterator[str]:
    """A label, and to its right sums with what each is for; a sum that is too long continues in the next line.

    ``start``: the column in which the sums begin; in a narrow terminal they stand below the label.
    """
    if 2 * start > width:
        yield label
        label, start = "", 4
    begin = padded(label, start)
    for text, name in sums:
        yield from sentences(f"{text} {name}", begin, " " * (start + 2), width)
        begin = " " * start


def cause(text: str, amount: str, mark: str = " ", width: int = WIDTH) -> Iterator[str]:
    """A cause and, on its last line, its amount at the right edge."""
    room = max(min(CAUSE, width - 2), width - 3 - cells(amount))
    *lines, last = wrapped(text, room)
    for line in lines:
        yield f"{mark} {line}"
        mark = " "
    space = width - cells(last) - 2
    if cells(amount) >= space:
        yield f"{mark} {last}"
        last, mark, space = "", " ", width - 2
    yield f"{mark} {last}{aligned(amount, space)}"


def footer(label: str, text: str, width: int = WIDTH) -> Iterator[str]:
    """A label of nine columns, and words to its right."""
    return sentences(text, padded(label, LABEL), " " * LABEL, width)

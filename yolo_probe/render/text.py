"""A report as text in 80 columns, for a terminal, a pipe or an issue; with colour the text is the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from yolo_probe.render.document import (
    Cause,
    Chart,
    Figures,
    Footer,
    Heading,
    Heads,
    HostLine,
    Note,
    Part,
    Remainder,
    Section,
    Table,
    TableRow,
    Words,
    Working,
    assert_never,
    signed,
)
from yolo_probe.render.sections import sections
from yolo_probe.render.text_layout import (
    HUES,
    LABEL,
    NARROW,
    WIDTH,
    Paint,
    cause,
    cells,
    chart,
    chart_width,
    footer,
    hue,
    note,
    padded,
    plain,
    row,
    sentences,
    table,
    working,
)
from yolo_probe.render.translation import in_language

if TYPE_CHECKING:
    from yolo_probe.language import Language
    from yolo_probe.render.sections import Report
    from yolo_probe.reports.fuse_diff import FuseDiff


COLOURS = ("red", "green", "yellow", "blue", "magenta", "cyan")
STYLES = {"bold": "1", "dim": "2", **{name: str(code) for code, name in enumerate(COLOURS, 31)}}
"""Codes of ECMA-48, which every terminal knows; whoever has no colours pipes, or sets NO_COLOR."""


def render(report: Report, paint: Paint = plain, columns: int | None = None, *, language: Language = "en") -> str:
    """The whole report as text. ``columns``: width of the terminal; None: no terminal, so host lines are not broken."""
    return _text(in_language(sections(report), language), paint, columns)


def coloured(style: str, text: str) -> str:
    """The text with the codes of a style (``bold cyan``) around it, in the terminal's own colours."""
    codes = ";".join(STYLES[word] for word in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def render_ledgers(report: FuseDiff, *, explained: bool = True, language: Language = "en") -> str:
    """The four numbers with the causes of their changes. ``explained``: whether with their meaning."""
    from yolo_probe.render.fuse_diff import ledgers

    blocks = (tuple(part for part in section if explained or not isinstance(part, Note)) for section in ledgers(report))
    return _text(in_language(blocks, language), plain, None)


def _text(parts: Iterable[Section], paint: Paint, columns: int | None) -> str:
    blocks = [[line for part in section for line in _lines(part, paint, columns, section)] for section in parts]
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks) + "\n"


def _lines(part: Part, paint: Paint, columns: int | None, section: Section) -> Iterator[str]:
    width = _body(columns)
    match part:
        case Heading(text) | Words(text):
            yield from sentences(text, width=width)
        case HostLine(text, gap):
            yield from _verbatim(text, paint, columns)
            yield from (paint("yellow", line) for line in note(gap, width))
        case Heads(names):
            yield from (paint("dim", line) for line in row("", *names, width=width))
        case Figures(label, figures) if colour := hue(label):
            yield from (paint(f"bold {colour}", line) for line in row(label, *figures, width=width))
        case Figures(label, figures):
            yield from row(f"  {label}", *figures, width=width)
        case TableRow(label, figures, strong):
            style = "bold" if strong else "" if label else "dim"
            lines = row(label, *figures, column=NARROW, width=width)
            yield from (paint(style, line) if style else line for line in lines)
        case Table(heads, rows):
            yield from table(heads, rows, paint, width)
        case Chart():
            yield from _chart(part, paint, columns)
        case Working(label, sums):
            labels = [cells(each.label) for each in section if isinstance(each, Working)]
            yield from working(label, sums, max(labels) + 2, width)
        case Cause(text, amount):
            yield from cause(text, amount, width=width)
        case Remainder():
            yield from _remainder(part, paint, width)
        case Note(text):
            yield from note(text, width)
        case Footer(label, text):
            first, *others = footer(label, text, width)
            start = len(padded(label, LABEL))
            yield paint("dim", first[:start]) + first[start:]
            yield from others
        case _:
            assert_never(part)


NARROWEST = 20
"""Columns that lines are broken for at least."""


def _body(columns: int | None) -> int:
    """Width of all but the hosts' lines and charts: 80 columns, or those of a terminal that is narrower."""
    return WIDTH if columns is None else max(min(columns, WIDTH), NARROWEST)


def _chart(part: Chart, paint: Paint, columns: int | None) -> Iterator[str]:
    """The lines of a chart: one table if the width is enough, else two."""
    rows = (*part.lines, *part.sums)
    wide = columns is not None and chart_width(part.heads, rows) <= columns
    if wide or part.split == len(part.heads):
        width = columns if wide and columns else _body(columns)
        yield from chart(part.heads, part.lines, part.sums, part.names, part.amounts, width, paint)
        return

    def taken(line: Sequence[str], first: bool) -> tuple[str, ...]:
        return tuple(line[: part.split] if first else (line[0], *line[part.split :]))

    for first in (True, False):
        if not first:
            yield ""
        heads, lines, sums = taken(part.heads, first), part.lines, part.sums
        amounts = part.amounts if first else ()
        yield from chart(
            heads, [taken(line, first) for line in lines], [taken(line, first) for line in sums],
            part.names if first else 1, amounts, _body(columns), paint,
        )  # fmt: skip


def _remainder(part: Remainder, paint: Paint, width: int) -> Iterator[str]:
    mark, style = ("!", "bold red") if part.amount else (" ", "green")
    for line in cause("unexplained", signed(part.amount), mark, width):
        yield paint(style, line)
    yield from sentences(part.advice, "    ", width=width)


def _verbatim(line: str, paint: Paint, columns: int | None) -> Iterator[str]:
    """A host's line, broken only if the terminal is too narrow for it."""
    parts = [line]
    while columns is not None and len(parts[-1]) > columns and " " in parts[-1][4:columns]:
        cut = parts[-1].rindex(" ", 4, columns)
        parts[-1:] = [parts[-1][:cut], "    " + parts[-1][cut + 1 :]]
    for part in parts:
        yield _figures(part, paint)


def _figures(line: str, paint: Paint) -> str:
    """A host's line with each of its four figures in its own colour."""
    names = {"GFLOPS": "FLOPs", "GFLOPs": "FLOPs"}
    pieces = re.split(r"([\d,.]*\d (?:layers|parameters|gradients|GFLOP[sS]))", line)
    painted = []
    for piece in pieces:
        name = piece.rpartition(" ")[2]
        colour = HUES.get(names.get(name, name)) if piece[:1].isdigit() else None
        painted.append(paint(f"bold {colour}" if colour else "bold", piece) if piece else "")
    return "".join(painted)

"""A report as GitHub-flavoured Markdown, for an issue, a pull request or the folder of a run.

What comes out of a file is shown, never interpreted: every character that Markdown gives a meaning is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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
from yolo_probe.render.text_layout import hue, printable

if TYPE_CHECKING:
    from yolo_probe.render.sections import Report


def render(report: Report) -> str:
    """The whole report in Markdown: the four numbers in one table, other figures in a table for each section."""
    found = list(sections(report))
    own = any(isinstance(part, TableRow | Table | Chart) for section in found for part in section)
    return printable("\n\n".join(_sections(found) if own else _numbers(found)) + "\n")


def _numbers(found: Sequence[Section]) -> list[str]:
    """The lines of a report on the four numbers: host lines as code, one table, notes below it."""
    table: list[Heads | Figures | Cause | Remainder | Note] = []
    blocks: list[str] = []
    footers: list[str] = []
    for part in (part for section in found for part in section):
        match part:
            case Heads() | Figures() | Cause() | Remainder() | Note():
                table.append(part)
            case TableRow() | Table() | Chart():
                blocks.append("\n".join(_rows(part)))
            case Footer():
                footers += _words(part)
            case Heading() | Words() | HostLine() | Working():
                blocks += _words(part)
            case _:
                assert_never(part)
    return [*blocks, "\n".join(_table(table)), "\n".join(footers)]


def _sections(found: Sequence[Section]) -> Iterator[str]:
    """The lines of any other report: each section as a table with its words below it."""
    for section in found:
        rows: list[str] = []
        numbers: list[Heads | Figures | Cause | Remainder | Note] = []
        words: list[str] = []
        for part in section:
            match part:
                case TableRow() | Table() | Chart():
                    rows += _rows(part)
                case Heads() | Figures() | Cause() | Remainder():
                    numbers.append(part)
                case Heading() | Words() | HostLine() | Working() | Note() | Footer():
                    words += _words(part)
                case _:
                    assert_never(part)
        if rows:
            yield "\n".join(rows)
        if numbers:
            yield "\n".join(_table(numbers))
        if words:
            yield "\n".join(words)


def _words(part: Heading | Words | HostLine | Working | Note | Footer) -> Iterator[str]:
    """The lines of a part that is not in a table."""
    match part:
        case Heading(text):
            yield f"## {_escaped(text)}"
        case HostLine(text, gap):
            yield fenced(text)
            if gap:
                yield _escaped(gap)
        case Footer(label, text):
            yield f"- **{label}** {_escaped(text)}"
        case Words(text) | Note(text):
            yield _escaped(text)
        case Working(label, sums):
            yield from (f"- **{_escaped(label)}** {_escaped(text)} {_escaped(name)}" for text, name in sums)
        case _:
            assert_never(part)


def _rows(part: TableRow | Table | Chart) -> Iterator[str]:
    """The lines of a table; a row without a label begins a new one."""
    match part:
        case TableRow("", columns):
            yield _row("", columns)
            yield "|:--" + "|--:" * len(columns) + "|"
        case TableRow(label, columns, strong):
            cells = map(_strong, columns) if strong else iter(columns)
            yield _row((_strong if strong else str)(label.strip()), cells)
        case Table(heads, lines):
            yield _row(heads[0], heads[1:])
            yield "|:--" + "|--:" * (len(heads) - 1) + "|"
            yield from (_row(_escaped(name), figures) for name, *figures in lines)
        case Chart():
            yield from _chart(part)
        case _:
            assert_never(part)


def _chart(part: Chart) -> Iterator[str]:
    """The lines of a chart as one table, sums in bold, without the bars."""
    yield _row(part.heads[0], part.heads[1:])
    yield "|:--" * part.names + "|--:" * (len(part.heads) - part.names) + "|"
    for cells in part.lines:
        yield _row(_escaped(cells[0]), [_escaped(cell) for cell in cells[1:]])
    for cells in part.sums:
        yield _row(_strong(cells[0]), map(_strong, cells[1:]))


def fenced(text: str) -> str:
    """The text unchanged in a block of code; the fence is longer than any in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip(chr(10))}\n{fence}"


def _table(parts: Sequence[Heads | Figures | Cause | Remainder | Note]) -> Iterator[str]:
    """The lines of the table of the four numbers, each with its causes and notes; figures are right-aligned."""
    width = next((len(part.columns) for part in parts if isinstance(part, Figures)), 1)
    names = next((part.columns for part in parts if isinstance(part, Heads)), ("",) * width)
    yield _row("", names)
    yield "|:--" + "|--:" * width + "|"
    empty = ("",) * (width - 1)
    for part in parts:
        match part:
            case Heads(columns):
                if columns is not names:  # these heads are already printed above
                    yield _row("", map(_strong, columns))
            case Figures(label, columns):
                strong = hue(label) is not None
                yield _row(*((_strong(label), map(_strong, columns)) if strong else (label, columns)))
            case Cause(text, amount):
                yield _row(_escaped(text), (*empty, amount))
            case Remainder(0):
                yield _row("unexplained", (*empty, "0"))
            case Remainder(amount):
                yield _row(_strong("! unexplained"), (*empty, _strong(signed(amount))))
                yield _row(_escaped(part.advice), (*empty, ""))
            case Note(text):
                yield _row(_escaped(text), (*empty, ""))
            case _:
                assert_never(part)


def _row(label: str, columns: Sequence[str] | Iterator[str]) -> str:
    return f"| {' | '.join((label, *columns))} |"


def _strong(text: str) -> str:
    return f"**{text}**" if text else ""


_MEANINGFUL = re.compile(r"[\\`*\[\]<>&|~$#]|(?<![^\W_])_|_(?![^\W_])")
"""Characters that Markdown interprets inside a line; an underscore between two letters is not one."""


def _escaped(text: str) -> str:
    """Words on one line, with every character escaped that Markdown would interpret."""
    return _MEANINGFUL.sub(r"\\\g<0>", " ".join(text.split()))

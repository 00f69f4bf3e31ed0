"""A report as GitHub-flavoured Markdown, for an issue, a pull request or the folder of a run.

What comes out of a file is shown, never interpreted: every character that Markdown gives a meaning is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
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
from yolo_probe.render.text_layout import hue, printable
from yolo_probe.render.translation import in_language

if TYPE_CHECKING:
    from yolo_probe.language import Language
    from yolo_probe.render.sections import Report


def render(report: Report, *, language: Language = "en") -> str:
    """The whole report in Markdown: a table for each section with figures, its words outside of it."""
    return printable("\n\n".join(_blocks(in_language(sections(report), language))) + "\n")


def _blocks(found: Iterable[Section]) -> Iterator[str]:
    """The blocks of a document, in its order; heads stand above every table until the next heading."""
    heads: tuple[str, ...] = ()
    for section in found:
        for kind, group in groupby(section, _kind_of):
            parts = list(group)
            if any(isinstance(part, Heading) for part in parts):
                heads = ()
            if kind == "figures":
                heads = next((tuple(part.columns) for part in parts if isinstance(part, Heads)), heads)
                yield "\n".join(_table(parts, heads))
            elif kind == "words":
                yield from (line for part in parts for line in _lines(part))
            else:
                yield "\n".join(line for part in parts for line in _lines(part))


def _kind_of(part: Part) -> str:
    """What a part is written as: a part of a table of figures, a table or list of its own, words."""
    if isinstance(part, Heads | Figures | Cause | Remainder):
        return "figures"
    return (
        "rows"
        if isinstance(part, TableRow | Table | Chart)
        else "list"
        if isinstance(part, Footer | Working)
        else "words"
    )


def _lines(part: Part) -> Iterator[str]:
    """The lines of a part that is not in a table of figures; a row without a label begins a new table."""
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
        case Heads() | Figures() | Cause() | Remainder():
            raise AssertionError(part)
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


def _table(parts: Sequence[Part], heads: tuple[str, ...]) -> Iterator[str]:
    """The lines of a table of figures with their causes; figures are right-aligned."""
    width = next((len(part.columns) for part in parts if isinstance(part, Figures)), len(heads) or 1)
    yield _row("", heads if len(heads) == width else ("",) * width)
    yield "|:--" + "|--:" * width + "|"
    empty = ("",) * (width - 1)
    for part in parts:
        match part:
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


def _row(label: str, columns: Sequence[str] | Iterator[str]) -> str:
    return f"| {' | '.join((label, *columns))} |"


def _strong(text: str) -> str:
    return f"**{text}**" if text else ""


_MEANINGFUL = re.compile(r"[\\`*\[\]<>&|~$#]|(?<![^\W_])_|_(?![^\W_])")
"""Characters that Markdown interprets inside a line; an underscore between two letters is not one."""


def _escaped(text: str) -> str:
    """Words on one line, with every character escaped that Markdown would interpret."""
    return _MEANINGFUL.sub(r"\\\g<0>", " ".join(text.split()))

"""A report as HTML for the output of a notebook, with its own styles; all text in it is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
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
    Table,
    TableRow,
    Words,
    Working,
    assert_never,
    signed,
)
from yolo_probe.render.sections import sections
from yolo_probe.render.text_layout import printable

if TYPE_CHECKING:
    from yolo_probe.render.sections import Report


Cells = tuple[str, ...]


def render(report: Report) -> str:
    """The whole report as HTML; rows that follow each other are one table."""
    lines: list[str] = []
    rows: list[tuple[Cells, bool]] = []
    for part in (part for section in sections(report) for part in section):
        match part:
            case TableRow() | Heads() | Figures() | Cause() | Remainder():
                rows.append(_figures(part))
            case Heading() | Words() | HostLine() | Note() | Working() | Footer() | Table() | Chart():
                lines += [*_table(rows), *_blocks(part)]
                rows = []
            case _:
                assert_never(part)
    return "\n".join(["<div>", *lines, *_table(rows), "</div>"])


def _blocks(part: Heading | Words | HostLine | Note | Working | Footer | Table | Chart) -> Iterator[str]:
    match part:
        case Heading(text):
            yield f"<h4>{_text(text)}</h4>"
        case Words(text) | Note(text):
            yield f"<p>{_text(text)}</p>"
        case HostLine(text, gap):
            yield f"<pre>{_text(text)}</pre>"
            if gap:
                yield f"<p>{_text(gap)}</p>"
        case Working(label, sums):
            words = ", ".join(f"{text} {name}".rstrip() for text, name in sums)
            yield f"<p><b>{_text(label)}</b> {_text(words)}</p>"
        case Footer(label, text):
            yield f"<p><small><b>{_text(label)}</b> {_text(text)}</small></p>"
        case Table(heads, rows):
            yield from _table([(heads, True), *((cells, False) for cells in rows)])
        case Chart(heads, lines, sums, names):
            shown = [(cells, False) for cells in lines]
            yield from _table([(heads, True), *shown, *((cells, True) for cells in sums)], names)
        case _:
            assert_never(part)


def _figures(part: TableRow | Heads | Figures | Cause | Remainder) -> tuple[Cells, bool]:
    """The cells of a row, and whether it is bold."""
    match part:
        case TableRow(label, columns, strong):
            return (label.strip(), *columns), strong or not label
        case Heads(columns):
            return ("", *columns), True
        case Figures(label, columns):
            return (label, *columns), True
        case Cause(text, amount):
            return (text, amount), False
        case Remainder(amount):
            return ("unexplained", signed(amount)), amount != 0
        case _:
            return assert_never(part)


def _table(rows: Sequence[tuple[Cells, bool]], names: int = 1) -> Iterator[str]:
    """The lines of a table. ``names``: number of left-aligned columns. A single figure is placed in the last column."""
    if not rows:
        return
    width = max(len(cells) for cells, _ in rows)
    lines = []
    for cells, strong in rows:
        tag = "th" if strong else "td"
        padded = (*cells[:names], *("",) * (width - len(cells)), *cells[names:])
        made = (
            f'<{tag} style="text-align:{"left" if i < names else "right"}">{_text(cell)}</{tag}>'
            for i, cell in enumerate(padded)
        )
        lines.append(f"<tr>{''.join(made)}</tr>")
    yield f"<table>{''.join(lines)}</table>"


def _text(text: str) -> str:
    return escape(printable(text.replace("\N{NO-BREAK SPACE}", " "))).replace("\n", "<br>")

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
    Part,
    Remainder,
    Row,
    Section,
    Table,
    Words,
    Working,
    signed,
)
from yolo_probe.render.sections import sections
from yolo_probe.render.text_layout import hue, printable

if TYPE_CHECKING:
    from yolo_probe.render.sections import Report


def render(report: Report) -> str:
    """The whole report: the host's lines as code, the four numbers as one table, and the notes at its foot."""
    found = list(sections(report))
    if any(isinstance(part, Table | Chart) for section in found for part in section):
        return printable("\n\n".join(_blocks(found)) + "\n")
    table: list[Part] = []
    blocks: list[str] = []
    footers: list[str] = []
    for part in (part for section in found for part in section):
        match part:
            case Heading(text):
                blocks.append(f"## {_escaped(text)}")
            case HostLine(text, gap):
                blocks.append(fenced(text))
                if gap:
                    blocks.append(_escaped(gap))
            case Footer(label, text):
                footers.append(f"- **{label}** {_escaped(text)}")
            case Heads() | Figures() | Cause() | Remainder() | Note():
                table.append(part)
            case Words(text):
                blocks.append(_escaped(text))
    return printable("\n\n".join([*blocks, "\n".join(_table(table)), "\n".join(footers)]) + "\n")


def _blocks(found: Sequence[Section]) -> Iterator[str]:
    """A report whose sections are tables of their own: each with its words under it."""
    for section in found:
        rows: list[str] = []
        words: list[str] = []
        for part in section:
            match part:
                case Heading(text):
                    words.append(f"## {_escaped(text)}")
                case Footer(label, text):
                    words.append(f"- **{label}** {_escaped(text)}")
                case Words(text) | Note(text):
                    words.append(_escaped(text))
                case Row("", columns):
                    rows += [_row("", columns), "|:--" + "|--:" * len(columns) + "|"]
                case Row(label, columns, strong):
                    cells = map(_strong, columns) if strong else iter(columns)
                    rows.append(_row((_strong if strong else str)(label.strip()), cells))
                case Table(heads, lines):
                    rows += [_row(heads[0], heads[1:]), "|:--" + "|--:" * (len(heads) - 1) + "|"]
                    rows += [_row(_escaped(name), figures) for name, *figures in lines]
                case Chart():
                    rows += _chart(part)
                case Working(label, sums):
                    words += [f"- **{_escaped(label)}** {_escaped(text)} {_escaped(name)}" for text, name in sums]
        if rows:
            yield "\n".join(rows)
        if words:
            yield "\n".join(words)


def _chart(part: Chart) -> Iterator[str]:
    """All cells beside each other, the sums in bold; the bars are left to the figures."""
    yield _row(part.heads[0], part.heads[1:])
    yield "|:--" * part.names + "|--:" * (len(part.heads) - part.names) + "|"
    for cells in part.lines:
        yield _row(_escaped(cells[0]), [_escaped(cell) for cell in cells[1:]])
    for cells in part.sums:
        yield _row(_strong(cells[0]), map(_strong, cells[1:]))


def fenced(text: str) -> str:
    """Text as it is, in a block of code that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip(chr(10))}\n{fence}"


def _table(parts: Sequence[Part]) -> Iterator[str]:
    """The four numbers one under the other, each with its causes and its notes; figures at the right edge."""
    width = next(len(part.columns) for part in parts if isinstance(part, Figures))
    names = next((part.columns for part in parts if isinstance(part, Heads)), ("",) * width)
    yield _row("", names)
    yield "|:--" + "|--:" * width + "|"
    empty = ("",) * (width - 1)
    for part in parts:
        match part:
            case Heads(columns) if columns is not names:
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


def _row(label: str, columns: Sequence[str] | Iterator[str]) -> str:
    return f"| {' | '.join((label, *columns))} |"


def _strong(text: str) -> str:
    return f"**{text}**" if text else ""


_MEANINGFUL = re.compile(r"[\\`*\[\]<>&|~$#]|(?<![^\W_])_|_(?![^\W_])")
"""What Markdown would interpret inside a line; an underscore between two letters it leaves alone."""


def _escaped(text: str) -> str:
    """Words on one line, with everything that Markdown would interpret in them escaped."""
    return _MEANINGFUL.sub(r"\\\g<0>", " ".join(text.split()))

"""A document in the reader's language: its sentences and heads; figures, labels and names stay as logs have them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from yolo_probe.language import Language, translated
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
)


def in_language(found: Iterable[Section], language: Language) -> Iterator[Section]:
    """The same sections with their sentences in that language."""
    for section in found:
        yield section if language == "en" else tuple(_part(part, language) for part in section)


def _part(part: Part, language: Language) -> Part:
    def words(text: str) -> str:
        return translated(text, language)

    match part:
        case Heading(text):
            label, colon, rest = text.partition(": ")
            is_file = colon and not label.endswith(")")  # which may have any name
            return Heading(f"{label if is_file else words(label)}{colon}{words(rest)}")
        case Words(text):
            return Words(words(text))
        case Note(text):
            return Note(words(text))
        case HostLine(_, gap):
            return replace(part, gap=words(gap))
        case Heads(columns):
            return Heads(tuple(map(words, columns)))
        case Figures(label, columns):
            return Figures(words(label), tuple(map(words, columns)))
        case Cause(text, amount):
            return Cause(words(text), words(amount))
        case Remainder(_, remedy):
            return replace(part, remedy=words(remedy))
        case Table(heads, rows):
            return Table(tuple(map(words, heads)), tuple((_first(row[0], words), *map(words, row[1:])) for row in rows))
        case Footer(label, text):
            return Footer(words(label), words(text))
        case TableRow(label, columns):
            return replace(part, label=_first(label, words), columns=tuple(map(words, columns)))
        case Chart(heads, lines, sums):
            return replace(
                part,
                heads=tuple(map(words, heads)),
                lines=tuple((*line[:1], *map(words, line[1:])) for line in lines),
                sums=tuple(tuple(map(words, line)) for line in sums),
            )
        case Working(label, sums):
            return replace(part, sums=tuple((text, words(name)) for text, name in sums))
        case _:
            return assert_never(part)


def _first(cell: str, words: Callable[[str], str]) -> str:
    """The first cell of a row, which is a name unless it is indented or has several words."""
    name = cell.lstrip()
    return f"{cell[: len(cell) - len(name)]}{words(name)}" if name != cell or " " in cell else cell

"""A report as parts in reading order, with all words and figures and no layout. Every renderer starts from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Heading:
    """The subject of the report, in one line."""

    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences that explain the whole report or section."""

    text: str


@dataclass(frozen=True, slots=True)
class HostLine:
    """The line that a host prints."""

    text: str
    gap: str
    """Why it has no GFLOPs; empty if it has."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Names of the columns of the parts that follow."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one of the four numbers, or the same figures in another form."""

    label: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableRow:
    """Figures with a label that is none of the four numbers; without a label, the heads of the rows that follow."""

    label: str
    columns: tuple[str, ...]
    strong: bool = False
    """Whether it is the total of the rows below it."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the same columns; the first cell is a name."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines of figures that add up to the last line; the amount of each is drawn as a bar."""

    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    sums: tuple[tuple[str, ...], ...]
    """Lines of sums below them: the lines that are not shown, and the total."""
    names: int
    """Number of cells, from the left, that are names."""
    split: int
    """Number of cells, from the left, in the first table, if not all fit into one."""
    amounts: tuple[int, ...]
    """The amount of each line."""


@dataclass(frozen=True, slots=True)
class Working:
    """The arithmetic of a line's figure: sums, each with what it is for."""

    label: str
    sums: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause with its amount, which is placed in the last column."""

    text: str
    amount: str


@dataclass(frozen=True, slots=True)
class Remainder:
    """The part that no cause explains; it is printed even when it is 0."""

    amount: int
    remedy: str = "No rule covers this. See --layers, and please report it with --format json."

    @property
    def advice(self) -> str:
        """What to do about it; empty if it is 0."""
        return self.remedy if self.amount else ""


@dataclass(frozen=True, slots=True)
class Note:
    """The meaning of the rows above it."""

    text: str


@dataclass(frozen=True, slots=True)
class Footer:
    """A line at the foot of the report, with its label: counter, version, file, further options."""

    label: str
    text: str


Part = (
    Heading
    | Words
    | HostLine
    | Heads
    | Figures
    | TableRow
    | Table
    | Chart
    | Working
    | Cause
    | Remainder
    | Note
    | Footer
)
Section = tuple[Part, ...]
"""Parts that are printed as one block."""


def assert_never(part: NoReturn) -> NoReturn:
    """Refuse a part that no case of a ``match`` takes; mypy proves that there is none.

    Python has this in ``typing`` from 3.11 on.
    """
    raise AssertionError(f"found {part!r}, which this renderer does not know")


def signed(amount: int) -> str:
    """A change with its sign; 0 has none."""
    return f"{amount:+,}" if amount else "0"

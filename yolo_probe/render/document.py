"""A report as its parts in reading order, with all words and figures and no layout: what each renderer starts from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn


@dataclass(frozen=True, slots=True)
class Heading:
    """What the report is about."""

    text: str


@dataclass(frozen=True, slots=True)
class Words:
    """Sentences of their own."""

    text: str


@dataclass(frozen=True, slots=True)
class HostLine:
    """The line that a host prints."""

    text: str
    gap: str
    """Why it has no GFLOPs; empty where it has."""


@dataclass(frozen=True, slots=True)
class Heads:
    """Names of the columns that follow."""

    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """One of the four numbers by its name, or the same figures once more in another form."""

    label: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TableRow:
    """Figures under a name that is none of the four numbers; without a name the heads of those that follow."""

    label: str
    columns: tuple[str, ...]
    strong: bool = False
    """Whether it is the total of the rows under it."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one form, the first cell a name."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Figures of many things, one under the other, that add up to the last line; the amount of each as a bar."""

    heads: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    sums: tuple[tuple[str, ...], ...]
    """Lines of sums under them: what is left out, and the total."""
    names: int
    """Number of the first cells that say what a line is."""
    split: int
    """Number of the first cells that stand together where not all fit beside each other."""
    amounts: tuple[int, ...]
    """Of each line."""


@dataclass(frozen=True, slots=True)
class Working:
    """How the figure of a line comes about: sums worked out, each with what it is for."""

    label: str
    sums: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Cause:
    """Where an amount comes from; it stands in the last column."""

    text: str
    amount: str


@dataclass(frozen=True, slots=True)
class Remainder:
    """What no cause explains, told also when it is 0."""

    amount: int

    @property
    def advice(self) -> str:
        """What to do about it; empty where nothing is left over."""
        return "No rule covers this. See --layers, and please report it with --format json." if self.amount else ""


@dataclass(frozen=True, slots=True)
class Note:
    """What the rows around it mean."""

    text: str


@dataclass(frozen=True, slots=True)
class Footer:
    """How the figures were found, each point under its label."""

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
"""Parts that stand together."""


def assert_never(part: NoReturn) -> NoReturn:
    """Refuse a part that no case of a ``match`` takes; mypy proves that there is none.

    Python has this in ``typing`` from 3.11 on.
    """
    raise AssertionError(f"found {part!r}, which this renderer does not know")


def signed(amount: int) -> str:
    """A change with its sign; 0 has none."""
    return f"{amount:+,}" if amount else "0"

"""What one counter charges for the operators of one pass, and its sums by operator, type, module, row and term.

Each record of the pass is counted once, by one convention. An operator that the counter has no rule for is in no sum
and is listed as uncounted. Where a group has only such operators its sum is None, which is not 0.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeVar

from yolo_probe.counters.conventions import Convention
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.user_rules import CUSTOM

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Work that a counter leaves out of its total because it has no rule for it."""

    operator: str
    path: str
    """Qualified name of the module that runs it; empty: the model itself."""
    values: int
    """Number of values that come out of it in one pass."""
    of: int
    """Number of values that come out of all operators of that pass."""

    @property
    def share(self) -> float:
        """Its share of all values of the pass, 0 to 1."""
        return self.values / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Charges:
    """What one counter charges for some operators, in its own unit; only ``flops`` is in FLOPs."""

    convention: Convention
    records: tuple[OpRecord, ...]
    counts: tuple[int | None, ...]
    """The charge for each record; None where the counter has no rule for it."""

    def __iter__(self) -> Iterator[tuple[OpRecord, int | None]]:
        return zip(self.records, self.counts, strict=True)

    @property
    def total(self) -> int:
        """The sum of all that have a rule, as the counter itself prints it."""
        return added(self.counts) or 0

    @property
    def flops(self) -> int:
        """The total in FLOPs, 1 MAC as 2."""
        return self.total * self.convention.flops_per_count

    @property
    def charged(self) -> Charges:
        """The charges of the operators that cost something."""
        return self._of([pair for pair in self if pair[1]])

    def where(self, keep: Callable[[OpRecord], bool]) -> Charges:
        """The charges of the records for which ``keep`` is true."""
        return self._of([pair for pair in self if keep(pair[0])])

    def grouped(self, key: Callable[[OpRecord], Key]) -> dict[Key, Charges]:
        """The charges of each group by its key, in the order in which the groups first run."""
        groups: dict[Key, list[tuple[OpRecord, int | None]]] = {}
        for pair in self:
            groups.setdefault(key(pair[0]), []).append(pair)
        return {name: self._of(pairs) for name, pairs in groups.items()}

    def by(self, key: Callable[[OpRecord], Key]) -> dict[Key, int | None]:
        """The sum of each group by its key; None where nothing in a group has a rule."""
        return {name: added(group.counts) for name, group in self.grouped(key).items()}

    def by_operator(self) -> dict[str, int | None]:
        """The sums by name of the operator, ``conv2d``."""
        return self.by(lambda record: record.operator)

    def by_type(self) -> dict[str, int | None]:
        """The sums by class of the module that runs the operator, ``nn.Conv2d``."""
        return self.by(lambda record: record.kind)

    def by_module(self) -> dict[str, int | None]:
        """The sums by path of the module that runs the operator itself; they add up to the total."""
        return self.by(lambda record: record.path)

    def by_module_with_parents(self) -> dict[str, int | None]:
        """The sums by path, each with all inside it: ``model.2`` includes ``model.2.cv1``, '' is the whole model."""
        parts: dict[str, list[int | None]] = {"": []}
        for path, amount in self.by_module().items():
            for whole in parents(path):
                parts.setdefault(whole, []).append(amount)
        return {path: added(amounts) for path, amounts in parts.items()}

    def by_row(self, row_of: Callable[[str], str]) -> dict[str, int | None]:
        """The sums by row of the network. ``row_of``: a function from a path to its row's name."""
        return self.by(lambda record: row_of(record.path))

    @property
    def terms(self) -> tuple[Mapping[str, int], ...]:
        """The charge of each record by term (convolution, bias, a fault); the parts add up to its count."""
        return tuple(self.convention.terms(record) for record in self.records)

    def by_term(self) -> dict[str, int]:
        """The total by term; the parts add up to it."""
        found: dict[str, int] = {}
        for terms in self.terms:
            for name, amount in terms.items():
                found[name] = found.get(name, 0) + amount
        return found

    @property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """The operators that the counter has no rule for, in order; those of one name in one module are one entry."""
        found: dict[tuple[str, str], int] = {}
        for record, count in self:
            if count is None:
                place = record.kind if record.operator == CUSTOM else record.operator, record.path
                found[place] = found.get(place, 0) + prod(record.output)
        if not found:
            return ()
        every = sum(prod(record.output) for record in self.records)
        return tuple(Uncounted(operator, path, values, every) for (operator, path), values in found.items())

    def _of(self, pairs: Iterable[tuple[OpRecord, int | None]]) -> Charges:
        records, counts = zip(*pairs, strict=True) if pairs else ((), ())
        return Charges(self.convention, records, counts)


def charge(records: Iterable[OpRecord], convention: Convention) -> Charges:
    """The charges of one counter for these operators; those that it does not see are left out."""
    records = tuple(filter(convention.sees, records))
    return Charges(convention, records, tuple([convention.count(record) for record in records]))


def added(counts: Iterable[int | None]) -> int | None:
    """The sum of the known counts, 0 of no counts at all; None where there are counts and none is known."""
    counts = list(counts)
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None


def parents(path: str) -> Iterator[str]:
    """A path and the paths of all modules around it: ``a.b``, ``a``, and '' for the model."""
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ""

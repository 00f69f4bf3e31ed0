"""What one counter charges for the operators of one pass, summed in every way in which it is asked for.

In go the records of a pass and a convention; each record is counted once. An operator that the counter has no rule for
is in no sum, and listed as uncounted: where nothing of a group is known its sum is None, which is not 0.
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
    """Qualified name of the module that does it; empty: the model itself."""
    values: int
    """Values that come out of it in one pass."""
    of: int
    """Values that come out of all operators of that pass: what ``values`` is a share of."""

    @property
    def share(self) -> float:
        """Its share of the values of the pass, 0 to 1."""
        return self.values / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True)
class Charges:
    """What one counter charges for some operators, in its own unit but for ``flops``."""

    convention: Convention
    records: tuple[OpRecord, ...]
    counts: tuple[int | None, ...]
    """Of each record; None where the counter has no rule for it."""

    def __iter__(self) -> Iterator[tuple[OpRecord, int | None]]:
        return zip(self.records, self.counts, strict=True)

    @property
    def total(self) -> int:
        """Of all that have a rule, as the counter itself prints it."""
        return added(self.counts) or 0

    @property
    def flops(self) -> int:
        """The same in FLOPs."""
        return self.total * self.convention.flops_per_count

    @property
    def charged(self) -> Charges:
        """Those that cost something."""
        return self._of([pair for pair in self if pair[1]])

    def where(self, keep: Callable[[OpRecord], bool]) -> Charges:
        """Those of some operators."""
        return self._of([pair for pair in self if keep(pair[0])])

    def grouped(self, key: Callable[[OpRecord], Key]) -> dict[Key, Charges]:
        """Those of each group, in the order in which the groups first run."""
        groups: dict[Key, list[tuple[OpRecord, int | None]]] = {}
        for pair in self:
            groups.setdefault(key(pair[0]), []).append(pair)
        return {name: self._of(pairs) for name, pairs in groups.items()}

    def by(self, key: Callable[[OpRecord], Key]) -> dict[Key, int | None]:
        """The sum of each group; None where nothing of a group has a rule."""
        return {name: added(group.counts) for name, group in self.grouped(key).items()}

    def by_operator(self) -> dict[str, int | None]:
        """By name of the operator: ``conv2d``."""
        return self.by(lambda record: record.operator)

    def by_type(self) -> dict[str, int | None]:
        """By class of the module that does the work: ``nn.Conv2d``."""
        return self.by(lambda record: record.kind)

    def by_module(self) -> dict[str, int | None]:
        """By qualified name of the module that does the work itself; these add up to the total."""
        return self.by(lambda record: record.path)

    def by_module_with_parents(self) -> dict[str, int | None]:
        """The same with all that is inside each module: ``model.2`` has ``model.2.cv1``, and '' is the whole model."""
        parts: dict[str, list[int | None]] = {"": []}
        for path, amount in self.by_module().items():
            for whole in parents(path):
                parts.setdefault(whole, []).append(amount)
        return {path: added(amounts) for path, amounts in parts.items()}

    def by_row(self, row_of: Callable[[str], str]) -> dict[str, int | None]:
        """By row of the network. ``row_of``: the row that a path lies in."""
        return self.by(lambda record: row_of(record.path))

    @property
    def terms(self) -> tuple[Mapping[str, int], ...]:
        """What each record is charged for: convolution, bias, a fault; the parts add up to its count."""
        return tuple(self.convention.terms(record) for record in self.records)

    def by_term(self) -> dict[str, int]:
        """The total by what it is charged for; the parts add up to it."""
        found: dict[str, int] = {}
        for terms in self.terms:
            for name, amount in terms.items():
                found[name] = found.get(name, 0) + amount
        return found

    @property
    def uncounted(self) -> tuple[Uncounted, ...]:
        """The operators that the counter has no rule for, those of one module and name as one, in order."""
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
    """What a counter charges for those of these operators that it sees."""
    records = tuple(filter(convention.sees, records))
    return Charges(convention, records, tuple([convention.count(record) for record in records]))


def added(counts: Iterable[int | None]) -> int | None:
    """The sum of what is known; None where nothing is, but something should be."""
    counts = list(counts)
    known = [count for count in counts if count is not None]
    return sum(known) if known or not counts else None


def parents(path: str) -> Iterator[str]:
    """A path and all that it lies in: ``a.b``, ``a``, and '' for the model."""
    while path:
        yield path
        path = path.rpartition(".")[0]
    yield ""

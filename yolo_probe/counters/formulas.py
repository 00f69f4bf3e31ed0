"""The arithmetic behind a charge, as text: products of the network's own whole numbers.

A product is FLOPs each x factors (channels, kernel) x places (height, width). Products of the same size are written as
one. The text is an exact expression: its value is the charge, to the last digit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

from yolo_probe.counters import rules
from yolo_probe.counters.charges import Charges
from yolo_probe.counters.rules import CONVOLUTIONS, TRANSPOSED_CONVOLUTIONS
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Shape


@dataclass(frozen=True, slots=True)
class Product:
    """One product of a charge, in FLOPs."""

    term: str
    """What it is for: ``convolution``, ``BatchNorm``, ``bias``."""
    each: int
    """FLOPs of one."""
    factors: Shape
    """Output channels, then the numbers of values that each output value sums: channels in / groups, kernel."""
    places: Shape
    """Height and width; before them the batch, where it is not one image."""

    @property
    def value(self) -> int:
        """The product in FLOPs."""
        return self.each * prod(self.factors) * prod(self.places)

    def __str__(self) -> str:
        return " x ".join(map(str, (self.each, *self.factors[:1], *self.places, *self.factors[1:])))


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Products that differ only in their factors, as one line."""

    term: str
    text: str
    """``2 x 32 x 320 x 320 x 3 x 6 x 6``."""
    value: int
    """Their sum in FLOPs."""


def products(charges: Charges) -> tuple[tuple[Product, ...], ...]:
    """The products that each record's charge is made of, in FLOPs, in the order of the records."""
    factor = charges.convention.flops_per_count
    return tuple(
        tuple(_ordered(record, {name: factor * amount for name, amount in terms.items()}))
        for record, terms in zip(charges.records, charges.terms, strict=True)
    )


def _ordered(record: OpRecord, terms: Mapping[str, int]) -> Iterator[Product]:
    """The products of all terms of one record, those of the bias last."""
    for term in sorted(terms, key=lambda name: name == "bias"):
        yield from _products(record, term, terms[term])


def _products(record: OpRecord, term: str, amount: int) -> Iterator[Product]:
    if record.operator == "multi_head_attention" and amount >= 2 * rules.attention_products(record):
        yield from _attention(record, term, amount - 2 * rules.attention_products(record))
        return
    for factors, places in _forms(record):
        values = prod(factors) * prod(places)
        if values and amount % values == 0:
            yield Product(term, amount // values, factors, places)
            return
    yield Product(term, amount, (), ())


def _attention(record: OpRecord, term: str, rest: int) -> Iterator[Product]:
    """Products of attention: projections of query and output, of key and value, the two matrix products, a softmax."""
    (length, batch, embed), (keys, _, key_size), (_, _, value_size) = record.inputs
    inner = rules.attention_products(record) - rules.attention_projections(record)
    attended = inner // (2 * batch * length * embed)
    yield Product(term, 4, (embed, embed), (batch, length))
    yield Product(term, 2, (embed, key_size + value_size), (batch, keys))
    yield Product(term, 4, (embed, attended), (batch, length))
    if rest:
        rows = rules.attention_values(record) // attended
        yield Product("softmax", rest // rows, (), (rows,)) if rest % rows == 0 else Product("softmax", rest, (), ())


def _forms(record: OpRecord) -> Iterator[tuple[Shape, Shape]]:
    """Factors and places that an operator's charge may be written with, the most detailed first."""
    if record.operator in CONVOLUTIONS:
        yield record.weight, _places(record.output)
    elif record.operator in TRANSPOSED_CONVOLUTIONS:
        yield (record.input[1], *record.weight[1:]), _places(record.input)
    elif record.operator == "linear":
        yield record.weight, record.output[:-1]
    elif record.operator == "matmul":
        yield (*record.output[-1:], record.input[-1]), record.output[:-1]
    for shape in (record.output, record.inputs[0] if record.inputs else ()):
        if len(shape) > 2:
            yield shape[1:2], _places(shape)
        elif shape:
            yield shape[-1:], shape[:-1]


def _places(shape: Shape) -> Shape:
    """Height and width of a tensor, and its batch where that is not one."""
    return (*(n for n in shape[:1] if n != 1), *shape[2:])


def arithmetic(parts: Iterable[Product]) -> tuple[Arithmetic, ...]:
    """The products as lines: those with the same term, FLOPs each and places are one; in the order of the first."""
    groups: dict[tuple[str, int, Shape], Counter[Shape]] = {}
    singles: dict[tuple[str, int, Shape], Product] = {}
    for product in parts:
        form = product.term, product.each, product.places
        singles.setdefault(form, product)
        groups.setdefault(form, Counter())[product.factors] += 1
    return tuple(_line(singles[form], counts) for form, counts in groups.items())


def _line(first: Product, counts: Counter[Shape]) -> Arithmetic:
    value = first.each * prod(first.places) * sum(prod(factors) * count for factors, count in counts.items())
    if counts.total() == 1:
        return Arithmetic(first.term, str(first), value)
    sums = [_counted(factors, count) for factors, count in counts.items()]
    inside = sums[0] if len(sums) == 1 else f"({' + '.join(sums)})"
    return Arithmetic(first.term, " x ".join([*map(str, (first.each, *first.places)), inside]), value)


def _counted(factors: Shape, count: int) -> str:
    """``3 x 64x64x3x3``; a kernel of 1x1 is not written."""
    text = "x".join(map(str, factors[:2] if set(factors[2:]) <= {1} else factors))
    return (f"{count} x {text}" if count > 1 else text) if text else str(count)

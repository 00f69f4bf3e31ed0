"""Figures for any number of classes, as few pieces between which they are polynomials of the second degree.

The width of a head's branches follows the number of classes in some ranges, so that its weights grow with the square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from yolo_probe.hosts.known_lines import Curve, Piece, read_curve, value_at

Figures = Mapping[str, int | None]
"""Numbers by name; None where a host prints none."""

PROBES = (80, 99, 130, 1000)
LAST = 1000
"""From this number of classes on nothing bends."""


def curves_of(
    figures: Callable[[int], Figures],
    known: Mapping[str, Sequence[Curve | None]] | None = None,
    apart: Sequence[int] = (),
    hints: Sequence[int] = (),
) -> dict[str, Curve | None]:
    """The curve of each figure, found by asking for as few numbers of classes as that takes.

    ``known``: curves of the same network elsewhere; where one fits all that is asked, that is the answer. ``apart``:
    numbers of classes that are not like those around them. ``hints``: where a piece may begin.
    """
    ask = cache(figures)
    probes = [2, LAST, *apart[:1]]
    asked = {classes: ask(classes) for classes in probes}
    names = list(asked[2])
    found: dict[str, Curve | None] = {}
    for name in names:
        for curve in (known or {}).get(name, ()):
            if all(figure_at(curve, classes) == asked[classes][name] for classes in probes):
                found[name] = curve
                break
    missing = [name for name in names if name not in found]
    return found | _bent(ask, missing, apart, hints) if missing else found


def _bent(
    ask: Callable[[int], Figures], names: Sequence[str], apart: Sequence[int], hints: Sequence[int]
) -> dict[str, Curve | None]:
    """The curves of these figures."""
    regular = [classes for classes in range(1, LAST + 1) if classes not in apart]
    pieces: dict[str, list[Piece]] = {name: [] for name in names if ask(2)[name] is not None}

    def figures(name: str, places: Sequence[int]) -> list[tuple[int, int]]:
        return [(classes, ask(classes)[name] or 0) for classes in places]

    def fits(at: int) -> bool:
        classes = regular[at]
        return all(value_at(curve, classes) == ask(classes)[name] for name, curve in pieces.items())

    start: int | None = 0
    if all(_is_straight(figures(name, (1, 2, 80, LAST))) for name in pieces):
        start = None
        pieces = {name: [_through(figures(name, (1, 2, LAST)))] for name in pieces}
    while start is not None:
        for name, curve in pieces.items():
            curve.append(_through(figures(name, regular[start : start + 3])))
        start = _next_bend(fits, regular, start + 2, hints)
    points = {classes: ask(classes) for classes in apart}
    curves: dict[str, Curve | None] = {
        name: _with_points(_straight(curve), {classes: found[name] or 0 for classes, found in points.items()})
        for name, curve in pieces.items()
    }
    return {name: curves.get(name) or _missing(ask(1)[name]) for name in names}


def _next_bend(fits: Callable[[int], bool], regular: Sequence[int], like: int, hints: Sequence[int]) -> int | None:
    """The place of the first number of classes that the pieces so far do not fit; None where they fit all.

    ``like``: a place that they fit.
    """
    places = {
        classes: regular.index(classes)
        for classes in (LAST, *PROBES, *hints)
        if classes > regular[like] and classes in regular
    }
    if all(fits(places[classes]) for classes in (LAST, 80) if classes in places):
        return None
    hinted = [places[classes] for classes in hints if classes in places]
    if found := next((at for at in hinted if fits(at - 1) and not fits(at)), None):
        return found
    unlike = next(places[classes] for classes in PROBES if classes in places and not fits(places[classes]))
    while unlike - like > 1:
        middle = (like + unlike) // 2
        like, unlike = (middle, unlike) if fits(middle) else (like, middle)
    return unlike


def _is_straight(points: Sequence[tuple[int, int]]) -> bool:
    """Whether points are on one line."""
    (a, fa), (b, fb), *others = points
    return all((fc - fa) * (b - a) == (fb - fa) * (c - a) for c, fc in others)


def figure_at(curve: Curve | None, classes: int) -> int | None:
    """The figure of a curve, or of none."""
    return None if curve is None else value_at(curve, classes)


def _missing(first: int | None) -> Curve | None:
    """The curve of a figure that a host does not print; of one class it may."""
    return None if first is None else [[1, first], [2]]


def without(curve: Curve, apart: Sequence[int]) -> Curve:
    """The curve without the single numbers of classes that are not like those around them."""
    pieces = [(*piece, 0, 0)[:4] for piece in curve if piece[0] not in apart]
    return [_short(piece) for piece in _straight(pieces)]


def sum_of(first: Curve, second: Curve, sign: int = 1) -> Curve:
    """The curve of the sum of two figures."""
    starts = {classes for curve in (first, second) for classes, *_ in curve}
    pieces: list[Piece] = []
    for start in sorted(starts):
        (_, *a), (_, *b) = _moved(_upto(first, start), start), _moved(_upto(second, start), start)
        figure, *growth = (x + sign * y for x, y in zip(a, b, strict=True))
        pieces.append((start, figure, *([0, 0] if start + 1 in starts else growth)))
    return [_short(piece) for piece in _straight(pieces)]


def difference_of(first: Curve, second: Curve) -> Curve:
    """The curve of the difference of two figures."""
    return sum_of(first, second, -1)


def _upto(curve: Curve, classes: int) -> Curve:
    """The pieces that begin at a number of classes or before it."""
    return [piece for piece in curve if piece[0] <= classes]


def _through(points: Sequence[tuple[int, int]]) -> Piece:
    """The piece through three points, the first two of which, or the last two, are neighbours."""
    (a, fa), (b, fb), (c, fc) = points
    steep = Fraction(fc - fa, c - a) - Fraction(fb - fa, b - a)
    second = 2 * steep / (c - b)
    growth = Fraction(fb - fa, b - a) - second * (b - a - 1) / 2
    assert second.denominator == growth.denominator == 1
    return (a, fa, int(growth), int(second))


def _straight(curve: Sequence[Piece]) -> list[Piece]:
    """The same curve without the bends that only others have."""
    kept: list[Piece] = []
    for piece in curve:
        if not kept or piece != _moved(kept, piece[0]):
            kept.append(piece)
    return kept


def _moved(curve: Sequence[Piece], first: int) -> Piece:
    """The same polynomial from another number of classes on."""
    a, b, c = (value_at(curve, classes) or 0 for classes in (first, first + 1, first + 2))
    return (first, a, b - a, c - 2 * b + a)


def _with_points(curve: list[Piece], points: Mapping[int, int]) -> list[list[int]]:
    """The curve with single numbers of classes that differ, each piece without the zeros at its end."""
    pieces = {piece[0]: piece for piece in curve}
    for classes, figure in points.items():
        if figure != value_at(curve, classes):
            pieces.setdefault(classes + 1, _moved(curve, classes + 1))
            pieces[classes] = (classes, figure, 0, 0)
    return [_short(pieces[first]) for first in sorted(pieces)]


def _short(piece: Piece) -> list[int]:
    first, figure, growth, second = piece
    return [first, figure, growth, second] if second else [first, figure, growth] if growth else [first, figure]


def unshared(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The entries of the file with their curves and rows in place of the numbers."""

    def curve(number: int) -> list[list[int]] | None:
        return [list(piece) for piece in read_curve(document["curves"][number])] or None

    def curves(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: curves(each) for name, each in value.items()}
        return [curves(each) for each in value] if isinstance(value, list) else curve(value)

    def fusion(number: int) -> dict[str, Any]:
        whole = document["fusions"][number]
        changes = [
            {
                **change,
                "cause": document["causes"][change["cause"]],
                **{name: curves(change[name]) for name in ("parameters", "gradients", "flops")},
            }
            for change in whole["changes"]
        ]
        return {**whole, **{name: curves(whole[name]) for name in ("channels", "trained", "norms")}, "changes": changes}

    def whole(each: Mapping[str, Any]) -> dict[str, Any]:
        found = {**each, **{name: curves(each[name]) for name in ("figures", "flops")}}
        return found | ({"fusion": fusion(each["fusion"])} if "fusion" in each else {})

    for each in document["networks"]:
        entry = {**whole(each), "rows": document["rows"][each["rows"]]}
        if "keypoints" in each:
            entry["keypoints"] = {numbers: whole(figures) for numbers, figures in each["keypoints"].items()}
        yield entry

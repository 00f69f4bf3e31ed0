"""Figures for any number of classes, as few pieces between which they grow evenly."""

from __future__ import annotations

from collections.abc import Callable, Sequence

Figures = Sequence[float | None]
Piece = tuple[int, list[float | None], list[float | None]]

LAST_BEND = 130
"""From this number of classes on, every head of every known host grows evenly."""
PROBES = (80, 100, 1000)


def pieces_of(figures: Callable[[int], Figures], known: Sequence[list[Piece]] = ()) -> list[Piece]:
    """The pieces of all figures, found by asking for as few numbers of classes as that takes.

    ``known``: pieces of other hosts' networks; where all that is asked fits one of them, that is the answer.
    """
    asked: dict[int, Figures] = {}

    def ask(classes: int) -> Figures:
        if classes not in asked:
            asked[classes] = figures(classes)
        return asked[classes]

    for pieces in known:
        if all(_fits(_at(pieces, classes), classes, ask(classes)) for classes in (2, 80, LAST_BEND)):
            return pieces
    first = _piece(1, ask(1), ask(2))
    if all(_fits(first, classes, ask(classes)) for classes in PROBES):
        return [first]
    made, classes = [first], _first_unlike(first, ask)
    while classes <= LAST_BEND:
        made.append(_piece(classes, ask(classes), ask(classes + 1)))
        if _fits(made[-1], LAST_BEND, ask(LAST_BEND)) and _fits(made[-1], classes + 2, ask(classes + 2)):
            break
        classes += 1
        while _fits(made[-1], classes, ask(classes)):
            classes += 1
    return made


def _first_unlike(piece: Piece, ask: Callable[[int], Figures]) -> int:
    """The least number of classes that a piece does not fit, found by halving."""
    fits, unlike = 2, LAST_BEND
    while unlike - fits > 1:
        middle = (fits + unlike) // 2
        fits, unlike = (middle, unlike) if _fits(piece, middle, ask(middle)) else (fits, middle)
    return unlike


def _at(pieces: Sequence[Piece], classes: int) -> Piece:
    return [piece for piece in pieces if piece[0] <= classes][-1]


def _piece(first: int, here: Figures, after: Figures) -> Piece:
    growth = [None if a is None or b is None else _tidy(b - a) for a, b in zip(here, after, strict=True)]
    return first, [_tidy(figure) for figure in here], growth


def _tidy(figure: float | None) -> float | None:
    """Whole numbers stay; GFLOPs are kept to the single FLOP."""
    return round(figure, 9) if isinstance(figure, float) else figure


def _fits(piece: Piece, classes: int, found: Figures) -> bool:
    first, figures, growth = piece
    more = classes - first
    return all(
        a is b if a is None or b is None else abs(a + more * (each or 0) - b) < 1e-5
        for a, each, b in zip(figures, growth, found, strict=True)
    )

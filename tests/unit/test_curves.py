"""Figures for any number of classes as curves: found by few questions, the same as the figures themselves."""

from __future__ import annotations

import pytest

from tests.known_lines.curves import curves_of, figure_at

APART = (64, 128)


def head(classes: int, *, apart: bool = False) -> int:
    """A head of branches as wide as there are classes, from 80 to 100 of them."""
    width = max(80, min(classes, 100))
    return 9 * width * width + width * classes + (5000 if apart and classes in APART else 0)


@pytest.mark.parametrize("apart", [(), APART])
@pytest.mark.parametrize("hints", [(), (81, 101), (50, 101)])
def test_a_curve_gives_every_figure(apart: tuple[int, ...], hints: tuple[int, ...]) -> None:
    asked: set[int] = set()

    def figures(classes: int) -> dict[str, int | None]:
        asked.add(classes)
        return {"head": head(classes, apart=bool(apart)), "backbone": 7, "gone": None}

    found = curves_of(figures, apart=apart, hints=hints)
    assert found["backbone"] == [[1, 7]]
    assert found["gone"] is None
    assert [figure_at(found["head"], classes) for classes in range(1, 1200)] == [
        head(classes, apart=bool(apart)) for classes in range(1, 1200)
    ]
    assert len(asked) < 30


def test_a_curve_that_is_known_is_taken_after_two_questions() -> None:
    asked = []

    def figures(classes: int) -> dict[str, int | None]:
        asked.append(classes)
        return {"head": head(classes)}

    known = curves_of(figures)
    asked.clear()
    assert curves_of(figures, {"head": [[[1, 3]], known["head"]]}) == known
    assert len(asked) == 2


def test_a_figure_for_one_class_alone_ends_after_it() -> None:
    found = curves_of(lambda classes: {"flops": 9 if classes == 1 else None})
    assert [figure_at(found["flops"], classes) for classes in (1, 2, 80)] == [9, None, None]

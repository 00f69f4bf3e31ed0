"""Unit: which rows --freeze takes out of training."""

from __future__ import annotations

import pytest

from yolo_probe.hosts.target import resolve
from yolo_probe.model.freezing import frozen_by_rows, frozen_rows, row_ranges, with_gradients
from yolo_probe.model.structure import count_gradients, count_parameters, named_parameters


@pytest.mark.parametrize(
    ("option", "rows"),
    [
        ([10], tuple(range(10))),
        (10, tuple(range(10))),
        ([0], ()),
        ([2**80], tuple(range(25))),
        ([-3, 4, 99], (4,)),
        ([0, 5], (0, 5)),
        ([0, 1, 2], (0, 1, 2)),
        (None, None),
        ([], None),
        ("10", None),
    ],
)
def test_one_number_is_that_many_rows_and_several_are_themselves(option: object, rows: tuple[int, ...] | None) -> None:
    assert frozen_rows(option, 25) == rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [(tuple(range(10)), "rows 0 to 9"), ((0, 5), "rows 0 and 5"), ((3,), "row 3"), ((1, 4, 7), "rows 1, 4 and 7")],
)
def test_rows_are_told_in_words(rows: tuple[int, ...], words: str) -> None:
    assert row_ranges(rows) == words


def test_freeze_10_leaves_what_yolov5s_really_trains() -> None:
    root = resolve("yolov5s").root
    frozen = frozen_by_rows(root, tuple(range(10)))
    assert sum(t.numel for name, t in named_parameters(root) if name not in frozen) == 3_063_933


def test_row_1_is_not_row_10() -> None:
    names = frozen_by_rows(resolve("yolov5s").root, (1,))
    assert {name.split(".")[1] for name in names} == {"1"}


def test_a_flag_on_all_parameters_changes_nothing_else() -> None:
    root = resolve("yolov5n").root
    frozen = with_gradients(root, False)
    assert (count_parameters(frozen), count_gradients(frozen)) == (1_872_157, 0)
    assert count_gradients(with_gradients(frozen, True)) == 1_872_157
    assert count_gradients(root) == 1_872_157

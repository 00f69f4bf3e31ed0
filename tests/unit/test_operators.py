"""Unit: the shape of every operator's output, written out by its formula."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from yolo_probe.model import operators
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape

IMAGE = (1, 3, 640, 480)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (operators.conv2d(IMAGE, (16, 3, 6, 6), 2, 2, 1, 1), (1, 16, (640 + 4 - 6) // 2 + 1, (480 + 4 - 6) // 2 + 1)),
        (operators.conv2d(IMAGE, (16, 3, 3, 3), 1, "same", 2, 1), (1, 16, 640, 480)),
        (operators.conv2d(IMAGE, (16, 3, 3, 3), 1, "valid", 1, 1), (1, 16, 638, 478)),
        (operators.conv2d(IMAGE, (3, 1, 3, 1), (2, 1), (1, 0), 1, 3), (1, 3, 320, 480)),
        (operators.conv_transpose2d((1, 8, 20, 10), (8, 4, 2, 2), 2, 0, 0, 1, 1), (1, 4, 40, 20)),
        (operators.conv_transpose2d((1, 8, 20, 10), (8, 1, 3, 3), 2, 1, 1, 2, 8), (1, 8, 42, 22)),
        (operators.pool2d((1, 8, 7, 7), 2, 2, 0, 1, ceil_mode=False), (1, 8, 3, 3)),
        (operators.pool2d((1, 8, 7, 7), 2, 2, 0, 1, ceil_mode=True), (1, 8, 4, 4)),
        (operators.pool2d((1, 8, 5, 5), 2, 4, 1, 1, ceil_mode=True), (1, 8, 2, 2)),
        (operators.adaptive_pool2d((1, 8, 7, 5), 1), (1, 8, 1, 1)),
        (operators.adaptive_pool2d((1, 8, 7, 5), (None, 2)), (1, 8, 7, 2)),
        (operators.upsample((1, 8, 7, 5), None, 2.0), (1, 8, 14, 10)),
        (operators.upsample((1, 8, 7, 5), None, (1.5, 3.0)), (1, 8, 10, 15)),
        (operators.upsample((1, 8, 7, 5), (9, 4), None), (1, 8, 9, 4)),
        (operators.pad2d((1, 8, 7, 5), (0, 1, 0, 2)), (1, 8, 9, 6)),
        (operators.pad2d((1, 8, 7, 5), 1), (1, 8, 9, 7)),
        (operators.linear((400, 1, 256), (10, 256)), (400, 1, 10)),
        (operators.cat([(1, 8, 7, 5), (1, 4, 7, 5)], 1), (1, 12, 7, 5)),
        (operators.cat([(1, 8), (1, 4)], -1), (1, 12)),
        (operators.broadcast((1, 8, 7, 5), (8, 1, 1)), (1, 8, 7, 5)),
        (operators.flatten((1, 8, 7, 5)), (1, 280)),
        (operators.flatten((1, 8, 7, 5), 0, 1), (8, 7, 5)),
        (operators.pixel_shuffle((1, 8, 7, 5), 2), (1, 2, 14, 10)),
        (operators.pixel_unshuffle((1, 8, 8, 6), 2), (1, 32, 4, 3)),
        (operators.every_second((1, 3, 7, 6), 0, 1), (1, 3, 4, 3)),
        (operators.every_second((1, 3, 7, 6), 1, 0), (1, 3, 3, 3)),
    ],
)
def test_the_shape_of_an_output_follows_its_formula(shape: Shape, expected: Shape) -> None:
    assert shape == expected


@pytest.mark.parametrize(
    ("operator", "found"),
    [
        (lambda: operators.conv2d(IMAGE, (16, 4, 3, 3), 1, 1, 1, 1), "found 3 input channels, expected 4"),
        (lambda: operators.conv2d((1, 3, 2, 2), (16, 3, 5, 5), 1, 1, 1, 1), "an input of 2x2, expected at least"),
        (lambda: operators.conv2d((3, 640), (16, 3, 5, 5), 1, 1, 1, 1), r"an input of shape \(3, 640\)"),
        (lambda: operators.conv_transpose2d(IMAGE, (4, 4, 2, 2), 2, 0, 0, 1, 1), "3 input channels, expected 4"),
        (lambda: operators.pool2d((1, 8, 1, 1), 3, 1, 0, 1, ceil_mode=False), "an input of 1x1"),
        (lambda: operators.pool2d((1, 8, 9, 9), 3, 1, 2, 1, ceil_mode=False), "padding 2, expected at most half"),
        (lambda: operators.upsample((1, 8, 7, 5), None, None), "neither size nor scale_factor"),
        (lambda: operators.linear((1, 7), (10, 8)), "7 input features, expected 8"),
        (lambda: operators.cat([(1, 8, 7, 5), (1, 4, 7, 6)], 1), r"input 1 of shape \(1, 4, 7, 6\)"),
        (lambda: operators.cat([(1, 8), (1, 8, 1)], 1), "input 1"),
        (lambda: operators.broadcast((1, 8, 7, 5), (1, 4, 7, 5)), "shapes"),
        (lambda: operators.pixel_shuffle((1, 6, 7, 5), 2), "6 channels, expected a multiple of 4"),
        (lambda: operators.pixel_unshuffle((1, 8, 7, 6), 2), "an input of 7x6, expected multiples of 2"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_what_was_expected(operator: Callable[[], Shape], found: str) -> None:
    with pytest.raises(ShapeError, match=found):
        operator()

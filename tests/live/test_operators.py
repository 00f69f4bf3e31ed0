"""Every operator's shape is the one that torch's own kernels give on the meta device, for options drawn at random."""

from __future__ import annotations

from collections.abc import Callable

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from yolo_probe.model import operators
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape

SIDE = st.integers(1, 40)
CHANNELS = st.integers(1, 12)
SMALL = st.integers(1, 5)
PADDING = st.integers(0, 3)
SAMPLES = settings(max_examples=200, deadline=None, derandomize=True)


def meta(*shape: int) -> torch.Tensor:
    return torch.empty(*shape, device="meta")


def outcome(operator: Callable[[], Shape | torch.Tensor]) -> Shape | None:
    """The shape that comes out, or None where the operator refuses."""
    try:
        out = operator()
    except (RuntimeError, AssertionError, ShapeError):  # torch 2.4 refuses to shuffle by an assertion
        return None
    shape = tuple(out.shape) if isinstance(out, torch.Tensor) else out
    return shape if all(shape) else None  # meta lets an empty image pass; real kernels refuse it


@SAMPLES
@given(CHANNELS, SIDE, SIDE, SMALL, SMALL, st.integers(1, 3), PADDING, st.integers(1, 3), st.integers(1, 3))
def test_convolutions_agree_with_torch(
    c: int, h: int, w: int, kh: int, kw: int, stride: int, padding: int, dilation: int, groups: int
) -> None:
    weight = (4 * groups, c, kh, kw)
    real = outcome(
        lambda: nn.functional.conv2d(meta(1, c * groups, h, w), meta(*weight), None, stride, padding, dilation, groups)
    )
    assert outcome(lambda: operators.conv2d((1, c * groups, h, w), weight, stride, padding, dilation, groups)) == real


@SAMPLES
@given(CHANNELS, SIDE, SIDE, SMALL, st.integers(1, 3), PADDING, st.integers(0, 2), st.integers(1, 3), st.integers(1, 3))
def test_transposed_convolutions_agree_with_torch(
    c: int, h: int, w: int, k: int, stride: int, padding: int, extra: int, dilation: int, groups: int
) -> None:
    if extra >= max(stride, dilation):
        return  # torch refuses it before it looks at shapes
    x, weight = (1, c * groups, h, w), (c * groups, 3, k, k)
    real = outcome(
        lambda: nn.functional.conv_transpose2d(meta(*x), meta(*weight), None, stride, padding, extra, groups, dilation)
    )
    assert outcome(lambda: operators.conv_transpose2d(x, weight, stride, padding, extra, dilation, groups)) == real


@SAMPLES
@given(SIDE, SIDE, SMALL, SMALL, PADDING, st.integers(1, 2), st.booleans())
def test_pooling_agrees_with_torch(
    h: int, w: int, k: int, stride: int, padding: int, dilation: int, ceil: bool
) -> None:
    real = outcome(lambda: nn.MaxPool2d(k, stride, padding, dilation, ceil_mode=ceil)(meta(1, 2, h, w)))
    assert outcome(lambda: operators.pool2d((1, 2, h, w), k, stride, padding, dilation, ceil)) == real
    if dilation == 1:
        real = outcome(lambda: nn.AvgPool2d(k, stride, padding, ceil_mode=ceil)(meta(1, 2, h, w)))
        assert outcome(lambda: operators.pool2d((1, 2, h, w), k, stride, padding, 1, ceil)) == real


@SAMPLES
@given(SIDE, SIDE, st.one_of(st.none(), SMALL), st.one_of(st.none(), SMALL))
def test_adaptive_pooling_agrees_with_torch(h: int, w: int, rows: int | None, columns: int | None) -> None:
    real = outcome(lambda: nn.AdaptiveAvgPool2d((rows, columns))(meta(1, 2, h, w)))
    assert operators.adaptive_pool2d((1, 2, h, w), (rows, columns)) == real


@SAMPLES
@given(SIDE, SIDE, st.sampled_from([0.5, 1.0, 1.5, 1.7, 2.0, 3.0]), st.sampled_from(["nearest", "bilinear"]))
def test_interpolation_agrees_with_torch(h: int, w: int, scale: float, mode: str) -> None:
    if h * scale < 1 or w * scale < 1:
        return  # torch refuses an empty image
    real = outcome(lambda: nn.Upsample(scale_factor=scale, mode=mode)(meta(1, 2, h, w)))
    assert operators.upsample((1, 2, h, w), None, scale) == real


@SAMPLES
@given(SIDE, SIDE, st.lists(PADDING, min_size=4, max_size=4))
def test_padding_agrees_with_torch(h: int, w: int, padding: list[int]) -> None:
    left, right, top, bottom = padding
    real = outcome(lambda: nn.ZeroPad2d((left, right, top, bottom))(meta(1, 2, h, w)))
    assert operators.pad2d((1, 2, h, w), padding) == real


@SAMPLES
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2)), min_size=1, max_size=4),
    st.integers(-3, 2),
)
def test_concatenation_agrees_with_torch(shapes: list[Shape], dim: int) -> None:
    real = outcome(lambda: torch.cat([meta(*shape) for shape in shapes], dim))
    assert outcome(lambda: operators.cat(shapes, dim)) == real


@SAMPLES
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_sums_broadcast_as_in_torch(a: list[int], b: list[int]) -> None:
    real = outcome(lambda: meta(*a) + meta(*b))
    assert outcome(lambda: operators.broadcast(tuple(a), tuple(b))) == real


@SAMPLES
@given(CHANNELS, st.integers(1, 8), st.integers(1, 8), st.integers(1, 3))
def test_shuffles_and_slices_agree_with_torch(c: int, h: int, w: int, factor: int) -> None:
    x = (1, c, h, w)
    assert outcome(lambda: operators.pixel_shuffle(x, factor)) == outcome(lambda: nn.PixelShuffle(factor)(meta(*x)))
    assert outcome(lambda: operators.pixel_unshuffle(x, factor)) == outcome(lambda: nn.PixelUnshuffle(factor)(meta(*x)))
    for row in (0, 1):
        for column in (0, 1):
            assert operators.every_second(x, row, column) == tuple(meta(*x)[..., row::2, column::2].shape)


@SAMPLES
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 4), st.integers(1, 4))
def test_linear_and_flatten_agree_with_torch(x: list[int], features: int, out: int) -> None:
    real = outcome(lambda: nn.functional.linear(meta(*x), meta(out, features)))
    assert outcome(lambda: operators.linear(tuple(x), (out, features))) == real
    if len(x) > 1:
        assert operators.flatten(tuple(x)) == tuple(meta(*x).flatten(1).shape)

"""What a function of torch gives is known without its kernel, with the places of its values in memory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import pytest
import torch

from yolo_probe.live.function_shapes import ANSWERS

SHAPES = ((2, 3, 4, 5), (1, 3, 1, 4), (1, 2, 8), (2, 1, 1), (4, 1), (3,), ())


PAIRS = [
    (first, second)
    for first, second in itertools.product(SHAPES, repeat=2)
    if all(a == b or 1 in (a, b) for a, b in zip(reversed(first), reversed(second), strict=False))
]
"""Those that torch takes together."""


def laid_in_every_way(shape: Sequence[int]) -> Iterator[torch.Tensor]:
    """Tensors of that shape: their axes in every order, also each second value of a larger one, or one value again."""
    for order in itertools.permutations(range(len(shape))):
        turned = torch.ones([shape[axis] for axis in order]).permute([order.index(axis) for axis in range(len(shape))])
        yield turned
    yield torch.ones([2 * each for each in shape])[(slice(None, None, 2),) * len(shape)]
    yield torch.ones(()).expand(shape)


def on_meta(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty_strided(tensor.size(), tensor.stride(), device="meta")


def check(function: object, tensors: tuple[torch.Tensor, ...], real: torch.Tensor) -> None:
    """Hold an answer against what torch has computed: its layout, but for axes of one entry, of which it is free."""
    found = ANSWERS[function](tuple(map(on_meta, tensors)), {})
    assert found is not None
    shape, dtype, strides = found
    made = torch.empty(shape, dtype=dtype) if strides is None else torch.empty_strided(shape, strides, dtype=dtype)
    assert (made.size(), made.dtype) == (real.size(), real.dtype)
    steps = [[step for size, step in zip(each.size(), each.stride(), strict=True) if size > 1] for each in (made, real)]
    assert steps[0] == steps[1], [(each.size(), each.stride()) for each in tensors]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_function_of_one_tensor_gives_what_lies_as_torch_lays_it(shape: tuple[int, ...]) -> None:
    for tensor in laid_in_every_way(shape):
        check(torch.sigmoid, (tensor,), torch.sigmoid(tensor))
        check(torch.Tensor.contiguous, (tensor,), tensor.contiguous())


@pytest.mark.parametrize(("first", "second"), PAIRS, ids=str)
def test_a_function_of_two_tensors_gives_what_lies_as_torch_lays_it(
    first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    for a, b in itertools.product(laid_in_every_way(first), laid_in_every_way(second)):
        check(torch.sub, (a, b), a - b)


def test_tensors_are_joined_as_torch_joins_them() -> None:
    for shape in ((1, 2, 8), (4, 2), (3,)):
        for a, b in itertools.product(laid_in_every_way(shape), repeat=2):
            joined = ANSWERS[torch.cat](((on_meta(a), on_meta(b)),), {})
            assert joined is not None
            assert (torch.Size(joined[0]), joined[2]) == (torch.cat((a, b)).size(), None)
            assert torch.cat((a, b)).is_contiguous()


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 1, 4, 5), (2, 3, 1, 1), (1, 2, 3, 4, 5), (2, 3, 1, 4, 1)], ids=str)
def test_images_are_joined_as_torch_joins_them_or_by_torch_itself(shape: tuple[int, ...]) -> None:
    answered = 0
    for a, b in itertools.product(laid_in_every_way(shape), repeat=2):
        joined = ANSWERS[torch.cat](((on_meta(a), on_meta(b)), -1), {})
        if joined is not None:
            answered += 1
            assert (torch.Size(joined[0]), joined[2]) == (torch.cat((a, b), -1).size(), None)
            assert torch.cat((a, b), -1).is_contiguous()
    assert answered

"""What a forward leaves outside its model is taken back after a pass on shapes."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from types import MethodType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from yolo_probe.live.live import Live
from yolo_probe.live.recorder import Recorder

CACHE: dict[Any, Any] = {}
SEEN: deque[Any] = deque(maxlen=3)
NESTED: dict[str, list[Any]] = {"sizes": [1]}
CALLS = 0


class Caching(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Keeps grids in its module, its class and a closure, as caches by size do."""

    grids: dict[int, Any] = {}  # noqa: RUF012  # shared on purpose

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        global CALLS
        CALLS += 1
        CACHE[x.shape] = torch.zeros(2, device=x.device)
        self.grids[x.shape[-1]] = x
        SEEN.append(x)
        NESTED["sizes"].append(x)
        type(self).last = x
        return self.conv(x)


def test_caches_outside_the_model_hold_nothing_of_a_pass_on_shapes() -> None:
    model = Caching()
    assert len(Live(model).trace((1, 3, 8, 8)).records) == 1
    assert (CACHE, Caching.grids, SEEN, NESTED, CALLS) == ({}, {}, deque(maxlen=3), {"sizes": [1]}, 0)
    assert not hasattr(Caching, "last")
    assert model(torch.zeros(1, 3, 8, 8)).shape == (1, 4, 8, 8)
    assert CALLS == 1


@lru_cache
def grid(size: int, device: torch.device) -> torch.Tensor:
    return torch.zeros(size, device=device)


class Remembering(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Asks functions for grids that they remember, one of the module's file and one of its class."""

    @staticmethod
    @lru_cache
    def own(size: int, device: torch.device) -> torch.Tensor:
        return torch.ones(size, device=device)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + grid(x.shape[-1], x.device) + self.own(x.shape[-1], x.device)


def test_functions_that_remember_have_forgotten_a_pass_on_shapes() -> None:
    model = Remembering()
    Live(model).trace((1, 3, 8, 8))
    assert (grid.cache_info().currsize, Remembering.own.cache_info().currsize) == (0, 0)
    assert model(torch.zeros(1, 3, 8, 8)).sum() == 192
    Live(model).trace((1, 3, 8, 16))
    assert not any(grid(size, torch.device("cpu")).is_meta for size in (8, 16))


def drawing(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return x + random.random() + float(np.random.rand()) + torch.rand(1, device=x.device)


class Drawing(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    forward = drawing


def with_forward_of_its_own() -> nn.Module:
    model = nn.Sequential(nn.Conv2d(3, 3, 1))
    model.forward = MethodType(drawing, model)
    return model


def with_function() -> nn.Module:
    model = nn.Sequential(nn.Conv2d(3, 3, 1))
    model.listed = [lambda x: drawing(model, x)]
    model.forward = lambda x: model.listed[0](x)
    return model


def patched(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    monkeypatch.setattr(nn.Sequential, "forward", drawing)
    return nn.Sequential(nn.Conv2d(3, 3, 1))


@pytest.mark.parametrize("make", [Drawing, with_forward_of_its_own, with_function, patched])
def test_the_next_random_numbers_are_those_without_a_pass(
    make: Callable[..., nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make(monkeypatch) if make is patched else make()
    drawn = []
    for passes in (False, True):
        random.seed(0)
        np.random.seed(0)
        torch.manual_seed(0)
        if passes:
            Live(model).trace((1, 3, 8, 8))
        drawn.append((random.random(), float(np.random.rand()), float(torch.rand(1))))
    assert drawn[0] == drawn[1]


class Table(dict[str, Any]):
    """Makes a module of what it holds, as the table of activations in transformers does."""

    def __getitem__(self, name: str) -> nn.Module:
        made: nn.Module = super().__getitem__(name)()
        return made

    def clear(self) -> None:
        raise AssertionError("a table of the user's was emptied")


ACTIVATIONS = Table(relu=nn.ReLU, silu=nn.SiLU)


class FromTable(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Looks its activation up while it runs, and adds one to the table."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        ACTIVATIONS["tanh"] = nn.Tanh
        return ACTIVATIONS["relu"](self.conv(x))


def test_a_container_of_a_class_of_its_own_is_never_touched() -> None:
    assert [record.operator for record in Live(FromTable()).trace((1, 3, 8, 8)).records] == ["conv2d", "relu"]
    assert dict(ACTIVATIONS.items()) == {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh}
    assert isinstance(ACTIVATIONS["silu"], nn.SiLU)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize(
    "layer",
    [nn.Dropout(), nn.Dropout2d(), nn.RReLU(), nn.FractionalMaxPool2d(2, output_size=3), nn.FeatureAlphaDropout()],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_of_torch_draw_nothing_in_a_pass_without_values(layer: nn.Module, training: bool) -> None:
    if isinstance(layer, nn.RReLU) and torch.__version__.startswith("2.1."):
        pytest.skip("RReLU on the meta device asks for bounds there that have defaults")
    model, before = nn.Sequential(nn.Conv2d(3, 3, 1), layer), torch.get_rng_state()
    live = Live(model, training=training)
    live.trace_weightless((1, 3, 8, 8))
    assert torch.equal(before, torch.get_rng_state())


def test_what_another_thread_draws_during_a_pass_is_not_drawn_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    run, drawn = Recorder.run, []

    def meanwhile(recorder: Recorder, image: Any) -> Any:
        with ThreadPoolExecutor(1) as thread:
            drawn.append(thread.submit(torch.rand, 1).result())
        return run(recorder, image)

    monkeypatch.setattr(Recorder, "run", meanwhile)
    Live(nn.Sequential(nn.Conv2d(3, 3, 1), nn.Dropout())).trace((1, 3, 8, 8))
    assert len(drawn) == 1
    assert not torch.equal(drawn[0], torch.rand(1))

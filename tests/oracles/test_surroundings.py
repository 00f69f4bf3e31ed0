"""What a forward leaves outside its model is taken back after a pass on shapes."""

from __future__ import annotations

from collections import deque
from functools import lru_cache
from typing import Any

import torch
from torch import nn

from yolo_probe.live import Live

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

"""A claim on every network, counter or file: `make unit` takes some of them, `make test` all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from _pytest.mark import ParameterSet


def exhaustively(values: Iterable[object], few: int = 1) -> list[ParameterSet]:
    """Parameters of a test, of which all but a few, evenly spaced from the first on, are exhaustive."""
    every = list(values)
    kept = {index * len(every) // few for index in range(few)}
    return [
        pytest.param(value, marks=() if index in kept else pytest.mark.exhaustive) for index, value in enumerate(every)
    ]

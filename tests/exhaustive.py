"""A claim on every network, counter or file: `make unit` takes some of them, `make test` all."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from _pytest.mark import ParameterSet


def exhaustively(values: Iterable[object], few: int = 1) -> list[ParameterSet]:
    """Parameters of a test, of which all but a few, evenly spaced from the first on, are exhaustive."""
    return exhaustive_rows(((value,) for value in values), few)


def exhaustive_rows(rows: Iterable[tuple[object, ...]], few: int = 1) -> list[ParameterSet]:
    """The same for a test with several parameters, which each row has in their order."""
    every = list(rows)
    kept = {index * len(every) // few for index in range(few)}
    return [
        pytest.param(*row, marks=() if index in kept else pytest.mark.exhaustive) for index, row in enumerate(every)
    ]

"""One thing that a sweep measures: a network, its input, and what its figure should be where somebody says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from tests.oracles.real_counters import Measure

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A network with its input, for every counter or for some."""

    make: Callable[[], nn.Module]
    """Gives a new network."""
    shapes: tuple[Shape, ...]
    """One for each argument of the forward pass."""
    counters: tuple[str, ...] = ()
    """Whose it is; of every counter if none is named."""
    expected: int | None = None
    """The figure that it should have, in the counter's own unit."""
    parameters: int | None = None
    """The parameters that the counter should find."""
    modules: dict[str, int] | None = None
    """The figures that modules should have, by their first name."""
    training: bool = False
    """Whether it is measured in training mode."""
    measure: Measure | None = None
    """Asks the tool, where that takes more than a model and an input."""
    rules: str = ""
    """A file of the user's own rules that says the same to the probe, as Python."""

    def inputs(self) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The argument, or a tuple of several."""
        zeros = tuple(map(torch.zeros, self.shapes))
        return zeros[0] if len(zeros) == 1 else zeros

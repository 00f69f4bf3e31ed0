"""Measured times: their median and spread, and whether two of them differ by more than their noise."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from statistics import median, quantiles

NOISE = 1.25 / 1.35
"""Standard deviation of a median, in interquartile ranges, times the root of the number of values.

Source: McGill, Tukey and Larsen 1978, Variations of Box Plots.
"""
SURE = 2.78
"""Standard deviations within which 95 of 100 differences by chance are, for five blocks.

Source: Student's t with four degrees of freedom; with more blocks it is less.
"""
SURE_OF_TURNS = 3.0
"""The same for the median of seven turns, whose spread is less well known: 95 of 100 of normal values, drawn 100,000
times; 95 to 97 where large ones are more frequent."""


@dataclass(frozen=True, slots=True)
class Timing:
    """The time of one pass, from several blocks of them; in seconds."""

    median: float
    low: float
    """First quartile."""
    high: float
    """Third quartile."""
    count: int
    """Blocks that were timed."""
    turns: tuple[float, ...] = ()
    """The median of each turn, where several passes took turns."""

    @property
    def noise(self) -> float:
        """Standard deviation of the median."""
        return NOISE * (self.high - self.low) / sqrt(self.count)


@dataclass(frozen=True, slots=True)
class Gain:
    """What a second network is faster by; in seconds."""

    saved: float
    """Below 0 where it is slower."""
    margin: float
    """Half of the interval that holds it at least 95 times of 100, if blocks differ by chance alone."""

    @property
    def is_seen(self) -> bool:
        """Whether it is more than the noise."""
        return abs(self.saved) > self.margin


def timing(times: tuple[float, ...]) -> Timing:
    """The median and the quartiles of the times of blocks."""
    low, _, high = quantiles(times, n=4, method="inclusive") if len(times) > 1 else times * 3
    return Timing(median(times), low, high, len(times))


def timing_of_turns(turns: tuple[tuple[float, ...], ...]) -> Timing:
    """The time of one pass by the times of the blocks of each turn."""
    return replace(timing(tuple(time for turn in turns for time in turn)), turns=tuple(map(median, turns)))


def gain(before: Timing, after: Timing) -> Gain:
    """What the second is faster by, and how sure that is.

    Where both took turns, the difference within each turn is one value: what else the machine does lasts longer than a
    block, so that the blocks of a turn are not independent.
    """
    saved = before.median - after.median
    if len(before.turns) != len(after.turns) or len(before.turns) < 2:
        return Gain(saved, SURE * sqrt(before.noise**2 + after.noise**2))
    turns = timing(tuple(slow - fast for slow, fast in zip(before.turns, after.turns, strict=True)))
    return Gain(saved, SURE_OF_TURNS * turns.noise + abs(saved - turns.median))  # around the medians that are shown


def milliseconds(seconds: float) -> str:
    """Milliseconds with three digits."""
    value = 1000 * seconds
    return f"{value:.0f}" if abs(value) >= 99.5 else f"{value:.1f}" if abs(value) >= 9.95 else f"{value:.2f}"


def giga(number: float) -> str:
    """Billions with two or three digits."""
    value = number / 1e9
    return f"{value:.0f}" if value >= 99.5 else f"{value:.1f}" if value >= 0.95 else f"{value:.3f}"


def percent(part: float) -> str:
    """A share with one decimal."""
    return f"{100 * part:.1f} %"

"""Whether a model gives the same outputs after ``fuse()``, row by row: what was compared, and what differs."""

from __future__ import annotations

from dataclasses import dataclass

from yolo_probe.reports.typed_json import Count

ROUNDING = 1e-9
"""Largest relative difference that rounding explains in float64; a lost branch or bias is far above it."""
SMALLEST_PERCENT = 1e-3
"""Smallest share that is told in percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferentRow:
    """The first row whose outputs differ by more than rounding."""

    name: str
    """Its name in the network: ``model.4``."""
    kind: str
    """Name of its class."""
    difference: float | None
    """Largest absolute difference as a share of the largest output; None where it is not finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedOutputs:
    """The outputs of every row before and after ``fuse()``, in float64, for one random image."""

    size: tuple[Count, Count]
    """Height and width of the image in pixels."""
    rows: Count
    """Number of rows that were compared."""
    largest: float | None
    """Largest relative difference of what the model returns; None where it is not finite."""
    first: DifferentRow | None
    """The first row that differs, or the model itself; None if what the model returns agrees up to rounding."""

    @property
    def verdict(self) -> str:
        """What ``fuse()`` does to the predictions, as the verb of a sentence."""
        return "changes the predictions" if self.first else "leaves the predictions as they are"

    @property
    def words(self) -> str:
        """What was found, as a part of a sentence."""
        largest, image = "of its largest output", f"for one random {self.size[0]}x{self.size[1]} image"
        if self.first is None and self.largest == 0:
            return f"it gives exactly the same with its {self.rows} rows, {image}"
        if self.first is None:
            return f"it gives the same with its {self.rows} rows, to {self.largest or 0:.0e} {largest}, {image}"
        share = self.first.difference
        how_far = "its shape, or by numbers that are not finite" if share is None else f"by {_share(share)} {largest}"
        return f"{self.first.name} ({self.first.kind}) is the first that differs: {how_far}, {image}"


def _share(share: float) -> str:
    """A share of something: ``43.0%``, and ``3e-04`` where that would round to nothing."""
    return f"{share:.1%}" if share >= SMALLEST_PERCENT else f"{share:.0e}"

"""Figures of a report beside the real ones: what was compared, whether both agree, or why it could not be run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One figure, computed and real."""

    name: str
    """``FLOPs``, ``layers``, ``parameters``, ``gradients``, with ``fused`` before it where two states are compared."""
    ours: int | None
    theirs: int | None
    reason: str = ""
    """Why one of them is missing."""

    @property
    def agrees(self) -> bool:
        """Whether both are known and equal."""
        return self.ours is not None and self.ours == self.theirs

    @property
    def differs(self) -> bool:
        """Whether both are known and not equal."""
        return None not in (self.ours, self.theirs) and self.ours != self.theirs


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the installed thop and the installed host's own ``fuse()`` say of the network of a report."""

    thop: str = ""
    """Distribution and version; empty where none is installed."""
    host: str = ""
    """Who built the network: ``yolov5 7.0.14``."""
    checks: tuple[Check, ...] = ()
    """Empty where nothing could be run."""
    seconds: float = 0.0
    other_counter: str = ""
    """Whose rules the report's own FLOPs follow, where they are not those of the installed thop."""
    reason: str = ""
    """Why nothing could be run."""
    remedy: str = ""

    @property
    def agrees(self) -> bool:
        """Whether every figure could be had and is as reported."""
        return bool(self.checks) and all(check.agrees for check in self.checks)

    @property
    def differs(self) -> bool:
        """Whether some figure is another."""
        return any(check.differs for check in self.checks)

    @property
    def problem(self) -> str:
        """Why it cannot be said whether all agree; empty where it can."""
        return self.reason or "; ".join(dict.fromkeys(check.reason for check in self.checks if check.reason))

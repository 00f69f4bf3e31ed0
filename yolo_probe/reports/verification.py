"""Computed figures beside the real ones: what was compared, whether both agree, or why it could not be run."""

from __future__ import annotations

from dataclasses import dataclass

from yolo_probe.environment import Thop
from yolo_probe.model.structure import Shape


@dataclass(frozen=True, slots=True)
class Check:
    """One figure, computed and real."""

    name: str
    """``FLOPs``, ``layers``, ``parameters``, ``gradients``; with ``fused`` before it where both states have one."""
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
class Verification:
    """What the installed thop and the real ``fuse()``, of the installed host or the model itself, say of a network."""

    thop: Thop | None = None
    """The installed one."""
    host: str = ""
    """Who built the network: ``yolov5 7.0.14``; empty where it is the user's own model, or none could be built."""
    checks: tuple[Check, ...] = ()
    """Empty where nothing could be run."""
    image: Shape = ()
    """The image that was counted: batch, channels, height, width; empty where nothing could be run."""
    seconds: float = 0.0
    other_counter: str = ""
    """Whose rules the report's own FLOPs follow, where they are not those of the installed thop."""
    reason: str = ""
    """Why nothing could be run."""
    remedy: str = ""

    @property
    def agrees(self) -> bool:
        """Whether every figure could be had and is as computed."""
        return bool(self.checks) and all(check.agrees for check in self.checks)

    @property
    def differs(self) -> bool:
        """Whether some figure is another."""
        return any(check.differs for check in self.checks)

    @property
    def problem(self) -> str:
        """Why it cannot be said whether all agree; empty where it can."""
        return self.reason or "; ".join(dict.fromkeys(check.reason for check in self.checks if check.reason))

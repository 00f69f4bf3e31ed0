"""The result of comparing computed figures with real ones: both figures, whether they agree, or why one is missing."""

from __future__ import annotations

from dataclasses import dataclass

from yolo_probe.environment import Thop
from yolo_probe.model.structure import Shape


@dataclass(frozen=True, slots=True)
class Check:
    """One figure, computed and real; None where it is missing."""

    name: str
    """``FLOPs``, ``layers``, ``parameters`` or ``gradients``; ``fused FLOPs`` and so on after ``fuse()``."""
    ours: int | None
    theirs: int | None
    reason: str = ""
    """Why one of them is missing; else empty."""

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
    """The figures that the installed thop and the real ``fuse()`` give for a network, beside the computed ones."""

    thop: Thop | None = None
    """The installed thop; None if there is none."""
    host: str = ""
    """The host that built the network: ``yolov5 7.0.14``; empty for the user's own model, or if none could be built."""
    checks: tuple[Check, ...] = ()
    """Empty if nothing could be run."""
    image: Shape = ()
    """Shape of the counted image: batch, channels, height, width; empty if nothing could be run."""
    seconds: float = 0.0
    other_counter: str = ""
    """The counter of the report, if it is not the installed thop; else empty."""
    reason: str = ""
    """Why nothing could be run; else empty."""
    remedy: str = ""

    @property
    def agrees(self) -> bool:
        """Whether every real figure is there and equals the computed one."""
        return bool(self.checks) and all(check.agrees for check in self.checks)

    @property
    def differs(self) -> bool:
        """Whether a real figure differs from the computed one."""
        return any(check.differs for check in self.checks)

    @property
    def problem(self) -> str:
        """Why it is not known whether all agree; else empty."""
        return self.reason or "; ".join(dict.fromkeys(check.reason for check in self.checks if check.reason))

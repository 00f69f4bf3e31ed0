"""What a question is about: one network in one state, and which host it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from yolo_probe.generations import Generation
from yolo_probe.structure import Module
from yolo_probe.summary import LineForm

if TYPE_CHECKING:
    from yolo_probe.checkpoint import Checkpoint
    from yolo_probe.network import Network


@dataclass(frozen=True, slots=True)
class Origin:
    """The host whose line, definition of layers and fuse rule apply."""

    generation: Generation
    form: LineForm
    evidence: tuple[str, ...]
    """What decided it, each a few words."""
    alternatives: tuple[str, ...] = ()
    """Other readings that the evidence allows, or what another host prints."""
    release: str | None = None
    """The PyPI release, where it is one and known."""
    asked: bool = False
    """Whether the user named it, so that it need not be the one that trained."""
    before: bool = False
    """Whether the file is older than the tag: a master on the way to it."""

    @property
    def title(self) -> str:
        """For people: ``v7.0``, ``HEAD``, ``7.0.14 (PyPI)``."""
        if self.release:
            return f"{self.release} (PyPI)"
        return "HEAD" if self.generation == "head" else self.generation


@dataclass(frozen=True, slots=True)
class Saved:
    """What a checkpoint records of its training."""

    copy: Literal["model", "ema"]
    """The copy that is described."""
    epoch: int | None
    optimizer: bool
    has_model: bool
    has_ema: bool
    dtype: str
    """Of the parameters: ``FP16``, ``FP32``, ``mixed``."""
    freeze: tuple[int, ...] | None
    """Rows that ``--freeze`` named; empty: none; None: not recorded."""
    freeze_option: str = ""
    """As it was typed: ``--freeze 10``."""
    unusual: tuple[str, ...] = ()
    """Names in the file that no checkpoint of YOLOv5 needs."""

    @property
    def unused(self) -> bool:
        """Whether validation uses the other copy."""
        return self.copy == "model" and self.has_ema

    @property
    def stripped(self) -> bool:
        """Whether strip_optimizer() has finished the file."""
        return self.epoch == -1 and not self.optimizer and not (self.has_model and self.has_ema)


@dataclass(frozen=True, slots=True)
class Subject:
    """A network to report on."""

    kind: Literal["checkpoint", "yaml", "name", "run"]
    """A run is a training that is going on."""
    label: str
    """What a reader calls it: a file's name, or the network's."""
    path: str | None
    """Of the file; None for a name."""
    network: str | None
    classes: int | None
    origin: Origin
    root: Module
    """The structure as it is stored or built, not fused by us."""
    channels: int
    """Of an image."""
    stride: int
    """The largest, in pixels."""
    source: Checkpoint | Network | None
    """What it was read from; None for a run."""
    saved: Saved | None = None
    """For a checkpoint only."""
    unknown: tuple[tuple[str, str], ...] = ()
    """Path and class of the modules whose forward pass is not known."""

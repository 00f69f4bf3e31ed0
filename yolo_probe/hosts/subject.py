"""What a question is about: one network in one state, and which host it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from yolo_probe.hosts.host import Host
from yolo_probe.hosts.summary_line import LineForm
from yolo_probe.model.structure import Module, Shape
from yolo_probe.model.trace import Trace
from yolo_probe.model.user_rules import OwnRules
from yolo_probe.networks.generations import Generation

if TYPE_CHECKING:
    from yolo_probe.checkpoint.reader import Checkpoint
    from yolo_probe.networks.network import Network


@dataclass(frozen=True, slots=True)
class Origin:
    """The host whose line, definition of layers and fuse rule apply."""

    generation: Generation | Literal["ultralytics"]
    form: LineForm
    evidence: tuple[str, ...]
    """What decided it, each a few words."""
    alternatives: tuple[str, ...] = ()
    """Other readings that the evidence allows, or what another host prints."""
    release: str | None = None
    """The release on PyPI, where it is one and known."""
    asked: bool = False
    """Whether the user named it, so that it need not be the one that trained."""
    before: bool = False
    """Whether the file is older than the tag: a master on the way to it."""

    @property
    def host(self) -> Host:
        """The host in all of its versions."""
        return self.form.host

    @property
    def name(self) -> str:
        """For people, with the host: ``YOLOv5 v7.0``, ``ultralytics 8.4.190``."""
        return f"{self.host.name} {self.title}".rstrip()

    @property
    def title(self) -> str:
        """For people: ``v7.0``, ``HEAD``, ``7.0.14 (PyPI)``; of ultralytics the release, where it is known."""
        if not self.host.has_generations:
            return self.release or ""
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


class Model(Protocol):
    """A network that can be run on shapes."""

    @property
    def root(self) -> Module:
        """Its structure."""

    @property
    def is_fused(self) -> bool:
        """Whether it says so itself."""

    def trace(self, image: Shape) -> Trace:
        """One forward pass on an image of that shape."""

    def in_training(self) -> Model:
        """The same network as it trains."""

    def with_rules(self, rules: OwnRules) -> Model:
        """The same network with modules counted by rules of the user's."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The network of a file as its own host builds it, held against the file."""

    built: Model
    """As it was when training started."""
    stored: Model
    """With the flags that the file has."""
    fused: Model
    """After the host's own ``fuse()``."""
    saved_fused: bool
    """Whether the file has the fused one."""
    started: Model | None = None
    """As its YAML makes it, where training then took in parts of another file that are not the same."""

    @property
    def saved(self) -> Model:
        """What the file has."""
        return self.fused if self.saved_fused else self.stored


@dataclass(frozen=True, slots=True)
class Gap:
    """Why FLOPs and the effect of ``fuse()`` are not known."""

    reason: str
    remedy: str


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
    ruled: tuple[tuple[str, str], ...] = ()
    """Path and class of those that only a rule of the user's knows."""
    rebuilt: Rebuilt | Gap | None = None
    """Where the forward pass is the host's own: the network that the host builds, or why it cannot."""

    @property
    def gap(self) -> Gap | None:
        """Why the network cannot be built and run, where it has to be built."""
        return self.rebuilt if isinstance(self.rebuilt, Gap) else None

    @property
    def has_flops(self) -> bool:
        """Whether its forward pass can be followed."""
        return not self.unknown and self.gap is None


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A model in this process, which no file or name stands for."""

    class_path: str
    network: str | None
    classes: int | None
    is_training: bool
    """Whether it is in training mode."""

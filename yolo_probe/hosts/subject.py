"""What a question is about: one network in one state, and which host it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from yolo_probe.hosts.host import Host
from yolo_probe.hosts.summary_line import LineForm
from yolo_probe.model.forward import unlike
from yolo_probe.model.structure import Module, Shape, named_modules
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
    """What the answer is based on, each in a few words."""
    alternatives: tuple[str, ...] = ()
    """Other answers that the evidence allows, or what another host prints."""
    release: str | None = None
    """The release on PyPI, where it is one and known."""
    asked: bool = False
    """Whether the user named it; then another host may have trained the network."""
    before: bool = False
    """Whether the file is older than the generation's tag: it is from the master branch before the tag."""
    nearest: bool = False
    """Whether the host is not known, and its line is only taken like that of the generation."""
    fork: str = ""
    """Name of the fork whose modules run in this process, ``YOLOv7``; empty where none is recognised."""
    fuses_as_its_line: bool = False
    """Whether the ``fuse()`` of that fork is the one of the generation."""
    own_loop: bool = False
    """Whether no host trains the network, but a loop of the user's own."""
    of_no_host: bool = False
    """Whether the model is none of YOLOv5's rows, so that not even its line and its ``fuse()`` are like YOLOv5's."""
    by_source: bool = False
    """Whether the forward pass and ``fuse()`` are those of the code in a folder that the user named."""
    line_of_its_own: bool = False
    """Whether that code has a ``model_info`` that is not known, so that its line may have other GFLOPs, or some."""

    @property
    def host(self) -> Host:
        """The host in all of its versions."""
        return self.form.host

    @property
    def name(self) -> str:
        """Host and version in reports: ``YOLOv5 v7.0``, ``ultralytics 8.4.190``, ``YOLOv7``."""
        return self.family if self.fork or self.of_no_host else f"{self.host.name} {self.title}".rstrip()

    @property
    def listed(self) -> str:
        """The same in a table."""
        return "not known" if self.of_no_host else self.name

    @property
    def fuses_as_v3_0(self) -> bool:
        """Whether its ``fuse()`` makes trainable convolutions also of frozen ones, as that of v1.0 to v3.0 does."""
        return self.generation in ("v1.0", "v2.0", "v3.0") and (self.fuses_as_its_line or not self.fork)

    @property
    def fuses_frozen(self) -> bool:
        """Whether its ``fuse()`` leaves nothing of what it makes trainable, with autograd on too: YOLOv3 since 2026."""
        return self.fork == "YOLOv3" and self.generation == "head"

    @property
    def saves_ema_as_model(self) -> bool:
        """Whether the one copy in its files is the EMA: YOLOv5 to v4.0, and YOLOv3 to v9.1, which prints the same."""
        return self.generation in ("v1.0", "v2.0", "v3.0", "v3.1", "v4.0")

    @property
    def family(self) -> str:
        """The host without its version: ``YOLOv5``."""
        return self.fork or ("its host" if self.of_no_host else self.host.name)

    @property
    def trainer(self) -> str:
        """What trains the network: ``YOLOv5``, or ``the loop``."""
        return "the loop" if self.own_loop else self.family

    @property
    def title(self) -> str:
        """The version in reports: ``v7.0``, ``HEAD``, ``7.0.14 (PyPI)``; of ultralytics the release, or nothing."""
        if not self.host.has_generations or self.nearest:
            return self.release or ""
        if self.release:
            return f"{self.release} (PyPI)"
        return "HEAD" if self.generation == "head" else self.generation


MOST_EPOCHS = 1 << 31
"""More than any training has; a larger number is not taken as an epoch."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What a checkpoint says of its training."""

    copy: Literal["model", "ema"]
    """The copy that is described."""
    epoch: int | None
    """-1 in a finished file; None: not recorded."""
    optimizer: bool
    """Whether it has the optimizer's state."""
    has_model: bool
    has_ema: bool
    dtype: str
    """Type of the parameters: ``FP16``, ``FP32``, ``mixed precision``."""
    freeze: tuple[int, ...] | None
    """Rows that ``--freeze`` named; empty: none; None: not recorded."""
    freeze_option: str = ""
    """The option as the user wrote it: ``--freeze 10``."""
    unusual: tuple[str, ...] = ()
    """Names in the file that no checkpoint of a known host has."""
    runs: tuple[str, ...] = ()
    """Those of them that loading would run."""

    @property
    def unused(self) -> bool:
        """Whether validation uses the other copy."""
        return self.copy == "model" and self.has_ema

    @property
    def stripped(self) -> bool:
        """Whether the file is stripped, by strip_optimizer()."""
        return self.epoch == -1 and not self.optimizer and not (self.has_model and self.has_ema)


class Model(Protocol):
    """A network that can be run on shapes."""

    @property
    def root(self) -> Module:
        """Its structure."""

    @property
    def is_fused(self) -> bool:
        """Whether the model itself says that it is fused."""

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the arguments without which its forward cannot run."""

    def trace(self, image: Shape) -> Trace:
        """One forward pass on an image of that shape."""

    def trace_images(self, image: Shape) -> Trace:
        """One forward pass on an image of that shape for each argument that its forward needs."""

    def in_training(self) -> Model:
        """The same network in training mode."""

    def with_rules(self, rules: OwnRules) -> Model:
        """The same network, its modules counted by rules of the user's."""


@dataclass(frozen=True, slots=True)
class NotFused:
    """Why a network's own code gives none after ``fuse()``."""

    reason: str
    """What it raised, or what was found in its place."""
    has_none: bool
    """Whether it has no ``fuse()``, so that its network is validated as it is."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A network as its own host builds it, in several states; that of a checkpoint is compared with the file."""

    built: Model
    """As it was when training started."""
    stored: Model
    """With ``requires_grad`` as in the file; of a name or YAML as in a finished file, where nothing trains."""
    fused: Model
    """After the host's own ``fuse()``; the one of ``stored`` where that gives none."""
    saved_fused: bool
    """Whether the network in the file is fused."""
    fused_trainable: Model | None = None
    """Of a name or YAML: after ``fuse()`` while all of it trains; else None."""
    started: Model | None = None
    """As its YAML builds it, where the training then replaced parts by those of a pretrained file, or the constructor
    made some after it had printed its line; else None."""
    late: tuple[str, ...] = ()
    """Names of the parts that the constructor made after that."""

    before_known: bool = True
    """Whether it is known what a network saved after ``fuse()`` was before it; else all states are that one."""
    not_fused: NotFused | None = None
    """Why there is no network after ``fuse()``; None where there is one."""

    @property
    def saved(self) -> Model:
        """The one that the file has."""
        return self.fused if self.saved_fused else self.stored


@dataclass(frozen=True, slots=True)
class Gap:
    """Why FLOPs and the effect of ``fuse()`` are not known."""

    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A network to report on."""

    kind: Literal["checkpoint", "yaml", "name", "run", "live"]
    """A run is a training that is going on; live is a model in this process."""
    label: str
    """Its name in reports: a file's name, or the network's."""
    path: str | None
    """Path of the file; None for a name."""
    network: str | None
    """Name of the network, ``yolov5s``."""
    classes: int | None
    origin: Origin
    root: Module
    """The structure as it is in the file or as it was built; not fused here."""
    channels: int
    """Channels of an image."""
    stride: int
    """The largest stride, in pixels."""
    source: Checkpoint | Network | None
    """What it was read from; None for a run and a live model."""
    saved: Saved | None = None
    """For a checkpoint only."""
    unknown: tuple[tuple[str, str], ...] = ()
    """Path and class of the modules whose forward pass is not known."""
    ruled: tuple[tuple[str, str], ...] = ()
    """Path and class of those for which only a rule of the user's gives the output."""
    unfused: tuple[tuple[str, str], ...] = ()
    """Path and class of those that the ``fuse()`` of another fork changes; whether this host's does is not known."""
    rebuilt: Rebuilt | Gap | None = None
    """For a network whose forward pass only the host itself knows: what the host builds, or why it cannot."""

    @property
    def images(self) -> tuple[str, ...]:
        """Names of the images that its forward takes, where it takes several; else empty."""
        names = self.rebuilt.saved.images if isinstance(self.rebuilt, Rebuilt) else ()
        return names if len(names) > 1 else ()

    @property
    def gap(self) -> Gap | None:
        """Why the network cannot be built, where that is needed; else None."""
        return self.rebuilt if isinstance(self.rebuilt, Gap) else None

    @property
    def not_fused(self) -> NotFused | None:
        """Why its own code gives no network after ``fuse()``; None where it does, and where no such code runs."""
        return self.rebuilt.not_fused if isinstance(self.rebuilt, Rebuilt) else None

    @property
    def fuse_fails(self) -> bool:
        """Whether its own code has a ``fuse()``, which fails."""
        return self.not_fused is not None and not self.not_fused.has_none

    @property
    def may_merge_elsewhere(self) -> bool:
        """Whether its class has no ``fuse()``, but its host, which is not known, may merge by a function of its own."""
        return self.not_fused is not None and self.not_fused.has_none and self.origin.of_no_host

    @property
    def foreign(self) -> tuple[tuple[str, str], ...]:
        """Path and class of the modules that are not the host's own; what its ``fuse()`` does to them is not known."""
        return (*self.unknown, *self.ruled, *self.unfused)

    @property
    def fuse_unless_known(self) -> str:
        """What has to be true of its ``fuse()`` for the numbers after it, as the end of a sentence; empty if known."""
        if not self.foreign:
            return ""
        fork = self.origin.fork
        return f"if its fuse() is that of {fork}" if fork else "if its fuse() merges only Conv with BatchNorm"

    def unknown_classes(self) -> Mapping[str, Sequence[str]]:
        """The paths of the modules whose forward pass is not known, by their class and what it has unlike YOLOv5's."""
        modules = dict(named_modules(self.root))
        found: dict[str, list[str]] = {}
        for path, kind in self.unknown:
            found.setdefault(f"{kind}{unlike(modules[path])}", []).append(path)
        return found

    @property
    def class_of_a_fork(self) -> str:
        """A class in a module of ``models`` that YOLOv5 does not have, such as models.yolov5; empty if there is none.

        It is known where it holds what the class of that name holds. Its host may print another line all the same.
        """
        paths = (module.class_path for _, module in named_modules(self.root))
        return next((path for path in paths if _OF_A_FORK.match(path)), "")

    @property
    def has_flops(self) -> bool:
        """Whether its forward pass can be followed."""
        return not self.unknown and self.gap is None


_OF_A_FORK = re.compile(r"models\.(?!(?:common|experimental|yolo)\.)")


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A model in this process, which was not read from a file or built from a name."""

    class_path: str
    network: str | None
    classes: int | None
    is_training: bool
    """Whether it is in training mode."""

"""What a probe knows of the running training."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal
from weakref import WeakSet, ref

import torch
from torch import nn
from torch.optim import Optimizer

from yolo_probe.model.structure import Module
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.training_record import Changed, Numbers, Started, Validated, model_of
from yolo_probe.reports.training_record import Event as Moment
from yolo_probe.training.best_file import BestFile
from yolo_probe.training.host_log import Logger
from yolo_probe.training.host_state import Running, held_by
from yolo_probe.training.moments import Start, Trained, trained_in
from yolo_probe.training.run_files import RunFiles

MAX_CHANGES = 50
"""Most changes in a model that are recorded while it trains."""
MAX_RETURNS = 3
"""How often it may come back to what trained before: two networks in turn switch theirs at every step."""


@dataclass(slots=True)
class Run:
    """A training as far as it is known; references to the host's models are weak."""

    question: Question | None = None
    ask: Callable[[Running], Question] | None = None
    """Makes the question once more when more is known of the training."""
    logger: Logger = field(default_factory=partial(logging.getLogger, "yolo_probe"))
    model: Callable[[], nn.Module | None] = lambda: None
    """The model that the host built, as long as it lives."""
    ema: Callable[[], nn.Module | None] = lambda: None
    printed: State | None = None
    """The state of that model when its line was printed."""
    is_ready: bool = False
    """Whether its host has announced the start, before the first epoch: its model is known."""
    start: Start | None = None
    trainee: Callable[[], nn.Module | None] = lambda: None
    """The model that trains, without wrappers such as DDP, as long as it lives."""
    history: list[Trained] = field(default_factory=list)
    """Which of its parameters trained at the start, and after each change that was seen."""
    flags: list[tuple[str, Callable[[], nn.Parameter | None], bool, torch.Size]] = field(default_factory=list)
    """The name of each of its parameters, itself as long as it lives, and its flag and shape at the last check: that is
    cheap to compare at every step."""
    optimizers: WeakSet[Optimizer] = field(default_factory=WeakSet)
    """Those that have made a step since the start."""
    moments: list[Moment] = field(default_factory=list)
    """The record so far, in order."""
    fused: State | None = None
    ended: bool = False
    report: FuseDiff | None = None
    """From start to end; None until it has ended."""
    files: RunFiles = field(default_factory=RunFiles)
    end_to_end: bool | None = None
    repeats: bool = False
    """Whether this is a repeated training of ``--evolve``; only the first is explained."""
    first_printed: bool = True
    """Whether its host has printed the line at train start."""
    built: Running = field(default_factory=Running)
    """The state of the host when it built the model."""
    announced: bool = True
    """Whether its host announces it; else the steps of the optimizer tell of it."""
    form_known: bool = True
    """Whether the form of its host's line is known."""
    foreseen: State | None = None
    """What ``fuse()`` will leave of its best model, where no host says it."""
    fused_copy: Literal["file", "model", "ema"] = "file"
    """What is fused at the end: the model of the saved file, the one that trains, or the average of its weights."""
    best: BestFile | None = None
    """The file of the best model at the start; None if that is of this training, which was interrupted."""
    changes_foreseen: int = 0
    """Length of ``history`` when ``foreseen`` was found."""

    @property
    def held(self) -> frozenset[int]:
        """Identities of the parameters that these optimizers hold."""
        return frozenset[int]().union(*(held_by(each) or () for each in self.optimizers))

    @property
    def training(self) -> Numbers:
        """The numbers of the model that trains, after the last change; there must be a start."""
        return model_of(next(each for each in reversed(self.moments) if isinstance(each, Started | Changed)))

    @property
    def is_restless(self) -> bool:
        """Whether it has changed so often that only the last change is still to be recorded."""
        states = [each.names for each in self.history]
        return len(states) > MAX_CHANGES or states.count(states[-1]) > MAX_RETURNS

    @property
    def validated(self) -> bool:
        """Whether a validation is on record."""
        return any(isinstance(each, Validated) for each in self.moments)

    def differs(self) -> bool:
        """Whether the model has other parameters than at the last check, by other names, or others of them train."""
        model = self.trainee()
        if model is None:
            return False
        now = list(model.named_parameters())
        return len(now) != len(self.flags) or any(
            before != name or (flag, shape) != (each.requires_grad, each.shape) or parameter() is not each
            for (name, each), (before, parameter, flag, shape) in zip(now, self.flags, strict=True)
        )

    def new_objects(self, model: nn.Module) -> frozenset[str]:
        """Names of the parameters that were not there, as objects, at the last check."""
        known = {id(each) for _, parameter, *_ in self.flags if (each := parameter()) is not None}
        return frozenset(name for name, each in model.named_parameters() if id(each) not in known)

    def note_trained(self, epoch: int | None, model: nn.Module, root: Module) -> None:
        """Take note of what trains from that epoch on; ``root``: the model's structure."""
        self.history.append(Trained(epoch, root, trained_in(root)))
        self.note_flags(model)

    def note_flags(self, model: nn.Module) -> None:
        """Take note of the model's parameters, as objects, and which of them train."""
        self.flags = [(name, ref(each), each.requires_grad, each.shape) for name, each in model.named_parameters()]

    def with_steps(self, running: Running) -> Running:
        """The state of a training with what the optimizers hold that have made a step, also one that nobody gave."""
        if running.parameters_held is None:
            return running
        return replace(running, parameters_held=running.parameters_held | self.held)

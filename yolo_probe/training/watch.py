"""A probe around a training loop of the user's own, which has no host."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from os import PathLike
from pathlib import Path

from torch import nn
from torch.optim import Optimizer

from yolo_probe.errors import TargetError
from yolo_probe.live.live import network_of, unwrapped
from yolo_probe.render.text import render
from yolo_probe.reports.story import Story
from yolo_probe.reports.training_record import Event, from_json
from yolo_probe.training.host_state import Running, held_by, loop_epoch
from yolo_probe.training.probe import Probe
from yolo_probe.training.settings import read_settings


class Watched:
    """A training that is watched: what is on record of it so far. ``print()`` tells it as a story."""

    def __init__(self, probe: Probe, label: str) -> None:
        self._probe, self._label = probe, label

    @property
    def moments(self) -> tuple[Event, ...]:
        """The events on record, in order: start, first validation, changes of ``requires_grad``, end."""
        return self._probe.moments

    def validated(self, model: nn.Module) -> None:
        """Take note of a validation of that model: the one that trains, or an average of its weights.

        Raises: TargetError for no ``nn.Module``.
        """
        self._probe.on_validation(network_of(model, "validated"))

    def as_json(self) -> dict[str, object]:
        """The record as ``probe.json`` has it."""
        return self._probe.as_json()

    def __str__(self) -> str:
        if not self.moments:
            return f"{self._label}: nothing is on record"
        content = self.as_json()
        return render(Story(self._label, from_json(content), content))


@contextmanager
def watch(
    model: nn.Module,
    optimizer: Optimizer | Sequence[Optimizer] | None = None,
    *,
    folder: str | PathLike[str] | None = None,
    settings: str | None = None,
    **overrides: object,
) -> Iterator[Watched]:
    """A context for any training loop, in which a probe tells what ``yolo-probe train`` tells of a host's training.

    It prints the model's summary line, at the first step of the optimizer what really trains, then every change of
    ``requires_grad``, and at the end what changed from the line to the model after its own ``fuse()``. ``model`` is any
    ``nn.Module``, or an object that has one, as ``YOLO`` does; ``optimizer`` is the one that trains it, or several;
    None for any that holds its parameters. ``probe.json``, ``.md``, ``.png`` and ``.html`` are written into ``folder``.
    ``settings`` and ``overrides`` are those of ``register()``; ``imgsz`` is in pixels, 640 by default. Changes are told
    with the loop's variable ``epoch``, if it has one.

    Raises: TargetError for no ``nn.Module``, SettingsError for a wrong setting; an error of the loop ends the record.

    Example:
        >>> import torch
        >>> model = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8))
        >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> with watch(model, optimizer, imgsz=64, events=[]) as story:
        ...     for images in (torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)):
        ...         model(images).mean().backward()
        ...         optimizer.step()
        >>> [moment.event for moment in story.moments]
        ['start', 'end']
    """
    network = unwrapped(network_of(model, "watch"))
    optimizers = optimizer if isinstance(optimizer, Sequence) else [] if optimizer is None else [optimizer]
    for each in optimizers:
        if not isinstance(each, Optimizer):
            raise TargetError(
                f"watch: found {type(each).__name__}, expected an optimizer of torch",
                "Leave it out to watch any optimizer that holds the model's parameters.",
            )
    place = _made(folder)
    probe = Probe(read_settings(settings, **overrides), partial(_running, network, optimizers, place))
    probe.begin(network)
    try:
        yield Watched(probe, str(place) if place else type(network).__name__)
        probe.finish()
    finally:
        probe.stop()


def _made(folder: str | PathLike[str] | None) -> Path | None:
    """The folder, made where it is not there. Raises: TargetError where it cannot be."""
    if folder is None:
        return None
    try:
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
    except (OSError, TypeError, ValueError) as error:
        raise TargetError(f"watch: found folder={folder!r}, expected one that can be made ({error})") from None
    return place


def _running(model: nn.Module, optimizers: Sequence[Optimizer], folder: Path | None) -> Running:
    held = frozenset[int]().union(*(held_by(each) or () for each in optimizers)) if optimizers else None
    return Running(model=model, parameters_held=held, freeze=(), epoch=loop_epoch(), save_dir=folder)

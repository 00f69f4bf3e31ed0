"""A host, the program that trains: what it calls things, since when it does what, and how it reads its options.

Whoever needs to know how hosts differ asks the value here; what its summary line looks like is in ``summary_line``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from yolo_probe.model import freezing

_TASK_FOLDERS = {"ClassificationModel": "classify/", "SegmentationModel": "segment/"}
"""Where YOLOv5 keeps the scripts of a kind of model that does not detect."""


@dataclass(frozen=True, slots=True)
class Host:
    """A program that trains, in all of its versions."""

    name: str
    """As it is printed."""
    newest: str
    """The version that prints the newest line, as a message names it."""
    has_generations: bool
    """Whether its versions are told apart by their generation, else by their release."""
    keywords: bool
    """Whether its options are typed ``key=value``, else ``--key value``."""
    weights_option: str
    """What names the file that a training starts from, as it is typed."""
    size_keyword: str
    """What its ``model.info()`` calls the size of an image."""
    frozen_rows: Callable[[object, int], tuple[int, ...] | None]
    """Rows that the value of its option ``freeze`` names, of so many; None if unreadable."""
    leaf_layers_since: str
    """When it began to count only modules that hold no others: a date or a release."""
    all_layers_by: str
    """Who counts every module as a layer, as a subject of a sentence."""
    old_versions: str
    """Those of YOLOv5 that do, as they are called beside a figure of this host."""
    shared_activation_since: str
    """Version from which on all Conv of a network share one activation; empty where that has no date."""
    two_copies: bool
    """Whether an unfinished file has the model beside its EMA copy."""
    fuse_freezes: bool
    """Whether its ``fuse()`` leaves no merged convolution trainable, with autograd on or off."""
    also_freezes: str
    """What of it, beside training, takes parameters out of training; empty where nothing does."""

    def option(self, key: str) -> str:
        """What an option is called: ``--freeze``, ``freeze``."""
        return key if self.keywords else f"--{key}"

    def freeze_typed(self, numbers: Iterable[str]) -> str:
        """The option ``freeze`` with these numbers: ``--freeze 0 5``."""
        return f"{self.option('freeze')}{'=' if self.keywords else ' '}{' '.join(numbers)}"

    def freeze_of_rows(self, rows: tuple[int, ...]) -> str:
        """The option that freezes exactly these rows; empty where none does."""
        if rows == tuple(range(rows[-1] + 1)):
            return self.freeze_typed([str(rows[-1] + 1)])
        if self.keywords:
            return self.freeze_typed([str(list(rows))])
        return self.freeze_typed(map(str, rows)) if len(rows) > 1 else ""

    def leaf_layers(self) -> str:
        """Its versions that count only modules that hold no others, as a subject of a sentence."""
        return f"{self.name} since {self.leaf_layers_since}"

    def validation(self, kind: str) -> str:
        """The command that validates a model; ``kind``: the name of its class."""
        return "yolo val" if self.keywords else f"{_TASK_FOLDERS.get(kind, '')}val.py"


def _frozen_by_ultralytics(freeze: object, rows: int) -> tuple[int, ...] | None:
    """A number N is rows 0 to N - 1, a list is itself. Source: the freeze loop in ultralytics' engine/trainer.py."""
    if freeze is None:
        return ()
    if isinstance(freeze, int):
        return tuple(range(min(freeze, rows)))
    if not (isinstance(freeze, list | tuple) and all(isinstance(row, int) for row in freeze)):
        return None
    return tuple(row for row in freeze if 0 <= row < rows)


YOLOV5 = Host(
    name="YOLOv5",
    newest="YOLOv5 HEAD",
    has_generations=True,
    keywords=False,
    weights_option="--weights",
    size_keyword="img_size",
    frozen_rows=freezing.frozen_rows,
    leaf_layers_since="July 2026",
    all_layers_by="YOLOv5 v4.0 to v7.0",
    old_versions="v4.0 to v7.0",
    shared_activation_since="v7.0",
    two_copies=True,
    fuse_freezes=False,
    also_freezes="",
)

ULTRALYTICS = Host(
    name="ultralytics",
    newest="ultralytics",
    has_generations=False,
    keywords=True,
    weights_option="model=",
    size_keyword="imgsz",
    frozen_rows=_frozen_by_ultralytics,
    leaf_layers_since="8.3.76",
    all_layers_by="Classic YOLOv5, and ultralytics before 8.3.76,",
    old_versions="YOLOv5 v4.0 to v7.0",
    shared_activation_since="",
    two_copies=False,
    fuse_freezes=True,
    also_freezes="the predictor of ultralytics",
)

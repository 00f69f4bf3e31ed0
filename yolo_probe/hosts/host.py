"""A host, the program that trains: how hosts differ in their options, their versions and their words.

Code that depends on the host asks a ``Host``, and never compares names. The form of its line is in ``summary_line``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from yolo_probe.model import freezing

_TASK_FOLDERS = {"ClassificationModel": "classify/", "SegmentationModel": "segment/"}
"""The folder of YOLOv5's scripts for a class of model that does not detect."""


@dataclass(frozen=True, slots=True)
class Host:
    """A program that trains, in all of its versions."""

    name: str
    """Its name in reports."""
    newest: str
    """The version that prints the newest form of its line, as a message names it."""
    has_generations: bool
    """Whether its versions are named by generation (v7.0), else by release."""
    keywords: bool
    """Whether its options are written ``key=value``, else ``--key value``."""
    weights_option: str
    """The option that names the file from which a training starts."""
    size_keyword: str
    """The argument of its ``model.info()`` for the size of an image."""
    frozen_rows: Callable[[object, int], tuple[int, ...] | None]
    """From the value of its option ``freeze`` and the number of rows: the rows that it names, None if unreadable."""
    leaf_layers_since: str
    """Since when a layer is a leaf for it: a date or a release."""
    all_layers_by: str
    """The versions that count every module as a layer, as the subject of a sentence."""
    old_versions: str
    """The versions of YOLOv5 that do so, as a report names them next to a figure of this host."""
    shared_activation_since: str
    """The first version in which all Conv of a network share one activation; empty where none is known."""
    two_copies: bool
    """Whether the file of an unfinished training has two copies, the model and its EMA."""
    fuse_freezes: bool
    """Whether no merged convolution is trainable after its ``fuse()``, with autograd on or off."""
    also_freezes: str
    """What else of it sets ``requires_grad=False``, apart from training; empty where nothing does."""

    def option(self, key: str) -> str:
        """The name of an option: ``--freeze``, ``freeze``."""
        return key if self.keywords else f"--{key}"

    def freeze_typed(self, numbers: Iterable[str], *, listed: bool = False) -> str:
        """The option ``freeze`` with these numbers: ``--freeze 0 5``, ``freeze=[0, 5]``.

        ``listed``: whether they are a list, which ``freeze=[3]`` is and ``freeze=3`` is not.
        """
        if not self.keywords:
            return f"--freeze {' '.join(numbers)}"
        value = ", ".join(numbers)
        return f"freeze=[{value}]" if listed else f"freeze={value}"

    def freeze_of_rows(self, rows: tuple[int, ...]) -> str:
        """The option ``freeze`` for exactly these rows; empty where it cannot name them."""
        if rows == tuple(range(rows[-1] + 1)):
            return self.freeze_typed([str(rows[-1] + 1)])
        if self.keywords:
            return self.freeze_typed(map(str, rows), listed=True)
        return self.freeze_typed(map(str, rows)) if len(rows) > 1 else ""

    def leaf_layers(self) -> str:
        """Its versions for which a layer is a leaf, as the subject of a sentence."""
        return f"{self.name} since {self.leaf_layers_since}"

    def validation(self, kind: str) -> str:
        """The command that validates a model; ``kind``: the name of its class."""
        return "yolo val" if self.keywords else f"{_TASK_FOLDERS.get(kind, '')}val.py"


def _frozen_by_ultralytics(freeze: object, rows: int) -> tuple[int, ...] | None:
    """Rows that ``freeze`` names: a number N names rows 0 to N - 1, a list names its rows; None if unreadable.

    Source: the freeze loop in ultralytics' engine/trainer.py.
    """
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
    old_versions="Releases before 8.3.76, and classic YOLOv5,",
    shared_activation_since="",
    two_copies=False,
    fuse_freezes=True,
    also_freezes="the predictor of ultralytics",
)

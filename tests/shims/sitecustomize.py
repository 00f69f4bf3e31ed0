"""What old hosts and counters miss in a new environment; Python runs this at the start of their process.

Three remedies, none of which changes a figure: names that Python 3.10 took out of ``collections``; torchvision beside a
torch that its compiled part was not built for (its operator ``nms`` is then given in plain torch); and a clock for the
hosts' NMS, which gives up after some seconds, that a machine with other work does not slow down.
"""

from __future__ import annotations

import collections
import collections.abc
import importlib.util
import sys
import time
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

collections.Iterable = collections.abc.Iterable  # type: ignore[attr-defined]


class _Torchvision:
    """Import hook that makes ``import torchvision`` work once, whatever torch it was compiled for."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "torchvision":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None and not _compiled_part_loads(Path(spec.origin).parent):
            _define_operators()
            _trust_operators_after(spec)
        return spec


def _compiled_part_loads(package: Path) -> bool:
    import torch

    try:
        for library in package.glob("_C*.so"):
            torch.ops.load_library(str(library))
    except OSError:
        return False
    return True


def _define_operators() -> None:
    from torch.library import Library

    library = Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", _nms, "CPU")
    # A library takes its operators back when it is collected.
    sys.modules["torch.library"].__dict__["_torchvision_operators"] = library


def _nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Indices of the boxes (x1, y1, x2, y2) that no better box overlaps by more than the threshold, best first."""
    import torch

    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    order = scores.argsort(descending=True)
    kept = []
    while order.numel():
        best, rest = order[0], order[1:]
        kept.append(best)
        corners_low = torch.maximum(boxes[best, :2], boxes[rest, :2])
        corners_high = torch.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = (corners_high - corners_low).clamp(min=0).prod(1)
        order = rest[shared <= iou_threshold * (areas[best] + areas[rest] - shared)]
    return torch.stack(kept) if kept else order


def _trust_operators_after(spec: ModuleSpec) -> None:
    """Let torchvision take the operators as there, once its modules have run."""
    loader: Any = spec.loader
    run = loader.exec_module

    def run_then_trust(module: ModuleType) -> None:
        run(module)
        module.extension._has_ops = lambda: True
        module.ops.boxes._assert_has_ops = lambda: None

    loader.exec_module = run_then_trust


class _Clock:
    """Import hook that gives the hosts' modules with an NMS the seconds of this process instead of those of the wall.

    On a loaded machine the limit would else decide which epoch is the best one, with the same weights in each.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.endswith(("utils.general", "utils.ops", "utils.nms")):
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is not None and spec.loader is not None:
            _clock_after(spec.loader)
        return spec


class _ProcessTime:
    """The module ``time``, in which a process that waits spends none."""

    time = staticmethod(time.process_time)

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def _clock_after(loader: Any) -> None:
    """Change the clock of a module once it has run."""
    run = loader.exec_module

    def run_then_change(module: ModuleType) -> None:
        run(module)
        if vars(module).get("time") is time:
            vars(module)["time"] = _ProcessTime()

    loader.exec_module = run_then_change


sys.meta_path[:0] = [_Torchvision(), _Clock()]

"""What old hosts and counters miss in a new environment; Python runs this at the start of their process.

Two remedies, neither of which changes a figure: names that Python 3.10 took out of ``collections``, and torchvision
beside a torch that its compiled part was not built for (its operator ``nms`` is then given in plain torch).
"""

from __future__ import annotations

import collections
import collections.abc
import importlib.util
import sys
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


sys.meta_path.insert(0, _Torchvision())

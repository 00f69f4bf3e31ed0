"""The networks of one release of ultralytics, built, fused and counted by itself. Run with the release on the path.

Takes the names of networks; writes one JSON object for each on a line of standard output.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from copy import deepcopy
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from tests.known_lines.pieces import Figures, Piece, pieces_of
from yolo_probe.errors import ModelYamlError
from yolo_probe.hosts.ultralytics_names import shipped_yamls
from yolo_probe.hosts.ultralytics_rebuild import Weightless, silent
from yolo_probe.yaml_file import YamlKind, read_yaml

MODELS = {
    "seg": "SegmentationModel",
    "pose": "PoseModel",
    "obb": "OBBModel",
    "cls": "ClassificationModel",
}
"""The class of a network's model, by the last part of its name; else that of a detector."""


def torch_utils() -> Any:
    """The module with the functions of the line; it moved with 8.0.136."""
    try:
        return import_module("ultralytics.utils.torch_utils")
    except ImportError:
        return import_module("ultralytics.yolo.utils.torch_utils")


class Network:
    """One network of the release."""

    def __init__(self, name: str) -> None:
        self._tasks = import_module("ultralytics.nn.tasks")
        self._utils = torch_utils()
        self._name = name
        kind = MODELS.get(name.rpartition("-")[2], "DetectionModel")
        self._kind = self._tasks.RTDETRDetectionModel if "rtdetr" in name else getattr(self._tasks, kind)

    def built(self, classes: int) -> torch.nn.Module:
        """The network for a number of classes, without weights."""
        document = self._tasks.yaml_model_load(f"{self._name}.yaml")
        return self._kind(document, nc=classes, verbose=False)

    def fused(self, model: torch.nn.Module) -> torch.nn.Module:
        """A copy after the host's own fuse()."""
        return deepcopy(model).eval().fuse()

    @lru_cache(maxsize=1)  # noqa: B019  # one network at a time
    def _states(self, classes: int) -> tuple[torch.nn.Module, torch.nn.Module]:
        """The network before fuse() and after it, with autograd off."""
        model = self.built(classes)
        with torch.no_grad():
            return model, self.fused(model)

    def gflops(self, model: torch.nn.Module) -> float | None:
        """As the host finds them for its line; None where it prints none."""
        with torch.device("cpu"):  # thop adds numbers up in tensors of its own
            return float(self._utils.get_flops(model)) or None

    def figures(self, classes: int) -> Figures:
        """The figures of a piece."""
        model, fused = self._states(classes)
        trained = gradients(self.fused(model)) if self._copies_flags else gradients(fused)
        counts = [parameters(model), parameters(fused), 0, gradients(fused), trained]
        return [*counts, self.gflops(model), self.gflops(fused)]

    @cached_property
    def _copies_flags(self) -> bool:
        """Whether a fuse() with autograd makes convolutions that train."""
        model, _ = self._states(2)
        assert gradients(self.fused(deepcopy(model).requires_grad_(False))) == 0
        return gradients(self.fused(model)) > gradients(model) // 2

    def entry(self, known: Sequence[list[Piece]]) -> dict[str, object]:
        """The entry of the network, without its hosts."""
        model, fused = self._states(2)
        fixed = parameters(model) - gradients(model)
        return {
            "network": self._name,
            "modules": [len(list(each.modules())) for each in (model, fused)],
            "leaves": [sum(not list(m.children()) for m in each.modules()) for each in (model, fused)],
            "fixed": fixed,
            "rows": [[parameters(row) for row in list(each.model)[:-1]] for each in (model, fused)],
            "pieces": pieces_of(self.figures, known),
        }


def parameters(model: torch.nn.Module) -> int:
    """Numbers of parameters."""
    return sum(each.numel() for each in model.parameters())


def gradients(model: torch.nn.Module) -> int:
    """Numbers that require a gradient."""
    return sum(each.numel() for each in model.parameters() if each.requires_grad)


def names() -> list[str]:
    """Every network that the release ships, with the letter of its scale."""
    found = []
    kind = YamlKind("a model YAML", ModelYamlError, "", last_counts=True, ascii_alone=True)
    for stem, path in shipped_yamls().items():
        scales = read_yaml(path, kind).document.get("scales")
        match = re.match(r"(yolov?\d+)(.*)$", stem)
        if scales and match:
            found += [f"{match[1]}{letter}{match[2]}" for letter in scales]
        else:
            found.append(stem)
    return found


def main(known_file: str, *asked: str) -> None:
    """Writes the entries of these networks, or of all; ``known_file``: entries of other releases, a line for each."""
    lines = Path(known_file).read_text(encoding="utf-8").splitlines() if Path(known_file).is_file() else []
    known: dict[str, list[list[Piece]]] = {}
    for line in lines:
        known.setdefault(json.loads(line)["network"], []).append(json.loads(line)["pieces"])
    with silent(), torch.device("meta"), Weightless():
        for name in asked or names():
            try:
                print(json.dumps(Network(name).entry(known.get(name, ()))), flush=True, file=sys.__stdout__)
            except Exception as error:  # a network that the release ships and cannot build
                print(f"{name}: {type(error).__name__}: {error}"[:200], file=sys.__stderr__, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

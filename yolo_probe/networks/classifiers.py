"""The classifiers that YOLOv5 makes of its detectors: their first rows, with ``Classify`` in place of the last."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from yolo_probe.errors import TargetError
from yolo_probe.model.structure import Module
from yolo_probe.networks.constructors import Blocks
from yolo_probe.networks.generations import Generation, host_of, is_since
from yolo_probe.networks.torch_nn import sequential

CUT = 10
"""Rows of a detector that are kept; ``Classify`` takes the place of the last."""

CLASSES = 1000
"""Those of ImageNet, which the published files have."""

_NAME = re.compile(r"(yolov5[nsmlx])-cls")


def detector_of(name: str, generation: Generation) -> str | None:
    """The name of the detector that the classifier of a name is made of; None for a name of anything else.

    Raises: TargetError for a generation without classifiers.
    """
    found = _NAME.fullmatch(name)
    if found and not is_since(generation, "v6.2"):
        raise TargetError(
            f"YOLOv5 {generation} did not ship {name}, which came with v6.2", "Choose --host v6.2 or later."
        )
    return found[1] if found else None


def classifier(detector: Module, generation: Generation, classes: int) -> Module:
    """The classifier that a generation makes of a detector. Source: ``ClassificationModel`` in models/yolo.py."""
    *kept, last = [row for row in detector.child("model").children.values() if row][:CUT]
    width = last.child("cv1").child("conv").parameters["weight"].shape[1]
    head = Blocks(host_of(generation)).make("Classify", [width, classes])
    conv = head.child("conv")
    if is_since(generation, "v7.0"):  # all Conv of a network share one activation
        conv = replace(conv, children={**conv.children, "act": kept[0].child("act")})
    placed = {key: last.attributes[key] for key in ("i", "f", "np")}
    head = replace(head, attributes={**head.attributes, **placed}, children={**head.children, "conv": conv})
    yaml: Mapping[str, object] = {key: value for key, value in detector.attributes.items() if key == "yaml"}
    attributes = {**yaml, "save": []}
    return Module("models.yolo.ClassificationModel", attributes, children={"model": sequential(*kept, head)})

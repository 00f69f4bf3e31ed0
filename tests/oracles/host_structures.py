"""What a real YOLOv5 builds of model YAMLs, module by module; runs as a process that has one host on its path.

The YAMLs are its arguments; for each, one JSON object a line goes out on standard output: the real model's modules,
parameters, buffers and attributes, or the error that the host raised. What the host prints goes to standard error.
Models are built on the CPU as the host does it. This file imports nothing of yolo_probe.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

HIDDEN = ("training", "grid", "anchor_grid", "detect")
"""What a forward pass on shapes does not need: states of the run, and a function."""


def description(root: nn.Module) -> dict[str, Any]:
    """Modules in order, each with its class, tensors and attributes; ``same`` lists further names of shared ones."""
    modules = []
    for name, module in root.named_modules():
        cls = type(module)
        modules.append(
            {
                "name": name,
                "class": f"{cls.__module__}.{cls.__qualname__}".removeprefix("yolov5."),
                "parameters": [
                    [k, list(p.shape), str(p.dtype)[6:], p.requires_grad] for k, p in _own(module, "_parameters")
                ],
                "buffers": [[k, list(b.shape), str(b.dtype)[6:]] for k, b in _own(module, "_buffers")],
                "children": list(module._modules),
                "attributes": {k: plain(v) for k, v in module.__dict__.items() if k[0] != "_" and k not in HIDDEN},
            }
        )
    groups: dict[int, list[str]] = {}
    for name, module in root.named_modules(remove_duplicate=False):
        groups.setdefault(id(module), []).append(name)
    shared = [names for names in groups.values() if len(names) > 1]
    return {"modules": modules, "shared": shared, "parameters": [name for name, _ in root.named_parameters()]}


def _own(module: nn.Module, kind: str) -> list[tuple[str, torch.Tensor]]:
    return [(name, tensor) for name, tensor in getattr(module, kind).items() if tensor is not None]


def plain(value: Any) -> Any:
    """A value in a form that JSON keeps: kinds that Python tells apart stay apart."""
    if isinstance(value, torch.Tensor):
        return ["Tensor", *value.shape]
    if isinstance(value, (list, tuple)):
        return [type(value).__name__, *(plain(part) for part in value)]
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in sorted(value.items())}
    if value is None or isinstance(value, (bool, int, float, str)):
        return f"{type(value).__name__} {value!r}"
    return f"{type(value).__name__} {value}"


def main() -> None:
    """Describe every model whose YAML is named."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    logging.disable(logging.CRITICAL)
    nn.Conv2d.reset_parameters = lambda module: None  # values are not looked at, and take most of the time
    from yolov5.models.yolo import Model

    models = sys.modules["yolov5.models.yolo"]
    default = getattr(sys.modules["yolov5.models.common"].Conv, "default_act", None)
    for path in sys.argv[1:]:
        segmentation = hasattr(models, "SegmentationModel") and "Segment" in Path(path).read_text(errors="ignore")
        if default is not None:
            models.Conv.default_act = type(default)()  # a network with an activation of its own leaves it to the next
        try:
            answer = description((models.SegmentationModel if segmentation else Model)(path))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()

"""Weights without a model -> the network that they belong to, by the names and shapes of their tensors.

The answer is the network that YOLOv5 ships with the same names and shapes, for the number of classes that the head has.
Shapes do not say which activation a network has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from yolo_probe.errors import ModelYamlError, TraceError
from yolo_probe.model.fusion import fuse, fused_state
from yolo_probe.model.structure import Module, Shape, Tensor, named_modules
from yolo_probe.networks.generations import Generation
from yolo_probe.networks.model_yaml import build
from yolo_probe.networks.network import MOST_CLASSES, Network
from yolo_probe.networks.shipped import shipped_networks

COMPARED_GENERATIONS: tuple[Generation, ...] = ("head", "v6.0", "v5.0", "v3.1", "v1.0")
"""Generations whose networks differ in the names or shapes of their weights, the newest first."""

SHOWN_DIFFERENCES = 4
"""How many differences are listed."""

_PREFIX = re.compile(r"^(?:module\.|model\.|ema\.)*(?=model\.\d)")
"""What wrappers put before the name of a row: DataParallel, DetectMultiBackend, ModelEMA."""
_NOT_COMPARED = ("num_batches_tracked", "anchor_grid", "anchors", "total_ops", "total_params")
"""Buffers that one generation or tool has and another has not."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A network with the names and shapes of these weights."""

    network: str
    classes: int
    generation: Generation
    """The newest of ``COMPARED_GENERATIONS`` that ships it so."""
    fused: bool
    """Whether they are the weights after ``fuse()``."""
    also: tuple[str, ...]
    """Other networks with the same names and shapes."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Weights compared with one network."""

    fused: bool
    """Whether the network after ``fuse()`` is more like them than the one before."""
    differences: tuple[str, ...]
    """The first few differences in words; empty where there is none."""


def shapes_of(weights: Mapping[str, Tensor]) -> dict[str, Shape]:
    """Shapes by the names of the tensors in the model itself, without a wrapper's prefix."""
    return {_PREFIX.sub("", name): tensor.shape for name, tensor in weights.items()}


def class_count(shapes: Mapping[str, Shape]) -> int | None:
    """Number of classes, from the outputs of a Detect or Segment; None where there is no such head.

    To v1.0 the convolutions of Detect are rows, of which one is the last before it.
    """
    last = _rows(shapes) - 1
    rows = (shapes.get(f"model.{row}.weight") for row in (last, last - 1))
    outputs = shapes.get(f"model.{last}.m.0.weight") or next(filter(None, rows), ())
    anchors = shapes.get(f"model.{last}.anchors", ())
    each = anchors[1] if len(anchors) == 3 and anchors[1] else 3
    masks = (shapes.get(f"model.{last}.proto.cv3.conv.weight") or (0,))[0]
    if len(outputs) != 4 or outputs[0] % each:
        return None
    classes = outputs[0] // each - 5 - masks
    return classes if 1 <= classes <= MOST_CLASSES else None


def guess(weights: Mapping[str, Tensor]) -> Guess | None:
    """The network that YOLOv5 ships with exactly these names and shapes; None if there is none."""
    shapes = shapes_of(weights)
    classes, rows = class_count(shapes), _rows(shapes)
    if classes is None:
        return None
    for generation in COMPARED_GENERATIONS:
        near = [n for n in shipped_networks(generation) if len(n.rows) == rows and _begins(n, shapes)]
        compared = {network.name: compare(weights, network, generation) for network in near}
        found = {name: each.fused for name, each in compared.items() if not each.differences}
        if found:
            first, *others = found
            return Guess(first, classes, generation, found[first], tuple(others))
    return None


def compare(weights: Mapping[str, Tensor], network: Network, generation: Generation) -> Compared:
    """Weights compared with a network for their number of classes, built or fused: with the one that differs less."""
    shapes = shapes_of(weights)
    try:
        built = build(network.with_classes(class_count(shapes) or network.classes), generation)
        states = (built, fuse(built, grad_enabled=False).root)
    except (ModelYamlError, TraceError) as error:
        return Compared(False, (str(error),))
    found = [(tuple(_differences(shapes, expected_shapes(root))), root) for root in states]
    unlike, nearest = min(found, key=lambda each: len(each[0]))
    return Compared(fused_state(nearest) == "fused", unlike[:SHOWN_DIFFERENCES])


def expected_shapes(root: Module) -> dict[str, Shape]:
    """Names and shapes of the tensors in a model's state_dict."""
    return {
        f"{path}.{key}": tensor.shape
        for path, module in named_modules(root)
        for key, tensor in (*module.parameters.items(), *module.buffers.items())
    }


def _differences(found: Mapping[str, Shape], expected: Mapping[str, Shape]) -> Iterator[str]:
    for name in dict.fromkeys((*expected, *found)):
        ours, theirs = found.get(name), expected.get(name)
        if ours == theirs or name.endswith(_NOT_COMPARED):
            continue
        if ours is None:
            yield f"{name} is missing"
        elif theirs is None:
            yield f"{name[:80]} is not in the network"
        else:
            yield f"{name} has shape {list(ours)}, the network has {list(theirs)}"


def _rows(shapes: Mapping[str, Shape]) -> int:
    """How many rows the network has; the last one, the head, always has weights."""
    found = [match for name in shapes if (match := re.match(r"model\.(\d{1,4})\.", name))]
    return max((int(match[1]) + 1 for match in found), default=0)


def _begins(network: Network, shapes: Mapping[str, Shape]) -> bool:
    """Whether the first convolution is as wide as the network's: a cheap test, so that few networks are built."""
    first = shapes.get("model.0.conv.weight") or shapes.get("model.0.conv.conv.weight")
    width = network.rows[0].arguments[0]
    return bool(first and isinstance(width, int) and first[0] == ceil(width * network.width_multiple / 8) * 8)

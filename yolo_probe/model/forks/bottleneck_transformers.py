"""Bottleneck transformers (BoT) that people paste into YOLOv5: attention between all places of a feature map.

``fuse()`` of the forks that have them merges each Conv inside, and touches nothing else.
"""

from __future__ import annotations

from math import prod

from yolo_probe.model import operators
from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forward import Frame
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import c3

pasted("BoT3", "CTR3", holds="cv1 cv2 cv3 m")(c3)


@pasted("BottleneckTransformer", holds="cv1 cv2 shortcut? fc1", sets="shortcut?")
def bottleneck_transformer(f: Frame, x: Shape) -> Shape:
    y = f("cv2", f("cv1", x))  # fc1 is made and never run
    return f.add(x, y) if f.has("shortcut") or f.flag("shortcut") else y


@pasted("MHSA", holds="query key value softmax", sets="heads pos", tensors="rel_h_weight? rel_w_weight?")
def self_attention(f: Frame, x: Shape) -> Shape:
    n, c, *sides = x
    heads, places = f.get("heads", int), prod(sides)
    if heads < 1 or c % heads:
        raise ShapeError(f"found heads={heads}, expected a divisor of {c} channels")
    for name in ("query", "key", "value"):
        f(name, x)
    each, weights = (n, heads, c // heads, places), (n, heads, places, places)
    y = f.function("matmul", ((n, heads, places, c // heads), each), weights, call="matmul")
    if f.flag("pos"):
        y = f.add(y, _of_positions(f, each))
    y = f.function("matmul", (each, f("softmax", y)), each, call="matmul")
    return f.view(y, x)


def _of_positions(f: Frame, query: Shape) -> Shape:
    """What the learned positions add to the attention; those of rows and of columns are added up first."""
    n, heads, channels, places = query
    rows, columns = (f.module.parameters[f"rel_{axis}_weight"].shape for axis in "hw")
    total = f.function("add", (rows, columns), operators.broadcast(rows, columns))
    learned = prod(total) // (heads * channels)
    if learned < places:
        raise ShapeError(f"found {learned} learned positions, expected at least {places}, one for each place")
    inputs = ((1, heads, learned, channels), query)
    return f.view(f.function("matmul", inputs, (n, heads, learned, places), call="matmul"), (n, heads, places, places))

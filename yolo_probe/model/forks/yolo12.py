"""Blocks of YOLOv12 that people paste into YOLOv5: A2C2f and the attention of areas inside it.

Source: https://github.com/sunsmarterjie/yolov12 (2025) and ultralytics 8.3 (2025), ultralytics/nn/modules/block.py. The
attention has been written in several ways that hold the same and differ in their softmax alone, as ``softmax()`` or as
``exp()`` and a sum: a counter that charges for a part of either has no figure for it.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forward import Frame
from yolo_probe.model.operators import SOFTMAX_OF_SOME_FORM, ShapeError
from yolo_probe.model.structure import Shape

_SIZES = "area num_heads head_dim"


@pasted("AAttn", holds="qkv proj pe", sets=_SIZES)
def attention_of_areas(f: Frame, x: Shape) -> Shape:
    y = f("qkv", x)
    found, values = _attended(f, y, x, 3), f.copy(y, x)
    return f("proj", f.add(found, f("pe", values)))


@pasted("AAttn", holds="qk v proj pe", sets=_SIZES)
def attention_of_areas_with_values_apart(f: Frame, x: Shape) -> Shape:
    y, values = f("qk", x), f("v", x)
    if values != x:
        raise ShapeError(f"found {values[1]} channels of v, expected {x[1]}")
    around = f("pe", values)
    return f("proj", f.add(_attended(f, y, x, 2), around))


def _attended(f: Frame, made: Shape, x: Shape, parts: int) -> Shape:
    """What attention gives of a convolution's queries and keys, each place to those of its area."""
    n, c, h, w = x
    areas, heads, size = (f.get(name, int) for name in _SIZES.split())
    places = h * w
    if areas < 1 or places % areas:
        raise ShapeError(f"found {places} places, expected a multiple of the {areas} areas")
    if made[1] != parts * c or heads * size != c:
        raise ShapeError(f"found {made[1]} channels for {heads} heads of {size}, expected {parts} times {c}")
    batch, each = n * areas, places // areas
    query, key, weights = (batch, heads, each, size), (batch, heads, size, each), (batch, heads, each, each)
    y = f.function("matmul", (query, key), weights)
    y = f.function("mul", (y,), y)
    y = f.function(SOFTMAX_OF_SOME_FORM, (y,), y)
    return f.copy(f.function("matmul", (key, y), key), x)


@pasted("ABlock", holds="attn mlp")
def attention_and_a_perceptron(f: Frame, x: Shape) -> Shape:
    for name in ("attn", "mlp"):
        x = f.add(x, f(name, x))
    return x


@pasted("A2C2f", holds="cv1 cv2 m", tensors="gamma?", sets="gamma?")
def areas_in_a_row(f: Frame, x: Shape) -> Shape:
    parts = [f("cv1", x)]
    inside = f.inside("m")
    for name in inside.module.children:
        parts.append(inside(name, parts[-1]))
    y = f("cv2", f.cat(parts))
    return f.add(x, f.mul((), y)) if f.module.parameters.get("gamma") else y

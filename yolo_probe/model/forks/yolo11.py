"""Blocks of YOLOv10 and YOLO11 that people paste into YOLOv5: PSA, SCDown, C3k2, C2PSA.

``fuse()`` of YOLOv5 merges each Conv inside, and touches nothing else.

Source: ultralytics 8.2 and 8.3 (2024), ultralytics/nn/modules/block.py.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import c2f, pasted
from yolo_probe.model.forward import Frame
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import c3

pasted("C3k", holds="cv1 cv2 cv3 m")(c3)
pasted("C3k2", holds="cv1 cv2 m", sets="c")(c2f)


@pasted("SCDown", holds="cv1 cv2")
def narrowed_by_each_channel(f: Frame, x: Shape) -> Shape:
    return f("cv2", f("cv1", x))


@pasted("Attention", holds="qkv proj pe", sets="num_heads head_dim key_dim scale")
def attention_of_places(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    heads, size, key, places = (*(f.get(name, int) for name in ("num_heads", "head_dim", "key_dim")), h * w)
    found = f("qkv", x)
    _check(found[1], heads * (2 * key + size), c, heads * size)
    query, value, weights = (n, heads, key, places), (n, heads, size, places), (n, heads, places, places)
    y = f.function("matmul", ((n, heads, places, key), query), weights)
    y = f.function("mul", (y,), y)
    y = f.function("softmax", (y,), y)
    y = f.view(f.function("matmul", (value, weights), value), x)
    return f("proj", f.add(y, f("pe", f.copy(value, x))))


def _check(made: int, needed: int, channels: int, taken: int) -> None:
    """ShapeError where the heads of an attention are not those of its convolutions."""
    if made != needed or channels != taken:
        raise ShapeError(f"found {made} channels for heads that take {needed}, and {channels} for {taken}")


@pasted("PSABlock", holds="attn ffn", sets="add")
def attention_and_two_convolutions(f: Frame, x: Shape) -> Shape:
    for name in ("attn", "ffn"):
        y = f(name, x)
        x = f.add(x, y) if f.flag("add") else y
    return x


@pasted("C2PSA", holds="cv1 cv2 m", sets="c")
def attention_for_a_half(f: Frame, x: Shape) -> Shape:
    a, b = f.halves(f("cv1", x))
    return f("cv2", f.cat([a, f("m", b)]))


@pasted("PSA", holds="cv1 cv2 attn ffn", sets="c")
def attention_for_a_half_without_blocks(f: Frame, x: Shape) -> Shape:
    a, b = f.halves(f("cv1", x))
    for name in ("attn", "ffn"):
        b = f.add(b, f(name, b))
    return f("cv2", f.cat([a, b]))


pasted("C2fPSA", holds="cv1 cv2 m", sets="c")(c2f)

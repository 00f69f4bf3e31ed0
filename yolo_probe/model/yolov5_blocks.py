"""The forward pass of each block of YOLOv5, on shapes.

A function does what the ``forward`` of that class does in YOLOv5's models/common.py, models/experimental.py and
models/yolo.py, v5.0 to HEAD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

from yolo_probe.model import operators
from yolo_probe.model.forward import Frame, Value, block
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Module, Shape
from yolo_probe.model.torch_blocks import (
    conv_transpose2d,
    from_scattered,
    multi_head_attention,
)

# Convolution and its relatives


def is_whole(module: Module) -> bool:
    """Whether a Conv that has a BatchNorm runs it: what ``fuse()`` sets in the place of its forward does not."""
    return "forward" not in module.attributes or module.children.get("bn") is None


@block("Conv", "DWConv", holds="conv bn? act", sets="forward? bn?", when=is_whole)
def conv(f: Frame, x: Shape) -> Shape:
    x = f("conv", x)
    # fuse() removes the name, or, to v3.0, sets another forward; else a bn that is None fails, as in the host
    if "bn" in f.module.children and (f.has("bn") or "forward" not in f.module.attributes):
        x = f("bn", x)
    return f("act", x)


@block("Focus", holds="conv")
def focus(f: Frame, x: Shape) -> Shape:
    convolution = f.module.child("conv").children.get("conv")
    if convolution and convolution.attributes.get("stride") == (2, 2):
        return f("conv", x)  # a fork for NPUs has a stride of 2 in place of the slices
    return f("conv", corners(f, x))


@block("Focus", holds="conv_slice conv")
def focus_of_convolutions(f: Frame, x: Shape) -> Shape:
    return f("conv", f("conv_slice", x))


def corners(f: Frame, x: Shape) -> Shape:
    """The four pixels of each square of two by two, as channels."""
    places = [(0, 0), (1, 0), (0, 1), (1, 1)]
    return f.cat([f.view(x, operators.every_second(x, row, column)) for row, column in places])


block("DWConvTranspose2d", holds=None)(conv_transpose2d)


@block("GhostConv", holds="cv1 cv2")
def ghost_conv(f: Frame, x: Shape) -> Shape:
    y = f("cv1", x)
    return f.cat([y, f("cv2", y)])


@block("MixConv2d", holds="m bn act")
def mix_conv2d(f: Frame, x: Shape) -> Shape:
    branches = f.inside("m")
    y = f("act", f("bn", f.cat([branches(name, x) for name in branches.module.children])))
    # up to v6.0 the input is added, and the activation is a LeakyReLU
    return f.add(x, y) if f.module.child("act").kind == "nn.LeakyReLU" else y


# Bottlenecks


@block("Bottleneck", "CrossConv", holds="cv1 cv2", sets="add")
def bottleneck(f: Frame, x: Shape) -> Shape:
    y = f("cv2", f("cv1", x))
    return f.add(x, y) if f.flag("add") else y


@block("GhostBottleneck", holds="conv shortcut")
def ghost_bottleneck(f: Frame, x: Shape) -> Shape:
    return f.add(f("conv", x), f("shortcut", x))


@block("BottleneckCSP", "C3", holds="cv1 cv2 cv3 cv4 bn act m")  # C3 up to v3.1
def bottleneck_csp(f: Frame, x: Shape) -> Shape:
    y1 = f("cv3", f("m", f("cv1", x)))
    y2 = f("cv2", x)
    return f("cv4", f("act", f("bn", f.cat([y1, y2]))))


@block("C3", "C3x", "C3TR", "C3SPP", "C3Ghost", holds="cv1 cv2 cv3 m")
def c3(f: Frame, x: Shape) -> Shape:
    return f("cv3", f.cat([f("m", f("cv1", x)), f("cv2", x)]))


# Pyramid pooling


@block("SPP", holds="cv1 cv2 m")
def spp(f: Frame, x: Shape) -> Shape:
    return f("cv2", with_pools(f, f("cv1", x)))


def with_pools(f: Frame, x: Shape) -> Shape:
    """A tensor, and what each pool in ``m`` makes of it, as channels."""
    pools = f.inside("m")
    return f.cat([x, *(pools(name, x) for name in pools.module.children)])


@block("SPPF", holds="cv1 cv2 m")
def sppf(f: Frame, x: Shape) -> Shape:
    x = f("cv1", x)
    y1 = f("m", x)
    y2 = f("m", y1)
    return f("cv2", f.cat([x, y1, y2, f("m", y2)]))


# Attention


@block("TransformerBlock", holds="conv? linear tr", sets="conv? c2")
def transformer_block(f: Frame, x: Shape) -> Shape:
    if f.has("conv"):
        x = f("conv", x)
    n, c, h, w = x
    tokens = f.view(x, (h * w, n, c))
    # the axes are permuted, so the linear layer gets a tensor that is not contiguous
    tokens = f("tr", f.add(tokens, from_scattered(f.inside("linear"), tokens)))
    return f.view(tokens, (n, tokens[2], h, w))


@block("TransformerLayer", holds="q k v ma fc1 fc2")
def transformer_layer(f: Frame, x: Shape) -> Shape:
    attention = f.inside("ma")
    x = f.add(multi_head_attention(attention, f("q", x), f("k", x), f("v", x)), x)
    return f.add(f("fc2", f("fc1", x)), x)


# Between rows


@block("Concat", sets="d", takes="several")
def concat(f: Frame, x: Value) -> Shape:
    return f.cat(x if isinstance(x, list) else [x], f.get("d", int))


@block("Sum", sets="weight iter? n?", tensors="w?", takes="several")
def weighted_sum(f: Frame, x: Value) -> Shape:
    if not isinstance(x, list):
        raise ShapeError("found one input, expected several")
    y = x[0]
    for other in x[1:]:
        weighted = f.function("mul", (other, ()), other) if f.flag("weight") else other
        y = f.add(y, weighted)
    return y


@block("Contract", sets="gain")
def contract(f: Frame, x: Shape) -> Shape:
    return f.copy(x, operators.pixel_unshuffle(x, f.get("gain", int)))


@block("Expand", sets="gain")
def expand(f: Frame, x: Shape) -> Shape:
    return f.copy(x, operators.pixel_shuffle(x, f.get("gain", int)))


# Heads


def gives_a_box(more: int = 0) -> Callable[[Module], bool]:
    """Whether a head gives a box 5 numbers, one for each class and each mask, and so many more."""

    def gives(module: Module) -> bool:
        outputs, *parts = (module.attributes.get(name, 0) for name in ("no", "nc", "nm"))
        numbers = [part for part in parts if isinstance(part, int)]
        return len(numbers) == len(parts) and outputs == 5 + sum(numbers) + more

    return gives


def writes_in_place(module: Module) -> bool:
    """Whether a head writes the boxes into the predictions; the other way has other operators."""
    return module.attributes.get("inplace") is True


HEAD = "nc no nl na grid? stride? anchor_grid? inplace? export? dynamic? onnx_dynamic?"
"""Attributes of YOLOv5's heads."""
ANCHORS = "anchors? anchor_grid?"
"""Buffers of YOLOv5's heads."""


@block("Detect", holds="m", sets=HEAD, tensors=ANCHORS, takes="several", when=gives_a_box())
def detect(f: Frame, x: Value) -> list[Shape]:
    convolutions, levels = f.inside("m"), several(x)
    if f.get("nl", int) > len(levels):
        raise ShapeError(f"found {len(levels)} inputs, expected one for each of {f.get('nl', int)} levels")
    return boxes(f, (convolutions(str(i), levels[i]) for i in range(f.get("nl", int))))


def several(x: Value) -> list[Shape]:
    """The inputs of a module that takes one for each level; ShapeError if there is one alone."""
    if not isinstance(x, list) or not all(isinstance(each, tuple) for each in x):
        raise ShapeError("found one input, expected one for each level")
    return x


def boxes(f: Frame, levels: Iterable[Shape], decoded: Callable[[Frame, Shape], Shape] | None = None) -> list[Shape]:
    """The predictions of a head with anchors, of the outputs of its convolutions, and in evaluation mode its boxes.

    ``levels``: those outputs, or with five axes the predictions, where several convolutions give them together.
    ``decoded``: the boxes of one level, of its predictions; without it as YOLOv5 computes them.
    """
    decoded = decoded or _boxes
    anchors, outputs = f.get("na", int), f.get("no", int)
    predictions: list[Shape] = []
    found: list[Shape] = []
    for i, level in enumerate(levels):
        if len(level) == 4:
            n, c, h, w = level
            if c != anchors * outputs:
                raise ShapeError(f"m.{i}: found {c} output channels, expected {anchors} anchors x {outputs} outputs")
            level = f.copy(level, (n, anchors, h, w, outputs))
        predictions.append(level)
        if not f.current.training:
            found.append(decoded(f, predictions[-1]))
    if not f.current.training:
        f.cat(found)
    return predictions


def _boxes(f: Frame, x: Shape) -> Shape:
    masks = f.module.attributes.get("nm", 0)
    assert isinstance(masks, int)
    return boxes_of_level(f, x, masks)


def boxes_of_level(f: Frame, x: Shape, masks: int = 0) -> Shape:
    """Shape of one level's boxes, computed from its predictions; centre and size of a box are two numbers each.

    ``masks``: how many of the predictions are coefficients of masks, which are passed on as they are.
    """
    n, anchors, h, w, outputs = x
    two: Shape = (n, anchors, h, w, 2)
    others: Shape = (n, anchors, h, w, outputs - 4 - masks)
    parts = [f.view(x, (n, anchors, h, w, masks))] if masks else []
    made = "anchor_grid" not in f.module.buffers  # made for the first image of a size; up to v6.0 a buffer
    if made:
        f.function("sub", (two,), (1, *two[1:]))
        f.function("mul", ((anchors, 2), ()), (anchors, 2))
    centre = size = f.view(x, two)
    rest = f.view(x, others)
    if masks:  # a Segment head takes the sigmoid of each part alone
        centre = f.function("sigmoid", (centre,), two)
    else:
        whole = f.function("sigmoid", (x,), x)
        centre, size, rest = f.view(whole, two), f.view(whole, two), f.view(whole, others)
    for operator in ("mul", *(() if made else ("sub",))):
        centre = f.function(operator, (centre,), two)
    centre = f.function("mul", (f.function("add", (centre, two), two),), two)  # plus the grid, times the stride
    for operator in (*(("sigmoid",) if masks else ()), "mul", "pow"):
        size = f.function(operator, (size,), two)
    size = f.function("mul", (size, two), two)  # times the anchors
    if masks:
        rest = f.function("sigmoid", (rest,), others)
    return f.view(f.function("cat", (centre, size, rest, *parts), x), (n, anchors * h * w, outputs))


@block(
    "Segment", holds="m proto", sets=f"{HEAD} nm npr? detect?", tensors=ANCHORS, takes="several",
    when=gives_a_box(),
)  # fmt: skip
def segment(f: Frame, x: Value) -> list[Shape]:
    f("proto", several(x)[0])
    return detect(f, cast(Shape, x))


@block("Proto", holds="cv1 upsample cv2 cv3")
def proto(f: Frame, x: Shape) -> Shape:
    return f("cv3", f("cv2", f("upsample", f("cv1", x))))


@block("Classify", holds="aap? conv flat? pool? drop? linear?", takes="several")
def classify(f: Frame, x: Value) -> Shape:
    inputs = x if isinstance(x, list) else [x]
    if f.has("aap"):  # up to v6.1: pool, then convolve
        return f("flat", f("conv", f.cat([f("aap", y) for y in inputs])))
    y = f("conv", f.cat(inputs) if isinstance(x, list) else x)
    pooled = f("pool", y)
    return f("linear", f("drop", f.view(pooled, operators.flatten(pooled))))

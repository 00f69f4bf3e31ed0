"""YOLOv9 (and YOLOv7's branch u6 that it grew from): its blocks, its heads without anchors, what its ``fuse()`` does.

Source: https://github.com/WongKinYiu/yolov9 at 5b1ea9a (June 2024).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from yolo_probe.model import operators
from yolo_probe.model.forks.fork import (
    Fork,
    branches_before,
    has_head_of_yolov5,
    merged_conv,
    one_convolution,
    with_attributes,
)
from yolo_probe.model.forks.yolov7 import residual
from yolo_probe.model.forward import Frame, Value, block, recipe_of
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Module, Shape, distinct_modules
from yolo_probe.model.yolov5_blocks import bottleneck, c3, several


@block("AConv", holds="cv1")
def a_conv(f: Frame, x: Shape) -> Shape:
    return f("cv1", _averaged(f, x))


@block("ADown", holds="cv1 cv2", sets="c")
def a_down(f: Frame, x: Shape) -> Shape:
    a, b = f.halves(_averaged(f, x))
    a = f("cv1", a)
    pooled = operators.pool2d(b, 3, 2, 1, 1, False)
    window = {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 1, "ceil_mode": False}
    b = f("cv2", f.function("max_pool2d", (b,), pooled, **window))
    return f.cat([a, b])


def _averaged(f: Frame, x: Shape) -> Shape:
    out = operators.pool2d(x, 2, 1, 0, 1, False)
    options = {"kernel": (2, 2), "stride": (1, 1), "padding": (0, 0), "inside": False, "number": True}
    return f.function("avg_pool2d", (x,), out, **options)


@block("RepConvN", holds="act bn? conv1? conv2? conv?", sets="g c1 c2 bn? forward? id_tensor?")
def rep_conv_n(f: Frame, x: Shape) -> Shape:
    if f.has("conv"):
        return f("act", f("conv", x))
    if f.has("bn"):
        y = f("bn", x)
        return f("act", f.add(f.add(f("conv1", x), f("conv2", x)), y))
    y = f.add(f("conv1", x), f("conv2", x))
    return f("act", f.function("add", (y,), y))  # the number 0, where there is no BatchNorm beside the two


block("BottleneckBase", "RBottleneckBase", "RepNBottleneck", "RepNRBottleneckBase", holds="cv1 cv2", sets="add")(
    bottleneck
)
block("CSP", "CSPBase", "RepNCSP", holds="cv1 cv2 cv3 m")(c3)


block("RepNRes", holds="cv1 cv2 cv3", sets="add")(residual)


@block("RepNCSPELAN4", "ELAN1", holds="cv1 cv2 cv3 cv4", sets="c")
def elan(f: Frame, x: Shape) -> Shape:
    a, b = f.halves(f("cv1", x))
    y = f("cv2", b)
    return f("cv4", f.cat([a, b, y, f("cv3", y)]))


@block("SPPELAN", holds="cv1 cv2 cv3 cv4 cv5", sets="c")
def spp_elan(f: Frame, x: Shape) -> Shape:
    levels = [f("cv1", x)]
    for name in ("cv2", "cv3", "cv4"):
        levels.append(f(name, levels[-1]))
    return f("cv5", f.cat(levels))


@block("ConvTranspose", holds="conv_transpose bn act")
def conv_transpose(f: Frame, x: Shape) -> Shape:
    return f("act", f("bn", f("conv_transpose", x)))


@block("CBLinear", holds="conv", sets="c2s")
def cb_linear(f: Frame, x: Shape) -> list[Shape]:
    y, parts = f("conv", x), f.get("c2s", list)
    if not all(isinstance(part, int) for part in parts) or sum(parts) != y[1]:
        raise ShapeError(f"found c2s={parts}, expected channels that add up to {y[1]}")
    return [f.view(y, (y[0], part, *y[2:])) for part in parts]


@block("CBFuse", sets="idx", takes="several of several")
def cb_fuse(f: Frame, x: Value) -> Shape:
    if not isinstance(x, list) or len(x) < 2 or isinstance(x[-1], list):
        raise ShapeError("found one input, expected those of several rows and a tensor")
    last, parts = x[-1], f.get("idx", list)
    if len(parts) < len(x) - 1:
        raise ShapeError(f"found idx={parts}, expected a number for each of {len(x) - 1} inputs")
    resized: list[Shape] = []
    for part, each in zip(parts, x[:-1], strict=False):
        if not isinstance(each, list):
            raise ShapeError("found a row with one output, expected several")
        if not isinstance(part, int) or not -len(each) <= part < len(each):
            raise ShapeError(f"found idx={parts}, expected numbers of one of {len(each)} outputs")
        chosen = each[part]
        resized.append(f.function("upsample", (chosen,), (*chosen[:2], *last[2:]), mode="nearest", sized=True))
    return f.function("sum()", ((len(resized) + 1, *last),), last)


@block("Silence", takes="several")
def silence(f: Frame, x: Value) -> Value:
    return x


@block("UConv", holds="cv1 cv2 up")
def u_conv(f: Frame, x: Shape) -> Shape:
    return f("up", f("cv2", f("cv1", x)))


@block("DFL", holds="conv", sets="c1")
def dfl(f: Frame, x: Shape) -> Shape:
    n, _, anchors = x
    numbers = f.get("c1", int)
    y = f.view(x, (n, numbers, 4, anchors))
    return f.view(f("conv", f.function("softmax", (y,), y)), (n, 4, anchors))


_HEAD = "nc nl reg_max no inplace stride anchors? strides? shape? dynamic? export?"
_SEGMENT = f"{_HEAD} nm npr detect?"


@block(
    "V8_Detect", holds="cv2 cv3 dfl", sets=_HEAD.replace("inplace", "inplace?"), takes="several", pasted=True
)  # of yolo_research
@block("Detect", "DDetect", holds="cv2 cv3 dfl", sets=_HEAD, takes="several")
def d_detect(f: Frame, x: Value) -> list[Shape]:
    return _several_heads(f, several(x), 1)


@block("DualDetect", "DualDDetect", holds="cv2 cv3 cv4 cv5 dfl dfl2", sets=_HEAD, takes="several")
def dual_d_detect(f: Frame, x: Value) -> list[Shape]:
    return _several_heads(f, several(x), 2)


_THREE = "cv2 cv3 cv4 cv5 cv6 cv7 dfl dfl2 dfl3"


@block("TripleDetect", holds=_THREE, sets=_HEAD, takes="several")
def triple_detect(f: Frame, x: Value) -> list[Shape]:
    return _several_heads(f, several(x), 3)


@block("TripleDDetect", holds=_THREE, sets=_HEAD, takes="several")
def triple_d_detect(f: Frame, x: Value) -> list[Shape]:
    return _several_heads(f, several(x), 3, scored=(2,))


def _several_heads(f: Frame, x: list[Shape], heads: int, scored: Collection[int] = range(3)) -> list[Shape]:
    """One head, or several side by side, each on inputs of its own; ``scored``: those that give scores of classes."""
    levels = f.get("nl", int)
    found: list[list[Shape]] = [[] for _ in range(heads)]
    for i in range(levels):
        for head in range(heads):
            level, parts = x[head * levels + i], (f"cv{2 * head + 2}", f"cv{2 * head + 3}")
            found[head].append(f.cat([f.inside(part)(str(i), level) for part in parts]))
    if not f.current.training:
        for head, predictions in enumerate(found):
            _decode(f, predictions, f"dfl{head + 1 if head else ''}", first=not head, scored=head in scored)
    return found[0]


def _decode(f: Frame, levels: list[Shape], name: str, *, first: bool, scored: bool) -> None:
    """The boxes of a head's levels.

    ``first``: whether it also places the anchors. ``scored``: whether it gives the scores of the classes too.
    """
    n, outputs = levels[0][0], f.get("no", int)
    flat = [f.view(each, (n, outputs, each[2] * each[3])) for each in levels]
    total = sum(each[2] for each in flat)
    if first:
        place_anchors(f, levels, total)
    f.cat(flat, 2)
    two, four, classes = (n, 2, total), (n, 4, total), (n, outputs - 4 * f.get("reg_max", int), total)
    anchors = (1, 2, total)
    f(name, (n, 4 * f.get("reg_max", int), total))
    f.function("sub", (anchors, two), two)
    f.function("add", (anchors, two), two)
    f.function("div", (f.function("add", (two, two), two),), two)
    f.function("sub", (two, two), two)
    f.cat([two, two])
    f.function("mul", (four, (1, total)), four)
    if scored:
        f.cat([four, f.function("sigmoid", (classes,), classes)])


def place_anchors(f: Frame, levels: list[Shape], total: int) -> None:
    """The points of the grid, which are made for the first image of a size."""
    for _, _, h, w in levels:
        f.function("add", ((w,),), (w,))
        f.function("add", ((h,),), (h,))
    f.function("cat", tuple((h * w, 2) for _, _, h, w in levels), (total, 2))
    f.function("cat", tuple((h * w, 1) for _, _, h, w in levels), (total, 1))


@block("V8_Segment", holds="cv2 cv3 dfl proto cv4", sets=_SEGMENT.replace("inplace", "inplace?"), takes="several")
@block("Segment", holds="cv2 cv3 dfl proto cv4", sets=_SEGMENT, takes="several")
def segment(f: Frame, x: Value) -> list[Shape]:
    f("proto", several(x)[0])
    return _with_masks(f, several(x), "cv4")


@block(
    "Pose", holds="cv2 cv3 dfl cv4", sets=f"{_HEAD.replace('inplace', 'inplace?')} kpt_shape nk detect?",
    takes="several", pasted=True,
)  # fmt: skip  # of yolo_research
def pose(f: Frame, x: Value) -> list[Shape]:
    levels = several(x)[: f.get("nl", int)]
    points = [f.inside("cv4")(str(i), level) for i, level in enumerate(levels)]
    n, numbers, total = f.cat([f.view(y, (*y[:2], y[2] * y[3])) for y in points], 2)
    out = _several_heads(f, levels, 1)
    if not f.current.training:
        _place_points(f, n, total)
        f.cat([(n, 4 + f.get("no", int) - 4 * f.get("reg_max", int), total), (n, numbers, total)])
    return out


def _place_points(f: Frame, n: int, total: int) -> None:
    """The key points in pixels: twice the prediction, plus its place less a half, times the stride."""
    number, values = f.get("kpt_shape", list)
    each: Shape = (n, number, total)
    if values == 3:
        f.function("activation", (each,), each)
    for _ in range(2):
        f.function("mul", (each,), each)
        f.function("sub", ((total,),), (total,))
        f.mul(f.add(each, (total,)), (1, total))


@block("DSegment", holds="cv2 cv3 dfl proto cv4", sets=_SEGMENT, takes="several")
def d_segment(f: Frame, x: Value) -> list[Shape]:
    f("proto", several(x)[-1])
    return _with_masks(f, several(x), "cv4")


@block("DualDSegment", holds="cv2 cv3 cv4 cv5 dfl dfl2 proto proto2 cv6 cv7", sets=_SEGMENT, takes="several")
def dual_d_segment(f: Frame, x: Value) -> list[Shape]:
    levels = several(x)
    f("proto", levels[-2])
    f("proto2", levels[-1])
    return _with_masks(f, levels, "cv6", "cv7")


@block("Panoptic", holds="cv2 cv3 dfl proto uconv cv4", sets=f"{_SEGMENT} sem_nc", takes="several")
def panoptic(f: Frame, x: Value) -> list[Shape]:
    f("proto", several(x)[0])
    f("uconv", several(x)[0])
    return _with_masks(f, several(x), "cv4")


def _with_masks(f: Frame, x: list[Shape], *names: str) -> list[Shape]:
    """The boxes of a head for each name, and the coefficients of its masks."""
    masks, levels = [], f.get("nl", int)
    for head, name in enumerate(names):
        found = [f.inside(name)(str(i), x[head * levels + i]) for i in range(levels)]
        masks.append(f.cat([f.view(y, (y[0], y[1], y[2] * y[3])) for y in found], 2))
    out = _several_heads(f, x, len(names))
    if not f.current.training:
        n, coefficients, total = masks[-1]
        rest = 4 + f.get("no", int) - 4 * f.get("reg_max", int)
        f.cat([(n, rest, total), (n, coefficients, total)])
    return out


def _fused_rep_conv_n(module: Module, path: str, grad_enabled: bool) -> Module:
    """One convolution in place of two: 3x3 + 1x1 padded to 3x3; never trainable."""
    if "conv1" not in module.children:
        return module
    convolution = one_convolution(module.child("conv1").child("conv"), trains=False)
    return with_attributes(module, {"act": module.child("act"), "conv": convolution}, forward="forward_fuse")


def _rep_conv_n_before(module: Module) -> Module:
    """The two branches of a merged RepConvN, each a Conv without an activation."""
    merged = module.children.get("conv")
    if merged is None or "conv1" in module.children:
        return module
    home = module.class_path.rpartition(".")[0]
    identity = Module("torch.nn.modules.linear.Identity")
    branches = {
        name: Module(f"{home}.Conv", children={"conv": convolution, "bn": batch_norm, "act": replace(identity)})
        for name, (convolution, batch_norm) in zip(("conv1", "conv2"), branches_before(merged), strict=True)
    }
    kept = {name: value for name, value in module.attributes.items() if name != "forward"}
    return replace(module, children={"act": module.child("act"), **branches}, attributes={**kept, "bn": None})


def _has_own_head(root: Module) -> bool:
    """Whether no other head was pasted beside the classes, of which ultralytics has some too."""
    heads = [module for module in distinct_modules(root) if {"nc", "nl"} <= module.attributes.keys()]
    return (
        root.kind in ("DetectionModel", "SegmentationModel")
        and not has_head_of_yolov5(root)
        and all((recipe := recipe_of(head)) and not recipe.pasted for head in heads)
    )


YOLOV9 = Fork(
    "YOLOv9",
    line="v7.0",
    marks=frozenset({"RepConvN", "RepNCSPELAN4", "DFL", "DDetect", "ADown", "AConv", "CBLinear", "CBFuse"}),
    builds=_has_own_head,
    fuses={"Conv": merged_conv, "DWConv": merged_conv, "RepConvN": _fused_rep_conv_n},
    restores={"RepConvN": _rep_conv_n_before},
    changed="before 26 February 2024, and in yolov9pip 0.0.4, its fuse() leaves the two branches of each RepConvN",
)

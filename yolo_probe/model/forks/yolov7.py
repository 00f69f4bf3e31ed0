"""YOLOv7: the blocks of its models/common.py, its heads, and what its ``fuse()`` does.

Source: https://github.com/WongKinYiu/yolov7 at a207844 (November 2023).
"""

from __future__ import annotations

from dataclasses import replace

from yolo_probe.model.forks.fork import (
    Fork,
    branches_before,
    has_head_of_yolov5,
    merged_conv,
    one_convolution,
    with_attributes,
)
from yolo_probe.model.forks.orepa import deployed_orepa, orepa_before
from yolo_probe.model.forward import Frame, Value, block
from yolo_probe.model.fusion import new_batch_norm
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Module, Shape, distinct_modules
from yolo_probe.model.yolov5_blocks import (
    ANCHORS,
    HEAD,
    bottleneck,
    boxes,
    c3,
    corners,
    ghost_bottleneck,
    several,
    with_pools,
)


@block("MP", "SP", holds="m")
def pool(f: Frame, x: Shape) -> Shape:
    return f("m", x)


@block("ReOrg")
def reorg(f: Frame, x: Shape) -> Shape:
    return corners(f, x)


@block("Chuncat", sets="d", takes="several")
def chuncat(f: Frame, x: Value) -> Shape:
    halves = [f.halves(each, f.get("d", int)) for each in several(x)]
    return f.cat([each[0] for each in halves] + [each[1] for each in halves], f.get("d", int))


@block("Shortcut", sets="d", takes="several")
def shortcut(f: Frame, x: Value) -> Shape:
    first, second, *_ = several(x)
    return f.add(first, second)


@block("Foldcut", sets="d")
def foldcut(f: Frame, x: Shape) -> Shape:
    return f.add(*f.halves(x, f.get("d", int)))


@block("RobustConv", holds="conv_dw conv1x1", sets="gamma?", tensors="gamma?")
def robust_conv(f: Frame, x: Shape) -> Shape:
    return _scaled(f, f("conv1x1", f("conv_dw", x)))


@block("RobustConv2", holds="conv_strided conv_deconv", sets="gamma?", tensors="gamma?")
def robust_conv2(f: Frame, x: Shape) -> Shape:
    return _scaled(f, f("conv_deconv", f("conv_strided", x)))


def _scaled(f: Frame, x: Shape) -> Shape:
    gamma = f.module.parameters.get("gamma")
    return x if gamma is None else f.mul(x, (1, *gamma.shape, 1, 1))


@block("Stem", "GhostStem", holds="cv1 cv2 cv3 pool cv4")
def stem(f: Frame, x: Shape) -> Shape:
    x = f("cv1", x)
    return f("cv4", f.cat([f("cv3", f("cv2", x)), f("pool", x)]))


@block("DownC", holds="cv1 cv2 cv3 mp")
def down_c(f: Frame, x: Shape) -> Shape:
    return f.cat([f("cv2", f("cv1", x)), f("cv3", f("mp", x))])


@block("SPPCSPC", "GhostSPPCSPC", holds="cv1 cv2 cv3 cv4 m cv5 cv6 cv7")
def sppcspc(f: Frame, x: Shape) -> Shape:
    y = f("cv6", f("cv5", with_pools(f, f("cv4", f("cv3", f("cv1", x))))))
    return f("cv7", f.cat([y, f("cv2", x)]))


block("RepBottleneck", holds="cv1 cv2", sets="add")(bottleneck)


@block("Res", "ResX", "RepRes", "RepResX", holds="cv1 cv2 cv3", sets="add")
def residual(f: Frame, x: Shape) -> Shape:
    y = f("cv3", f("cv2", f("cv1", x)))
    return f.add(x, y) if f.flag("add") else y


block("Ghost", holds="conv shortcut")(ghost_bottleneck)
_INSIDE = ("Bottleneck", "Res", "ResX", "Ghost", "RepBottleneck", "RepRes", "RepResX", "ST", "ST2")
block(*(f"{name}CSPA" for name in _INSIDE), holds="cv1 cv2 cv3 m")(c3)


@block(*(f"{name}CSPB" for name in _INSIDE), holds="cv1 cv2 cv3 m")
def csp_b(f: Frame, x: Shape) -> Shape:
    x = f("cv1", x)
    return f("cv3", f.cat([f("m", x), f("cv2", x)]))


@block(*(f"{name}CSPC" for name in _INSIDE), holds="cv1 cv2 cv3 cv4 m")
def csp_c(f: Frame, x: Shape) -> Shape:
    return f("cv4", f.cat([f("cv3", f("m", f("cv1", x))), f("cv2", x)]))


@block("ImplicitA", sets="channel mean? std?", tensors="implicit")
def implicit_a(f: Frame, x: Shape) -> Shape:
    return f.add(f.module.parameters["implicit"].shape, x)


@block("ImplicitM", sets="channel mean? std?", tensors="implicit")
def implicit_m(f: Frame, x: Shape) -> Shape:
    return f.mul(f.module.parameters["implicit"].shape, x)


_SIZES = "deploy groups in_channels out_channels rbr_identity? rbr_dense? rbr_1x1? id_tensor?"


@block("RepConv", holds="act rbr_identity? rbr_dense? rbr_1x1? rbr_reparam?", sets=_SIZES)
def rep_conv(f: Frame, x: Shape) -> Shape:
    if f.has("rbr_reparam"):
        return f("act", f("rbr_reparam", x))
    y = f.add(f("rbr_dense", x), f("rbr_1x1", x))
    # without an identity branch the number 0 is added
    return f("act", f.add(y, f("rbr_identity", x)) if f.has("rbr_identity") else f.function("add", (y,), y))


HEAD_OF_YOLOV7 = f"{HEAD} forward? end2end? include_nms? concat?"
"""Attributes of its heads."""


PERSON_POINTS = 17
"""Key points of a person, the only number for which the forward of ``IKeypoint`` runs here."""
_BIN_COUNT = 21
"""Bins of a width or height, the only number for which the forward of ``IBin`` runs."""
_POINTS = "nkpt dw_conv_kpt no_det no_kpt flip_test?"
_BINS = (
    "bin_count length reg_scale use_fw_regression step min? max? scale? shift? use_loss_regression? BCE_weight? cp? cn?"
)


def is_of_u7(module: Module) -> bool:
    return "inplace" in module.attributes


@block(
    "IDetect",
    holds="m ia im",
    sets=HEAD_OF_YOLOV7,
    tensors=ANCHORS,
    takes="several",
    when=lambda module: not is_of_u7(module),
)
def i_detect(f: Frame, x: Value) -> list[Shape]:
    return boxes(f, [implicit_level(f, i, level) for i, level in enumerate(several(x)[: f.get("nl", int)])])


@block("IAuxDetect", holds="m m2 ia im", sets=HEAD_OF_YOLOV7, tensors=ANCHORS, takes="several")
def i_aux_detect(f: Frame, x: Value) -> list[Shape]:
    levels, leads = several(x), f.get("nl", int)
    predictions = [implicit_level(f, i, level) for i, level in enumerate(levels[:leads])]
    if not _is_fused(f):
        run_auxiliary(f, levels[leads : 2 * leads])
    return boxes(f, predictions)


def run_auxiliary(f: Frame, levels: list[Shape]) -> None:
    """Run the convolutions whose predictions only the loss of a training needs."""
    second = f.inside("m2")
    for i, level in enumerate(levels):
        y = second(str(i), level)
        f.copy(y, (y[0], f.get("na", int), *y[2:], f.get("no", int)))


@block("IDetect", holds="m ia im", sets=HEAD, tensors="anchors", takes="several", when=is_of_u7)
@block("ISegment", holds="m ia im proto", sets=f"{HEAD} nm npr detect", tensors="anchors", takes="several")
def i_detect_of_u7(f: Frame, x: Value) -> list[Shape]:
    levels = several(x)
    if f.has("proto"):
        f("proto", levels[0])
    before, convolutions = f.inside("ia"), f.inside("m")
    outputs = (convolutions(str(i), before(str(i), levels[i])) for i in range(f.get("nl", int)))
    return boxes(f, outputs, _boxes_of_u7)


def _boxes_of_u7(f: Frame, x: Shape) -> Shape:
    """One level's boxes: the grid, which is made for the first image of a size, then scores, centre and size."""
    n, anchors, h, w, outputs = x
    two, scores = (n, anchors, h, w, 2), (n, anchors, h, w, 5 + f.get("nc", int))
    f.function("sub", (two,), (1, *two[1:]))
    f.function("mul", ((anchors, 2), ()), (anchors, 2))
    f.function("activation", (scores,), scores)
    for operator, inputs in (("mul", (two,)), ("add", (two, two)), ("mul", (two, ()))):
        f.function(operator, inputs, two)
    for operator, inputs in (("mul", (two,)), ("pow", (two,)), ("mul", (two, two))):
        f.function(operator, inputs, two)
    return f.view(f.copy(x, x), (n, anchors * h * w, outputs))


@block("IKeypoint", holds="m ia im m_kpt", sets=f"{HEAD_OF_YOLOV7} {_POINTS}", tensors=ANCHORS, takes="several")
def i_keypoint(f: Frame, x: Value) -> list[Shape]:
    points = f.inside("m_kpt")
    levels = enumerate(several(x)[: f.get("nl", int)])
    return boxes(
        f, [f.cat([implicit_level(f, i, level), points(str(i), level)]) for i, level in levels], _boxes_with_points
    )


def _boxes_with_points(f: Frame, x: Shape) -> Shape:
    """One level's boxes, of one class, and its key points: two coordinates each, and a score."""
    n, anchors, h, w, outputs = x
    number = f.get("nkpt", int)
    if outputs != 6 + 3 * number:
        raise ShapeError(f"found {outputs} outputs, expected 6 of a box and 3 for each of {number} key points")
    first, two = (n, anchors, h, w, 6), (n, anchors, h, w, 2)
    f.function("sigmoid", (first,), first)
    centre_and_size(f, two)
    points = (n, anchors, h, w, number)
    for _ in range(2):
        _centre(f, points)
    f.function("sigmoid", (points,), points)
    parts = (two, two, two, (n, anchors, h, w, outputs - 6))
    return f.view(f.function("cat", parts, x), (n, anchors * h * w, outputs))


def centre_and_size(f: Frame, two: Shape) -> None:
    """Centre and size of the boxes, of the sigmoid of their predictions."""
    _centre(f, two)
    for operator in ("mul", "pow", "mul"):
        f.function(operator, (two,), two)


def _centre(f: Frame, x: Shape) -> None:
    """Coordinates in pixels: twice the prediction, less a half, plus the grid, times the stride."""
    for operator in ("mul", "sub", "add", "mul"):
        f.function(operator, (x,), x)


@block(
    "IBin",
    holds="w_bin_sigmoid h_bin_sigmoid m ia im",
    sets=f"{HEAD_OF_YOLOV7} bin_count",
    tensors=ANCHORS,
    takes="several",
)
def i_bin(f: Frame, x: Value) -> list[Shape]:
    levels = enumerate(several(x)[: f.get("nl", int)])
    return boxes(f, [implicit_level(f, i, level) for i, level in levels], _boxes_of_bins)


def _boxes_of_bins(f: Frame, x: Shape) -> Shape:
    """One level's boxes, whose width and height are each the sum of the likeliest bin and a number."""
    n, anchors, h, w, outputs = x
    if f.get("bin_count", int) != _BIN_COUNT:
        raise ShapeError(f"found {f.get('bin_count', int)} bins, expected the {_BIN_COUNT} that its forward takes")
    f.function("sigmoid", (x,), x)
    _centre(f, (n, anchors, h, w, 2))
    one = (n, anchors, h, w)
    for name in ("w_bin_sigmoid", "h_bin_sigmoid"):
        bins = f.inside(name)
        for operator in ("mul", "sub", "mul", "add"):
            bins.function(operator, (one,), one)
        f.function("mul", (one,), one)
    rest = outputs - 2 - 2 * (_BIN_COUNT + 1)
    out = f.function("cat", ((*one, 4), (*one, rest)), (*one, 4 + rest))
    return f.view(out, (n, anchors * h * w, 4 + rest))


@block("SigmoidBin", holds="BCEbins MSELoss", sets=_BINS, tensors="bins")
def sigmoid_bin(f: Frame, x: Shape) -> Shape:
    raise ShapeError("found a call of its own, expected one by its head")


def implicit_level(f: Frame, i: int, x: Shape) -> Shape:
    """The output of one level: the convolution between the two implicit tensors, into which fuse() computes both."""
    convolutions = f.inside("m")
    if _is_fused(f):
        return convolutions(str(i), x)
    return f.inside("im")(str(i), convolutions(str(i), f.inside("ia")(str(i), x)))


def _is_fused(f: Frame) -> bool:
    return "forward" in f.module.attributes


def fused_rep_conv(module: Module, path: str, grad_enabled: bool) -> Module:
    """One convolution in place of the branches: 3x3 + 1x1 padded to 3x3 + the identity as a 3x3; always trainable."""
    dense = module.children.get("rbr_dense")
    if dense is None:
        return module
    children = {"act": module.child("act"), "rbr_reparam": one_convolution(dense.child("0"), trains=True)}
    return with_attributes(module, children, deploy=True, rbr_identity=None, rbr_1x1=None, rbr_dense=None)


def rep_conv_before(module: Module) -> Module:
    """The branches of a merged RepConv: its constructor makes an identity where the channels and the size stay."""
    merged = module.children.get("rbr_reparam")
    if merged is None or "rbr_dense" not in module.attributes:  # built with deploy=True: it never had branches
        return module
    pairs = branches_before(merged)
    branches: dict[str, Module | None] = {
        name: Module("torch.nn.modules.container.Sequential", children=dict(zip("01", pair, strict=True)))
        for name, pair in zip(("rbr_dense", "rbr_1x1"), pairs, strict=True)
    }
    weight, groups = merged.parameters["weight"], merged.attributes.get("groups")
    keeps = isinstance(groups, int) and weight.shape[0] == weight.shape[1] * groups
    keeps = keeps and merged.attributes.get("stride") == (1, 1)
    if keeps:
        branches = {"rbr_identity": new_batch_norm(merged.parameters["bias"]), **branches}
    kept = {name: value for name, value in module.attributes.items() if not name.startswith("rbr_")}
    return replace(
        module,
        children={"act": module.child("act"), **branches},
        attributes={**kept, "deploy": False, **({} if keeps else {"rbr_identity": None})},
    )


def head_before(module: Module) -> Module:
    if "forward" not in module.attributes:
        return module
    return replace(module, attributes={name: value for name, value in module.attributes.items() if name != "forward"})


def fused_head(module: Module, path: str, grad_enabled: bool) -> Module:
    """The head with ``ia`` and ``im`` computed into its convolutions; both stay, and are not run any more."""
    return with_attributes(module, module.children, forward="fuseforward")


_MARKS = frozenset({
    "IDetect", "IAuxDetect", "IDetectWithAttributes", "IKeypoint", "IBin", "ISegment", "SPPCSPC", "GhostSPPCSPC",
    "ReOrg", "Chuncat", "MP",
})  # fmt: skip


def _has_head_of_u7(root: Module) -> bool:
    """Whether a head is that of the branch: other forks have blocks of YOLOv7 too, and merge its RepConv."""
    return any(module.kind in ("IDetect", "ISegment") and is_of_u7(module) for module in distinct_modules(root))


YOLOV7_U7 = Fork(
    "YOLOv7 (branch u7)",
    line="v7.0",
    marks=_MARKS,
    builds=lambda root: root.kind in ("DetectionModel", "SegmentationModel") and _has_head_of_u7(root),
    fuses={"Conv": merged_conv, "DWConv": merged_conv},
)

_OF_MODEL = "traced"
"""Attribute of each model of its code, also of one to which a fork of it has given the head of YOLOv5."""

YOLOV7 = Fork(
    "YOLOv7",
    line="v5.0",
    marks=_MARKS | {_OF_MODEL},
    builds=lambda root: root.kind == "Model" and (_OF_MODEL in root.attributes or not has_head_of_yolov5(root)),
    fuses={
        "Conv": merged_conv, "RepConv": fused_rep_conv, "IDetect": fused_head, "IAuxDetect": fused_head,
        "IDetectWithAttributes": fused_head,
        "RepConv_OREPA": deployed_orepa,
    },
    restores={
        "RepConv": rep_conv_before, "IDetect": head_before, "IAuxDetect": head_before,
        "IDetectWithAttributes": head_before, "RepConv_OREPA": orepa_before,
    },
)  # fmt: skip

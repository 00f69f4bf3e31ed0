"""YOLOAir, and what others took from it: ConvNeXt, HorNet and CoTNet blocks, context, involution, a head of ASFF.

Source: https://github.com/iscyy/yoloair (2022), whose ``fuse()`` merges each Conv, and the branches of RepConv, of
RepVGGBlock and of YOLOv7's heads.
"""

from __future__ import annotations

from yolo_probe.model.forks.fork import Fork, merged_conv, one_convolution, unmerged_conv, with_attributes
from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.yolov5_lite import rep_vgg_before
from yolo_probe.model.forks.yolov7 import fused_head, fused_rep_conv, head_before, rep_conv_before, sppcspc
from yolo_probe.model.forward import Frame, Value
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Module, Shape, distinct_modules
from yolo_probe.model.torch_blocks import from_scattered
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, bottleneck, boxes, c3, gives_a_box, several, with_pools

# Bottlenecks with partial connections

pasted("CNeB", "C3HB", "CoT3", holds="cv1 cv2 cv3 m")(c3)
pasted("CoTBottleneck", holds="cv1 cv2", sets="add")(bottleneck)
pasted("SPPCSPC_group", holds="cv1 cv2 cv3 cv4 m cv5 cv6 cv7")(sppcspc)


@pasted("SPPCSP", holds="cv1 cv2 cv3 cv4 m cv5 cv6 bn act cv7")
def spp_csp(f: Frame, x: Shape) -> Shape:
    y = f("cv6", f("cv5", with_pools(f, f("cv4", f("cv3", f("cv1", x))))))
    return f("cv7", _joined(f, y, f("cv2", x)))


@pasted("BottleneckCSP2", holds="cv1 cv2 cv3 bn act m")
def bottleneck_csp2(f: Frame, x: Shape) -> Shape:
    x = f("cv1", x)
    return f("cv3", _joined(f, f("m", x), f("cv2", x)))


@pasted("BottleneckCSPF", holds="cv1 cv2 cv4 bn act m")
def bottleneck_cspf(f: Frame, x: Shape) -> Shape:
    return f("cv4", _joined(f, f("m", f("cv1", x)), f("cv2", x)))


def _joined(f: Frame, *parts: Shape) -> Shape:
    """Both as channels, normalised and activated."""
    return f("act", f("bn", f.cat(parts)))


@pasted("C3C2", holds="conv bn act cv1 m")
def c3c2(f: Frame, x: Shape) -> Shape:
    y = f("conv", x)
    return f("cv1", f.cat([f("m", f("act", f("bn", y))), y]))


@pasted("C3GC", "C3_GC", holds="gc cv1 cv2 cv3 m")
def c3_with_context(f: Frame, x: Shape) -> Shape:
    return f("cv3", f.cat([f("m", f("cv1", x)), f("cv2", f("gc", x))]))


# ConvNeXt and HorNet


@pasted("LayerNorm_s", "HorLayerNorm", sets="eps data_format normalized_shape", tensors="weight bias")
def layer_norm(f: Frame, x: Shape) -> Shape:
    weight = f.weight()
    if f.get("data_format", str) == "channels_last":
        return f.with_weight(weight, "layer_norm", (x,), x, affine=True)
    mean = (x[0], 1, *x[2:])
    f.function("mean", (x,), mean)
    y = f.function("sub", (x, mean), x)
    f.function("mean", (f.function("pow", (f.function("sub", (x, mean), x),), x),), mean)
    spread = f.function("sqrt()", (f.function("add", (mean,), mean),), mean)
    y = f.mul((*weight, 1, 1), f.function("div", (y, spread), x))
    return f.add(y, (*weight, 1, 1))


@pasted("ConvNextBlock", holds="dwconv norm pwconv1 act pwconv2 drop_path", sets="gamma?", tensors="gamma?")
def convnext(f: Frame, x: Shape) -> Shape:
    return _mixed(f, x, f("dwconv", x), "norm", "gamma")


def _mixed(f: Frame, x: Shape, y: Shape, norm: str, scale: str) -> Shape:
    """The input plus what two linear layers make of the channels of another tensor, channels last."""
    n, c, h, w = y
    y = f(norm, f.view(y, (n, h, w, c)))
    y = f("pwconv2", f("act", f("pwconv1", y)))
    y = f.mul((c,), y) if scale in f.module.parameters else y
    return f.add(x, f("drop_path", f.view(y, x)))


@pasted(
    "HorBlock", holds="norm1 gnconv norm2 pwconv1 act pwconv2 drop_path", sets="gamma1? gamma2?",
    tensors="gamma1? gamma2?",
)  # fmt: skip
def hor_block(f: Frame, x: Shape) -> Shape:
    y = f("gnconv", f("norm1", x))
    scale = (x[1], 1, 1) if "gamma1" in f.module.parameters else ()
    x = f.add(x, f("drop_path", f.function("mul", (scale, y) if scale else (y,), y)))
    return _mixed(f, x, x, "norm2", "gamma2")


@pasted("gnconv", holds="proj_in dwconv proj_out pws", sets="order dims scale")
def gated_convolution(f: Frame, x: Shape) -> Shape:
    n, _, h, w = x
    dims, steps = f.get("dims", list), f.inside("pws")
    f("proj_in", x)
    gates = f("dwconv", (n, sum(dims), h, w))
    f.function("mul", (gates,), gates)
    x = f.mul((n, dims[0], h, w), (n, dims[0], h, w))
    for name in steps.module.children:
        y = steps(name, x)
        x = f.mul(y, y)
    return f("proj_out", x)


@pasted("ConvNeXt", "HorNet", holds="downsample_layers stages", sets="index")
def one_stage(f: Frame, x: Shape) -> Shape:
    """The stage of that number of a backbone that has all of them."""
    index = str(f.get("index", int))
    return f.inside("stages")(index, f.inside("downsample_layers")(index, x))


# Attention and context


@pasted("CoT", "CoTAttention", holds="key_embed value_embed attention_embed", sets="dim kernel_size")
def contextual_transformer(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    taps, flat = f.get("kernel_size", int) ** 2, (n, c, h * w)
    keys = f("key_embed", x)
    f("value_embed", x)
    weights = f("attention_embed", f.cat([keys, x]))
    weights = f.function("mean", (f.view(weights, (n, c, taps, h, w)),), x)
    weights = f.function("softmax", (f.view(weights, flat),), flat, call="softmax")
    return f.add(keys, f.view(f.mul(weights, flat), x))


@pasted(
    "ContextBlock2d", holds="conv_mask? softmax? avg_pool? channel_add_conv? channel_mul_conv?",
    sets="inplanes planes pool fusions channel_add_conv? channel_mul_conv?",
)  # fmt: skip
def context_block(f: Frame, x: Shape) -> Shape:
    context = _context(f, x)
    if f.has("channel_mul_conv"):
        scale = f("channel_mul_conv", context)
        y = f.mul(x, f.function("sigmoid", (scale,), scale))
    else:
        y = x
    return f.add(y, f("channel_add_conv", context)) if f.has("channel_add_conv") else y


def _context(f: Frame, x: Shape) -> Shape:
    """One number for each channel: its mean, or its sum weighted by what a convolution makes of each place."""
    n, c, h, w = x
    if not f.has("conv_mask"):
        return f("avg_pool", x)
    f("softmax", f.view(f("conv_mask", x), (n, 1, h * w)))
    y = f.function("matmul", ((n, 1, c, h * w), (n, 1, h * w, 1)), (n, 1, c, 1), call="matmul")
    return f.view(y, (n, c, 1, 1))


@pasted("ShuffleAttention", holds="avg_pool gn sigmoid", sets="G channel", tensors="cweight cbias sweight sbias")
def shuffle_attention(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    groups = f.get("G", int)
    if groups < 1 or c % (2 * groups):
        raise ShapeError(f"found G={groups}, expected a divisor of half of {c} channels")
    half = f.view(x, (n * groups, c // groups // 2, h, w))
    parts = [_scaled(f, half, "avg_pool", "c"), _scaled(f, half, "gn", "s")]
    return f.copy(f.view(f.cat(parts), x), x)


def _scaled(f: Frame, x: Shape, name: str, tensors: str) -> Shape:
    """The input times the sigmoid of what a module makes of it, with a weight and a bias of the block's own."""
    weight, bias = (f.module.parameters[f"{tensors}{each}"].shape for each in ("weight", "bias"))
    return f.mul(x, f("sigmoid", f.add(f.mul(weight, f(name, x)), bias)))


@pasted("NAMAttention", holds="Channel_Att")
def normalised_attention(f: Frame, x: Shape) -> Shape:
    return f("Channel_Att", x)


@pasted("Channel_Att", holds="bn2", sets="channels")
def channel_weights(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    y = f("bn2", x)
    f.function("sum()", ((c,),), ())
    f.function("div", ((c,), ()), (c,))
    y = f.function("mul", ((c,), (n, h, w, c)), (n, h, w, c), call="mul")
    y = f.function("sigmoid", (f.view(y, x),), x)
    return f.mul(y, x)


@pasted("SKAttention", holds="convs fc fcs softmax", sets="d")
def selective_kernels(f: Frame, x: Shape) -> Shape:
    """Several convolutions of one input, each weighted for each channel by what all of them give."""
    n, c, *_ = x
    branches, scales = f.inside("convs"), f.inside("fcs")
    found = [branches(name, x) for name in branches.module.children]
    y = f.function("add", (found[0],), found[0])  # sum() starts at 0
    for each in found[1:]:
        y = f.add(y, each)
    rows = f.function("mean", (y,), y[:3])
    y = f("fc", f.function("mean", (rows,), (n, c)))
    for name in scales.module.children:
        scales(name, y)
    weights = f("softmax", (len(found), n, c, 1, 1))
    y = f.mul(weights, (len(found), *x))
    return f.function("sum()", (y,), x)


@pasted("S2Attention", holds="mlp1 mlp2 split_attention")
def spatial_shift(f: Frame, x: Shape) -> Shape:
    """Three linear parts of the channels, two of them moved by one place, channels last."""
    n, c, h, w = x
    y = from_scattered(f.inside("mlp1"), (n, h, w, c))
    y = f("mlp2", f("split_attention", (n, 3, *y[1:3], c)))
    return f.view(y, x)


@pasted("SplitAttention", holds="mlp1 gelu mlp2 softmax", sets="channel k")
def split_attention(f: Frame, x: Shape) -> Shape:
    n, parts, h, w, c = x
    if f.get("k", int) != parts:
        raise ShapeError(f"found k={f.get('k', int)}, expected {parts}, one for each part")
    flat = (n, parts, h * w, c)
    y = f.function("sum()", (f.function("sum()", (flat,), (n, h * w, c)),), (n, c))
    weights = f("softmax", f.view(f("mlp2", f("gelu", f("mlp1", y))), (n, parts, c)))
    y = f.mul(f.view(weights, (n, parts, 1, c)), flat)
    return f.view(f.function("sum()", (y,), (n, h * w, c)), (n, h, w, c))


@pasted(
    "ACmix", holds="conv1 conv2 conv3 conv_p pad_att unfold softmax fc dep_conv", tensors="rate1 rate2",
    sets="in_planes out_planes head kernel_att kernel_conv stride dilation head_dim padding_att",
    when=lambda module: module.attributes["stride"] == 1,
)  # fmt: skip
def attention_and_convolution(f: Frame, x: Shape) -> Shape:
    """Attention to the places around each, and a convolution, both of the same three convolutions of the input."""
    n, _, h, w = f("conv1", x)
    f("conv2", x)
    out = f("conv3", x)
    heads, width, taps = f.get("head", int), f.get("head_dim", int), f.get("kernel_att", int) ** 2
    f.cat([(1, h, w), (1, h, w)], 0)
    f("conv_p", (1, 2, h, w))
    each = (n * heads, width, h, w)
    around = (n * heads, width, taps, h, w)
    f.function("mul", (each,), each)
    f("unfold", f("pad_att", each))
    f("unfold", f("pad_att", (1, width, h, w)))
    keys = f.function("sub", (f.add(around, (1, width, 1, h, w)), (1, width, taps, h, w)), around)
    y = f.function("sum()", (f.mul((n * heads, width, 1, h, w), keys),), (n * heads, taps, h, w))
    weights = f("softmax", y)
    f("unfold", f("pad_att", each))
    y = f.mul((weights[0], 1, *weights[1:]), around)
    attended = f.view(f.function("sum()", (y,), each), out)
    part = (n, heads, width, h * w)
    y = f("fc", f.cat([part, part, part]))
    convolved = f("dep_conv", f.copy(y, (n, y[1] * y[2], h, w)))
    return f.add(f.mul((1,), attended), f.mul((1,), convolved))


@pasted("CARAFE", holds="down encoder out", sets="kernel_size up_factor")
def carafe_of_products(f: Frame, x: Shape) -> Shape:
    """Each pixel becomes a square of pixels, each a weighted sum of the pixels around it."""
    n, c, h, w = x
    taps, scale = f.get("kernel_size", int) ** 2, f.get("up_factor", int)
    y = f("encoder", f("down", x))
    y = f.function("pixel_shuffle", (y,), (n, taps, scale * h, scale * w))
    y = f.function("softmax", (y,), y, call="softmax")
    f.copy(y, (n, taps, h, w, scale * scale))
    f.copy(x, (n, c, h, w, taps))
    places = (n, h, w, c, scale * scale)
    y = f.function("matmul", ((n, h, w, c, taps), (n, h, w, taps, scale * scale)), places, call="matmul")
    y = f.view(y, (n, c * scale * scale, h, w))
    return f("out", f.function("pixel_shuffle", (y,), (n, c, scale * h, scale * w)))


@pasted("Involution", holds="conv1 conv2 unfold avgpool?", sets="kernel_size stride c1 group_channels groups")
def involution(f: Frame, x: Shape) -> Shape:
    weights = f("conv2", f("conv1", x if f.get("stride", int) == 1 else f("avgpool", x)))
    n, _, h, w = weights
    groups, taps = f.get("groups", int), f.get("kernel_size", int) ** 2
    each = (n, groups, f.get("group_channels", int), taps, h, w)
    f.view(f("unfold", x), each)
    y = f.mul((n, groups, 1, taps, h, w), each)
    out = (n, f.get("c1", int), h, w)
    return f.view(f.function("sum()", (y,), (*each[:3], h, w)), out)


@pasted("InvolutionBottleneck", holds="cv1 cv2 cv3", sets="add")
def involution_bottleneck(f: Frame, x: Shape) -> Shape:
    y = f("cv3", f("cv2", f("cv1", x)))
    return f.add(x, y) if f.flag("add") else y


# Fusion of levels

_LEVELS = "weight_level_0 weight_level_1 weight_level_2 weight_levels expand"


@pasted(
    "ASFFV5", sets="level dim inter_dim vis", takes="several",
    holds=f"stride_level_1? stride_level_2? compress_level_0? compress_level_1? {_LEVELS}",
)  # fmt: skip
def asff(f: Frame, x: Value) -> Shape:
    if f.flag("vis"):
        raise ShapeError("found vis, with which it has three outputs, expected one")
    levels = _resized(f, several(x))
    weights = f.cat([f(f"weight_level_{i}", level) for i, level in enumerate(levels)])
    weights = f("weight_levels", weights)
    n, _, *sides = f.function("softmax", (weights,), weights, call="softmax")
    first, *others = (f.mul(level, (n, 1, *sides)) for level in levels)
    for each in others:
        first = f.add(first, each)
    return f("expand", first)


def _resized(f: Frame, levels: list[Shape]) -> list[Shape]:
    """All three levels, smallest first, in the size and with the channels of the one that is asked."""
    if len(levels) != 3:
        raise ShapeError(f"found {len(levels)} inputs, expected 3")
    large, middle, small = levels
    level = f.get("level", int)
    if level == 0:
        middle = f("stride_level_1", middle)
        n, c, h, w = large
        halved = f.function("max_pool2d", (large,), (n, c, (h + 1) // 2, (w + 1) // 2))
        return [small, middle, f("stride_level_2", halved)]
    small = _enlarged(f, f("compress_level_0", small), 2 * level)
    if level == 1:
        return [small, middle, f("stride_level_2", large)]
    return [small, _enlarged(f, f("compress_level_1", middle), 2), large]


def _enlarged(f: Frame, x: Shape, scale: int) -> Shape:
    n, c, h, w = x
    return f.function("upsample", (x,), (n, c, scale * h, scale * w), mode="nearest", sized=False, scale=scale)


@pasted(
    "ASFF_Detect", holds="l0_fusion l1_fusion l2_fusion m", sets=HEAD, tensors=ANCHORS, takes="several",
    when=gives_a_box(),
)  # fmt: skip
def asff_detect(f: Frame, x: Value) -> list[Shape]:
    convolutions = f.inside("m")
    levels = [f(name, x) for name in _FUSIONS]
    return boxes(f, [convolutions(str(i), level) for i, level in enumerate(levels)])


_FUSIONS = ("l2_fusion", "l1_fusion", "l0_fusion")


# Its own fuse()


def _switched_to_deploy(module: Module, path: str, grad_enabled: bool) -> Module:
    """One convolution under two names in place of the branches, which does not train; ``se`` stays, and is not run."""
    dense = module.children.get("rbr_dense")
    if dense is None or "rbr_1x1" not in module.children:
        return module
    merged = one_convolution(dense.child("conv"), trains=False)
    kept = {name: child for name, child in module.children.items() if name not in ("rbr_identity", "rbr_1x1")}
    return with_attributes(module, {**kept, "rbr_dense": merged, "rbr_reparam": merged}, deploy=True)


_OF_OTHER_MODULES = frozenset({"IDetect", "IAuxDetect", "RepConv", "RepVGGBlock", "CBH"})
"""Blocks that its ``fuse()`` merges, and that it does not have in models.common: forks of it have, with other code."""


def _builds(root: Module) -> bool:
    if root.kind != "Model" or not {"loss_category", "model_type"} <= root.attributes.keys():
        return False
    return all(module.kind not in _OF_OTHER_MODULES for module in distinct_modules(root))


YOLOAIR = Fork(
    "YOLOAir",
    line="v6.0",
    marks=frozenset({"loss_category", "model_type"}),
    builds=_builds,
    alone=True,
    fuses={
        "Conv": merged_conv, "DWConv": merged_conv, "models.Models.Litemodel.CBH": merged_conv,
        "models.Models.Litemodel.RepVGGBlock": _switched_to_deploy, "models.Models.yolovii.RepConv": fused_rep_conv,
        "models.Detect.MuitlHead.IDetect": fused_head, "models.Detect.MuitlHead.IAuxDetect": fused_head,
    },
    restores={
        "models.Models.Litemodel.CBH": unmerged_conv, "models.Models.Litemodel.RepVGGBlock": rep_vgg_before,
        "models.Models.yolovii.RepConv": rep_conv_before,
        "models.Detect.MuitlHead.IDetect": head_before, "models.Detect.MuitlHead.IAuxDetect": head_before,
    },
)  # fmt: skip

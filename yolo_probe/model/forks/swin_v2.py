"""Swin Transformer V2 in YOLOv5, in two forms: that of YOLOv7, which YOLOAir took over, and that of YOLOU.

Both norm what attention and the linear layers give, and both weigh tokens by their cosine. The first divides q and k
by their lengths; the second divides their product by both lengths, and makes one mask for all blocks of a layer.

Source: ``SwinTransformer2Block`` of https://github.com/WongKinYiu/yolov7 (2022), ``SwinTransformer_Layer`` of
https://github.com/jizhishutong/YOLOU (2022), each in models/common.py.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.tph_yolov5 import (
    attention_mask,
    heads_of,
    in_windows,
    masked,
    mlp_of_one_dropout,
    swin_block_of_yoloair,
    window_attention,
)
from yolo_probe.model.forks.yolov7 import csp_b, csp_c
from yolo_probe.model.forward import Frame
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import c3

pasted("Swin_v2_A", holds="cv1 cv2 cv3 m")(c3)
pasted("Swin_v2_B", holds="cv1 cv2 cv3 m")(csp_b)
pasted("Swin_v2_C", holds="cv1 cv2 cv3 cv4 m")(csp_c)
pasted("SwinTransformer2Block", holds="conv? blocks", sets="conv?")(swin_block_of_yoloair)
pasted("Mlp_v2", holds="fc1 act fc2 drop")(mlp_of_one_dropout)

_LAYER = "dim num_heads window_size shift_size mlp_ratio"


def _normed_after(f: Frame, shortcut: Shape, y: Shape) -> Shape:
    """What attention gives, and the linear layers after it, each normed before the sum."""
    y = f.add(shortcut, f("drop_path", f("norm1", y)))
    return f.add(y, f("drop_path", f("norm2", f("mlp", y))))


@pasted("SwinTransformerLayer_v2", holds="norm1 attn drop_path norm2 mlp", sets=_LAYER)
def layer(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    high, wide, windows, tokens = in_windows(f, h, w)
    padded = f.copy(x, (n, c, high, wide)) if (high, wide) != (h, w) else x
    shortcut = f.copy(padded, (n, high * wide, c))
    shift = f.get("shift_size", int)
    if shift:
        attention_mask(f, windows, tokens)
    y = f.copy(shortcut, shortcut) if shift else shortcut  # moved by the shift, and back afterwards
    y = _attention(f.inside("attn"), f.copy(y, (n * windows, tokens, c)), windows if shift else 0)
    y = f.copy(y, shortcut)
    y = f.copy(y, y) if shift else y
    y = f.copy(_normed_after(f, shortcut, y), (n, c, high, wide))
    return f.view(y, x)


def _attention(f: Frame, x: Shape, masks: int) -> Shape:
    """Attention in each window; its place in the window is known to two linear layers. ``masks``: as ``masked``."""
    n, tokens, c = x
    heads = heads_of(f, c)
    has_bias = "q_bias" in f.module.parameters
    if has_bias:
        f.cat([(c,), (c,), (c,)], 0)
    weight = f.inside("qkv").weight()
    f.with_weight(weight, "linear", (x,), (n, tokens, 3 * c), bias=has_bias, contiguous=True)
    each, weights = (n, heads, tokens, c // heads), (n, heads, tokens, tokens)
    for _ in range(2):
        f.function("normalize()", (each,), each)
    y = f.function("matmul", (each, (n, heads, c // heads, tokens)), weights)
    f.function("log()", ((),), ())
    f.function("exp", ((heads, 1, 1),), (heads, 1, 1))
    y = f.mul(y, (heads, 1, 1))
    f("cpb_mlp", f.module.buffers["relative_coords_table"].shape)
    places: Shape = (heads, tokens, tokens)
    f.function("mul", (f.function("sigmoid", (places,), places),), places)
    y = f("attn_drop", f("softmax", masked(f, f.add(y, (1, *places)), masks)))
    y = f.function("matmul", (y, each), each)
    return f("proj_drop", f("proj", f.copy(y, x)))


pasted(
    "WindowAttention_v2", holds="cpb_mlp qkv attn_drop proj proj_drop softmax",
    sets="dim window_size pretrained_window_size num_heads q_bias? v_bias?",
    tensors="logit_scale q_bias? v_bias? relative_coords_table relative_position_index",
)(window_attention)  # fmt: skip
pasted(
    "WindowAttention", holds="meta_network qkv attn_drop proj proj_drop softmax", sets="dim window_size num_heads",
    tensors="relative_position_bias_weight tau relative_coordinates_log",
)(window_attention)  # fmt: skip


# The form of YOLOU


@pasted("PatchEmbed", holds="tokens norm? pos_drop", sets="patch_size in_chans embed_dim norm?")
def patches(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    high, wide = (-(-side // patch) * patch for side, patch in zip((h, w), f.pair("patch_size"), strict=True))
    x = f("tokens", f.copy(x, (n, c, high, wide)) if (high, wide) != (h, w) else x)
    if f.has("norm"):
        n, c, h, w = x
        x = f.view(f("norm", f.view(x, (n, h * w, c))), x)
    return f("pos_drop", x)


@pasted("LayerNorm", holds="norm")
def norm_of_channels(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    return f.copy(f("norm", f.copy(x, (n, w, h, c))), x)


@pasted("PatchMerging", holds="reduction norm", sets="dim")
def merged_patches(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    quarter = (n, (h + 1) // 2, (w + 1) // 2, c)
    y = f.cat([quarter] * 4, 3)
    return f("reduction", f("norm", f.view(y, (n, y[1] * y[2], 4 * c))))


@pasted(
    "SwinTransformer_Layer", holds="blocks downsample? avgpool",
    sets="dim depth last_layer window_size use_checkpoint shift_size downsample?",
)  # fmt: skip
def layer_of_blocks(f: Frame, x: Shape) -> Shape:
    n, _, h, w = x
    _, _, windows, tokens = in_windows(f, h, w)
    attention_mask(f, windows, tokens)
    blocks = f.inside("blocks")
    for name in blocks.module.children:
        x = blocks(name, x)
    if f.has("downsample"):
        x = f("downsample", x)
        h, w = (h + 1) // 2, (w + 1) // 2
        x = f.view(x, (n, x[2], h, w))
    return x


@pasted("SwinTransformerBlock", holds="norm1 attn drop_path norm2 mlp", sets=f"{_LAYER} H? W?")
def block_of_a_layer(f: Frame, x: Shape) -> Shape:
    n, c, w, h = x
    shortcut = f.copy(x, (n, h, w, c))
    high, wide, windows, tokens = in_windows(f, h, w)
    y = f.copy(shortcut, (n, high, wide, c)) if (high, wide) != (h, w) else shortcut
    shift = f.get("shift_size", int)
    y = f.copy(y, y) if shift else y  # moved by the shift, and back afterwards
    y = _attention_of_lengths(f.inside("attn"), f.copy(y, (n * windows, tokens, c)), windows if shift else 0)
    y = f.copy(y, (n, high, wide, c))
    y = f.copy(y, y) if shift else y
    if (high, wide) != (h, w):
        y = f.copy(y, shortcut)
    return f.copy(_normed_after(f, shortcut, y), x)


def _attention_of_lengths(f: Frame, x: Shape, masks: int) -> Shape:
    """Attention in each window, without a linear layer after it. ``masks``: as ``masked``."""
    n, tokens, c = x
    heads = heads_of(f, c)
    f("qkv", x)
    each, weights, length = (n, heads, tokens, c // heads), (n, heads, tokens, tokens), (n, heads, tokens, 1)
    y = f.function("einsum", (each, each), weights, equation="bhqd, bhkd -> bhqk")
    for _ in range(2):
        f.function("norm()", (each,), length)
    f.mul(length, (n, heads, 1, tokens))
    y = f.function("div", (y, weights), weights)
    y = f.function("div", (y, (1, heads, 1, 1)), weights)
    f("meta_network", f.module.buffers["relative_coordinates_log"].shape)
    y = f("attn_drop", f("softmax", masked(f, f.add(y, (1, heads, tokens, tokens)), masks)))
    return f.function("einsum", (y, each), each, equation="bhal, bhlv -> bhav")

"""TPH-YOLOv5, and what others took from it: transformers, Swin blocks with attention in windows, its form of CBAM.

Source: https://github.com/cv516Buaa/tph-yolov5 at its branch of 2022, whose ``fuse()`` is that of YOLOv5.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.yolov7 import csp_b, csp_c
from yolo_probe.model.forward import Frame, Value
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Shape
from yolo_probe.model.torch_blocks import from_scattered, multi_head_attention
from yolo_probe.model.yolov5_blocks import ANCHORS, HEAD, boxes, c3, gives_a_box, several


@pasted("TransformerLayer", holds="ln1 q k v ma ln2 fc1 fc2 dropout act")
def transformer_layer(f: Frame, x: Shape) -> Shape:
    x = f.add(f("dropout", _attended(f, f("ln1", x))), x)
    y = f("fc2", f("dropout", f("act", f("fc1", f("ln2", x)))))
    return f.add(x, f("dropout", y))


@pasted("TransformerLayer", holds="layernorm1 q k v ma layernorm2 fc1 fc2 dropout act")
def transformer_layer_that_drops_less(f: Frame, x: Shape) -> Shape:
    x = f.add(_attended(f, f("layernorm1", x)), x)
    y = f("dropout", f("act", f("fc1", f("layernorm2", x))))
    return f.add(f("dropout", f("fc2", y)), x)


@pasted("TransformerLayer", holds="ln1 q k v ma ln2 fc1 fc2")
def transformer_layer_without_activation(f: Frame, x: Shape) -> Shape:
    x = f("ln2", f.add(_attended(f, f("ln1", x)), x))
    return f.add(f("fc2", f("fc1", x)), x)


def _attended(f: Frame, x: Shape) -> Shape:
    return multi_head_attention(f.inside("ma"), f("q", x), f("k", x), f("v", x))


pasted("C3STR", "Swin_Transformer_A", holds="cv1 cv2 cv3 m")(c3)
pasted("Swin_Transformer_B", holds="cv1 cv2 cv3 m")(csp_b)
pasted("Swin_Transformer_C", holds="cv1 cv2 cv3 cv4 m")(csp_c)


@pasted("SwinTransformerBlock", holds="conv? tr", sets="conv? window_size shift_size")
def swin_block(f: Frame, x: Shape) -> Shape:
    return f("tr", f("conv", x) if f.has("conv") else x)


@pasted(
    "SwinTransformerLayer", holds="norm1 attn drop_path norm2 mlp", sets="window_size shift_size mlp_ratio",
)  # fmt: skip
def swin_layer(f: Frame, x: Shape) -> Shape:
    n, c, w, h = x
    shift = f.get("shift_size", int)
    shortcut = f.copy(x, (n, h, w, c))
    high, wide, windows, tokens = in_windows(f, h, w)
    attention_mask(f, windows, tokens)
    y = f.copy(f("norm1", shortcut), (n, high, wide, c))
    y = f.copy(y, y) if shift else y  # moved by the shift, and back afterwards
    attention = f.inside("attn")
    y = _attention(attention, f.copy(y, (n * windows, tokens, c)), windows if shift else 0)
    y = f.copy(y, (n, high, wide, c))
    if shift:
        y = f.copy(y, y)
    if (high, wide) != (h, w):
        y = f.copy(y, shortcut)
    y = f.add(shortcut, f("drop_path", y))
    y = f.add(y, f("drop_path", f("mlp", f("norm2", y))))
    return f.copy(y, x)


@pasted("SwinTransformerBlock", holds="conv? blocks", sets="conv?")
def swin_block_of_yoloair(f: Frame, x: Shape) -> Shape:
    return f("blocks", f("conv", x) if f.has("conv") else x)


@pasted(
    "SwinTransformerLayer", holds="norm1 attn drop_path norm2 mlp",
    sets="dim num_heads window_size shift_size mlp_ratio",
)  # fmt: skip
def swin_layer_of_yoloair(f: Frame, x: Shape) -> Shape:
    """As ``swin_layer``, but the image is padded before all else, and only a layer that shifts makes a mask."""
    n, c, h, w = x
    shift = f.get("shift_size", int)
    high, wide, windows, tokens = in_windows(f, h, w)
    padded = f.copy(x, (n, c, high, wide)) if (high, wide) != (h, w) else x
    shortcut = f.copy(padded, (n, high * wide, c))
    if shift:
        attention_mask(f, windows, tokens)
    y = f("norm1", shortcut)
    y = f.copy(y, y) if shift else y  # moved by the shift, and back afterwards
    y = _attention(f.inside("attn"), f.copy(y, (n * windows, tokens, c)), windows if shift else 0)
    y = f.copy(y, shortcut)
    y = f.copy(y, y) if shift else y
    y = f.add(shortcut, f("drop_path", y))
    y = f.add(y, f("drop_path", f("mlp", f("norm2", y))))
    return f.view(f.copy(y, (n, c, high, wide)), x)


def in_windows(f: Frame, h: int, w: int) -> tuple[int, int, int, int]:
    """Height and width of an image padded to whole windows, the number of windows, and the tokens of each."""
    side = f.get("window_size", int)
    if side < 1:
        raise ShapeError(f"found window_size={side}, expected at least 1")
    high, wide = -(-h // side) * side, -(-w // side) * side
    return high, wide, (high // side) * (wide // side), side * side


def attention_mask(f: Frame, windows: int, tokens: int) -> None:
    """Which tokens of a window come from another place of the image; made for every layer, also where not used."""
    shape = (windows, tokens, tokens)
    f.function("sub", ((windows, 1, tokens), (windows, tokens, 1)), shape)


def _attention(f: Frame, x: Shape, masks: int) -> Shape:
    """Attention among the tokens of each window. ``masks``: as ``masked``."""
    n, tokens, c = x
    heads = heads_of(f, c)
    f("qkv", x)
    each, weights = (n, heads, tokens, c // heads), (n, heads, tokens, tokens)
    q = f.function("mul", (each,), each)
    y = f.function("matmul", (q, (n, heads, c // heads, tokens)), weights)
    y = f.add(y, (1, heads, tokens, tokens))
    y = f("attn_drop", f("softmax", masked(f, y, masks)))
    y = f.function("matmul", (y, each), each)
    return f("proj_drop", f("proj", f.copy(y, x)))


def heads_of(f: Frame, channels: int) -> int:
    """The number of heads among which attention shares its channels."""
    heads = f.get("num_heads", int)
    if heads < 1 or channels % heads:
        raise ShapeError(f"found num_heads={heads}, expected a divisor of {channels} channels")
    return heads


def masked(f: Frame, x: Shape, masks: int) -> Shape:
    """Weights of tokens, with the masks added. ``masks``: how many there are, one for each window; 0 for none."""
    if not masks:
        return x
    n, heads, tokens, _ = x
    y = f.view(x, (n // masks, masks, heads, tokens, tokens))
    return f.view(f.add(y, (1, masks, 1, tokens, tokens)), x)


@pasted(
    "WindowAttention", holds="qkv attn_drop proj proj_drop softmax", sets="dim window_size num_heads scale",
    tensors="relative_position_bias_table relative_position_index",
)  # fmt: skip
def window_attention(f: Frame, x: Shape) -> Shape:
    """Attention that its layer computes, as only that knows of masks."""
    raise ShapeError("found a call of its own, expected one by its layer")


@pasted("Mlp", holds="fc1 act drop1 fc2 drop2")
def mlp(f: Frame, x: Shape) -> Shape:
    for name in ("fc1", "act", "drop1", "fc2", "drop2"):
        x = f(name, x)
    return x


@pasted("Mlp", holds="fc1 act fc2 drop")
def mlp_of_one_dropout(f: Frame, x: Shape) -> Shape:
    for name in ("fc1", "act", "drop", "fc2", "drop"):
        x = f(name, x)
    return x


@pasted("DropPath", sets="drop_prob")
def drop_path(f: Frame, x: Shape) -> Shape:
    if not (f.current.training and f.module.attributes["drop_prob"]):
        return x
    chance = (x[0], *(1,) * (len(x) - 1))
    f.function("add", (chance,), chance)
    return f.mul(f.function("div", (x,), x), chance)


# Attention between levels


@pasted("CLLADetect", holds="det m", sets=HEAD, tensors=ANCHORS, takes="several", when=gives_a_box())
def clla_detect(f: Frame, x: Value) -> list[Shape]:
    """A head whose first level is predicted from two inputs, each other from one."""
    first, second, *others = several(x)
    convolutions = f.inside("m")
    levels = [f("det", [first, second])]
    return boxes(f, levels + [convolutions(str(i), level) for i, level in enumerate(others)])


@pasted("CLLABlock", holds="conv1 conv2 att det", sets="range c_ cout", takes="several")
def clla_block(f: Frame, x: Value) -> Shape:
    large, small = several(x)
    return f("det", f("att", [f("conv1", large), f("conv2", small)]))


@pasted("CLLA", holds="q k v attend", sets="range c_", takes="several")
def attention_across_levels(f: Frame, x: Value) -> Shape:
    """Attention of each place of the smaller level to the places around it in the larger one."""
    _, small = several(x)
    n, c, h, w = small
    places = f.get("range", int) ** 2
    f("q", f.copy(small, (n, h, w, 1, c)))
    f.cat([(n, c, 1, h, w)] * places, 2)
    around, weights = (n, h, w, places, c), (n, h, w, places)
    for name in ("k", "v"):
        from_scattered(f.inside(name), around)
    y = f.function("div", (f.function("mul", ((n, h, w, 1, c), around), around),), around)
    y = f.function("sum()", (y,), weights)
    mean = f.function("mean", (y,), (n, h, w))
    mean = f.function("mul", (f.view(mean, (n, h, w, 1)),), (n, h, w, 1))
    y = f("attend", f.function("sub", (mean, y), weights))
    y = f.function("sum()", (f.mul(around, (*weights, 1)),), (n, h, w, c))
    y = f.copy(y, small)
    return f.function("div", (f.add(y, small),), small)


# CBAM


@pasted("ChannelAttentionModule", holds="avg_pool max_pool shared_MLP sigmoid")
@pasted("ChannelAttentionModule", holds="avg_pool max_pool shared_MLP act")
def channel_attention(f: Frame, x: Shape) -> Shape:
    n, c, *_ = x
    layers = f.inside("shared_MLP").module.children
    is_flat = next((layer.kind == "nn.Linear" for layer in layers.values() if layer), False)
    pooled = [f("avg_pool", x), f("max_pool", x)]
    average, largest = (f.view(f("shared_MLP", (n, c) if is_flat else each), (n, c, 1, 1)) for each in pooled)
    return f("sigmoid" if f.has("sigmoid") else "act", f.add(average, largest))


@pasted("ChannelAttentionModule", holds="avg_pool max_pool? shared_MLP act", sets="light")
def channel_gate(f: Frame, x: Shape) -> Shape:
    """As ``channel_attention``, or of averages alone, times the input."""
    y = f.view(channel_attention(f, x), (*x[:2], 1, 1)) if f.flag("light") else _of_averages(f, x)
    return f.mul(x, y)


def _of_averages(f: Frame, x: Shape) -> Shape:
    return f("act", f("shared_MLP", f("avg_pool", x)))


@pasted("SpatialAttentionModule", holds="cv1 act")
def spatial_gate(f: Frame, x: Shape) -> Shape:
    n, _, h, w = x
    f.function("mean", (x,), (n, 1, h, w))
    return f.mul(x, f("act", f("cv1", f.cat([(n, 1, h, w), (n, 1, h, w)]))))


@pasted("SpatialAttentionModule", holds="conv2d sigmoid")
@pasted("SpatialAttentionModule", holds="conv2d act")
def spatial_attention(f: Frame, x: Shape) -> Shape:
    n, _, h, w = x
    f.function("mean", (x,), (n, 1, h, w))
    y = f("conv2d", f.cat([(n, 1, h, w), (n, 1, h, w)]))
    return f("sigmoid" if f.has("sigmoid") else "act", y)

"""Blocks of YOLOv13 that people paste into YOLOv5: its separable convolutions, and HyperACE.

Source: https://github.com/iMoonLab/yolov13 (2025), ultralytics/nn/modules.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import c2f, pasted
from yolo_probe.model.forward import Frame, Value
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Module, Shape
from yolo_probe.model.torch_blocks import from_scattered
from yolo_probe.model.yolov5_blocks import bottleneck, c3, several

pasted("DSBottleneck", holds="cv1 cv2", sets="add")(bottleneck)
pasted("DSC3k", holds="cv1 cv2 cv3 m")(c3)
pasted("DSC3k2", holds="cv1 cv2 m", sets="c")(c2f)


@pasted("DSConv", holds="dw pw bn act")
def separable(f: Frame, x: Shape) -> Shape:
    for name in ("dw", "pw", "bn", "act"):
        x = f(name, x)
    return x


@pasted("DownsampleConv", holds="downsample channel_adjust")
def half_as_large(f: Frame, x: Shape) -> Shape:
    return f("channel_adjust", f("downsample", x))


@pasted("FullPAD_Tunnel", tensors="gate", takes="several")
def gated_sum(f: Frame, x: Value) -> Shape:
    first, second = several(x)
    return f.add(first, f.mul((), second))


@pasted("FuseModule", holds="downsample upsample conv_out", takes="several")
def of_three_levels(f: Frame, x: Value) -> Shape:
    large, middle, small = several(x)
    return f("conv_out", f.cat([f("downsample", large), middle, f("upsample", small)]))


@pasted("HyperACE", holds="cv1 cv2 m fuse branch1 branch2", sets="c", takes="several")
def hyper_ace(f: Frame, x: Value) -> Shape:
    y = f("cv1", f("fuse", x))
    n, c, h, w = y
    if c % 3:
        raise ShapeError(f"found {c} channels, expected three equal parts")
    part = f.view(y, (n, c // 3, h, w))
    first, second = f("branch1", part), f("branch2", part)
    parts = [part, first, part]
    inside = f.inside("m")
    for name in inside.module.children:
        parts.append(inside(name, parts[-1]))
    return f("cv2", f.cat([*parts, second]))


pasted("C3AH", holds="cv1 cv2 m cv3")(c3)


@pasted("AdaHGComputation", holds="hgnn", sets="embed_dim")
def hypergraph_of_places(f: Frame, x: Shape) -> Shape:
    n, c, h, w = x
    return f.view(f("hgnn", f.view(x, (n, h * w, c))), x)


@pasted("AdaHGConv", holds="edge_generator edge_proj node_proj")
def hypergraph_convolution(f: Frame, x: Shape) -> Shape:
    n, places, c = x
    taking_part = f("edge_generator", x)
    edges = taking_part[2]
    y = f.function("matmul", ((n, edges, places), x), (n, edges, c), call="bmm")
    y = f.function("matmul", (taking_part, f("edge_proj", y)), x, call="bmm")
    return f.add(f("node_proj", y), x)


def _of_both_contexts(module: Module) -> bool:
    return module.attributes["context"] == "both"


@pasted(
    "AdaHyperedgeGen", holds="context_net pre_head_proj dropout", tensors="prototype_base",
    sets="num_heads num_hyperedges head_dim context scaling", when=_of_both_contexts,
)  # fmt: skip
def hyperedges(f: Frame, x: Shape) -> Shape:
    n, places, c = x
    heads, edges, size = (f.get(name, int) for name in ("num_heads", "num_hyperedges", "head_dim"))
    f.function("mean", (x,), (n, c))
    offsets = f("context_net", f.cat([(n, c), (n, c)]))
    prototypes = (n, edges, c)
    if offsets != (n, edges * c) or heads * size != c:
        raise ShapeError(f"found {offsets[-1]} values for {edges} edges of {c}, and {heads} heads of {size}")
    f.add(f.module.parameters["prototype_base"].shape, prototypes)
    from_scattered(f.inside("pre_head_proj"), x)  # the places were the last axis
    weights = (n * heads, places, edges)
    y = f.function("matmul", ((n * heads, places, size), (n * heads, size, edges)), weights, call="bmm")
    f.function("div", (y,), y)
    y = f.function("mean", (y,), (n, places, edges))
    return f.function("softmax", (f("dropout", y),), y, dim=1, call="softmax")

"""Blocks that see far: dilated convolutions side by side, attention along a row and a column, covariance of channels.

``fuse()`` of the forks that have them merges each Conv inside, and touches nothing else.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forward import Frame
from yolo_probe.model.structure import Shape


@pasted("ASPP", holds="mean conv atrous_block1 atrous_block6 atrous_block12 atrous_block18 conv_1x1_output")
def aspp(f: Frame, x: Shape) -> Shape:
    y = f("conv", f("mean", x))
    parts = [
        f.function("upsample", (y,), (*y[:2], *x[2:]), mode="bilinear", sized=True, old_name=True),
        *(f(f"atrous_block{dilation}", x) for dilation in (1, 6, 12, 18)),
    ]
    return f("conv_1x1_output", f.cat(parts))


@pasted("BasicRFB", holds="branch0 branch1 branch2 ConvLinear shortcut relu", sets="scale out_channels")
def rfb(f: Frame, x: Shape) -> Shape:
    y = f("ConvLinear", f.cat([f(f"branch{number}", x) for number in range(3)]))
    y = f.function("mul", (y,), y)
    return f("relu", f.add(y, f("shortcut", x)))


@pasted("CrissCrossAttention", holds="query_conv key_conv value_conv softmax", sets="INF", tensors="gamma")
def criss_cross_attention(f: Frame, x: Shape) -> Shape:
    """Attention of each place to its column and to its row; in the column it is not seen itself."""
    n, c, h, w = x
    few = f("query_conv", x)[1]
    f("key_conv", x)
    f("value_conv", x)
    column, row = (n * w, h, h), (n * h, w, w)
    y = f.function("matmul", ((n * w, h, few), (n * w, few, h)), column, call="bmm")
    y = f.add(y, column)
    z = f.function("matmul", ((n * h, w, few), (n * h, few, w)), row, call="bmm")
    f("softmax", f.cat([f.view(y, (n, h, w, h)), f.view(z, (n, h, w, w))], 3))
    y = f.function("matmul", ((n * w, c, h), column), (n * w, c, h), call="bmm")
    z = f.function("matmul", ((n * h, c, w), row), (n * h, c, w), call="bmm")
    return f.add(f.mul((1,), f.add(f.view(y, x), f.view(z, x))), x)

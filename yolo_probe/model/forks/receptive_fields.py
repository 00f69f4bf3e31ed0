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


@pasted("SOCA", holds="max_pool conv_du")
def second_order_attention(f: Frame, x: Shape) -> Shape:
    """One factor for each channel, of the square root of the covariance of all channels."""
    n, c, h, w = x
    root = _root(f, _covariance(f, n, c, min(h, _COVERED) * min(w, _COVERED)))
    y = f.function("mean", (root,), (n, c))
    return f.mul(f("conv_du", f.view(y, (n, c, 1, 1))), x)


_COVERED = 1000
"""Places of a row and of a column of which the covariance is taken."""
_STEPS = 5
"""Newton-Schulz steps of the root, as its function has them."""


def _inside(f: Frame, operator: str, inputs: tuple[Shape, ...], output: Shape, call: str = "") -> Shape:
    """As ``f.function``, inside an autograd function of the block's own, into which a traced graph does not look."""
    called = {"call": call} if call else {}
    return f.function(operator, inputs, output, autograd=True, **called)


def _covariance(f: Frame, n: int, c: int, places: int) -> Shape:
    square = (places, places)
    parts = [_inside(f, "mul", (square,), square) for _ in range(2)]
    _inside(f, "add", tuple(parts), square)
    y = _inside(f, "matmul", ((n, c, places), (n, *square)), (n, c, places), "bmm")
    return _inside(f, "matmul", (y, (n, places, c)), (n, c, c), "bmm")


def _root(f: Frame, x: Shape) -> Shape:
    """The square root of each matrix, which is divided by its trace first."""
    n, c, _ = x
    threes, square = _inside(f, "mul", ((c, c),), (c, c)), (x, x)

    def product() -> None:
        _inside(f, "matmul", square, x, "bmm")

    def half_of_rest() -> None:
        _inside(f, "sub", square, x)
        _inside(f, "mul", (x,), x)

    y = _inside(f, "sum()", (_inside(f, "mul", (x, (n, *threes)), x, "mul"),), (n, c))
    trace = _inside(f, "mul", (_inside(f, "sum()", (y,), (n,)),), (n,))
    _inside(f, "div", square, x)
    half_of_rest()
    product()
    for _ in range(_STEPS - 2):
        product()
        half_of_rest()
        product()
        product()
    product()
    _inside(f, "sub", square, x)
    product()
    _inside(f, "mul", (x,), x)
    _inside(f, "sqrt()", (trace,), trace)
    return _inside(f, "mul", square, x)

"""The operators of a forward pass: one record each, and the shape that comes out of each.

Every function takes shapes and options and returns the shape of the output, as torch computes it. Shapes that do not
fit raise ``ShapeError``, which says what was found and what was expected. No tensor is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import floor, prod
from types import MappingProxyType
from typing import Literal, NamedTuple

from yolo_probe.errors import shown
from yolo_probe.model.structure import Shape

Pair = int | Sequence[int]


class ShapeError(ValueError):
    """Shapes or options that an operator cannot take; the forward pass adds the module's path to the message."""


class Followed(tuple[int, ...]):
    """A shape that says which tensor it is of, so that a pass on shapes shows which operator reads which tensor.

    Two shapes with the same number share memory: one is a view, or the result of an operator that works in place.
    """

    tensor: int

    @classmethod
    def of(cls, shape: Shape, tensor: int) -> Followed:
        """The shape of the tensor of that number."""
        followed = cls(shape)
        followed.tensor = tensor
        return followed


SOFTMAX_OF_SOME_FORM = "softmax of some form"
"""A softmax of which it is not known whether it is one function, or an exponential and a division by a sum."""

SeenBy = Literal["all", "modules", "functions"]


class OpRecord(NamedTuple):
    """One operator that ran in a forward pass; a tuple, as a pass makes hundreds and a tuple is made the fastest."""

    operator: str
    """Name of the operator: ``conv2d``, ``batch_norm``, ``silu``, ``cat``, ..."""
    path: str
    """Qualified name of the module that ran it, ``model.0.conv``."""
    kind: str
    """Class of that module, ``nn.Conv2d``; a subclass has its own name. Of a function: class of the block around it."""
    inputs: tuple[Shape, ...]
    output: Shape
    weight: Shape = ()
    """Shape of the weight, where there is one: (out, in / groups, height, width) for a convolution."""
    options: Mapping[str, object] = MappingProxyType({})
    """What else a counter may need: bias, groups, affine, mode, ..."""
    slots: int = 1
    """Number of places in the model where this module is."""
    functional: bool = False
    """Whether it is a function that a module calls itself, such as ``torch.cat``, and not a module of its own."""
    seen_by: SeenBy = "all"
    """Which counters see it. A module of torch whose forward is not torch's own has two kinds of records: counters that
    charge modules see the module, counters that charge functions see what it calls."""

    @property
    def input(self) -> Shape:
        """Shape of the first input."""
        return self.inputs[0]


TIMM_ATTENTION = "timm_attention"
"""Operator of timm's attention as a whole, beside what it runs inside."""
OWN_PARAMETERS = "own_parameters"
"""Operator of a module that is not torch's, holds no others, and has parameters, beside what it runs."""
PROJECTED_LSTM = "projected_lstm"
"""Operator of an LSTM that projects its hidden values to fewer."""

Rule = Callable[[OpRecord], int]
"""What a counter charges for one record, in the counter's unit."""

MAX_OUTPUT_SIDE = 2**20
"""Values on one axis: more is a mistake in the options, not an image."""


def pair(value: Pair) -> tuple[int, int]:
    """One number or two, always as two, as torch reads ``kernel_size=3``."""
    if type(value) is tuple and len(value) == 2:
        return value
    if isinstance(value, int):
        return value, value
    first, second = value
    return first, second


def each_axis(value: Pair, axes: int) -> tuple[int, ...]:
    """One number or one for each axis, always as one for each, as torch reads ``kernel_size=3``."""
    return (value,) * axes if isinstance(value, int) else tuple(value)


def _unfit(operator: str, found: str, expected: str) -> ShapeError:
    return ShapeError(f"{operator}: found {found}, expected {expected}")


def _need(condition: bool, operator: str, found: str, expected: str) -> None:
    if not condition:
        raise _unfit(operator, found, expected)


def _steps(operator: str, weight: Shape, stride: Pair, dilation: Pair) -> tuple[tuple[int, int], tuple[int, int]]:
    """Stride and dilation of a convolution, each along height and width."""
    if len(weight) != 4:
        raise _unfit(operator, f"a weight of shape {weight}", "four axes")
    steps, apart = pair(stride), pair(dilation)
    if min(steps) <= 0:
        raise _unfit(operator, f"stride {steps}", "at least 1")
    if min(apart) <= 0:
        raise _unfit(operator, f"dilation {apart}", "at least 1")
    return steps, apart


def _image(operator: str, x: Shape) -> Shape:
    if len(x) != 4:
        raise _unfit(operator, f"an input of shape {x}", "batch, channels, height, width")
    return x


def conv2d(x: Shape, weight: Shape, stride: Pair, padding: Pair | str, dilation: Pair, groups: int) -> Shape:
    """Shape of a 2-D convolution's output: floor((n + 2 p - d (k - 1) - 1) / s) + 1 on each axis.

    Example: the first row of yolov5s, a 6x6 kernel with stride 2 and padding 2

    >>> conv2d((1, 3, 640, 640), (32, 3, 6, 6), stride=2, padding=2, dilation=1, groups=1)
    (1, 32, 320, 320)
    """
    n, c, height, width = _image("conv2d", x)
    (step_h, step_w), (apart_h, apart_w) = _steps("conv2d", weight, stride, dilation)
    channels, group_channels, kernel_h, kernel_w = weight
    if c != group_channels * groups:
        raise _unfit("conv2d", f"{c} input channels", f"{group_channels * groups}")
    span_h, span_w = apart_h * (kernel_h - 1), apart_w * (kernel_w - 1)
    if isinstance(padding, str):  # "same" adds the whole span and asks for stride 1, "valid" adds nothing
        pad_h, pad_w = (span_h, span_w) if padding == "same" else (0, 0)
    else:
        pad_h, pad_w = pair(padding)
        pad_h, pad_w = 2 * pad_h, 2 * pad_w
    out_h = (height + pad_h - span_h - 1) // step_h + 1
    out_w = (width + pad_w - span_w - 1) // step_w + 1
    if out_h <= 0 or out_w <= 0:
        raise _unfit("conv2d", f"an input of {height}x{width}", f"at least the kernel, {kernel_h}x{kernel_w}")
    return n, channels, out_h, out_w


def conv_transpose2d(
    x: Shape, weight: Shape, stride: Pair, padding: Pair, output_padding: Pair, dilation: Pair, groups: int
) -> Shape:
    """Shape of a transposed 2-D convolution's output: (n - 1) s - 2 p + d (k - 1) + output_padding + 1."""
    n, c, *size = _image("conv_transpose2d", x)
    steps, apart = _steps("conv_transpose2d", weight, stride, dilation)
    _need(c == weight[0], "conv_transpose2d", f"{c} input channels", f"{weight[0]}")
    axes = zip(size, weight[2:], steps, pair(padding), pair(output_padding), apart, strict=True)
    out = [(i - 1) * s - 2 * p + d * (k - 1) + extra + 1 for i, k, s, p, extra, d in axes]
    _need(min(out) > 0, "conv_transpose2d", f"an output of {out[0]}x{out[1]}", "at least 1x1")
    return (n, weight[1] * groups, *out)


def pool2d(x: Shape, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool) -> Shape:
    """Shape of a 2-D pooling's output; with ``ceil_mode`` no window starts beyond the input."""
    *batch, height, width = x
    out = []
    for i, k, s, p, d in zip((height, width), pair(kernel), pair(stride), pair(padding), pair(dilation), strict=True):
        _need(min(k, s, d) > 0, "pool2d", f"kernel {k}, stride {s}, dilation {d}", "each at least 1")
        _need(0 <= 2 * p <= k, "pool2d", f"padding {p}", f"at most half of the kernel, {k // 2}")
        span = i + 2 * p - d * (k - 1) - 1
        o = (-(-span // s) if ceil_mode else span // s) + 1
        if ceil_mode and (o - 1) * s >= i + p:
            o -= 1
        _need(o > 0, "pool2d", f"an input of {height}x{width}", f"at least the kernel, {k}")
        out.append(o)
    return (*batch, *out)


def adaptive_pool2d(x: Shape, output_size: int | Sequence[int | None] | None) -> Shape:
    """Shape of an adaptive 2-D pooling's output; None keeps the input's size on that axis."""
    *batch, height, width = x
    sizes = (output_size, output_size) if output_size is None or isinstance(output_size, int) else tuple(output_size)
    rows, columns = sizes
    return (*batch, height if rows is None else rows, width if columns is None else columns)


def upsample(x: Shape, size: Pair | None, scale_factor: float | Sequence[float] | None) -> Shape:
    """Shape of an interpolation's output: ``size`` where it is given, else floor(n * scale) on each axis."""
    n, c, *image = _image("upsample", x)
    if size is not None:
        return (n, c, *pair(size))
    _need(scale_factor is not None, "upsample", "neither size nor scale_factor", "one of them")
    scales = tuple(scale_factor) if isinstance(scale_factor, Sequence) else (scale_factor, scale_factor)
    right = len(scales) == 2 and all(isinstance(s, int | float) and 0 < s < MAX_OUTPUT_SIDE for s in scales)
    _need(
        right and max(image) < MAX_OUTPUT_SIDE,
        "upsample",
        f"scale_factor {shown(scale_factor)}",
        "one or two numbers above 0",
    )
    out = [floor(i * float(s or 0)) for i, s in zip(image, scales, strict=True)]
    _need(min(out) > 0, "upsample", f"an output of {out[0]}x{out[1]}", "at least 1x1")
    return (n, c, *out)


def pad2d(x: Shape, padding: Pair | Sequence[int], mode: str = "constant") -> Shape:
    """Shape after padding; ``padding``: left, right, top, bottom, or one number for all sides."""
    *batch, height, width = x
    left, right, top, bottom = (padding,) * 4 if isinstance(padding, int) else tuple(padding)
    check_border(x, max(top, bottom), max(left, right), mode)
    out = height + top + bottom, width + left + right
    _need(min(out) > 0, "pad2d", f"an output of {out[0]}x{out[1]}", "at least 1x1")
    return (*batch, *out)


def check_border(x: Shape, rows: int, columns: int, mode: str) -> None:
    """Refuse a border that is wider than the input allows: its side - 1 in ``reflect``, its side in ``circular``.

    Raises: ShapeError.
    """
    *_, height, width = x
    spare = {"reflect": 1, "circular": 0}.get(mode)
    if spare is not None and (rows > height - spare or columns > width - spare):
        raise _unfit(f"{mode} padding", f"an input of {height}x{width}", f"at least {rows + spare}x{columns + spare}")


def linear(x: Shape, weight: Shape) -> Shape:
    """Shape of a linear layer's output: the last axis becomes ``weight[0]``."""
    _need(x[-1] == weight[1], "linear", f"{x[-1]} input features", f"{weight[1]}")
    return (*x[:-1], weight[0])


def cat(inputs: Sequence[Shape], dim: int) -> Shape:
    """Shape of a concatenation: all axes but ``dim`` must agree."""
    first = inputs[0]
    axis = dim % len(first)
    before, total, after = first[:axis], first[axis], first[axis + 1 :]
    for i, other in enumerate(inputs[1:], 1):
        if len(other) != len(first) or other[:axis] != before or other[axis + 1 :] != after:
            raise _unfit("cat", f"input {i} of shape {other}", f"{first} on all axes but {axis}")
        total += other[axis]
    return (*before, total, *after)


def broadcast(a: Shape, b: Shape) -> Shape:
    """Shape of an elementwise operation on two tensors, by torch's broadcasting."""
    if a == b:
        return a
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    shorter = (1,) * (len(longer) - len(shorter)) + shorter
    pairs = list(zip(longer, shorter, strict=True))
    if not all(i == j or 1 in (i, j) for i, j in pairs):
        raise _unfit("add", f"shapes {a} and {b}", "equal ones")
    return tuple(j if i == 1 else i for i, j in pairs)


def flatten(x: Shape, start: int = 1, end: int = -1) -> Shape:
    """Shape after the axes from ``start`` to ``end`` became one."""
    last = end % len(x)
    return (*x[:start], prod(x[start : last + 1]), *x[last + 1 :])


def pixel_shuffle(x: Shape, factor: int) -> Shape:
    """Shape after channels went into space: c / factor^2 channels, factor times the height and width."""
    n, c, h, w = _image("pixel_shuffle", x)
    _need(c % factor**2 == 0, "pixel_shuffle", f"{c} channels", f"a multiple of {factor**2}")
    return n, c // factor**2, h * factor, w * factor


def pixel_unshuffle(x: Shape, factor: int) -> Shape:
    """Shape after space went into channels: factor^2 times the channels, 1 / factor of the height and width."""
    n, c, h, w = _image("pixel_unshuffle", x)
    fits = h % factor == 0 and w % factor == 0
    _need(fits, "pixel_unshuffle", f"an input of {h}x{w}", f"multiples of {factor}")
    return n, c * factor**2, h // factor, w // factor


def every_second(x: Shape, row: int, column: int) -> Shape:
    """Shape of ``x[..., row::2, column::2]``."""
    *batch, h, w = x
    return (*batch, (h - row + 1) // 2, (w - column + 1) // 2)

"""What each FLOP counter charges for an operator.

A convention is a table of rules, one for each operator; a rule is a pure function of one ``OpRecord`` that gives an
integer: 0 where the counter holds the operator free, None where it has no rule for this case. The counters
disagree with each other and some with arithmetic; their faults are kept, under their own names. Measured against
the real releases, which ``tests/oracles`` does again in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Literal

from yolo_probe.operators import OpRecord
from yolo_probe.structure import Shape

Rule = Callable[[OpRecord], int]


@dataclass(frozen=True, slots=True)
class Uncounted:
    """Work that a counter leaves out of its total because it has no rule for it."""

    operator: str
    path: str
    """Qualified name of the module that does it; empty: the model itself."""
    values: int
    """Values that come out of it in one pass."""


@dataclass(frozen=True, slots=True)
class Convention:
    """The rules of one counter."""

    name: str
    """As ``--counter`` takes it: ``ultralytics-thop-2.2``."""
    unit: Literal["MACs", "FLOPs"]
    """What a count means; 1 MAC is 2 FLOPs."""
    rules: Mapping[str, Rule]
    """By operator; an operator of ``FREE`` needs none."""
    subclasses: bool = True
    """Whether a subclass of a torch module is counted like its parent."""
    functions: Mapping[str, Rule] = field(default_factory=dict)
    """By operator, for functions that a module calls itself."""
    slot_power: int = 0
    """How often a module that hangs in n places is charged: n to this power. One power comes from a hook for each
    place, the other from adding up its total at each place."""

    @property
    def flops_per_count(self) -> int:
        """Number of FLOPs in one count."""
        return 2 if self.unit == "MACs" else 1

    def count(self, record: OpRecord) -> int | None:
        """Charge for one operator in the counter's own unit; None where this counter has no rule for it."""
        if record.functional:
            function = self.functions.get(record.operator)
            return function(record) if function else None
        rule = known_products if record.operator == CUSTOM else self.rules.get(record.operator)
        if rule is None:
            return 0 if record.operator in FREE else None
        if not self.subclasses and not record.kind.startswith("nn.") and record.operator != CUSTOM:
            return 0
        return rule(record) * int(record.slots**self.slot_power)

    def flops(self, records: Iterable[OpRecord]) -> int:
        """Total in FLOPs of the operators that have a rule."""
        return self.flops_per_count * sum(self.count(record) or 0 for record in records)

    def uncounted(self, records: Iterable[OpRecord]) -> tuple[Uncounted, ...]:
        """The operators that this counter has no rule for, those of one module and name as one, in order."""
        found: dict[tuple[str, str], int] = {}
        charged = self.rules.keys() | FREE
        for record in records:
            if (record.functional or record.operator not in charged) and self.count(record) is None:
                place = record.operator, record.path
                found[place] = found.get(place, 0) + prod(record.output)
        return tuple(Uncounted(operator, path, values) for (operator, path), values in found.items())

    @property
    def title(self) -> str:
        """For people: ``ultralytics-thop 2.2``."""
        name, _, version = self.name.rpartition("-")
        return f"{name} {version}" if name else version


FREE = frozenset({
    "add", "cat", "mul",
    "silu", "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "mish", "hardswish", "hardsigmoid",
    "hardtanh", "logsigmoid", "sigmoid", "softplus", "softmax", "tanh",
    "log_softmax", "softmin", "softmax2d",
    "dropout", "flatten", "identity", "pad2d", "pixel_shuffle", "pixel_unshuffle",
    "max_pool2d", "adaptive_max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "upsample", "batch_norm",
})  # fmt: skip
"""Operators that cost nothing wherever a counter has no rule for them."""

CUSTOM = "custom"
"""The operator of a module that a rule of the user's counts, in the counter's own unit."""

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
TRANSPOSED_CONVOLUTIONS = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")


# Products: one multiply-accumulate each


def convolution(r: OpRecord) -> int:
    """Each output value sums (channels in / groups) x kernel products: n o h w x (i / g) kh kw."""
    return prod(r.output) * prod(r.weight[1:])


def transposed_convolution(r: OpRecord) -> int:
    """Each input value is spread over (channels out / groups) x kernel outputs: n i h w x (o / g) kh kw."""
    return prod(r.input) * prod(r.weight[1:])


def linear(r: OpRecord) -> int:
    """Each output value sums the input features."""
    return prod(r.output) * r.weight[1]


def linear_products_and_sums(r: OpRecord) -> int:
    """Products and additions apart, each as one: 2 i - 1 for each output value."""
    return prod(r.output) * (2 * r.weight[1] - 1)


def attention_products(r: OpRecord) -> int:
    """Four projections, then query x key and attention x value: N (2 L E E + S E (K + V) + 2 L A E).

    A keys are attended to: the S that come in, and those that the module appends.
    """
    (length, batch, embed), (keys, _, key_size), (_, _, value_size) = r.inputs
    projections = embed * (2 * length * embed + keys * (key_size + value_size))
    return batch * (projections + 2 * length * (keys + _appended(r)) * embed)


def _appended(r: OpRecord) -> int:
    """Keys that attention appends to those that come in: a bias, zeros."""
    appended = r.options.get("appended", 0)
    assert isinstance(appended, int)
    return appended


def known_products(r: OpRecord) -> int:
    """As many as the record itself says."""
    products = r.options["products"]
    assert isinstance(products, int)
    return products


def matrix_product(r: OpRecord) -> int:
    """Each output value sums the last axis of the first input."""
    return prod(r.output) * r.input[-1]


def einsum_products(r: OpRecord) -> int:
    """Each label of an Einstein sum of two is an axis of the product, unless one input alone has it, summed away."""
    sizes, shared, kept = _einsum_axes(r)
    return prod(n for label, n in sizes.items() if label in shared | kept) if len(r.inputs) == 2 else 0


def einsum_matrix_products(r: OpRecord) -> int:
    """The same where an axis of both inputs is summed; where none is, torch runs no matrix product."""
    _, shared, kept = _einsum_axes(r)
    return einsum_products(r) if shared - kept else 0


def _einsum_axes(r: OpRecord) -> tuple[dict[str, int], frozenset[str], frozenset[str]]:
    """Size of each label, the labels that both inputs have, and those that the output keeps.

    An axis of one value counts as none. An axis that an ellipsis stands for is named by its place from the right.
    """
    terms, arrow, out = str(r.options["equation"]).replace(" ", "").partition("->")
    if not arrow:
        out = "..." + "".join(label for label in terms if terms.count(label) == 1)
    sizes: list[dict[str, int]] = []
    for term, shape in zip(terms.split(","), r.inputs, strict=True):
        before, _, after = term.partition("...")
        labels = [*before, *map(str, range(len(shape) - len(before) - len(after), 0, -1)), *after]
        sizes.append({label: n for label, n in zip(labels, shape, strict=True) if n != 1})
    every = sizes[0] | sizes[-1]
    kept = frozenset(label for label in every if (label if label.isalpha() else "...") in out)
    return every, frozenset(sizes[0].keys() & sizes[-1].keys()), kept


def bilinear(r: OpRecord) -> int:
    """Each output value sums over both inputs, the second again: (i1 + 1) x i2."""
    return prod(r.output) * (r.weight[1] + 1) * r.weight[2]


def scaled_dot_product(r: OpRecord) -> int:
    """Query x key and attention x value: for each of the rows L of the output, S (E + Ev)."""
    query, key, value = r.inputs
    return prod(r.output) // value[-1] * key[-2] * (query[-1] + value[-1])


# What the generations of thop charge beside them


def with_bias(r: OpRecord) -> int:
    """A convolution, and one for each output value if it has a bias."""
    return convolution(r) + (prod(r.output) if r.options["bias"] else 0)


def transposed_over_output(r: OpRecord) -> int:
    """A transposed convolution counted like an ordinary one, over its output: stride x stride too many."""
    _, channels, *_ = r.input
    groups = r.options["groups"]
    assert isinstance(groups, int)
    return prod(r.output) * (channels // groups) * prod(r.weight[2:])


def transposed_over_output_with_bias(r: OpRecord) -> int:
    """The same, and one for each output value if it has a bias."""
    return transposed_over_output(r) + (prod(r.output) if r.options["bias"] else 0)


def two_per_value(r: OpRecord) -> int:
    """Scale and shift: two for each value."""
    return 2 * prod(r.input)


def four_per_value(r: OpRecord) -> int:
    """Subtract, divide, scale and shift: four for each value."""
    return 4 * prod(r.input)


def normalization(r: OpRecord) -> int:
    """Two for each value, and two more if it has a weight and a bias."""
    return prod(r.input) * (4 if r.options["affine"] else 2)


def one_per_value(r: OpRecord) -> int:
    """One for each value that comes in."""
    return prod(r.input)


def softmax(r: OpRecord) -> int:
    """Exponents, a sum and divisions: 3 n - 1 for each row of n."""
    dim = r.options["dim"]
    assert isinstance(dim, int)
    row = r.input[dim]
    return prod(r.input) // row * (3 * row - 1)


def log_softmax(r: OpRecord) -> int:
    """A softmax and a logarithm for each row."""
    dim = r.options["dim"]
    assert isinstance(dim, int)
    return softmax(r) + prod(r.input) // r.input[dim]


def softmin(r: OpRecord) -> int:
    """A softmax of the negated values."""
    return softmax(r) + prod(r.input)


def attention_with_softmax(r: OpRecord) -> int:
    """The attention's products and 3 A - 1 for each row of its softmax, of which there are N x heads x L."""
    (length, batch, _), (keys, _, _) = r.inputs[:2]
    heads = r.options["heads"]
    assert isinstance(heads, int)
    return attention_products(r) + batch * heads * length * (3 * (keys + _appended(r)) - 1)


def one_per_output(r: OpRecord) -> int:
    """One for each value that goes out."""
    return prod(r.output)


def adaptive_floor(r: OpRecord) -> int:
    """A window of floor(in / out) on each axis, and one, for each output value."""
    window = prod(i // o for i, o in _pooled_axes(r))
    return (window + 1) * prod(r.output)


def adaptive_ratio(r: OpRecord) -> int:
    """A window of in / out on each axis, and one, for each output value; the product is cut to an integer."""
    window = prod((i / o for i, o in _pooled_axes(r)), start=1.0)
    return int((window + 1) * prod(r.output))  # in floating point, as the release computes it


def adaptive_windows(r: OpRecord) -> int:
    """One for each value in each window, which are [floor(j i / o), ceil((j + 1) i / o)), and one for each output."""
    window = prod(sum(-(-(j + 1) * i // o) - j * i // o for j in range(o)) for i, o in _pooled_axes(r))
    return prod(r.output[:-2]) * window + prod(r.output)


def average_windows(r: OpRecord) -> int:
    """One for each value in each window, padding included where it is averaged too, and one for each output."""
    padded = 0 if r.options["inside"] else 1
    window = 1
    for i, o, k, s, p in zip(
        r.input[-2:], r.output[-2:], *(_pair(r, n) for n in ("kernel", "stride", "padding")), strict=True
    ):
        first, last = -p * padded, i + p * padded
        window *= sum(max(min(j * s - p + k, last) - max(j * s - p, first), 0) for j in range(o))
    return prod(r.input[:-2]) * window + prod(r.output)


def _pair(r: OpRecord, name: str) -> Shape:
    value = r.options[name]
    assert isinstance(value, tuple)
    return value


def _pooled_axes(r: OpRecord) -> list[tuple[int, int]]:
    return list(zip(r.input[-2:], r.output[-2:], strict=True))


def average_kernel(r: OpRecord) -> int:
    """The kernel's size and one, for each output value; a kernel given as one number k is taken for k, not k x k."""
    kernel = _pair(r, "kernel")
    return ((kernel[0] if r.options["number"] else prod(kernel)) + 1) * prod(r.output)


def interpolation(nearest: int, trilinear: int, bilinear: int = 11) -> Rule:
    """So many for each output value, by the mode of interpolation."""
    costs = {"nearest": nearest, "linear": 5, "bilinear": bilinear, "bicubic": 259, "trilinear": trilinear}

    def rule(r: OpRecord) -> int:
        return costs.get(str(r.options["mode"]), 0) * prod(r.output)

    return rule


# The releases of 2019 add up in FP32 and lose the last digits; these are the exact sums of what they charge.
_THOP_2019: dict[str, Rule] = {
    **dict.fromkeys(CONVOLUTIONS, with_bias),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, transposed_over_output_with_bias),
    "batch_norm": four_per_value,
    "leaky_relu": one_per_value,
    "avg_pool2d": average_kernel,
    "adaptive_avg_pool2d": adaptive_floor,
    "linear": linear_products_and_sums,
    "upsample": interpolation(nearest=0, trilinear=0, bilinear=13),
}

_THOP_0_0_31 = _THOP_2019 | {
    "batch_norm": two_per_value,
    "avg_pool2d": one_per_output,
    "linear": linear,
    "upsample": interpolation(nearest=0, trilinear=0),
}

_THOP_0_1: dict[str, Rule] = {
    **dict.fromkeys(CONVOLUTIONS, convolution),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, transposed_over_output),
    "batch_norm": normalization,
    "layer_norm": normalization,
    "instance_norm": normalization,
    "prelu": one_per_value,
    "softmax": softmax,
    "avg_pool2d": one_per_output,
    "adaptive_avg_pool2d": adaptive_ratio,
    "linear": linear,
    "upsample": interpolation(nearest=1, trilinear=0),
}

_ULTRALYTICS_THOP_2_0_16 = _THOP_0_1 | {
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, transposed_convolution),
    "upsample": interpolation(nearest=1, trilinear=31),
}

_ULTRALYTICS_THOP_2_1_2 = _ULTRALYTICS_THOP_2_0_16 | {
    "adaptive_avg_pool2d": adaptive_windows,
    "group_norm": normalization,
    "rms_norm": normalization,
    "upsample": interpolation(nearest=0, trilinear=31),
}

_ULTRALYTICS_THOP_2_1_3 = _ULTRALYTICS_THOP_2_1_2 | {
    "multi_head_attention": attention_with_softmax,
    "avg_pool2d": average_windows,
    "log_softmax": log_softmax,
    "softmin": softmin,
    "softmax2d": softmax,
    "bilinear": bilinear,
}


_TORCH: dict[str, Rule] = {
    **dict.fromkeys(CONVOLUTIONS, lambda r: 2 * convolution(r)),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, lambda r: 2 * transposed_convolution(r)),
    "linear": lambda r: 2 * linear(r),
    "multi_head_attention": lambda r: 2 * attention_products(r),
}


_FUNCTIONS: dict[str, Rule] = {
    "linear": linear,
    "matmul": matrix_product,
    "einsum": einsum_products,
    "scaled_dot_product_attention": scaled_dot_product,
    "multi_head_attention": attention_with_softmax,
}

_TORCH_FUNCTIONS: dict[str, Rule] = _TORCH | {
    "matmul": lambda r: 2 * matrix_product(r),
    "einsum": lambda r: 2 * einsum_matrix_products(r),
    "scaled_dot_product_attention": lambda r: 2 * scaled_dot_product(r),
    **dict.fromkeys(
        ("mm", "addmm", "baddbmm", "tensordot", "linalg.matmul", "matmul from the right"),
        lambda r: 2 * known_products(r),
    ),
}


CONVENTIONS: Mapping[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention("thop-2019", "MACs", _THOP_2019, subclasses=False, slot_power=1),
        Convention("thop-0.0.31", "MACs", _THOP_0_0_31, subclasses=False, slot_power=2),
        Convention("thop-0.1", "MACs", _THOP_0_1, subclasses=False, slot_power=2),
        Convention("ultralytics-thop-2.0.16", "MACs", _ULTRALYTICS_THOP_2_0_16, subclasses=False, slot_power=2),
        Convention("ultralytics-thop-2.1.2", "MACs", _ULTRALYTICS_THOP_2_1_2),
        Convention("ultralytics-thop-2.1.3", "MACs", _ULTRALYTICS_THOP_2_1_3),
        Convention("ultralytics-thop-2.2", "MACs", _ULTRALYTICS_THOP_2_1_3, functions=_FUNCTIONS),
        Convention("torch", "FLOPs", _TORCH, functions=_TORCH_FUNCTIONS),
    )
}
"""Every counter by its name."""

DEFAULT = "ultralytics-thop-2.2"
"""The counter that is used where no thop is installed."""

"""What an operator costs: each rule is a pure function of one ``OpRecord`` that returns an integer.

Unit: MACs, where nothing else is said; a rule "for each value" counts as many as the tool that it is from. The counters
disagree with each other, and some are wrong; their faults are rules too, each with a name of its own.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from math import prod

from yolo_probe.errors import CounterError
from yolo_probe.model.operators import OpRecord, Rule
from yolo_probe.model.structure import Shape

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
TRANSPOSED_CONVOLUTIONS = ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
MAX_POOLS = (
    *("max_pool1d", "max_pool2d", "max_pool3d"),
    *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
)
AVERAGE_POOLS = ("avg_pool1d", "avg_pool2d", "avg_pool3d")
ATTENTION = ("multi_head_attention", "native_multi_head_attention")
ADAPTIVE_POOLS = ("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")

# Products: one multiply-accumulate each


def convolution(r: OpRecord) -> int:
    """Each output value sums (channels in / groups) x kernel products: n o h w x (i / g) kh kw."""
    return prod(r.output) * prod(r.weight[1:])


def convolution_by_second_axis(r: OpRecord) -> int:
    """``convolution`` with the input's second axis as its channels, which of an image without a batch is its height."""
    groups = r.options["groups"]
    assert isinstance(groups, int)
    return prod(r.output) * (r.input[1] // groups) * prod(r.weight[2:])


def transposed_convolution(r: OpRecord) -> int:
    """Each input value is used in (channels out / groups) x kernel products: n i h w x (o / g) kh kw."""
    return prod(r.input) * prod(r.weight[1:])


def linear(r: OpRecord) -> int:
    """Each output value sums one product for each input feature."""
    return prod(r.output) * r.weight[1]


def linear_products_and_sums(r: OpRecord) -> int:
    """Products and additions, each as one: 2 i - 1 for each output value."""
    return prod(r.output) * (2 * r.weight[1] - 1)


def attention_products(r: OpRecord) -> int:
    """Four projections, then query x key and attention x value: N (2 L E E + S E (K + V) + 2 L A E).

    A is the number of keys that are used: the S that come in, and those that the module appends.
    """
    (length, batch, embed), (keys, _, key_size), (_, _, value_size) = r.inputs
    projections = embed * (2 * length * embed + keys * (key_size + value_size))
    return batch * (projections + 2 * length * (keys + _appended(r)) * embed)


def _appended(r: OpRecord) -> int:
    """Number of keys that attention appends to those that come in: a bias, zeros."""
    appended = r.options.get("appended", 0)
    assert isinstance(appended, int)
    return appended


def known_products(r: OpRecord) -> int:
    """The number that the record itself has."""
    products = r.options["products"]
    assert isinstance(products, int)
    return products


def products_of_matrices(r: OpRecord) -> int:
    """``known_products``; none where one value comes out, which torch finds as a sum of products."""
    return known_products(r) if prod(r.output) > 1 else 0


def matrix_product(r: OpRecord) -> int:
    """Each output value sums one product for each entry of the first input's last axis."""
    return prod(r.output) * r.input[-1]


def einsum_products(r: OpRecord) -> int:
    """The product of all axes of an Einstein sum of two, without those that only one input has and that are summed."""
    sizes, shared, kept = _einsum_axes(r)
    return prod(n for label, n in sizes.items() if label in shared | kept) if len(r.inputs) == 2 else 0


def matrix_product_as_matrices(r: OpRecord) -> int:
    """The products of matrices; of one matrix with a vector, also one of many, none: torch runs ``mv`` or ``dot``.

    A vector times one matrix is a product of matrices for torch.
    """
    return 0 if r.options.get("folded") else matrix_product(r)


def product_by_first(r: OpRecord) -> int:
    """The first input's values x the second's last axis: what the first is repeated for is left out."""
    return prod(r.inputs[0]) * r.inputs[1][-1]


def product_by_first_of_matrices(r: OpRecord) -> int:
    """``product_by_first``; of a vector as the second, for which fvcore fails, the products.

    A vector as the weight of ``F.linear`` is taken for as many features of the output.
    """
    is_vector = len(r.inputs[1]) == 1 and r.options.get("call") != "linear"
    return matrix_product(r) if is_vector else product_by_first(r)


def einsum_matrix_products(r: OpRecord) -> int:
    """``einsum_products`` where an axis of both inputs is summed; else 0: torch then runs no matrix product."""
    _, shared, kept = _einsum_axes(r)
    return einsum_products(r) if shared - kept else 0


def einsum_by_letters(r: OpRecord) -> int:
    """The product of all axes, of however many inputs; 0 where the equation has an ellipsis."""
    equation = str(r.options["equation"]).replace(" ", "")
    if "..." in equation:
        return 0
    sizes: dict[str, int] = {}
    for letters, shape in zip(equation.partition("->")[0].split(","), r.inputs, strict=True):
        sizes |= zip(letters, shape, strict=True)
    return prod(sizes.values())


def _einsum_axes(r: OpRecord) -> tuple[dict[str, int], frozenset[str], frozenset[str]]:
    """Size of each label, the labels that both inputs have, and those that the output keeps.

    An axis of length 1 is left out. An axis that an ellipsis replaces gets its position from the right as its label.
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


def einsum_as_printed(r: OpRecord) -> int:
    """What NumPy's ``einsum_path`` prints for the cheapest order: FLOPs and one more, rounded to four digits.

    Unit: FLOPs, where a product that is summed is 2 and one that is not is 1.
    Raises: CounterError without NumPy, which the tools that count so import too.
    """
    try:
        import numpy
    except ImportError:
        raise CounterError(
            "einsum: found no NumPy, by which this counter counts it", "pip install numpy, or choose another counter"
        ) from None
    zeros = [numpy.broadcast_to(numpy.float32(0), shape) for shape in r.inputs]
    _, printed = numpy.einsum_path(str(r.options["equation"]).replace(" ", ""), *zeros, optimize="optimal")
    return int(float(re.findall(r"Optimized FLOP count: *(.+)", printed)[0]))


def bilinear(r: OpRecord) -> int:
    """Each output value sums i1 x i2 products, then i2 of these sums: (i1 + 1) x i2."""
    return prod(r.output) * (r.weight[1] + 1) * r.weight[2]


def scaled_dot_product(r: OpRecord) -> int:
    """Query x key and attention x value: S (E + Ev) for each of the L rows of the output."""
    query, key, value = r.inputs
    return prod(r.output) // value[-1] * key[-2] * (query[-1] + value[-1])


# What the generations of thop charge in addition


def with_bias(r: OpRecord) -> int:
    """``convolution``, and one for each output value if it has a bias."""
    return convolution(r) + (prod(r.output) if r.options["bias"] else 0)


def transposed_over_output(r: OpRecord) -> int:
    """A transposed convolution counted like an ordinary one, over its output: stride x stride times too much."""
    _, channels, *_ = r.input
    groups = r.options["groups"]
    assert isinstance(groups, int)
    return prod(r.output) * (channels // groups) * prod(r.weight[2:])


def transposed_over_output_with_bias(r: OpRecord) -> int:
    """As ``transposed_over_output``, by the module's own channels, and one for each output value if it has a bias."""
    groups = r.options["groups"]
    assert isinstance(groups, int)
    channels, _, *kernel = r.weight
    return prod(r.output) * (channels // groups * prod(kernel) + bool(r.options["bias"]))


def transposed_by_second_axis(r: OpRecord) -> int:
    """``transposed_convolution`` with the output's second axis as its channels, as ``convolution_by_second_axis``."""
    groups = r.options["groups"]
    assert isinstance(groups, int)
    return prod(r.input) * (r.output[1] // groups) * prod(r.weight[2:])


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
    """One for each value of the first input."""
    return prod(r.input)


def softmax(r: OpRecord) -> int:
    """Exponents, a sum and divisions: 3 n - 1 for each row of n."""
    dim = r.options["dim"]
    assert isinstance(dim, int)
    row = r.input[dim]
    return prod(r.input) // row * (3 * row - 1)


def log_softmax(r: OpRecord) -> int:
    """``softmax``, and one logarithm for each row."""
    dim = r.options["dim"]
    assert isinstance(dim, int)
    return softmax(r) + prod(r.input) // r.input[dim]


def softmin(r: OpRecord) -> int:
    """``softmax``, and one for each value that is negated."""
    return softmax(r) + prod(r.input)


def attention_with_softmax(r: OpRecord) -> int:
    """``attention_products``, and 3 A - 1 for each of the N x heads x L rows of the softmax."""
    (length, batch, _), (keys, _, _) = r.inputs[:2]
    heads = r.options["heads"]
    assert isinstance(heads, int)
    return attention_products(r) + batch * heads * length * (3 * (keys + _appended(r)) - 1)


def one_per_output(r: OpRecord) -> int:
    """One for each value of the output."""
    return prod(r.output)


def one_per_value_from_the_left(r: OpRecord) -> int:
    """One for each value of two tensors together, whose shapes are lined up at their first axes, not at their last."""
    return prod(max(sides) for sides in zip_longest(*r.inputs, fillvalue=1))


def adaptive_floor(r: OpRecord) -> int:
    """For each output value, a window of floor(in / out) on each axis after the second, plus one."""
    window = prod(i // o for i, o in zip(r.input[2:], r.output[2:], strict=True))
    return (window + 1) * prod(r.output)


def adaptive_ratio(r: OpRecord) -> int:
    """For each output value, a window of in / out on each axis after the second, plus one, rounded down."""
    window = prod((i / o for i, o in zip(r.input[2:], r.output[2:], strict=True)), start=1.0)
    return int((window + 1) * prod(r.output))  # in floating point, as the release computes it


def adaptive_windows(r: OpRecord) -> int:
    """One for each value in each window, [floor(j i / o), ceil((j + 1) i / o)), and one for each output value."""
    return _windows(r, _pooled_axes(r))


def adaptive_windows_after_two_axes(r: OpRecord) -> int:
    """``adaptive_windows`` over the axes after the second, which without a batch are one too few."""
    return _windows(r, list(zip(r.input[2:], r.output[2:], strict=True)))


def _windows(r: OpRecord, axes: list[tuple[int, int]]) -> int:
    window = prod(sum(-(-(j + 1) * i // o) - j * i // o for j in range(o)) for i, o in axes)
    return prod(r.output[: len(r.output) - len(axes)]) * window + prod(r.output)


def average_windows(r: OpRecord) -> int:
    """One for each value in each window, also of padding where that is averaged too, and one for each output value."""
    padded = 0 if r.options["inside"] else 1
    window, axes = 1, len(_pair(r, "kernel"))
    for i, o, k, s, p in zip(
        r.input[-axes:], r.output[-axes:], *(_pair(r, n) for n in ("kernel", "stride", "padding")), strict=True
    ):
        first, last = -p * padded, i + p * padded
        window *= sum(max(min(j * s - p + k, last) - max(j * s - p, first), 0) for j in range(o))
    return prod(r.input[:-axes]) * window + prod(r.output)


def _pair(r: OpRecord, name: str) -> Shape:
    value = r.options[name]
    assert isinstance(value, tuple)
    return value


def _pooled_axes(r: OpRecord) -> list[tuple[int, int]]:
    axes = int(r.operator[-2])  # adaptive_avg_pool3d
    return list(zip(r.input[-axes:], r.output[-axes:], strict=True))


def average_kernel(r: OpRecord) -> int:
    """For each output value the kernel's size, plus one; a kernel given as one number k counts as k, not k x k."""
    kernel = _pair(r, "kernel")
    return ((kernel[0] if r.options["number"] else prod(kernel)) + 1) * prod(r.output)


def interpolation(nearest: int, trilinear: int, bilinear: int = 11) -> Rule:
    """A rule: as many for each output value as its mode of interpolation says."""
    costs = {"nearest": nearest, "linear": 5, "bilinear": bilinear, "bicubic": 259, "trilinear": trilinear}

    def rule(r: OpRecord) -> int:
        return costs.get(str(r.options["mode"]), 0) * prod(r.output)

    return rule


def but_not_for(rule: Rule, *kinds: str) -> Rule:
    """A rule for an operator's modules without these classes, which the tool does not know."""
    return lambda r: 0 if r.kind in kinds else rule(r)


# What the other tools charge


def convolution_over_output(r: OpRecord) -> int:
    """As torchprofile does: the weight's second axis where its first has the output's channels, else its first."""
    channels, others, *kernel = r.weight
    return prod(r.output) * (others if r.output[-len(kernel) - 1] == channels else channels) * prod(kernel)


def convolution_after_two_axes(r: OpRecord) -> int:
    """As ptflops does: all weights for each entry of the input's first axis and each place after the second.

    With a bias, one more for each value of the output.
    """
    bias = prod(r.output[1:]) if r.options["bias"] else 0
    return r.input[0] * (prod(r.weight) * prod(r.output[2:]) + bias)


def deformable_after_two_axes(r: OpRecord) -> int:
    """As ``convolution_after_two_axes``, and 24 for each place of a kernel that moves, 25 with a mask."""
    moves = prod(r.weight[2:]) * (25 if r.options["mask"] else 24)
    return convolution_after_two_axes(r) + r.input[0] * prod(r.output[2:]) * moves


def transposed_after_two_axes(r: OpRecord) -> int:
    """As ``convolution_after_two_axes``, for each place of the input."""
    bias = prod(r.output[1:]) if r.options["bias"] else 0
    return r.input[0] * (prod(r.weight) * prod(r.input[2:]) + bias)


def timm_attention_of_ptflops(r: OpRecord) -> int:
    """Scaling of the query, both products, and one for each value of the softmax; not the projections inside."""
    heads, size = r.options["heads"], r.options["size"]
    assert isinstance(heads, int)
    assert isinstance(size, int)
    batch, length, _ = r.input
    return batch * heads * length * (size + length * (2 * size + 1))


def convolution_by_weights(r: OpRecord) -> int:
    """As torchinfo does: all weights and biases for each position of the output, transposed or not.

    It takes a subclass for a convolution by its name.
    """
    n, channels = r.output[:2]
    places = places_by_name(r)
    if "weights" in r.options:  # under other names than "weight", which it takes for those of a recurrent layer
        weights = r.options["weights"]
        assert isinstance(weights, int)
        return n * channels * (weights + (places if r.options["bias"] else 0))
    channels = r.output[1 - len(r.weight)]
    return n * places * (prod(r.weight) + (channels if r.options["bias"] else 0))


def places_by_name(r: OpRecord) -> int:
    """Number of places of the output in a class that has Conv in its name, which torchinfo goes by; else 1."""
    return prod(r.output[2:]) if "Conv" in r.kind.rpartition(".")[2] else 1


def own_parameters(r: OpRecord) -> int:
    """As torchinfo charges any module: parameters x images; in a class named Conv also x places of the output.

    Parameters of longer names, ``in_weight``, are taken for those of a recurrent layer: x the first two axes.
    """
    weights, others = r.options["weights"], r.options["others"]
    assert isinstance(weights, int)
    assert isinstance(others, int)
    return r.output[0] * weights * places_by_name(r) + prod(r.output[:2]) * others


def transposed_with_bias(r: OpRecord) -> int:
    """``transposed_convolution``, and one for each output value if it has a bias."""
    return transposed_convolution(r) + (prod(r.output) if r.options["bias"] else 0)


def linear_with_bias(r: OpRecord) -> int:
    """``linear``, and one for each output value if it has a bias."""
    return linear(r) + (prod(r.output) if r.options["bias"] else 0)


def linear_as_addmm(r: OpRecord) -> int:
    """``linear_with_bias`` where torch adds the bias in the product (matrices, contiguous inputs), else ``linear``."""
    return linear_with_bias(r) if r.options.get("contiguous", True) else linear(r)


def linear_by_weights(r: OpRecord) -> int:
    """All weights and biases for each entry of the first axis; the axes between are not counted."""
    return r.output[0] * (prod(r.weight) + (r.weight[0] if r.options["bias"] else 0))


def norm_by_weights(r: OpRecord) -> int:
    """A weight and a bias for each channel, once for each image; values are not counted."""
    each = 2 if r.options.get("shift", True) else 1
    return each * r.output[0] * (prod(r.weight) if r.weight else r.output[1]) if r.options["affine"] else 0


def scale_and_shift(r: OpRecord) -> int:
    """Two for each value, or one where there is no weight and no bias."""
    return prod(r.input) * (2 if r.options["affine"] else 1)


def normalization_with_statistics(r: OpRecord) -> int:
    """Mean and variance too: five for each value, or four where there is no weight and no bias."""
    return prod(r.input) * (5 if r.options["affine"] else 4)


def batch_norm_by_mode(r: OpRecord) -> int:
    """``normalization_with_statistics`` in training mode, ``scale_and_shift`` in evaluation mode."""
    return normalization_with_statistics(r) if r.options.get("training") else scale_and_shift(r)


def one_if_affine(r: OpRecord) -> int:
    """One for each value where there is a weight."""
    return prod(r.output) if r.options["affine"] else 0


def one_per_value_of_an_image(r: OpRecord) -> int:
    """One for each value of the output, of the first image only."""
    return prod(r.output[1:])


def attention_values(r: OpRecord) -> int:
    """One for each value of the attention's softmax: N x heads x L x A."""
    (length, batch, _), (keys, _, _) = r.inputs[:2]
    heads = r.options["heads"]
    assert isinstance(heads, int)
    return batch * heads * length * (keys + _appended(r))


def attention_projections(r: OpRecord) -> int:
    """The four projections of ``attention_products``."""
    (length, batch, embed), (keys, _, _) = r.inputs[:2]
    return attention_products(r) - 2 * batch * length * (keys + _appended(r)) * embed


def attention_with_biases(r: OpRecord) -> int:
    """``attention_products``, and the bias of each projection."""
    (length, batch, embed), (keys, _, _) = r.inputs[:2]
    return attention_products(r) + (2 * batch * embed * (length + keys) if r.options["bias"] else 0)


def attention_as_addmm(r: OpRecord) -> int:
    """``attention_with_biases`` where torch adds a bias in the product: not after a projection of scattered inputs."""
    (length, batch, embed), (keys, _, _) = r.inputs[:2]
    contiguous = r.options.get("contiguous", (True, True))
    assert isinstance(contiguous, tuple)
    query, key = contiguous
    outside = batch * embed * (length * (not query) + 2 * keys * (not key))
    return attention_with_biases(r) - (outside if r.options["bias"] else 0)


def attention_as_traced(r: OpRecord) -> int:
    """``attention_products``, the scaling of the query, and ``attention_sizes``, which tracing counts as work."""
    return attention_products(r) + prod(r.input) + attention_sizes(r)


def attention_sizes(r: OpRecord) -> int:
    """Number of products of sizes: four, one for each weight and bias that is split for keys and values alone.

    One more where keys are hidden, and one where zeros are appended.
    """
    split = 1 + bool(r.options["bias"]) if r.options.get("split") else 0
    return 4 + split + bool(r.options.get("hidden")) + bool(r.options.get("zeros"))


def attention_as_traced_fused(r: OpRecord) -> int:
    """``attention_as_traced`` without the scaling, which is inside the fused function."""
    return attention_products(r) + attention_sizes(r)


def attention_of_ptflops(r: OpRecord) -> int:
    """Projections with biases, the scaling of the query, both products, and one for each value of the softmax.

    Keys and values are taken to be as wide as the query, and the output is taken to have a bias always.
    """
    (length, batch, embed), (keys, _, key_size), (values, _, value_size) = r.inputs
    heads = r.options["heads"]
    assert isinstance(heads, int)
    inner = heads * length * keys * (embed // heads + 1 + value_size // heads)
    projections = length * embed * embed + keys * key_size * key_size + values * value_size * value_size
    bias = (length + keys + values) * embed if r.options["bias"] else 0
    return batch * (length * embed + projections + bias + inner + length * value_size * (value_size + 1))


def attention_products_inside(r: OpRecord) -> int:
    """Query x key and attention x value, each as large as the other."""
    return attention_products(r) - attention_projections(r)


def attention_inside(r: OpRecord) -> int:
    """``attention_products_inside``, and one for each value of the softmax between them."""
    return attention_products_inside(r) + attention_values(r)


def attention_mask(r: OpRecord) -> int:
    """One for each value of the mask."""
    values = r.options["mask"]
    assert isinstance(values, int)
    return values


def upsample_by_scale(r: OpRecord) -> int:
    """One for each value of the output; where ``scale`` is given, the values of the input x the scale of each axis."""
    scale = r.options.get("scale")
    if isinstance(scale, int | float):
        return int(prod(r.input) * scale ** (len(r.input) - 2))
    return int(prod(r.input) * prod(scale)) if isinstance(scale, tuple) else prod(r.output)


def upsample_by_whole_scale(r: OpRecord) -> int:
    """``upsample_by_scale``; of a scale for each axis only the whole number, as ptflops multiplies them."""
    scale = r.options.get("scale")
    return upsample_by_scale(r) if not isinstance(scale, tuple) else prod(r.input) * prod(map(int, scale))


def upsample_by_size(r: OpRecord) -> int:
    """``upsample_by_scale``; where ``size`` is given, one for each of its places, channels not counted."""
    return _places_by_size(r) if r.options.get("sized") else upsample_by_scale(r)


def _places_by_size(r: OpRecord) -> int:
    """The product of a size; one that is given as a number is taken for that of all places."""
    side = r.options.get("side")
    return side if isinstance(side, int) else prod(r.output[2:])


def upsample_by_input(r: OpRecord) -> int:
    """As ``upsample_by_size``, but where a scale is given, one for each value of the input."""
    return _places_by_size(r) if r.options.get("sized") else prod(r.input)


def transposed_of_calflops(r: OpRecord) -> int:
    """Products over the input, divided by the groups twice, and the bias of an ordinary convolution's output.

    Unit: FLOPs.
    """
    groups = r.options["groups"]
    assert isinstance(groups, int)
    channels = r.weight[1]
    products = r.input[0] * prod(r.weight[2:]) * r.input[1] * (channels // groups) * prod(r.input[2:])
    return 2 * products + (r.input[0] * channels * _ordinary_places(r) if r.options["bias"] else 0)


def _ordinary_places(r: OpRecord) -> int:
    """Number of places in the output that an ordinary convolution with these options would have."""
    if "stride" not in r.options:
        return prod(r.output[2:])
    axes = zip(r.input[2:], r.weight[2:], *(_pair(r, name) for name in ("stride", "padding", "dilation")), strict=False)
    return prod((i + 2 * p - (d * (k - 1) + 1)) // s + 1 for i, k, s, p, d in axes)


# Every multiplication and every addition; the unit is FLOPs


def exact_convolution(r: OpRecord) -> int:
    """Each output value is a sum of n products: n multiplications, n - 1 additions, one more with a bias."""
    return 2 * convolution(r) - (0 if r.options["bias"] else prod(r.output))


def exact_linear(r: OpRecord) -> int:
    """As ``exact_convolution``, of a fully connected layer."""
    return 2 * linear(r) - (0 if r.options["bias"] else prod(r.output))


def exact_transposed(r: OpRecord) -> int:
    """Each product is added to one output value; the first one needs no addition, unless there is a bias."""
    return 2 * transposed_convolution(r) - (0 if r.options["bias"] else prod(r.output))


def exact_product(r: OpRecord) -> int:
    """A product of matrices: n multiplications and n - 1 additions for each output value."""
    return 2 * matrix_product(r) - prod(r.output)


def exact_attention(r: OpRecord) -> int:
    """Projections, scaling of the query, query x key and attention x value, each sum of n products as 2 n - 1."""
    (length, batch, embed), (keys, _, _) = r.inputs[:2]
    projected = 2 * embed * (length + keys)  # values out of the four projections
    sums = batch * ((0 if r.options["bias"] else projected) + length * embed) + attention_values(r)
    return 2 * attention_products(r) - sums + batch * length * embed


def exact_average(r: OpRecord) -> int:
    """Each window of n values is n - 1 additions and one multiplication; n for each window."""
    return adaptive_windows(r) - prod(r.output)


def exact_average_pool(r: OpRecord) -> int:
    """As ``exact_average``, for windows of a given size."""
    return average_windows(r) - prod(r.output)


def exact_interpolation(r: OpRecord) -> int:
    """Nearest copies, 0; bilinear is three linear steps, each two multiplications and an addition."""
    return {"bilinear": 9, "linear": 3}.get(str(r.options["mode"]), 0) * prod(r.output)

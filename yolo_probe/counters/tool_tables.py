"""What the tools other than thop charge, and the exact count: one table of rules by operator for each.

Source: fvcore 0.1.5, ptflops 0.7.5, torchprofile 0.1.0, torchinfo 1.8.0, calflops 0.3.2, deepspeed 0.19.8, measured on
single operators and on whole networks.
"""

from __future__ import annotations

from math import prod

from yolo_probe.counters import recurrent, rules
from yolo_probe.counters.rules import (
    ADAPTIVE_POOLS,
    ATTENTION,
    AVERAGE_POOLS,
    CONVOLUTIONS,
    MAX_POOLS,
    TRANSPOSED_CONVOLUTIONS,
)
from yolo_probe.model.operators import OWN_PARAMETERS, TIMM_ATTENTION, OpRecord, Rule

NORMS = ("layer_norm", "group_norm", "instance_norm")
POOLS = (*MAX_POOLS, *AVERAGE_POOLS, *ADAPTIVE_POOLS)


def twice(rule: Rule) -> Rule:
    """A rule that gives FLOPs, from one that gives MACs."""
    return lambda r: 2 * rule(r)


def where_called(rule: Rule, *names: str) -> Rule:
    """A rule that counts calls of a function by one of these names; others, such as ``@`` and ``+``, are 0."""
    return lambda r: rule(r) if r.options.get("call") in names else 0


def products_and_values(r: OpRecord) -> int:
    """The number of products that the record has, and of the values of its first input, where that is added."""
    return rules.known_products(r) + (rules.one_per_value(r) if r.options.get("adds", True) else 0)


def by_mode(**costs: int) -> Rule:
    """A rule: as many for each output value as its mode says; none with antialias, which torch traces as another."""
    return lambda r: 0 if r.options.get("antialias") else costs.get(str(r.options["mode"]), 0) * rules.one_per_output(r)


def by_path(usual: Rule, *, masked: Rule | None = None, fused: Rule) -> Rule:
    """A rule for attention by what it runs inside.

    ``usual``: two products of matrices, with a softmax between them. ``masked``: the first adds the mask too, as
    ``baddbmm``. ``fused``: one kernel, ``F.scaled_dot_product_attention`` where no weights are asked for.
    """
    of = {"usual": usual, "masked": masked or usual, "fused": fused}
    return lambda r: of[str(r.options.get("path", "usual"))](r)


def _bias(r: OpRecord) -> int:
    return rules.one_per_output(r) if r.options["bias"] else 0


def _bias_after_two_axes(r: OpRecord) -> int:
    """One for each value of the output, of which the first axis is the input's and the places are after the second."""
    places = r.output[len(r.output) - len(r.input) + 2 :]
    return r.input[0] * r.output[1 - len(r.weight)] * prod(places) if r.options["bias"] else 0


def without_named_padding(rule: Rule) -> Rule:
    """A rule that does not see convolutions whose padding is a word, "same": torch traces them as another operator."""
    return lambda r: 0 if isinstance(r.options.get("padding"), str) else rule(r)


def with_area(rule: Rule, axes: tuple[int, ...] = (1, 2, 3)) -> Rule:
    """A rule that also charges the adaptive pool, over so many axes, by which torch interpolates in the mode area."""
    return lambda r: rule(r) + (r.options["mode"] == "area" and len(r.output) - 2 in axes) * rules.one_per_value(r)


def of_old_name(rule: Rule) -> Rule:
    """A rule that counts ``F.upsample`` twice: it calls ``F.interpolate``, and the tool has replaced both names."""
    return lambda r: rule(r) * (2 if r.options.get("old_name") else 1)


def of_leaf(rule: Rule) -> Rule:
    """A rule for modules that hold no others."""
    return lambda r: rule(r) if r.options.get("leaf", True) else 0


def by_name(rule: Rule) -> Rule:
    """A rule for each image, which torchinfo counts for each place too in a class that has Conv in its name."""
    return lambda r: rule(r) * rules.places_by_name(r)


def einsum_of_fvcore(r: OpRecord) -> int:
    """Half of ``einsum_as_printed``; the products themselves in two equations that fvcore knows."""
    from string import ascii_letters

    equation = str(r.options["equation"]).replace(" ", "")
    letters = "".join(dict.fromkeys(filter(str.isalpha, equation)))
    renamed = equation.translate(str.maketrans(letters, ascii_letters[: len(letters)]))
    return rules.einsum_products(r) if renamed in _PLAIN_EINSUMS else rules.einsum_as_printed(r) // 2


_PLAIN_EINSUMS = ("abc,abd->acd", "abc,adc->adb")

FVCORE: dict[str, Rule] = {
    **recurrent.FVCORE,
    **dict.fromkeys(CONVOLUTIONS, without_named_padding(rules.convolution)),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, rules.transposed_convolution),
    "linear": rules.linear,
    "batch_norm": rules.batch_norm_by_mode,
    **dict.fromkeys(NORMS, rules.normalization_with_statistics),
    "upsample": with_area(lambda r: by_mode(nearest=1, bilinear=4)(r) if len(r.output) == 4 else 0, axes=(2,)),
    "adaptive_avg_pool2d": rules.one_per_value,
    "multi_head_attention": by_path(
        rules.attention_products,
        masked=lambda r: rules.attention_products(r) - rules.attention_products_inside(r) // 2,
        fused=rules.attention_projections,
    ),
    "scaled_dot_product_attention": lambda r: 0,
    "matmul": rules.product_by_first_of_matrices,
    **dict.fromkeys(("einsum", "einsum of several"), einsum_of_fvcore),
    "linalg.matmul": rules.product_by_first_of_matrices,
    **dict.fromkeys(("mm", "addmm", "matmul from the right"), rules.known_products),
    "grid_sample": by_mode(bilinear=4, nearest=4, bicubic=4),
}

TORCHPROFILE: dict[str, Rule] = {
    **recurrent.TORCHPROFILE,
    **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED_CONVOLUTIONS), without_named_padding(rules.convolution_over_output)),
    "linear": rules.linear,
    **dict.fromkeys(("batch_norm", *NORMS), rules.one_if_affine),
    "leaky_relu": lambda r: 0 if r.options.get("inplace") else rules.one_per_output(r),
    "upsample": lambda r: by_mode(bilinear=4, area=1)(r) + (len(r.output) - 2 if r.options.get("recomputed") else 0),
    **dict.fromkeys((*AVERAGE_POOLS, *ADAPTIVE_POOLS, "mean", "mul"), rules.one_per_output),
    "div": where_called(rules.one_per_output, "1 / x"),  # traced as the product of a reciprocal
    "multi_head_attention": by_path(rules.attention_as_traced, fused=rules.attention_as_traced_fused),
    "scaled_dot_product_attention": lambda r: (
        rules.scaled_dot_product(r) * (r.input[0] if len(r.input) == 2 else 1)  # the first axis is taken for a batch
    ),
    "matmul": rules.matrix_product,
    **dict.fromkeys(("einsum", "einsum of several"), rules.einsum_by_letters),
    "grid_sample": by_mode(bilinear=4, nearest=0, bicubic=16),
    **dict.fromkeys(("addmm", "baddbmm", "linalg.matmul", "matmul from the right"), rules.known_products),
    # na * nx * ny: tracing counts the two products of sizes in Detect's view() as work, once for each level
    "cat": lambda r: 2 * len(r.inputs) if r.kind in ("Detect", "Segment") and len(r.output) == 3 else 0,
}

PTFLOPS: dict[str, Rule] = {
    **recurrent.PTFLOPS,
    **dict.fromkeys(CONVOLUTIONS, rules.convolution_after_two_axes),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, rules.transposed_after_two_axes),
    "linear": rules.linear_with_bias,
    **dict.fromkeys(("group_norm", "instance_norm"), rules.scale_and_shift),
    "batch_norm": rules.but_not_for(rules.scale_and_shift, "nn.SyncBatchNorm"),
    "layer_norm": rules.one_per_value,
    **dict.fromkeys(("relu", "prelu", "elu", "leaky_relu", "relu6", "gelu"), rules.one_per_value),
    **dict.fromkeys(POOLS, rules.one_per_value),
    "upsample": rules.but_not_for(rules.one_per_value_of_an_image, "nn.UpsamplingNearest2d", "nn.UpsamplingBilinear2d"),
    **dict.fromkeys(ATTENTION, rules.attention_of_ptflops),
    TIMM_ATTENTION: rules.timm_attention_of_ptflops,
}
"""What ptflops charges for modules, by a hook on each."""

PTFLOPS_CALLS: dict[str, Rule] = {
    **dict.fromkeys(("relu", "prelu", "elu", "gelu", "silu", "softmax", "softmax2d"), rules.one_per_value),
    **dict.fromkeys(POOLS, rules.one_per_value),
    "upsample": rules.upsample_by_whole_scale,
    "multi_head_attention": by_path(
        rules.attention_inside,
        masked=lambda r: rules.attention_inside(r) + rules.attention_mask(r),
        fused=lambda r: 0,
    ),
}
"""What ptflops charges for functions that it has patched, where a module calls them."""

PTFLOPS_FUNCTIONS: dict[str, Rule] = {
    "deformable_conv2d": rules.deformable_after_two_axes,
    **dict.fromkeys(("relu", "prelu", "elu", "gelu", "silu", "relu6"), rules.one_per_value),
    **dict.fromkeys(POOLS, rules.one_per_value),
    "softmax": where_called(rules.one_per_value, "softmax"),
    "upsample": with_area(of_old_name(rules.upsample_by_whole_scale)),
    "matmul": where_called(rules.product_by_first, "matmul", "bmm"),
    "mm": rules.known_products,
    "addmm": products_and_values,
    "baddbmm": where_called(products_and_values, "baddbmm"),
    "mul": where_called(rules.one_per_value_from_the_left, "mul"),
    "add": where_called(rules.one_per_value_from_the_left, "add"),
}

PTFLOPS_ATEN: dict[str, Rule] = {
    **recurrent.PTFLOPS_ATEN,
    **dict.fromkeys(CONVOLUTIONS, rules.with_bias),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, rules.transposed_with_bias),
    "linear": rules.linear_as_addmm,
    "multi_head_attention": by_path(
        rules.attention_as_addmm,
        masked=lambda r: rules.attention_as_addmm(r) - rules.attention_products_inside(r) // 2,
        fused=lambda r: rules.attention_as_addmm(r) - rules.attention_products_inside(r),
    ),
    "scaled_dot_product_attention": by_path(rules.scaled_dot_product, fused=lambda r: 0),
    "matmul": rules.matrix_product_as_matrices,
    "einsum": rules.einsum_matrix_products,
    **dict.fromkeys(("tensordot", "inner"), rules.products_of_matrices),
    **dict.fromkeys(
        ("mm", "multi_dot", "einsum of several", "linalg.matmul", "matmul from the right"),
        rules.known_products,
    ),
    "addmm": lambda r: rules.known_products(r) + rules.one_per_output(r),
}

_TORCHINFO: dict[str, Rule] = {
    **recurrent.TORCHINFO,
    **dict.fromkeys((*CONVOLUTIONS, *TRANSPOSED_CONVOLUTIONS), rules.convolution_by_weights),
    **dict.fromkeys(("linear", "bilinear"), by_name(rules.linear_by_weights)),
    "prelu": by_name(lambda r: r.output[0] * r.weight[0]),
    **dict.fromkeys(("batch_norm", *NORMS), by_name(rules.norm_by_weights)),
    **dict.fromkeys(("rms_norm", "embedding", "embedding_bag"), by_name(lambda r: r.output[0] * prod(r.weight))),
    "multi_head_attention": lambda r: 0,
    OWN_PARAMETERS: rules.own_parameters,
}
TORCHINFO: dict[str, Rule] = {operator: of_leaf(rule) for operator, rule in _TORCHINFO.items()}
TORCHINFO_FUNCTIONS: dict[str, Rule] = {"deformable_conv2d": rules.convolution_by_weights}

DEEPSPEED: dict[str, Rule] = {
    **recurrent.DEEPSPEED,
    **dict.fromkeys(CONVOLUTIONS, lambda r: 2 * rules.convolution(r) + _bias(r)),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, lambda r: 2 * rules.transposed_convolution(r) + _bias_after_two_axes(r)),
    "linear": twice(rules.linear),
    "batch_norm": rules.batch_norm_by_mode,
    **dict.fromkeys(NORMS, rules.normalization_with_statistics),
    **dict.fromkeys(("relu", "prelu", "elu", "leaky_relu", "gelu", "silu"), rules.one_per_value),
    **dict.fromkeys(POOLS, rules.one_per_value),
    **dict.fromkeys(("softmax", "softmax2d"), rules.one_per_value),
    "upsample": with_area(rules.upsample_by_size),
    "multi_head_attention": by_path(
        lambda r: 2 * rules.attention_products(r) + rules.attention_values(r),
        masked=lambda r: 2 * rules.attention_products(r) + rules.attention_values(r) + rules.attention_mask(r),
        fused=twice(rules.attention_products),
    ),
}

DEEPSPEED_FUNCTIONS = DEEPSPEED | {
    "relu6": rules.one_per_value,
    "upsample": with_area(of_old_name(rules.upsample_by_size)),
    "softmax": where_called(rules.one_per_value, "softmax"),
    "matmul": twice(rules.product_by_first),
    **dict.fromkeys(("einsum", "einsum of several"), rules.einsum_as_printed),
    "scaled_dot_product_attention": twice(rules.scaled_dot_product),
    "mm": twice(rules.known_products),
    "addmm": lambda r: 2 * rules.known_products(r) + rules.one_per_value(r),
    "baddbmm": where_called(lambda r: 2 * rules.known_products(r) + rules.one_per_value(r), "baddbmm"),
    "mul": where_called(rules.one_per_output, "mul"),
    "add": where_called(rules.one_per_output, "add"),
}

CALFLOPS = DEEPSPEED | {
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, rules.transposed_of_calflops),
    "upsample": with_area(rules.upsample_by_input),
    "multi_head_attention": by_path(
        lambda r: 2 * rules.attention_projections(r) + rules.attention_values(r),
        masked=lambda r: (
            2 * rules.attention_projections(r)
            + rules.attention_products_inside(r)
            + rules.attention_values(r)
            + rules.attention_mask(r)
        ),
        fused=twice(rules.attention_projections),
    ),
}

CALFLOPS_FUNCTIONS = {
    **{name: rule for name, rule in DEEPSPEED_FUNCTIONS.items() if name not in ("mm", "scaled_dot_product_attention")},
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, rules.transposed_of_calflops),
    "upsample": with_area(of_old_name(rules.upsample_by_input)),
    "multi_head_attention": CALFLOPS["multi_head_attention"],
    "matmul": where_called(twice(rules.product_by_first), "matmul", "linear"),
    "mul": where_called(rules.one_per_value_from_the_left, "mul"),
    "add": where_called(rules.one_per_value_from_the_left, "add"),
}

TEXTBOOK: dict[str, Rule] = {
    **dict.fromkeys(CONVOLUTIONS, rules.exact_convolution),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, rules.exact_transposed),
    "linear": rules.exact_linear,
    "batch_norm": rules.two_per_value,
    "adaptive_avg_pool2d": rules.exact_average,
    "avg_pool2d": rules.exact_average_pool,
    "upsample": rules.exact_interpolation,
    "multi_head_attention": rules.exact_attention,
    "matmul": rules.exact_product,
    **dict.fromkeys(("add", "sub", "mul", "div", "pow"), rules.one_per_output),
}
"""In FLOPs: every multiplication and addition is one. What is no sum of products (SiLU, softmax) is not counted."""

"""What each generation of thop charges, and torch's own counter: one table of rules by operator for each."""

from __future__ import annotations

from typing import cast

from yolo_probe.counters import recurrent
from yolo_probe.counters.rules import (
    ADAPTIVE_POOLS,
    ATTENTION,
    AVERAGE_POOLS,
    CONVOLUTIONS,
    TRANSPOSED_CONVOLUTIONS,
    adaptive_floor,
    adaptive_ratio,
    adaptive_windows,
    adaptive_windows_after_two_axes,
    attention_products,
    attention_with_softmax,
    average_kernel,
    average_windows,
    bilinear,
    but_not_for,
    convolution,
    convolution_by_second_axis,
    einsum_matrix_products,
    einsum_products,
    four_per_value,
    interpolation,
    known_products,
    linear,
    linear_products_and_sums,
    log_softmax,
    matrix_product,
    matrix_product_as_matrices,
    normalization,
    one_per_output,
    one_per_value,
    products_of_matrices,
    scaled_dot_product,
    softmax,
    softmin,
    transposed_by_second_axis,
    transposed_convolution,
    transposed_over_output,
    transposed_over_output_with_bias,
    two_per_value,
    with_bias,
)
from yolo_probe.model.operators import Rule

# The releases of 2019 add up in FP32 and lose the last digits; these rules give the exact sums.
THOP_2019: dict[str, Rule] = {
    **dict.fromkeys(CONVOLUTIONS, with_bias),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, transposed_over_output_with_bias),
    "batch_norm": but_not_for(four_per_value, "nn.SyncBatchNorm"),
    "leaky_relu": one_per_value,
    **dict.fromkeys(AVERAGE_POOLS, average_kernel),
    **dict.fromkeys(ADAPTIVE_POOLS, adaptive_floor),
    "linear": linear_products_and_sums,
    "upsample": interpolation(nearest=0, trilinear=0, bilinear=13),
}

THOP_0_0_31 = THOP_2019 | {
    "batch_norm": two_per_value,
    **dict.fromkeys(AVERAGE_POOLS, one_per_output),
    **recurrent.THOP,
    "linear": linear,
    "upsample": interpolation(nearest=0, trilinear=0),
}

THOP_0_1: dict[str, Rule] = {
    **dict.fromkeys(CONVOLUTIONS, convolution_by_second_axis),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, transposed_over_output),
    "batch_norm": normalization,
    "layer_norm": normalization,
    "instance_norm": normalization,
    **recurrent.THOP,
    "prelu": one_per_value,
    "softmax": softmax,
    **dict.fromkeys(AVERAGE_POOLS, one_per_output),
    **dict.fromkeys(ADAPTIVE_POOLS, adaptive_ratio),
    "linear": linear,
    "upsample": interpolation(nearest=1, trilinear=0),
}

ULTRALYTICS_THOP_2_0_16 = THOP_0_1 | {
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, transposed_by_second_axis),
    "upsample": interpolation(nearest=1, trilinear=31),
}

ULTRALYTICS_THOP_2_1_2 = ULTRALYTICS_THOP_2_0_16 | {
    **dict.fromkeys(ADAPTIVE_POOLS, adaptive_windows_after_two_axes),
    "group_norm": normalization,
    "rms_norm": normalization,
    "upsample": interpolation(nearest=0, trilinear=31),
}

ULTRALYTICS_THOP_2_1_3 = ULTRALYTICS_THOP_2_1_2 | {
    **recurrent.THOP_BY_STEPS,
    **dict.fromkeys(CONVOLUTIONS, convolution),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, transposed_convolution),
    **dict.fromkeys(ATTENTION, attention_with_softmax),
    **dict.fromkeys(ADAPTIVE_POOLS, adaptive_windows),
    **dict.fromkeys(AVERAGE_POOLS, average_windows),
    "log_softmax": log_softmax,
    "softmin": softmin,
    "softmax2d": softmax,
    "bilinear": bilinear,
}


TORCH: dict[str, Rule] = {
    **recurrent.TORCH,
    **dict.fromkeys(CONVOLUTIONS, lambda r: 2 * convolution(r)),
    **dict.fromkeys(TRANSPOSED_CONVOLUTIONS, lambda r: 2 * transposed_convolution(r)),
    "linear": lambda r: 2 * linear(r),
    "multi_head_attention": lambda r: 2 * attention_products(r),
}


ULTRALYTICS_THOP_2_2_FUNCTIONS: dict[str, Rule] = {
    "linear": linear,
    "matmul": matrix_product,
    "einsum": einsum_products,
    "scaled_dot_product_attention": scaled_dot_product,
    "multi_head_attention": attention_with_softmax,
}

TORCH_FUNCTIONS: dict[str, Rule] = TORCH | {
    "matmul": lambda r: 2 * matrix_product_as_matrices(r),
    "einsum": lambda r: 2 * einsum_matrix_products(r),
    "scaled_dot_product_attention": lambda r: 2 * scaled_dot_product(r),
    **dict.fromkeys(
        (
            "mm",
            "addmm",
            "baddbmm",
            "multi_dot",
            "linalg.matmul",
            "matmul from the right",
            "einsum of several",
        ),
        lambda r: 2 * known_products(r),
    ),
    **dict.fromkeys(("tensordot", "inner"), lambda r: 2 * products_of_matrices(r)),
    "scripted": lambda r: cast(int, r.options["flops"]),
}

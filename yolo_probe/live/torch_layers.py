"""The record of a module of torch from the shapes of its inputs and output, for modules without a shape rule.

These are modules that no model YAML of YOLOv5 has, and any whose forward is not torch's own: a subclass, one with
hooks, pruned weights, a parametrization.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from yolo_probe.model.forward import ELEMENTWISE
from yolo_probe.model.operators import OpRecord, pair
from yolo_probe.model.structure import Shape

LAYERS: Mapping[str, str] = {
    "Conv1d": "conv1d",
    "Conv3d": "conv3d",
    "ConvTranspose1d": "conv_transpose1d",
    "ConvTranspose3d": "conv_transpose3d",
    "BatchNorm1d": "batch_norm",
    "BatchNorm3d": "batch_norm",
    "InstanceNorm1d": "instance_norm",
    "InstanceNorm3d": "instance_norm",
    "RMSNorm": "rms_norm",
    "LogSoftmax": "log_softmax",
    "Softmin": "softmin",
    "Softmax2d": "softmax2d",
    "Bilinear": "bilinear",
}
"""Operator of each module without a shape rule, by the name of its class."""

UNKNOWN = frozenset(
    {"RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell", "AvgPool1d", "AvgPool3d"}
    | {"AdaptiveAvgPool1d", "AdaptiveAvgPool3d"}
)
"""Modules that counters charge for and whose rules are not known here: a total without them would be wrong."""

OPERATORS: Mapping[str, str] = {
    **LAYERS,
    **{name.removeprefix("nn."): operator for name, operator in ELEMENTWISE.items()},
    "Conv2d": "conv2d",
    "ConvTranspose2d": "conv_transpose2d",
    "BatchNorm2d": "batch_norm",
    "SyncBatchNorm": "batch_norm",
    "LayerNorm": "layer_norm",
    "GroupNorm": "group_norm",
    "InstanceNorm2d": "instance_norm",
    "Linear": "linear",
    "MaxPool2d": "max_pool2d",
    "AvgPool2d": "avg_pool2d",
    "AdaptiveAvgPool2d": "adaptive_avg_pool2d",
    "AdaptiveMaxPool2d": "adaptive_max_pool2d",
    "Upsample": "upsample",
    "UpsamplingNearest2d": "upsample",
    "UpsamplingBilinear2d": "upsample",
    "ZeroPad2d": "pad2d",
    "ReflectionPad2d": "pad2d",
    "ReplicationPad2d": "pad2d",
    "ConstantPad2d": "pad2d",
    "Flatten": "flatten",
    "PixelShuffle": "pixel_shuffle",
    "PixelUnshuffle": "pixel_unshuffle",
    "Softmax": "softmax",
    "PReLU": "prelu",
    "MultiheadAttention": "multi_head_attention",
}
"""Operator of every module of torch that some counter may charge, by the name of its class."""

_NORMS = ("layer_norm", "group_norm", "instance_norm", "rms_norm")


def layer_record(
    operator: str, path: str, kind: str, module: nn.Module, inputs: tuple[Shape, ...], output: Shape, slots: int
) -> OpRecord:
    """The record of one such module, with its first output."""
    weight = getattr(module, "weight", None)
    shape = () if weight is None else tuple(weight.shape)
    return OpRecord(operator, path, kind, inputs, output, shape, _options(operator, module, inputs), slots)


def _options(operator: str, module: nn.Module, inputs: tuple[Shape, ...]) -> dict[str, Any]:
    """Options of the operator that counters use besides its shapes."""
    options: dict[str, Any] = {"bias": getattr(module, "bias", None) is not None}
    if operator.startswith("conv"):
        options["groups"] = module.groups
        if operator == "conv_transpose2d":
            options |= {name: pair(getattr(module, name)) for name in ("stride", "padding", "dilation")}
    elif operator == "linear":
        options["contiguous"] = True
    elif operator == "batch_norm":
        options |= {"affine": bool(module.affine), "training": module.training}
    elif operator in _NORMS:
        options["affine"] = bool(getattr(module, "affine", getattr(module, "elementwise_affine", False)))
    elif operator == "avg_pool2d":
        kernel = module.kernel_size
        options |= {
            "kernel": pair(kernel),
            "stride": pair(module.stride),
            "padding": pair(module.padding),
            "inside": not module.count_include_pad,
            "number": isinstance(kernel, int),
        }
    elif operator == "upsample":
        options |= {"mode": module.mode, "sized": module.size is not None}
    elif "softm" in operator:
        dim = -3 if operator == "softmax2d" else module.dim
        options["dim"] = dim if dim is not None else 0 if len(inputs[0]) in (0, 1, 3) else 1
    return options

"""The record of a module of torch from the shapes of its inputs and output, for modules without a shape rule.

These are modules that no model YAML of YOLOv5 has, and any whose forward is not torch's own: a subclass, one with
hooks, pruned weights, a parametrization.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from yolo_probe.live.description import tensors_in
from yolo_probe.live.function_records import interpolation
from yolo_probe.model.operators import PROJECTED_LSTM, OpRecord, each_axis
from yolo_probe.model.structure import Shape
from yolo_probe.model.torch_blocks import ELEMENTWISE

RECURRENT = ("RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell")

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
    **{name: name.lower().replace("cell", "_cell") for name in RECURRENT},
    "MaxPool1d": "max_pool1d",
    "MaxPool3d": "max_pool3d",
    "AdaptiveMaxPool1d": "adaptive_max_pool1d",
    "AdaptiveMaxPool3d": "adaptive_max_pool3d",
    "AvgPool1d": "avg_pool1d",
    "AvgPool3d": "avg_pool3d",
    "AdaptiveAvgPool1d": "adaptive_avg_pool1d",
    "AdaptiveAvgPool3d": "adaptive_avg_pool3d",
    "Embedding": "embedding",
    "EmbeddingBag": "embedding_bag",
}
"""Operator of each module without a shape rule, by the name of its class."""


def operator_of(module: nn.Module, layer: str) -> str:
    """The operator of a module of torch; ``layer``: the name of its class."""
    return PROJECTED_LSTM if layer == "LSTM" and module.proj_size else OPERATORS[layer]


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
    if getattr(module, "inplace", False):
        options["inplace"] = True
    if any(True for _ in module.children()):
        options["leaf"] = False
    if operator.startswith("conv"):
        if "weight" not in module._parameters:  # weight_norm and its like compute it from others
            named = {name: each for name, each in module._parameters.items() if each is not None and "weight" in name}
            options["weights"] = sum(each.numel() for each in named.values())
        options["groups"] = module.groups
        if isinstance(module.padding, str) and module.padding_mode == "zeros":
            options["padding"] = module.padding
        if operator.startswith("conv_transpose"):
            options |= {name: tuple(getattr(module, name)) for name in ("stride", "padding", "dilation")}
    elif operator == "linear":
        options["contiguous"] = True
    elif operator == "batch_norm":
        options |= {"affine": bool(module.affine), "training": module.training or module.running_mean is None}
    elif operator in _NORMS:
        options["affine"] = bool(getattr(module, "affine", getattr(module, "elementwise_affine", False)))
        if options["affine"] and not options["bias"]:
            options["shift"] = False
    elif operator.startswith("avg_pool"):
        axes = int(operator[-2])  # avg_pool3d
        options |= {name: each_axis(getattr(module, f"{name}{end}"), axes) for name, end in _WINDOW}
        options |= {"inside": not module.count_include_pad, "number": isinstance(module.kernel_size, int)}
    elif operator in _RECURRENT:
        options |= _recurrent(module)
    elif operator == "upsample":
        options |= interpolation(
            module.size, module.scale_factor, module.mode, getattr(module, "recompute_scale_factor", None)
        )
    elif "softm" in operator:
        dim = -3 if operator == "softmax2d" else module.dim
        options["dim"] = dim if dim is not None else 0 if len(inputs[0]) in (0, 1, 3) else 1
    return options


_RECURRENT = frozenset((*(LAYERS[name] for name in RECURRENT), PROJECTED_LSTM))
_WINDOW = (("kernel", "_size"), ("stride", ""), ("padding", ""))


def with_scattered_input(record: OpRecord, module: nn.Module, given: tuple[Any, ...]) -> OpRecord:
    """The record of a recurrent module with the number of its cells for which torch adds no bias in the product.

    These are of the first layer, where its input, turned to have its steps first, is scattered.
    """
    x = next(tensors_in(given))
    if record.operator.endswith("_cell") or x.dim() != 3:
        return record
    if (x.transpose(0, 1) if module.batch_first else x).is_contiguous():
        return record
    return record._replace(options={**record.options, "scattered": 2 if module.bidirectional else 1})


def _recurrent(module: nn.Module) -> dict[str, Any]:
    """Inputs and hidden values of each cell of a recurrent module: of every layer, in each direction.

    ``state``: the number of values that an LSTM projects its hidden ones to, where it does.
    """
    first, hidden = module.input_size, module.hidden_size
    state = getattr(module, "proj_size", 0)
    directions = 2 if getattr(module, "bidirectional", False) else 1
    above = (directions * (state or hidden), hidden)
    cells = ((first, hidden),) * directions + (above,) * (directions * (getattr(module, "num_layers", 1) - 1))
    projected = {"state": state, "directions": directions} if state else {}
    return {"cells": cells, "bias": bool(module.bias), **projected}

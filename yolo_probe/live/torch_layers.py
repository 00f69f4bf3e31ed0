"""Torch's modules that no block describes: one record each, of the shapes that their own forward gives.

They stand in no model YAML of YOLOv5, but in the modules that people write themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from yolo_probe.model.operators import OpRecord
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
"""Operator of each, by the name of its class."""

UNKNOWN = frozenset(
    {"RNN", "GRU", "LSTM", "RNNCell", "GRUCell", "LSTMCell", "AvgPool1d", "AvgPool3d"}
    | {"AdaptiveAvgPool1d", "AdaptiveAvgPool3d"}
)
"""Modules that counters charge for and whose rules are not known here: a total without them would be wrong."""


def layer_record(
    operator: str, path: str, kind: str, module: nn.Module, inputs: tuple[Shape, ...], output: Shape, slots: int
) -> OpRecord:
    """Record of one such module."""
    weight = getattr(module, "weight", None)
    options: dict[str, Any] = {"bias": getattr(module, "bias", None) is not None}
    if operator.startswith("conv"):
        options["groups"] = module.groups
    elif operator.endswith("norm"):
        options["affine"] = bool(getattr(module, "affine", getattr(module, "elementwise_affine", False)))
    elif "softm" in operator:
        dim = -3 if operator == "softmax2d" else module.dim
        options["dim"] = dim if dim is not None else 0 if len(inputs[0]) in (0, 1, 3) else 1
    shape = () if weight is None else tuple(weight.shape)
    return OpRecord(operator, path, kind, inputs, output, shape, options, slots)

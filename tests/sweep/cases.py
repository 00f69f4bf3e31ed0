"""What the sweep measures: modules of ``torch.nn``, and functions of torch after a convolution, each with its input."""

from __future__ import annotations

from collections.abc import Callable
from operator import methodcaller
from typing import Any

import torch
from torch import nn

F = nn.functional
Shape = tuple[int, ...]

FLAT, IMAGE, VOLUME, WORDS = (1, 8, 12), (1, 8, 12, 12), (1, 8, 6, 6, 6), (1, 10, 16)


class First(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A module whose first result alone is the output; several inputs are the same tensor."""

    def __init__(self, inner: nn.Module, inputs: int = 1) -> None:
        super().__init__()
        self.inner, self.inputs = inner, inputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The first result."""
        out = self.inner(*[x] * self.inputs)
        return out[0] if isinstance(out, tuple) else out


class After(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution, then a function."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(8, 8, 1), function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The function of the convolution's output."""
        return self.function(self.conv(x))


ACTIVATIONS = (
    *("ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid"),
    *("Hardtanh", "Sigmoid", "Tanh", "Softplus", "Softsign", "Tanhshrink", "LogSigmoid", "Softshrink", "Hardshrink"),
    "PReLU", "RReLU",
)  # fmt: skip

MODULES: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    **{name: (getattr(nn, name), IMAGE) for name in ACTIVATIONS},
    "Threshold": (lambda: nn.Threshold(0.1, 0.0), IMAGE),
    "GLU": (lambda: nn.GLU(1), IMAGE),
    "Softmax": (lambda: nn.Softmax(1), IMAGE),
    "LogSoftmax": (lambda: nn.LogSoftmax(1), IMAGE),
    "Conv1d": (lambda: nn.Conv1d(8, 4, 3), FLAT),
    "Conv2d": (lambda: nn.Conv2d(8, 4, 3), IMAGE),
    "Conv3d": (lambda: nn.Conv3d(8, 4, 3), VOLUME),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(8, 4, 2, 2), FLAT),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(8, 4, 2, 2), IMAGE),
    "ConvTranspose3d": (lambda: nn.ConvTranspose3d(8, 4, 2, 2), VOLUME),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(8), FLAT),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(8), IMAGE),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(8), VOLUME),
    "GroupNorm": (lambda: nn.GroupNorm(2, 8), IMAGE),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(8), FLAT),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(8), IMAGE),
    "InstanceNorm3d": (lambda: nn.InstanceNorm3d(8), VOLUME),
    "LayerNorm": (lambda: nn.LayerNorm(16), WORDS),
    "RMSNorm": (lambda: nn.RMSNorm(16), WORDS),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(3), IMAGE),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), FLAT),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), IMAGE),
    "MaxPool3d": (lambda: nn.MaxPool3d(2), VOLUME),
    "AvgPool1d": (lambda: nn.AvgPool1d(2), FLAT),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), IMAGE),
    "AvgPool3d": (lambda: nn.AvgPool3d(2), VOLUME),
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(4), FLAT),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d(4), IMAGE),
    "AdaptiveAvgPool3d": (lambda: nn.AdaptiveAvgPool3d(2), VOLUME),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(4), IMAGE),
    "LPPool2d": (lambda: nn.LPPool2d(2, 2), IMAGE),
    "Linear": (lambda: nn.Linear(16, 4), WORDS),
    "Bilinear": (lambda: First(nn.Bilinear(16, 16, 4), 2), WORDS),
    "LSTM": (lambda: First(nn.LSTM(16, 8)), WORDS),
    "LSTM, two layers, both directions": (
        lambda: First(nn.LSTM(16, 8, 2, bidirectional=True, batch_first=True)), WORDS,
    ),
    "GRU": (lambda: First(nn.GRU(16, 8)), WORDS),
    "RNN": (lambda: First(nn.RNN(16, 8)), WORDS),
    "LSTMCell": (lambda: First(nn.LSTMCell(16, 8)), (1, 16)),
    "GRUCell": (lambda: First(nn.GRUCell(16, 8)), (1, 16)),
    "RNNCell": (lambda: First(nn.RNNCell(16, 8)), (1, 16)),
    "MultiheadAttention": (lambda: First(nn.MultiheadAttention(16, 4, batch_first=True), 3), WORDS),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), WORDS),
    "Upsample nearest 1-D": (lambda: nn.Upsample(scale_factor=2), FLAT),
    "Upsample nearest": (lambda: nn.Upsample(scale_factor=2), IMAGE),
    "Upsample bilinear": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "Upsample bicubic": (lambda: nn.Upsample(scale_factor=2, mode="bicubic"), IMAGE),
    "Upsample trilinear": (lambda: nn.Upsample(scale_factor=2, mode="trilinear"), VOLUME),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), IMAGE),
    "Dropout": (lambda: nn.Dropout(), IMAGE),
    "Flatten": (nn.Flatten, IMAGE),
    "ZeroPad2d": (lambda: nn.ZeroPad2d(1), IMAGE),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d(1), IMAGE),
}  # fmt: skip

_ELEMENTWISE: tuple[str, ...] = (
    *("relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "elu", "selu", "celu", "gelu", "silu", "mish"),
    *("hardswish", "hardsigmoid", "hardtanh", "softplus", "logsigmoid", "softsign", "tanhshrink"),
)
_METHODS: tuple[str, ...] = (
    *(
        "relu",
        "relu_",
        "sigmoid",
        "sigmoid_",
        "tanh",
        "exp",
        "log",
        "sqrt",
        "rsqrt",
        "abs",
        "neg",
        "square",
        "reciprocal",
    ),
    *("sum", "mean", "std", "var", "norm", "floor"),
)


def by_name(name: str) -> Callable[[Any], Any]:
    """A function of ``torch.nn.functional``, found when it is called: some tools replace the name."""
    return lambda x: getattr(F, name)(x)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{f"F.{name}": by_name(name) for name in _ELEMENTWISE},
    **{f"x.{name}()": methodcaller(name) for name in _METHODS},
    "torch.relu": lambda x: torch.relu(x),
    "torch.sigmoid": lambda x: torch.sigmoid(x),
    "torch.tanh": lambda x: torch.tanh(x),
    "F.threshold": lambda x: F.threshold(x, 0.1, 0.0),
    "F.normalize": by_name("normalize"),
    "F.softmax": lambda x: F.softmax(x, 1),
    "F.log_softmax": lambda x: F.log_softmax(x, 1),
    "x + x": lambda x: x + x,
    "x * 2": lambda x: x * 2,
    "x / 2": lambda x: x / 2,
    "x ** 2": lambda x: x**2,
    "torch._assert": lambda x: (torch._assert(x.dim() == 4, "axes"), x)[1],
    "F.layer_norm": lambda x: F.layer_norm(x, x.shape[1:]),
    "F.group_norm": lambda x: F.group_norm(x, 2),
    "F.instance_norm": by_name("instance_norm"),
    "F.max_pool2d": lambda x: F.max_pool2d(x, 2),
    "F.avg_pool2d": lambda x: F.avg_pool2d(x, 2),
    "F.adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, 1),
    "F.interpolate": lambda x: F.interpolate(x, scale_factor=2),
    "F.unfold": lambda x: F.unfold(x, 3),
    "F.grid_sample": lambda x: F.grid_sample(x, x.new_zeros(1, 4, 4, 2), align_corners=False),
    "F.cosine_similarity": lambda x: F.cosine_similarity(x, x),
    "x @ x": lambda x: x @ x,
    "matrix @ vector": lambda x: x @ x[0, 0, 0],
    "broadcast matmul": lambda x: x[0, 0] @ x,
    "torch.bmm": lambda x: torch.bmm(x[0], x[0]),
    "einsum of two": lambda x: torch.einsum("nchw,ncwv->nchv", x, x),
    "einsum of one": lambda x: torch.einsum("nchw->nhwc", x),
    "F.linear": lambda x: F.linear(x, x[0, 0]),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "cumsum": lambda x: x.cumsum(1),
    "cat": lambda x: torch.cat((x, x), 1),
}


def network(name: str) -> tuple[nn.Module, Shape]:
    """A new network for a case, in evaluation mode, and the shape of its input."""
    torch.manual_seed(0)
    if name in FUNCTIONS:
        return After(FUNCTIONS[name]).eval(), IMAGE
    make, shape = MODULES[name]
    made = make()
    return (made if isinstance(made, First) else nn.Sequential(made)).eval(), shape

"""What the sweep measures: every module of ``torch.nn`` and every function of ``torch.nn.functional`` that computes.

A function runs after a convolution, as some tools see nothing in a network without parameters. ``LEFT_OUT`` has the
names without a case, each with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from operator import methodcaller
from typing import Any

import torch
from torch import nn

from tests.sweep.case import Case, Shape

F = nn.functional

FLAT, IMAGE, VOLUME, WORDS = (1, 8, 12), (1, 8, 12, 12), (1, 8, 6, 6, 6), (1, 10, 16)


class Called(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A module that is called in a way of its own, and of whose results the first is the output."""

    def __init__(self, inner: nn.Module, call: Callable[[Any, Any], Any] = lambda inner, x: inner(x)) -> None:
        super().__init__()
        self.inner, self.call = inner, call

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The first result."""
        out = self.call(self.inner, x)
        return out[0] if isinstance(out, tuple) else out


class After(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution, then a function."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(8, 8, 1), function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The function of the convolution's output."""
        return self.function(self.conv(x))


class Activated(nn.BatchNorm2d):  # type: ignore[misc]  # torch is not read by mypy
    """A BatchNorm that holds its activation, as timm has it."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.act = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The activation of the norm."""
        return self.act(super().forward(x))


class Scale(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A scale for each channel, as blocks of attention have it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.register_parameter(name, nn.Parameter(torch.ones(8, 1, 1)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The scaled image."""
        return x * next(self.parameters())


class ConvOfOnes(Scale):
    """The same under a name from which torchinfo takes it for a convolution."""


class Folded(nn.Conv2d):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution that torchinfo takes for none, by its name."""


class ConvNorm(nn.BatchNorm2d):  # type: ignore[misc]  # torch is not read by mypy
    """A norm that torchinfo takes for a convolution, by its name."""


class ConvLayer(nn.Linear):  # type: ignore[misc]  # torch is not read by mypy
    """A fully connected layer that torchinfo takes for a convolution, by its name."""


def channels_last(layers: Any, x: torch.Tensor) -> Any:
    """A convolution of an image whose channels lie last, then a layer for each place."""
    image = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    return layers[1](layers[0](image).flatten(2).mT)


def in_two_places(around: Callable[[nn.Module], nn.Module]) -> nn.Module:
    """One block in two places, each with this around it."""
    block = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8))
    return nn.Sequential(around(block), around(block))


def twice(inner: nn.Module, x: torch.Tensor) -> Any:
    """A call with two inputs that are the same tensor."""
    return inner(x, x)


def one_image(inner: nn.Module, x: torch.Tensor) -> Any:
    """A call without a batch."""
    return inner(x[0])


def several(x: torch.Tensor) -> torch.Tensor:
    """The one of a batch three times."""
    return x.expand(3, *x.shape[1:])


def by_its_forward(inner: Any, x: torch.Tensor) -> Any:
    """A call that no hook sees."""
    return inner.forward(x)


def attend(
    mask: bool = False, hidden: bool = False, apart: bool = False, **how: Any
) -> Callable[[nn.Module, torch.Tensor], Any]:
    """A call of attention to itself, or to a copy that is keys and values; ``hidden``: some keys are."""

    def call(inner: nn.Module, x: torch.Tensor) -> Any:
        other = x.clone() if apart else x
        hide = {"attn_mask": torch.zeros(x.shape[1], x.shape[1], device=x.device)} if mask else {}
        if hidden:
            hide["key_padding_mask"] = torch.zeros(*x.shape[:-1], dtype=torch.bool, device=x.device)
        return inner(x, other, other, **how, **hide)

    return call


def frozen(module: nn.Module) -> nn.Module:
    """The module without gradients: torch then takes its fast path for attention in evaluation mode."""
    return module.requires_grad_(False)


def head() -> nn.Module:
    """A layer that trains."""
    return nn.Linear(16, 16)


def unpool(axes: int) -> Callable[[], nn.Module]:
    """A network that pools with indices and puts the values back to their places."""
    pool, back = getattr(nn, f"MaxPool{axes}d")(2, return_indices=True), getattr(nn, f"MaxUnpool{axes}d")(2)
    return lambda: Called(nn.ModuleList([pool, back]), lambda inner, x: inner[1](*inner[0](x)))


ACTIVATIONS = (
    *("ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid"),
    *("Hardtanh", "Sigmoid", "Tanh", "Softplus", "Softsign", "Tanhshrink", "LogSigmoid", "Softshrink", "Hardshrink"),
    *("PReLU", "RReLU", "GLU", "Softmax2d", "Dropout", "Dropout2d", "AlphaDropout", "FeatureAlphaDropout", "Identity"),
)

_BY_AXES: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    f"{name}{axes}d": (partial(getattr(nn, f"{name}{axes}d"), *options), shape)
    for axes, shape in ((1, FLAT), (2, IMAGE), (3, VOLUME))
    for name, *options in (
        *(("Conv", 8, 4, 3), ("ConvTranspose", 8, 4, 2, 2), ("BatchNorm", 8), ("InstanceNorm", 8)),
        *(("MaxPool", 2), ("AvgPool", 2), ("AdaptiveAvgPool", 4), ("AdaptiveMaxPool", 4), ("LPPool", 2, 2)),
        *(("ZeroPad", 1), ("ConstantPad", 1, 0.5), ("ReflectionPad", 1), ("ReplicationPad", 1), ("CircularPad", 1)),
    )
}


def attention(words: str, call: Mapping[str, Any], options: Mapping[str, Any]) -> nn.Module:
    """``nn.MultiheadAttention`` with these options, called in that way; frozen if the words say so."""
    made = nn.MultiheadAttention(16, 4, **{"batch_first": True} | dict(options))
    return Called(frozen(made) if "frozen" in words else made, attend(**call))


_ATTENTION: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    f"MultiheadAttention{words}": (partial(attention, words, call, options), WORDS)
    for words, call, options in (
        ("", {}, {}),
        (", no weights asked", {"need_weights": False}, {}),
        (", masked", {"mask": True}, {}),
        (", masked, no weights asked", {"mask": True, "need_weights": False}, {}),
        (", frozen", {}, {}),
        (", frozen, no weights asked", {"need_weights": False}, {}),
        (", sequence first", {}, {"batch_first": False}),
        (", no bias", {}, {"bias": False}),
        (", key and value biases", {}, {"add_bias_kv": True}),
        (", other sizes of key and value", {}, {"kdim": 16, "vdim": 16}),
        (", keys hidden", {"hidden": True}, {}),
        (", keys hidden, no weights asked", {"hidden": True, "need_weights": False}, {}),
        (", zeros appended", {}, {"add_zero_attn": True}),
        (", of one sentence to another", {"apart": True}, {}),
    )
} | {
    "MultiheadAttention of two": (
        lambda: Called(nn.MultiheadAttention(16, 4, batch_first=True), lambda inner, x: inner(*[several(x)] * 3)),
        WORDS,
    ),
    "MultiheadAttention without a batch": (
        lambda: Called(nn.MultiheadAttention(16, 4), lambda inner, x: inner(x[0] + 1, x[0], x[0])), WORDS,
    ),
    **{
        f"MultiheadAttention of one word{words}": (partial(attention, words, call, {}), (1, 16))  # without a batch
        for words, call in (("", {}), (", to another", {"apart": True}), (", keys hidden", {"hidden": True}))
    },
}  # fmt: skip

MODULES: dict[str, tuple[Callable[[], nn.Module], Shape]] = {
    **{name: (getattr(nn, name), IMAGE) for name in ACTIVATIONS},
    **_BY_AXES,
    **_ATTENTION,
    **{f"MaxUnpool{axes}d": (unpool(axes), shape) for axes, shape in ((1, FLAT), (2, IMAGE), (3, VOLUME))},
    "LeakyReLU in place": (lambda: nn.LeakyReLU(inplace=True), IMAGE),
    "Conv2d, same size": (lambda: nn.Conv2d(8, 4, 3, padding="same"), IMAGE),
    "Conv2d, same size in a circle": (lambda: nn.Conv2d(8, 4, 3, padding="same", padding_mode="circular"), IMAGE),
    "Conv1d without a batch": (lambda: Called(nn.Conv1d(8, 4, 3, groups=2), one_image), FLAT),
    "Conv2d without a batch": (lambda: Called(nn.Conv2d(8, 4, 3), one_image), IMAGE),
    "ConvTranspose2d without a batch": (lambda: Called(nn.ConvTranspose2d(8, 4, 2, 2), one_image), IMAGE),
    "Conv2d called by its forward": (lambda: Called(nn.Conv2d(8, 4, 3), by_its_forward), IMAGE),
    "Linear called by its forward": (lambda: Called(nn.Linear(16, 4), by_its_forward), WORDS),
    "AdaptiveAvgPool2d without a batch": (lambda: Called(nn.AdaptiveAvgPool2d(4), one_image), IMAGE),
    "BatchNorm2d without statistics": (lambda: nn.BatchNorm2d(8, track_running_stats=False), IMAGE),
    "BatchNorm2d with an activation": (lambda: Activated(8), IMAGE),
    "SyncBatchNorm": (lambda: nn.SyncBatchNorm(8), IMAGE),
    "LayerNorm without a bias": (lambda: nn.LayerNorm(16, bias=False), WORDS),
    "a block in two blocks": (lambda: in_two_places(nn.Sequential), IMAGE),
    "a block under two names": (lambda: in_two_places(lambda block: block), IMAGE),
    "Dropout1d": (nn.Dropout1d, FLAT),
    "Dropout3d": (nn.Dropout3d, VOLUME),
    "Threshold": (lambda: nn.Threshold(0.1, 0.0), IMAGE),
    "Softmax": (lambda: nn.Softmax(1), IMAGE),
    "Softmin": (lambda: nn.Softmin(1), IMAGE),
    "LogSoftmax": (lambda: nn.LogSoftmax(1), IMAGE),
    "GroupNorm": (lambda: nn.GroupNorm(2, 8), IMAGE),
    "LayerNorm": (lambda: nn.LayerNorm(16), WORDS),
    "RMSNorm": (lambda: nn.RMSNorm(16), WORDS),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(3), IMAGE),
    "LocalResponseNorm of words": (lambda: nn.LocalResponseNorm(3), WORDS),
    "Linear": (lambda: nn.Linear(16, 4), WORDS),
    "Bilinear": (lambda: Called(nn.Bilinear(16, 16, 4), twice), WORDS),
    "Linear after an activation of turned words": (
        lambda: Called(nn.Sequential(nn.GELU(), nn.Linear(10, 4)), lambda inner, x: inner(x.mT)), WORDS,
    ),
    "Linear after a convolution with channels last": (
        lambda: Called(nn.ModuleList([nn.Conv2d(8, 8, 1), nn.Linear(8, 4)]), channels_last), IMAGE,
    ),
    "a module with weights of its own": (lambda: Scale("weight"), IMAGE),
    "a module with weights under a longer name": (lambda: nn.Sequential(Scale("weight_in"), Scale("other")), IMAGE),
    "a convolution under another name": (lambda: nn.Sequential(Folded(8, 4, 3)), IMAGE),
    "a norm and a layer named Conv": (lambda: nn.Sequential(ConvNorm(8), ConvLayer(12, 4)), IMAGE),
    "a module named Conv with weights of its own": (lambda: nn.Sequential(ConvOfOnes("weight"), nn.ReLU()), IMAGE),
    "CosineSimilarity": (lambda: Called(nn.CosineSimilarity(), twice), IMAGE),
    "PairwiseDistance": (lambda: Called(nn.PairwiseDistance(), twice), IMAGE),
    "LSTM": (lambda: Called(nn.LSTM(16, 8)), WORDS),
    "LSTM, two layers, both directions": (
        lambda: Called(nn.LSTM(16, 8, 2, bidirectional=True, batch_first=True)), WORDS,
    ),
    "LSTM with projections": (lambda: Called(nn.LSTM(16, 8, proj_size=3)), WORDS),
    "LSTM with projections, two layers, both directions, of three": (
        lambda: Called(
            nn.LSTM(16, 8, 2, bidirectional=True, batch_first=True, proj_size=3), lambda inner, x: inner(several(x))
        ),
        WORDS,
    ),
    "LSTM with projections, without a batch and biases": (
        lambda: Called(nn.LSTM(16, 8, bias=False, proj_size=3), one_image), WORDS,
    ),
    "GRU": (lambda: Called(nn.GRU(16, 8)), WORDS),
    "RNN": (lambda: Called(nn.RNN(16, 8)), WORDS),
    "RNN of two, batch first": (
        lambda: Called(nn.RNN(16, 8, 2, bidirectional=True, batch_first=True), lambda inner, x: inner(several(x))),
        WORDS,
    ),
    "GRU of turned words": (lambda: Called(nn.GRU(10, 8, batch_first=True), lambda inner, x: inner(x.mT)), WORDS),
    "RNN of two, turned": (lambda: Called(nn.RNN(10, 8), lambda inner, x: inner(several(x).mT)), WORDS),
    "LSTM without a batch": (lambda: Called(nn.LSTM(16, 8), lambda inner, x: inner(x[0])[0]), WORDS),
    "GRUCell without a batch": (lambda: Called(nn.GRUCell(16, 8), one_image), (1, 16)),
    "LSTMCell": (lambda: Called(nn.LSTMCell(16, 8)), (1, 16)),
    "GRUCell": (lambda: Called(nn.GRUCell(16, 8)), (1, 16)),
    "RNNCell": (lambda: Called(nn.RNNCell(16, 8)), (1, 16)),
    "frozen attention before a layer that trains": (lambda: nn.Sequential(attention("frozen", {}, {}), head()), WORDS),
    "frozen attention after a layer that trains": (lambda: nn.Sequential(head(), attention("frozen", {}, {})), WORDS),
    "TransformerEncoderLayer": (lambda: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), WORDS),
    "TransformerEncoderLayer, frozen": (
        lambda: frozen(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)), WORDS,
    ),
    "TransformerEncoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), 2), WORDS,
    ),
    "TransformerDecoderLayer": (
        lambda: Called(nn.TransformerDecoderLayer(16, 4, 32, batch_first=True), twice), WORDS,
    ),
    "TransformerDecoder": (
        lambda: Called(nn.TransformerDecoder(nn.TransformerDecoderLayer(16, 4, 32, batch_first=True), 2), twice), WORDS,
    ),
    "Transformer": (lambda: Called(nn.Transformer(16, 4, 1, 1, 32, batch_first=True), twice), WORDS),
    "Upsample nearest 1-D": (lambda: nn.Upsample(scale_factor=2), FLAT),
    "Upsample nearest": (lambda: nn.Upsample(scale_factor=2), IMAGE),
    "Upsample nearest 3-D": (lambda: nn.Upsample(scale_factor=2), VOLUME),
    "Upsample nearest-exact": (lambda: nn.Upsample(scale_factor=2, mode="nearest-exact"), IMAGE),
    "Upsample linear": (lambda: nn.Upsample(scale_factor=2, mode="linear"), FLAT),
    "Upsample bilinear": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "Upsample bicubic": (lambda: nn.Upsample(scale_factor=2, mode="bicubic"), IMAGE),
    "Upsample trilinear": (lambda: nn.Upsample(scale_factor=2, mode="trilinear"), VOLUME),
    "Upsample to a size": (lambda: nn.Upsample(size=(20, 20)), IMAGE),
    "Upsample to one number": (lambda: nn.Upsample(size=20), IMAGE),
    "Upsample to less": (lambda: nn.Upsample(scale_factor=0.3, mode="bilinear"), IMAGE),
    "UpsamplingNearest2d": (lambda: nn.UpsamplingNearest2d(scale_factor=2), IMAGE),
    "UpsamplingBilinear2d": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), IMAGE),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), IMAGE),
    "PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), IMAGE),
    "ChannelShuffle": (lambda: nn.ChannelShuffle(2), IMAGE),
    "Flatten": (nn.Flatten, IMAGE),
    "Unflatten": (lambda: nn.Unflatten(1, (2, 4)), IMAGE),
    "Unfold": (lambda: nn.Unfold(3), IMAGE),
    "Fold": (lambda: nn.Fold((4, 4), (2, 2)), (1, 8, 9)),
    "FractionalMaxPool2d": (lambda: nn.FractionalMaxPool2d(2, 5), IMAGE),
    "FractionalMaxPool3d": (lambda: nn.FractionalMaxPool3d(2, 3), VOLUME),
    "Embedding": (lambda: Called(nn.Embedding(9, 16), lambda inner, x: inner(x.long() * 0)), (1, 10)),
    "EmbeddingBag": (lambda: Called(nn.EmbeddingBag(9, 16), lambda inner, x: inner(x.long() * 0)), (1, 10)),
    "weight_norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(8, 4, 3)), IMAGE),
    "spectral_norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Conv2d(8, 4, 3)), IMAGE),
    "weight_norm of before": (lambda: nn.utils.weight_norm(nn.Conv2d(8, 4, 3)), IMAGE),
    "spectral_norm of before": (lambda: nn.utils.spectral_norm(nn.Conv2d(8, 4, 3)), IMAGE),
}  # fmt: skip

_ELEMENTWISE: tuple[str, ...] = (
    *("relu", "relu_", "relu6", "leaky_relu", "leaky_relu_", "elu", "elu_", "selu", "selu_", "celu", "celu_", "gelu"),
    *("silu", "mish", "hardswish", "hardsigmoid", "hardtanh", "hardtanh_", "softplus", "logsigmoid", "softsign"),
    *("tanhshrink", "softshrink", "hardshrink", "rrelu", "rrelu_", "sigmoid", "tanh", "dropout", "dropout2d"),
    *("alpha_dropout", "feature_alpha_dropout"),
)
_METHODS: tuple[str, ...] = (
    *("relu", "relu_", "sigmoid", "sigmoid_", "tanh", "exp", "log", "log2", "sqrt", "rsqrt", "abs", "neg", "square"),
    *("reciprocal", "sin", "cos", "erf", "sum", "mean", "std", "var", "norm", "floor", "prod"),
)


def by_name(name: str) -> Callable[[Any], Any]:
    """A function of ``torch.nn.functional``, found when it is called: some tools replace the name."""
    return lambda x: getattr(F, name)(x)


def with_itself(name: str) -> Callable[[Any], Any]:
    """A function of ``torch.nn.functional`` of two inputs that are the same tensor."""
    return lambda x: getattr(F, name)(x, x)


def flat(x: torch.Tensor) -> torch.Tensor:
    """Values along one axis: (1, 8, 144)."""
    return x.flatten(2)


def volume(x: torch.Tensor) -> torch.Tensor:
    """Values along three axes: (1, 8, 4, 6, 6)."""
    return x.reshape(1, 8, 4, 6, 6)


_LOSSES: Mapping[str, Callable[[Any], Any]] = {
    **{
        f"F.{name}": with_itself(name)
        for name in (
            *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "kl_div", "poisson_nll_loss"),
            *("hinge_embedding_loss", "binary_cross_entropy_with_logits", "cross_entropy"),
        )
    },
    "F.binary_cross_entropy": lambda x: F.binary_cross_entropy(x.nan_to_num().sigmoid(), x.nan_to_num().sigmoid()),
    "F.gaussian_nll_loss": lambda x: F.gaussian_nll_loss(x, x, x.exp()),
    "F.gaussian_nll_loss of each": lambda x: F.gaussian_nll_loss(x, x, x[..., 0].exp(), full=True, reduction="none"),
    "F.soft_margin_loss": lambda x: F.soft_margin_loss(x, x.detach()),
    "F.margin_ranking_loss": lambda x: F.margin_ranking_loss(x, x, x),
    "F.nll_loss": lambda x: F.nll_loss(x, x[:, 0].long() * 0),
    "F.triplet_margin_loss": lambda x: F.triplet_margin_loss(x, x, x),
}

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **{f"F.{name}": by_name(name) for name in _ELEMENTWISE},
    **{f"x.{name}()": methodcaller(name) for name in _METHODS},
    **_LOSSES,
    "x.logsumexp()": lambda x: x.logsumexp(1),
    "F.leaky_relu in place": lambda x: F.leaky_relu(x, inplace=True),
    "torch.relu": lambda x: torch.relu(x),
    "torch.sigmoid": lambda x: torch.sigmoid(x),
    "torch.tanh": lambda x: torch.tanh(x),
    "F.threshold": lambda x: F.threshold(x, 0.1, 0.0),
    "F.threshold_": lambda x: F.threshold_(x, 0.1, 0.0),
    "F.glu": lambda x: F.glu(x, 1),
    "F.prelu": lambda x: F.prelu(x, x[0, :, 0, 0]),
    "F.normalize": by_name("normalize"),
    "F.softmax": lambda x: F.softmax(x, 1),
    "F.softmin": lambda x: F.softmin(x, 1),
    "F.log_softmax": lambda x: F.log_softmax(x, 1),
    "F.gumbel_softmax": lambda x: F.gumbel_softmax(x, dim=1),
    "x + x": lambda x: x + x,
    "x + 1": lambda x: x + 1,
    "x - x": lambda x: x - x,
    "x * 2": lambda x: x * 2,
    "x / 2": lambda x: x / 2,
    "x ** 2": lambda x: x**2,
    "1 / x": lambda x: 1 / x,
    "2 ** x": lambda x: 2**x,
    "x.add(x)": lambda x: x.add(x),
    "x.mul(x)": lambda x: x.mul(x),
    "torch.add": lambda x: torch.add(x, x),
    "torch.mul": lambda x: torch.mul(x, x),
    "broadcast sum": lambda x: x + x[:, :1],
    "torch.add by names": lambda x: torch.add(input=x, other=x[0]),
    "torch.add of more axes": lambda x: torch.add(x, x[None]),
    "torch.mul of one axis": lambda x: torch.mul(x, x[0, 0, 0]),
    "torch._assert": lambda x: (torch._assert(x.dim() == 4, "axes"), x)[1],
    "F.batch_norm": lambda x: F.batch_norm(x, x[0, :, 0, 0].detach(), x[0, :, 0, 0].detach().abs()),
    "F.batch_norm of the values' own statistics": lambda x: F.batch_norm(x, None, None, training=True),
    "F.layer_norm": lambda x: F.layer_norm(x, x.shape[1:]),
    "F.rms_norm": lambda x: F.rms_norm(x, x.shape[1:]),
    "F.group_norm": lambda x: F.group_norm(x, 2),
    "F.instance_norm": by_name("instance_norm"),
    "F.local_response_norm": lambda x: F.local_response_norm(x, 3),
    "torch.batch_norm": lambda x: torch.batch_norm(x, None, None, x[0, :, 0, 0], x[0, :, 0, 0], True, 0.1, 1e-5, False),
    "torch.instance_norm": lambda x: torch.instance_norm(x, None, None, None, None, True, 0.1, 1e-5, False),
    "torch.group_norm": lambda x: torch.group_norm(x, 2),
    "torch.layer_norm": lambda x: torch.layer_norm(x, x.shape[1:]),
    "torch.max_pool2d": lambda x: torch.max_pool2d(x, 2),
    "F.conv1d": lambda x: F.conv1d(flat(x), x[0, :4, :8, :3]),
    "F.conv2d": lambda x: F.conv2d(x, x[:, :, :3, :3]),
    "F.conv2d, same size": lambda x: F.conv2d(x, x.new_ones(4, 8, 3, 3), padding="same"),
    "F.conv3d": lambda x: F.conv3d(volume(x), volume(x)[..., :3, :3, :3]),
    "F.conv_transpose1d": lambda x: F.conv_transpose1d(flat(x), x[0, :, :4, :2], stride=2),
    "F.conv_transpose2d": lambda x: F.conv_transpose2d(x, x.reshape(8, 4, 6, 6)[..., :2, :2], stride=2),
    "F.conv_transpose3d": lambda x: F.conv_transpose3d(volume(x), x.reshape(8, 4, 4, 3, 3)[..., :2, :2, :2], stride=2),
    "F.conv_tbc": lambda x: F.conv_tbc(x[0], x[0, :3, :12], x[0, 0, 0]),
    "F.max_pool1d": lambda x: F.max_pool1d(flat(x), 2),
    "F.max_pool2d": lambda x: F.max_pool2d(x, 2),
    "F.max_pool3d": lambda x: F.max_pool3d(volume(x), 2),
    "F.avg_pool1d": lambda x: F.avg_pool1d(flat(x), 2),
    "F.avg_pool2d": lambda x: F.avg_pool2d(x, 2),
    "F.avg_pool3d": lambda x: F.avg_pool3d(volume(x), 2),
    "F.adaptive_avg_pool1d": lambda x: F.adaptive_avg_pool1d(flat(x), 5),
    "F.adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, 1),
    "F.adaptive_avg_pool3d": lambda x: F.adaptive_avg_pool3d(volume(x), 1),
    "F.adaptive_max_pool1d": lambda x: F.adaptive_max_pool1d(flat(x), 5),
    "F.adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 1),
    "F.adaptive_max_pool3d": lambda x: F.adaptive_max_pool3d(volume(x), 1),
    "F.lp_pool1d": lambda x: F.lp_pool1d(flat(x), 2, 2),
    "F.lp_pool2d": lambda x: F.lp_pool2d(x, 2, 2),
    "F.lp_pool3d": lambda x: F.lp_pool3d(volume(x), 2, 2),
    "F.fractional_max_pool2d": lambda x: F.fractional_max_pool2d(x, 2, 5),
    "F.max_unpool2d": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
    "F.interpolate": lambda x: F.interpolate(x, scale_factor=2),
    "F.interpolate bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "F.interpolate bicubic": lambda x: F.interpolate(x, scale_factor=2, mode="bicubic"),
    "F.interpolate by area": lambda x: F.interpolate(x, size=(6, 6), mode="area"),
    "F.interpolate with a size of its own": lambda x: F.interpolate(x, scale_factor=1.3, recompute_scale_factor=True),
    "F.interpolate with antialias": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", antialias=True),
    "F.interpolate 1-D": lambda x: F.interpolate(flat(x), scale_factor=2),
    "F.interpolate to one number": lambda x: F.interpolate(x, 18),
    "F.upsample to a size": lambda x: F.upsample(x, (18, 20)),
    "F.upsample": lambda x: F.upsample(x, scale_factor=2),
    "F.upsample_nearest": lambda x: F.upsample_nearest(x, scale_factor=2),
    "F.upsample_bilinear": lambda x: F.upsample_bilinear(x, scale_factor=2),
    "F.unfold": lambda x: F.unfold(x, 3),
    "F.fold": lambda x: F.fold(x.reshape(1, 8, 144), (24, 24), (1, 1), stride=2),
    "F.pad": lambda x: F.pad(x, (1, 1)),
    "F.pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "F.pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "F.channel_shuffle": lambda x: F.channel_shuffle(x, 2),
    "F.grid_sample": lambda x: F.grid_sample(x, x.new_zeros(1, 4, 4, 2), align_corners=False),
    "F.grid_sample nearest": lambda x: F.grid_sample(x, x.new_zeros(1, 4, 4, 2), "nearest", align_corners=False),
    "F.grid_sample bicubic": lambda x: F.grid_sample(x, x.new_zeros(1, 4, 4, 2), "bicubic", align_corners=False),
    "F.affine_grid": lambda x: F.affine_grid(x[:, 0, :2, :3], (1, 1, 4, 4), align_corners=False),
    "F.cosine_similarity": lambda x: F.cosine_similarity(x, x),
    "F.pairwise_distance": lambda x: F.pairwise_distance(x, x),
    "F.pdist": lambda x: F.pdist(x[0, 0]),
    "F.embedding": lambda x: F.embedding(x[0, 0].long() * 0, x[0, 0]),
    "F.embedding_bag": lambda x: F.embedding_bag(x[0, 0].long() * 0, x[0, 0]),
    "F.one_hot": lambda x: F.one_hot(x.long() * 0, 3) * x.mean(),
    "F.linear": lambda x: F.linear(x, x[0, 0]),
    "F.linear with bias": lambda x: F.linear(x, x[0, 0], x[0, 0, 0]),
    "F.linear of turned words": lambda x: F.linear(x.mT, x[0, 0], x[0, 0, 0]),
    "F.linear with a vector": lambda x: F.linear(x, x[0, 0, 0]),
    "F.bilinear": lambda x: F.bilinear(x, x, x[0]),
    "x @ x": lambda x: x @ x,
    "x.matmul(x)": lambda x: x.matmul(x),
    "torch.matmul": lambda x: torch.matmul(x, x),
    "matrix @ matrix": lambda x: x[0, 0] @ x[0, 0],
    "matrix @ vector": lambda x: x @ x[0, 0, 0],
    "vector @ matrix": lambda x: x[0, 0, 0] @ x,
    "vector @ vector": lambda x: x[0, 0, 0] @ x[0, 0, 0],
    "vector of numbers @ batch": lambda x: x.new_ones(12) @ x,
    "batch @ vector of numbers": lambda x: x @ x.new_ones(12),
    "turned batch @ vector of numbers": lambda x: x.mT @ x.new_ones(12),
    "broadcast matmul": lambda x: x[0, 0] @ x,
    "broadcast matmul from the right": lambda x: x @ x[0, 0],
    "torch.matmul of a vector": lambda x: torch.matmul(x, x[0, 0, 0]),
    "torch.mm": lambda x: torch.mm(x[0, 0], x[0, 0]),
    "torch.mv": lambda x: torch.mv(x[0, 0], x[0, 0, 0]),
    "torch.dot": lambda x: torch.dot(x[0, 0, 0], x[0, 0, 0]),
    "torch.inner": lambda x: torch.inner(x[0, 0], x[0]),
    "torch.linalg.matmul of a batch": lambda x: torch.linalg.matmul(x[:, :1], x),
    "torch.outer": lambda x: torch.outer(x[0, 0, 0], x[0, 0, 0]),
    "torch.bmm": lambda x: torch.bmm(x[0], x[0]),
    "torch.addmm": lambda x: torch.addmm(x[0, 0], x[0, 0], x[0, 0]),
    "torch.addmm of products alone": lambda x: torch.addmm(x[0, 0], x[0, 0], x[0, 0], beta=0),
    "torch.linalg.multi_dot": lambda x: torch.linalg.multi_dot([x[0, 0, :2], x[0, 0], x[0, 0, :, :3]]),
    "torch.baddbmm": lambda x: torch.baddbmm(x[0], x[0], x[0]),
    "torch.tensordot": lambda x: torch.tensordot(x[0, 0], x[0, 0], 1),
    "torch.tensordot of four axes": lambda x: torch.tensordot(x, x, ([3], [3])),
    "torch.tensordot of all axes": lambda x: torch.tensordot(x, x, 4),
    "torch.cdist": lambda x: torch.cdist(x, x),
    "torch.kron": lambda x: torch.kron(x[0, 0], x[0, 0]),
    "einsum of two": lambda x: torch.einsum("nchw,ncwv->nchv", x, x),
    "einsum of two, no sum": lambda x: torch.einsum("nchw,nchw->nchw", x, x),
    "einsum of two, all summed": lambda x: torch.einsum("nchw,nchw->n", x, x),
    "einsum with an ellipsis": lambda x: torch.einsum("...ij,...jk->...ik", x, x),
    "einsum of a vector": lambda x: torch.einsum("nchw,w->nch", x, x[0, 0, 0]),
    "einsum of matrices in a batch": lambda x: torch.einsum("abc,abd->acd", x[0], x[0]),
    "einsum of matrices, the second turned": lambda x: torch.einsum("abc,adc->adb", x[0], x[0]),
    "einsum of one": lambda x: torch.einsum("nchw->nhwc", x),
    "einsum of one, summed": lambda x: torch.einsum("nchw->nc", x),
    "einsum of three": lambda x: torch.einsum("ij,jk,kl->il", x[0, 0], x[0, 0], x[0, 0]),
    "attention": lambda x: F.scaled_dot_product_attention(x, x, x),
    "attention of one head": lambda x: F.scaled_dot_product_attention(x[0], x[0], x[0]),
    "attention of matrices": lambda x: F.scaled_dot_product_attention(x[0, 0], x[0, 0], x[0, 0]),
    "attention, causal": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=True),
    "attention with a mask": lambda x: F.scaled_dot_product_attention(x, x, x, x.new_zeros(12, 12)),
    "attention with a mask that trains": lambda x: F.scaled_dot_product_attention(x, x, x, attn_mask=x[0, 0]),
    "attention with a mask of three axes": lambda x: F.scaled_dot_product_attention(x, x, x, x.new_zeros(8, 12, 12)),
    "attention with dropout": lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.1),
    "attention of heads in groups": lambda x: F.scaled_dot_product_attention(x, x[:, :2], x[:, :2], enable_gqa=True),
    "cumsum": lambda x: x.cumsum(1),
    "cat": lambda x: torch.cat((x, x), 1),
    # kept by the network itself: no tool that replaces the function's name sees its call
    "SiLU held as a function": F.silu,
    "ReLU held as a function": F.relu,
    "LeakyReLU held as a function": F.leaky_relu,
    "a result that nobody uses": lambda x: (x @ x, x)[1],
}

_LOSS = "a loss, which a forward pass of inference does not have; those with simple inputs have cases as functions"
_INSIDE = "torch's own part of another function, or a question about one"

LEFT_OUT: Mapping[str, str] = {
    **dict.fromkeys(
        ("Container", "Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"),
        "a container: it computes nothing",
    ),
    **dict.fromkeys(("RNNBase", "RNNCellBase", "DataParallel"), "a base class, or a wrapper of another module"),
    **dict.fromkeys(
        (
            *("LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d"),
            *("LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d"),
            *("LazyInstanceNorm2d", "LazyInstanceNorm3d", "LazyLinear"),
        ),
        "it becomes the module of its name at the first call; before that it has no shape to count",
    ),
    "CrossMapLRN2d": "it has no operator in torch any more: its forward is written in Python, with a loop over values",
    **dict.fromkeys(
        (
            *("AdaptiveLogSoftmaxWithLoss", "BCELoss", "BCEWithLogitsLoss", "CTCLoss", "CosineEmbeddingLoss"),
            *("CrossEntropyLoss", "GaussianNLLLoss", "HingeEmbeddingLoss", "HuberLoss", "KLDivLoss", "L1Loss"),
            *("LinearCrossEntropyLoss", "MSELoss", "MarginRankingLoss", "MultiLabelMarginLoss"),
            *("MultiLabelSoftMarginLoss", "MultiMarginLoss", "NLLLoss", "NLLLoss2d", "PoissonNLLLoss", "SmoothL1Loss"),
            *("SoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss", "cosine_embedding_loss"),
            *("ctc_loss", "linear_cross_entropy", "multi_margin_loss", "multilabel_margin_loss"),
            *("multilabel_soft_margin_loss", "triplet_margin_with_distance_loss"),
        ),
        _LOSS,
    ),
    **dict.fromkeys(
        (
            *("adaptive_max_pool1d_with_indices", "adaptive_max_pool2d_with_indices", "assert_int_or_pair"),
            *("adaptive_max_pool3d_with_indices", "boolean_dispatch", "fractional_max_pool2d_with_indices"),
            *("fractional_max_pool3d_with_indices", "handle_torch_function", "has_torch_function"),
            *("has_torch_function_unary", "has_torch_function_variadic", "max_pool1d_with_indices"),
            *("max_pool2d_with_indices", "max_pool3d_with_indices", "native_channel_shuffle"),
            "multi_head_attention_forward",
        ),
        _INSIDE,
    ),
    **dict.fromkeys(("grouped_mm", "scaled_grouped_mm", "scaled_mm"), "it runs on a GPU only"),
    **dict.fromkeys(
        ("dropout1d", "dropout3d", "max_unpool1d", "max_unpool3d", "fractional_max_pool3d"),
        "the module of its name has a case",
    ),
    "scaled_dot_product_attention": "the cases named attention",
}
"""Names of torch.nn and torch.nn.functional without a case, each with the reason."""


class Tied(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Two layers with one weight, and a parameter of the model's own."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.scale = nn.Linear(6, 6), nn.Linear(6, 6), nn.Parameter(torch.ones(6))
        self.second.weight = self.first.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One layer after the other, scaled."""
        return self.second(self.first(x)) * self.scale


def half_frozen() -> nn.Module:
    """Two layers, of which the second trains."""
    return nn.Sequential(nn.Linear(6, 6).requires_grad_(False), nn.Linear(6, 6))


def again() -> nn.Module:
    """One layer in two places."""
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, nn.ReLU(), layer)


WHOLE: Mapping[str, Case] = {
    name: Case(make, ((1, 6, 8, 6),))
    for name, make in (
        ("a model that is a Linear", lambda: nn.Linear(6, 4)),
        ("a model that is a Conv2d", lambda: nn.Conv2d(6, 4, 1)),
        ("a model with a tied weight", Tied),
        ("a model with a layer in two places", again),
        ("a model with a frozen layer", half_frozen),
    )
}
"""Whole models, for the totals of parameters."""


def module(make: Callable[[], nn.Module], shape: Shape) -> Case:
    """A module, with a network around it."""

    def network() -> nn.Module:
        made = make()
        return made if isinstance(made, Called) else nn.Sequential(made)

    return Case(network, (shape,))


CASES: Mapping[str, Case] = {
    **{name: module(*given) for name, given in MODULES.items()},
    **{name: Case(partial(After, function), (IMAGE,)) for name, function in FUNCTIONS.items()},
    **WHOLE,
}

"""The modules of ``torch.nn`` that a model YAML can name, as plain data: constructor arguments -> ``Module``.

Attributes have torch's names and the same kinds of values as in a pickled module; torch itself is not needed. ``bound``
checks arguments against the annotations of a constructor before it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from yolo_probe import errors
from yolo_probe.expressions import ConstructorCall
from yolo_probe.model.structure import Module, Shape, Tensor

Count = int
"""A number of channels, repeats or groups: 1 to ``MAX_COUNT``."""
OneOrTwo = int | Sequence[int]
"""One whole number for height and width, or one for each."""
Padding = int | str | Sequence[int]
Number = int | float
Flag = object
"""Any value that Python takes as true or false."""

MAX_COUNT = 2**20
"""Largest number of channels, repeats or groups: more is a mistake."""


class ArgumentError(ValueError):
    """Arguments that a module cannot be made of; the message says which, but not in which row."""


class _Kind(NamedTuple):
    fits: Callable[[object], bool]
    expected: str


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_COUNT


def _is_size(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) == 2 and all(_is_size(part) and not isinstance(part, (list, tuple)) for part in value)
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT


def _are_sizes(value: object) -> bool:
    return isinstance(value, (list, tuple)) and 1 <= len(value) <= 64 and all(_is_count(part) for part in value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_KINDS = {
    "Count": _Kind(_is_count, "a whole number from 1"),
    "Count | None": _Kind(lambda value: value is None or _is_count(value), "a whole number from 1, or None"),
    "int": _Kind(_is_whole, "a whole number"),
    "OneOrTwo": _Kind(_is_size, "a whole number or two of them"),
    "OneOrTwo | None": _Kind(lambda value: value is None or _is_size(value), "a whole number, two of them, or None"),
    "Padding": _Kind(lambda value: value in ("same", "valid") or _is_size(value), "a whole number or two of them"),
    "Sequence[int]": _Kind(_are_sizes, "a list of whole numbers"),
    "Number": _Kind(_is_number, "a number"),
    "str": _Kind(lambda value: isinstance(value, str), "a word"),
}


def bound(
    constructor: Callable[..., Module], arguments: Sequence[object], keywords: Mapping[str, object]
) -> dict[str, object]:
    """The arguments of a constructor by name, their number and kinds checked.

    Raises: ArgumentError for one too many, too few, unknown or of a wrong kind.
    """
    code = constructor.__code__
    names = [name for name in code.co_varnames[: code.co_argcount] if name != "self"]
    if len(arguments) > len(names):
        raise ArgumentError(f"{len(arguments)} arguments, expected at most {len(names)} ({', '.join(names)})")
    given = dict(zip(names, arguments, strict=False))
    for name, value in keywords.items():
        if name not in names or name in given:
            raise ArgumentError(f"an argument {name!r} that it does not take here; it takes {', '.join(names)}")
        given[name] = value
    required = names[: len(names) - len(constructor.__defaults__ or ())]
    missing = [name for name in required if name not in given]
    if missing:
        raise ArgumentError(
            f"{len(given)} arguments, expected at least {len(required)} (missing: {', '.join(missing)})"
        )
    for name, value in given.items():
        kind = _KINDS.get(constructor.__annotations__[name])
        if kind and not kind.fits(value):
            raise ArgumentError(f"{name} is {shown(value)}, expected {kind.expected}")
    return given


def shown(value: object) -> str:
    """A value as messages show it, also a module or a constructor."""
    if isinstance(value, Module):
        return f"a module {value.kind}"
    return f"{value.name}(...)" if isinstance(value, ConstructorCall) else errors.shown(value)


def parameter(*shape: int) -> Tensor:
    """A new trainable parameter."""
    return Tensor(shape, requires_grad=True)


def _path(file: str, name: str) -> str:
    return f"torch.nn.modules.{file}.{name}"


def _pair(value: OneOrTwo) -> Shape:
    return (value, value) if isinstance(value, int) else tuple(value)


def conv2d(
    in_channels: Count,
    out_channels: Count,
    kernel_size: OneOrTwo,
    stride: OneOrTwo = 1,
    padding: Padding = 0,
    dilation: OneOrTwo = 1,
    groups: Count = 1,
    bias: Flag = True,
    padding_mode: str = "zeros",
) -> Module:
    """``nn.Conv2d``."""
    _divisible(in_channels, out_channels, groups)
    return Module(
        _path("conv", "Conv2d"),
        {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "kernel_size": _pair(kernel_size),
            "stride": _pair(stride),
            "padding": padding if isinstance(padding, str) else _pair(padding),
            "dilation": _pair(dilation),
            "transposed": False,
            "output_padding": (0, 0),
            "groups": groups,
            "padding_mode": padding_mode,
        },
        _weight_and_bias((out_channels, in_channels // groups, *_pair(kernel_size)), out_channels, bias),
    )


def conv_transpose2d(
    in_channels: Count,
    out_channels: Count,
    kernel_size: OneOrTwo,
    stride: OneOrTwo = 1,
    padding: OneOrTwo = 0,
    output_padding: OneOrTwo = 0,
    groups: Count = 1,
    bias: Flag = True,
    dilation: OneOrTwo = 1,
    padding_mode: str = "zeros",
) -> Module:
    """``nn.ConvTranspose2d``."""
    _divisible(in_channels, out_channels, groups)
    return Module(
        _path("conv", "ConvTranspose2d"),
        {
            "in_channels": in_channels,
            "out_channels": out_channels,
            "kernel_size": _pair(kernel_size),
            "stride": _pair(stride),
            "padding": _pair(padding),
            "dilation": _pair(dilation),
            "transposed": True,
            "output_padding": _pair(output_padding),
            "groups": groups,
            "padding_mode": padding_mode,
        },
        _weight_and_bias((in_channels, out_channels // groups, *_pair(kernel_size)), out_channels, bias),
    )


def _divisible(in_channels: Count, out_channels: Count, groups: Count) -> None:
    for which, channels in (("input", in_channels), ("output", out_channels)):
        if channels % groups:
            raise ArgumentError(f"{channels} {which} channels, which {groups} groups do not divide")


def _weight_and_bias(weight: Shape, bias_size: int, bias: Flag) -> dict[str, Tensor]:
    return {"weight": parameter(*weight)} | ({"bias": parameter(bias_size)} if bias else {})


def linear(in_features: Count, out_features: Count, bias: Flag = True) -> Module:
    """``nn.Linear``."""
    return Module(
        _path("linear", "Linear"),
        {"in_features": in_features, "out_features": out_features},
        _weight_and_bias((out_features, in_features), out_features, bias),
    )


def batch_norm2d(
    num_features: Count,
    eps: Number = 1e-5,
    momentum: Number = 0.1,
    affine: Flag = True,
    track_running_stats: Flag = True,
) -> Module:
    """``nn.BatchNorm2d``."""
    statistics = {"running_mean": Tensor((num_features,)), "running_var": Tensor((num_features,))}
    return Module(
        _path("batchnorm", "BatchNorm2d"),
        {
            "num_features": num_features,
            "eps": eps,
            "momentum": momentum,
            "affine": affine,
            "track_running_stats": track_running_stats,
        },
        {"weight": parameter(num_features), "bias": parameter(num_features)} if affine else {},
        statistics | {"num_batches_tracked": Tensor((), "int64")} if track_running_stats else {},
    )


def multihead_attention(embed_dim: Count, num_heads: Count) -> Module:
    """``nn.MultiheadAttention``."""
    if embed_dim % num_heads:
        raise ArgumentError(f"{embed_dim} channels, which {num_heads} attention heads do not divide")
    out = linear(embed_dim, embed_dim)
    return Module(
        _path("activation", "MultiheadAttention"),
        {
            "embed_dim": embed_dim,
            "kdim": embed_dim,
            "vdim": embed_dim,
            "num_heads": num_heads,
            "dropout": 0.0,
            "batch_first": False,
            "head_dim": embed_dim // num_heads,
            "bias_k": None,
            "bias_v": None,
            "add_zero_attn": False,
        },
        {"in_proj_weight": parameter(3 * embed_dim, embed_dim), "in_proj_bias": parameter(3 * embed_dim)},
        children={
            "out_proj": Module(_path("linear", "NonDynamicallyQuantizableLinear"), out.attributes, out.parameters)
        },
    )


def max_pool2d(
    kernel_size: OneOrTwo,
    stride: OneOrTwo | None = None,
    padding: OneOrTwo = 0,
    dilation: OneOrTwo = 1,
    return_indices: Flag = False,
    ceil_mode: Flag = False,
) -> Module:
    """``nn.MaxPool2d``."""
    return Module(
        _path("pooling", "MaxPool2d"),
        {
            "kernel_size": kernel_size,
            "stride": kernel_size if stride is None else stride,
            "padding": padding,
            "dilation": dilation,
            "return_indices": return_indices,
            "ceil_mode": ceil_mode,
        },
    )


def avg_pool2d(
    kernel_size: OneOrTwo,
    stride: OneOrTwo | None = None,
    padding: OneOrTwo = 0,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
    divisor_override: Flag = None,
) -> Module:
    """``nn.AvgPool2d``."""
    return Module(
        _path("pooling", "AvgPool2d"),
        {
            "kernel_size": kernel_size,
            "stride": kernel_size if stride is None else stride,
            "padding": padding,
            "ceil_mode": ceil_mode,
            "count_include_pad": count_include_pad,
            "divisor_override": divisor_override,
        },
    )


def upsample(
    size: OneOrTwo | None = None,
    scale_factor: object = None,
    mode: str = "nearest",
    align_corners: Flag = None,
    recompute_scale_factor: Flag = None,
) -> Module:
    """``nn.Upsample``."""
    scale: object = None
    if isinstance(scale_factor, tuple) and all(_is_number(part) for part in scale_factor):
        scale = tuple(float(part) for part in scale_factor)
    elif isinstance(scale_factor, (int, float)):
        scale = float(scale_factor) if scale_factor else None
    elif scale_factor is not None:
        raise ArgumentError(f"scale_factor is {shown(scale_factor)}, expected a number")
    return Module(
        _path("upsampling", "Upsample"),
        {
            "name": "Upsample",
            "size": size,
            "scale_factor": scale,
            "mode": mode,
            "align_corners": align_corners,
            "recompute_scale_factor": recompute_scale_factor,
        },
    )


def zero_pad2d(padding: object) -> Module:
    """``nn.ZeroPad2d``: left, right, top, bottom."""
    sides = [padding] * 4 if _is_whole(padding) else padding
    if not isinstance(sides, (list, tuple)) or len(sides) != 4 or not all(_is_whole(side) for side in sides):
        raise ArgumentError(f"padding is {shown(padding)}, expected a whole number or four of them")
    return Module(_path("padding", "ZeroPad2d"), {"value": 0.0, "padding": tuple(sides)})


def identity() -> Module:
    """``nn.Identity``."""
    return Module(_path("linear", "Identity"))


def sequential(*modules: Module) -> Module:
    """``nn.Sequential``."""
    return Module(_path("container", "Sequential"), children={str(i): module for i, module in enumerate(modules)})


def module_list(modules: Sequence[Module]) -> Module:
    """``nn.ModuleList``."""
    return Module(_path("container", "ModuleList"), children={str(i): module for i, module in enumerate(modules)})


# Modules whose attributes are their arguments: the file in torch.nn.modules, and the default of each argument.
_PLAIN: dict[str, tuple[str, dict[str, object]]] = {
    "ReLU": ("activation", {"inplace": False}),
    "ReLU6": ("activation", {"inplace": False}),
    "LeakyReLU": ("activation", {"negative_slope": 0.01, "inplace": False}),
    "ELU": ("activation", {"alpha": 1.0, "inplace": False}),
    "SELU": ("activation", {"inplace": False}),
    "CELU": ("activation", {"alpha": 1.0, "inplace": False}),
    "SiLU": ("activation", {"inplace": False}),
    "Mish": ("activation", {"inplace": False}),
    "GELU": ("activation", {"approximate": "none"}),
    "Hardswish": ("activation", {"inplace": False}),
    "Hardsigmoid": ("activation", {"inplace": False}),
    "Hardtanh": ("activation", {"min_val": -1.0, "max_val": 1.0, "inplace": False}),
    "Sigmoid": ("activation", {}),
    "LogSigmoid": ("activation", {}),
    "Softsign": ("activation", {}),
    "Softplus": ("activation", {"beta": 1.0, "threshold": 20.0}),
    "Tanh": ("activation", {}),
    "Softmax": ("activation", {"dim": None}),
    "Dropout": ("dropout", {"p": 0.5, "inplace": False}),
    "Dropout2d": ("dropout", {"p": 0.5, "inplace": False}),
    "Flatten": ("flatten", {"start_dim": 1, "end_dim": -1}),
    "AdaptiveAvgPool2d": ("pooling", {"output_size": ...}),
    "PixelShuffle": ("pixelshuffle", {"upscale_factor": ...}),
    "PixelUnshuffle": ("pixelshuffle", {"downscale_factor": ...}),
}


def _plain(name: str, arguments: Sequence[object], keywords: Mapping[str, object]) -> Module:
    file, defaults = _PLAIN[name]
    unknown = [key for key in keywords if key not in list(defaults)[len(arguments) :]]
    values = defaults | dict(zip(defaults, arguments, strict=False)) | dict(keywords)
    missing = [key for key, value in values.items() if value is ...]
    if unknown or missing or len(arguments) > len(defaults):
        takes = ", ".join(defaults) or "none"
        raise ArgumentError(f"{len(arguments) + len(keywords)} arguments that do not fit those it takes ({takes})")
    for key, value in values.items():
        if key.endswith("_factor") and not _is_count(value):
            raise ArgumentError(f"{key} is {shown(value)}, expected a whole number from 1")
        if isinstance(defaults[key], float) and not _is_number(value):
            raise ArgumentError(f"{key} is {shown(value)}, expected a number")
    if name == "ReLU6":
        values = {"min_val": 0.0, "max_val": 6.0} | values
    return Module(_path(file, name), values)


def prelu(num_parameters: Count = 1, init: Number = 0.25) -> Module:
    """``nn.PReLU``."""
    attributes = {"num_parameters": num_parameters, "init": init}
    return Module(_path("activation", "PReLU"), attributes, {"weight": parameter(num_parameters)})


CONSTRUCTORS: dict[str, Callable[..., Module]] = {
    "nn.Conv2d": conv2d,
    "nn.ConvTranspose2d": conv_transpose2d,
    "nn.Linear": linear,
    "nn.BatchNorm2d": batch_norm2d,
    "nn.MaxPool2d": max_pool2d,
    "nn.AvgPool2d": avg_pool2d,
    "nn.Upsample": upsample,
    "nn.ZeroPad2d": zero_pad2d,
    "nn.PReLU": prelu,
}

TORCH_NAMES: frozenset[str] = frozenset({*CONSTRUCTORS, "nn.Identity", *(f"nn.{name}" for name in _PLAIN)})
"""The names of ``torch.nn`` that can be made."""


def make(name: str, arguments: Sequence[object] = (), keywords: Mapping[str, object] | None = None) -> Module:
    """The module that a name of ``TORCH_NAMES`` makes of its arguments.

    Raises: ArgumentError where it does not take these.
    """
    if name == "nn.Identity":
        return identity()
    constructor = CONSTRUCTORS.get(name)
    if constructor is None:
        return _plain(name.removeprefix("nn."), arguments, keywords or {})
    return constructor(**bound(constructor, arguments, keywords or {}))

"""Torch's own kernel for an operator record: what a network computes, without the network.

In go records of a forward pass, the structure that has the settings of their modules, and perhaps weights by name; out
come functions of tensors. Shapes and settings are the network's, weights that are not given are random, and no code of
the network runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from time import perf_counter
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module, Shape, below

Kernel = Callable[..., Tensor]
Values = Mapping[str, Tensor]
"""Weights by name, ``model.0.conv.weight``."""
NO_VALUES: Values = {}


class Memory(NamedTuple):
    """Where tensors are made, and in which form."""

    device: torch.device
    dtype: torch.dtype
    channels_last: bool

    def weights(self, shape: Sequence[int], inputs: int = 1) -> Tensor:
        """Random numbers, the smaller the more ``inputs`` are added up, so that values neither vanish nor overflow."""
        return self.placed(torch.randn(tuple(shape)) / max(inputs, 1) ** 0.5)

    def placed(self, tensor: Tensor) -> Tensor:
        """A tensor on the device, in its dtype and, where it has four axes, in its memory format."""
        tensor = tensor.to(self.device, self.dtype)
        last = self.channels_last and tensor.dim() == 4
        return tensor.contiguous(memory_format=torch.channels_last) if last else tensor

    def now(self) -> float:
        """Seconds on a clock, after the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return perf_counter()


class Asked(NamedTuple):
    """What a kernel is made from."""

    record: OpRecord
    module: Module
    """The module that runs it, in the structure."""
    memory: Memory
    values: Values

    def setting(self, name: str) -> Any:
        """An option of the record, else an attribute of the module."""
        options = self.record.options
        return options[name] if name in options else self.module.attributes[name]

    def held(self, name: str, shape: Sequence[int]) -> Tensor | None:
        """The given values of a tensor of the module; None where there are none of that shape."""
        found = self.values.get(below(self.record.path, name))
        return self.memory.placed(found) if found is not None and tuple(found.shape) == tuple(shape) else None

    def weight(self, inputs: int, name: str = "weight") -> Tensor:
        """The given weight, else a random one."""
        found = self.held(name, self.record.weight)
        return self.memory.weights(self.record.weight, inputs) if found is None else found

    def bias(self, channels: int) -> Tensor | None:
        """The given biases, else random ones, where the operator has some."""
        if not self.record.options.get("bias"):
            return None
        found = self.held("bias", (channels,))
        return self.memory.weights((channels,)) if found is None else found


def kernel_of(record: OpRecord, root: Module, memory: Memory, values: Values = NO_VALUES) -> Kernel | None:
    """The kernel of a record, which takes its inputs that have axes; None where none is known.

    Raises: KeyError where the structure lacks a setting that the kernel needs.
    """
    make = _MAKERS.get(record.operator)
    module = module_at(root, record.path)
    return make(Asked(record, module, memory, values)) if make and module else None


def module_at(root: Module, path: str) -> Module | None:
    """The module at a path; None if there is none."""
    module: Module | None = root
    for name in path.split(".") if path else ():
        module = module.children.get(name) if module else None
    return module


# Operators with weights


def _conv2d(asked: Asked) -> Kernel:
    weight = asked.record.weight
    values, bias = asked.weight(prod(weight[1:])), asked.bias(weight[0])
    stride, padding, dilation, groups = map(asked.setting, ("stride", "padding", "dilation", "groups"))
    convolve: Kernel = functional.conv1d if len(weight) == 3 else functional.conv2d
    return lambda x: convolve(x, values, bias, stride, padding, dilation, groups)


def _conv_transpose2d(asked: Asked) -> Kernel:
    weight, groups = asked.record.weight, asked.setting("groups")
    values, bias = asked.weight(weight[0]), asked.bias(weight[1] * groups)
    stride, padding, extra, dilation = map(asked.setting, ("stride", "padding", "output_padding", "dilation"))
    return lambda x: functional.conv_transpose2d(x, values, bias, stride, padding, extra, groups, dilation)


def _linear(asked: Asked) -> Kernel:
    weight = asked.record.weight
    values, bias = asked.weight(weight[1]), asked.bias(weight[0])
    return lambda x: functional.linear(x, values, bias)


def _batch_norm(asked: Asked) -> Kernel:
    channels, training = asked.record.input[1], bool(asked.record.options.get("training"))

    def numbers(name: str, fill: Callable[..., Tensor]) -> Tensor:
        found = asked.held(name, (channels,))
        return asked.memory.placed(fill(channels)) if found is None else found

    mean, variance = numbers("running_mean", torch.zeros), numbers("running_var", torch.ones)
    scale: Tensor | None = numbers("weight", torch.ones)
    shift: Tensor | None = numbers("bias", torch.zeros)
    if not asked.record.options.get("affine"):
        scale = shift = None
    return lambda x: functional.batch_norm(x, mean, variance, scale, shift, training, 0.0, 1e-3)


def _layer_norm(asked: Asked) -> Kernel:
    shape: Any = asked.module.attributes.get("normalized_shape") or asked.record.weight
    shape = [shape] if isinstance(shape, int) else list(shape)
    return lambda x: functional.layer_norm(x, shape)


def _group_norm(asked: Asked) -> Kernel:
    groups = asked.setting("num_groups")
    return lambda x: functional.group_norm(x, groups)


def _prelu(asked: Asked) -> Kernel:
    slopes = asked.weight(16)
    return lambda x: functional.prelu(x, slopes)


def _attention(asked: Asked) -> Kernel:
    record, memory = asked.record, asked.memory
    embed, key, value = (shape[-1] for shape in record.inputs)
    appended, bias = bool(record.options.get("appended")), bool(record.options.get("bias"))
    heads: Any = record.options["heads"]
    module = nn.MultiheadAttention(embed, heads, bias=bias, add_zero_attn=appended, kdim=key, vdim=value)
    module = module.eval().requires_grad_(False).to(memory.device, memory.dtype)

    def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """The hosts' blocks give three tensors; torch projects one that is given three times in one product."""
        out: Tensor = module(query, key.view_as(key), value.view_as(value))[0]
        return out

    return attend


# Operators without weights


def _max_pool2d(asked: Asked) -> Kernel:
    settings = tuple(map(asked.setting, ("kernel_size", "stride", "padding", "dilation", "ceil_mode")))
    return lambda x: functional.max_pool2d(x, *settings)


def _avg_pool2d(asked: Asked) -> Kernel:
    """The pooling; ``ceil_mode``, which no record has, is on where rounding down gives another shape."""
    size = tuple(asked.record.output[2:])
    kernel, stride, padding = map(asked.setting, ("kernel", "stride", "padding"))
    outside = not asked.setting("inside")
    rounded_down = [
        (n + 2 * p - k) // s + 1 for n, p, k, s in zip(asked.record.input[2:], padding, kernel, stride, strict=True)
    ]
    return lambda x: functional.avg_pool2d(x, kernel, stride, padding, tuple(rounded_down) != size, outside)


def _adaptive(pool: Kernel) -> Callable[[Asked], Kernel]:
    def make(asked: Asked) -> Kernel:
        size = asked.record.output[-2:]
        return lambda x: pool(x, size)

    return make


def _upsample(asked: Asked) -> Kernel:
    size, mode = list(asked.record.output[2:]), asked.setting("mode")
    return lambda x: functional.interpolate(x, size=size, mode=mode)


def _pad2d(asked: Asked) -> Kernel:
    padding = asked.setting("padding")
    sides = [padding] * 4 if isinstance(padding, int) else list(padding)
    return lambda x: functional.pad(x, sides)


def _cat(asked: Asked) -> Kernel:
    inputs, output = asked.record.inputs, asked.record.output
    dims = [dim for dim, side in enumerate(output) if side != inputs[0][dim]]
    dim = dims[0] if dims else 0
    return lambda *xs: torch.cat(xs, dim)


def _softmax(asked: Asked) -> Kernel:
    dim: Any = asked.record.options.get("dim", 1)
    return lambda x: torch.softmax(x, dim)


def _sum(asked: Asked) -> Kernel:
    given, output = asked.record.input, asked.record.output
    dim = next((dim for dim in range(len(given)) if given[:dim] + given[dim + 1 :] == tuple(output)), 0)
    return lambda x: torch.sum(x, dim)


def _shuffle(shuffle: Kernel, name: str) -> Callable[[Asked], Kernel]:
    def make(asked: Asked) -> Kernel:
        factor = asked.setting(name)
        return lambda x: shuffle(x, factor)

    return make


# Operators on single values


def _single(apply: Kernel, in_place: Kernel | None = None) -> Callable[[Asked], Kernel]:
    """The maker of an operator on each value of one tensor."""

    def make(asked: Asked) -> Kernel:
        return in_place if in_place and asked.record.options.get("inplace") else apply

    return make


def _arithmetic(apply: Callable[[Any, Any], Tensor], number: float) -> Callable[[Asked], Kernel]:
    """The maker of an operator on two tensors, or on one tensor and a number."""

    def make(asked: Asked) -> Kernel:
        if sum(1 for shape in asked.record.inputs if shape) > 1:
            return lambda x, y: apply(x, y)
        return lambda x: apply(x, number)

    return make


def _itself(x: Tensor) -> Tensor:
    return x


_SMALL = 0.999
"""A number that leaves values as large as they are."""

_MAKERS: dict[str, Callable[[Asked], Kernel]] = {
    "conv1d": _conv2d,
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "instance_norm": _single(functional.instance_norm),
    "prelu": _prelu,
    "multi_head_attention": _attention,
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "adaptive_avg_pool2d": _adaptive(functional.adaptive_avg_pool2d),
    "adaptive_max_pool2d": _adaptive(functional.adaptive_max_pool2d),
    "upsample": _upsample,
    "pad2d": _pad2d,
    "cat": _cat,
    "softmax": _softmax,
    "sum()": _sum,
    "pixel_shuffle": _shuffle(functional.pixel_shuffle, "upscale_factor"),
    "pixel_unshuffle": _shuffle(functional.pixel_unshuffle, "downscale_factor"),
    "add": _arithmetic(torch.add, _SMALL),
    "sub": _arithmetic(torch.sub, _SMALL),
    "mul": _arithmetic(torch.mul, _SMALL),
    "div": _arithmetic(torch.div, _SMALL),
    "pow": _single(lambda x: torch.pow(x, 2)),
    "activation": _single(torch.sigmoid),  # of the scores of YOLOv7's branch u7
    "copy": _single(torch.clone),
    "identity": _single(_itself),
    "dropout": _single(_itself),
    "flatten": _single(lambda x: torch.flatten(x, 1)),
    "sigmoid": _single(torch.sigmoid),
    "tanh": _single(torch.tanh),
    "silu": _single(functional.silu, lambda x: functional.silu(x, inplace=True)),
    "relu": _single(functional.relu, functional.relu_),
    "relu6": _single(functional.relu6, lambda x: functional.relu6(x, inplace=True)),
    "leaky_relu": _single(
        lambda x: functional.leaky_relu(x, 0.1), lambda x: functional.leaky_relu(x, 0.1, inplace=True)
    ),
    "elu": _single(functional.elu, functional.elu_),
    "selu": _single(functional.selu, functional.selu_),
    "celu": _single(functional.celu, functional.celu_),
    "gelu": _single(functional.gelu),
    "mish": _single(functional.mish, lambda x: functional.mish(x, inplace=True)),
    "softplus": _single(functional.softplus),
    "logsigmoid": _single(functional.logsigmoid),
    "hardtanh": _single(functional.hardtanh, functional.hardtanh_),
    "hardswish": _single(functional.hardswish, lambda x: functional.hardswish(x, inplace=True)),
    "hardsigmoid": _single(functional.hardsigmoid, lambda x: functional.hardsigmoid(x, inplace=True)),
}
"""By operator, what makes its kernel."""


class Step(NamedTuple):
    """One kernel of a pass."""

    path: str
    operator: str
    inputs: tuple[Shape, ...]
    """Shapes of its inputs; scalars are left out."""
    output: Shape
    run: Kernel

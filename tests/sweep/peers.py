"""The networks of the tools' own tests, made anew, each with the figures that these tests expect, as arithmetic.

Source: fvcore, tests/test_flop_count.py and test_jit_model_analysis.py; ptflops, tests/common_test.py; thop and
ultralytics-thop, tests/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from math import prod
from random import Random
from typing import Any

import torch
from torch import nn

from tests.oracles.real_counters import Measure
from tests.sweep.case import Case, Shape

F = nn.functional

FVCORE, PTFLOPS = ("fvcore",), ("ptflops", "ptflops-aten")
THOPS = ("thop-0.1", "ultralytics-thop-2.2")
"""The last release of either line, whose tests these are."""
THOPS_BY_INPUT = ("ultralytics-thop-2.0.16", "ultralytics-thop-2.1.2", "ultralytics-thop-2.1.3", "ultralytics-thop-2.2")
"""The thops that count a transposed convolution by its input."""

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class Calls(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A function of the inputs, and of tensors that the module holds."""

    def __init__(self, function: Callable[..., Any], *held: Shape) -> None:
        super().__init__()
        self.function, self.held = function, len(held)
        for number, shape in enumerate(held):
            self.register_buffer(f"held{number}", torch.ones(shape))

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        """The function's value."""
        return self.function(*inputs, *(getattr(self, f"held{number}") for number in range(self.held)))


class Steps(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Named modules, and a forward pass that says how they are used."""

    def __init__(self, use: Callable[[Any, torch.Tensor], torch.Tensor], **modules: nn.Module) -> None:
        super().__init__()
        self.use = use
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the given function makes of the modules and the input."""
        return self.use(self, x)


class Named(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A layer whose input has a name."""

    def __init__(self, linear: nn.Module) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The layer's output."""
        return self.linear(x)


class Again(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A network that calls itself, three times, before it does its work."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(10, 1)

    def forward(self, x: torch.Tensor, more: int = 3) -> torch.Tensor:
        """Its own output, or the layer's."""
        return self(x, more - 1) if more else self.fc(x)


class Unchanged(torch.autograd.Function):  # type: ignore[misc]  # torch is not read by mypy
    """A function with a gradient of its own, that returns its input."""

    @staticmethod
    def forward(_: Any, x: torch.Tensor) -> torch.Tensor:
        """The input."""
        return x

    @staticmethod
    def backward(_: Any, gradient: torch.Tensor) -> torch.Tensor:
        """The gradient."""
        return gradient


class OneConvolution(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A module without a rule around one convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution's output."""
        return self.conv(x)


# Asking a tool for more than the figure of a model


def with_handle(name: str, figure: int) -> Measure:
    """Fvcore, with a figure of the user's own for each node of the graph that has this name."""

    def measure(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
        from fvcore.nn import FlopCountAnalysis

        return float(FlopCountAnalysis(model, image).set_op_handle(name, lambda *_: figure).total()), None

    return measure


def aten(**options: Any) -> Measure:
    """Ptflops' aten backend with these options."""

    def measure(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
        from ptflops.aten_engine import get_flops_aten

        macs, parameters = get_flops_aten(model, tuple(image.shape[1:]), print_per_layer_stat=False, **options)
        return macs, parameters

    return measure


def modules_alone(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    """Ptflops without functions."""
    from ptflops import get_model_complexity_info

    macs, parameters = get_model_complexity_info(
        model,
        tuple(image.shape[1:]),
        as_strings=False,
        print_per_layer_stat=False,
        backend="pytorch",
        backend_specific_config={"count_functional": False},
    )
    return macs, parameters


def by_name(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    """Ptflops, with the input as an argument by name."""
    from ptflops.pytorch_engine import get_flops_pytorch

    shape = tuple(image.shape[1:])
    macs, parameters = get_flops_pytorch(
        model, shape, print_per_layer_stat=False, input_constructor=lambda sides: {"x": torch.ones((1, *sides))}
    )
    return macs, parameters


def from_strides(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
    """Ultralytics-thop, which finds the figure from images of one and two strides of 32 pixels."""
    from thop import profile

    macs, parameters = profile(model, inputs=(image,), stride=32, verbose=False)[:2]
    return macs, parameters


def with_custom_ops(rule: Callable[[Any, Any, Any], None]) -> Measure:
    """A thop with a rule of the user's own for ``OneConvolution``."""

    def measure(model: nn.Module, image: torch.Tensor) -> tuple[float, float | None]:
        from thop import profile

        macs, parameters = profile(model, inputs=(image,), custom_ops={OneConvolution: rule}, verbose=False)[:2]
        return macs, parameters

    return measure


_RULE = """
import torch

def count(module, x, y):
    side, _ = module.conv.kernel_size
    macs = side**2 * module.conv.in_channels * y.numel() // module.conv.groups
    module.total_ops += {total}

custom_ops = {{"OneConvolution": count}}
"""
AS_TENSOR, AS_INTEGER = _RULE.format(total="torch.DoubleTensor([macs])"), _RULE.format(total="macs")


def rule_in(text: str) -> Callable[[Any, Any, Any], None]:
    """The rule for ``OneConvolution`` in a file of rules."""
    names: dict[str, Any] = {}
    exec(text, names)  # noqa: S102  # the text above
    rule: Callable[[Any, Any, Any], None] = names["count"]
    return rule


# fvcore


def convolution(
    axes: int, shape: Shape, filters: int, kernel: int = 3, stride: int = 1, padding: int = 1, groups: int = 1
) -> Case:
    """A convolution over one, two or three axes, each as long as the others."""
    images, channels, side = shape
    places = ((side + 2 * padding - kernel) // stride + 1) ** axes
    return Case(
        lambda: CONVOLUTIONS[axes - 1](channels, filters, kernel, stride, padding, groups=groups),
        ((images, channels, *[side] * axes),),
        FVCORE,
        images * places * filters * (channels // groups) * kernel**axes,
    )


def transposed(shape: Shape, filters: int, kernel: int, stride: int, padding: int, more: int = 0) -> Case:
    """A transposed convolution of squares: each value of the input is used by each filter."""
    images, channels, side = shape
    return Case(
        lambda: nn.ConvTranspose2d(channels, filters, kernel, stride, padding, more),
        ((images, channels, side, side),),
        FVCORE,
        images * channels * side**2 * filters * kernel**2,
    )


def function(call: Callable[..., Any], expected: int, *shapes: Shape, held: tuple[Shape, ...] = ()) -> Case:
    """A function of the inputs, as fvcore counts it."""
    return Case(partial(Calls, call, *held), shapes, FVCORE, expected)


def handled(operator: str, figure: int, expected: int) -> Case:
    """A fully connected layer and its sigmoid, one of them with a figure of the user's own."""
    return Case(
        lambda: nn.Sequential(nn.Linear(5, 4), nn.Sigmoid()),
        ((10, 5),),
        FVCORE,
        expected,
        measure=with_handle(f"aten::{operator}", figure),
        rules=f"operators = {{{operator!r}: lambda r: {figure}}}",
    )


def nested() -> nn.Module:
    """A convolution and a layer, then the same inside a module of its own."""
    inner = Steps(
        lambda self, x: 3 * self.fc(self.conv(x.reshape(-1, 2, 5)).flatten(1)) + 1,
        conv=nn.Conv1d(2, 2, 1),
        fc=nn.Linear(10, 10),
    )
    return Steps(
        lambda self, x: self.submod(self.fc(self.conv(x).flatten(1))) ** 2,
        submod=inner,
        fc=nn.Linear(20, 10),
        conv=nn.Conv1d(4, 4, 3, padding=1),
    )


_INNER = {"submod.conv": 5 * 2 * 2, "submod.fc": 10 * 10}
_OUTER = {"conv": 5 * 3 * 4 * 4, "fc": 20 * 10}
_NESTED = sum((*_INNER.values(), *_OUTER.values()))


def shared() -> nn.Module:
    """A layer inside of two modules, and another under two names."""
    inner, twice = nn.Linear(10, 10), nn.Linear(10, 1)

    def use(self: Any, x: torch.Tensor) -> torch.Tensor:
        x = self.submod1(x) + self.submod2(x)
        return self.multiname1(x) + self.multiname2(x)

    around = partial(Steps, lambda self, x: self.submod(x), submod=inner)
    return Steps(use, submod1=around(), submod2=around(), multiname1=twice, multiname2=twice)


def used_directly() -> nn.Module:
    """A module that is never called, but whose layer is."""
    submod = Steps(lambda self, x: x, fc=nn.Linear(10, 1))
    return Steps(lambda self, x: self.submod.fc(self.fc(x)), submod=submod, fc=nn.Linear(10, 10))


def repeated(self: Any, x: torch.Tensor) -> torch.Tensor:
    """One layer three times, then another twice."""
    return self.fc2(self.fc2(self.fc1(self.fc1(self.fc1(x)))))


def decided_by_value(self: Any, x: torch.Tensor) -> torch.Tensor:
    """One layer, and another where the first one's value is below zero; Python alone reads that value."""
    return (self.fc2(x) if self.fc1(x).item() < 0 else x) + 2


def with_bias_of(value: float) -> nn.Module:
    """A layer with one value out, which is this."""
    layer = nn.Linear(10, 1)
    nn.init.constant_(layer.bias, value)
    return layer


def scripted(x: torch.Tensor) -> torch.Tensor:
    """A product, compiled."""
    return torch.jit.script(_square)(x * x)


def _square(x: torch.Tensor) -> torch.Tensor:
    return x @ x


_FVCORE: dict[str, Case] = {
    "convolution": convolution(2, (5, 10, 15), 3),
    "convolution with a stride": convolution(2, (2, 10, 20), 6, stride=2),
    "convolution in groups": convolution(2, (5, 16, 15), 8, 5, padding=2, groups=4),
    "convolution with a group for each filter": convolution(2, (5, 16, 15), 8, groups=8),
    "convolution on one axis": convolution(1, (5, 10, 15), 3),
    "convolution on three axes": convolution(3, (5, 10, 15), 3),
    "transposed convolution": transposed((5, 10, 15), 3, 3, 1, 1),
    "transposed convolution with a stride": transposed((5, 10, 15), 3, 3, 2, 1),
    "transposed convolution with padding of its output": transposed((5, 10, 15), 3, 3, 3, 1, 2),
    "linear": Case(lambda: nn.Linear(8, 4), ((5, 8),), FVCORE, 5 * 8 * 4),
    "linear of words": Case(lambda: nn.Linear(10, 20), ((5, 5, 10),), FVCORE, 5 * 5 * 10 * 20),
    "linear and sigmoid": Case(lambda: nn.Sequential(nn.Linear(5, 4), nn.Sigmoid()), ((10, 5),), FVCORE, 10 * 5 * 4),
    "linear and sigmoid with a figure of its own": handled("sigmoid", 10000, 10 * 5 * 4 + 10000),
    "linear with a figure of its own, and sigmoid": handled("linear", 400000, 400000),
    "matmul": function(torch.matmul, 20 * 10 * 100, (20, 10), (10, 100)),
    "matmul of one matrix each": function(torch.matmul, 20 * 10 * 100, (1, 20, 10), (1, 10, 100)),
    "matmul of two by two": function(torch.matmul, 2 * 2 * 20 * 10 * 100, (2, 2, 20, 10), (2, 2, 10, 100)),
    "matmul of one and a matrix": function(torch.matmul, 20 * 10 * 100, (1, 20, 10), (10, 100)),
    "matmul of two and a matrix": function(torch.matmul, 2 * 20 * 10 * 100, (2, 20, 10), (10, 100)),
    "mm": function(torch.mm, 3 * 4 * 5, (3, 4), (4, 5)),
    "bmm": function(torch.bmm, 2 * 5 * 2 * 12, (2, 5, 2), (2, 2, 12)),
    "einsum nct,ncp->ntp": function(partial(torch.einsum, "nct,ncp->ntp"), 5 * 2 * 12, (1, 5, 2), (1, 5, 12)),
    "einsum ntg,ncg->nct": function(partial(torch.einsum, "ntg,ncg->nct"), 2 * 6 * 5, (1, 2, 6), (1, 5, 6)),
    "einsum nc,nchw->hw": function(partial(torch.einsum, "nc,nchw->hw"), 3 * 4 * 2 * 3, (3, 4), (3, 4, 2, 3)),
    "BatchNorm1d": Case(lambda: nn.BatchNorm1d(10, affine=False), ((10, 10),), FVCORE, 10 * 10),
    "BatchNorm2d in training": Case(
        lambda: nn.BatchNorm2d(10, affine=False), ((10, 10, 5, 5),), FVCORE, 4 * 10 * 10 * 5 * 5, training=True
    ),
    "BatchNorm3d in training": Case(
        lambda: nn.BatchNorm3d(10, affine=False), ((10, 10, 5, 5, 5),), FVCORE, 4 * 10 * 10 * 5 * 5 * 5, training=True
    ),
    "F.batch_norm": function(F.batch_norm, 2 * 2**4, (2, 2, 2, 2), held=((2,),) * 4),
    "F.batch_norm without a weight": function(F.batch_norm, 2**4, (2, 2, 2, 2), held=((2,),) * 2),
    "F.batch_norm in training": function(
        lambda *tensors: F.batch_norm(*tensors, training=True), 5 * 2**4, (2, 2, 2, 2), held=((2,),) * 4
    ),
    "F.group_norm": function(
        lambda x, weight, bias: F.group_norm(x, 2, weight, bias), 5 * 2**4, (2, 2, 2, 2), held=((2,),) * 2
    ),
    "F.group_norm without a weight": function(lambda x: F.group_norm(x, 2), 4 * 2**4, (2, 2, 2, 2)),
    "F.interpolate": function(lambda x: F.interpolate(x, None, 2, "bilinear", False), 4 * 2 * 2 * 4 * 4, (2, 2, 2, 2)),
    "a function with a gradient of its own": function(Unchanged.apply, 0, (4, 5)),
    "a compiled product": function(scripted, 0, (5, 5)),
    "three layers": Case(
        lambda: Steps(
            lambda self, x: self.linear2(self.linear1(self.pool(self.conv(x)).flatten(1))),
            conv=nn.Conv2d(2, 5, 1),
            pool=nn.AdaptiveAvgPool2d((1, 1)),
            linear1=nn.Linear(5, 3),
            linear2=nn.Linear(3, 1),
        ),
        ((4, 2, 10, 10),),
        FVCORE,
        4 * 10 * 10 * 5 * 2 + 4 * 10 * 10 * 5 + 4 * 5 * 3 + 4 * 3,
        modules={"conv": 4 * 10 * 10 * 5 * 2, "pool": 4 * 10 * 10 * 5, "linear1": 4 * 5 * 3, "linear2": 4 * 3},
    ),
    "modules in modules": Case(
        nested, ((1, 4, 5),), FVCORE, _NESTED, modules={**_OUTER, "submod": sum(_INNER.values()), **_INNER}
    ),
    "modules in modules, in DataParallel": Case(lambda: nn.DataParallel(nested()).cpu(), ((1, 4, 5),), FVCORE, _NESTED),
    "linear in DataParallel": Case(lambda: nn.DataParallel(nn.Linear(10, 10)).cpu(), ((10, 10),), FVCORE, 10 * 10 * 10),
    "a layer that is not used": Case(
        lambda: Steps(
            lambda self, x: self.fc2(self.act(self.fc1(x))),
            fc1=nn.Linear(10, 10),
            fc2=nn.Linear(10, 1),
            unused=nn.Linear(20, 20),
            act=nn.ReLU(),
        ),
        ((1, 10),),
        FVCORE,
        10 * 10 + 10,
        modules={"fc1": 10 * 10, "fc2": 10, "unused": 0},
    ),
    "layers that are used again": Case(
        lambda: Steps(repeated, fc1=nn.Linear(10, 10), fc2=nn.Linear(10, 10)),
        ((1, 10),),
        FVCORE,
        3 * 10 * 10 + 2 * 10 * 10,
        modules={"fc1": 3 * 10 * 10, "fc2": 2 * 10 * 10},
    ),
    "a layer of a module that is not called": Case(
        used_directly, ((5, 10),), FVCORE, 5 * (10 * 10 + 10), modules={"fc": 5 * 10 * 10, "submod.fc": 5 * 10}
    ),
    "layers that are shared": Case(
        shared,
        ((1, 10),),
        FVCORE,
        2 * 10 * 10 + 2 * 10,
        # by the first name, as fvcore has it unless it is asked by caller: half of this is then in submod2
        modules={"submod1": 2 * 10 * 10, "submod1.submod": 2 * 10 * 10, "submod2": 0, "multiname1": 2 * 10},
    ),
    "a network that calls itself": Case(Again, ((1, 10),), FVCORE, 10, modules={"fc": 10}),
    "a layer that a value decides on": Case(
        lambda: Steps(decided_by_value, fc1=with_bias_of(-1), fc2=nn.Linear(10, 10)), ((1, 10),), FVCORE, 10 * 10
    ),
    "a layer that a value decides against": Case(
        lambda: Steps(decided_by_value, fc1=with_bias_of(1), fc2=nn.Linear(10, 10)), ((1, 10),), FVCORE, 0
    ),
}

# ptflops


def resized(resize: Callable[[torch.Tensor], torch.Tensor]) -> Case:
    """A bilinear resize of 10 x 10 to 20 x 20, as ptflops counts functions."""
    return Case(partial(Calls, resize), ((1, 3, 10, 10),), PTFLOPS[:1], 3 * 20 * 20, 0)


def by_its_transpose(x: torch.Tensor) -> torch.Tensor:
    """A matrix times itself, transposed."""
    return x.matmul(x.t())


def row_by_itself(expected: int, *counters: str, measure: Measure | None = None) -> Case:
    """Ten products, with this figure by a tool that is told so."""
    rules = f"operators = {{'matmul': lambda r: {expected}}}" if measure else ""
    return Case(partial(Calls, by_its_transpose), ((1, 10),), counters, expected, 0, measure=measure, rules=rules)


_PTFLOPS = {
    "ptflops: convolution": Case(
        lambda: nn.Sequential(nn.Conv2d(3, 2, 3)), ((1, 3, 224, 224),), PTFLOPS, 222 * 222 * 2 * (3 * 9 + 1), 2 * 28
    ),
    "ptflops: transposed convolution": Case(
        lambda: nn.ConvTranspose2d(3, 2, 3, 2),
        ((1, 3, 224, 224),),
        PTFLOPS,
        224 * 224 * 3 * 2 * 9 + 449 * 449 * 2,
        3 * 2 * 9 + 2,
    ),
    "ptflops: linear": Case(lambda: nn.Sequential(nn.Linear(3, 2)), ((1, 3),), PTFLOPS, 3 * 2 + 2, 3 * 2 + 2),
    "ptflops: linear of words": Case(
        lambda: nn.Sequential(nn.Linear(3, 2, bias=False)), ((1, 4, 5, 3),), PTFLOPS, 4 * 5 * 3 * 2, 3 * 2
    ),
    "ptflops: linear, input by its name": Case(
        lambda: Named(nn.Linear(3, 2)), ((1, 3),), PTFLOPS[:1], 3 * 2 + 2, 3 * 2 + 2, measure=by_name
    ),
    "ptflops: resize, all by name": resized(
        lambda x: F.interpolate(input=x, size=(20, 20), mode="bilinear", align_corners=False)
    ),
    "ptflops: resize to one number, all by name": resized(
        lambda x: F.interpolate(input=x, size=20, mode="bilinear", align_corners=False)
    ),
    "ptflops: resize, by position": resized(lambda x: F.interpolate(x, (20, 20), mode="bilinear")),
    "ptflops: resize to one number, by position": resized(lambda x: F.interpolate(x, 20, mode="bilinear")),
    "ptflops: resize by a factor": resized(lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    "ptflops: matmul": row_by_itself(10, "ptflops"),
    "ptflops: matmul, ignored": row_by_itself(
        0, "ptflops-aten", measure=aten(ignore_modules=[torch.ops.aten.matmul, torch.ops.aten.mm])
    ),
    "ptflops: matmul with a figure of its own": row_by_itself(
        42, "ptflops-aten", measure=aten(custom_modules_hooks={torch.ops.aten.mm: lambda *_: 42})
    ),
    "ptflops: matmul, functions ignored": row_by_itself(0, "ptflops", measure=modules_alone),
}

# thop, of both lines


def convolution_of_thop(shape: Shape, filters: int, kernel: Shape, padding: int = 0, bias: bool = False) -> Case:
    """A convolution as every thop since 0.1 counts it: without its bias."""
    images, channels, *sides = shape
    places = prod(side + 2 * padding - k + 1 for side, k in zip(sides, kernel, strict=True))
    return Case(
        lambda: nn.Conv2d(channels, filters, kernel, padding=padding, bias=bias),
        (shape,),
        THOPS,
        images * filters * places * channels * prod(kernel),
    )


def transposed_of_thop(shape: Shape, filters: int, kernel: Shape, **options: Any) -> Case:
    """A transposed convolution as ultralytics-thop counts it: by its input, without its bias."""
    images, channels, height, width = shape
    return Case(
        lambda: nn.ConvTranspose2d(channels, filters, kernel, **options),
        (shape,),
        THOPS_BY_INPUT,
        images * channels * height * width * (filters // options.get("groups", 1)) * prod(kernel),
    )


def linear_of_thop(images: int, features: int, outputs: int) -> Case:
    """A fully connected layer as every thop since 0.1 counts it: without its bias."""
    return Case(lambda: nn.Linear(features, outputs), ((images, features),), THOPS, images * features * outputs)


def random_of_thop() -> dict[str, Case]:
    """Ten of each, from the ranges that the tests draw from."""
    numbers = Random(0)
    cases: dict[str, Case] = {}
    for n in range(10):
        filters, *kernel = (numbers.randint(1, 19) for _ in range(3))
        images, channels, *more = (numbers.randint(1, 19) for _ in range(4))
        sides = (more[0] + kernel[0], more[1] + kernel[1])
        cases[f"thop: convolution {n}"] = convolution_of_thop((images, channels, *sides), filters, tuple(kernel), 1)
        cases[f"thop: linear {n}"] = linear_of_thop(*(numbers.randint(1, 499) for _ in range(3)))
        filters, *kernel = (numbers.randint(1, 9) for _ in range(3))
        images, channels, stride, padding = (
            numbers.randint(low, high) for low, high in ((1, 4), (1, 4), (1, 2), (0, 1))
        )
        shortest = max(3, *((2 * padding + k) // stride + 1 for k in kernel))
        sides = (shortest + numbers.randint(0, 9), shortest + numbers.randint(0, 9))
        cases[f"thop: transposed convolution {n}"] = transposed_of_thop(
            (images, channels, *sides), filters, tuple(kernel), stride=stride, padding=padding, bias=False
        )
    return cases


def parameters_of_thop(make: Callable[[], nn.Module]) -> Case:
    """A network with one convolution of 3 to 10 channels."""
    return Case(make, ((1, 3, 224, 224),), THOPS[1:], 222 * 222 * 10 * 3 * 9, 3 * 10 * 9 + 10)


def own_rule(text: str) -> Case:
    """A convolution in a module of the user's own, with a rule for that module beside the convolution's."""
    return Case(
        OneConvolution,
        ((1, 3, 224, 224),),
        THOPS[1:],
        2 * 224 * 224 * 64 * 3 * 9,
        measure=with_custom_ops(rule_in(text)),
        rules=text,
    )


_THOP = {
    "thop: convolution": convolution_of_thop((1, 3, 32, 32), 12, (5, 5), 1, bias=True),
    "thop: convolution without a bias": convolution_of_thop((1, 3, 32, 32), 12, (5, 5), 1),
    "thop: linear": linear_of_thop(1, 100, 200),
    "thop: ReLU": Case(nn.ReLU, ((1, 100),), THOPS, 0),
    "thop: transposed convolution": transposed_of_thop((1, 3, 2, 2), 1, (2, 2), stride=2),
    "thop: transposed convolution without a bias": transposed_of_thop((1, 3, 2, 2), 1, (2, 2), stride=2, bias=False),
    "thop: transposed convolution in groups": transposed_of_thop(
        (1, 8, 4, 4), 4, (3, 3), padding=1, groups=2, bias=False
    ),
    "thop: a convolution to half the size": Case(
        lambda: nn.Conv2d(1, 3, 2, 2, bias=False), ((1, 1, 4, 4),), THOPS, 2 * 2 * 3 * 4
    ),
    "thop: a transposed convolution that undoes it": transposed_of_thop((1, 3, 2, 2), 1, (2, 2), stride=2, bias=False),
    "thop: parameters of a convolution": parameters_of_thop(lambda: nn.Conv2d(3, 10, 3)),
    "thop: parameters of a convolution in a sequence": parameters_of_thop(lambda: nn.Sequential(nn.Conv2d(3, 10, 3))),
    "thop: a rule that adds a tensor": own_rule(AS_TENSOR),
    "thop: a rule that adds a number": own_rule(AS_INTEGER),
    "thop: a figure found from strides": Case(
        lambda: nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1, bias=False),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, 2, bias=False),
        ),
        ((1, 3, 160, 160),),
        THOPS[1:],
        160 * 160 * 4 * 3 * 9 + (160 * 160 + 1) * 4 + 4 * 2,
        measure=from_strides,
    ),
    **random_of_thop(),
}

CASES: Mapping[str, Case] = {f"fvcore: {name}": case for name, case in _FVCORE.items()} | _PTFLOPS | _THOP

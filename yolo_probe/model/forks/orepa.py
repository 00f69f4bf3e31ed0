"""OREPA: a convolution whose weight is computed anew from many parameters in each forward pass, until ``fuse()``.

Source: ``RepConv_OREPA`` of https://github.com/WongKinYiu/yolov7 (2022), models/common.py, and of forks that have it.
"""

from __future__ import annotations

from dataclasses import replace

from yolo_probe.model import operators
from yolo_probe.model.forks.fork import with_attributes
from yolo_probe.model.forward import Frame, block
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Module, Shape, Tensor

_SIZES = "deploy in_channels out_channels groups padding dilation"


@block(
    "RepConv_OREPA", holds="nonlinearity se rbr_identity? rbr_dense? rbr_1x1? rbr_reparam?", pasted=True,
    sets=f"{_SIZES} rbr_identity? id_tensor?",
)  # fmt: skip
def rep_conv(f: Frame, x: Shape) -> Shape:
    if f.has("rbr_reparam"):
        return f("nonlinearity", f("se", f("rbr_reparam", x)))
    identity = f("rbr_identity", x) if f.has("rbr_identity") else ()
    y = f.add(f("rbr_dense", x), f("rbr_1x1", x))
    y = f.add(y, identity) if identity else f.function("add", (y,), y)  # the number 0, where there is no identity
    return f("nonlinearity", f("se", y))


@block("ConvBN", holds="nonlinear conv bn?", pasted=True)
def conv_bn(f: Frame, x: Shape) -> Shape:
    y = f("conv", x)
    return f("nonlinear", f("bn", y) if f.has("bn") else y)


_WEIGHTS = "origin avg_conv pfir_conv avg_avg prior 1x1_kxk_conv2 gconv_dw gconv_pw 1x1_kxk_idconv1? 1x1_kxk_conv1?"


@block(
    "OREPA_3x3_RepConv", holds="nonlinear bn", sets=f"{_SIZES} kernel_size stride branch_counter",
    tensors=f"vector id_tensor? {' '.join(f'weight_rbr_{name}' for name in _WEIGHTS.split())}",
    when=lambda module: module.attributes["groups"] == 1,  # with more its forward fails
    pasted=True,
)  # fmt: skip
def orepa(f: Frame, x: Shape) -> Shape:
    weight = _weight(f)
    out = operators.conv2d(x, weight, f.pair("stride"), f.pair("padding"), f.pair("dilation"), 1)
    y = f.with_weight(weight, "conv2d", (x,), out, bias=False, groups=1)
    return f("nonlinear", f("bn", y))


def _weight(f: Frame) -> Shape:
    """The weight of the convolution: the sum of five, each scaled for each output channel."""
    tensors = {**f.module.parameters, **f.module.buffers}
    shapes = {name.removeprefix("weight_rbr_"): tensor.shape for name, tensor in tensors.items() if tensor}
    whole = shapes["origin"]
    outputs, _, *sides = whole

    def scaled() -> None:
        f.function("einsum", (whole, (outputs,)), whole, equation="oihw,o->oihw")

    scaled()
    f.function("einsum", (shapes["avg_conv"], tuple(sides)), whole, equation="oihw,hw->oihw")
    scaled()
    f.function("einsum", (shapes["pfir_conv"], shapes["prior"]), whole, equation="oihw,ohw->oihw")
    scaled()
    first = shapes.get("1x1_kxk_idconv1")
    if first:
        f.add(first, shapes["id_tensor"])
    middle = (first or shapes["1x1_kxk_conv1"])[:2]
    f.function("einsum", (middle, shapes["1x1_kxk_conv2"]), whole, equation="ti,othw->oihw")
    scaled()
    channels = f.get("in_channels", int)
    many, each = shapes["gconv_dw"][:2]
    if channels < 1 or many % channels:
        raise ShapeError(f"found {many} channels of weight_rbr_gconv_dw, expected a multiple of {channels}")
    depthwise, pointwise = (channels, many // channels, each, *sides), (outputs, channels, many // channels)
    f.function("einsum", (depthwise, pointwise), (outputs, channels, each, *sides), equation="gtihw,ogt->ogihw")
    scaled()
    for _ in range(4):
        f.add(whole, whole)
    return whole


def deployed_orepa(module: Module, path: str, grad_enabled: bool) -> Module:
    """One convolution in place of the branches, which does not train; of an identity a tensor stays."""
    dense, small = module.children.get("rbr_dense"), module.children.get("rbr_1x1")
    if dense is None or small is None:
        return module
    weight = dense.parameters["weight_rbr_origin"]
    sizes = {name: (side, side) for name in ("kernel_size", "stride", "padding", "dilation")
             if isinstance(side := dense.attributes[name], int)}  # fmt: skip
    tensors = {name: Tensor(shape, weight.dtype, False) for name, shape in
               (("weight", weight.shape), ("bias", weight.shape[:1]))}  # fmt: skip
    convolution = small.child("conv")
    merged = replace(convolution, parameters=tensors, attributes={**convolution.attributes, **sizes})
    kept = {name: child for name, child in module.children.items() if not name.startswith("rbr_")}
    made = with_attributes(module, {**kept, "rbr_reparam": merged})
    return replace(made, attributes={name: each for name, each in made.attributes.items() if name != "rbr_identity"})


def orepa_before(module: Module) -> Module | None:
    """Not known for a merged one, which says nothing of the branches it had."""
    return None if "rbr_reparam" in module.children and "rbr_dense" not in module.children else module

"""YOLOv5-Lite: its light blocks, and a ``fuse()`` that also merges branches and renumbers Sequentials.

Source: https://github.com/ppogg/YOLOv5-Lite at 9d649a6 (June 2024).
"""

from __future__ import annotations

from dataclasses import replace

from yolo_probe.model import operators
from yolo_probe.model.forks.fork import (
    Fork,
    merged_conv,
    one_convolution,
    pairs_merged,
    pairs_restored,
    unmerged_conv,
    with_attributes,
)
from yolo_probe.model.forward import Frame, Value, block
from yolo_probe.model.freezing import with_frozen
from yolo_probe.model.structure import Module, Shape, named_modules, named_parameters
from yolo_probe.model.yolov5_blocks import is_whole, several


@block("CBH", holds="conv bn? hardswish", sets="forward?", when=is_whole)
def cbh(f: Frame, x: Shape) -> Shape:
    x = f("conv", x)
    if "bn" in f.module.children:
        x = f("bn", x)
    return f("hardswish", x)


@block("LC_Block", holds="dw_conv se? pw_conv", sets="use_se")
def lc_block(f: Frame, x: Shape) -> Shape:
    x = f("dw_conv", x)
    return f("pw_conv", f("se", x) if f.flag("use_se") else x)


@block("LC_SEModule", holds="avg_pool conv1 relu conv2 SiLU")
def lc_se_module(f: Frame, x: Shape) -> Shape:
    return _gated(f, x, "avg_pool conv1 relu conv2 SiLU")


@block("ES_SEModule", holds="avg_pool conv1 relu conv2 hardsigmoid")
def es_se_module(f: Frame, x: Shape) -> Shape:
    return _gated(f, x, "avg_pool conv1 relu conv2 hardsigmoid")


def _gated(f: Frame, x: Shape, names: str) -> Shape:
    """The input times what its modules, one after the other, make of it."""
    y = x
    for name in names.split():
        y = f(name, y)
    return f.mul(x, y)


@block("Dense", holds="dense_conv hardswish dropout")
def dense(f: Frame, x: Shape) -> Shape:
    return f("dropout", f("hardswish", f("dense_conv", x)))


@block("DWConvblock", holds="conv1 bn1 conv2 bn2", sets="p")
def dw_conv_block(f: Frame, x: Shape) -> Shape:
    for number in ("1", "2"):
        x = f(f"bn{number}", f(f"conv{number}", x))
        x = f.function("relu", (x,), x)
    return x


@block("conv_bn_relu_maxpool", holds="conv maxpool")
def conv_bn_relu_maxpool(f: Frame, x: Shape) -> Shape:
    return f("maxpool", f("conv", x))


@block("stem", holds="conv")
def stem(f: Frame, x: Shape) -> Shape:
    return f("conv", x)


@block("ADD", sets="a", takes="several")
def weighted_add(f: Frame, x: Value) -> Shape:
    first, second, *_ = several(x)
    return f.function("add", (first, second), operators.broadcast(first, second), call="add")


@block("LC3", holds="cv1 cv2 cv3 m")
def lc3(f: Frame, x: Shape) -> Shape:
    y = f("m", f("cv1", x))
    return f("cv3", f.function("add", (y, f("cv2", x)), y, call="add"))


@block("Shuffle_Block", holds="branch1? branch2", sets="stride")
def shuffle_block(f: Frame, x: Shape) -> Shape:
    return shuffled_branches(f, x)


def shuffled_branches(f: Frame, x: Shape) -> Shape:
    """Two branches side by side, of which the first passes half of the input where the stride is 1, then shuffled."""
    if f.get("stride", int) == 1:
        first, x = f.halves(x)
    else:
        first = f("branch1", x)
    return _shuffled(f, f.cat([first, f("branch2", x)]))


def _shuffled(f: Frame, x: Shape) -> Shape:
    """The same channels in another order."""
    return f.copy(x, x)


@block("ES_Bottleneck", holds="branch1? branch2 branch3 branch4", sets="stride")
def es_bottleneck(f: Frame, x: Shape) -> Shape:
    if f.get("stride", int) == 1:
        first, second = f.halves(x)
        return _shuffled(f, f.cat([first, f("branch3", second)]))
    return f("branch4", f.cat([f("branch1", x), f("branch2", x)]))


@block("Hswish", holds="relu")
def hswish(f: Frame, x: Shape) -> Shape:
    y = f("relu", f.function("add", (x,), x))
    return f.function("div", (y,), y)


@block("mobilev3_bneck", holds="conv", sets="identity")
def mobilev3_bneck(f: Frame, x: Shape) -> Shape:
    y = f("conv", x)
    return f.add(x, y) if f.flag("identity") else y


_SETS = "deploy groups in_channels out_channels? rbr_identity? id_tensor? forward?"


_BRANCHES = "rbr_identity? rbr_dense? rbr_1x1? rbr_reparam?"


@block("RepVGGBlock", "RepVGGBlockv6", holds=f"nonlinearity se? {_BRANCHES}", sets=_SETS, pasted=True)
def rep_vgg_block(f: Frame, x: Shape) -> Shape:
    if not f.has("rbr_1x1"):  # merged; in some forks both names have the one convolution, and ``se`` is not called
        merged = f("rbr_dense", x) if f.has("rbr_dense") else f("se", f("rbr_reparam", x))
        return f("nonlinearity", merged)
    y = f.add(f("rbr_dense", x), f("rbr_1x1", x))
    y = f.add(y, f("rbr_identity", x)) if f.has("rbr_identity") else f.function("add", (y,), y)
    return f("nonlinearity", f("se", y))


@block("RepBlock", holds="conv1 block?", sets="block?", pasted=True)
def rep_block(f: Frame, x: Shape) -> Shape:
    x = f("conv1", x)
    return f("block", x) if f.has("block") else x


def _fused_rep_vgg(module: Module, path: str, grad_enabled: bool) -> Module:
    """One convolution in place of the branches; a ``se`` behind them is dropped, and no longer computed."""
    dense = module.children.get("rbr_dense")
    if dense is None or "rbr_1x1" not in module.children:
        return module
    children = {
        "nonlinearity": module.child("nonlinearity"),
        "rbr_dense": one_convolution(dense.child("conv"), trains=True),
    }
    return with_attributes(module, children, deploy=True, forward="fusevggforward")


def _fused_shuffle(module: Module, path: str, grad_enabled: bool) -> Module:
    """Branches without BatchNorms; the activation after the last convolution of each stays."""
    branches = {
        name: child and pairs_merged(child, f"{path}.{name}", grad_enabled) for name, child in module.children.items()
    }
    return replace(module, children=branches)


def rep_vgg_before(module: Module) -> Module | None:
    """Not known for a merged one, which says nothing of its identity or of a ``se`` that was dropped.

    One that was built with ``deploy=True``, and had no branches, has ``rbr_reparam`` alone.
    """
    return module if "rbr_1x1" in module.children or "rbr_dense" not in module.children else None


def _shuffle_before(module: Module) -> Module:
    branches = {name: child and pairs_restored(child) for name, child in module.children.items()}
    same = all(branches[name] == child for name, child in module.children.items())
    return module if same else replace(module, children=branches)


def _last_block_trains(root: Module) -> Module:
    """Each merged RepVGGBlock takes every parameter of the network out of training; its own comes after that."""
    merged = [
        path for path, each in named_modules(root) if each.kind == "RepVGGBlock" and "rbr_1x1" not in each.children
    ]
    if not merged:
        return root
    last = f"{merged[-1]}.rbr_dense."
    return with_frozen(root, frozenset(name for name, _ in named_parameters(root) if not name.startswith(last)))


def _has_heads_of_v5_0(root: Module) -> bool:
    heads = [module for _, module in named_modules(root) if module.kind == "Detect"]
    return root.kind == "Model" and all("inplace" not in head.attributes for head in heads)


YOLOV5_LITE = Fork(
    "YOLOv5-Lite",
    line="v5.0",
    marks=frozenset({
        "Shuffle_Block", "CBH", "LC_Block", "LC_SEModule", "DWConvblock", "conv_bn_relu_maxpool", "LC3",
        "ES_Bottleneck", "mobilev3_bneck", "RepVGGBlock", "C3_GC",
    }),
    builds=_has_heads_of_v5_0,
    fuses={
        "Conv": merged_conv, "CBH": merged_conv, "RepVGGBlock": _fused_rep_vgg, "Shuffle_Block": _fused_shuffle,
    },
    restores={"CBH": unmerged_conv, "RepVGGBlock": rep_vgg_before, "Shuffle_Block": _shuffle_before},
    finish=_last_block_trains,
)  # fmt: skip

"""PP-YOLOE, as YOLOAir and YOLOU have it: its CSPResNet, and the stages and pools of its neck.

No ``fuse()`` of theirs merges its layers: a ConvBNLayer keeps its BatchNorm, and a RepVggBlock its two branches.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forks.yolo_facev2 import conv_norm_act
from yolo_probe.model.forward import Frame
from yolo_probe.model.structure import Module, Shape

pasted("ConvBNLayer", holds="conv bn act")(conv_norm_act)


@pasted("Swish", sets="inplace")
def swish(f: Frame, x: Shape) -> Shape:
    return f.mul(x, f.function("sigmoid", (x,), x))


def _has_branches(module: Module) -> bool:
    return module.attributes.get("deploy") is False


@pasted("RepVggBlock", holds="conv1 conv2 act", sets="ch_in ch_out deploy", when=_has_branches)
def rep_vgg_block(f: Frame, x: Shape) -> Shape:
    return f("act", f.add(f("conv1", x), f("conv2", x)))


@pasted("BasicBlock", holds="conv1 conv2", sets="shortcut")
def basic_block(f: Frame, x: Shape) -> Shape:
    y = f("conv2", f("conv1", x))
    return f.add(x, y) if f.flag("shortcut") else y


@pasted("CSPResStage", holds="conv_down? conv1 conv2 blocks attn? conv3", sets="conv_down? attn?")
def stage_of_backbone(f: Frame, x: Shape) -> Shape:
    x = f("conv_down", x) if f.has("conv_down") else x
    y = f.cat([f("conv1", x), f("blocks", f("conv2", x))])
    return f("conv3", f("attn", y) if f.has("attn") else y)


@pasted("CSPStage", holds="conv1 conv2 convs conv3")
def stage_of_neck(f: Frame, x: Shape) -> Shape:
    return f("conv3", f.cat([f("conv1", x), f("convs", f("conv2", x))]))


@pasted("CSPResNet", holds="backbone")
def csp_resnet(f: Frame, x: Shape) -> Shape:
    return f("backbone", x)


@pasted("CSPResNet_CBS", holds="stem")
def stem(f: Frame, x: Shape) -> Shape:
    return f("stem", x)


@pasted("SPPE", holds="pool0 pool1 pool2 conv", sets="pool")
def pools(f: Frame, x: Shape) -> Shape:
    return f("conv", f.cat([x, *(f(name, x) for name in ("pool0", "pool1", "pool2"))]))


_BLOCKS = " ".join(f"basicBlock_spp{number}" for number in (1, 2, 3, 4))
_AROUND = {1: ("1", ""), 2: ("1", "2"), 3: ("12", "3"), 4: ("12", "34")}
"""By ``n`` which of its four blocks are run before the pools, and which after them; the others are never run."""


@pasted(
    "ResSPP",
    holds=f"conv1 {_BLOCKS} spp conv2",
    sets="n",
    when=lambda module: module.attributes.get("n") in list(_AROUND),
)
def residual_pools(f: Frame, x: Shape) -> Shape:
    before, after = _AROUND[f.get("n", int)]
    x = f("conv1", x)
    for number in before:
        x = f(f"basicBlock_spp{number}", x)
    inside = f.inside("spp")
    x = f("conv2", f.cat([x, *(inside(name, x) for name in inside.module.children)]))
    for number in after:
        x = f(f"basicBlock_spp{number}", x)
    return x

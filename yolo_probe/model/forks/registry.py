"""All forks, and what ``fuse()`` of a network's own host does to it."""

from __future__ import annotations

from collections.abc import Container

from yolo_probe.model import torch_blocks, yolov5_blocks  # noqa: F401  # register their blocks
from yolo_probe.model.forks import (  # noqa: F401  # and these
    before_v5_0,
    bottleneck_transformers,
    decoupled_heads,
    lf_yolo,
    light_backbones,
    orepa,
    pasted,
    ppyoloe,
    receptive_fields,
    swin_v2,
    torchvision_layers,
    tph_yolov5,
    yolo11,
    yolo12,
    yolo13,
    yolo_facev2,
    yolo_sa,
    yolov5_obb,
    yolov5_q,
    yolov5prune,
    yolov6,
    yolov7_with_attributes,
    yolox,
)
from yolo_probe.model.forks.fork import Fork, conv_merged, marks_of
from yolo_probe.model.forks.kapao import KAPAO
from yolo_probe.model.forks.mobile_yolov5 import MOBILE_YOLOV5
from yolo_probe.model.forks.rotation_yolov5 import ROTATION_YOLOV5
from yolo_probe.model.forks.scaled_yolov4 import SCALED_YOLOV4
from yolo_probe.model.forks.yolo_research import YOLO_RESEARCH
from yolo_probe.model.forks.yoloair import YOLOAIR
from yolo_probe.model.forks.yolou import YOLOU
from yolo_probe.model.forks.yolov5_face import YOLOV5_FACE
from yolo_probe.model.forks.yolov5_lite import YOLOV5_LITE
from yolo_probe.model.forks.yolov7 import YOLOV7, YOLOV7_U7
from yolo_probe.model.forks.yolov7_face import YOLOV7_FACE
from yolo_probe.model.forks.yolov9 import YOLOV9
from yolo_probe.model.forward import RECIPES, recipe_of
from yolo_probe.model.fusion import FUSED_KINDS, Fusion, difference, fuse, restore
from yolo_probe.model.structure import Module, is_of_rows, named_modules

FORKS = (
    YOLOAIR, YOLOU, YOLO_RESEARCH, YOLOV9, YOLOV7_FACE, YOLOV7, YOLOV7_U7, YOLOV5_FACE, YOLOV5_LITE, KAPAO,
    SCALED_YOLOV4, ROTATION_YOLOV5, MOBILE_YOLOV5,
)  # fmt: skip
"""In the order in which they are asked: all before YOLOv7 have blocks of it too."""


def fork_of(root: Module) -> Fork | None:
    """The fork that built a network; None for YOLOv5 itself, and for a fork that is not known."""
    found = marks_of(root)
    for fork in FORKS:
        if fork.marks & found and fork.builds(root):
            return fork
        if fork.alone and fork.marks <= found:
            return None
    return None


def has_recipe(name: str) -> bool:
    """Whether YOLOv5 or a fork has a class of that name, or people paste one into it."""
    return name in RECIPES


def fork_with(names: Container[str]) -> str:
    """Name of the fork whose code has classes of these names; empty where none is recognised."""
    return next((fork.name for fork in FORKS if any(mark in names for mark in fork.marks)), "")


def fuse_as_host(root: Module, *, grad_enabled: bool, as_v3_0: bool = False) -> Fusion:
    """As ``fusion.fuse``, by the rules of the fork that built the network.

    Of a model of no known host, each class Conv is merged that has a BatchNorm: it may have no ``fuse()`` at all.
    """
    fork = fork_of(root)
    if fork.fuses_as_its_line if fork else is_of_rows(root):
        return fuse(root, grad_enabled=grad_enabled, as_v3_0=as_v3_0)
    if fork is None:
        return difference(root, conv_merged(root, grad_enabled=grad_enabled))
    return difference(root, fork.fused(root, grad_enabled=grad_enabled))


def unfused_as_host(root: Module) -> Module | None:
    """As ``fusion.restore``, by the rules of the fork that built the network; None where they do not say it."""
    fork = fork_of(root)
    return restore(root) if fork is None else fork.unfused(root)


def of_another_host(root: Module) -> tuple[tuple[str, str], ...]:
    """Path and class of every block that a fork's ``fuse()`` may change, in a network that no fork has built.

    A Conv that is not in models.common is one too: whether ``fuse()`` means it, its fork says. A class that is known by
    its whole path, as one of torchvision, is none.
    """
    if fork_of(root):
        return ()
    theirs = {kind.rpartition(".")[2] for fork in FORKS for kind in fork.fuses} - FUSED_KINDS

    def may_merge(module: Module) -> bool:
        name = module.class_path.rpartition(".")[2]
        return (name in theirs and module.class_path not in RECIPES) or (
            name in FUSED_KINDS and name != module.kind and "bn" in module.children
        )

    return tuple(
        (path, module.class_path) for path, module in named_modules(root) if may_merge(module) and recipe_of(module)
    )

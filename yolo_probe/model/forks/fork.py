"""What a fork of YOLOv5 is to this package, and how a structure is made anew by its ``fuse()``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from yolo_probe.model.fusion import (
    BATCH_NORMS,
    FUSED_KINDS,
    merge_of,
    new_batch_norm,
    pair_before,
    restore,
    with_batch_norm,
)
from yolo_probe.model.structure import Module, Tensor, below, distinct_modules, named_modules

FuseRule = Callable[[Module, str, bool], Module]
"""``rule(module, path, grad_enabled)`` -> what ``fuse()`` makes of it."""

RestoreRule = Callable[[Module], Module | None]
"""``rule(module)`` -> what it was before ``fuse()``, itself if nothing was done to it; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Fork:
    """A fork of YOLOv5."""

    name: str
    line: str
    """The generation of YOLOv5 whose line it prints."""
    marks: frozenset[str]
    """Names or paths of classes that its code has, and that of YOLOv5 has not; or attributes of its models."""
    builds: Callable[[Module], bool]
    """Whether a network that has one of those may be its own."""
    fuses: Mapping[str, FuseRule] = field(default_factory=dict)
    """What its ``fuse()`` makes of the modules of a class, by its short name; all others stay."""
    restores: Mapping[str, RestoreRule] = field(default_factory=dict)
    """What the modules of a class were before its ``fuse()``; of a Conv and a DWConv that is known."""
    finish: Callable[[Module], Module] | None = None
    """What its ``fuse()`` does to the whole network at last."""
    changed: str = ""
    """What its ``fuse()`` did in an earlier version, in a few words."""
    smallest_image: int = 32
    """Least side of the image that it counts for its line, in pixels."""
    fuses_as_its_line: bool = False
    """Whether its ``fuse()`` is that of the generation of its line, so that ``fuses`` and ``restores`` are empty."""
    writes_anchor_grid: bool = True
    """Whether its head assigns to ``anchor_grid``, if that of the generation of its line does."""
    alone: bool = False
    """Whether a network that has all of its marks and is not its own is of no other fork that is known."""
    channels_of_yaml: bool = False
    """Whether it counts an image of the channels in its YAML, whatever YOLOv5 of that generation does."""

    def fused(self, root: Module, *, grad_enabled: bool) -> Module:
        """The structure after its ``fuse()``; ``root`` itself is not changed."""
        fused = _rebuilt(root, "", self.fuses, grad_enabled, {})
        return self.finish(fused) if self.finish else fused

    def unfused(self, root: Module) -> Module | None:
        """The structure before its ``fuse()``; the same object if it has not run, None where that is not known."""
        before = {id(module): self.restores[module.kind](module) for _, module in named_modules(root)
                  if module.kind in self.restores}  # fmt: skip
        if None in before.values():
            return None
        return restore(_exchanged(root, before, {}))  # type: ignore[arg-type]  # none is None


def marks_of(root: Module) -> frozenset[str]:
    """What a fork is known by: names and paths of the classes of all modules, and the model's own attributes."""
    modules = distinct_modules(root)
    paths = {module.class_path for module in modules}
    return frozenset({*(module.kind for module in modules), *paths, *root.attributes})


def has_head_of_yolov5(root: Module) -> bool:
    """Whether the head is that of YOLOv5 since April 2021, into which blocks of a fork were pasted."""
    return any(
        module.kind in ("Detect", "Segment") and "m" in module.children and "inplace" in module.attributes
        for module in distinct_modules(root)
    )


def merged_conv(module: Module, path: str, grad_enabled: bool) -> Module:
    """A block whose ``bn`` is merged into its ``conv``, as YOLOv5 does with a Conv; itself where it has none."""
    if "bn" not in module.children:
        return module
    merge = merge_of(path, module, grad_enabled)
    kept = {name: child for name, child in module.children.items() if name != "bn"}
    return replace(module, children={**kept, "conv": merge.fused})


def conv_merged(root: Module, *, grad_enabled: bool) -> Module:
    """A model of no known host, with the BatchNorm of each Conv merged, in whatever module its class Conv is."""
    kinds = {module.kind for module in distinct_modules(root) if module.class_path.rpartition(".")[2] in FUSED_KINDS}
    return _rebuilt(root, "", dict.fromkeys(kinds, _merged_pair), grad_enabled, {})


def _merged_pair(module: Module, path: str, grad_enabled: bool) -> Module:
    """As ``merged_conv``, of a block that may be another than YOLOv5's: itself if it has no such pair."""
    convolution, batch_norm = module.children.get("conv"), module.children.get("bn")
    pair = convolution and batch_norm and convolution.kind == "nn.Conv2d" and batch_norm.kind in BATCH_NORMS
    return merged_conv(module, path, grad_enabled) if pair else module


def _exchanged(module: Module, others: Mapping[int, Module], made: dict[int, Module]) -> Module:
    """The same structure with other modules in the place of some; what does not change stays the same object.

    ``made``: by identity, what was made of a module in another place.
    """
    if id(module) not in made:
        now = others.get(id(module), module)
        children = {name: child and _exchanged(child, others, made) for name, child in now.children.items()}
        same = all(children[name] is child for name, child in now.children.items())
        made[id(module)] = now if same else replace(now, children=children)
    return made[id(module)]


def unmerged_conv(module: Module) -> Module:
    """A block whose ``bn`` was merged into its ``conv``, with both."""
    if "bn" in module.children:
        return module
    kept = {name: value for name, value in module.attributes.items() if name != "forward"}
    return replace(module, children=with_batch_norm(module.children), attributes=kept)


def branches_before(merged: Module) -> tuple[tuple[Module, Module], tuple[Module, Module]]:
    """The two branches that one convolution was merged of, each with its BatchNorm: as large as it, and 1x1."""
    dense, batch_norm = pair_before(merged)
    weight = dense.parameters["weight"]
    small = replace(
        dense,
        attributes={**dense.attributes, "kernel_size": (1, 1), "padding": (0, 0)},
        parameters={"weight": replace(weight, shape=(*weight.shape[:2], 1, 1), location=None)},
    )
    return (dense, batch_norm), (small, new_batch_norm(merged.parameters["bias"]))


def pairs_restored(sequence: Module) -> Module:
    """A Sequential in which each convolution with a bias is one without and a BatchNorm again, all numbered anew."""
    made: list[Module | None] = []
    for child in sequence.children.values():
        is_fused = child is not None and child.kind == "nn.Conv2d" and "bias" in child.parameters
        made += pair_before(child) if is_fused else [child]  # type: ignore[arg-type]  # it is not None
    if len(made) == len(sequence.children):
        return sequence
    return replace(sequence, children={str(number): module for number, module in enumerate(made)})


def _rebuilt(
    module: Module, path: str, rules: Mapping[str, FuseRule], grad_enabled: bool, made: dict[int, Module]
) -> Module:
    """The same structure with each rule applied, parents first; what does not change stays the same object."""
    if (known := made.get(id(module))) is not None:
        return known
    rule = rules.get(module.kind)
    now = rule(module, path, grad_enabled) if rule else module
    children = {
        name: child and _rebuilt(child, below(path, name), rules, grad_enabled, made)
        for name, child in now.children.items()
    }
    if any(children[name] is not child for name, child in now.children.items()):
        now = replace(now, children=children)
    made[id(module)] = now
    return now


def one_convolution(dense: Module, *, trains: bool) -> Module:
    """The convolution with a bias that takes the place of parallel branches; ``dense``: that of the largest kernel."""
    weight = dense.parameters["weight"]
    tensors = {
        "weight": Tensor(weight.shape, weight.dtype, trains),
        "bias": Tensor(weight.shape[:1], weight.dtype, trains),
    }
    return replace(dense, parameters=tensors)


def with_attributes(module: Module, children: Mapping[str, Module | None], **attributes: object) -> Module:
    """The same module with other children, and with attributes set; a ``bn`` of None goes."""
    kept = {name: value for name, value in module.attributes.items() if name != "bn"}
    return replace(module, children=children, attributes={**kept, **attributes})


def pairs_merged(sequence: Module, path: str, grad_enabled: bool) -> Module:
    """A Sequential in which each BatchNorm is merged into the convolution before it, and the rest numbered anew."""
    made: list[Module] = []
    for child in sequence.children.values():
        assert child is not None
        if child.kind in BATCH_NORMS and made and made[-1].kind == "nn.Conv2d":
            pair = Module("models.common.Conv", {}, children={"conv": made[-1], "bn": child})
            made[-1] = merge_of(path, pair, grad_enabled).fused
        else:
            made.append(child)
    return replace(sequence, children={str(number): module for number, module in enumerate(made)})

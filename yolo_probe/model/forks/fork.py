"""What a fork of YOLOv5 is to this package, and how a structure is made anew by its ``fuse()``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from yolo_probe.model.fusion import BATCH_NORMS, merge_of
from yolo_probe.model.structure import Module, Tensor, below

FuseRule = Callable[[Module, str, bool], Module]
"""``rule(module, path, grad_enabled)`` -> what ``fuse()`` makes of it."""


@dataclass(frozen=True, slots=True)
class Fork:
    """A fork of YOLOv5."""

    name: str
    line: str
    """The generation of YOLOv5 whose line it prints."""
    marks: frozenset[str]
    """Names of classes that its code has, and that of YOLOv5 has not."""
    builds: Callable[[Module], bool]
    """Whether a network that has one of those may be its own."""
    fuses: Mapping[str, FuseRule] = field(default_factory=dict)
    """What its ``fuse()`` makes of the modules of a class, by its short name; all others stay."""
    finish: Callable[[Module], Module] | None = None
    """What its ``fuse()`` does to the whole network at last."""
    changed: str = ""
    """What its ``fuse()`` did in an earlier version, in a few words."""
    smallest_image: int = 32
    """Least side of the image that it counts for its line, in pixels."""

    def fused(self, root: Module, *, grad_enabled: bool) -> Module:
        """The structure after its ``fuse()``; ``root`` itself is not changed."""
        fused = _rebuilt(root, "", self.fuses, grad_enabled, {})
        return self.finish(fused) if self.finish else fused


def merged_conv(module: Module, path: str, grad_enabled: bool) -> Module:
    """A block whose ``bn`` is merged into its ``conv``, as YOLOv5 does with a Conv; itself where it has none."""
    if "bn" not in module.children:
        return module
    merge = merge_of(path, module, grad_enabled)
    kept = {name: child for name, child in module.children.items() if name != "bn"}
    return replace(module, children={**kept, "conv": merge.fused})


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

"""A model as plain data: modules, parameters and buffers, with names, shapes and flags, but no values.

A structure is its root ``Module``. A ``Module`` or ``Tensor`` object that is found in two places is one, which both
share, as YOLOv5's convolutions share one activation. Nothing here depends on where a structure came from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from math import prod
from typing import TypeVar

T = TypeVar("T")
Shape = tuple[int, ...]

HOST_MODULES = ("models.common", "models.experimental", "models.yolo", "utils.activations", "utils.loss")
"""The modules of a host's repository in which its classes are."""
_HOST_CLASSES = tuple(f"{module}." for module in HOST_MODULES)
_OF_COMMON = frozenset({"Conv", "DWConv"})
"""Classes that ``fuse()`` asks for by themselves: one of the same name in another module is not meant."""
_HEADS = frozenset({"Detect", "Segment"})
"""Classes that no ``fuse()`` of YOLOv5 asks for, and that forks move to a module of their own in ``models``."""
_PACKAGES = ("yolov5.", "yolov7.", "yolov5_face.")
"""Packages on PyPI that have these modules inside."""


MODEL_CLASSES = ("Model", "DetectionModel", "SegmentationModel", "ClassificationModel")
"""The classes of a whole model, in models.yolo."""
RUN_AS_ROWS = (*MODEL_CLASSES, "ModelPruned", "ModelPrunedNoRes")
"""Those, and the classes of forks there whose forward runs the rows as theirs does."""


def in_repository(path: str) -> str:
    """The path of a module or class in its host's repository: without the name of the package on PyPI."""
    return path.removeprefix(next((package for package in _PACKAGES if path.startswith(package)), ""))


@cache
def kind_of(class_path: str) -> str:
    """Short name of a class: ``Conv`` for a YOLOv5 block, ``nn.Conv2d`` for one of torch, else the path itself."""
    path = in_repository(class_path)
    name = path.rpartition(".")[2]
    if path.startswith("torch.nn.modules."):
        return f"nn.{name}"
    if name in _OF_COMMON and not path.startswith("models.common."):
        return class_path
    moved = name in _HEADS and path.startswith("models.")
    return name if moved or path.startswith(_HOST_CLASSES) else class_path


def is_torch_or_yolov5(class_path: str) -> bool:
    """Whether a class is a layer of torch or a block of YOLOv5, by its name."""
    kind = kind_of(class_path)
    return kind.startswith("nn.") or "." not in kind


def below(path: str, name: str) -> str:
    """The path of what has that name in the module of that path; the whole model's path is empty."""
    return f"{path}.{name}" if path else name


@dataclass(frozen=True, slots=True)
class Location:
    """Where a tensor's values are in the file."""

    storage: str
    """Key of the storage that has them."""
    offset: int
    """Of the first value, in elements, not in bytes."""
    strides: Shape


@dataclass(slots=True, eq=False)  # not frozen, which takes three times as long to make: there are hundreds
class Tensor:
    """A parameter, a buffer or a tensor attribute; the same object in two places is one tensor. It is never changed."""

    shape: Shape
    dtype: str = "float32"
    requires_grad: bool = False
    location: Location | None = None
    """Where the values can be read; None where there are none to read."""

    @property
    def numel(self) -> int:
        """Number of elements."""
        return prod(self.shape)


@dataclass(eq=False)
class Module:
    """One module of a model; the same object under two parents is one module. It is never changed."""

    class_path: str
    """Full name of its class, ``models.common.Conv``."""
    attributes: Mapping[str, object] = field(default_factory=dict)
    """What the forward pass needs to know: plain data, or ``Tensor`` where the attribute is a tensor."""
    parameters: Mapping[str, Tensor] = field(default_factory=dict)
    buffers: Mapping[str, Tensor] = field(default_factory=dict)
    children: Mapping[str, Module | None] = field(default_factory=dict)
    """Child modules by name; None where a name is declared and empty, as torch allows."""
    packed: int = 0
    """Weights of a quantised module that torch keeps packed; they are no parameters."""

    @property
    def kind(self) -> str:
        """Short name of the class, see ``kind_of``."""
        return kind_of(self.class_path)

    def child(self, name: str) -> Module:
        """The child of that name; KeyError if there is none."""
        module = self.children[name]
        if module is None:
            raise KeyError(name)
        return module


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """The number of layers by each definition that a host has used."""

    modules: int
    """All distinct modules, containers and the model itself included (YOLOv5 v4.0 to v7.0)."""
    leaf_modules: int
    """Distinct modules that hold no others (ultralytics since 2025, YOLOv5 since July 2026)."""
    parameter_tensors: int
    """Distinct parameters (YOLOv5 to v3.1)."""


def named_modules(root: Module, prefix: str = "") -> Iterator[tuple[str, Module]]:
    """Every distinct module with its first qualified name, parents before children, as ``nn.Module.named_modules``."""
    return named_walk(root, lambda module: module.children, prefix)


def named_walk(root: T, children: Callable[[T], Mapping[str, T | None]], prefix: str = "") -> Iterator[tuple[str, T]]:
    """Every distinct object from a root on with its first qualified name, parents first; ``children``: by name."""
    seen: set[int] = set()
    stack = [(prefix, root)]
    while stack:
        path, each = stack.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield path, each
        if inside := children(each):
            above = f"{path}." if path else ""
            named = reversed(list(inside.items()))
            stack += [(above + name, child) for name, child in named if child is not None]


def distinct_modules(root: Module) -> list[Module]:
    """Every distinct module, in no particular order."""
    found = {root: None}
    stack = [root]
    while stack:
        for child in stack.pop().children.values():
            if child is not None and child not in found:
                found[child] = None
                if child.children:
                    stack.append(child)
    return list(found)


def named_parameters(root: Module) -> Iterator[tuple[str, Tensor]]:
    """Every distinct parameter with its first qualified name, as ``nn.Module.named_parameters``."""
    seen: set[int] = set()
    for name, module in named_modules(root):
        for key, tensor in module.parameters.items():
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield (f"{name}.{key}" if name else key), tensor


def packed_weights(root: Module) -> dict[str, int]:
    """The number of packed weights of each quantised module that has some, by its first qualified name."""
    if not any(module.packed for module in distinct_modules(root)):
        return {}
    return {name: module.packed for name, module in named_modules(root) if module.packed}


def is_of_rows(root: Module) -> bool:
    """Whether a model is of a class of YOLOv5, or of another one in its modules that has rows too."""
    return root.kind in MODEL_CLASSES or ("." not in root.kind and bool(root.children.get("model")))


def row_holder(root: Module) -> tuple[str, Module]:
    """The path before the rows' names, and the module whose children are the rows.

    That is the host's list ``model``; where there is none, the first module with several children.
    """
    prefix, module = "", root
    while True:
        rows = module.children.get("model")
        if rows is not None and rows.kind == "nn.Sequential":
            return f"{prefix}model.", rows
        children = [(name, child) for name, child in module.children.items() if child is not None]
        if len(children) != 1 or not children[0][1].children:
            return prefix, module
        name, module = children[0]
        prefix += f"{name}."


def named_rows(root: Module) -> tuple[dict[str, str], Callable[[str], str]]:
    """The class of each row by the row's name, and a function from a path to its row's name; empty: in no row."""
    prefix, holder = row_holder(root)
    kinds = {name: child.class_path.rpartition(".")[2] for name, child in holder.children.items() if child is not None}

    def row_of(path: str) -> str:
        name = path.removeprefix(prefix).partition(".")[0]
        return name if path.startswith(prefix) and name in kinds else ""

    return kinds, row_of


def layers_by_row(root: Module) -> dict[str, LayerCounts]:
    """The layers of each row by its name, and those in no row by an empty one; what is shared is of the first row."""
    _, row_of = named_rows(root)
    modules: dict[str, list[Module]] = {}
    for path, module in named_modules(root):
        modules.setdefault(row_of(path), []).append(module)
    tensors = Counter(row_of(path) for path, _ in named_parameters(root))
    return {
        name: tally((each.children for each in held), [(0, False)] * tensors[name]).layers
        for name, held in modules.items()
    }


@dataclass(frozen=True, slots=True)
class Totals:
    """Layers, parameters and gradients of a structure, each module and tensor counted once."""

    layers: LayerCounts
    parameters: int
    """Elements of all parameters."""
    gradients: int
    """Elements of the parameters with ``requires_grad``, which the hosts print as gradients."""


def totals_of(root: Module) -> Totals:
    """Layers in each of the hosts' definitions, parameters and gradients, in one walk."""
    modules = distinct_modules(root)
    tensors = {tensor for module in modules if module.parameters for tensor in module.parameters.values()}
    return tally((module.children for module in modules), [(prod(each.shape), each.requires_grad) for each in tensors])


def tally(children: Iterable[Collection[object]], sizes: Sequence[tuple[int, bool]]) -> Totals:
    """The same totals from plain numbers.

    ``children``: of each distinct module; ``sizes``: elements and ``requires_grad`` of each distinct parameter.
    """
    held = list(map(bool, children))
    layers = LayerCounts(len(held), held.count(False), len(sizes))
    return Totals(layers, sum([size for size, _ in sizes]), sum([size for size, requires in sizes if requires]))


def count_layers(root: Module) -> LayerCounts:
    """Number of layers in each of the hosts' definitions."""
    return totals_of(root).layers


def count_parameters(root: Module) -> int:
    """Number of elements of all distinct parameters."""
    return totals_of(root).parameters


def count_gradients(root: Module) -> int:
    """Number of elements of the distinct parameters with ``requires_grad``."""
    return totals_of(root).gradients


def with_own_activations(module: Module) -> Module:
    """The same modules, where each has its own of what several share: one activation for each Conv."""
    children = {name: child and with_own_activations(child) for name, child in module.children.items()}
    return replace(module, children=children)

"""The total of parameters that torchinfo 1.8.0 prints, from a structure and its forward pass.

torchinfo lists the modules in the order in which they are called, each with its depth, and takes the deeper ones that
follow a module to be inside it. A module that is in several places, as YOLOv5's one SiLU, is listed with the depth of
the last of them. Then the lines after it seem to hold no others, their parameters are counted once more, and the total
is too high.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module, count_parameters


@dataclass(eq=False, slots=True)
class _Listed:
    """One line of the list: a module with the depth of a place where it is."""

    module: Module
    depth: int
    parent: _Listed | None
    """The module around it in the model, not the line before it."""
    repeated: bool = False
    """Whether the module is in the list before."""


def listed_parameters(root: Module, records: Sequence[OpRecord]) -> int | None:
    """The parameters that torchinfo adds up for this pass.

    None where a module that holds others is in several places: the operators do not show in which order it is called.
    """
    root = inner(root)
    last, shared = _last_places(root)
    if shared:
        return None
    seen: set[int] = set()
    lines: list[_Listed] = []
    for module in _called(root, records):
        place = last[id(module)]
        lines.append(_Listed(module, place.depth, place.parent, id(module) in seen))
        seen.add(id(module))
    _add_containers(lines, seen)
    return _total(lines)


def inner(root: Module) -> Module:
    """The model inside DataParallel, DistributedDataParallel and torch.compile, as a pass names its modules."""
    while len(root.children) == 1:
        (name, child), *_ = root.children.items()
        if child is None or (name, root.class_path.rpartition(".")[2]) not in WRAPPERS:
            break
        root = child
    return root


WRAPPERS = {("module", "DataParallel"), ("module", "DistributedDataParallel"), ("_orig_mod", "OptimizedModule")}
"""Name of the only child, and class of the wrapper."""


def _last_places(root: Module) -> tuple[dict[int, _Listed], bool]:
    """The last place of each module in a walk, and whether a module that holds others is in several."""
    found: dict[int, _Listed] = {}
    stack = [_Listed(root, 0, None)]
    while stack:
        line = stack.pop()
        if id(line.module) in found and line.module.children:
            return found, True
        found[id(line.module)] = line
        children = [child for child in line.module.children.values() if child is not None]
        stack += [_Listed(child, line.depth + 1, line) for child in reversed(children)]
    return found, False


def _called(root: Module, records: Sequence[OpRecord]) -> Iterator[Module]:
    """The modules whose forward runs, in order; a container each time that the pass enters it."""
    yield root
    inside: list[str] = []
    for record in records:
        names = record.path.split(".") if record.path else []
        paths = [".".join(names[: count + 1]) for count in range(len(names))]
        if record.slots == 1:
            holders = paths if record.functional else paths[:-1]
            known = next((i for i, (a, b) in enumerate(zip(inside, holders, strict=False)) if a != b), len(inside))
            known = min(known, len(holders))
            for path in holders[known:]:
                module = _at(root, path)
                if module.kind not in ("nn.ModuleList", "nn.ModuleDict") and path != "model":
                    yield module
            inside = holders
        if not record.functional and record.path:
            yield _at(root, record.path)


def _at(root: Module, path: str) -> Module:
    for name in path.split("."):
        root = root.child(name)
    return root


def _add_containers(lines: list[_Listed], seen: set[int]) -> None:
    """Insert containers that are never called, and those of another place, before the modules that they hold.

    The list grows while it is walked, as torchinfo's does: a line that an insertion moves back is visited once more.
    """
    above: dict[int, _Listed] = {}
    for index, line in enumerate(lines):
        places: dict[int, _Listed] = {}
        parent = line.parent
        while parent is not None and parent.depth > 0:
            places[parent.depth] = parent
            parent = parent.parent
        added = 0
        for depth in range(1, line.depth):
            place = places[depth]
            known = depth in above and above[depth].module is place.module
            if not known and place is not lines[index + added - 1]:
                place.repeated = place.repeated or id(place.module) in seen
                lines.insert(index + added, place)
                seen.add(id(place.module))
                above[depth] = place
                added += 1
        above[line.depth] = line
        deeper = line.depth + 1
        while deeper in above:
            del above[deeper]
            deeper += 1


def _total(lines: Sequence[_Listed]) -> int:
    """Sum of the parameters of leaves, and of what each other module has beyond the lines inside it."""
    sizes = {id(line.module): 0 for line in lines}
    for line in lines:
        sizes[id(line.module)] = sizes[id(line.module)] or count_parameters(line.module)
    remaining: list[int] = [0] * len(lines)
    total = 0
    for index in reversed(range(len(lines))):
        line = lines[index]
        remaining[index] = sizes[id(line.module)]
        if any(child is not None for child in line.module.children.values()):
            for other in range(index + 1, len(lines)):
                if lines[other].depth <= line.depth:
                    break
                remaining[index] -= 0 if lines[other].repeated else remaining[other]
        total += 0 if line.repeated else max(remaining[index], 0)
    return total

"""The total of parameters that torchinfo 1.8.0 prints, from a structure and its forward pass.

torchinfo lists the modules in the order in which they are called, each with the depth of its place, and takes the
deeper ones that follow a module for what is inside it. A module that hangs in several places, as YOLOv5's one SiLU
does, is listed with the depth of the last of them: the rows after it seem to hold no others, their parameters are
counted again, and the total comes out too high.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module, count_parameters


@dataclass(eq=False, slots=True)
class _Row:
    """One line of the listing."""

    module: Module
    depth: int
    parent: _Row | None
    """Of the place where it hangs, not of the listing."""
    repeated: bool = False
    """Whether the module was listed before."""


def listed_parameters(root: Module, records: Sequence[OpRecord]) -> int | None:
    """The parameters that torchinfo adds up for this pass.

    None where one module that holds others hangs in several places: the order of calls cannot be told from operators.
    """
    root = _inner(root)
    last, shared = _last_places(root)
    if shared:
        return None
    seen: set[int] = set()
    rows: list[_Row] = []
    for module in _called(root, records):
        place = last[id(module)]
        rows.append(_Row(module, place.depth, place.parent, id(module) in seen))
        seen.add(id(module))
    _add_containers(rows, seen)
    return _total(rows)


def _inner(root: Module) -> Module:
    """The model inside DataParallel, DistributedDataParallel and torch.compile, as a pass names its modules."""
    while len(root.children) == 1:
        (name, child), *_ = root.children.items()
        if child is None or (name, root.class_path.rpartition(".")[2]) not in WRAPPERS:
            break
        root = child
    return root


WRAPPERS = {("module", "DataParallel"), ("module", "DistributedDataParallel"), ("_orig_mod", "OptimizedModule")}
"""Name of the one child, and class."""


def _last_places(root: Module) -> tuple[dict[int, _Row], bool]:
    """The place of each module that a walk comes to last; whether one that holds others has several."""
    found: dict[int, _Row] = {}
    stack = [_Row(root, 0, None)]
    while stack:
        row = stack.pop()
        if id(row.module) in found and row.module.children:
            return found, True
        found[id(row.module)] = row
        children = [child for child in row.module.children.values() if child is not None]
        stack += [_Row(child, row.depth + 1, row) for child in reversed(children)]
    return found, False


def _called(root: Module, records: Sequence[OpRecord]) -> Iterator[Module]:
    """The modules whose forward runs, in order; a container once for each time that the pass enters it."""
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


def _add_containers(rows: list[_Row], seen: set[int]) -> None:
    """Put containers that are never called, and those of another place, before what they hold.

    The list grows while it is walked, as torchinfo's does, so that a row that was moved is looked at again.
    """
    above: dict[int, _Row] = {}
    for index, row in enumerate(rows):
        places: dict[int, _Row] = {}
        parent = row.parent
        while parent is not None and parent.depth > 0:
            places[parent.depth] = parent
            parent = parent.parent
        added = 0
        for depth in range(1, row.depth):
            place = places[depth]
            known = depth in above and above[depth].module is place.module
            if not known and place is not rows[index + added - 1]:
                place.repeated = place.repeated or id(place.module) in seen
                rows.insert(index + added, place)
                seen.add(id(place.module))
                above[depth] = place
                added += 1
        above[row.depth] = row
        deeper = row.depth + 1
        while deeper in above:
            del above[deeper]
            deeper += 1


def _total(rows: Sequence[_Row]) -> int:
    """Parameters of modules that hold no others, and what the others have beyond those that follow them."""
    sizes = {id(row.module): 0 for row in rows}
    for row in rows:
        sizes[id(row.module)] = sizes[id(row.module)] or count_parameters(row.module)
    left: list[int] = [0] * len(rows)
    total = 0
    for index in reversed(range(len(rows))):
        row = rows[index]
        left[index] = sizes[id(row.module)]
        if any(child is not None for child in row.module.children.values()):
            for other in range(index + 1, len(rows)):
                if rows[other].depth <= row.depth:
                    break
                left[index] -= 0 if rows[other].repeated else left[other]
        total += 0 if row.repeated else max(left[index], 0)
    return total

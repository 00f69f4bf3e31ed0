"""What the operators of a forward pass cost, gathered by row, module, operator or type; every way adds up to the same.

In go the structure, the pass and a counter; out come lines of parameters, FLOPs and values moved. Parameters stand
with the first operator of the module that has them; those that no operator uses are an operation of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from yolo_probe.counters.charges import Charges, added
from yolo_probe.counters.formulas import Arithmetic, Product, arithmetic, products
from yolo_probe.model.activations import Access, access, total
from yolo_probe.model.forward import ModuleCall
from yolo_probe.model.fusion import CONVOLUTION_NAMES, pair_state
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module, Shape, named_parameters, named_rows, row_holder
from yolo_probe.model.trace import Trace

By = Literal["row", "module", "operator", "type"]
BY: tuple[By, ...] = get_args(By)
Sort = Literal["flops", "parameters", "bytes"]
SORTS: tuple[Sort, ...] = get_args(Sort)

UNUSED = "no operator"
"""The operator of parameters that no operator uses."""
_PAIR = (*CONVOLUTION_NAMES, "bn")
"""Names of the children that ``fuse()`` makes one of."""


@dataclass(frozen=True)
class Operation:
    """One operator of a pass and what it costs."""

    record: OpRecord
    flops: int | None
    """None where the counter has no rule for it."""
    parameters: int
    access: Access
    products: tuple[Product, ...]
    """What its FLOPs are made of."""


class Sums:
    """What operations cost together."""

    operations: tuple[Operation, ...]

    @cached_property
    def flops(self) -> int:
        """Of all operators that have a rule, as the counter sums them: 0 where none has one, see ``is_counted``."""
        return added(operation.flops for operation in self.operations) or 0

    @cached_property
    def is_counted(self) -> bool:
        """Whether some operator has a rule, or none is there."""
        return added(operation.flops for operation in self.operations) is not None

    @cached_property
    def parameters(self) -> int:
        """Each tensor where it is first."""
        return sum(operation.parameters for operation in self.operations)

    @cached_property
    def access(self) -> Access:
        """Values that the operators move."""
        return total(operation.access for operation in self.operations)


@dataclass(frozen=True)
class Line(Sums):
    """Operations that are shown as one."""

    name: str
    """``17.m.0`` for what lies at ``model.17.m.0``; an operator; a class. Empty for what belongs to no row."""
    kind: str
    """Class of the module; empty where there are several."""
    count: int
    """Modules of that class, or calls of that operator; 1 for a row or a module."""
    operations: tuple[Operation, ...]
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    fused: int
    """Convolutions in it that have taken in their BatchNorm."""
    unfused: int
    """Convolutions in it before a BatchNorm that fuse() would merge."""

    @cached_property
    def arithmetic(self) -> tuple[Arithmetic, ...]:
        """The FLOPs with the network's own numbers put in."""
        return arithmetic(product for operation in self.operations for product in operation.products)


def operations_of(root: Module, charges: Charges) -> tuple[Operation, ...]:
    """Every operator of a pass with its cost; their parameters add up to those of the network."""
    waiting: dict[str, int] = {}
    for path, tensor in named_parameters(root):
        owner = path.rpartition(".")[0]
        waiting[owner] = waiting.get(owner, 0) + tensor.numel
    for path in [path for path in waiting if path.endswith("out_proj")]:  # which its attention runs
        parent = path.rpartition(".")[0]
        waiting[parent] = waiting.get(parent, 0) + waiting.pop(path)
    factor = charges.convention.flops_per_count
    found = [
        Operation(
            record, None if count is None else factor * count, waiting.pop(record.path, 0), access(record), made_of
        )
        for (record, count), made_of in zip(charges, products(charges), strict=True)
    ]
    modules = _Modules(root)
    for path, size in waiting.items():
        record = OpRecord(UNUSED, path, modules.kind(path), (), ())
        found.append(Operation(record, 0, size, total(()), ()))
    return tuple(found)


class _Modules:
    """A structure asked by path, also by the paths of a module that hangs in several places."""

    def __init__(self, root: Module) -> None:
        self._found: dict[str, Module | None] = {"": root}

    def at(self, path: str) -> Module | None:
        """The module there."""
        if path not in self._found:
            parent, _, name = path.rpartition(".")
            above = self.at(parent)
            self._found[path] = above.children.get(name) if above else None
        return self._found[path]

    def kind(self, path: str) -> str:
        """Its class."""
        module = self.at(path)
        return "" if module is None else module.class_path.rpartition(".")[2]

    def merged(self, path: str) -> tuple[int, int]:
        """Convolutions under a path that have taken in their BatchNorm, and that have not."""
        parent, _, name = path.rpartition(".")
        above = self.at(parent)
        if above and name in _PAIR and path and (state := pair_state(above)):
            return (1, 0) if state == "fused" else (0, 1)
        module = self.at(path)
        if module is None:
            return 0, 0
        own = {"fused": (1, 0), "unfused": (0, 1), None: (0, 0)}[pair_state(module)]
        parts = [own, *(self.merged(f"{path}.{child}" if path else child) for child in _inside(module))]
        return sum(fused for fused, _ in parts), sum(unfused for _, unfused in parts)


def unmerged(root: Module) -> int:
    """Number of convolutions before a BatchNorm that ``fuse()`` would merge."""
    return _Modules(root).merged("")[1]


def _inside(module: Module) -> list[str]:
    """Names of the children that a count has to look into; those of a pair are counted with it."""
    skipped = _PAIR if pair_state(module) else ()
    return [name for name, child in module.children.items() if child and name not in skipped]


def lines_of(
    root: Module, run: Trace, operations: Sequence[Operation], by: By, depth: int | None = None
) -> tuple[Line, ...]:
    """The operations gathered, in the order in which they run.

    ``depth``: how far below the rows modules are told apart, 1 is the rows themselves; None: a type is that of a row,
    a module any that does work itself.
    """
    if by == "operator":
        return tuple(_operators(operations))
    if depth is None:
        depth = None if by == "module" else 1
    lines = tuple(_modules(root, run, operations, depth))
    return tuple(_types(lines)) if by == "type" else lines


def _operators(operations: Sequence[Operation]) -> Iterator[Line]:
    for name, group in _grouped(operations, lambda operation: operation.record.operator).items():
        yield Line(name, "", len(group), tuple(group), (), (), 0, 0)


def _types(lines: Sequence[Line]) -> Iterator[Line]:
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.kind, []).append(line)
    for kind, group in groups.items():
        inside = tuple(operation for line in group for operation in line.operations)
        merged = sum(line.fused for line in group), sum(line.unfused for line in group)
        yield Line(kind, "", len(group), inside, (), (), *merged)


def _modules(root: Module, run: Trace, operations: Sequence[Operation], depth: int | None) -> Iterator[Line]:
    prefix, _ = row_holder(root)
    kinds, row_of = named_rows(root)
    modules = _Modules(root)

    def name_of(operation: Operation) -> str:
        path = operation.record.path
        return ".".join(path.removeprefix(prefix).split(".")[:depth]) if row_of(path) else ""

    groups = _grouped(operations, name_of)
    if depth == 1:
        others = {"": groups[""]} if "" in groups else {}
        groups = {name: groups.get(name, []) for name in kinds} | others
    calls = _calls(run.calls)
    parents = {name[:end] for name in groups for end, letter in enumerate(name) if letter == "."}
    for name, group in groups.items():
        path = f"{prefix}{name}" if name else ""
        whole = bool(name) and name not in parents
        inputs, outputs = calls.get(path, ((), ())) if name else ((), ())
        if not outputs and (ran := [operation.record for operation in group if operation.record.operator != UNUSED]):
            inputs, outputs = ran[0].inputs, (ran[-1].output,)
        kind = modules.kind(path) if name else "other"
        merged = modules.merged(path) if whole else (0, 0)
        yield Line(name, kind, 1, tuple(group), _plain(inputs), _plain(outputs), *merged)


def _calls(calls: Iterable[ModuleCall]) -> Mapping[str, tuple[tuple[Shape, ...], tuple[Shape, ...]]]:
    """What each module is fed at first and gives at last, by its path."""
    found: dict[str, tuple[tuple[Shape, ...], tuple[Shape, ...]]] = {}
    for call in calls:
        given = tuple(call.input) if isinstance(call.input, list) else (call.input,)
        made = tuple(call.output) if isinstance(call.output, list) else (call.output,)
        found[call.path] = found[call.path][0] if call.path in found else given, made
    return found


def _plain(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    return tuple(tuple(shape) for shape in shapes)


def _grouped(operations: Iterable[Operation], key: Callable[[Operation], str]) -> dict[str, list[Operation]]:
    groups: dict[str, list[Operation]] = {}
    for operation in operations:
        groups.setdefault(key(operation), []).append(operation)
    return groups

"""The cost of the operators of a forward pass, summed by row, module, operator or type; each way has the same total.

In go the structure, the pass and a counter; out come lines of parameters, FLOPs and values moved. Parameters are
counted with the first operator of the module that has them; those that no operator uses are an operation of their own.
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
from yolo_probe.model.structure import Module, Shape, below, named_parameters, named_rows, row_holder
from yolo_probe.model.trace import Trace

By = Literal["row", "module", "operator", "type"]
BY: tuple[By, ...] = get_args(By)
Sort = Literal["flops", "parameters", "bytes"]
SORTS: tuple[Sort, ...] = get_args(Sort)

UNUSED = "no operator"
"""Name of the operation that stands for parameters that no operator uses."""
_PAIR = (*CONVOLUTION_NAMES, "bn")
"""Names of the children that ``fuse()`` merges into one."""


@dataclass(frozen=True)
class Operation:
    """One operator of a pass, and its cost."""

    record: OpRecord
    flops: int | None
    """None where the counter has no rule for it."""
    parameters: int
    access: Access
    products: tuple[Product, ...]
    """The products that add up to its FLOPs."""


class Sums:
    """The cost of several operations together."""

    operations: tuple[Operation, ...]

    @cached_property
    def flops(self) -> int | None:
        """FLOPs of all operators that have a rule; None if there are operators and none has one."""
        return added(operation.flops for operation in self.operations)

    @cached_property
    def parameters(self) -> int:
        """Elements of the parameters; a shared tensor counts once, with the first operator."""
        return sum(operation.parameters for operation in self.operations)

    @cached_property
    def access(self) -> Access:
        """Values that the operators read and write, and their weights."""
        return total(operation.access for operation in self.operations)


@dataclass(frozen=True)
class Line(Sums):
    """Operations that are shown as one line."""

    name: str
    """``17.m.0`` for the module ``model.17.m.0``; an operator; a class. Empty for what is in no row."""
    kind: str
    """Class of the module; empty for an operator or a type."""
    count: int
    """Modules of that class, or calls of that operator; 1 for a row or a module."""
    operations: tuple[Operation, ...]
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    fused: int
    """Number of its convolutions that a BatchNorm is merged into."""
    unfused: int
    """Number of its convolutions into which ``fuse()`` would merge a BatchNorm."""

    @cached_property
    def arithmetic(self) -> tuple[Arithmetic, ...]:
        """The FLOPs as formulas with the network's own numbers."""
        return arithmetic(product for operation in self.operations for product in operation.products)


def operations_of(root: Module, charges: Charges) -> tuple[Operation, ...]:
    """Every operator of a pass with its cost; the parameters add up to those of the network."""
    waiting: dict[str, int] = {}
    for path, tensor in named_parameters(root):
        owner = path.rpartition(".")[0]
        waiting[owner] = waiting.get(owner, 0) + tensor.numel
    for path in [path for path in waiting if path.endswith("out_proj")]:  # the attention above it runs it
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
    """The modules of a structure by path; a shared module has several paths."""

    def __init__(self, root: Module) -> None:
        self._found: dict[str, Module | None] = {"": root}

    def at(self, path: str) -> Module | None:
        """The module at a path; None if there is none."""
        if path not in self._found:
            parent, _, name = path.rpartition(".")
            above = self.at(parent)
            self._found[path] = above.children.get(name) if above else None
        return self._found[path]

    def kind(self, path: str) -> str:
        """Name of the class of the module at a path; empty if there is none."""
        module = self.at(path)
        return "" if module is None else module.class_path.rpartition(".")[2]

    def merged(self, path: str) -> tuple[int, int]:
        """Number of convolutions below a path with a merged BatchNorm, and of those with one that can be merged."""
        parent, _, name = path.rpartition(".")
        above = self.at(parent)
        if above and name in _PAIR and path and (state := pair_state(above)):
            return (1, 0) if state == "fused" else (0, 1)
        module = self.at(path)
        if module is None:
            return 0, 0
        own = {"fused": (1, 0), "unfused": (0, 1), None: (0, 0)}[pair_state(module)]
        parts = [own, *(self.merged(below(path, child)) for child in _inside(module))]
        return sum(fused for fused, _ in parts), sum(unfused for _, unfused in parts)


def unmerged(root: Module) -> int:
    """Number of convolutions into which ``fuse()`` would merge a BatchNorm."""
    return _Modules(root).merged("")[1]


def _inside(module: Module) -> list[str]:
    """Names of the children to search further; a convolution and its BatchNorm are one pair and are skipped."""
    skipped = _PAIR if pair_state(module) else ()
    return [name for name, child in module.children.items() if child and name not in skipped]


def lines_of(
    root: Module, run: Trace, operations: Sequence[Operation], by: By, depth: int | None = None
) -> tuple[Line, ...]:
    """The operations summed by row, module, operator or type, in the order in which they run.

    ``depth``: levels of modules that are shown, 1 is the rows; None: for ``by="module"`` every module that computes
    something itself, else 1.
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
    """By path, the inputs of a module's first call and the outputs of its last."""
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

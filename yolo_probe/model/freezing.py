"""What ``--freeze`` does: which rows it names, which parameters they hold, and the structure with those frozen."""

from __future__ import annotations

from dataclasses import replace

from yolo_probe.model.structure import Module, Tensor, below, named_modules, named_parameters, row_holder


def with_gradients(root: Module, requires_grad: bool) -> Module:
    """The same structure with ``requires_grad`` set on every parameter; what is shared stays shared."""
    return _with_flags(root, frozenset(id(tensor) for _, tensor in named_parameters(root)), requires_grad)


def as_built(root: Module) -> Module:
    """The same structure before anything was frozen: all of it trains but the fixed numbers of DFL."""
    return with_frozen(with_gradients(root, True), fixed_names(root))


def with_frozen(root: Module, names: frozenset[str]) -> Module:
    """The same structure with these parameters frozen; what is shared stays shared."""
    if not names:
        return root
    return _with_flags(root, frozenset(id(tensor) for name, tensor in named_parameters(root) if name in names), False)


def _with_flags(root: Module, chosen: frozenset[int], requires_grad: bool) -> Module:
    """``chosen``: identities of the tensors that get the flag."""
    modules: dict[int, Module] = {}
    tensors: dict[int, Tensor] = {}

    def flagged(tensor: Tensor) -> Tensor:
        if id(tensor) not in chosen:
            return tensor
        return tensors.setdefault(id(tensor), replace(tensor, requires_grad=requires_grad))

    def rebuilt(module: Module) -> Module:
        if not (module.parameters or module.children):
            return module
        if id(module) not in modules:
            modules[id(module)] = replace(
                module,
                parameters={name: flagged(tensor) for name, tensor in module.parameters.items()},
                children={name: child and rebuilt(child) for name, child in module.children.items()},
            )
        return modules[id(module)]

    return rebuilt(root)


def frozen_rows(freeze: object, rows: int) -> tuple[int, ...] | None:
    """Rows that ``--freeze`` names; None if it cannot be read.

    One number N names rows 0 to N - 1, several numbers name these rows. ``rows``: how many the model has; a larger
    number freezes nothing.
    Source: the freeze loop in YOLOv5's train.py.
    """
    numbers = [freeze] if isinstance(freeze, int) else freeze
    if not (isinstance(numbers, list | tuple) and numbers and all(isinstance(n, int) for n in numbers)):
        return None
    named = numbers if len(numbers) > 1 else range(min(numbers[0], rows))
    return tuple(row for row in named if 0 <= row < rows)


def frozen_by_rows(root: Module, rows: tuple[int, ...]) -> frozenset[str]:
    """Names of the parameters in these rows, found by their prefix, as YOLOv5 does it."""
    prefixes = tuple(f"model.{row}." for row in rows)
    return (
        frozenset(name for name, _ in named_parameters(root) if name.startswith(prefixes)) if prefixes else frozenset()
    )


def row_ranges(rows: tuple[int, ...]) -> str:
    """Rows in words: ``rows 0 to 9``, ``rows 0 and 5``, ``row 3``."""
    if len(rows) > 2 and rows[-1] - rows[0] + 1 == len(rows) and rows == tuple(range(rows[0], rows[-1] + 1)):
        return f"rows {rows[0]} to {rows[-1]}"
    if len(rows) == 1:
        return f"row {rows[0]}"
    return f"rows {', '.join(map(str, rows[:-1]))} and {rows[-1]}"


def whole_rows(root: Module, names: frozenset[str], fixed: frozenset[str]) -> tuple[int, ...]:
    """The rows that hold exactly these parameters; empty where the names do not fill whole rows.

    ``fixed``: names of parameters that no option freezes, which are not asked for. Rows without parameters that come
    before the last of these rows are in the answer too.
    """
    prefix, holder = row_holder(root)
    if prefix != "model.":
        return ()
    held: dict[str, set[str]] = {str(row): set() for row in range(len(holder.children))}
    for name, _ in named_parameters(root):
        row = name.removeprefix(prefix).partition(".")[0]
        if name not in fixed and name.startswith(prefix) and row in held:
            held[row].add(name)
    whole = [int(row) for row, inside in held.items() if inside and inside <= names]
    if not whole or set().union(*(held[str(row)] for row in whole)) != names:
        return ()
    last = max(whole)
    reached = tuple(row for row in range(last + 1) if not held[str(row)] or row in whole)
    return reached if len(reached) == last + 1 else tuple(whole)


def fixed_names(root: Module) -> frozenset[str]:
    """Names of the parameters of DFL that do not train: fixed numbers."""
    return frozenset(name for name, tensor in weights_of_dfl(root).items() if not tensor.requires_grad)


def weights_of_dfl(root: Module) -> dict[str, Tensor]:
    """What the mean of a distribution is computed with, by its name, in all heads that have one.

    In a module DFL it is the weight of its convolution; in the heads of YOLOv6 that of ``proj_conv``, and a ``proj``.
    """
    blocks: list[str] = []
    own: set[str] = set()
    for path, module in named_modules(root):
        if module.class_path.endswith(".DFL"):
            blocks.append(f"{path}.")
        elif module.children.get("proj_conv"):
            blocks.append(f"{below(path, 'proj_conv')}.")
            own.add(below(path, "proj"))
    if not blocks:
        return {}
    held = tuple(blocks)
    return {name: tensor for name, tensor in named_parameters(root) if name.startswith(held) or name in own}

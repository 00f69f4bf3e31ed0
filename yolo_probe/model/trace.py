"""One forward pass on shapes: from a structure and an image size to the list of operators that would run.

The pass follows YOLOv5's own: rows in order, each with the outputs of the rows that it names as inputs. No weights are
needed and nothing is computed.
"""

from __future__ import annotations

from dataclasses import dataclass

import yolo_probe.model.forks.registry  # noqa: F401  # registers the blocks of forks
from yolo_probe.errors import TraceError, UnknownModuleError, shown
from yolo_probe.model.forward import ModuleCall, Move, Pass, Value, own_code, recipe_of
from yolo_probe.model.fusion import BATCH_NORMS
from yolo_probe.model.operators import Followed, OpRecord
from yolo_probe.model.structure import MODEL_CLASSES, RUN_AS_ROWS, Module, Shape, named_modules
from yolo_probe.model.user_rules import OwnRules


@dataclass(frozen=True, slots=True)
class Trace:
    """All operators of one forward pass, with the shapes of what goes in and comes out."""

    input: Shape
    """Shape of the image: batch, channels, height, width."""
    records: tuple[OpRecord, ...]
    output: Value
    """Shape of the head's output: for Detect one shape (batch, anchors, height, width, outputs) for each level."""
    executed: str = ""
    """Why a copy of the model was run on an image of zeros, with the module's path; empty where shapes were enough."""
    calls: tuple[ModuleCall, ...] = ()
    """Every call of a module, in the order in which they return; empty where the model's own forward ran."""
    moves: tuple[Move, ...] = ()
    """Copies that are no operators; empty where the model's own forward ran."""


def unknown_modules(root: Module, rules: OwnRules | None = None) -> tuple[tuple[str, str], ...]:
    """Path and class of every module whose forward pass is not known, outermost first.

    The model itself and plain containers need no block; ``nn.MultiheadAttention`` is run by the block that holds it,
    and the losses of a head are not run at all.
    Where a rule of the user's counts a module, all that is inside is known too.
    """
    passed = {"nn.ModuleList", "nn.MultiheadAttention", "nn.NonDynamicallyQuantizableLinear", "IOUloss"}
    inside = tuple(f"{path}." for path, _ in ruled_modules(root, rules))
    ruled = {path[:-1] for path in inside}
    # what the model itself runs beside its rows is not known
    beside = {name for name in root.children if name != "model"} if "model" in root.children else set()

    def is_known(path: str, module: Module) -> bool:
        if path in ruled or path.startswith(inside):
            return True
        if module is root or module.kind in passed or module.class_path.startswith(_LOSSES_OF_TORCH):
            return not own_code(module) and (module is not root or module.kind in RUN_AS_ROWS)
        return recipe_of(module) is not None

    return tuple(
        (path, module.class_path)
        for path, module in named_modules(root)
        if path in beside or not is_known(path, module)
    )


_LOSSES_OF_TORCH = "torch.nn.modules.loss."


def ruled_modules(root: Module, rules: OwnRules | None) -> tuple[tuple[str, str], ...]:
    """Path and class of every module that has no block, but a rule of the user's for its output."""
    if rules is None:
        return ()
    found = ((path, module, rules.rule_for(module.class_path)) for path, module in named_modules(root))
    return tuple(
        (path, module.class_path) for path, module, rule in found if rule and rule.output and not recipe_of(module)
    )


def trace(root: Module, image: Shape, *, training: bool = False, rules: OwnRules | None = None) -> Trace:
    """The forward pass of a whole YOLOv5 model, in evaluation mode or in ``training`` mode.

    ``rules``: the user's own, for classes that are not known or are to be counted in another way.
    Shapes: ``image`` is (batch, channels, height, width).
    Raises: TraceError where shapes do not fit, UnknownModuleError at a class that is not known.
    """
    _check_root(root)
    _check_tensors(root)
    current = Pass([], slots_of(root), training, rules=rules, followed=True)
    rows = root.children.get("model")
    if rows is None:
        raise TraceError(f"the model: found no list of rows named model in {root.class_path}, expected one")
    save = root.attributes.get("save")
    kept = {row for row in save if isinstance(row, int)} if isinstance(save, list | tuple) else set()
    outputs: list[Value | None] = []
    x: Value = Followed.of(image, 0)
    for name, row in rows.children.items():
        if row is None:
            continue
        path = f"model.{name}"
        x = current.call(row, path, _row_input(row, path, x, outputs))
        index = row.attributes.get("i")
        if not isinstance(index, int):
            raise TraceError(f"{path}: found i={shown(index)}, expected the row's number, which YOLOv5 writes on it")
        outputs.append(x if index in kept else None)
    return Trace(image, tuple(current.records), x, "", tuple(current.calls), tuple(current.moves))


def _check_root(root: Module) -> None:
    """Refuse a model of which it is not known that it runs its rows alone. Raises: UnknownModuleError."""
    if name := own_code(root):
        raise UnknownModuleError(f"the model: found a {name} of its own, expected that of its class")
    if root.kind not in RUN_AS_ROWS:
        raise UnknownModuleError(f"the model: found a {root.class_path}, expected one of {', '.join(MODEL_CLASSES)}")
    if beside := [name for name in root.children if name != "model"]:
        raise UnknownModuleError(f"the model: found {beside[0]} beside its rows, expected rows alone")


_OF_CHANNELS = ("weight", "bias", "running_mean", "running_var")
_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def _check_tensors(root: Module) -> None:
    """Refuse what PyTorch refuses of a layer's own tensors. Raises: TraceError."""
    for path, module in named_modules(root):
        kind, weight = module.kind, module.parameters.get("weight")
        names: tuple[str, ...]
        if kind in BATCH_NORMS:
            channels = weight.shape[0] if weight is not None and weight.shape else module.attributes["num_features"]
            names = _OF_CHANNELS
        elif kind in ("nn.Conv2d", "nn.Linear") and weight is not None and weight.shape:
            channels, names = weight.shape[0], ("bias",)
        else:
            continue
        for name in names:
            tensor = module.parameters.get(name) or module.buffers.get(name)
            if tensor is not None and tensor.shape != (channels,):
                raise TraceError(
                    f"{path}: found {name} of shape {tensor.shape}, expected {shown(channels)} values, one for each "
                    "channel"
                )
        mode = module.attributes.get("padding_mode", "zeros")
        if mode not in _PADDING_MODES:
            raise TraceError(f"{path}: found padding_mode={shown(mode)}, expected one of {', '.join(_PADDING_MODES)}")


def _row_input(row: Module, path: str, x: Value, outputs: list[Value | None]) -> Value:
    """The input of a row: the output of the row before it (-1), of another row, or of several."""
    source = row.attributes.get("f")
    if source == -1:
        return x
    if isinstance(source, int):
        return _saved(outputs, source, path)
    if not (isinstance(source, list | tuple) and all(isinstance(i, int) for i in source)):
        raise TraceError(f"{path}: found from={shown(source)}, expected row numbers")
    inputs: list[Shape] = []
    for i in source:
        inputs.append(x if i == -1 else _saved(outputs, i, path))  # type: ignore[arg-type]  # a block refuses lists
    return inputs


def _saved(outputs: list[Value | None], row: int, path: str) -> Value:
    value = outputs[row] if -len(outputs) <= row < len(outputs) else None
    if value is None:
        raise TraceError(f"{path}: found from={row}, expected a row before it that is kept")
    return value


def slots_of(root: Module) -> dict[int, int]:
    """In how many places of the model each module is, by its identity: so many ways lead to it from the root.

    A module that has another under several names is one place of it, as for ``nn.Module.children``.
    """
    slots = {id(root): 1}
    for module in _parents_first(root):
        here = slots[id(module)]
        for child in {id(child) for child in module.children.values() if child is not None}:
            slots[child] = slots.get(child, 0) + here
    return slots


def _parents_first(root: Module) -> list[Module]:
    """Every distinct module that holds others, after all modules that hold it."""
    children_first: list[Module] = []
    seen: set[int] = set()
    stack = [(root, False)]
    while stack:
        module, is_done = stack.pop()
        if is_done:
            children_first.append(module)
        elif id(module) not in seen:
            seen.add(id(module))
            stack.append((module, True))
            stack += [(child, False) for child in module.children.values() if child is not None and child.children]
    return children_first[::-1]

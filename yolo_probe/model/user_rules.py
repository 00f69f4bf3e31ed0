"""Counting rules of a user's own for classes and operators: what each charges, and what a module gives back.

A rule for a class stands for the module with all that is inside it, wherever the network comes from: of a file nothing
inside is known, and of a live model it would else be counted twice. A rule is called as thop calls those of
``custom_ops``, with a module and tensors; of a file it gets stand-ins, which have shapes and attributes but no values.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from math import prod
from typing import Any

from yolo_probe.errors import RulesError, reason_of, shown
from yolo_probe.model.operators import OpRecord, Rule
from yolo_probe.model.structure import Module, Shape, Tensor, kind_of, named_modules, named_parameters

CountingRule = Callable[[Any, "tuple[Any, ...]", Any], object]
"""``rule(module, inputs, output)``, which adds MACs to ``module.total_ops``."""

OutputRule = Callable[[Any, Shape], Shape]
"""Shape of what a module gives, by the module and the shape that it is fed."""

CUSTOM = "custom"
"""The operator of a module that a rule of the user's counts, in MACs."""


@dataclass(frozen=True, slots=True)
class ModuleRule:
    """What is known of one class."""

    count: CountingRule | None = None
    """None where only its output is known: then it is listed as uncounted."""
    output: OutputRule | None = None
    """Needed where a file holds a class that YOLOv5 does not have."""


@dataclass(frozen=True, slots=True)
class OwnRules:
    """What one file of rules says."""

    path: str
    modules: Mapping[str, ModuleRule] = field(default_factory=dict)
    """By class: its name, or its name with the module that defines it."""
    operators: Mapping[str, Rule] = field(default_factory=dict)
    """By operator, MACs of one."""

    def rule_for(self, class_path: str) -> ModuleRule | None:
        """The rule for a class, the fullest name first."""
        for name in (
            class_path,
            class_path.removeprefix("yolov5."),
            kind_of(class_path),
            class_path.rpartition(".")[2],
        ):
            if name in self.modules:
                return self.modules[name]
        return None

    def unused(self, records: Iterable[OpRecord]) -> tuple[str, ...]:
        """Names of the classes and operators with a rule that a pass never came to."""
        seen = set()
        for record in records:
            seen |= {record.operator} if record.operator != CUSTOM else _names(record)
        return tuple(name for name in (*self.modules, *self.operators) if name not in seen)


def _names(record: OpRecord) -> set[str]:
    path = str(record.options.get("class"))
    return {path, path.removeprefix("yolov5."), record.kind, record.kind.rpartition(".")[2]}


def class_path(kind: type) -> str:
    """Full name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def ruled_record(
    rules: OwnRules, rule: ModuleRule, module: Module, path: str, inputs: tuple[Shape, ...], output: Shape, slots: int
) -> OpRecord:
    """Record of a module of a file that a rule counts.

    Raises: RulesError where the rule fails or leaves no whole number.
    """
    options: dict[str, object] = {"class": module.class_path}
    if rule.count is not None:
        seen = tuple(StandIn(Tensor(shape)) for shape in inputs)
        options["products"] = counted(
            rules.path, rule.count, ModuleStandIn(module), seen, StandIn(Tensor(output)), (path, module.kind)
        )
    return OpRecord(CUSTOM, path, module.kind, inputs, output, (), options, slots)


def counted(
    origin: str, rule: CountingRule, module: Any, inputs: tuple[Any, ...], output: Any, place: tuple[str, str],
    before: object = 0,
) -> int:  # fmt: skip
    """MACs that a rule adds to ``module.total_ops`` for one call.

    ``origin``: what the rule comes from, the path of a file or ``custom_ops``; ``place``: path and class of the module;
    ``before``: what ``total_ops`` starts with.
    Raises: RulesError where the rule fails or leaves no whole number of at least 0; its ``__context__`` is what the
    rule raised.
    """
    path, kind = place
    named = f"{origin}: {kind}: the rule for {path or 'the model'}"
    module.__dict__["total_ops"] = before
    try:
        with users_code(origin, f"{kind}: the rule for {path or 'the model'} fails"):
            rule(module, inputs, output)
            total = module.__dict__["total_ops"]
            if prod(getattr(total, "shape", ())) != 1:
                raise RulesError(
                    f"{named} in total_ops: found a tensor of shape {tuple(total.shape)}, {_EXPECTED}", _LOOK
                )
            number = total if isinstance(total, str | bool) else float(total)  # thop's own style is a tensor
    finally:
        module.__dict__.pop("total_ops", None)
    macs = whole(number, f"{named} in total_ops")
    return total if type(total) is int else macs  # the first is not rounded as a float is


def shape_out(rules: OwnRules, rule: OutputRule, module: Module, path: str, x: Shape) -> Shape:
    """Shape of what a module of a file gives, by a rule.

    Raises: RulesError where it fails or gives no shape.
    """
    with users_code(rules.path, f"the output of {path} fails"):
        shape = tuple(rule(ModuleStandIn(module), x))
    if not shape or not all(type(side) is int and side > 0 for side in shape):
        raise RulesError(f"{rules.path}: the output of {path}: found {shown(shape)}, expected numbers above 0", _LOOK)
    return shape


def whole(number: object, place: str) -> int:
    """A count as an integer.

    Raises: RulesError where it is none, or below 0.
    """
    if isinstance(number, bool) or not isinstance(number, int | float) or number < 0 or number != number // 1:
        raise RulesError(f"{place}: found {shown(number)}, {_EXPECTED}", _LOOK)
    return int(number)


@contextmanager
def users_code(path: str, failure: str, remedy: str = "") -> Iterator[None]:
    """Code of a file of rules runs: what it prints is not the report, and what it raises is why there is none.

    Raises: RulesError with the file, the failure and the reason.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except RulesError:
        raise
    except (Exception, SystemExit) as error:
        raise RulesError(f"{path}: {failure}: {_described(error, path)}", remedy or _LOOK) from None


def _described(error: BaseException, path: str) -> str:
    """An error of the user's own code in one line, with the last line of their file that led to it."""
    step, line = error.__traceback__, 0
    while step is not None:
        if step.tb_frame.f_code.co_filename == path:
            line = step.tb_lineno
        step = step.tb_next
    return f"{reason_of(error)} (line {line})" if line else reason_of(error)


_EXPECTED = "expected a whole number of MACs, 0 or more"
_LOOK = "Correct that rule; configs/rules.yaml of yolo-probe shows how rules are written."


def advice(unknown: Sequence[tuple[str, str]], rules: OwnRules | None) -> str:
    """What rules of the user's can do about modules that are not known."""
    for _, kind in unknown:
        if rules and rules.rule_for(kind):
            return f"in {rules.path} the rule for {kind} needs its output, such as input"
    return "--rules FILE counts the rest with rules of your own for these"


class StandIn:
    """A tensor of a file, for a rule: its shape and no values."""

    def __init__(self, tensor: Tensor) -> None:
        self.shape = tensor.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def dim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def numel(self) -> int:
        """Number of values."""
        return prod(self.shape)

    nelement = numel

    def size(self, axis: int | None = None) -> Any:
        """The shape, or one axis of it."""
        return self.shape if axis is None else self.shape[axis]


class ModuleStandIn:
    """A module of a file, for a rule: attributes, parameters and children by their names."""

    def __init__(self, module: Module) -> None:
        self.__dict__["_described"] = module

    def __getattr__(self, name: str) -> Any:
        module = self._described
        for values in (module.parameters, module.buffers, module.children, module.attributes):
            if name in values:
                return _stand_in(values[name])
        if name in ("weight", "bias"):  # declared by torch and left out, as a convolution's bias before a BatchNorm
            return None
        raise AttributeError(f"found no {name} in a {module.class_path}")

    def parameters(self) -> list[StandIn]:
        """Every parameter, those of the modules inside too."""
        return [StandIn(tensor) for _, tensor in named_parameters(self._described)]

    def children(self) -> list[ModuleStandIn]:
        """The modules that it holds itself."""
        return [ModuleStandIn(child) for child in self._described.children.values() if child is not None]

    def modules(self) -> list[ModuleStandIn]:
        """Itself and every module inside."""
        return [ModuleStandIn(module) for _, module in named_modules(self._described)]


def _stand_in(value: object) -> Any:
    if isinstance(value, Module):
        return ModuleStandIn(value)
    return StandIn(value) if isinstance(value, Tensor) else value

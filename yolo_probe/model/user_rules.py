"""Counting rules of a user's own for classes and operators: what each charges, and the output's shape of a module.

A rule for a class replaces the counts of all that is inside the module, in a file and in a live model alike: in a
file the inside is not known, and in a live model it would be counted twice. A rule is called as thop calls those of
``custom_ops``, with a module and tensors. For a file it gets stand-ins, which have shapes and attributes but no values.
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
from yolo_probe.model.structure import Module, Shape, Tensor, in_repository, kind_of, named_modules, named_parameters

CountingRule = Callable[[Any, "tuple[Any, ...]", Any], object]
"""``rule(module, inputs, output)``, which adds MACs to ``module.total_ops``."""

OutputRule = Callable[[Any, Shape], Shape]
"""``rule(module, shape of the input)`` -> shape of the output."""

CUSTOM = "custom"
"""Name of the operator of a module that a rule of the user's counts, in MACs."""


@dataclass(frozen=True, slots=True)
class ModuleRule:
    """The user's rules for one class."""

    count: CountingRule | None = None
    """None where only its output is known: the module is then listed as uncounted."""
    output: OutputRule | None = None
    """Needed for a class in a file that YOLOv5 does not have."""


@dataclass(frozen=True, slots=True)
class OwnRules:
    """All rules of one file."""

    path: str
    """Of the file, as messages name it."""
    modules: Mapping[str, ModuleRule] = field(default_factory=dict)
    """By class: its name, ``SE``, or its full name, ``models.common.SE``."""
    operators: Mapping[str, Rule] = field(default_factory=dict)
    """By operator: what one costs, in MACs."""

    def rule_for(self, class_path: str) -> ModuleRule | None:
        """The rule for a class, None if there is none; a full name goes before a short one."""
        for name in (
            class_path,
            in_repository(class_path),
            kind_of(class_path),
            class_path.rpartition(".")[2],
        ):
            if name in self.modules:
                return self.modules[name]
        return None

    def unused(self, records: Iterable[OpRecord]) -> tuple[str, ...]:
        """Names of the classes and operators that have a rule and are not in the pass."""
        seen = set()
        for record in records:
            seen |= {record.operator} if record.operator != CUSTOM else _names(record)
        return tuple(name for name in (*self.modules, *self.operators) if name not in seen)


def _names(record: OpRecord) -> set[str]:
    path = str(record.options.get("class"))
    return {path, in_repository(path), record.kind, record.kind.rpartition(".")[2]}


def class_path(kind: type) -> str:
    """Full name of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def ruled_record(
    rules: OwnRules, rule: ModuleRule, module: Module, path: str, inputs: tuple[Shape, ...], output: Shape, slots: int
) -> OpRecord:
    """The record of a module in a file that a rule counts.

    Raises: RulesError where the rule fails or its result is no whole number.
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
    Raises: RulesError where the rule fails or its result is no whole number of at least 0; its ``__context__`` is what
    the rule raised.
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
    return total if type(total) is int else macs  # a large int would lose digits as a float


def shape_out(rules: OwnRules, rule: OutputRule, module: Module, path: str, x: Shape) -> Shape:
    """The shape of the output of a module in a file, by a rule.

    Raises: RulesError where the rule fails or returns no shape.
    """
    with users_code(rules.path, f"the output of {path} fails"):
        shape = tuple(rule(ModuleStandIn(module), x))
    if not shape or not all(type(side) is int and side > 0 for side in shape):
        raise RulesError(f"{rules.path}: the output of {path}: found {shown(shape)}, expected numbers above 0", _LOOK)
    return shape


def whole(number: object, place: str) -> int:
    """A count as an integer; ``place`` names it in the message.

    Raises: RulesError where it is no whole number, or below 0.
    """
    if isinstance(number, bool) or not isinstance(number, int | float) or number < 0 or number != number // 1:
        raise RulesError(f"{place}: found {shown(number)}, {_EXPECTED}", _LOOK)
    return int(number)


@contextmanager
def users_code(path: str, failure: str, remedy: str = "") -> Iterator[None]:
    """Run code of a file of rules: what it prints goes to stderr, since stdout is the report's.

    Raises: RulesError with the file, the failure and the reason, for whatever the code raises.
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
    """What to do about modules that are not known, by rules of the user's own, in words."""
    for _, kind in unknown:
        if rules and rules.rule_for(kind):
            return f"in {rules.path} the rule for {kind} needs its output, such as input"
    return "--rules FILE counts the rest with rules of your own for these"


class StandIn:
    """A tensor of a file as a rule gets it: a shape without values."""

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
        """The shape, or the length of one axis."""
        return self.shape if axis is None else self.shape[axis]


class ModuleStandIn:
    """A module of a file as a rule gets it: attributes, parameters and children by their names."""

    def __init__(self, module: Module) -> None:
        self.__dict__["_described"] = module

    def __getattr__(self, name: str) -> Any:
        module = self._described
        for values in (module.parameters, module.buffers, module.children, module.attributes):
            if name in values:
                return _stand_in(values[name])
        if name in ("weight", "bias"):  # torch has the name with None, as the bias of a convolution before a BatchNorm
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

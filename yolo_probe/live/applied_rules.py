"""The user's counting rules applied to a weightless copy: those of a file, and those that thop takes as ``custom_ops``.

A rule is ``rule(module, inputs, output)`` and adds its count to ``module.total_ops``. Both kinds are run, checked and
refused alike; they differ in which modules a rule is for, and in what else of such a module is counted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from yolo_probe.errors import DataDependentError, RulesError
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import kind_of
from yolo_probe.model.user_rules import CUSTOM, CountingRule, OwnRules, class_path, counted

NO_RULE = frozenset({
    nn.Module, nn.SiLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh,
    nn.LogSigmoid, nn.Sigmoid, nn.Softplus, nn.Tanh,
})  # fmt: skip
"""Torch's modules that thop has no rule for, not even that they are free."""


class AppliedRules(ABC):
    """The user's rules, as a pass of a live model applies them."""

    __slots__ = ()

    @property
    @abstractmethod
    def origin(self) -> str:
        """Where the rules come from, as messages name it."""

    @property
    @abstractmethod
    def before(self) -> object:
        """The value of ``total_ops`` when a rule is called."""

    @abstractmethod
    def rule_for(self, kind: type) -> CountingRule | None:
        """The rule for a class; None if there is none."""

    @abstractmethod
    def replaces(self, record: OpRecord, module: nn.Module, path: str) -> bool:
        """Whether the rule for a module replaces a record that was made while the module ran."""

    def counted_by(self, rule: CountingRule, module: nn.Module, path: str, inputs: tuple[Any, ...], output: Any) -> int:
        """MACs of one call.

        Raises: RulesError where the rule fails, or its result is no whole number from 0 on; DataDependentError where
        it reads values of a tensor that has none.
        """
        place = path, kind_of(class_path(type(module)))
        try:
            return counted(self.origin, rule, module, inputs, output, place, self.before)
        except RulesError as error:
            tensors = (*inputs, output, *module.parameters())
            asked = isinstance(error.__context__, RuntimeError)  # what torch raises then
            if asked and any(isinstance(each, torch.Tensor) and each.is_meta for each in tensors):
                raise DataDependentError(str(error)) from error
            raise


@dataclass(frozen=True, slots=True)
class OwnOps(AppliedRules):
    """The rules of a file. A rule counts a module of the class that it names, with all that is inside."""

    rules: OwnRules

    @property
    def origin(self) -> str:
        """The path of the file."""
        return self.rules.path

    @property
    def before(self) -> object:
        """A number, as for a network that is read from a file."""
        return 0

    def rule_for(self, kind: type) -> CountingRule | None:
        """The rule for a class, by its name; None if there is none."""
        found = self.rules.rule_for(class_path(kind))
        return found.count if found else None

    def replaces(self, record: OpRecord, module: nn.Module, path: str) -> bool:
        """Always: a rule counts all that is inside the module."""
        return True


@dataclass(frozen=True, slots=True)
class CustomOps(AppliedRules):
    """Rules as ``thop.profile(custom_ops=...)`` takes them, applied as the counter in effect does.

    From ultralytics-thop 2.1.2 on, a rule also applies to subclasses, and the modules inside are counted in addition.
    Before, it applies to exactly that class, and counts all that is inside.
    """

    rules: Mapping[type, CountingRule]
    subclasses: bool = True
    """Whether they apply to subclasses, and modules inside are counted in addition."""

    @property
    def origin(self) -> str:
        """The argument's name."""
        return "custom_ops"

    @property
    def before(self) -> object:
        """A tensor, as thop has it."""
        return torch.zeros(1, dtype=torch.float64)

    def rule_for(self, kind: type) -> CountingRule | None:
        """The rule for a class; a rule that thop has for a class of torch wins over one for its base class."""
        if not self.subclasses:
            return self.rules.get(kind)
        for each in kind.__mro__:
            if each in self.rules:
                return self.rules[each]
            if each.__module__.startswith("torch.nn.modules.") and each not in NO_RULE:
                return None
        return None

    def replaces(self, record: OpRecord, module: nn.Module, path: str) -> bool:
        """Always for the module's own record and functions; for modules inside only if the rule counts them."""
        if record.functional or record.path == path:
            return True
        contains = isinstance(module, (nn.Sequential, nn.ModuleList)) or not path
        return not self.subclasses and not contains


def custom_record(
    place: tuple[str, str], kind: type, inputs: tuple[Any, ...], output: Any, count: int, slots: int
) -> OpRecord:
    """The record of a module of that class that the user's own rule counts."""
    shapes = tuple(tuple(x.shape) for x in inputs if isinstance(x, torch.Tensor))
    out = tuple(output.shape) if isinstance(output, torch.Tensor) else ()
    return OpRecord(CUSTOM, *place, shapes, out, (), {"products": count, "class": class_path(kind)}, slots)

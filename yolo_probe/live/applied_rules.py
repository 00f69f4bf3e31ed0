"""Counting rules of the user's own, as ``thop.profile(custom_ops=...)`` takes them, run on a weightless copy.

A rule is ``rule(module, inputs, output)`` and adds its count to ``module.total_ops``. From ultralytics-thop 2.1.2 on
it holds for subclasses too and the modules inside are counted beside it; before, it stands for all that is inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from yolo_probe.errors import TraceError
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.user_rules import CUSTOM, class_path

CountingRule = Callable[[nn.Module, "tuple[Any, ...]", Any], object]

NO_RULE = frozenset({
    nn.Module, nn.SiLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.Mish, nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh,
    nn.LogSigmoid, nn.Sigmoid, nn.Softplus, nn.Tanh,
})  # fmt: skip
"""Torch's modules that thop has no rule for, not even that they are free."""


@dataclass(frozen=True, slots=True)
class CustomOps:
    """Rules by module class, and how the counter in effect applies them."""

    rules: Mapping[type, CountingRule]
    subclasses: bool = True
    """Whether they hold for subclasses and beside what is inside; else for exactly that class, in place of it."""

    def rule_for(self, kind: type) -> CountingRule | None:
        """The rule for a class; one of torch's own goes before that of a class further up."""
        if not self.subclasses:
            return self.rules.get(kind)
        for each in kind.__mro__:
            if each in self.rules:
                return self.rules[each]
            if each.__module__.startswith("torch.nn.modules.") and each not in NO_RULE:
                return None
        return None

    def replaces(self, record: OpRecord, module: nn.Module, path: str) -> bool:
        """Whether the rule for a module stands for a record that its run left: its own, its functions, its inside."""
        if record.functional or record.path == path:
            return True
        contains = isinstance(module, (nn.Sequential, nn.ModuleList)) or not path
        return not self.subclasses and not contains

    def counted_by(self, rule: CountingRule, module: nn.Module, path: str, inputs: tuple[Any, ...], output: Any) -> int:
        """What a rule adds to ``module.total_ops`` for one call.

        Raises: TraceError where it leaves no number there.
        """
        module.__dict__["total_ops"] = torch.zeros(1, dtype=torch.float64)
        rule(module, inputs, output)
        total = module.__dict__.pop("total_ops")
        if isinstance(total, torch.Tensor) and (total.is_meta or total.numel() != 1):
            raise TraceError(
                f"{path or 'the model'}: found a tensor of shape {tuple(total.shape)} in total_ops, expected one number"
            )
        return int(total)


def custom_record(
    place: tuple[str, str], kind: type, inputs: tuple[Any, ...], output: Any, count: int, slots: int
) -> OpRecord:
    """Record of a module of that class that a rule of the user's counts."""
    shapes = tuple(tuple(x.shape) for x in inputs if isinstance(x, torch.Tensor))
    out = tuple(output.shape) if isinstance(output, torch.Tensor) else ()
    return OpRecord(CUSTOM, *place, shapes, out, (), {"products": count, "class": class_path(kind)}, slots)

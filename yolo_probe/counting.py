"""FLOPs of any live ``nn.Module``, by the rules of one counter or of all of them, with nothing run or changed.

``profiled`` alone runs the model that it is given, as it calls the real thop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

import torch
from torch import nn

from yolo_probe.comparison import Comparison, Measured, Mode, compare
from yolo_probe.conventions import CONVENTIONS, Convention, Uncounted
from yolo_probe.custom_ops import CountingRule
from yolo_probe.errors import CounterError, TraceError, shown
from yolo_probe.installed import installed_thop
from yolo_probe.live import Live, network_of
from yolo_probe.own_rules import OwnOps
from yolo_probe.recorder import Arguments, Inputs
from yolo_probe.report import choose_counter
from yolo_probe.rules_file import read_rules
from yolo_probe.structure import Module, Shape
from yolo_probe.summary import image_channels

Input: TypeAlias = (
    "int | Sequence[int] | Sequence[Sequence[int]] | torch.Tensor | Sequence[object] | Mapping[str, object]"
)
"""What a model is fed: the side of an image, its height and width, a whole shape, several shapes, a tensor, several
arguments, or a dict of arguments by name. Of tensors shapes and types are used, values only where the
forward pass depends on them."""


@dataclass(frozen=True, slots=True)
class FlopCount:
    """What one counter charges for one pass of a model."""

    counter: str
    """Name of the rules: ``ultralytics-thop-2.2``."""
    unit: str
    """MACs or FLOPs; 1 MAC is 2 FLOPs."""
    total: int
    """In that unit, as the counter itself prints it."""
    flops: int
    """The same in FLOPs."""
    by_module: Mapping[str, int]
    """By the qualified name of the module that does the work, in that unit; they add up to the total."""
    by_operator: Mapping[str, int]
    """By operator, likewise."""
    uncounted: tuple[Uncounted, ...]
    """What the counter has no rule for."""


def count_flops(model: nn.Module, imgsz: Input = 640, counter: str = "thop", rules: str | None = None) -> FlopCount:
    """FLOPs of one pass of a model in evaluation mode, by the rules of one counter.

    ``counter``: ``thop`` is the installed one; else a name that ``yolo-probe counters`` lists. ``rules``: a file of
    rules of your own, as the command's ``--rules``. ``torch`` counts ``F.scaled_dot_product_attention`` as its
    FlopCounterMode does on the meta device; on the CPU that leaves contiguous ones out.
    Raises: CounterError where there is no such counter, TraceError where the model cannot be followed, RulesError where
    the file of rules cannot be read or a rule in it fails.
    """
    own = read_rules(rules) if rules else None
    convention = counting_rules(counter).with_rules(own)
    live = Live(network_of(model, "count_flops"), OwnOps(own) if own else None, complete=False)
    records = live.trace_inputs(inputs_of(imgsz, live.root)).records
    by_module: dict[str, int] = {}
    by_operator: dict[str, int] = {}
    for record in records:
        if count := convention.count(record):
            by_module[record.path] = by_module.get(record.path, 0) + count
            by_operator[record.operator] = by_operator.get(record.operator, 0) + count
    total = sum(by_module.values())
    return FlopCount(
        convention.name, convention.unit, total, total * convention.flops_per_count, by_module, by_operator,
        convention.uncounted(records),
    )  # fmt: skip


def compare_counters(
    model: nn.Module, imgsz: Input = 640, counters: Iterable[str] | None = None, rules: str | None = None
) -> Comparison:
    """The same pass by several counters, all of them if none is named: as it trains, is evaluated, and fused.

    A model without a ``fuse()`` has no fused figures. ``rules``: a file of rules of your own.
    Raises: CounterError where there is no such counter, TraceError where the model cannot be followed, RulesError where
    the file of rules cannot be read or a rule in it fails.
    """
    own = read_rules(rules) if rules else None
    names = CONVENTIONS if counters is None else [counters] if isinstance(counters, str) else counters
    conventions = [counting_rules(name).with_rules(own) for name in names]
    model = network_of(model, "compare_counters")
    live = Live(model, OwnOps(own) if own else None, complete=False)
    inputs = inputs_of(imgsz, live.root)
    modes: dict[Mode, Measured] = {"unfused": Measured(live.root, live.trace_inputs(inputs).records)}
    try:
        training = live.in_training()
        modes["train"] = Measured(training.root, training.trace_inputs(inputs).records)
    except TraceError:  # a training pass may need more than an image: targets
        pass
    if callable(getattr(model, "fuse", None)):
        fused = live.fused().with_rules(own) if own else live.fused()
        modes["fused"] = Measured(fused.root, fused.trace_inputs(inputs).records)
    return compare(modes, conventions, counting_rules("thop").name)


def profiled(model: nn.Module, image: torch.Tensor, rules: Mapping[type, CountingRule] | None = None) -> int:
    """FLOPs that the installed thop itself counts in a model, on which it may leave its marks."""
    import thop

    macs, _ = thop.profile(model, inputs=(image,), custom_ops=dict(rules or {}), verbose=False)
    return 2 * int(macs)


def counting_rules(name: str) -> Convention:
    """The rules of that name; ``thop``: those of the installed one.

    Raises: CounterError where there are none.
    """
    if name != "thop" and name not in CONVENTIONS:
        raise CounterError(
            f"found the counter {name!r}, expected one that is known", f"one of: {', '.join(CONVENTIONS)}"
        )
    return choose_counter(name, installed_thop()).convention


def inputs_of(given: Input, root: Module) -> Inputs:
    """What the model is called with.

    Raises: CounterError for what is none of the forms of ``Input``.
    """
    sides = (given, given) if isinstance(given, int) else tuple(given) if isinstance(given, list | tuple) else ()
    if _is_shape(sides):
        shape = cast(Shape, sides)
        return (1, image_channels(root), *shape) if len(shape) == 2 else shape
    if sides and all(isinstance(each, list | tuple) and _is_shape(each) for each in sides):
        return Arguments(tuple(torch.empty(cast(Shape, each), device="meta") for each in sides))
    if not _holds_tensor(given):
        raise CounterError(
            f"found the input {shown(given)}, expected 640, (height, width), a whole shape, a tensor, a list of "
            "arguments, or a dict of them by name"
        )
    return Arguments(named=given) if isinstance(given, Mapping) else Arguments(sides or (given,))


def _holds_tensor(value: object) -> bool:
    """Whether a value is a tensor or has one inside."""
    if isinstance(value, Mapping):
        return any(map(_holds_tensor, value.values()))
    return isinstance(value, torch.Tensor) or (isinstance(value, list | tuple) and any(map(_holds_tensor, value)))


def _is_shape(sides: Sequence[object]) -> bool:
    return bool(sides) and all(type(side) is int and side > 0 for side in sides)

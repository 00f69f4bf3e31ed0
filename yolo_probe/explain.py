"""What a live model is, in words: who set ``requires_grad``, what each of its layers costs. The model is only read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from yolo_probe.costs import By, Sort
from yolo_probe.counting import Input, counting_rules, inputs_of
from yolo_probe.errors import TargetError, TraceError
from yolo_probe.fusion import merged_names
from yolo_probe.hosts.running import Running
from yolo_probe.layer_costs import LayerCosts, View, gathered
from yolo_probe.layer_costs import as_json as costs_as_json
from yolo_probe.live import Live, network_of, unwrapped
from yolo_probe.mechanisms import decide
from yolo_probe.observed import observe
from yolo_probe.own_rules import OwnOps
from yolo_probe.provenance import Copy, Fused, OptimizerCheck, Provenance, as_json, rows_of
from yolo_probe.render.gradients import render_rows
from yolo_probe.render.text import render
from yolo_probe.rules_file import read_rules
from yolo_probe.structure import Module, count_gradients
from yolo_probe.subject import LiveModel
from yolo_probe.target import classes_of, network_name
from yolo_probe.training import known_live


@dataclass(frozen=True, slots=True, repr=False)
class Explanation:
    """What ``explain_gradients`` says; printed, it is the text."""

    report: Provenance

    def __str__(self) -> str:
        return render(self.report) + render_rows(self.report)

    __repr__ = __str__

    def as_json(self) -> dict[str, object]:
        """The same as plain data, in the form of ``yolo-probe gradients --format json``."""
        return as_json(self.report)


def explain_gradients(model: nn.Module, optimizer: Any = None) -> Explanation:
    """Who set ``requires_grad`` in a live model, told from what is there.

    ``optimizer``: is held against the model: parameters that train and that no group holds, frozen ones that one holds,
    the same one twice. Parameters that are no leaves (of a model that was fused with autograd on) are named.
    Raises: TargetError where the model is no ``nn.Module``, or the optimizer has no groups.
    """
    inner = unwrapped(network_of(model, "explain_gradients"))
    live = Live(inner)
    root = live.root
    known = known_live(inner, root, Running())
    copy = Copy("model", root, decide(root, known))
    left = known.non_leaf or frozenset()
    return Explanation(
        Provenance(
            _live_model(inner, root),
            (copy,),
            "model",
            _fused(live),
            bool(merged_names(root)),
            rows_of(copy),
            optimizer=None if optimizer is None else check_optimizer(inner, optimizer),
            non_leaf=tuple(name for name, _ in inner.named_parameters() if name in left),
        )
    )


@dataclass(frozen=True, slots=True, repr=False)
class Layers:
    """What ``explain_layers`` says; printed, it is the text."""

    report: LayerCosts

    def __str__(self) -> str:
        return render(self.report)

    __repr__ = __str__

    def as_json(self) -> dict[str, object]:
        """The same as plain data, in the form of ``yolo-probe layers --format json``."""
        return costs_as_json(self.report)


def explain_layers(
    model: nn.Module, imgsz: Input = 640, counter: str = "thop", *, by: By = "row", depth: int | None = None,
    sort: Sort | None = None, top: int | None = None, memory: bool = False, rules: str | None = None,
) -> Layers:  # fmt: skip
    """What each row, module, operator or type of a live model costs in evaluation mode; nothing is run or changed.

    The other arguments are the options of ``yolo-probe layers``.
    Raises: TargetError where the model is no ``nn.Module``, CounterError where there is no such counter, TraceError
    where the model cannot be followed, RulesError where the file of rules cannot be read or a rule in it fails.
    """
    own = read_rules(rules) if rules else None
    convention = counting_rules(counter).with_rules(own)
    inner = unwrapped(network_of(model, "explain_layers"))
    live = Live(inner, OwnOps(own) if own else None, complete=False)
    inputs = inputs_of(imgsz, live.root)
    run, observed = live.trace_inputs(inputs), observe(live, inputs)
    return Layers(
        gathered(
            _live_model(inner, live.root),
            None,
            convention,
            View(by, depth, sort, top, memory),
            live.root,
            replace(run, calls=observed.calls) if observed else run,
            observed.activations if observed else None,
            is_fused=bool(merged_names(live.root)),
            rules=own,
        )
    )


def _live_model(model: nn.Module, root: Module) -> LiveModel:
    return LiveModel(root.class_path, network_name(root, options={}), classes_of(root), model.training)


def _fused(live: Live) -> Fused:
    """What the model's own ``fuse()`` leaves, run on copies without weights."""
    if merged_names(live.root):
        return Fused(count_gradients(live.root), count_gradients(live.root))
    try:
        on, off = (count_gradients(live.fused(grad_enabled=grad).root) for grad in (True, False))
    except TraceError as error:
        return Fused(None, None, str(error), error.remedy)
    return Fused(on, off)


def check_optimizer(model: nn.Module, optimizer: Any) -> OptimizerCheck:
    """An optimizer held against the parameters of a model.

    Raises: TargetError where it has no ``param_groups``.
    """
    groups = getattr(optimizer, "param_groups", None)
    if not isinstance(groups, list) or not all(isinstance(group, Mapping) for group in groups):
        raise TargetError(
            f"explain_gradients: found {type(optimizer).__name__} without param_groups, expected a torch optimizer"
        )
    held = Counter(id(parameter) for group in groups for parameter in group.get("params", ()))
    named = list(model.named_parameters())
    return OptimizerCheck(
        groups=len(groups),
        unheld=tuple(name for name, each in named if each.requires_grad and not held[id(each)]),
        frozen=tuple(name for name, each in named if not each.requires_grad and held[id(each)]),
        repeated=tuple(name for name, each in named if held[id(each)] > 1),
        foreign=len(held.keys() - {id(each) for _, each in named}),
    )

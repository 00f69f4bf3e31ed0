"""A forward pass of a copy of a model, written down: its modules of torch, and the functions outside them.

A module of torch that has a block answers with the shape of its output, as it does for a file, and a function that only
moves or combines values answers likewise; everything else runs torch's meta kernels. A module whose whole forward is
``act(bn(conv(x)))`` is answered by the blocks of its three children.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import ref

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from yolo_probe.errors import DataDependentError, RulesError, TraceError, first_words
from yolo_probe.live import module_calls
from yolo_probe.live.applied_rules import CustomOps, OwnOps, custom_record
from yolo_probe.live.function_records import ELEMENTWISE_FUNCTIONS, Record, custom, other
from yolo_probe.live.function_shapes import ANSWERS, RECORDS, Answer
from yolo_probe.live.torch_layers import LAYERS, UNKNOWN, layer_record
from yolo_probe.live.weightless_copy import Place, with_hooks
from yolo_probe.model.forward import (
    BLOCKS,
    ELEMENTWISE,
    Block,
    Frame,
    Pass,
    Value,
    multi_head_attention,
)
from yolo_probe.model.operators import ShapeError
from yolo_probe.model.structure import Module, Shape, Tensor
from yolo_probe.model.trace import Trace
from yolo_probe.model.user_rules import CountingRule


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a model is called with: tensors, also in lists and dicts; their values only where shapes are not enough."""

    given: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


Inputs = Shape | Arguments
"""What a model is fed: an image of that shape, or anything."""


class Recorder(TorchFunctionMode):  # type: ignore[misc]  # torch is not read by mypy
    """Writes down what a copy of a model computes: its modules of torch, and the functions that run outside them.

    ``places``: the copy's modules, itself first; ``slots``: in how many places each hangs, by its description's
    identity, if they are several. ``device``: ``meta`` for a weightless copy. ``training``, ``elementwise`` and
    ``complete``: as in ``Live``. The copy is the recorder's own from then on.
    Raises: TraceError at a module that counters charge and whose rules are not known, where none may be left out.
    """

    def __init__(
        self,
        places: Sequence[Place],
        slots: Mapping[int, int],
        custom_ops: CustomOps | OwnOps | None = None,
        *,
        device: str = "meta",
        training: bool = False,
        elementwise: bool = True,
        complete: bool = True,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self._copy = places[0].copy
        self._custom_ops, self._device = custom_ops, device
        self._unrecorded = {} if elementwise else ELEMENTWISE_FUNCTIONS
        self._complete = complete
        self._dtype = dtype
        self._slots = dict(slots)
        self._pass = Pass([], self._slots, training)
        self._running: list[tuple[str, str]] = []
        self._inside = 0
        self._classes: dict[type, _Class] = {}
        self._functions: dict[Any, tuple[Answer | None, Record | None]] = {}
        self._empty: module_calls.Empty = {}
        for place in places:
            self.prepare(place)

    def run(self, image: Inputs) -> Trace:
        """One forward pass on an image of that shape, or on arguments like these.

        Raises: TraceError where shapes do not fit, DataDependentError for whatever else the forward raises, both with
        the module's path.
        """
        records = self._pass.records
        records.clear()
        self._running.clear()
        self._inside = 0
        if not isinstance(image, Arguments):
            image = Arguments((torch.zeros(image, dtype=self._dtype, device=self._device),))
        inputs, named = fed(image.given, self._device), fed(dict(image.named), self._device)
        try:
            with torch.no_grad(), self:
                out = self._copy(*inputs, **named)
        except ShapeError as error:
            raise TraceError(f"{self._where}: {error}") from None
        except (TraceError, RulesError):
            raise
        except (Exception, SystemExit) as error:  # the user's own forward: whatever it raises is why there is no figure
            raise DataDependentError(f"{self._where}: {first_words(error)}") from error
        return Trace(_first_shape([*inputs, *named.values()]), tuple(records), _shapes(out))

    @property
    def _where(self) -> str:
        return (self._running[-1][0] if self._running else "") or "the model"

    def prepare(self, of: Place) -> None:
        """Have the calls of a copy written down."""
        path, described, module, is_chain = of
        inside = module.__dict__
        if self._pass.training:
            inside["training"] = True
        call: Callable[..., Any]
        if is_chain:
            frame = Frame(described, path, self._pass)
            call = partial(module_calls.pass_on, self._running, self._empty, frame, inside["_modules"], ref(module))
            inside["forward"] = inside["_compiled_call_impl"] = call
            return
        kind = type(module)
        known = self._classes.get(kind)
        if known is None:
            known = self._classes[kind] = _class_of(kind)
        torch_class, block, is_own, layer, operator = known
        place = (path, described.kind)
        if block is None and layer is None and torch_class is not nn.MultiheadAttention:
            call = partial(module_calls.enter, self._running, place, *module_calls.own_forward(module))
        elif block is not None:
            if "weight" in inside or "parametrizations" in inside["_modules"]:
                described = self._with_weight(described, module)
            if is_own or self._device != "meta" or "forward" in inside:
                call = self._counted(place, block, Frame(described, path, self._pass), module_calls.forward_of(module))
            elif operator is not None:
                same = torch_class in RETURN_THEIR_INPUT or inside.get("inplace") is True
                slots = self._slots.get(id(described), 1)
                call = partial(
                    module_calls.keep, self._running, self._empty, self._pass.records, place, operator, slots, same
                )
            else:
                call = partial(
                    module_calls.answer, self._running, self._empty, block, Frame(described, path, self._pass)
                )
        elif layer is None:
            call = self._attended(place, Frame(described, path, self._pass), module)
        elif layer in UNKNOWN and self._custom_ops is not None and self._custom_ops.rule_for(kind):
            call = partial(module_calls.enter, self._running, place, *module_calls.own_forward(module))
        elif layer in UNKNOWN and self._complete:
            raise TraceError(
                f"{path or 'the model'}: found an nn.{layer}, whose cost yolo-probe does not know",
                "count_flops(model, rules=FILE) counts it by a rule of your own",
            )
        else:
            call = self._layered(place, LAYERS.get(layer, layer), self._slots.get(id(described), 1), module)
        if self._custom_ops is not None and (rule := self._custom_ops.rule_for(kind)):
            call = self._ruled(place, self._slots.get(id(described), 1), call, rule, module)
        # torch calls the second in the place of hooks and forward; code of the model may call the first
        inside["forward"] = inside["_compiled_call_impl"] = call

    def _with_weight(self, described: Module, module: nn.Module) -> Module:
        """A module whose weight is no parameter: pruning or a parametrization computes it."""
        with torch.no_grad():
            weight = Tensor(tuple(with_hooks(module).weight.shape))  # a parametrization is called as any module
        found = Module(
            described.class_path, {**described.attributes, "weight": weight}, described.parameters, described.buffers
        )
        self._slots[id(found)] = self._slots.get(id(described), 1)
        return found

    def _ruled(
        self, place: tuple[str, str], slots: int, forward: Callable[..., Any], rule: CountingRule, module: nn.Module
    ) -> Callable[..., Any]:
        """A module that a rule of the user's counts."""
        rules, records, path = self._custom_ops, self._pass.records, place[0]
        assert rules is not None

        def call(*args: Any, **kwargs: Any) -> Any:
            before = len(records)
            out = forward(*args, **kwargs)
            records[before:] = [each for each in records[before:] if not rules.replaces(each, module, path)]
            self._running.append(place)
            self._inside += 1
            inputs = (*args, *kwargs.values())
            count = rules.counted_by(rule, module, path, inputs, out)
            records.append(custom_record(place, type(module), inputs, out, count, slots))
            self._inside -= 1
            self._running.pop()
            return out

        return call

    def _layered(self, place: tuple[str, str], operator: str, slots: int, module: nn.Module) -> Callable[..., Any]:
        """A module without a block, whose output's shape its own forward knows; of several outputs the first counts."""
        forward = module_calls.forward_of(module)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._running.append(place)
            self._inside += 1
            out = forward(*args, **kwargs)
            self._inside -= 1
            self._running.pop()
            shapes = tuple(tuple(x.shape) for x in (*args, *kwargs.values()) if isinstance(x, torch.Tensor))
            first = out[0] if isinstance(out, tuple) else out
            self._pass.records.append(layer_record(operator, *place, module, shapes, tuple(first.shape), slots))
            return out

        return call

    def _counted(
        self, place: tuple[str, str], block: Callable[..., Value], frame: Frame, forward: Callable[..., Any]
    ) -> Callable[..., Any]:
        """A counted module with a forward of its own: that runs, and what it calls is part of the module."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self._running.append(place)
            first = args[0] if args else next(iter(kwargs.values()))
            block(frame, tuple(first.shape))
            self._inside += 1
            out = forward(*args, **kwargs)
            self._inside -= 1
            self._running.pop()
            return out

        return call

    def _attended(self, place: tuple[str, str], frame: Frame, module: nn.Module) -> Callable[..., Any]:
        """Attention, whose projections are functions inside it: one record for all."""
        forward = module_calls.forward_of(module)

        def call(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            self._running.append(place)
            self._inside += 1
            out = forward(query, key, value, *args, **kwargs)
            self._inside -= 1
            self._running.pop()
            multi_head_attention(frame, *(_sequence_first(module, x) for x in (query, key, value)))
            return out

        return call

    def _other(self, func: Any) -> Record | None:
        """Where a pass may leave out what is not known, the rest of what computes is listed."""
        return None if self._complete else other(func)

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        known = self._functions.get(func)
        if known is None:
            known = self._functions[func] = (
                ANSWERS.get(func),
                None if func in self._unrecorded else RECORDS.get(func) or custom(func) or self._other(func),
            )
        answer, record = known
        found = answer(args, kwargs or {}) if answer is not None else None
        out = func(*args, **(kwargs or {})) if found is None else module_calls.meta(self._empty, *found)
        if record is not None and not self._inside:
            path, kind = self._running[-1] if self._running else ("", "")
            self._pass.records.append(record(args, kwargs or {}, out, path, kind))
        return out


def fed(value: Any, device: str) -> Any:
    """What a copy on that device is called with: its own copy of each tensor, on ``meta`` without values."""
    if isinstance(value, torch.Tensor) and device != "meta" and not value.is_meta:
        return value.detach().to(device, torch.float32 if value.is_floating_point() else value.dtype, copy=True)
    if isinstance(value, torch.Tensor):
        return torch.zeros(value.shape, dtype=value.dtype, device=device)
    if isinstance(value, Mapping):
        return {name: fed(each, device) for name, each in value.items()}
    return type(value)(fed(each, device) for each in value) if type(value) in (list, tuple) else value


def _first_shape(values: Sequence[Any]) -> Shape:
    """Shape of the first tensor among values, also inside them; empty where there is none."""
    for value in values:
        inner = list(value.values()) if isinstance(value, Mapping) else value
        if isinstance(value, torch.Tensor):
            return tuple(value.shape)
        if isinstance(inner, (list, tuple)) and (found := _first_shape(inner)):
            return found
    return ()


LINKS = frozenset({nn.Conv2d, nn.BatchNorm2d, *(getattr(nn, name[3:]) for name in ELEMENTWISE)})
"""Modules of torch of which a chain can be made: what each gives follows from its input's shape."""

RETURN_THEIR_INPUT = frozenset({nn.Identity, nn.Dropout, nn.Dropout2d})
"""Modules of torch that do nothing in evaluation mode."""


_Class = tuple[type, Block | None, bool, str | None, str | None]
"""The class of torch that a module's class comes from, its block, whether the forward is another one, its name where
it is one of ``LAYERS`` or ``UNKNOWN``, its operator where that changes each element on its own."""


def _class_of(kind: type) -> _Class:
    classes: tuple[Any, ...] = kind.__mro__
    torch_class = next(c for c in classes if c.__module__.startswith("torch.nn.modules."))
    name = torch_class.__name__
    layer = name if name in LAYERS or name in UNKNOWN else None
    block = BLOCKS.get(f"nn.{name}") if torch_class is not nn.Sequential and layer is None else None
    return torch_class, block, classes[0].forward is not torch_class.forward, layer, ELEMENTWISE.get(f"nn.{name}")


def _sequence_first(module: nn.Module, x: torch.Tensor) -> Shape:
    """Shape of an input of attention as (length, batch, features)."""
    if x.dim() == 2:
        length, features = x.size()
        return length, 1, features
    first, second, features = x.size()
    return (second, first, features) if module.batch_first else (first, second, features)


def _shapes(out: Any) -> Value:
    if isinstance(out, torch.Tensor):
        return tuple(out.shape)
    if isinstance(out, Mapping):
        out = list(out.values())
    return [tuple(each.shape) for each in out if isinstance(each, torch.Tensor)] if isinstance(out, Sequence) else []

"""Records a forward pass of a copy of a model: its modules of torch, and the functions outside them.

One rule says what runs. A module is answered by the shape of its output only if it is exactly torch's: torch's class
with torch's forward, no forward of its own, no hooks. Everything else runs its own code, hooks included, and so does a
module of torch whose input its rule does not know; a function that only moves or combines values is answered, and any
other runs torch's meta kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any, NamedTuple
from weakref import ref

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from yolo_probe.errors import DataDependentError, RulesError, TraceError, UnknownModuleError, first_words
from yolo_probe.live import timm_attention
from yolo_probe.live.applied_rules import AppliedRules, custom_record
from yolo_probe.live.arguments import (
    Arguments,
    Inputs,
    as_named,
    fed,
    first_shape,
    output_shapes,
    tensor_shapes,
    without_values,
)
from yolo_probe.live.channels_last import LAYERS_BY_ELEMENT, laid_out
from yolo_probe.live.composed_functions import COMPOSED
from yolo_probe.live.description import NO_SHAPE, PAD, tensors_in
from yolo_probe.live.function_records import (
    DEFORMABLE,
    ELEMENTWISE_FUNCTIONS,
    RECORDS,
    Record,
    argument,
    attention_path,
    comes_from_training,
    custom,
    keeps_gradients,
    mark_as_training,
    other,
    splits,
)
from yolo_probe.live.function_shapes import ANSWERS, Answer
from yolo_probe.live.named_calls import Named
from yolo_probe.live.operator_records import Records, autograd_functions
from yolo_probe.live.scripted import SCRIPTED, Scripted, ScriptedWork
from yolo_probe.live.side_effects import held_by
from yolo_probe.live.torch_internals import (
    COMPILED,
    autocasts,
    call_directly,
    directly,
    globals_of,
    has_forward_hooks,
)
from yolo_probe.live.torch_layers import (
    LAYERS,
    OPERATORS,
    RECURRENT,
    layer_record,
    operator_of,
    with_scattered_input,
)
from yolo_probe.model.forward import Block, Frame, Pass, own_parameters, record_of_parameters, torch_block
from yolo_probe.model.operators import OpRecord, SeenBy, ShapeError
from yolo_probe.model.structure import Module, Shape
from yolo_probe.model.torch_blocks import from_scattered, multi_head_attention
from yolo_probe.model.trace import Trace
from yolo_probe.model.user_rules import CountingRule


class CopiedModule(NamedTuple):
    """A module of a copy with its first qualified name, and the description of the module that was copied."""

    path: str
    described: Module
    copy: nn.Module


Forward = Callable[..., Any]


class Recorder(TorchFunctionMode):  # type: ignore[misc]  # torch is not read by mypy
    """Records what a copy of a model computes: its modules of torch, and the functions that run outside them.

    ``places``: the modules of the copy, the copy itself first; the caller keeps them alive. ``slots``: the number of
    places of each, by the ``id`` of its description. ``device``: ``meta`` for a weightless copy. ``training``,
    ``elementwise`` and ``every_function``: as in ``Live``. ``scripted``: whether code that torch has compiled may run.
    The recorder changes the copy.
    """

    def __init__(
        self,
        places: Sequence[CopiedModule],
        slots: Mapping[int, int],
        custom_ops: AppliedRules | None = None,
        *,
        device: str = "meta",
        training: bool = False,
        elementwise: bool = True,
        every_function: bool = False,
        scripted: bool = False,
        dtype: torch.dtype = torch.float32,
        most_operators: int | None = None,
    ) -> None:
        super().__init__()
        self._copy = ref(places[0].copy)  # a weak reference, as the copy refers to the recorder
        self._custom_ops, self._device, self._dtype = custom_ops, device, dtype
        self._every_function, self._elementwise = every_function, elementwise
        self._names_calls = (
            elementwise and not scripted
        )  # below torch 2.5 no tensor class is made while scripts are read
        autograd = frozenset(autograd_functions() if elementwise else ())  # no thop, which hosts call, asks for them
        plain = most_operators is None and not autograd
        self._pass = Pass([] if plain else Records(most_operators, autograd, Recorder.run.__code__), slots, training)
        self._running: list[tuple[str, str]] = []
        self._whole = 0
        """Number of running modules with a single record, in which functions are not recorded."""
        self._own = 0
        """Number of running modules of torch whose forward is not torch's."""
        self._seen = 0
        """Number of running functions of torch."""
        self._described = {place.path: place.described for place in places}
        self._held: dict[str, frozenset[Any]] = {}
        """By path of a module, the functions of torch that it keeps."""
        self._kinds: dict[type, _Kind] = {}
        self._kept: dict[type, frozenset[Any]] = {}
        self._empty: dict[tuple[Any, torch.dtype, Any], torch.Tensor] = {}
        self._functions: dict[Any, tuple[Answer | None, Record | None]] = {}
        self._scripted = ScriptedWork(lambda: bool(self._seen), self._write_scripted) if scripted else nullcontext()
        for place in places:
            self._prepare(place)

    def run(self, image: Inputs) -> Trace:
        """The record of one forward pass on an image of that shape, or on arguments of these shapes.

        Raises: TraceError where shapes do not fit, DataDependentError for anything else that the forward raises, both
        with the module's path.
        """
        records = self._pass.records
        records.clear()
        self._running.clear()
        self._whole = self._own = self._seen = 0
        if not isinstance(image, Arguments):
            image = Arguments((self._image(image),))
        inputs, named = fed(image.given, self._device), fed(dict(image.named), self._device)
        if self._names_calls:
            inputs, named = as_named(inputs), as_named(named)
        copy = self._copy()
        assert copy is not None
        try:
            with torch.no_grad(), self, self._scripted:
                out = copy(*inputs, **named)
        except ShapeError as error:
            raise TraceError(f"{self._where}: {error}") from None
        except (TraceError, RulesError):
            raise
        except (Exception, SystemExit) as error:  # the user's own forward: whatever it raises is why there is no figure
            raise self._failure(error) from error
        return Trace(first_shape([*inputs, *named.values()]), tuple(records), output_shapes(out))

    def _image(self, shape: Shape) -> torch.Tensor:
        try:
            return torch.zeros(shape, dtype=self._dtype, device=self._device)
        except (RuntimeError, TypeError) as error:  # more values than torch can number
            raise TraceError(f"the model: no image of {'x'.join(map(str, shape))} ({first_words(error)})") from None

    def _failure(self, error: BaseException) -> TraceError:
        """What a forward raised, with its place; a fault of code that a real copy raises too has its class."""
        kind, words, remedy = type(error).__name__, first_words(error), ""
        if self._device != "meta" and isinstance(error, _SLIPS) and _is_ours(error):
            problem = f"{self._where}: {kind} in yolo-probe itself: {words}"
            return UnknownModuleError(problem, "Please report it with the model.")
        if self._device != "meta" and isinstance(error, _FAULTS):
            words, remedy = f"{kind}: {words}", "Correct the model's code there, or pass what it takes."
        if any(each in words for each in _OF_NESTED):
            return DataDependentError(f"{self._where}: found {NO_SHAPE}, expected one with a shape", PAD)
        return DataDependentError(f"{self._where}: {words}", remedy)

    @property
    def _where(self) -> str:
        return (self._running[-1][0] if self._running else "") or "the model"

    # How each module of the copy is recorded

    def _prepare(self, place: CopiedModule) -> None:
        """Replace the forward of a module by one that records its calls."""
        module = place.copy
        kind = self._kinds.get(type(module))
        if kind is None:
            kind = self._kinds[type(module)] = _kind_of(type(module))
        if self._pass.training:
            module.__dict__["training"] = True
        if self._elementwise and not kind.layer and (held := self._kept_by(module)):
            self._held[place.path] = held
        rule = self._custom_ops.rule_for(type(module)) if self._custom_ops else None
        call = self._call(place, kind)
        if place.described.class_path in timm_attention.CLASSES:
            call = self._whole_attention(place, call)
        if place.described.class_path == DEFORMABLE:
            call = self._deformable(call)
        if rule:
            call = self._ruled(place, call, rule)
        module.__dict__["forward"] = call
        if call_directly(module, call) and (kind.layer or self._charges_parameters(place)):
            module.__dict__["forward"] = partial(self._unseen, place.path, call)

    def _kept_by(self, module: nn.Module) -> frozenset[Any]:
        """The functions that a module and its classes keep, or that their code has under a name of its own."""
        kind = type(module)
        if kind not in self._kept:
            self._kept[kind] = _kept_by_class(kind)
        return self._kept[kind].union(_kept_functions(vars(module).values()))

    def _call(self, place: CopiedModule, kind: _Kind) -> Forward:
        """The function that replaces a module's forward."""
        path, described, module = place
        if not kind.layer:
            enter = partial(self._enter, (path, described.kind), _own_forward(module))
            return self._with_own_parameters(place, enter) if self._charges_parameters(place) else enter
        if not (kind.is_torchs and module.__dict__.keys().isdisjoint(kind.methods) and not has_forward_hooks(module)):
            return self._with_own_forward(place, kind, _own_forward(module))
        frame = Frame(described, path, self._pass)
        if kind.layer == "MultiheadAttention":
            return partial(self._attention, frame, ref(module))
        gives_more = module.__dict__.get("return_indices", False)  # two tensors, of which a shape rule knows one
        if kind.block is None or self._device != "meta" or gives_more:
            return partial(self._measure, frame, kind, ref(module))
        expected = _dtype_of_input(kind, module)
        gives_its_input = (kind.layer in _NOTHING and not self._pass.training) or module.__dict__.get("inplace") is True
        is_shared = kind.layer in LAYERS_BY_ELEMENT and self._pass.slots.get(id(described), 1) > 1
        return partial(self._answer, frame, kind, gives_its_input, is_shared, expected, ref(module))

    def _charges_parameters(self, place: CopiedModule) -> bool:
        """Whether a module not of torch has a record of its own parameters.

        Torchvision's has one of its work; of a scripted one no tool sees a call.
        """
        described = place.described
        known = described.class_path == DEFORMABLE or isinstance(place.copy, Scripted)
        return self._elementwise and not known and bool(own_parameters(described))

    # The functions that replace a forward

    def _enter(self, place: tuple[str, str], forward: Forward, *args: Any, **kwargs: Any) -> Any:
        """Run a module whose children and functions are recorded."""
        self._running.append(place)
        out = forward(*args, **kwargs)
        self._running.pop()
        return out

    def _answer(
        self, frame: Frame, kind: _Kind, gives_its_input: bool, is_shared: bool, expected: torch.dtype | None,
        module: ref[nn.Module], input: Any, *args: Any, **kwargs: Any,  # noqa: A002  # as torch calls it, and some code of models too
    ) -> Any:  # fmt: skip
        """Answer for a module of torch by its shape rule; run its forward if the rule refuses the input.

        A rule knows one input and no dtype, so more inputs, and one of another dtype, are for torch itself to judge.
        """
        block = kind.block
        assert block is not None
        refusal: Exception | None = None
        with directly():
            found = getattr(input, "dtype", None)
            if expected not in (None, found):
                self._refuse_type(frame, expected, found)
            if not args and not kwargs and (expected is None or found is expected):
                try:
                    if block is _LINEAR and not input.is_contiguous():
                        block = from_scattered
                    out = block(self._where_called(frame) if is_shared else frame, tuple(input.size()))
                    scattered = self._elementwise and not input.is_contiguous()
                except (ShapeError, AttributeError) as error:
                    refusal = error
                else:
                    if gives_its_input:
                        return input
                    made = self._made(out, input.dtype)
                    if scattered:
                        made = laid_out(made, input, kind.layer)
                    if self._elementwise and (comes_from_training(input) or _trains(frame.module)):
                        mark_as_training(made)
                    return made
        try:
            return self._measure(frame, kind, module, input, *args, **kwargs)
        except Exception as error:
            raise (refusal if isinstance(refusal, ShapeError) else error) from None

    def _refuse_type(self, frame: Frame, expected: torch.dtype | None, found: torch.dtype | None) -> None:
        """Raise TraceError for values of another type than the weights, as torch does, but not its meta kernels.

        Not where that is only because the image is not of the type of these weights, or autocast makes them equal.
        """
        if found is not None and expected is self._dtype and not autocasts():
            names = [str(each).removeprefix("torch.") for each in (found, expected)]
            place = frame.path or "the model"
            raise TraceError(f"{place}: found {names[0]} values, expected {names[1]}, as the weights are")

    def _where_called(self, frame: Frame) -> Frame:
        """The frame of this call of an activation that several modules share, which is listed where it is called."""
        above = self._running[-1][0] if self._running else ""
        return Frame(frame.module, f"{above}.{frame.path.rpartition('.')[2]}", self._pass) if above else frame

    def _measure(self, frame: Frame, kind: _Kind, module: ref[nn.Module], *args: Any, **kwargs: Any) -> Any:
        """Run the forward of a module of torch, with one record of its inputs and output."""
        held = module()
        assert held is not None
        with self._one_record((frame.path, frame.module.kind)):
            out = kind.forward(held, *args, **kwargs)
        with directly():
            given = (*args, *kwargs.values())
            shapes, block = tensor_shapes(given), kind.block
            if block is _LINEAR and not all(each.is_contiguous() for each in tensors_in(given)):
                block = from_scattered
            if block is not None and len(shapes) == 1 and self._fits(block, frame, shapes[0], out):
                return out
            self._write_module(kind, frame, module, given, out)
        return out

    def _fits(self, block: Block, frame: Frame, shape: Shape, out: Any) -> bool:
        """Whether a module's shape rule gives the same shape as its forward; if so, the rule has made the record."""
        before = len(self._pass.records)
        try:
            if block(frame, shape) == tuple(out.shape):
                return True
        except (ShapeError, AttributeError):
            pass
        del self._pass.records[before:]
        return False

    def _with_own_forward(self, place: CopiedModule, kind: _Kind, forward: Forward) -> Forward:
        """A function for a module of torch with a forward of its own, or with hooks, which runs them.

        It makes a record of the module, for counters that charge modules, and records of the functions that it calls,
        for those that charge functions.
        """
        path, described, module = place
        frame = Frame(described, path, self._pass)
        own = ref(module)

        def begin(*_: Any) -> None:
            self._running.append((path, described.kind))
            self._own += 1

        def end(_: nn.Module | None, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> None:
            self._own -= 1
            self._running.pop()
            with directly():
                self._write_module(kind, frame, own, (*args, *kwargs.values()), out, seen_by="modules")

        def call(*args: Any, **kwargs: Any) -> Any:
            begin()
            out = forward(*args, **kwargs)
            end(own(), args, kwargs, out)
            return out

        if not has_forward_hooks(module):
            return call
        module.register_forward_pre_hook(begin, prepend=True)  # what the user's hooks compute is a part of the module
        module.register_forward_hook(end, with_kwargs=True)
        return forward

    def _attention(
        self, frame: Frame, module: ref[nn.Module], query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
        *args: Any, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Run attention, with one record for all: its projections are functions inside it."""
        held = module()
        assert held is not None
        with self._one_record((frame.path, frame.module.kind)):
            out = nn.MultiheadAttention.forward(held, query, key, value, *args, **kwargs)
        with directly():
            shapes = [tuple(each.shape) for each in (query, key, value)]
        sequences = [_sequence_first(held.batch_first, shape) for shape in shapes]
        padding, asked, mask = (
            argument(args, kwargs, place, name)
            for place, name in enumerate(("key_padding_mask", "need_weights", "attn_mask"))
        )
        if self._is_native(frame.module, held, query, key, value, mask, padding):
            multi_head_attention(frame, *sequences, operator="native_multi_head_attention")
            return out
        path = attention_path(asked is not False, mask, padding, held.num_heads, sequences)
        with directly():
            turned = (each.transpose(0, 1) if held.batch_first and each.dim() == 3 else each for each in (query, key))
            contiguous = tuple(each.is_contiguous() for each in turned)
        if not all(contiguous):
            path = {**path, "contiguous": contiguous}
        multi_head_attention(frame, *sequences, split=splits(query, key, value), **path)
        return out

    def _is_native(
        self, own: Module, held: nn.MultiheadAttention, query: Any, key: Any, value: Any, *masks: Any
    ) -> bool:
        """Whether torch would run attention as one operator: of one batch to itself, where nothing trains."""
        return (
            query is key is value
            and query.dim() == 3
            and not held.training
            and held.batch_first
            and held.num_heads % 2 == 0
            and held.in_proj_bias is not None
            and held.in_proj_weight is not None
            and held.bias_k is None
            and not held.add_zero_attn
            and not any(mask is not None and mask.is_floating_point() for mask in masks)
            and not _trains(own)
            and not any(_trains(each) for each in own.children.values())
            and not self._follows_training()
        )

    def _follows_training(self) -> bool:
        """Whether a module with parameters that train has run so far: what it gives asks for gradients."""
        training = {place for place, module in self._described.items() if _trains(module)}
        return bool(training) and not training.isdisjoint(record.path for record in self._pass.records)

    def _ruled(self, place: CopiedModule, forward: Forward, rule: CountingRule) -> Forward:
        """A function for a module that the user's own rule counts."""
        path, described, module = place
        own, rules, records = ref(module), self._custom_ops, self._pass.records
        assert rules is not None

        def call(*args: Any, **kwargs: Any) -> Any:
            held = own()
            assert held is not None
            before = len(records)
            out = forward(*args, **kwargs)
            records[before:] = [each for each in records[before:] if not rules.replaces(each, held, path)]
            inputs = (*args, *kwargs.values())
            with self._one_record((path, described.kind)):
                count = rules.counted_by(rule, held, path, inputs, out)
                slots = self._pass.slots.get(id(described), 1)
                records.append(custom_record((path, described.kind), type(held), inputs, out, count, slots))
            return out

        return call

    def _with_own_parameters(self, place: CopiedModule, forward: Forward) -> Forward:
        """A function for a module of the user's own that holds weights, with a record of them beside what it runs."""
        path, described, _ = place
        records, slots = self._pass.records, self._pass.slots

        def call(*args: Any, **kwargs: Any) -> Any:
            out = forward(*args, **kwargs)
            with directly():
                shapes, output = tensor_shapes((*args, *kwargs.values())), first_shape([out])
            records.append(record_of_parameters(described, path, shapes, output, slots))
            return out

        return call

    def _whole_attention(self, place: CopiedModule, forward: Forward) -> Forward:
        """A function for timm's attention, with a record of the whole beside those of what is inside."""
        path, described, module = place
        own, records = ref(module), self._pass.records

        def call(x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            before = len(records)
            out = forward(x, *args, **kwargs)
            records[before:] = map(timm_attention.inside, records[before:])
            with directly():
                shapes, slots = (tuple(x.shape), tuple(out.shape)), self._pass.slots.get(id(described), 1)
            records.append(timm_attention.whole_record((path, described.kind), own(), *shapes, slots))
            return out

        return call

    def _deformable(self, forward: Forward) -> Forward:
        """A function for torchvision's deformable convolution; a tool's hook is not given a mask by keyword."""
        records = self._pass.records

        def call(*args: Any, **kwargs: Any) -> Any:
            before = len(records)
            out = forward(*args, **kwargs)
            if "mask" in kwargs:
                records[before:] = [each._replace(options={**each.options, "mask": False}) for each in records[before:]]
            return out

        return call

    @contextmanager
    def _one_record(self, place: tuple[str, str]) -> Iterator[None]:
        """A context in which functions are not recorded, as they are part of one module."""
        self._running.append(place)
        self._whole += 1
        yield
        self._whole -= 1
        self._running.pop()

    def _unseen(self, path: str, call: Forward, *args: Any, **kwargs: Any) -> Any:
        """Run a direct call of ``module.forward(x)``: no hook runs, so counters that charge modules do not see it."""
        records = self._pass.records
        before = len(records)
        out = call(*args, **kwargs)
        for number, record in reversed(list(enumerate(records[before:], before))):
            if record.path == path and not record.functional:
                if record.seen_by == "modules":
                    del records[number]
                else:
                    records[number] = record._replace(seen_by="functions")
        return out

    # Records

    def _write_module(
        self, kind: _Kind, frame: Frame, module: ref[nn.Module], given: tuple[Any, ...], out: Any,
        seen_by: SeenBy = "all",
    ) -> None:  # fmt: skip
        """Add the record of a module of torch, from the tensors that it is given and its first output."""
        held = module()
        assert held is not None
        records, inputs = self._pass.records, tensor_shapes(given)
        if kind.layer == "MultiheadAttention":
            multi_head_attention(frame, *(_sequence_first(held.batch_first, shape) for shape in inputs[:3]))
        else:
            operator = operator_of(held, kind.layer)
            slots = self._pass.slots.get(id(frame.module), 1)
            place = (frame.path, frame.module.kind)
            made = layer_record(operator, *place, held, inputs, first_shape([out]), slots)
            records.append(with_scattered_input(made, held, given) if kind.layer in RECURRENT else made)
        if seen_by != "all":
            records[-1] = records[-1]._replace(seen_by=seen_by)

    def _write_scripted(self, inputs: tuple[Shape, ...], output: Shape, flops: int) -> None:
        path, kind = self._running[-1] if self._running else ("", "")
        options = {"flops": flops}
        self._pass.records.append(OpRecord(SCRIPTED, path, kind, inputs, output, (), options, functional=True))

    def _made(self, shape: Any, dtype: torch.dtype, strides: Any = None) -> torch.Tensor:
        """A meta tensor, an alias of the first of that layout and dtype: making a new one takes four times as long."""
        found = self._empty.get((shape, dtype, strides))
        if found is None:
            options = {"dtype": dtype, "device": "meta"}
            made = torch.empty(shape, **options) if strides is None else torch.empty_strided(shape, strides, **options)
            found = self._empty[shape, dtype, strides] = made
        made = found.detach()
        return made.as_subclass(Named) if self._names_calls else made

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._elementwise and func in COMPOSED and not self._whole:
            with self:
                return COMPOSED[func](*args, **kwargs)
        known = self._functions.get(func)
        if known is None:
            answer = ANSWERS.get(func) if self._device == "meta" else None
            known = self._functions[func] = (answer, self._record_of(func))
        answer, record = known
        found = None if answer is None else answer(args, kwargs)
        if found is None:
            self._seen += not isinstance(func, COMPILED)
            try:
                out = func(*args, **kwargs)
            except (RuntimeError, NotImplementedError) as error:
                out = self._run_without_values(func, args, kwargs, error)
            self._seen -= not isinstance(func, COMPILED)
        else:
            with directly():
                out = self._made(*found)
        if self._elementwise and keeps_gradients(func) and comes_from_training(*args, *kwargs.values()):
            mark_as_training(out)
        if record is not None and not self._whole:
            path, kind = self._running[-1] if self._running else ("", "")
            written = record(args, kwargs, out, path, kind)
            if self._held and func in self._held.get(path, ()):
                written = written._replace(options={**written.options, "held": True})
            self._pass.records.append(written._replace(seen_by="functions") if self._own else written)
        return out

    def _record_of(self, func: Any) -> Record | None:
        """The record function of a function of torch; None if it is not recorded."""
        if not self._elementwise and func in ELEMENTWISE_FUNCTIONS:
            return None
        return RECORDS.get(func) or custom(func) or (other(func) if self._every_function else None)

    def _run_without_values(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], error: Exception
    ) -> Any:
        """Run a function once more with meta tensors only, if it failed because some arguments were real (a hook's).

        Raises: ``error`` if that was not the reason.
        """
        with directly():
            tensors = list(tensors_in((*args, *kwargs.values())))
            is_mixed = any(each.is_meta for each in tensors) and any(
                not each.is_meta and each.dim() for each in tensors
            )
            if self._device != "meta" or not is_mixed:
                raise error
            args, kwargs = without_values(args), without_values(kwargs)
        return func(*args, **kwargs)


_FAULTS = (AttributeError, NameError, TypeError)
"""Errors that are a fault of the model's code if a real copy raises them, and are named as such."""

_OF_NESTED = ("NestedTensor", "nested tensor", "relation is indeterminate")
"""What torch says where a shape is asked of a nested tensor."""

_SLIPS = (AttributeError, NameError, KeyError, IndexError, AssertionError, ZeroDivisionError)
"""Errors that may be a fault of this package's own code."""


def _is_ours(error: BaseException) -> bool:
    """Whether an error was raised by a line of this package."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    return step is not None and step.tb_frame.f_globals.get("__name__", "").startswith("yolo_probe.")


_NOTHING = frozenset({"Identity", "Dropout", "Dropout2d"})
"""Modules of torch that do nothing in evaluation mode."""

_LINEAR = torch_block("Linear")

_OF_ONE_DTYPE = frozenset(
    {"Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d", "Linear"}
)
"""Modules of torch whose input must have the dtype of their weight."""


class _Kind(NamedTuple):
    """What all modules of a class share."""

    layer: str
    """Name of torch's class, or base class, if counters charge it; else empty."""
    block: Block | None
    """Its shape rule; None if it has none."""
    forward: Forward
    """The forward of the class."""
    is_torchs: bool
    """Whether the class is torch's own, with torch's own methods."""
    methods: frozenset[str]
    """Names of its methods; a module with such a name in its ``__dict__`` behaves differently."""


_FUNCTIONS = frozenset({FunctionType, BuiltinFunctionType, partial})
_CONTAINERS = frozenset({list, tuple, dict})
_SHORT = 64
"""Members of a list or dict in which functions are looked for, at most."""


def _kept_functions(held: Collection[Any]) -> Iterator[Any]:
    """The functions among attributes, as ``self.act = F.silu`` makes one, and in short lists and dicts of them."""
    short = (each for each in held if type(each) in _CONTAINERS and len(each) <= _SHORT)
    inside = (one for each in short for one in (each.values() if type(each) is dict else each))
    for each in (*held, *inside):
        bare = each.__func__ if type(each) is staticmethod else each
        kept = bare.func if type(bare) is partial else bare
        if type(kept) in _FUNCTIONS:
            yield kept


def _known_to(function: FunctionType, asked: set[Any]) -> Iterator[Any]:
    """The functions that code has without asking torch for them: by a name of its own, a default, or from outside.

    ``asked``: functions that are not asked again.
    """
    if function in asked or str(function.__module__).startswith("torch."):
        return
    asked.add(function)
    for each in _kept_functions((*held_by(function), *globals_of(function))):
        yield each
        if isinstance(each, FunctionType):
            yield from _known_to(each, asked)


def _kept_by_class(kind: type) -> frozenset[Any]:
    """The functions that a class and those above it keep, or that their code has under a name of its own."""
    above = kind.__mro__[: kind.__mro__.index(nn.Module)]
    kept = {each for one in above for each in _kept_functions(vars(one).values())}
    asked: set[Any] = set()
    return frozenset(kept.union(*(_known_to(each, asked) for each in kept if isinstance(each, FunctionType))))


def _kind_of(kind: type) -> _Kind:
    torchs = next((each for each in kind.__mro__ if each.__module__.startswith("torch.nn.modules.")), nn.Module)
    layer = torchs.__name__ if torchs.__name__ in OPERATORS else ""
    above = kind.__mro__[: kind.__mro__.index(nn.Module)]
    functions = {name: each for one in above for name, each in vars(one).items() if isinstance(each, FunctionType)}
    is_torchs = kind is torchs and all(each.__module__.startswith("torch.") for each in functions.values())
    block = torch_block(layer) if layer not in LAYERS else None
    return _Kind(layer, block, kind.forward, is_torchs, frozenset(functions))  # type: ignore[attr-defined]


def _dtype_of_input(kind: _Kind, module: nn.Module) -> torch.dtype | None:
    """The dtype that the input of a module of torch must have; None where torch takes any."""
    weight = module._parameters.get("weight") if kind.layer in _OF_ONE_DTYPE else None
    return None if weight is None else weight.dtype


def _own_forward(module: nn.Module) -> Forward:
    """The forward of a copy, without a reference to the copy, which could then not be freed."""
    bound: Any = module.forward
    if type(bound) is not MethodType or bound.__self__ is not module:
        return bound  # type: ignore[no-any-return]
    function, held = bound.__func__, ref(module)
    return lambda *args, **kwargs: function(held(), *args, **kwargs)


def _trains(module: Module | None) -> bool:
    """Whether one of a module's own parameters trains."""
    return module is not None and any(each.requires_grad for each in module.parameters.values())


def _sequence_first(batch_first: bool, shape: Shape) -> Shape:
    """Shape of an input of attention as (length, batch, features)."""
    if len(shape) == 2:
        return shape[0], 1, shape[1]
    first, second, features = shape
    return (second, first, features) if batch_first else (first, second, features)

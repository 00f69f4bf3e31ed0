"""The counters by name: what each charges for an operator, in which unit, and for what.

A convention is a table of rules, one for each operator. A rule is a pure function of one ``OpRecord`` that returns an
integer, 0 where the operator is free. Where a counter has no rule for an operator, its charge is None. The tables are
compared with the real releases in every run of ``tests/oracles``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from yolo_probe.counters import faults, recurrent, thop_tables, tool_tables
from yolo_probe.counters.faults import HIDDEN, SHARED, TWICE, Faults
from yolo_probe.counters.rules import (
    ADAPTIVE_POOLS,
    ATTENTION,
    AVERAGE_POOLS,
    CONVOLUTIONS,
    MAX_POOLS,
    TRANSPOSED_CONVOLUTIONS,
    known_products,
)
from yolo_probe.environment import Thop
from yolo_probe.model.operators import (
    OWN_PARAMETERS,
    PROJECTED_LSTM,
    SOFTMAX_OF_SOME_FORM,
    TIMM_ATTENTION,
    OpRecord,
    Rule,
)
from yolo_probe.model.user_rules import CUSTOM, OwnRules


@dataclass(frozen=True, slots=True)
class Convention:
    """The rules of one counter."""

    name: str
    """As ``--counter`` takes it: ``ultralytics-thop-2.2``."""
    unit: Literal["MACs", "FLOPs"]
    """The unit of its counts; 1 MAC is 2 FLOPs."""
    rules: Mapping[str, Rule]
    """Rules for modules, by operator; an operator of ``FREE`` needs none."""
    subclasses: bool = True
    """Whether a subclass of a torch module is counted like its parent."""
    functions: Mapping[str, Rule] = field(default_factory=dict)
    """Rules for functions that a module calls itself, by operator."""
    slot_power: int = 0
    """A module that is in n places of the model is charged n to this power times: 0, once; 1, once for each place, by a
    hook that is set for each; 2, because that total is also added up at each place."""
    follows: Literal["modules", "functions", "both"] = "modules"
    """What it charges: modules, by hooks on them; the functions that run, by whatever code; or both."""
    calls: Mapping[str, Rule] = field(default_factory=dict)
    """Charges for the functions that a module of torch calls, by operator; they are added to the module's, per call."""
    faults: Faults = field(default_factory=dict)
    """What the counter charges by mistake, by operator."""
    trains: bool = False
    """Whether it counts a model in training mode as it is; the others put it into evaluation mode."""
    replaces_names: bool = False
    """Whether it sees functions by replacing their names, and so not one that a module has kept before."""
    traces: bool = False
    """Whether it counts the graph of a traced model, in which an autograd function is one node."""
    averages: bool = False
    """Whether it divides its figure by the number of samples in the batch."""
    counts_root: bool = True
    """Whether it charges the model itself, where that is one of torch's modules and holds no others."""
    parameters: Literal["all", "leaves", "leaves inside", "trainable", "listed", "none"] = "all"
    """Which parameters its total counts: leaves, those of each module that holds no others, a weight of two again;
    leaves inside, those that it charges, not the model itself; trainable, those that train; listed, those in the list
    of torchinfo, which has some of them twice; none, it gives no total."""
    fails_at: frozenset[Literal["scripted", "compiled"]] = frozenset()
    """At which modules its run fails, as it keeps its totals on every module: a scripted one takes none, and one that
    torch.compile has made takes those of the module inside."""
    release: str = ""
    """The release that has these rules, where the name does not say it, or what the counter is."""
    own: Mapping[str, Rule] = field(default_factory=dict)
    """Rules of the user's own in MACs, by operator; they replace the counter's."""

    def with_rules(self, rules: OwnRules | None) -> Convention:
        """The same counter with rules of the user's own."""
        return self if rules is None else replace(self, own=rules.operators)

    @property
    def flops_per_count(self) -> int:
        """FLOPs of one count: 2 for a MAC, 1 for a FLOP."""
        return 2 if self.unit == "MACs" else 1

    def count(self, record: OpRecord) -> int | None:
        """The charge for one operator in the counter's own unit; None where this counter has no rule for it."""
        if self._is_hidden(record):
            return 0
        if self.own and record.operator in self.own:
            return self.own[record.operator](record) * (2 // self.flops_per_count)
        if record.functional or self._called_directly(record):
            if self.replaces_names and "held" in record.options:
                return 0
            function = self.functions.get(record.operator)
            if function is None and record.functional and record.seen_by == "functions" and record.kind[:3] == "nn.":
                return 0  # the module is charged for it
            if function is None and record.options.get("inside") in self.rules:
                return 0
            return function(record) if function else self._free(record)
        called = self.calls.get(record.operator) if self.calls and record.seen_by != "modules" else None
        beside = called(record) if called else 0
        if self.follows == "both" and record.seen_by == "functions":
            return beside
        if record.operator == CUSTOM:
            return self._custom(record)
        rule = self.rules.get(record.operator)
        if rule is None:
            return beside if called else self._free(record)
        if record.options.get("inside") in self.rules:
            return beside  # the module around it is charged as a whole
        if not self.charges_class(record):
            return beside
        times = 1 if record.slots == 1 else int(record.slots**self.slot_power)
        return rule(record) * times + beside

    def charges_class(self, record: OpRecord) -> bool:
        """Whether this counter charges modules of that class: of torch's own all do, of a subclass only some."""
        return self.subclasses or record.kind.startswith("nn.") or record.operator == TIMM_ATTENTION

    def sees(self, record: OpRecord) -> bool:
        """Whether this counter looks at a record: a module whose forward is not torch's, or a function in it."""
        seen = self.follows == "both" or record.seen_by in ("all", self.follows) or self._called_directly(record)
        return seen and (self.counts_root or bool(record.path) or record.functional)

    def _is_hidden(self, record: OpRecord) -> bool:
        """Whether the record is of work inside an autograd function, and this counter does not look into one."""
        return self.traces and "autograd" in record.options

    def _called_directly(self, record: OpRecord) -> bool:
        """Whether this counter has missed the call of a module, ``module.forward(x)``, and sees a function at most."""
        return self.follows == "modules" and record.seen_by == "functions" and not record.functional

    def _custom(self, record: OpRecord) -> int | None:
        """The charge of a user's rule for a module, as many times as this counter charges a module."""
        if "products" not in record.options:
            return None
        return known_products(record) * (2 // self.flops_per_count) * int(record.slots**self.slot_power)

    def _free(self, record: OpRecord) -> int | None:
        if record.operator == SOFTMAX_OF_SOME_FORM:
            return None if self.functions.keys() & _OF_A_SOFTMAX else 0
        return 0 if record.operator in FREE else None

    def terms(self, record: OpRecord) -> dict[str, int]:
        """The charge for one operator by term: what it is for, its bias, and each fault.

        The parts add up to ``count``. Where that is None there are no parts; but where a fault is that the operator is
        left out, there are two that cancel: the right charge, and the fault with its negative.
        """
        if self._is_hidden(record):
            inside = {name: each for name, each in record.options.items() if name != "autograd"}
            seen = self.terms(record._replace(options=inside))
            return {**seen, HIDDEN: -sum(seen.values())} if seen else {}
        total = self.count(record)
        if record.operator in self.own:
            return {term_of(record): total} if total else {}
        if total is None:
            if record.functional or record.operator not in self.faults:
                return {}
            total = 0
        parts: dict[str, int] = {}
        once = record._replace(slots=1)
        plain = self.count(once) or 0
        parts[SHARED] = total - plain
        if not record.functional and record.operator in self.rules and record.operator in self.calls:
            parts[TWICE] = self.calls[record.operator](once)
            plain -= parts[TWICE]
        if fault := self.faults.get(record.operator):
            right = fault.right(record)
            parts[fault.name] = plain - right
            plain = right
        if record.options.get("bias") and record.operator != "multi_head_attention":
            bare = once._replace(options={**record.options, "bias": False})
            with_fault = fault.right(bare) if fault else self.count(bare) or 0
            parts["bias"] = plain - with_fault
            plain = with_fault
        parts[term_of(record)] = parts.get(term_of(record), 0) + plain
        return {name: amount for name, amount in parts.items() if amount}

    @property
    def title(self) -> str:
        """The name as reports print it: ``ultralytics-thop 2.2``."""
        name, _, version = self.name.rpartition("-")
        return f"{name} {version}" if version[0].isdigit() and name else self.name


_ACTIVATIONS = (
    "silu", "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "mish", "hardswish", "hardsigmoid",
    "hardtanh", "logsigmoid", "sigmoid", "softplus", "softmax", "tanh", "log_softmax", "softmin", "softmax2d", "exp",
    "softsign", "tanhshrink", "softshrink", "hardshrink", "threshold", "rrelu", "glu", "activation",
)  # fmt: skip

FREE = frozenset({
    "add", "sub", "mul", "div", "pow", "mean", "cat",
    "dropout", "embedding", "flatten", "identity", "pad2d", "pixel_shuffle", "pixel_unshuffle",
    "upsample", "batch_norm", TIMM_ATTENTION, OWN_PARAMETERS,
    *_ACTIVATIONS, *MAX_POOLS, *AVERAGE_POOLS, *ADAPTIVE_POOLS,
})  # fmt: skip
"""Operators that cost nothing where a counter has no rule for them; any other is then uncounted."""

_OF_A_SOFTMAX = frozenset({"softmax", "max()", "sub", "exp", "sum()", "div"})
"""The operators of which a softmax is made, in one form or another."""

_TERMS = {
    "convolution": (*CONVOLUTIONS, *TRANSPOSED_CONVOLUTIONS, "deformable_conv2d"),
    "fully connected": ("linear", "bilinear"),
    "BatchNorm": ("batch_norm",),
    "normalization": ("layer_norm", "group_norm", "instance_norm", "rms_norm"),
    "activation": _ACTIVATIONS,
    "pooling": (*MAX_POOLS, *AVERAGE_POOLS, *ADAPTIVE_POOLS, "mean"),
    "recurrent": (*recurrent.LAYERS, PROJECTED_LSTM, *recurrent.CELLS),
    "upsampling": ("upsample",),
    "attention": (*ATTENTION, "scaled_dot_product_attention", TIMM_ATTENTION),
    "matrix products": (
        "matmul", "mm", "addmm", "baddbmm", "einsum", "einsum of several", "tensordot", "linalg.matmul",
        "matmul from the right",
    ),
    "sums and products": ("add", "sub", "mul", "div", "pow"),
}  # fmt: skip

TERMS = (*_TERMS, "decoding", "bias", "your own rules", "other")
"""The terms of a charge in the order of a table; the names of faults follow them."""

TERM_OF = {operator: term for term, operators in _TERMS.items() for operator in operators}
"""The term of an operator; of any that is not here it is "other"."""

DECODING_HEADS = ("Detect", "Segment")
"""Classes that compute boxes from their last convolutions."""


def term_of(record: OpRecord) -> str:
    """The term of an operator: what its charge is for."""
    if record.functional and record.kind.rpartition(".")[2] in DECODING_HEADS:
        return "decoding"
    return "your own rules" if record.operator == CUSTOM else TERM_OF.get(record.operator, "other")


_SCRIPTED: frozenset[Literal["scripted", "compiled"]] = frozenset({"scripted"})
_SCRIPTED_OR_COMPILED: frozenset[Literal["scripted", "compiled"]] = frozenset({"scripted", "compiled"})

CONVENTIONS: Mapping[str, Convention] = {
    convention.name: convention
    for convention in (
        Convention(
            "thop-2019",
            "MACs",
            thop_tables.THOP_2019,
            subclasses=False,
            slot_power=1,
            faults=faults.THOP_2019,
            parameters="leaves",
            fails_at=_SCRIPTED,
        ),
        Convention(
            "thop-0.0.31",
            "MACs",
            thop_tables.THOP_0_0_31,
            subclasses=False,
            slot_power=2,
            counts_root=False,
            faults=faults.THOP_2019,
            parameters="leaves inside",
            fails_at=_SCRIPTED_OR_COMPILED,
        ),
        Convention(
            "thop-0.1",
            "MACs",
            thop_tables.THOP_0_1,
            subclasses=False,
            slot_power=2,
            faults=faults.THOP_0_1,
            parameters="leaves inside",
            fails_at=_SCRIPTED_OR_COMPILED,
        ),
        Convention(
            "ultralytics-thop-2.0.16",
            "MACs",
            thop_tables.ULTRALYTICS_THOP_2_0_16,
            subclasses=False,
            slot_power=2,
            faults=faults.THOP_2_0_16,
            parameters="leaves inside",
            fails_at=_SCRIPTED_OR_COMPILED,
        ),
        Convention(
            "ultralytics-thop-2.1.2",
            "MACs",
            thop_tables.ULTRALYTICS_THOP_2_1_2,
            faults=faults.THOP_2_0_16,
        ),
        Convention("ultralytics-thop-2.1.3", "MACs", thop_tables.ULTRALYTICS_THOP_2_1_3),
        Convention(
            "ultralytics-thop-2.2",
            "MACs",
            thop_tables.ULTRALYTICS_THOP_2_1_3,
            functions=thop_tables.ULTRALYTICS_THOP_2_2_FUNCTIONS,
        ),
        Convention(
            "fvcore",
            "MACs",
            tool_tables.FVCORE,
            follows="functions",
            functions=tool_tables.FVCORE,
            faults=faults.FVCORE,
            trains=True,
            traces=True,
            parameters="none",
            release="0.1.5",
        ),
        Convention(
            "ptflops",
            "MACs",
            tool_tables.PTFLOPS,
            follows="both",
            subclasses=False,
            functions=tool_tables.PTFLOPS_FUNCTIONS,
            slot_power=1,
            replaces_names=True,
            calls=tool_tables.PTFLOPS_CALLS,
            averages=True,
            parameters="trainable",
            release="0.7.5",
        ),
        Convention(
            "ptflops-aten",
            "MACs",
            tool_tables.PTFLOPS_ATEN,
            follows="functions",
            functions=tool_tables.PTFLOPS_ATEN,
            faults=faults.PTFLOPS_ATEN,
            parameters="trainable",
            release="0.7.5",
        ),
        Convention(
            "torchprofile",
            "MACs",
            tool_tables.TORCHPROFILE,
            follows="functions",
            functions=tool_tables.TORCHPROFILE,
            faults=faults.TORCHPROFILE,
            trains=True,
            traces=True,
            parameters="none",
            release="0.1.0",
        ),
        Convention(
            "torch",
            "FLOPs",
            thop_tables.TORCH,
            follows="functions",
            functions=thop_tables.TORCH_FUNCTIONS,
            trains=True,
            parameters="none",
            release="FlopCounterMode",
        ),
        Convention(
            "torchinfo",
            "MACs",
            tool_tables.TORCHINFO,
            functions=tool_tables.TORCHINFO_FUNCTIONS,
            faults=faults.TORCHINFO,
            parameters="listed",
            release="1.8.0",
        ),
        Convention(
            "calflops",
            "FLOPs",
            tool_tables.CALFLOPS,
            follows="functions",
            functions=tool_tables.CALFLOPS_FUNCTIONS,
            slot_power=1,
            replaces_names=True,
            faults=faults.CALFLOPS,
            parameters="trainable",
            release="0.3.2",
        ),
        Convention(
            "deepspeed",
            "FLOPs",
            tool_tables.DEEPSPEED,
            follows="functions",
            functions=tool_tables.DEEPSPEED_FUNCTIONS,
            replaces_names=True,
            faults=faults.DEEPSPEED_FAULTS,
            release="0.19.8",
        ),
        Convention(
            "textbook",
            "FLOPs",
            tool_tables.TEXTBOOK,
            follows="functions",
            functions=tool_tables.TEXTBOOK,
            release="the exact count",
        ),
    )
}
"""Every counter by its name."""

DEFAULT = "ultralytics-thop-2.2"
"""The counter that is used where no thop is installed."""


@dataclass(frozen=True, slots=True)
class Counter:
    """The FLOP counter of a report, and the one that the host's own lines are counted by."""

    convention: Convention
    installed: Thop | None
    """The thop in this environment."""
    asked: bool
    """Whether the user named it."""

    @property
    def of_host(self) -> Convention:
        """The rules of the host's lines. Hosts use thop: the one that the user named, else the installed one."""
        if "thop" in self.convention.name:
            return CONVENTIONS[self.convention.name]  # without the user's own rules: the host has none
        return choose_counter(None, self.installed).convention


def choose_counter(name: str | None, installed: Thop | None, rules: OwnRules | None = None) -> Counter:
    """The counter of that name; without one, or for ``thop``, the installed thop's rules, else ``DEFAULT``.

    ``rules``: the user's own, which replace the counter's.
    """
    name = None if name == "thop" else name
    chosen = name or (installed and installed.counter) or DEFAULT
    return Counter(CONVENTIONS[chosen].with_rules(rules), installed, name is not None)

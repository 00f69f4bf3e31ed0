"""Which mechanism decided, for each parameter, whether it trains.

In go a structure with its flags and what is known of its origin; out come decisions that contain every parameter
exactly once. If the flags allow several explanations, a decision is the likeliest one, and names the others and what
would decide between them. Nothing here changes a flag.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from yolo_probe.hosts.host import YOLOV5, Host
from yolo_probe.hosts.subject import Subject
from yolo_probe.model.freezing import fixed_names, frozen_by_rows, row_ranges, whole_rows
from yolo_probe.model.fusion import fused_state, has_merged_class, merged_names
from yolo_probe.model.structure import Module, Tensor, named_modules, named_parameters
from yolo_probe.reports.ledger import GradientEvent
from yolo_probe.reports.typed_json import Count

Mechanism = Literal[
    "built trainable",
    "--freeze",
    "ModelEMA",
    "strip_optimizer()",
    "fuse() with autograd on",
    "fuse() without autograd",
    "fuse() of a frozen model",
    "fuse() of ultralytics",
    "fuse() of v1 to v3.0",
    "DFL",
    "other code",
]
"""All mechanisms that can decide; ``other code`` is everything that is not part of a host."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model apart from its structure."""

    source: Literal["built", "file", "live"]
    is_ema: bool | None = None
    """Whether it is the EMA copy; None where that is not known."""
    is_stripped: bool = False
    """Whether strip_optimizer() has finished the file."""
    is_alone: bool = False
    """Whether the file has an optimizer and no EMA copy."""
    host: Host = YOLOV5
    freeze: tuple[int, ...] | None = None
    """Rows that ``--freeze`` named; empty: none; None: not recorded."""
    option: str = ""
    """The option as it was typed: ``--freeze 10``."""
    thawed: frozenset[str] = frozenset()
    """Names of parameters that trained all the same when the copy was made."""
    is_restored: bool = False
    """Whether its BatchNorms were restored from a fused file; their flags then say nothing."""
    non_leaf: frozenset[str] | None = None
    """Names of the parameters that autograd computed from others; None where that is not known."""


def known_of(subject: Subject, copy: Literal["model", "ema"] | None = None, *, is_restored: bool = False) -> Known:
    """What is known of one copy of a subject, by default of the one that the report is about.

    A name or YAML is taken as what it becomes, the finished file.
    """
    saved = subject.saved
    if saved is None:
        return Known("file", is_stripped=True, freeze=())
    return Known(
        "file",
        is_ema=(copy or saved.copy) == "ema" or (subject.origin.saves_ema_as_model and not subject.origin.asked),
        is_stripped=saved.stripped,
        is_alone=saved.optimizer and not saved.has_ema,
        host=subject.origin.host,
        freeze=saved.freeze,
        option=saved.freeze_option,
        is_restored=is_restored,
    )


@dataclass(frozen=True, slots=True)
class Decision:
    """One mechanism, and the parameters for which it decided."""

    mechanism: Mechanism
    trains: bool
    names: frozenset[str]
    parameters: int
    """Number of their elements."""
    place: str
    """The parameters in a few words: ``rows 0 to 9``; empty for all that no other mechanism decided."""
    evidence: str
    """The reasons for this mechanism, in sentences."""
    otherwise: str = ""
    """Other explanations of the same flags, and what would decide; empty if there are none."""

    @property
    def words(self) -> str:
        """Reasons and other explanations together."""
        return f"{self.evidence} {self.otherwise}".rstrip()


@dataclass(frozen=True, slots=True)
class Decided:
    """One mechanism, and the parameters for which it decided whether they train."""

    mechanism: str
    parameters: Count
    evidence: str


def decided(decisions: Iterable[Decision]) -> tuple[Decided, ...]:
    """Decisions in the form in which they are recorded; their parameters add up to all of the model."""
    return tuple(Decided(each.mechanism, each.parameters, each.words) for each in decisions)


@dataclass(frozen=True, slots=True)
class _Case:
    """A structure, and the groups of its parameters that decisions are about."""

    root: Module
    tensors: dict[str, Tensor]
    known: Known
    fixed: frozenset[str]
    merged: frozenset[str]
    """Names of the parameters that ``fuse()`` has made anew."""
    trained: frozenset[str]

    @property
    def rest(self) -> frozenset[str]:
        """Names of the parameters that neither ``fuse()`` nor DFL decides."""
        return frozenset(self.tensors) - self.fixed - self.merged

    def decision(
        self, mechanism: Mechanism, names: frozenset[str], evidence: str, place: str = "", otherwise: str = ""
    ) -> Decision:
        size = sum(self.tensors[name].numel for name in names)
        return Decision(mechanism, bool(names & self.trained), names, size, place, evidence, otherwise)


def decide(root: Module, known: Known) -> tuple[Decision, ...]:
    """The decisions for a structure, trainable parameters first; together they contain every parameter once."""
    tensors = dict(named_parameters(root))
    trained = frozenset(name for name, tensor in tensors.items() if tensor.requires_grad)
    if trained:  # strip_optimizer() leaves none: what looks finished was saved by something else
        known = replace(known, is_stripped=False)
    merged = frozenset() if never_had_batch_norm(root, known) else merged_names(root)
    case = _Case(root, tensors, known, fixed_names(root), merged, trained)
    found = [each for each in _decisions(case) if each.names]
    return tuple(sorted(found, key=lambda each: not each.trains))


def never_had_batch_norm(root: Module, known: Known) -> bool:
    """Whether a live model was most likely built without BatchNorm, and not fused.

    What tells: it has none, its blocks are of no class known to have had one, and all of them train as leaves, which
    ``fuse()`` leaves in YOLOv5 to v3.0 alone, whose classes are known.
    """
    if known.source != "live" or fused_state(root) != "fused" or has_merged_class(root):
        return False
    merged = merged_names(root)
    trained = {name for name, tensor in named_parameters(root) if tensor.requires_grad}
    return merged <= trained and merged.isdisjoint(known.non_leaf or ())


def _decisions(case: _Case) -> Iterator[Decision]:
    still = case.rest - case.trained
    if not case.merged:
        yield from _trained(case, case.rest & case.trained)
        yield from _frozen(case, still)
    elif case.known.host.fuse_freezes:
        yield from _fused_by_ultralytics(case)
    elif not case.trained:
        yield _fused_frozen(case)
    else:
        yield from _trained(case, case.rest & case.trained)
        yield from _fused(case)
    evidence = "They are fixed when the model is built: the numbers 0, 1, 2 and so on, which DFL weighs."
    yield case.decision("DFL", case.fixed, evidence, "the weights of DFL")


def _trained(case: _Case, names: frozenset[str]) -> Iterator[Decision]:
    if case.known.is_ema:
        words = "ModelEMA leaves none trainable: this average kept its flags, or they were set back afterwards."
        yield case.decision("other code", names, words)
        return
    words = "Every parameter is built trainable, and a training that starts sets all of them to it once more."
    yield case.decision("built trainable", names, words)


# after fuse()


def _fused(case: _Case) -> Iterator[Decision]:
    """Decisions on a fused model of which something trains: the merged convolutions, and what was frozen before."""
    trained, still = case.merged & case.trained, case.rest - case.trained
    if not trained:
        yield _fused_without_autograd(case)
        yield from _frozen(case, still)
        return
    frozen = still | (case.merged - case.trained)
    if not case.rest & case.trained:
        evidence = "Exactly what fuse() makes anew trains, and nothing else: YOLOv5 v1 to v3.0 make it trainable."
        otherwise = (
            "Or other code set it back after fuse(). The version of YOLOv5 decides: since v3.1 fuse() makes it frozen."
        )
        yield case.decision("fuse() of v1 to v3.0", trained, evidence, "merged convolutions", otherwise)
    else:
        yield _fused_with_autograd(case, trained)
    yield from _frozen(case, frozen)


def _fused_with_autograd(case: _Case, names: frozenset[str]) -> Decision:
    evidence = "fuse() copied trainable weights into the new convolutions while autograd was on, so these train too"
    non_leaf = case.known.non_leaf
    if non_leaf is not None and names <= non_leaf:
        evidence += (
            f": {len(names)} tensors are no leaves. They count as gradients, but no optimizer takes them and their "
            "grad stays empty."
        )
        return case.decision("fuse() with autograd on", names, evidence, "merged convolutions")
    lost = "; as leaves again, since the model was copied or saved" if non_leaf is not None else ""
    otherwise = (
        "Or YOLOv5 v1 to v3.0 fused it, or other code set them back after fuse(). is_leaf of the live model right "
        "after fuse() decides: False with autograd on."
    )
    return case.decision("fuse() with autograd on", names, f"{evidence}{lost}.", "merged convolutions", otherwise)


def _fused_without_autograd(case: _Case) -> Decision:
    head = _head(case.root)
    trained = case.rest & case.trained
    why = "fuse() ran under no_grad or inference_mode, as in val.py, which leaves its new convolutions frozen"
    if head and trained == head:
        evidence = (
            f"What trains is exactly the {sum(n.endswith('.weight') for n in head)} convolutions of Detect: {why}."
        )
        row = next(name for name in head).partition(".m.")[0].rpartition(".")[2]
        otherwise = (
            f"Or --freeze {row} froze every row before Detect, and fuse() changed nothing: the option of the training "
            "decides."
        )
    else:
        evidence = f"None of what fuse() makes anew trains, and other parameters do: {why}."
        otherwise = "Or all of it was frozen before fuse(): the flags before it decide."
    return case.decision("fuse() without autograd", case.merged, evidence, "merged convolutions", otherwise)


def _fused_frozen(case: _Case) -> Decision:
    known = case.known
    if known.is_stripped:
        who, otherwise = "strip_optimizer() had frozen all of it", ""
    elif known.is_ema:
        who, otherwise = "ModelEMA had frozen all of it", ""
    else:
        who = "all of it was frozen"
        otherwise = (
            "Who froze it is not in the flags: ModelEMA, strip_optimizer(), or other code. The file that it was loaded "
            "from decides: yolo-probe gradients best.pt."
        )
    evidence = f"Nothing trains: before fuse() {who}, and fuse() found no flag to change."
    return case.decision("fuse() of a frozen model", case.merged | case.rest, evidence, "", otherwise)


def _fused_by_ultralytics(case: _Case) -> Iterator[Decision]:
    yield from _trained(case, case.rest & case.trained)
    back = case.merged & case.trained
    yield case.decision(
        "other code", back, "fuse() of ultralytics leaves none trainable: these were set back.", "merged"
    )
    words = "fuse() of ultralytics makes each merged convolution anew as not trainable, with autograd on or off."
    yield case.decision("fuse() of ultralytics", case.merged - back, words, "merged convolutions")
    yield from _frozen(case, case.rest - case.trained)


def _head(root: Module) -> frozenset[str]:
    """Names of the parameters of the convolutions in Detect that have no BatchNorm."""
    heads = tuple(f"{path}.m." for path, module in named_modules(root) if module.kind in ("Detect", "Segment"))
    return frozenset(name for name, _ in named_parameters(root) if name.startswith(heads)) if heads else frozenset()


# frozen, but not by fuse()


def _frozen(case: _Case, names: frozenset[str]) -> Iterator[Decision]:
    known = case.known
    rows = (names & frozen_by_rows(case.root, known.freeze or ())) - known.thawed
    if rows and known.freeze:
        yield _by_option(case, rows, known.freeze, known.option)
    names -= rows
    if not names:
        return
    if known.is_stripped:
        yield _stripped(case, names)
    elif known.is_ema:
        evidence = "It is the EMA copy, an average of the training model's weights: ModelEMA sets requires_grad=False."
        yield case.decision("ModelEMA", names, evidence)
    elif names == case.rest and (known.source == "live" or known.is_alone):
        yield _whole_model(case, names)
    else:
        yield _some(case, names)


def _by_option(case: _Case, names: frozenset[str], rows: tuple[int, ...], option: str) -> Decision:
    rows = tuple(sorted(set(rows)))
    numbers = re.findall(r"\d+", option)
    evidence = f"{option} freezes {'exactly ' * (len(numbers) > 1)}{row_ranges(rows)}"
    if len(numbers) == 1 and rows == tuple(range(len(rows))):
        beyond = f", so row {len(rows)} is not among them" * (len(rows) < _rows(case.root))
        evidence += f": one number N means range(N){beyond}"
    if names != frozen_by_rows(case.root, rows) - case.fixed:
        evidence += ". Some of them train again: other code set them back"
    also = "strip_optimizer()" if case.known.is_stripped else "ModelEMA" if case.known.is_ema else ""
    evidence += f". {also} freezes them too" * bool(also)
    return case.decision("--freeze", names, f"{evidence}.", row_ranges(rows))


def _rows(root: Module) -> int:
    model = root.children.get("model")
    return len(model.children) if model else 0


def _stripped(case: _Case, names: frozenset[str]) -> Decision:
    evidence = "The file is finished (epoch -1, no optimizer, no EMA): strip_optimizer() freezes all that it keeps."
    option = case.known.host.option("freeze")
    otherwise = f"Whether {option} had frozen rows before is not recorded: an unstripped last.pt decides."
    return case.decision("strip_optimizer()", names, evidence, otherwise=otherwise if case.known.freeze is None else "")


def _whole_model(case: _Case, names: frozenset[str]) -> Decision:
    """The decision on a model of which nothing trains, and of which it is not known what it is."""
    known, halves = case.known, {tensor.dtype for tensor in case.tensors.values()} == {"float16"}
    if known.source == "file":
        evidence = "Nothing trains in the one copy of an unstripped file: YOLOv5 v3.1 and v4.0 save the EMA as model."
        return case.decision(
            "ModelEMA", names, evidence, otherwise="Or other code froze it: the training script decides."
        )
    if case.root.attributes.get("training") is True:
        evidence = (
            "Nothing trains though the model is in training mode, in which no EMA copy and no loaded file is left."
        )
        otherwise = f"Or {known.host.option('freeze')} named every row: the option of the training decides."
        return case.decision("other code", names, evidence, otherwise=otherwise)
    decides = "Where the model comes from decides: yolo-probe gradients FILE tells both copies of a file apart."
    if halves:
        evidence = "Nothing trains, in evaluation mode and FP16: a finished file, loaded as it is."
        otherwise = f"Or the EMA copy of an unstripped file, or other code. {decides}"
        return case.decision("strip_optimizer()", names, evidence, otherwise=otherwise)
    evidence = "Nothing trains, and the model is in evaluation mode: so ModelEMA leaves its copy."
    others = f"other code, as {known.host.also_freezes} does" if known.host.also_freezes else "other code"
    otherwise = f"Or strip_optimizer() did it and the file was loaded without fuse(), or {others}. {decides}"
    return case.decision("ModelEMA", names, evidence, otherwise=otherwise)


def _some(case: _Case, names: frozenset[str]) -> Decision:
    """The decision on parameters that are frozen while others train."""
    known = case.known
    if known.is_restored and case.trained == _head(case.root):
        evidence = "What trains is exactly the convolutions of Detect: fuse() ran without autograd before it was saved."
        return case.decision("fuse() without autograd", names, evidence)
    rows = () if known.is_restored else whole_rows(case.root, names, case.fixed)
    option = known.host.freeze_of_rows(rows) if rows and known.freeze is None else ""
    do = "does" if len(rows) == 1 else "do"
    if option:
        evidence = f"Exactly {row_ranges(rows)} {do} not train, as {option} leaves it; that option is not recorded."
        otherwise = "Or other code set the same: the command of the training decides."
        return case.decision("--freeze", names, evidence, row_ranges(rows), otherwise)
    if rows and known.freeze is not None:
        evidence = f"{row_ranges(rows).capitalize()} {do} not train, and no option of the training says so."
    elif rows:
        evidence = f"Exactly {row_ranges(rows)} {do} not train; --freeze {rows[0]} would mean range({rows[0]})."
    else:
        first = next(name for name in case.tensors if name in names)
        evidence = f"They are no whole rows, so no freeze option can have named them (first: {first})."
    return case.decision("other code", names, evidence, row_ranges(rows) if rows else f"{len(names)} tensors")


# what took parameters out of training, for a ledger


def gradient_events(decisions: Iterable[Decision], known: Known, trained: frozenset[str]) -> Iterator[GradientEvent]:
    """The events before ``fuse()`` that took those parameters out of training, in order."""
    for each in decisions:
        names = each.names & trained
        if each.trains or not names or each.mechanism in ("DFL", "fuse() of ultralytics"):
            continue
        if each.mechanism == "--freeze":
            why = "Training sets requires_grad=False on these rows; the training line is printed before that."
            option = known.option or known.host.option("freeze")
            yield GradientEvent(option, names, why, f"{each.place} did not train", lasts=True)
        elif known.source == "live":
            why = "These parameters did not train; the line at train start is printed before they are frozen."
            yield GradientEvent("frozen when training started", names, why)
        else:
            yield finished(each.mechanism, names)


def finished(mechanism: Mechanism, names: frozenset[str]) -> GradientEvent:
    """The event that marked the parameters of the saved model as not trainable."""
    if mechanism == "strip_optimizer()":
        why = "When training ends, strip_optimizer() marks every parameter of the file as not trainable."
        return GradientEvent("requires_grad=False, set by strip_optimizer()", names, why)
    if mechanism == "ModelEMA":
        why = "The EMA copy is an average of the training model's weights; it never trains itself."
        return GradientEvent("requires_grad=False, set by ModelEMA", names, why)
    if mechanism == "fuse() without autograd":
        why = "The file was saved after fuse() ran under no_grad, which leaves its new convolutions frozen."
        return GradientEvent("requires_grad=False, set by fuse() before it was saved", names, why)
    why = "The file has these parameters as not trainable; it does not record who set that."
    return GradientEvent("requires_grad=False in the file", names, why)

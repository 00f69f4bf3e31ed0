"""The question of a report (which network, which size, which counter), and the four numbers of one state."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from yolo_probe.counters.charges import Charges, charge
from yolo_probe.counters.conventions import Counter
from yolo_probe.errors import OtherBlockError, TargetError, TraceError, UnknownModuleError
from yolo_probe.hosts.images import Run, Size, rounded_size
from yolo_probe.hosts.subject import Model, Rebuilt, Subject
from yolo_probe.hosts.summary_line import HostLine, Summary, host_line, summarize
from yolo_probe.model.forks.registry import fuse_as_host, unfused_as_host
from yolo_probe.model.fusion import Fusion, fused_state, has_merged_class, may_be_fused
from yolo_probe.model.structure import Module
from yolo_probe.model.trace import Trace, trace
from yolo_probe.model.user_rules import OwnRules, advice

if TYPE_CHECKING:
    from yolo_probe.reports.stride_scaling import Scaled


OF_SOURCE = (
    "correct it, or, where it runs in the fork and reads values or takes several images, pass the live model in "
    "Python: yolo-probe guide live-models"
)
"""What to do where the forward pass of a source fails."""


OF_ANOTHER_BLOCK = (
    "its class may compute otherwise than the one of that name that yolo-probe knows: --source DIR runs its own forward"
)
"""What to do where the forward pass of a block of a fork fails, which is known by what it holds alone."""


@dataclass(frozen=True, slots=True)
class State:
    """A network in one state: unfused or fused, trainable or not."""

    root: Module
    run: Trace | None
    summary: Summary
    line: HostLine
    fails: str = ""
    """Why its forward pass fails, where that is a part of the answer; else empty."""
    remedy: str = ""
    """What to do about that."""


@dataclass(frozen=True, slots=True)
class Question:
    """The question of a report: which network, at which size, by which counter."""

    subject: Subject
    asked_size: Size
    counter: Counter
    options: str = ""
    """The other options as they were typed, to repeat them in a command that a report advises."""
    rules: OwnRules | None = None
    """The counting rules of the user's own."""

    @property
    def size(self) -> Size:
        """The size that is counted, in pixels: the asked one, rounded up to multiples of the stride."""
        return rounded_size(self.asked_size, self.subject.stride)

    def state(
        self,
        root: Module,
        line_size: Size = (640, 640),
        *,
        built: bool = False,
        model: Model | None = None,
        may_fail: bool = False,
    ) -> State:
        """The four numbers and the host's line of one state.

        ``model``: the network as its host built it, whose own forward pass is followed instead of that of ``root``.
        ``may_fail``: whether a forward pass that fails is an answer, without FLOPs.
        Raises: TraceError where the forward pass fails and may not.
        """
        subject = self.subject
        forward: Run = model.trace if model else partial(trace, root)
        run, fails, remedy = None, "", ""
        try:
            run = self._run(self.ruled(root, model))
        except TraceError as error:
            of_source = subject.origin.by_source
            if not may_fail or (isinstance(error, UnknownModuleError) and not of_source):  # that is no failure
                raise
            fails, remedy = str(error).removeprefix(f"{subject.path}: "), error.remedy
        summary = summarize(root, run, self.counter.convention)
        form = subject.origin.form
        line = host_line(
            root, form, self.counter.of_host, subject.stride, line_size, built=built, run=forward,
            fused=form.marks_fused and (model.is_fused if model else fused_state(root) == "fused"),
        )  # fmt: skip
        feeds_more = bool(subject.images) and subject.origin.line_of_its_own  # its model_info may feed several images
        if subject.origin.of_no_host or feeds_more:  # how its host writes the numbers is not known
            line = replace(line, text=None, missing="")
        return State(root, run, summary, line, fails, remedy)

    def summary(self, root: Module) -> Summary:
        """The four numbers of one state alone. Raises: TraceError where its forward pass fails."""
        return summarize(root, self._run(self.ruled(root)), self.counter.convention)

    def ruled(self, root: Module, model: Model | None = None, *, training: bool = False) -> Run:
        """The forward pass with the user's own rules. The host's line is counted without them."""
        if model is None:
            return partial(trace, root, training=training, rules=self.rules)
        running = model.in_training() if training else model
        return (running.with_rules(self.rules) if self.rules else running).trace_images

    def charges(self, state: State) -> Charges:
        """The counter's charges for one state; empty if its forward pass could not be followed."""
        return charge(state.run.records if state.run else (), self.counter.convention)

    def scaled(self, forward: Run) -> Scaled:
        """FLOPs as classic YOLOv5 finds them: those of an image as small as the stride, times the area.

        Raises: TraceError where the forward pass of that image fails.
        """
        from yolo_probe.reports.stride_scaling import scaled

        try:
            return scaled(forward, self.subject.channels, self.subject.stride, self.size, self.counter.convention)
        except TraceError as error:
            remedy = "leave --stride-scaled out: YOLOv5 to v7.0 prints no GFLOPs of this network"
            raise self.placed(error, remedy) from None

    def _run(self, forward: Run) -> Trace | None:
        if not self.subject.has_flops:
            return None
        try:
            return forward((1, self.subject.channels, *self.size))
        except TraceError as error:
            raise self.placed(error, self.remedy_of_failure(error)) from None

    def remedy_of_failure(self, error: TraceError) -> str:
        """What to do where a forward pass fails: whether its host fails there too is known of known classes alone."""
        if self.subject.origin.by_source:
            return f"the source's own forward fails there on shapes: {OF_SOURCE}"
        if isinstance(error, OtherBlockError | UnknownModuleError):
            return OF_ANOTHER_BLOCK
        if self.subject.kind in ("live", "run"):
            return error.remedy or "choose another imgsz, or correct the model: its own forward pass fails there"
        return f"correct the network: its forward pass fails there, in {self.subject.origin.family} too"

    def fusion(self, root: Module, *, grad_enabled: bool, kept_flags: bool = False) -> Fusion:
        """The structure after ``fuse()``.

        ``kept_flags``: whether ``requires_grad`` stays as it is, because the host's own ``fuse()`` has set it before.
        Raises: UnknownModuleError where it is not known what ``fuse()`` does, TraceError where it fails.
        """
        refuse_unknown(self.subject)
        try:
            origin = self.subject.origin
            copies_flags = grad_enabled and (kept_flags or not origin.fuses_frozen)
            return fuse_as_host(root, grad_enabled=copies_flags, as_v3_0=origin.fuses_as_v3_0 and not kept_flags)
        except TraceError as error:
            raise self.placed(error, "correct the network; yolo-probe info shows it unfused") from None

    @property
    def may_be_fused(self) -> bool:
        """Whether it is not known if the file was saved after ``fuse()``, since its classes are not known."""
        subject, root = self.subject, self.subject.root
        is_known = not (subject.foreign or subject.origin.by_source) or subject.kind != "checkpoint"
        return not is_known and may_be_fused(root) and not has_merged_class(root)

    def unfused(self, root: Module) -> Module:
        """The structure before ``fuse()``; the same object if it has not run.

        Raises: UnknownModuleError where that is not known.
        """
        before, foreign = unfused_as_host(root), self.subject.foreign
        if before is root and self.may_be_fused:
            raise self._saved_fused("")
        if before is root or (before is not None and not foreign):
            return before
        kinds = sorted({kind.rpartition(".")[2] for _, kind in foreign}) or ["its merged blocks"]
        raise self._saved_fused(f", and {', '.join(kinds[:3])} may have held more")

    def need_fused(self) -> None:
        """Refuse a network whose own code gives none after ``fuse()``. Raises: TraceError with what it raised."""
        if found := self.subject.not_fused:
            raise TraceError(
                f"{self.subject.label}: what fuse() leaves is not known: {found.reason}",
                "Leave --fused out: its validation runs the network as it is."
                if found.has_none
                else "Leave --fused out; correct fuse() in the source, which raises this in a validation too.",
            )

    def rebuilt(self) -> Rebuilt | None:
        """The states that the host's own code gives; None where they are not needed.

        Raises: UnknownModuleError where the state before ``fuse()`` is not among them.
        """
        rebuilt = self.subject.rebuilt
        if not isinstance(rebuilt, Rebuilt):
            return None
        if not rebuilt.before_known:
            raise self._saved_fused("")
        return rebuilt

    def _saved_fused(self, more: str) -> UnknownModuleError:
        is_certain = more or has_merged_class(self.subject.root)
        was = "was saved after it" if is_certain else "was saved after it, or its network is built without BatchNorm"
        after = "after fuse()" if is_certain else "as it is"
        return UnknownModuleError(
            f"{self.subject.label}: what it was before fuse() is not known: this file {was}{more}",
            f"Its numbers {after} are exact; for those before it pass a checkpoint of the training.",
        )

    def need_flops(self) -> None:
        """Refuse a network whose forward pass is not known, for a report that needs it.

        Raises: TargetError with the reason and the remedy.
        """
        subject = self.subject
        if subject.gap:
            raise TargetError(f"{subject.label}: FLOPs are not known: {subject.gap.reason}", subject.gap.remedy)
        if subject.unknown:
            kind, (path, *_) = next(iter(subject.unknown_classes().items()))
            place = path or "the model"
            raise TargetError(
                f"{subject.label}: FLOPs are not known: found {kind} at {place}, expected modules of YOLOv5",
                f"yolo-probe info shows its layers, parameters and gradients; {advice(subject.unknown, self.rules)}",
            )

    def placed(self, error: TraceError, remedy: str) -> TraceError:
        """The same error with the file and the line of its row in the YAML before it, and a remedy."""
        from yolo_probe.networks.network import Network

        source = self.subject.source
        row = re.match(r"model\.(\d+)", str(error))
        line = None
        if row and isinstance(source, Network) and int(row[1]) < len(source.rows):
            line = source.rows[int(row[1])].line
        place = f"{self.subject.path or self.subject.label}{f', line {line}' if line else ''}"
        if self.rules and (made := [name for name, rule in self.rules.modules.items() if rule.output]):
            remedy += f"; or correct the output that {self.rules.path} gives {', '.join(made)}"
        return type(error)(f"{place}: {error}", remedy)


def refuse_unknown(subject: Subject) -> None:
    """Refuse a network that cannot be built here. Raises: UnknownModuleError."""
    if subject.gap:
        problem = f"{subject.label}: what fuse() does is not known: {subject.gap.reason}"
        raise UnknownModuleError(problem, subject.gap.remedy)

"""What set ``requires_grad``: the mechanisms in each copy of a model, its rows, and the gradients after ``fuse()``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from yolo_probe.errors import TargetError, TraceError, UnknownModuleError
from yolo_probe.hosts.host import YOLOV5
from yolo_probe.hosts.subject import LiveModel, Rebuilt, Subject
from yolo_probe.model.forks.registry import fuse_as_host
from yolo_probe.model.freezing import as_built, frozen_by_rows, with_frozen
from yolo_probe.model.fusion import BATCH_NORMS, fused_state
from yolo_probe.model.structure import (
    Module,
    below,
    count_gradients,
    named_modules,
    named_parameters,
    named_rows,
    row_holder,
)
from yolo_probe.reports.mechanisms import Decision, Known, decide, decided, known_of
from yolo_probe.reports.question import refuse_unknown
from yolo_probe.reports.schema import head_as_json
from yolo_probe.reports.typed_json import as_plain

CopyName = Literal["model", "ema"]


@dataclass(frozen=True, slots=True)
class CopyGradients:
    """One copy of a model, and the mechanisms that decided which of its parameters train."""

    name: CopyName
    root: Module
    decisions: tuple[Decision, ...]

    @property
    def parameters(self) -> int:
        """Elements of all parameters."""
        return sum(tensor.numel for _, tensor in named_parameters(self.root))

    @property
    def gradients(self) -> int:
        """Elements of the parameters that train."""
        return count_gradients(self.root)

    @property
    def unexplained(self) -> int:
        """Elements that no decision has; 0 in a correct report."""
        return self.parameters - sum(each.parameters for each in self.decisions)


@dataclass(frozen=True, slots=True)
class Fused:
    """Gradients of the validated copy after ``fuse()``; None where they are not known."""

    grad_on: int | None
    """With autograd on, as train.py calls it."""
    no_grad: int | None
    """Under no_grad or inference_mode, as val.py calls it."""
    gap: str = ""
    """Why they are not known."""
    remedy: str = ""
    has_none: bool = False
    """Whether the network's own code has no ``fuse()``, so that they stay."""


@dataclass(frozen=True, slots=True)
class RowGradients:
    """One row of a network, and how many of its parameters train."""

    name: str
    """As the host writes it: ``0``; empty for the parameters that are in no row."""
    module: str
    parameters: int
    trainable: int
    frozen_by: tuple[str, ...]
    """The mechanisms that froze parameters in it."""
    moving: int
    """Number of BatchNorms with frozen weights whose running statistics a training still changes."""


@dataclass(frozen=True, slots=True)
class OptimizerCheck:
    """Differences between a model and the groups of its optimizer; parameters by name."""

    groups: int
    unheld: tuple[str, ...]
    """Parameters that train and are in no group."""
    frozen: tuple[str, ...]
    """Parameters that do not train and are in a group."""
    repeated: tuple[str, ...]
    """Parameters that are in groups more than once."""
    foreign: int
    """Number of tensors in the groups that the model does not have."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The report of ``yolo-probe gradients``: what set ``requires_grad``."""

    subject: Subject | LiveModel
    copies: tuple[CopyGradients, ...]
    validated: CopyName
    """The copy that validation uses."""
    fused: Fused
    is_fused: bool
    """Whether the validated copy is already fused, so that ``fuse()`` changes nothing."""
    rows: tuple[RowGradients, ...]
    """The rows of the model that trains, else of the only copy."""
    freeze_note: str = ""
    """Why ``--freeze`` freezes nothing, or less than it says; else empty."""
    optimizer: OptimizerCheck | None = None
    non_leaf: tuple[str, ...] = field(default=())
    """Names of the parameters of a live model that autograd computed from others (not leaves)."""

    @property
    def balanced(self) -> bool:
        """Whether a mechanism is known for every parameter."""
        return all(copy.unexplained == 0 for copy in self.copies)


def provenance(subject: Subject, freeze: tuple[int, ...] = ()) -> Provenance:
    """The report on a file as it is stored, or on a name or YAML as it trains with ``--freeze``.

    ``freeze``: the numbers of that option, for a name or YAML only.
    Raises: TargetError for a checkpoint and such numbers.
    """
    saved = subject.saved
    if saved is not None and freeze:
        raise TargetError(
            f"{subject.label}: found {_option(freeze)} for a checkpoint, whose flags are in the file",
            "leave --freeze out; for a training with it name the network, or its YAML",
        )
    copies = tuple(_copies(subject)) if saved else (_built(subject, freeze),)
    note = _nothing_frozen(subject, freeze)
    validated = next(copy for copy in copies if copy.name == (saved.copy if saved else "model"))
    fused = _fused(subject, validated.root)
    is_fused = fused_state(validated.root) == "fused"
    return Provenance(subject, copies, validated.name, fused, is_fused, rows_of(copies[0]), note)


def _built(subject: Subject, freeze: tuple[int, ...]) -> CopyGradients:
    _, holder = row_holder(subject.root)
    rows = tuple(sorted(set(YOLOV5.frozen_rows(list(freeze), len(holder.children)) or ())))
    root = with_frozen(as_built(subject.root), frozen_by_rows(subject.root, rows))
    known = Known("built", is_ema=False, freeze=rows, option=_option(freeze))
    return CopyGradients("model", root, decide(root, known))


def _option(freeze: tuple[int, ...]) -> str:
    return YOLOV5.freeze_typed(map(str, freeze))


def _nothing_frozen(subject: Subject, freeze: tuple[int, ...]) -> str:
    """Why ``--freeze`` freezes nothing, or less than it says; else empty."""
    if freeze == (0,):
        return "--freeze 0 freezes nothing: range(0) is empty."
    _, holder = row_holder(subject.root)
    count = len(holder.children)
    if any(row >= count + (len(freeze) == 1) for row in freeze):
        return f"{_option(freeze)} names rows that are not there: the last one is {count - 1}."
    return ""


def _copies(subject: Subject) -> Iterator[CopyGradients]:
    from yolo_probe.checkpoint.reader import Checkpoint

    source = subject.source
    assert isinstance(source, Checkpoint)
    for name, root in (("model", source.model), ("ema", source.ema)):
        if root is not None:
            yield CopyGradients(name, root, decide(root, known_of(subject, name)))  # type: ignore[arg-type]


def _fused_by_host(rebuilt: Rebuilt, root: Module) -> int:
    """Gradients after the host's own ``fuse()``. ``root``: the structure before, which of a name may be frozen."""
    if rebuilt.fused_trainable is None:
        return count_gradients(rebuilt.fused.root)
    frozen = {name for name, tensor in named_parameters(root) if not tensor.requires_grad}
    after = named_parameters(rebuilt.fused_trainable.root)
    return sum(tensor.numel for name, tensor in after if tensor.requires_grad and name not in frozen)


def _fused(subject: Subject, root: Module) -> Fused:
    """The gradients after ``fuse()``; 0 if nothing trained before it, but in YOLOv5 to v3.0."""
    as_v3_0, not_fused = subject.origin.fuses_as_v3_0, subject.not_fused
    if not_fused and not not_fused.has_none:
        return Fused(None, None, not_fused.reason, "Correct fuse() in the source, which raises this in a validation.")
    if not_fused:
        return Fused(count_gradients(root), count_gradients(root), has_none=True)
    if not count_gradients(root) and not as_v3_0:
        return Fused(0, 0)
    if fused_state(root) == "fused":
        return Fused(count_gradients(root), count_gradients(root))
    if isinstance(subject.rebuilt, Rebuilt):
        gradients = _fused_by_host(subject.rebuilt, root)
        return Fused(gradients, gradients)
    try:
        refuse_unknown(subject)
        grad_on, no_grad = (
            count_gradients(fuse_as_host(root, grad_enabled=on, as_v3_0=as_v3_0).root)
            for on in (not subject.origin.fuses_frozen, False)
        )
    except (UnknownModuleError, TraceError) as error:
        return Fused(None, None, str(error), error.remedy)
    return Fused(grad_on, no_grad)


def rows_of(copy: CopyGradients, always_frozen: tuple[str, ...] = ()) -> tuple[RowGradients, ...]:
    """The rows in order, and one more if parameters are in no row.

    ``always_frozen``: parts of names; a host keeps the BatchNorms with such a name in evaluation mode.
    """
    kinds, row_name = named_rows(copy.root)
    sizes, trained, moving = (dict.fromkeys((*kinds, ""), 0) for _ in range(3))
    for name, tensor in named_parameters(copy.root):
        sizes[row_name(name)] += tensor.numel
        trained[row_name(name)] += tensor.numel * tensor.requires_grad
    for path in moving_batch_norms(copy, always_frozen):
        moving[row_name(path)] += 1
    frozen_by: dict[str, dict[str, None]] = {name: {} for name in sizes}
    for decision in copy.decisions:
        if not decision.trains:
            for name in decision.names:
                frozen_by[row_name(name)][decision.mechanism] = None
    return tuple(
        RowGradients(name, kinds.get(name, "other"), sizes[name], trained[name], tuple(frozen_by[name]), moving[name])
        for name in sizes
        if name or sizes[name]
    )


def moving_batch_norms(copy: CopyGradients, always_frozen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Paths of the BatchNorms with frozen weights whose running statistics a training of this model changes.

    They change because the model is in training mode; in an EMA copy or a finished file they do not.
    """
    by_training = [each for each in copy.decisions if each.mechanism in ("--freeze", "other code") and not each.trains]
    frozen = frozenset[str]().union(*(each.names for each in by_training))
    return tuple(
        path
        for path, module in named_modules(copy.root)
        if module.kind in BATCH_NORMS
        and module.parameters
        and all(below(path, key) in frozen for key in module.parameters)
        and "running_mean" in module.buffers
        and not any(part in path for part in always_frozen)
    )


def as_json(report: Provenance) -> dict[str, object]:
    """The report as plain data."""
    copies = {copy.name: copy_as_json(copy) for copy in report.copies}
    subject = report.subject
    return {
        **head_as_json("gradients", subject),
        "copies": {"model": copies.get("model"), "ema": copies.get("ema")},
        "validation": {
            "copy": report.validated,
            "fused": {"grad_on": report.fused.grad_on, "no_grad": report.fused.no_grad},
        },
        "rows": [
            {
                "row": number if row.name == str(number) else row.name or None,
                "module": row.module,
                "parameters": row.parameters,
                "trainable": row.trainable,
                "frozen_by": list(row.frozen_by),
                "moving_batch_norms": row.moving,
            }
            for number, row in enumerate(report.rows)
        ],
    } | _live_only(report)


def _live_only(report: Provenance) -> dict[str, object]:
    """The keys of a live model alone."""
    if isinstance(report.subject, Subject):
        return {}
    check = report.optimizer
    return {
        "non_leaf": list(report.non_leaf),
        "optimizer": check
        and {
            "groups": check.groups,
            "not_in_optimizer": list(check.unheld),
            "frozen": list(check.frozen),
            "repeated": list(check.repeated),
            "foreign": check.foreign,
        },
    }


def copy_as_json(copy: CopyGradients) -> dict[str, object]:
    """The numbers of a copy and its mechanisms, as plain data."""
    mechanisms = as_plain(decided(copy.decisions))
    return {"parameters": copy.parameters, "gradients": copy.gradients, "mechanisms": mechanisms}

"""Who set ``requires_grad``: for each copy of a model the mechanisms that decided, its rows, and what fuse() leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from yolo_probe.errors import TargetError, TraceError, UnknownModuleError
from yolo_probe.hosts.host import YOLOV5
from yolo_probe.hosts.subject import LiveModel, Rebuilt, Subject
from yolo_probe.model.freezing import frozen_by_rows, with_frozen, with_gradients
from yolo_probe.model.fusion import BATCH_NORMS, fuse, fused_state
from yolo_probe.model.structure import Module, count_gradients, named_modules, named_parameters, named_rows, row_holder
from yolo_probe.reports.mechanisms import Decision, Known, decide, decided, known_of
from yolo_probe.reports.question import refuse_unknown
from yolo_probe.reports.schema import head_as_json
from yolo_probe.reports.typed_json import as_plain

CopyName = Literal["model", "ema"]


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy of a model, and who decided what of it trains."""

    name: CopyName
    root: Module
    decisions: tuple[Decision, ...]

    @property
    def parameters(self) -> int:
        """Numbers in all of its parameters."""
        return sum(tensor.numel for _, tensor in named_parameters(self.root))

    @property
    def gradients(self) -> int:
        """Those of the parameters that train."""
        return count_gradients(self.root)

    @property
    def unexplained(self) -> int:
        """What no decision holds; 0 in a report that is right."""
        return self.parameters - sum(each.parameters for each in self.decisions)


@dataclass(frozen=True, slots=True)
class Fused:
    """Gradients of the validated copy after ``fuse()``; None where that is not known."""

    grad_on: int | None
    """With autograd on, as train.py calls it."""
    no_grad: int | None
    """Under no_grad or inference_mode, as val.py calls it."""
    gap: str = ""
    """Why they are not known."""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a network, and what of it trains."""

    name: str
    """As the host writes it: ``0``; empty for what belongs to no row."""
    module: str
    parameters: int
    trainable: int
    frozen_by: tuple[str, ...]
    """The mechanisms that froze parts of it."""
    moving: int
    """BatchNorms whose weights are frozen and whose running statistics a training still moves."""


@dataclass(frozen=True, slots=True)
class OptimizerCheck:
    """An optimizer held against the model that it is to train; parameters by their names."""

    groups: int
    unheld: tuple[str, ...]
    """They train, and no group holds them."""
    frozen: tuple[str, ...]
    """A group holds them though they do not train."""
    repeated: tuple[str, ...]
    """Held more than once."""
    foreign: int
    """Tensors that the groups hold and the model does not have."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The answer to who set ``requires_grad``."""

    subject: Subject | LiveModel
    copies: tuple[Copy, ...]
    validated: CopyName
    """The copy that validation uses."""
    fused: Fused
    is_fused: bool
    """Whether the validated copy is fused already, so that fuse() changes nothing."""
    rows: tuple[Row, ...]
    """Of the copy that trains, where it is there."""
    freeze_note: str = ""
    """Why a freeze option does nothing; empty where it does, or where there is none."""
    optimizer: OptimizerCheck | None = None
    non_leaf: tuple[str, ...] = field(default=())
    """Names of the parameters of a live model that autograd computed from others."""

    @property
    def balanced(self) -> bool:
        """Whether every parameter has its mechanism."""
        return all(copy.unexplained == 0 for copy in self.copies)


def provenance(subject: Subject, freeze: tuple[int, ...] = ()) -> Provenance:
    """Who set ``requires_grad`` in a file, or in a name or YAML as a training with that option has it.

    ``freeze``: the numbers of ``--freeze``, for a name or YAML only.
    Raises: TargetError where the option does not fit.
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


def _built(subject: Subject, freeze: tuple[int, ...]) -> Copy:
    _, holder = row_holder(subject.root)
    rows = tuple(sorted(set(YOLOV5.frozen_rows(list(freeze), len(holder.children)) or ())))
    root = with_frozen(with_gradients(subject.root, True), frozen_by_rows(subject.root, rows))
    known = Known("built", is_ema=False, freeze=rows, option=_option(freeze))
    return Copy("model", root, decide(root, known))


def _option(freeze: tuple[int, ...]) -> str:
    return YOLOV5.freeze_typed(map(str, freeze))


def _nothing_frozen(subject: Subject, freeze: tuple[int, ...]) -> str:
    """Why an option freezes nothing, or less than it says."""
    if freeze == (0,):
        return "--freeze 0 freezes nothing: range(0) is empty."
    _, holder = row_holder(subject.root)
    count = len(holder.children)
    if any(row >= count + (len(freeze) == 1) for row in freeze):
        return f"{_option(freeze)} names rows that are not there: the last one is {count - 1}."
    return ""


def _copies(subject: Subject) -> Iterator[Copy]:
    from yolo_probe.checkpoint.reader import Checkpoint

    source = subject.source
    assert isinstance(source, Checkpoint)
    for name, root in (("model", source.model), ("ema", source.ema)):
        if root is not None:
            yield Copy(name, root, decide(root, known_of(subject, name)))  # type: ignore[arg-type]


def _fused(subject: Subject, root: Module) -> Fused:
    """What trains after ``fuse()``: nothing where nothing did, else what the host's own leaves."""
    if not count_gradients(root):
        return Fused(0, 0)
    if fused_state(root) == "fused":
        return Fused(count_gradients(root), count_gradients(root))
    if isinstance(subject.rebuilt, Rebuilt):
        left = count_gradients(subject.rebuilt.fused.root)
        return Fused(left, left)
    try:
        refuse_unknown(subject)
        grad_on, no_grad = (count_gradients(fuse(root, grad_enabled=on).root) for on in (True, False))
    except (UnknownModuleError, TraceError) as error:
        return Fused(None, None, str(error), error.remedy)
    return Fused(grad_on, no_grad)


def rows_of(copy: Copy, always_frozen: tuple[str, ...] = ()) -> tuple[Row, ...]:
    """Every row in order; what belongs to none of them is one more row, where there is any.

    ``always_frozen``: parts of names whose BatchNorms a host keeps from moving.
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
        Row(name, kinds.get(name, "other"), sizes[name], trained[name], tuple(frozen_by[name]), moving[name])
        for name in sizes
        if name or sizes[name]
    )


def moving_batch_norms(copy: Copy, always_frozen: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Paths of the BatchNorms with frozen weights whose running statistics a training of this model moves.

    A training moves them in training mode, in which its model is; never in its EMA copy, nor in a finished file.
    """
    by_training = [each for each in copy.decisions if each.mechanism in ("--freeze", "other code") and not each.trains]
    frozen = frozenset[str]().union(*(each.names for each in by_training))
    return tuple(
        path
        for path, module in named_modules(copy.root)
        if module.kind in BATCH_NORMS
        and module.parameters
        and all((f"{path}.{key}" if path else key) in frozen for key in module.parameters)
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
    """What only a live model can tell."""
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


def copy_as_json(copy: Copy) -> dict[str, object]:
    """A copy's numbers and who decided them."""
    mechanisms = as_plain(decided(copy.decisions))
    return {"parameters": copy.parameters, "gradients": copy.gradients, "mechanisms": mechanisms}

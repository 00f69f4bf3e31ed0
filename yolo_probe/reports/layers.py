"""The report of ``yolo-probe layers``: the cost of a network line by line, and the memory that it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yolo_probe.counters.charges import Charges, added, charge
from yolo_probe.counters.conventions import Convention
from yolo_probe.errors import TargetError, TraceError
from yolo_probe.hosts.subject import LiveModel, Model, Rebuilt, Subject
from yolo_probe.model.activations import BYTES, Access, Activations, activations, total
from yolo_probe.model.freezing import with_gradients
from yolo_probe.model.fusion import fused_state
from yolo_probe.model.structure import Module, Shape, named_rows, packed_weights
from yolo_probe.model.trace import Trace
from yolo_probe.model.user_rules import OwnRules
from yolo_probe.reports.line_costs import BY, SORTS, By, Line, Operation, Sort, Sums, lines_of, operations_of, unmerged
from yolo_probe.reports.question import Question
from yolo_probe.reports.schema import counter_as_json, head_as_json, packed_as_json, rules_as_json, uncounted_as_json
from yolo_probe.reports.shufflenet_guidelines import Guideline, guidelines
from yolo_probe.reports.stride_scaling import Scaled, scaled_as_json

if TYPE_CHECKING:
    from yolo_probe.live.tensor_lifetimes import Observed


@dataclass(frozen=True, slots=True)
class View:
    """The lines that are asked for, and their order."""

    by: By = "row"
    depth: int | None = None
    """Levels of modules that are shown, 1 is the rows; None: all for ``by="module"``, else 1."""
    sort: Sort | None = None
    """What the lines are sorted by, largest first; None: the order in which they run, with ``top`` by FLOPs."""
    top: int | None = None
    """Number of lines that are shown; the others are added up in one. None: all."""
    memory: bool = False
    """Whether the text is about memory."""
    brief: bool = False
    """Whether the text has the table of costs alone, in millions of parameters and GFLOPs."""

    def __post_init__(self) -> None:
        """Refuse a value that an option does not have.

        Raises: TargetError with the option, what was found and what was expected.
        """
        for name, found, expected in (("by", self.by, BY), ("sort", self.sort, (*SORTS, None))):
            if found not in expected:
                raise TargetError(
                    f"layers: found {name}={found!r}, expected one of {', '.join(filter(None, expected))}"
                )
        for name, number in (("depth", self.depth), ("top", self.top)):
            if number is not None and number < 1:
                raise TargetError(f"layers: found {name}={number}, expected at least 1")
        if self.by == "operator" and self.depth is not None:
            raise TargetError("layers: found a depth for operators, expected it for rows, modules or types")


@dataclass(frozen=True)
class LayerCosts(Sums):
    """The cost of each line of a network in one state; the shown lines and the others add up to the totals."""

    subject: Subject | LiveModel
    question: Question | None
    """None for a live model."""
    charges: Charges
    view: View
    root: Module
    run: Trace
    is_fused: bool
    """Whether it is the state after ``fuse()``."""
    operations: tuple[Operation, ...]
    lines: tuple[Line, ...]
    """The lines that are shown, in order."""
    others: tuple[Line, ...]
    """The lines that are not shown, because of ``top``."""
    unmerged: int
    """Convolutions before a BatchNorm that ``fuse()`` would merge."""
    activations: Activations | None
    """None if it is not known which operator reads which tensor."""
    guidelines: tuple[Guideline, ...]
    rules: OwnRules | None = None
    """The counting rules of the user's own."""
    scaled: Scaled | None = None
    """The FLOPs in the line of a live model, found from small images, where they are not those of the image."""


def layer_costs(question: Question, view: View, *, fused: bool = False) -> LayerCosts:
    """The report on one state of a network: as it is stored or built, or after ``fuse()``.

    Raises: TargetError where the forward pass is not known, TraceError where it or ``fuse()`` fails.
    """
    question.need_flops()
    subject = question.subject
    root, run, observed = pass_of(question, (1, subject.channels, *question.size), fused=fused)
    if observed:
        run = replace(run, calls=observed.calls)
    found = observed.activations if observed else activations(run)
    is_fused = fused or fused_state(root) == "fused"
    return gathered(subject, question, question.counter.convention, view, root, run, found, is_fused=is_fused)


def pass_of(question: Question, image: Shape, *, fused: bool) -> tuple[Module, Trace, Observed | None]:
    """The structure and the pass of a network in one state; of one that its host has built also what was observed.

    Raises: TraceError where the pass or ``fuse()`` fails.
    """
    subject = question.subject
    observed: Observed | None = None
    if fused:
        question.need_fused()
    try:
        if isinstance(subject.rebuilt, Rebuilt):
            model = subject.rebuilt.fused if fused else subject.rebuilt.saved
            root, run = model.root, question.ruled(model.root, model)(image)
            observed = _observed(model, image)
        else:
            root = subject.root
            if fused:
                stored = root if subject.saved else with_gradients(root, False)
                root = question.fusion(stored, grad_enabled=False).root
            run = question.ruled(root)(image)
    except TraceError as error:
        raise question.placed(error, question.remedy_of_failure(error)) from None
    return root, run, observed


def _observed(model: Model, image: Shape) -> Observed | None:
    """The calls and activations of a network that its installed host has built, observed in torch."""
    from yolo_probe.live.live import Live
    from yolo_probe.live.tensor_lifetimes import observe

    return observe(model, model.inputs_of(image)) if isinstance(model, Live) else None


def gathered(
    subject: Subject | LiveModel, question: Question | None, convention: Convention, view: View, root: Module,
    run: Trace, found: Activations | None, *, is_fused: bool, rules: OwnRules | None = None,
    scaled: Scaled | None = None,
) -> LayerCosts:  # fmt: skip
    """The report on one forward pass of a network."""
    charges = charge(run.records, convention)
    operations = operations_of(root, charges)
    lines = lines_of(root, run, operations, view.by, view.depth)
    sort = view.sort or ("flops" if view.top else None)
    if sort:
        lines = tuple(sorted(lines, key=lambda line: -_measure(line, sort)))
    shown = lines[: view.top] if view.top else lines
    _, row_of = named_rows(root)
    return LayerCosts(
        subject,
        question,
        charges,
        view,
        root,
        run,
        is_fused,
        operations,
        shown,
        lines[len(shown) :],
        unmerged(root),
        found,
        guidelines(operations, row_of),
        rules or (question.rules if question else None),
        scaled,
    )


def _measure(line: Line, sort: Sort) -> int:
    return {"flops": line.flops or 0, "parameters": line.parameters, "bytes": line.access.values}[sort]


def as_json(report: LayerCosts) -> dict[str, object]:
    """The report as plain data; FLOPs by the counter, bytes of FP32."""
    view = report.view
    return {
        **head_as_json("layers", report.subject),
        "imgsz": list(report.run.input[2:]),
        "counter": counter_as_json(report.charges.convention),
        "fused": report.is_fused,
        "by": view.by,
        "depth": view.depth,
        "total": _sums(report.flops, report.parameters, report.access),
        "lines": [_line(line) for line in report.lines],
        "others": _others(report.others),
        "operators": [_operation(operation) for operation in report.operations],
        **({"stride_scaled": scaled_as_json(report.scaled)} if report.scaled else {}),
        "memory": _memory(report),
        "guidelines": [_guideline(guideline) for guideline in report.guidelines],
        "uncounted": uncounted_as_json(report.charges.uncounted),
        **packed_as_json(packed_weights(report.root)),
        **rules_as_json(report.rules, report.run),
    }


def _sums(flops: int | None, parameters: int, access: Access) -> dict[str, object]:
    moved = access.values * BYTES
    return {
        "flops": flops,
        "parameters": parameters,
        "memory_access_cost": access.values,
        "bytes": moved,
        "flops_per_byte": round(flops / moved, 4) if flops is not None and moved else None,
    }


def _line(line: Line) -> dict[str, object]:
    return {
        "name": line.name,
        "class": line.kind,
        "count": line.count,
        "inputs": [list(shape) for shape in line.inputs],
        "outputs": [list(shape) for shape in line.outputs],
        **_sums(line.flops, line.parameters, line.access),
        "fused": line.fused,
        "unfused": line.unfused,
        "formulas": [{"term": each.term, "formula": each.text, "flops": each.value} for each in line.arithmetic],
    }


def _others(lines: Sequence[Line]) -> dict[str, object] | None:
    if not lines:
        return None
    flops, parameters = added(line.flops for line in lines), sum(line.parameters for line in lines)
    return {"count": len(lines), **_sums(flops, parameters, total(line.access for line in lines))}


def _operation(operation: Operation) -> dict[str, object]:
    record, cost = operation.record, operation.access
    return {
        "operator": record.operator,
        "path": record.path,
        "class": record.kind,
        "inputs": [list(shape) for shape in record.inputs],
        "output": list(record.output),
        "weight": list(record.weight),
        "groups": record.options.get("groups"),
        **_sums(operation.flops, operation.parameters, cost),
        "read": cost.read,
        "written": cost.written,
        "weights": cost.weights,
        "formulas": [{"term": each.term, "formula": str(each), "flops": each.value} for each in operation.products],
    }


def _memory(report: LayerCosts) -> dict[str, object]:
    found = report.activations
    head: dict[str, object] = {"dtype": "float32", "weights_bytes": report.parameters * BYTES}
    if found is None:
        return head | {"activations_bytes": None, "peak": None}
    held = [{"path": each.path, "shape": list(each.shape), "bytes": each.values * BYTES} for each in found.held]
    peak = {"bytes": found.peak * BYTES, "path": found.path, "operator": found.operator, "tensors": held}
    made_by = {path: values * BYTES for path, values in found.made_by.items()}
    return head | {
        "activations_bytes": found.made * BYTES,
        "activations_bytes_by_module": made_by,
        "peak": peak,
        "not_followed": list(found.unfollowed),
    }


def _guideline(guideline: Guideline) -> dict[str, object]:
    return {
        "name": guideline.name,
        "title": guideline.title,
        "checked": guideline.checked,
        "concerned": guideline.concerned,
        "rows": list(guideline.rows),
        "flops": guideline.flops,
        "memory_access_cost": guideline.values,
        **guideline.details,
    }

"""A training's moments as plain data, for ``probe.json``: what was measured at each, so that it can be told again."""

from __future__ import annotations

from collections.abc import Sequence

from yolo_probe.hosts.summary_line import LineForm
from yolo_probe.model.structure import Module, named_parameters
from yolo_probe.reports.fuse_diff import FuseDiff, as_json
from yolo_probe.reports.gradients import mechanisms_as_json
from yolo_probe.reports.mechanisms import decide, known_of
from yolo_probe.reports.question import State
from yolo_probe.reports.schema import SCHEMA
from yolo_probe.training.moments import Change, Start, Validation, places_of
from yolo_probe.training.output_drift import Moved

Moment = Start | Validation | Change


def run_as_json(
    form: LineForm, moments: Sequence[Moment], report: FuseDiff | None, moved: Moved | None
) -> dict[str, object]:
    """The report of a training as far as it has come; ``events`` holds its moments in order."""
    head = as_json(report) if report else {"schema": SCHEMA, "command": "train"}
    end = [_end(report, moved, form)] if report else []
    return head | {"events": [*(_moment(each, form) for each in moments), *end]}


def _moment(moment: Moment, form: LineForm) -> dict[str, object]:
    if isinstance(moment, Start):
        return _start(moment, form)
    return _validation(moment, form) if isinstance(moment, Validation) else _change(moment, form)


def _start(start: Start, form: LineForm) -> dict[str, object]:
    return {
        "event": "start",
        "host_line": start.printed and start.printed.line.text,
        "training": _numbers(start.training, form),
        "mechanisms": mechanisms_as_json(start.decisions),
        "imgsz": list(start.imgsz),
        "flops_at_imgsz": start.flops,
        "freeze": start.freeze or None,
        "frozen_rows": list(start.rows),
        "frozen_parameters": start.training.summary.parameters - start.training.summary.gradients,
        "moving_batch_norms": list(start.moving),
        "not_in_optimizer": list(start.unheld),
        "fuse": {"merges": start.merges, "fails": start.fuse_fails or None},
    }


def _validation(validation: Validation, form: LineForm) -> dict[str, object]:
    return {
        "event": "validation",
        "copy": "ema" if validation.is_ema else "model",
        "fused": validation.is_fused,
        "validated": _numbers(validation.state, form),
        "mechanisms": mechanisms_as_json(validation.decisions),
    }


def _change(change: Change, form: LineForm) -> dict[str, object]:
    root = change.training.root
    return {
        "event": "change",
        "epoch": change.epoch,
        "training": _numbers(change.training, form),
        "mechanisms": mechanisms_as_json(change.decisions),
        "gradients_before": change.before,
        "train_now": _place(change.started, root),
        "train_no_more": _place(change.stopped, root),
        "not_in_optimizer": list(change.unheld),
    }


def _place(names: frozenset[str], root: Module) -> dict[str, object] | None:
    if not names:
        return None
    size = sum(tensor.numel for name, tensor in named_parameters(root) if name in names)
    return {"where": places_of(names, root), "tensors": len(names), "parameters": size}


def _end(report: FuseDiff, moved: Moved | None, form: LineForm) -> dict[str, object]:
    root = report.validation.root
    return {
        "event": "end",
        "host_line": report.validation.line.text,
        "validated": _numbers(report.validation, form),
        "mechanisms": mechanisms_as_json(decide(root, known_of(report.question.subject))),
        "largest_difference": moved and moved.difference,
        "largest_output": moved and moved.largest,
    }


def _numbers(state: State, form: LineForm) -> dict[str, object]:
    summary = state.summary
    return {
        "layers": form.layer_count(summary.layers),
        "parameters": summary.parameters,
        "gradients": summary.gradients,
        "flops": summary.flops,
    }

"""A training's moments as plain data, for ``probe.json``: what was measured at each, so that it can be told again."""

from __future__ import annotations

from yolo_probe.outputs import Moved
from yolo_probe.report import SCHEMA, FuseDiff, State, as_json
from yolo_probe.structure import named_parameters
from yolo_probe.summary import LineForm
from yolo_probe.training import Start, Validation


def run_as_json(
    form: LineForm, start: Start | None, validation: Validation | None, report: FuseDiff | None, moved: Moved | None
) -> dict[str, object]:
    """The report of a training as far as it has come; ``events`` holds its moments in order."""
    head = as_json(report) if report else {"schema": SCHEMA, "command": "train"}
    moments = [
        *([_start(start, form)] if start else []),
        *([_validation(validation, form)] if validation else []),
        *([_end(report, moved, form)] if report else []),
    ]
    return head | {"events": moments}


def _start(start: Start, form: LineForm) -> dict[str, object]:
    sizes = {name: tensor.numel for name, tensor in named_parameters(start.training.root)}
    return {
        "event": "start",
        "host_line": start.printed and start.printed.line.text,
        "training": _numbers(start.training, form),
        "imgsz": list(start.imgsz),
        "flops_at_imgsz": start.flops,
        "freeze": start.freeze or None,
        "frozen_rows": list(start.rows),
        "frozen_parameters": sum(sizes[name] for name in start.frozen),
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
    }


def _end(report: FuseDiff, moved: Moved | None, form: LineForm) -> dict[str, object]:
    return {
        "event": "end",
        "host_line": report.validation.line.text,
        "validated": _numbers(report.validation, form),
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

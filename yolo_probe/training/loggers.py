"""The four numbers, written once into the loggers that a run already uses, through the host's own objects.

Classic YOLOv5 keeps its loggers as attributes of one object; ultralytics has a module for each, whose functions are
among the trainer's callbacks. Nothing is imported, configured or started here: a logger that the host does not use, or
that has no active run, gets nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from yolo_probe.hosts.summary_line import LineForm
from yolo_probe.reports.question import State

Scalars = Mapping[str, float | int]
"""Values by the name under which a logger shows them."""


def scalars_of(state: State, form: LineForm, suffix: str = "") -> dict[str, float | int]:
    """The four numbers by name, ``model/layers`` and so on; without GFLOPs if they are not known.

    ``model/GFLOPs`` is the figure of the host's line, as ultralytics logs it: for 640x640, found in the host's own way.
    Where the line has none, ``model/GFLOPs_counted`` is that of the forward pass of such an image.
    """
    summary = state.summary
    values: dict[str, float | int] = {
        f"model/parameters{suffix}": summary.parameters,
        f"model/gradients{suffix}": summary.gradients,
        f"model/layers{suffix}": form.layer_count(summary.layers),
    }
    if state.line.gflops is not None:
        return values | {f"model/GFLOPs{suffix}": state.line.gflops}
    return values if summary.flops is None else values | {f"model/GFLOPs_counted{suffix}": summary.flops / 1e9}


@dataclass(frozen=True, slots=True)
class Sink:
    """One logger of a run."""

    name: str
    """Its product name: ``TensorBoard``."""
    find: Callable[[], Any]
    """Returns the object to write to; None if there is no active run."""
    put: Callable[[Any, Scalars, int], object]

    def write(self, values: Scalars, step: int) -> bool:
        """Whether there was an active run; if so, the values are written to it.

        Raises: whatever the logger raises.
        """
        run = self.find()
        if run is None:
            return False
        self.put(run, values, step)
        return True


def sinks_of(source: object) -> Iterator[Sink]:
    """Every logger that the host uses for a run.

    ``source``: classic ``Loggers``, ``GenericLogger`` or the ``Callbacks`` that one is registered with, or an
    ultralytics trainer.
    """
    registered = getattr(source, "callbacks", None)
    if isinstance(registered, Mapping):
        yield from _of_trainer(registered)
        return
    actions = getattr(source, "_callbacks", None)
    if isinstance(actions, Mapping):
        owners = [getattr(action["callback"], "__self__", None) for hook in actions.values() for action in hook]
        for loggers in {id(owner): owner for owner in owners if hasattr(owner, "tb")}.values():
            yield from _of_loggers(loggers)
        return
    yield from _of_loggers(source)


def _of_loggers(loggers: object) -> Iterator[Sink]:
    """The loggers that a classic host has switched on."""
    for attribute, (name, find, put) in _CLASSIC.items():
        logger = getattr(loggers, attribute, None)
        if logger:
            yield Sink(name, partial(find, logger), put)


def _of_trainer(callbacks: Mapping[str, Any]) -> Iterator[Sink]:
    """The integrations of ultralytics whose functions are among a trainer's callbacks."""
    homes = {getattr(function, "__module__", "") for functions in callbacks.values() for function in functions}
    for home, (name, find, put) in _INTEGRATIONS.items():
        for package in ("ultralytics.utils", "ultralytics.yolo.utils"):  # the second to 8.0.135
            module = sys.modules.get(f"{package}.callbacks.{home}")
            if module is not None and module.__name__ in homes:
                yield Sink(name, partial(find, module), put)


def _add_scalars(writer: Any, values: Scalars, step: int) -> None:
    for name, value in values.items():
        writer.add_scalar(name, value, step)


def _update_summary(run: Any, values: Scalars, _step: int) -> None:
    # run.log would advance the step that the host counts by
    run.summary.update(dict(values))


def _report_values(task: Any, values: Scalars, _step: int) -> None:
    for name, value in values.items():
        task.get_logger().report_single_value(name, value)


def _log_metrics(run: Any, values: Scalars, step: int) -> None:
    run.log_metrics(dict(values), step=step)


def _add_to_summary(live: Any, values: Scalars, _step: int) -> None:
    for name, value in values.items():
        live.log_metric(name, value, plot=False)
    live.make_summary()


_Kind = tuple[str, Callable[[Any], Any], Callable[[Any, Scalars, int], object]]

_CLASSIC: Mapping[str, _Kind] = {
    "tb": ("TensorBoard", lambda writer: writer, _add_scalars),
    # GenericLogger has the run itself
    "wandb": ("W&B", lambda logger: getattr(logger, "wandb_run", logger), _update_summary),
    "clearml": ("ClearML", lambda logger: logger.task, _report_values),
    "comet_logger": ("Comet", lambda logger: logger.experiment, _log_metrics),
}
"""By attribute of the host's object: product name, function that finds the object to write to, function that writes."""


def _tensorboard_writer(module: Any) -> Any:
    """What ultralytics writes to; in lower case to 8.0.195."""
    return module.WRITER if hasattr(module, "WRITER") else module.writer


_INTEGRATIONS: Mapping[str, _Kind] = {
    "tensorboard": ("TensorBoard", _tensorboard_writer, _add_scalars),
    "wb": ("W&B", lambda module: module.wb.run, _update_summary),
    "clearml": ("ClearML", lambda module: module.Task.current_task(), _report_values),
    "comet": ("Comet", lambda module: module.comet_ml.get_running_experiment(), _log_metrics),
    "dvc": ("DVCLive", lambda module: module.live, _add_to_summary),
    "mlflow": ("MLflow", lambda module: module.mlflow if module.mlflow.active_run() else None, _log_metrics),
}
"""The same by module of ultralytics.utils.callbacks."""

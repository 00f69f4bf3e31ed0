"""Unit: which loggers of a run are written to, and what; the real loggers are in oracles/test_loggers.py."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType, SimpleNamespace

import pytest

from tests.environments import ROOT
from tests.networks import difference
from yolo_probe.training.loggers import scalars_of, sinks_of

VALUES = {"model/layers": 214, "model/GFLOPs": 4.25}


@dataclass
class Kept:
    """Keeps what is written in the way of each service's client; ClearML's offline mode takes too long for a test."""

    values: dict[str, float | int] = field(default_factory=dict)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.values[name] = value

    def report_single_value(self, name: str, value: float) -> None:
        self.values[name] = value

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        self.values.update(values)

    def get_logger(self) -> Kept:
        return self


@dataclass
class Failing:
    """A writer whose disk is full."""

    def add_scalar(self, name: str, value: float, step: int) -> None:
        raise OSError("no space left")


def classic(**loggers: object) -> SimpleNamespace:
    """The loggers of classic YOLOv5, which are None where it does not use them."""
    return SimpleNamespace(**{"tb": None, "wandb": None, "clearml": None, "comet_logger": None, "csv": True} | loggers)


def test_the_four_numbers_have_the_names_that_ultralytics_gives_them() -> None:
    report = difference("yolov5n")
    form = report.question.subject.origin.form
    assert scalars_of(report.training, form) == {
        "model/parameters": 1_872_157,
        "model/gradients": 1_872_157,
        "model/layers": 125,
        "model/GFLOPs": report.training.line.gflops,
    }
    fused = scalars_of(report.validation, form, "_fused")
    assert (fused["model/layers_fused"], fused["model/parameters_fused"]) == (68, 1_867_405)


def test_gflops_that_the_host_leaves_out_are_counted_under_a_name_of_their_own() -> None:
    report = difference("yolov5n")
    form = report.question.subject.origin.form
    silent = replace(report.training, line=replace(report.training.line, gflops=None))
    unknown = replace(silent, summary=replace(silent.summary, flops=None))
    assert scalars_of(silent, form, "_fused")["model/GFLOPs_counted_fused"] == 4_562_739_200 / 1e9
    assert "model/GFLOPs" not in scalars_of(silent, form)
    assert not any("GFLOPs" in name for name in scalars_of(unknown, form))


def test_clearml_and_comet_of_classic_yolov5_are_written_to() -> None:
    task, experiment = Kept(), Kept()
    loggers = classic(clearml=SimpleNamespace(task=task), comet_logger=SimpleNamespace(experiment=experiment))
    assert [(sink.name, sink.write(VALUES, 0)) for sink in sinks_of(loggers)] == [("ClearML", True), ("Comet", True)]
    assert task.values == experiment.values == VALUES


def test_loggers_are_found_once_through_the_callbacks_that_they_are_registered_with() -> None:
    class Loggers(SimpleNamespace):
        def on_train_start(self) -> None: ...

        def on_train_end(self) -> None: ...

    loggers = Loggers(tb=Kept())
    actions = [{"name": "", "callback": print}, {"name": "", "callback": loggers.on_train_start}]
    callbacks = SimpleNamespace(_callbacks={"a": actions, "b": [{"name": "", "callback": loggers.on_train_end}]})
    assert [sink.name for sink in sinks_of(callbacks)] == ["TensorBoard"]


def test_one_that_fails_says_so_and_keeps_no_other_from_being_written() -> None:
    experiment = Kept()
    first, second = sinks_of(classic(tb=Failing(), comet_logger=SimpleNamespace(experiment=experiment)))
    with pytest.raises(OSError, match="no space left"):
        first.write(VALUES, 0)
    assert second.write(VALUES, 0)
    assert experiment.values == VALUES


def test_a_logger_without_a_run_is_left_alone() -> None:
    (sink,) = sinks_of(classic(wandb=SimpleNamespace(wandb_run=None)))
    assert (sink.name, sink.write(VALUES, 0)) == ("W&B", False)


@pytest.mark.parametrize("source", [None, object(), SimpleNamespace(), SimpleNamespace(callbacks={}), classic()])
def test_where_a_run_uses_no_logger_there_is_none(source: object) -> None:
    assert list(sinks_of(source)) == []


def test_only_integrations_among_the_trainers_callbacks_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Kept()
    for home in ("clearml", "tensorboard"):
        module = ModuleType(f"ultralytics.utils.callbacks.{home}")
        module.__dict__.update(Task=SimpleNamespace(current_task=lambda: task), WRITER=Kept())
        monkeypatch.setitem(sys.modules, module.__name__, module)

    def on_train_end(trainer: object) -> None: ...

    on_train_end.__module__ = "ultralytics.utils.callbacks.clearml"
    trainer = SimpleNamespace(callbacks={"on_train_end": [on_train_end, print], "teardown": []})
    assert [(sink.name, sink.write(VALUES, 0)) for sink in sinks_of(trainer)] == [("ClearML", True)]
    assert task.values == VALUES


def test_looking_for_loggers_imports_nothing() -> None:
    script = (
        "import sys\n"
        "from types import SimpleNamespace as Some\n"
        "from yolo_probe.training.loggers import sinks_of\n"
        "before = set(sys.modules)\n"
        "for source in (None, Some(tb=None, wandb=None), Some(callbacks={'a': [print]})):\n"
        "    assert not list(sinks_of(source))\n"
        "assert set(sys.modules) == before\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)

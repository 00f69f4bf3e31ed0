"""Unit: the JSON schema, and what of a checkpoint decides a report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.networks import counter, difference, question
from yolo_probe.hosts.subject import Saved, Subject
from yolo_probe.hosts.target import resolve
from yolo_probe.model.freezing import with_gradients
from yolo_probe.model.fusion import fuse
from yolo_probe.model.structure import Module, count_gradients, count_layers
from yolo_probe.render.text import render
from yolo_probe.reports.fuse_diff import as_json, fuse_diff
from yolo_probe.reports.info import as_json as info_as_json
from yolo_probe.reports.info import info
from yolo_probe.reports.layers import View, layer_costs
from yolo_probe.reports.question import Question

STRIPPED = Saved("model", -1, False, True, False, "FP16", ())


def saved_subject(saved: Saved, trains: bool) -> Subject:
    """yolov5n with two classes, as if read from a checkpoint."""
    subject = resolve("yolov5n@v7.0", classes=2)
    return replace(subject, kind="checkpoint", saved=saved, root=with_gradients(subject.root, trains))


def report_of(saved: Saved, trains: bool = False) -> dict[str, list[tuple[str, int]]]:
    """Cause and amount of each entry in the gradients ledger, and the ledger's end."""
    ledger = fuse_diff(Question(saved_subject(saved, trains), (640, 640), counter())).gradients
    assert ledger.unexplained == 0
    return {"entries": [(entry.cause, entry.amount) for entry in ledger.entries], "after": [("", ledger.after)]}


def test_a_fuse_diff_has_the_schema_of_version_1() -> None:
    data = as_json(difference("yolov5n@v7.0"))
    assert data == data | {
        "schema": 1,
        "command": "fuse-diff",
        "target": {
            "kind": "name",
            "path": None,
            "network": "yolov5n",
            "classes": 80,
            "host": {"generation": "v7.0", "evidence": ["--host v7.0"], "alternatives": []},
        },
        "imgsz": [640, 640],
        "counter": {"name": "ultralytics-thop-2.2", "unit": "FLOPs"},
        "training": {
            "layers": 214,
            "layers_by_definition": {"modules": 214, "leaf_modules": 125, "parameter_tensors": 177},
            "parameters": 1_872_157,
            "gradients": 1_872_157,
            "flops": 2 * 2_281_369_600,
        },
        "validation": {
            "layers": 157,
            "layers_by_definition": {"modules": 157, "leaf_modules": 68, "parameter_tensors": 120},
            "parameters": 1_867_405,
            "gradients": 0,
            "flops": 2 * 2_234_060_800,
        },
        "host_lines": {
            "training": "YOLOv5n summary: 214 layers, 1872157 parameters, 1872157 gradients, 4.6 GFLOPs",
            "validation": "YOLOv5n summary: 157 layers, 1867405 parameters, 0 gradients, 4.5 GFLOPs",
        },
    }
    assert isinstance(data["ledger"], dict)
    assert list(data["ledger"]) == ["layers", "parameters", "gradients", "flops"]
    layers = data["ledger"]["layers"]
    assert (layers["before"], layers["after"], layers["unexplained"]) == (214, 157, 0)
    assert list(layers["entries"][0]) == ["cause", "count", "amount", "arithmetic", "why", "during_training"]


def test_an_info_has_one_summary_and_one_line() -> None:
    data = info_as_json(info(question("yolov5n", (1280, 1280)), fused=False))
    assert list(data) == ["schema", "command", "target", "imgsz", "counter", "summary", "line", "uncounted"]
    assert data["command"] == "info"
    assert data["summary"] == data["summary"] | {"flops": 4 * 2 * 2_281_369_600, "layers": 125}  # type: ignore[operator]
    assert data["line"] == "YOLOv5n summary: 125 layers, 1,872,157 parameters, 1,872,157 gradients, 18.3 GFLOPs"


def test_a_stripped_file_has_its_gradients_from_strip_optimizer() -> None:
    assert report_of(STRIPPED)["entries"] == [
        ("requires_grad=False, set by strip_optimizer()", -1_766_623),
        ("fuse()", 0),
    ]


def test_an_unstripped_file_has_them_from_the_ema_copy() -> None:
    saved = Saved("ema", 0, True, True, True, "FP16", ())
    assert report_of(saved)["entries"] == [("requires_grad=False, set by ModelEMA", -1_766_623), ("fuse()", 0)]


def test_recorded_freezing_comes_first_and_takes_its_own_rows() -> None:
    saved = replace(STRIPPED, freeze=tuple(range(10)), freeze_option="--freeze 10")
    assert report_of(saved)["entries"] == [
        ("--freeze 10", -1_046_368),
        ("requires_grad=False, set by strip_optimizer()", -720_255),
        ("fuse()", 0),
    ]


def test_a_trainable_model_without_ema_shows_what_val_py_prints_and_what_autograd_changes() -> None:
    saved = Saved("model", 0, True, True, False, "FP32", ())
    ledger = report_of(saved, trains=True)
    assert ledger["entries"] == [("fuse()", -(1_766_623 - 9_471))]
    assert ledger["after"] == [("", 9_471)]
    report = fuse_diff(Question(saved_subject(saved, trains=True), (640, 640), counter()))
    assert report.gradients_with_autograd == 1_761_871


def test_a_class_that_is_not_known_leaves_flops_and_lines_open_and_the_rest_exact() -> None:
    subject = saved_subject(STRIPPED, trains=False)
    rows = subject.root.child("model")
    strange = replace(rows.child("9"), class_path="models.common.Strange")
    root = replace(subject.root, children={"model": replace(rows, children={**rows.children, "9": strange})})
    unknown = replace(subject, root=root, unknown=(("model.9", "models.common.Strange"),))
    data = as_json(fuse_diff(Question(unknown, (640, 640), counter())))
    assert data["training"] == data["training"] | {"layers": 214, "parameters": 1_766_623, "flops": None}  # type: ignore[operator]
    assert data["host_lines"] == {"training": None, "validation": None}
    assert data["ledger"]["flops"] is None  # type: ignore[index]
    assert data["unknown_modules"] == [{"path": "model.9", "class": "models.common.Strange"}]


def test_a_class_that_may_be_a_conv_is_not_guessed_at() -> None:
    subject = saved_subject(STRIPPED, trains=False)
    odd = Module("models.common.Conv2", children=dict(subject.root.child("model").child("0").children))
    rows = subject.root.child("model")
    root = replace(subject.root, children={"model": replace(rows, children={**rows.children, "0": odd})})
    unknown = replace(subject, root=root, unknown=(("model.0", "models.common.Conv2"),))
    report = fuse_diff(Question(unknown, (640, 640), counter()))
    assert "model.0" not in {merge.path for merge in report.fusion.merges}
    assert as_json(report)["validation"]["known"] is False  # type: ignore[index]
    assert "if its fuse() merges only Conv with BatchNorm" in " ".join(render(report).split())
    data = info_as_json(info(Question(unknown, (640, 640), counter()), fused=False))
    assert data["summary"] == data["summary"] | {"layers": 214, "parameters": 1_766_623, "gradients": 0, "flops": None}  # type: ignore[operator]
    assert data["unknown_modules"] == [{"path": "model.0", "class": "models.common.Conv2"}]


@pytest.mark.parametrize("trains", [False, True])
def test_a_file_saved_after_fuse_has_its_training_column_rebuilt(trains: bool) -> None:
    subject = saved_subject(STRIPPED, trains)
    fused = replace(subject, root=fuse(subject.root, grad_enabled=True).root)
    report = fuse_diff(Question(fused, (640, 640), counter()))
    assert report.saved_fused
    assert report.balanced
    assert report.training.line.text == fuse_diff(Question(subject, (640, 640), counter())).training.line.text
    assert report.validation.summary.layers == count_layers(fused.root)
    assert report.validation.summary.gradients == count_gradients(fused.root) == (1_761_871 if trains else 0)


@pytest.mark.parametrize("name", ["yolov5n", "yolov5-fpn@v6.0"])
def test_a_file_saved_after_fuse_is_told_as_fused(name: str) -> None:
    subject = resolve(name)
    fused = replace(subject, root=fuse(subject.root, grad_enabled=False).root)
    for asked, words in ((subject, "not fused"), (fused, "fused")):
        asking = Question(asked, (640, 640), counter())
        assert f", {words}" in render(info(asking, fused=False)).splitlines()[0]
        assert layer_costs(asking, View()).is_fused is (asked is fused)

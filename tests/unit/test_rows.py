"""Unit: what each row of a network costs, and that the rows add up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.exhaustive import exhaustively
from tests.networks import difference
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module, Tensor
from yolo_probe.model.trace import Trace
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.row_costs import Cost, rows_of

CONVOLUTION = Module("torch.nn.modules.conv.Conv2d", parameters={"weight": Tensor((4, 3, 1, 1))})
LINEAR = Module("torch.nn.modules.linear.Linear", parameters={"weight": Tensor((2, 4)), "bias": Tensor((2,))})
STAGE = Module("torch.nn.modules.container.Sequential", children={"0": CONVOLUTION, "1": CONVOLUTION, "2": LINEAR})


def report_on(root: Module, *records: OpRecord) -> FuseDiff:
    """A report whose two states are this network, unfused."""
    report = difference("yolov5n")
    state = replace(report.training, root=root, run=Trace((1, 3, 8, 8), records, (1, 2)))
    return replace(report, training=state, validation=state)


@pytest.mark.parametrize(
    "target", exhaustively(["yolov5n", "yolov5x6", "yolov5s-seg", "yolov5-fpn@v6.0", "yolov5s-transformer@v6.1"])
)
@pytest.mark.parametrize("counter", ["ultralytics-thop-2.2", "thop-0.1", "thop-2019", "torch"])
def test_rows_add_up_to_the_totals_exactly(target: str, counter: str) -> None:
    report = difference(target, name=counter)
    rows = rows_of(report)
    assert report.flops
    assert sum(row.training.parameters for row in rows) == report.parameters.before
    assert sum(row.validation.parameters for row in rows) == report.parameters.after
    assert sum(row.training.flops or 0 for row in rows) == report.flops.before
    assert sum(row.validation.flops or 0 for row in rows) == report.flops.after


def test_rows_have_the_names_and_classes_of_the_hosts_list() -> None:
    rows = rows_of(difference("yolov5n"))
    assert [(row.name, row.kind) for row in rows[:3]] == [("0", "Conv"), ("1", "Conv"), ("2", "C3")]
    assert (rows[11].kind, rows[11].training, rows[24].kind) == ("Upsample", Cost(0, 0), "Detect")
    conv, norm = 3 * 16 * 6 * 6, 2 * 16
    pixels = 320 * 320
    assert rows[0].training == Cost(2 * conv * pixels + 8 * 16 * pixels, conv + norm)
    assert rows[0].validation == Cost(2 * conv * pixels, conv + 16)


def test_a_model_without_a_list_of_rows_has_its_children_as_rows() -> None:
    root = Module("torchvision.models.resnet.ResNet", children={"stage": STAGE, "fc": LINEAR, "none": None})
    rows = rows_of(report_on(root))
    assert [(row.name, row.kind) for row in rows] == [("stage", "Sequential"), ("fc", "Linear")]
    assert [row.training.parameters for row in rows] == [12 + 10, 0]  # a shared tensor counts where it is first


def test_an_only_child_is_opened_as_far_as_it_has_children() -> None:
    rows = rows_of(report_on(Module("a.Net", children={"body": Module("a.Body", children={"stage": STAGE})})))
    assert [row.name for row in rows] == ["0", "1", "2"]
    assert [row.name for row in rows_of(report_on(Module("a.Net", children={"only": LINEAR})))] == ["only"]
    assert rows_of(report_on(Module("a.Net"))) == ()


def test_what_belongs_to_no_row_is_a_row_of_its_own() -> None:
    root = Module("a.Net", parameters={"token": Tensor((1, 1, 5))}, children={"model": STAGE, "model2": LINEAR})
    matmul = OpRecord("matmul", "", "a.Net", ((1, 4, 8), (1, 8, 2)), (1, 4, 2), functional=True)
    free = OpRecord("cat", "model.0", "a.Net", ((1, 4),), (1, 4))
    rows = rows_of(report_on(root, matmul, free))
    assert [(row.name, row.kind) for row in rows] == [("0", "Conv2d"), ("1", "Conv2d"), ("2", "Linear"), ("", "other")]
    assert rows[-1].training == Cost(2 * 4 * 8 * 2, 5)


def test_a_network_that_cannot_be_followed_has_parameters_alone() -> None:
    report = difference("yolov5n")
    training, validation = (replace(state, run=None) for state in (report.training, report.validation))
    rows = rows_of(replace(report, training=training, validation=validation, flops=None))
    assert sum(row.training.parameters for row in rows) == report.parameters.before
    assert {row.training.flops for row in rows} == {None}

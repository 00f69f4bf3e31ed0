"""Unit: the four numbers of a state, and the lines that hosts make of them."""

from __future__ import annotations

import pytest

from tests.networks import counter, difference, question
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.hosts.images import rounded_size
from yolo_probe.hosts.summary_line import FORMS, HostLine, host_line
from yolo_probe.hosts.target import resolve
from yolo_probe.model.structure import LayerCounts
from yolo_probe.reports.info import info
from yolo_probe.reports.question import Question


def line(target: str, name: str | None = None, size: tuple[int, int] = (640, 640)) -> HostLine:
    """What ``model.info()`` prints of a new network."""
    subject = resolve(target)
    convention = counter(name).of_host
    return host_line(subject.root, subject.origin.form, convention, subject.stride, size, built=True)


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("yolov5s@v5.0", "Model Summary: 283 layers, 7276605 parameters, 7276605 gradients, 17.2 GFLOPS"),
        ("yolov5s@v6.0", "Model Summary: 270 layers, 7235389 parameters, 7235389 gradients, 16.6 GFLOPs"),
        ("yolov5s@v6.1", "Model Summary: 270 layers, 7235389 parameters, 7235389 gradients, 16.6 GFLOPs"),
        ("yolov5s@v6.2", "YOLOv5s summary: 270 layers, 7235389 parameters, 7235389 gradients, 16.6 GFLOPs"),
        ("yolov5s@v7.0", "YOLOv5s summary: 214 layers, 7235389 parameters, 7235389 gradients, 16.6 GFLOPs"),
        ("yolov5s@head", "YOLOv5s summary: 125 layers, 7,235,389 parameters, 7,235,389 gradients, 16.6 GFLOPs"),
        ("yolov3-tiny@v7.0", "yolov3-tiny summary: 49 layers, 8852366 parameters, 8852366 gradients, 13.3 GFLOPs"),
        ("yolov3-tiny@head", "YOLOv3-tiny summary: 34 layers, 8,852,366 parameters, 8,852,366 gradients, 13.3 GFLOPs"),
    ],
)
def test_each_generation_prints_its_own_line(target: str, text: str) -> None:
    assert line(target).text == text


def test_layers_are_counted_by_three_definitions() -> None:
    assert difference("yolov5s@v7.0").training.summary.layers == LayerCounts(214, 125, 177)
    assert difference("yolov5s@v6.1").validation.summary.layers == LayerCounts(213, 124, 120)


def test_a_line_is_for_640_whatever_the_size_that_is_counted() -> None:
    small = difference("yolov5n", (320, 320)).training
    assert small.line.text == line("yolov5n").text
    assert small.summary.flops == 4_562_739_200 // 4


def test_info_asks_the_host_for_the_size() -> None:
    state = info(question("yolov5n", (1280, 640)), fused=False).state
    assert state.line.size == (1280, 640)
    assert state.line.gflops == 2 * 4_562_739_200 / 1e9


def test_attention_is_scaled_by_area_to_v7_0_and_fitted_with_a_square_by_head() -> None:
    old, head = difference("yolov5s-transformer@v7.0").training, difference("yolov5s-transformer").training
    assert old.summary.flops == head.summary.flops == 2 * 8_394_417_600
    assert head.line.gflops == 2 * 8_394_417_600 / 1e9
    # one cell of 32x32 holds one position: projections and 2 S - 1 of softmax grow with the area, the rest is lost
    lost = 2 * 400 * 400 * 256 - 400 * 2 * 256 + 4 * (400 * (3 * 400 - 1) - 400 * 2)
    assert round((old.line.gflops or 0) * 1e9) == 2 * (8_394_417_600 - lost)


def test_head_prints_no_gflops_with_a_thop_that_cannot_extrapolate() -> None:
    printed = line("yolov5s", "thop-0.0.31")
    assert printed.text == "YOLOv5s summary: 125 layers, 7,235,389 parameters, 7,235,389 gradients"
    assert printed.missing == "YOLOv5 HEAD calls thop.profile(stride=...), which thop 0.0.31 does not know"


@pytest.mark.parametrize("counter", ["ultralytics-thop-2.1.2", "ultralytics-thop-2.1.3"])
def test_a_thop_that_extrapolates_in_another_way_is_not_said_to_fail(counter: str) -> None:
    printed = line("yolov5s", counter)
    assert (printed.text, printed.missing) == (None, "")
    assert printed.unknown.startswith("as ultralytics-thop 2.1")


def test_from_v6_2_on_a_network_that_begins_with_focus_has_no_gflops() -> None:
    subject = resolve("yolov5s@v5.0")
    convention = CONVENTIONS["thop-0.1"]
    printed = host_line(subject.root, FORMS["v7.0"], convention, subject.stride, built=True)
    assert printed.gflops is None
    assert "model.0.conv.conv: conv2d: found 48 input channels, expected 12" in printed.missing


def test_a_host_counts_with_thop_even_where_torch_was_asked_for() -> None:
    report = difference("yolov5s", name="torch")
    assert report.training.summary.flops == report.validation.summary.flops == 2 * 8_216_780_800
    assert report.training.line.text == line("yolov5s").text


@pytest.mark.parametrize(
    ("size", "stride", "rounded"),
    [((640, 640), 32, (640, 640)), ((100, 333), 32, (128, 352)), ((1, 65), 64, (64, 128))],
)
def test_a_size_is_rounded_up_to_the_stride(size: tuple[int, int], stride: int, rounded: tuple[int, int]) -> None:
    assert rounded_size(size, stride) == rounded


def test_a_report_counts_at_the_rounded_size() -> None:
    asked = Question(resolve("yolov5n"), (300, 300), counter())
    assert asked.size == (320, 320)
    assert info(asked, fused=True).state.summary.flops == difference("yolov5n", (320, 320)).validation.summary.flops

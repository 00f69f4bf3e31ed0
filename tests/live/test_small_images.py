"""Figures that hosts find from small images, beside the direct count of a live model, and the modules between them."""

from __future__ import annotations

import logging

import pytest
from torch import nn

import yolo_probe
from tests.fixed_sizes import Attention, Classifier, FixedPooling, PaddedWindows
from yolo_probe.hosts.known_functions import KnownFunction
from yolo_probe.hosts.summary_line import FORMS
from yolo_probe.live.live import Live
from yolo_probe.model.structure import Shape
from yolo_probe.model.trace import Trace
from yolo_probe.training import dropin

HEAD = 14 * 14 * 9 * (32 * 64 + 64 * 64)
"""MACs of the convolutions behind the pooling, for an image of any size."""
STEM = 160 * 160 * 32 * 3 * 4 * 4


@pytest.fixture
def classic(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of no host is printed as by YOLOv5 v7.0."""
    monkeypatch.setattr(dropin, "_HEAD", KnownFunction(FORMS["v7.0"], table=True))


def remarks(model: nn.Module, caplog: pytest.LogCaptureFixture, imgsz: int = 640) -> list[str]:
    """What stands below the line."""
    caplog.clear()
    with caplog.at_level(logging.INFO):
        yolo_probe.model_info(model, imgsz=imgsz)
    return caplog.messages[1:]


def test_a_fixed_cost_that_is_multiplied_by_the_area_is_named_with_its_modules(
    caplog: pytest.LogCaptureFixture,
) -> None:
    small = 2 * (STEM // 400 + HEAD)
    assert remarks(FixedPooling(), caplog) == [
        "  Counted directly it is 0.1 GFLOPs, not 8.7. The line's figure is one cell, an image of 32x32, "
        f"{small:,} FLOPs, times 400 for the area; the cost of these modules does not grow like that: Conv2d at "
        "head.0, head.1."
    ]
    layers = yolo_probe.explain_layers(FixedPooling(), 640)
    found = layers.report.scaled
    assert found is not None
    assert (found.flops, found.direct) == (400 * small, 2 * (STEM + HEAD))
    assert layers.report.flops == found.direct
    (cause,) = found.errors
    assert (cause.paths, cause.amount) == (("head.0", "head.1"), 399 * 2 * HEAD)
    assert cause.cost is not None
    assert cause.cost.fixed == 2 * HEAD
    text = " ".join(str(layers).split())
    assert f"2 Conv2d: a fixed {2 * HEAD:,}, taken 400 times +{399 * 2 * HEAD:,} unexplained 0" in text
    assert "8.7 GFLOPs, as model_info counts: one cell" in text
    assert "Where: Conv2d at head.0, head.1." in text
    data = layers.as_json()["stride_scaled"]
    assert isinstance(data, dict)
    assert data["error"] == sum(each["amount"] for each in data["causes"]) == 399 * 2 * HEAD


def test_a_series_that_is_continued_wrongly_is_named_too(caplog: pytest.LogCaptureFixture) -> None:
    (said,) = remarks(PaddedWindows(), caplog)
    assert "1.3 GFLOPs, not 1.9. The line's figure is the series of images 32x32 to 32x128, continued to 400" in said
    assert said.endswith("Linear at qkv, out; matmul at the model.")
    found = dropin.scaled_of(PaddedWindows(), (640, 640))
    assert found is not None
    assert found.error == sum(each.amount for each in found.errors)
    result = yolo_probe.model_info(PaddedWindows())
    assert result is not None
    assert result[3] == found.flops / 1e9


@pytest.mark.usefixtures("classic")
def test_what_classic_hosts_alone_get_wrong_is_named_for_them(caplog: pytest.LogCaptureFixture) -> None:
    (said,) = remarks(Classifier(), caplog)
    assert said.endswith("does not grow like that: Linear at 3, 5; AdaptiveAvgPool2d at 1.")
    (said,) = remarks(Attention(), caplog)
    assert said.endswith("matmul at the model.")
    assert "grows with the square of the area" in " ".join(str(yolo_probe.explain_layers(Attention())).split())


def test_nothing_is_said_where_both_print_the_same_or_only_one_is_known(caplog: pytest.LogCaptureFixture) -> None:
    plain = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.SiLU())
    for model in (plain, Attention(), Classifier()):
        assert remarks(model, caplog) == []
        assert yolo_probe.explain_layers(model).report.scaled is None
    assert remarks(FixedPooling(), caplog, 32) == []  # the image is a cell itself
    assert yolo_probe.explain_layers(FixedPooling(), (2, 3, 64, 64)).report.scaled is None  # no line is of two images
    assert yolo_probe.explain_layers(FixedPooling(), counter="torch").report.scaled is None
    assert "stride_scaled" not in yolo_probe.explain_layers(plain, 64).as_json()


def test_a_network_of_torchs_layers_alone_needs_no_second_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Sequential(nn.Conv2d(8, 8, 1), nn.MaxPool2d(2)))
    passes: list[Shape] = []
    real = Live.trace

    def trace(live: Live, image: Shape) -> Trace:
        passes.append(image)
        return real(live, image)

    monkeypatch.setattr(Live, "trace", trace)
    yolo_probe.model_info(plain)
    assert passes == [(1, 3, 32, 32)]

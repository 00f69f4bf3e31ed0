"""Models that torch has quantised: what is counted of them, and the weights that are no parameters."""

from __future__ import annotations

import logging

import pytest
import torch
from torch import nn
from torch.ao import quantization

import yolo_probe
from yolo_probe.live.live import Live
from yolo_probe.model.structure import count_parameters, packed_weights

pytestmark = pytest.mark.filterwarnings("ignore:torch.ao.quantization:DeprecationWarning", "ignore::UserWarning")

CONV, LINEAR = 8 * 3 * 3 * 3 + 8, 10 * 8 + 10
"""Weights and biases of both layers."""


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)).eval()


def dynamic() -> nn.Module:
    """Its linear layer is quantised."""
    return quantization.quantize_dynamic(network(), {nn.Linear})


def static() -> nn.Module:
    """All of its layers are quantised; it has no parameter."""
    engine = next(each for each in torch.backends.quantized.supported_engines if each != "none")
    torch.backends.quantized.engine = engine
    model = nn.Sequential(quantization.QuantStub(), *network(), quantization.DeQuantStub()).eval()
    model.qconfig = quantization.QConfig(
        quantization.MinMaxObserver.with_args(reduce_range=True), quantization.default_weight_observer
    )
    prepared = quantization.prepare(model)
    prepared(torch.rand(2, 3, 16, 16))
    return quantization.convert(prepared)


def test_packed_weights_of_every_quantised_layer_are_those_that_it_had_before() -> None:
    layers = nn.Sequential(
        nn.LSTM(4, 6, num_layers=2, bidirectional=True), nn.GRU(4, 6), nn.LSTMCell(4, 5), nn.GRUCell(4, 5),
        nn.Linear(3, 4, bias=False),
    )  # fmt: skip
    had = {str(place): sum(each.numel() for each in layer.parameters()) for place, layer in enumerate(layers)}
    quantised = quantization.quantize_dynamic(layers, {type(layer) for layer in layers})
    root = Live(quantised).root
    assert (packed_weights(root), count_parameters(root)) == (had, 0)


def test_a_linear_layer_that_is_quantised_is_no_parameter_and_the_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = dynamic()
    with caplog.at_level(logging.INFO):
        result = yolo_probe.model_info(model, imgsz=64)
    assert result is not None
    assert result[1] == sum(each.numel() for each in model.parameters()) == CONV
    said = (
        f"  {LINEAR} weights and biases of quantised modules (4) are not among the parameters: torch keeps them packed"
    )
    assert caplog.messages[-1].startswith(said)
    assert (
        caplog.messages[-2]
        == "  Not counted by ultralytics-thop 2.2, at 64x64: quantized.linear_dynamic at 4 (10 values)."
    )


def test_a_model_without_any_parameter_is_counted_without_what_has_no_rule(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert yolo_probe.model_info(static(), imgsz=64) == (7, 0, 0, 0.0)
    line, missing, left_out, packed = caplog.messages
    assert line == "Model summary: 7 layers, 0 parameters, 0 gradients"
    assert missing.startswith("  No GFLOPs: YOLOv5 takes the image's channels from the first parameter, which has none")
    assert "at 64x64: quantized.conv2d at 1 (30,752 values), quantized.linear at 5 (10 values)" in left_out
    assert packed.startswith(f"  {CONV + LINEAR} weights and biases of quantised modules (1, 5) are not among the ")


def test_every_report_on_a_live_model_names_them() -> None:
    model = static()
    reports = (
        yolo_probe.count_flops(model, 64), yolo_probe.compare_counters(model, 64), yolo_probe.explain_layers(model, 64)
    )  # fmt: skip
    for report in reports:
        words = " ".join(str(report).split())
        assert f"{CONV + LINEAR} weights and biases of quantised modules (1, 5) are not among the parameters" in words
        assert report.as_json()["packed_weights"] == {"1": CONV, "5": LINEAR}
    left_out = {(each.operator, each.path) for each in reports[0].uncounted}
    assert left_out >= {("quantized.conv2d", "1"), ("quantized.linear", "5")}
    assert "packed_weights" not in yolo_probe.count_flops(network(), 64).as_json()

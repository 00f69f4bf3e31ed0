"""Unit: FLOPs by multiplying those of a small image, against the direct count, operator by operator."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from tests.exhaustive import exhaustively
from tests.networks import question
from yolo_probe.cli import cli
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Shape
from yolo_probe.model.trace import Trace
from yolo_probe.render.text import render
from yolo_probe.reports.info import as_json, info
from yolo_probe.reports.stride_scaling import Polynomial, scaled

FVCORE = CONVENTIONS["fvcore"]


def run_of(*makers: Callable[[int, int], OpRecord]) -> Callable[[Shape], Trace]:
    """A forward pass of these operators, each by the image's height and width."""
    return lambda image: Trace(image, tuple(make(*image[2:]) for make in makers), image)


def convolution(h: int, w: int) -> OpRecord:
    return OpRecord("conv2d", "model.0", "nn.Conv2d", ((1, 3, h, w),), (1, 4, h, w), (4, 3, 1, 1), {"bias": False})


def linear(h: int, w: int) -> OpRecord:
    return OpRecord("linear", "model.1", "nn.Linear", ((1, 4),), (1, 10), (10, 4), {"bias": True})


def attention(h: int, w: int) -> OpRecord:
    tokens = (h * w // 1024, 1, 8)
    return OpRecord("multi_head_attention", "model.2", "nn.MultiheadAttention", (tokens,) * 3, tokens, (), {"heads": 2})


def test_a_cost_that_is_proportional_to_the_area_is_exact() -> None:
    found = scaled(run_of(convolution), 3, 32, (64, 96), FVCORE)
    assert (found.cell, found.cells, found.small) == (32, 6, 2 * 3 * 4 * 32 * 32)
    assert (found.flops, found.direct, found.errors) == (2 * 3 * 4 * 64 * 96, 2 * 3 * 4 * 64 * 96, ())


def test_a_fixed_cost_is_taken_once_for_each_cell() -> None:
    found = scaled(run_of(convolution, linear), 3, 16, (64, 96), FVCORE)
    (error,) = found.errors
    assert (error.name, error.places, error.amount) == ("Linear", 1, 2 * 4 * 10 * (6 - 1))
    assert error.cost == Polynomial(2 * 4 * 10, 0, 0)
    assert found.error == error.amount
    assert found.cost == Polynomial(2 * 4 * 10, 2 * 2 * 3 * 4 * 32 * 32, 0)


def test_attention_lacks_what_grows_with_the_square_of_the_area() -> None:
    found = scaled(run_of(attention), 3, 64, (256, 256), FVCORE)
    per_cell, square = 2 * 4 * 4 * 8 * 8, 2 * 2 * 4 * 4 * 8  # a cell has 4 tokens of 8 values
    assert found.cost == Polynomial(0, 2 * per_cell, 2 * square)
    assert found.direct == 16 * per_cell + 16 * 16 * square
    assert found.error == 16 * square - 16 * 16 * square


def test_a_cost_that_grows_in_steps_has_no_polynomial() -> None:
    def steps(h: int, w: int) -> OpRecord:
        return linear(h, w)._replace(inputs=((1, 4),), output=(1, 10 * (1 + (w > 96))))

    found = scaled(run_of(steps), 3, 32, (32, 128), FVCORE)
    assert [error.cost for error in found.errors] == [None]
    assert (found.error, found.cost) == (2 * 4 * 10 * (4 - 2), None)


@pytest.mark.parametrize(
    "network", exhaustively(["yolov5s-transformer", "yolov5n", "yolov5n6", "yolov3-tiny", "yolov5s-seg"])
)
@pytest.mark.parametrize("counter", exhaustively(CONVENTIONS, few=2))
def test_errors_add_up_for_every_counter(network: str, counter: str) -> None:
    report = info(question(network, (512, 768), counter), fused=False, stride_scaled=True)
    data = json.loads(json.dumps(as_json(report)))
    found = data["stride_scaled"]
    assert found["direct"] == data["summary"]["flops"]
    assert found["flops"] == found["flops_of_a_cell"] * found["cells"] == found["direct"] + found["error"]
    assert sum(cause["amount"] for cause in found["causes"]) == found["error"]
    text = render(report)
    assert f"stride-scaled FLOPs{found['flops']:>61,}" in text
    assert text.count("  unexplained") == text.count(f"  unexplained{'0':>67}")
    assert text.isascii()


def test_the_issue_s_example_names_attention_and_the_affine_part() -> None:
    done = CliRunner().invoke(cli, ["info", "yolov5s-transformer", "--imgsz", "1280", "--stride-scaled"])
    text = " ".join(done.stdout.split())
    assert "1 MultiheadAttention: grows with the square of the area -2,681,203,200" in text
    assert "k such cells cost 41,552,888 x k, the affine part, + 1,048 x k^2 FLOPs." in text


def test_markdown_has_it_too() -> None:
    options = ["--imgsz", "1280", "--stride-scaled", "--format", "md"]
    assert (
        "| **stride-scaled FLOPs** | **66,491,187,200** |"
        in CliRunner().invoke(cli, ["info", "yolov5s", *options]).stdout
    )


def test_without_the_option_it_is_left_out() -> None:
    assert "stride_scaled" not in json.loads(CliRunner().invoke(cli, ["info", "yolov5n", "--format", "json"]).stdout)

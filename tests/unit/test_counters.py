"""Unit: every counter's figure as measured with the real releases, its terms and its words, without torch."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.exhaustive import exhaustively
from tests.networks import question
from yolo_probe.cli import cli
from yolo_probe.counters.comparison import MODES, Counted
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.render import markdown
from yolo_probe.render.text import render
from yolo_probe.render.text_layout import WIDTH
from yolo_probe.reports.counters import Counters, as_json, counters

GOLDEN = Path(__file__).parents[1] / "golden"
MEASURED: dict[str, dict[str, list[int]]] = json.loads((GOLDEN / "counters.json").read_text())
"""By network and counter: as it trains, as it is evaluated, fused; at 640x640 and 224x224."""

NETWORKS = [network for network in MEASURED if network.startswith("yolov5")]


@cache
def report(network: str) -> Counters:
    return counters(question(f"{network}@v7.0"))


def of(network: str, name: str) -> Counted:
    return report(network).comparison.counters[name]


@pytest.mark.parametrize("network", exhaustively(NETWORKS, few=2))
@pytest.mark.parametrize("name", MEASURED["yolov5s"])
def test_a_figure_is_what_the_real_counter_gives(network: str, name: str) -> None:
    counted = of(network, name)
    assert [counted.train, counted.unfused, counted.fused] == MEASURED[network][name]


@pytest.mark.parametrize("network", exhaustively(NETWORKS, few=2))
@pytest.mark.parametrize("name", CONVENTIONS)
def test_terms_add_up_to_the_figure_in_every_mode(network: str, name: str) -> None:
    data = as_json(report(network))["counters"]
    assert isinstance(data, dict)
    counter = data[name]
    for mode in MODES:
        assert sum(term[mode] for term in counter["terms"].values()) == counter[mode]
        wrong = sum(counter["terms"][fault["name"]][mode] for fault in counter["faults"])
        assert counter["right"][mode] == counter[mode] - wrong


def test_yolov5s_is_made_of_the_terms_that_were_measured() -> None:
    assert {name: term.unfused for name, term in of("yolov5s", "fvcore").terms.items()} == {
        "convolution": 8_216_780_800,
        "BatchNorm": 2 * 23_654_400,
        "upsampling": 1_228_800,
    }
    assert {name: term.unfused for name, term in of("yolov5s", "calflops").terms.items()} == {
        "convolution": 2 * 8_216_780_800,
        "BatchNorm": 2 * 23_654_400,
        "activation": 23_654_400,
        "pooling": 307_200,
        "upsampling": 1_228_800,
        "bias": 2_142_000,
        "upsampling by its input": 307_200 - 1_228_800,
        "shared modules again": 56 * 23_654_400,
    }
    assert {name: term.unfused for name, term in of("yolov5s", "torchprofile").terms.items()} == {
        "convolution": 8_216_780_800,
        "BatchNorm": 23_654_400,
        "decoding": 201_600 + 18,
        "products of sizes": 6,
    }


def test_the_exact_count_is_two_for_each_product_less_one_for_each_sum_without_a_bias() -> None:
    terms = of("yolov5s", "textbook").terms
    outputs = 23_654_400 + 2_142_000  # of the 57 convolutions before a BatchNorm, and of the 3 with a bias
    assert terms["convolution"].unfused == 2 * 8_216_780_800 - outputs
    assert terms["bias"].unfused == 2_142_000
    assert terms["bias"].fused == outputs
    assert terms["BatchNorm"].unfused == 2 * 23_654_400
    assert terms["sums and products"].unfused == 2_355_200
    assert report("yolov5s").comparison.apart.unfused == 23_654_400 + 2_142_000


def test_a_counter_that_leaves_attention_out_has_it_as_a_fault_of_that_size() -> None:
    attention = 104_857_600 + 81_920_000
    terms = of("yolov5s-transformer", "thop-0.1").terms
    assert terms["attention"].unfused == attention
    assert terms["attention not counted"].unfused == -attention
    assert of("yolov5s-transformer", "thop-0.1").parameters.unfused == 6_972_477
    assert of("yolov5s-transformer", "ultralytics-thop-2.2").parameters.unfused == 7_235_645


def test_some_counters_total_only_the_parameters_that_train() -> None:
    for name in ("ptflops", "ptflops-aten", "calflops"):
        assert of("yolov5s", name).parameters.unfused == 7_235_389
        assert of("yolov5s", name).parameters.fused == 229_245
    assert of("yolov5s", "deepspeed").parameters.fused == 7_225_885


@pytest.mark.parametrize(
    ("network", "unfused", "fused"),
    [
        ("yolov5n", 3_062_045, 3_053_837),
        ("yolov5s", 11_981_117, 11_964_701),
        ("yolov5x", 214_923_005, 214_817_405),
        ("yolov5s-ghost", 5_429_557, 5_413_405),
        ("yolov5s-transformer", 11_391_293, 11_376_157),
    ],
)
def test_torchinfo_lists_parameters_again_after_a_shared_activation(network: str, unfused: int, fused: int) -> None:
    total = of(network, "torchinfo").parameters
    assert (total.train, total.unfused, total.fused) == (unfused, unfused, fused)


def test_torchinfo_is_right_where_every_conv_has_its_own_activation() -> None:
    comparison = counters(question("yolov5s@v6.1")).comparison
    assert comparison.counters["torchinfo"].parameters == comparison.parameters
    assert (comparison.parameters.unfused, comparison.parameters.fused) == (7_235_389, 7_225_885)


def test_totals_of_parameters_that_differ_stand_beside_the_network_s_own() -> None:
    text = render(report("yolov5s-transformer"))
    assert f"  thop-2019{7_038_269:>53,}{7_029_277:>16,}" in text
    assert f"  thop-0.0.31, thop-0.1, ultralytics-thop-2.0.16{6_972_477:>16,}{6_963_485:>16,}" in text
    assert f"ptflops, ptflops-aten, calflops{7_235_645:>31,}{885_885:>16,}" in text
    assert as_json(report("yolov5s-transformer"))["parameters"] == {
        "train": 7_235_645,
        "unfused": 7_235_645,
        "fused": 7_226_653,
    }


def test_a_comparison_reads_as_reviewed() -> None:
    assert render(report("yolov5s")) == (GOLDEN / "counters-yolov5s.txt").read_text()


@pytest.mark.parametrize("network", ["yolov5s-transformer", "yolov5x", "yolov5s-seg"])
def test_the_words_keep_to_the_body_and_to_ascii(network: str) -> None:
    text = render(report(network))
    assert text.isascii()
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []


def test_the_same_comparison_is_there_as_markdown() -> None:
    text = markdown.render(report("yolov5s"))
    assert "| fvcore | 8,265,318,400 | 8,218,009,600 | 16.53 | 16.44 |" in text
    assert "| **calflops, FLOPs** | **17,831,927,600** | **17,808,273,200** |" in text


def test_the_command_gives_the_issue_s_json(demo_checkpoint: Path) -> None:
    done = CliRunner().invoke(cli, ["counters", str(demo_checkpoint), "--format", "json", "--imgsz", "320"])
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert (data["schema"], data["command"], data["imgsz"]) == (1, "counters", [320, 320])
    assert set(data["counters"]) == set(CONVENTIONS)
    torch = data["counters"]["torch"]
    assert (torch["unit"], torch["unfused"]) == ("FLOPs", torch["fused"])
    assert torch["terms"] == {"convolution": dict.fromkeys(MODES, torch["unfused"])}


@pytest.mark.parametrize("command", exhaustively(["fuse-diff", "info", "counters"]))
@pytest.mark.parametrize("name", exhaustively(CONVENTIONS, few=2))
def test_every_command_that_counts_takes_every_counter(command: str, name: str) -> None:
    done = CliRunner().invoke(cli, [command, "yolov5s-transformer", "--counter", name, "--format", "json"])
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert (data["default"] if command == "counters" else data["counter"]["name"]) == name
    if command == "fuse-diff":
        assert data["ledger"]["flops"]["unexplained"] == 0


def test_a_network_that_cannot_be_followed_has_no_comparison(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "nc: 2\ndepth_multiple: 1.0\nwidth_multiple: 1.0\nanchors: 3\n"
        "backbone: [[-1, 1, Conv, [8, 3, 2]], [-1, 1, nn.Conv2d, [9, 8, 1]]]\nhead: [[[1], 1, Detect, [nc, anchors]]]\n"
    )
    done = CliRunner().invoke(cli, ["counters", str(wrong)])
    assert done.exit_code != 0


def test_the_brief_table_names_the_faults_and_the_totals_that_are_others() -> None:
    text = " ".join(render(counters(question("yolov5s-transformer@v7.0"), brief=True)).split())
    assert "Faults attention not counted: thop-2019, thop-0.0.31, thop-0.1, ultralytics-thop-2.0.16" in text
    assert "counted twice: ptflops; products of sizes: torchprofile" in text
    assert "Params ptflops, ptflops-aten, calflops total only what trains: 0 of a finished best.pt" in text


def test_the_figures_fit_a_screen_unless_all_is_asked_for() -> None:
    brief, whole = (CliRunner().invoke(cli, ["counters", "yolov5n", *more]).output for more in ((), ("--all",)))
    assert len(brief.splitlines()) <= 40
    assert "--all" in brief
    assert all(name in brief for name in CONVENTIONS)
    assert len(whole.splitlines()) > 100

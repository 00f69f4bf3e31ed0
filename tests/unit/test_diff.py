"""Any two networks: four ledgers that add up; and several in one table."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import Probe
from tests.exhaustive import exhaustive_rows, exhaustively
from yolo_probe.cli import cli
from yolo_probe.errors import TargetError
from yolo_probe.reports.diff import Diff, diff, side

COUNTER = "thop-0.1"


def between(first: str, second: str) -> Diff:
    return diff(side(first, (640, 640), COUNTER), side(second, (640, 640), COUNTER))


def test_a_line_of_another_image_is_told_beside_the_flops() -> None:
    words = CliRunner().invoke(cli, ["diff", "yolov5l@v1.0", "yolov5l@v4.0", "--lang", "en"]).output
    assert "YOLOv5 v1.0 prints 88.2, of one image of 480x640; here it is 640x640." in words


PAIRS = [
    ("yolov5s@v5.0", "yolov5s@v6.0"),
    ("yolov5s@v6.1", "yolov5n@v7.0"),
    ("yolov5s", "yolov5m"),
    ("yolov5x6@v7.0", "yolov5s-seg@v7.0"),
    ("yolov5n@head", "yolov3-tiny@v5.0"),
    ("yolov5s-ghost@v6.2", "yolov5s-transformer@v7.0"),
    ("yolov5-bifpn@v7.0", "yolov5-p2@v6.0"),
    ("Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs", "yolov5s@v6.2"),
    ("yolov5l@v7.0", "YOLOv5s summary: 213 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs"),
    ("157 layers, 7225885 parameters, 229245 gradients", "157 layers, 7225885 parameters, 7225885 gradients"),
]


@pytest.mark.parametrize(("first", "second"), exhaustive_rows(PAIRS, few=3))
def test_every_ledger_adds_up(first: str, second: str) -> None:
    report = between(first, second)
    assert {name: ledger and ledger.unexplained for name, ledger in report.ledgers} == {
        "layers": 0, "parameters": 0, "gradients": 0, "flops": 0,
    }  # fmt: skip


def test_a_network_has_no_difference_from_itself() -> None:
    report = between("yolov5s", "yolov5s")
    assert all(ledger is not None and not ledger.entries for _, ledger in report.ledgers)


def test_classes_are_told_by_the_formula_of_the_head() -> None:
    report = between("yolov5s@v7.0", "Model summary: 214 layers, 7025023 parameters, 7025023 gradients, 16.0 GFLOPs")
    (entry,) = report.parameters.entries
    assert (entry.cause, entry.detail, entry.amount) == ("classes 80 -> 2", "-78 x 2,697 in Detect", -210_366)


def test_a_checkpoint_against_the_published_network(demo_checkpoint: Path) -> None:
    report = between("yolov5n@v7.0", str(demo_checkpoint))
    assert report.balanced
    assert report.gradients.after == 0


def test_rows_are_aligned_as_lines_are() -> None:
    causes = [entry.cause for entry in between("yolov5s@v5.0", "yolov5s@v6.0").layers.entries]
    assert "row 0 Focus -> Conv" in causes
    assert "row 8 -> 9, SPP -> SPPF" in causes
    between_csp = [entry.cause for entry in between("yolov5s@v3.1", "yolov5s@v6.2").parameters.entries]
    assert "row 4 BottleneckCSP -> C3" in between_csp


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(arguments))
    return result.exit_code, result.output


def test_counters_and_sizes_are_causes_too() -> None:
    options = ("--counter-a", "thop-0.0.31", "--counter-b", "thop-0.1", "--imgsz-b", "320", "--format", "json")
    code, output = run("diff", "yolov5s", "yolov5s", *options)
    ledger = json.loads(output)["ledger"]["flops"]
    causes = [entry["cause"] for entry in ledger["entries"]]
    assert (code, causes) == (0, ["counter thop 0.0.31 -> thop 0.1", "image 640x640 -> 320x320"])
    assert ledger["after"] == ledger["before"] + sum(entry["amount"] for entry in ledger["entries"])
    convolutions, norms, resampled = 2 * 255 * (80**2 + 40**2 + 20**2), 4 * 23_654_400, 4 * (1_228_800 // 2)
    counter = ledger["entries"][0]
    assert (counter["count"], counter["amount"]) == (3, norms + resampled - convolutions)
    assert counter["arithmetic"] == f"-{convolutions:,} + {norms:,} + {resampled:,}"


def test_networks_side_by_side_as_text_and_csv() -> None:
    code, output = run("compare", "yolov5n", "yolov5s@v7.0", "--counter", "thop-0.1", "--format", "csv")
    first, second = csv.DictReader(StringIO(output))
    assert (code, first["parameters"], second["fused_parameters"]) == (0, "1872157", "7225885")
    assert (second["layers"], second["fused_layers"]) == ("214", "157")
    assert "1,872,157*" in run("compare", "yolov5n", "yolov5s")[1]


def test_a_line_that_is_not_known_is_refused() -> None:
    code, output = run("diff", "yolov5s", "999 layers, 7 parameters")
    assert code != 0
    assert "Traceback" not in output


def test_a_row_that_no_longer_halves_its_map_is_named(tmp_path: Path, probe: Probe) -> None:
    rows = "[[-1, 1, Conv, [64, 6, 2, 2]], {}, [-1, 1, Conv, [256, 3, 2]], [-1, 1, Conv, [512, 3, 2]]]"
    paths = []
    for name, row in (("a", "[-1, 1, Conv, [64, 3, 2]]"), ("b", "[-1, 1, nn.Identity, []]")):
        head = "head: [[[1, 2, 3], 1, Detect, [nc, anchors]]]"
        text = f"nc: 80\ndepth_multiple: 1\nwidth_multiple: 0.25\nanchors: 3\nbackbone: {rows.format(row)}\n{head}\n"
        paths.append(tmp_path / f"{name}.yaml")
        paths[-1].write_text(text, encoding="utf-8")
    words = " ".join(probe("diff", *paths).stdout.split())
    assert "From row 1 (Identity) on the maps have 4 x the area" in words
    assert "x the area" not in probe("diff", "yolov5n", "yolov5s").stdout


OLD = "Model Summary: 191 layers, 7.46816e+06 parameters, 7.46816e+06 gradients, 17.5 GFLOPS"


def test_a_pasted_line_is_counted_by_the_thop_that_printed_it() -> None:
    output = CliRunner().invoke(cli, ["diff", OLD, "yolov5s@v7.0", "--lang", "en"]).output
    assert OLD in output
    assert "counter thop 0.0.31 -> " in output
    assert "17.6 GFLOPS" in CliRunner().invoke(cli, ["diff", OLD, "yolov5s@v7.0", "--counter", "thop-0.1"]).output


@pytest.mark.parametrize("command", ["diff", "compare"])
def test_figures_without_a_line_name_the_command_that_knows_them(command: str) -> None:
    with pytest.raises(TargetError, match=r"7.2M 16.5: found figures without a whole summary line") as raised:
        CliRunner().invoke(cli, [command, "7.2M 16.5", "yolov5s"], catch_exceptions=False)
    assert raised.value.remedy == 'yolo-probe explain "7.2M 16.5" tells which networks have them: pass the name of one.'


def test_lines_are_compared_beside_networks() -> None:
    line = "YOLOv5s summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs"
    theirs = "YOLOv8n summary (fused): 168 layers, 3151904 parameters, 0 gradients, 8.7 GFLOPs"
    rows = CliRunner().invoke(cli, ["compare", line, theirs, "yolov5n@v7.0", "--format", "csv"]).output.splitlines()
    assert rows[1].startswith("yolov5s@v7.0,") or rows[1].startswith("yolov5s,")
    assert ",7015519," in rows[1]
    assert ",3151904," in rows[2]


@pytest.mark.parametrize(
    "line",
    exhaustively(
        [
            "YOLOv5s-seg summary: 224 layers, 7611485 parameters, 0 gradients, 26.4 GFLOPs",
            "YOLOv5s summary: 213 layers, 7012822 parameters, 0 gradients, 15.8 GFLOPs",
            "YOLOv5s-seg summary: 131 layers, 7,611,485 parameters, 0 gradients, 26.4 GFLOPs",
            "YOLOv5s summary: 224 layers, 7266973 parameters, 0 gradients",
            "Model summary: 117 layers, 4179498 parameters, 0 gradients, 10.4 GFLOPs",
            "YOLOv5s-cls summary: 86 layers, 5447688 parameters, 0 gradients, 11.4 GFLOPs",
            "Model Summary: 232 layers, 7459581 parameters, 0 gradients",
            "Model Summary: 231 layers, 7064992 parameters, 0 gradients, 15.2 GFLOPS",
        ],
        few=3,
    ),
)
def test_a_line_of_an_older_file_or_of_a_fork_is_one_side_of_a_diff(line: str) -> None:
    code, output = run("diff", line, "yolov5s@v7.0", "--format", "json")
    report = json.loads(output)
    assert code == 0
    layers, parameters = (int(number.replace(",", "")) for number in re.findall(r"[\d,]+(?= layers| param)", line))
    assert (report["ledger"]["layers"]["before"], report["ledger"]["parameters"]["before"]) == (layers, parameters)
    assert all(ledger["unexplained"] == 0 for ledger in report["ledger"].values())


def test_what_both_lines_are_of_is_told_once() -> None:
    _, output = run("diff", "yolov5s@v7.0", "yolov5n@v7.0", "--imgsz", "320")
    assert " ".join(output.split()).count("of one image of 640x640; here it is 320x320.") == 2
    _, output = run("diff", "yolov5s@v7.0", "yolov5s-LeakyReLU@v7.0", "--imgsz", "320")
    assert " ".join(output.split()).count("of one image of 640x640; here it is 320x320.") == 1


def test_a_classifier_of_yolov5_has_a_name() -> None:
    """Its lines of v6.2 and v7.0 with 10 classes, from the notebook of v7.0 and a fresh build; the file has 1000."""
    for target, layers in (("yolov5s-cls@v6.2", 149), ("yolov5s-cls@v7.0", 118)):
        code, output = run("info", target, "--nc", "10")
        assert code == 0
        assert f"{layers} layers, 4185290 parameters, 4185290 gradients, 10.5 GFLOPs" in output
    assert "as YOLOv5 HEAD builds it, 1000 classes" in run("info", "yolov5s-cls")[1]
    with pytest.raises(TargetError, match="did not ship yolov5s-cls, which came with"):
        side("yolov5s-cls@v6.1", (640, 640), COUNTER)


def test_a_step_to_a_network_that_cannot_run_is_left_out() -> None:
    """The head of YOLOv7 for poses has one class."""
    report = between("yolov7-w6-pose", "yolov5n@v7.0")
    assert all(ledger and ledger.unexplained == 0 for _, ledger in report.ledgers)

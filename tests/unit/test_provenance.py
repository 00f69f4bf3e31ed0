"""Contract: yolo-probe gradients, its text, its JSON, and what it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Probe
from yolo_probe.hosts.target import resolve
from yolo_probe.render.gradients import render_rows
from yolo_probe.render.text import render
from yolo_probe.reports.gradients import provenance


def answer(probe: Probe, *arguments: object) -> Any:
    done = probe("gradients", *arguments, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_freeze_10_of_yolov5s_leaves_what_really_trains(probe: Probe) -> None:
    report = answer(probe, "yolov5s", "--freeze", "10")
    assert list(report) == ["schema", "command", "target", "copies", "validation", "rows"]
    assert report["copies"]["ema"] is None
    model = report["copies"]["model"]
    assert (model["parameters"], model["gradients"]) == (7_235_389, 3_063_933)
    assert [list(each) for each in model["mechanisms"]] == [["mechanism", "parameters", "evidence"]] * 2
    assert report["validation"] == {"copy": "model", "fused": {"grad_on": 3_059_709, "no_grad": 229_245}}
    assert sum(row["parameters"] for row in report["rows"]) == 7_235_389
    assert sum(row["trainable"] for row in report["rows"]) == 3_063_933
    assert [row["row"] for row in report["rows"] if row["frozen_by"] == ["--freeze"]] == list(range(10))
    assert sum(row["moving_batch_norms"] for row in report["rows"]) == 33


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [
        (("--freeze", "0", "5"), [0, 5]),
        (("--freeze", "5", "0", "5"), [0, 5]),
        (("--freeze=3",), [0, 1, 2]),
        (("--freeze", "0"), []),
        (("--freeze", "99"), [*range(11), 13, 14, 17, 18, 20, 21, 23, 24]),
        (("--freeze", "3", "--nc", "2"), [0, 1, 2]),
        ((), []),
    ],
)
def test_rows_are_named_as_the_host_takes_them(arguments: tuple[str, ...], rows: list[int], probe: Probe) -> None:
    assert [row["row"] for row in answer(probe, "yolov5n", *arguments)["rows"] if row["frozen_by"]] == rows


def test_the_option_may_stand_before_the_target(probe: Probe) -> None:
    assert answer(probe, "--freeze", "0", "5", "yolov5n") == answer(probe, "yolov5n", "--freeze", "0", "5")


def test_a_yaml_is_answered_as_its_name(demo_checkpoint: Path, probe: Probe) -> None:
    report = answer(probe, demo_checkpoint.with_name("narrow.yaml"), "--freeze", "10")
    assert report["target"]["kind"] == "yaml"
    assert sum(each["parameters"] for each in report["copies"]["model"]["mechanisms"]) == 115_071


def test_a_finished_file_is_told_as_one(demo_checkpoint: Path, probe: Probe) -> None:
    report = answer(probe, demo_checkpoint)
    (mechanism,) = report["copies"]["model"]["mechanisms"]
    assert (mechanism["mechanism"], mechanism["parameters"]) == ("strip_optimizer()", 115_071)
    assert report["validation"] == {"copy": "model", "fused": {"grad_on": 0, "no_grad": 0}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("configs/demo/narrow-best.pt", "--freeze", "10"), "found --freeze 10 for a checkpoint"),
        (("yolov5s", "--freeze"), "--freeze: found no value behind it, expected its N"),
        (("yolov5s", "--freeze", "ten"), "found 'ten', expected numbers of rows: 10 is rows 0 to 9"),
        (("yolov5s", "--freeze", "backbone"), "(the backbone of yolov5s), 0 5 is rows 0 and 5. yolo-probe layers"),
        (("yolov5s", "--freeze", "-1"), "found '-1', expected numbers of rows"),
        (("yolov5s", "--imgsz", "640"), "found the option --imgsz, expected one of its own"),
        (("no-such.pt",), "no-such.pt: no such file"),
        ((), "found no TARGET, expected yolo-probe "),
    ],
)
def test_wrong_input_is_told_on_stderr_and_exits_with_2(arguments: tuple[str, ...], message: str, probe: Probe) -> None:
    done = probe("gradients", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_an_option_beyond_the_rows_says_so() -> None:
    answers = [provenance(resolve("yolov5n"), freeze).freeze_note for freeze in ((3, 99), (0,), (25,), (26,), (10,))]
    assert answers == [
        "--freeze 3 99 names rows that are not there: the last one is 24.",
        "--freeze 0 freezes nothing: range(0) is empty.",
        "",
        "--freeze 26 names rows that are not there: the last one is 24.",
        "",
    ]


@pytest.mark.parametrize("freeze", [(), (10,), (0, 5)])
@pytest.mark.parametrize("target", ["yolov5s", "yolov5n-seg@v7.0", "yolov5-fpn@v5.0", "yolov3-tiny"])
def test_every_parameter_has_its_mechanism_and_every_line_its_width(target: str, freeze: tuple[int, ...]) -> None:
    report = provenance(resolve(target), freeze)
    assert report.balanced
    text = render(report) + render_rows(report)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert text.isascii()


def test_the_text_names_each_thing_that_the_number_becomes(probe: Probe) -> None:
    text = probe("gradients", "yolov5s@v7.0").stdout
    for number, words in (
        ("7,235,389", "gradients"),
        ("0", "gradients of the EMA copy, by ModelEMA"),
        ("0", "gradients of the finished file, by strip_optimizer()"),
        ("7,225,885", "gradients after fuse(), autograd on (train.py)"),
        ("229,245", "gradients after fuse(), under no_grad (val.py)"),
    ):
        assert re.search(rf"^ *{re.escape(words)} +{number}$", text, flags=re.MULTILINE)


def test_markdown_has_the_same_figures_and_the_rows(probe: Probe) -> None:
    text = probe("gradients", "yolov5s", "--freeze", "10", "--format", "md").stdout
    assert "| **gradients** | **3,063,933** |" in text
    assert "```text" in text

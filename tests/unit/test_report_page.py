"""Contract: the page holds the JSON of every report, and nothing in it can become a part of the page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Probe
from tests.environments import ROOT
from tests.exhaustive import exhaustive_rows, exhaustively
from tests.networks import difference, question, subject
from yolo_probe.hosts.subject import Gap
from yolo_probe.render.report_page import data_of, framed, render
from yolo_probe.reports.full_report import FullReport, full_report, report_around
from yolo_probe.reports.gradients import RowGradients
from yolo_probe.reports.info import Info
from yolo_probe.reports.row_graph import row_graph
from yolo_probe.reports.story import read_story


def embedded(page: str) -> dict[str, Any]:
    """The data of a page."""
    found = re.search(r'<script id="report-data" type="application/json">(.*?)</script>', page, flags=re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def written(probe: Probe, path: Path, *arguments: object) -> dict[str, Any]:
    done = probe("report", *arguments, "-o", path)
    assert (done.returncode, done.stderr) == (0, "")
    return embedded(path.read_text(encoding="utf-8"))


@pytest.mark.exhaustive
def test_the_page_holds_what_each_command_gives_as_json(probe: Probe, demo_checkpoint: Path, tmp_path: Path) -> None:
    reports = written(probe, tmp_path / "report.html", demo_checkpoint)["reports"]
    commands = {
        "fuse_diff": "fuse-diff", "layers": "layers", "fused_layers": "layers --fused", "gradients": "gradients",
        "counters": "counters", "inspection": "inspect",
    }  # fmt: skip
    for name, command in commands.items():
        answer = probe(*command.split(), demo_checkpoint, "--format", "json")
        assert (name, reports[name]) == (name, json.loads(answer.stdout))
    assert (reports["missing"], reports["story"], reports["info"]) == ({}, None, None)


def test_the_options_of_the_other_commands_hold_for_the_page(probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    data = written(probe, path, "yolov5n", "--imgsz", "320", "--counter", "torch", "--freeze", "10", "--nc", "1")
    reports = data["reports"]
    assert (reports["layers"]["imgsz"], reports["fuse_diff"]["counter"]["name"]) == ([320, 320], "torch")
    assert reports["frozen_rows"] == [str(row) for row in range(10)]


@pytest.mark.exhaustive
def test_terms_parts_of_a_file_and_moments_of_a_training_have_words_in_chinese(demo_checkpoint: Path) -> None:
    found = full_report(question(str(demo_checkpoint)))
    story = read_story(str(ROOT / "tests" / "golden" / "probe-before.json"))
    page: Any = data_of(replace(found, story=story), "zh")
    phrases = page["phrases"]
    terms = {term for each in page["reports"]["counters"]["counters"].values() for term in each["terms"]}
    assert terms >= {"convolution", "BatchNorm", "upsampling"}
    assert {name for name in terms if phrases[name] == name} <= {"BatchNorm", "softmax"}
    moments = {each["event"] for each in page["reports"]["story"]["events"]}
    for name in ("container", "optimizer", *moments):
        assert phrases[name] != name


def test_a_finished_file_hatches_only_what_did_not_train(probe: Probe, demo_checkpoint: Path, tmp_path: Path) -> None:
    data = written(probe, tmp_path / "report.html", demo_checkpoint)
    assert {row["trainable"] for row in data["reports"]["gradients"]["rows"]} == {0}
    assert data["reports"]["frozen_rows"] == []


@pytest.mark.parametrize(
    ("frozen_by", "is_frozen"),
    exhaustive_rows(
        [
            (("--freeze",), True),
            (("other code", "DFL"), True),
            (("strip_optimizer()",), False),
            (("strip_optimizer()", "DFL"), False),
            (("DFL",), False),
            ((), False),
        ],
        few=2,
    ),
)
def test_what_froze_a_row_says_whether_it_trained(frozen_by: tuple[str, ...], is_frozen: bool) -> None:
    report = full_report(question("yolov5n"))
    assert report.gradients
    rows = (RowGradients("24", "Detect", 100, 0, frozen_by, 0),)
    found = replace(report, gradients=replace(report.gradients, rows=rows))
    assert found.frozen_rows == (("24",) if is_frozen else ())


def test_a_row_names_the_rows_that_it_reads() -> None:
    rows = {row.name: row for row in row_graph(subject("yolov5n").root)}
    assert [rows[name].sources for name in ("0", "1", "12", "16", "24")] == [
        ("image",), ("0",), ("11", "6"), ("15", "4"), ("17", "20", "23"),
    ]  # fmt: skip
    assert [rows[name].part for name in ("0", "9", "10", "23", "24")] == ["backbone"] * 2 + ["neck"] * 2 + ["head"]
    assert rows["24"].path == "model.24"


@pytest.mark.parametrize("target", exhaustively(["yolov5n", "yolov5x6", "yolov5s-ghost"]))
def test_activations_by_module_add_up(target: str) -> None:
    memory: Any = data_of(report_around(difference(target)))
    for state in ("layers", "fused_layers"):
        found = memory["reports"][state]["memory"]
        assert sum(found["activations_bytes_by_module"].values()) == found["activations_bytes"]


def named(label: str) -> FullReport:
    return replace(report_around(difference("yolov5n")), label=label)


@pytest.mark.parametrize(
    "name", exhaustively(["</script><script>alert(1)</script>", "<!--<script>", "<img src=x onerror=alert(1)>"])
)
def test_no_name_closes_the_data_or_opens_an_element(name: str) -> None:
    page, usual = render(named(name)), render(named("a name"))
    assert embedded(page)["label"] == name
    assert page.count("<script") == usual.count("<script")
    assert (page.count("</script"), page.count("<img"), page.count("<!--")) == (2, 0, 0)


def test_data_that_json_cannot_have_is_left_out() -> None:
    assert embedded(render(named("a\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}b\ud800")))["label"] == "a?[31m?b?"


def test_the_policy_allows_this_program_alone() -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', render(named("a")))
    assert policy
    assert "default-src 'none'" in policy[1]
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", policy[1])
    assert "connect-src" not in policy[1]


def test_a_frame_holds_the_page_as_text() -> None:
    frame = framed(named('" onload="alert(1)'))
    assert frame.count('"') == 8  # sandbox, title, style, srcdoc
    assert frame.endswith('"></iframe>')


def test_what_is_not_known_is_said(probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / "not" / "there.html"
    done = probe("report", "yolov5n", "-o", path)
    assert done.returncode == 2
    assert f"{path}: the page cannot be written: No such file or directory" in done.stderr


def test_another_ending_is_refused_with_those_that_there_are(probe: Probe, tmp_path: Path) -> None:
    done = probe("report", "yolov5n", "-o", tmp_path / "report.pdf")
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "found the ending .pdf, expected .html, .svg or .png" in done.stderr


def test_freezing_a_checkpoint_is_refused(probe: Probe, demo_checkpoint: Path, tmp_path: Path) -> None:
    done = probe("report", demo_checkpoint, "--freeze", "10", "-o", tmp_path / "report.html")
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert "whose flags are in the file" in done.stderr


def test_a_report_says_why_a_part_of_it_is_missing() -> None:
    gap = Gap("the host is not installed", "pip install host")
    asked = question("yolov5n")
    report = full_report(replace(asked, subject=replace(asked.subject, rebuilt=gap)))
    assert isinstance(report.answer, Info)
    assert (report.layers, report.fused_layers, report.counters) == (None, None, None)
    assert set(report.missing) == {"layers", "fused_layers", "counters"}
    assert report.missing["layers"].endswith("the host is not installed. pip install host")

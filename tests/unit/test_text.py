"""Unit: the words and columns of a text report, against reviewed texts."""

from __future__ import annotations

import re
from collections import Counter
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.exhaustive import exhaustive_rows, exhaustively
from tests.networks import counter, difference, question
from tests.unit.test_report import STRIPPED, saved_subject
from yolo_probe.cli import cli
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.environment import Thop
from yolo_probe.hosts.subject import Saved
from yolo_probe.hosts.target import resolve
from yolo_probe.render.common import host_line
from yolo_probe.render.fuse_diff import render_pairs
from yolo_probe.render.text import render
from yolo_probe.render.text_layout import WIDTH, cause, cells
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.info import info
from yolo_probe.reports.ledger import several
from yolo_probe.reports.question import Question

GOLDEN = Path(__file__).parents[1] / "golden"
INSTALLED = Thop("ultralytics-thop", "2.2.3", counter="ultralytics-thop-2.2")


def text_of(saved: Saved, trains: bool = False) -> str:
    return render(fuse_diff(Question(saved_subject(saved, trains), (640, 640), counter())))


def test_an_info_reads_as_reviewed() -> None:
    report = info(Question(resolve("yolov5s"), (1280, 1280), choose_counter(None, INSTALLED)), fused=False)
    assert render(report, columns=80) == (GOLDEN / "info-yolov5s-1280.txt").read_text()


def test_the_shipped_checkpoint_reads_as_reviewed(demo_checkpoint: Path) -> None:
    report = fuse_diff(Question(resolve(str(demo_checkpoint)), (640, 640), choose_counter(None, INSTALLED)))
    assert render(report) == (GOLDEN / "narrow-best.txt").read_text()


@pytest.mark.parametrize(
    "target", exhaustively(["yolov5s", "yolov5-fpn@v6.0", "yolov5s-transformer@v6.1", "yolov5x6", "yolov3-tiny"])
)
@pytest.mark.parametrize("size", [(640, 640), (320, 1280), (300, 300)])
def test_no_line_is_longer_than_the_body_but_the_hosts(target: str, size: tuple[int, int]) -> None:
    for report in (difference(target, size), info(question(target, size), fused=False)):
        long = [line for line in render(report).splitlines() if len(line) > WIDTH]
        assert [line for line in long if " summary: " not in line and "Model Summary: " not in line] == []


def test_a_fork_may_print_figures_that_yolov5_does_not() -> None:
    state = difference("yolov5n").training
    state = replace(state, line=replace(state.line, missing="the counting run of YOLOv5 fails"))
    asked = question("yolov5n")
    assert host_line(state, asked).gap.endswith("hidden. Counted by yolo-probe: 4.6 GFLOPs.")
    root = deepcopy(asked.subject.root)
    root.child("model").child("24").class_path = "models.yolov5.Detect"
    gap = host_line(state, replace(asked, subject=replace(asked.subject, root=root))).gap
    assert "YOLOv5 has no models.yolov5.Detect: a fork that has it may count another image" in gap


def test_a_host_line_is_broken_only_in_a_terminal_that_is_too_narrow() -> None:
    report = difference("yolov5s")
    line = report.training.line.text
    assert line in render(report).splitlines()
    assert line in render(report, columns=100).splitlines()
    assert line not in render(report, columns=80).splitlines()
    assert "\n    GFLOPs\n" in render(report, columns=80)


def test_a_text_is_ascii_and_says_the_counter_the_size_and_the_unit() -> None:
    text = render(difference("yolov5s", (320, 640)))
    assert text.isascii()
    assert "by the rules of ultralytics-thop 2.2 (thop not installed), at 320x640" in text
    assert "8 FLOPs per output\n  value (4 MACs, 1 MAC = 2 FLOPs)" in text
    assert "whatever --imgsz: YOLOv5 counts at 640x640" in re.sub(r"\n\s*", " ", text)


@pytest.mark.parametrize(
    ("host", "counts"),
    exhaustive_rows([("v1.0", "480x640"), ("v2.0", "640x640"), ("v3.0", "640x640"), ("v3.1", "640x640")]),
)
def test_a_host_whose_info_takes_no_size_is_not_asked_for_one(host: str, counts: str) -> None:
    text = " ".join(render(info(question(f"yolov5s@{host}", (320, 640)), fused=False)).split())
    assert "model.info() prints" in text
    assert f"YOLOv5 to v3.1 has no image size to set there: its line counts {counts}," in text
    assert "the FLOPs below are for 320x640." in text
    later = render(info(question("yolov5s@v4.0", (320, 640)), fused=False))
    assert "model.info(img_size=[320, 640]) prints" in later


def test_an_info_says_where_hosts_print_no_gflops() -> None:
    without = " ".join(render(info(question("yolov5s"), fused=False)).split())
    assert "(thop not installed), at 640x640; without it a host in this environment prints no GFLOPs" in without
    both = choose_counter(None, replace(INSTALLED, shadowed="thop 0.1.0.post2206102148"))
    text = " ".join(render(info(Question(resolve("yolov5s"), (640, 640), both), fused=False)).split())
    assert "are both installed: with the old one YOLOv5 HEAD and ultralytics print no GFLOPs" in text
    alone = choose_counter(None, INSTALLED)
    assert "no GFLOPs" not in render(info(Question(resolve("yolov5s"), (640, 640), alone), fused=False))


def test_a_rounded_size_is_told() -> None:
    assert "300x300 rounded up to a multiple of the stride, 32" in re.sub(
        r"\n\s*", " ", render(difference("yolov5n", (300, 300)))
    )


def test_recorded_freezing_stands_in_the_gradients_block() -> None:
    text = text_of(replace(STRIPPED, freeze=tuple(range(10)), freeze_option="--freeze 10"))
    block = text[text.index("gradients   ") : text.index("FLOPs    ")]
    assert block == (
        "gradients                      1,766,623                   0          -1,766,623\n"
        "  --freeze 10: rows 0 to 9 did not train                              -1,046,368\n"
        "  requires_grad=False, set by strip_optimizer()                         -720,255\n"
        "  fuse(): none left to change                                                  0\n"
        "  unexplained                                                                  0\n"
        "  The training line is printed before --freeze acts: 720,255 really trained.\n"
        "\n"
    )


@pytest.mark.parametrize(
    ("saved", "trains", "words"),
    [
        (STRIPPED, False, "because the finished file is marked as not trainable; fuse() has no part in that."),
        (Saved("ema", 0, True, True, True, "FP16", ()), False, "because the EMA copy is validated, and that never"),
        (Saved("model", 3, True, True, False, "FP32", ()), True, "with autograd on, as in train.py, the line says 1,7"),
        (Saved("model", 3, True, True, False, "FP32", ()), False, "because the file is marked as not trainable"),
    ],
)
def test_the_answer_says_why_gradients_are_what_they_are(saved: Saved, trains: bool, words: str) -> None:
    assert words in re.sub(r"\n\s*", " ", text_of(saved, trains))


def test_something_unexplained_is_marked_and_changes_the_answer() -> None:
    report = difference("yolov5n")
    wrong = replace(report, parameters=replace(report.parameters, after=report.parameters.after - 12))
    text = render(wrong)
    assert "Not everything is explained:" in text
    assert "Nothing is wrong" not in text
    assert (
        "! unexplained                                                                -12\n"
        "    No rule covers this. See --layers, and please report it with --format json.\n"
    ) in text


def test_a_counter_without_a_rule_for_attention_says_what_it_leaves_out() -> None:
    text = re.sub(r"\n\s*", " ", render(difference("yolov5s-transformer@v7.0", name="thop-0.1")))
    assert "Not counted: multi_head_attention at model.8.m.tr.0.ma, 0.11% of all values" in text


def test_pairs_add_up_to_the_ledger() -> None:
    report = difference("yolov5-fpn@v6.0")
    rows = [line.split() for line in render_pairs(report).splitlines()[2:]]
    assert sum(int(row[-2]) for row in rows) == report.layers.after - report.layers.before
    assert sum(int(row[-1].replace(",", "")) for row in rows) == report.parameters.after - report.parameters.before


def test_a_long_cause_is_broken_and_keeps_its_amount_at_the_edge() -> None:
    lines = list(cause("a word and another " * 8, "-1,000"))
    assert lines[-1].endswith(" -1,000")
    assert len(lines[-1]) == WIDTH
    assert all(len(line) <= WIDTH for line in lines)


def test_colour_changes_no_letter() -> None:
    painted = render(difference("yolov5n"), lambda style, text: f"<{style}>{text}</>")
    assert re.sub(r"<[a-z ]+>|</>", "", painted) == render(difference("yolov5n"))
    assert "<bold cyan>125 layers</>" in painted
    assert "<green>  unexplained" in painted


@pytest.mark.parametrize(
    "command",
    exhaustively([
        "fuse-diff DEMO", "fuse-diff yolov5s@v3.1", "info DEMO", "info yolov5s-transformer --stride-scaled",
        "gradients yolov5s --freeze 10", "counters yolov5s", "counters yolov5n --all", "layers yolov5s", "inspect DEMO",
        "layers yolov5n --all", "layers yolov5s-ghost --memory", "layers yolov5n --by operator --all",
        "diff yolov5s@v6.1 DEMO", "compare yolov5s yolov5n yolov7-tiny", "story STORY",
    ], few=5),
)  # fmt: skip
@pytest.mark.parametrize("width", exhaustively([40, 60]))
def test_a_narrow_terminal_gets_narrow_lines(
    command: str, width: int, demo_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yolo_probe.cli.output._columns", lambda: width)
    files = {"DEMO": str(demo_checkpoint), "STORY": str(GOLDEN / "probe-before.json")}
    typed = [files.get(word, word) for word in command.split()]
    narrow = CliRunner().invoke(cli, typed)
    monkeypatch.setattr("yolo_probe.cli.output._columns", lambda: None)
    wide = CliRunner().invoke(cli, typed)
    assert narrow.exit_code == wide.exit_code == 0
    body = narrow.output.partition("\n   row module")[0]  # the table of rows has fixed columns
    long = [line for line in body.splitlines() if cells(line) > width]
    assert [line for line in long if not re.search(rf"\S{{{width - 20},}}", line)] == []
    figures = [Counter(re.findall(r"\d[\d,.]*", each.output.replace("\n", " "))) for each in (narrow, wide)]
    assert figures[0] == figures[1]


def test_the_sentence_for_a_paper_says_at_which_size_a_classifier_trains() -> None:
    subject = resolve("yolov5n-cls@v7.0")
    for size, told in (((640, 640), True), ((224, 224), False)):
        text = " ".join(render(info(Question(subject, size, counter()), fused=False)).split())
        assert ("A classifier is trained at 224x224, and hosts print 640x640." in text) is told


def test_one_is_not_several() -> None:
    assert [several(number, "convolution") for number in (0, 1, 60)] == [
        "0 convolutions", "1 convolution", "60 convolutions",
    ]  # fmt: skip

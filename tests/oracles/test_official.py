"""The report on an official file, which PyPI holds, reads as reviewed."""

from __future__ import annotations

from pathlib import Path

from tests.unit.test_text import GOLDEN, INSTALLED
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.hosts.target import resolve
from yolo_probe.render.text import render
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.question import Question


def test_the_official_yolov5s_of_v6_0_reads_as_reviewed(official_yolov5s: Path) -> None:
    report = fuse_diff(Question(resolve(str(official_yolov5s)), (640, 640), choose_counter(None, INSTALLED)))
    assert render(report) == (GOLDEN / "yolov5s-official.txt").read_text()


def test_the_official_file_keeps_its_modules_under_a_later_host(official_yolov5s: Path) -> None:
    subject = resolve(str(official_yolov5s), host="v7.0")
    report = fuse_diff(Question(subject, (640, 640), choose_counter(None, INSTALLED)))
    assert (report.layers.before, report.layers.after) == (270, 213)
    assert report.training.line.counts == "YOLOv5s_v6 summary: 270 layers, 7235389 parameters, 7235389 gradients"

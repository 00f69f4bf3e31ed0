"""Official files, which PyPI holds: the report reads as reviewed, and an inspection adds up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import environments
from tests.unit.test_inspection import sizes_of, words_of
from tests.unit.test_text import GOLDEN, INSTALLED
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.hosts.target import resolve
from yolo_probe.render.text import render
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.inspection import inspect
from yolo_probe.reports.question import Question


@pytest.fixture(scope="module")
def official_yolov5s() -> Path:
    return environments.official_yolov5s()


@pytest.fixture(scope="module")
def official_yolov5s_seg() -> Path:
    return environments.official_yolov5s_seg()


def test_the_official_yolov5s_of_v6_0_reads_as_reviewed(official_yolov5s: Path) -> None:
    report = fuse_diff(Question(resolve(str(official_yolov5s)), (640, 640), choose_counter(None, INSTALLED)))
    assert render(report) == (GOLDEN / "yolov5s-official.txt").read_text()


def test_the_official_file_keeps_its_modules_under_a_later_host(official_yolov5s: Path) -> None:
    subject = resolve(str(official_yolov5s), host="v7.0")
    report = fuse_diff(Question(subject, (640, 640), choose_counter(None, INSTALLED)))
    assert (report.layers.before, report.layers.after) == (270, 213)
    assert report.training.line.counts == "YOLOv5s_v6 summary: 270 layers, 7235389 parameters, 7235389 gradients"


def test_the_official_file_is_why_one_says_213_and_another_157(official_yolov5s: Path) -> None:
    report = inspect(str(official_yolov5s))
    assert (
        "270, fused 213: each of its 57 Conv has its own activation; with one for all (as since v7.0) the same network "
        "says 214, fused 157"
    ) in words_of(report)
    assert sum(sizes_of(report).values()) + report.anatomy.container == 14_698_491


def test_the_official_segmentation_file_is_read_likewise(official_yolov5s_seg: Path) -> None:
    report = inspect(str(official_yolov5s_seg))
    assert (report.network, report.classes, len(report.names)) == ("yolov5s-seg", 80, 80)
    assert sum(sizes_of(report).values()) + report.anatomy.container == 15_593_297

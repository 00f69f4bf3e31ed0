"""The lines that releases of ultralytics print are known, and all that is between two of them is explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.environments import counter
from tests.known_lines.releases import paths
from tests.processes import run_python
from yolo_probe.hosts.known_lines import release_numbers
from yolo_probe.hosts.line_matches import matches
from yolo_probe.hosts.printed_line import PrintedLine, lines_in
from yolo_probe.reports.explain import explanation

OLD, MIDDLE, NEW = ("thop", "0.1.1.post2209072238"), ("ultralytics-thop", "2.0.16"), ("ultralytics-thop", "2.2.3")

RELEASES = {
    "8.0.3": (OLD, 3, ("yolov8n", "yolov8s-seg", "yolov5n")),
    "8.0.100": (OLD, 130, ("yolov8n", "yolov8s-p2", "yolov8n-pose", "yolov5s", "yolov8n-cls", "yolov8s-pose:3:3")),
    "8.0.200": (OLD, 64, ("yolov8n", "yolov6n", "rtdetr-l", "yolov8n-rtdetr", "yolov8n-seg-p6")),
    "8.1.34": (OLD, 1, ("yolov8n-obb", "yolov9c", "yolov3-tiny", "yolov8n")),
    "8.2.60": (MIDDLE, 7, ("yolov10n", "yolov9t", "yolov8m", "yolov8n-ghost")),
    "8.2.90": (MIDDLE, 80, ("yolov8n-seg", "rtdetr-l")),
    "8.3.8": (MIDDLE, 80, ("yolov8n", "yolov8n-ghost", "yolov5n-p6", "yolo11n", "yolov9t", "yolov5n")),
    "8.3.50": (MIDDLE, 81, ("yolo11n", "yolov8s", "yolo11n-pose")),
    "8.3.90": (NEW, 5, ("yolo12n", "yolov10n", "yolo11s-obb")),
    "8.3.150": (MIDDLE, 20, ("yolov10s", "yolo11n-seg", "yolo11n-pose:20:3", "yoloe-v8s")),
    "8.3.210": (NEW, 80, ("yolo12n-cls", "yolo11n", "yolov8n-p2", "yoloe-11n-seg")),
    "8.3.245": (MIDDLE, 2, ("yolov8n", "rtdetr-l")),
    "8.4.30": (MIDDLE, 3, ("yolo26n", "yolo26n-p6", "yolov8-cls-resnet50", "yolo11n", "yolov10n", "yolo26n-pose:33:2",
                           "yoloe-26n-seg")),
    "8.4.103": (NEW, 64, ("yolo26n-seg", "yolov8n")),
    "8.4.107": (NEW, 1, ("rtdetr-l", "yolo12n")),
    "8.4.120": (NEW, 80, ("yolo26n", "yolo11n-obb")),
    "8.4.170": (NEW, 90, ("yolo26n-pose", "yolov10n", "yolov9t", "yolo26n-p2", "yolov8s-p6", "yolov5n-p6",
                           "yolo26n-pose:4:3", "yolov8n-pose-p6", "yolo26n-sem", "yolo26n-depth", "yolov8n-rtdetr",
                           "yolov8n-ghost-p6", "yolov8n-seg-p6", "yolov8-cls-resnet50")),
}  # fmt: skip
"""Releases inside the stretches that are recorded, with a thop of their day, classes and networks."""


@pytest.mark.parametrize("version", RELEASES)
def test_the_lines_of_a_release_are_known_and_what_is_between_them(version: str) -> None:
    thop, classes, names = RELEASES[version]
    script = Path(__file__).with_name("known_lines_check.py")
    done = run_python(script, classes, *names, paths=[counter(*thop), *paths(version)])
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert [name for name, *_ in found] == list(names)
    for name, *texts in found:
        lines = [line for text in texts for line in lines_in(text)]
        for fused, line in enumerate(lines):
            assert_known(line, name, classes, version, fused=bool(fused))
        report = explanation(lines)
        wanted = ["layers", "parameters", "gradients", *(["flops"] if lines[0].gflops else [])]
        assert [number for number, _ in report.ledgers] == wanted
        assert all(ledger.unexplained == 0 for _, ledger in report.ledgers)


def assert_known(line: PrintedLine, name: str, classes: int, version: str, *, fused: bool) -> None:
    """Hold that a line is known as that of a network of a release."""
    best, *others = matches(line)
    assert best.exact, (line.text, best)
    network, *keypoints = name.split(":")
    theirs = [
        each
        for each in (best, *others)
        if (each.network.network, each.fused) == (network, fused)
        and each.classes[0] <= classes <= each.classes[1]
        and list(map(str, each.network.keypoints or ())) == keypoints
    ]
    assert any(is_in(version, span) for each in theirs for span in each.host_spans), (line.text, version, theirs)


def is_in(version: str, span: str) -> bool:
    """Whether a release is one of a span: ``8.3.17 to 8.3.75``."""
    first, _, last = span.partition(" to ")
    return release_numbers(first) <= release_numbers(version) <= release_numbers(last or first)

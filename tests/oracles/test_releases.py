"""Beside each release of ultralytics the line is that release's own, of a live model, of its file and of a name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.environments import ROOT, counter, release
from tests.processes import run_python

NEW = ("yolov8n", "yolo11n")
RELEASES = {
    "8.0.50": ("yolov8n",),
    "8.0.154": ("yolov8n",),
    "8.1.34": ("yolov8n", "yolov8n-cls"),
    "8.2.100": ("yolov8n",),
    "8.3.75": NEW,
    "8.3.200": NEW,
    "8.4.40": NEW,
    "8.4.103": ("yolov8n",),
    "8.4.107": ("yolov8n",),
    "8.4.110": NEW,
    "8.4.150": ("yolo26n",),
    "8.4.190": ("yolov8n-cls", "yolov8n-obb", "yolov9t", "yolov10n", "yolo11s-seg", "yolo12n", "yolo26n", "rtdetr-l"),
}
"""At least one for each form of line, way of counting and ``fuse()``, with networks that show it."""
UNKNOWN = ("8.0.50",)
"""Those whose ``model_info`` is not in the table: it prints its own line, and ours explains it below."""


Said = tuple[str, list[dict[str, Any]], dict[str, dict[str, list[str]]]]
"""A release, what a process beside it says of its networks, and the lines of odd models."""


@pytest.fixture(scope="module", params=RELEASES)
def said(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Said:
    version: str = request.param
    paths = [
        ROOT,
        counter("ultralytics-thop", "2.2.3"),
        release("ultralytics", version),
        release("torchvision", "0.28.0"),
    ]
    script, folder = Path(__file__).with_name("releases_check.py"), tmp_path_factory.mktemp("weights")
    done = run_python(script, folder, *(f"{name}.yaml" for name in RELEASES[version]), paths=paths)
    *networks, odd = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return version, networks, odd["odd"]


def test_the_line_of_an_odd_model_is_the_hosts_and_has_a_reason_where_it_has_no_figure(said: Said) -> None:
    version, _, odd = said
    assert len(odd) == (0 if version in UNKNOWN else 11)
    for name, lines in odd.items():
        (line,), (first, *below) = lines["host"], lines["replaced"]
        assert (name, first) == (name, line)
        assert (name, "GFLOPs" in line) == (name, not "".join(below).startswith("  No GFLOPs: "))


def test_the_line_of_a_live_model_is_the_hosts(said: Said) -> None:
    version, found, _ = said
    assert [f"{each['network']}" for each in found] == [f"{name}.yaml" for name in RELEASES[version]]
    for each in found:
        for state in ("unfused", "fused"):
            (line,) = each[state]["host"]
            for way in ("replaced", "called"):
                first, *below = each[state][way]
                assert first == line
                told = any("is new to yolo-probe" in remark for remark in below)
                assert told == (version in UNKNOWN)


def test_the_lines_of_a_file_and_of_a_name_are_the_hosts(said: Said) -> None:
    version, found, _ = said
    for each in found:
        unfused, fused = each["unfused"]["host"][0], each["fused"]["host"][0]
        if version not in UNKNOWN:
            assert each["file"] == {"training": unfused, "validation": fused}
            assert each["name"]["training"] == unfused
            counts = fused.split(" parameters, ")[0]
            assert each["name"]["validation"].startswith(f"{counts} parameters, 0 gradients")
            assert each["name"]["validation"].split(" gradients")[1] == fused.split(" gradients")[1]


@pytest.mark.parametrize("version", ["8.1.34", "8.4.190"])
def test_without_thop_there_are_no_gflops_as_in_the_hosts_line_and_ours_stand_below(version: str) -> None:
    paths = [ROOT, release("ultralytics", version), release("torchvision", "0.28.0")]
    output = run_python(Path(__file__).with_name("no_thop_check.py"), paths=paths).stdout
    found = json.loads(output.splitlines()[-1])
    (line,) = found["host"]
    assert "GFLOPs" not in line
    below = "  No GFLOPs: thop is not installed. Counted by yolo-probe: 8.9 GFLOPs."
    assert (found["replaced"], found["called"]) == ([line, below], [line, below])

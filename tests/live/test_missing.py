"""With torch alone, without a counter or the ultralytics package: what is missing is named, with its remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Probe
from tests.unit.test_ultralytics import question, saved
from yolo_probe.environment import version_of
from yolo_probe.render.text import render
from yolo_probe.reports.info import as_json, info

without = pytest.mark.skipif(version_of("ultralytics") is not None, reason="ultralytics is installed here")


def test_what_verify_needs_and_does_not_find_is_named_with_its_remedy(probe: Probe) -> None:
    done = probe("info", "yolov5n", "--verify", "--format", "json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["verification"]["reason"] == "thop is not installed"
    assert done.stderr == "yolo-probe: yolov5n: not verified: thop is not installed\n  pip install ultralytics-thop\n"


@without
def test_without_ultralytics_an_info_has_three_exact_numbers_and_says_what_is_missing(tmp_path: Path) -> None:
    report = info(question(saved(tmp_path / "best.pt")), fused=False)
    text = render(report)
    assert text.startswith("best.pt: yolov8n, 2 classes, trained with ultralytics 8.4.190, not fused\n")
    assert "\nYOLOv8n summary: 2 layers, 40 parameters, 0 gradients\n" in text
    assert "Only ultralytics itself builds this network, and ultralytics is not installed.\n  pip install" in text
    assert as_json(report)["unknown"] == {
        "reason": "only ultralytics itself builds this network, and ultralytics is not installed",
        "remedy": "pip install ultralytics",
    }

"""Oracle: the stride-scaled FLOPs are those of the real host's line, and the direct count is thop's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import environments, processes
from tests.conftest import Probe
from tests.oracles.real_host import RELEASES

SCRIPT = Path(__file__).with_name("scaling_check.py")
NETWORKS = {"yolov5n": 640, "yolov5s-transformer": 1280, "yolov5n-cls": 224}
PROPORTIONAL = {"yolov5n"}


@pytest.mark.parametrize("counter", ["thop-0.0.31", "thop-0.1", "ultralytics-thop-2.1.3", "ultralytics-thop-2.2"])
def test_stride_scaled_flops_are_those_of_the_host_s_line(counter: str, tmp_path: Path, probe: Probe) -> None:
    paths = [environments.ROOT, environments.host("7.0.14"), environments.counter(*RELEASES[counter])]
    asked = [word for each in NETWORKS.items() for word in each]
    done = processes.run_python(SCRIPT, tmp_path, *asked, paths=paths)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    for (name, size), real in zip(NETWORKS.items(), answers, strict=True):
        options = ("--imgsz", size, "--counter", counter, "--stride-scaled", "--format", "json")
        found = json.loads(probe("info", tmp_path / f"{name}.pt", *options).stdout)["stride_scaled"]
        assert (found["cell"], found["cells"]) == (32, (size // 32) ** 2)
        assert found["flops"] == real["cell"] * (size // 32) ** 2
        assert f"{found['flops'] / 1e9:.1f} GFLOPs" in real["line"]
        assert found["direct"] == real["direct"]
        assert found["error"] == sum(cause["amount"] for cause in found["causes"])
        attention_is_counted = counter.startswith("ultralytics-thop-2") or name != "yolov5s-transformer"
        assert (found["error"] != 0) == (name not in PROPORTIONAL and attention_is_counted)

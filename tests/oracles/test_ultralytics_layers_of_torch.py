"""A model YAML of ultralytics with layers of torch in it: built as the host builds it, and a fault is placed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.environments import HOST_NEEDS, ROOT, counter, release
from tests.processes import run_python

YAML = """
nc: 80
scales:
  n: [0.33, 0.25, 1024]
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
  - [-1, 1, nn.ReLU, []]
  - [-1, 1, Conv, [128, 3, 2]]
  - [-1, 1, Conv, [256, 3, 2]]
  - [-1, 3, C2f, [256, True]]
head:
  - [-1, 1, {}]
  - [-1, 1, nn.GroupNorm, [8, 64]]
  - [[-1], 1, Detect, [nc]]
"""

ASK = """
import io, json, sys
from contextlib import redirect_stdout
from ultralytics import YOLO
from yolo_probe.cli import main

YOLO(sys.argv[1]).model.info(imgsz=640)
out = io.StringIO()
with redirect_stdout(out):
    main(["info", sys.argv[1], "--format", "json"])
print(json.dumps({"ours": json.loads(out.getvalue())["line"]}))
"""


def paths() -> list[Path]:
    return [ROOT, counter("ultralytics-thop", "2.2.3"), *(release(*each) for each in HOST_NEEDS)]


@pytest.mark.parametrize(
    "row", ["nn.AdaptiveAvgPool2d, [80]", "nn.Hardsigmoid, []", "nn.Dropout, [0.1]", "nn.ReplicationPad2d, [0]"]
)
def test_a_layer_of_torch_gives_the_hosts_line(row: str, tmp_path: Path) -> None:
    path = tmp_path / "yolov8n-mine.yaml"
    path.write_text(YAML.format(row))
    done = run_python(ASK, path, paths=paths(), env={"YOLO_CONFIG_DIR": str(tmp_path)})
    ours = json.loads(done.stdout.splitlines()[-1])["ours"]
    assert " GFLOPs" in ours
    assert ours in done.stdout.splitlines()[:-1]


def test_a_network_that_does_not_build_names_its_row_and_the_shapes(tmp_path: Path) -> None:
    script = "import sys; from yolo_probe.cli import main; main(['info', sys.argv[1]])"
    for row, said in (
        ("nn.Conv2d, [999, 8, 1]", "row 5, Conv2d on 1x64x32x32: found 64 channels, expected 999: RuntimeError: "),
        ("nn.Conv2d, [8]", "row 5, Conv2d with [8]: TypeError: "),
        ("nn.Module, []", "row 5: found nn.Module, expected a block of the installed ultralytics, or a layer of torch"),
    ):
        path = tmp_path / "mine.yaml"
        path.write_text(YAML.format(row))
        with pytest.raises(RuntimeError, match="ended with 2") as failed:
            run_python(script, path, paths=paths(), env={"YOLO_CONFIG_DIR": str(tmp_path)})
        assert said in str(failed.value)
        assert "Traceback" not in str(failed.value)

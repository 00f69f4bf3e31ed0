"""Oracle: what bench measures of a network that ultralytics builds is the forward pass of ultralytics itself."""

from __future__ import annotations

import json
from pathlib import Path

from tests.environments import HOST_NEEDS, ROOT, release
from tests.processes import run_python

SCRIPT = Path(__file__).with_name("bench_check.py")
NETWORKS = ("yolo11n", "yolov8n", "yolov10n")


def test_the_passes_run_the_kernels_of_ultralytics_in_their_order() -> None:
    paths = [ROOT, release("ultralytics", "8.4.190"), *(release(*each) for each in HOST_NEEDS)]
    done = run_python(SCRIPT, *NETWORKS, paths=paths)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [(each["network"], each["fused"]) for each in found] == [(n, f) for n in NETWORKS for f in (False, True)]
    for each in found:
        assert len(each["real"]) > 100
        assert each["probe"] == each["real"]

"""The drop-in prints what the real host prints of a live model, counts as the real thop does, and touches nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import environments

SCRIPT = Path(__file__).with_name("live_check.py")
LARGE = ("yolov5m", "yolov5l", "yolov5x")
"""The rows of a smaller network with other multiples: building them for real takes most of the time."""


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """What one process says of every network that a release ships, by its name."""
    release = request.param
    models = environments.host(release) / "yolov5" / "models"
    files = [file for file in sorted(models.rglob("yolo*.yaml")) if not file.stem.startswith(LARGE)]
    paths = [environments.ROOT, environments.host(release), environments.counter("ultralytics-thop", "2.2.3")]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    done = environments.run_python(SCRIPT, *files, paths=paths)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == len(files) > 10
    return {each.pop("network"): each for each in found}


@pytest.mark.parametrize("answers", ["7.0.14"], indirect=True)
def test_a_live_model_gets_the_hosts_line_and_thops_figure_and_stays_as_it_is(answers: Mapping[str, Any]) -> None:
    for network, states in answers.items():
        for state, said in states.items():
            where = f"{network}, {state}"
            assert (where, said["probe"]) == (where, said["host"])
            assert (where, said["flops"]) == (where, said["thop"])
            assert (where, said["unchanged"]) == (where, True)


NETWORKS = (
    "yolov3-tiny.yaml", "yolov5n.yaml", "yolov8n.yaml", "yolov8n-seg.yaml", "yolov8n-pose.yaml", "yolov8n-obb.yaml",
    "yolov8n-cls.yaml", "yolov9t.yaml", "yolov10n.yaml", "yolo11n.yaml", "yolo12n.yaml", "yolo26n.yaml",
    "rtdetr-l.yaml",
)  # fmt: skip


def test_ultralytics_networks_get_their_line_and_result_too() -> None:
    paths = [environments.ROOT, environments.counter("ultralytics-thop", "2.2.3")]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    done = environments.run_python(SCRIPT.with_name("live_check_ultralytics.py"), *NETWORKS, paths=paths)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [each["network"] for each in found] == list(NETWORKS)
    for each in found:
        for state in ("new", "fused"):
            where = f"{each['network']}, {state}"
            assert (where, each[state]["probe"]) == (where, each[state]["host"])
            assert (where, each[state]["unchanged"]) == (where, True)

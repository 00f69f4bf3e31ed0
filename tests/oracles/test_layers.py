"""Oracle: module by module, what real hooks, the real thop and torch's own tensors say of real networks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import environments, processes
from tests.oracles.real_host import RELEASES

SCRIPT = environments.ROOT / "tests" / "oracles" / "layers_check.py"
NETWORKS = ("yolov5n", "yolov5n6", "yolov5s-ghost", "yolov5s-transformer", "yolov5s-seg")


def answers(asked: str, thop: str, *networks: str) -> list[dict[str, Any]]:
    paths = [environments.ROOT, environments.host("7.0.14"), environments.counter(*RELEASES[thop])]
    done = processes.run_python(SCRIPT, asked, *networks, paths=paths)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [(each["network"], each["fused"]) for each in found] == [(n, f) for n in networks for f in (False, True)]
    return found


@pytest.mark.parametrize("thop", ["thop-0.1", "ultralytics-thop-2.2"])
def test_flops_by_module_are_what_thop_has_for_each_module(thop: str) -> None:
    for answer in answers("thop", thop, *NETWORKS):
        assert answer["probe"] == answer["real"]


def test_shapes_are_what_hooks_see_of_every_call_of_a_module() -> None:
    for answer in answers("shapes", "ultralytics-thop-2.2", *NETWORKS):
        assert answer["probe"] == answer["real"]


def test_the_replay_that_bench_measures_runs_the_kernels_of_the_real_forward_pass_in_their_order() -> None:
    for answer in answers("kernels", "ultralytics-thop-2.2", *NETWORKS, "yolov5-p2", "yolov5s-LeakyReLU"):
        assert len(answer["real"]) > 100
        assert answer["probe"] == answer["real"]


def test_activations_and_their_peak_are_those_of_torch_s_own_storages() -> None:
    for answer in answers("memory", "ultralytics-thop-2.2", *NETWORKS):
        inside = answer["real"]["made"] - answer["probe"]["made"]
        assert answer["probe"]["peak"] == answer["real"]["peak"]
        assert answer["probe"]["peak"] < answer["real"]["living"]  # Python's names hold what nobody reads any more
        if answer["network"] == "yolov5s-transformer":  # what attention makes inside is not followed
            assert inside > 0
        else:
            assert inside == 0


def test_a_live_model_costs_what_its_network_does_by_name_and_is_left_as_it_was() -> None:
    for answer in answers("live", "ultralytics-thop-2.2", *NETWORKS):
        assert answer["probe"] == answer["real"]


@pytest.mark.parametrize("network", ["yolov8n", "yolo11n", "yolov5n"])
def test_a_model_of_ultralytics_adds_up_and_has_a_peak(network: str) -> None:
    script = (
        "import json, torch, yolo_probe\n"
        "from ultralytics.nn.tasks import DetectionModel\n"
        "from tests.fingerprints import fingerprint\n"
        f"model = DetectionModel({network + '.yaml'!r}, verbose=False).eval()\n"
        "for by in ('row', 'module', 'operator', 'type'):\n"
        "    before = fingerprint(model)\n"
        "    report = yolo_probe.explain_layers(model, 320, by=by).report\n"
        "    assert fingerprint(model) == before\n"
        "    ours = [sum(getattr(line, each) for line in report.lines) for each in ('flops', 'parameters')]\n"
        "    theirs = yolo_probe.count_flops(model, 320).flops, sum(each.numel() for each in model.parameters())\n"
        "    print(json.dumps([ours, theirs, report.activations.peak]))\n"
    )
    done = processes.run_python(script, paths=[environments.ROOT])
    for line in done.stdout.splitlines():
        ours, theirs, peak = json.loads(line)
        assert ours == theirs
        assert peak >= 2 * 16 * 160 * 160  # the first convolution and its BatchNorm

"""Oracle: module by module, what real hooks, the real thop and torch's own tensors say of real networks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import environments
from tests.oracles.real_host import RELEASES

SCRIPT = environments.ROOT / "tests" / "oracles" / "layers_check.py"
NETWORKS = ("yolov5n", "yolov5s", "yolov5s6", "yolov5s-ghost", "yolov5s-transformer", "yolov5s-seg")


def answers(asked: str, thop: str, *networks: str) -> list[dict[str, Any]]:
    paths = [environments.ROOT, environments.host("7.0.14"), environments.counter(*RELEASES[thop])]
    done = environments.run_python(SCRIPT, asked, *networks, paths=paths)
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


def test_activations_and_their_peak_are_those_of_torch_s_own_storages() -> None:
    for answer in answers("memory", "ultralytics-thop-2.2", *NETWORKS):
        inside = answer["real"]["made"] - answer["probe"]["made"]
        assert answer["probe"]["peak"] == answer["real"]["peak"]
        if answer["network"] == "yolov5s-transformer":  # what attention makes inside is not followed
            assert inside > 0
        else:
            assert inside == 0

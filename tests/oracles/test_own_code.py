"""Whatever code a module runs, the figures are those of the real thop, fvcore and FlopCounterMode; or none has one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.environments import ROOT, counter, tool
from tests.oracles.own_code import CASES, REFUSED
from tests.processes import run_python


@pytest.fixture(scope="module")
def answers() -> Mapping[str, Mapping[str, Any]]:
    paths = [ROOT, *tool("fvcore"), counter("ultralytics-thop", "2.2.3")]
    done = run_python(Path(__file__).with_name("own_code_check.py"), paths=paths)
    return {answer["network"]: answer for answer in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", CASES)
def test_a_module_with_code_of_its_own_is_counted_as_the_real_counters_count_it(
    name: str, answers: Mapping[str, Mapping[str, Any]]
) -> None:
    answer = answers[name]
    assert answer["unchanged"]
    assert answer["probe"] == answer["real"]
    assert all(isinstance(figure, int) for figure in answer["real"].values())


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_real_run_refuses_has_no_figure(name: str, answers: Mapping[str, Mapping[str, Any]]) -> None:
    answer = answers[name]
    assert set(answer["real"].values()) == {"refused"}
    assert answer["probe"] == answer["real"]

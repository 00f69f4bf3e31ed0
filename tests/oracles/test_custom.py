"""What people write into their models is counted as the real counters count it, and what they leave out is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import environments, processes
from tests.custom_modules import DEPENDS_ON_DATA, IDEAS

SCRIPT = Path(__file__).with_name("custom_check.py")
COUNTERS = (
    ("thop", "0.1.1.post2209072238", "thop-0.1"),
    ("ultralytics-thop", "2.1.2", "ultralytics-thop-2.1.2"),
    ("ultralytics-thop", "2.1.6", "ultralytics-thop-2.1.3"),
    ("ultralytics-thop", "2.2.3", "ultralytics-thop-2.2"),
)


@pytest.mark.parametrize(("distribution", "version", "convention"), COUNTERS)
def test_each_thop_counts_custom_modules_as_its_convention_says(
    distribution: str, version: str, convention: str
) -> None:
    paths = [environments.ROOT, environments.counter(distribution, version)]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    done = processes.run_python(SCRIPT, convention, paths=paths)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [each["network"] for each in found] == list(IDEAS)
    assert {each["network"]: each["probe"] for each in found} == {each["network"]: each["thop"] for each in found}
    assert all(each["unchanged"] for each in found)
    assert {each["network"] for each in found if each["executed"]} == DEPENDS_ON_DATA
    assert {each["executed"].partition(": ")[0] for each in found if each["executed"]} == {"idea"}
    left_out = {each["network"]: each["uncounted"] for each in found}
    assert left_out["grid_sample"] == [["grid_sample", "idea", 4 * 5 * 8]]
    assert left_out["deform_conv2d"] == [["deform_conv2d", "idea", 4 * 16 * 16]]
    assert left_out["einsum of three"] == [["einsum of several", "idea", 16 * 16 * 16]]
    assert left_out["einsum"] == ([] if convention.endswith("2.2") else [["einsum", "idea", 8 * 8]])


@pytest.mark.parametrize(("distribution", "version", "convention"), COUNTERS)
def test_rules_of_the_users_own_count_as_each_thop_applies_them(
    distribution: str, version: str, convention: str
) -> None:
    paths = [environments.ROOT, environments.counter(distribution, version)]
    done = processes.run_python(SCRIPT.with_name("rules_check.py"), convention, paths=paths)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == 24
    for each in found:
        assert (each["case"], each["probe"]) == (each["case"], each["thop"])
        assert (each["case"], each.get("probe's line")) == (each["case"], each.get("thop's line"))

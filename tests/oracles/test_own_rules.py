"""Oracle: a rule of the user's own gives what the real thop gives with it, of a file without torch and live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import environments, processes
from tests.conftest import Probe
from tests.oracles.real_host import RELEASES

SCRIPT = Path(__file__).with_name("own_rules_check.py")

# Up to 2.0.16 thop takes a rule for all that is inside a module, as the probe does; later ones count that beside it.
TAKE_IT_FOR_ALL = ("thop-0.1", "ultralytics-thop-2.0.16")


@pytest.mark.parametrize("name", TAKE_IT_FOR_ALL)
def test_a_file_of_rules_counts_as_thop_with_custom_ops(name: str, tmp_path: Path, probe: Probe) -> None:
    paths = [environments.ROOT, environments.host("7.0.14"), environments.counter(*RELEASES[name])]
    found = json.loads(processes.run_python(SCRIPT, tmp_path, name, paths=paths).stdout.splitlines()[-1])
    assert found["live"] == found["thop"]
    assert found["by_module"] == 2 * 256 * 64 + 2 * 256 * 20 * 20
    done = probe(
        "info", tmp_path / "best.pt", "--rules", tmp_path / "my_rules.py", "--counter", name, "--format", "json"
    )
    assert json.loads(done.stdout)["summary"]["flops"] == found["thop"]

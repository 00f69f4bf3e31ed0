"""Trainings by Lightning and Accelerate, with ``watch()`` around them as the guide has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.environments import LOOPS, ROOT, release
from tests.processes import run_python

SCRIPT = Path(__file__).with_name("loops_check.py")


@pytest.mark.parametrize("library", LOOPS)
def test_a_loop_of_a_library_is_told_and_trains_the_same(library: str, tmp_path: Path) -> None:
    paths = [ROOT, *(release(*need) for need in LOOPS[library])]
    done = run_python(SCRIPT, library, tmp_path / "run", paths=paths)
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "same": True,
        "events": [["start", None, 268], ["change", 1, 52], ["end", None, None]],
    }

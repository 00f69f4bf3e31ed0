"""Contract: what the open page runs, Python in WebAssembly, gives the same answers as any other Python."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.browser.conftest import PAGE
from tests.environments import ROOT

TESTS = ("test_checkpoint", "test_hostile", "test_ledger", "test_explain")
NOT_THERE = (
    "test_checkpoint.py::test_nothing_is_imported_to_read_a_checkpoint",  # a process
    "test_checkpoint.py::test_a_pipe_is_refused_without_waiting_for_it",  # a named pipe
)


def test_the_unit_tests_of_reader_ledger_and_explain_pass_in_pyodide() -> None:
    node = shutil.which("node")
    assert node, "found no node, expected it: make .venv/browser"
    packages = Path(pytest.__file__).parents[1]
    program = Path(__file__).with_name("pyodide_tests.mjs")
    options = ["-q", "-p", "no:cacheprovider", "-m", "not exhaustive", "--tb=short"]
    options += [f"--deselect=tests/unit/{name}" for name in NOT_THERE]
    options += [f"tests/unit/{name}.py" for name in TESTS]
    done = subprocess.run(
        [node, program, PAGE, ROOT, packages, *options], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout.splitlines()[-1]

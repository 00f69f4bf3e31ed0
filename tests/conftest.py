"""What tests share: the checkpoint that ships with the project, and the command itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from tests.environments import ROOT
from yolo_probe.cli import main


@dataclass(frozen=True)
class Answer:
    """What a command left behind, in the names of ``subprocess.CompletedProcess``."""

    returncode: int
    stdout: str
    stderr: str


Probe = Callable[..., Answer]


@pytest.fixture(scope="session")
def demo_checkpoint() -> Path:
    return ROOT / "configs" / "demo" / "narrow-best.pt"


@pytest.fixture(scope="session")
def demo_lines() -> tuple[str, str]:
    """What YOLOv5 printed of the demo checkpoint, at train start and at validation."""
    log = ROOT / "configs" / "demo" / "narrow-best.log"
    training, validation = log.read_text(encoding="utf-8").splitlines()
    return training, validation


@pytest.fixture(scope="session")
def probe() -> Probe:
    """Runs ``yolo-probe`` with these arguments, in the project's root, as a user with a pipe would.

    It runs in this process: a start of Python and of the package for each of hundreds of commands is a minute. An
    exception that nobody catches is then the test's own. test_cli.py holds this against processes.
    """

    def run(*arguments: object) -> Answer:
        out, err = TextIOWrapper(BytesIO(), "utf-8"), TextIOWrapper(BytesIO(), "utf-8")
        with pytest.MonkeyPatch.context() as here, redirect_stdout(out), redirect_stderr(err):
            here.chdir(ROOT)
            for name in ("COLUMNS", "FORCE_COLOR"):
                here.delenv(name, raising=False)
            code = _exit_code([*map(str, arguments)])
        return Answer(code, *(_written(stream) for stream in (out, err)))

    return run


def _exit_code(arguments: list[str]) -> int:
    """That of a process whose entry point is ``main``."""
    try:
        main(arguments)
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            print(leaving.code, file=sys.stderr)
            return 1
        return leaving.code or 0
    return 0


def _written(stream: TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()

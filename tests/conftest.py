"""What tests share: the checkpoint that ships with the project, the official ones, and the command itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import environments

Probe = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def demo_checkpoint() -> Path:
    return environments.ROOT / "configs" / "demo" / "narrow-best.pt"


@pytest.fixture(scope="session")
def demo_lines() -> tuple[str, str]:
    """What YOLOv5 printed of the demo checkpoint, at train start and at validation."""
    log = environments.ROOT / "configs" / "demo" / "narrow-best.log"
    training, validation = log.read_text(encoding="utf-8").splitlines()
    return training, validation


@pytest.fixture(scope="session")
def official_yolov5s() -> Path:
    return environments.official_yolov5s()


@pytest.fixture(scope="session")
def official_yolov5s_seg() -> Path:
    return environments.official_yolov5s_seg()


@pytest.fixture(scope="session")
def probe() -> Probe:
    """Runs ``yolo-probe`` with these arguments, in the project's root, as a user with a pipe would."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "yolo_probe", *map(str, arguments)],
            cwd=environments.ROOT,
            env={name: value for name, value in os.environ.items() if name not in {"COLUMNS", "FORCE_COLOR"}},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
        )

    return run

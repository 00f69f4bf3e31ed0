"""The tables of --verbose are, line by line, those that the real hosts print of the same checkpoint or network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import environments, processes
from tests.conftest import Probe

PRINT_PARAMETERS = """
import sys, torch
checkpoint = torch.load(sys.argv[1], map_location="cpu", weights_only=False)
checkpoint["model"].float().info(verbose=True)
"""

PRINT_ROWS = """
import logging, sys
logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
from yolov5.models.yolo import Model
Model(sys.argv[1])
"""


def printed(source: str, argument: Path, release: str) -> list[str]:
    paths = [environments.host(release), *(environments.release(*each) for each in environments.HOST_NEEDS)]
    done = processes.run_python(source, argument, paths=paths)
    return [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]


def table(lines: list[str], head: str) -> list[str]:
    """The lines from the one that begins so, as far as they are rows."""
    start = next(i for i, line in enumerate(lines) if line.split()[: len(head.split())] == head.split())
    rows = lines[start + 1 :]
    end = next((i for i, line in enumerate(rows) if not line.split()[:1] or not line.split()[0].isdigit()), len(rows))
    return [lines[start], *rows[:end]]


def test_parameters_with_mean_and_deviation_are_those_of_the_host(demo_checkpoint: Path, probe: Probe) -> None:
    host = table(printed(PRINT_PARAMETERS, demo_checkpoint, "7.0.14"), "layer name gradient")
    assert len(host) == 1 + 177
    assert table(probe("info", demo_checkpoint, "--verbose").stdout.splitlines(), "layer name gradient") == host


@pytest.mark.parametrize(
    ("release", "target"),
    [
        ("5.0.0", "yolov5s@v5.0"),
        ("5.0.0", "yolov5-panet@v5.0"),
        ("6.0.7", "yolov5n6@v6.0"),
        ("7.0.14", "yolov5-p2@v7.0"),
    ],
)
def test_rows_with_their_arguments_are_those_of_the_host(release: str, target: str, probe: Probe) -> None:
    name = target.partition("@")[0]
    file = next((environments.host(release) / "yolov5" / "models").rglob(f"{name}.yaml"))
    host = [
        row.replace("yolov5.models.", "models.") for row in table(printed(PRINT_ROWS, file, release), "from n params")
    ]
    ours = table(probe("info", target, "--verbose").stdout.splitlines(), "from n params")
    assert [row.split() for row in ours] == [row.split() for row in host]

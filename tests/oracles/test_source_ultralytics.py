"""A checkpoint of a changed ultralytics, with its source: every number is what that code itself prints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.environments import ROOT, counter, release
from tests.processes import run_python

RELEASE, THOP = ("ultralytics", "8.3.75"), ("ultralytics-thop", "2.0.16")

BLOCKS = """
from torch import nn
from ultralytics.nn.modules.conv import Conv

class Gate(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Sequential(nn.Linear(c, c), nn.Sigmoid())

    def forward(self, x):
        return x * self.fc(self.pool(x).flatten(1))[:, :, None, None]

class Branches(nn.Module):
    def __init__(self, c1, c2):
        super().__init__()
        self.a, self.b, self.act = Conv(c1, c2, 3, act=False), Conv(c1, c2, 1, act=False), nn.SiLU()

    def forward(self, x):
        return self.act(self.both(x) if hasattr(self, "both") else self.a(x) + self.b(x))

    def merge(self):
        self.both = nn.Conv2d(self.a.conv.in_channels, self.a.conv.out_channels, 3, padding=1).requires_grad_(False)
        del self.a, self.b
"""
"""Blocks that somebody has put into a folder of the package, one of which its ``fuse()`` merges."""

CHANGES = (
    ("from ultralytics.nn.modules import (", "from ultralytics.nn.extra import Branches, Gate\n{}"),
    (
        "        elif m is AIFI:",
        "        elif m in (Gate, Branches):\n            args = [ch[f]] * (1 + (m is Branches))\n{}",
    ),
    (
        "                if isinstance(m, RepConv):",
        "                if isinstance(m, Branches):\n                    m.merge()\n{}",
    ),
)
"""What the package's nn/tasks.py then has before these lines."""

YAML = """
nc: 2
scales: {n: [1.0, 1.0, 1024]}
backbone:
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, C2f, [16, True]]
  - [-1, 1, Gate, []]
  - [-1, 1, Conv, [32, 3, 2]]
head:
  - [-1, 1, Branches, []]
  - [[2, 4], 1, Detect, [nc]]
"""

SAVE = """
import json
from copy import deepcopy
import torch
import ultralytics
from tests.fingerprints import said
from ultralytics.nn.tasks import DetectionModel
from ultralytics.utils import LOGGER

lines, model = said(LOGGER, lambda: DetectionModel("mine.yaml", ch=3, verbose=True))
model.eval().requires_grad_(False)
def save(name):
    torch.save({"epoch": -1, "model": deepcopy(model).half(), "version": ultralytics.__version__}, name)
save("best.pt")
for module in model.modules():
    module.register_buffer("total_ops", torch.zeros(1, dtype=torch.float64))
save("profiled.pt")
for module in model.modules():
    del module.total_ops
after, _ = said(LOGGER, model.fuse)
save("fused.pt")
model = DetectionModel("yolov8n.yaml", verbose=False)
block = model.model[2]
block.first = block.cv1
del block.cv1
save("other.pt")
print(json.dumps([line for line in (*lines, *after) if " summary" in line]))
"""

REPORT = "import sys; from yolo_probe.cli import main; main(sys.argv[1:])"


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a changed ultralytics with its checkpoints, and its own two lines."""
    folder = tmp_path_factory.mktemp("fork")
    package = folder / "ultralytics"
    shutil.copytree(release(*RELEASE) / "ultralytics", package, ignore=shutil.ignore_patterns("assets", "__pycache__"))
    (package / "nn" / "extra.py").write_text(BLOCKS, encoding="utf-8")
    tasks = package / "nn" / "tasks.py"
    text = tasks.read_text(encoding="utf-8")
    for line, change in CHANGES:
        assert line in text
        text = text.replace(line, change.format(line), 1)
    tasks.write_text(text, encoding="utf-8")
    (folder / "mine.yaml").write_text(YAML, encoding="utf-8")
    done = run_python(SAVE, paths=[folder, ROOT, counter(*THOP)], cwd=folder)
    return folder, json.loads(done.stdout.splitlines()[-1])


def report(folder: Path, command: str, file: str, *words: str, package: Path | None = None) -> dict[str, Any]:
    paths = [ROOT, counter(*THOP), *([package] if package else [])]
    done = run_python(REPORT, command, str(folder / file), *words, "--format", "json", paths=paths, cwd=folder.parent)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.parametrize("file", ["best.pt", "profiled.pt"])
@pytest.mark.parametrize("is_installed", [False, True])
def test_the_lines_are_the_codes_own_and_every_ledger_adds_up(
    file: str, is_installed: bool, fork: tuple[Path, list[str]]
) -> None:
    folder, lines = fork
    words = () if is_installed else ("--source", str(folder))
    found = report(folder, "fuse-diff", file, *words, package=folder if is_installed else None)
    assert [found["host_lines"][state] for state in ("training", "validation")] == lines
    assert {name: ledger["unexplained"] for name, ledger in found["ledger"].items()} == dict.fromkeys(
        ("layers", "parameters", "gradients", "flops"), 0
    )
    assert any("Branches" in entry["cause"] for entry in found["ledger"]["layers"]["entries"])


@pytest.mark.parametrize("command", ["layers", "counters", "gradients"])
def test_the_other_reports_take_it_too(command: str, fork: tuple[Path, list[str]]) -> None:
    folder, _ = fork
    assert report(folder, command, "best.pt", "--source", str(folder))


def test_a_file_that_was_saved_after_fuse_gets_its_own_line(fork: tuple[Path, list[str]]) -> None:
    folder, lines = fork
    assert report(folder, "info", "fused.pt", "--source", str(folder))["line"] == lines[1]
    with pytest.raises(RuntimeError, match=r"what it was before fuse\(\) is not known"):
        report(folder, "fuse-diff", "fused.pt", "--source", str(folder))


def test_a_source_that_prints_a_line_of_its_own_has_none_that_is_known(
    fork: tuple[Path, list[str]], tmp_path: Path
) -> None:
    folder, _ = fork
    shutil.copytree(folder, tmp_path / "fork")
    printing = tmp_path / "fork" / "ultralytics" / "utils" / "torch_utils.py"
    text = printing.read_text(encoding="utf-8")
    assert "{model_name} summary" in text
    printing.write_text(text.replace("{model_name} summary", "{model_name} total"), encoding="utf-8")
    usual = report(folder, "fuse-diff", "best.pt", "--source", str(folder))
    found = report(tmp_path / "fork", "fuse-diff", "best.pt", "--source", str(tmp_path / "fork"))
    assert found["host_lines"] == {"training": None, "validation": None}
    assert (found["training"], found["validation"]) == (usual["training"], usual["validation"])


def test_a_class_of_a_known_name_that_holds_others_is_not_run_by_the_installed_package(
    fork: tuple[Path, list[str]],
) -> None:
    folder, _ = fork
    with pytest.raises(RuntimeError, match=r"cannot run this file's modules: model\.2: .*cv1[^-]*--source DIR"):
        report(folder, "fuse-diff", "other.pt", package=release(*RELEASE))


def test_without_the_source_the_class_that_is_not_there_is_named(fork: tuple[Path, list[str]]) -> None:
    folder, _ = fork
    with pytest.raises(RuntimeError, match=r"has no ultralytics\.nn\.extra\.Gate[^-]*--source DIR"):
        report(folder, "fuse-diff", "best.pt", package=release(*RELEASE))

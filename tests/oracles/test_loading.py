"""What an inspection says of loading a file is what torch does, and its lines remove what the real thop leaves."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from argparse import Namespace
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from tests import environments
from tests.conftest import Probe

COUNTED = """
import sys
import torch
import thop

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4)

    def forward(self, x):
        return self.b(self.a(x))

clean = set(Net().state_dict())
model = torch.nn.Sequential(Net())
thop.profile(model, (torch.zeros(1, 3, 8, 8),), verbose=False)
state = model.state_dict()
left = len(state)
"""


@pytest.mark.parametrize("form", ["model", "state"])
def test_the_line_that_is_given_removes_what_thop_left(form: str, tmp_path: Path, probe: Probe) -> None:
    path = tmp_path / "counted.pt"
    saved = "{'model': model.half()}" if form == "model" else "state"
    _run(f"{COUNTED}\ntorch.save({saved}, {str(path)!r})")
    said = " ".join(probe("inspect", path).stdout.split())
    found = re.search(r"count a copy\. (.*?) More ", said)
    assert found, said
    clean = "set(model[0].state_dict())" if form == "model" else "{name.removeprefix('0.') for name in state}"
    _run(f"{COUNTED}\n{found[1]}\nassert left > len(clean) and clean == {clean}, {clean}")


def _run(code: str) -> None:
    path = environments.counter("ultralytics-thop", "2.0.0")
    environment = {"PYTHONPATH": str(path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


WEIGHTS = nn.Conv2d(3, 4, 3).state_dict()
SAVED: dict[str, object] = {
    "weights": WEIGHTS,
    "halves": {name: tensor.half() for name, tensor in WEIGHTS.items()},
    "parameters": OrderedDict(nn.Conv2d(3, 4, 3).named_parameters()),
    "nested": {"state_dict": WEIGHTS, "epoch": 3, "size": torch.Size([1]), "best": {1, 2}},
    "model": {"model": nn.Sequential(nn.Conv2d(3, 4, 3))},
    "options": {"state_dict": WEIGHTS, "opt": Namespace(a=1)},
    "path": {"state_dict": WEIGHTS, "opt": {"save_dir": Path("runs")}},
}


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("name", SAVED)
def test_what_torch_refuses_by_default_is_what_is_said(name: str, legacy: bool, tmp_path: Path, probe: Probe) -> None:
    path = tmp_path / "x.pt"
    torch.save(SAVED[name], path, _use_new_zipfile_serialization=not legacy)
    try:
        torch.load(path)
        refused = False
    except pickle.UnpicklingError:
        refused = True
    said = " ".join(probe("inspect", path).stdout.split())
    assert ("torch 2.6 and later refuse that by default" in said) is refused
    assert refused is (name in ("model", "options", "path"))

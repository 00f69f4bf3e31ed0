"""A checkpoint of a fork with the source of the fork: every number is the fork's own, and nothing is unpickled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from re import findall
from typing import Any

import pytest

from tests.environments import ROOT, counter
from tests.processes import run_python

SMALL_HOST = Path(__file__).with_name("small_host")

BRANCHES = """
from torch import nn

class Branches(nn.Module):
    def __init__(self, c1, c2):
        super().__init__()
        raise RuntimeError("no constructor runs")

    def forward(self, x):
        return self.both(x) if hasattr(self, "both") else self.one(x) + self.two(x)

    def merge(self):
        self.both = nn.Conv2d(self.two.in_channels, self.two.out_channels, 3, padding=1)
        del self.one, self.two
"""
"""A block whose branches become one convolution."""

MODEL = """

from models.branches import Branches

Before = Model

class Model(Before):
    def fuse(self):
        for module in self.modules():
            if isinstance(module, Branches):
                module.merge()
        return super().fuse()
"""
"""The model that has it, at the end of models/yolo.py."""

SAVE = """
import json
import sys
import torch
from torch import nn
from models.branches import Branches
from models.yolo import Model

def numbers(model):
    return [len(list(model.modules())), *(sum(p.numel() for p in model.parameters() if p.requires_grad or every)
                                          for every in (True, False))]

model = Model()
block = Branches.__new__(Branches)
nn.Module.__init__(block)
block.one, block.two = nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 3, padding=1, bias=False)
model.model[2] = block
model.yaml, model.names, model.nc, model.hyp = {"nc": 2, "ch": 3}, ["a", "b"], 2, {"lr0": 0.01}
model.register_buffer("anchors", torch.tensor([[1.0, 2.0]]))
model.stride = torch.tensor([4.0])
model.requires_grad_(False)
before = numbers(model)
torch.save({"epoch": -1, "optimizer": None, "model": model.half()}, "best.pt")
with torch.no_grad():
    print(json.dumps([before, numbers(model.float().fuse())]))
"""

REPORT = """
import sys
from yolo_probe.cli import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[int]]]:
    """The folder of a fork with a checkpoint, and its own numbers: layers, parameters, gradients, before and after."""
    folder = tmp_path_factory.mktemp("fork")
    shutil.copytree(SMALL_HOST, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "models" / "branches.py").write_text(BRANCHES, encoding="utf-8")
    (folder / "models" / "common.py").write_text(COMMON, encoding="utf-8")
    with (folder / "models" / "yolo.py").open("a", encoding="utf-8") as file:
        file.write(MODEL)
    done = run_python(SAVE, paths=[folder], cwd=folder)
    return folder, json.loads(done.stdout.splitlines()[-1])


def report(folder: Path, *words: str) -> dict[str, Any]:
    done = run_python(REPORT, *words, "--format", "json", paths=[ROOT], cwd=folder.parent)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_every_number_is_the_forks_own_and_every_ledger_adds_up(fork: tuple[Path, list[list[int]]]) -> None:
    folder, (before, after) = fork
    found = report(folder, "fuse-diff", str(folder / "best.pt"), "--source", str(folder))
    assert [found["training"][key] for key in ("layers", "parameters")] == before[:2]
    assert [found["validation"][key] for key in ("layers", "parameters", "gradients")] == after
    assert {name: ledger["unexplained"] for name, ledger in found["ledger"].items()} == dict.fromkeys(
        ("layers", "parameters", "gradients", "flops"), 0
    )
    assert any("Branches" in entry["cause"] for entry in found["ledger"]["layers"]["entries"])
    assert "known" not in found["validation"]


def test_the_other_reports_take_it_too(fork: tuple[Path, list[list[int]]]) -> None:
    folder, (before, _) = fork
    for command in ("info", "layers", "counters", "gradients"):
        found = report(folder, command, str(folder / "best.pt"), "--source", str(folder))
        assert str(before[1]) in json.dumps(found)


@pytest.mark.parametrize("options", [(), ("--weights", "--compile")])
def test_bench_runs_the_modules_of_the_fork(options: tuple[str, ...], fork: tuple[Path, list[list[int]]]) -> None:
    folder, _ = fork
    best = str(folder / "best.pt")
    found = report(folder, "bench", best, "--source", str(folder), "--imgsz", "64", "--seconds", "0.01", *options)
    costs = report(folder, "layers", best, "--source", str(folder), "--imgsz", "64", "--fused")
    (case,) = found["cases"]
    assert (case["not_measured"], case["flops_fused"]) == ({}, costs["total"]["flops"])
    assert case["unfused"]["median_ms"] > 0
    assert {row["name"] for row in found["rows"]} == {line["name"] for line in costs["lines"]}
    assert (found["weights"], found["random_weights"]) == ("the file's" if options else "random", [])


TWICE = """
from torch import nn
from models.yolo import Conv

Conv.__module__ = "models.common"

def halved(x):
    return x / 2

class Bottleneck(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.cv1, self.cv2, self.add, self.half = Conv(c, c, 1), Conv(c, c, 1), True, halved

    def forward(self, x):
        return self.half(x) + self.cv2(self.cv2(self.cv1(x)))
"""
"""A class of YOLOv5 that holds what YOLOv5's holds, and a function beside it, and computes otherwise."""

SAVE_TWICE = """
import sys
from copy import deepcopy
import torch
from thop import profile
from models.common import Bottleneck
from models.yolo import Model

def flops(model):
    return 2 * int(profile(deepcopy(model), inputs=(torch.zeros(1, 3, 64, 64),), verbose=False)[0])

model = Model()
model.model[2] = Bottleneck(16)
if sys.argv[1] == "plain":
    del model.model[2].half
    Bottleneck.half = lambda self, x: x / 2
for i, row in enumerate(model.model):
    row.i, row.f = i, -1
model.save, model.yaml, model.names, model.nc = [], {"nc": 2, "ch": 3}, ["a", "b"], 2
model.register_buffer("anchors", torch.tensor([[1.0, 2.0]]))
model.stride = torch.tensor([4.0])
model.requires_grad_(False)
torch.save({"epoch": -1, "optimizer": None, "model": deepcopy(model).half()}, "best.pt")
before = flops(model)
print(before, flops(model.fuse()))
"""


@pytest.fixture(params=["plain", "with a function"])
def other_body(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[int]]:
    """A fork whose Bottleneck computes otherwise than YOLOv5's: its folder, and what thop counts before and after."""
    shutil.copytree(SMALL_HOST, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    body = TWICE if request.param != "plain" else TWICE + "\n    def half(self, x):\n        return x / 2\n"
    (tmp_path / "models" / "common.py").write_text(body, encoding="utf-8")
    thop = counter("ultralytics-thop", "2.2.3")
    done = run_python(SAVE_TWICE, request.param, paths=[tmp_path, thop], cwd=tmp_path)
    return tmp_path, [int(each) for each in done.stdout.split()[-2:]]


def test_the_source_has_the_last_word_of_a_class_that_is_known(other_body: tuple[Path, list[int]]) -> None:
    folder, counted = other_body
    words = (str(folder / "best.pt"), "--source", str(folder), "--imgsz", "64", "--counter", "ultralytics-thop-2.2")
    found = report(folder, "fuse-diff", *words)
    assert [found[state]["flops"] for state in ("training", "validation")] == counted
    assert report(folder, "layers", *words)["total"]["flops"] == counted[0]


def test_a_forward_that_fails_on_shapes_is_the_sources_own(other_body: tuple[Path, list[int]]) -> None:
    folder, _ = other_body
    with (folder / "models" / "common.py").open("a", encoding="utf-8") as file:
        file.write("\n    def forward(self, x):\n        raise ValueError(x.shape)\n")
    words = (str(folder / "best.pt"), "--source", str(folder))
    found = report(folder, "fuse-diff", *words)
    assert [found[state]["flops"] for state in ("training", "validation")] == [None, None]
    assert all(found["ledger"][each]["unexplained"] == 0 for each in ("layers", "parameters", "gradients"))
    assert report(folder, "info", *words)["summary"]["flops"] is None
    with pytest.raises(RuntimeError, match="the source's own forward fails there on shapes"):
        report(folder, "counters", *words)


def test_a_fuse_after_which_the_forward_fails_hides_the_gflops_of_its_line_alone(
    other_body: tuple[Path, list[int]],
) -> None:
    folder, _ = other_body
    with (folder / "models" / "common.py").open("a", encoding="utf-8") as file:
        file.write("\n    def forward(self, x):\n        return self.cv1.bn(x)\n")
    words = (str(folder / "best.pt"), "--source", str(folder))
    told = run_python(REPORT, "fuse-diff", *words, paths=[ROOT], cwd=folder.parent).stdout
    assert "fuse() breaks this network" in told
    assert told.count("No GFLOPs: ") == 1
    assert "GFLOPs are not known" not in told


def test_without_the_source_nothing_after_fuse_is_called_known(fork: tuple[Path, list[list[int]]]) -> None:
    folder, _ = fork
    with pytest.raises(RuntimeError, match=r"may be in \./models: add --source \."):
        run_python(REPORT, "fuse-diff", "best.pt", paths=[ROOT], cwd=folder)


COMMON = """
from torch import nn
from models.yolo import Conv

Conv.__module__ = "models.common"
Conv.act = nn.SiLU()
"""
"""The place in which YOLOv5 has its Conv, so that it is known from the file; its class has the name of a child too."""

FUSED = """
import json
import torch
from models import common
from models.yolo import Model

def numbers(model):
    return [len(list(model.modules())), sum(p.numel() for p in model.parameters())]

model = Model()
model.yaml, model.names, model.nc, model.stride = {"nc": 2, "ch": 3}, ["a", "b"], 2, torch.tensor([4.0])
model.requires_grad_(False)
before, model = numbers(model), model.fuse()
torch.save({"epoch": -1, "optimizer": None, "model": model.half()}, "fused.pt")
print(json.dumps([before, numbers(model)]))
"""
"""A file that is saved after fuse(), of a network of Conv alone."""

ADDS = """

class Model(Before):
    def fuse(self):
        self.model[3] = nn.Sequential(self.model[3], nn.Identity())
        return super().fuse()
"""
"""A fuse() that makes another network of it."""


def test_of_a_fused_file_the_sources_own_fuse_says_what_it_was_before(fork: tuple[Path, list[list[int]]]) -> None:
    folder, _ = fork
    before, after = json.loads(run_python(FUSED, paths=[folder], cwd=folder).stdout.splitlines()[-1])
    found = report(folder, "fuse-diff", str(folder / "fused.pt"), "--source", str(folder))
    for state, expected in (("training", before), ("validation", after)):
        assert [found[state][key] for key in ("layers", "parameters")] == expected
    assert {ledger["unexplained"] for ledger in found["ledger"].values()} == {0}


def test_what_the_sources_fuse_does_not_make_again_is_not_known(
    fork: tuple[Path, list[list[int]]], tmp_path: Path
) -> None:
    folder = tmp_path / "fork"
    shutil.copytree(fork[0], folder, ignore=shutil.ignore_patterns("__pycache__"))
    run_python(FUSED, paths=[folder], cwd=folder)
    with (folder / "models" / "yolo.py").open("a", encoding="utf-8") as file:
        file.write(ADDS)
    with pytest.raises(RuntimeError, match=r"what it was before fuse\(\) is not known"):
        run_python(REPORT, "fuse-diff", "fused.pt", "--source", ".", paths=[ROOT], cwd=folder)


READS_YAML = """

import yaml

class Model(Before):
    def __init__(self, cfg, ch=3, nc=None):
        super().__init__()
        self.yaml = yaml.safe_load(open(cfg))
        self.yaml["ch"] = ch
        for _, _, name, (c1, c2) in self.yaml["backbone"]:
            block = Branches.__new__(Branches)
            nn.Module.__init__(block)
            block.one, block.two = nn.Conv2d(c1, c2, 1), nn.Conv2d(c1, c2, 3, padding=1, bias=False)
            self.model[2] = block
        self.model[3] = nn.Conv2d(16, 5 + (nc or self.yaml["nc"]), 1)

    def fuse(self):
        for module in self.modules():
            if isinstance(module, Branches):
                module.merge()
        return super().fuse()
"""
"""A model that is built of a YAML with its block."""

YAML = """
nc: 2
depth_multiple: 1.0
width_multiple: 1.0
anchors: 1
backbone:
  - [-1, 1, Branches, [16, 16]]
head: []
"""

OWN = """
import json
from models.yolo import Model
def numbers(model):
    return [len(list(model.modules())), sum(p.numel() for p in model.parameters())]
model = Model("net.yaml", nc=4)
before = numbers(model)
print(json.dumps([before, numbers(model.fuse())]))
"""


def test_a_model_yaml_is_built_by_the_forks_own_parser(fork: tuple[Path, list[list[int]]], tmp_path: Path) -> None:
    folder = tmp_path / "fork"
    shutil.copytree(fork[0], folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "models" / "yolo.py").open("a", encoding="utf-8") as file:
        file.write(READS_YAML)
    (folder / "net.yaml").write_text(YAML, encoding="utf-8")
    done = run_python(OWN, paths=[folder], cwd=folder)
    before, after = json.loads(done.stdout.splitlines()[-1])
    found = report(folder, "fuse-diff", str(folder / "net.yaml"), "--source", str(folder), "--nc", "4")
    for state, expected in (("training", before), ("validation", after)):
        assert [found[state][key] for key in ("layers", "parameters")] == expected
    assert {ledger["unexplained"] for ledger in found["ledger"].values()} == {0}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere", "found no such folder, expected the one in which `models` lies"),
        ("empty", "the model is a models.yolo.Model, which no code there has or imports"),
        ("other", r"model\.2 is a models.branches.Branches, which \S+branches\.py does not have"),
    ],
)
def test_a_source_that_does_not_fit_is_refused(
    source: str, message: str, fork: tuple[Path, list[list[int]]], tmp_path: Path
) -> None:
    folder, _ = fork
    (tmp_path / "empty").mkdir()
    shutil.copytree(folder, tmp_path / "other", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "other" / "models" / "branches.py").write_text(
        BRANCHES.replace("class Branches", "Branches = None\n\nclass Gone")
    )
    with pytest.raises(RuntimeError, match=message):
        run_python(REPORT, "info", str(folder / "best.pt"), "--source", source, paths=[ROOT], cwd=tmp_path)


ELSEWHERE = """
import sys
import types
import torch
from torch import nn
elsewhere = types.ModuleType("elsewhere")
elsewhere.Thing = type("Thing", (nn.Module,), {"__module__": "elsewhere"})
sys.modules["elsewhere"] = elsewhere
contents = torch.load("best.pt", weights_only=False)
contents["model"].model[2] = elsewhere.Thing()
torch.save(contents, sys.argv[1])
"""
"""A file with a class of a module that its source does not import."""


def test_a_file_makes_nothing_be_imported_that_its_source_does_not_import(
    fork: tuple[Path, list[list[int]]], tmp_path: Path
) -> None:
    folder, _ = fork
    run_python(ELSEWHERE, tmp_path / "best.pt", paths=[folder], cwd=folder)
    (tmp_path / "elsewhere.py").write_text("open('imported', 'w')\n", encoding="utf-8")
    words = ("info", tmp_path / "best.pt", "--source", folder)
    with pytest.raises(RuntimeError, match=r"model\.2 is a elsewhere\.Thing, which no code there has or imports"):
        run_python(REPORT, *words, paths=[ROOT, tmp_path], cwd=tmp_path)
    assert not (tmp_path / "imported").exists()


REPEATS = """
import sys
import torch
from torch import nn
contents = torch.load("best.pt", weights_only=False)
contents["model"].repeats = int(sys.argv[1])
torch.save(contents, sys.argv[2])
"""

LOOP = """

class Model(Before):
    def forward(self, x):
        for _ in range(self.repeats):
            x = x + 1
        return x
"""


@pytest.mark.parametrize(
    ("repeats", "message"),
    [
        (300_000, "found more than 200,000 operators"),
        (10**12, "found repeats=1000000000000, expected a smaller number"),
    ],
)
def test_a_number_in_a_file_does_not_make_its_source_run_for_ever(
    repeats: int, message: str, fork: tuple[Path, list[list[int]]], tmp_path: Path
) -> None:
    folder = tmp_path / "fork"
    shutil.copytree(fork[0], folder, ignore=shutil.ignore_patterns("__pycache__"))
    run_python(REPEATS, repeats, folder / "many.pt", paths=[fork[0]], cwd=fork[0])
    with (folder / "models" / "yolo.py").open("a", encoding="utf-8") as file:
        file.write(LOOP)
    with pytest.raises(RuntimeError, match=message):
        run_python(REPORT, "layers", folder / "many.pt", "--source", folder, paths=[ROOT], cwd=tmp_path, timeout=120)


NO_FUSE = """

from torch import nn as networks

class Model(networks.Module):
    __init__ = Before.__init__
    forward = Before.forward
"""
"""A model without a fuse()."""

RAISES = """

class Model(Before):
    def fuse(self):
        raise KeyError("bn2")
"""
"""A model whose fuse() fails."""

READS_VALUES = """

class Model(Before):
    def fuse(self):
        for module in self.modules():
            if isinstance(module, Branches):
                assert module.two.weight.isfinite().all()
                module.merge()
        return Before.fuse(self)
"""
"""A model whose fuse() reads what is in its weights."""


def _with_model(fork: tuple[Path, list[list[int]]], folder: Path, model: str) -> Path:
    """A copy of a fork with another model at the end of its models/yolo.py; its checkpoint is the same."""
    shutil.copytree(fork[0], folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "models" / "yolo.py").open("a", encoding="utf-8") as file:
        file.write(model)
    return folder


def test_a_source_without_fuse_validates_the_network_as_it_is(
    fork: tuple[Path, list[list[int]]], tmp_path: Path
) -> None:
    folder, (before, _) = _with_model(fork, tmp_path / "fork", NO_FUSE), fork[1]
    words = (str(folder / "best.pt"), "--source", str(folder))
    found = report(folder, "fuse-diff", *words)
    for state in ("training", "validation"):
        assert [found[state][key] for key in ("layers", "parameters")] == before[:2]
    assert found["validation"]["not_fused"]["has_no_fuse"]
    assert "known" not in found["validation"]
    assert found["host_lines"]["validation"] is not None
    assert {ledger["unexplained"] for ledger in found["ledger"].values()} == {0}
    text = run_python(REPORT, "fuse-diff", *words, paths=[ROOT], cwd=tmp_path).stdout
    assert "no BatchNorm is merged" in text
    assert "a model_info of its own" in " ".join(text.split())  # its line is only taken like that of YOLOv5
    _is_measured_before_fuse_alone(folder, *words, reason="found no fuse() in Model")


ADDS_LATE = """

class Model(Before):
    def __init__(self, *given, **named):
        Before.__init__(self, *given, **named)
        self.info()
        self.adapter = nn.Linear(4, 4)
"""
"""A model whose constructor makes something after it has printed its line."""


def test_what_a_constructor_makes_after_its_line_is_not_in_that_line(
    fork: tuple[Path, list[list[int]]], tmp_path: Path
) -> None:
    folder, (before, _) = _with_model(fork, tmp_path / "fork", ADDS_LATE), fork[1]
    done = run_python(SAVE, paths=[folder], cwd=folder)
    late, _ = json.loads(done.stdout.splitlines()[-1])
    words = (str(folder / "best.pt"), "--source", str(folder))
    found = report(folder, "fuse-diff", *words)
    assert [late[0] - before[0], late[1] - before[1]] == [1, 4 * 4 + 4]
    assert [found["training"][key] for key in ("layers", "parameters")] == late[:2]
    for line, numbers in (("started", before), ("training", late)):
        assert [int(each) for each in findall(r"(\d+) (?:layers|parameters)", found["host_lines"][line])] == numbers[:2]
    told = " ".join(run_python(REPORT, "fuse-diff", *words, paths=[ROOT], cwd=tmp_path).stdout.split())
    assert "Its constructor then makes adapter: of all of it model.info() prints" in told


BREAKS = """

class Model(Before):
    def fuse(self):
        Before.fuse(self)
        self.model[0].conv = None
        return self
"""
"""A model whose forward pass fails after its fuse()."""


def test_a_source_that_fuse_breaks_is_measured_before_it(fork: tuple[Path, list[list[int]]], tmp_path: Path) -> None:
    folder = _with_model(fork, tmp_path / "fork", BREAKS)
    _is_measured_before_fuse_alone(folder, str(folder / "best.pt"), "--source", str(folder), reason="model.0")


def _is_measured_before_fuse_alone(folder: Path, *words: str, reason: str) -> None:
    quick = ("bench", *words, "--imgsz", "64", "--seconds", "0.01")
    found, costs = report(folder, *quick), report(folder, "layers", *words, "--imgsz", "64")
    (case,) = found["cases"]
    assert (case["unfused"], case["flops_fused"]) == (None, costs["total"]["flops"])
    assert reason in found["not_fused"]["reason"]
    told = " ".join(run_python(REPORT, *quick, paths=[ROOT], cwd=folder.parent).stdout.split())
    assert f"There is no time after fuse(): {found['not_fused']['reason']}." in told


def test_a_source_whose_fuse_fails_is_answered_before_it(fork: tuple[Path, list[list[int]]], tmp_path: Path) -> None:
    folder, (before, _) = _with_model(fork, tmp_path / "fork", RAISES), fork[1]
    words = (str(folder / "best.pt"), "--source", str(folder))
    found = report(folder, "fuse-diff", *words)
    assert [found["training"][key] for key in ("layers", "parameters")] == before[:2]
    assert found["validation"]["known"] is False
    assert "'bn2'" in found["validation"]["not_fused"]["reason"]
    assert found["host_lines"]["validation"] is None
    told = " ".join(run_python(REPORT, "fuse-diff", *words, paths=[ROOT], cwd=tmp_path).stdout.split())
    assert "The source's own fuse() fails: the model: fuse() fails there: KeyError" in told
    for command in ("info", "layers", "counters"):
        assert report(folder, command, *words)
    assert report(folder, "counters", *words)["counters"]["torch"]["fused"] is None
    _is_measured_before_fuse_alone(folder, *words, reason="KeyError: 'bn2'")
    for command, more in (("gradients", ()), ("layers", ("--fused",)), ("info", ("--fused",))):
        with pytest.raises(RuntimeError, match=r"what fuse\(\) leaves is not known: .*KeyError"):
            report(folder, command, *words, *more)


def test_a_fuse_that_reads_weights_runs_on_real_ones(fork: tuple[Path, list[list[int]]], tmp_path: Path) -> None:
    folder, (_, after) = _with_model(fork, tmp_path / "fork", READS_VALUES), fork[1]
    found = report(folder, "fuse-diff", str(folder / "best.pt"), "--source", str(folder))
    assert [found["validation"][key] for key in ("layers", "parameters", "gradients")] == after
    assert "not_fused" not in found["validation"]


TWO_IMAGES = """

class Model(Before):
    def forward(self, x, infrared, augment=False):
        return Before.forward(self, x) + Before.forward(self, infrared)
"""
"""A model whose forward needs an image of each of two cameras."""

SECOND_BY_DEFAULT = """
import torch

class Model(Before):
    def forward(self, x, infrared=torch.zeros(1, 3, 32, 32), augment=False):
        return Before.forward(self, x) + Before.forward(self, infrared)
"""
"""The same, whose second image has a default of another size."""

STACKED = """

class Model(Before):
    def forward(self, x):
        return Before.forward(self, x[:, :3]) + Before.forward(self, x[:, 3:])
"""
"""A model that takes both images as one."""


@pytest.mark.parametrize(
    ("model", "images"), [(TWO_IMAGES, ["x", "infrared"]), (SECOND_BY_DEFAULT, ["x", "infrared"]), (STACKED, None)]
)
def test_a_source_that_takes_two_images_is_counted_on_two(
    fork: tuple[Path, list[list[int]]], tmp_path: Path, model: str, images: list[str] | None
) -> None:
    folder = _with_model(fork, tmp_path / "fork", model)
    words = (str(folder / "best.pt"), "--source", str(folder), "--counter", "torch")
    one = report(fork[0], "info", str(fork[0] / "best.pt"), "--source", str(fork[0]), "--counter", "torch")
    found = report(folder, "fuse-diff", *words)
    assert found["training"]["flops"] == 2 * one["summary"]["flops"]
    assert found["target"].get("images") == images
    assert found["ledger"]["flops"]["unexplained"] == 0
    costs = report(folder, "layers", *words)
    assert costs["total"]["flops"] == 2 * one["summary"]["flops"]
    assert costs["memory"]["activations_bytes"] > 0
    told = " ".join(run_python(REPORT, "info", *words, paths=[ROOT], cwd=tmp_path).stdout.split())
    assert ("its forward needs 2 images, x, infrared: each is of that size" in told) is (images is not None)
    assert ("additions for 2 images" in told) is (images is not None)
    if images:
        assert set(found["host_lines"].values()) == {None}  # its own model_info may feed both


RECURRENT = """

class Recurrent(nn.Module):
    def forward(self, x):
        n, c, h, w = x.shape
        y, _ = self.cells(x.flatten(2).transpose(1, 2))
        return x + y.transpose(1, 2).reshape(n, c, h, w)
"""
"""A block with an LSTM, which keeps its parameters in a list too, and which records how many it has."""

SAVE_RECURRENT = """
import json
import torch
from torch import nn
from models.branches import Recurrent
from models.yolo import Model

model = Model()
block = Recurrent.__new__(Recurrent)
nn.Module.__init__(block)
block.cells = nn.LSTM(16, 16, batch_first=True)
block.num_params = 1 << 40
model.model[2] = block
model.yaml, model.names, model.nc, model.stride = {"nc": 2, "ch": 3}, ["a", "b"], 2, torch.tensor([4.0])
torch.save({"epoch": -1, "optimizer": None, "model": model}, "recurrent.pt")
print(json.dumps([len(list(model.modules())), sum(p.numel() for p in model.parameters())]))
"""


def test_a_source_with_an_lstm_is_answered(fork: tuple[Path, list[list[int]]], tmp_path: Path) -> None:
    folder = tmp_path / "fork"
    shutil.copytree(fork[0], folder, ignore=shutil.ignore_patterns("__pycache__"))
    with (folder / "models" / "branches.py").open("a", encoding="utf-8") as file:
        file.write(RECURRENT)
    expected = json.loads(run_python(SAVE_RECURRENT, paths=[folder], cwd=folder).stdout.splitlines()[-1])
    found = report(folder, "fuse-diff", str(folder / "recurrent.pt"), "--source", str(folder))
    assert [found["training"][key] for key in ("layers", "parameters")] == expected
    assert found["training"]["flops"] > 0


def test_a_source_of_no_known_host_without_fuse_may_merge_by_other_code(
    fork: tuple[Path, list[list[int]]], tmp_path: Path
) -> None:
    folder = _with_model(fork, tmp_path / "fork", NO_FUSE)
    (folder / "models" / "whole.py").write_text("from models.yolo import Model\n\nclass Whole(Model):\n    pass\n")
    (folder / "utils" / "torch_utils.py").write_text("def fuse_conv_and_bn(conv, bn): ...\n\nmodel_info = None\n")
    saved = """
import torch
from models.yolo import Model
from models.whole import Whole
loaded = torch.load("best.pt", weights_only=False)
loaded["model"].__class__ = Whole
torch.save(loaded, "whole.pt")
"""
    run_python(saved, paths=[folder], cwd=folder)
    words = (str(folder / "whole.pt"), "--source", str(folder))
    found = report(folder, "fuse-diff", *words)
    assert found["validation"]["known"] is False
    assert set(found["host_lines"].values()) == {None}  # no model_info prints one
    told = " ".join(run_python(REPORT, "fuse-diff", *words, paths=[ROOT], cwd=tmp_path).stdout.split())
    assert "if its host merges nothing by other code, a validation runs the network as it is" in told

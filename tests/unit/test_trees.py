"""Unit: a file whose network is a tree of modules of no known host, not rows of a YOLOv5 model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.checkpoint_files import module, network, save
from tests.conftest import Probe
from tests.networks import counter
from yolo_probe.hosts.target import resolve
from yolo_probe.model.structure import count_gradients, count_layers, count_parameters
from yolo_probe.registry.rows import file_row
from yolo_probe.render.text import render
from yolo_probe.reports.fuse_diff import FuseDiff, as_json, fuse_diff
from yolo_probe.reports.info import info
from yolo_probe.reports.question import Question
from yolo_probe.reports.side_by_side import side_by_side

COMMANDS = ("info", "fuse-diff", "layers", "counters", "gradients", "inspect", "report")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A file of a fork that builds a backbone and a neck: a pair of its own, and a Conv in a module of its own."""
    return tree_in(tmp_path, requires_grad=True)


def tree_in(tmp_path: Path, *, requires_grad: bool) -> Path:
    parts = vars(vars(network(requires_grad))["_modules"]["model"])["_modules"]
    first, second = (vars(parts[name])["_modules"] for name in "01")
    backbone = module("od.models.backbone.resnet.Resnet", children={"conv1": first["conv"], "bn1": first["bn"]})
    neck = module("od.models.modules.common.Conv", children=second)
    root = module("od.models.model.Model", children={"backbone": backbone, "neck": neck})
    return save(tmp_path / "best.pt", {"epoch": 3, "model": root})


def asked(tree: Path) -> Question:
    return Question(resolve(str(tree)), (640, 640), counter())


def report(tree: Path) -> FuseDiff:
    return fuse_diff(asked(tree))


def test_its_layers_parameters_and_gradients_are_exact(tree: Path) -> None:
    subject = resolve(str(tree))
    assert count_layers(subject.root).modules == 1 + 3 + 4  # the model; Resnet, its pair; Conv, its pair, SiLU
    assert count_parameters(subject.root) == count_gradients(subject.root) == 2 * (2 * 3 + 2 * 2)
    found = info(asked(tree), fused=False).state
    assert (found.summary.parameters, found.summary.flops, found.line.text) == (20, None, None)


def test_its_conv_merges_if_its_fuse_merges_conv_with_batch_norm(tree: Path) -> None:
    found = report(tree)
    assert (found.training.summary.layers.modules, found.validation.summary.layers.modules) == (8, 7)
    assert found.validation.summary.parameters == 20 - 2 * 2 + 2
    assert [merge.path for merge in found.fusion.merges] == ["neck"]
    assert [ledger.unexplained for _, ledger in found.ledgers if ledger] == [0, 0, 0]
    data = json.loads(json.dumps(as_json(found)))
    assert data["validation"]["known"] is False
    assert data["host_lines"] == {"training": None, "validation": None}
    assert data["target"]["host"]["generation"] is None


def test_no_line_of_a_host_is_claimed_and_what_is_not_known_is_named(tree: Path) -> None:
    text = " ".join(render(report(tree)).split())
    assert "When training starts, its host would print" in text
    assert "if its fuse() merges only Conv with BatchNorm" in text
    assert "fuse() may merge 1 of 2 BatchNorms" in text
    assert "od.models.model.Model (1 x, first at the model)" in text
    assert "od.models.backbone.resnet.Resnet (1 x, first at backbone)" in text
    assert "YOLOv5 would print" not in text


def test_what_its_own_fuse_leaves_is_in_no_table(tree: Path) -> None:
    row = file_row(str(tree))
    assert (row.host, row.layers, row.parameters, row.fused_layers, row.fused_parameters) == (
        "not known", 8, 20, None, None,
    )  # fmt: skip
    (beside,) = side_by_side([str(tree)], (640, 640), counter()).rows
    assert (beside.host, beside.parameters, beside.fused_parameters) == ("not known", 20, None)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_answers_or_says_why_not(command: str, tree: Path, probe: Probe) -> None:
    more = ["-o", str(tree.with_name("report.html"))] if command == "report" else []
    done = probe(command, str(tree), *more)
    assert done.returncode == (0 if command in ("gradients", "inspect") else 2)
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert "FLOPs are not known: found od.models.model.Model" in done.stderr
        assert "at , expected" not in done.stderr


@pytest.mark.parametrize(
    ("requires_grad", "said"),
    [
        (True, "layers, parameters and gradients are exact before fuse(), "),
        (False, "layers and parameters are exact before fuse(), gradients if everything in these classes trains, "),
    ],
)
def test_gradients_are_called_exact_where_the_file_keeps_what_trained(
    requires_grad: bool, said: str, tmp_path: Path, probe: Probe
) -> None:
    done = probe("info", str(tree_in(tmp_path, requires_grad=requires_grad)))
    assert said in " ".join(done.stderr.split())


def test_a_file_whose_forward_fails_still_has_its_layers_and_parameters(tmp_path: Path, probe: Probe) -> None:
    root = network()  # its convolutions lack a stride
    del vars(root)["_modules"]["empty"]
    file = save(tmp_path / "best.pt", {"epoch": -1, "model": root})
    for command in ("fuse-diff", "info"):
        done = probe(command, str(file))
        assert done.returncode == 2
        assert "Model summary: 9 layers, 20 parameters" in done.stdout  # the model, its list, 2 x 3 in each Conv, SiLU
        assert "The forward pass fails: model.0.conv: found no" in " ".join(done.stdout.split())
        assert "model.0.conv: found no" in done.stderr
        assert "Traceback" not in done.stderr

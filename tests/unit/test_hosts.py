"""Unit: which generation wrote a checkpoint, told by what is in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yolo_probe.counters.conventions import choose_counter
from yolo_probe.errors import UnknownModuleError
from yolo_probe.hosts.summary_line import host_line
from yolo_probe.hosts.yolov5 import identify
from yolo_probe.model.structure import Module, Tensor
from yolo_probe.model.trace import trace, unknown_modules
from yolo_probe.networks.generations import Generation, host_of
from yolo_probe.networks.model_yaml import build
from yolo_probe.networks.shipped import find_network

TAG = "915bbf294bb74c859f0b41f1c23bc395014ea679"
UNTAGGED = "0" * 40
LATER = {"evolve_population": "data/hyps"}
NOW = "2026-11-22T08:45:07"


def built(network: str, generation: Generation, release: str | None = None) -> Module:
    """A network as that host builds it, under that host's own class paths."""
    root = build(find_network(network, host_of(generation, release).networks), generation, release)
    return replace(root, class_path=f"yolov5.{root.class_path}") if release else root


@pytest.mark.parametrize(
    ("contents", "root", "generation", "release"),
    [
        ({"git": {"commit": TAG}, "opt": {}, "date": NOW}, built("yolov5n", "v7.0"), "v7.0", None),
        ({"git": {"commit": UNTAGGED}, "opt": LATER, "date": NOW}, built("yolov5n", "head"), "head", None),
        ({"opt": LATER, "date": "2025-01-01T00:00:00"}, built("yolov5n", "head"), "v7.0", None),
        ({"opt": {}, "date": NOW}, built("yolov5n", "v7.0"), "v7.0", None),
        ({"opt": {}, "date": "2022-09-01T07:34:00"}, built("yolov5n-seg", "v7.0"), "v7.0", None),
        ({"date": "2022-08-20T07:34:00"}, built("yolov5n", "v6.2"), "v6.2", None),
        ({"date": NOW}, built("yolov5n", "v6.2"), "v6.2", None),
        ({"date": "2022-03-20T07:34:00"}, built("yolov5n", "v6.1"), "v6.1", None),
        ({"updates": None, "training_results": None}, built("yolov5n", "v6.0"), "v6.0", None),
        ({"training_results": None, "updates": None}, built("yolov5s", "v5.0"), "v5.0", None),
        ({"updates": None, "training_results": None}, built("yolov3", "v5.0"), "v5.0", None),
        ({"updates": None, "training_results": None}, built("yolov3", "v6.0"), "v6.0", None),
        ({"yolov5pip_version": "7.0.14"}, built("yolov5n", "v7.0", "7.0.14"), "v7.0", "7.0.14"),
        ({"opt": {}, "date": NOW}, built("yolov5n", "v7.0", "6.2.3"), "v7.0", "6.2.3"),
        ({"opt": {}, "date": NOW}, built("yolov5n", "v6.1", "6.1.9"), "v6.1", "6.1.9"),
        ({}, built("yolov5n", "v6.0", "6.0.7"), "v6.0", "6.0.7"),
        ({}, built("yolov3", "v6.0", "6.0.7"), "v6.0", "6.0.7"),
        ({}, built("yolov5s", "v5.0", "5.0.10"), "v5.0", "5.0.10"),
        ({}, built("yolov5s", "v5.0", "5.0.0"), "v5.0", "5.0.0"),
    ],
)  # fmt: skip
def test_a_checkpoint_tells_its_generation(
    contents: dict[str, object], root: Module, generation: str, release: str | None
) -> None:
    origin = identify(contents, root)
    assert (origin.generation, origin.release) == (generation, release)
    assert origin.evidence


def test_what_the_evidence_does_not_exclude_is_named() -> None:
    assert "HEAD" in identify({"opt": {}, "date": NOW}, built("yolov5n", "v7.0")).alternatives[0]
    unfinished = identify({"opt": {"evolve_population": ""}, "date": NOW}, built("yolov5n", "head"))
    assert "prints the line of v7.0" in unfinished.alternatives[0]


def test_a_model_of_another_package_has_no_known_host() -> None:
    origin = identify({}, Module("od.models.model.Model"))
    assert origin.of_no_host
    assert origin.nearest
    assert (origin.name, origin.listed) == ("its host", "not known")
    assert "found a model of class od.models.model.Model, expected one of classic YOLOv5" in origin.evidence[0]


def with_buffers(root: Module) -> Module:
    """The same network with a head as from April to October 2021: anchor_grid is a buffer, and it has inplace."""
    rows = root.child("model")
    name, head = list(rows.children.items())[-1]
    assert head is not None
    kept = {key: value for key, value in head.attributes.items() if key != "anchor_grid"} | {"inplace": True}
    buffers = {**head.buffers, "anchor_grid": Tensor((3, 1, 3, 1, 1, 2))}
    changed = replace(head, attributes=kept, buffers=buffers)
    return replace(root, children={"model": replace(rows, children={**rows.children, name: changed})})


def test_a_host_whose_own_head_has_anchor_grid_as_a_buffer_counts_flops() -> None:
    root = with_buffers(built("yolov5s", "v5.0"))
    origin = identify({}, root)
    assert (origin.generation, origin.before) == ("v6.0", True)
    line = host_line(root, origin.form, choose_counter("thop-0.1", None).convention, 32)
    assert (line.text or "").endswith("17.2 GFLOPs")
    assert "print GFLOPS" in origin.alternatives[0]


def test_a_model_of_another_class_of_a_fork_is_read_but_what_it_runs_is_not_known() -> None:
    root = replace(built("yolov5s", "v5.0"), class_path="models.yolo.ModelTwisted")
    assert identify({}, root).nearest
    assert unknown_modules(root) == (("", "models.yolo.ModelTwisted"),)
    with pytest.raises(UnknownModuleError, match=r"found a models\.yolo\.ModelTwisted, expected one of Model, "):
        trace(root, (1, 3, 64, 64))

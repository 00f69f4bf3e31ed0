"""Names and model YAMLs of ultralytics: which are taken for such, and what of a YAML is refused before it is built."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import Probe
from yolo_probe.errors import ModelYamlError
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.ultralytics_architecture import architecture_in
from yolo_probe.hosts.ultralytics_names import document_of, is_model_yaml, name_in

YAML = """
nc: 80
scales: {n: [0.33, 0.25, 1024], s: [0.33, 0.5, 1024]}
backbone:
  - [-1, 1, Conv, [64, 3, 2]]
head:
  - [[0], 1, Detect, [nc]]
"""


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("yolov8n", "yolov8n"),
        ("yolo11s-seg.yaml", "yolo11s-seg"),
        ("yolo26m.pt", "yolo26m"),
        ("rtdetr-l", "rtdetr-l"),
        ("yolov5su.pt", "yolov5s"),
        ("yolov3-tinyu", "yolov3-tiny"),
        ("yolov10x", "yolov10x"),
        ("yolov5s", None),
        ("yolov5q", None),
        ("yolov3-spp", None),
        ("yolov8n@v7.0", None),
        ("best.pt", None),
    ],
)
def test_a_name_is_seen_through_its_endings(target: str, name: str | None) -> None:
    assert name_in(target) == name


def test_a_pipe_is_no_model_yaml_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    assert not is_model_yaml(str(tmp_path / "pipe.yaml"))
    with pytest.raises(ModelYamlError, match="is no regular file"):
        resolve(str(tmp_path / "pipe.yaml"))


def test_a_yaml_gets_the_scale_of_its_name_and_is_told_from_one_of_yolov5(tmp_path: Path) -> None:
    file = tmp_path / "any.yaml"
    file.write_text(YAML)
    assert is_model_yaml(str(file))
    assert document_of(file, "yolov8s")["scale"] == "s"
    assert "scale" not in document_of(file, "yolov8")
    found = architecture_in(document_of(file, "yolov8s"))
    assert (found.model, found.document["yaml_file"], found.document["scale"]) == (
        "DetectionModel",
        "yolov8s.yaml",
        "s",
    )
    file.write_text(YAML + "anchors: 3\n")
    assert not is_model_yaml(str(file))
    assert not is_model_yaml(str(tmp_path / "absent.yaml"))


@pytest.mark.parametrize(
    ("changed", "to", "problem"),
    [
        ("nc: 80", "nc: many", "found nc: 'many', expected a whole number"),
        ("Detect, [nc]", "Conv, [nc]", "found 'Conv' in the last row, expected a head"),
        ("[64, 3, 2]", "['__import__(1)', 3, 2]", "row 0: found argument '__import__"),
        ("Conv, [64, 3, 2]", "TorchVision, [64, 3, 2]", "row 0: found TorchVision, which loads something"),
        ("[[0], 1,", "[[7], 1,", "row 1: found from [7], expected rows before it"),
    ],
)
def test_what_is_not_recognised_in_a_yaml_is_refused(changed: str, to: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "any.yaml"
    file.write_text(YAML.replace(changed, to))
    with pytest.raises(ModelYamlError) as raised:
        architecture_in(document_of(file, "any"))
    assert str(raised.value).startswith(problem)


def test_without_the_package_a_name_says_what_to_install(probe: Probe) -> None:
    done = probe("info", "yolov8n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "found no installed ultralytics" in done.stderr
    assert "pip install ultralytics; yolo-probe compare yolov8n has its numbers without it" in done.stderr
    assert "3,157,200" in probe("compare", "yolov8n").stdout


def test_a_name_that_no_release_ships_is_no_reason_to_install_one(probe: Probe) -> None:
    wrong = probe("counters", "yolov99")
    assert (wrong.returncode, "pip install" in wrong.stderr) == (2, False)
    assert "found no network of that name, also none in ultralytics to 8.4.190" in wrong.stderr
    assert "near it are yolov9, yolov9e" in wrong.stderr
    for name in ("yolov8", "yolo11-seg", "yolov8s-worldv2", "yoloe-11l-seg", "yolo26n"):
        assert "pip install ultralytics" in probe("info", name).stderr

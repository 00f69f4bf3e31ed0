"""Checkpoints of the ultralytics package: yolo-probe says of the file what the host and thop say of the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.environments import HOST_NEEDS, ROOT, counter, release
from tests.processes import run_python

MERGED = "BatchNorm2d merged into the convolution before it"
ONE_TO_ONE, ONE_TO_MANY = (
    "one-to-one head of {}, used only end to end",
    "one-to-many head of {}, used in training alone",
)

CASES: dict[str, tuple[str, ...]] = {
    "yolov5n.yaml unstripped=true": (),
    **{f"yolov8n{task}.yaml": () for task in ("-seg", "-cls", "-pose", "-obb")},
    **{f"yolo11n{task}.yaml": () for task in ("", "-seg", "-cls", "-pose", "-obb")},
    "yolo26n.yaml": (ONE_TO_ONE.format("Detect"),),
    "yolo26n.yaml nms=false unstripped=true": (ONE_TO_MANY.format("Detect"),),
    "yolo26n-seg.yaml nms=false": (ONE_TO_MANY.format("Segment26"), "parts of Proto26 used in training alone"),
    "yolo26n-cls.yaml": (),
    "yolo26n-pose.yaml nms=false": (ONE_TO_MANY.format("Pose26"), "parts of Pose26 used in training alone"),
    "yolo26n-obb.yaml nms=false": (ONE_TO_MANY.format("OBB26"),),
    "yolov10n.yaml": ("parallel branches of RepVGGDW merged into one convolution", ONE_TO_ONE.format("v10Detect")),
    'yolov8n.yaml start="yolov8n.yaml" freeze=10': (),
    'yolo26n.yaml start="yolo26n.yaml" nms=false': (ONE_TO_MANY.format("Detect"),),
}  # fmt: skip
"""What is trained, and what its ``fuse()`` does beside merging."""
LAST = list(CASES)[-1]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What one process says of every case; ``folder`` is where the last one's checkpoint is left."""
    folder = tmp_path_factory.mktemp("weights")
    script = Path(__file__).with_name("ultralytics_check.py")
    done = run_python(script, folder, *CASES, paths=paths(), cwd=folder)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {"folder": folder, **{each["case"]: each for each in found}}


def paths() -> list[Path]:
    return [ROOT, counter("ultralytics-thop", "2.2.3"), *(release(*each) for each in HOST_NEEDS)]


@pytest.mark.parametrize("case", CASES)
def test_a_file_gets_the_hosts_lines_and_thops_counts_and_everything_is_explained(
    case: str, answers: Mapping[str, Any]
) -> None:
    said = answers[case]
    assert "stripped" in said
    for ours in (said[form] for form in ("stripped", "unstripped") if form in said):
        assert ours["lines"] == said["lines"]
        assert ours["flops"] == said["thop"]
        assert ours["unexplained"] == [0, 0, 0, 0]
        assert ours["causes"] == [MERGED, *CASES[case]]
        assert ours["generation"] == "ultralytics"


@pytest.mark.parametrize("case", CASES)
def test_the_modules_in_a_file_are_enough(case: str, answers: Mapping[str, Any]) -> None:
    ours, expected = answers[case]["by_modules"], answers[case]["stripped"]
    assert ours["lines"][1:] == expected["lines"][1:]  # the line of a start from another file needs the YAML
    assert {key: ours[key] for key in ("flops", "unexplained", "causes")} == {
        key: expected[key] for key in ("flops", "unexplained", "causes")
    }


def test_a_file_that_was_saved_after_fuse_gets_the_column_before_it(answers: Mapping[str, Any]) -> None:
    said = answers["saved fused"]
    ours = said["saved"]
    assert ours["lines"] == said["lines"]
    assert ours["unexplained"] == [0, 0, 0, 0]
    assert "fuse(): 96 convolutions made anew, not trainable" in ours["text"]
    assert "requires_grad=False" not in ours["text"]


def test_a_yaml_that_is_not_that_of_the_modules_is_not_built_and_nothing_is_executed(
    answers: Mapping[str, Any],
) -> None:
    assert answers["tampered"]["unharmed"]
    reasons, lines = answers["tampered"]["reasons"], answers["tampered"]["lines"]
    assert list(lines.values()) == [lines["none"]] * len(lines)
    beginnings = {
        "activation": "found activation: ",
        "argument": "row 0: found argument ",
        "module": "row 0: found deepcopy in the YAML and ultralytics.nn.modules.conv.Conv in the model of the file",
        "width": "the installed ultralytics builds another network: model.0.conv: found parameters ",
        "kernel": "the installed ultralytics cannot build this network: row 12, Concat on ",
        "kind of argument": "the installed ultralytics cannot build this network: row 2, C3k2 with [None, ",
        "stride": "the installed ultralytics builds another network: model.9.m: found kernel_size=5 in the file, 7 ",
        "activation of another kind": "the installed ultralytics builds another network: model.0.act: found SiLU in ",
    }
    assert {name: reason[: len(beginnings[name])] for name, reason in reasons.items()} == beginnings


def test_the_words_are_about_ultralytics(answers: Mapping[str, Any]) -> None:
    text = answers["yolov5n.yaml unstripped=true"]["stripped"]["text"]
    assert "last.pt: yolov5n, 2 classes, trained with ultralytics 8.4.190\n" in text
    assert "The 16\n  of DFL never train" in text
    assert [line for line in text.splitlines() if "YOLOv5" in line and "YOLOv5n" not in line] == [
        "  before and after; the YAML's 25 rows hold all of them. Classic YOLOv5, and"
    ]


def test_a_training_from_another_file_gets_the_line_before_and_the_network_after(answers: Mapping[str, Any]) -> None:
    case = 'yolov8n.yaml start="yolov8n.yaml" freeze=10'
    assert len(set(answers[case]["lines"])) == 3
    text = answers[case]["stripped"]["text"]
    assert "It then takes in parts of the pretrained file, and model.info() prints\nYOLOv8n summary: 130 layers" in text
    assert "  freeze=10: rows 0 to 9 did not train" in text


def test_the_command_writes_nothing_but_its_report_though_ultralytics_is_imported_for_the_first_time(
    answers: Mapping[str, Any], tmp_path: Path
) -> None:
    script = "import sys; from yolo_probe.cli import main; main(['fuse-diff', sys.argv[1], '--format', 'json'])"
    settings = {"YOLO_CONFIG_DIR": str(tmp_path)}
    done = run_python(script, answers["folder"] / "last.pt", paths=paths(), env=settings)
    report = json.loads(done.stdout)
    assert list(report["host_lines"].values()) == [answers[LAST]["lines"][i] for i in (1, 2, 0)]
    assert "unknown" not in report

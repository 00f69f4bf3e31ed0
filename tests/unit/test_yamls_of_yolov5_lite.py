"""Model YAMLs of YOLOv5-Lite and yolov5-face: what their rows become, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from yolo_probe.counters.conventions import choose_counter
from yolo_probe.errors import ModelYamlError
from yolo_probe.hosts.target import resolve
from yolo_probe.model.structure import Module, count_parameters, named_modules
from yolo_probe.networks.forks.registry import dialect_of
from yolo_probe.networks.model_yaml import build, read_model_yaml
from yolo_probe.networks.network import NetworkRow
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.question import Question

LITE_E = """\
nc: 80
depth_multiple: 1.0
width_multiple: 1.0
anchors: 3
backbone:
  - [-1, 1, conv_bn_relu_maxpool, [32]]
  - [-1, 1, Shuffle_Block, [116, 2]]
  - [-1, 3, Shuffle_Block, [116, 1]]
  - [-1, 1, Shuffle_Block, [232, 2]]
  - [-1, 7, Shuffle_Block, [232, 1]]
  - [-1, 1, Shuffle_Block, [464, 2]]
  - [-1, 1, Shuffle_Block, [464, 1]]
head:
  - [-1, 1, Conv, [96, 1, 1]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 4], 1, Concat, [1]]
  - [-1, 1, DWConvblock, [96, 3, 1]]
  - [-1, 1, Conv, [96, 1, 1]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 2], 1, Concat, [1]]
  - [-1, 1, DWConvblock, [96, 3, 1]]
  - [-1, 1, DWConvblock, [96, 3, 2]]
  - [[-1, 11], 1, ADD, [1]]
  - [-1, 1, DWConvblock, [96, 3, 1]]
  - [-1, 1, DWConvblock, [96, 3, 2]]
  - [[-1, 7], 1, ADD, [1]]
  - [-1, 1, DWConvblock, [96, 3, 1]]
  - [[14, 17, 20], 1, Detect, [nc, anchors]]
"""

BLAZEFACE = """\
nc: 1
depth_multiple: 1.0
width_multiple: 1.0
anchors: 3
backbone:
  - [-1, 1, Conv, [24, 3, 2]]
  - [-1, 2, BlazeBlock, [24]]
  - [-1, 1, BlazeBlock, [48, None, 2]]
  - [-1, 2, BlazeBlock, [48]]
  - [-1, 1, DoubleBlazeBlock, [96, 24, 2]]
  - [-1, 2, DoubleBlazeBlock, [96, 24]]
  - [-1, 1, DoubleBlazeBlock, [96, 24, 2]]
  - [-1, 2, DoubleBlazeBlock, [96, 24]]
head:
  - [-1, 1, Conv, [64, 1, 1]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 5], 1, Concat, [1]]
  - [-1, 1, Conv, [64, 1, 1]]
  - [[11, 8], 1, Detect, [nc, anchors]]
"""


def written(folder: Path, *rows: str, name: str = "own.yaml") -> str:
    """A model YAML of these rows, or of a whole text."""
    text = rows[0]
    if not text.startswith("nc:"):
        backbone = "".join(f"  - {row}\n" for row in rows)
        text = f"nc: 1\ndepth_multiple: 1.0\nwidth_multiple: 1.0\nanchors: 3\nbackbone:\n{backbone}head: []\n"
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def module(folder: Path, row: str, before: str = "[-1, 1, CBH, [16, 3, 2]]") -> Module:
    """What a row becomes that follows another."""
    root = build(read_model_yaml(written(folder, before, row)), "head")
    return dict(named_modules(root))["model.1"]


# The figures that the forks' own code prints, with thop 0.1.1


@pytest.mark.parametrize(
    ("text", "fork", "lines"),
    [
        (
            LITE_E,
            "YOLOv5-Lite",
            (
                "Model Summary: 217 layers, 787085 parameters, 787085 gradients, 3.0 GFLOPS",
                "Model Summary: 167 layers, 781205 parameters, 0 gradients, 2.9 GFLOPS",
            ),
        ),
        (
            BLAZEFACE,
            "yolov5-face",
            (
                "Model Summary: 143 layers, 181736 parameters, 181736 gradients, 2.6 GFLOPS",
                "Model Summary: 140 layers, 181584 parameters, 0 gradients, 2.6 GFLOPS",
            ),
        ),
    ],
    ids=["v5Lite-e", "blazeface"],
)
def test_the_yaml_alone_tells_both_lines_of_its_fork(
    text: str, fork: str, lines: tuple[str, str], tmp_path: Path
) -> None:
    report = fuse_diff(Question(resolve(written(tmp_path, text)), (640, 640), choose_counter("thop-0.1", None)))
    assert report.question.subject.origin.fork == fork
    assert (report.training.line.text, report.validation.line.text) == lines
    assert [ledger.unexplained for _, ledger in report.ledgers if ledger] == [0, 0, 0, 0]


# What a row becomes, 16 channels before it


@pytest.mark.parametrize(
    ("row", "parameters"),
    [
        ("[-1, 1, CBH, [24, 3, 1]]", 16 * 24 * 9 + 2 * 24),
        ("[-1, 1, LC_Block, [24, 1, 3]]", 16 * 9 + 2 * 16 + 16 * 24 + 2 * 24),
        ("[-1, 1, LC_Block, [24, 1, 3, True]]", 16 * 9 + 2 * 16 + (16 * 4 + 4 + 4 * 16 + 16) + 16 * 24 + 2 * 24),
        ("[-1, 1, Dense, [24, 1, 0.2]]", 16 * 24),
        ("[-1, 1, DWConvblock, [24, 5, 1]]", 16 * 25 + 2 * 16 + 16 * 24 + 2 * 24),
        ("[-1, 1, Shuffle_Block, [16, 1]]", 2 * (8 * 8 + 2 * 8) + 8 * 9 + 2 * 8),
        ("[-1, 3, Shuffle_Block, [16, 1]]", 3 * (2 * (8 * 8 + 2 * 8) + 8 * 9 + 2 * 8)),
        ("[-1, 1, RepVGGBlock, [16]]", 16 * 16 * (9 + 1) + 3 * 2 * 16),
        ("[-1, 1, RepVGGBlock, [16, 3, 2]]", 16 * 16 * (9 + 1) + 2 * 2 * 16),
        (
            "[-1, 1, RepVGGBlock, [16, 3, 1, 1, 1, 1, zeros, False, True]]",
            16 * 16 * (9 + 1) + 3 * 2 * 16 + (16 * 1 + 1 + 1 * 16 + 16),
        ),
        ("[-1, 1, mobilev3_bneck, [24, 16, 3, 1, 0, 0]]", 16 * 9 + 2 * 16 + 16 * 24 + 2 * 24),
        (
            "[-1, 1, mobilev3_bneck, [24, 32, 3, 2, 1, 1]]",
            16 * 32 + 2 * 32 + 32 * 9 + 2 * 32 + (32 * 8 + 8 + 8 * 32 + 32) + 32 * 24 + 2 * 24,
        ),
        ("[-1, 1, GhostConv, [16, 1, 1]]", 16 * 8 + 2 * 8 + 8 * 25 + 2 * 8),
        (
            "[-1, 1, LC3, [16]]",
            2 * (16 * 8 + 2 * 8) + (8 * 8 + 2 * 8 + 8 * 8 * 9 + 2 * 8) + (8 * 16 + 2 * 16),
        ),
    ],
)
def test_a_block_of_yolov5_lite_has_the_parameters_of_its_convolutions(
    row: str, parameters: int, tmp_path: Path
) -> None:
    assert count_parameters(module(tmp_path, row)) == parameters


def test_each_box_of_yolov5_face_has_ten_numbers_more(tmp_path: Path) -> None:
    head = dict(named_modules(build(read_model_yaml(written(tmp_path, BLAZEFACE)), "head")))["model.12"]
    assert head.attributes["no"] == 1 + 5 + 10
    assert count_parameters(head) == 2 * (64 * 3 * 16 + 3 * 16)


def test_a_class_that_people_paste_into_yolov5_shows_no_fork() -> None:
    rows = [NetworkRow(-1, 1, name, ()) for name in ("Conv", "SELayer", "CBH")]
    assert dialect_of(rows[:2]).name == "YOLOv5"
    assert dialect_of(rows).name == "YOLOv5-Lite"


# What is refused


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("[-1, 1, Light_C3, [16]]", "Light_C3 is no class of YOLOv5-Lite or torch.nn that yolo-probe knows"),
        ("[-1, 1, DWConv, [16]]", "DWConv is no class of YOLOv5-Lite or torch.nn that yolo-probe knows"),
        ("[-1, 1, DWConvblock, [16]]", "2 arguments, expected at least 4 (missing: k, s)"),
        ("[-1, 1, C3_GC, [16]]", "1 arguments, expected at least 2 (missing: c2)"),
        ("[-1, 1, Hswish, [16]]", "2 arguments, expected at most 1 (inplace)"),
        ("[-1, 1, Shuffle_Block, [16, 4]]", "stride is 4, expected 1 to 3"),
        ("[-1, 1, Shuffle_Block, [32, 1]]", "16 channels in and 32 out, expected the same even number at stride 1"),
        ("[-1, 1, mobilev3_bneck, [16, 16, 3, 3, 0, 0]]", "stride is 3, expected 1 or 2"),
        ("[-1, 1, GhostBottleneck, [16, 3, 2]]", "s is 2, but YOLOv5-Lite has no DWConv for it"),
        ("[-1, 1, RepVGGBlock, [16, 5]]", "padding is 1, expected at least 2 for a kernel of 5"),
    ],
)
def test_a_row_that_the_fork_refuses_is_named_with_file_and_line(row: str, problem: str, tmp_path: Path) -> None:
    path = written(tmp_path, "[-1, 1, CBH, [16, 3, 2]]", row, name="cut.yaml")
    with pytest.raises(ModelYamlError) as caught:
        build(read_model_yaml(path), "head")
    assert str(caught.value).startswith(f"{path}, line 7, row 1")
    assert problem in str(caught.value)

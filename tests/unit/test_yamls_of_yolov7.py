"""Unit: YOLOv7's model YAMLs, read without its code; the lines are those that its own code prints."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.exhaustive import exhaustive_rows
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.errors import ModelYamlError
from yolo_probe.hosts.target import resolve
from yolo_probe.model.structure import Module, count_parameters
from yolo_probe.networks.forks.yolov7 import YOLOV7
from yolo_probe.networks.network import Network
from yolo_probe.networks.shipped import find_fork_network
from yolo_probe.networks.torch_nn import ArgumentError
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.question import Question


def network(name: str) -> Network:
    found = find_fork_network(name, "yolov7")
    assert found
    return found


def written(network: Network, folder: Path) -> Path:
    """The network's own YAML in a folder."""
    path = folder / f"{network.name}.yaml"
    path.write_text(yaml.safe_dump(network.document(), default_flow_style=None), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "fork", "built", "fused"),
    exhaustive_rows(
        [
            (
                "yolov7",
                "YOLOv7",
                "Model Summary: 415 layers, 37622682 parameters, 37622682 gradients, 106.5 GFLOPS",
                "Model Summary: 314 layers, 36907898 parameters, 6194944 gradients, 104.5 GFLOPS",
            ),
            (
                "yolov7-deploy",
                "YOLOv7",
                "Model Summary: 407 layers, 37620125 parameters, 37620125 gradients, 106.5 GFLOPS",
                "Model Summary: 306 layers, 36905341 parameters, 6194944 gradients, 104.5 GFLOPS",
            ),
            (
                "yolov7-tiny",
                "YOLOv7",
                "Model Summary: 263 layers, 6228762 parameters, 6228762 gradients, 13.9 GFLOPS",
                "Model Summary: 208 layers, 6221370 parameters, 0 gradients, 13.7 GFLOPS",
            ),
            (
                "yolov7-d6",
                "YOLOv7",
                "Model Summary: 733 layers, 154709364 parameters, 154709364 gradients, 202.4 GFLOPS",
                "Model Summary: 566 layers, 154652532 parameters, 0 gradients, 199.3 GFLOPS",
            ),
            (
                "x50-csp",
                "YOLOv7",
                "Model Summary: 560 layers, 32299962 parameters, 32299962 gradients, 61.0 GFLOPS",
                "Model Summary: 437 layers, 32264442 parameters, 0 gradients, 60.3 GFLOPS",
            ),
            (
                "yolov7-w6-pose",
                "YOLOv7",
                "Model Summary: 641 layers, 80238452 parameters, 80238452 gradients, 102.2 GFLOPS",
                "Model Summary: 494 layers, 80178356 parameters, 0 gradients, 101.6 GFLOPS",
            ),
            (
                "yolov7-seg",
                "YOLOv7 (branch u7)",
                "yolov7-seg summary: 417 layers, 38292218 parameters, 38292218 gradients, 144.0 GFLOPs",
                "yolov7-seg summary: 325 layers, 38268602 parameters, 0 gradients, 143.2 GFLOPs",
            ),
        ],
        few=3,
    ),
)
def test_a_yaml_alone_tells_the_lines_that_yolov7_prints(
    name: str, fork: str, built: str, fused: str, tmp_path: Path
) -> None:
    subject = resolve(str(written(network(name), tmp_path)))
    report = fuse_diff(Question(subject, (640, 640), choose_counter("thop-0.1", None)))
    assert (subject.origin.fork, subject.foreign) == (fork, ())
    assert (report.training.line.text, report.validation.line.text) == (built, fused)
    assert {ledger.unexplained for _, ledger in report.ledgers if ledger} == {0}


WITH_A_TYPO = """\
nc: 80
depth_multiple: 1.0
width_multiple: 1.0
anchors: [[12, 16, 19, 36, 40, 28]]
backbone:
  [[-1, 1, Conv, [32, 3, 2]],
   [-1, 1, SPPCSPX, [32]]]
head:
  [[[-1], 1, IDetect, [nc, anchors]]]
"""


def test_an_unknown_class_is_named_with_its_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "typo.yaml"
    path.write_text(WITH_A_TYPO, encoding="utf-8")
    with pytest.raises(ModelYamlError) as caught:
        resolve(str(path))
    expected = (
        f"{path}, line 7, row 1: SPPCSPX is no class of YOLOv7 or torch.nn that yolo-probe knows (a custom module)"
    )
    assert str(caught.value) == expected


@pytest.mark.parametrize("pasted", ["MP, []", "SPPCSPC, [32]", "RepConv, [32]"])
def test_a_class_that_people_paste_into_yolov5_shows_no_fork(pasted: str, tmp_path: Path) -> None:
    path = tmp_path / "pasted.yaml"
    text = WITH_A_TYPO.replace("SPPCSPX, [32]", f"C3, [32]],\n   [-1, 1, {pasted}").replace("IDetect", "Detect")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelYamlError, match=f"{pasted.split(',')[0]} is no class of YOLOv5"):
        resolve(str(path))


def conv(c1: int, c2: int, k: int = 1, groups: int = 1) -> int:
    """Parameters of a ``Conv``: the convolution has no bias, the normalization a weight and a bias."""
    return c2 * (c1 // groups) * k * k + 2 * c2


def make(name: str, *arguments: object) -> Module:
    assert YOLOV7.host
    return YOLOV7.constructors(YOLOV7.host, None).make(name, arguments)


ANCHORS = [[10, 13, 16, 30]] * 2


def head(outputs: int) -> int:
    """Parameters of ``IDetect`` on two levels of 4 channels, of two anchors each: ia, m with its bias, im."""
    return 2 * (4 + 2 * outputs * (4 + 1) + 2 * outputs)


@pytest.mark.parametrize(
    ("name", "arguments", "parameters"),
    [
        ("MP", (), 0),
        ("SP", (3, 1), 0),
        ("ReOrg", (), 0),
        ("RepConv", (8, 8), (8 * 8 * 9 + 2 * 8) + (8 * 8 + 2 * 8) + 2 * 8),
        ("RepConv", (8, 16, 3, 1), (16 * 8 * 9 + 2 * 16) + (16 * 8 + 2 * 16)),
        ("RepConv", (8, 8, 3, 1, None, 1, True, True), 8 * 8 * 9 + 8),
        ("RobustConv", (8, 16), conv(8, 8, 7, groups=8) + (16 * 8 + 16) + 16),
        ("RobustConv", (8, 16, 7, 1, None, 1, True, 0), conv(8, 8, 7, groups=8) + (16 * 8 + 16)),
        ("RobustConv2", (8, 16), conv(8, 8, 7, groups=8) + (8 * 16 * 4 * 4 + 16) + 16),
        ("DownC", (8, 16, 1), conv(8, 8) + conv(8, 8, 3) + conv(8, 8)),
        ("Stem", (3, 16), conv(3, 8, 3) + conv(8, 8) + conv(8, 8, 3) + conv(16, 16)),
        ("SPPCSPC", (16, 8, 1), 2 * conv(16, 8) + 2 * conv(8, 8, 3) + conv(8, 8) + conv(32, 8) + conv(16, 8)),
        ("Res", (16, 16), conv(16, 8) + conv(8, 8, 3) + conv(8, 16)),
        ("BottleneckCSPA", (16, 16, 1), 2 * conv(16, 8) + conv(16, 16) + conv(8, 8) + conv(8, 8, 3)),
        ("BottleneckCSPB", (8, 16, 1), conv(8, 16) + conv(16, 16) + conv(32, 16) + conv(16, 16) + conv(16, 16, 3)),
        ("ResCSPC", (16, 16, 0), 2 * conv(16, 8) + conv(8, 8) + conv(16, 16)),
        ("IDetect", (1, ANCHORS, [4, 4]), head(6)),
        ("IAuxDetect", (1, ANCHORS, [4, 4, 4, 4]), head(6) + 2 * 12 * (4 + 1)),
        ("IKeypoint", (1, ANCHORS, 17, [4, 4]), head(6) + 2 * 102 * (4 + 1)),
        (
            "IKeypoint",
            (1, ANCHORS, 17, [4, 4], True, True),
            head(6) + 2 * (6 * conv(4, 4, 3, groups=4) + 5 * conv(4, 4) + 102 * (4 + 1)),
        ),
        ("IBin", (1, ANCHORS, [4, 4]), head(1 + 3 + 2 * 22)),
    ],
)
def test_a_block_has_the_parameters_of_its_formula(name: str, arguments: tuple[object, ...], parameters: int) -> None:
    assert count_parameters(make(name, *arguments)) == parameters


@pytest.mark.parametrize("arguments", [(8, 8, 1), (8, 8, 3, 1, 0)])
def test_a_rep_conv_is_three_by_three(arguments: tuple[int, ...]) -> None:
    with pytest.raises(ArgumentError, match="expected 3 and 1"):
        make("RepConv", *arguments)


def test_an_auxiliary_head_takes_two_rows_for_each_level(tmp_path: Path) -> None:
    path = written(network("yolov7-w6"), tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("- [19, 27, 44, 40, 38, 94]\n", ""), encoding="utf-8")
    with pytest.raises(ModelYamlError, match="8 rows to detect on and 3 anchors, expected"):
        resolve(str(path))

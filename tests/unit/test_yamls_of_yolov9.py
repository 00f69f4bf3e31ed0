"""Model YAMLs of YOLOv9, answered from the YAML alone; the figures are what its own code prints and counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.exhaustive import exhaustive_rows
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.errors import ModelYamlError, ProbeError, TargetError
from yolo_probe.hosts.target import resolve
from yolo_probe.model.structure import Module, count_gradients, count_layers, count_parameters, named_modules
from yolo_probe.networks.model_yaml import build, read_model_yaml
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.question import Question

GELAN_T = """\
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [32, 3, 2]]
  - [-1, 1, ELAN1, [32, 32, 16]]
  - [-1, 1, AConv, [64]]
  - [-1, 1, RepNCSPELAN4, [64, 64, 32, 3]]
  - [-1, 1, AConv, [96]]
  - [-1, 1, RepNCSPELAN4, [96, 96, 48, 3]]
  - [-1, 1, AConv, [128]]
  - [-1, 1, RepNCSPELAN4, [128, 128, 64, 3]]
  - [-1, 1, SPPELAN, [128, 64]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 6], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [96, 96, 48, 3]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 4], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [64, 64, 32, 3]]
  - [-1, 1, AConv, [48]]
  - [[-1, 12], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [96, 96, 48, 3]]
  - [-1, 1, AConv, [64]]
  - [[-1, 9], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [128, 128, 64, 3]]
"""
ONE_HEAD = "[[15, 18, 21], 1, DDetect, [nc]]"
SMALL = """\
  - [-1, 1, Silence, []]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, RepNCSPELAN4, [32, 32, 16, 1]]
  - [-1, 1, ADown, [64]]
  - [2, 1, CBLinear, [[16, 32]]]
  - [1, 1, Conv, [32, 3, 1]]
  - [[4, -1], 1, CBFuse, [[1]]]
"""


def written(folder: Path, rows: str, head: str, name: str = "gelan-t.yaml", width: float = 1.0, more: str = "") -> Path:
    """The model YAML with these rows, and this one as its head."""
    scales = f"nc: 80\nanchors: 3\ndepth_multiple: 1.0\nwidth_multiple: {width}\n{more}"
    path = folder / name
    path.write_text(f"{scales}backbone:\n{rows}head:\n  - {head}\n", encoding="utf-8")
    return path


def child(root: Module, path: str) -> Module:
    return dict(named_modules(root))[path]


@pytest.mark.parametrize(
    ("classes", "parameters", "fused"),
    exhaustive_rows([(80, 2_442_640, 2_407_632), (1, 1_913_443, None), (33, 1_932_109, None), (63, 2_416_759, None)]),
)
def test_gelan_t_has_the_parameters_of_its_number_of_classes(
    classes: int, parameters: int, fused: int | None, tmp_path: Path
) -> None:
    subject = resolve(str(written(tmp_path, GELAN_T, ONE_HEAD)), classes=classes)
    report = fuse_diff(Question(subject, (640, 640), choose_counter("thop-0.1", None)))
    assert (subject.origin.fork, subject.unknown, subject.stride) == ("YOLOv9", (), 32)
    assert (report.training.summary.parameters, report.training.summary.gradients) == (parameters, parameters - 16)
    assert fused in (None, report.validation.summary.parameters)
    assert {ledger.unexplained for _, ledger in report.ledgers if ledger} == {0}


@pytest.mark.exhaustive
def test_gelan_t_has_the_lines_that_yolov9_prints(tmp_path: Path) -> None:
    question = Question(
        resolve(str(written(tmp_path, GELAN_T, ONE_HEAD))), (640, 640), choose_counter("thop-0.1", None)
    )
    report = fuse_diff(question)
    assert report.training.line.text == (
        "gelan-t summary: 920 layers, 2442640 parameters, 2442624 gradients, 10.1 GFLOPs"
    )
    assert report.validation.line.text == "gelan-t summary: 489 layers, 2407632 parameters, 0 gradients, 9.8 GFLOPs"


@pytest.mark.exhaustive
def test_yolov9_t_is_two_heads_beside_each_other(tmp_path: Path) -> None:
    second = """\
  - [8, 1, SPPELAN, [128, 64]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 6], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [96, 96, 48, 3]]
  - [-1, 1, nn.Upsample, [None, 2, nearest]]
  - [[-1, 4], 1, Concat, [1]]
  - [-1, 1, RepNCSPELAN4, [64, 64, 32, 3]]
"""
    head = "[[28, 25, 22, 15, 18, 21], 1, DualDDetect, [nc]]"
    path = written(tmp_path, GELAN_T + second, head, "yolov9-t.yaml")
    report = fuse_diff(Question(resolve(str(path)), (640, 640), choose_counter("thop-0.1", None)))
    assert report.training.line.text == (
        "yolov9-t summary: 1219 layers, 3717680 parameters, 3717648 gradients, 16.5 GFLOPs"
    )
    assert report.validation.line.text == "yolov9-t summary: 658 layers, 3674576 parameters, 0 gradients, 16.2 GFLOPs"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("[[2, 3], 1, Detect, [nc]]", "DetectionModel"),
        ("[[2, 3, 5, 6], 1, DualDetect, [nc]]", "DetectionModel"),
        ("[[2, 3, 5, 6, 2, 3], 1, TripleDDetect, [nc]]", "DetectionModel"),
        ("[[2, 3], 1, Segment, [nc, 16, 48]]", "SegmentationModel"),
        ("[[2, 3, 6], 1, DSegment, [nc, 16, 48]]", "SegmentationModel"),
        ("[[2, 3, 5, 3, 2, 2], 1, DualDSegment, [nc, 16, 48]]", "SegmentationModel"),
        ("[[2, 3], 1, Panoptic, [nc, 13, 20, 48]]", "SegmentationModel"),
    ],
)
def test_a_head_decides_the_class_of_the_model(head: str, kind: str, tmp_path: Path) -> None:
    root = build(read_model_yaml(written(tmp_path, SMALL, head)), "head")
    assert root.class_path == f"models.yolo.{kind}"
    frozen = sum(1 for path, module in named_modules(root) if module.kind == "DFL")
    assert count_parameters(root) - count_gradients(root) == 16 * frozen


def test_the_third_number_of_a_head_with_masks_is_scaled(tmp_path: Path) -> None:
    masks = build(read_model_yaml(written(tmp_path, SMALL, "[[2, 3], 1, Segment, [nc, 16, 48]]", width=0.5)), "head")
    areas = build(
        read_model_yaml(written(tmp_path, SMALL, "[[2, 3], 1, Panoptic, [nc, 13, 20, 48]]", width=0.5)), "head"
    )
    assert [child(masks, "model.7").attributes[name] for name in ("nm", "npr")] == [16, 48 // 2]
    assert [child(areas, "model.7").attributes[name] for name in ("sem_nc", "nm", "npr")] == [13, 16, 48]


def test_conv_and_rep_conv_n_each_share_an_activation_of_their_own(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL, "[[2, 3], 1, Detect, [nc]]", more="activation: nn.ReLU()\n")
    root = build(read_model_yaml(path), "head")
    first = child(root, "model.1.act")
    branches = child(root, "model.2.cv2.0.m.0.cv1.act")
    assert (first.kind, branches.kind) == ("nn.ReLU", "nn.ReLU")
    assert first is not branches
    assert child(root, "model.2.cv2").child("1").child("act") is first
    assert count_layers(root).modules == len(dict(named_modules(root)))


def test_detect_is_that_of_yolov9_where_it_takes_no_anchors(tmp_path: Path) -> None:
    rows = "  - [-1, 1, Conv, [16, 3, 2]]\n  - [-1, 1, Conv, [32, 3, 2]]\n"
    theirs = build(read_model_yaml(written(tmp_path, rows, "[[0, 1], 1, Detect, [nc]]")), "head")
    ours = build(read_model_yaml(written(tmp_path, rows, "[[0, 1], 1, Detect, [nc, anchors]]")), "head")
    assert (list(child(theirs, "model.2").children), list(child(ours, "model.2").children)) == (
        ["cv2", "cv3", "dfl"],
        ["m"],
    )


def refusal(path: Path) -> str:
    with pytest.raises(ProbeError) as caught:
        fuse_diff(Question(resolve(str(path)), (640, 640), choose_counter("thop-0.1", None)))
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ADown", "BDown", "line 9, row 3: BDown is no class of YOLOv9 or torch.nn"),
        ("[32, 32, 16, 1]", "[32, 32]", "line 8, row 2 (RepNCSPELAN4): 3 arguments, expected at least 4 (missing: c4)"),
        ("CBFuse, [[1]]", "CBFuse, [1]", "row 6 (CBFuse): idx is 1, expected a list of whole numbers"),
        ("CBFuse, [[1]]", "CBFuse, [[2]]", "model.6: found idx=[2], expected numbers of one of 2 outputs"),
        ("CBFuse, [[1]]", "CBFuse, [[]]", "model.6: found idx=[], expected a number for each of 1 inputs"),
        ("[[16, 32]]", "[16, 32]", "row 4 (CBLinear): the output widths are 16, expected a list of whole numbers"),
        ("[1, 1, Conv", "[4, 1, Conv", "model.5: found 2 inputs, expected one, as Conv takes"),
    ],
)
def test_a_wrong_row_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in SMALL
    assert message in refusal(written(tmp_path, SMALL.replace(old, new), "[[2, 3], 1, DDetect, [nc]]"))


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("[[2, 3], 1, DDetect, [nc, anchors]]", "row 7 (DDetect): 2 arguments, expected 1 (nc)"),
        ("[[2, 3], 1, Panoptic, [nc, 32]]", "2 arguments, expected 4 (nc, classes of areas, masks, prototypes)"),
        ("[[2], 1, DualDDetect, [nc]]", "row 7 (DualDDetect): 1 rows to detect on, expected at least 2"),
    ],
)
def test_a_wrong_head_is_named(head: str, message: str, tmp_path: Path) -> None:
    assert message in refusal(written(tmp_path, SMALL, head))


def test_no_generation_of_yolov5_is_asked_for_its_networks(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match=r"found --host v7\.0 for a network of YOLOv9"):
        resolve(str(written(tmp_path, SMALL, "[[2, 3], 1, DDetect, [nc]]")), host="v7.0")


def test_a_yaml_that_no_host_can_read_is_read_as_that_of_its_head(tmp_path: Path) -> None:
    rows = SMALL.replace("RepNCSPELAN4, [32, 32, 16, 1]", "C3, [32]")
    with pytest.raises(ModelYamlError, match="row 0: Silence is no class of YOLOv5"):
        build(read_model_yaml(written(tmp_path, rows, "[[2, 3], 1, Detect, [nc, anchors]]")), "head")

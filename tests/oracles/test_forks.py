"""Files of forks, answered from the file alone: what the forks on PyPI build, print and fuse themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.environments import counter, release
from tests.processes import run_python
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.hosts.target import resolve
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.question import Question

THOP = ("thop", "0.1.1.post2209072238")


@dataclass(frozen=True)
class Fork:
    """A fork on PyPI, and networks with its blocks."""

    name: str
    packages: tuple[tuple[str, str], ...]
    inside: str
    """The folder in the first package that is to be on the path."""
    networks: str
    """The module with its networks."""
    kind: str
    """The class of its models."""
    yamls: dict[str, str]


def rows(*lines: str, levels: int = 2, classes: int = 3) -> str:
    """The YAML of a network of these rows, all in its backbone but the last, which has so many levels."""
    *backbone, head = lines
    anchors = [[10 + level, 13, 16, 30, 33, 23] for level in range(levels)]
    scales = f"nc: {classes}\ndepth_multiple: 1.0\nwidth_multiple: 1.0\nanchors: {anchors}\n"
    return f"{scales}backbone:\n" + "".join(f"  - {line}\n" for line in backbone) + f"head:\n  - {head}\n"


YOLOV7 = Fork(
    "YOLOv7",
    (("yolov7detect", "1.0.1"),),
    "",
    "yolov7.models.yolo",
    "Model",
    {
        "merged": rows(
            "[-1, 1, ReOrg, []]", "[-1, 1, Conv, [16, 3, 1]]", "[-1, 1, MP, []]", "[-1, 1, Conv, [32, 3, 2]]",
            "[-1, 1, SPPCSPC, [32]]", "[-1, 1, RepConv, [32, 3, 1]]", "[-1, 1, RepConv, [48, 3, 2]]",
            "[-1, 1, SP, [5, 1]]", "[[5, 7], 1, IDetect, [nc, anchors]]",
        ),
        "auxiliary": rows(
            "[-1, 1, ReOrg, []]", "[-1, 1, DownC, [16]]", "[-1, 1, Conv, [32, 3, 2]]", "[-1, 1, Conv, [32, 1, 1]]",
            "[-1, 1, Conv, [48, 3, 2]]", "[-1, 1, Conv, [48, 3, 2]]", "[-1, 1, Conv, [48, 3, 2]]",
            "[[3, 4, 5, 6, 2, 4, 5, 6], 1, IAuxDetect, [nc, anchors]]", levels=4,
        ),
        "stages": rows(
            "[-1, 1, Stem, [32]]", "[-1, 1, BottleneckCSPA, [32]]", "[-1, 1, Conv, [32, 3, 2]]",
            "[-1, 1, BottleneckCSPB, [32]]", "[-1, 2, ResCSPC, [32]]", "[-1, 1, GhostSPPCSPC, [32]]",
            "[[4, 5], 1, Chuncat, []]", "[[4, 5], 1, Shortcut, []]", "[-1, 1, Foldcut, [1]]",
            "[-1, 1, Conv, [32, 3, 2]]",
            "[[5, 9], 1, Detect, [nc, anchors]]",
        ),
        "points": rows(
            "[-1, 1, GhostStem, [32]]", "[-1, 2, RobustConv, [32]]", "[-1, 1, RepRes, [32]]", "[-1, 1, Ghost, [32]]",
            "[-1, 2, RepResCSPA, [64]]", "[-1, 1, ResXCSPB, [64]]", "[-1, 1, RobustConv2, [64]]",
            "[-1, 1, Conv, [64, 3, 2]]", "[[6, 7], 1, IKeypoint, [nc, anchors, 17]]", classes=1,
        ),
        "bins": rows(
            "[-1, 1, Conv, [16, 3, 2]]", "[-1, 1, GhostCSPC, [32]]", "[-1, 1, Conv, [32, 3, 2]]",
            "[[1, 2], 1, IBin, [nc, anchors]]",
        ),
    },
)  # fmt: skip

YOLOV9 = Fork(
    "YOLOv9",
    (("yolov9pip", "0.0.4"),),
    "yolov9",
    "models.yolo",
    "DetectionModel",
    {
        "gelan": rows(
            "[-1, 1, Conv, [16, 3, 2]]", "[-1, 1, RepNCSPELAN4, [32, 32, 16, 1]]", "[-1, 1, ADown, [32]]",
            "[-1, 1, RepNCSPELAN4, [32, 32, 16, 2]]", "[-1, 1, ADown, [64]]", "[-1, 1, SPPELAN, [64, 32]]",
            "[[3, 5], 1, DDetect, [nc]]",
        ),
        "branches": rows(
            "[-1, 1, Silence, []]", "[-1, 1, Conv, [16, 3, 2]]", "[-1, 1, RepNCSPELAN4, [32, 32, 16, 1]]",
            "[-1, 1, ADown, [64]]", "[2, 1, CBLinear, [[16, 32]]]", "[3, 1, CBLinear, [[16, 32]]]",
            "[0, 1, Conv, [16, 3, 2]]", "[[4, 5, -1], 1, CBFuse, [[0, 0]]]", "[-1, 1, Conv, [32, 3, 2]]",
            "[[4, 5, -1], 1, CBFuse, [[1, 1]]]", "[[2, 3, 7, 9], 1, DualDDetect, [nc]]",
        ),
        "one": rows(
            "[-1, 1, Conv, [16, 3, 2]]", "[-1, 1, SPPCSPC, [32]]", "[-1, 1, Conv, [32, 3, 2]]",
            "[[1, 2], 1, Detect, [nc]]",
        ),
    },
)  # fmt: skip

FACE = Fork(
    "yolov5-face",
    (("yolov5_face", "0.0.2"),),
    "",
    "yolov5_face.models.yolo",
    "Model",
    {
        "stem": rows(
            "[-1, 1, StemBlock, [32, 3, 2]]", "[-1, 1, ShuffleV2Block, [64, 2]]", "[-1, 2, ShuffleV2Block, [64, 1]]",
            "[-1, 1, Conv, [64, 3, 2]]", "[[2, 3], 1, Detect, [nc, anchors]]",
        ),
        "blaze": rows(
            "[-1, 1, Conv, [24, 3, 2]]", "[-1, 2, BlazeBlock, [24]]", "[-1, 1, BlazeBlock, [48, None, 2]]",
            "[-1, 2, DoubleBlazeBlock, [48, 24]]", "[-1, 1, DoubleBlazeBlock, [48, 24, 2]]",
            "[[3, 4], 1, Detect, [nc, anchors]]",
        ),
    },
)  # fmt: skip

FORKS = (YOLOV7, YOLOV9, FACE)
NETWORKS = [(fork.name, name) for fork in FORKS for name in fork.yamls]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """For each fork a folder with its files, and with what it said of them."""
    folders = {}
    for fork in FORKS:
        folder = folders[fork.name] = tmp_path_factory.mktemp(fork.name)
        for name, text in fork.yamls.items():
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        code = [release(*each) for each in fork.packages]
        code[0] /= fork.inside
        script = Path(__file__).with_name("forks_check.py")
        run_python(script, fork.networks, fork.kind, folder, paths=[*code, counter(*THOP)], cwd=folder)
    return folders


def answered(built: dict[str, Path], fork: str, name: str, ending: str = ".pt") -> tuple[dict[str, Any], FuseDiff]:
    """What the fork said, and what a file alone tells: the checkpoint, also that of after fuse(), or the YAML."""
    truth = json.loads((built[fork] / "truth.json").read_text(encoding="utf-8"))[name]
    question = Question(resolve(str(built[fork] / f"{name}{ending}")), (640, 640), choose_counter("thop-0.1", None))
    return truth, fuse_diff(question)


FILES = [(*network, ending) for network in NETWORKS for ending in (".pt", "-fused.pt", ".yaml")]


@pytest.mark.parametrize(("fork", "name", "ending"), FILES)
def test_the_file_alone_tells_what_the_fork_prints_before_and_after_its_fuse(
    fork: str, name: str, ending: str, built: dict[str, Path]
) -> None:
    truth, report = answered(built, fork, name, ending)
    assert report.question.subject.foreign == ()
    assert (report.training.line.text, report.validation.line.text) == (truth["line"], truth["fused_line"])
    assert {each: ledger.unexplained for each, ledger in report.ledgers if ledger} == dict.fromkeys(
        ("layers", "parameters", "gradients", "flops"), 0
    )


@pytest.mark.parametrize(("fork", "name", "ending"), FILES)
def test_the_counts_are_those_of_the_forks_own_modules(
    fork: str, name: str, ending: str, built: dict[str, Path]
) -> None:
    truth, report = answered(built, fork, name, ending)
    for state, expected in ((report.training, truth["counts"]), (report.validation, truth["fused_counts"])):
        summary = state.summary
        found = [summary.layers.modules, summary.layers.leaf_modules, summary.parameters, summary.gradients]
        assert found == expected


@pytest.mark.parametrize(("fork", "name", "ending"), FILES)
def test_a_fork_is_named_where_its_own_blocks_show_it(
    fork: str, name: str, ending: str, built: dict[str, Path]
) -> None:
    assert answered(built, fork, name, ending)[1].question.subject.origin.fork == fork

"""Unit: a file or network made to harm gets an answer or a refusal, soon, and never another exception."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.networks import counter
from tests.unit.test_report import STRIPPED, saved_subject
from yolo_probe.errors import ProbeError, shown
from yolo_probe.hosts.subject import Subject
from yolo_probe.model.freezing import frozen_rows
from yolo_probe.model.structure import Module, Tensor
from yolo_probe.render.text import render
from yolo_probe.render.text_layout import printable
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.info import info
from yolo_probe.reports.question import Question


def nested(depth: int) -> object:
    """A tuple of two, each the same tuple of two: small in a file, endless when written out."""
    value: object = "a"
    for _ in range(depth):
        value = (value, value)
    return value


def changed(path: str, **attributes: object) -> Subject:
    """yolov5n with the attributes of one module changed."""
    subject = saved_subject(STRIPPED, trains=False)

    def within(module: Module, names: list[str]) -> Module:
        if not names:
            return replace(module, attributes={**module.attributes, **attributes})
        return replace(module, children={**module.children, names[0]: within(module.child(names[0]), names[1:])})

    return replace(subject, root=within(subject.root, path.split(".")))


def answer(subject: Subject) -> str:
    return render(fuse_diff(Question(subject, (640, 640), counter())))


def test_a_value_is_shown_shortly_however_large_it_is() -> None:
    assert len(shown(nested(200))) <= 120
    assert len(shown("x" * 10**6)) <= 120
    assert len(shown([10**1000] * 1000)) <= 120


@pytest.mark.parametrize(
    ("path", "attributes", "words"),
    [
        ("model.1", {"f": nested(60)}, "expected row numbers"),
        ("model.1", {"i": [1]}, "expected the row's number"),
        ("model.2.m.0", {"add": nested(60)}, "expected True or False"),
        ("model.1.conv", {"stride": (0, 0)}, "expected at least 1"),
        ("model.1.conv", {"stride": nested(60)}, "expected one or two integers"),
        ("model.1.conv", {"padding": 10**400}, "values on an axis"),
        ("model.9.m", {"stride": 0}, "expected each at least 1|each at least 1"),
        ("model.11", {"scale_factor": float("nan")}, "one or two numbers above 0"),
        ("model.11", {"scale_factor": "2"}, "expected a number"),
        ("model.11", {"scale_factor": [2.0, 2.0, 2.0]}, "one or two numbers above 0"),
        ("model.11", {"mode": "foo"}, "expected nearest, bilinear or bicubic"),
        ("model.24", {"nl": 99}, "expected one for each of 99 levels"),
        ("model.24", {"nl": "3"}, "expected int"),
    ],
)  # fmt: skip
def test_an_attribute_that_no_host_writes_is_told(path: str, attributes: dict[str, Any], words: str) -> None:
    with pytest.raises(ProbeError, match=words):
        answer(changed(path, **attributes))


def test_a_list_of_saved_rows_may_hold_anything() -> None:
    subject = saved_subject(STRIPPED, trains=False)
    root = replace(subject.root, attributes={**subject.root.attributes, "save": [[4], {}, 4, 6, 10, 14, 17, 20, 23]})
    assert "unexplained" in answer(replace(subject, root=root))


def test_rows_to_freeze_beyond_the_network_cost_nothing() -> None:
    assert frozen_rows([2**80], 25) == tuple(range(25))


def test_a_long_name_is_cut_as_a_file_system_would() -> None:
    subject = saved_subject(STRIPPED, trains=False)
    root = replace(subject.root, attributes={**subject.root.attributes, "yaml_file": "y" * 10**6})
    assert len(answer(replace(subject, root=root))) < 5000


def test_what_steers_a_terminal_is_not_printed() -> None:
    assert printable("a\x1b[2Jb\x07\u202e\n") == "a?[2Jb??\n"
    assert printable("\x1b[1mbold\x1b[0m\x1b[2J", styled=True) == "\x1b[1mbold\x1b[0m?[2J"


def test_tensors_that_are_shared_are_counted_once_and_explained() -> None:
    subject = saved_subject(STRIPPED, trains=False)
    rows = subject.root.child("model")
    block = rows.child("4").child("m")
    first, second = block.child("0").child("cv2"), block.child("1").child("cv2")
    for shared in ("conv", "bn"):
        tied = replace(second, children={**second.children, shared: first.child(shared)})
        bottleneck = replace(block.child("1"), children={**block.child("1").children, "cv2": tied})
        edited = replace(
            rows.child("4"),
            children={**rows.child("4").children, "m": replace(block, children={**block.children, "1": bottleneck})},
        )
        root = replace(subject.root, children={"model": replace(rows, children={**rows.children, "4": edited})})
        for name in ("ultralytics-thop-2.2", "thop-0.0.31"):
            report = fuse_diff(Question(replace(subject, root=root), (640, 640), counter(name)))
            assert report.balanced, [(what, ledger and ledger.unexplained) for what, ledger in report.ledgers]


def test_a_weight_that_pruning_computes_is_read_as_it_is() -> None:
    subject = saved_subject(STRIPPED, trains=False)
    rows = subject.root.child("model")
    first = rows.child("0")
    conv = first.child("conv")
    weight = conv.parameters["weight"]
    pruned = replace(
        conv,
        attributes={**conv.attributes, "weight": Tensor(weight.shape)},
        parameters={"weight_orig": weight},
        buffers={"weight_mask": Tensor(weight.shape)},
    )
    edited = replace(first, children={**first.children, "conv": pruned})
    root = replace(subject.root, children={"model": replace(rows, children={**rows.children, "0": edited})})
    report = fuse_diff(Question(replace(subject, root=root), (640, 640), counter()))
    assert report.balanced
    assert report.validation.line.text == "YOLOv5n summary: 157 layers, 1761871 parameters, 0 gradients, 4.1 GFLOPs"


def test_what_cannot_be_fused_still_has_its_own_numbers() -> None:
    subject = saved_subject(STRIPPED, trains=False)
    rows = subject.root.child("model")
    first = rows.child("0")
    edited = replace(first, children={**first.children, "bn": Module("torch.nn.modules.linear.Identity")})
    root = replace(subject.root, children={"model": replace(rows, children={**rows.children, "0": edited})})
    question = Question(replace(subject, root=root), (640, 640), counter())
    assert "fuse() would fail" in render(info(question, fused=False))
    with pytest.raises(ProbeError, match=r"model\.0: found bn = nn\.Identity"):
        fuse_diff(question)
    with pytest.raises(ProbeError, match=r"model\.0: found bn = nn\.Identity"):
        info(question, fused=True)

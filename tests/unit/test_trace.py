"""Unit: the forward pass of YOLOv5's networks on shapes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.networks import question
from yolo_probe.errors import OtherBlockError, TraceError, UnknownModuleError
from yolo_probe.hosts.target import resolve
from yolo_probe.model.forward import RECIPES
from yolo_probe.model.structure import Module, Tensor
from yolo_probe.model.trace import slots_of, trace, unknown_modules
from yolo_probe.networks.constructors import BLOCKS as CONSTRUCTORS

IMAGE = (1, 3, 640, 640)


def test_yolov5s_runs_its_sixty_convolutions_once() -> None:
    run = trace(resolve("yolov5s").root, IMAGE)
    assert Counter(record.operator for record in run.records) == {
        "conv2d": 60,
        "batch_norm": 57,
        "silu": 57,
        "cat": 8
        + 1
        + 4
        + 3
        + 1,  # one in each C3, one in SPPF, four rows; in Detect one for each level and one for all
        "add": 7 + 3,
        "mul": 3 * (4 + 1),  # of centres and sizes, and of anchors and strides
        "sigmoid": 3,
        "pow": 3,
        "sub": 3,
        "max_pool2d": 3,
        "upsample": 2,
    }


def test_detect_gives_one_output_for_each_level() -> None:
    run = trace(resolve("yolov5s").root, (1, 3, 320, 640))
    assert run.output == [(1, 3, 40, 80, 85), (1, 3, 20, 40, 85), (1, 3, 10, 20, 85)]


def test_a_record_names_its_module_and_the_places_where_that_hangs() -> None:
    records = trace(resolve("yolov5s").root, IMAGE).records
    first = {record.operator: record for record in reversed(records)}
    assert (first["conv2d"].path, first["conv2d"].weight) == ("model.0.conv", (32, 3, 6, 6))
    assert (first["silu"].path, first["silu"].slots) == ("model.0.act", 57)
    own = trace(resolve("yolov5s@v6.2").root, IMAGE).records
    assert {record.slots for record in own if record.operator == "silu"} == {1}


def test_a_module_is_in_as_many_places_as_ways_lead_to_it() -> None:
    leaf = Module("torch.nn.modules.activation.ReLU")
    block = Module("Block", children={"act": leaf, "same": leaf, "none": None})
    branches = {name: Module("Branch", children={"block": block}) for name in ("left", "right")}
    root = Module("Root", children={**branches, "act": leaf})
    assert slots_of(root)[id(block)] == 2
    assert slots_of(root)[id(leaf)] == 2 + 1


def test_every_class_that_a_yaml_can_name_has_a_block() -> None:
    assert {name for name in CONSTRUCTORS if name not in RECIPES} == set()


@pytest.mark.parametrize(
    ("part", "names", "words"),
    [
        ("children", {"att": Module("torch.nn.modules.linear.Identity")}, "with att"),
        ("attributes", {"alpha": 0.5}, "with alpha"),
        ("parameters", {"gamma": Tensor((1,))}, "with gamma"),
    ],
)
def test_a_block_that_holds_anything_else_is_another_class(part: str, names: dict[str, object], words: str) -> None:
    root = resolve("yolov5n").root
    rows = root.child("model")
    changes: dict[str, Any] = {part: {**getattr(rows.child("2"), part), **names}}
    edited = replace(rows.child("2"), **changes)
    changed = replace(root, children={"model": replace(rows, children={**rows.children, "2": edited})})
    assert unknown_modules(changed) == (("model.2", "models.common.C3"),)
    with pytest.raises(UnknownModuleError, match=rf"model\.2: found a module of class models\.common\.C3 {words}"):
        trace(changed, IMAGE)


def test_a_module_beside_the_rows_is_not_passed_over() -> None:
    root = resolve("yolov5n").root
    beside = replace(root, children={**root.children, "extra": Module("models.common.Conv")})
    assert ("extra", "models.common.Conv") in unknown_modules(beside)


def test_shapes_that_do_not_fit_name_the_row() -> None:
    with pytest.raises(TraceError, match=r"model\.12: cat: found input 1 of shape \(1, 256, 7, 7\)"):
        trace(resolve("yolov5s").root, (1, 3, 100, 100))


def test_a_class_that_is_not_known_is_named_with_its_path() -> None:
    row = {"i": 9, "f": -1}
    attention = Module("models.common.CoordAttention", row, children={"conv": Module("torch.nn.modules.conv.Conv2d")})
    root = _with_row(resolve("yolov5n").root, "9", attention)
    assert unknown_modules(root) == (("model.9", "models.common.CoordAttention"),)
    with pytest.raises(UnknownModuleError, match=r"model\.9: found a module of class models\.common\.CoordAttention"):
        trace(root, IMAGE)


_NUMBERS = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
_WEIGHT = {"weight": Tensor((8, 256, 1, 1))}
_FLATTEN = Module("torch.nn.modules.flatten.Flatten", {"start_dim": 1, "end_dim": -1})
_CHANNELS = Module("models.common.Channel_Att", {"channels": 8}, children={"bn2": _FLATTEN})


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Module("models.common.Concat", {"d": "1", "f": -1}), "found d='1', expected int"),
        (Module("torch.nn.modules.activation.ReLU", {"f": [-1, 6]}), "found 2 inputs, expected one"),
        (Module("models.common.Conv", {"f": 99}), "found from=99, expected a row before it"),
        (Module("models.common.Conv", {"f": "x"}), "found from='x', expected row numbers"),
        (Module("models.common.Conv", {"f": -1}), "models.common.Conv without conv, act, expected one of YOLOv5's"),
        (
            Module(
                "torch.nn.modules.conv.Conv2d",
                {"f": -1, **_NUMBERS, "stride": (1, 1, 1)},
                _WEIGHT,
            ),
            "found stride=.1, 1, 1., expected one or two integers",
        ),
        (
            Module("torch.nn.modules.container.Sequential", {"f": -1}, children={"0": _FLATTEN, "1": _CHANNELS}),
            r"model\.9\.1: found an input of shape .1, 102400., expected one that a Channel_Att takes",
        ),
        (
            Module("torch.nn.modules.conv.Conv2d", {"f": -1, **_NUMBERS, "dilation": (True, True)}, _WEIGHT),
            "found dilation=.True, True., expected one or two integers",  # as torch, for which True is no number
        ),
        (
            Module("torch.nn.modules.conv.Conv2d", {"f": -1, **_NUMBERS, "groups": True}, _WEIGHT),
            "found groups=True, expected int",
        ),
    ],
)
def test_an_edited_or_damaged_row_is_told_with_what_was_found(row: Module, message: str) -> None:
    with pytest.raises(TraceError, match=message):
        trace(_with_row(resolve("yolov5n").root, "9", row), IMAGE)


@pytest.mark.parametrize(
    ("inside", "error"),
    [
        (Module("models.common.Focus", children={"conv": _FLATTEN}), TraceError),
        (_CHANNELS, OtherBlockError),
    ],
)
def test_only_a_block_of_yolov5_is_taken_to_fail_in_its_host_too(inside: Module, error: type[TraceError]) -> None:
    row = Module("torch.nn.modules.container.Sequential", {"f": -1}, children={"0": _FLATTEN, "1": inside})
    subject = resolve("yolov5n")
    with pytest.raises(TraceError) as found:
        question("yolov5n").state(_with_row(subject.root, "9", row))
    assert type(found.value) is error
    assert "damaged" not in str(found.value)
    its_own = "--source DIR runs its own forward" in found.value.remedy
    assert its_own == (error is OtherBlockError)
    assert ("in YOLOv5 too" in found.value.remedy) != its_own


def test_a_model_without_rows_is_told() -> None:
    with pytest.raises(TraceError, match="no list of rows named model"):
        trace(Module("models.yolo.Model"), IMAGE)


def _with_row(root: Module, name: str, row: Module) -> Module:
    rows = root.child("model")
    return replace(root, children={"model": replace(rows, children={**rows.children, name: row})})


@pytest.mark.parametrize("found", [None, 0, "x", [], {}], ids=repr)
def test_whatever_a_file_has_in_an_attribute_its_block_can_be_looked_up(found: object) -> None:
    for kind, recipes in RECIPES.items():
        for recipe in recipes:
            if recipe.children is None:
                continue
            inside = {name: Module("torch.nn.modules.container.ModuleList") for name in recipe.children.needed}
            tensors = {name: Tensor(()) for name in recipe.tensors.needed}
            recipe.fits(Module(kind, dict.fromkeys(recipe.attributes.needed, found), tensors, children=inside))

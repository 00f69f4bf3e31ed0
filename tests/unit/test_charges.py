"""Unit: the sums of what a counter charges, where something is free and something has no rule."""

from __future__ import annotations

import pytest

from tests.exhaustive import exhaustively
from tests.networks import question
from yolo_probe.counters.charges import Charges, added, charge
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import named_rows

MACS = 4 * 8 * 8 * 3 * 9
"""Of a 3x3 convolution from 3 to 4 channels that gives 8x8 values."""


def convolution(path: str) -> OpRecord:
    options = {"groups": 1, "bias": False}
    return OpRecord("conv2d", path, "nn.Conv2d", ((1, 3, 8, 8),), (1, 4, 8, 8), (4, 3, 3, 3), options)


def function(path: str, operator: str, values: int) -> OpRecord:
    return OpRecord(operator, path, "a.Block", ((1, values),), (1, values), functional=True)


RECORDS = (
    convolution("a.b"),
    convolution("a.b"),
    OpRecord("silu", "a.act", "nn.SiLU", ((1, 4, 8, 8),), (1, 4, 8, 8)),
    convolution("c"),
    function("d.e", "fft.fft2", 100),
    function("a", "fft.fft2", 300),
)


def charges() -> Charges:
    return charge(RECORDS, CONVENTIONS["ultralytics-thop-2.2"])


def test_the_total_is_what_has_a_rule_in_macs_and_in_flops() -> None:
    assert (charges().total, charges().flops) == (3 * MACS, 2 * 3 * MACS)


def test_what_has_no_rule_is_none_and_what_is_free_is_zero() -> None:
    assert charges().by_module() == {"a.b": 2 * MACS, "a.act": 0, "c": MACS, "d.e": None, "a": None}
    assert charges().by_operator() == {"conv2d": 3 * MACS, "silu": 0, "fft.fft2": None}
    assert charges().by_type() == {"nn.Conv2d": 3 * MACS, "nn.SiLU": 0, "a.Block": None}


def test_a_parent_has_what_is_inside_and_the_model_has_everything() -> None:
    whole = charges().by_module_with_parents()
    assert whole == {"": 3 * MACS, "a.b": 2 * MACS, "a": 2 * MACS, "a.act": 0, "c": MACS, "d.e": None, "d": None}


def test_what_is_left_out_is_listed_with_its_share() -> None:
    found = charges().uncounted
    assert [(each.operator, each.path, each.values, each.of) for each in found] == [
        ("fft.fft2", "d.e", 100, 4 * 4 * 64 + 400),
        ("fft.fft2", "a", 300, 4 * 4 * 64 + 400),
    ]


def test_nothing_is_zero_and_nothing_known_is_none() -> None:
    assert (added([]), added([None]), added([0, None]), added([2, 3])) == (0, None, 0, 5)
    assert charge([], CONVENTIONS["torch"]).by_module_with_parents() == {"": 0}


@pytest.mark.parametrize("counter", CONVENTIONS)
@pytest.mark.parametrize("network", exhaustively(["yolov5s-transformer@v7.0", "yolov5n@v7.0", "yolov5n-seg@v7.0"]))
def test_every_way_of_summing_gives_the_same_total(network: str, counter: str) -> None:
    asked = question(network, (64, 64), counter)
    state = asked.state(asked.subject.root)
    found = asked.charges(state)
    _, row_of = named_rows(state.root)
    sums = (found.by_operator(), found.by_type(), found.by_module(), found.by_row(row_of), found.by_term())
    assert {added(each.values()) for each in sums} == {found.total}
    assert found.by_module_with_parents()[""] == found.total
    assert state.summary.flops == found.flops

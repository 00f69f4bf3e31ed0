"""Unit: every amount of a ledger has its places, its arithmetic and its remainder."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.exhaustive import exhaustively
from tests.networks import counter, difference
from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.hosts.target import resolve
from yolo_probe.model.fusion import Fusion
from yolo_probe.model.structure import Module
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.ledger import Entry, Ledger, flops_ledger, layers_ledger, parameters_ledger
from yolo_probe.reports.question import Question


def value(arithmetic: str) -> int:
    """An expression in integers, x, + and -."""
    total = 0
    for sign, first, second in re.findall(r"([+-]?)\s*([\d,]+)(?: x ([\d,]+))?", arithmetic):
        product = int(first.replace(",", "")) * int((second or "1").replace(",", ""))
        total += -product if sign == "-" else product
    return total


def entries(report: FuseDiff) -> list[Entry]:
    return [entry for _, ledger in report.ledgers if ledger for entry in ledger.entries]


NETWORKS = ["yolov5n", "yolov5-fpn@v5.0", "yolov5s-transformer@v6.1", "yolov5n-seg"]


@pytest.mark.parametrize("network", exhaustively(NETWORKS))
def test_every_change_is_explained_to_the_last_digit_and_every_arithmetic_gives_its_amount(network: str) -> None:
    subject = resolve(network)
    for name in CONVENTIONS:
        report = fuse_diff(Question(subject, (320, 640), counter(name)))
        assert [(what, ledger and ledger.unexplained) for what, ledger in report.ledgers] == [
            ("layers", 0),
            ("parameters", 0),
            ("gradients", 0),
            ("flops", 0),
        ]
        for entry in entries(report):
            assert (entry.cause, value(entry.arithmetic)) == (entry.cause, entry.amount)


def test_every_cause_has_its_places_and_a_sentence() -> None:
    causes = {entry.cause: entry.count for entry in entries(difference("yolov5s"))}
    assert all(entry.why.endswith(".") for entry in entries(difference("yolov5-fpn@v6.0")))
    assert causes == {
        "BatchNorm2d merged into the convolution before it": 57,
        "BatchNorm weights and biases": 57,
        "a bias in each merged convolution": 57,
        "requires_grad=False, set by strip_optimizer()": 177,
        "fuse()": 0,
        "60 convolutions": 60,
        "57 BatchNorm2d, no longer charged": 57,
    }


def test_a_counter_that_charges_biases_says_what_the_new_ones_cost() -> None:
    ledger = difference("yolov5s", name="thop-0.0.31").flops
    assert ledger
    amounts = {entry.cause: (entry.amount, entry.arithmetic) for entry in ledger.entries}
    assert amounts["a bias in 57 convolutions, now charged"] == (2 * 23_654_400, "2 x 23,654,400")
    assert amounts["57 BatchNorm2d, no longer charged"] == (-4 * 23_654_400, "-4 x 23,654,400")


def test_batchnorms_that_stay_are_a_row_of_their_own() -> None:
    entry = difference("yolov5-fpn@v6.0").layers.entries[1]
    assert (entry.cause, entry.count, entry.amount) == ("BatchNorm2d that stay", 6, 0)
    assert entry.detail == "6, after a Concat (no convolution before them)"
    assert "model.4.bn" in entry.why


def test_one_corrupted_count_is_left_over() -> None:
    report = difference("yolov5n")
    run, after = report.training.run, report.validation.run
    assert run
    assert after
    convention = CONVENTIONS["thop-0.1"]
    last = max(i for i, record in enumerate(after.records) if record.operator == "conv2d")
    corrupted = after.records[last]._replace(output=(1, 1, 1, 1))
    wrong = (*after.records[:last], corrupted, *after.records[last + 1 :])
    before, right, harmed = (charge(records, convention) for records in (run.records, after.records, wrong))
    assert flops_ledger(before, right, report.fusion).unexplained == 0
    assert flops_ledger(before, harmed, report.fusion).entries[0].amount != 0
    assert parameters_ledger(1_872_157, 1_867_405 - 12, report.fusion).unexplained == -12
    lost = replace(report.fusion, merges=report.fusion.merges[1:])
    assert layers_ledger(125, 68, lost, "").unexplained == -1


def test_the_remainder_is_what_no_entry_accounts_for() -> None:
    entry = Entry("something", 1, -3, "-3 x 1", "It happened.")
    assert Ledger(10, 5, (entry,)).unexplained == -2
    assert layers_ledger(1, 1, Fusion(Module("x"), (), ()), "").unexplained == 0

"""Unit: what a training records of itself, its JSON Schema, and a record that the version before has written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.environments import ROOT
from tests.exhaustive import exhaustively
from tests.networks import difference
from yolo_probe.reports.mechanisms import Decided
from yolo_probe.reports.schema import SCHEMA
from yolo_probe.reports.story import read_story
from yolo_probe.reports.training_record import (
    Changed,
    Ended,
    Event,
    FuseTrial,
    Numbers,
    Printed,
    Started,
    Switched,
    Taken,
    TrainingRecord,
    Validated,
    as_json,
    from_json,
    frozen_rows,
    has_thawed,
)
from yolo_probe.reports.typed_json import FormError, as_plain, schema_of

PUBLISHED = json.loads((ROOT / "configs" / "probe.schema.json").read_text())
BEFORE = ROOT / "tests" / "golden" / "probe-before.json"
"""The record of a real training, written before a record was one typed value."""

WHOLE = Numbers(layers=214, parameters=100, gradients=100, flops=None)
FROZEN = Numbers(layers=214, parameters=100, gradients=70, flops=5_000)
MECHANISMS = (Decided("built trainable", 70, "So it is built."), Decided("--freeze", 30, "--freeze 1 freezes row 0."))
EVENTS: tuple[Event, ...] = (
    Started(
        host_line="YOLOv5n summary: 214 layers", training=FROZEN, mechanisms=MECHANISMS, imgsz=(64, 32),
        flops_at_imgsz=None, freeze="--freeze 1", frozen_rows=(0,), frozen_parameters=30,
        moving_batch_norms=("model.0.bn",), not_in_optimizer=(), fuse=FuseTrial(merges=0, fails="model.1: fails"),
        printed=Printed(
            gradients=100, gflops=4.2, imgsz=(640, 640), taken=(Taken(mechanism="--freeze", where="row 0"),),
            taken_parameters=30,
        ),
    ),
    Validated(copy="ema", fused=False, validated=WHOLE),
    Changed(
        epoch=3, training=WHOLE, gradients_before=70, train_now=Switched(where="row 0", tensors=3, parameters=30),
        train_no_more=None, not_in_optimizer=("model.0.conv.weight",),
    ),
    Ended(host_line=None, validated=WHOLE, largest_difference=1e-6, largest_output=3.5),
)  # fmt: skip


def test_the_published_schema_is_that_of_the_record() -> None:
    Draft202012Validator.check_schema(PUBLISHED)
    assert schema_of(TrainingRecord) == PUBLISHED, (
        "write it anew: python -c 'import json; from yolo_probe.reports.training_record import TrainingRecord; "
        "from yolo_probe.reports.typed_json import schema_of; print(json.dumps(schema_of(TrainingRecord), indent=2))'"
    )
    assert PUBLISHED["properties"]["schema"] == {"const": SCHEMA}


def test_what_is_written_fits_the_schema_and_is_read_as_the_same_values() -> None:
    for report in (None, difference("yolov5n@v7.0")):
        written = json.loads(json.dumps(as_json(EVENTS, report)))
        Draft202012Validator(PUBLISHED).validate(written)
        record = from_json(written)
        assert record.events == EVENTS
        assert as_plain(record.ledger) == written.get("ledger")


def test_a_record_of_the_version_before_is_read_and_fits_the_schema() -> None:
    content = json.loads(BEFORE.read_text())
    Draft202012Validator(PUBLISHED).validate(content)
    story = read_story(str(BEFORE))
    assert [type(moment) for moment in story.moments] == [Started, Validated, Changed, Ended]
    assert [name for name, account in story.accounts.items() if not account.remainder] == list(content["ledger"])
    assert story.balanced
    start = story.moments[0]
    assert isinstance(start, Started)
    assert (start.training.gradients, start.frozen_parameters, start.printed) == (720_255, 1_046_368, None)


def test_a_row_that_trained_later_is_none_of_the_frozen_rows() -> None:
    start, _, change, _ = EVENTS
    assert isinstance(start, Started)
    assert isinstance(change, Changed)
    two = replace(start, frozen_rows=(0, 1))
    thawed = replace(change, train_now=Switched(where="row 0", tensors=3, parameters=30, rows=(0,)))
    frozen_again = replace(change, train_now=None, train_no_more=thawed.train_now)
    assert (frozen_rows((two,)), has_thawed((two, frozen_again))) == (("0", "1"), False)
    assert (frozen_rows((two, thawed, two, frozen_again)), has_thawed((two, thawed))) == (("1",), True)


def places(value: object, *above: str | int) -> Iterator[tuple[str | int, ...]]:
    """Every place in what the schema describes."""
    yield above
    keys: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in keys:
        yield from places(inside, *above, key)


REPORTS_OWN = (
    *("target", "imgsz", "counter", "training", "validation", "host_lines", "missing_gflops", "uncounted"),
    "gradients_with_autograd",
)
"""Keys of the fuse-diff report beside the record."""

CONTENT = json.loads(BEFORE.read_text())
PLACES = [place for place in places(CONTENT) if place and place[0] not in REPORTS_OWN and place != ("schema",)]


@pytest.mark.parametrize("place", exhaustively(PLACES[:: len(PLACES) // 60], few=10))
def test_the_reader_refuses_what_the_schema_refuses(place: tuple[str | int, ...]) -> None:
    validator = Draft202012Validator(PUBLISHED)
    values: tuple[object, ...] = (None, True, -1, 7, 0.5, "text", [], ["text"], [3], {}, [{}])
    for value in values:
        changed = json.loads(BEFORE.read_text())
        inside = changed
        for step in place[:-1]:
            inside = inside[step]
        inside[place[-1]] = value
        if changed["events"] == []:
            continue  # the reader alone asks for one
        try:
            from_json(changed)
        except FormError:
            is_read = False
        else:
            is_read = True
        assert is_read == validator.is_valid(changed), (place, value)


def test_a_key_that_is_not_known_is_passed_over_as_a_newer_version_may_write_it() -> None:
    content = CONTENT | {"mood": "good", "events": [CONTENT["events"][0] | {"weather": 3}]}
    assert from_json(content).events == from_json(CONTENT).events[:1]


def test_a_training_that_diverged_can_be_told_all_the_same() -> None:
    end = Ended(host_line=None, validated=WHOLE, largest_difference=float("nan"), largest_output=float("inf"))
    text = json.dumps(as_json([end], None), allow_nan=False)
    (read,) = from_json(json.loads(text)).events
    assert isinstance(read, Ended)
    assert (read.largest_difference, read.largest_output) == (None, None)


def test_a_number_that_nothing_can_print_is_refused() -> None:
    start = CONTENT["events"][0]
    content = CONTENT | {"events": [start | {"frozen_parameters": 10**4200}]}
    with pytest.raises(FormError, match=r"as events\[0\]\.frozen_parameters, expected a number of at most 9,223,372"):
        from_json(content)

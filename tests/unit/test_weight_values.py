"""Weights by value: what is 0, NaN or infinite is counted bit by bit, whatever the format and the order in memory."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest

from tests.conftest import Probe
from yolo_probe.checkpoint.weight_values import ValueCounts, value_counts
from yolo_probe.model.structure import Location, Module, Tensor
from yolo_probe.render.weight_values import weight_sections
from yolo_probe.reports.weight_values import state_dict_values, weight_values

NAN, INF = math.nan, math.inf
NUMBERS = [0.0, -0.0, NAN, INF, -INF, -NAN, 1.5, -2.0, 6e-8, 0.0, 30000.0, -1e-4]
COUNTS = ValueCounts(values=12, zeros=3, nan=2, infinite=2)
FORMATS = {"float16": "e", "float32": "f", "float64": "d"}


def stored(dtype: str, numbers: list[float]) -> bytes:
    """The numbers as they are in a file."""
    if dtype == "bfloat16":
        return b"".join(struct.pack("<f", number)[2:] for number in numbers)
    return struct.pack(f"<{len(numbers)}{FORMATS[dtype]}", *numbers)


def placed(dtype: str, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> Tensor:
    return Tensor(shape, dtype, location=Location("0", offset, strides))


@pytest.mark.parametrize("dtype", [*FORMATS, "bfloat16"])
@pytest.mark.parametrize(
    ("shape", "strides"), [((12,), (1,)), ((3, 4), (4, 1)), ((3, 4), (1, 3)), ((2, 3, 2), (6, 1, 3))]
)
def test_every_format_and_order_has_the_same_counts(
    dtype: str, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    data = stored(dtype, [7.0, *NUMBERS, 0.0])
    assert value_counts(lambda _: data, placed(dtype, shape, strides, offset=1)) == COUNTS


def test_a_part_of_a_storage_counts_its_own_values_alone() -> None:
    data = stored("float32", [0.0, 1.0, NAN, 0.0, 2.0, INF])
    assert value_counts(lambda _: data, placed("float32", (2,), (3,))) == ValueCounts(2, 2)
    assert value_counts(lambda _: data, placed("float32", (2,), (3,), 2)) == ValueCounts(2, 0, 1, 1)
    assert value_counts(lambda _: data, placed("float32", (0, 3), (3, 1))) == ValueCounts()


def test_integers_and_what_has_no_values_are_not_counted() -> None:
    assert value_counts(lambda _: b"", placed("int64", (1,), (1,))) is None
    assert value_counts(lambda _: b"", Tensor((1,))) is None


def test_rows_convolutions_buffers_and_masks_are_told_apart() -> None:
    data = {"w": stored("float32", [0.0, 0.0, 1.0, 2.0]), "b": stored("float32", [NAN]), "v": stored("float32", [INF])}

    def read(tensor: Tensor) -> bytes:
        assert tensor.location is not None
        return data[tensor.location.storage]

    def tensor(storage: str, shape: tuple[int, ...]) -> Tensor:
        return Tensor(shape, location=Location(storage, 0, (4, 2, 2, 1)[-len(shape) :]))

    convolution = Module(
        "torch.nn.modules.conv.Conv2d",
        parameters={"weight_orig": tensor("w", (1, 2, 1, 2)), "bias": tensor("b", (1,))},
        buffers={"weight_mask": tensor("w", (1, 2, 1, 2)), "running_var": tensor("v", (1,))},
    )
    rows = Module("torch.nn.modules.container.Sequential", children={"0": convolution})
    found = weight_values(read, Module("models.yolo.Model", children={"model": rows}))
    assert (found.all, found.convolutions) == (ValueCounts(5, 2, 1), ValueCounts(4, 2))
    assert found.buffers == ValueCounts(1, 0, 0, 1)
    assert [(row.name, row.kind, row.counts) for row in found.rows] == [("0", "Conv2d", found.all)]
    assert found.masks == ("model.0.weight",)
    words = " ".join(part.text for section in weight_sections(found) for part in section if hasattr(part, "text"))
    assert "2 values are no numbers, 1 of them in buffers: the network's output cannot be trusted." in words
    assert "50.0 % of the convolutions' weights are 0. They still cost what they cost" in words
    assert "1 pruned weights have their mask beside them (model.0.weight)" in words
    named = {"model.0.weight_orig": tensor("w", (1, 2, 1, 2)), "model.0.bn.running_var": tensor("v", (1,))}
    bare = state_dict_values(read, named)
    assert (bare.all, bare.buffers, bare.rows[0].name) == (ValueCounts(4, 2), ValueCounts(1, 0, 0, 1), "0")


@pytest.mark.parametrize("command", ["inspect", "info"])
def test_the_commands_read_the_weights_when_asked(command: str, demo_checkpoint: Path, probe: Probe) -> None:
    text = probe(command, str(demo_checkpoint), "--weights").stdout
    assert "Every value is a number, and no weight of a convolution is 0." in text
    data = json.loads(probe(command, str(demo_checkpoint), "--weights", "--format", "json").stdout)["weight_values"]
    assert data["parameters"] == {"values": 115_071, "zeros": 0, "nan": 0, "infinite": 0}
    assert data["convolutions"]["values"] == 112_624
    assert sum(row["values"] for row in data["rows"]) == 115_071
    assert "weight_values" not in json.loads(probe(command, str(demo_checkpoint), "--format", "json").stdout)


def test_a_network_without_weights_is_refused(probe: Probe) -> None:
    done = probe("info", "yolov5s", "--weights")
    assert (done.returncode, done.stdout) == (2, "")
    assert "found --weights for a network without weights, expected a checkpoint" in done.stderr

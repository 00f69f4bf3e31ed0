"""The means and deviations of a checkpoint's weights are those that torch computes of the loaded tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from yolo_probe.checkpoint import weight_statistics
from yolo_probe.checkpoint.reader import Checkpoint, read_checkpoint
from yolo_probe.checkpoint.weight_statistics import statistics_of
from yolo_probe.model.structure import Tensor, named_parameters


@pytest.fixture(scope="module")
def checkpoint(demo_checkpoint: Path) -> Checkpoint:
    return read_checkpoint(demo_checkpoint)


def test_numpy_and_torch_read_the_same(checkpoint: Checkpoint) -> None:
    assert checkpoint.model
    for _, tensor in named_parameters(checkpoint.model):
        assert statistics_of(checkpoint)(tensor) == weight_statistics._with_torch(checkpoint, tensor)


def test_they_are_those_of_the_weights_themselves(checkpoint: Checkpoint) -> None:
    assert checkpoint.model
    name, tensor = next(named_parameters(checkpoint.model))
    values = torch.tensor(checkpoint.numbers(tensor, limit=tensor.numel), dtype=torch.float32)
    assert (name, values.numel()) == ("model.0.conv.weight", 8 * 3 * 6 * 6)
    assert statistics_of(checkpoint)(tensor) == (f"{values.mean():.3g}", f"{values.std():.3g}")


def test_what_is_not_in_a_file_has_none(checkpoint: Checkpoint) -> None:
    assert statistics_of(None)(Tensor((3,))) == ("-", "-")
    assert statistics_of(checkpoint)(Tensor((3,))) == ("-", "-")

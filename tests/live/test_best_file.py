"""The file of the best model is of this run, or of an earlier one in the same folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from yolo_probe.training.best_file import best_of, found_at_start


def saved(folder: Path, date: str | None, *, epoch: int = 0, value: float = 0.0) -> Path:
    """A checkpoint as a host saves it; stripped where the epoch is -1."""
    model = nn.Conv2d(3, 8, 1, bias=False)
    nn.init.constant_(model.weight, value)
    state = {"epoch": epoch, "model": model.half() if epoch == -1 else model}
    path = best_of(folder)
    path.parent.mkdir(exist_ok=True)
    torch.save(state | ({"date": date} if date else {}), path)
    return path


@pytest.mark.parametrize("epoch", [0, -1])
def test_a_file_that_was_there_and_that_its_host_strips_at_the_end_is_of_an_earlier_run(
    epoch: int, tmp_path: Path
) -> None:
    saved(tmp_path, "2026-01-01T00:00:00", epoch=epoch)
    best = found_at_start(tmp_path)
    assert best.is_earlier(saved(tmp_path, "2026-01-01T00:00:00", epoch=-1))
    assert best.date == "2026-01-01T00:00:00"


def test_a_file_of_another_date_is_of_this_run_also_with_the_same_weights(tmp_path: Path) -> None:
    best = found_at_start(saved(tmp_path, "2026-01-01T00:00:00").parents[1])
    assert not best.is_earlier(saved(tmp_path, "2026-01-02T00:00:00"))


def test_an_older_host_has_no_date_and_is_known_by_its_tensors(tmp_path: Path) -> None:
    best = found_at_start(saved(tmp_path, None, epoch=-1).parents[1])
    assert best.is_earlier(saved(tmp_path, None, epoch=-1))
    assert not best.is_earlier(saved(tmp_path, None, epoch=-1, value=1.0))


def test_where_there_was_no_file_every_file_is_of_this_run(tmp_path: Path) -> None:
    best = found_at_start(tmp_path)
    assert not best.is_earlier(best_of(tmp_path))
    assert best.date is None
    assert not best.is_earlier(saved(tmp_path, None))


def test_a_file_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    path = best_of(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"no checkpoint")
    assert not found_at_start(tmp_path).is_earlier(path)

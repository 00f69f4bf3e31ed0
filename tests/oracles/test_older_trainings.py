"""Real trainings of earlier releases of ultralytics: told from start to end, with the same weights bit by bit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.oracles.trainings import Trained, Training, different, train, ultralytics_arguments

FROZEN = ("amp=False", "freeze=10")
RELEASES = {"8.0.50": (), "8.0.100": ("amp=False",), "8.0.200": FROZEN, "8.1.34": FROZEN, "8.3.75": FROZEN}
"""Releases that print no line at the start, announce a training after its line, or whose validator has callbacks of its
own; and their options."""


def trained(release: str, folder: Path, *, probe: bool) -> Trained:
    """One epoch of yolov8n."""
    words = ultralytics_arguments("ultralytics", "detect", "train", "model=yolov8n.yaml", *RELEASES[release])
    training = Training(release, (words,), f"ultralytics {release}", variables={"YOLO_AUTOINSTALL": "false"})
    return train(training, folder, probe=probe)


@pytest.mark.parametrize("release", RELEASES)
def test_a_training_of_an_earlier_release_is_told_and_trains_the_same(release: str, tmp_path: Path) -> None:
    bare, probed = (trained(release, tmp_path / name, probe=name == "probed") for name in ("bare", "probed"))
    assert (bare.codes, probed.codes) == ((0,), (0,))
    assert probed.host_lines == bare.host_lines
    for name in ("best.pt", "last.pt"):
        assert different(bare.weights(name), probed.weights(name)) == []
    record = json.loads((probed.folder / "probe.json").read_text(encoding="utf-8"))
    start, *_, end = record["events"]
    gradients = 1_738_566 if RELEASES[release] is FROZEN else 3_011_222
    assert (start["event"], start["training"]["layers"], start["training"]["gradients"]) == ("start", 225, gradients)
    assert (start["fuse"]["merges"], start["fuse"]["layers"]) == (57, 168)
    assert end["event"] == "end"
    assert any("every difference explained" in line for line in probed.probe_lines)

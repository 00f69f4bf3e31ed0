"""The files of a run: whole or not at all, and never those of an earlier run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yolo_probe.training.run_files import RunFiles, write_whole


def test_a_file_is_replaced_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "probe.json"
    path.write_text("the first")

    def fails(beside: Path) -> None:
        beside.write_text("the sec")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_whole(path, fails)
    assert path.read_text() == "the first"
    write_whole(path, lambda beside: beside.write_text("the second"))
    assert path.read_text() == "the second"
    assert [each.name for each in tmp_path.iterdir()] == ["probe.json"]


def test_a_second_run_in_one_folder_keeps_the_files_of_the_first(tmp_path: Path) -> None:
    warnings: list[str] = []
    for text in ("first", "second", "third"):
        (tmp_path / "probe.md").write_text(text)
        run = RunFiles(tmp_path)
        for _ in range(2):  # a run writes its record many times
            run.write(("json", "md"), (), None, warnings.append)
        (tmp_path / "probe.json").write_text(json.dumps(text))
    assert warnings == []
    kept = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert kept == {
        "probe-1.md": "first",
        "probe-2.json": '"first"',
        "probe-2.md": "second",
        "probe-3.json": '"second"',
        "probe-3.md": "third",
        "probe.json": '"third"',
    }

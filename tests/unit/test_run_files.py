"""The files of a run: whole or not at all, and never those of an earlier run."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.networks import difference
from yolo_probe.reports.story import read_story
from yolo_probe.reports.training_record import FuseTrial, Numbers, Started
from yolo_probe.training.run_files import RunFiles, write_whole

NUMBERS = Numbers(layers=214, parameters=100, gradients=100, flops=None)
START = Started(
    host_line=None, training=NUMBERS, imgsz=(64, 64), flops_at_imgsz=None, freeze=None, frozen_rows=(),
    frozen_parameters=0, moving_batch_norms=(), not_in_optimizer=(), fuse=FuseTrial(merges=0, fails=None),
)  # fmt: skip


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


def test_a_resumed_run_goes_on_with_the_record_of_its_first_part(tmp_path: Path) -> None:
    warnings: list[str] = []
    RunFiles(tmp_path).write(("json",), (START,), None, warnings.append)
    resumed = RunFiles(tmp_path, continues=True)
    for _ in range(2):
        resumed.write(("json",), (replace(START, resumed=True),), None, warnings.append)
    assert not resumed.may_have_thawed
    moments = read_story(str(tmp_path)).moments
    assert [isinstance(each, Started) and each.resumed for each in moments] == [False, True]
    assert ([path.name for path in tmp_path.iterdir()], warnings) == (["probe.json"], [])


def test_a_resumed_run_of_another_network_has_a_record_of_its_own(tmp_path: Path) -> None:
    RunFiles(tmp_path).write(("json",), (START,), None, print)
    other = replace(START, training=replace(NUMBERS, parameters=200), resumed=True)
    run = RunFiles(tmp_path, continues=True)
    run.write(("json",), (other,), None, print)
    assert read_story(str(tmp_path)).moments == (other,)
    assert read_story(str(tmp_path / "probe-1.json")).moments == (START,)
    assert run.may_have_thawed


def test_of_two_runs_in_one_folder_at_once_each_has_its_own_record(tmp_path: Path) -> None:
    warnings: list[str] = []
    first, second, third = (replace(START, freeze=name) for name in ("first", "second", "third"))
    runs = {each: RunFiles(tmp_path) for each in (first, second, third)}
    for _ in range(3):
        for start, run in runs.items():
            run.write(("json", "md"), (start,), difference("yolov5n"), warnings.append)
    said = {name: read_story(str(tmp_path / name)).moments for name in ("probe.json", "probe-1.json", "probe-2.json")}
    assert said == {"probe.json": (third,), "probe-1.json": (first,), "probe-2.json": (second,)}
    assert {each.name for each in tmp_path.glob("*.md")} == {"probe.md", "probe-1.md", "probe-2.md"}
    assert warnings == [
        f"probe.json is of another training in this folder now: that of this one is probe-{number}.json"
        for number in (1, 2)
    ]


def test_a_record_that_somebody_has_written_meanwhile_stays(tmp_path: Path) -> None:
    warnings: list[str] = []
    run = RunFiles(tmp_path)
    run.write(("json",), (START,), None, warnings.append)
    (tmp_path / "probe.json").write_text("mine")
    for _ in range(2):
        run.write(("json",), (START,), None, warnings.append)
    assert (tmp_path / "probe.json").read_text() == "mine"
    assert read_story(str(tmp_path / "probe-1.json")).moments == (START,)
    assert len(warnings) == 1


def test_a_folder_that_is_gone_costs_one_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    (folder := tmp_path / "run").mkdir()
    run = RunFiles(folder)
    run.write(("json",), (START,), None, warnings.append)
    (folder / "probe.json").unlink()
    folder.rmdir()
    for _ in range(2):
        run.write(("json",), (START,), None, warnings.append)
    assert warnings == ["the folder of the run is gone: probe.json was not written"]
    folder.mkdir()  # by the host
    run.write(("json",), (START,), None, warnings.append)
    assert read_story(str(folder)).moments == (START,)


def test_a_disk_that_has_space_again_gets_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    warnings: list[str] = []
    run = RunFiles(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr("yolo_probe.training.run_files.write_whole", full)
        run.write(("json",), (START,), None, warnings.append)
    run.write(("json",), (START,), None, warnings.append)
    assert read_story(str(tmp_path)).moments == (START,)
    assert len(warnings) == 1


def test_a_resumed_run_keeps_a_record_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "probe.json").write_text("no record")
    RunFiles(tmp_path, continues=True).write(("json",), (START,), None, print)
    assert (tmp_path / "probe-1.json").read_text() == "no record"
    assert read_story(str(tmp_path)).moments == (START,)


def test_a_full_disk_costs_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("yolo_probe.training.run_files.write_whole", full)
    warnings: list[str] = []
    run = RunFiles(tmp_path)
    for _ in range(2):
        run.write(("json", "md", "png"), (START,), difference("yolov5n"), warnings.append)
    assert warnings == ["probe.json was not written (OSError: [Errno 28] No space left on device)"]

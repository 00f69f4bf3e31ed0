"""Contract: a run told from its folder, and what is refused in its place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.checkpoint_files import save_zip
from tests.conftest import Probe
from yolo_probe.checkpoint.reader import read_checkpoint
from yolo_probe.errors import StoryError
from yolo_probe.render import markdown
from yolo_probe.reports.story import read_story
from yolo_probe.reports.training_record import Changed, Started

NUMBERS = {"layers": 214, "parameters": 100, "gradients": 70, "flops": None}
MECHANISMS = [
    {"mechanism": "built trainable", "parameters": 70, "evidence": "Every parameter is built trainable."},
    {"mechanism": "--freeze", "parameters": 30, "evidence": "--freeze 1 freezes row 0."},
]
START = {
    "event": "start", "host_line": "YOLOv5n summary: 214 layers", "training": NUMBERS, "mechanisms": MECHANISMS,
    "imgsz": [64, 64], "flops_at_imgsz": None, "freeze": "--freeze 1", "frozen_rows": [0], "frozen_parameters": 30,
    "moving_batch_norms": ["model.0.bn"], "not_in_optimizer": [],
    "fuse": {"merges": 57, "fails": None},
}  # fmt: skip
CHANGE = {
    "event": "change", "epoch": 3, "training": NUMBERS | {"gradients": 100}, "mechanisms": [], "gradients_before": 70,
    "train_now": {"where": "row 0", "tensors": 3, "parameters": 30}, "train_no_more": None, "not_in_optimizer": ["a"],
}  # fmt: skip
RECORD: dict[str, Any] = {"schema": 1, "command": "train", "events": [START, CHANGE]}


def run(folder: Path, record: object = RECORD) -> Path:
    (folder / "probe.json").write_text(record if isinstance(record, str) else json.dumps(record))
    return folder


def test_a_folder_and_its_record_are_the_same_story(tmp_path: Path) -> None:
    of_folder, of_file = (read_story(str(each)) for each in (run(tmp_path), tmp_path / "probe.json"))
    assert of_folder == of_file
    assert [type(moment) for moment in of_folder.moments] == [Started, Changed]


def test_each_moment_is_told_with_its_numbers_and_its_mechanisms(tmp_path: Path, probe: Probe) -> None:
    done = probe("story", run(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    for line in (
        "YOLOv5n summary: 214 layers",
        "  start                              214                  70                 100",
        f"  --freeze{30:>70}",
        "  The host's line was printed before --freeze 1 acted (row 0).",
        "  From now on these train: row 0, 30 parameters.",
        "  70 gradients became 100 while the training went on.",
        "  In no group of the optimizer, so they do not change: 1 tensors (first: a).",
        "No end is on record: the training goes on, was stopped, or could not write it.",
    ):
        assert line in done.stdout.splitlines()


def test_what_the_mechanisms_leave_over_is_marked_and_ends_with_1(tmp_path: Path, probe: Probe) -> None:
    done = probe("story", run(tmp_path, RECORD | {"events": [START | {"mechanisms": MECHANISMS[:1]}]}))
    assert f"! unexplained{'+30':>67}" in done.stdout
    assert done.returncode == 1


def test_markdown_and_json_have_the_same_story(tmp_path: Path, probe: Probe) -> None:
    text = markdown.render(read_story(str(run(tmp_path))))
    assert "| start | 214 | 70 | 100 |" in text
    assert json.loads(probe("story", tmp_path, "--format", "json").stdout) == RECORD


def changed(place: tuple[str | int, ...], value: object) -> Callable[[], object]:
    def record() -> object:
        copy = json.loads(json.dumps(RECORD))
        inside = copy
        for step in place[:-1]:
            inside = inside[step]
        inside[place[-1]] = value
        return copy

    return record


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (lambda: "", "found no JSON"),
        (lambda: "PK\x03\x04", "found no JSON"),
        (lambda: "[" * 100_000, "found no JSON"),
        (lambda: '{"schema": ' + "9" * 5000 + "}", "found no JSON"),
        (list, "found [], expected an object"),
        (dict, "found no schema, expected a whole number"),
        (changed(("schema",), 2), "found 2 as schema, expected 1"),
        (changed(("schema",), True), "found True as schema, expected a whole number"),
        (changed(("events",), []), "found [] as events, expected at least one event"),
        (changed(("events",), 3), "found 3 as events, expected a list"),
        (changed(("events", 0), 3), "found 3 as events[0], expected an object"),
        (
            changed(("events", 1, "event"), "stop"),
            "found 'stop' as events[1].event, expected start, validation, change",
        ),
        (changed(("events", 0, "training"), None), "found None as events[0].training, expected an object"),
        (
            changed(("events", 0, "training"), {"layers": -1}),
            "found -1 as events[0].training.layers, expected a whole number from 0 on",
        ),
        (
            changed(("events", 0, "mechanisms", 1, "evidence"), 5),
            "found 5 as events[0].mechanisms[1].evidence, expected a text",
        ),
        (changed(("events", 0, "frozen_rows"), ["a"]), "found ['a'] as events[0].frozen_rows"),
        (changed(("ledger",), {"layers": {"before": 1, "after": None}}), "found None as ledger.layers.after"),
    ],
)
def test_what_the_probe_did_not_write_is_refused_with_its_place(
    record: Callable[[], object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(StoryError) as caught:
        read_story(str(run(tmp_path, record())))
    assert message in str(caught.value)
    assert str(tmp_path / "probe.json") in str(caught.value)
    assert caught.value.remedy


def test_wrong_input_is_told_on_stderr_and_exits_with_2(tmp_path: Path, probe: Probe) -> None:
    for target, message in (
        (tmp_path, f"{tmp_path}/probe.json: found no probe.json in the folder, expected the record of a training"),
        (tmp_path / "none", f"{tmp_path}/none: no such file, expected the record of a training"),
        ("configs/demo/narrow-best.pt", "configs/demo/narrow-best.pt: found no JSON"),
        ("/dev/zero", "/dev/zero: no such file"),
    ):
        done = probe("story", target)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert "yolo-probe train" in done.stderr
        assert "Traceback" not in done.stderr


def test_a_name_in_a_record_cannot_steer_a_terminal(tmp_path: Path, probe: Probe) -> None:
    done = probe("story", run(tmp_path, RECORD | {"events": [START | {"freeze": "\x1b[31mred"}]}))
    assert "\x1b" not in done.stdout


ENDED = {
    "event": "end", "host_line": None, "validated": NUMBERS,
    "outputs": {"size": [64, 64], "rows": 25, "largest": 1e-15, "first": None},
}  # fmt: skip


def test_a_checkpoint_beside_its_record_is_told_with_what_only_the_training_knew(
    tmp_path: Path, probe: Probe, demo_checkpoint: Path
) -> None:
    start = START | {"training": NUMBERS | {"parameters": 115_071}, "weights": "yolov5n.pt"}
    run(tmp_path, RECORD | {"events": [start, CHANGE, ENDED]})
    (tmp_path / "weights").mkdir()
    copy = shutil.copy(demo_checkpoint, tmp_path / "weights" / "best.pt")
    said = " ".join(probe("fuse-diff", copy).stdout.split())
    assert said.endswith(
        "Run as probe.json tells it: started from yolov5n.pt; --freeze 1 (row 0); row 0 trainable from epoch 3 on; its "
        "fuse() left 214 layers, 100 parameters, 70 gradients; outputs after it: the same, row by row"
    )
    assert len(json.loads(probe("fuse-diff", copy, "--format", "json").stdout)["run"]) == 5
    assert " ".join(probe("fuse-diff", tmp_path).stdout.split()) == said  # the folder stands for its best.pt
    run(tmp_path, RECORD)  # of another network
    assert "probe.json" not in probe("fuse-diff", copy).stdout


def test_a_record_is_not_that_of_a_file_which_was_there_when_its_training_began(
    tmp_path: Path, probe: Probe, demo_checkpoint: Path
) -> None:
    (tmp_path / "weights").mkdir()
    copy = shutil.copy(demo_checkpoint, tmp_path / "weights" / "best.pt")
    date = str(read_checkpoint(copy).contents["date"])
    for earlier, told in ((date, False), ("2020-01-01T00:00:00", True), (None, True)):
        start = START | {"training": NUMBERS | {"parameters": 115_071}, "earlier_best": earlier}
        run(tmp_path, RECORD | {"events": [start]})
        assert ("as probe.json tells it" in " ".join(probe("fuse-diff", copy).stdout.split())) == told


def test_a_freeze_that_a_file_does_not_have_is_explained_by_the_record_beside_it(
    tmp_path: Path, probe: Probe, demo_checkpoint: Path
) -> None:
    start = START | {"training": NUMBERS | {"parameters": 115_071}}
    (run(tmp_path, RECORD | {"events": [start, ENDED]}) / "weights").mkdir()
    copy = tmp_path / "weights" / "best.pt"
    with ZipFile(demo_checkpoint) as saved:  # YOLOv7 saves no options
        entries = {each: saved.read(each).replace(b"freeze", b"unread") for each in saved.namelist()}
    save_zip(copy, entries)
    assert causes(probe, copy)[0] == "--freeze 1"
    assert "--freeze 1: row 0 did not train" in probe("fuse-diff", copy).stdout
    run(tmp_path, RECORD | {"events": [start, CHANGE, ENDED]})  # row 0 did train
    assert causes(probe, copy)[0] == "requires_grad=False, set by strip_optimizer()"


def test_what_trained_after_all_is_not_said_to_have_been_frozen(
    tmp_path: Path, probe: Probe, demo_checkpoint: Path
) -> None:
    start = START | {"training": NUMBERS | {"parameters": 115_071}}
    record = RECORD | {"events": [start, CHANGE, ENDED]}
    (run(tmp_path, record) / "weights").mkdir()
    with ZipFile(demo_checkpoint) as saved:
        entries = {each: saved.read(each) for each in saved.namelist()}
    pickled = next(each for each in entries if each.endswith("data.pkl"))
    freeze = b"freeze" + entries[pickled].partition(b"freeze")[2][:14]
    entries[pickled] = entries[pickled].replace(freeze, freeze.replace(b"K\x00", b"K\x02"), 1)  # [0] becomes [2]
    copy = save_zip(tmp_path / "weights" / "best.pt", entries)
    said = probe("fuse-diff", tmp_path).stdout
    assert "  --freeze 2  " in said
    assert "did not train" not in said
    assert "trained at first" in said
    before = json.loads(probe("fuse-diff", tmp_path, "--format", "json").stdout)["ledger"]["gradients"]["before"]
    entry = {"count": 1, "arithmetic": "", "why": ""}
    entries_of_run = [
        entry | {"cause": "--freeze 2, lifted in epoch 1", "amount": -30},
        entry | {"cause": "requires_grad=True in epoch 1", "amount": 30, "during_training": True},
        entry | {"cause": "requires_grad=False, set by strip_optimizer()", "amount": -before},
    ]
    ledger = {"gradients": {"before": before, "after": 0, "entries": entries_of_run, "unexplained": 0}}
    run(tmp_path, record | {"ledger": ledger})
    assert causes(probe, copy) == [each["cause"] for each in entries_of_run]
    said = " ".join(probe("fuse-diff", tmp_path).stdout.split())
    assert f"{before - 30:,} trained at first, {before:,} at the end." in said
    del entries_of_run[1]["during_training"]  # a record of before there was the key
    run(tmp_path, record | {"ledger": ledger})
    said = " ".join(probe("fuse-diff", tmp_path).stdout.split())
    assert f"printed before --freeze acts: {before - 30:,} trained at first." in said


def causes(probe: Probe, checkpoint: Path) -> list[str]:
    """The causes of the gradients between the two lines of a checkpoint, from JSON."""
    ledger = json.loads(probe("fuse-diff", checkpoint, "--format", "json").stdout)["ledger"]["gradients"]
    return [entry["cause"] for entry in ledger["entries"]]

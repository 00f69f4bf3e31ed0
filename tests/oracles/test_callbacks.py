"""A probe in the order of events of each classic generation, with that generation's own classes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests import environments, processes
from yolo_probe.reports.story import read_story
from yolo_probe.reports.training_record import model_of

SCRIPT = Path(__file__).with_name("callbacks_check.py")

PARAMETERS, FUSED = 1_766_623, 1_761_871
FROZEN = 1_046_368
"""Parameters of rows 0 to 9 of yolov5n."""


Training = Callable[..., tuple[list[str], Path]]
"""Release, order of events and variant to what two trainings said, and their folder."""


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Training:
    @cache
    def run(release: str, order: str, *variant: str) -> tuple[list[str], Path]:
        folder = tmp_path_factory.mktemp(release)
        paths = [environments.ROOT, environments.host(release), environments.counter("ultralytics-thop", "2.2.3")]
        done = processes.run_python(SCRIPT, order, folder, *variant, paths=paths)
        return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in (done.stdout + done.stderr).splitlines()], folder

    return run


@pytest.mark.parametrize(
    ("release", "order", "layers"),
    [("6.0.7", "v6.0", (270, 213)), ("6.1.9", "v6.0", (270, 213)), ("6.2.3", "v7.0", (214, 157)),
     ("7.0.14", "v7.0", (214, 157))],
)  # fmt: skip
def test_a_probe_says_once_what_trains_what_is_validated_and_why_the_lines_differ(
    release: str, order: str, layers: tuple[int, int], training: Training
) -> None:
    said, _ = training(release, order)
    probe = [line.removeprefix("yolo-probe: ") for line in said if line.startswith("yolo-probe: ")]
    first, second = probe[: len(probe) // 2], probe[len(probe) // 2 :]
    assert [re.sub(r"to \de-\d+|\(.* s\)", "", line) for line in first] == [
        re.sub(r"to \de-\d+|\(.* s\)", "", line) for line in second
    ]
    before, after = layers
    numbers = f"{before} layers, {PARAMETERS:,} parameters, {PARAMETERS - FROZEN:,} gradients"
    expected = [
        rf"as it trains at 64x64: {numbers}, 0\.0423 GFLOPs",
        rf"YOLOv5's line says {PARAMETERS:,} gradients: it was printed before --freeze 10 took rows 0 to 9 out of "
        rf"training \({FROZEN:,} parameters\)",
        r"YOLOv5's line says 4\.2 GFLOPs: that is for 640x640, whatever the size of the images is",
        r"33 BatchNorm2d have frozen weights and statistics that still move, .* \(first: model\.0\.bn\)",
        rf"fuse\(\) was tried without weights and runs: 57 BatchNorm2d merge; {after} layers and {FUSED:,} .*",
        *([r"parameters that get a gradient and do not change, .* 1 \(first: model\.24\.m\.0\.bias\)"]
          if order == "v7.0" else []),
        rf"validation uses the EMA copy .*, not fused: {PARAMETERS - FROZEN:,} gradients become 0",
        r"from the line at train start to the line above, every difference explained",
        r"fuse\(\) of the best model leaves the predictions as they are: it gives (exactly )?the same with its 25 rows"
        r", .*",
    ]  # fmt: skip
    assert len(first) == len(expected)
    for line, pattern in zip(first, expected, strict=True):
        assert re.fullmatch(pattern, line), (line, pattern)
    assert sum("unexplained" in line for line in said) == 2 * 4
    assert not any(line.startswith("!") for line in said)


def test_the_record_beside_the_run_has_every_moment_and_a_ledger_that_adds_up(training: Training) -> None:
    _, folder = training("7.0.14", "v7.0")
    record = json.loads((folder / "0" / "probe.json").read_text())
    assert [moment["event"] for moment in record["events"]] == ["start", "validation", "end"]
    start, validation, end = record["events"]
    assert (start["training"]["gradients"], start["frozen_parameters"]) == (PARAMETERS - FROZEN, FROZEN)
    assert (validation["copy"], validation["validated"]["gradients"]) == ("ema", 0)
    assert (end["validated"]["layers"], end["validated"]["parameters"]) == (157, FUSED)
    for ledger in record["ledger"].values():
        assert ledger["before"] + sum(entry["amount"] for entry in ledger["entries"]) == ledger["after"]
        assert ledger["unexplained"] == 0
    assert (folder / "0" / "probe.png").read_bytes().startswith(b"\x89PNG")
    assert "unexplained |  |  | 0 |" in (folder / "0" / "probe.md").read_text()


@pytest.mark.parametrize(("release", "order"), [("6.0.7", "v6.0"), ("7.0.14", "v7.0")])
def test_a_change_of_flags_between_epochs_is_told_once_and_recorded(
    release: str, order: str, training: Training
) -> None:
    said, folder = training(release, order, "thaw")
    assert [line for line in said if "requires_grad changed" in line] == 2 * [
        f"yolo-probe: requires_grad changed in epoch 1; training from now on: rows 0 to 9 ({FROZEN:,} parameters); "
        f"{PARAMETERS - FROZEN:,} gradients become {PARAMETERS:,}"
    ]
    record = json.loads((folder / "1" / "probe.json").read_text())
    assert [moment["event"] for moment in record["events"]] == ["start", "validation", "change", "end"]
    change = record["events"][2]
    assert change["train_now"] == {
        "where": "rows 0 to 9", "tensors": 33 * 3, "parameters": FROZEN, "rows": [*range(10)],
    }  # fmt: skip
    assert [each["mechanism"] for each in change["mechanisms"]] == ["built trainable"]
    for moment in read_story(str(folder / "1")).moments:
        assert sum(each.parameters for each in moment.mechanisms) == model_of(moment).parameters


@pytest.mark.parametrize(("release", "order"), [("6.0.7", "v6.0"), ("7.0.14", "v7.0")])
def test_what_callbacks_of_the_users_own_freeze_before_the_first_batch_is_frozen_at_the_start(
    release: str, order: str, training: Training
) -> None:
    said, folder = training(release, order, "own")
    left = PARAMETERS - FROZEN - 33_024 - 90_880
    assert sum(f"layers, {PARAMETERS:,} parameters, {left:,} gradients, 0.0423 GFLOPs" in line for line in said) == 2
    assert any("--freeze 10 took rows 0 to 9 and other code took rows 10 and 13 out of training" in x for x in said)
    record = json.loads((folder / "1" / "probe.json").read_text())
    assert [moment["event"] for moment in record["events"]] == ["start", "validation", "end"]
    assert record["events"][0]["training"]["gradients"] == left


def test_every_record_that_was_written_fits_the_published_schema(training: Training) -> None:
    schema = Draft202012Validator(json.loads((environments.ROOT / "configs" / "probe.schema.json").read_text()))
    for release, order, *variant in (("6.0.7", "v6.0", "thaw"), ("7.0.14", "v7.0"), ("7.0.14", "v7.0", "thaw")):
        _, folder = training(release, order, *variant)
        for number in ("0", "1"):
            schema.validate(json.loads((folder / number / "probe.json").read_text()))


def test_a_training_that_saves_no_best_model_ends_with_what_fuse_would_leave_of_its_average(
    training: Training,
) -> None:
    said, folder = training("7.0.14", "v7.0", "unsaved")
    foreseen = f"YOLOv5n summary: 157 layers, {FUSED} parameters, 0 gradients, 4.1 GFLOPs"
    assert said.count(f"yolo-probe: it ended without a line of the best model; after fuse() that is: {foreseen}") == 2
    assert sum("every difference explained" in line for line in said) == 2
    record = json.loads((folder / "1" / "probe.json").read_text())
    end = record["events"][-1]
    assert (end["event"], end["printed"], end["outputs"], end["earlier_file"]) == ("end", False, None, False)
    causes = [entry["cause"] for entry in record["ledger"]["gradients"]["entries"]]
    assert causes == ["--freeze 10", "requires_grad=False, set by ModelEMA", "fuse()"]


def test_called_from_other_threads_the_probe_says_what_it_can_still_see(training: Training) -> None:
    said, _ = training("7.0.14", "v7.0", "threads")
    assert sum(line.startswith("yolo-probe: as it trains at 64x64: 214 layers") for line in said) == 2
    assert sum("every difference explained" in line for line in said) == 2
    assert not any("stopped" in line for line in said)


def test_of_the_generations_of_evolve_the_first_is_told(training: Training) -> None:
    said, folder = training("7.0.14", "v7.0", "evolve")
    assert sum(line.startswith("yolo-probe: as it trains at 64x64: 214 layers") for line in said) == 1
    assert sum("every difference explained" in line for line in said) == 1
    assert [event.event for event in read_story(str(folder / "0")).moments] == ["start", "validation", "end"]
    assert not list((folder / "1").glob("probe.*"))


def test_registered_after_the_line_was_printed_it_says_so_once_a_training_and_tells_the_rest(
    training: Training,
) -> None:
    said, _ = training("7.0.14", "v7.0", "late")
    seen = "yolo-probe: no summary line was seen: the host printed none here, or before the probe was registered"
    assert said.count(seen) == 2
    assert (
        sum("from the model as it trained to the line above, every difference explained" in line for line in said) == 2
    )
    assert not any(line.startswith("!") for line in said)


def test_a_fault_of_the_probe_costs_one_warning_and_the_training_goes_on(training: Training) -> None:
    said, folder = training("7.0.14", "v7.0", "broken")
    assert [line for line in said if line.startswith("yolo-probe: ")] == [
        "yolo-probe: stopped, the training goes on (LookupError: not for you)"
    ] * 2  # one a training
    assert sum(line.startswith("YOLOv5n summary: 157 layers") for line in said) == 2
    assert (folder / "1" / "weights" / "best.pt").is_file()


def test_a_file_that_cannot_be_written_costs_one_warning_and_the_rest_is_told(training: Training) -> None:
    said, folder = training("7.0.14", "v7.0", "unwritable")
    assert sum(line.startswith("yolo-probe: probe.json was not written (IsADirectoryError") for line in said) == 2
    assert sum("every difference explained" in line for line in said) == 2
    assert (folder / "1" / "probe.md").is_file()


def test_the_benchmark_of_a_training_measures_each_part_of_the_probe(tmp_path: Path) -> None:
    script = Path(environments.ROOT, "tests/benchmarks/training_overhead.py")
    paths = [environments.ROOT, environments.host("7.0.14"), environments.counter("ultralytics-thop", "2.2.3")]
    done = processes.run_python(script, tmp_path, "yolov5n.yaml", "plain", paths=paths, anew=True)
    assert set(json.loads(done.stdout.splitlines()[-1])) == {"import", "register", "events"}

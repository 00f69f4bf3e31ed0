"""Unit: the statistics of measured times, the words and data of a bench on made-up times, and wrong input."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conftest import Probe
from tests.environments import ROOT
from tests.measurements import ROWS, report, steady
from yolo_probe.errors import TargetError
from yolo_probe.render import markdown
from yolo_probe.render.text import render
from yolo_probe.render.text_layout import WIDTH
from yolo_probe.reports.bench import Bench, Settings
from yolo_probe.reports.bench_advice import advice
from yolo_probe.reports.bench_json import as_json
from yolo_probe.reports.timing import Timing, gain, timing, timing_of_turns


def test_a_timing_is_the_median_and_the_quartiles() -> None:
    assert timing((5.0, 1.0, 4.0, 2.0, 3.0)) == Timing(median=3.0, low=2.0, high=4.0, count=5)
    assert timing((7.0,)) == Timing(7.0, 7.0, 7.0, 1)


def test_a_difference_is_seen_where_it_is_more_than_the_noise() -> None:
    slow, fast = timing((10.0, 10.1, 10.2, 10.1)), timing((8.0, 8.1, 8.0, 8.1))
    assert gain(slow, fast).is_seen
    assert gain(slow, fast).saved == pytest.approx(2.05)
    assert gain(fast, slow).is_seen
    assert gain(fast, slow).saved < 0


def test_no_difference_is_seen_where_the_noise_is_larger() -> None:
    found = gain(timing((10.0, 14.0, 12.0, 8.0)), timing((9.0, 13.0, 11.0, 8.0)))
    assert (found.saved > 0, found.is_seen) == (True, False)
    same = timing((3.0, 3.0))
    assert not gain(same, same).is_seen


def test_the_noise_falls_with_the_root_of_the_number_of_blocks() -> None:
    assert Timing(1.0, 0.9, 1.1, 16).noise == pytest.approx(Timing(1.0, 0.9, 1.1, 4).noise / 2)
    assert gain(Timing(1, 1, 2, 100), Timing(1, 1, 1, 1)).margin == pytest.approx(2.78 * 1.25 / 1.35 / 10)


def test_blocks_of_one_turn_are_not_independent() -> None:
    """Two equal passes beside another program, which is busy for turns as a whole: many blocks make it no surer."""
    slow = timing_of_turns(tuple((base,) * 100 for base in (3.0, 2.0, 3.0, 2.0, 3.0)))
    fast = timing_of_turns(tuple((base,) * 100 for base in (2.0, 3.0, 2.0, 3.0, 2.0)))
    assert (slow.count, slow.turns) == (500, (3.0, 2.0, 3.0, 2.0, 3.0))
    assert (gain(slow, fast).saved, gain(slow, fast).is_seen) == (1.0, False)


def test_a_difference_that_every_turn_has_is_seen_through_the_noise_of_turns() -> None:
    turns = (10.0, 14.0, 11.0, 13.0, 20.0, 9.0, 12.0)
    slow = timing_of_turns(tuple((base,) for base in turns))
    fast = timing_of_turns(tuple((base - 1,) for base in turns))
    assert (gain(slow, fast).saved, gain(slow, fast).margin, gain(slow, fast).is_seen) == (1.0, 0.0, True)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"device": "tpu"}, "bench: found device='tpu', expected one of cpu, cuda"),
        ({"batches": (0,)}, "bench: found batch=0, expected a whole number of at least 1"),
        ({"batches": ((1, 2),)}, r"bench: found batch=\(1, 2\), expected a whole number of at least 1"),
        ({"threads": 0}, "bench: found threads=0, expected a whole number of at least 1"),
    ],
)
def test_settings_that_nothing_can_be_measured_with_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(TargetError, match=words):
        Settings(**wrong)


def words(found: Bench) -> str:
    """The text, on one line."""
    return " ".join(render(found).split())


def test_the_answer_has_milliseconds_beside_flops() -> None:
    shown = words(report())
    assert "fuse() saves 20.0 ms of 120 ms (16.7 %), give or take 0.00 ms. In FLOPs it saves 0.100 of 1.1" in shown
    assert "Fused, it reaches 10.0 GFLOPS, 10 % of the 100 GFLOPS" in shown
    assert "below 10.0 FLOPs a byte, memory is the limit" in shown


def test_no_difference_is_an_answer() -> None:
    noisy = Timing(0.1, 0.05, 0.15, 5)
    shown = words(report(unfused=noisy))
    assert "No difference seen: fuse() changes 100 ms to 100 ms, and the noise of that difference is 115 ms" in shown
    assert "none seen" in shown
    assert "--seconds 2" in shown


def test_a_slower_network_is_said_to_cost_time() -> None:
    assert "fuse() costs 20.0 ms of 80.0 ms (25.0 %)" in words(report(unfused=steady(80)))


def test_a_network_that_was_saved_fused_has_one_time() -> None:
    shown = words(report(unfused=None))
    assert "One pass takes 100 ms" in shown
    assert "saves" not in shown
    assert "size batch time GFLOPS 640x640 1 100 (100-100) 10.0" in shown
    assert "in turn" not in shown


def test_the_rows_that_cost_more_than_their_flops_are_named_alone() -> None:
    found = report()
    assert [each.name for each in found.dearer] == ["1"]
    assert "1 C3 50.0 50.0 % 10.0 % 1.0 1.00 memory" in words(found)
    assert "Look at row 1 (C3) first: 50.0 % of the time for 10.0 % of the FLOPs." in words(found)
    every = words(replace(found, settings=Settings(by_row=True)))
    assert "0 Conv 30.0 30.0 % 30.0 %" in every


def test_a_row_within_its_noise_is_not_named() -> None:
    noisy = tuple(replace(each, timing=replace(each.timing, low=0.0, high=0.2)) for each in ROWS)
    assert replace(report(), rows=noisy).dearer == ()


def test_operators_that_were_not_measured_are_named_with_their_number() -> None:
    assert "Not measured, and missing in every time: 3 x erfinv." in words(report(unmeasured={"erfinv": 3}))
    assert "Not measured" not in words(report())


def test_the_report_fits_on_a_screen() -> None:
    lines = render(report()).splitlines()
    assert max(len(line) for line in lines if not line.startswith("Counted")) <= WIDTH
    assert len(lines) <= 40
    assert "| row | class |" in markdown.render(report())


def test_there_are_at_most_three_sentences_of_advice_each_with_a_figure() -> None:
    found = advice(report())
    assert 1 <= len(found) <= 3
    assert all(any(letter.isdigit() for letter in sentence) for sentence in found)
    assert dict(as_json(report()))["advice"] == list(found)


def test_a_row_that_little_is_lost_in_is_not_where_to_begin() -> None:
    found = report()
    little = tuple(
        replace(each, share_of_time=share, share_of_flops=flops, timing=steady(100 * share))
        for each, share, flops in zip(ROWS, (0.5, 0.03, 0.47), (0.52, 0.0, 0.48), strict=True)
    )
    found = replace(found, rows=little)
    assert [each.name for each in found.dearer] == ["1"]
    assert not [sentence for sentence in advice(found) if sentence.startswith("Look at row")]


def test_the_data_have_every_case_and_row() -> None:
    data: dict[str, Any] = dict(as_json(report()))
    assert (data["command"], data["weights"], data["dearer"]) == ("bench", "random", ["1"])
    (case,) = data["cases"]
    assert case["unfused"] == {"median_ms": 120.0, "quartiles_ms": [120.0, 120.0], "iqr_ms": 0.0, "blocks": 5}
    assert (case["saved_ms"], case["margin_ms"], case["difference_seen"]) == (20.0, 0.0, True)
    assert (case["flops_saved"], case["flops_per_second"], case["share_of_peak"]) == (100_000_000, 10**10, 0.1)
    assert [each["name"] for each in data["rows"]] == ["0", "1", "2"]
    assert (data["rows"][1]["bound_by"], data["rows"][1]["flops_per_byte"]) == ("memory", 1.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("yolov5q",), "is neither a file nor a detection or segmentation network that YOLOv5 ships"),
        (("yolov5n", "--imgsz", "0"), "found '0', expected pixels"),
        (("yolov5n", "--batch", "0"), "--batch: found 0, expected a whole number from 1 to 4096"),
        (("yolov5n", "--threads", "0"), "--threads: found 0, expected a whole number from 1 to 1024"),
        (("yolov5n", "--device", "tpu"), "--device: found tpu, expected one of cpu, cuda"),
        (("yolov5n", "--by", "module"), "found module, expected row"),
        (("yolov5n", "-o", "bench.pdf"), "bench.pdf: found the ending .pdf, expected .svg or .png"),
        (("yolov5n", "--compile"), "yolov5n: found --compile for operators that run one by one, expected a network of"),
        (("yolov5n", "--compile"), "Pass its YAML or a checkpoint of it, and add --source DIR, the folder of the code"),
        ((ROOT / "configs/demo/narrow.yaml", "--compile"), "\n  Add --source DIR, the folder of the code that builds"),
        (("yolov5n", "--weights"), "yolov5n: found --weights for a network without weights, expected a checkpoint"),
        (("yolov5n", "--source", "nowhere"), "found --source nowhere, but the code of its network is known"),
        (("yolov5n", "--seconds", "nan"), "bench: found seconds=nan, expected more than 0, at most 600"),
        ((), "found no TARGET, expected yolo-probe "),
    ],
)
def test_wrong_input_is_told_on_stderr_and_exits_with_2(
    arguments: tuple[object, ...], message: str, probe: Probe
) -> None:
    done = probe("bench", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_torch_the_command_says_what_to_do(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolo_probe.reports.bench.find_spec", lambda name: None)
    done = probe("bench", "yolov5n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "bench: found no torch, expected it: its kernels are what is timed\n  pip install torch" in done.stderr


def test_energy_stands_beside_the_times_where_a_driver_counts_it() -> None:
    found = report()
    (case,) = found.cases
    cuda = replace(found, settings=Settings(device="cuda"))
    counted = replace(cuda, cases=(replace(case, joules_unfused=1.25, joules_fused=1.0),))
    assert "saved GFLOPS joules 640x640 1 120 (120-120) 100 (100-100) 20.0 +- 0.00 10.0 1.25 to 1" in words(counted)
    assert "Energy found no pynvml: pip install nvidia-ml-py" in words(
        replace(cuda, no_energy="found no pynvml: pip install nvidia-ml-py")
    )
    data: dict[str, Any] = dict(as_json(counted))
    assert (data["cases"][0]["joules_unfused"], data["cases"][0]["joules_fused"]) == (1.25, 1.0)


def test_whose_weights_ran_is_said() -> None:
    assert "random weights" in words(report())
    read = replace(report(), weights="the file's", random=("model.1.m",))
    assert "the file's weights, random ones in model.1.m" in words(read)
    data: dict[str, Any] = dict(as_json(read))
    assert (data["weights"], data["random_weights"]) == ("the file's", ["model.1.m"])

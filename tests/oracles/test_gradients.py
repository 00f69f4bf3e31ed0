"""Who set ``requires_grad``: the answer in every state that the real hosts leave, held against torch's own flags."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.environments import ROOT, counter, host
from tests.processes import run_python

RELEASES = ("6.0.7", "6.1.9", "7.0.14")
"""Of 6.2.3 test_training.py has what a real training leaves."""
HERE = Path(__file__).parent
ALL, FUSED, HEAD = 1_766_623, 1_761_871, 9_471
"""Parameters of yolov5n for 2 classes, after fuse(), and in the convolutions of Detect."""
FROZEN = 1_046_368
"""Those of rows 0 to 9."""
FROZEN_FUSED = 1_046_368 - 2_640
"""The same after fuse(): 33 BatchNorms with 2,640 channels give a bias for each weight and bias."""
FIRST_AND_SIXTH = 75_744
"""Those of rows 0 and 5."""

BUILT, FREEZE, EMA, STRIP = "built trainable", "--freeze", "ModelEMA", "strip_optimizer()"
GRAD_ON, NO_GRAD, OF_FROZEN = "fuse() with autograd on", "fuse() without autograd", "fuse() of a frozen model"

LIVE: dict[str, dict[str, int]] = {
    "fresh": {BUILT: ALL},
    "freeze 10": {BUILT: ALL - FROZEN, FREEZE: FROZEN},
    "freeze 0 5": {BUILT: ALL - FIRST_AND_SIXTH, FREEZE: FIRST_AND_SIXTH},
    "EMA": {EMA: ALL},
    "fused, grad on": {BUILT: HEAD, GRAD_ON: FUSED - HEAD},
    "fused, grad on, copied": {BUILT: HEAD, GRAD_ON: FUSED - HEAD},
    "fused, no_grad": {BUILT: HEAD, NO_GRAD: FUSED - HEAD},
    "fused, inference_mode": {BUILT: HEAD, NO_GRAD: FUSED - HEAD},
    "EMA fused, grad on": {OF_FROZEN: FUSED},
    "EMA fused, no_grad": {OF_FROZEN: FUSED},
    "freeze 10 fused, grad on": {BUILT: HEAD, GRAD_ON: FUSED - HEAD - FROZEN_FUSED, FREEZE: FROZEN_FUSED},
    "freeze 10 fused, no_grad": {BUILT: HEAD, NO_GRAD: FUSED - HEAD},
    "SyncBatchNorm": {BUILT: ALL - FROZEN, FREEZE: FROZEN},
    "pruned": {BUILT: ALL - FROZEN, FREEZE: FROZEN},
    "wrapped": {BUILT: ALL - FROZEN, FREEZE: FROZEN},
    "one tensor frozen": {BUILT: ALL - 18_432, "other code": 18_432},
}
"""State to the mechanisms that were applied, and how many parameters each decided."""

FILES: dict[str, dict[str, dict[str, int]]] = {
    "unstripped": {"model": {BUILT: ALL}, "ema": {EMA: ALL}},
    "model only": {"model": {BUILT: ALL}},
    "stripped": {"model": {STRIP: ALL}},
    "unstripped freeze 10": {
        "model": {BUILT: ALL - FROZEN, FREEZE: FROZEN},
        "ema": {FREEZE: FROZEN, EMA: ALL - FROZEN},
    },
    "model only freeze 10": {"model": {BUILT: ALL - FROZEN, FREEZE: FROZEN}},
    "stripped freeze 10": {"model": {FREEZE: FROZEN, STRIP: ALL - FROZEN}},
    "saved after fuse(), grad on": {"model": {BUILT: HEAD, GRAD_ON: FUSED - HEAD}},
    "saved after fuse(), no_grad": {"model": {BUILT: HEAD, NO_GRAD: FUSED - HEAD}},
}

DFL, SIZE_11, FROZEN_11, BARE_11, FUSED_11 = 16, 2_590_230, 1_115_744, 12_870, 2_582_542
"""Of yolo11n for 2 classes: DFL, all, rows 0 to 9, what has no BatchNorm, all after fuse()."""
MERGED_11 = FUSED_11 - BARE_11 - DFL
BY_FUSE = "fuse() of ultralytics"

ULTRALYTICS: dict[str, dict[str, int]] = {
    "fresh": {BUILT: SIZE_11 - DFL, "DFL": DFL},
    "freeze=10": {BUILT: SIZE_11 - FROZEN_11 - DFL, FREEZE: FROZEN_11, "DFL": DFL},
    "EMA": {EMA: SIZE_11 - DFL, "DFL": DFL},
    "fused, grad on": {BUILT: BARE_11, BY_FUSE: MERGED_11, "DFL": DFL},
    "fused, no_grad": {BUILT: BARE_11, BY_FUSE: MERGED_11, "DFL": DFL},
    "EMA fused": {BY_FUSE: MERGED_11, EMA: BARE_11, "DFL": DFL},
    "freeze=10 fused": {BUILT: BARE_11, BY_FUSE: MERGED_11, "DFL": DFL},
}
ULTRALYTICS_FILES: dict[str, dict[str, dict[str, int]]] = {
    "unstripped": {"ema": {FREEZE: FROZEN_11, EMA: SIZE_11 - FROZEN_11 - DFL, "DFL": DFL}},
    "stripped": {"model": {FREEZE: FROZEN_11, STRIP: SIZE_11 - FROZEN_11 - DFL, "DFL": DFL}},
}

Answers = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """What one process of a release (of ultralytics where it is empty) says of every state; two run at a time."""
    pool = ThreadPoolExecutor(2)
    states = tmp_path_factory.mktemp("states")  # not in the threads, which would race for it

    def ask(release: str) -> dict[str, Any]:
        folder = states / (release or "ultralytics")
        folder.mkdir()
        script = HERE / ("gradients_check.py" if release else "ultralytics_gradients_check.py")
        paths = [ROOT, host(release)] if release else [ROOT, counter("ultralytics-thop", "2.2.3")]
        done = run_python(script, folder, paths=paths, cwd=folder)
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return {each["state"]: each for each in found}

    started: dict[str, Future[dict[str, Any]]] = {release: pool.submit(ask, release) for release in (*RELEASES, "")}
    yield lambda release: started[release].result()
    pool.shutdown(cancel_futures=True)


def decided(copy: dict[str, Any]) -> dict[str, int]:
    return {each["mechanism"]: each["parameters"] for each in copy["mechanisms"]}


def check_live(said: dict[str, Any], mechanisms: dict[str, int]) -> None:
    ours, real = said["ours"]["copies"]["model"], said["real"]
    assert (ours["gradients"], ours["parameters"]) == (real["sum"], real["total"])
    assert decided(ours) == mechanisms
    assert sum(mechanisms.values()) == real["total"]
    assert len(said["ours"]["non_leaf"]) == real["non_leaf"]
    assert said["unharmed"]


def check_file(said: dict[str, Any], copies: dict[str, dict[str, int]]) -> None:
    found = {name: copy for name, copy in said["ours"]["copies"].items() if copy}
    assert {name: decided(copy) for name, copy in found.items()} == copies
    for name, copy in found.items():
        real = said["real"][name]
        assert (copy["gradients"], copy["parameters"]) == (real["sum"], real["total"])
        assert sum(decided(copy).values()) == real["total"]
    assert said["ours"]["validation"] == {"copy": "ema" if "ema" in copies else "model", "fused": said["fused"]}


@pytest.mark.parametrize("state", LIVE)
@pytest.mark.parametrize("release", RELEASES)
def test_a_live_model_gets_torchs_number_and_the_mechanism_that_was_applied(
    release: str, state: str, answers: Answers
) -> None:
    check_live(answers(release)[state], LIVE[state])


@pytest.mark.parametrize("state", FILES)
@pytest.mark.parametrize("release", RELEASES)
def test_both_copies_of_a_file_get_torchs_numbers_and_what_fuse_leaves_of_it(
    release: str, state: str, answers: Answers
) -> None:
    check_file(answers(release)[state], FILES[state])


@pytest.mark.parametrize("state", ULTRALYTICS)
def test_a_live_model_of_ultralytics_gets_torchs_number(state: str, answers: Answers) -> None:
    check_live(answers("")[state], ULTRALYTICS[state])


@pytest.mark.parametrize("state", ULTRALYTICS_FILES)
def test_a_file_of_ultralytics_gets_torchs_numbers(state: str, answers: Answers) -> None:
    check_file(answers("")[state], ULTRALYTICS_FILES[state])


def test_the_head_alone_is_recognised_as_exactly_the_convolutions_of_detect(answers: Answers) -> None:
    (left,) = [
        each["evidence"]
        for each in answers("7.0.14")["fused, no_grad"]["ours"]["copies"]["model"]["mechanisms"]
        if each["mechanism"] == NO_GRAD
    ]
    assert left.startswith("What trains is exactly the 3 convolutions of Detect")
    assert "Or --freeze 24" in left

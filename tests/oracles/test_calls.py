"""Every call of a host's ``model_info`` gives its lines, its table and its result; verify runs what is real."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import environments, processes

SCRIPT = Path(__file__).with_name("calls_check.py")


@pytest.mark.parametrize("release", ["4.0.3", "5.0.0", "6.0.7", "6.2.3", "7.0.14", "ultralytics"])
def test_every_call_of_a_host_is_answered_as_the_host_answers_it(release: str, tmp_path: Path) -> None:
    package = "ultralytics" if release == "ultralytics" else "yolov5"
    paths = [environments.ROOT, environments.counter("ultralytics-thop", "2.2.3")]
    paths += [environments.host("7.0.14" if package == "ultralytics" else release)]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    done = processes.run_python(SCRIPT, package, tmp_path, paths=paths)
    places, *calls = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert places == {"bound": [True, True, True], "back": [True, True, True], "finders": False}
    assert len(calls) >= 7
    for each in calls:
        lines, *rest = each["host"]
        for ours in (each["installed"], each["direct"]):
            assert (each["call"], ours[0][: len(lines)], ours[1:]) == (each["call"], lines, rest)
            remarks = [line.partition(":")[0] for line in ours[0][len(lines) :]]
            assert remarks == ([] if "GFLOP" in "".join(lines) or not lines else ["  No GFLOPs"])


def test_hosts_that_no_index_has_print_what_functions_of_their_behaviour_print() -> None:
    paths = [environments.ROOT, environments.counter("thop", "0.0.31.post2005241907")]
    done = processes.run_python(SCRIPT.with_name("oldest_hosts_check.py"), paths=paths)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    figures = {(each["host"], each["model"]): "GFLOPS" in each["own"][0] for each in found}
    without = [place for place, has_figure in figures.items() if not has_figure]
    unreadable = ("half", "on another device", "one channel")
    assert without == [("v1.0", name) for name in unreadable] + [
        ("v2.0", name) for name in ("half", "on another device", "a lock", "one channel")
    ]
    for each in found:
        line, *below = each["ours"]
        assert [line] == each["own"]
        assert len(below) == ((each["host"], each["model"]) in without)


def test_verify_runs_the_real_thop_and_the_real_fuse_on_copies_and_names_what_disagrees(tmp_path: Path) -> None:
    paths = [environments.ROOT, environments.counter("ultralytics-thop", "2.2.3"), environments.host("7.0.14")]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    done = processes.run_python(SCRIPT.with_name("verify_check.py"), tmp_path, paths=paths)
    *models, line = [json.loads(each) for each in done.stdout.splitlines() if each.startswith("{")]
    found = {each["model"]: each for each in models}
    assert all(each["unchanged"] and not each["lines"] for each in models)
    texts = {name: each["text"].rpartition(" (")[0] for name, each in found.items()}
    assert [(name, ours == theirs) for name, ours, theirs, _ in found["host"]["checks"]] == [
        ("FLOPs", True), ("fused FLOPs", True), ("layers", True), ("parameters", True), ("gradients", True),
    ]  # fmt: skip
    assert texts["host"].startswith("verified: thop 2.2.3 counts ")
    assert texts["host"].endswith(" parameters: both as computed")
    assert texts["without fuse"].endswith(
        ", as computed; fuse() could not be run: the model: found no fuse() in Network, expected one"
    )
    assert texts["changing its mind"] == (
        "not verified at 64x96: parameters computed 32, found 24; gradients computed 32, found 24"
    )
    assert texts["failing"].startswith("not verified at 64x96: FLOPs: 1: linear: found 96 input features, expected 3")
    assert line["probe"][:1] == line["host"]
    assert line["probe"][1].startswith("  verified: thop 2.2.3 counts ")

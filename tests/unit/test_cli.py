"""Contract: exit codes, what goes to stdout and stderr, and the message for every wrong input."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkpoint_files import Asked, network, save
from tests.conftest import Probe
from tests.environments import ROOT
from yolo_probe.counters.conventions import CONVENTIONS

NO_NETWORK = "nc: 2\nanchors: 3\n"
BROKEN_YAML = "nc: 2\nanchors: [1, 2\nbackbone: x\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("yolov5q",),
            "is neither a file nor a detection or segmentation network that YOLOv5 ships\n  Did you mean yolov5",
        ),
        (("yolov5s-seg", "--host", "v6.0"), "YOLOv5 v6.0 did not ship yolov5s-seg, which came with v7.0; it shipped"),
        (("yolov5s@v9",), "found host 'v9', expected one of v1.0, v2.0, v3.0, v3.1, v4.0, v5.0,"),
        (("yolov5s@v6.1", "--host", "v7.0"), "found --host v7.0 beside @v6.1"),
        (("yolov5s", "--copy", "ema"), "only a checkpoint has copies"),
        (("yolov5s", "--imgsz", "0"), "found '0', expected pixels"),
        (("yolov5s", "--imgsz", "abc"), "found 'abc', expected pixels"),
        (("yolov5s", "--imgsz", "640,320,1"), "found '640,320,1', expected pixels"),
        (("yolov5s", "--imgsz", "-640"), "found '-640', expected pixels"),
        (("yolov5s", "--imgsz", "99999999"), "expected pixels, 1 to 65536"),
        (("yolov5s", "--counter", "thop-9"), "--counter: found thop-9, expected one of thop, thop-2019"),
        (("yolov5s", "--host", "v6"), "--host: found v6, expected one of v1.0"),
        (("yolov5s", "--nc", "0"), "--nc: found 0, expected a whole number of at least 1"),
        (("no-such.pt",), "no-such.pt: no such file"),
        (("configs/demo/narrow-best.pt", "--nc", "3"), "a checkpoint's classes are built in"),
        (("configs/demo/narrow-best.pt", "--copy", "ema"), "has no copy 'ema', only model"),
        ((".",), ".: found a folder without best.pt"),
        (("configs/probe.yaml",), "configs/probe.yaml"),
        ((), "found no TARGET, expected yolo-probe "),
    ],
)
@pytest.mark.parametrize("command", ["fuse-diff", "info"])
def test_wrong_input_is_told_on_stderr_and_exits_with_2(
    command: str, arguments: tuple[str, ...], message: str, probe: Probe
) -> None:
    done = probe(command, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [(NO_NETWORK, "no network"), (BROKEN_YAML, "line 3"), ("<!DOCTYPE html>", "")],
)
def test_a_yaml_that_is_no_network_names_the_file(text: str, message: str, tmp_path: Path, probe: Probe) -> None:
    file = tmp_path / "model.yaml"
    file.write_text(text)
    done = probe("fuse-diff", file)
    assert (done.returncode, done.stdout) == (2, "")
    assert str(file) in done.stderr
    assert message in done.stderr


def test_a_run_folder_is_answered_with_its_checkpoint(tmp_path: Path, probe: Probe) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "best.pt").write_bytes(b"x")
    done = probe("fuse-diff", tmp_path)
    assert done.returncode == 2
    assert str(Path("weights") / "best.pt") in done.stderr


@pytest.mark.parametrize("command", ["inspect", "info", "fuse-diff", "layers", "counters", "gradients"])
@pytest.mark.parametrize("alone", [False, True])
def test_what_loading_would_run_is_named_and_exits_with_3(
    command: str, alone: bool, tmp_path: Path, probe: Probe
) -> None:
    call = Asked("os.system", "true")
    done = probe(command, save(tmp_path / "best.pt", call if alone else {"model": network(), "date": call}))
    assert done.returncode == 3
    assert "would run os.system when it is loaded" in done.stderr


def test_json_stands_alone_on_stdout(demo_checkpoint: Path, probe: Probe) -> None:
    done = probe("fuse-diff", demo_checkpoint, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["target"]["path"] == str(demo_checkpoint)


@pytest.mark.parametrize("counter", CONVENTIONS)
def test_every_counter_can_be_asked_for(counter: str, probe: Probe) -> None:
    done = probe("info", "yolov3-tiny", "--counter", counter, "--format", "json")
    assert json.loads(done.stdout)["counter"] == {"name": counter, "unit": "FLOPs"}


def test_a_checkpoint_and_the_yaml_that_built_it_are_the_same_network(demo_checkpoint: Path, probe: Probe) -> None:
    options = ("--host", "v7.0", "--format", "json")
    of_file, of_yaml = (
        json.loads(probe("fuse-diff", target, *options).stdout)
        for target in (demo_checkpoint, demo_checkpoint.with_name("narrow.yaml"))
    )
    for state in ("training", "validation", "host_lines"):
        assert of_file[state] == of_yaml[state]


def test_classes_of_a_name_are_overridden_as_the_host_does(probe: Probe) -> None:
    of_two, of_eighty = (
        json.loads(probe("info", "yolov5n", "--nc", classes, "--format", "json").stdout)["summary"]["parameters"]
        for classes in (2, 80)
    )
    assert of_eighty - of_two == 78 * 1353


def test_info_shows_either_state(probe: Probe) -> None:
    lines = [
        json.loads(probe("info", "yolov5n@v7.0", *a, "--format", "json").stdout)["line"] for a in ((), ("--fused",))
    ]
    assert lines == [
        "YOLOv5n summary: 214 layers, 1872157 parameters, 1872157 gradients, 4.6 GFLOPs",
        "YOLOv5n summary: 157 layers, 1867405 parameters, 0 gradients, 4.5 GFLOPs",
    ]


def test_layers_lists_every_pair(probe: Probe) -> None:
    done = probe("fuse-diff", "yolov5n", "--layers")
    assert len(re.findall(r"^ *\d+ model\..* <- bn ", done.stdout, flags=re.MULTILINE)) == 57


def test_verbose_adds_the_hosts_tables(demo_checkpoint: Path, probe: Probe) -> None:
    done = probe("info", demo_checkpoint, "--verbose")
    assert "  0                -1  1       880  yolov5.models.common.Conv               [3, 8, 6, 2, 2]" in done.stdout
    assert re.search(r"^    0 +model\.0\.conv\.weight +False +864 +\[8, 3, 6, 6\] ", done.stdout, flags=re.MULTILINE)


def test_verbose_of_head_lists_modules_without_parameters_too(probe: Probe) -> None:
    done = probe("info", "yolov5n", "--verbose")
    assert re.search(r"^    2 +model\.0\.act +SiLU +False +0 +\[\] +- +- +-$", done.stdout, flags=re.MULTILINE)


def test_version_names_what_decides_the_figures(probe: Probe) -> None:
    done = probe("version")
    assert done.returncode == 0
    rows = [line.split()[0] for line in done.stdout.splitlines()]
    assert rows == ["yolo-probe", "Python", "torch", "thop", "ultralytics", "counter"]


def test_help_names_the_kinds_of_target(probe: Probe) -> None:
    assert "a checkpoint (best.pt), a model YAML, or the name of a network" in re.sub(r"\s+", " ", probe("-h").stdout)


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m yolo_probe fuse-diff yolov5x6 --layers | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def terminal(arguments: list[str], code: int = 0, **variables: str) -> str:
    """What a command writes into a terminal."""
    leader, follower = pty.openpty()
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "TERM")}
    done = subprocess.Popen(
        [sys.executable, "-m", "yolo_probe", *arguments],
        cwd=ROOT, stdout=follower, stdin=follower, stderr=follower, env=environment | variables,
    )  # fmt: skip
    os.close(follower)
    text = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        text += part
    os.close(leader)
    assert done.wait(60) == code
    return text.decode().replace("\r\n", "\n")


@pytest.mark.exhaustive
def test_a_terminal_gets_colour_and_nothing_else_changes(probe: Probe) -> None:
    plain = probe("fuse-diff", "yolov5n@v7.0").stdout
    painted = terminal(["fuse-diff", "yolov5n@v7.0"], TERM="xterm")
    assert "\x1b[1;36m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plain
    assert terminal(["fuse-diff", "yolov5n@v7.0"], TERM="xterm", NO_COLOR="1") == plain
    assert terminal(["fuse-diff", "yolov5n@v7.0"], TERM="dumb") == plain


def test_without_torch_verify_says_so(probe: Probe) -> None:
    done = probe("info", "yolov5n", "--verify")
    assert done.returncode == 2
    assert done.stdout.endswith("\nVerify   not verified: torch is not installed\n")
    assert done.stderr == "yolo-probe: yolov5n: not verified: torch is not installed\n  pip install torch\n"


def test_a_checkpoint_does_not_wait_for_what_its_report_does_not_need() -> None:
    names = (
        "difflib", "json", "string", "yaml", "yolo_probe.networks.network", "yolo_probe.reports.info",
        "yolo_probe.reports.stride_scaling", "yolo_probe.reports.verification", "yolo_probe.yaml_file",
    )  # fmt: skip
    script = "import sys; from yolo_probe.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", script, "fuse-diff", "configs/demo/narrow-best.pt", "--lang", "en"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [name for name in names if name in done.stderr.split()] == []


def test_a_terminal_gets_messages_in_lines_of_its_body() -> None:
    unknown = ["info", "a-network-of-a-name-that-nobody-knows-and-no-file"]
    for arguments, code in ((["configs/demo/narrow-best.pt"], 0), (unknown, 2)):
        lines = terminal(arguments, code).splitlines()
        found = [line for line in lines if line.startswith("yolo-probe: ")]
        assert found
        at = lines.index(found[0])
        assert all(len(line) <= 80 for line in lines[at : at + 3]), lines[at : at + 3]


def test_version_says_what_a_missing_thop_means(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yolo_probe.cli.command.installed_thop", lambda: None)
    assert re.search(r"thop +not installed: hosts print no GFLOPs\n", probe("version").stdout)


def test_the_command_alone_shows_what_there_is(probe: Probe) -> None:
    assert probe() == probe("--help")
    assert (probe().returncode, probe().stderr) == (0, "")

"""``yolo-probe train`` runs a script as Python does: what it sees, how it ends, and what is told of one not there."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from tests.environments import ROOT
from tests.exhaustive import exhaustive_rows, exhaustively

SCRIPT = """
import os
import sys
import threading

def fail():
    raise ValueError("of the host")

names = ("__name__", "__file__", "__package__", "__doc__", "__cached__")
print(sys.argv, sys.path[0], *(globals()[name] for name in names))
print(__spec__ and __spec__.name, sys.modules["__main__"].__dict__ is globals(), __builtins__.__name__)
sys.stdout.flush()
how = sys.argv[-1]
if how == "fail":
    fail()
elif how == "interrupt":
    raise KeyboardInterrupt
elif how == "broken pipe":
    raise BrokenPipeError(32, "Broken pipe")
elif how == "end of file":
    raise EOFError
elif how == "late":
    threading.Timer(0.1, print, ["late"]).start()
elif how:
    sys.exit(int(how) if how.isdecimal() else how)
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scripts")
    (folder / "deep").mkdir()
    (folder / "deep" / "script.py").write_text(SCRIPT)
    (folder / "linked.py").symlink_to(folder / "deep" / "script.py")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "__main__.py").write_text(SCRIPT)
    (folder / "wrong.py").write_text("import deep\nthis is no Python\n")
    (folder / "needs.py").write_text("import nothing_of_that_name\n")
    (folder / "val.py").write_text("import nothing_of_that_name\n")
    (folder / "host.py").write_text("try:\n    import val\nexcept ImportError:\n    import utils.callbacks\n")
    return folder


def python(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
    )


@cache
def plainly(folder: Path, command: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """The command without the probe, run once."""
    return python(folder, *command)


def host_frames(text: str) -> list[str]:
    """A traceback without the frames of Python's own ``-m``, which stand above all others; no word of the probe's."""
    text = re.sub(r"^yolo-probe: neither YOLOv5 nor ultralytics was seen .*\n", "", text, flags=re.MULTILINE)
    return re.sub(r'^  File "[^"]*runpy[^"]*".*\n(    .*\n)*', "", text, flags=re.MULTILINE).splitlines()


@pytest.mark.parametrize(
    "command",
    exhaustively(
        [
            ("deep/script.py", ""),
            ("./deep/script.py", "--help", "-m", "x", "--settings", "y", "--", "3"),
            ("linked.py", "0"),
            ("deep/script.py", "7"),
            ("deep/script.py", "a message"),
            ("deep/script.py", "fail"),
            ("deep/script.py", "interrupt"),
            ("deep/script.py", "broken pipe"),
            ("deep/script.py", "end of file"),
            ("deep/script.py", "late"),
            ("wrong.py",),
            ("needs.py",),
            ("host.py",),
            ("-m", "deep.script", "-h", "5"),
            ("-m", "deep", "--", "6"),
            ("-m", "deep.script", "fail"),
            ("-m", "needs"),
            ("-mdeep.script", "--settings", "5"),
        ],
        few=4,
    ),
    ids=" ".join,
)
@pytest.mark.parametrize("switch", exhaustively("10"))
def test_a_script_runs_as_python_runs_it(command: tuple[str, ...], switch: str, folder: Path) -> None:
    alone = plainly(folder, command)
    probed = python(folder, "-m", "yolo_probe", "train", *command, YOLO_PROBE=switch)
    assert (probed.stdout, probed.returncode) == (alone.stdout, alone.returncode)
    assert host_frames(probed.stderr) == host_frames(alone.stderr)
    assert not (folder / "deep" / "__pycache__" / "script.py").exists()


@pytest.mark.parametrize(("switch", "times"), [("1", 1), ("0", 0)])
def test_a_script_without_a_host_is_told_what_would_tell_its_training(switch: str, times: int, folder: Path) -> None:
    done = python(folder, "-m", "yolo_probe", "train", "linked.py", "0", YOLO_PROBE=switch)
    assert (
        done.stderr.count("a training loop of your own is told by `with yolo_probe.watch(model):` around it") == times
    )


def test_settings_before_the_script_are_the_probes_and_after_it_the_scripts(folder: Path) -> None:
    settings = str(ROOT / "configs" / "probe.yaml")
    done = python(folder, "-m", "yolo_probe", "train", "--settings", settings, "linked.py", "--settings", "0")
    assert done.stdout.startswith("['linked.py', '--settings', '0'] ")


def test_with_safe_path_pythons_search_path_stays_as_it_is(folder: Path) -> None:
    if sys.version_info < (3, 11):
        pytest.skip("came with Python 3.11")
    alone = python(folder, "deep/script.py", "0", PYTHONSAFEPATH="1")
    assert python(folder, "-m", "yolo_probe", "train", "deep/script.py", "0", PYTHONSAFEPATH="1").stdout == alone.stdout


@pytest.mark.parametrize(
    ("command", "message"),
    exhaustive_rows(
        [
            (("nosuch.py",), "train nosuch.py: found no such file, expected the training script of a host\n  Pass"),
            (("deep",), "train deep: found a directory, expected the training script of a host\n  Pass its path"),
            (
                ("-m", "nosuch"),
                "train -m nosuch: found none (No module named nosuch), expected a module that Python can run",
            ),
            (("-m", "no.such"), "train -m no.such: found none (Error while finding module specification"),
            (("-m", "email"), "'email' is a package and cannot be directly executed"),
            (
                ("ultralytics", "train"),
                "train ultralytics: found no installed ultralytics, expected one\n  Install it for",
            ),
            (("--settings", "nosuch.yaml", "linked.py"), "nosuch.yaml: cannot be read: No such file or directory"),
            (("--settings",), "--settings: found no value behind it, expected its FILE"),
            (("-m",), "-m: found no value behind it, expected its MODULE"),
            (("--data", "x"), "found the option --data, expected one of its own"),
            ((), "found no TRAIN.PY, expected the path of a training script"),
        ],
        few=3,
    ),
)
def test_what_cannot_be_run_is_told_and_exits_with_2(command: tuple[str, ...], message: str, folder: Path) -> None:
    done = python(folder, "-m", "yolo_probe", "train", *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("module", "function"),
    [("ultralytics.cfg", "entrypoint"), ("ultralytics.yolo.cfg", "entrypoint"), ("ultralytics.yolo.cli", "cli")],
)
def test_the_command_line_of_each_ultralytics_is_found(module: str, function: str, tmp_path: Path) -> None:
    path = tmp_path.joinpath(*module.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True)
    for parent in (tmp_path / "ultralytics", path.parent):
        (parent / "__init__.py").touch()
    path.write_text(f"import sys\ndef {function}():\n    print(sys.argv[1:])\n")
    done = python(tmp_path, "-m", "yolo_probe", "train", "ultralytics", "mode=train", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert (done.returncode, done.stdout) == (0, "['mode=train']\n")


def test_help_names_the_ways_to_run_a_training(folder: Path) -> None:
    done = python(folder, "-m", "yolo_probe", "train", "--help")
    assert done.returncode == 0
    for line in (
        "-m yolov5.train --data",
        "ultralytics detect train model=",
        "torchrun --nproc_per_node 2 -m yolo_probe",
        "With torchrun only rank 0 prints; the other ranks are silent, on purpose.",
    ):
        assert line in done.stdout

"""Contract: what the README, the Makefile, the imports and the package promise."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
import zipfile
from functools import cache
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from hatchling.build import build_wheel

from tests.conftest import Probe
from tests.documents import GUIDE, PAGES, TEXTS, chinese, fences, not_printed, prose, screens, shell_commands
from tests.environments import ROOT
from tests.exhaustive import exhaustive_rows, exhaustively
from tests.picture_of_terminal import ARGUMENTS, PICTURE, picture, printed
from yolo_probe.render.site import PROGRAMS

PACKAGE = ROOT / "yolo_probe"
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = TEXTS["README"]
COMMANDS = {command: name for name, text in reversed(TEXTS.items()) for command in shell_commands(text)}
"""Every command of the README and the guide, and a page that has it."""
HOUSE = next(text.splitlines() for _, text in fences(README) if text.startswith("errors "))
GROUND = 6
"""Modules on the first line of the house."""
SIDE_BY_SIDE = {"networks", "checkpoint", "live", "counters"}
NEEDS_TORCH = (
    *("live.", "training.", "api"),
    *("hosts.installed_network", "hosts.source", "hosts.ultralytics_rebuild", "reports.verify"),
    "checkpoint.weight_statistics",
)
"""Where torch may be imported: the rooms of live models, what builds or runs real networks, what reads weights."""
HEAVY = {"torch", "torchvision", "thop", "ultralytics", "numpy"}
"""What only a live model needs: imported where it is used, never to read a file."""


def modules() -> dict[str, Path]:
    """Every module of the package by its name below it, ``model.trace``."""
    files = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}
    return {name: path for name, path in files.items() if "__" not in name}


MODULES = modules()


def order() -> dict[str, tuple[int, int]]:
    """Where each module stands: the line of its room in the README, and its own in its room's ``__init__.py``."""
    places: dict[str, tuple[int, int]] = {}
    for floor, line in enumerate(HOUSE):
        for place, room in enumerate(line.split()[:GROUND] if floor == 0 else line.split()[:1]):
            init = PACKAGE / room / "__init__.py"
            inside = re.findall(r"^    ([\w.]+)  ", init.read_text(), flags=re.MULTILINE) if init.is_file() else []
            places |= {f"{room}.{name}": (floor, number) for number, name in enumerate(inside)}
            places |= {} if inside else {room: (floor, place)}
    return places


ORDER = order()


@cache
def imported(path: Path) -> frozenset[str]:
    """Full names of all modules and names that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


@cache
def ours(path: Path) -> set[str]:
    """The modules of the package that a module imports."""
    names = {each.removeprefix("yolo_probe.") for each in imported(path)}
    return {each for name in names for each in (name, name.rpartition(".")[0]) if each in MODULES}


def test_the_readme_shows_the_two_commands_that_set_everything_up() -> None:
    assert shell_commands(README)[:3] == ["make demo", "make test", "make bench"]


def test_the_readme_fits_on_a_screen_and_points_to_chinese_in_its_first_line() -> None:
    assert len(README.splitlines()) <= 100
    assert f"({chinese('README').relative_to(ROOT).as_posix()})" in README.splitlines()[0]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith("make ")])
def test_every_make_command_of_the_readme_is_a_target_of_the_makefile(command: str) -> None:
    targets = re.search(r"^\.PHONY: (.*)$", MAKEFILE, flags=re.MULTILINE)
    assert targets
    assert command.removeprefix("make ") in targets[1].split()


# What `yolo-probe train` runs is not here; tests/oracles/test_training.py has real hosts.
ANSWERED = [c for c in COMMANDS if c.startswith("yolo-probe ") and not c.startswith("yolo-probe train ")]
STAND_INS = {
    "report.html": os.devnull,
    "best.pt": "configs/demo/narrow-best.pt",
    "runs": "configs/demo",
    "train.log": "tests/golden/yolov5s-official.txt",
    "runs/train/exp": "tests/golden/probe-before.json",
}
"""What the project has of the files that its documents name."""


@pytest.mark.parametrize("command", exhaustively(ANSWERED, few=8))
def test_every_command_of_the_readme_and_the_guide_answers(command: str, probe: Probe) -> None:
    done = probe(*(STAND_INS.get(word, word) for word in shlex.split(command)[1:]))
    assert (done.returncode, done.stdout != "") == (0, True), done.stderr


@pytest.mark.parametrize(("command", "shown"), exhaustive_rows(screens(of_trainings=False), few=3))
def test_the_readme_and_the_guide_show_what_the_command_prints(command: str, shown: list[str], probe: Probe) -> None:
    assert not_printed(shown, probe(*shlex.split(command)[1:]).stdout) == []


@pytest.mark.parametrize("name", TEXTS)
def test_every_page_links_to_what_is_there(name: str) -> None:
    for path in (PAGES[name], chinese(name)):
        links = re.findall(r"\]\(([^)#]+)\)", prose(path.read_text(encoding="utf-8")))
        assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def test_the_picture_of_the_readme_is_what_a_terminal_shows() -> None:
    assert f"]({PICTURE.relative_to(ROOT).as_posix()})" in README
    assert picture(printed(ARGUMENTS)) == PICTURE.read_text(encoding="utf-8")


def test_continuous_integration_runs_the_readmes_test_command() -> None:
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert [line.partition(" <")[0] for line in run.splitlines() if line.startswith("make")] == ["make test"]
    assert "bash .ci/run" in [step.get("run") for step in workflow["jobs"]["test"]["steps"]]


def test_the_oldest_versions_that_are_tested_are_the_bounds_of_the_package() -> None:
    bounds = dict(
        re.findall(r"^([\w-]+)>=([\d.]+)", "\n".join(requires("yolo-probe") or ()).lower(), flags=re.MULTILINE)
    )
    oldest = (ROOT / "constraints-oldest.txt").read_text(encoding="utf-8").lower()
    versions = dict(re.findall(r"^([\w-]+)==([\d.]+)", oldest, flags=re.MULTILINE))
    assert {"click", "pyyaml", "torch"} <= versions.keys() & bounds.keys()
    for name in versions.keys() & bounds.keys():
        assert (name, f"{versions[name]}.".startswith(f"{bounds[name]}.")) == (name, True)


def test_the_tests_run_what_a_commit_is_checked_with() -> None:
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [hook["entry"] for hook in repository["hooks"]] == ["make check"]
    assert re.search(r"^test: check ", MAKEFILE, flags=re.MULTILINE)


def test_the_readme_and_the_rooms_name_every_module_once() -> None:
    assert sorted(ORDER) == sorted(MODULES)
    assert len(HOUSE) <= 15


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_to_lines_above(name: str) -> None:
    below = {each for each in ours(MODULES[name]) if ORDER[each] >= ORDER[name] and each != name}
    assert below == set()


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] in SIDE_BY_SIDE])
def test_the_three_ways_in_and_the_counters_do_not_know_each_other(name: str) -> None:
    room = name.split(".")[0]
    assert {each.split(".")[0] for each in ours(MODULES[name])} & (SIDE_BY_SIDE - {room}) == set()


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith(NEEDS_TORCH)])
def test_torch_is_imported_only_where_a_live_model_is(name: str) -> None:
    tops = {each.split(".")[0] for each in imported(MODULES[name])}
    assert tops & {"torch", "thop", "ultralytics", "torchvision"} == set()


@pytest.mark.parametrize("command", exhaustively(["fuse-diff", "info", "inspect", "layers"], few=2))
def test_reading_a_checkpoint_imports_neither_torch_nor_what_unpickles(command: str, demo_checkpoint: Path) -> None:
    script = (
        "import sys\n"
        f"sys.argv[1:] = [{command!r}, {str(demo_checkpoint)!r}]\n"
        "from yolo_probe.cli import main\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    print(*sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stderr.splitlines()[-1].split()) & (HEAVY | {"pickle", "_pickle"}) == set()


def test_importing_the_package_imports_nothing_else() -> None:
    script = "import sys; before = set(sys.modules); import yolo_probe; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == ["yolo_probe"]


def test_an_installation_brings_three_light_packages() -> None:
    always = [requirement for requirement in requires("yolo-probe") or () if "extra ==" not in requirement]
    assert [re.split(r"[^\w-]", requirement)[0] for requirement in always] == ["click", "pebble", "pyyaml"]


def test_the_wheel_brings_the_networks_the_guide_and_the_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    wheel = tmp_path / build_wheel(str(tmp_path))
    held = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"yolo_probe/{path.relative_to(ROOT)}" for path in (ROOT / "configs").rglob("*") if path.is_file()}
    guide = {path.relative_to(ROOT).as_posix() for path in GUIDE.rglob("*.md")}
    assert {*shipped, *guide, "yolo_probe/py.typed"} <= held
    programs = {f"yolo_probe/render/page/built/{name}" for name in (*PROGRAMS, "report.licences.txt")}
    assert {name for name in held if name.startswith("yolo_probe/render/page/")} == programs


def test_yolov5_printed_the_two_lines_that_the_demo_explains(
    probe: Probe, demo_checkpoint: Path, demo_lines: tuple[str, str]
) -> None:
    printed = probe("fuse-diff", demo_checkpoint).stdout.splitlines()
    assert [line for line in printed if " summary: " in line] == list(demo_lines)

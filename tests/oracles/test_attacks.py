"""Thousands of hostile and broken files: nothing runs, nothing hangs, and no number differs from what PyTorch reads."""

from __future__ import annotations

import io
import json
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.attacks.families import control
from tests.attacks.later_families import attacks
from tests.checkpoint_files import save
from tests.environments import ROOT

MOST_KILOBYTES = 200_000


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the commands did with each file."""
    folder = tmp_path_factory.mktemp("attacks")
    made = list(attacks())
    paths = [folder / f"{attack.name.partition(' ')[0]}-{number}.pt" for number, attack in enumerate(made)]
    for attack, path in zip(made, paths, strict=True):
        attack.write(path)
    first = save(folder / "control.pt", control())
    (folder / "list.txt").write_text("\n".join(map(str, (first, *paths))), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.run", str(folder / "list.txt")],
        cwd=ROOT, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [line | {"name": attack.name, "runs": attack.runs} for line, attack in zip(lines, made, strict=True)]


def names(found: list[dict[str, Any]]) -> list[str]:
    return [each["name"] for each in found]


def test_there_are_enough_of_them(found: list[dict[str, Any]]) -> None:
    assert len(found) > 4_000


def test_nothing_in_a_file_is_executed(found: list[dict[str, Any]]) -> None:
    assert [(each["name"], each["events"]) for each in found if each.get("events")] == []


def test_nothing_hangs_or_takes_much_memory(found: list[dict[str, Any]]) -> None:
    assert names([each for each in found if "hung" in each]) == []
    assert names([each for each in found if each["kilobytes"] > MOST_KILOBYTES]) == []


def test_no_file_ends_in_a_traceback(found: list[dict[str, Any]]) -> None:
    assert [(each["name"], each["traceback"][-500:]) for each in found if each["traceback"]] == []


def test_no_file_can_forge_a_line_of_the_report(found: list[dict[str, Any]]) -> None:
    assert names([each for each in found if each["forged"]]) == []


def test_a_file_that_would_run_something_is_told_by_the_exit_code(found: list[dict[str, Any]]) -> None:
    assert [(each["name"], each["codes"]) for each in found if each["runs"] and set(each["codes"]) != {3}] == []


def test_an_answer_has_the_numbers_that_pytorch_would_read(found: list[dict[str, Any]]) -> None:
    wrong, compared = [], 0
    for each in found:
        copies = each.get("copies")
        if copies and (expected := expected_of(Path(each["path"]))) is not None:
            ours = {
                name: (copy["layers_by_definition"]["modules"], copy["parameters"]) for name, copy in copies.items()
            }
            compared += 1
            if ours != expected:
                wrong.append((each["name"], ours, expected))
    assert wrong == []
    assert compared > 1_000


class Made:
    """Whatever a pickle makes, with the state that it is given."""

    def __init__(self, *given: Any) -> None:
        self.given = given

    def __setstate__(self, state: Any) -> None:
        self.__dict__.update(state if isinstance(state, dict) else {"state": state})

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__.setdefault("items", {})[key] = value


class Reader(pickle.Unpickler):
    """Python's own unpickler, which makes ``Made`` of every class."""

    def find_class(self, module: str, name: str) -> Any:
        return dict if name == "OrderedDict" else set if name == "set" else type(name, (Made,), {})

    def persistent_load(self, identity: Any) -> Any:
        return identity


def expected_of(path: Path) -> dict[str, tuple[int, int]] | None:
    """Layers and parameters of each copy, by PyTorch's reader of archives and Python's of pickles."""
    try:
        data = torch._C.PyTorchFileReader(str(path)).get_record("data.pkl")
        top = Reader(io.BytesIO(data)).load()
    except Exception:  # PyTorch reads no network then, and ours is told or refused
        return None
    if not isinstance(top, dict):
        return None
    return {name: counted(top[name]) for name in ("model", "ema") if is_module(top.get(name))}


def is_module(made: Any) -> bool:
    """Whether it is what PyTorch takes for a module, and not any other object."""
    return isinstance(made, Made) and {"_modules", "_parameters"} <= vars(made).keys()


def counted(root: Any) -> tuple[int, int]:
    """Distinct modules, and elements of their distinct parameters."""
    modules: dict[int, Any] = {}
    tensors: dict[int, int] = {}
    stack = [root]
    while stack:
        module = stack.pop()
        if module is None or id(module) in modules:
            continue
        modules[id(module)] = module
        stack += list(getattr(module, "_modules", {}).values())
        for tensor in getattr(module, "_parameters", {}).values():
            if tensor is not None:
                data = tensor.given[0] if isinstance(tensor.given[0], Made) else tensor
                size = 1
                for side in data.given[2]:
                    size *= side
                tensors[id(tensor)] = size
    return len(modules), sum(tensors.values())


def test_the_readme_says_how_many_files_were_tried(found: list[dict[str, Any]]) -> None:
    said = re.search(r"over ([\d,]+)\s+hostile\s+files", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert said
    assert int(said[1].replace(",", "")) <= len(found)

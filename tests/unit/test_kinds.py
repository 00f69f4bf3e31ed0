"""Contract: what each kind of test needs. Unit tests import no torch, and neither they nor live tests use a host."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.environments import ROOT

TESTS = ROOT / "tests"
KINDS = {"unit", "live", "oracles", "browser"}
FILES = sorted({*TESTS.rglob("test_*.py"), *TESTS.rglob("conftest.py")})
HEAVY = {"torch", "torchvision", "thop", "ultralytics", "numpy", "matplotlib"}
ALLOWED = "tests.environments.ROOT"
"""All that a unit or live test may take of the module that installs hosts and counters."""


def files_of(*kinds: str) -> list[Path]:
    return [path for path in FILES if path.parent.name in kinds or path.parent == TESTS]


@cache
def file_of(name: str) -> Path | None:
    """The file of a module of ours, or of the module that a name is in."""
    paths = (ROOT.joinpath(*module.split(".")) for module in (name, name.rpartition(".")[0]) if module)
    files = (each for path in paths for each in (path.with_suffix(".py"), path / "__init__.py"))
    return next((file for file in files if file.is_file()), None)


@cache
def imports(path: Path) -> frozenset[str]:
    """Full names that a test imports anywhere, or that importing a module of the package imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree) if path.is_relative_to(TESTS) else tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


@cache
def reached(path: Path) -> frozenset[tuple[Path, str]]:
    """All names that are imported with a file, each beside the file of ours that does so; not what installs hosts."""
    found: set[tuple[Path, str]] = set()
    seen, waiting = {path, TESTS / "environments.py"}, [path]
    while waiting:
        here = waiting.pop()
        for name in imports(here):
            found.add((here, name))
            if (there := file_of(name)) and there not in seen:
                seen.add(there)
                waiting.append(there)
    return frozenset(found)


def identified(path: Path) -> str:
    return path.relative_to(TESTS).as_posix()


def test_every_test_is_of_one_kind() -> None:
    assert {path.parent.name for path in FILES if path.name.startswith("test_")} == KINDS


@pytest.mark.parametrize("path", files_of("unit"), ids=identified)
def test_a_unit_test_imports_nothing_heavy(path: Path) -> None:
    assert [found for found in reached(path) if found[1].split(".")[0] in HEAVY] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("path", files_of("unit", "live"), ids=identified)
def test_a_unit_or_live_test_uses_no_host(path: Path) -> None:
    of_hosts = ("tests.environments", "tests.oracles")
    assert [found for found in reached(path) if found[1].startswith(of_hosts) and found[1] != ALLOWED] == []

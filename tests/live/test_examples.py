"""The examples in docstrings give what they say, and the Python of the guide runs."""

from __future__ import annotations

from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, DocTest, DocTestFinder, DocTestRunner
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
import torch
from torch import nn

import yolo_probe
from tests.documents import TEXTS, python_blocks

PAGES_WITH_PYTHON = ("live-models", "training", "counters-and-rules", "many-files")
(ON_A_MODEL,), (OF_A_LOOP,), (OF_RULES,), (OF_A_FILE,) = map(python_blocks, PAGES_WITH_PYTHON)


def examples() -> Iterator[DocTest]:
    """The docstrings of the package that have an example."""
    names = (module.name for module in walk_packages(yolo_probe.__path__, "yolo_probe."))
    for name in ("yolo_probe", *(name for name in names if not name.endswith("__main__"))):
        yield from (test for test in DocTestFinder(exclude_empty=True).find(import_module(name)) if test.examples)


@pytest.mark.parametrize("example", [*examples()], ids=lambda example: example.name)
def test_an_example_gives_what_it_says(example: DocTest) -> None:
    said: list[str] = []
    result = DocTestRunner(optionflags=ELLIPSIS | NORMALIZE_WHITESPACE).run(example, out=said.append)
    assert result.failed == 0, "".join(said)


class SE(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.fft2(x).real


def test_no_other_page_has_python() -> None:
    assert {name for name in TEXTS if python_blocks(name)} == {*PAGES_WITH_PYTHON}


def test_the_guides_lines_for_a_file_run() -> None:
    exec(OF_A_FILE, {})  # noqa: S102  # the guide's own text


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the guide's lines leave their files."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_guides_lines_for_a_live_model_run(capsys: pytest.CaptureFixture[str], here: Path) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.SiLU())
    other = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.SiLU())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    try:
        exec(ON_A_MODEL, {"model": model, "other": other, "optimizer": optimizer})  # noqa: S102  # the guide's own text
    finally:
        yolo_probe.uninstall()
    assert "parameters" in capsys.readouterr().out
    assert (here / "report.html").is_file()


@pytest.mark.usefixtures("here")
def test_the_guides_training_loop_runs(capsys: pytest.CaptureFixture[str]) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.SiLU())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    step = "model(torch.rand(2, 3, 64, 64)).mean().backward(), optimizer.step()"
    loop = OF_A_LOOP.replace("...", step, 1)
    names = {"model": model, "optimizer": optimizer, "epochs": 2, "yolo_probe": yolo_probe, "torch": torch}
    exec(loop, names)  # noqa: S102  # the guide's own text
    assert capsys.readouterr().out.startswith("runs/mine: a training, as its probe.json tells it")


def test_the_guides_rules_count(tmp_path: Path) -> None:
    path = tmp_path / "rules.py"
    path.write_text(OF_RULES)
    model = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False), SE(), nn.SiLU())
    values = 8 * 64 * 64
    found = yolo_probe.count_flops(model, 64, counter="fvcore", rules=str(path)).total
    assert found == 64 * 64 * 8 * 3 + 2 * values + 4 * values

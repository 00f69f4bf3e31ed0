"""What an inspection says of a file is what real torch finds in it, and what the host's strip_optimizer does to it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.environments import TRAINING_NEEDS, ULTRALYTICS_TRAINING_NEEDS, host, release
from tests.processes import run_python
from yolo_probe.reports.inspection import inspect
from yolo_probe.reports.inspection_json import as_json

CHECK = Path(__file__).with_name("inspection_check.py")
HOSTS = ("5.0.10", "7.0.14", "ultralytics")
FILES = ("sgd", "adam", "fp32")
CLASSIC = (*FILES, "validated", "legacy", "one-in-both", "kept", "bare-fused", "state-dict")
CASES = [
    *(("5.0.10", name) for name in CLASSIC),
    *(("7.0.14", name) for name in (*CLASSIC, "classifier", "segmenter")),
    *(("ultralytics", name) for name in FILES),
]


Made = tuple[Path, dict[str, dict[str, Any]]]
"""Where the files of a host lie, and what was measured of each."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    folders = {name: tmp_path_factory.mktemp(name) for name in HOSTS}  # not in the threads, which would race for it

    def files(name: str) -> Made:
        folder = folders[name]
        needs = ULTRALYTICS_TRAINING_NEEDS if name == "ultralytics" else TRAINING_NEEDS
        paths = [*([] if name == "ultralytics" else [host(name)]), *(release(*need) for need in needs)]
        done = run_python(CHECK, name, folder, paths=paths)
        return folder, json.loads(done.stdout.splitlines()[-1])

    with ThreadPoolExecutor(len(HOSTS)) as pool:
        return dict(zip(HOSTS, pool.map(files, HOSTS), strict=True))


@pytest.mark.parametrize(("name", "file"), CASES)
def test_the_bytes_are_those_that_torch_finds_in_the_file(made: dict[str, Made], name: str, file: str) -> None:
    folder, facts = made[name]
    sizes = as_json(inspect(str(folder / f"{file}.pt")))["bytes"]
    found = {key: value for key, value in facts[f"{file}.pt"].items() if key != "stripped"}
    assert isinstance(sizes, dict)
    container = sizes.pop("container")
    assert sizes == found
    assert container == found["file"] - sum(size for key, size in found.items() if key != "file")


@pytest.mark.parametrize(("name", "file"), [case for case in CASES if case[1] not in ("bare-fused", "state-dict")])
def test_stripping_takes_away_what_the_host_itself_takes_away(made: dict[str, Made], name: str, file: str) -> None:
    folder, facts = made[name]
    found = facts[f"{file}.pt"]
    after = found["stripped"]
    tensors, left = (sum(sizes[key] for key in ("model", "ema", "optimizer", "other")) for sizes in (found, after))
    strip = inspect(str(folder / f"{file}.pt")).anatomy.strip
    assert strip is not None
    assert (strip.saved, strip.tensors) == (tensors - left, left)
    assert abs(strip.file - after["file"]) < 0.01 * after["file"]


@pytest.mark.parametrize("name", HOSTS)
def test_nothing_can_be_stripped_twice(made: dict[str, Made], name: str) -> None:
    folder, _ = made[name]
    report = inspect(str(folder / "sgd.stripped"))
    assert report.saved is not None
    assert (report.saved.stripped, report.anatomy.strip and report.anatomy.strip.saved) == (True, 0)

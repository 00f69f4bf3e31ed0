"""Unit: what the open page is answered, and what its site is made of."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from tests.checkpoint_files import Asked, network, save
from tests.conftest import Probe
from tests.environments import ROOT
from yolo_probe.cli.in_browser import answer
from yolo_probe.errors import TargetError
from yolo_probe.render import site

LINE = "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs"
PACKAGE = ROOT / "yolo_probe" / "render" / "page" / "package.json"


def answered(target: str, imgsz: int = 640, *, is_file: bool = True) -> dict[str, Any]:
    """What is in the answer."""
    found: dict[str, Any] = json.loads(answer(target, imgsz, is_file))
    assert found.keys() == {"report", "lines", "refusal", "warning", "said"}
    return {name: value for name, value in found.items() if value is not None}


def test_a_file_is_answered_with_its_report(demo_checkpoint: Path, probe: Probe) -> None:
    (report,) = answered(str(demo_checkpoint)).values()
    printed = probe("fuse-diff", demo_checkpoint, "--format", "json").stdout
    assert report["reports"]["fuse_diff"] == json.loads(printed)


def test_the_size_of_the_image_is_the_asked_one(probe: Probe) -> None:
    report = answered("yolov5n", 320, is_file=False)["report"]["reports"]["fuse_diff"]
    assert report == json.loads(probe("fuse-diff", "yolov5n", "--imgsz", "320", "--format", "json").stdout)


@pytest.mark.exhaustive
def test_host_and_classes_are_those_of_the_options(probe: Probe) -> None:
    found = json.loads(answer("yolov5s", 640, False, "en", "v3.1", 3))["report"]["reports"]["fuse_diff"]
    assert found == json.loads(probe("fuse-diff", "yolov5s", "--host", "v3.1", "--nc", 3, "--format", "json").stdout)
    refused = json.loads(answer("yolov5n@v7.0", 640, False, "en", "v3.1"))["refusal"]
    assert refused["problem"] in probe("fuse-diff", "yolov5n@v7.0", "--host", "v3.1").stderr


@pytest.mark.parametrize("path", ["best.pt", "runs/train/exp", r"C:\runs\best.pt", "/home/me/net.yaml", "last.pth"])
def test_a_path_that_is_typed_is_refused_with_what_a_page_takes(path: str) -> None:
    refused = answered(path, is_file=False)["refusal"]
    assert refused["problem"].startswith(f"{path}: found the path of a file, which a page cannot open")
    assert refused["remedy"] == "Drop the file onto the page, or choose it."


def test_what_only_looks_like_a_path_is_none() -> None:
    refused = answered("https://a.invalid/best.pt", is_file=False)["refusal"]
    assert refused["problem"].endswith("found a URL, expected a file")
    assert answered("yolov5n.yaml", is_file=False)["report"]["label"] == "yolov5n.yaml"
    assert "lines" in answered(f"runs/exp: {LINE}", is_file=False)


def test_an_error_is_in_the_language_of_the_page() -> None:
    refused = json.loads(answer("nosuch.pt", 640, False, "zh"))["refusal"]
    assert refused["problem"].startswith("nosuch.pt: 这是文件的路径")
    assert refused["remedy"].startswith("请把文件拖到页面上")


def test_the_folder_of_a_run_is_answered_by_its_best_checkpoint(
    demo_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "exp.log" / "weights").mkdir(parents=True)
    (tmp_path / "exp.log" / "weights" / "best.pt").write_bytes(demo_checkpoint.read_bytes())
    monkeypatch.chdir(tmp_path)
    found = answered("exp.log")
    assert found["said"] == "exp.log is a folder; this is its exp.log/weights/best.pt"
    assert found["report"]["label"] == "best.pt"
    (tmp_path / "empty").mkdir()
    assert answered("empty")["refusal"]["problem"].startswith("empty: found a folder without best.pt")


def test_lines_and_logs_are_explained(demo_checkpoint: Path) -> None:
    (lines,) = answered(LINE, is_file=False).values()
    assert lines[0] == [{"part": "Heading", "text": LINE}]
    (lines,) = answered(str(demo_checkpoint.with_suffix(".log"))).values()
    assert sum(part["part"] == "Heading" for section in lines for part in section) == 3


def test_a_refusal_is_the_message_of_the_command(tmp_path: Path, probe: Probe) -> None:
    for content, unsafe in (({"a": 1}, False), (Asked("os.system", "true"), True)):
        path = save(tmp_path / "best.pt", content)
        refusal = answered(str(path))["refusal"]
        done = probe("fuse-diff", path)
        assert done.stderr.endswith(f"yolo-probe: {refusal['problem']}\n  {refusal['remedy']}\n")
        assert (refusal["unsafe"], done.returncode) == (unsafe, 3 if unsafe else 2)


def test_what_loading_would_run_is_named_also_where_there_is_no_report(tmp_path: Path) -> None:
    path = save(tmp_path / "best.pt", {"model": network(), "date": Asked("os.system", "true")})
    found = answered(str(path))
    assert found.keys() == {"warning", "refusal"}
    assert found["warning"]["problem"].startswith("best.pt would run os.system when it is loaded")
    assert found["warning"]["unsafe"]


def test_the_site_runs_the_release_of_pyodide_that_the_sources_name() -> None:
    assert json.loads(PACKAGE.read_text(encoding="utf-8"))["devDependencies"]["pyodide"] == site.PYODIDE


def test_without_pyodide_it_is_said_how_to_get_it(
    tmp_path: Path, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = probe("page", "-o", tmp_path / "page", "--pyodide", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"found no Pyodide in {tmp_path}, expected Pyodide {site.PYODIDE}" in done.stderr
    assert f"npm install pyodide@{site.PYODIDE}" in done.stderr
    assert not (tmp_path / "page").exists()
    (tmp_path / "package.json").write_text('{"version": "0.1"}', encoding="utf-8")
    with pytest.raises(TargetError, match=f"found Pyodide 0.1, expected {site.PYODIDE}"):
        site.write(tmp_path / "page", tmp_path)
    (tmp_path / "package.json").write_text(f'{{"version": "{site.PYODIDE}"}}', encoding="utf-8")
    with pytest.raises(TargetError, match="found Pyodide without pyodide"):
        site.write(tmp_path / "page", tmp_path)


@pytest.fixture
def pyodide(tmp_path: Path) -> Path:
    """A folder that looks like Pyodide."""
    folder = tmp_path / "pyodide"
    folder.mkdir()
    (folder / "package.json").write_text(f'{{"version": "{site.PYODIDE}"}}', encoding="utf-8")
    for name in site.RUNTIME:
        (folder / name).write_bytes(name.encode())
    return folder


@pytest.mark.exhaustive
def test_the_packages_of_the_site_answer_by_themselves(tmp_path: Path, pyodide: Path) -> None:
    site.write(tmp_path / "page", pyodide)
    with ZipFile(tmp_path / "page" / "python.zip") as packed:
        packed.extractall(tmp_path / "packages")
    script = "import sys; sys.path[:0] = sys.argv[1:]; from yolo_probe.cli.in_browser import answer; "
    script += "print(answer('yolov5n', 640, False))"
    words = [sys.executable, "-I", "-S", "-c", script, str(tmp_path / "packages")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stderr == ""
    assert json.loads(done.stdout) == json.loads(answer("yolov5n", 640, False))


def test_the_site_is_the_same_each_time_and_names_all_its_files(tmp_path: Path, pyodide: Path) -> None:
    sizes = [site.write(tmp_path / name, pyodide) for name in ("one", "two")]
    one, two = ({path.relative_to(tmp_path / name): path.read_bytes() for path in _files(tmp_path / name)}
                for name in ("one", "two"))  # fmt: skip
    assert one == two
    assert {path.as_posix() for path in one} == {*json.loads(one[Path("files.json")])}
    assert sizes == [sum(map(len, one.values())) - len(one[Path("files.json")])] * 2


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path, pyodide: Path) -> None:
    (tmp_path / "page").write_bytes(b"")
    with pytest.raises(TargetError, match="the page cannot be written"):
        site.write(tmp_path / "page", pyodide)

"""Contract: the picture of a report is drawn quickly, whatever is in it, and touches nothing of matplotlib's."""

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.measurements import UNFUSED
from tests.measurements import report as measured
from tests.networks import difference
from yolo_probe.errors import PictureError, TargetError
from yolo_probe.model.structure import Module
from yolo_probe.render.bench_picture import draw as draw_bench
from yolo_probe.render.picture import draw
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.row_costs import rows_of
from yolo_probe.reports.timing import Timing

PATHS = ".//{http://www.w3.org/2000/svg}path"
HOSTILE = "$x_1$ \\frac{1}{2} \n\x1b[31m \N{CJK UNIFIED IDEOGRAPH-4F60} " + "very long " * 40


def size_of(path: Path) -> tuple[int, int]:
    """Width and height of a PNG in pixels."""
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", head[16:24])
    return width, height


def named(report: FuseDiff, name: str) -> FuseDiff:
    """The same report on a network of that name, whose first row has a class of that name."""
    network = report.training.root.child("model")
    first = replace_class(network.child("0"), name)
    root = Module(
        report.training.root.class_path,
        children={"model": Module(network.class_path, children={**network.children, "0": first})},
    )
    subject = replace(report.question.subject, label=name)
    state = replace(report.training, root=root)
    return replace(report, question=replace(report.question, subject=subject), training=state)


def replace_class(module: Module, class_path: str) -> Module:
    return Module(class_path, module.attributes, module.parameters, module.buffers, module.children)


@pytest.mark.parametrize("target", ["yolov5n", "yolov5x6", "yolov5s-seg"])
def test_every_row_has_its_place(target: str, tmp_path: Path) -> None:
    report = difference(target)
    draw(report, tmp_path / "probe.png")
    width, height = size_of(tmp_path / "probe.png")
    rows = 120 * 0.2 * len(rows_of(report))
    assert rows < height < rows + 600
    assert 1000 < width < 1400


def test_an_svg_is_a_document_with_the_two_lines(tmp_path: Path) -> None:
    report = difference("yolov5n")
    draw(report, tmp_path / "probe.svg")
    root = ElementTree.parse(tmp_path / "probe.svg").getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    described = root.findtext(".//{http://purl.org/dc/elements/1.1/}description")
    assert described == f"{report.training.line.text}; {report.validation.line.text}"


def test_a_name_is_text_in_an_svg_too(tmp_path: Path) -> None:
    draw(named(difference("yolov5n"), "--><script>alert(1)</script>"), tmp_path / "probe.svg")
    root = ElementTree.parse(tmp_path / "probe.svg").getroot()
    assert not [each for each in root.iter() if str(each.tag).endswith("script")]


def test_rows_that_did_not_train_are_striped(tmp_path: Path) -> None:
    report = difference("yolov5n")
    draw(report, tmp_path / "all.svg")
    draw(report, tmp_path / "frozen.svg", [str(row) for row in range(10)])
    drawn, striped = (len(ElementTree.parse(tmp_path / f"{name}.svg").findall(PATHS)) for name in ("all", "frozen"))
    assert striped > drawn + 100


def test_a_name_is_drawn_as_letters_and_not_as_a_formula(tmp_path: Path) -> None:
    draw(named(difference("yolov5n"), HOSTILE), tmp_path / "probe.png")
    assert size_of(tmp_path / "probe.png")[0] < 1500


def test_a_network_that_cannot_be_followed_is_drawn_with_its_parameters(tmp_path: Path) -> None:
    report = difference("yolov5n")
    training, validation = (replace(state, run=None) for state in (report.training, report.validation))
    draw(replace(report, training=training, validation=validation, flops=None), tmp_path / "probe.png")
    assert size_of(tmp_path / "probe.png")[0] > 1000


def test_drawing_imports_no_pyplot_and_changes_no_setting(tmp_path: Path) -> None:
    script = (
        "import sys, matplotlib\n"
        "from tests.networks import difference\n"
        "from yolo_probe.render.picture import draw\n"
        "report = difference('yolov5n')\n"
        "settings = lambda: {name: matplotlib.rcParams._get(name) for name in matplotlib.rcParams}\n"
        "before = settings()\n"
        f"draw(report, {str(tmp_path / 'probe.png')!r})\n"
        f"draw(report, {str(tmp_path / 'probe.svg')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert before == settings()  # the backend, which reading would choose, is still to be chosen\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


def test_the_users_settings_do_not_change_the_picture(tmp_path: Path) -> None:
    import matplotlib

    report = difference("yolov5n")
    draw(report, tmp_path / "plain.png")
    settings = {
        "font.size": 30,
        "font.family": "fantasy",
        "text.usetex": True,
        "text.color": "red",
        "figure.facecolor": "black",
        "figure.dpi": 30,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 30,
        "savefig.bbox": "tight",
        "lines.linewidth": 9,
        "patch.force_edgecolor": True,
        "svg.fonttype": "none",
    }
    draw(report, tmp_path / "plain.svg")
    with matplotlib.rc_context(settings):
        draw(report, tmp_path / "styled.png")
        draw(report, tmp_path / "styled.svg")
    for ending in ("png", "svg"):
        assert (tmp_path / f"styled.{ending}").read_bytes() == (tmp_path / f"plain.{ending}").read_bytes()


def test_a_missing_matplotlib_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PictureError, match=r"probe\.png: found no matplotlib") as caught:
        draw(difference("yolov5n"), tmp_path / "probe.png")
    assert caught.value.remedy == "pip install matplotlib"


@pytest.mark.parametrize("unfused", [UNFUSED, None])
@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_picture_of_a_measurement_has_its_answer(ending: str, unfused: Timing | None, tmp_path: Path) -> None:
    path = tmp_path / f"bench.{ending}"
    draw_bench(measured(unfused), path)
    held = path.read_bytes()
    assert held.startswith(b"\x89PNG" if ending == "png" else b"<?xml")
    if ending == "svg":
        assert (b"fuse() saves 20.0 ms of 120 ms" if unfused else b"One pass takes 100 ms") in held


def test_a_picture_of_a_measurement_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="the picture cannot be written"):
        draw_bench(measured(), tmp_path / "no" / "bench.svg")

"""Contract: the page of a live model has the figures of the functions that answer one question each."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

import yolo_probe
from tests.conftest import Probe
from tests.live.test_watch import Network
from yolo_probe.api import ReportPage
from yolo_probe.errors import TargetError
from yolo_probe.render.text import render
from yolo_probe.reports.fuse_diff import FuseDiff


def data_of(report: ReportPage) -> dict[str, Any]:
    return cast("dict[str, Any]", report.as_json())


def test_the_page_of_a_live_model_has_the_figures_of_the_other_functions() -> None:
    model = Network()
    model.model[0].conv.requires_grad_(False)
    found = data_of(yolo_probe.report(model, 64, counter="thop-0.1"))
    assert found["layers"]["total"] == yolo_probe.explain_layers(model, 64, "thop-0.1").as_json()["total"]
    assert found["gradients"] == yolo_probe.explain_gradients(model).as_json()
    counters = cast("dict[str, Any]", yolo_probe.compare_counters(model, 64).as_json()["counters"])
    for name, counter in counters.items():
        assert found["counters"]["counters"][name]["flops"] == counter["flops"]
    parameters = found["fuse_diff"]["ledger"]["parameters"]
    assert [entry["amount"] for entry in parameters["entries"]] == [-2 * 8, 8]
    assert parameters["unexplained"] == 0
    assert model.model[0].bn.weight.requires_grad
    assert isinstance(model.model[0].bn, nn.BatchNorm2d)


def test_a_model_without_fuse_has_one_line(tmp_path: Path) -> None:
    report = yolo_probe.report(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()), 64)
    found = data_of(report)
    assert (found["fuse_diff"], found["fused_layers"], found["counters"]) == (None, None, None)
    assert found["info"]["summary"]["parameters"] == 8 * 3 * 3 * 3 + 8
    assert "Sequential has no fuse()" in found["missing"]["counters"]
    report.save(tmp_path / "report.html")
    assert "report-data" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_live_model_is_not_called_a_network_of_yolov5() -> None:
    words = str(yolo_probe.report(Network(), 64))
    assert words.startswith("Network: a live model\n\nAs it is, its line is\n")
    assert "finished file" not in words


def test_no_model_is_refused() -> None:
    with pytest.raises(TargetError, match="report"):
        yolo_probe.report("best.pt")


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_command_draws_a_picture(ending: str, probe: Probe, tmp_path: Path) -> None:
    path = tmp_path / f"report.{ending}"
    done = probe("report", "yolov5n", "--freeze", "10", "-o", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path} is written\n", "")
    assert path.stat().st_size > 50_000


def test_a_picture_that_cannot_be_written_is_told(probe: Probe, tmp_path: Path) -> None:
    done = probe("report", "yolov5n", "-o", tmp_path / "not" / "there.png")
    assert done.returncode == 2
    assert "the picture cannot be written: No such file or directory" in done.stderr


class LeavesIdentity(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A block and a Sequential whose BatchNorms its own ``fuse()`` replaces by nn.Identity."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.rest = nn.Sequential(nn.Conv2d(8, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rest(self.bn(self.conv(x)))

    def fuse(self) -> LeavesIdentity:
        self.conv, self.bn = fuse_conv_bn_eval(self.conv.eval(), self.bn.eval()), nn.Identity()
        self.rest[0], self.rest[1] = fuse_conv_bn_eval(self.rest[0].eval(), self.rest[1].eval()), nn.Identity()
        return self


def test_an_identity_in_the_place_of_a_merged_batch_norm_is_explained() -> None:
    answer = yolo_probe.report(LeavesIdentity()).report.answer
    assert isinstance(answer, FuseDiff)
    assert answer.balanced
    assert [(merge.batch_norm_path) for merge in answer.fusion.merges] == ["bn", "rest.1"]
    assert (answer.layers.before, answer.layers.after) == (7, 7)
    assert "as many layers" in render(answer)


def test_measured_times_are_a_part_of_the_page(probe: Probe, tmp_path: Path) -> None:
    model = LeavesIdentity()
    measured = yolo_probe.bench(model, 64, seconds=0.01)
    assert data_of(yolo_probe.report(model, 64, measured=measured))["bench"] == measured.as_json()
    assert data_of(yolo_probe.report(model, 64))["bench"] is None
    page = tmp_path / "report.html"
    done = probe("report", "configs/demo/narrow-best.pt", "--imgsz", 64, "--bench", "-o", page)
    assert (done.returncode, done.stderr) == (0, "")
    assert '"command":"bench"' in page.read_text(encoding="utf-8")

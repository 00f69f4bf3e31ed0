"""What fuse() of YOLOAir, YOLOU and yolo_research leaves is known from the file: layers, parameters and FLOPs."""

# mypy: disable-error-code="misc, no-untyped-call"

from __future__ import annotations

import sys
import types
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.live import test_pasted
from tests.live.test_pasted import Conv, Rows, assert_costs_what_it_runs, put_in_models
from tests.live.test_pasted_from_yolou import ConvBN, OREPA_3x3_RepConv, RepConv_OREPA
from tests.live.test_pasted_heads import Detect
from yolo_probe.api import compare_counters
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.errors import UnknownModuleError
from yolo_probe.hosts.target import resolve
from yolo_probe.reports.fuse_diff import FuseDiff, fuse_diff
from yolo_probe.reports.question import Question


def pair(c: int, k: int) -> nn.Sequential:
    made = nn.Sequential()
    made.add_module("conv", nn.Conv2d(c, c, k, padding=k // 2, bias=False))
    made.add_module("bn", nn.BatchNorm2d(c))
    return made


class CBH(nn.Module):
    pasted_into = "models.Models.Litemodel"

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv, self.bn, self.hardswish = (
            nn.Conv2d(c, c, 3, padding=1, bias=False),
            nn.BatchNorm2d(c),
            nn.Hardswish(),
        )

    def forward(self, x: Any) -> Any:
        x = self.conv(x)
        return self.hardswish(self.bn(x) if hasattr(self, "bn") else x)

    def merge(self) -> None:
        self.conv = nn.Conv2d(self.conv.in_channels, self.conv.out_channels, 3, padding=1).requires_grad_(False)
        del self.bn


ConvOfAnother = type("Conv", (Conv,), {"pasted_into": "models.Models.yolovii"})


class RepVGGBlock(nn.Module):
    pasted_into = "models.Models.Litemodel"

    def __init__(self, c: int) -> None:
        super().__init__()
        self.deploy, self.groups, self.in_channels = False, 1, c
        self.nonlinearity, self.se = nn.SiLU(), nn.Identity()
        self.rbr_identity, self.rbr_dense, self.rbr_1x1 = nn.BatchNorm2d(c), pair(c, 3), pair(c, 1)

    def forward(self, x: Any) -> Any:
        if self.deploy:
            return self.nonlinearity(self.rbr_dense(x))
        return self.nonlinearity(self.se(self.rbr_dense(x) + self.rbr_1x1(x) + self.rbr_identity(x)))

    def merge(self) -> None:
        c = self.in_channels
        self.rbr_reparam = self.rbr_dense = nn.Conv2d(c, c, 3, padding=1).requires_grad_(False)
        del self.rbr_1x1, self.rbr_identity
        self.deploy = True


class RepConv(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.deploy, self.groups, self.in_channels, self.out_channels, self.act = False, 1, c, c, nn.SiLU()
        self.rbr_identity: Any = nn.BatchNorm2d(c)
        self.rbr_dense: Any = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))
        self.rbr_1x1: Any = nn.Sequential(nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x: Any) -> Any:
        if self.deploy:
            return self.act(self.rbr_reparam(x))
        return self.act(self.rbr_dense(x) + self.rbr_1x1(x) + self.rbr_identity(x))

    def merge(self) -> None:
        self.rbr_reparam, self.deploy = nn.Conv2d(self.in_channels, self.out_channels, 3, padding=1), True
        self.rbr_dense = self.rbr_1x1 = self.rbr_identity = None


RepConvOfYoloair = type("RepConv", (RepConv,), {"pasted_into": "models.Models.yolovii"})


class DetectionModel(test_pasted.Model):
    pasted_into = "models.yolo"


DetectOfYolou = type("Detect", (Detect,), {"pasted_into": "models.yolov5"})


@pytest.fixture(autouse=True)
def as_in_forks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("models.Models", "models.Models.Litemodel", "models.Models.yolovii", "models.yolov5"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    put_in_models(monkeypatch, [ConvBN, OREPA_3x3_RepConv, *globals().values()])


def explained(model: nn.Module, folder: Path) -> FuseDiff:
    for parameter in model.parameters():
        parameter.requires_grad = False
    torch.save({"epoch": -1, "model": model}, folder / "best.pt")
    report = fuse_diff(Question(resolve(str(folder / "best.pt")), (64, 64), choose_counter("thop-0.1", None)))
    assert report.question.subject.foreign == ()
    assert {ledger.unexplained for _, ledger in report.ledgers if ledger} == {0}
    return report


def assert_as_live(report: FuseDiff, model: nn.Module) -> None:
    """The validation's figures are those of the model after each block has merged its own branches."""
    merged = deepcopy(model)
    for module in list(merged.modules()):
        if hasattr(module, "merge"):
            module.merge()
        elif isinstance(module, Conv) and not isinstance(module, ConvOfAnother):
            old = module.conv
            module.conv = nn.Conv2d(
                old.in_channels, old.out_channels, old.kernel_size, old.stride, old.padding
            ).requires_grad_(False)
            module.bn = nn.Identity()
    found, parameters = report.validation.summary, list(merged.parameters())
    identities = sum(isinstance(module, Conv) and not isinstance(module, ConvOfAnother) for module in merged.modules())
    assert found.layers.modules == len(list(merged.modules())) - identities
    assert found.parameters == sum(each.numel() for each in parameters)
    assert found.gradients == sum(each.numel() for each in parameters if each.requires_grad)
    assert found.flops == macs(merged) * 2


def macs(model: nn.Module) -> int:
    found = compare_counters(model, 64).counters["thop-0.1"].figure.unfused
    assert found
    return int(found)


def network(kind: type[test_pasted.Model], rows: Rows) -> test_pasted.Model:
    made = kind([(Conv(3, 16, 3, 2), -1), *rows])
    made.eval()
    return made


def test_yoloair_is_known_by_its_model_and_its_fuse_by_its_modules(tmp_path: Path) -> None:
    rows = [(ConvOfAnother(16, 16), -1), (CBH(16), -1), (RepVGGBlock(16), -1), (RepConvOfYoloair(16), -1)]
    model = network(test_pasted.Model, rows)
    model.model_type, model.loss_category = "yolov5", None
    report = explained(model, tmp_path)
    assert report.question.subject.origin.fork == "YOLOAir"
    assert_as_live(report, model)


def test_what_yoloairs_merged_rep_vgg_block_was_is_not_known(tmp_path: Path) -> None:
    block = RepVGGBlock(16)
    block.merge()
    model = network(test_pasted.Model, [(block, -1)])
    model.model_type, model.loss_category = "yolov5", None
    torch.save({"epoch": -1, "model": model}, tmp_path / "best.pt")
    question = Question(resolve(str(tmp_path / "best.pt")), (64, 64), choose_counter("thop-0.1", None))
    with pytest.raises(UnknownModuleError, match="what it was before fuse"):
        question.unfused(question.subject.root)


def test_yolou_is_known_by_the_modules_of_its_heads_and_merges_rep_conv(tmp_path: Path) -> None:
    rows = [(RepConv(16), -1), (DetectOfYolou(nn.Conv2d(16, 3 * 7, 1), 2), [1])]
    model = network(DetectionModel, rows)
    report = explained(model, tmp_path)
    assert report.question.subject.origin.fork == "YOLOU"
    assert_as_live(report, model)


class ImplicitA(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.channel, self.implicit = c, nn.Parameter(torch.zeros(1, c, 1, 1))

    def forward(self, x: Any) -> Any:
        return self.implicit + x


class ImplicitM(ImplicitA):
    def forward(self, x: Any) -> Any:
        return self.implicit * x


class IDetect(nn.Module):
    stride = (8,)

    def __init__(self, c: int, classes: int) -> None:
        super().__init__()
        self.nc, self.no, self.nl, self.na, self.inplace = classes, classes + 5, 1, 3, True
        self.grid = [torch.zeros(1)]
        self.register_buffer("anchors", torch.ones(1, 3, 2))
        self.register_buffer("anchor_grid", torch.ones(1, 1, 3, 1, 1, 2))
        self.m = nn.ModuleList([nn.Conv2d(c, 3 * self.no, 1)])
        self.ia, self.im = nn.ModuleList([ImplicitA(c)]), nn.ModuleList([ImplicitM(3 * self.no)])

    def forward(self, x: Any) -> Any:
        return self.boxes(self.m[0](self.ia[0](x[0])))

    def fuseforward(self, x: Any) -> Any:
        return self.boxes(self.m[0](x[0]))

    def boxes(self, x: Any) -> Any:
        n, _, h, w = x.shape
        x = x.view(n, self.na, self.no, h, w).permute(0, 1, 3, 4, 2).contiguous()
        rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        grid = torch.stack((columns, rows), 2).view(1, 1, h, w, 2).float()
        y = x.sigmoid()
        y[..., 0:2] = (y[..., 0:2] * 2 - 0.5 + grid) * self.stride[0]
        y[..., 2:4] = (y[..., 2:4] * 2) ** 2 * self.anchor_grid[0]
        return torch.cat([y.view(n, -1, self.no)], 1), [x]

    def merge(self) -> None:
        self.forward = self.fuseforward  # type: ignore[method-assign]


class Proto(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.cv1, self.upsample = Conv(c, c, 3), nn.Upsample(scale_factor=2, mode="nearest")
        self.cv2, self.cv3 = Conv(c, c, 3), Conv(c, 4)

    def forward(self, x: Any) -> Any:
        return self.cv3(self.cv2(self.upsample(self.cv1(x))))


class ISegment(IDetect):
    pasted_into = "models.yolo"

    def __init__(self, c: int, classes: int) -> None:
        super().__init__(c, classes)
        self.nm, self.npr, self.no, self.proto, self.detect = 4, c, classes + 9, Proto(c), IDetect.forward
        self.m, self.im = nn.ModuleList([nn.Conv2d(c, 3 * self.no, 1)]), nn.ModuleList([ImplicitM(3 * self.no)])

    def forward(self, x: Any) -> Any:
        masks = self.proto(x[0])
        return (*self.detect(self, x), masks)


class SegmentationModel(DetectionModel):
    pasted_into = "models.yolo"


OF_YOLO_RESEARCH = ((DetectionModel, IDetect), (SegmentationModel, ISegment))


@pytest.mark.parametrize(("kind", "head"), OF_YOLO_RESEARCH)
def test_yolo_research_is_known_by_the_grid_of_its_head_and_merges_what_yolov7_does(
    kind: type[DetectionModel], head: type[IDetect], tmp_path: Path
) -> None:
    model = network(kind, [(RepConv(16), -1), (head(16, 2), [1])])
    report = explained(model, tmp_path)
    assert report.question.subject.origin.fork == "yolo_research"
    assert_as_live(report, model)


@pytest.mark.parametrize(("kind", "head"), OF_YOLO_RESEARCH)
def test_its_head_runs_one_of_its_two_implicit_tensors(
    kind: type[DetectionModel], head: type[IDetect], tmp_path: Path
) -> None:
    assert_costs_what_it_runs([(Conv(16, 16), -1), (head(16, 2), [1])], tmp_path)


@pytest.mark.parametrize("c2", [16, 8])
def test_yolou_makes_one_convolution_of_orepa_that_does_not_train(c2: int, tmp_path: Path) -> None:
    block = RepConv_OREPA(16, c2)
    model = network(DetectionModel, [(block, -1), (DetectOfYolou(nn.Conv2d(c2, 3 * 7, 1), 2), [1])])
    report = explained(model, tmp_path)
    assert report.question.subject.origin.fork == "YOLOU"
    assert_as_live(report, model)


def test_a_conv_of_another_module_is_counted_and_named_where_no_fork_is_known(tmp_path: Path) -> None:
    model = network(test_pasted.Model, [(ConvOfAnother(16, 16), -1)])
    torch.save({"epoch": -1, "model": model}, tmp_path / "best.pt")
    question = Question(resolve(str(tmp_path / "best.pt")), (64, 64), choose_counter("thop-0.1", None))
    assert question.subject.foreign == (("model.1", "models.Models.yolovii.Conv"),)
    assert fuse_diff(question).training.summary.flops == macs(model) * 2

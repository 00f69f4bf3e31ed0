"""A fuse() that is broken is named before the first epoch or at the end, and no broken one is called fine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from tests.live.test_fused_outputs import trained
from yolo_probe import watch
from yolo_probe.errors import TraceError
from yolo_probe.live.live import Live
from yolo_probe.reports.training_record import Ended, FuseTrial, Part, Started
from yolo_probe.training.host_state import Running
from yolo_probe.training.log_lines import start_warnings
from yolo_probe.training.moments import start_of
from yolo_probe.training.probe import Probe


class Conv(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution with BatchNorm, as a host's."""

    def __init__(self, inputs: int, bias: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 8, 3, padding=1, bias=bias)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x)).relu()

    def forward_fuse(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).relu()


def merged(conv: nn.Module, norm: nn.BatchNorm2d, eps: float, *, with_bias: bool = True) -> nn.Conv2d:
    """A new convolution that computes both."""
    made = nn.Conv2d(conv.in_channels, conv.out_channels, conv.kernel_size, conv.stride, conv.padding)
    scale = norm.weight / (norm.running_var + eps).sqrt()
    before = conv.bias if with_bias and conv.bias is not None else 0
    made.weight.copy_(conv.weight * scale[:, None, None, None])
    made.bias.copy_((before - norm.running_mean) * scale + norm.bias)
    return made.requires_grad_(False)


class Net(nn.Module):  # type: ignore[misc]
    """Two blocks and a head, with the fuse() of a host."""

    def __init__(self, block: nn.Module | None = None) -> None:
        super().__init__()
        self.model = nn.Sequential(Conv(3), block or Conv(8, bias=True), nn.Conv2d(8, 4, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)

    def merge(self, block: Conv) -> None:
        block.conv = merged(block.conv, block.bn, block.bn.eps)
        del block.bn
        block.__dict__["forward"] = block.forward_fuse
        if isinstance(block, MergesBranch):
            block.fuse_branch()

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def fuse(self) -> Net | None:
        for module in self.modules():
            if isinstance(module, Conv) and hasattr(module, "conv"):
                self.merge(module)
        return self


class WithoutNorm(Conv):
    def __init__(self) -> None:
        super().__init__(8)
        del self.bn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class UsesNorm(Conv):
    def forward_fuse(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x))


class OtherNorm(Conv):
    def __init__(self) -> None:
        super().__init__(8)
        self.bn = nn.GroupNorm(2, 8)


class Deformable(nn.Module):  # type: ignore[misc]
    """A convolution that is given offsets, and has what fuse() reads of one."""

    in_channels = out_channels = 8
    kernel_size, stride, padding, bias = (3, 3), (1, 1), (1, 1), None

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 8, 3, 3))

    def forward(self, x: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
        return nn.functional.conv2d(x + offsets, self.weight, padding=1)


class Deforms(Conv):
    def __init__(self) -> None:
        super().__init__(8)
        self.conv = Deformable()
        self.offsets = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x, self.offsets(x)))


class DeformsAlways(Deforms):
    def forward_fuse(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x, self.offsets(x))


class Branches(Conv):
    def __init__(self) -> None:
        super().__init__(8)
        self.branch = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x)) + self.branch(x)


class MergesBranch(Branches):
    """Has a fuse() of its own, and leaves there what it has merged."""

    def fuse_branch(self) -> None:
        middle = nn.functional.pad(self.branch.weight, (1, 1, 1, 1))
        self.conv.weight += middle
        self.conv.bias += self.branch.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.bn(self.conv(x)) + self.branch(x)).relu()


class Lends(nn.Module):  # type: ignore[misc]
    """Uses the BatchNorm of another block."""

    def __init__(self, of: Conv) -> None:
        super().__init__()
        self.of = of

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.of.bn(x)


class LosesBias(Net):
    def merge(self, block: Conv) -> None:
        before, norm = block.conv, block.bn
        super().merge(block)
        block.conv = merged(before, norm, norm.eps, with_bias=False)


class OtherEps(Net):
    def merge(self, block: Conv) -> None:
        block.bn.eps = 1e-3
        super().merge(block)


class KeepsNorms(Net):
    """Merges each BatchNorm, and leaves it where it was."""

    def merge(self, block: Conv) -> None:
        norm = block.bn
        super().merge(block)
        block.merged, block.bn = True, norm

    def fuse(self) -> Net | None:
        for module in self.modules():
            if isinstance(module, Conv) and not hasattr(module, "merged"):
                with torch.no_grad():
                    self.merge(module)
        return self


class Halves(Net):
    def fuse(self) -> Net:
        super().fuse()
        self.model[1].half()
        return self


class ReturnsNone(Net):
    def fuse(self) -> None:
        super().fuse()


class NeedsValues(Net):
    def merge(self, block: Conv) -> None:
        assert block.bn.running_var.cpu().numpy().min() > 0
        super().merge(block)


def lending() -> Net:
    net = Net()
    net.model[1] = Lends(net.model[0])
    return net


def sharing() -> Net:
    net = Net(Conv(8))
    net.model[1].bn = net.model[0].bn
    return net


def watched(net: Net) -> tuple[FuseTrial, Ended, Probe]:
    """What is on record of ``fuse()`` at the start and at the end of a training of one step."""
    optimizer = torch.optim.SGD(trained(net).parameters(), lr=1e-3)
    with watch(net, optimizer, imgsz=32, events=[]) as story:
        net(torch.rand(2, 3, 32, 32)).square().mean().backward()
        optimizer.step()
    start, end = story.moments
    assert isinstance(start, Started)
    assert isinstance(end, Ended)
    return start.fuse, end, story._probe


FORWARD_FUSE = "What runs then is its forward_fuse(): let that do without what fuse() took away or changed"


@pytest.mark.parametrize(
    ("make", "fails"),
    [
        (
            lambda: Net(WithoutNorm()),
            "fuse() fails at model.1 (WithoutNorm): AttributeError: 'WithoutNorm' object has no attribute 'bn'. "
            "Let fuse() leave that class out, or give it what it takes",
        ),
        (
            lambda: Net(OtherNorm()),
            "fuse() fails at model.1.bn (GroupNorm) in model.1 (OtherNorm): AttributeError: 'GroupNorm' object has no "
            "attribute 'running_var'. Let fuse() leave that class out, or give it what it takes",
        ),
        (
            lambda: Net(UsesNorm(8)),
            "after fuse(), model.1 (UsesNorm) fails: AttributeError: 'UsesNorm' object has no attribute 'bn'. "
            + FORWARD_FUSE,
        ),
        (
            lambda: Net(DeformsAlways()),
            "after fuse(), model.1.conv (Conv2d) in model.1 (DeformsAlways) fails: TypeError: Conv2d.forward() takes 2 "
            f"positional arguments but 3 were given. {FORWARD_FUSE}",
        ),
        (
            lending,
            "after fuse(), model.1 (Lends) fails: AttributeError: 'Conv' object has no attribute 'bn'. It uses what "
            "fuse() took away or changed: let fuse() leave that",
        ),
        (
            Halves,
            "after fuse(), model.1.conv (Conv2d) in model.1 (Conv) fails: Input type (float) and bias type (c10::Half) "
            "should be the same. Let fuse() keep the dtype of the parameters",
        ),
    ],
)
def test_a_fuse_after_which_nothing_runs_is_named_at_the_start_with_class_error_and_remedy(
    make: Callable[[], Net], fails: str
) -> None:
    trial, end, _ = watched(make())
    assert trial.fails == fails
    assert end.outputs is None


@pytest.mark.parametrize(
    ("make", "lost"),
    [
        (Net, None),
        (lambda: Net(Branches()), Part(where="model.1.branch", modules=1, parameters=72)),
        (lambda: Net(Deforms()), Part(where="model.1.offsets", modules=1, parameters=72)),
        (KeepsNorms, None),
        (lambda: Net(MergesBranch()), None),
    ],
)
def test_a_branch_that_fuse_does_not_know_is_named_at_the_start(make: Callable[[], Net], lost: Part | None) -> None:
    trial, _, probe = watched(make())
    assert (trial.fails, trial.uncalled) == (None, lost)
    start = probe.moments[0]
    assert isinstance(start, Started)
    assert [line.partition(" (")[0] for line in start_warnings(start)] == (
        [f"after fuse() these are no longer called: {lost.where}"] if lost else []
    )


@pytest.mark.parametrize(
    ("make", "row"),
    [
        (lambda: Net(Deforms()), "model.1 (Deforms)"),
        (lambda: Net(Branches()), "model.1 (Branches)"),
        (LosesBias, "model.1 (Conv)"),
        (OtherEps, "model.0 (Conv)"),
    ],
)
def test_a_fuse_that_changes_the_predictions_is_named_at_the_end_with_the_first_row(
    make: Callable[[], Net], row: str
) -> None:
    trial, end, _ = watched(make())
    assert (trial.fails, trial.merges) == (None, 2)
    assert end.outputs is not None
    assert end.outputs.words.startswith(f"{row} is the first that differs: by ")
    assert "by 0.0%" not in end.outputs.words


@pytest.mark.parametrize(
    ("make", "merges", "on_values"), [(Net, 2, False), (sharing, 2, False), (NeedsValues, 2, True)]
)
def test_a_fuse_that_works_is_no_false_alarm(make: Callable[[], Net], merges: int, on_values: bool) -> None:
    trial, end, _ = watched(make())
    assert (trial.fails, trial.merges, trial.on_values) == (None, merges, on_values)
    assert end.outputs is not None
    assert end.outputs.first is None


def test_a_fuse_that_returns_nothing_fails_in_a_host_alone() -> None:
    trial, end, probe = watched(ReturnsNone())
    assert (trial.fails, trial.merges) == (None, 2)
    assert end.outputs is not None
    assert end.outputs.first is None
    question = probe._run.question
    assert question is not None
    subject = question.subject
    in_host = replace(question, subject=replace(subject, origin=replace(subject.origin, own_loop=False)))
    start = start_of(Running(model=ReturnsNone(), imgsz=(32, 32)), None, in_host)
    assert start.record.fuse.fails is not None
    assert start.record.fuse.fails.startswith("fuse() returns no model")
    for own, fails in ((question, True), (in_host, False)):  # a host makes float32 of it first
        assert bool(start_of(Running(Net().double(), imgsz=(32, 32)), None, own).record.fuse.fails) == fails


def test_the_average_is_tried_where_a_block_of_the_model_is_of_another_class() -> None:
    *_, probe = watched(Net())
    question, broken = probe._run.question, Net(UsesNorm(8))
    assert question is not None
    for running, fails in ((Running(broken, Net()), False), (Running(Net(), broken), True), (Running(broken), True)):
        assert bool(start_of(running, None, question).record.fuse.fails) == fails


def test_a_fuse_that_needs_values_is_not_tried_on_a_model_that_has_none() -> None:
    with pytest.raises(TraceError, match=r"model\.0\.bn: fuse\(\) fails there: "):
        Live(NeedsValues().to("meta")).fused()

"""A training loop of the user's own, watched: the record, the files, and weights that are those without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.optim.optimizer import register_optimizer_step_pre_hook

from tests.environments import ROOT
from yolo_probe import watch
from yolo_probe.counters.charges import charge
from yolo_probe.errors import SettingsError, TargetError
from yolo_probe.live.live import Live
from yolo_probe.render.markdown import render as render_markdown
from yolo_probe.reports.training_record import Changed, Ended, Part, Started, Validated
from yolo_probe.training.fuse_trial import live_state
from yolo_probe.training.host_state import Running
from yolo_probe.training.moments import is_fused_of, start_of
from yolo_probe.training.watch import Watched
from yolo_probe.training.without_callbacks import _before_steps, on_steps


class Block(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution with BatchNorm, and a fuse() of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, bias=False)
        self.bn = nn.BatchNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bn(self.conv(x)) if hasattr(self, "bn") else self.conv(x)

    def merge(self) -> None:
        scale = self.bn.weight / (self.bn.running_var + self.bn.eps).sqrt()
        bias = self.bn.bias - self.bn.running_mean * scale
        self.conv = nn.utils.fuse_conv_bn_eval(self.conv.eval(), self.bn.eval())
        assert self.conv.bias.shape == bias.shape
        del self.bn


class Network(nn.Module):  # type: ignore[misc]
    """Two rows, of which the second has no BatchNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(Block(), nn.Conv2d(8, 4, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)

    def fuse(self) -> Network:
        self.model[0].merge()
        return self


def steps(model: nn.Module, optimizer: torch.optim.Optimizer, epochs: int = 2) -> Iterator[int]:
    """A training in a few steps; the epoch is given before each of its steps."""
    for epoch in range(epochs):
        yield epoch
        model(torch.rand(2, 3, 64, 64)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()


def loop(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    torch.manual_seed(0)
    for epoch in steps(network, optimizer):
        network.model[0].requires_grad_(epoch == 1)


def trainer(network: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(network.parameters(), lr=0.1)


def test_the_record_has_the_start_each_change_and_the_end_and_the_weights_are_those_without(tmp_path: Path) -> None:
    alone, watched = Network(), Network()
    watched.load_state_dict(alone.state_dict())
    loop(alone, trainer(alone))
    optimizer = trainer(watched)
    with watch(watched, optimizer, folder=tmp_path, imgsz=64) as story:
        loop(watched, optimizer)
    assert all(
        torch.equal(a, b) for a, b in zip(alone.state_dict().values(), watched.state_dict().values(), strict=True)
    )
    start, change, end = story.moments
    assert isinstance(start, Started)
    assert (start.training.layers, start.training.parameters, start.training.gradients) == (3, 268, 36)
    assert (start.fuse.merges, start.not_in_optimizer) == (1, ())
    assert isinstance(change, Changed)
    assert (change.epoch, change.training.gradients) == (1, 268)
    assert isinstance(end, Ended)
    assert (end.validated.layers, end.validated.parameters, end.printed) == (2, 260, False)
    assert end.outputs is not None
    assert (end.outputs.rows, end.outputs.first) == (2, None)
    assert {file.name for file in tmp_path.iterdir()} == {"probe.json", "probe.md", "probe.png", "probe.html"}
    assert json.loads((tmp_path / "probe.json").read_text(encoding="utf-8")) == json.loads(json.dumps(story.as_json()))
    assert "requires_grad=True in epoch 1" in str(story)
    assert not any(line.startswith("!") for line in str(story).splitlines())
    assert not any(_before_steps(each) for each in (False, True))


def test_parameters_that_are_new_objects_and_in_no_optimizer_are_told(caplog: pytest.LogCaptureFixture) -> None:
    network = Network()
    optimizer = trainer(network)
    with caplog.at_level("INFO"), watch(network, optimizer, imgsz=64) as story:
        for epoch in steps(network, optimizer):
            if epoch == 1:
                network.model[1].weight = nn.Parameter(network.model[1].weight.detach().clone())
    change = story.moments[1]
    assert isinstance(change, Changed)
    assert change.not_in_optimizer == ("model.1.weight",)
    assert change.replaced is not None
    assert (change.replaced.parameters, change.train_now, change.gone) == (32, None, None)
    assert "yolo-probe: new objects are in the place of parameters in epoch 1: 1 tensors (first: model.1.weight)" in (
        caplog.messages
    )
    assert "New objects are in the place of these parameters" in str(story)


def test_an_optimizer_that_is_made_in_the_middle_holds_what_trains_from_then_on() -> None:
    network = Network()
    network.model[0].requires_grad_(False)
    first = torch.optim.SGD(network.model[1].parameters(), lr=0.1)
    with watch(network, first, imgsz=64) as story:
        for _ in steps(network, first, 1):
            pass
        network.requires_grad_(True)
        second = torch.optim.SGD(network.parameters(), lr=0.1)
        for epoch in steps(network, second, 3):
            if epoch == 2:
                network.model[1].weight = nn.Parameter(network.model[1].weight.detach().clone())
                second = trainer(network)
                second.step()
    changes = [each for each in story.moments if isinstance(each, Changed)]
    assert [(each.epoch, each.not_in_optimizer) for each in changes] == [(0, ())]


def test_sizes_that_a_host_draws_for_each_batch_are_on_record_with_their_flops() -> None:
    network = Network()
    optimizer = trainer(network)
    with watch(network, optimizer, imgsz=64, events=[]) as story:
        for _ in steps(network, optimizer, 1):
            pass
    question = story._probe._run.question
    assert question is not None
    scales = start_of(Running(model=network, imgsz=(64, 64), scales=0.5), None, question).record.scales
    assert scales is not None
    assert (scales.smallest, scales.largest) == ((32, 32), (96, 96))
    half, more = (
        charge(Live(network).trace((1, 3, n, n)).records, question.counter.convention).flops for n in (32, 96)
    )
    assert (scales.flops_of_smallest, scales.flops_of_largest) == (half, more)


def test_an_average_that_is_validated_is_what_is_fused_at_the_end() -> None:
    network = Network()
    optimizer, average = trainer(network), deepcopy(network).requires_grad_(False)
    with watch(network, optimizer, imgsz=64) as story:
        for _ in steps(network, optimizer):
            pass
        story.validated(average)
        story.validated(average)
    start, validated, end = story.moments
    assert isinstance(validated, Validated)
    assert (validated.copy, validated.validated.gradients) == ("ema", 0)
    assert isinstance(end, Ended)
    assert end.validated.gradients == 0
    assert start.event == "start"


def test_a_best_file_of_an_earlier_run_in_the_folder_is_not_taken_for_that_of_this_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "weights").mkdir()
    torch.save({"epoch": -1, "model": Network().half()}, tmp_path / "weights" / "best.pt")
    network = Network()
    optimizer, average = trainer(network), deepcopy(network).requires_grad_(False)
    with caplog.at_level("INFO"), watch(network, optimizer, folder=tmp_path, imgsz=64) as story:
        for _ in steps(network, optimizer):
            pass
        story.validated(average)
    end = story.moments[-1]
    assert isinstance(end, Ended)
    assert (end.earlier_file, end.outputs) == (True, None)
    assert caplog.text.count("best.pt is of an earlier run in this folder: this one has not written it") == 1
    assert "The folder has a best.pt of an earlier run" in str(story)


def test_a_network_without_fuse_is_told_too(caplog: pytest.LogCaptureFixture) -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    with caplog.at_level("INFO"), watch(network, imgsz=64) as story:
        for _ in steps(network, trainer(network)):
            pass
    assert [moment.event for moment in story.moments] == ["start", "end"]
    assert caplog.messages[0].startswith("Model summary: 2 layers, 240 parameters, 240 gradients")
    assert any(each.startswith("yolo-probe: as it trains at 64x64: 2 layers") for each in caplog.messages)
    assert not any("fail" in each for each in caplog.messages)
    assert "When training started, the probe printed" in str(story)
    assert "host" not in str(story)
    assert "best model" not in str(story) + caplog.text
    report = story._probe._run.report
    assert report is not None
    assert "Gradients are 240; fuse() has no part in that." in render_markdown(report)


def test_a_size_that_nobody_gave_is_not_said_to_be_that_of_the_images(caplog: pytest.LogCaptureFixture) -> None:
    network, flat = nn.Sequential(nn.Conv2d(3, 8, 3)), nn.Sequential(nn.Linear(4, 2))
    with caplog.at_level("INFO"):
        for each, data in ((network, torch.rand(2, 3, 64, 64)), (flat, torch.rand(2, 4))):
            with watch(each):
                each(data).sum().backward()
                trainer(each).step()
    starts = [line for line in caplog.messages if "as it trains" in line]
    assert starts == [
        "yolo-probe: as it trains: 1 layers, 224 parameters, 224 gradients, 0.176 GFLOPs if images are 640x640",
        "yolo-probe: as it trains: 1 layers, 10 parameters, 10 gradients, GFLOPs not known",
    ]


SPAWNED = """
import logging
import sys
import torch
from torch import nn
from yolo_probe import watch

def train(rank, store):
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    torch.distributed.init_process_group("gloo", init_method=f"file://{store}", world_size=2, rank=rank)
    model = nn.parallel.DistributedDataParallel(nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, files=[]):
        model(torch.rand(2, 4)).sum().backward()
        optimizer.step()
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()

if __name__ == "__main__":
    torch.multiprocessing.spawn(train, (sys.argv[1],), nprocs=2)
"""


def spawned(text: str, folder: Path) -> str:
    """What a script that starts processes writes to standard error."""
    script = folder / "spawned.py"
    script.write_text(text)
    done = subprocess.run(
        [sys.executable, script, folder / "store"], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_of_processes_that_a_script_starts_itself_the_first_speaks(tmp_path: Path) -> None:
    assert spawned(SPAWNED, tmp_path).count("as it trains: 1 layers, 10 parameters") == 1


SHARDED = SPAWNED.replace(
    "nn.parallel.DistributedDataParallel(nn.Linear(4, 2))",
    "FullyShardedDataParallel(nn.Linear(4, 2), device_id=torch.device('cpu'))",
).replace("from torch import nn", "from torch import nn\nfrom torch.distributed.fsdp import FullyShardedDataParallel")


def test_a_training_whose_processes_share_the_parameters_goes_on_without_the_probe(tmp_path: Path) -> None:
    said = [line for line in spawned(SHARDED, tmp_path).splitlines() if "yolo-probe" in line]
    assert len(said) == 1
    assert "stopped, the training goes on (TraceError: the model: found parameters that several processes" in said[0]


def test_only_the_optimizer_of_the_model_starts_the_record(caplog: pytest.LogCaptureFixture) -> None:
    network, other = Network(), Network()
    with watch(network, imgsz=64) as story:
        for _ in steps(other, trainer(other)):
            pass
    assert story.moments == ()
    assert "nothing is on record" in str(story)
    assert "no step of an optimizer of this model was seen" in caplog.messages[-1]


def test_several_optimizers_hold_the_model_together() -> None:
    network = Network()
    parts = [trainer(each) for each in network.model]
    with watch(network, parts, imgsz=64) as story:
        for _ in range(2):
            network(torch.rand(2, 3, 64, 64)).mean().backward()
            for each in parts:
                each.step()
    assert [moment.event for moment in story.moments] == ["start", "end"]
    start = story.moments[0]
    assert isinstance(start, Started)
    assert start.not_in_optimizer == ()


def test_an_error_of_the_loop_ends_the_record_and_is_the_loops() -> None:
    network, stories = Network(), []
    optimizer = trainer(network)

    def fails() -> None:
        with watch(network, optimizer, imgsz=64) as story:
            stories.append(story)
            for epoch in steps(network, optimizer):
                if epoch == 1:
                    raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        fails()
    assert [moment.event for moment in stories[0].moments] == ["start"]
    assert not any(_before_steps(each) for each in (False, True))


def test_switched_off_it_prints_and_records_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("YOLO_PROBE", "0")
    network = Network()
    optimizer = trainer(network)
    with caplog.at_level("INFO"), watch(network, optimizer) as story:
        loop(network, optimizer)
    assert (story.moments, caplog.messages) == ((), [])


def test_wrong_arguments_are_refused_before_the_loop() -> None:
    with pytest.raises(TargetError, match="watch: found int"), watch(3):
        pass
    with pytest.raises(SettingsError, match="imgsz"), watch(Network(), imgsz=0):
        pass
    network = Network()
    with watch(network, imgsz=64) as story, pytest.raises(TargetError, match="validated: found int"):
        story.validated(3)


class Fails(Network):
    """A fuse() that fails."""

    def fuse(self) -> Fails:
        raise AssertionError("not this one")


def test_where_fuse_fails_the_end_is_the_model_as_it_trained_and_another_network_is_no_average(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = Fails()
    optimizer = trainer(network)
    with caplog.at_level("INFO"), watch(network, optimizer, imgsz=64) as story:
        for _ in steps(network, optimizer):
            pass
        story.validated(Network())
    start, end = story.moments
    assert isinstance(end, Ended)
    assert (end.validated.layers, end.outputs) == (3, None)
    assert start.event == "start"
    told = "yolo-probe: fuse() fails at the model: AssertionError: not this one. The fault is in fuse() itself"
    assert told in caplog.messages


class Renumbered(Network):
    """A fuse() that makes a Sequential anew, without its BatchNorms, and one convolution of parallel branches."""

    def __init__(self) -> None:
        super().__init__()
        layers = (nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 8, 3, bias=False), nn.BatchNorm2d(8))
        self.model = nn.Sequential(nn.Sequential(*layers, nn.ReLU()), Branches())

    def fuse(self) -> Renumbered:
        conv, bn, act, last, last_bn, last_act = (module.eval() for module in self.model[0])
        fused = (nn.utils.fuse_conv_bn_eval(conv, bn), act, nn.utils.fuse_conv_bn_eval(last, last_bn), last_act)
        self.model[0] = nn.Sequential(*fused)
        self.model[1].merge()
        return self


class Branches(nn.Module):  # type: ignore[misc]
    """Two convolutions side by side, which merge into one."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.both(x) if hasattr(self, "both") else self.one(x) + self.two(x)

    def merge(self) -> None:
        self.both = nn.Conv2d(8, 4, 1)
        for name in ("weight", "bias"):
            getattr(self.both, name).data = (getattr(self.one, name) + getattr(self.two, name)).data
        del self.one, self.two


def test_a_sequential_that_is_made_anew_and_branches_that_merge_leave_nothing_unexplained() -> None:
    network = Renumbered()
    optimizer = trainer(network)
    with watch(network, optimizer, imgsz=64) as story:
        for _ in steps(network, optimizer):
            pass
    start, end = story.moments
    assert isinstance(start, Started)
    assert isinstance(end, Ended)
    assert start.fuse.merges == 2
    assert (end.validated.layers, end.outputs and end.outputs.first) == (5, None)
    ledger = story.as_json()["ledger"]
    assert isinstance(ledger, dict)
    assert {name: account["unexplained"] for name, account in ledger.items()} == dict.fromkeys(ledger, 0)
    assert [entry["amount"] for entry in ledger["layers"]["entries"]] == [-2, -1]
    assert [entry["amount"] for entry in ledger["parameters"]["entries"]] == [-32, 8, -36]


def step(network: nn.Module) -> None:
    """One step of a new optimizer."""
    optimizer = trainer(network)
    network(torch.rand(2, 3, 64, 64)).square().mean().backward()
    optimizer.step()


def narrower(network: nn.Module) -> None:
    network.model[1] = nn.Conv2d(8, 2, 1)


def with_larger_kernels(network: nn.Module) -> None:
    network.model[0].conv = nn.Conv2d(3, 8, 5, bias=False)


def shorter(network: nn.Module) -> None:
    del network.model[1]


def frozen_and_narrower(network: nn.Module) -> None:
    network.model[0].requires_grad_(False)
    narrower(network)


@pytest.mark.parametrize(
    ("change", "gone", "new", "left"),
    [
        (narrower, ("model.1", 36), ("model.1", 18), 242),
        (with_larger_kernels, ("model.0.conv", 216), ("model.0.conv", 600), 644),
        (shorter, ("model.1", 36), None, 224),
        (frozen_and_narrower, ("model.1", 36), ("model.1", 18), 242),
    ],
)  # fmt: skip
def test_modules_that_the_loop_changes_are_a_cause_of_their_own(
    change: Callable[[nn.Module], None], gone: tuple[str, int], new: tuple[str, int] | None, left: int
) -> None:
    network = Network()
    with watch(network, imgsz=64) as story:
        for epoch in range(3):
            if epoch == 1:
                change(network)
            step(network)
    changed = [moment for moment in story.moments if isinstance(moment, Changed)]
    assert [each.epoch for each in changed] == [1]
    parts = [each and (each.where, each.parameters) for each in (changed[0].gone, changed[0].new)]
    ledger = story.as_json()["ledger"]
    assert isinstance(ledger, dict)
    assert {name: account["unexplained"] for name, account in ledger.items()} == dict.fromkeys(ledger, 0)
    causes = [entry["cause"] for entry in ledger["parameters"]["entries"]]
    assert "modules that code of the training changed in epoch 1" in causes
    assert not any("Sequential" in cause for cause in causes)
    assert parts == [gone, new]
    end = story.moments[-1]
    assert isinstance(end, Ended)
    assert end.validated.parameters == left


def test_what_changed_between_the_line_and_the_first_step_is_told_as_what_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = Network()
    network.model[0].requires_grad_(False)
    with caplog.at_level("INFO"), watch(network, imgsz=64) as story:
        network.model[0].requires_grad_(True)
        network.model[1] = nn.Conv2d(8, 6, 1)
        step(network)
    start = story.moments[0]
    assert isinstance(start, Started)
    assert start.printed is not None
    assert (start.printed.taken_parameters, start.printed.given_parameters) == (0, 232)
    said = "\n".join(caplog.messages)
    assert "the loop's line was printed before the network itself changed; gone: model.1 (36 parameters)" in said
    assert "the loop's line says 36 gradients: it was printed before 232 more parameters were set to train" in said
    assert "were frozen" not in said
    assert "The line was printed before the network itself changed." in str(story)
    assert any(each.startswith("yolo-probe: it has ended; after fuse() its line is: ") for each in caplog.messages)
    report = story._probe._run.report
    assert report is not None
    words = render_markdown(report)
    assert "but code of the training changed the network itself between the lines. Before validation" in words
    assert "both lines describe the same network" not in words
    assert "It changes more" not in words


def test_the_line_of_another_fused_network_is_not_that_of_the_one_that_trains() -> None:
    network, other = Network(), Network()
    other.model[1] = nn.Conv2d(8, 6, 1)
    with watch(network, imgsz=64) as story:
        step(network)
    start, end = story.moments
    assert isinstance(start, Started)
    question = story._probe._run.question
    assert question is not None
    fused = [live_state(Live(each.fuse()), question) for each in (network, other)]
    assert [is_fused_of(start.fuse, story.moments, each) for each in fused] == [True, False]
    pruned = Changed(
        epoch=1, training=start.training, gradients_before=0, train_now=None, train_no_more=None,
        not_in_optimizer=(), gone=Part(where="model.1", modules=1, parameters=36),
    )  # fmt: skip
    assert is_fused_of(start.fuse, (start, pruned, end), fused[1])


def test_parameters_in_new_objects_are_no_change() -> None:
    network = Network()
    with watch(network, imgsz=64) as story:
        for epoch in range(3):
            if epoch == 1:
                network.model[1].weight = nn.Parameter(network.model[1].weight.detach() * 2)
            step(network)
    assert [moment.event for moment in story.moments] == ["start", "end"]


def test_networks_that_train_in_turn_are_told_a_few_times_and_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    network = Network()
    with watch(network, imgsz=64) as story:
        for number in range(40):
            network.model[0].requires_grad_(number % 2 == 0)
            network.model[1].requires_grad_(number % 2 == 1)
            step(network)
        network.requires_grad_(True)
    changes = [moment for moment in story.moments if isinstance(moment, Changed)]
    assert [each.training.gradients for each in changes] == [36, 232, 36, 232, 36, 232, 268]
    assert sum("the next change on record is the last" in words for words in caplog.messages) == 1
    ledger = story.as_json()["ledger"]
    assert isinstance(ledger, dict)
    assert ledger["gradients"]["unexplained"] == 0


def test_a_step_goes_on_through_the_hooks_of_others_when_the_probe_stops_listening() -> None:
    network = Network()
    heard: list[str] = []
    end = on_steps(lambda _: end())
    handle = register_optimizer_step_pre_hook(lambda *_: heard.append("the user's"))
    trainer(network).step()
    handle.remove()
    assert heard == ["the user's"]


def test_a_network_that_is_frozen_while_another_one_trains_has_not_changed() -> None:
    generator, judge = Network(), Network()
    optimizers = trainer(generator), trainer(judge)
    with watch(generator, optimizers[0], imgsz=64) as story:
        for _ in range(3):
            for network, optimizer in ((judge, optimizers[1]), (generator, optimizers[0])):
                generator.requires_grad_(network is generator)
                network(torch.rand(2, 3, 64, 64)).mean().backward()
                optimizer.step()
    assert [moment.event for moment in story.moments] == ["start", "end"]


def test_an_average_of_a_network_that_was_changed_is_told_to_the_last_digit() -> None:
    network = Network()
    with watch(network, imgsz=64) as story:
        step(network)
        narrower(network)
        step(network)
        story.validated(deepcopy(network).requires_grad_(False))
    ledger = story.as_json()["ledger"]
    assert isinstance(ledger, dict)
    assert {name: account["unexplained"] for name, account in ledger.items()} == dict.fromkeys(ledger, 0)
    assert ledger["gradients"]["after"] == 0


def unexplained(story: Watched) -> Mapping[str, object]:
    """What the ledger of an ended training leaves unexplained, by account; None for one that is not known."""
    ledger = story.as_json()["ledger"]
    assert isinstance(ledger, dict)
    return {name: account and account["unexplained"] for name, account in ledger.items()}


BALANCED = {"layers": 0, "parameters": 0, "gradients": 0, "flops": 0}


def test_a_network_whose_first_forward_pass_makes_its_parameters_is_told_from_its_first_step_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    alone, watched = (nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d()) for _ in range(2))

    def train(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        torch.manual_seed(0)
        for _ in steps(network, optimizer):
            pass

    train(alone, trainer(alone))
    optimizer = trainer(watched)
    with caplog.at_level("INFO"), watch(watched, optimizer, imgsz=64) as story:
        train(watched, optimizer)
    assert all(map(torch.equal, alone.state_dict().values(), watched.state_dict().values()))
    assert [moment.event for moment in story.moments] == ["start", "end"]
    assert [words for words in caplog.messages if "layers" in words][:2] == [
        "Model summary: 2 layers, 240 parameters, 240 gradients, 0.0 GFLOPs",
        "yolo-probe: as it trains at 64x64: 2 layers, 240 parameters, 240 gradients, 0.00191 GFLOPs",
    ]
    assert not any("no summary line" in words or "stopped" in words for words in caplog.messages)


@pytest.mark.parametrize("at", [-1, 1])
def test_weights_that_are_pruned_are_other_parameters_of_the_network(at: int) -> None:
    network = Network()
    with watch(network, imgsz=64) as story:
        for epoch in range(-1, 3):
            if epoch == at:
                prune.l1_unstructured(network.model[1], "weight", amount=0.5)
            if epoch >= 0:
                step(network)
    changed = [moment for moment in story.moments if isinstance(moment, Changed)]
    assert [each.epoch for each in changed] == [at] * (at > 0)
    start = story.moments[0]
    assert isinstance(start, Started)
    gone = changed[0].gone if changed else start.printed and start.printed.gone
    assert gone == Part(where="model.1", modules=1, parameters=36)
    assert unexplained(story) == BALANCED
    end = story.moments[-1]
    assert isinstance(end, Ended)
    assert end.outputs is not None
    assert end.outputs.first is None


def test_a_module_that_is_gone_before_the_first_step_takes_its_gradients_along() -> None:
    network = Network()
    with watch(network, imgsz=64) as story:
        shorter(network)
        step(network)
    assert unexplained(story) == BALANCED


class Tied(Network):
    """Two convolutions that share their weights, and none that is merged."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1))
        self.model[2].weight = self.model[1].weight

    def fuse(self) -> Tied:
        return self


def test_weights_that_two_modules_no_longer_share_are_a_change_of_the_network(caplog: pytest.LogCaptureFixture) -> None:
    network = Tied()
    with caplog.at_level("INFO"), watch(network, imgsz=64) as story:
        for epoch in range(2):
            if epoch == 1:
                network.model[2].weight = nn.Parameter(network.model[1].weight.detach().clone())
            step(network)
    said = [words for words in caplog.messages if "changed" in words]
    assert said == [
        "yolo-probe: the network itself changed in epoch 1; gone: model.1, model.2 (80 parameters); new: model.1, "
        "model.2 (144 parameters); 112 gradients become 176"
    ]
    assert unexplained(story) == BALANCED


class Incomparable(Network):
    """A network that is compared in a way of its own, which fails."""

    __hash__ = nn.Module.__hash__

    def __eq__(self, other: object) -> bool:
        raise ValueError("not with that")


def test_a_network_is_not_asked_whether_it_equals_another(caplog: pytest.LogCaptureFixture) -> None:
    network = Incomparable()
    with caplog.at_level("INFO"), watch(network, imgsz=64) as story:
        step(network)
        story.validated(deepcopy(network).requires_grad_(False))
    assert [moment.event for moment in story.moments] == ["start", "validation", "end"]
    assert not any("stopped" in words for words in caplog.messages)


def test_flops_that_a_forward_pass_of_its_own_hides_are_said_to_be_so() -> None:
    network = Network()
    with watch(network, imgsz=64) as story:
        for epoch in range(2):
            if epoch == 1:
                network.model[1].forward = None
                break
            step(network)
    report = story._probe._run.report
    assert report is not None
    assert "After fuse() no forward pass can be counted." in render_markdown(report)
    assert "these modules compute: ." not in render_markdown(report)


class Standardised(Block):
    """A convolution whose forward standardises its weights, of which fuse() knows nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not hasattr(self, "bn"):
            return self.conv(x)
        weight = self.conv.weight
        return self.bn(nn.functional.conv2d(x, weight - weight.mean((1, 2, 3), keepdim=True)))


class Unshifted(Network):
    """A fuse() that loses the mean of a BatchNorm, which is zero before it has trained."""

    def fuse(self) -> Unshifted:
        self.model[0].bn.running_mean.zero_()
        super().fuse()
        return self


@pytest.mark.parametrize(("change", "row"), [(Standardised, "model.0 (Standardised)"), (None, "model.0 (Block)")])
def test_a_fuse_that_changes_values_alone_is_found_before_the_first_step(
    change: type[Block] | None, row: str, caplog: pytest.LogCaptureFixture
) -> None:
    network = Network() if change else Unshifted()
    if change:
        network.model[0] = change()
    alone, warned = deepcopy(network), "fuse() will change the predictions, as a copy with drawn BatchNorms shows: "
    loop(alone, trainer(alone))
    optimizer = trainer(network)
    with caplog.at_level("INFO"), watch(network, optimizer, imgsz=64) as story:
        torch.manual_seed(0)
        for epoch in steps(network, optimizer):
            network.model[0].requires_grad_(epoch == 1)
            assert not story.moments or any(warned + row in words for words in caplog.messages)
    assert all(map(torch.equal, alone.state_dict().values(), network.state_dict().values()))
    end = story.moments[-1]
    assert isinstance(end, Ended)
    assert end.outputs is not None
    assert end.outputs.first is not None


def test_a_fuse_that_keeps_the_values_is_not_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    network = Network()
    with caplog.at_level("INFO"), watch(network, imgsz=64):
        step(network)
    assert not any("will change" in words for words in caplog.messages)


def test_a_parameter_whose_data_get_another_shape_is_a_change_of_the_network() -> None:
    network = Network()
    with watch(network, imgsz=64) as story:
        for epoch in range(2):
            if epoch == 1:
                network.model[1].weight.data, network.model[1].bias.data = torch.rand(6, 8, 1, 1), torch.rand(6)
                network.zero_grad()
            step(network)
    change = story.moments[1]
    assert isinstance(change, Changed)
    assert (change.gone, change.new) == tuple(Part(where="model.1", modules=1, parameters=n) for n in (36, 54))
    assert unexplained(story) == BALANCED


class Counting(Network):
    """A forward pass that gives something else each time."""

    calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return super().forward(x) * self.calls


class Ending(Network):
    """A fuse() that ends its process."""

    def fuse(self) -> Ending:
        raise SystemExit(3)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Counting, "outputs before and after fuse() were not compared (ValueError: it gives something else each time)"),
        (Ending, "fuse() fails at the model: SystemExit: 3. The fault is in fuse() itself"),
    ],
)  # fmt: skip
def test_code_of_the_users_own_neither_misleads_nor_ends_a_training(
    kind: type[Network], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    network = kind()
    with caplog.at_level("INFO"), watch(network, imgsz=64) as story:
        for _ in steps(network, trainer(network)):
            pass
    assert [moment.event for moment in story.moments] == ["start", "end"]
    assert f"yolo-probe: {words}" in caplog.messages
    assert not any("the predictions" in said and "as they are" not in said for said in caplog.messages)

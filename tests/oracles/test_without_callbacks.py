"""Trainings of hosts that have no callbacks: told from start to end, with the same weights bit by bit.

PyPI's yolov5 5.0.0 is one (6.0.7 has callbacks, and needs the same old NumPy), as are YOLOv5 to v5.0 and YOLOv7.
``small_host`` trains in seconds as they do, and also as they cannot here: in two processes on the CPU, with a flag
that changes, and with a ``fuse()`` that loses something.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.demo.make_checkpoint import CLASSES, draw_shapes
from tests.environments import host
from tests.oracles.trainings import PICTURES, Trained, Training, different, train
from yolo_probe.reports.story import read_story
from yolo_probe.reports.training_record import Changed, Ended, Event, Started, Validated, model_of

SMALL_HOST = Path(__file__).with_name("small_host")

OLD_NUMPY = """
import runpy
import numpy
import torch

numpy.int = int
clamp = torch.Tensor.clamp_
torch.Tensor.clamp_ = lambda tensor, low, high: clamp(tensor, low, int(high))
runpy.run_module("yolov5.train", run_name="__main__", alter_sys=True)
"""
"""Starts train.py of 5.0.0 with what it takes for granted in NumPy and torch of its time."""

GRADIENTS = {"start": 2_455, "whole": 3_871}
"""Parameters of the small host's network that train with rows 0 and 1 frozen, and of all of it."""


def small(
    folder: Path, *options: str, probe: bool, launcher: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
) -> Trained:
    """A training of the small host."""
    training = Training(
        "small", (("train.py", *options),), "", draw=copied, launcher=launcher, variables=variables or {}, anew=True
    )
    trained = train(training, folder, probe=probe)
    assert trained.codes == (0,), trained.output
    return trained


def copied(folder: Path) -> None:
    shutil.copytree(SMALL_HOST, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def draw(folder: Path) -> None:
    """The pictures, and their description as YOLOv5 v5.0 reads it."""
    draw_shapes(folder, PICTURES)
    images, names = folder / "images", ", ".join(CLASSES)
    description = f"train: {images}\nval: {images}\nnc: {len(CLASSES)}\nnames: [{names}]\n"
    (folder / "data.yaml").write_text(description, encoding="utf-8")


def told(trained: Trained) -> Mapping[type[Event], Event]:
    """The events on record, by their kind."""
    return {type(moment): moment for moment in read_story(str(trained.folder)).moments}


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trained, Trained]:
    """A training of the small host that freezes rows 0 and 1 for one epoch: without the probe, and with it."""
    folder = tmp_path_factory.mktemp("small")
    options = ("--freeze", "2", "--thaw", "1")
    return small(folder / "alone", *options, probe=False), small(folder / "probed", *options, probe=True)


def test_the_weights_and_the_hosts_lines_are_those_without_the_probe(frozen: tuple[Trained, Trained]) -> None:
    alone, probed = frozen
    assert probed.host_lines == alone.host_lines
    for name in ("best.pt", "last.pt"):
        assert len(alone.weights(name)) == 20
        assert different(alone.weights(name), probed.weights(name)) == []


def test_start_validation_change_and_end_are_told_in_order(frozen: tuple[Trained, Trained]) -> None:
    _, probed = frozen
    moments = read_story(str(probed.folder)).moments
    assert list(map(type, moments)) == [Started, Validated, Changed, Ended]
    start, validated, changed, end = moments
    assert isinstance(start, Started)
    assert (start.announced, start.training.gradients) == (False, GRADIENTS["start"])
    assert (start.freeze, start.frozen_rows) == ("--freeze 2", (0, 1))
    assert isinstance(validated, Validated)
    assert (validated.copy, validated.validated.gradients) == ("ema", 0)
    assert isinstance(changed, Changed)
    assert (changed.epoch, changed.training.gradients) == (1, GRADIENTS["whole"])
    assert isinstance(end, Ended)
    assert (end.printed, end.validated.layers, end.validated.parameters) == (False, 12, 3_831)
    assert any("every difference explained" in line for line in probed.probe_lines)


def test_the_ledger_says_who_trained_from_when_on(frozen: tuple[Trained, Trained]) -> None:
    _, probed = frozen
    ledger = json.loads((probed.folder / "probe.json").read_text(encoding="utf-8"))["ledger"]["gradients"]
    assert [(entry["cause"], entry["amount"]) for entry in ledger["entries"]] == [
        ("--freeze 2, lifted in epoch 1", -1_416),
        ("requires_grad=True in epoch 1", 1_416),
        ("requires_grad=False, set by ModelEMA", -3_871),
        ("fuse()", 0),
    ]
    assert "rows 0 and 1 did not train before epoch 1" in (probed.folder / "probe.md").read_text(encoding="utf-8")


def test_a_resumed_run_does_not_say_of_what_trained_before_that_it_never_did(tmp_path: Path) -> None:
    steps = (("--epochs", "2", "--thaw", "1"), ("--epochs", "1", "--resume"))
    training = Training("resumed", tuple(("train.py", "--freeze", "2", *step) for step in steps), "", draw=copied)
    trained = train(training, tmp_path / "run", probe=True)
    assert trained.codes == (0, 0), trained.output
    said = (trained.folder / "probe.md").read_text(encoding="utf-8")
    assert "--freeze 2: rows 0 and 1 did not train since it was resumed" in said
    changes = [moment for moment in read_story(str(trained.folder)).moments if isinstance(moment, Changed)]
    assert [each.train_now.rows for each in changes if each.train_now] == [(0, 1)]


def test_two_processes_that_share_a_model_tell_it_once(tmp_path: Path) -> None:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    stacks = {"PYTHONFAULTHANDLER": "1"}  # gloo has aborted at exit on a loaded machine: then each thread's is printed
    alone, probed = (
        small(tmp_path / name, probe=name == "probed", launcher=launcher, variables=stacks)
        for name in ("alone", "probed")
    )
    assert different(alone.weights("last.pt"), probed.weights("last.pt")) == []
    assert sum("as it trains at 64x64: 15 layers" in line for line in probed.probe_lines) == 1
    assert model_of(told(probed)[Ended]).layers == 12


def test_a_host_is_named_by_its_yamls_and_its_file_says_that_it_was_stripped(tmp_path: Path) -> None:
    def of_yolov3(folder: Path) -> None:
        copied(folder)
        models = folder / "models"
        for name in ("yolov3.yaml", "common.py"):
            (models / name).touch()
        network = models / "yolo.py"
        network.write_text(f"import models.common\n{network.read_text(encoding='utf-8')}", encoding="utf-8")
        script = folder / "train.py"
        text = script.read_text(encoding="utf-8")
        script.write_text(text.replace('"epoch": epoch}', '"epoch": -1}'), encoding="utf-8")

    training = Training("YOLOv3", (("train.py", "--freeze", "2"),), "", draw=of_yolov3)
    trained = train(training, tmp_path / "run", probe=True)
    assert trained.codes == (0,)
    assert any(line.startswith("yolo-probe: YOLOv3's line says ") for line in trained.probe_lines)
    ledger = json.loads((trained.folder / "probe.json").read_text(encoding="utf-8"))["ledger"]["gradients"]
    assert [(entry["cause"], entry["amount"]) for entry in ledger["entries"]] == [
        ("--freeze 2", -1_416),
        ("requires_grad=False, set by strip_optimizer()", -2_455),
        ("fuse()", 0),
    ]


LOST_BIAS = ("fused.bias.data = bn.bias.data - bn.running_mean * scale.data", "nn.init.zeros_(fused.bias)")
KEPT_BN = ("return self.act(self.conv(x))", "return self.act(self.bn(self.conv(x)))")


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("utils/torch_utils.py", LOST_BIAS, "fuse() of the best model changes the predictions: model.0 (Conv) is the "
         "first that differs: by "),
        ("models/yolo.py", KEPT_BN, "the best model will fail where its host loads it: after fuse(), model.0 "
         "(Conv) fails: AttributeError: 'Conv' object has no attribute 'bn'"),
    ],
)  # fmt: skip
def test_a_fuse_that_loses_something_is_found(file: str, change: tuple[str, str], words: str, tmp_path: Path) -> None:
    def broken(folder: Path) -> None:
        copied(folder)
        text = (folder / file).read_text(encoding="utf-8")
        assert change[0] in text
        (folder / file).write_text(text.replace(*change), encoding="utf-8")

    trained = train(Training("broken", (("train.py",),), "", draw=broken), tmp_path / "run", probe=True)
    assert trained.codes == (0,)
    assert any(words in line for line in trained.probe_lines)
    assert not any("leaves the predictions as they are" in line for line in trained.probe_lines)


@pytest.mark.parametrize(
    ("release", "size", "hyp", "layers", "parameters"),
    [("5.0.0", ("--img-size", "64", "64"), "hyp.scratch.yaml", (283, 224), 7_056_607),
     ("6.0.7", ("--imgsz", "64"), "hyps/hyp.scratch.yaml", (270, 213), 7_015_519)],
)  # fmt: skip
def test_a_training_of_an_early_yolov5_is_told_and_trains_the_same(
    release: str, size: tuple[str, ...], hyp: str, layers: tuple[int, int], parameters: int, tmp_path: Path
) -> None:
    files = host(release) / "yolov5"
    short = ("--epochs", "1", *size, "--batch-size", "8", "--device", "cpu", "--workers", "0")
    network = ("--cfg", f"{files}/models/yolov5s.yaml", "--weights", "", "--hyp", f"{files}/data/{hyp}")
    training = Training(
        release,
        (("train.py", "--data", "data.yaml", *network, *short, "--project", "runs", "--name", "run"),),
        release,
        draw=draw,
        scripts={"train.py": OLD_NUMPY},
    )
    alone, probed = (train(training, tmp_path / name, probe=name == "probed") for name in ("alone", "probed"))
    assert (alone.codes, probed.codes) == ((0,), (0,)), probed.output[-3000:]
    assert probed.host_lines == alone.host_lines
    for name in ("best.pt", "last.pt"):
        assert different(alone.weights(name), probed.weights(name)) == []
    moments = told(probed)
    assert (model_of(moments[Started]).layers, model_of(moments[Ended]).layers) == layers
    assert model_of(moments[Ended]).parameters == parameters
    assert any("every difference explained" in line for line in probed.probe_lines)

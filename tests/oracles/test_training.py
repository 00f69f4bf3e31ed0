"""The probe in real trainings: the weights are bit-identical, the host's lines are its own, and nothing ever stops."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.documents import not_printed, screens
from tests.oracles.trainings import (
    HERE,
    Trained,
    Training,
    arguments,
    different,
    draw_classes,
    draw_segments,
    run_host,
    train,
    ultralytics_arguments,
)
from yolo_probe.hosts.target import resolve
from yolo_probe.render.text import render
from yolo_probe.reports.gradients import provenance
from yolo_probe.reports.story import read_story
from yolo_probe.reports.training_record import Changed, Ended, Started, Validated, model_of

NETWORK = ("--data", "shapes.yaml", "--cfg", "yolov5n.yaml", "--weights", "")

WITNESS = """
import json
import sys
import torch

backward = torch.Tensor.backward

def witnessed(loss, *args, **kwargs):
    torch.Tensor.backward = backward
    frame, model = sys._getframe(1), None
    while not isinstance(model, torch.nn.Module):
        model = frame.f_locals.get("model") or getattr(frame.f_locals.get("self"), "model", None)
        frame = frame.f_back
    modules, parameters = list(model.modules()), list(model.parameters())
    seen = {
        "modules": len(modules),
        "leaf modules": sum(not module._modules for module in modules),
        "parameters": sum(each.numel() for each in parameters),
        "gradients": sum(each.numel() for each in parameters if each.requires_grad),
    }
    with open("witness.json", "w") as file:
        json.dump(seen, file)
    return backward(loss, *args, **kwargs)

torch.Tensor.backward = witnessed
"""
"""Writes down what the model that trains is at the first ``backward()``, without the probe's code."""

STOPPED = """
import shutil
from yolov5.train import Callbacks, main, parse_opt

epochs, callbacks = [], Callbacks()

def stop(*_):
    callbacks.stop_training = len(epochs) == 2

callbacks.register_action("on_train_epoch_start", callback=lambda: epochs.append(0))
callbacks.register_action("on_train_batch_end", callback=stop)
main(parse_opt(), callbacks)
shutil.copy("runs/run/weights/last.pt", "stopped.pt")
"""

CLASSIFIER = """
import torch
from yolov5.models.yolo import ClassificationModel, DetectionModel
from yolov5.utils.general import check_yaml

torch.manual_seed(0)
torch.save({"model": ClassificationModel(model=DetectionModel(check_yaml("yolov5n.yaml")), nc=2)}, "classifier.pt")
"""

ULTRALYTICS = """
from pathlib import Path
from ultralytics import YOLO

def thaw(trainer):
    for name, parameter in trainer.model.named_parameters():
        if name.startswith("model.3."):
            parameter.requires_grad_(True)

def freeze(trainer):
    YOLO("yolov8n-cls.yaml").info()
    trainer.model.model[6].requires_grad_(False)

def validate_another(trainer):
    YOLO("yolov8n-p6.yaml").val(data="shapes.yaml", imgsz=64, device="cpu", workers=0, plots=False)

yolo = YOLO("yolov5n.yaml")
yolo.add_callback("on_train_start", freeze)
yolo.add_callback("on_train_batch_end", thaw)
yolo.add_callback("on_train_epoch_end", validate_another)
yolo.train(
    data="shapes.yaml", epochs=1, imgsz=64, batch=8, device="cpu", workers=0, project=Path.cwd() / "runs", name="run",
    freeze=4,
)
"""

PAIRS = (
    Training("classic", (("-m", "yolov5.train", *arguments(*NETWORK, "--epochs", "2", "--freeze", "10")),), anew=True),
    Training(
        "resumed",
        (
            ("stop.py", *arguments(*NETWORK, "--epochs", "2", "--noplots", "--freeze", "10")),
            ("-m", "yolov5.train", "--resume", "runs/run/weights/last.pt"),
        ),
        scripts={"stop.py": STOPPED},
    ),
    Training("classic 6.2", (("-m", "yolov5.train", *arguments(*NETWORK, "--epochs", "1", "--noplots")),), "6.2.3"),
    Training(
        "segmentation",
        (
            (
                "-m",
                "yolov5.segment.train",
                *arguments(*NETWORK, "--cfg", "yolov5n-seg.yaml", "--epochs", "1", "--noplots"),
            ),
        ),
        draw=draw_segments,
    ),
    Training(
        "classification",
        (
            ("classifier.py",),
            (
                "-m",
                "yolov5.classify.train",
                *arguments("--data", "shapes", "--model", f"{HERE}/classifier.pt", "--epochs", "1"),
            ),
        ),
        draw=draw_classes,
        scripts={"classifier.py": CLASSIFIER},
    ),
    Training("YOLOv5u", (("train.py",),), "", scripts={"train.py": WITNESS + ULTRALYTICS}),
    Training(
        "YOLO26", (("ultralytics", *ultralytics_arguments("detect", "train", "model=yolo26n.yaml")),), "", anew=True
    ),
)


TWO_RUNS = """
from yolov5.train import run

for name in ("first", "second"):
    run(
        data="shapes.yaml", cfg="yolov5n.yaml", weights="", epochs=1, imgsz=64, batch_size=8, device="cpu", workers=0,
        project="runs", name=name, noplots=True,
    )
"""

THREADS = """
from yolov5.train import Callbacks, main, parse_opt

run = Callbacks.run
Callbacks.run = lambda self, hook, *args, **kwargs: run(self, hook, *args, thread=hook.startswith("on_train"), **kwargs)
main(parse_opt())
"""

UNFOLLOWED = """
import torch
from yolov5.models import common
from yolov5.train import main, parse_opt

class SPPF(common.SPPF):
    def forward(self, x):
        if x.device.type == "meta":
            raise RuntimeError("no forward pass without data")
        return super().forward(x)

import yolov5.models.yolo
yolov5.models.yolo.SPPF = SPPF
main(parse_opt())
"""

UNREADABLE = """
import sys
from yolov5.models import yolo
from yolov5.train import main, parse_opt

class Names(list):
    def __iter__(self):
        if sys._getframe(1).f_globals["__name__"].startswith("yolo_probe"):
            raise LookupError("not for you")
        return super().__iter__()

initialise = yolo.DetectionModel.__init__

def initialise_with_names(model, *args, **kwargs):
    initialise(model, *args, **kwargs)
    model.notes = Names((1, 2))

yolo.DetectionModel.__init__ = initialise_with_names
main(parse_opt())
"""

TWO_PROCESSES = """
import torch.distributed
from yolov5 import train
from yolov5.utils.callbacks import Callbacks
from yolov5.utils.torch_utils import select_device

torch.distributed.init_process_group("gloo")
options = train.parse_opt()
options.save_dir, options.hyp, options.cfg = "runs/run", str(options.hyp), train.check_yaml(options.cfg)
train.train(options.hyp, options, select_device("cpu"), Callbacks())
torch.distributed.barrier()
torch.distributed.destroy_process_group()
"""

SHIPPED = """
import subprocess
import sys
from pathlib import Path
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils.dist import generate_ddp_file

options = dict(data="shapes.yaml", epochs=1, imgsz=64, batch=8, device="cpu", plots=False)
trainer = DetectionTrainer(overrides=dict(model="yolov5n.yaml", project=Path.cwd() / "runs", name="run", **options))
trainer.model = "yolov5n.yaml"
sys.exit(subprocess.call([sys.executable, generate_ddp_file(trainer)]))
"""

LAUNCHED = """
import subprocess
import sys
from pathlib import Path
from ultralytics.models.yolo.detect import DetectionTrainer
from ultralytics.utils import dist

options = dict(data="shapes.yaml", epochs=1, imgsz=64, batch=8, device="cpu", workers=0, plots=False, amp=False)
project = str(Path.cwd() / "runs")
trainer = DetectionTrainer(overrides=dict(model="yolov8n.yaml", project=project, name="run", **options))
command, file = dist.generate_ddp_command(2, trainer)
started = "import torch.distributed\\ntorch.distributed.init_process_group('gloo')\\n"
Path(file).write_text(started + Path(file).read_text())
sys.exit(subprocess.call(command))
"""
"""What ``device=0,1`` starts, with the backend of a CPU."""

ALONE = (
    Training("evolve", (("-m", "yolov5.train", *arguments(*NETWORK, "--epochs", "1", "--noplots", "--evolve", "2")),)),
    Training("two runs", (("train.py",),), scripts={"train.py": TWO_RUNS}),
    Training(
        "threads",
        (("train.py", *arguments(*NETWORK, "--epochs", "1", "--noplots")),),
        scripts={"train.py": WITNESS + THREADS},
    ),
    Training(
        "unfollowed",
        (("train.py", *arguments(*NETWORK, "--epochs", "1", "--noplots")),),
        scripts={"train.py": UNFOLLOWED},
    ),
    Training(
        "unreadable",
        (("train.py", *arguments(*NETWORK, "--epochs", "1", "--noplots")),),
        scripts={"train.py": UNREADABLE},
    ),
    Training(
        "two processes",
        (("train.py", *arguments(*NETWORK, "--epochs", "1", "--noplots")),),
        scripts={"train.py": TWO_PROCESSES},
        launcher=("-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"),
    ),
    Training("quad", (("-m", "yolov5.train", *arguments(*NETWORK, "--epochs", "1", "--noplots", "--quad")),)),
    Training("shipped", (("train.py",),), "", scripts={"train.py": SHIPPED}),
    Training(
        "refused",
        (("-m", "yolov5.train", *arguments(*NETWORK, "--epochs", "1", "--noplots")),),
        variables={"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "0"},
    ),
    Training("launched", (("train.py",),), "ultralytics 8.3.75", scripts={"train.py": LAUNCHED}),
)
SILENT = Training(
    "switched off",
    (("ultralytics", *ultralytics_arguments("detect", "train", "model=yolov5n.yaml")),),
    "",
    variables={"YOLO_PROBE": "0"},
)
EVERY = {training.name: training for training in (*PAIRS, *ALONE, SILENT)}
ORDER = [(training.name, probe) for training in EVERY.values() for probe in (False, True) if probe or training in PAIRS]

Done = Callable[..., Trained]


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    """The finished training of that name, with the probe or without; two at a time, the next ones run ahead."""
    folder = tmp_path_factory.mktemp("trainings")
    started: dict[tuple[str, bool], Future[Trained]] = {}
    pool = ThreadPoolExecutor(2)

    def result(name: str, *, probe: bool = True, fails: bool = False) -> Trained:
        place = ORDER.index((name, probe))
        for key in ORDER[place : place + 3]:
            if key not in started:
                target = folder / f"{key[0]} {'with probe' if key[1] else 'alone'}".replace(" ", "-")
                started[key] = pool.submit(train, EVERY[key[0]], target, probe=key[1])
        trained = started[name, probe].result()
        assert set(trained.codes) == {int(fails)}, trained.output[-4000:]
        return trained

    yield result
    pool.shutdown(cancel_futures=True)


of_each_pair = pytest.mark.parametrize("name", [training.name for training in PAIRS])
of_each_pair_with_events = pytest.mark.parametrize(
    "name", [training.name for training in PAIRS if training.name not in ("segmentation", "classification")]
)


@of_each_pair
def test_the_weights_are_bit_identical_with_the_probe_and_without(name: str, done: Done) -> None:
    alone, probed = done(name, probe=False), done(name)
    for file in ("best.pt", "last.pt"):
        weights = alone.weights(file)
        assert len(weights) > 60
        assert different(weights, probed.weights(file)) == []


@of_each_pair
def test_the_hosts_lines_are_those_that_it_prints_alone(name: str, done: Done) -> None:
    lines = done(name, probe=False).host_lines
    assert len(lines) >= (1 if name == "classification" else 2)
    assert done(name).host_lines == lines
    assert done(name, probe=False).probe_lines == []


@of_each_pair_with_events
def test_the_probe_speaks_once_at_the_start_at_validation_and_at_the_end(name: str, done: Done) -> None:
    said = "\n".join(done(name).probe_lines)
    runs = 2 if name == "resumed" else 1
    assert said.count("as it trains at 64x64: ") == runs
    assert said.count("validation uses the EMA copy") == runs
    assert said.count("every difference explained") == 1
    assert "stopped" not in said


@of_each_pair_with_events
def test_nothing_of_the_change_is_left_unexplained(name: str, done: Done) -> None:
    rests = re.findall(r"^  unexplained +(\S+)$", done(name).output, flags=re.MULTILINE)
    assert rests == ["0"] * 4


def test_what_a_frozen_training_really_trains_stands_beside_the_line_that_claims_more(done: Done) -> None:
    trained = done("classic")
    assert "1766623 gradients" in trained.host_lines[0]
    assert "720,255 gradients" in trained.probe_lines[0]
    assert any("--freeze 10" in line and "(1,046,368 parameters)" in line for line in trained.probe_lines)


@pytest.mark.parametrize(("command", "shown"), screens(of_trainings=True))
def test_the_readme_and_the_guide_show_what_a_training_prints(command: str, shown: list[str], done: Done) -> None:
    assert {*shlex.split(command)[2:]} <= {word for step in EVERY["classic"].steps for word in step}
    assert not_printed(shown, done("classic").output) == []


SUMS = """
import json, sys, torch
for path in sys.argv[1:]:
    saved = torch.load(path, weights_only=False)
    print(json.dumps({
        name: [sum(p.numel() for p in saved[name].parameters() if p.requires_grad or every) for every in (False, True)]
        for name in ("model", "ema") if saved.get(name) is not None
    }))
"""
FREEZE_10 = {"--freeze": 1_046_368}
"""Parameters of rows 0 to 9 of yolov5n."""
REST = 1_766_623 - 1_046_368


@pytest.mark.parametrize(
    ("name", "release", "files"),
    [
        (
            "resumed",
            "7.0.14",
            {
                "stopped.pt": {"model": {"built trainable": REST, **FREEZE_10}, "ema": {**FREEZE_10, "ModelEMA": REST}},
                "runs/run/weights/best.pt": {"model": {**FREEZE_10, "strip_optimizer()": REST}},
            },
        ),
        ("classic 6.2", "6.2.3", {"runs/run/weights/last.pt": {"model": {"strip_optimizer()": 1_766_623}}}),
    ],
)
def test_each_copy_that_a_training_saves_gets_torchs_number_and_the_mechanism_that_was_applied(
    name: str, release: str, files: dict[str, dict[str, dict[str, int]]], done: Done
) -> None:
    folder = done(name).folder.parent.parent
    said = run_host(release, folder, "-c", SUMS, *files, variables={}).stdout
    answers = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    for (file, expected), real in zip(files.items(), answers, strict=True):
        copies = {copy.name: copy for copy in provenance(resolve(str(folder / file))).copies}
        assert {key: [copy.gradients, copy.parameters] for key, copy in copies.items()} == real
        assert {
            key: {each.mechanism: each.parameters for each in copy.decisions} for key, copy in copies.items()
        } == expected


@pytest.mark.parametrize(("name", "layers"), [("YOLOv5u", "leaf modules"), ("threads", "modules")])
def test_the_start_has_the_numbers_that_a_witness_reads_at_the_first_backward(
    name: str, layers: str, done: Done
) -> None:
    folder = done(name).folder
    seen = json.loads((folder.parent.parent / "witness.json").read_text(encoding="utf-8"))
    start = read_story(str(folder)).moments[0]
    assert isinstance(start, Started)
    numbers = start.training
    assert (numbers.layers, numbers.parameters, numbers.gradients) == (
        seen[layers],
        seen["parameters"],
        seen["gradients"],
    )
    assert seen["gradients"] < seen["parameters"] or name == "threads"


def test_flags_that_change_in_a_training_are_told_once_with_their_rows(done: Done) -> None:
    told = [line for line in done("YOLOv5u").output.splitlines() if "yolo-probe: requires_grad changed" in line]
    assert len(told) == 1
    assert "in epoch 1; training from now on: row 3 (18,560 parameters); " in told[0]


def test_what_a_callback_at_the_start_freezes_is_frozen_at_the_start(done: Done) -> None:
    said = "before freeze=4 took rows 0 to 3 and other code took row 6 out of training (186,720 parameters)"
    assert any(said in line for line in done("YOLOv5u").probe_lines)


def test_a_run_can_be_told_from_its_folder_afterwards(done: Done) -> None:
    for name, events in (
        ("YOLOv5u", (Started, Changed, Validated, Ended)),
        ("classic", (Started, Validated, Ended)),
        ("resumed", (Started, Validated, Started, Validated, Ended)),
    ):
        story = read_story(str(done(name).folder))
        assert tuple(map(type, story.moments)) == events
        for moment in story.moments:
            assert sum(each.parameters for each in moment.mechanisms) == model_of(moment).parameters
        assert not [line for line in render(story).splitlines() if line.startswith("!")]


def test_a_host_that_torch_refuses_its_file_is_warned_at_the_start_and_told_at_the_end_what_helps(done: Done) -> None:
    trained = done("refused", fails=True)
    assert "UnpicklingError" in trained.output
    helps = [line for line in trained.probe_lines if "set TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1" in line]
    assert [line.partition(":")[2].split(",")[0] for line in helps] == [
        " strip_optimizer() will fail when training is over",
        " torch.load() of this release refuses the file: set TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 in the environment",
    ]
    assert not any("strip_optimizer() will fail" in line for line in done("classic").probe_lines)


def test_scripts_without_events_get_their_ledger_with_the_last_line(done: Done) -> None:
    assert any("every difference explained" in line for line in done("segmentation").probe_lines)


def test_of_the_generations_of_an_evolution_the_first_is_told(done: Done) -> None:
    trained = done("evolve")
    assert len(trained.host_lines) == 2
    for words in ("as it trains at 64x64: ", "validation uses"):
        assert sum(words in line for line in trained.probe_lines) == 1
    assert not any("stopped" in line for line in trained.probe_lines)
    (record,) = trained.folder.rglob("probe.json")
    assert tuple(map(type, read_story(str(record.parent)).moments)) == (Started, Validated, Ended)


def test_two_trainings_of_one_process_are_two_for_the_probe(done: Done) -> None:
    trained = done("two runs")
    assert len(trained.host_lines) == 4
    for words in ("as it trains at 64x64: ", "validation uses", "every difference explained"):
        assert sum(words in line for line in trained.probe_lines) == 2


def test_events_that_come_in_threads_of_their_own_do_no_harm(done: Done) -> None:
    trained = done("threads")
    assert len(trained.host_lines) == 2
    said = "\n".join(trained.probe_lines)
    for words in ("as it trains at 64x64: ", "validation uses the EMA copy", "every difference explained"):
        assert said.count(words) == 1


def test_a_forward_pass_that_cannot_be_followed_is_named_and_the_training_goes_on(done: Done) -> None:
    trained = done("unfollowed")
    assert len(trained.host_lines) == 2
    assert "GFLOPs" in trained.host_lines[0] or "model.9: no forward pass without data" in trained.output
    assert trained.weights("best.pt")


def test_an_exception_in_the_probe_costs_one_line_and_the_host_speaks_for_itself(done: Done) -> None:
    trained = done("unreadable")
    assert trained.probe_lines == ["yolo-probe: stopped, the training goes on (LookupError: not for you)"]
    assert [line.split(",")[0] for line in trained.host_lines] == [
        "YOLOv5n summary: 214 layers",
        "YOLOv5n summary: 157 layers",
    ]
    assert (trained.folder / "weights" / "best.pt").is_file()


def test_of_two_processes_the_first_alone_speaks(done: Done) -> None:
    trained = done("two processes")
    assert len(trained.host_lines) == 2
    for words in ("as it trains at 64x64: ", "validation uses", "every difference explained"):
        assert sum(words in line for line in trained.probe_lines) == 1


def test_images_that_are_joined_from_four_have_their_real_size(done: Done) -> None:
    trained = done("quad")
    assert re.search(r"^ +0/0 .* 128: 100%", trained.output, flags=re.MULTILINE)  # as the host prints it
    assert any("as it trains at 128x128: " in line for line in trained.probe_lines)
    assert "yolo-probe: --quad makes each image of four of 64x64, or of one: 128x128" in trained.probe_lines


def test_callbacks_that_ultralytics_ships_to_another_process_speak_there(done: Done) -> None:
    trained = done("shipped")
    assert len(trained.host_lines) == 2
    for words in ("as it trains at 64x64: ", "validation uses", "every difference explained"):
        assert sum(words in line for line in trained.probe_lines) == 1


def test_processes_that_an_earlier_ultralytics_starts_have_the_probe_and_one_speaks(done: Done) -> None:
    trained = done("launched")
    assert len(trained.host_lines) == 1  # its processes print none when they build the model
    for words in ("no summary line was seen", "as it trains at 64x64: 225", "validation uses", "every difference"):
        assert sum(words in line for line in trained.probe_lines) == 1


def test_switched_off_the_probe_is_not_there(done: Done) -> None:
    trained = done("switched off")
    assert len(trained.host_lines) == 2
    assert "yolo-probe" not in trained.output
    assert not list(trained.folder.glob("probe.*"))


@of_each_pair_with_events
def test_the_files_beside_the_run_are_written(name: str, done: Done) -> None:
    folder = done(name).folder
    assert {file.name for file in folder.glob("probe.*")} == {"probe.json", "probe.md", "probe.png", "probe.html"}
    assert json.loads((folder / "probe.json").read_text(encoding="utf-8"))


ATTACHED = """
from {package}utils.callbacks import Callbacks
from {package}models.yolo import Model, model_info

objects = [Callbacks(), Callbacks()]
actions = objects[-1].get_registered_actions()
print(max(sum(action["name"] == "yolo-probe" for action in each) for each in actions.values()), end=" ")
print(hasattr(model_info, "_yolo_probe_replaces"))
"""


@pytest.mark.parametrize("release", ["6.0.7", "6.1.9", "7.0.14"])
@pytest.mark.parametrize(("switch", "answer"), [("1", "1 True"), ("0", "0 False")])
def test_each_generation_of_the_host_has_the_probe_once(release: str, switch: str, answer: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(ATTACHED.format(package="yolov5."))
    done = run_host(release, tmp_path, "-m", "yolo_probe", "train", "script.py", variables={"YOLO_PROBE": switch})
    assert answer in done.stdout.splitlines()
    assert ("no training was seen in this process" in done.stdout) == (switch == "1")

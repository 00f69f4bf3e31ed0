"""Writes through yolo-probe into one real logger of one real host, offline, and prints what that logger kept.

Run as ``logger_check.py CASE FOLDER``; the last line is JSON: the names of the sinks, and the values read back.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from yolo_probe.training.loggers import sinks_of

VALUES = {"model/parameters": 1766623, "model/layers": 214, "model/GFLOPs": 4.25}
STEP = 3


def write(source: object) -> dict[str, bool]:
    return {sink.name: sink.write(VALUES, STEP) for sink in sinks_of(source)}


def events(folder: Path) -> dict[str, float]:
    """What TensorBoard reads out of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    read = {tag: accumulator.Scalars(tag) for tag in accumulator.Tags()["scalars"]}
    assert all([point.step for point in points] == [STEP] for points in read.values())
    return {tag: points[0].value for tag, points in read.items()}


def summary(run: Any) -> dict[str, float]:
    """What a finished run of W&B keeps on disk, in the form in which it would be sent."""
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record
    from wandb.sdk.internal.datastore import DataStore

    (file,) = Path(run.dir).parent.glob("*.wandb")
    run.finish()
    wandb.teardown()  # waits until its service has written the file
    store = DataStore()
    store.open_for_scan(str(file))
    kept: dict[str, float] = {}
    while (data := store.scan_data()) is not None:
        record = Record()
        record.ParseFromString(data)
        kept |= {item.key: json.loads(item.value_json) for item in record.summary.update}
    return only_ours(kept)


def only_ours(kept: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in kept.items() if name.startswith("model/")}


def classic(folder: Path) -> object:
    """The loggers of classic YOLOv5 as its train.py registers them, and those of its other scripts."""
    import wandb

    wandb.login = lambda **_: True  # offline there is nobody to log in to
    from yolov5.utils.callbacks import Callbacks
    from yolov5.utils.general import methods
    from yolov5.utils.loggers import GenericLogger, Loggers

    data = folder / "toy.yaml"
    data.write_text(f"nc: 1\nnames: [a]\ntrain: {folder}\nval: {folder}\n")
    opt = Namespace(
        noplots=True, evolve=False, resume=False, s3_upload_dir=None, upload_dataset=None, data=str(data), hyp=None,
        project="runs/train", name="exp", entity=None, bbox_interval=-1, save_period=-1, epochs=1, batch_size=1,
        artifact_alias="latest", save_dir=str(folder / "generic"), neptune_token=None,
    )  # fmt: skip
    loggers = Loggers(folder / "detect", None, opt, {}, logging.getLogger(), class_names=["a"])
    callbacks = Callbacks()
    for name in methods(loggers):
        callbacks.register_action(name, callback=getattr(loggers, name))
    step = loggers.wandb.wandb_run.step
    written = write(callbacks)
    assert written == write(loggers), "the same through the callbacks that they are registered with"
    assert loggers.wandb.wandb_run.step == step, "writing moves the step that the host counts by"
    loggers.tb.close()
    read = [summary(loggers.wandb.wandb_run)]
    generic = GenericLogger(opt, logging.getLogger(), include=("tb", "wandb"))
    assert written == write(generic)
    generic.tb.close()
    return written, [*read, summary(generic.wandb), events(folder / "generic")]


def trainer_with(integration: str) -> tuple[object, Any]:
    """What a trainer of ultralytics is with that integration switched on, and the integration's module."""
    from importlib import import_module

    from ultralytics.utils import SETTINGS
    from ultralytics.utils.callbacks import add_integration_callbacks, get_default_callbacks

    SETTINGS.update(dict.fromkeys(("clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb"), False))

    class Trainer:
        def __init__(self) -> None:
            self.callbacks = get_default_callbacks()
            add_integration_callbacks(self)

    home = "wb" if integration == "wandb" else integration
    module = import_module(f"ultralytics.utils.callbacks.{home}")
    assert write(Trainer()) == {}, "an integration that is switched off is no logger of the run, even if it is loaded"
    SETTINGS.update({integration: True})
    return Trainer(), module


def tensorboard(folder: Path) -> object:
    """SummaryWriter."""
    trainer, module = trainer_with("tensorboard")
    assert write(trainer) == {"TensorBoard": False}, "no run is going"
    module.WRITER = module.SummaryWriter(str(folder))
    written = write(trainer)
    module.WRITER.close()
    return written, [events(folder)]


def wandb(folder: Path) -> object:
    """A run of W&B that is never sent."""
    trainer, module = trainer_with("wandb")
    assert write(trainer) == {"W&B": False}, "no run is going"
    run = module.wb.init(mode="offline", dir=str(folder))
    return write(trainer), [summary(run)]


def dvc(folder: Path) -> object:
    """A run of DVCLive without a repository."""
    trainer, module = trainer_with("dvc")
    assert write(trainer) == {"DVCLive": False}, "no run is going"
    module.live = module.dvclive.Live(dir=str(folder / "dvclive"), save_dvc_exp=False, dvcyaml=None)
    written = write(trainer)
    kept = json.loads((folder / "dvclive" / "metrics.json").read_text())
    return written, [{f"model/{name}": value for name, value in kept["model"].items()}]


def mlflow(folder: Path) -> object:
    """A run of MLflow in a folder."""
    trainer, module = trainer_with("mlflow")
    module.mlflow.set_tracking_uri((folder / "store").as_uri())
    assert write(trainer) == {"MLflow": False}, "no run is going"
    with module.mlflow.start_run() as run:
        written = write(trainer)
    return written, [module.mlflow.get_run(run.info.run_id).data.metrics]


def comet(folder: Path) -> object:
    """An experiment of Comet that is never sent."""
    trainer, module = trainer_with("comet")
    assert write(trainer) == {"Comet": False}, "no run is going"
    experiment = module.comet_ml.OfflineExperiment(
        offline_directory=str(folder), log_code=False, log_env_details=False, log_git_metadata=False
    )
    written = write(trainer)
    experiment.end()
    (archive,) = folder.glob("*.zip")
    with zipfile.ZipFile(archive) as kept:
        messages = [json.loads(line) for line in kept.read("messages.json").decode().splitlines()]
    metrics = [message["payload"]["metric"] for message in messages if message["type"] == "metric_msg"]
    assert {metric["step"] for metric in metrics if metric["metricName"] in VALUES} == {STEP}
    return written, [only_ours({metric["metricName"]: metric["metricValue"] for metric in metrics})]


CASES: dict[str, Callable[[Path], object]] = {
    each.__name__: each for each in (classic, tensorboard, wandb, dvc, mlflow, comet)
}

if __name__ == "__main__":
    os.environ.pop("PYTEST_CURRENT_TEST", None)  # ultralytics has no loggers where it sees a test
    print(json.dumps(CASES[sys.argv[1]](Path(sys.argv[2]))))

"""What yolo-probe writes into the loggers of a real host is what the real loggers keep, read back from their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import environments, processes
from tests.oracles.logger_check import VALUES

SCRIPT = Path(__file__).with_name("logger_check.py")


def check(case: str, folder: Path, *paths: Path) -> Any:
    """The sinks that were written to, and the values that each kept."""
    needs = [environments.release(*each) for each in (*environments.TENSORBOARD, ("ultralytics-thop", "2.2.3"))]
    settings = {
        "YOLO_CONFIG_DIR": str(folder / "settings"),
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "COMET_LOGGING_CONSOLE": "ERROR",
    }
    folder.joinpath("kept").mkdir()
    done = processes.run_python(
        SCRIPT, case, folder / "kept", paths=[environments.ROOT, *paths, *needs], env=settings, cwd=folder
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("release", ["6.2.3", "7.0.14"])
def test_loggers_of_classic_yolov5_keep_what_is_written(release: str, tmp_path: Path) -> None:
    host, tracker = environments.host(release), environments.tracker("wandb")
    written, read = check("classic", tmp_path, host, tracker)
    assert written == {"TensorBoard": True, "W&B": True}
    assert read == [VALUES, VALUES, VALUES]


@pytest.mark.parametrize(
    ("integration", "name"),
    [("tensorboard", "TensorBoard"), ("wandb", "W&B"), ("mlflow", "MLflow"), ("comet", "Comet"), ("dvc", "DVCLive")],
)
def test_integrations_of_ultralytics_keep_what_is_written(integration: str, name: str, tmp_path: Path) -> None:
    tracker = [environments.tracker(integration)] if integration in environments.TRACKERS else []
    written, read = check(integration, tmp_path, *tracker)
    assert (written, read) == ({name: True}, [VALUES])

"""Real trainings of a few seconds, each with its host's own unmodified script: with the probe, and without."""

from __future__ import annotations

import pickle
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tests.demo.make_checkpoint import CLASSES, SIDE, draw_shapes
from tests.environments import (
    OLDER_TRAINING_NEEDS,
    OLDER_ULTRALYTICS_NEEDS,
    ROOT,
    TRAINING_NEEDS,
    ULTRALYTICS_TRAINING_NEEDS,
    environment,
    host,
    release,
)
from tests.processes import run

PICTURES = 16
HERE = "{folder}"
"""Stands for the folder of a training in its commands."""


ULTRALYTICS = """
import sys
try:
    from ultralytics.cfg import entrypoint
except ImportError:
    from ultralytics.yolo.cfg import entrypoint
sys.exit(entrypoint())
"""
"""What the command ``ultralytics`` is."""


@dataclass(frozen=True)
class Training:
    """What is run, in a folder of its own that holds the drawn pictures; the same with the probe and without."""

    name: str
    steps: tuple[tuple[str, ...], ...]
    """Host commands, one after the other: a script, or ``-m`` and a module, and its arguments."""
    release: str = "7.0.14"
    """Of PyPI's yolov5; empty for ultralytics, ``ultralytics 8.1.34`` for one of its earlier releases."""
    draw: Callable[[Path], None] = field(default=lambda folder: draw_shapes(folder, PICTURES))
    scripts: Mapping[str, str] = field(default_factory=dict)
    """Files beside the pictures, by name."""
    launcher: tuple[str, ...] = ()
    """What starts the host command, after ``python``."""
    variables: Mapping[str, str] = field(default_factory=dict)
    anew: bool = False
    """Whether Python is started as a user starts it (see ``processes.run``), as it is where there is a launcher."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Trained:
    """A finished training."""

    folder: Path
    """Where the host saved."""
    output: str
    """All that was printed, without colours."""
    codes: tuple[int, ...]
    """Exit code of each step."""
    seconds: float

    @property
    def host_lines(self) -> list[str]:
        """The summary lines of the host."""
        return [line for line in self.output.splitlines() if re.match(r"\S+ [Ss]ummary( \(fused\))?: \d", line)]

    @property
    def probe_lines(self) -> list[str]:
        """What the probe said; from a thread of its own, it may stand behind the host's progress bar."""
        return re.findall(r"yolo-probe: .*", self.output)

    def weights(self, name: str) -> dict[str, torch.Tensor]:
        """Every tensor in ``weights/NAME``, by where it stands."""
        return dict(_tensors(torch.load(self.folder / "weights" / name, pickle_module=_Unhosted, weights_only=False)))


def train(training: Training, folder: Path, *, probe: bool) -> Trained:
    """Run it to its end.

    Raises: TimeoutExpired if it takes more than three minutes.
    """
    folder.mkdir()
    training.draw(folder)
    for name, text in training.scripts.items():
        (folder / name).write_text(text, encoding="utf-8")
    attached = ("-m", "yolo_probe", "train") if probe else ()
    output, codes, started = "", [], time.monotonic()
    for step in training.steps:
        words = ("-c", ULTRALYTICS, *step[1:]) if step[0] == "ultralytics" and not probe else step
        words = (*training.launcher, *attached, *(word.replace(HERE, str(folder)) for word in words))
        anew = training.anew or bool(training.launcher)
        done = run_host(training.release, folder, *words, variables=training.variables, anew=anew)
        output += re.sub(r"\x1b\[[0-9;]*[mK]", "", done.stdout)
        codes.append(done.returncode)
    saved = max((file.parent.parent for file in folder.glob("runs/**/last.pt")), default=folder, key=_modified)
    return Trained(saved, output, tuple(codes), time.monotonic() - started)


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def run_host(
    version: str, folder: Path, *words: str, variables: Mapping[str, str], anew: bool = False
) -> subprocess.CompletedProcess[str]:
    """The finished run of ``python WORDS`` in that folder beside a release of yolov5, or ultralytics."""
    variables = environment(_paths(version)) | dict(variables)
    return run(words, env=variables, cwd=folder, timeout=240, together=True, anew=anew)


def _paths(version: str) -> list[Path]:
    if version.startswith("ultralytics "):
        older = ("ultralytics", version.split(" ")[1])
        return [ROOT, *(release(*need) for need in (older, *OLDER_ULTRALYTICS_NEEDS, *ULTRALYTICS_TRAINING_NEEDS))]
    needs = {
        "": ULTRALYTICS_TRAINING_NEEDS,
        **dict.fromkeys(("5.0.0", "6.0.7", "6.2.3"), TRAINING_NEEDS + OLDER_TRAINING_NEEDS),
    }.get(version, TRAINING_NEEDS)
    return [ROOT, *([host(version)] if version else []), *(release(*need) for need in needs)]


def draw_segments(folder: Path) -> None:
    """The pictures with an outline of each shape instead of a box."""
    draw_shapes(folder, PICTURES)
    for file in (folder / "labels").iterdir():
        label, *box = file.read_text(encoding="utf-8").split()
        x, y, width, height = map(float, box)
        left, right, top, bottom = x - width / 2, x + width / 2, y - height / 2, y + height / 2
        corners = (left, top, right, top, right, bottom, left, bottom)
        file.write_text(" ".join(map(str, (label, *corners))) + "\n", encoding="utf-8")


def draw_classes(folder: Path) -> None:
    """The pictures in a folder for each class, as classification wants them."""
    draw_shapes(folder, PICTURES)
    for number in range(PICTURES):
        for part in ("train", "test"):
            kind = folder / "shapes" / part / CLASSES[number % len(CLASSES)]
            kind.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / "images" / f"{number}.png", kind)


def _tensors(value: object, path: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, nn.Module):
        yield from _tensors(value.state_dict(), path)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _tensors(each, f"{path}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, each in enumerate(value):
            yield from _tensors(each, f"{path}.{number}")


class _Unhosted:
    """``pickle`` for files of a host that is not on this process's path: its classes are bare modules."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if module.split(".")[0] in ("yolov5", "ultralytics", "models", "torchvision", "__main__"):
                return type(name, (nn.Module,), {"__module__": module})
            return super().find_class(module, name)


def arguments(*words: str, size: int = SIDE) -> tuple[str, ...]:
    """Of a script of classic YOLOv5, with those that keep a training short and alike."""
    short = ("--imgsz", str(size), "--batch-size", "8", "--device", "cpu", "--workers", "0")
    return (*words, *short, "--project", "runs", "--name", "run", "--exist-ok")


def ultralytics_arguments(*words: str) -> tuple[str, ...]:
    """Of the ultralytics command line, likewise."""
    short = ("data=shapes.yaml", "epochs=1", f"imgsz={SIDE}", "batch=8", "device=cpu", "workers=0", "plots=False")
    return (*words, *short, f"project={HERE}/runs", "name=run", "exist_ok=True")


def different(first: Mapping[str, torch.Tensor], second: Mapping[str, torch.Tensor]) -> list[str]:
    """Where two files hold different tensors, bit by bit."""
    return [
        path
        for path in {**first, **second}
        if path not in first
        or path not in second
        or first[path].dtype != second[path].dtype
        or not torch.equal(_bits(first[path]), _bits(second[path]))
    ]


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.reshape(-1).contiguous().view(torch.uint8)

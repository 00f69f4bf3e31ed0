"""Run inside one release of ultralytics: its own lines, those beside yolo-probe, those of its file and of its name.

Arguments: a folder for checkpoints, and model YAMLs. Prints one line of JSON for each, and one of odd models.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import torch
import ultralytics
from click.testing import CliRunner
from torch import nn
from ultralytics.nn import tasks

import yolo_probe
from tests.fingerprints import said
from yolo_probe.cli import cli
from yolo_probe.hosts.known_functions import known_function

try:
    HOME = importlib.import_module("ultralytics.utils.torch_utils")
except ImportError:  # to 8.0.135
    HOME = importlib.import_module("ultralytics.yolo.utils.torch_utils")


def lines(call: Any, *args: Any) -> list[str]:
    """What a call logs."""
    return said(HOME.LOGGER, partial(call, *args))[0]


def both(model: Any) -> dict[str, list[str]]:
    """The line of the host alone, of the drop-in in its place, and of the public function."""
    return {**beside(model), "called": lines(yolo_probe.model_info, model)}


def beside(model: Any, **arguments: Any) -> dict[str, list[str]]:
    """The line of the host alone, and of the drop-in in its place."""
    plain = lines(partial(tasks.model_info, model, **arguments))
    yolo_probe.install()
    replaced = lines(partial(tasks.model_info, model, **arguments))
    yolo_probe.uninstall()
    return {"host": plain, "replaced": replaced}


def odd() -> Iterator[tuple[str, dict[str, list[str]]]]:
    """The lines of models that some releases count and others do not."""
    yield "float16", beside(network().half())
    yield "float64", beside(network().double())
    yield "a lock", beside(network(lock=threading.Lock()))
    yield "no values", beside(network().to("meta"))
    yield "a size of two", beside(network(), imgsz=(96, 64))
    yield "a list", beside(network(), imgsz=[96, 64])
    yield "a stride of 64", beside(network(stride=torch.tensor([64.0])))
    yield "an integer as stride", beside(network(stride=32))
    yield "a convolution", beside(nn.Conv2d(1, 8, 3))
    yield "no parameters", beside(nn.ReLU())
    yield "another first layer", beside(nn.Sequential(nn.Linear(3, 8)))


def network(**attributes: object) -> nn.Module:
    """A bare module with these attributes, whose shapes depend on values if it has none."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.SiLU(), Masked(), nn.Conv2d(8, 8, 3))
    vars(model).update(attributes)
    return model


class Masked(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Reads a value of its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if torch.isfinite(x.sum()).item() else torch.nan_to_num(x)


def said_of(target: str) -> dict[str, str | None] | str:
    """The lines of ``fuse-diff``, or why it has none."""
    with redirect_stdout(io.StringIO()) as out:
        done = CliRunner().invoke(cli, ["fuse-diff", target, "--format", "json"])
    report = json.loads(done.stdout or out.getvalue()) if done.exit_code == 0 else {}
    return report.get("host_lines") or done.output


def built(name: str) -> Any:
    """A model of the release, as its YAML says."""
    kind = next((kind for word, kind in KINDS.items() if word in name), "DetectionModel")
    return getattr(tasks, kind)(name, verbose=False)


KINDS = {
    "rtdetr": "RTDETRDetectionModel", "-seg": "SegmentationModel", "-cls": "ClassificationModel", "-pose": "PoseModel",
    "-obb": "OBBModel",
}  # fmt: skip


def main(folder: Path, names: list[str]) -> None:
    """Print what is found of each network."""
    for name in names:
        torch.manual_seed(0)
        model = built(name).eval()
        found: dict[str, Any] = {"network": name, "version": ultralytics.__version__, "unfused": both(model)}
        torch.save({"model": model.half(), "version": ultralytics.__version__, "date": "2024-01-01"}, folder / "m.pt")
        model.float()
        with torch.no_grad():
            lines(model.fuse)
        found["fused"] = both(model)
        found["file"], found["name"] = said_of(str(folder / "m.pt")), said_of(name.removesuffix(".yaml"))
        print(json.dumps(found), flush=True)
    print(json.dumps({"odd": dict(odd()) if known_function(HOME.model_info) else {}}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

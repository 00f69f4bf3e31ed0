"""Run inside one release of ultralytics: its own lines, those beside yolo-probe, those of its file and of its name.

Arguments: a folder for checkpoints, and model YAMLs. Prints one line of JSON for each.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import torch
import ultralytics
from click.testing import CliRunner
from ultralytics.nn import tasks

import yolo_probe
from tests.fingerprints import said
from yolo_probe.cli import cli

try:
    HOME = importlib.import_module("ultralytics.utils.torch_utils")
except ImportError:  # to 8.0.135
    HOME = importlib.import_module("ultralytics.yolo.utils.torch_utils")


def lines(call: Any, *args: Any) -> list[str]:
    """What a call logs."""
    return said(HOME.LOGGER, partial(call, *args))[0]


def both(model: Any) -> dict[str, list[str]]:
    """The line of the host alone, of the drop-in in its place, and of the public function."""
    plain = lines(tasks.model_info, model)
    yolo_probe.install()
    replaced = lines(tasks.model_info, model)
    yolo_probe.uninstall()
    return {"host": plain, "replaced": replaced, "called": lines(yolo_probe.model_info, model)}


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


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

"""Inside a process with YOLOv5, ultralytics and thop: the command line with ``--verify``, beside the hosts themselves.

Arguments: a folder for files, the demo checkpoint, the folder of a thop whose rules are not known. Prints one line of
JSON for each command: its exit code, what it said of the verification, and the message on stderr.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from pathlib import Path
from typing import Any

import thop
import torch
from ultralytics.nn.tasks import DetectionModel as UltralyticsModel
from yolov5.models import yolo

from tests.fingerprints import said
from yolo_probe.cli import main

YAML = """
nc: 3
depth_multiple: 1.0
width_multiple: 0.25
activation: nn.LeakyReLU(0.1)
anchors: [[10, 13, 16, 30], [30, 61, 62, 45]]
backbone: [[-1, 1, Conv, [32, 3, 2]], [-1, 1, C3, [64]], [-1, 1, Conv, [64, 3, 2]], [-1, 2, C3, ['64 + 64', False]]]
head: [[-1, 1, nn.Upsample, [None, 2, 'nearest']], [[-1, 1], 1, Concat, [1]], [[5, 3], 1, Detect, [nc, anchors]]]
"""
HARM = "__import__('pathlib').Path('harmed').touch()"

TAMPERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "activation": lambda yaml: yaml.update(activation=f"{HARM} or nn.SiLU()"),
    "argument": lambda yaml: yaml["backbone"][0][3].__setitem__(0, HARM),
    "text within a text": lambda yaml: yaml["backbone"][0][3].append(repr(HARM)),
    "text in a list": lambda yaml: yaml["backbone"][0][3].append([HARM]),
    "text as an activation": lambda yaml: yaml["backbone"][0][3].extend([1, 1, repr(HARM)]),
    "class as an activation": lambda yaml: yaml["backbone"][0][3].extend([1, 1, "nn.Module()"]),
    "text as a mode": lambda yaml: next(r for r in yaml["head"] if r[2] == "nn.Upsample")[3].__setitem__(2, repr(HARM)),
    "class": lambda yaml: yaml["backbone"][0].__setitem__(2, HARM),
    "name of something else": lambda yaml: yaml["backbone"][0].__setitem__(2, "deepcopy"),
    "argument that names something else": lambda yaml: yaml["backbone"][0][3].append("check_yaml"),
    "classes": lambda yaml: yaml.update(nc=HARM),
    "anchors": lambda yaml: yaml.update(anchors=HARM),
    "another width": lambda yaml: yaml.update(width_multiple=0.5),
}
"""What the YAML of the demo checkpoint is changed to."""


def command(case: str, *arguments: object) -> dict[str, Any]:
    """What one command does."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main([*map(str, arguments), "--verify"])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
    return {"case": case, "code": code, "out": out.getvalue(), "err": err.getvalue()}


def show(found: dict[str, Any]) -> None:
    """One line of JSON; of a report in JSON the verification alone."""
    if found["out"].startswith("{"):
        found["verification"] = json.loads(found.pop("out")).get("verification")
    print(json.dumps(found))


def real_figures(size: int) -> list[int]:
    """FLOPs, layers and parameters of yolov5n, unfused and fused, by real kernels and real weights."""
    model: Any = said(yolo.LOGGER, lambda: yolo.Model(Path(yolo.__file__).with_name("yolov5n.yaml")))[1]
    found: list[int] = []
    for _ in range(2):
        macs, _ = thop.profile(deepcopy(model).eval(), inputs=(torch.zeros(1, 3, size, size),), verbose=False)
        layers, parameters = sum(not m._modules for m in model.modules()), sum(p.numel() for p in model.parameters())
        found += [2 * int(macs), layers, parameters]
        said(yolo.LOGGER, model.fuse)
    return found


def use(folder: Path) -> None:
    """Another thop in place of the one that is on the path."""
    for name in [name for name in sys.modules if name.split(".")[0] == "thop"]:
        del sys.modules[name]
    sys.path[:] = [str(folder), *(entry for entry in sys.path if "ultralytics-thop" not in entry)]


def run(folder: Path, demo: Path, unknown_thop: Path) -> None:
    print(json.dumps({"case": "real yolov5n", "figures": real_figures(64)}))
    show(command("yolov5n", "fuse-diff", "yolov5n", "--imgsz", 64, "--format", "json"))
    show(command("demo", "fuse-diff", demo, "--format", "json"))
    show(command("demo, text", "fuse-diff", demo))
    show(command("demo, fused", "info", demo, "--fused", "--imgsz", "320,640", "--format", "json"))
    (folder / "small.yaml").write_text(YAML)
    show(command("YAML", "fuse-diff", folder / "small.yaml", "--counter", "torch", "--format", "md"))
    show(command("after an activation", "info", "yolov5n-seg", "--imgsz", 64, "--format", "json"))
    model = UltralyticsModel("yolo26n.yaml", nc=2, verbose=False)
    torch.save({"model": model.half(), "train_args": {"nms": False}, "version": "8.4.190"}, folder / "nano.pt")
    show(command("ultralytics", "fuse-diff", folder / "nano.pt", "--format", "json"))
    show(command("another generation", "fuse-diff", "yolov5n@v6.2", "--format", "json"))
    contents = torch.load(demo, weights_only=False)
    for name, change in TAMPERED.items():
        changed = deepcopy(contents)
        change(changed["model"].yaml)
        torch.save(changed, folder / "tampered.pt")
        show(command(f"tampered {name}", "fuse-diff", folder / "tampered.pt", "--format", "json"))
    print(json.dumps({"case": "unharmed", "unharmed": not Path("harmed").exists()}))
    use(unknown_thop)
    show(command("another thop", "info", "yolov5n", "--imgsz", 64))


if __name__ == "__main__":
    run(*map(Path, sys.argv[1:]))

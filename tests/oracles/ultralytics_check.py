"""Inside a process with ultralytics and thop: checkpoints that its trainer saves, by the host and by yolo-probe.

Arguments: a folder, and cases: the name of a model YAML that ultralytics ships, the network whose weights it starts
from (``start="yolo11n.yaml"``), options of the training (``nms=false``). Prints one line of JSON for each: the host's
lines and thop's counts, and what yolo-probe says of the file, stripped and not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import thop
import torch
from ultralytics.cfg import get_cfg
from ultralytics.engine.trainer import BaseTrainer
from ultralytics.nn import tasks
from ultralytics.nn.autobackend import AutoBackend
from ultralytics.utils import LOGGER
from ultralytics.utils.torch_utils import ModelEMA, strip_optimizer

from tests.fingerprints import said
from yolo_probe.checkpoint.reader import read_checkpoint
from yolo_probe.counters.conventions import CONVENTIONS, Counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import ProbeError
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.ultralytics_architecture import architecture
from yolo_probe.hosts.ultralytics_rebuild import rebuild
from yolo_probe.render.text import render
from yolo_probe.reports.fuse_diff import as_json, fuse_diff
from yolo_probe.reports.question import Question

SIZE = (160, 224)
CLASSES = {
    "-seg": tasks.SegmentationModel,
    "-pose": tasks.PoseModel,
    "-obb": tasks.OBBModel,
    "-cls": tasks.ClassificationModel,
    "-sem": tasks.SemanticSegmentationModel,
    "-depth": tasks.DepthModel,
}


def trained(name: str, classes: int, weights: torch.nn.Module | None = None) -> Any:
    """A model as a trainer gets it: a network for so many classes, then the weights of another."""
    build = next((kind for part, kind in CLASSES.items() if part in name), tasks.DetectionModel)
    model = build(name, ch=3, nc=classes, verbose=True)
    if weights is not None:
        model.load(weights, verbose=False)
    return model


def save(model: Any, folder: Path, **options: object) -> Path:
    """last.pt, as the trainer's own ``save_model`` writes it."""
    args = get_cfg(overrides={"model": "a.yaml", **options})
    model.args = args
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    trainer = SimpleNamespace(
        ema=ModelEMA(model), model=model, epoch=0, best_fitness=0.5, fitness=0.5, save_period=-1, args=args,
        stopper=SimpleNamespace(best_fitness=0.5, best_epoch=0), metrics={}, read_results_csv=dict,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01), scaler=torch.amp.GradScaler("cpu", enabled=False),
        wdir=folder, last=folder / "last.pt", best=folder / "best.pt",
    )  # fmt: skip
    BaseTrainer.save_model(trainer)
    return folder / "last.pt"


def lines_of(call: Any) -> tuple[list[str], Any]:
    """The summary lines of a call, and its result."""
    lines, result = said(LOGGER, call)
    return [line for line in lines if " summary" in line], result


def flops(model: torch.nn.Module) -> int:
    """What the real thop counts of an image of that size."""
    image = torch.empty(1, next(model.parameters()).shape[1], *SIZE)
    model = deepcopy(model).float().eval()
    return 2 * int(thop.profile(model, inputs=[image], verbose=False)[0])


def probed(path: Path) -> dict[str, object]:
    """What yolo-probe says of a file: its lines, its counts, what is left unexplained, the rows of its ledgers."""
    counter = Counter(CONVENTIONS["ultralytics-thop-2.2"], installed_thop(), False)
    report = fuse_diff(Question(resolve(str(path)), SIZE, counter))
    return {
        "lines": [state.line.text for state in (report.started or report.training, report.training, report.validation)],
        "flops": [report.training.summary.flops, report.validation.summary.flops],
        "unexplained": [ledger and ledger.unexplained for _, ledger in report.ledgers],
        "causes": [entry.cause for entry in report.layers.entries],
        "text": render(report),
        "generation": as_json(report)["target"]["host"]["generation"],  # type: ignore[index]
    }


def by_modules(path: Path) -> dict[str, object]:
    """What yolo-probe says of a file that has no YAML to build it from, and buffers that another thop has left."""
    contents = torch.load(path, weights_only=False)
    contents["model"].yaml["backbone"] = []
    for module in contents["model"].modules():
        module.register_buffer("total_ops", torch.zeros(1, dtype=torch.float64))
    torch.save(contents, path.with_name("modules.pt"))
    return probed(path.with_name("modules.pt"))


def check(folder: Path, name: str, start: str = "", unstripped: bool = False, **options: object) -> dict[str, object]:
    """What the host and the probe say of one network.

    ``start``: the network whose weights it starts from. ``unstripped``: whether the probe reads the file before, too.
    """
    weights = said(LOGGER, lambda: trained(start, 80))[1] if start else None
    training, model = lines_of(lambda: trained(name, 2, weights))
    during = lines_of(model.info)[0]
    path = save(model, folder, **options)
    forms = {"unstripped": probed(path)} if unstripped else {}
    said(LOGGER, lambda: strip_optimizer(path))
    before = flops(tasks.load_checkpoint(path)[0])
    end_to_end = model.args.nms is False  # as BaseValidator asks for it
    validation, backend = lines_of(lambda: AutoBackend(path, device=torch.device("cpu"), end2end=end_to_end))
    after = flops(backend.backend.model)
    return {
        "lines": [*training, *during, *validation], "thop": [before, after],
        "stripped": probed(path), "by_modules": by_modules(path), **forms,
    }  # fmt: skip


def saved_fused(folder: Path, name: str) -> dict[str, object]:
    """What host and probe say of a network that is saved after ``fuse()``, with what trains as that left it."""
    training, model = lines_of(lambda: trained(name, 2))
    path = folder / "fused.pt"
    validation, _ = lines_of(model.fuse)
    torch.save({"model": deepcopy(model).half(), "version": "8.4.190"}, path)
    return {"lines": [*training, *training, *validation], "thop": None, "saved": probed(path)}


TAMPERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "activation": lambda yaml: yaml.update(activation="__import__('pathlib').Path('harmed').touch() or nn.SiLU()"),
    "argument": lambda yaml: yaml["backbone"][0][3].__setitem__(0, "__import__('pathlib').Path('harmed').touch()"),
    "module": lambda yaml: yaml["backbone"][0].__setitem__(2, "deepcopy"),
    "width": lambda yaml: yaml["backbone"][0][3].__setitem__(0, 65536),
    "kernel": lambda yaml: yaml["backbone"][0][3].__setitem__(1, 65536),
    "kind of argument": lambda yaml: yaml["backbone"][2][3].__setitem__(0, None),
    "stride": lambda yaml: yaml["backbone"][9][3].__setitem__(1, 7),
    "activation of another kind": lambda yaml: yaml.update(activation="nn.ReLU()"),
}
"""What a file's YAML is changed to, which was yolo11n's."""


def refusal(path: Path) -> str:
    """Why the network of a file is not built from the YAML in it."""
    root = read_checkpoint(str(path)).copy(None)
    try:
        rebuild(architecture(root), root, {})
    except ProbeError as error:
        return str(error)
    return ""


def tampered(folder: Path) -> dict[str, object]:
    """Why a changed YAML in a file is not built, what the file's modules give, and how the process is left."""
    said(LOGGER, lambda: save(trained("yolo11n.yaml", 2), folder))
    contents = torch.load(folder / "last.pt", weights_only=False)
    reasons, lines = {}, {"none": probed(folder / "last.pt")["lines"]}
    activation, state = tasks.Conv.default_act, torch.get_rng_state()
    for name, change in TAMPERED.items():
        changed = deepcopy(contents)
        change(changed["ema"].yaml)
        torch.save(changed, folder / "tampered.pt")
        reasons[name] = refusal(folder / "tampered.pt")
        lines[name] = probed(folder / "tampered.pt")["lines"]
    unharmed = not Path("harmed").exists() and torch.equal(state, torch.get_rng_state())
    return {"reasons": reasons, "lines": lines, "unharmed": unharmed and tasks.Conv.default_act is activation}


if __name__ == "__main__":
    print(json.dumps({"case": "tampered", **tampered(Path(sys.argv[1]))}), flush=True)
    print(json.dumps({"case": "saved fused", **saved_fused(Path(sys.argv[1]), "yolo26n.yaml")}), flush=True)
    for argument in sys.argv[2:]:
        network, *words = argument.split()
        options = {key: json.loads(value) for key, _, value in (word.partition("=") for word in words)}
        print(json.dumps({"case": argument, **check(Path(sys.argv[1]), network, **options)}), flush=True)

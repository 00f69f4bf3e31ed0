"""Builds networks with a fork's own code: its line, its counts and what its fuse() leaves, and the file that it saves.

Takes the module with the fork's networks, the name of its model's class, and a folder with one YAML for each network.
"""

from __future__ import annotations

import importlib
import io
import json
import logging
import sys
from contextlib import redirect_stdout
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch


def counts(model: torch.nn.Module) -> list[int]:
    """Modules, leaf modules, parameters, gradients."""
    modules, parameters = list(model.modules()), list(model.parameters())
    return [
        len(modules),
        sum(not list(module.children()) for module in modules),
        sum(each.numel() for each in parameters),
        sum(each.numel() for each in parameters if each.requires_grad),
    ]


def merge_branches(model: torch.nn.Module) -> None:
    """What YOLOv9's fuse() has done first since 26 February 2024; that of its release on PyPI is older."""
    for module in list(model.modules()):
        if hasattr(module, "fuse_convs"):
            module.fuse_convs()
            module.forward = module.forward_fuse


class Lines:
    """The summary lines that the code prints or logs while it runs."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        for name in (None, "yolov5"):
            logging.getLogger(name).setLevel(logging.INFO)
            logging.getLogger(name).handlers = [logging.StreamHandler(self.stream)]

    def of(self, run: Any) -> tuple[Any, str]:
        """What it returns, and its last line."""
        self.stream.seek(0)
        self.stream.truncate()
        with redirect_stdout(self.stream):
            made = run()
        return made, [line for line in self.stream.getvalue().splitlines() if " gradients" in line][-1]


def main(networks: str, kind: str, folder: str) -> None:
    """Writes NAME.pt, NAME-fused.pt and truth.json into the folder."""
    host, truth = importlib.import_module(networks), {}
    lines = Lines()
    for path in sorted(Path(folder).glob("*.yaml")):
        made, line = lines.of(lambda path=path: getattr(host, kind)(str(path)))
        model = deepcopy(made).eval()
        for parameter in model.parameters():
            parameter.requires_grad = False
        stripped = {"epoch": -1, "best_fitness": None, "optimizer": None, "model": deepcopy(model).half()}
        if kind != "Model":
            stripped |= {"ema": None, "opt": {}, "date": "2024-06-01T00:00:00"}
        torch.save(stripped, path.with_suffix(".pt"))
        merge_branches(model)
        fused, fused_line = lines.of(model.fuse)
        torch.save(stripped | {"model": deepcopy(fused).half()}, path.with_name(f"{path.stem}-fused.pt"))
        truth[path.stem] = {
            "line": line,
            "counts": counts(made),
            "fused_line": fused_line,
            "fused_counts": counts(fused),
        }
    (Path(folder) / "truth.json").write_text(json.dumps(truth), encoding="utf-8")


main(*sys.argv[1:])

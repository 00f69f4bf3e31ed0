"""Functions that print what ``model_info`` of YOLOv5 v1.0 to v3.1 prints, beside ours of the same form.

They stand for hosts that no package index has. Prints one line of JSON for each: its own output, and ours.
"""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from copy import deepcopy
from types import ModuleType
from typing import Any

import thop
import torch
from torch import nn

import yolo_probe
from yolo_probe.hosts.known_functions import KnownFunction
from yolo_probe.hosts.summary_line import FORMS
from yolo_probe.training import dropin

HOME = ModuleType("oldest.utils.torch_utils")


def model_info(model: nn.Module, verbose: bool = False) -> None:
    """Print the line of a model: the cost of the image of ``HOME``, so many times, of a copy or of the model itself."""
    copied: Callable[[Any], Any] = HOME.copied
    tensors = list(model.parameters())
    numbers = [len(tensors), sum(t.numel() for t in tensors), sum(t.numel() for t in tensors if t.requires_grad)]
    try:
        macs = thop.profile(copied(model), inputs=(torch.zeros(HOME.image),), verbose=False)[0]
        figure = f", {macs / 1e9 * 2 * HOME.times:.1f} GFLOPS"
    except Exception:  # as the host does
        figure = ""
    print("Model Summary: {:g} layers, {:g} parameters, {:g} gradients".format(*numbers) + figure)


HOME.model_info = model_info  # type: ignore[attr-defined]
model_info.__module__ = HOME.__name__

HOSTS: Mapping[str, tuple[tuple[int, ...], int, Callable[[Any], Any]]] = {
    "v1.0": ((1, 3, 480, 640), 1, lambda model: model),
    "v2.0": ((1, 3, 64, 64), 100, deepcopy),
}


def network(**attributes: object) -> nn.Module:
    """A network of a few million parameters with these attributes."""
    rows = [nn.Conv2d(3, 640, 3, 2, 1), nn.LeakyReLU(), nn.Conv2d(640, 640, 3, 2, 1), nn.BatchNorm2d(640)]
    model = nn.Sequential(*rows)
    vars(model).update(attributes)
    return model


MODELS: Mapping[str, Callable[[], nn.Module]] = {
    "plain": network,
    "frozen": lambda: network().requires_grad_(False),
    "half": lambda: network().half(),
    "on another device": lambda: network().to("meta"),
    "a lock": lambda: network(lock=threading.Lock()),
    "one channel": lambda: nn.Conv2d(1, 8, 3),
}


def printed(call: Callable[[], object]) -> list[str]:
    """What a call prints."""
    with redirect_stdout(io.StringIO()) as out:
        call()
    return out.getvalue().splitlines()


def main() -> None:
    sys.modules[HOME.__name__] = HOME
    for version, (HOME.image, HOME.times, HOME.copied) in HOSTS.items():  # type: ignore[attr-defined]
        known = KnownFunction(FORMS[version], table=True)  # type: ignore[index]
        dropin.known_function = lambda _, known=known: known  # type: ignore[assignment, attr-defined]
        for name, make in MODELS.items():
            own = printed(lambda: model_info(make()))  # noqa: B023
            yolo_probe.install()
            ours = printed(lambda: HOME.model_info(make()))  # noqa: B023
            yolo_probe.uninstall()
            print(json.dumps({"host": version, "model": name, "own": own, "ours": ours}), flush=True)


if __name__ == "__main__":
    main()

"""Inside a process with real counters: what each says of real networks in each mode, and what the probe says.

Arguments: the counters (see ``RealCounters``), the image size, ``cpu`` or ``meta``, and networks. Prints a line of JSON
for each network and counter.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import nn

import yolo_probe
from tests.oracles.real_counters import RealCounters


def build(network: str) -> tuple[nn.Module, int]:
    """A network as its own host builds it, and the side of its image in full size."""
    if not network.startswith("yolov5"):
        import torchvision

        return torchvision.models.get_model(network, weights=None), 224
    import yolov5.models
    from yolov5.models.yolo import DetectionModel, SegmentationModel

    (path,) = Path(yolov5.models.__file__).parent.rglob(f"{network}.yaml")
    return (SegmentationModel if network.endswith("-seg") else DetectionModel)(str(path)), 640


def states(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The model as it trains, as it is evaluated, and fused."""
    yield "train", deepcopy(model).train()
    yield "unfused", deepcopy(model).eval()
    if hasattr(model, "fuse"):
        with torch.no_grad():
            yield "fused", deepcopy(model).eval().fuse()


def main() -> None:
    counters, size, device, *networks = sys.argv[1:]
    warnings.simplefilter("ignore")
    logging.disable()
    real = RealCounters(counters)
    for network in networks:
        for name, answer in answers_on(network, real, int(size), device):
            print(json.dumps({"network": network, "counter": name, "modes": answer}), flush=True)


def answers_on(network: str, real: RealCounters, size: int, device: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """By counter, each mode's figure and parameters, by the real counter and by the probe."""
    with contextlib.redirect_stdout(sys.stderr):  # hosts print when they build
        model, side = build(network)
    side = size or side
    compared = yolo_probe.compare_counters(model, (1, 3, side, side), real.names).counters
    for name, ours in compared.items():
        answer: dict[str, Any] = {}
        for mode, state in states(model):
            found = real(name, state.to(device), torch.zeros(1, 3, side, side, device=device))
            answer[mode] = {"real": found, "probe": [getattr(ours, mode), getattr(ours.parameters, mode)]}
        yield name, answer


if __name__ == "__main__":
    main()

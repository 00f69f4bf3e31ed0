"""Inside the process of a real host: networks live, their lines and counts by the host and by yolo-probe.

Arguments: the host (``yolov5``, ``ultralytics``, ``torchvision``), the device (``cpu``, ``meta``), networks as that
host names them. Prints one line of JSON for each: what both say of it when it is new and after the host's own
``fuse()``, or why the host cannot build it.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import thop
import torch
from torch import nn

from tests.fingerprints import fingerprint, said
from tests.oracles.meta_shapes import answer_by_shape
from tests.oracles.weightless import without_weights
from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import Convention, choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import TraceError
from yolo_probe.hosts.summary_line import FORMS, LineForm, host_line
from yolo_probe.live.live import Live
from yolo_probe.model import fusion
from yolo_probe.model.structure import totals_of
from yolo_probe.reports import ledger
from yolo_probe.training import dropin

Making = Callable[[Callable[[], nn.Module]], nn.Module]
"""How what builds or fuses a model is called: as it is, or on the meta device."""


@dataclass(frozen=True)
class Host:
    """How one host builds, tells and fuses a network."""

    build: Callable[[str], nn.Module]
    info: Callable[[nn.Module], object]
    """Prints the line, by whatever stands in the place of the host's ``model_info``."""
    logger: logging.Logger
    form: LineForm
    fuse: Callable[[nn.Module], nn.Module]
    autograd: tuple[bool, ...]
    """Whether it is on while the host fuses: both, where the result depends on it; none where nothing is fused."""


def yolov5() -> Host:
    import yolov5.models.yolo as yolo
    from yolov5.utils.torch_utils import LOGGER

    return Host(
        yolo.Model, lambda model: model.info(), LOGGER, FORMS["v7.0"], lambda model: model.fuse(), (False, True)
    )


def ultralytics() -> Host:
    from ultralytics import RTDETR, YOLO
    from ultralytics.nn import tasks
    from ultralytics.utils import LOGGER

    def build(name: str) -> nn.Module:
        # a YAML from which the package guesses no task is RT-DETR's, which has a class of its own
        kind = YOLO if tasks.guess_model_task(tasks.yaml_model_load(name)) else RTDETR
        return kind(name).model

    def fuse(model: nn.Module) -> nn.Module:
        return model.eval().fuse(verbose=False)

    return Host(build, lambda model: model.info(), LOGGER, FORMS["head"], fuse, (False,))


def torchvision() -> Host:
    """YOLOv5's classify/train.py with a network of torchvision and ten classes; ``vgg16:1000`` is it as it comes."""
    import torchvision.models
    from yolov5.utils import torch_utils

    def build(name: str) -> nn.Module:
        function, _, classes = name.partition(":")
        model = getattr(torchvision.models, function)(weights=None)
        if not classes:
            torch_utils.reshape_classifier_output(model, 10)
        return model

    def info(model: nn.Module) -> object:
        return torch_utils.model_info(model)

    return Host(build, info, torch_utils.LOGGER, FORMS["v7.0"], lambda model: model, ())


HOSTS = {"yolov5": yolov5, "ultralytics": ultralytics, "torchvision": torchvision}


def check(host: Host, network: str, made: Making) -> dict[str, Any]:
    """What the host and the probe say of one network."""
    answer: dict[str, Any] = {"network": Path(network).name}
    try:
        model = made(lambda: host.build(network))
    except Exception as error:  # whatever it is, the network is not there to be told
        return answer | {"failed": type(error).__name__}
    answer["new"] = told(host, model)
    for grad_enabled in host.autograd:
        fuse = partial(host.fuse, deepcopy(model))
        fused: list[nn.Module] = []
        with torch.set_grad_enabled(grad_enabled):
            said(host.logger, lambda: fused.append(made(fuse)))  # noqa: B023  # called at once
        state = "fused, autograd on" if grad_enabled else "fused"
        answer[state] = told(host, fused[0]) | {"foretold": foretold(host, model, grad_enabled)}
    return answer


def told(host: Host, model: nn.Module) -> dict[str, Any]:
    """A model in one state: its line and result by both, its FLOPs at some image by both, whether it is unchanged."""
    real = said(host.logger, lambda: host.info(model))
    before = fingerprint(model)
    dropin.install()
    ours = said(host.logger, lambda: host.info(model))
    dropin.uninstall()
    try:
        counted = charge(Live(model).trace(image_of(model)).records, convention()).flops
    except TraceError:
        counted = None
    unchanged = before == fingerprint(model)
    return {"host": real, "probe": ours, "thop": by_thop(model), "flops": counted, "unchanged": unchanged}


def by_thop(model: nn.Module) -> int | None:
    """FLOPs as the real thop counts them; None where the network does not run."""
    x = torch.empty(image_of(model), device=next(model.parameters()).device)
    try:
        return 2 * int(thop.profile(deepcopy(model), inputs=(x,), verbose=False)[0])
    except (RuntimeError, AssertionError):
        return None


def foretold(host: Host, model: nn.Module, grad_enabled: bool) -> dict[str, Any]:
    """What the probe says of the model after ``fuse()`` from the model before it, and what its ledgers leave over."""
    before, image = Live(model), image_of(model)
    after = before.fused(grad_enabled=grad_enabled)
    old, new = totals_of(before.root), totals_of(after.root)
    first, second = before.trace(image), after.trace(image)
    change = fusion.difference(before.root, after.root)
    first_layers, last_layers = (host.form.layer_count(totals.layers) for totals in (old, new))
    ledgers = (
        ledger.layers_ledger(first_layers, last_layers, change, "", counted=host.form.layers),
        ledger.parameters_ledger(old.parameters, new.parameters, change),
        ledger.gradients_ledger(old.gradients, new.gradients, before.root, (), change),
        ledger.flops_ledger(charge(first.records, convention()), charge(second.records, convention()), change),
    )
    stride, fused = int(model.stride.max()), hasattr(model, "is_fused")
    line = host_line(after.root, host.form, convention(), stride, built=True, run=after.trace, fused=fused)
    return {
        "line": line.text,
        "flops": charge(second.records, convention()).flops,
        "unexplained": [each.unexplained for each in ledgers],
    }


def convention() -> Convention:
    """The rules of the thop that this process has."""
    return choose_counter(None, installed_thop()).convention


def image_of(model: nn.Module) -> tuple[int, int, int, int]:
    """Shape of a small image that is no square, or of the square that torchvision's networks are made for."""
    if not hasattr(model, "stride"):
        return 1, 3, 224, 224
    side = max(int(model.stride.max()), 32)
    return 1, next(model.parameters()).shape[1], 2 * side, 3 * side


if __name__ == "__main__":
    kept = answer_by_shape()
    made: Making = without_weights if sys.argv[2] == "meta" else lambda build: build()
    host = HOSTS[sys.argv[1]]()
    for argument in sys.argv[3:]:
        print(json.dumps(check(host, argument, made)), flush=True)

"""Run inside a host's process: ``model_info`` of a live model by yolo-probe, by ultralytics and by classic YOLOv5.

Arguments: the number of rounds, and networks. Each call is measured on the same model in two ways: several times in a
row, and in turn with the others, so that it finds the processor's caches full of what another has left. Prints one line
of JSON for each network and size.
"""

from __future__ import annotations

import json
import logging
import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
import ultralytics.utils.torch_utils as ultralytics_utils
import yolov5
from torch.profiler import ProfilerActivity, profile
from yolov5.models.yolo import Model
from yolov5.utils import torch_utils as classic_utils

from yolo_probe.training.dropin import install, uninstall

SIZES = (640, 1280)


def main(rounds: int, networks: list[str]) -> None:
    for logger in (ultralytics_utils.LOGGER, classic_utils.LOGGER):
        logger.handlers, logger.propagate = [logging.NullHandler()], False
    host_calls = ultralytics_utils.model_info, classic_utils.model_info
    install()
    our_calls = ultralytics_utils.model_info, classic_utils.model_info
    uninstall()
    for network in networks:
        (path,) = (Path(yolov5.__file__).parent / "models").rglob(f"{network}.yaml")
        model = Model(str(path))
        held = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
        for size in SIZES:
            calls: dict[str, Callable[[], object]] = {
                "ultralytics": partial(host_calls[0], model, imgsz=size),
                "ours as ultralytics": partial(our_calls[0], model, imgsz=size),
                "classic": partial(host_calls[1], model, False, size),
                "ours as classic": partial(our_calls[1], model, False, size),
            }
            found = {"in a row": in_a_row(calls, rounds), "in turn": in_turn(calls, 3 * rounds)}
            extra = extra_memory(calls["ours as ultralytics"])
            print(json.dumps({"network": network, "size": size, "times": found, "share": extra / held}), flush=True)


def in_a_row(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median of the milliseconds of each call, after one that does not count, in each of ``rounds`` rows of five."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            times[name] += [milliseconds(call) for _ in range(5)]
    return {name: median(each) for name, each in times.items()}


def milliseconds(call: Callable[[], object]) -> float:
    """What one call takes."""
    start = perf_counter()
    call()
    return (perf_counter() - start) * 1e3


def in_turn(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median of the milliseconds of each call, after one that does not count."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    for _ in range(rounds + 1):
        for name in order:
            times[name].append(milliseconds(calls[name]))
        order = order[1:] + order[:1]
    return {name: median(each[1:]) for name, each in times.items()}


def extra_memory(call: Callable[[], object]) -> int:
    """Bytes that a call takes at most: the peak of what Python allocates, and all that tensors do."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        call()
    tensors = sum(max(event.self_cpu_memory_usage, 0) for event in profiled.key_averages())
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    call()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return int(peak - before + tensors)


if __name__ == "__main__":
    torch.manual_seed(0)
    main(int(sys.argv[1]), sys.argv[2:])

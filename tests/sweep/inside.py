"""Run inside a process with a real counter: its figure of each case, and the probe's. Prints one line of JSON each."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import torch

import yolo_probe
from tests.oracles.counters_check import MEASURES, Measure, thop
from tests.sweep.cases import FUNCTIONS, MODULES, network
from yolo_probe.errors import first_words


def main(counter: str, mode: str) -> None:
    """Measure every case in that mode, ``eval`` or ``train``."""
    warnings.simplefilter("ignore")
    logging.disable()
    measure = MEASURES.get(counter, thop)
    import_once(measure)
    for name in (*MODULES, *FUNCTIONS):
        with restored(torch, torch.nn.functional, torch.Tensor):
            print(json.dumps(answer(name, counter, measure, mode == "train")), flush=True)


def import_once(measure: Measure) -> None:
    """Let the tool import what it needs, before anything is put back."""
    with contextlib.redirect_stdout(io.StringIO()):
        measure(torch.nn.Conv2d(3, 4, 1).eval(), torch.zeros(1, 3, 8, 8))


@contextlib.contextmanager
def restored(*spaces: Any) -> Iterator[None]:
    """Puts functions back that a tool leaves replaced where it fails, as calflops does."""
    before = [dict(vars(space)) for space in spaces]
    yield
    for space, kept in zip(spaces, before, strict=True):
        for name, value in kept.items():
            if vars(space).get(name) is not value:
                setattr(space, name, value)


def answer(name: str, counter: str, measure: Measure, training: bool) -> dict[str, object]:
    """What the probe and the tool say of one case."""
    model, shape = network(name, training)
    found: dict[str, object] = {"case": name}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            ours = yolo_probe.compare_counters(model, torch.zeros(shape), [counter]).counters[counter]
            figure = ours.figure.train if training else ours.figure.unfused
            found |= {"ours": figure, "named": [each.operator for each in ours.uncounted]}
        except Exception as error:  # what the probe says instead of a figure
            found["ours"] = first_words(error)
        try:
            found["real"] = measure(model, torch.zeros(shape))[0]
        except Exception as error:  # what the tool says instead of a figure
            found["real"] = f"{type(error).__name__}: {first_words(error)}"
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])

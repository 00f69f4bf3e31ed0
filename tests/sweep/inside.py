"""Run inside a process with a real counter: its figure of each case, and the probe's. Prints one line of JSON each.

Arguments: the counter's name, the module of this package that has the cases, and the mode, ``eval`` or ``train``.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import yolo_probe
from tests.oracles.counters_check import MEASURES, Measure, fvcore_analysis, thop
from tests.sweep.case import Case
from yolo_probe.errors import first_words


def main(counter: str, module: str, mode: str) -> None:
    """Measure every case that is the counter's."""
    warnings.simplefilter("ignore")
    logging.disable()
    measure = MEASURES.get(counter, thop)
    import_once(measure)
    cases: Mapping[str, Case] = importlib.import_module(f"tests.sweep.{module}").CASES
    for name, case in cases.items():
        if mode == "train":
            case = replace(case, training=True)
        if not case.counters or counter in case.counters:
            with restored(torch, torch.nn.functional, torch.Tensor):
                print(json.dumps({"case": name} | answer(case, counter, measure)), flush=True)


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


def answer(case: Case, counter: str, measure: Measure) -> dict[str, object]:
    """What the probe and the tool say of one case, and what they should say."""
    torch.manual_seed(0)
    model = case.make().train(case.training)
    found: dict[str, object] = {"expected": case.expected, "parameters": case.parameters, "modules": case.modules}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            found |= of_probe(case, counter, model)
        except Exception as error:  # what the probe says instead of a figure
            found["ours"] = first_words(error)
        try:
            found |= of_tool(case, case.measure or measure, model)
        except Exception as error:  # what the tool says instead of a figure
            found["real"] = f"{type(error).__name__}: {first_words(error)}"
    return found


def of_probe(case: Case, counter: str, model: torch.nn.Module) -> dict[str, object]:
    """The probe's figure, what it names as uncounted, and whatever else the case has an expectation of."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.py")
        path.write_text(case.rules)
        rules = str(path) if case.rules else None
        count = yolo_probe.count_flops(model, case.inputs(), counter, rules)
        modes = yolo_probe.compare_counters(model, case.inputs(), (counter,), rules).counters[counter]
    found: dict[str, object] = {"named": [each.operator for each in count.uncounted]}
    found["ours"] = modes.train if case.training else count.total
    found["our parameters"] = modes.parameters.unfused
    if case.modules is not None:
        found["our modules"] = {name: count.by_module.get(name, 0) for name in case.modules}
    return found


def of_tool(case: Case, measure: Measure, model: torch.nn.Module) -> dict[str, object]:
    """The tool's figure, and whatever else the case has an expectation of."""
    figure, parameters = measure(model, case.inputs())
    found: dict[str, object] = {"real": figure, "real parameters": parameters}
    if case.modules is not None:
        by_module = fvcore_analysis(model, case.inputs()).by_module()
        found["real modules"] = {name: by_module[name] for name in case.modules}
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])

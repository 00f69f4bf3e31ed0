"""Run inside a process with real counters: their figures of each case, and the probe's. Prints a line of JSON for each.

Arguments: the counters (see ``RealCounters``), and the modules of this package that have the cases.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

import yolo_probe
from tests.oracles.real_counters import RealCounters, exact_totals, fvcore_analysis, quiet
from tests.sweep.case import Case
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.errors import first_words


def main(counters: str, *modules: str) -> None:
    """Measure every case of these modules by those of the counters that it is for."""
    warnings.simplefilter("ignore")
    logging.disable()
    real = RealCounters(counters)
    for module in modules:
        cases: Mapping[str, Case] = importlib.import_module(f"tests.sweep.{module}").CASES
        for name, case in cases.items():
            for answer in answers(case, real):
                print(json.dumps({"module": module, "case": name} | answer), flush=True)


def answers(case: Case, real: RealCounters) -> Iterator[dict[str, object]]:
    """What the probe and each tool say of one case, and what they should say; in both modes where those differ."""
    counters = [name for name in real.names if not case.counters or name in case.counters]
    expected = {"expected": case.expected, "parameters": case.parameters, "modules": case.modules}
    with quiet():
        ours = of_probe(case, counters)
    for name in counters:
        yield {"counter": name, "mode": "eval"} | expected | ours[name, case.training] | of_tool(case, name, real)
        if CONVENTIONS[name].trains and not case.training:
            trained = of_tool(replace(case, training=True), name, real)
            yield {"counter": name, "mode": "train"} | expected | ours[name, True] | trained


def of_probe(case: Case, counters: Sequence[str]) -> dict[tuple[str, bool], dict[str, object]]:
    """By counter and mode (True: training) its figure, what it names as uncounted, and what else the case expects."""
    found: dict[tuple[str, bool], dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.py")
        path.write_text(case.rules)
        rules = str(path) if case.rules else None
        model = made(case)
        try:
            compared = yolo_probe.compare_counters(model, case.inputs(), counters, rules).counters
        except Exception as error:  # what the probe says instead of figures
            return {(name, training): {"ours": first_words(error)} for name in counters for training in (False, True)}
        for name, counted in compared.items():
            plain: dict[str, object] = {
                "named": [each.operator for each in counted.uncounted],
                "our parameters": counted.parameters.unfused,
            }
            if case.modules is not None:
                by_module = yolo_probe.count_flops(model, case.inputs(), name, rules).by_module
                plain["our modules"] = {path: by_module.get(path, 0) for path in case.modules}
            found[name, False] = plain | {"ours": counted.unfused}
            found[name, True] = plain | {"ours": counted.train}
    return found


def of_tool(case: Case, counter: str, real: RealCounters) -> dict[str, object]:
    """The tool's figure, and whatever else the case has an expectation of."""
    try:
        with exact_totals(counter):
            model = made(case)
            figure, parameters = real(counter, model, case.inputs(), case.measure)
    except Exception as error:  # what the tool says instead of a figure
        return {"real": f"{type(error).__name__}: {first_words(error)}"}
    found: dict[str, object] = {"real": figure, "real parameters": parameters}
    if case.modules is not None:
        by_module = fvcore_analysis(model, case.inputs()).by_module()
        found["real modules"] = {name: by_module[name] for name in case.modules}
    return found


def made(case: Case) -> torch.nn.Module:
    """The network of a case, the same each time: what torch has compiled of an earlier one is forgotten."""
    if "torch._dynamo" in sys.modules:
        torch._dynamo.reset()
    torch.manual_seed(0)
    return case.make().train(case.training)


if __name__ == "__main__":
    main(*sys.argv[1:])

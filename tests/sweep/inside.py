"""Run inside a process with real counters: their figures of each case, and the probe's. Prints a line of JSON for each.

Arguments: a JSON object with the counters' names, and for each thop its folder (all other tools are on the path), then
the modules of this package that have the cases.
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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import yolo_probe
from tests.oracles.counters_check import MEASURES, Measure, fvcore_analysis, thop
from tests.oracles.thop_releases import ThopReleases
from tests.sweep.case import Case
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.errors import first_words


def main(counters: str, *modules: str) -> None:
    """Measure every case of these modules by those of the counters that it is for."""
    warnings.simplefilter("ignore")
    logging.disable()
    folders: dict[str, str] = json.loads(counters)
    thops = ThopReleases({name: folder for name, folder in folders.items() if folder})
    for name in folders:
        if name not in thops.modules:
            import_once(MEASURES[name])
    for module in modules:
        cases: Mapping[str, Case] = importlib.import_module(f"tests.sweep.{module}").CASES
        for name, case in cases.items():
            for answer in answers(case, folders, thops):
                print(json.dumps({"module": module, "case": name} | answer), flush=True)


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


def answers(case: Case, counters: Iterable[str], thops: ThopReleases) -> Iterator[dict[str, object]]:
    """What the probe and each tool say of one case, and what they should say; in both modes where those differ."""
    counters = [name for name in counters if not case.counters or name in case.counters]
    expected = {"expected": case.expected, "parameters": case.parameters, "modules": case.modules}
    ours = of_probe(case, counters)
    for name in counters:
        if name in thops.modules:
            thops.use(name)
        for training in (False, True) if CONVENTIONS[name].trains and not case.training else (case.training,):
            mode = "train" if training else "eval"
            shown = {"counter": name, "mode": "eval" if case.training else mode}
            yield shown | expected | ours[name, mode] | of_tool(case, name, training)


def of_probe(case: Case, counters: Sequence[str]) -> dict[tuple[str, str], dict[str, object]]:
    """By counter and mode the probe's figure, what it names as uncounted, and what else the case expects."""
    found: dict[tuple[str, str], dict[str, object]] = {}
    with (
        restored(torch, torch.nn.functional, torch.Tensor),
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        path = Path(folder, "rules.py")
        path.write_text(case.rules)
        rules = str(path) if case.rules else None
        model = made(case, case.training)
        try:
            compared = yolo_probe.compare_counters(model, case.inputs(), counters, rules).counters
        except Exception as error:  # what the probe says instead of figures
            return {(name, mode): {"ours": first_words(error)} for name in counters for mode in ("eval", "train")}
        for name, counted in compared.items():
            plain: dict[str, object] = {
                "named": [each.operator for each in counted.uncounted],
                "our parameters": counted.parameters.unfused,
            }
            if case.modules is not None:
                by_module = yolo_probe.count_flops(model, case.inputs(), name, rules).by_module
                plain["our modules"] = {path: by_module.get(path, 0) for path in case.modules}
            found[name, "eval"] = plain | {"ours": counted.unfused}
            found[name, "train"] = plain | {"ours": counted.train}
    return found


def of_tool(case: Case, counter: str, training: bool) -> dict[str, object]:
    """The tool's figure, and whatever else the case has an expectation of."""
    measure = case.measure or MEASURES.get(counter, thop)
    with (
        restored(torch, torch.nn.functional, torch.Tensor),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        model = made(case, training)
        try:
            figure, parameters = measure(model, case.inputs())
        except Exception as error:  # what the tool says instead of a figure
            return {"real": f"{type(error).__name__}: {first_words(error)}"}
        found: dict[str, object] = {"real": figure, "real parameters": parameters}
        if case.modules is not None:
            by_module = fvcore_analysis(model, case.inputs()).by_module()
            found["real modules"] = {name: by_module[name] for name in case.modules}
    return found


def made(case: Case, training: bool) -> torch.nn.Module:
    """The network of a case, the same each time: what torch has compiled of an earlier one is forgotten."""
    if "torch._dynamo" in sys.modules:
        torch._dynamo.reset()
    torch.manual_seed(0)
    return case.make().train(training)


if __name__ == "__main__":
    main(*sys.argv[1:])

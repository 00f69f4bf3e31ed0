"""Print how the probe's figure of each case compares with each real counter's."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

from tests.environments import ROOT, TOOLS, real_counters, release
from tests.oracles.real_host import RELEASES
from tests.processes import run_python
from tests.sweep.known_differences import reason

SCRIPTS = Path(__file__).parent

_TIMM = (("timm", "1.0.31"),)
NEEDS = {"zoo": _TIMM, "attention_of_timm": _TIMM, "deformable": (("torchvision", "0.28.0"),)}
"""What a module of cases imports."""

TOGETHER = ("cases", "blocks", "deformable", "attention_of_timm", "spellings")
"""The modules of cases that the tests sweep at once."""


def swept(name: str, cases: str = "cases", mode: str = "eval") -> list[dict[str, Any]]:
    """What one counter and the probe say of every case in a module of this package, in that mode."""
    rows = sweep((*RELEASES, *TOOLS), TOGETHER if cases in TOGETHER else (cases,))
    return [row for row in rows if (row["counter"], row["module"], row["mode"]) == (name, cases, mode)]


@cache
def sweep(counters: tuple[str, ...], modules: tuple[str, ...]) -> list[dict[str, Any]]:
    """What these counters, in one process, and the probe say of every case in these modules, in each mode."""
    told, paths = real_counters(counters)
    needs = dict.fromkeys(need for module in modules for need in NEEDS.get(module, ()))
    paths = [ROOT, *paths, *(release(*need) for need in needs)]
    done = run_python(SCRIPTS / "inside.py", told, *modules, paths=paths, timeout=3600)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def verdict(found: dict[str, Any]) -> str:
    """How the two figures compare."""
    real, ours = found["real"], found["ours"]
    if isinstance(real, str) or real is None:
        return "the tool fails"
    if isinstance(ours, str):
        return "no figure"
    if found["named"]:
        return "named" if ours != real else "equal, but named"
    return "equal" if ours == real else "different"


def main() -> None:
    """Sweep the chosen counters."""
    parser = argparse.ArgumentParser(prog="python -m tests.sweep", description=__doc__)
    parser.add_argument("counters", nargs="*", default=[*RELEASES, *TOOLS], help="names of counters (default: all)")
    parser.add_argument("--cases", default="cases", help="a module of this package that has CASES (default: cases)")
    parser.add_argument("--all", action="store_true", help="print the equal ones too")
    parser.add_argument("--train", action="store_true", help="in training mode")
    options = parser.parse_args()
    mode = "train" if options.train else "eval"
    found = sweep(tuple(options.counters), (options.cases,))
    for name in options.counters:
        rows = [row for row in found if (row["counter"], row["mode"]) == (name, mode)]
        counts = Counter("explained" if _reason(row) else verdict(row) for row in rows)
        summary = ", ".join(f"{number} {word}" for word, number in counts.most_common())
        print(f"{name}: {summary or 'counts a model as it is evaluated'}")
        for row in rows:
            if options.all or verdict(row) != "equal":
                named = f"  ({_reason(row) or ', '.join(row['named'])})" if _reason(row) or row.get("named") else ""
                print(f"  {verdict(row):17}{row['case']:36}real {row['real']!s:>20}  ours {row['ours']}{named}")


def _reason(row: dict[str, Any]) -> str:
    """Why the two figures are known to differ; empty where they do not."""
    known = reason(row["counter"], row["module"], row["case"], row["mode"])
    return known if verdict(row) in ("different", "named") else ""


if __name__ == "__main__":
    main()

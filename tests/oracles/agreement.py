"""What yolo-probe says of a network, and where that differs from what the real host and the real counters say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from click.testing import CliRunner

from tests.oracles.real_host import SIZE
from yolo_probe.cli import cli, network_commands
from yolo_probe.hosts.target import resolve

Report = dict[str, Any]


def text_of(target: str, *options: str) -> str:
    """What ``yolo-probe fuse-diff`` prints of a target, everything explained."""
    arguments = ["fuse-diff", target, *options]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, f"{arguments}: exit {result.exit_code}\n{result.output[-2000:]}"
    return result.stdout


def report_of(target: str, *options: str) -> Report:
    """The same as JSON, read back."""
    report: Report = json.loads(text_of(target, "--format", "json", *options))
    return report


def reports(target: str, answer: dict[str, Any], *options: str) -> list[Report]:
    """What it says of a target, for every counter and size that the real answer has.

    The target is read and built for the first of them: it is the same for all, and no report may change it.
    """
    flops = answer["training"]["flops"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_commands, "resolve", cache(resolve))
        return [
            report_of(target, "--counter", name, "--imgsz", size, *options)
            for name, sizes in flops.items()
            for size in sizes
        ]


def disagreements(target: str, answer: dict[str, Any], *options: str, lines: bool = True) -> list[str]:
    """Every figure or line in which yolo-probe and the real answer differ, one sentence each."""
    found = []
    for report in reports(target, answer, *options):
        title = f"{report['counter']['name']} at {report['imgsz']}"
        expected = _expected(report, answer, lines)
        found += [
            f"{title}: {what} is {said!r}, really {really!r}"
            for what, said, really in expected
            if said != really or type(said) is not type(really)
        ]
        found += [f"{title}: {problem}" for problem in unbalanced(report)]
    return found


def _expected(report: Report, answer: dict[str, Any], lines: bool) -> Iterator[tuple[str, object, object]]:
    """Name, figure of yolo-probe, figure of the real host or counter."""
    name, size = report["counter"]["name"], ",".join(map(str, report["imgsz"]))
    for column in ("training", "validation"):
        said, really = report[column], answer[column]
        for definition, count in really["layers_by_definition"].items():
            yield f"{column} layers ({definition})", said["layers_by_definition"][definition], count
        yield f"{column} layers", said["layers"], really["layers_by_definition"]["modules"]
        for figure in ("parameters", "gradients"):
            yield f"{column} {figure}", said[figure], really[figure]
        yield f"{column} flops", said["flops"], really["flops"][name].get(size)
        if lines and name in really["lines"] and report["imgsz"] == list(SIZE):
            yield f"{column} line", report["host_lines"][column], really["lines"][name]


def unbalanced(report: Report) -> Iterator[str]:
    """Every ledger that does not lead from the training column to the validation column, to the last digit."""
    for name, ledger in report["ledger"].items():
        before, after = report["training"][name], report["validation"][name]
        if (ledger["before"], ledger["after"]) != (before, after):
            yield f"the ledger of {name} leads from {ledger['before']} to {ledger['after']}, not {before} to {after}"
        rest = after - before - sum(entry["amount"] for entry in ledger["entries"])
        if ledger["unexplained"] != 0 or rest != 0:
            yield f"the ledger of {name} leaves {rest}, and says {ledger['unexplained']}"

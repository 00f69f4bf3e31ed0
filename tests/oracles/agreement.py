"""What yolo-probe says of a network, and where that differs from what the real host and the real counters say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.oracles.real_host import SIZE
from yolo_probe.conventions import CONVENTIONS
from yolo_probe.generations import Generation
from yolo_probe.report import Counter, Question, as_json, fuse_diff
from yolo_probe.target import resolve

Report = dict[str, Any]


def reports(
    target: str, answer: dict[str, Any], *, host: Generation | None = None, classes: int | None = None
) -> Iterator[tuple[str, Report]]:
    """What ``fuse-diff`` says of a target, for every counter and size that the real answer has."""
    subject = resolve(target, host=host, classes=classes)
    for name, sizes in answer["training"]["flops"].items():
        for size in sizes:
            h, w = map(int, size.split(","))
            question = Question(subject, (h, w), Counter(CONVENTIONS[name], None, True))
            report: Any = as_json(fuse_diff(question))
            yield f"{name} at {size}", report


def disagreements(target: str, answer: dict[str, Any], *, lines: bool = True, **options: Any) -> list[str]:
    """Every figure or line in which yolo-probe and the real answer differ, one sentence each."""
    found = []
    for title, report in reports(target, answer, **options):
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

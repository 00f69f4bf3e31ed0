"""Unit: a report as Markdown, read back by a Markdown parser."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.conftest import Probe
from tests.environments import ROOT
from tests.networks import difference, question
from yolo_probe.render import markdown, text
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.info import Info, info
from yolo_probe.reports.inspection import Inspection, inspect

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
HOSTILE = "a|b `c` <script>alert(1)</script> *d* _e_ __f__ ~~g~~ [h](i) ![j](k) &amp; \\ $l$ # m\n\n---\n1. n\x1b[31m"


def reports() -> list[FuseDiff | Info | Inspection]:
    asked = [question("yolov5s", (1280, 1280)), question("yolov5-fpn@v6.0"), question("yolov5n-seg")]
    file = inspect(str(ROOT / "configs" / "demo" / "narrow-best.pt"))
    return [difference("yolov5n"), *(info(each, fused=False) for each in asked), file]


def flattened(tokens: list[Token]) -> list[Token]:
    """Every token with those inside it."""
    return [each for token in tokens for each in (token, *flattened(token.children or []))]


def words_of(source: str) -> str:
    """The letters that a reader sees, without the space between them."""
    shown = [token.content for token in flattened(PARSER.parse(source)) if token.type in ("text", "fence")]
    return re.sub(r"\s", "", "".join(shown))


def renamed(report: FuseDiff, name: str) -> FuseDiff:
    subject = replace(report.question.subject, label=name, network=name)
    state = replace(report.training, line=replace(report.training.line, text=f"{name} ``` summary"))
    first, *others = report.layers.entries
    layers = replace(report.layers, entries=(replace(first, cause=name), *others))
    return replace(report, question=replace(report.question, subject=subject), training=state, layers=layers)


@pytest.mark.parametrize("report", reports(), ids=lambda report: type(report).__name__)
def test_markdown_shows_every_letter_of_the_text_in_its_order(report: FuseDiff | Info | Inspection) -> None:
    plain = re.sub(r"\s", "", text.render(report))
    heads = plain.replace("trainingvalidationchange", "", 1) if isinstance(report, FuseDiff) else plain
    shown = words_of(markdown.render(report)).replace("trainingvalidationchange", "")
    assert shown == heads


def test_every_row_of_the_table_has_its_figures_at_the_right() -> None:
    tokens = PARSER.parse(markdown.render(difference("yolov5n")))
    cells = [token for token in tokens if token.type in ("th_open", "td_open")]
    assert len(cells) % 4 == 0
    assert {cell.attrs["style"] for cell in cells[1::4] + cells[2::4] + cells[3::4]} == {"text-align:right"}
    assert sum(token.type == "table_open" for token in tokens) == 4  # one for each number, its words below it


def test_names_out_of_a_file_are_shown_and_never_interpreted() -> None:
    report = renamed(difference("yolov5n"), HOSTILE)
    tokens = flattened(PARSER.parse(markdown.render(report)))
    plain = flattened(PARSER.parse(markdown.render(difference("yolov5n"))))
    assert [token.type for token in tokens if token.type != "text_special"] == [token.type for token in plain]
    shown = words_of(markdown.render(report))
    places = ("the heading", "the host's line", "a cause in the table", "the name to type under Version")
    assert shown.count(re.sub(r"\s", "", HOSTILE.replace("\x1b", "?"))) == len(places)


def test_a_host_line_is_a_block_of_code_of_its_own() -> None:
    report = difference("yolov5n")
    codes = [token.content for token in PARSER.parse(markdown.render(report)) if token.type == "fence"]
    assert codes == [f"{report.training.line.text}\n", f"{report.validation.line.text}\n"]


def test_something_unexplained_stands_out() -> None:
    report = difference("yolov5n")
    wrong = replace(report, parameters=replace(report.parameters, after=report.parameters.after - 12))
    assert "| **! unexplained** |  |  | **-12** |\n| No rule covers this. See --layers" in markdown.render(wrong)


@pytest.mark.parametrize(("command", "option"), [("fuse-diff", "--layers"), ("info", "--verbose")])
def test_the_command_line_adds_its_tables_as_code(probe: Probe, command: str, option: str) -> None:
    plain = probe(command, "yolov5n", "--format", "md").stdout
    more = probe(command, "yolov5n", "--format", "md", option).stdout
    assert more.startswith(plain)
    (added,) = PARSER.parse(more.removeprefix(plain))
    assert added.content.strip("\n") in probe(command, "yolov5n", option).stdout

"""Unit: every report has a document and plain data, and no renderer drops a part of a document."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import get_args

import pytest

from tests.networks import difference
from yolo_probe.render import document, markdown, text
from yolo_probe.render.document import Part, Section
from yolo_probe.render.sections import HOMES

EVERY: Section = (
    document.Heading("heading 1"),
    document.Words("words 2"),
    document.HostLine("line 3", "gap 4"),
    document.Heads(("heads 5",)),
    document.Figures("figures 6", ("1",)),
    document.Cause("cause 7", "2"),
    document.Remainder(8),
    document.Note("note 9"),
    document.Working("working 10", (("1 x 1", "each"),)),
    document.Footer("footer", "11"),
)
"""One part of each class but those of tables."""
TABLES: Section = (
    document.TableRow("row 12", ("3",)),
    document.Table(("name", "figure"), (("table 13", "4"),)),
    document.Chart(("name", "figure"), (("chart 14", "5"),), (("sum 15", "6"),), 1, 2, (5,)),
)


@pytest.mark.parametrize("name", HOMES)
def test_each_report_has_a_document_and_plain_data_of_its_own_class(name: str) -> None:
    for home, function in zip(HOMES[name], ("document", "as_json"), strict=True):
        (report,) = inspect.signature(getattr(import_module(f"yolo_probe.{home}"), function)).parameters.values()
        assert report.annotation == name


@pytest.mark.parametrize("parts", [EVERY, EVERY + TABLES])
@pytest.mark.parametrize("renderer", [text, markdown])
def test_a_renderer_shows_every_part(renderer: object, parts: Section, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {type(part) for part in EVERY + TABLES} == set(get_args(Part))
    monkeypatch.setattr(renderer, "sections", lambda report: iter([parts]))
    shown = renderer.render(difference("yolov5n"))  # type: ignore[attr-defined]
    words = ["heading 1", "words 2", "line 3", "gap 4", "heads 5", "figures 6", "cause 7", "+8", "note 9", "working 10"]
    words += ["row 12", "table 13", "chart 14", "sum 15"] if parts != EVERY else []
    assert [word for word in words if word not in shown] == []
    assert "11" in shown

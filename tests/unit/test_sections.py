"""Unit: every report has a document and plain data, and no renderer drops a part of a document."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

from yolo_probe.render.sections import HOMES


@pytest.mark.parametrize("name", HOMES)
def test_each_report_has_a_document_and_plain_data_of_its_own_class(name: str) -> None:
    for home, function in zip(HOMES[name], ("document", "as_json"), strict=True):
        (report,) = inspect.signature(getattr(import_module(f"yolo_probe.{home}"), function)).parameters.values()
        assert report.annotation == name

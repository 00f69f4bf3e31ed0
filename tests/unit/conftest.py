"""Unit tests know no torch, also where it is installed: what they say is the same in the lightest environment."""

from __future__ import annotations

import sys

import pytest


@pytest.fixture(autouse=True)
def without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing it fails as if it were not installed."""
    monkeypatch.setitem(sys.modules, "torch", None)

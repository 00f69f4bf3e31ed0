"""Contract: the public names are loaded when they are used, and say what is missing where torch is."""

from __future__ import annotations

import sys

import pytest

import yolo_probe
from yolo_probe.errors import ProbeError


def test_a_live_model_without_torch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith(("yolo_probe.dropin", "yolo_probe.live"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(yolo_probe, "dropin", raising=False)
    with pytest.raises(ProbeError, match=r"yolo_probe\.model_info needs torch") as caught:
        yolo_probe.model_info  # noqa: B018
    assert "yolo-probe[train]" in caught.value.remedy


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        yolo_probe.nothing  # noqa: B018

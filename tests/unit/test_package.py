"""Contract: the public names are loaded when they are used, and say what is missing where torch is."""

from __future__ import annotations

import sys

import pytest

import yolo_probe
from yolo_probe.errors import ProbeError


def test_a_live_model_without_torch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    rooms = ("yolo_probe.api", "yolo_probe.training", "yolo_probe.live")
    for name in [name for name in sys.modules if name.startswith(rooms)]:
        monkeypatch.delitem(sys.modules, name)
    for room in rooms:
        monkeypatch.delattr(yolo_probe, room.rpartition(".")[2], raising=False)
    with pytest.raises(ProbeError, match=r"yolo_probe\.model_info needs torch") as caught:
        yolo_probe.model_info  # noqa: B018
    assert str(caught.value).endswith("not installed: pip install torch, or pass a file to the command yolo-probe")


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        yolo_probe.nothing  # noqa: B018

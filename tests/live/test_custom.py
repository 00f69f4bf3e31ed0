"""What people write into their models is counted as torch's own counter does it, and what that leaves out is named."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.custom_modules import IDEAS, network
from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.live.live import Live

OUTSIDE_TORCH = {"deform_conv2d", "suppression"}
LEFT_OUT = {"einsum of three"}
"""Torch counts the pairs that it makes of them; the probe lists it."""


@pytest.mark.parametrize("name", sorted(IDEAS.keys() - OUTSIDE_TORCH))
def test_torchs_own_counter_counts_custom_modules_as_its_convention_says(name: str) -> None:
    model = network(name)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, 16, 16))
    records = Live(model).trace((1, 3, 16, 16)).records
    missing = charge(records, CONVENTIONS["torch"]).uncounted
    if name in LEFT_OUT:
        assert [each.operator for each in missing] == ["einsum of several"]
    else:
        assert charge(records, CONVENTIONS["torch"]).flops == counter.get_total_flops()

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


@pytest.mark.parametrize("name", sorted(IDEAS.keys() - OUTSIDE_TORCH))
def test_torchs_own_counter_counts_custom_modules_as_its_convention_says(name: str) -> None:
    model = network(name)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 3, 16, 16))
    records = Live(model).trace((1, 3, 16, 16)).records
    assert charge(records, CONVENTIONS["torch"]).flops == counter.get_total_flops()

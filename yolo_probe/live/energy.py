"""The energy of passes on an NVIDIA device, as its driver counts it: that of the whole device, idle power included."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from time import perf_counter
from typing import Any

import torch

from yolo_probe.errors import reason_of
from yolo_probe.live.kernels import Memory

LEAST_SECONDS = 1.0
"""The driver renews its figure some ten times a second."""


class Meter:
    """The driver's counter of one device; ``missing`` says why there is none."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self.missing, self._read = memory, "", _unread
        if memory.device.type != "cuda":
            self.missing = f"no driver counts it for {memory.device.type}"
            return
        try:
            self._read = _millijoules(import_module("pynvml"))
            self._read()
        except ModuleNotFoundError:
            self.missing = "found no pynvml: pip install nvidia-ml-py"
        except Exception as error:  # of the driver: devices before Volta do not count
            self.missing = f"the driver does not count it: {reason_of(error)}"

    def joules(self, run: Callable[[], None], seconds: float) -> float | None:
        """Joules of one pass, from passes that take that time at least; None where the driver does not count."""
        if self.missing:
            return None
        run()
        begin, before, passes = self._memory.now(), self._read(), 0
        while perf_counter() - begin < max(seconds, LEAST_SECONDS):
            run()
            self._memory.now()
            passes += 1
        return (self._read() - before) / 1000 / passes


def _millijoules(driver: Any) -> Callable[[], int]:
    """What reads the counter of the device that torch uses, of which the driver may have another number."""
    driver.nvmlInit()
    device = torch.cuda.get_device_properties(torch.cuda.current_device())
    handle = driver.nvmlDeviceGetHandleByUUID(f"GPU-{device.uuid}".encode())
    return lambda: int(driver.nvmlDeviceGetTotalEnergyConsumption(handle))


def _unread() -> int:
    return 0

"""Times of passes on this machine, by ``torch.utils.benchmark``: warmed up, in blocks, a device waited for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import NamedTuple, Protocol

import torch
from torch.utils.benchmark import Timer

from yolo_probe.live.kernels import Memory

ROUNDS = 7
"""Turns of each pass: several passes take turns, so that what else the machine does meets all of them."""
FEWEST = 5
"""Passes from which the time of a row is found, at least."""


class Passes(Protocol):
    """What can run one forward pass, and say how long each row took."""

    unmeasured: Mapping[str, int]
    """Operators that do not run, because their kernels are not known, with their number."""

    def run(self) -> None:
        """One pass."""

    def seconds_of(self, row_of: Callable[[str], str]) -> dict[str, float]:
        """The time of each row in one pass."""


class Peak(NamedTuple):
    """What the device reached, measured: the fastest block of each."""

    flops: float
    """FLOPs a second in a product of two square matrices."""
    bytes: float
    """Bytes a second in a copy, which reads and writes each."""
    side: int
    """Rows of the matrices."""
    copied: int
    """Bytes that were copied."""


def alternated(runs: Sequence[Callable[[], None]], seconds: float, threads: int) -> list[tuple[tuple[float, ...], ...]]:
    """Seconds of one pass, of each block that was timed in each turn, for each of several passes that take turns.

    Every second turn is in reverse order, so that none is always the one after another.
    """
    timers = [_timer(run, threads) for run in runs]
    for timer in timers:
        timer.timeit(1)  # warm up
    times: list[list[tuple[float, ...]]] = [[] for _ in timers]
    for turn in range(ROUNDS):
        for place in sorted(range(len(timers)), reverse=turn % 2 == 1):
            times[place].append(tuple(timers[place].blocked_autorange(min_run_time=seconds / ROUNDS).times))
    return [tuple(found) for found in times]


def rows_of(passes: Passes, row_of: Callable[[str], str], seconds: float, threads: int) -> dict[str, tuple[float, ...]]:
    """The times of each row, in whole passes."""
    found: dict[str, list[float]] = {}
    before, begin, count = torch.get_num_threads(), perf_counter(), 0
    torch.set_num_threads(threads)
    try:
        passes.run()
        while count < FEWEST or perf_counter() - begin < seconds:
            for row, time in passes.seconds_of(row_of).items():
                found.setdefault(row, []).append(time)
            count += 1
    finally:
        torch.set_num_threads(before)
    return {row: tuple(times) for row, times in found.items()}


def peak(memory: Memory, seconds: float, threads: int) -> Peak:
    """What the device reaches in arithmetic and in memory."""
    large = memory.device.type == "cuda"
    side, copied = (8192, 2**30) if large else (1024, 2**27)
    a, b = (memory.placed(torch.rand(side, side)) for _ in range(2))
    source = torch.zeros(copied, dtype=torch.uint8, device=memory.device)
    target = torch.ones_like(source)
    with precise_as_convolutions(memory):
        product, copy = (
            min(_timer(run, threads).blocked_autorange(min_run_time=seconds).times)
            for run in (lambda: torch.mm(a, b), lambda: target.copy_(source))
        )
    return Peak(2 * side**3 / product, 2 * copied / copy, side, copied)


@contextmanager
def precise_as_convolutions(memory: Memory) -> Iterator[None]:
    """On CUDA, FP32 products in the precision of convolutions: cuDNN takes TF32 where it may, products do not."""
    if memory.device.type != "cuda" or not torch.backends.cudnn.allow_tf32:
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def memory_of(device: str, *, half: bool, channels_last: bool) -> Memory:
    """Where tensors are made."""
    return Memory(torch.device(device), torch.float16 if half else torch.float32, channels_last)


def has_cuda() -> bool:
    """Whether torch can use an NVIDIA device."""
    return bool(torch.cuda.is_available())


def machine(device: str, threads: int) -> str:
    """The device, and how busy the machine is, in words."""
    name = f", {torch.cuda.get_device_name()}" if device == "cuda" else f", {threads} thread{'s' * (threads != 1)}"
    load = f", load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
    return f"torch {torch.__version__}, {device}{name}{load}"


def default_threads() -> int:
    """Threads that torch uses where nobody says how many."""
    return int(torch.get_num_threads())


def _timer(run: Callable[[], object], threads: int) -> Timer:
    with torch.inference_mode():
        return Timer("run()", globals={"run": run}, num_threads=threads)

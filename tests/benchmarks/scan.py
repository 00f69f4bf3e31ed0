"""What a scan takes: ten thousand files, 1 % of them broken, 0.5 % hostile, with one job and with two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.attacks.families import control
from tests.checkpoint_files import Asked, save
from tests.environments import ROOT

FILES = 10_000
FEWER = 1000
"""Files of the comparison of one job with two, and of the time by their number."""
RATE = 40
"""Files a second by one job, at least."""
SPEEDUP = 1.8
"""Of two jobs against one, at least: twice, within a tenth."""
MOST_MEGABYTES = 100
"""Of the parent, at most."""


def _folder(home: Path, one: Path, files: int) -> Path:
    """A folder of links to one checkpoint, with broken and hostile files between them."""
    folder = home / str(files)
    folder.mkdir()
    broken, hostile = home / "broken.pt", home / "hostile.pt"
    broken.write_bytes(one.read_bytes()[:5000])
    save(hostile, {**control(), "extra": Asked("os.system", "true")})
    for number in range(files):
        source = broken if number % 100 == 7 else hostile if number % 200 == 11 else one
        os.link(source, folder / f"{number:05}.pt")
    return folder


def _scanned(folder: Path, jobs: int) -> Iterator[float]:
    """Seconds of a scan, and megabytes of its parent process."""
    rows = folder.with_suffix(".jsonl")
    start = perf_counter()
    command = [sys.executable, "-m", "yolo_probe", "scan", str(folder), "--jobs", str(jobs), "--format", "jsonl"]
    process = subprocess.Popen([*command, "-o", str(rows)], cwd=ROOT, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    yield perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    found = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    assert process.returncode == 0
    assert [Path(row["path"]).name for row in found] == sorted(file.name for file in folder.iterdir())
    count = len(found)
    assert sum(row["error"].startswith("cut short") for row in found) == count // 100
    assert sum("would run" in str(row["warnings"]) + row["error"] for row in found) == count // 200
    yield usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def measure_scan(one: Path) -> list[str]:
    """Print what scans of copies of one checkpoint take; the targets that were missed."""
    with TemporaryDirectory(dir=one.parent) as folder:
        home = Path(folder)
        few, many = _folder(home, one, FEWER), _folder(home, one, FILES)
        print(f"\nscan of copies of {one.name}, 1 % broken, 0.5 % hostile: whole commands, every row checked")
        print(f"{'files':>8}{'jobs':>6}{'seconds':>10}{'files/s':>9}{'MB of the parent':>18}")
        rates, memory = {}, []
        for files, home_of, jobs in ((FEWER, few, 1), (FEWER, few, 2), (FILES, many, 2)):
            seconds, megabytes = _scanned(home_of, jobs)
            rates[files, jobs] = files / seconds
            memory.append(megabytes)
            print(f"{files:>8}{jobs:>6}{seconds:>10.1f}{files / seconds:>9.1f}{megabytes:>18.1f}")
    two = rates[FEWER, 2] / rates[FEWER, 1]
    steady = rates[FILES, 2] / rates[FEWER, 2]
    print(f"two jobs: {two:.2f} times one; {FILES:,} files: {steady:.2f} of the rate of {FEWER:,}")
    print(f"targets: {RATE} files/s by one job, two jobs {SPEEDUP} times, {MOST_MEGABYTES} MB")
    return [
        name
        for name, is_missed in (
            ("scan, one job", rates[FEWER, 1] < RATE),
            ("scan, two jobs", two < SPEEDUP),
            ("scan, memory", max(memory) > MOST_MEGABYTES),
        )
        if is_missed
    ]

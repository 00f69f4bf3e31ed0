"""`make bench`: fuse-diff of real checkpoints beside ``import torch`` and beside the host that does the same.

Whole processes, measured in turn in one run, medians; the checkpoints are made once by ``yolov5==7.0.14``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.environments import CACHE, counter, environment, host, run_python

NETWORKS = ("yolov5n", "yolov5s", "yolov5x6")
HOST_NETWORKS = ("yolov5n", "yolov5x6")
"""Networks that the host loads too, once: it takes up to ten seconds and gigabytes."""

LARGEST_SHARE = 0.20
"""Of the time of ``import torch``."""
MOST_MEGABYTES = 45

LOADING = "import sys; from yolov5.models.experimental import attempt_load; attempt_load(sys.argv[1])"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds, user and system."""
    megabytes: float
    """Largest resident set."""


def measure(command: Sequence[str], env: Mapping[str, str]) -> Cost:
    """Cost of running that command to its end."""
    start = perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = perf_counter() - start
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{complaint.decode()[-2000:]}")
    largest = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(wall, usage.ru_utime + usage.ru_stime, largest / 1e6)


def typical(costs: Sequence[Cost]) -> Cost:
    """Median of each figure."""
    return Cost(
        median(cost.wall for cost in costs),
        median(cost.cpu for cost in costs),
        median(cost.megabytes for cost in costs),
    )


def checkpoints() -> Mapping[str, Path]:
    """The best.pt of each network, made by the host at the first call."""
    folder = CACHE / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{name}.pt" for name in NETWORKS}
    missing = [name for name, path in files.items() if not path.is_file()]
    if missing:
        script = Path(__file__).with_name("make_checkpoints.py")
        run_python(script, folder, *missing, paths=[host("7.0.14")])
    return files


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="rounds, after one that does not count (default 7)")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    options = parser.parse_args()

    files = checkpoints()
    probe = str(Path(sys.executable).with_name("yolo-probe"))
    commands = {"import torch": [sys.executable, "-c", "import torch"]}
    commands |= {f"fuse-diff {name}.pt": [probe, "fuse-diff", str(path)] for name, path in files.items()}
    rounds = [
        {name: measure(command, os.environ) for name, command in commands.items()} for _ in range(options.runs + 1)
    ]
    costs = {name: typical([each[name] for each in rounds[1:]]) for name in commands}
    host_environment = environment([host("7.0.14"), counter("ultralytics-thop", "2.2.3")])
    costs |= {
        f"YOLOv5 loads {name}.pt": measure([sys.executable, "-c", LOADING, str(files[name])], host_environment)
        for name in HOST_NETWORKS
    }

    torch = costs["import torch"]
    print(f"medians of {options.runs} runs in turn; of YOLOv5 7.0.14 one run")
    print(f"{'':26}{'wall s':>9}{'CPU s':>9}{'MB':>8}{'of import torch: wall':>24}{'CPU':>8}")
    for name, cost in costs.items():
        shares = f"{cost.wall / torch.wall:>24.3f}{cost.cpu / torch.cpu:>8.3f}"
        print(f"{name:26}{cost.wall:>9.3f}{cost.cpu:>9.3f}{cost.megabytes:>8.1f}{shares}")
    print(f"targets for fuse-diff: at most {LARGEST_SHARE:.2f} of import torch, at most {MOST_MEGABYTES} MB")
    for name in HOST_NETWORKS:
        ours, theirs = costs[f"fuse-diff {name}.pt"], costs[f"YOLOv5 loads {name}.pt"]
        times = (
            f"{theirs.wall / ours.wall:.0f} times the time and {theirs.megabytes / ours.megabytes:.0f} times the memory"
        )
        print(f"{name}: YOLOv5 takes {times}")

    missed = [
        name
        for name, cost in costs.items()
        if name.startswith("fuse-diff")
        and (max(cost.wall / torch.wall, cost.cpu / torch.cpu) > LARGEST_SHARE or cost.megabytes > MOST_MEGABYTES)
    ]
    for name in missed:
        print(f"missed its target: {name}")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    raise SystemExit(main())

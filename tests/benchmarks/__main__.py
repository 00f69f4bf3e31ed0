"""`make bench`: fuse-diff of real checkpoints, ``model_info`` of live models beside the hosts', and a training's probe.

Files: whole processes, beside ``import torch`` too, measured in turn in one run, medians; the checkpoints are made once
by ``yolov5==7.0.14``. Live models: calls in one process on one thread, medians (``live_model.py``). Training:
what the probe takes of a run, in whole processes, medians (``training_overhead.py``). Scan: ten thousand files, once
(``scan.py``).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.benchmarks.scan import measure_scan
from tests.environments import CACHE, HOST_NEEDS, ROOT, counter, environment, host, release
from tests.processes import run_python

NETWORKS = ("yolov5n", "yolov5s", "yolov5x6")
HOST_NETWORKS = ("yolov5n", "yolov5x6")
"""Networks that the host loads too, once: it takes up to ten seconds and gigabytes."""

LARGEST_SHARE = 0.20
"""Of the time of ``import torch``."""
MOST_MEGABYTES = 45

LIVE_SHARES = {"yolov5s": {"ultralytics": 0.45, "classic": 0.25}, "yolov5x6": {"ultralytics": 0.20, "classic": 0.10}}
"""Of the time of each host's own ``model_info``, at most, called several times in a row."""
LIVE_MEMORY = 0.05
"""Of the bytes of the model, at most."""

TRAINING_SECONDS = 1.0
"""Of a run with every event on and ``verify`` off, at most."""
MOST_TRAININGS = 3

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


def measure_files(runs: int) -> list[str]:
    """Print what fuse-diff of files takes; the targets that it missed."""
    files = checkpoints()
    probe = str(Path(sys.executable).with_name("yolo-probe"))
    commands = {"import torch": [sys.executable, "-c", "import torch"]}
    commands |= {f"fuse-diff {name}.pt": [probe, "fuse-diff", str(path)] for name, path in files.items()}
    rounds = [{name: measure(command, os.environ) for name, command in commands.items()} for _ in range(runs + 1)]
    costs = {name: typical([each[name] for each in rounds[1:]]) for name in commands}
    host_environment = environment([host("7.0.14"), counter("ultralytics-thop", "2.2.3")])
    costs |= {
        f"YOLOv5 loads {name}.pt": measure([sys.executable, "-c", LOADING, str(files[name])], host_environment)
        for name in HOST_NETWORKS
    }

    torch = costs["import torch"]
    print(f"medians of {runs} runs in turn; of YOLOv5 7.0.14 one run")
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

    return [
        name
        for name, cost in costs.items()
        if name.startswith("fuse-diff")
        and (max(cost.wall / torch.wall, cost.cpu / torch.cpu) > LARGEST_SHARE or cost.megabytes > MOST_MEGABYTES)
    ]


def measure_live(runs: int) -> list[str]:
    """Print what ``model_info`` of live models takes; the targets that it missed."""
    paths = [ROOT, host("7.0.14"), counter("ultralytics-thop", "2.2.3")]
    script = Path(__file__).with_name("live_model.py")
    done = run_python(script, runs, *LIVE_SHARES, paths=paths, anew=True)
    print(f"\nmodel_info of a live model, with FLOPs: milliseconds, medians of {runs} rows of five calls, one thread")
    print(f"{'':14}{'beside':>12}{'its own':>10}{'ours':>8}{'share':>8}{'in turn':>9}{'target':>8}", end="")
    print(f"{'extra memory':>14}{'target':>8}")
    missed = []
    for line in done.stdout.splitlines():
        if not line.startswith("{"):
            continue
        found = json.loads(line)
        case = f"{found['network']} {found['size']}"
        for name, target in LIVE_SHARES[found["network"]].items():
            its, ours = found["times"]["in a row"][name], found["times"]["in a row"][f"ours as {name}"]
            in_turn = found["times"]["in turn"][f"ours as {name}"] / found["times"]["in turn"][name]
            figures = f"{its:>10.1f}{ours:>8.1f}{ours / its:>8.3f}{in_turn:>9.3f}{target:>8.2f}"
            print(f"{case:14}{name:>12}{figures}{found['share']:>14.3f}{LIVE_MEMORY:>8.2f}")
            if ours / its > target:
                missed.append(f"{case} beside {name}")
        if found["share"] > LIVE_MEMORY:
            missed.append(f"{case}, memory")
    print("in turn: three times as many rounds in which each call follows another one, whose data fill the caches")
    print("extra memory: the peak of what Python allocates and all real tensors of one call, of the model's own bytes")
    return missed


def measure_training(runs: int) -> list[str]:
    """Print what a probe takes of a training; the target, if it was missed."""
    paths = [ROOT, host("7.0.14"), counter("ultralytics-thop", "2.2.3"), *(release(*each) for each in HOST_NEEDS)]
    script = Path(__file__).with_name("training_overhead.py")
    compiled = {"PYTHONDONTWRITEBYTECODE": ""}  # the first round leaves what every later import of a user finds
    found: dict[str, list[dict[str, list[float]]]] = {"plain": [], "verify": []}
    for _ in range(min(runs, MOST_TRAININGS) + 1):
        for variant, costs in found.items():
            with TemporaryDirectory() as folder:
                done = run_python(script, folder, "yolov5s.yaml", variant, paths=paths, env=compiled, anew=True)
            costs.append(json.loads(done.stdout.splitlines()[-1]))
    print("\na training of yolov5s, every event, file and picture: seconds in the probe, medians of whole processes")
    print(f"{'':6}{'import':>10}{'register':>10}{'events':>10}{'total':>10}{'target':>10}{'verify, not in it':>20}")
    totals = []
    for clock, name in enumerate(("wall", "CPU")):
        parts = [median(cost[part][clock] for cost in found["plain"][1:]) for part in ("import", "register", "events")]
        verified = median(sum(each[clock] for each in cost.values()) for cost in found["verify"][1:])
        totals.append(sum(parts))
        figures = "".join(f"{seconds:>10.3f}" for seconds in (*parts, totals[-1], TRAINING_SECONDS))
        print(f"{name:6}{figures}{verified - totals[-1]:>20.3f}")
    return ["a training of yolov5s"] if totals[0] > TRAINING_SECONDS else []


def measure_files_in_folders(_: int) -> list[str]:
    """Print what scans take; the targets that were missed."""
    return measure_scan(checkpoints()["yolov5n"])


PARTS = {
    "files": measure_files,
    "live": measure_live,
    "training": measure_training,
    "scan": measure_files_in_folders,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="rounds, after one that does not count (default 7)")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; by default all")
    parser.add_argument("--check", action="store_true", help="exit with 1 if a target is missed")
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"found {', '.join(unknown)}, expected parts of {', '.join(PARTS)}")
    missed = [name for part in options.parts or PARTS for name in PARTS[part](options.runs)]
    for name in missed:
        print(f"missed its target: {name}")
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    raise SystemExit(main())

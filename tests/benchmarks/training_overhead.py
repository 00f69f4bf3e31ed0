"""Run inside a host's process: the seconds that a probe takes of a training, every event, file and picture included.

Arguments: a folder, a network's YAML, ``verify`` or ``plain``. The events of a training are played with the host's own
objects (``callbacks_check``). Prints one line of JSON: wall and CPU seconds of the import, of registering, and of all
calls of the probe. What the host has imported by then, matplotlib with it, is not the probe's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import matplotlib  # noqa: F401  # hosts draw with it
import yolov5.models.yolo  # noqa: F401
from yolov5.utils.callbacks import Callbacks

PROBE = "yolo_probe"


def main(folder: Path, network: str, verify: bool) -> None:
    assert PROBE not in sys.modules
    spent: dict[str, list[float]] = {}

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        wall, cpu = perf_counter(), process_time()
        yield
        found = spent.setdefault(part, [0.0, 0.0])
        found[0] += perf_counter() - wall
        found[1] += process_time() - cpu

    with timed("import"):
        import yolo_probe
        from yolo_probe.training.probe import Probe
    guarded = Probe._guarded

    def measured(probe: Probe, handler: str, *args: Any, **kwargs: Any) -> None:
        with timed("events"):
            guarded(probe, handler, *args, **kwargs)

    setattr(Probe, "_guarded", measured)  # noqa: B010  # the package knows nothing of being measured
    callbacks = Callbacks()
    with timed("register"):
        yolo_probe.register(callbacks, imgsz=640, verify=verify)
    from tests.oracles.callbacks_check import New, options_of

    New.train({}, options_of(folder, cfg=network, imgsz=640), "cpu", callbacks)
    assert (folder / "probe.png").is_file()
    print(json.dumps(spent), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "verify")

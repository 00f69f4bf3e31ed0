"""Inside a process with YOLOv5 7.0.14: the operators of its live networks beside those of the same names' YAML."""

from __future__ import annotations

import sys

from tests.oracles.counters_check import build
from yolo_probe.hosts.target import resolve
from yolo_probe.live.live import Live
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.trace import trace

IMAGE = (1, 3, 640, 640)


def facts(record: OpRecord) -> tuple[object, ...]:
    """What both ways must agree on; a shared module's path is the first of its places in one, each in the other."""
    options = {
        name: record.options.get(name) for name in ("bias", "affine", "training", "contiguous", "sized", "groups")
    }
    place = record.path if record.slots == 1 else ""
    return record.operator, place, record.kind, record.output, record.weight, record.slots, record.functional, options


def main() -> None:
    for network in sys.argv[1:]:
        live, _ = build(network)
        root = resolve(f"{network}@v7.0").root
        for training in (False, True):
            ours = [facts(record) for record in trace(root, IMAGE, training=training).records]
            theirs = [facts(record) for record in Live(live, training=training).trace(IMAGE).records]
            print("same" if ours == theirs else "differs", network, training)


if __name__ == "__main__":
    main()

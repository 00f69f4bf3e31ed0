"""Computes ``configs/known_lines.json`` anew: ``python -m tests.known_lines [FILE.jsonl ...]``.

The networks of YOLOv5 and its forks are computed here. Those of ultralytics are taken from files that
``tests.known_lines.of_ultralytics`` writes, one for each release and named after it; without such files they stay as
they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.known_lines.ours import entry
from yolo_probe import shipped_files
from yolo_probe.hosts.summary_line import FORMS, ULTRALYTICS_FORMS
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.ultralytics import form_of_release
from yolo_probe.networks.generations import GENERATIONS
from yolo_probe.networks.shipped import FORKS, fork_network_names, network_names

FILE = shipped_files.path("known_lines.json")
OWN_ACTIVATIONS = (
    "loaded from a file whose Conv have an activation each: all of before 16 September 2022, the official ones too"
)

Entry = dict[str, Any]


def of_yolov5() -> Iterator[Entry]:
    """Every network of every generation; and those of v6.2 as later code prints them from an older file."""
    for generation in GENERATIONS:
        for name in network_names(generation):
            print(name, generation, file=sys.stderr)
            yield _entry(f"{name}@{generation}", name, generation)
    for generation in ("v7.0", "head"):
        for name in network_names("v6.2"):
            yield _entry(f"{name}@v6.2", name, generation) | {"note": OWN_ACTIVATIONS}


def _entry(target: str, name: str, generation: Any) -> Entry:
    words = {"network": name, "family": "YOLOv5", "hosts": [generation], "forms": [generation]}
    return entry(target, FORMS[generation], **words)


def of_forks() -> Iterator[Entry]:
    """Every network that a fork ships, and that it names itself."""
    for fork, family in FORKS.items():
        for name in fork_network_names(fork):
            print(name, fork, file=sys.stderr)
            target = f"{name}@{fork}"
            form = resolve(target).origin.form
            generation = next(
                each for each, other in FORMS.items() if replace(other, smallest_image=form.smallest_image) == form
            )
            yield entry(target, form, network=name, family=family, hosts=[], forms=[generation])


def of_ultralytics(files: Iterable[Path]) -> Iterator[Entry]:
    """The networks of each release, with the layers that its form of line counts."""
    for file in files:
        form = form_of_release(file.stem)
        for line in file.read_text(encoding="utf-8").splitlines():
            found = json.loads(line)
            counts = {"modules": found.pop("modules"), "leaf_modules": found.pop("leaves")}
            counter = "ultralytics-thop-2.2" if form is ULTRALYTICS_FORMS[0][1] else "thop-0.1"
            yield {
                "network": found.pop("network"),
                "family": "ultralytics",
                "hosts": [file.stem],
                "forms": [file.stem],
                "layers": counts[form.layers],
                "counters": [counter],
                **found,
            }


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """Entries that differ in their hosts alone as one."""
    found: dict[str, Entry] = {}
    for each in entries:
        key = json.dumps(
            {name: value for name, value in each.items() if name not in ("hosts", "forms")}, sort_keys=True
        )
        if key in found:
            found[key]["hosts"] += each["hosts"]
            found[key]["forms"] += each["forms"]
        else:
            found[key] = each
    return list(found.values())


def main(files: list[Path]) -> None:
    """Writes the file."""
    before = json.loads(FILE.read_text(encoding="utf-8"))["networks"] if FILE.is_file() else []
    theirs = list(of_ultralytics(files)) or [each for each in before if each["family"] == "ultralytics"]
    networks = merged([*of_yolov5(), *of_forks(), *theirs])
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in networks)
    FILE.write_text(f'{{"networks":[\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(sorted(map(Path, sys.argv[1:])))

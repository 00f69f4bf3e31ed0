"""Computes ``configs/known_lines.json`` anew: ``python -m tests.known_lines [FILE.jsonl ...]``.

The networks of YOLOv5 and its forks are computed here. Those of ultralytics are taken from files that
``tests.known_lines.of_ultralytics`` writes, one for each release and named after it; without such files they stay as
they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.known_lines.ours import classifier, detector, entry
from yolo_probe import shipped_files
from yolo_probe.hosts.known_lines import release_numbers
from yolo_probe.hosts.summary_line import FORMS, ULTRALYTICS_FORMS
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.ultralytics import form_of_release
from yolo_probe.networks.generations import GENERATIONS, Generation
from yolo_probe.networks.shipped import FORKS, fork_network_names, network_names

FILE = shipped_files.path("known_lines.json")

LATER: Sequence[tuple[Generation, Sequence[Generation], str]] = (
    (
        "v6.2", ("v7.0", "head"),
        "loaded from a file whose Conv have an activation each: all of before 16 September 2022, the official ones too",
    ),
    ("v5.0", ("v6.0", "v6.1", "v6.2", "v7.0", "head"), "loaded from a file of v5.0 or v4.0"),
    ("v3.1", ("v4.0", "v5.0"), "that of v3.1: loaded from its file, or built by a master of November or December 2020"),
)  # fmt: skip
"""Networks of one generation that later ones print in another way than their own, and which files these are."""

CLASSIFIERS = ("n", "s", "m", "l", "x")

Entry = dict[str, Any]


def of_yolov5() -> Iterator[Entry]:
    """Every network of every generation, and those of older files as later generations print them."""
    for generation in GENERATIONS:
        for name in network_names(generation):
            yield _entry(name, generation, generation)
    for made_by, printed_by, note in LATER:
        for generation in printed_by:
            for name in network_names(made_by):
                yield _entry(name, made_by, generation, note)
    for made_by, generation, note in (("v6.2", "v6.2", ""), ("v7.0", "v7.0", ""), ("v6.2", "v7.0", LATER[0][2])):
        for size in CLASSIFIERS:
            yield _entry(f"yolov5{size}", made_by, generation, note, cls="-cls")


def _entry(name: str, made_by: Any, printed_by: Any, note: str = "", *, cls: str = "") -> Entry:
    print(name, made_by, printed_by, file=sys.stderr)
    make = classifier if cls else detector
    words = {"network": f"{name}{cls}", "family": "YOLOv5", "hosts": [printed_by], "forms": [printed_by]}
    noted = {"note": note} if note else {}
    return entry(make(f"{name}@{made_by}"), FORMS[printed_by], loaded=bool(note), **words, **noted)


def of_forks() -> Iterator[Entry]:
    """Every network that a fork ships, and that it names itself."""
    for fork, family in FORKS.items():
        for name in fork_network_names(fork):
            print(name, fork, file=sys.stderr)
            target = f"{name}@{fork}"
            form = resolve(target).origin.form
            least = form.smallest_image
            generation = next(each for each, other in FORMS.items() if replace(other, smallest_image=least) == form)
            yield entry(detector(target), form, network=name, family=family, hosts=[], forms=[generation])


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
    """Writes the file. With files of releases, all but those stays as it is."""
    before = json.loads(FILE.read_text(encoding="utf-8"))["networks"] if FILE.is_file() else []
    theirs = [each for each in before if each["family"] == "ultralytics"]
    ours = [each for each in before if each["family"] != "ultralytics"]
    networks = merged([*ours, *of_ultralytics(files)] if files else [*of_yolov5(), *of_forks(), *theirs])
    lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in networks)
    FILE.write_text(f'{{"networks":[\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(sorted(map(Path, sys.argv[1:]), key=lambda file: release_numbers(file.stem)))

"""The releases of ultralytics in stretches within which every network prints the same figures, and how one is asked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.environments import CACHE, OLDER_ULTRALYTICS_NEEDS, ROOT, counter, environment, release
from yolo_probe.hosts.known_lines import release_numbers as _key
from yolo_probe.hosts.summary_line import ULTRALYTICS_FORMS


@dataclass(frozen=True)
class Stretch:
    """Releases within which every network prints the same figures."""

    first: str
    last: str
    changed: str = ""
    """The names of the networks that print others than in the release ``like``, as a pattern; empty: all are asked."""
    like: str = ""


STRETCHES = (
    Stretch("8.0.0", "8.0.6"),  # the next one on PyPI is 8.0.35
    Stretch("8.0.35", "8.0.124"),  # "(fused)" in the line
    Stretch("8.0.125", "8.0.235"),  # class branches no wider than 100
    Stretch("8.0.236", "8.2.69", "rtdetr", "8.2.103"),  # RT-DETR prints GFLOPs
    Stretch("8.2.70", "8.2.103"),  # RT-DETR: an activation more
    Stretch("8.3.0", "8.3.16"),  # YOLO11's class branches in every head
    Stretch("8.3.17", "8.3.110", "yolov10", "8.3.188"),
    Stretch("8.3.111", "8.3.188"),  # fuse() takes the one-to-many head of YOLOv10 out
    Stretch("8.3.189", "8.3.236", "rtdetr", "8.3.253"),  # what fuse() merges no longer trains
    Stretch("8.3.237", "8.3.253"),  # RT-DETR: a norm more
    Stretch("8.4.0", "8.4.102"),  # SPPF: an Identity more
    Stretch("8.4.103", "8.4.104", "rtdetr", "8.4.108"),  # a row as wide as there are classes is scaled too
    Stretch("8.4.105", "8.4.106", "rtdetr", "8.4.108"),  # RT-DETR: an activation more
    Stretch("8.4.107", "8.4.108"),  # thop counts the model itself: after a pass that fails, what it has counted stays
    Stretch("8.4.109", "8.4.139"),  # FLOPs of the whole image
    Stretch("8.4.140", "8.4.140", "rtdetr", "8.4.139"),  # RT-DETR says that it is fused
    Stretch("8.4.141", "8.4.141", "yolov10|yolo(?:e-)?26", "8.4.190"),  # SPPF as before 8.4
    Stretch("8.4.142", "8.4.190"),  # fuse() takes the one-to-one head out
)
"""All releases, with what is new in each stretch."""

OLD_THOPS = {
    "thop-0.1": ("thop", "0.1.1.post2209072238"),
    "ultralytics-thop-2.0.16": ("ultralytics-thop", "2.0.16"),
    "ultralytics-thop-2.2": ("ultralytics-thop", "2.2.3"),
}
NEW_THOPS = {"ultralytics-thop-2.2": ("ultralytics-thop", "2.2.3")}
"""Releases of thop by the name of their rules: those that users had in their day, and the one that pip installs now."""

RESULTS = CACHE / "known_lines"

Entry = dict[str, Any]


def _thops(version: str) -> Mapping[str, str]:
    thops = NEW_THOPS if _key(version) >= (8, 4, 109) else OLD_THOPS
    return {name: str(counter(*thop)) for name, thop in thops.items()}


def paths(version: str) -> list[Path]:
    """The folders of that release, and of what it imports beyond what this environment has."""
    needs = list(OLDER_ULTRALYTICS_NEEDS)
    if _key(version) < (8, 0, 35):
        needs += [("hydra-core", "1.3.2"), ("omegaconf", "2.3.0"), ("antlr4-python3-runtime", "4.9.3")]
    if (8, 0, 239) <= _key(version) < (8, 2):
        needs.append(("hub-sdk", "0.0.21"))
    return [ROOT, release("ultralytics", version), *(release(*need) for need in needs)]


def recorded(
    version: str, known: Mapping[str, list[Entry]], networks: Iterable[str] = (), pattern: str = ""
) -> list[Entry]:
    """What that release says of its networks: those, or all that it ships and a pattern is found in.

    ``known``: entries of other releases; where a network is like one of them, that is the answer.
    """
    task = {"thops": _thops(version), "known": known, "networks": list(networks), "pattern": pattern}
    done = subprocess.run(
        [sys.executable, "-m", "tests.known_lines.of_ultralytics"],
        input=json.dumps(task),
        env=_environment(version),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _environment(version: str) -> dict[str, str]:
    """That of a host; early releases do not take the folder of their settings from it, or fail with it."""
    found = environment(paths(version))
    if _key(version) < (8, 0, 66):
        found["HOME"] = found.pop("YOLO_CONFIG_DIR")
    return found


BORN = {
    "yolov3": "8.0.1",
    "yolov3-spp": "8.0.1",
    "yolov3-tiny": "8.0.1",
    "yolov5": "8.0.1",
    "yolov5-p6": "8.0.55",
    "yolov6": "8.0.110",  # that of 8.0.108 and 8.0.109 was another network
    "yolov8-p2": "8.0.56",
    "yolov8-p6": "8.0.55",
    "yolov8-pose": "8.0.66",
    "yolov8-pose-p6": "8.0.66",
    "yolov8-seg-p6": "8.0.180",
    "yolov8-ghost": "8.0.222",
    "yolov8-ghost-p2": "8.0.223",
    "yolov8-ghost-p6": "8.0.223",
    "yolov8-rtdetr": "8.0.119",
    "yolov8-cls-resnet50": "8.1.3",
    "yolov8-cls-resnet101": "8.1.3",
    "yolov8-obb": "8.0.235",
    "yolov8-world": "8.1.42",  # that of 8.1.17 to 8.1.23 was another network
    "yolov8-worldv2": "8.1.42",
    "rtdetr-l": "8.0.119",
    "rtdetr-x": "8.0.119",
    "rtdetr-resnet50": "8.0.223",
    "rtdetr-resnet101": "8.0.223",
    "yolov9c": "8.1.23",
    "yolov9e": "8.1.23",
    "yolov9c-seg": "8.1.42",
    "yolov9e-seg": "8.1.42",
    "yolov9t": "8.2.35",
    "yolov9s": "8.2.35",
    "yolov9m": "8.2.35",
    "yolov10": "8.2.38",
    "yolo12": "8.3.78",
    "yolo12-cls": "8.3.78",
    "yolo12-obb": "8.3.78",
    "yolo12-pose": "8.3.78",
    "yolo12-seg": "8.3.78",
    "yoloe-11": "8.3.99",
    "yoloe-11-seg": "8.3.99",
    "yoloe-v8": "8.3.99",
    "yoloe-v8-seg": "8.3.99",
    "yolo26-p6": "8.4.1",  # that of 8.4.0 was another network
    "yolo26-sem": "8.4.52",
    "yolo26-depth": "8.4.104",
}
"""The first release that ships a network, by the name of its YAML; else one that begins a stretch."""

SAMPLE = re.compile(r"yolo(?:e-)?v?\d+[nt]($|-)|yolov9c|yolov3$|rtdetr-l|cls-resnet50")
"""The networks of which the first release of a stretch is asked; the last one is asked of all."""


def stretches(pattern: str = "") -> Iterator[tuple[str, str, str, Entry]]:
    """Every network of every stretch: its name, the first and the last release that have it, what is recorded of it.

    ``pattern``: what is found in the names of those that are meant.

    Raises: RuntimeError where the first release of a stretch has other figures than the last one.
    """
    asked = [stretch for stretch in STRETCHES if not stretch.changed]
    known: dict[str, list[Entry]] = {}
    found: dict[str, dict[str, Entry]] = {}
    for stretch in (*reversed(asked), *(stretch for stretch in STRETCHES if stretch.changed)):
        others = {name: each for name, each in found.get(stretch.like, {}).items() if _born(name) <= _key(stretch.last)}
        names = [name for name in others if re.search(stretch.changed, name)]
        asks = bool(names) or not stretch.changed
        found[stretch.last] = others | (_kept(stretch.last, known, names, pattern) if asks else {})
        for name, each in found[stretch.last].items():
            if each not in known.setdefault(name, []):
                known[name].append(each)
    for stretch in STRETCHES:
        at_end = found[stretch.last]
        begins = {name: max(stretch.first, BORN.get(_stem(name), "8.0.0"), key=_key) for name in at_end}
        for begin in dict.fromkeys(begins.values()):
            sample = {name: at_end[name] for name in begins if begins[name] == begin and SAMPLE.match(name)}
            _check(begin, sample, known, pattern)
        yield from ((name, begins[name], stretch.last, each) for name, each in at_end.items())


def _check(version: str, expected: Mapping[str, Entry], known: Mapping[str, list[Entry]], pattern: str) -> None:
    found = _kept(version, known, list(expected), pattern) if expected else {}
    if unlike := [name for name in expected if found.get(name) != expected[name]]:
        raise RuntimeError(
            f"{version}: found other figures than at the end of its stretch, expected the same: {unlike}"
        )


def periods() -> list[str]:
    """All releases, in periods without a change of figures, of the line or of the networks: ``8.3.0 to 8.3.16``."""
    forms = (".".join(map(str, first)) for first, _ in ULTRALYTICS_FORMS if len(first) == 3)
    ends = {stretch.first: stretch.last for stretch in STRETCHES}
    firsts = sorted({*ends, *BORN.values(), *forms}, key=_key)
    found = []
    for first, following in zip(firsts, [*firsts[1:], None], strict=True):
        last = ends[max((each for each in ends if _key(each) <= _key(first)), key=_key)]
        if following and following not in ends:
            *line, patch = _key(following)
            last = ".".join(map(str, (*line, patch - 1)))
        found.append(f"{first} to {last}")
    return found


def _stem(network: str) -> str:
    """The name of a network's YAML, without the letter of the scale."""
    return re.sub(r"^(yolo(?:e-)?v?(?:[568]|1\d|26))[nsmblx]", r"\1", network)


def _born(network: str) -> tuple[int, ...]:
    return _key(BORN.get(_stem(network), "8.0.0"))


def _kept(
    version: str, known: Mapping[str, list[Entry]], networks: Sequence[str] = (), pattern: str = ""
) -> dict[str, Entry]:
    """What ``recorded`` gives, by network; what was asked before is taken from ``.cache``."""
    file = RESULTS / re.sub(r"\W+", "_", pattern) / f"{version}.jsonl"
    found = {}
    if file.is_file():
        lines = file.read_text(encoding="utf-8").splitlines()
        found = {each["network"]: each for each in map(json.loads, lines)}
    missing = [name for name in networks if name not in found]
    if missing or not (networks or found):
        found |= {each["network"]: each for each in recorded(version, known, missing, pattern)}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{json.dumps(each)}\n" for each in found.values()), encoding="utf-8")
    return found

"""The numbers that every known host prints of every network that it ships, for any number of classes.

They are computed from the networks themselves by ``python -m tests.known_lines`` and kept in
``configs/known_lines.json``. There a figure is a curve: pieces that begin at a number of classes, each with the figure
there, its growth to the next number, and the growth of that growth. What several networks have in common is kept once.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from itertools import groupby
from typing import Any, Literal

from yolo_probe import shipped_files
from yolo_probe.hosts.summary_line import LayerDefinition
from yolo_probe.hosts.ultralytics import form_of_release
from yolo_probe.networks.shipped import FORKS, fork_network_names, is_shipped

GradientState = Literal["stripped", "no_grad", "autograd"]
GRADIENT_STATES: tuple[GradientState, ...] = ("stripped", "no_grad", "autograd")
"""What was fused, and how: a file that trains nothing; a model that trains, without and with autograd."""

MOST_CLASSES = 10_000
"""Most classes that a printed line is tried with."""

Piece = Sequence[int]
"""The first number of classes, the figure there, its growth, and the growth of that; zeros at the end are left out.

The first number alone: from it on a host prints no such figure.
"""

Curve = Sequence[Piece]
"""A figure for any number of classes."""

Keypoints = tuple[int, int]
"""How many keypoints a network of poses finds, and how many numbers each has, as ``kpt_shape`` of the data."""

PERSON: Keypoints = (17, 3)
"""Those of a person in COCO, with which networks of poses are shipped."""


def value_at(curve: Curve, classes: int) -> int | None:
    """The figure for a number of classes; None where a host prints none."""
    if not curve:
        return None
    piece = curve[max(bisect_right(curve, classes, key=_first) - 1, 0)] if len(curve) > 1 else curve[0]
    if len(piece) < 3:
        return piece[1] if len(piece) == 2 else None
    more = classes - piece[0]
    second = piece[3] * (more * (more - 1) // 2) if len(piece) > 3 else 0
    return piece[1] + piece[2] * more + second


def count_at(curve: Curve, classes: int) -> int:
    """A figure that every host prints."""
    count = value_at(curve, classes)
    assert count is not None
    return count


def _first(piece: Piece) -> int:
    return piece[0]


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """What ``fuse()`` does to some modules of a network beside its merges."""

    cause: str
    why: str
    layers: tuple[int, int]
    """Those that go and those that come."""
    parameters: tuple[int, int]
    gradients: tuple[int, int]
    flops: Mapping[str, tuple[int, int]]
    """By counter."""


@dataclass(frozen=True, slots=True)
class RecordedFusion:
    """What ``fuse()`` does to a network of its host with a number of classes."""

    merged: int
    """BatchNorms that are merged."""
    channels: int
    """Of all of them."""
    trained: int
    """Parameters of the merged convolutions and BatchNorms that trained before."""
    trains: Mapping[GradientState, int]
    """Those of the new convolutions that train after it."""
    norms: Mapping[str, int]
    """FLOPs of the merged BatchNorms, by counter."""
    changes: tuple[RecordedChange, ...]


@dataclass(frozen=True)
class Numbers:
    """The figures of one network for one number of classes; of each pair the first is unfused, the second fused."""

    network: KnownNetwork
    classes: int

    @cached_property
    def parameters(self) -> tuple[int, int]:
        """Before and after ``fuse()``."""
        return self.network.parameters(self.classes, False), self.network.parameters(self.classes, True)

    @cached_property
    def gradients(self) -> Mapping[GradientState, int]:
        """Gradients after ``fuse()``."""
        states = zip(GRADIENT_STATES, self.network.figures[2:], strict=True)
        return {state: count_at(curve_of(number), self.classes) for state, number in states}

    @cached_property
    def gflops(self) -> Mapping[str, tuple[float | None, float | None]]:
        """By counter; None where the host leaves them out."""
        pairs = self.network.flops.items()
        return {counter: (self._gflops(before), self._gflops(after)) for counter, (before, after) in pairs}

    def _gflops(self, number: int | Curve) -> float | None:
        flops = value_at(curve_of(number), self.classes)
        return None if flops is None else flops / 1e9


@dataclass(frozen=True, eq=False)
class KnownNetwork:
    """One network as some hosts build, print and fuse it."""

    network: str
    family: str
    """Its host: ``YOLOv5``, ``ultralytics``, ``YOLOv7``."""
    hosts: tuple[str, ...]
    """The generations, or the stretches of releases (``8.3.17 to 8.3.75``), with these numbers; a fork has none."""
    forms: tuple[str, ...]
    """The form of each one's line: a key of ``FORMS``, or releases of ultralytics."""
    note: str
    """What its structure is unlike that of a network built today; empty for one that is."""
    layers: tuple[int, int]
    """Unfused and fused, in the definition of these hosts."""
    says_fused: tuple[bool, bool]
    """Whether "(fused)" stands in its line, before and after ``fuse()``."""
    fixed: int
    """Parameters that never train: the fixed numbers of DFL."""
    rows: Sequence[Sequence[int]]
    """Parameters of each row but the last, the head, unfused and fused."""
    figures: Sequence[int | Curve]
    """The curves of parameters, unfused and fused, and of gradients after ``fuse()`` in each of ``GRADIENT_STATES``."""
    flops: Mapping[str, Sequence[int | Curve]]
    """The curves of FLOPs by counter, unfused and fused."""
    parts: Mapping[str, Any] | None
    """What ``fuse()`` does to it, as the file has it; None where it is computed when it is asked for."""
    is_only_fused: bool = False
    """Whether it is another network after ``fuse()`` alone; before it, it is the one without a note."""
    keypoints: Keypoints | None = None
    """Of a network of poses: those that it is for, where they are not those of a person."""
    by_keypoints: Mapping[str, Mapping[str, Any]] | None = None
    """Of a network of poses: its figures with one class for any number of keypoints, by how many numbers each has."""

    @property
    def name(self) -> str:
        """The name that leads to it here: ``yolov5s6@yolov5-face``, where others have a network of that name."""
        if self.family == "ultralytics":
            return f"{self.network}u" if re.match("yolov[35]", self.network) else self.network
        theirs = [fork for fork in FORKS if self.network in fork_network_names(fork)]
        fork = next((fork for fork in theirs if FORKS[fork] == self.family), "")
        is_first = theirs[:1] == [fork] and not is_shipped(self.network)
        return f"{self.network}@{fork}" if fork and not is_first else self.network

    @property
    def counters(self) -> Sequence[str]:
        """The counters of its FLOPs, the oldest first."""
        return list(self.flops)

    @property
    def usual_counters(self) -> Sequence[str]:
        """Those without the thop of ultralytics, which came after YOLOv5 v7.0; all where it has no others."""
        older = [name for name in self.flops if not name.startswith("ultralytics-")]
        return older if older and self.family != "ultralytics" else self.counters

    def numbers(self, classes: int) -> Numbers:
        """The figures for a number of classes."""
        return Numbers(self, classes)

    def parameters(self, classes: int, fused: bool) -> int:
        """Those with a number of classes."""
        return count_at(curve_of(self.figures[fused]), classes)

    @property
    def states(self) -> Sequence[bool]:
        """The states in which it is another network than those that are known without it: fused is True."""
        return (True,) if self.is_only_fused else (False, True)

    def added_by(self, keypoints: Keypoints, fused: bool) -> int:
        """Parameters that these keypoints add to those of a person, whatever the number of classes."""
        assert self.by_keypoints
        theirs, persons = (self.by_keypoints[str(numbers)]["figures"][fused] for _, numbers in (keypoints, PERSON))
        return _added(theirs, persons, keypoints[0])

    def with_keypoints(self, keypoints: Keypoints) -> KnownNetwork:
        """The same network for other keypoints: what they add in the head is added to each of its figures."""
        assert self.by_keypoints
        count, numbers = keypoints
        theirs, persons = self.by_keypoints[str(numbers)], self.by_keypoints[str(PERSON[1])]

        def moved(name: str, value: Any) -> Any:
            return _moved(value, theirs[name], persons[name], count)

        return replace(
            self,
            note=f"one for {_counted(count)} of {numbers} numbers each, kpt_shape [{count}, {numbers}]",
            keypoints=keypoints,
            figures=moved("figures", self.figures),
            flops=moved("flops", {name: pair for name, pair in self.flops.items() if name in theirs["flops"]}),
            parts=self.parts and moved("fusion", self.parts),
        )

    def fusion(self, classes: int) -> RecordedFusion | None:
        """What ``fuse()`` does to it; None where that is not recorded."""
        return _fusion(self.parts, classes, self.definition) if self.parts else None

    @property
    def definition(self) -> LayerDefinition:
        """What a layer is to the hosts of a network of ultralytics."""
        return form_of_release(self.forms[0]).layers

    def classes_near(self, parameters: int, *, fused: bool) -> Sequence[int]:
        """The numbers of classes whose parameters are nearest to a number, from below and from above."""
        curve = curve_of(self.figures[fused])
        found: list[int] = []
        ends = [*(piece[0] for piece in curve[1:]), MOST_CLASSES + 1]
        for piece, end in zip(curve, ends, strict=True):
            first = piece[0]
            if end == first + 1:  # a single number of classes that is not like its neighbours
                found += [first] if piece[1] == parameters else []
                continue
            if len(piece) < 3:
                found.append(first)  # a stretch of numbers with the same parameters
                continue
            if len(piece) == 3:
                nearest = first + (parameters - piece[1]) // piece[2]
            else:
                nearest = bisect_right(range(first, end + 1), parameters, key=partial(count_at, (piece,))) + first - 1
            found += [classes for classes in (nearest, nearest + 1) if first <= classes < end]
        return found or [curve[0][0]]


def release_numbers(release: str) -> tuple[int, ...]:
    """A release, or the first of several, as numbers that can be sorted: ``8.3.76``."""
    return tuple(int(part) for part in release.partition(" ")[0].split(".") if part.isdecimal())


@cache
def _document() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(shipped_files.path("known_lines.json").read_text(encoding="utf-8"))
    return found


def curve_of(number: int | Curve) -> Curve:
    """A curve of the file by its number: there ``1 3011043 195;65 3031245 7977 60`` is one of two pieces."""
    return _numbered(number) if isinstance(number, int) else number


@cache
def _numbered(number: int) -> Curve:
    return read_curve(_document()["curves"][number])


def _counted(count: int) -> str:
    return f"{count} keypoint{'s' * (count != 1)}"


def _added(figure: int, persons: int, count: int) -> int:
    """What a number of keypoints adds to a figure; the numbers are those of two curves of keypoints."""
    found, usual = value_at(curve_of(figure), count), value_at(curve_of(persons), PERSON[0])
    return 0 if found is None or usual is None else found - usual


WHOLE = ("cause", "layers", "merged")
"""What of a recorded fusion is no curve, and the same for any keypoints."""


def _moved(value: Any, theirs: Any, persons: Any, count: int) -> Any:
    """Curves of classes in any structure, each with what a number of keypoints adds to its figure."""
    if isinstance(value, Mapping):
        return {
            name: each if name in WHOLE else _moved(each, theirs[name], persons[name], count)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_moved(*each, count) for each in zip(value, theirs, persons, strict=True)]
    more = _added(theirs, persons, count)
    return tuple((first, figure[0] + more, *figure[1:]) if figure else (first,) for first, *figure in curve_of(value))


def read_curve(text: str) -> Curve:
    """A curve as the file has it; of a figure that a host never prints, one without pieces."""
    return tuple(tuple(map(int, piece.split())) for piece in text.split(";") if piece)


@cache
def known_networks() -> tuple[KnownNetwork, ...]:
    """Every network of every known host."""
    return tuple(network for entry in _document()["networks"] for network in _networks(entry))


def spans(hosts: Sequence[str]) -> tuple[str, ...]:
    """Stretches of releases with those that follow each other joined; generations as they are."""
    order = {stretch: number for number, stretch in enumerate(_document()["releases"])}
    if not set(hosts) <= set(order):
        return tuple(hosts)
    numbers = sorted({order[host] for host in hosts})
    groups = (list(group) for _, group in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]))
    names = list(order)
    return tuple(_span(names[group[0][1]], names[group[-1][1]]) for group in groups)


def _span(first: str, last: str) -> str:
    ends = first.partition(" ")[0], last.rpartition(" ")[2]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _networks(entry: Mapping[str, Any]) -> Iterator[KnownNetwork]:
    """The networks of an entry: for releases of ultralytics, one for each definition of layers."""
    if entry["family"] != "ultralytics":
        yield _network(entry, entry["layers"], entry["hosts"], entry["forms"], (False, False))
        return
    hosts = [host for first, last in entry["hosts"] for host in _document()["releases"][first : last + 1]]
    says_fused = entry.get("says_fused", (False, True))
    for definition, group in groupby(hosts, key=lambda host: form_of_release(host).layers):
        theirs = list(group)
        yield _network(entry, entry["layers"][definition], theirs, theirs, says_fused)


def _network(
    entry: Mapping[str, Any],
    layers: Sequence[int],
    hosts: Iterable[str],
    forms: Iterable[str],
    says_fused: Sequence[bool],
) -> KnownNetwork:
    return KnownNetwork(
        network=entry["network"],
        family=entry["family"],
        hosts=tuple(hosts),
        forms=tuple(forms),
        note=entry.get("note", ""),
        layers=(layers[0], layers[1]),
        says_fused=(says_fused[0], says_fused[1]),
        fixed=entry.get("fixed", 0),
        rows=_document()["rows"][entry["rows"]],
        figures=entry["figures"],
        flops=entry["flops"],
        parts=_document()["fusions"][entry["fusion"]] if "fusion" in entry else None,
        is_only_fused=entry.get("only_fused", False),
        by_keypoints=_by_keypoints(entry["keypoints"]) if "keypoints" in entry else None,
    )


def _by_keypoints(figures: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Mapping[str, Any]]:
    fusions = _document()["fusions"]
    return {numbers: {**each, "fusion": fusions[each["fusion"]]} for numbers, each in figures.items()}


def _fusion(parts: Mapping[str, Any], classes: int, definition: LayerDefinition) -> RecordedFusion:
    def count(number: int) -> int:
        return count_at(curve_of(number), classes)

    def pair(numbers: Sequence[int]) -> tuple[int, int]:
        return count(numbers[0]), count(numbers[1])

    changes = []
    for change in parts["changes"]:
        cause, why = _document()["causes"][change["cause"]]
        layers = change["layers"][definition]
        flops = {counter: pair(each) for counter, each in change["flops"].items()}
        changes.append(
            RecordedChange(
                cause, why, (layers[0], layers[1]), pair(change["parameters"]), pair(change["gradients"]), flops
            )
        )
    trained, *trains = map(count, parts["trained"])
    return RecordedFusion(
        merged=parts["merged"],
        channels=count(parts["channels"]),
        trained=trained,
        trains=dict(zip(GRADIENT_STATES, (0, *trains), strict=True)),
        norms={counter: count(number) for counter, number in parts["norms"].items()},
        changes=tuple(changes),
    )

"""Where a network has figures that its line has not: at another image size, as MACs, as bytes of a file, converted.

People quote them beside its name all the same, from papers, tables and folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yolo_probe.hosts.known_lines import KnownNetwork, known_networks
from yolo_probe.hosts.quoted_figures import CONVERTED, Candidate, Quoted, bytes_each, shows

USUAL_SIDES = (416, 320, 512, 1280, 1024, 224, 256, 384, 448, 480, 608, 736, 768, 800, 832, 960, 1536)
"""Sides of square images that papers count FLOPs for, those that are tried first in front."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What quoted figures of a network are, if they are not those of its line."""

    side: int = 0
    """Of the square image of which it has these GFLOPs."""
    is_halved: bool = False
    """Whether they are its MACs there."""
    bytes_each: int = 0
    """For each parameter, where the millions are megabytes of a file."""


def elsewhere(quoted: Quoted, networks: Sequence[Candidate]) -> Elsewhere | None:
    """What the figures are of a network that has not printed them; None where nothing usual explains them."""
    return next(_found(quoted, [each for each in networks if each.is_unlike]), None)


def _found(quoted: Quoted, networks: Sequence[Candidate]) -> Iterator[Elsewhere]:
    if quoted.layers or (quoted.billions and not (quoted.has_unit or quoted.says_flops)):
        return
    if quoted.billions:
        if len(quoted.billions) < FEWEST_SIGNS:
            return
        square = [each for each in networks if "v1.0" not in each.hosts]  # which counts 480x640
        fitting = [
            each for each in square if not quoted.millions or shows(quoted.millions, _parameters(each) / 1e6, quoted)
        ]
        figures = [each.gflops for each in fitting if each.gflops]
        for is_halved in (True,) if quoted.says_macs else (False, True):
            for side in USUAL_SIDES:
                area = side * side / 640 / 640 / (1 + is_halved)
                if any(shows(quoted.billions, gflops * area, quoted) for gflops in figures):
                    yield Elsewhere(side, is_halved)
    elif count := bytes_each(quoted, networks):
        yield Elsewhere(bytes_each=count)


FEWEST_SIGNS = 3
"""Fewest signs of a figure that is looked for at other sizes: 88 is near one of them by chance, 5.3 and 104 are not."""


def _parameters(each: Candidate) -> int:
    return each.network.parameters(each.classes, each.fused)


def converted(name: str) -> KnownNetwork | None:
    """The network that tables have for one that YOLOv9 trains; None for any other."""
    left = CONVERTED.get(name)
    return next((each for each in known_networks() if (each.network, each.family) == (left, "YOLOv9")), None)

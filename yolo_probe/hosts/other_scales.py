"""YOLOv5 with a ``depth_multiple`` and a ``width_multiple`` of somebody's own, found from the line that it prints.

The rows are those of ``yolov5s``. Its layers tell the depth; the parameters grow with the width, so that few widths
have them with any number of classes; the GFLOPs tell which.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.hosts.known_lines import known_networks
from yolo_probe.hosts.line_matches import fits_form, version_in
from yolo_probe.hosts.printed_line import PrintedLine
from yolo_probe.hosts.summary_line import FORMS, host_line
from yolo_probe.model.fusion import fuse
from yolo_probe.model.structure import Module, totals_of
from yolo_probe.networks.generations import GENERATIONS, Generation, is_since
from yolo_probe.networks.model_yaml import build
from yolo_probe.networks.shipped import find_network

DEPTHS = (0.33, 0.67, 1.0, 1.33, 0.5, 0.25, 0.1, 0.2, 0.17, 0.4, 0.6, 0.75, 0.8, 1.17, 1.5)
"""Depths that people write, the usual ones first: of those that repeat every block as often, the first is told."""

WIDTHS = tuple(sorted({*(each / 20 for each in range(1, 31)), *(each / 16 for each in range(1, 24)), 0.33, 0.67}))
"""Widths that people write."""

SHIPPED = ((0.33, 0.25), (0.33, 0.5), (0.67, 0.75), (1.0, 1.0), (1.33, 1.25))
"""Those of the shipped networks."""

STRIDE = 32
MOST_CLASSES = 1000
MOST_CLASSES_ALONE = 100
"""Most classes of a line without GFLOPs: with more, some width has its parameters by chance."""


@dataclass(frozen=True, slots=True)
class OtherScale:
    """A network with multiples that no shipped network has."""

    hosts: tuple[Generation, ...]
    """Those that print the line of it."""
    depth: float
    width: float
    classes: int
    fused: bool


def other_scale(line: PrintedLine) -> OtherScale | None:
    """The multiples with which YOLOv5 prints every figure of a line, but its gradients; None where none do."""
    if not line.layers or line.parameters.is_rounded or version_in(line.name) not in ("", "v5"):
        return None
    for network in known_networks():
        if (network.network, network.family, network.note) != ("yolov5s", "YOLOv5", ""):
            continue
        for fused in network.states:
            fitting = (each for each in GENERATIONS if each in network.hosts and is_since(each, "v4.0"))
            hosts = tuple(each for each in fitting if fits_form(line, network, FORMS[each], fused))
            if found := next(_found(line, hosts, fused), None) if hosts else None:
                return found
    return None


def _found(line: PrintedLine, hosts: tuple[Generation, ...], fused: bool) -> Iterator[OtherScale]:
    assert line.layers
    host, wanted = hosts[-1], line.parameters.value
    seen = set()
    for depth in DEPTHS:
        layers = FORMS[host].layer_count(totals_of(_built(host, depth, WIDTHS[0], 1, fused)).layers)
        if layers in seen or not line.layers.shows(layers):
            continue
        seen.add(layers)
        last = bisect_right(WIDTHS, wanted, key=lambda width: _parameters(host, depth, width, 1, fused))
        for width in reversed(WIDTHS[:last]):
            one, two = (_parameters(host, depth, width, classes, fused) for classes in (1, 2))
            classes, rest = divmod(wanted - one, two - one)
            if classes >= (MOST_CLASSES if line.gflops else MOST_CLASSES_ALONE):
                break
            if (
                not rest
                and (depth, width) not in SHIPPED
                and _shows_gflops(line, host, _built(host, depth, width, classes + 1, fused), fused)
            ):
                yield OtherScale(hosts, depth, width, classes + 1, fused)


def _shows_gflops(line: PrintedLine, host: Generation, root: Module, fused: bool) -> bool:
    counters = [convention for name, convention in CONVENTIONS.items() if "thop" in name]
    lines = (host_line(root, FORMS[host], each, STRIDE, built=not fused) for each in counters)
    return not line.gflops or any(each.gflops is not None and line.shows_gflops(each.gflops) for each in lines)


@cache
def _parameters(host: Generation, depth: float, width: float, classes: int, fused: bool) -> int:
    return totals_of(_built(host, depth, width, classes, fused)).parameters


def _built(host: Generation, depth: float, width: float, classes: int, fused: bool) -> Module:
    shipped = find_network("yolov5s", host)
    root = build(replace(shipped, depth_multiple=depth, width_multiple=width, classes=classes), host)
    return fuse(root, grad_enabled=False).root if fused else root

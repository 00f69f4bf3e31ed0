"""The networks for which a FLOP counter prints the figures of a text, and at which image size.

thop's figures are recorded for every known network; those of the other counters are computed for the networks that
YOLOv5 ships. Parameters and operations are linear in the number of classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from yolo_probe.counters.charges import charge
from yolo_probe.counters.comparison import Measured, parameter_total
from yolo_probe.counters.conventions import CONVENTIONS, Convention, choose_counter
from yolo_probe.hosts.figures_elsewhere import USUAL_SIDES
from yolo_probe.hosts.known_lines import KnownNetwork, known_networks
from yolo_probe.hosts.quoted_figures import FEW_CLASSES, USUAL_CLASSES
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.tool_prints import THOP, Amount, ToolPrint
from yolo_probe.model.freezing import as_built
from yolo_probe.model.structure import count_parameters
from yolo_probe.networks.generations import GENERATIONS
from yolo_probe.reports.question import Question

HOST_SIDE = 640
"""Of the square image that hosts count, in pixels."""

ENDS = (1, 80)
"""Two numbers of classes, from which any other follows."""

MOST_CLASSES = 1000
"""Most classes that are tried."""

LIKELY_CLASSES = (*range(1, FEW_CLASSES + 1), MOST_CLASSES)
"""Those that are tried where parameters are rounded or missing: with any number other networks fit by chance."""

NEAR = 0.15
"""How far the count of another counter may be from that of thop."""

LISTS_TWICE = "torchinfo"
"""The counter whose parameters may be more than those of the network."""

MOST_BUILT = 8
"""Most networks that are built for one print."""


@dataclass(frozen=True, slots=True)
class CountedBy:
    """One network for which counters print the figures."""

    network: KnownNetwork
    """As its newest host builds it."""
    classes: tuple[int, ...]
    """The numbers of classes with which it has them."""
    likely: int
    """The most usual one of them, which the parameters and GFLOPs are of."""
    fused: bool
    side: int
    """Of the square image, in pixels."""
    counters: tuple[str, ...]
    """The counters that print it; none where only its parameters are known to be the same."""
    parameters: int
    """Its own; a counter may print others."""
    hosts: tuple[str, ...]
    """All that build the same network."""
    gflops: tuple[str, ...]
    """What they print for it, by one thop or another."""
    is_doubled: bool = False
    """Whether it is twice the MACs of the counters that stands in the text, as FLOPs."""


def counted_by(print_: ToolPrint) -> tuple[CountedBy, ...]:
    """The networks that fit what a counter prints, the likeliest first.

    Empty where no known one does, and where a few digits are those that a host prints: they are no print of a counter.
    """
    for side in (HOST_SIDE, *USUAL_SIDES):
        if found := [each for each in _of_side(print_, side) if not _may_be_chance(print_, each)]:
            break
    else:
        found = [*_of_parameters(print_)]
    if print_.count.has_few_digits and any(each.is_doubled and each.side == HOST_SIDE for each in found):
        return ()
    return tuple(sorted(_once(found), key=_likeliest_first))


def _of_side(print_: ToolPrint, side: int) -> Sequence[CountedBy]:
    """The networks that fit what a counter prints, or half of it, of a square image."""
    names = names_of(print_.tool)
    if (found := [*_recorded(print_, side)] or [*_built(print_, side, names)]) or print_.tool != THOP:
        return found
    half, of_macs = replace(print_, count=print_.count.half), [each for each in names if _counts_macs(each)]
    return [replace(each, is_doubled=True) for each in [*_recorded(half, side)] or _built(half, side, of_macs)]


def _may_be_chance(print_: ToolPrint, found: CountedBy) -> bool:
    """Whether so few digits fit so many counters that a network with unusual classes says nothing."""
    return print_.tool == THOP and print_.count.has_few_digits and found.likely not in USUAL_CLASSES


def names_of(tool: str) -> Sequence[str]:
    """The sets of rules of a counter; figures of thop may be those of any, as texts seldom say whose they are."""
    if tool == THOP:
        return sorted(CONVENTIONS, key=lambda name: THOP not in name)
    return [name for name in CONVENTIONS if tool in (name, name.partition("-")[0])]


def _counts_macs(name: str) -> bool:
    return CONVENTIONS[name].unit == "MACs"


def _recorded(print_: ToolPrint, side: int) -> Iterator[CountedBy]:
    """The networks whose recorded thop is the one of the print; those are of 640x640."""
    if side != HOST_SIDE or print_.tool != THOP or print_.parameters is None:
        return
    for network, fused, fitting in _fitting(print_.parameters):
        tried = [each for each in fitting if each in _tried(print_)]
        for name in network.counters:
            gflops = [(each, network.numbers(each).gflops[name][fused]) for each in tried]
            classes = [each for each, figure in gflops if figure and print_.count.shows(round(figure * 1e9) // 2)]
            if classes:
                yield _found(network, classes, fused, side, (name,))


def _built(print_: ToolPrint, side: int, names: Sequence[str]) -> Iterator[CountedBy]:
    """The networks that YOLOv5 ships of which another count, or that of another size, is the one of the print."""
    built = [network for network in _shipped() if _is_near(network, print_, side, names)][:MOST_BUILT]
    for network in built:
        ends = [_measured(network.network, network.hosts[-1], classes, side) for classes in ENDS]
        for fused, modes in enumerate(zip(*ends, strict=True)):
            for name in names:
                convention = CONVENTIONS[name]
                counts = [charge(each.records, convention).total for each in modes]
                totals = [_parameters(convention, each) for each in modes]
                classes = [
                    each
                    for each in _tried(print_)
                    if print_.count.shows(_at(each, counts))
                    and (print_.parameters is None or print_.parameters.shows(_at(each, totals)))
                ]
                if classes:
                    yield _found(network, classes, bool(fused), side, (name,))


def _tried(print_: ToolPrint) -> Sequence[int]:
    """The numbers of classes that are tried."""
    is_exact = print_.parameters is not None and not print_.parameters.half_a_digit
    return range(1, MOST_CLASSES + 1) if is_exact else LIKELY_CLASSES


def _parameters(convention: Convention, measured: Measured) -> int:
    """The parameters that a counter prints; all of them where they are from elsewhere, as a table has them."""
    total = parameter_total(convention, measured)
    return count_parameters(measured.root) if total is None else total


def _at(classes: int, ends: Sequence[int]) -> int:
    """A figure for a number of classes, from those for ``ENDS``."""
    first, last = ENDS
    return ends[0] + (ends[1] - ends[0]) * (classes - first) // (last - first)


@cache
def _measured(name: str, generation: str, classes: int, side: int) -> tuple[Measured, ...]:
    """A network of YOLOv5 before and after ``fuse()``, for one image."""
    host = next(each for each in GENERATIONS if each == generation)
    question = Question(resolve(name, host=host, classes=classes), (side, side), choose_counter(None, None))
    root = as_built(question.subject.root)
    image = (1, question.subject.channels, *question.size)
    roots = (root, question.fusion(root, grad_enabled=False).root)
    return tuple(Measured(each, question.ruled(each)(image).records) for each in roots)


def _of_parameters(print_: ToolPrint) -> Iterator[CountedBy]:
    """The networks that have the exact parameters of a print, whatever has counted them."""
    if print_.parameters is None or print_.parameters.half_a_digit or print_.tool == LISTS_TWICE:
        return
    for network, fused, classes in _fitting(print_.parameters):
        yield _found(network, classes, fused, HOST_SIDE, ())


@cache
def _fitting(parameters: Amount) -> Sequence[tuple[KnownNetwork, bool, Sequence[int]]]:
    """The states of known networks that have so many parameters, each with the numbers of classes; fused is True."""
    states = ((network, fused) for network in _newest_first() for fused in network.states)
    found = ((network, fused, [*_classes(network, parameters, fused=fused)]) for network, fused in states)
    return [each for each in found if each[2]]


def _newest_first() -> Sequence[KnownNetwork]:
    """The known networks that need no note, the newest host of each family first."""
    return [each for each in reversed(known_networks()) if not each.note]


@cache
def _shipped() -> Sequence[KnownNetwork]:
    """The networks of classic YOLOv5 by name and parameters, each once, of its newest host."""
    found: dict[tuple[str, int], KnownNetwork] = {}
    for network in _newest_first():
        if network.family == "YOLOv5" and network.hosts and not network.network.endswith("-cls"):
            found.setdefault((network.network, network.parameters(ENDS[1], False)), network)
    return [*found.values()]


def _is_near(network: KnownNetwork, print_: ToolPrint, side: int, names: Iterable[str]) -> bool:
    """Whether a network may be the one of a print, by its parameters and thop's count."""
    parameters = None if print_.tool == LISTS_TWICE else print_.parameters
    if parameters and not any(each is network for each, *_ in _fitting(parameters)):
        return False
    area = side * side / HOST_SIDE / HOST_SIDE
    ends = [pair[0] for each in ENDS for pair in network.numbers(each).gflops.values() if pair[0]]
    if not ends:
        return False
    least, most = min(ends) * 1e9 * area, max(ends) * 1e9 * area
    flops = {print_.count.value * CONVENTIONS[name].flops_per_count for name in names}
    return any(least * (1 - NEAR) < each < most * (1 + NEAR) for each in flops)


def _classes(network: KnownNetwork, parameters: Amount, *, fused: bool) -> Iterator[int]:
    """The numbers of classes with which a network has so many parameters."""
    ends = (parameters.value - parameters.half_a_digit, parameters.value, parameters.value + parameters.half_a_digit)
    near = {1, *(each for end in ends for each in network.classes_near(round(end), fused=fused))}
    seen: set[int] = set()
    for first in sorted(near):
        for classes in range(max(first, 1), MOST_CLASSES + 1):
            if classes in seen or not parameters.shows(network.parameters(classes, fused)):
                break
            seen.add(classes)
            yield classes


def _found(
    network: KnownNetwork, classes: Sequence[int], fused: bool, side: int, counters: tuple[str, ...]
) -> CountedBy:
    likely = next((each for each in USUAL_CLASSES if each in classes), classes[0])
    parameters = network.parameters(likely, fused)
    alike = [
        each
        for each in known_networks()
        if (each.network, each.family, each.note) == (network.network, network.family, "")
        and each.parameters(likely, fused) == parameters
    ]
    figures = {pair[fused] for each in alike for pair in each.numbers(likely).gflops.values()}
    return CountedBy(
        network, tuple(classes), likely, fused, side, counters, parameters,
        hosts=tuple(dict.fromkeys(host for each in alike for host in each.hosts)),
        gflops=tuple(sorted({f"{figure:.1f}" for figure in figures if figure}, key=float)),
    )  # fmt: skip


def _once(found: Iterable[CountedBy]) -> Iterator[CountedBy]:
    """Each network and state once, with all counters that print the same of it."""
    groups: dict[tuple[object, ...], list[CountedBy]] = {}
    for each in found:
        key = (each.network.network, each.network.family, each.parameters, each.fused, each.side)
        groups.setdefault(key, []).append(each)
    for group in groups.values():
        names = dict.fromkeys(name for each in group for name in each.counters)
        classes = {number for each in group for number in each.classes}
        yield replace(group[0], counters=tuple(names), classes=tuple(sorted(classes)))


def _likeliest_first(each: CountedBy) -> tuple[object, ...]:
    return (
        each.network.network.count("-"),
        each.network.family not in ("YOLOv5", "ultralytics"),
        each.fused,
        USUAL_CLASSES.index(each.likely) if each.likely in USUAL_CLASSES else len(USUAL_CLASSES),
    )

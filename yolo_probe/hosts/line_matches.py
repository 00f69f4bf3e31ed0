"""Which network of which host prints a given summary line: all that fit, the likeliest first, or the nearest ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from heapq import nsmallest
from itertools import accumulate
from typing import cast

from yolo_probe.hosts.known_lines import GradientState, KnownNetwork, Numbers, known_networks, release_numbers, spans
from yolo_probe.hosts.printed_line import Figure, PrintedLine
from yolo_probe.hosts.quoted_figures import spelled
from yolo_probe.hosts.summary_line import FORMS, LineForm
from yolo_probe.hosts.ultralytics import form_of_release
from yolo_probe.networks.generations import Generation

FUSED_STATES: tuple[GradientState, ...] = ("stripped", "autograd", "no_grad")
"""What leaves gradients after ``fuse()``, the likeliest first."""

LIKELY_CLASSES = 1000
"""Most classes of a network that is told as nearest."""

LIKELY_FEW = 100
"""Most classes that layers and parameters tell alone: with more, nearly every network has them by chance."""

TRIED = 400
"""Networks, before or after ``fuse()``, of which all figures are compared with a line that none of them prints."""

POSED = 400
"""Most classes times keypoints of a network of poses that is tried with other keypoints than those of a person."""

KEYPOINTS = [(count, numbers) for numbers in (3, 2) for count in range(1, 151)]
"""Keypoints that are tried, with and without whether each is seen: 133 are those of a whole body."""

FAR = 0.1
"""What part of the parameters is more than what another number of classes makes."""

MOST_APART = 0.5
"""What part of the parameters may be missing in the nearest network; one that is farther says nothing of a line."""

MERGED = 100
"""Nearest matches among which those that differ in their hosts alone are found."""

SHOWN = 8
"""Most matches that are listed."""


@dataclass(frozen=True, slots=True)
class Gradients:
    """Why a line has this number of gradients."""

    cause: str
    """What happened to the model: ``new``, ``stripped``, ``frozen``, ``no_grad``, ``autograd``."""
    rows: int = 0
    """Of ``frozen``: how many rows are, from row 0 on."""


@dataclass(frozen=True)
class Match:
    """A network that prints a line, or nearly does."""

    network: KnownNetwork
    hosts: tuple[str, ...]
    """Those of its hosts that print a line of this form; all of them where none does."""
    numbers: Numbers
    fused: bool
    layers: int
    parameters: int
    gradients: Gradients | None
    """None where nothing explains the number, or the line has none."""
    counters: tuple[str, ...]
    """The counters that give these GFLOPs; none where the line has none."""
    unlike: tuple[str, ...]
    """The figures that it does not print: ``layers``, ``gradients``."""
    fits_form: bool
    """Whether its hosts print a line of this form."""
    span: tuple[int, int] | None = None
    """The first and the last number of classes with which it prints the same line; None where only one does."""
    joined: tuple[Match, ...] = ()
    """The matches that became this one: those of hosts whose figures in this line are the same."""

    @property
    def exact(self) -> bool:
        """Whether every figure of the line is what it prints."""
        return not self.unlike

    @property
    def usual_counters(self) -> Sequence[str]:
        """Its counters that are usual for its host; all of them where none is."""
        return [name for name in self.counters if name in self.network.usual_counters] or self.counters

    @property
    def host_spans(self) -> tuple[str, ...]:
        """The hosts, with releases that follow each other joined: ``8.3.17 to 8.3.75``."""
        return spans(self.hosts)

    @property
    def classes(self) -> tuple[int, int]:
        """The first and the last number of classes with which it prints the same line."""
        return self.span or (self.numbers.classes, self.numbers.classes)

    def gflops(self, *, fused: bool) -> dict[str, float]:
        """The GFLOPs in one state by counter, where its hosts print some."""
        pairs = self.numbers.gflops.items()
        return {counter: pair[fused] or 0.0 for counter, pair in pairs if pair[fused] is not None}


def matches(line: PrintedLine) -> tuple[Match, ...]:
    """The networks that print a line, the likeliest first; where none does, those that nearly do, or the nearest."""
    places = [(network, fused) for network in known_networks() for fused in network.states]
    if line.rows:
        places = [(network, fused) for network, fused in places if not fused and _builds_rows(network, line)]
    layers = {each.layers[fused] for each, fused in places}
    shown = {number for number in layers if line.layers is None or line.layers.shows(number)}
    same = [(each, fused) for each, fused in places if each.layers[fused] in shown]
    exact = [match for each, fused in same for match in _tried(line, each, fused) if match.exact]
    posed = [] if exact or not line.layers else list(_with_keypoints(line, same))
    exact = list(_spanned(line, exact or [match for match in posed if match.exact]))
    fitting = [match for match in exact if match.fits_form] or exact
    if fitting:
        return tuple(_merged(line, sorted(fitting, key=lambda match: _likeliest_first(line, match))))[:SHOWN]
    likely = nsmallest(TRIED, places, key=lambda place: _roughly(line, *place))
    tried = (match for each, fused in likely for match in _tried(line, each, fused))
    found = [match for match in tried if match.numbers.classes <= LIKELY_CLASSES]
    near = nsmallest(MERGED, [*posed, *found], key=lambda match: _nearest_first(line, match))
    return tuple(_merged(line, near))[:3]


def _builds_rows(network: KnownNetwork, line: PrintedLine) -> bool:
    """Whether the table of a line may be of a network: one is printed when a host builds a network of its YAML."""
    is_loaded = network.note.startswith("loaded from")
    return not is_loaded and (network.family == "ultralytics") == line.of_ultralytics


def _with_keypoints(line: PrintedLine, places: Sequence[tuple[KnownNetwork, bool]]) -> Iterator[Match]:
    """The networks of poses that have the parameters of a line with keypoints of their own.

    Not those of many classes and many keypoints, one of which has any number of parameters by chance.
    """
    wanted = line.parameters.value
    for network, fused in places:
        if not network.by_keypoints or line.parameters.is_rounded:
            continue
        of_classes = {network.parameters(classes, fused): classes for classes in range(1, POSED + 1)}
        for keypoints in KEYPOINTS:
            classes = of_classes.get(wanted - network.added_by(keypoints, fused), 0)
            if 0 < classes * keypoints[0] <= POSED:
                posed = network.with_keypoints(keypoints)
                yield _match(line, posed, posed.numbers(classes), fused)


def _roughly(line: PrintedLine, network: KnownNetwork, fused: bool) -> float:
    """How far a network is from a line, by its layers and by its parameters with the best number of classes."""
    wanted = line.parameters.value
    near = network.classes_near(wanted, fused=fused)
    found = min(abs(network.parameters(classes, fused) - wanted) for classes in near)
    other_layers = line.layers is not None and not line.layers.shows(network.layers[fused])
    return _apart_by_name(line, network) + other_layers + min(found / (wanted + 1), 1)


def _tried(line: PrintedLine, network: KnownNetwork, fused: bool) -> Iterator[Match]:
    near = network.classes_near(line.parameters.value, fused=fused)
    for classes in dict.fromkeys((80, *near, *_classes_of_gflops(line, network, fused))):
        shown = not line.parameters.is_rounded and line.parameters.shows(network.parameters(classes, fused))
        if classes > LIKELY_CLASSES and not shown:  # six digits are those of one network or another by chance
            continue
        yield _match(line, network, network.numbers(classes), fused)


def _classes_of_gflops(line: PrintedLine, network: KnownNetwork, fused: bool) -> Iterator[int]:
    """The number of classes of a line whose parameters do not tell it, as YOLO-World's do not; by each counter."""
    one, two = (network.numbers(classes) for classes in (1, 2))
    if not line.gflops or one.parameters[fused] != two.parameters[fused]:
        return
    for counter, pair in one.gflops.items():
        least, more = pair[fused] or 0.0, two.gflops[counter][fused] or 0.0
        if more > least:
            yield max(1 + round((float(line.gflops) - least) / (more - least)), 1)


def _spanned(line: PrintedLine, found: Iterable[Match]) -> Iterator[Match]:
    """Exact matches, each once for all numbers of classes with which its network prints this line.

    There are several where its parameters do not tell them, as those of YOLO-World, and one class more is too little
    to be seen in the GFLOPs.
    """
    seen: set[tuple[KnownNetwork, bool, int, int]] = set()
    for match in found:
        ends = [_furthest(line, match, step) for step in (-1, 1)]
        key = (match.network, match.fused, ends[0], ends[1])
        if ends[0] == ends[1]:
            yield match
        elif key not in seen:
            seen.add(key)
            yield replace(match, span=(ends[0], ends[1]))


def _furthest(line: PrintedLine, match: Match, step: int) -> int:
    """The last number of classes, upwards or downwards, with which a network still prints a line."""
    network, fused, classes = match.network, match.fused, match.numbers.classes
    if line.parameters.is_rounded or network.keypoints:
        return classes
    while 0 < classes + step <= LIKELY_CLASSES and network.parameters(classes + step, fused) == match.parameters:
        pairs = network.numbers(classes + step).gflops
        gflops = [pairs[counter][fused] for counter in match.counters]
        if line.gflops and not any(each is not None and line.shows_gflops(each) for each in gflops):
            break
        classes += step
    return classes


def _match(line: PrintedLine, network: KnownNetwork, numbers: Numbers, fused: bool) -> Match:
    layers, parameters = network.layers[fused], numbers.parameters[fused]
    counters = tuple(
        counter for counter, pair in numbers.gflops.items()
        if line.gflops and (gflops := pair[fused]) is not None and line.shows_gflops(gflops)
    )  # fmt: skip
    gradients = _gradients(line.gradients, network, numbers, fused) if line.gradients else None
    if line.gradients and not gradients and not line.parameters.shows(parameters):
        gradients = _gradients_alone(line, network, fused)
    unlike = {
        "layers": line.layers is not None and not line.layers.shows(layers),
        "parameters": not line.parameters.shows(parameters),
        "gradients": line.gradients is not None and gradients is None,
        "GFLOPs": bool(line.gflops) and not counters,
    }
    fitting = tuple(
        host for host, form in zip(network.hosts or ("",), network.forms, strict=True)
        if _fits(line, network, line_form(network, form), fused, parameters)
    )  # fmt: skip
    return Match(
        network, fitting if network.hosts and fitting else network.hosts, numbers, fused, layers, parameters,
        gradients, counters, tuple(name for name, differs in unlike.items() if differs), bool(fitting),
    )  # fmt: skip


def line_form(network: KnownNetwork, form: str) -> LineForm:
    """The form of the line of one of a network's hosts."""
    return form_of_release(form) if network.family == "ultralytics" else FORMS[cast(Generation, form)]


def _fits(line: PrintedLine, network: KnownNetwork, form: LineForm, fused: bool, parameters: int) -> bool:
    """Whether a line of a network has this form, as far as it is there."""
    worded = line.is_capital is not None
    return not (
        (line.unit and line.unit != form.unit)
        or (parameters >= 1000 and line.has_separators not in (None, form.separators))
        or (worded and line.is_capital == bool(form.named_after))
        or (worded and line.says_fused != network.says_fused[fused])
        or (line.parameters.is_rounded and not form.shortens)
        or (form.shortens and parameters >= 1_000_000 and not line.parameters.is_rounded)
    )


def fits_form(line: PrintedLine, network: KnownNetwork, form: LineForm, fused: bool) -> bool:
    """Whether a line with these parameters, of a network like that one, has a form, as far as it is there."""
    return _fits(line, network, form, fused, line.parameters.value)


def version_in(name: str) -> str:
    """The series that the name of a line begins with, ``v5``; empty for another name."""
    return _series(spelled(name))[0]


def _gradients(figure: Figure, network: KnownNetwork, numbers: Numbers, fused: bool) -> Gradients | None:
    """The likeliest explanation of a number of gradients."""
    for number, gradients in _explained(network, numbers, fused):
        if figure.shows(number):
            return gradients
    return None


def _gradients_alone(line: PrintedLine, network: KnownNetwork, fused: bool) -> Gradients | None:
    """Why a line of another network has its number of gradients, where all or none of it trains."""
    assert line.gradients
    if line.gradients.value == line.parameters.value - network.fixed:
        return Gradients("autograd" if fused else "new")
    return None


def _explained(network: KnownNetwork, numbers: Numbers, fused: bool) -> Iterator[tuple[int, Gradients]]:
    """Numbers of gradients with their explanations, the likeliest first."""
    trainable = numbers.parameters[fused] - network.fixed
    if fused:
        yield from ((numbers.gradients[state], Gradients(state)) for state in FUSED_STATES)
    else:
        yield from ((trainable, Gradients("new")), (0, Gradients("stripped")))
    if not fused or numbers.gradients["autograd"] == trainable:
        for rows, frozen in enumerate(accumulate(network.rows[fused]), start=1):
            yield trainable - frozen, Gradients("frozen", rows)


FAMILIES = ("YOLOv5", "ultralytics")
"""The families that most lines are of."""


def _apart_by_name(line: PrintedLine, network: KnownNetwork) -> int:
    """How far the name of a line is from that of a network: 0 for the same or none, 1 within a series, 2 for another.

    Within a series the scale decides if the name has one: ``yolov5s-SE`` is nearer to ``yolov5s`` than to ``yolov5m``.
    """
    named, known = spelled(line.name.replace("Model", "")), network.network.lower()
    if not named or named == known:
        return 0
    (version, scale), (own_version, own_scale) = _series(named), _series(known)
    if not version or version != own_version or "-" in known:
        return 2
    return 2 if scale and scale != own_scale else 1


@cache
def _series(name: str) -> tuple[str, str]:
    """The version and the scale in a name, in small letters; empty where it has none."""
    found = _SERIES.match(name)
    return (found["version"], found["scale"] or "") if found else ("", "")


_SERIES = re.compile(r"yolo(?P<version>v?\d+)(?P<scale>[nstmblx]\b)?")
"""What the name of a network begins with."""


def _likeliest_first(line: PrintedLine, match: Match) -> tuple[object, ...]:
    """What to sort exact matches by."""
    family = match.network.family
    return (
        _apart_by_name(line, match.network),
        bool(match.network.note),
        0 if match.numbers.classes == 80 else 1 if match.numbers.classes <= LIKELY_CLASSES else 2,
        match.numbers.classes if match.network.by_keypoints else 0,
        FAMILIES.index(family) if family in FAMILIES else len(FAMILIES),
        match.network.network.count("-"),
        len(match.network.network),
    )


def _nearest_first(line: PrintedLine, match: Match) -> tuple[object, ...]:
    """What to sort other matches by: people change the usual networks, and train them for few classes."""
    unusual = 0.05 * match.network.network.count("-") + 0.1 * (match.network.family not in FAMILIES)
    unusual += 0.02 * bool(match.network.note) + 0.5 * (not match.fits_form)
    unusual += 0.3 * ("gradients" in match.unlike) + 0.2 * (match.fused and _trains(line))
    unusual += line.says_fused and not match.fused
    is_other = _ratio(line.parameters.value, match.parameters) > FAR  # its number of classes then says nothing
    unusual += 0 if match.numbers.classes == 80 else 0.3 if is_other or match.numbers.classes > 100 else 0.01
    is_other_width = bool(width_of(line, match)) and match.numbers.classes <= LIKELY_CLASSES
    is_changed = len(match.unlike) > 1 and not is_other_width
    is_one = match.unlike == ("GFLOPs",) and match.numbers.classes <= LIKELY_FEW
    kind = (_apart_by_name(line, match.network), not match.fits_form, not is_one, is_changed, is_far(line, match))
    return *kind, _distance(line, match) + unusual


def is_far(line: PrintedLine, match: Match) -> bool:
    """Whether a network has so many more or fewer parameters than a line that it says nothing of it."""
    return _ratio(line.parameters.value, match.parameters) > MOST_APART and not width_of(line, match)


def width_of(line: PrintedLine, match: Match) -> float:
    """How many times the channels of a network a line has, if it is the same one at another width; else 0.

    Formula: as many layers, and as many times the parameters as the FLOPs, which both go with the channels squared.
    Of a host that prints another form of line it is none, since the digits alone are near by chance.
    """
    if not (line.layers and line.gflops and line.layers.shows(match.layers) and "parameters" in match.unlike):
        return 0.0
    if not match.fits_form:
        return 0.0
    times = line.parameters.value / match.parameters
    flops = [float(line.gflops) / each for each in match.gflops(fused=match.fused).values() if each]
    near = any(abs(each / times - 1) < SAME_TIMES for each in flops)
    return times**0.5 if near and 1 / WIDEST < times < WIDEST and not 0.98 < times < 1.02 else 0.0


SAME_TIMES = 0.05
"""How far the parameters and the FLOPs of another width may be apart: the first and the last layers have others."""
WIDEST = 16.0
"""Most times the parameters of a network that another width of it may have."""


def _trains(line: PrintedLine) -> bool:
    """Whether the model of a line trains, as one does that was just built; what fuse() leaves does not, as a rule."""
    return line.gradients is not None and line.gradients.value > 0 and not line.says_fused


def _distance(line: PrintedLine, match: Match) -> float:
    """How far a network is from a line, relative to it: a change of width leaves the layers and changes all else."""
    if width_of(line, match):
        return 0.0
    cost = [_ratio(line.parameters.value, match.parameters)]
    if line.gflops:
        known = match.gflops(fused=match.fused).values()
        cost.append(min((_ratio(float(line.gflops), each) for each in known), default=1))
    return max(cost) + (3 * _ratio(line.layers.value, match.layers) if line.layers else 0)


def _ratio(found: float, known: float) -> float:
    return abs(found - known) / max(found, known, 1)


def _merged(line: PrintedLine, found: Iterable[Match]) -> Iterator[Match]:
    """Matches that differ in their hosts alone as one, in the order of the first of them.

    Their GFLOPs may be others where the line has none.
    """
    groups: dict[tuple[object, ...], list[Match]] = {}
    for match in found:
        network = match.network
        key = (
            network.network, network.family, network.note, match.span or match.numbers.classes, match.fused,
            match.layers, match.parameters, match.gradients, match.unlike,
            bool(match.counters) or (line.gflops and tuple(match.gflops(fused=match.fused).items())),
        )  # fmt: skip
        groups.setdefault(key, []).append(match)
    for group in groups.values():
        hosts = _in_order(host for match in group for host in match.hosts)
        yield replace(max(group, key=lambda match: len(match.counters)), hosts=hosts, joined=tuple(group))


def _in_order(hosts: Iterable[str]) -> tuple[str, ...]:
    """Generations or releases, each once, the oldest first."""
    order: Sequence[str] = list(FORMS)

    def place(host: str) -> tuple[int, ...]:
        return (order.index(host),) if host in order else release_numbers(host)

    return tuple(sorted(set(hosts), key=place))

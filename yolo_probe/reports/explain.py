"""The report of ``yolo-probe explain``: which network prints a line of a log, and what is between two such lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS, Convention, choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import ProbeError
from yolo_probe.hosts.figures_elsewhere import elsewhere
from yolo_probe.hosts.known_lines import KnownNetwork, known_networks, spans
from yolo_probe.hosts.line_matches import Match, line_form, matches
from yolo_probe.hosts.other_scales import OtherScale, other_scale
from yolo_probe.hosts.printed_line import PrintedLine
from yolo_probe.hosts.quoted_figures import (
    FEW_CLASSES,
    POPULAR,
    USUAL_CLASSES,
    Candidate,
    Quoted,
    candidates,
    is_foreign,
    is_known,
)
from yolo_probe.hosts.summary_line import LayerDefinition
from yolo_probe.model.freezing import as_built, with_gradients
from yolo_probe.reports.fuse_diff import FuseDiff, explain, fuse_diff
from yolo_probe.reports.known_errors import KnownError
from yolo_probe.reports.ledger import Entry, Ledger, account_of, trains_nothing
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.recorded_fusion import recorded_ledgers
from yolo_probe.reports.schema import SCHEMA
from yolo_probe.reports.typed_json import as_plain

if TYPE_CHECKING:
    from yolo_probe.hosts.tool_prints import ToolPrint
    from yolo_probe.reports.diff import Diff
    from yolo_probe.reports.tool_figures import CountedBy


@dataclass(frozen=True)
class Answer:
    """One line, and the networks that print it; without an exact one, those that are nearest to it."""

    line: PrintedLine
    matches: tuple[Match, ...]

    @cached_property
    def scale(self) -> OtherScale | None:
        """The multiples with which YOLOv5 prints it, where no known network does."""
        return None if self.exact else other_scale(self.line)

    @property
    def exact(self) -> bool:
        """Whether a known network prints every figure of it."""
        return bool(self.matches) and self.matches[0].exact


@dataclass(frozen=True)
class Explanation:
    """Lines of logs, and what is between the first before ``fuse()`` and the last after it."""

    answers: tuple[Answer, ...]
    diff: FuseDiff | None
    """Both lines of one network that can be built here, with all four ledgers."""
    alone: tuple[tuple[str, Ledger], ...]
    """What follows from the numbers of two lines alone, where the network cannot be built."""
    last: int = -1
    """Which of the lines the ledgers lead to."""
    first: int = 0
    """Which of the lines they begin at: the first one, unless that is the fused one."""
    between: Diff | None = None
    """What is between the networks of two lines that are not of one, or that two counters have counted."""
    is_one: bool = False
    """Whether they are of one network nevertheless, in states that no training has its lines from."""
    apart: tuple[Match, Match] | None = None
    """The network of two lines of which no counter that its host usually has prints both."""
    both: tuple[str, ...] = ()
    """The counters that print both lines nevertheless; the first counts the ledgers."""
    errors: tuple[tuple[str, KnownError], ...] = ()
    """Error messages beside the lines: the words that were found, and what is known of them."""
    quoted: tuple[tuple[Quoted, tuple[Candidate, ...]], ...] = ()
    """Figures without a whole line, each with the networks that have them; the lines are those of the first of each."""

    tools: tuple[tuple[ToolPrint, tuple[CountedBy, ...]], ...] = ()
    """What FLOP counters print, each with the networks for which they do."""
    by_chance: tuple[Quoted, ...] = ()
    """Those of the figures that a network has which the question is not of, if something was changed."""

    @cached_property
    def built(self) -> State | None:
        """The network of the only line, as its host builds it; None where that cannot be done here."""
        return _built(self.answers[0]) if len(self.answers) == 1 else None

    @property
    def exact(self) -> bool:
        """Whether every line is known, and every figure is one that a network has."""
        strange = any(
            (networks[0].is_unlike and not elsewhere(quoted, networks)) or is_foreign(quoted.name)
            for quoted, networks in self.quoted
        )
        strange = strange or not all(networks[0].counters for _, networks in self.tools)
        return all(answer.exact for answer in self.answers) and not strange

    @property
    def ledgers(self) -> Sequence[tuple[str, Ledger]]:
        """The ledgers between the two lines, by name."""
        found = self.diff or self.between
        return [(name, ledger) for name, ledger in found.ledgers if ledger] if found else self.alone


def explanation(lines: Sequence[PrintedLine]) -> Explanation:
    """The report on the summary lines of a log."""
    answers = tuple(Answer(line, matches(line)) for line in lines)
    if len(answers) < 2:
        return Explanation(answers, None, ())
    start, at = _ends(answers)
    first, last = answers[start], answers[at]
    found = Explanation(answers, None, (), at, start)
    pair = _pair(first, last)
    diff = _diff(*pair) if pair else None
    if pair and diff and _have_two_counters(*pair):
        if names := _printing_both(diff, first.line, last.line):
            return replace(found, diff=_diff(*pair, names[0]), apart=pair, both=names)
        if between := _between(*pair):
            return replace(found, between=between, apart=pair)
    if pair and not diff:
        if recorded := tuple(recorded_ledgers(*pair)):
            return replace(found, alone=recorded)
        if between := _between(*pair):  # a file that trains nothing, or rows that are frozen, before fuse() and after
            return replace(found, between=between, is_one=True)
        return replace(found, alone=tuple(_alone(first.line, last.line)))
    if not pair and first.exact and last.exact:
        return replace(found, between=_between(first.matches[0], last.matches[0]) if len(answers) == 2 else None)
    return replace(found, diff=diff, alone=() if diff else tuple(_alone(first.line, last.line)))


def _ends(answers: Sequence[Answer]) -> tuple[int, int]:
    """The places of the lines before and after ``fuse()``, also where the later one of a training was pasted first.

    Those of the last two neighbours of one network where the first line is of none of them: ultralytics prints one
    with 80 classes before a training's own.
    """
    end = len(answers) - 1
    forward = (number for number in range(end, 0, -1) if _pair(answers[0], answers[number]))
    backward = (number for number in range(end, 0, -1) if _pair(answers[number], answers[0]))
    if at := next(forward, 0):
        return 0, at
    if start := next(backward, 0):
        return start, 0
    neighbours = [(number - 1, number) for number in range(end, 1, -1)]
    for are_one in (_pair, _look_like_one):
        if places := next((each for each in neighbours if are_one(*(answers[place] for place in each))), None):
            return places
    return (1, 0) if end == 1 and _is_turned(answers[0], answers[1]) else (0, end)


def _look_like_one(first: Answer, last: Answer) -> bool:
    """Whether of two lines of a network that is not known the second looks like the first after ``fuse()``."""
    is_known = first.exact or last.exact
    return not is_known and first.line.name == last.line.name and _may_be_fused(first.line, last.line)


def _is_turned(first: Answer, last: Answer) -> bool:
    """Whether of two lines of a network that is not known the first looks like the second after ``fuse()``."""
    if (first.exact and last.exact) or not (first.line.layers and last.line.layers):
        return False
    fewer = first.line.layers.value < last.line.layers.value
    return fewer and first.line.parameters.value < last.line.parameters.value


Figures = tuple[Quoted, tuple[Candidate, ...]]
"""Figures of a text, and the networks that have them."""

MOST_QUOTED = 6
"""Most figures of a text that are looked up."""

MOST_WITH_LINES = 3
"""Most figures for which the whole lines of their networks are explained too: of a table each row is enough."""


def explanation_of_figures(
    quoted: Sequence[Quoted], lines: Sequence[PrintedLine] = (), *, asked: bool = False
) -> Explanation:
    """The report on figures without a whole line, behind lines; without those that no known network has.

    ``asked``: whether they stand in a question in words, where a figure alone is mostly of the reader's own network.
    """
    once = [*dict.fromkeys(quoted)][:MOST_QUOTED]
    tried = [(each, _usual(each, candidates(each)) if asked else candidates(each)) for each in once]
    found = tuple((each, networks) for each, networks in tried if networks and not _is_beside(each, networks, tried))
    own = figures_by_chance(found) if asked else ()
    certain = [networks[0].line for each, networks in found if _is_certain(each, networks) and each not in own]
    theirs = certain if len(found) <= MOST_WITH_LINES else []
    return replace(explanation([*lines, *theirs]), quoted=found, by_chance=own)


def figures_by_chance(found: Sequence[Figures]) -> tuple[Quoted, ...]:
    """Figures behind the first ones that a network of another generation has: of a change they are the reader's own.

    Whoever asks what a change does to a network names two pairs of figures, the second of no known network.
    """
    (_, networks), *others = found or ((None, ()),)
    if not networks:
        return ()
    first = networks[0]
    return tuple(
        each
        for each, theirs in others
        if each.millions
        and each.billions
        and theirs[0].network.network == first.network.network
        and not {host for network in theirs for host in network.hosts}
        & {host for each in networks for host in each.hosts}
    )


def _usual(quoted: Quoted, networks: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The networks that have figures; of FLOPs alone only those that are meant without a name, or of the series named.

    Of a reader's own network such a figure is that of another one by chance.
    """
    if quoted.millions and not (quoted.billions or quoted.layers or is_known(quoted.name)):
        return tuple(each for each in networks if each.classes in USUAL_CLASSES or each.classes <= FEW_CLASSES)
    if quoted.millions or quoted.layers or is_known(quoted.name):
        return networks
    usual = [name for name in POPULAR if name[1].startswith(quoted.name)] if quoted.name else POPULAR[:1]
    return tuple(
        each for each in networks if (each.network.family, each.network.network) in usual and not each.is_halved
    )


def _is_beside(quoted: Quoted, networks: tuple[Candidate, ...], tried: Sequence[Figures]) -> bool:
    """Whether layers that a named network has not stand beside figures that it has: they are a part of it, or rows."""
    if not networks or quoted.millions or quoted.billions or _fits(quoted, networks):
        return False
    return any(_fits(each, others) for each, others in tried if each.name == quoted.name and others)


def _fits(quoted: Quoted, networks: tuple[Candidate, ...]) -> bool:
    """Whether networks have figures, on their lines or elsewhere."""
    return not networks[0].is_unlike or bool(elsewhere(quoted, networks))


def _is_certain(quoted: Quoted, networks: Sequence[Candidate]) -> bool:
    """Whether the likeliest network is worth its own line: not where its figures are others, or its classes a guess."""
    first = networks[0]
    return not (first.is_unlike or is_foreign(quoted.name) or first.classes not in USUAL_CLASSES)


def of_the_network(lines: Sequence[PrintedLine], quoted: Sequence[Quoted]) -> list[Quoted]:
    """Figures beside a line, with the name of its network where they have none."""
    known = [match.network.network.lower() for line in lines for match in matches(line)[:1] if match.exact]
    return [replace(each, name=each.name or known[0]) if known else each for each in quoted]


def _built(answer: Answer) -> State | None:
    """The network of a known line; None where it cannot be built here."""
    from yolo_probe.reports.diff import side_of_line

    try:
        return side_of_line(answer.matches[0], (640, 640), choose_counter(None, None)).state if answer.exact else None
    except ProbeError:
        return None


def _between(first: Match, last: Match) -> Diff | None:
    """What is between the networks of two known lines; None where one of them cannot be built here."""
    from yolo_probe.reports.diff import diff, side_of_line

    both = _in_both(first, last)
    either = first.usual_counters or last.usual_counters  # a line without GFLOPs is counted as the other one is
    names = [both or match.usual_counters or either for match in (first, last)]
    counters = [choose_counter(each[-1] if each else None, installed_thop()) for each in names]
    try:
        return diff(*(side_of_line(match, (640, 640), of) for match, of in zip((first, last), counters, strict=True)))
    except ProbeError:
        return None


def _in_both(first: Match, last: Match) -> Sequence[str]:
    """The counters that print both of two lines, those that are usual for their host if some do."""
    usual = [name for name in first.usual_counters if name in last.usual_counters]
    return usual or [name for name in first.counters if name in last.counters]


def _have_two_counters(first: Match, last: Match) -> bool:
    """Whether no counter that their host usually has prints both of two lines."""
    return bool(first.counters and last.counters) and not set(first.counters) & set(last.counters)


def _printing_both(diff: FuseDiff, first: PrintedLine, last: PrintedLine) -> tuple[str, ...]:
    """The releases of thop, also unusual ones, whose GFLOPs of both states are those of two lines."""
    pairs = ((first, diff.training.run), (last, diff.validation.run))

    def prints(convention: Convention) -> bool:
        return all(run and line.shows_gflops((charge(run.records, convention).flops or 0) / 1e9) for line, run in pairs)

    return tuple(name for name, convention in CONVENTIONS.items() if "thop" in name and prints(convention))


def _pair(first: Answer, last: Answer) -> tuple[Match, Match] | None:
    """One network for both lines, before and after ``fuse()``; None where there is none."""
    if not (first.exact and last.exact):
        return None
    pairs = (_with_one_number(a, b) for a in first.matches for b in last.matches)
    return next((pair for pair in pairs if _are_one(*pair)), None)


def _with_one_number(a: Match, b: Match) -> tuple[Match, Match]:
    """Two matches for a number of classes with which both have their figures; as they are where there is none."""
    first, last = max(a.classes[0], b.classes[0]), min(a.classes[1], b.classes[1])
    if first > last:
        return a, b
    common = min(max(first, 80), last)
    return replace(a, numbers=a.network.numbers(common)), replace(b, numbers=b.network.numbers(common))


def _are_one(a: Match, b: Match) -> bool:
    same = (a.network.family, a.network.network) == (b.network.family, b.network.network)
    same = same and (a.network.note == b.network.note or b.network.is_only_fused)
    hosts = not a.network.hosts or bool(set(a.hosts) & set(b.hosts))
    return same and hosts and a.numbers.classes == b.numbers.classes and (a.fused, b.fused) == (False, True)


def _diff(first: Match, last: Match, counter: str = "") -> FuseDiff | None:
    """The four ledgers of a network that can be built here; None where it cannot, or not as these lines have it.

    ``counter``: the name of the one that counts, else one that prints both lines, or that its host usually has.
    """
    if first.network.note != last.network.note or first.network.family == "ultralytics":
        return None
    from yolo_probe.reports.diff import subject_of_line

    hosts = tuple(host for host in first.hosts if host in last.hosts)
    try:
        subject = subject_of_line(replace(first, hosts=hosts))
    except ProbeError:
        return None
    counters = _in_both(first, last) or first.network.counters
    question = Question(subject, (640, 640), choose_counter(counter or counters[-1], None))
    if (first.gradients is None or first.gradients.cause == "new") and (
        last.gradients is None or last.gradients.cause == "stripped"
    ):
        return fuse_diff(question)
    if first.gradients is None or last.gradients is None:
        return None
    causes = first.gradients.cause, last.gradients.cause
    if causes not in (("new", "autograd"), ("new", "no_grad"), ("stripped", "stripped")):
        return None
    built = as_built(subject.root)
    if causes[0] == "stripped":
        built = with_gradients(built, False)
    fusion = question.fusion(built, grad_enabled=causes[1] == "autograd")
    return explain(question, question.state(built, built=True), question.state(fusion.root, built=True), fusion, ())


def _alone(first: PrintedLine, last: PrintedLine) -> Iterator[tuple[str, Ledger]]:
    """What fuse() alone does to the numbers, if the second line is the first one's network after it.

    Nothing where it has as many layers, since fuse() takes layers away, or so few parameters that it is another one.
    """
    if first.parameters.is_rounded or last.parameters.is_rounded or not _may_be_fused(first, last):
        return
    if first.layers and last.layers and first.layers.value > last.layers.value:
        gone = first.layers.value - last.layers.value
        why = "A plain fuse() takes one layer away with each BatchNorm that it merges, and nothing else."
        cause = "BatchNorms merged, if fuse() does nothing else"
        yield (
            "layers",
            Ledger(first.layers.value, last.layers.value, (Entry(cause, gone, -gone, f"-{gone} x 1", why),)),
        )
    before, after = first.parameters.value, last.parameters.value
    if before > after:
        lost = before - after
        why = "A merged BatchNorm loses two numbers for each channel, and the convolution gains one, its bias."
        cause = "channels of the merged BatchNorms, if fuse() does nothing else"
        yield "parameters", Ledger(before, after, (Entry(cause, lost, -lost, f"-2 x {lost:,} + {lost:,}", why),))
    if first.gradients and last.gradients and first.gradients.value > 0 == last.gradients.value:
        before = first.gradients.value
        yield "gradients", Ledger(before, 0, (trains_nothing(before),))


def _may_be_fused(first: PrintedLine, last: PrintedLine) -> bool:
    """Whether a line may be of the network of another one after ``fuse()``."""
    loses_layers = not (first.layers and last.layers) or first.layers.value > last.layers.value
    return loses_layers and first.parameters.value >= last.parameters.value > LEFT * first.parameters.value


LEFT = 0.75
"""What part of its parameters fuse() leaves a network at least: that of YOLO26 loses a second head by it."""


def as_others_count(network: KnownNetwork) -> Iterator[KnownNetwork]:
    """The same network as other hosts count it: those that print another number of layers."""
    parameters = network.numbers(80).parameters
    found: dict[tuple[int, int], list[KnownNetwork]] = {}
    for other in reversed(known_networks()):
        same = (other.network, other.family) == (network.network, network.family)
        same = same and other.numbers(80).parameters == parameters
        if same and other.layers != network.layers and bool(other.note) <= bool(network.note):
            found.setdefault(other.layers, []).append(other)
    for others in found.values():
        alike = [each for each in reversed(others) if each.note == others[0].note]
        yield replace(others[0], hosts=tuple(host for each in alike for host in each.hosts))


def definition_of(network: KnownNetwork) -> LayerDefinition:
    """What a layer is to its hosts: ``modules``, ``leaf_modules``, ``parameter_tensors``."""
    return line_form(network, network.forms[0]).layers


def as_json(report: Explanation) -> dict[str, object]:
    """The report as plain data."""
    ledgers = {name: as_plain(account_of(ledger)) for name, ledger in report.ledgers}
    return {
        "schema": SCHEMA,
        "command": "explain",
        "lines": [
            {
                "text": answer.line.text,
                "exact": answer.exact,
                "matches": [_match_as_json(match) for match in answer.matches],
                **({"scale": _scale_as_json(answer.scale)} if answer.scale else {}),
            }
            for answer in report.answers
        ],
        **({"figures": [_quoted_as_json(*each) for each in report.quoted]} if report.quoted else {}),
        **({"tools": [_tool_as_json(*each) for each in report.tools]} if report.tools else {}),
        **({"ledger": ledgers} if ledgers else {}),
        **({"errors": [_error_as_json(*each) for each in report.errors]} if report.errors else {}),
    }


def _quoted_as_json(quoted: Quoted, networks: Sequence[Candidate]) -> dict[str, object]:
    found = elsewhere(quoted, networks)
    return {
        "text": quoted.text,
        **({"elsewhere": as_plain(found)} if found else {}),
        "networks": [
            {
                "network": each.network.network,
                "classes": each.classes,
                "family": each.network.family,
                "hosts": list(each.host_spans),
                "fused": each.fused,
                "layers": each.network.layers[each.fused],
                "parameters": each.network.parameters(each.classes, each.fused),
                "gflops": None if each.gflops is None else round(each.gflops, 1),
                **({"macs": True} if each.is_halved else {}),
                **({"unlike": True} if each.is_unlike else {}),
            }
            for each in networks
        ],
    }


def _tool_as_json(print_: ToolPrint, networks: Sequence[CountedBy]) -> dict[str, object]:
    return {
        "text": print_.text,
        "networks": [
            {
                "network": each.network.network,
                "classes": list(each.classes),
                "family": each.network.family,
                "hosts": list(spans(each.hosts)),
                "fused": each.fused,
                "imgsz": [each.side, each.side],
                "counters": list(each.counters),
                **({"doubled": True} if each.is_doubled else {}),
                "parameters": each.parameters,
                "gflops": [float(figure) for figure in each.gflops],
            }
            for each in networks
        ],
    }


def _scale_as_json(scale: OtherScale) -> dict[str, object]:
    return {
        "depth_multiple": scale.depth,
        "width_multiple": scale.width,
        "classes": scale.classes,
        "hosts": list(scale.hosts),
        "fused": scale.fused,
    }


def _error_as_json(text: str, known: KnownError) -> dict[str, object]:
    return {"text": text, "cause": known.cause, "remedy": known.remedy}


def _match_as_json(match: Match) -> dict[str, object]:
    return {
        "network": match.network.network,
        "classes": match.numbers.classes,
        **({"classes_from": match.span[0], "classes_to": match.span[1]} if match.span else {}),
        "family": match.network.family,
        "hosts": list(match.host_spans),
        "fused": match.fused,
        "counters": list(match.counters),
        "gradients": why_gradients(match) if match.gradients else None,
        **({"note": match.network.note} if match.network.note else {}),
        **({"unlike": list(match.unlike)} if match.unlike else {}),
    }


def why_gradients(match: Match) -> str:
    """Why a line has its number of gradients, in a few words."""
    assert match.gradients
    cause, fixed = match.gradients.cause, match.network.fixed
    if cause == "new" and fixed and not match.fused:
        return f"all of it trains but {fixed} parameters of DFL, which are fixed numbers: a model that was just built"
    if cause == "stripped" and match.fused and match.numbers.gradients["stripped"]:
        if match.network.family in MERGES_BRANCHES:
            return (
                "a finished file, or the EMA copy, trains nothing; but this host's fuse() merges branches, as those of "
                "RepConv, into convolutions that train: this number is theirs"
            )
        return (
            "a finished file, or the EMA copy, trains nothing; but this host's fuse() makes each convolution anew as "
            "one that trains, so the number rises from 0"
        )
    return GRADIENTS[cause].format(rows=match.gradients.rows)


MERGES_BRANCHES = ("YOLOv7", "YOLOv5-Lite")
"""Families whose ``fuse()`` makes convolutions that train of merged branches alone, and those of BatchNorms frozen."""

GRADIENTS = {
    "new": "all of it trains: a model that was just built",
    "frozen": "the first {rows} rows are frozen: freeze {rows}",
    "stripped": "nothing trains: a finished file, or the copy that validation uses (EMA)",
    "no_grad": "a model that trains, fused with autograd off: what fuse() did not merge",
    "autograd": "a model that trains, fused with autograd on",
}
"""Why a line has its number of gradients, in a few words."""

"""The words of an explanation: for each line the network that prints it, and why each number is what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.hosts.figures_elsewhere import converted, elsewhere
from yolo_probe.hosts.known_lines import KnownNetwork, known_networks, release_numbers, spans
from yolo_probe.hosts.line_matches import LIKELY_CLASSES, Match, is_far, line_form, width_of
from yolo_probe.hosts.other_scales import OtherScale
from yolo_probe.hosts.printed_line import Figure, PrintedLine
from yolo_probe.hosts.quoted_figures import CONVERTED, USUAL_CLASSES, Candidate, Quoted, is_foreign, is_known, spelled
from yolo_probe.hosts.summary_line import LayerDefinition, LineForm
from yolo_probe.hosts.ultralytics_names import NOT_RECORDED
from yolo_probe.render.common import counted_classes, in_a_row, kinds_words, ledger_block, rows_words
from yolo_probe.render.document import (
    Figures,
    Footer,
    Heading,
    Heads,
    Note,
    Part,
    Section,
    Table,
    Words,
)
from yolo_probe.reports.explain import (
    MERGES_BRANCHES,
    Answer,
    Explanation,
    as_others_count,
    definition_of,
    why_gradients,
)
from yolo_probe.reports.ledger import Ledger
from yolo_probe.reports.question import State

LAYERS = {
    "modules": "any module, also one that holds others",
    "leaf_modules": "a module that holds no others",
    "parameter_tensors": "a tensor of parameters, so that a BatchNorm counts as two",
}
"""What hosts count as layers, in words."""

SHORT = {"modules": "all modules", "leaf_modules": "those that hold no others", "parameter_tensors": "tensors"}
"""The same in a few words."""


def document(report: Explanation) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    if report.tools:
        from yolo_probe.render.tool_figures import sections

        for print_, counted in report.tools:
            yield from sections(print_, counted)
    listed: set[tuple[Candidate, ...]] = set()
    for quoted, networks in report.quoted:
        yield from _quoted(quoted, networks, listed)
        if quoted in report.by_chance:
            yield from _by_chance(report.quoted[0][0], quoted)
        listed.add(tuple(networks))
    for text, known in report.errors:
        yield (Heading(text),)
        yield Words(known.cause), Footer("Do", known.remedy)
    for answer in report.answers:
        yield from _answer(answer, report.built)
    if report.diff:
        from yolo_probe.render.fuse_diff import ledgers

        yield (Heading(_from_to(report)),)
        yield from _counters(report)
        yield from ledgers(report.diff)
    elif report.alone:
        alone = "" if report.exact else ", from the numbers alone"
        yield (Heading(f"{_from_to(report)}{alone}"),)
        ends = ("first", "last") if report.first == 0 else ("before", "after")
        yield Heads((*ends, "change")), *_ledgers(report.alone)
    elif len(report.answers) > 1 and report.exact and not report.is_one:
        words = "These lines are not of one network before and after fuse()."
        if not report.between:
            words += " yolo-probe diff, with two lines in quotes, tells what is between any two networks."
        yield from [*_counters(report)] or [(Words(words),)]
    if report.answers and report.exact and _can_be_named(report.answers[-1].matches[0].network):
        yield (Footer("Network", f"{_named(report.answers[-1].matches[0])} shows what it is made of"),)
    if report.between:
        from yolo_probe.render.diff import document as document_of_diff

        yield from document_of_diff(report.between)


def _by_chance(first: Quoted, quoted: Quoted) -> Iterator[Section]:
    """What is between figures of a question and later ones of another generation's network."""
    words = (
        "It is a network of another generation than that of the figures before: of one that you changed, these are "
        "its own figures, and yolo-probe diff old.yaml new.yaml tells what the change costs."
    )
    if first.millions and first.billions:
        more = (float(quoted.millions) - float(first.millions), float(quoted.billions) - float(first.billions))
        words += f" From the first figures to these: {more[0]:+.1f} M parameters, {more[1]:+.1f} GFLOPs."
    yield (Words(words),)


def _can_be_named(network: KnownNetwork) -> bool:
    """Whether its name alone leads to the network of the line."""
    return not network.note


SHOWN_CANDIDATES = 8
"""Most networks that are listed for figures; ``--format json`` has all."""


def _quoted(quoted: Quoted, networks: Sequence[Candidate], listed: set[tuple[Candidate, ...]]) -> Iterator[Section]:
    """Figures and the networks that have them, but for a table that stands above already."""
    yield (Heading(quoted.text),)
    many = f"{len(networks)} known networks have" if len(networks) > 1 else "One known network has"
    words = f"This is no whole line. {many} these figures" + ("." if len(networks) == 1 else ", the likeliest first.")
    if networks[0].is_unlike:
        words = " ".join([*_unlike(quoted, networks), *(["Its own lines are these."] if quoted.name else [])])
        if tuple(networks) in listed:
            yield (Words(" ".join(_unlike(quoted, networks))),)
            return
    elif networks[0].network.network == CONVERTED.get(quoted.name):
        words = (
            f"These are the figures that tables have for {quoted.name}: those of {networks[0].network.network} after "
            f"fuse(). tools/reparameterization.ipynb makes that network of a trained {quoted.name}, without the "
            "branch that only training needs."
        )
    elif is_foreign(quoted.name):
        words += f" {quoted.name} is none of the known networks."
        if not_recorded := _not_recorded(quoted.name):
            yield (Words(not_recorded),)
            return
        if networks[0].classes not in USUAL_CLASSES:
            yield (Words(f"This is no whole line. {quoted.name} is none of the known networks."),)
            return
    if is_known(quoted.name) and not networks[0].is_unlike and networks[0].classes not in USUAL_CLASSES:
        stock = networks[0].network.numbers(80).parameters
        words += f" With 80 classes it has {stock[False]:,} before fuse() and {stock[True]:,} after it."
    if networks[0].is_halved:
        words += (
            f" {quoted.billions} is half of the {networks[0].line.gflops} GFLOPs that hosts print: it is GMACs, and "
            "1 MAC is 2 FLOPs."
        )
    if len(networks) > SHOWN_CANDIDATES:
        words += f" {SHOWN_CANDIDATES} of them are shown."
    yield (Words(words),)
    rows = tuple(tuple(_candidate(each)) for each in networks[:SHOWN_CANDIDATES])
    yield (Table(("network", "classes", "host", "fuse()", "layers", "parameters", "GFLOPs"), rows),)


def _unlike(quoted: Quoted, networks: Sequence[Candidate]) -> Iterator[str]:
    """Sentences on figures that a named network does not print: what they are of it elsewhere, if that is known."""
    if not quoted.name:
        name = networks[0].network.network
        yield (
            "No known host prints both figures. These networks have the parameters; the FLOPs may be of another "
            "counter, unit or image size, or of a network of your own: "
            f"yolo-probe counters {name} shows what 16 counters say."
        )
        return
    yield f"{quoted.name} does not print these figures."
    found = elsewhere(quoted, networks)
    if found and found.bytes_each:
        yield f"{quoted.millions} MB is the size of a file of it {FILES[found.bytes_each]}."
        if found.bytes_each == UNSTRIPPED:
            yield f"strip_optimizer() of its host leaves the EMA alone: about {float(quoted.millions) / 4:.0f} MB."
    elif found and found.is_halved:
        yield (
            f"{quoted.billions} is half of the GFLOPs that it has at {found.side}x{found.side}: it is GMACs, and hosts "
            "print GFLOPs of 640x640."
        )
    elif found:
        yield (
            f"{quoted.billions} GFLOPs is what it has at {found.side}x{found.side}, but hosts print those of 640x640."
        )
    elif left := converted(quoted.name):
        yield _converted(left)
        if left.network == "gelan-t":
            yield TABLE_OF_T
    if quoted.name.startswith("yolov6"):
        yield "meituan/YOLOv6 has other networks of these names, which are none of the known ones."


def _converted(left: KnownNetwork) -> str:
    """A sentence on the network that tables of YOLOv9 have for one that it trains."""
    gflops = [pair[True] or 0 for pair in left.numbers(80).gflops.values()][-1]
    return (
        "Tables of YOLOv9 are of the converted network, without the branch that only training needs: "
        f"{left.network} has {left.parameters(80, True):,} parameters and {gflops:.1f} GFLOPs after fuse()."
    )


TABLE_OF_T = "For yolov9-t they list 2.0 M and 7.7 GFLOPs, which no YAML of YOLOv9 has."

FILES = {
    1: "in INT8, 1 byte for each parameter",
    2: "in FP16, 2 bytes for each parameter, as a finished training leaves it",
    4: "in FP32, 4 bytes for each parameter; in FP16 it is half of that",
    8: "that is not stripped, 8 bytes for each parameter: the model and the EMA in FP16, the optimizer in FP32",
}
"""What files have so many bytes for each parameter."""
UNSTRIPPED = 8
"""Bytes for each parameter of a file that still has the optimizer."""


def _candidate(each: Candidate) -> Iterator[str]:
    yield each.network.network
    yield f"{each.classes:,}"
    yield _hosts_of(each)
    yield "after" if each.fused else "before"
    yield f"{each.network.layers[each.fused]:,}"
    yield f"{each.network.parameters(each.classes, each.fused):,}"
    yield each.line.gflops or "-"


def _hosts_of(each: Candidate) -> str:
    """The hosts of a network in a narrow column: of several stretches of releases the first."""
    first, *others = each.host_spans or (each.network.family,)
    if each.network.family == "ultralytics":
        return f"{first}{', ...' if others else ''}"
    return ", ".join("HEAD" if host == "head" else host for host in (first, *others))


def _from_to(report: Explanation) -> str:
    if (report.first, report.last) == (0, len(report.answers) - 1):
        return "From the first line to the last"
    return f"From line {report.first + 1} to line {report.last + 1}"


def _counters(report: Explanation) -> Iterator[Section]:
    """A sentence where no counter that its host usually has prints both lines."""
    if report.apart is None:
        return
    by = [" or ".join(CONVENTIONS[name].title for name in match.counters) for match in report.apart]
    apart = f"the line before fuse() is of {by[0]}, that after it of {by[1]}"
    if report.both:
        titles = " and ".join(CONVENTIONS[name].title for name in report.both)
        yield (Words(f"{titles} prints both lines, and counts them below; else {apart}."),)
    else:
        yield (Words(f"No one thop prints both lines: {apart}. The environment changed between them."),)


def _ledgers(ledgers: Iterable[tuple[str, Ledger]]) -> Iterator[Part]:
    for name, ledger in ledgers:
        yield from ledger_block("FLOPs" if name == "flops" else name, ledger)


def _answer(answer: Answer, built: State | None = None) -> Iterator[Section]:
    line = answer.line
    yield (Heading(line.text),)
    if not answer.exact:
        yield (Words(" ".join(_nearest(answer))),)
        return
    first, *others = answer.matches
    yield (Words(_verdict(first)),)
    yield tuple(_figures(line, first, built))
    if others:
        apart = " ".join(dict.fromkeys(_told_apart(first, other) for other in others))
        yield (Words(f"It may also be {'; or '.join(_or_told(match) for match in others)}. {apart}"),)


def _verdict(match: Match) -> str:
    when = "after fuse(): the line of a validation" if match.fused else "before fuse(): the line of a training's start"
    note = f" The model is {match.network.note}." if match.network.note else ""
    return f"This is {_told(match)}, {when}.{note}"


def _told(match: Match) -> str:
    """A match in a few words: ``yolov5s with 2 classes, as YOLOv5 v7.0 prints it``."""
    return _as_printed(match.network.network, _classes(match), match.network.family, match.hosts)


def _as_printed(network: str, classes: str, family: str, hosts: Sequence[str]) -> str:
    prints = "print" if len(hosts) > 1 else "prints"
    named = f"{family} {hosts_in_words(hosts)}".rstrip()
    return f"{network} with {classes}, as {named} {prints} it"


def _or_told(match: Match) -> str:
    """Another match, and what would tell it apart."""
    note = f", {match.network.note}" if match.network.note else ""
    return f"{_told(match)}{', fused' if match.fused else ''}{note}"


def _told_apart(first: Match, other: Match) -> str:
    """What tells another match from the first one, which prints the same line: its other line, its FLOPs, its host."""
    name = other.network.network
    if name == first.network.network and other.hosts != first.hosts:
        name = f"{name} under {f'{other.network.family} {hosts_in_words(other.hosts)}'.rstrip()}"
    if first.fused != other.fused:
        return f"{name} still has BatchNorms." if first.fused else f"{name} has no BatchNorm left."
    if first.numbers.classes != other.numbers.classes and name == first.network.network:
        return "The names of the classes in the data file tell how many there are."
    other_state = not first.fused
    when = "after" if other_state else "before"
    for figure, theirs, ours in (
        ("layers", other.network.layers[other_state], first.network.layers[other_state]),
        ("parameters", other.numbers.parameters[other_state], first.numbers.parameters[other_state]),
    ):
        if theirs != ours:
            return f"The line of {name} {when} fuse() has {theirs:,} {figure}, not {ours:,}."
    for state, place in ((first.fused, ""), (other_state, f" {when} fuse()")):
        found, known = (match.gflops(fused=state) for match in (other, first))
        for counter in (counter for counter in found if counter in known):
            figures = f"{found[counter]:.1f}", f"{known[counter]:.1f}"
            if figures[0] != figures[1]:
                return f"With {CONVENTIONS[counter].title}, {name} has {figures[0]} GFLOPs{place}, not {figures[1]}."
    if not set(first.hosts) & set(other.hosts) and (first.hosts or other.hosts):
        return f"{name} is told by the release that ran: a log begins with it."
    return f"All lines of {name} are the same: only its file tells."


def _classes(match: Match) -> str:
    first, last = match.classes
    if first == last:
        return counted_classes(first)
    if last < LIKELY_CLASSES:
        return f"{first:,} to {last:,} classes"
    return f"{first:,} or more classes" if first > 1 else "80 classes or any other number"


def hosts_in_words(hosts: Sequence[str]) -> str:
    """Generations or releases: ``v6.0, v6.1 and HEAD``, ``8.2.55 to 8.2.103 and 8.3.17 to 8.3.75``."""
    return in_a_row(["HEAD" if host == "head" else host for host in spans(hosts)])


def _named(match: Match) -> str:
    """The command that shows the network in the state of a line: ``yolo-probe info yolov5s@v6.1 --nc 2 --fused``."""
    network, classes = match.network, match.numbers.classes
    tag = f"@{match.hosts[-1]}" if network.family == "YOLOv5" and match.hosts else ""
    options = (f" --nc {classes}" if classes != 80 else "") + (" --fused" if match.fused else "")
    return f"yolo-probe info {network.name}{tag}{options}"


def _figures(line: PrintedLine, match: Match, built: State | None) -> Iterator[Part]:
    network, numbers = match.network, match.numbers
    other = "before" if match.fused else "after"
    if line.layers:
        yield Figures("layers", (f"{match.layers:,}",))
        yield Note(_layers_note(match, other))
        if built and (words := " ".join(_made_of(built, definition_of(network)))):
            yield Note(words)
    yield Figures("parameters", (f"{match.parameters:,}",))
    yield Note(_parameters_note(line.parameters, match, other))
    if line.rows:
        yield Note(_of_rows(line))
    if line.gradients and match.gradients:
        yield Figures("gradients", (f"{_gradients(line, match):,}",))
        yield Note(_gradients_note(match))
    if line.gflops:
        yield Figures("FLOPs", (f"{line.gflops} GFLOPs",))
        yield Note(_gflops_note(line, match, other))
    elif any(pair[match.fused] is not None for pair in numbers.gflops.values()):
        yield Figures("FLOPs", ("missing",))
        left_out = "Without thop, or where its counting run fails, the figure is left out without a word."
        yield Note(_with_thop(match) if line.rows else f"{_with_thop(match)} {left_out}")
    if network.fixed and not match.fused and not (line.gradients and match.gradients):
        yield Note(f"{network.fixed} parameters of DFL never train: they are fixed numbers.")


def _of_rows(line: PrintedLine) -> str:
    return f"The {line.rows} rows of the table add up to it. Its summary line has the other numbers."


def _with_thop(match: Match) -> str:
    """The GFLOPs that hosts print of a match, where they are not all the same with the hosts of each."""
    hosts: dict[str, list[str]] = {}
    for each in match.joined:
        figures = sorted({f"{gflops:.1f}" for gflops in each.gflops(fused=match.fused).values()})
        hosts.setdefault(" or ".join(figures), []).extend(each.hosts)
    if len(hosts) == 1:
        return f"With thop installed it prints {next(iter(hosts))}."
    return " ".join(f"With thop installed, by {hosts_in_words(those)}: {each}." for each, those in hosts.items())


def _layers_note(match: Match, other: str) -> str:
    network = match.network
    there = f"{network.layers[not match.fused]:,} {other} fuse(), which merges BatchNorms into convolutions."
    words = [f"A layer here is {LAYERS[definition_of(network)]}. {there}"]
    others = [each for each in as_others_count(network) if not each.note]
    words += [_activations(match, each) for each in others if _counts_activations(each, network)]
    listed = [
        f"{each.layers[match.fused]:,} for {_whose(each, network)}"
        for each in others if not _counts_activations(each, network) and each.layers[match.fused] != match.layers
    ]  # fmt: skip
    if listed:
        subject = "The same network has" if len(words) == 1 else "Counted in another way it has"
        words.append(f"{subject} {', '.join(listed[:3])}.")
    return " ".join(words)


def _made_of(built: State, definition: LayerDefinition) -> Iterator[str]:
    """The modules of a network by their class, and the rows of its YAML."""
    if definition != "parameter_tensors":
        yield f"By class: {kinds_words(built.root, leaves=definition == 'leaf_modules')}."
    if rows := rows_words(built.root, "all of these"):
        yield rows


def _counts_activations(other: KnownNetwork, network: KnownNetwork) -> bool:
    """Whether it is other activations alone that make the layers of the same network of YOLOv5 differ."""
    return network.family == "YOLOv5" and definition_of(other) == definition_of(network) == "modules"


def _activations(match: Match, other: KnownNetwork) -> str:
    """A sentence on the layers of the same network where each Conv has an activation, or all share one."""
    there, hosts = other.layers[match.fused], hosts_in_words(other.hosts)
    if there > match.layers:
        official = ", the official ones too" if _OFFICIAL.fullmatch(match.network.network) else ""
        return (
            f"No activation is missing: all Conv share one, which counts once. In {hosts}, and in files of then"
            f"{official}, each Conv has its own, and the same network has {there:,} layers."
        )
    return (
        f"Each Conv has an activation of its own here. In {hosts} all share one, which counts once, and the same "
        f"network has {there:,} layers."
    )


_OFFICIAL = re.compile(r"yolov5[nsmlx]6?(?:-seg|-cls)?")
"""Networks whose files YOLOv5 publishes."""


def _whose(network: KnownNetwork, than: KnownNetwork) -> str:
    """The hosts that count other layers of a network than those of another entry, and what they count."""
    hosts = hosts_in_words(network.hosts)
    same = definition_of(network) == definition_of(than)
    return hosts if same else f"{hosts} ({SHORT[definition_of(network)]})"


def _parameters_note(printed: Figure, match: Match, other: str) -> str:
    numbers, network = match.numbers, match.network
    there = numbers.parameters[not match.fused]
    words = [f"{there:,} {other} fuse()."]
    stock = network.numbers(80).parameters[match.fused]
    if network.family == "ultralytics":
        words += _elsewhere_fused(match)
        words += _built_otherwise(match)
        words += _of_the_other_repository(match)
    elif network.family == "YOLOv9" and (left := converted(network.network)):
        words.append(_converted(left))
        words += [TABLE_OF_T] * (left.network == "gelan-t")
    elif network.network == "gelan-t":
        words.append(f"Tables of YOLOv9 have the converted networks. {TABLE_OF_T}")
    if numbers.classes != 80 and stock != match.parameters:
        change = match.parameters - stock
        more = "more" if change > 0 else "fewer"
        words.append(
            f"With 80 classes it has {stock:,}; with {_classes(match)} {abs(change):,} {more}, all in the head."
        )
    fitting = [each for each in CLASSES_TRIED if printed.shows(network.parameters(each, match.fused))]
    if printed.is_short and len(fitting) > 1:
        words.append(f"The line rounds it, so that {fitting[0]} to {fitting[-1]} classes fit.")
    return " ".join(words)


CLASSES_TRIED = range(1, 101)
"""The numbers of classes of which those are told that a rounded number of parameters fits."""


def _of_the_other_repository(match: Match) -> Iterator[str]:
    """What YOLOv5 has by the name of a network that ultralytics builds with its own head."""
    name = match.network.network
    own = [each for each in known_networks() if (each.network, each.family) == (name, "YOLOv5") and not each.note]
    if own:
        parameters = own[-1].numbers(match.numbers.classes).parameters[match.fused]
        yield f"Its head is ultralytics' own, without anchors: the {name} of YOLOv5 has {parameters:,}."


_DOCUMENTED = re.compile(r"yolo(?:v8|11|26)[nsmlx]")
"""Networks of which the tables of the documentation have what the newest release prints after ``fuse()``."""


_TWO_HEADS = re.compile(r"yolov10[nsmblx]|yolo26[nsmlx]")
"""Networks with a head that only training needs."""


def _newest(match: Match) -> KnownNetwork:
    """The same network as the newest release of ultralytics has it."""
    return max(_same(match), key=lambda each: release_numbers(each.hosts[-1]))


def _same(match: Match) -> list[KnownNetwork]:
    name, keypoints = match.network.network, match.network.keypoints
    found = [each for each in known_networks() if (each.network, each.family) == (name, "ultralytics")]
    return [each.with_keypoints(keypoints) for each in found] if keypoints else found


def _drops_a_head(match: Match) -> bool:
    """Whether fuse() of its hosts takes out a head that only training needs."""
    if match.network.family != "ultralytics" or not _TWO_HEADS.fullmatch(match.network.network):
        return False
    return match.numbers.parameters[True] == _newest(match).parameters(match.numbers.classes, True)


def _elsewhere_fused(match: Match) -> Iterator[str]:
    """Sentences on the network after ``fuse()`` in newer releases, and in the tables of the documentation."""
    name, classes, newest = match.network.network, match.numbers.classes, _newest(match)
    left = newest.parameters(classes, True)
    if _TWO_HEADS.fullmatch(name) and not _drops_a_head(match):
        same = (each for each in _same(match) if each.parameters(classes, True) == left)
        since = min((each.hosts[0] for each in same), key=release_numbers)
        yield (
            f"From {since.partition(' ')[0]} on fuse() also takes out the head that only training needs, which leaves "
            f"{left:,}; tables are of that."
        )
    elif not match.fused and _DOCUMENTED.fullmatch(name):
        stock = newest.numbers(80)
        gflops = [pair[True] for pair in stock.gflops.values() if pair[True] is not None]
        yield (
            "The tables of the documentation are of the fused network with 80 classes: "
            f"{stock.parameters[True] / 1e6:.1f} M parameters, {gflops[-1]:.1f} GFLOPs."
        )


def _built_otherwise(match: Match) -> Iterator[str]:
    """A sentence on a network that the newest release builds otherwise, with other parameters."""
    newest, classes = _newest(match), match.numbers.classes
    usual = newest.parameters(classes, False)
    if usual != match.numbers.parameters[False]:
        yield (
            f"Other releases, such as {newest.hosts[-1].rpartition(' ')[2]}, build this network otherwise: it has "
            f"{usual:,} there before fuse()."
        )


def _gradients(line: PrintedLine, match: Match) -> int:
    """The number of gradients, exact also where the line has only six digits of it."""
    assert line.gradients
    if not line.gradients.is_rounded:
        return line.gradients.value
    known = (match.parameters - match.network.fixed, *match.numbers.gradients.values())
    return next((number for number in known if line.gradients.shows(number)), line.gradients.value)


def _gradients_note(match: Match) -> str:
    assert match.gradients
    cause, rows = match.gradients.cause, match.gradients.rows
    words = f"{why_gradients(match)}."
    if cause == "new":
        option = "freeze=" if match.network.family == "ultralytics" else "--freeze"
        words += f" The line is printed before anything is frozen: {option} never shows in it."
    elif cause == "stripped" and match.fused and not match.numbers.gradients["stripped"]:
        words += " fuse() is not the reason: nothing trained before it."
    elif cause == "no_grad":
        words += " The new convolutions are made with requires_grad=False; 0 would be a finished file."
    elif cause == "autograd":
        fixed = match.parameters - match.network.fixed - match.numbers.gradients["autograd"]
        words += " The new convolutions then train as the old ones did"
        words += f", but those of merged branches: {fixed:,} parameters." if fixed > 0 else "."
        if finished := sorted({each.numbers.gradients["stripped"] for each in match.joined} - {0}):
            hosts = [host for each in match.joined if each.numbers.gradients["stripped"] for host in each.hosts]
            figures = " or ".join(f"{each:,}" for each in finished)
            if match.network.family in MERGES_BRANCHES:
                words += (
                    " fuse() merges branches, as those of RepConv, into convolutions that train, so a finished file "
                    f"prints {figures}, not 0."
                )
            else:
                words += (
                    f" In {hosts_in_words(hosts) or match.network.family} fuse() makes each convolution anew as one "
                    f"that trains, so a finished file prints {figures} there, not 0."
                )
    elif cause == "frozen":
        words += f" {match.parameters - match.network.fixed - sum(match.network.rows[match.fused][:rows]):,} are left."
    return words[:1].upper() + words[1:]


def _gflops_note(line: PrintedLine, match: Match, other: str) -> str:
    numbers = match.numbers
    by = in_a_row([CONVENTIONS[counter].title for counter in match.counters])
    height, width = _form(match).size((640, 640))
    words = [f"2 x MACs of one image of {height}x{width}, whatever size is trained, as counted by {by}."]
    here = {counter: pair[match.fused] for counter, pair in numbers.gflops.items()}
    unlike = [
        f"{CONVENTIONS[counter].title} gives {gflops:.1f}"
        for counter, gflops in here.items()
        if gflops is not None and counter not in match.counters
    ]
    if unlike:
        words.append(f"{', '.join(unlike)}.")
    pairs = [numbers.gflops[counter] for counter in match.counters]
    there = sorted({f"{gflops:.1f}" for pair in pairs if (gflops := pair[not match.fused]) is not None})
    if there:
        fusion = match.network.fusion(numbers.classes)
        why = "the convolutions cost the same, BatchNorm was charged"
        if fusion and fusion.changes and _drops_a_head(match):
            why = "BatchNorm was charged, and fuse() takes out the head that only training needs"
        elif fusion and fusion.changes:
            why = "BatchNorm was charged, and fuse() changes or takes away convolutions too"
        elif match.network.family in REPARAMETERISED:
            why = "BatchNorm was charged, and branches of convolutions may be merged"
        words.append(f"{' or '.join(there)} {other} fuse(): {why}.")
    if (height, width) == (640, 640):
        side = 224 if "-cls" in match.network.network else 416
        where = ", the size that classifiers train at" if side == 224 else ""
        words.append(f"At {side}x{side}{where}, it is about {float(line.gflops) * side * side / 640 / 640:.1f}.")
    return " ".join(words)


REPARAMETERISED = ("YOLOv7", "YOLOv9", "YOLOv5-Lite")
"""Hosts whose ``fuse()`` may merge branches of convolutions."""


def _form(match: Match) -> LineForm:
    """The form of the line of the newest of a match's hosts."""
    network = match.network
    places = [place for place, host in enumerate(network.hosts) if host in match.hosts]
    return line_form(network, network.forms[places[-1] if places else -1])


def _nearest(answer: Answer) -> Iterator[str]:
    line, found = answer.line, answer.matches
    if not found:
        yield "No known network is near it."
        return
    if scale := answer.scale:
        yield from _scaled(scale)
        yield from _from_the_numbers(line)
        return
    match = found[0]
    if _not_recorded(line.name):
        yield from _from_the_numbers(line)
        return
    if is_far(line, match):
        yield "No known network is near it."
        yield from _from_the_numbers(line)
        yield PASS_THE_FILE
        return
    state = ", fused" if match.fused else ""
    parts = [f"{name} {_found_and_expected(line, match, name)}" for name in match.unlike if name != "gradients"]
    figures = f": {'; '.join(parts)}" if parts else ""
    is_changed = is_foreign(spelled(line.name.replace("Model", "")))
    yield f"{line.name} is none of the known networks." if is_changed else NO_NETWORK
    note = f", {match.network.note}" if match.network.note else ""
    yield f"The nearest is {_told(match)}{state}{note}{figures}."
    if match.unlike == ("GFLOPs",) and _are_macs(line, match):
        yield f"{line.gflops} is half of that: it is GMACs, and 1 MAC is 2 FLOPs."
    elif match.unlike == ("GFLOPs",) and (side := _other_size(line, match)):
        size = "imgsz" if match.network.family == "ultralytics" else "img_size"
        yield f"{line.gflops} GFLOPs is what it has at {side}x{side}, but hosts print those of 640x640."
        yield f"Only a call of your own asks for another size: model.info({size}={side})."
    yield from _direction(line, match)
    yield from _from_the_numbers(line, match)
    yield PASS_THE_CHANGED if is_changed else PASS_THE_FILE


def _scaled(scale: OtherScale) -> Iterator[str]:
    """Sentences on a network of YOLOv5 with multiples that none of the shipped ones has."""
    told = _as_printed("YOLOv5", counted_classes(scale.classes), "YOLOv5", scale.hosts)
    when = "after fuse(): the line of a validation" if scale.fused else "before fuse(): the line of a training's start"
    yield f"This is {told}, {when}."
    yield f"Its YAML has depth_multiple: {scale.depth} and width_multiple: {scale.width}, which no shipped network has."
    yield "A depth that repeats the blocks as often prints the same."


NO_NETWORK = "No known network prints all of these figures."
PASS_THE_CHANGED = "Somebody has changed a network: pass its file or YAML to fuse-diff, which counts it as it is."
PASS_THE_FILE = "One figure may be mistyped, or the network is changed: pass its file or YAML to fuse-diff."


def _from_the_numbers(line: PrintedLine, nearest: Match | None = None) -> Iterator[str]:
    """What follows from a line whatever its network is."""
    if line.rows:
        yield _of_rows(line)
    if not_recorded := _not_recorded(line.name):
        yield not_recorded
    if line.gradients:
        yield _gradients_alone(line, line.gradients.value, nearest)
    if not line.gflops and line.layers and line.gradients:
        yield (
            "Without GFLOPs: thop is not installed there, or its counting run failed, which no host says. That run "
            "takes an image as small as the stride, 32x32: a block that needs a larger map, such as some attention and "
            "pooling, fails there alone. yolo-probe info FILE counts without it, and names a module that fails."
        )


def _not_recorded(name: str) -> str:
    """A sentence on a network of ultralytics whose line is not recorded; empty for any other."""
    named = NOT_RECORDED.search(name.lower())
    if not named:
        return ""
    shipped = name.lower() if re.match(r"yolo(?:e-)?v?\d", name.lower()) else "NAME"
    return (
        f"Networks with {named[0]} in their name are not recorded: yolo-probe info {shipped} counts one, where "
        "ultralytics is installed."
    )


def _gradients_alone(line: PrintedLine, gradients: int, nearest: Match | None) -> str:
    """What the gradients say of a network that is not known."""
    parameters = line.parameters.value
    if gradients == parameters > 0:
        return "All of its parameters train: a model that was just built."
    if gradients == parameters - DFL_BINS:
        return f"All of its parameters train but {DFL_BINS}, the fixed numbers of DFL, which ultralytics builds in."
    if gradients == 0:
        return "Nothing trains: a finished file, or the copy that validation uses (EMA)."
    if gradients > parameters:
        return f"Gradients found {gradients:,}, expected at most the parameters."
    if nearest and nearest.fused and gradients == nearest.numbers.gradients["no_grad"]:
        return (
            f"{gradients:,} of its {parameters:,} parameters train: as many as fuse() leaves of the nearest where it "
            "trains and autograd is off."
        )
    if nearest and "parameters" not in nearest.unlike:
        return (
            f"{gradients:,} of its {parameters:,} parameters train, which is not what freezing rows or fuse() leaves "
            "of the nearest."
        )
    return (
        f"{gradients:,} of its {parameters:,} parameters train: rows are frozen, or fuse() ran on a model that trains."
    )


DFL_BINS = 16
"""Fixed numbers in the head of every ultralytics detector: what its DFL weighs."""


def _direction(line: PrintedLine, match: Match) -> Iterator[str]:
    """What kind of change leads from the nearest network to a line, as far as its figures say."""
    if line.layers and line.layers.value == match.layers + 1 and match.unlike == ("layers",):
        yield "1 more is the wrapper of DataParallel or DistributedDataParallel: take model.module."
    elif match.unlike == ("layers",) and match.network.family == "ultralytics":
        yield "All else is the same: a release that is not recorded of this network may count layers in another way."
    if not line.layers or "parameters" not in match.unlike:
        return
    layers, parameters = line.layers.value - match.layers, line.parameters.value - match.parameters
    ratio = line.parameters.value / match.parameters
    if layers and 0.995 < ratio < 1.005:
        yield f"{'More' if layers > 0 else 'Fewer'} layers, and about as many parameters: other blocks."
    elif layers * parameters < 0:
        yield f"{'More' if layers > 0 else 'Fewer'} layers, and {ratio:.3g} times the parameters: other blocks."
    elif layers:
        yield f"Blocks were {'added' if layers > 0 else 'taken out'}{_where(line, match, parameters)}."
    elif width := width_of(line, match):
        yield f"As many layers, {ratio:.3g} times the parameters and the FLOPs: {width:.2g} times the channels."
    elif not 0.98 < ratio < 1.02:
        yield f"As many layers, {ratio:.3g} times the parameters: another width."


def _where(line: PrintedLine, match: Match, parameters: int) -> str:
    """On which maps the parameters lie that differ, since a convolution costs 2 FLOPs for each of them and cell."""
    known = match.gflops(fused=match.fused).values()
    if not line.gflops or not known:
        return ""
    gflops = min((float(line.gflops) - each for each in known), key=abs)
    if abs(gflops) < 5 * ROUNDED_GFLOPS or gflops * parameters <= 0:
        return ""
    stride = 640 / (gflops * 1e9 / 2 / parameters) ** 0.5
    if not 2 < stride < 128:
        return ""
    return f", on maps of stride {stride:.0f} on average" + (", such as a head at stride 4 (P2)" if stride < 6 else "")


ROUNDED_GFLOPS = 0.1
"""What the last digit of a printed number of GFLOPs stands for."""


def _found_and_expected(line: PrintedLine, match: Match, name: str) -> str:
    if name == "GFLOPs":
        figures = sorted({f"{gflops:.1f}" for gflops in match.gflops(fused=match.fused).values()})
        return f"found {line.gflops}, expected {' or '.join(figures) or 'none'}"
    figure, expected = (line.layers, match.layers) if name == "layers" else (line.parameters, match.parameters)
    assert figure
    more = figure.value - expected
    return f"found {figure.value:,}, expected {expected:,} ({abs(more):,} {'more' if more > 0 else 'fewer'})"


def _are_macs(line: PrintedLine, match: Match) -> bool:
    return any(line.shows_gflops(gflops / 2) for gflops in match.gflops(fused=match.fused).values())


def _other_size(line: PrintedLine, match: Match) -> int:
    """The side of a square image of which the network has these GFLOPs; 0 where there is none."""
    for side in range(32, 2049, 32):
        if any(
            line.shows_gflops(gflops * side * side / 640 / 640) for gflops in match.gflops(fused=match.fused).values()
        ):
            return side
    return 0

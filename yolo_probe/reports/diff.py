"""The report of ``yolo-probe diff``: the four ledgers from one network to another."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from yolo_probe.counters.charges import Charges, charge
from yolo_probe.counters.conventions import Counter, choose_counter
from yolo_probe.environment import installed_thop
from yolo_probe.errors import ModelYamlError, TargetError, TraceError
from yolo_probe.hosts.images import Size
from yolo_probe.hosts.line_matches import Match, matches
from yolo_probe.hosts.printed_line import lines_in
from yolo_probe.hosts.quoted_figures import quoted_in
from yolo_probe.hosts.subject import Model, Rebuilt, Subject
from yolo_probe.hosts.summary_line import LayerDefinition
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.yolov5 import origin_of
from yolo_probe.model.forks.registry import unfused_as_host
from yolo_probe.model.freezing import as_built, frozen_by_rows, with_frozen, with_gradients
from yolo_probe.model.structure import Module, count_parameters, with_own_activations
from yolo_probe.networks.generations import GENERATIONS, Generation
from yolo_probe.networks.network import Network
from yolo_probe.reports.ledger import Entry, FourLedgers, Ledger, account_of
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.row_parts import Number, Pair, Parts, aligned, parts_of
from yolo_probe.reports.schema import SCHEMA, counter_as_json, state_as_json, target_as_json
from yolo_probe.reports.typed_json import as_plain

OLDER: Mapping[str, Generation | None] = {
    "loaded from a file whose Conv have an activation each": None,
    "loaded from a file of v5.0": "v5.0",
    "that of v3.1": "v3.1",
}
"""What a network is that its host has read from an older file, by what is noted of it: the generation that built it.

None is that host itself, but for the activations.
"""

SHOWN_ROWS = 12
"""Most rows that a ledger lists; the others are added up in one entry."""


@dataclass(frozen=True)
class Side:
    """One of the two networks, in the state that is asked about."""

    question: Question
    state: State
    unfused: Module
    """Its structure before ``fuse()``."""
    model: Model | None
    """The network that runs, before ``fuse()``, where only its host can run it."""
    is_fused: bool

    @property
    def subject(self) -> Subject:
        """The network and its host."""
        return self.question.subject

    @property
    def definition(self) -> LayerDefinition:
        """What its host counts as a layer."""
        return self.subject.origin.form.layers


@dataclass(frozen=True)
class Diff(FourLedgers):
    """Two networks, and the causes of each difference of their four numbers."""

    first: Side
    second: Side
    layers: Ledger
    parameters: Ledger
    gradients: Ledger
    flops: Ledger | None
    """None where the forward pass of one of them is not known."""
    rescaled: Pair | None = None
    """The first row of the same class whose map is larger or smaller than that of the first network."""


def side(target: str, size: Size, counter: str | None, *, classes: int | None = None) -> Side:
    """One side of a diff: a checkpoint, a model YAML, the name of a network, or a pasted summary line.

    ``counter``: its name; None is the installed thop, or of a line one that prints its GFLOPs.
    Raises: ProbeError for a target that cannot be read or is not known.
    """
    if match := match_of_line(target):
        return side_of_line(match, size, choose_counter(counter or _own_counter(match), installed_thop()))
    subject = resolve(target, classes=classes if not target.endswith((".pt", ".pth")) else None)
    return side_of(Question(subject, size, choose_counter(counter, installed_thop())))


def match_of_line(target: str) -> Match | None:
    """The likeliest network that prints a pasted line; None for a target that is none.

    Raises: TargetError for a line that no known network prints, and for figures that are no whole line.
    """
    if " " not in target.strip() or os.path.exists(target):
        return None
    for line in lines_in(target):
        match = matches(line)[0]
        if match.exact:
            return match
        raise TargetError(
            f"{target}: found no known network with these figures, expected the line of one",
            "yolo-probe explain tells what is nearest to it.",
        )
    if any(quoted_in(target)):
        raise TargetError(
            f"{target}: found figures without a whole summary line, expected a line, a file or the name of a network",
            f'yolo-probe explain "{target}" tells which networks have them: pass the name of one.',
        )
    return None


def _own_counter(match: Match) -> str | None:
    """A counter that prints the GFLOPs of a line: the installed thop if it does."""
    installed = choose_counter(None, installed_thop()).convention.name
    return installed if installed in match.counters or not match.counters else match.counters[-1]


def side_of(question: Question) -> Side:
    """One side of a diff: a network as its file has it, or as it is built."""
    subject = question.subject
    if isinstance(subject.rebuilt, Rebuilt):
        rebuilt = subject.rebuilt
        if subject.saved is None:
            state = question.state(rebuilt.built.root, built=True, model=rebuilt.built)
            return Side(question, state, rebuilt.built.root, rebuilt.built, is_fused=False)
        state = question.state(rebuilt.saved.root, model=rebuilt.saved)
        return Side(question, state, rebuilt.stored.root, rebuilt.stored, rebuilt.saved_fused)
    unfused = unfused_as_host(subject.root) or subject.root
    state = question.state(subject.root, built=subject.saved is None)
    return Side(question, state, unfused, None, unfused is not subject.root)


def side_of_line(match: Match, size: Size, counter: Counter) -> Side:
    """One side of a diff: the network that prints a line, in the state that the line shows.

    Raises: ProbeError where it cannot be built here.
    """
    subject = subject_of_line(match)
    question = Question(subject, size, counter)
    made = side_of(question)
    if isinstance(subject.rebuilt, Rebuilt):
        model = subject.rebuilt.fused if match.fused else subject.rebuilt.built
        return replace(made, state=question.state(model.root, built=True, model=model), is_fused=match.fused)
    cause = match.gradients.cause if match.gradients else "stripped" if match.fused else "new"
    root = as_built(made.unfused)
    if cause == "stripped":
        root = with_gradients(root, False)
    elif match.gradients and cause == "frozen":
        root = with_frozen(root, frozen_by_rows(root, tuple(range(match.gradients.rows))))
    if match.fused:
        root = question.fusion(root, grad_enabled=cause in ("autograd", "frozen")).root
    state = question.state(root, built=True)
    if (subject.origin.form.layer_count(state.summary.layers), state.summary.parameters) != (
        match.layers,
        match.parameters,
    ):
        raise TargetError(
            f"{match.network.network}: its host builds another network today than that of this line",
            "Pass its file, or the YAML of then.",
        )
    return replace(made, state=state, is_fused=match.fused)


def subject_of_line(match: Match) -> Subject:
    """The network that prints a line, as it is built here.

    Raises: ProbeError where it cannot be built here.
    """
    note = match.network.note
    older = next((words for words in OLDER if note.startswith(words)), None)
    if match.network.keypoints or match.network.is_only_fused or (note and older is None):
        raise TargetError(
            f"{match.network.network}: its name builds another network than that of this line, which is {note}",
            "Pass its file.",
        )
    hosts: list[Generation] = [host for host in match.hosts if host in GENERATIONS]
    name = match.network.name
    host = hosts[-1] if hosts else None
    if older is None or host is None:
        return resolve(name, host=host, classes=match.numbers.classes)
    subject = resolve(name, host=OLDER[older] or host, classes=match.numbers.classes)
    root = subject.root if OLDER[older] else with_own_activations(subject.root)
    return replace(subject, root=root, origin=origin_of(host, subject.origin.evidence))


def diff(first: Side, second: Side) -> Diff:
    """The report on two networks."""
    steps = list(_steps(first, second))
    parameters = _parameters(first, second, steps)
    return Diff(
        first, second, _layers(first, second, steps), parameters, _gradients(first, second, parameters),
        _flops(first, second, steps), next((pair for pair in steps[-1].pairs if pair.scale != 1), None),
    )  # fmt: skip


# From the first network to the second


@dataclass(frozen=True)
class Step:
    """One change on the way: the network before it and after it, cut into rows."""

    cause: str
    """Empty for the last step, whose rows are listed one by one."""
    why: str
    pairs: tuple[Pair, ...]
    before: Parts
    after: Parts
    times: int = 0
    """How many classes more; 0 for another change."""

    def change(self, number: Number) -> int:
        """How much a number changes in the rows."""
        return sum(pair.change(number) for pair in self.pairs)


def _steps(first: Side, second: Side) -> Iterator[Step]:
    before = _parts(second, first.unfused, first)
    for cause, why, times, root in _networks_between(first, second):
        try:
            after = _parts(second, root, first)
        except TraceError:  # a network that cannot run, as one of poses with more classes: its rows tell the rest
            break
        yield Step(cause, why, aligned(before, after), before, after, times)
        before = after
    after = _parts(second, second.unfused, second)
    yield Step("", "", aligned(before, after), before, after)


def _parts(measure: Side, root: Module, of: Side) -> Parts:
    """A network cut into rows, counted as the second side is: its definition of a layer, its counter, its size."""
    question = replace(measure.question, subject=of.subject)
    model = of.model if root is of.unfused else None
    run = None
    if of.subject.has_flops:
        run = question.ruled(root, model)((1, of.subject.channels, *question.size))
    return parts_of(root, measure.definition, run, charge(run.records if run else (), question.counter.convention))


def _networks_between(first: Side, second: Side) -> Iterator[tuple[str, str, int, Module]]:
    """The first network with the second one's classes, then with its depth, then with its width."""
    from yolo_probe.networks.model_yaml import build

    start, end = _network(first), _network(second)
    if start is None or end is None:
        return
    generation, release = first.subject.origin.generation, first.subject.origin.release
    assert generation != "ultralytics"
    network = start
    changes = (
        ("classes", "classes", "Only the last convolutions, in the head, depend on the number of classes."),
        ("depth_multiple", "depth", "The depth multiple says how often the blocks of a row are repeated."),
        ("width_multiple", "width", "The width multiple says how many channels the rows have."),
    )
    for key, word, why in changes:
        old, new = getattr(network, key), getattr(end, key)
        if old == new or (key != "classes" and len(start.rows) != len(end.rows)):
            continue
        network = replace(network, **{key: new})
        try:
            root = build(network, generation, release)
        except ModelYamlError:
            return
        yield f"{word} {old} -> {new}", why, new - old if key == "classes" else 0, root


def _network(side: Side) -> Network | None:
    """The rows that a network is built of; None where it is not what they say."""
    from yolo_probe.networks.model_yaml import build, network_in

    subject = side.subject
    origin = subject.origin
    if origin.generation == "ultralytics":
        return None
    network = subject.source if isinstance(subject.source, Network) else None
    try:
        network = network or network_in(subject.root.attributes.get("yaml"), subject.label)
        built = build(network, origin.generation, origin.release)
    except ModelYamlError:
        return None
    return network if count_parameters(built) == count_parameters(side.unfused) else None


# The four ledgers


def _layers(first: Side, second: Side, steps: Sequence[Step]) -> Ledger:
    begin, end = (each.subject.origin.form.layer_count(each.state.summary.layers) for each in (first, second))
    theirs = getattr(first.state.summary.layers, second.definition)
    entries = []
    if first.definition != second.definition:
        words = {"modules": "all modules", "leaf_modules": "modules without others inside",
                 "parameter_tensors": "tensors of parameters"}  # fmt: skip
        cause = f"what a layer is: {words[first.definition]} -> {words[second.definition]}"
        why = "Each host counts layers in its own way; the network is the same."
        entries.append(Entry(cause, begin, theirs - begin, f"{theirs} - {begin}", why))
    entries += _of_rows(steps, "layers")
    old, new = steps[0].before, steps[-1].after
    if old.activations != new.activations:
        cause = f"activations: {_sharing(old)} -> {_sharing(new)}"
        why = "A module that several blocks share counts once."
        entries.append(
            Entry(
                cause, new.activated, new.activations - old.activations, f"{new.activations} - {old.activations}", why
            )
        )
    fused = [getattr(each.state.summary.layers, second.definition) for each in (first, second)]
    entries += _of_fuse(first, second, (old.total("layers"), new.total("layers")), (fused[0], fused[1]))
    return Ledger(begin, end, tuple(entries))


def _sharing(parts: Parts) -> str:
    if parts.activations == parts.activated:
        return f"one in each of {parts.activated} blocks"
    return f"{parts.activations} that {parts.activated} blocks share"


def _parameters(first: Side, second: Side, steps: Sequence[Step]) -> Ledger:
    begin, end = (each.state.summary.parameters for each in (first, second))
    entries = list(_of_rows(steps, "parameters"))
    whole = steps[0].before.total("parameters"), steps[-1].after.total("parameters")
    entries += _of_fuse(first, second, whole, (begin, end))
    return Ledger(begin, end, tuple(entries))


def _gradients(first: Side, second: Side, parameters: Ledger) -> Ledger:
    begin, end = (each.state.summary.gradients for each in (first, second))
    if not begin and not end:
        return Ledger(0, 0, ())  # nothing trains in either
    entries = []
    if frozen := parameters.before - begin:
        why = "They are counted as parameters, and not as gradients: requires_grad is False."
        entries.append(Entry("what does not train in the first", frozen, frozen, f"1 x {frozen:,}", why))
    if change := parameters.after - parameters.before:
        arithmetic = f"{parameters.after:,} - {parameters.before:,}"
        why = "The causes stand above, under parameters."
        entries.append(Entry("other parameters, as above", abs(change), change, arithmetic, why))
    if frozen := parameters.after - end:
        why = "A finished file, and the copy that validation uses, train nothing; nor do frozen rows."
        entries.append(Entry("what does not train in the second", frozen, -frozen, f"-1 x {frozen:,}", why))
    return Ledger(begin, end, tuple(entries))


def _flops(first: Side, second: Side, steps: Sequence[Step]) -> Ledger | None:
    begin, end = (each.state.summary.flops for each in (first, second))
    if begin is None or end is None:
        return None
    recounted = replace(first.question, counter=second.question.counter)
    resized = replace(recounted, asked_size=second.question.asked_size)
    entries = [*_of_counters(first, recounted), *_of_sizes(first, recounted, resized)]
    now = begin + sum(entry.amount for entry in entries)
    entries += _of_rows(steps, "flops")
    whole = steps[0].before.total("flops"), steps[-1].after.total("flops")
    entries += _of_fuse(first, second, whole, (now, end))
    return Ledger(begin, end, tuple(entries))


def _of_counters(side: Side, question: Question) -> Iterator[Entry]:
    """The entry for another counter, by the kinds of operators that it charges otherwise."""
    old, new = side.question.counter.convention, question.counter.convention
    before, after = (_by_kind(_charged(side, each)) for each in (side.question, question)) if old != new else ({}, {})
    changes = {kind: after.get(kind, 0) - before.get(kind, 0) for kind in {**before, **after}}
    if changed := {kind: change for kind, change in changes.items() if change}:
        cause, why = f"counter {old.title} -> {new.title}", "Counters charge the same operators by other rules."
        arithmetic = " + ".join(f"{change:,}" for change in changed.values()).replace("+ -", "- ")
        named = ", ".join(f"{kind} {change:+,}" for kind, change in changed.items())
        yield Entry(cause, len(changed), sum(changed.values()), arithmetic, why, named)


def _by_kind(charges: Charges) -> dict[str, int]:
    """FLOPs by class of torch's modules, and by name of the functions that other modules call."""
    kinds = charges.by(lambda record: record.operator if record.functional else record.kind.removeprefix("nn."))
    return {kind: (count or 0) * charges.convention.flops_per_count for kind, count in kinds.items()}


def _of_sizes(side: Side, old: Question, new: Question) -> Iterator[Entry]:
    """The entry for an image of another size."""
    if old.size == new.size:
        return
    then, now = (_charged(side, each).flops for each in (old, new))
    cause, why = f"image {_size(old.size)} -> {_size(new.size)}", "A convolution costs as much as its output is large."
    yield Entry(cause, 1, now - then, f"{now:,} - {then:,}", why)


def _charged(side: Side, question: Question) -> Charges:
    """What the state of one side costs by the counter and at the size of a question."""
    run = question.ruled(side.state.root, side.model)((1, side.subject.channels, *question.size))
    return charge(run.records, question.counter.convention)


def _size(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _of_rows(steps: Sequence[Step], number: Number) -> Iterator[Entry]:
    """The entries of all steps: one for each named step, and one for each row that the last one changes."""
    for step in steps:
        if step.cause:
            if change := step.change(number):
                changed = sum(bool(pair.change(number)) for pair in step.pairs)
                each = step.times and change % step.times == 0
                arithmetic = f"{step.times} x {change // step.times:,}" if each else f"{change:,}"
                yield Entry(step.cause, changed, change, arithmetic, step.why, _places(step, number))
            continue
        changed_rows = [pair for pair in step.pairs if pair.change(number)]
        largest = sorted(changed_rows, key=lambda pair: -abs(pair.change(number)))[:SHOWN_ROWS]
        for pair in changed_rows:
            if pair in largest:
                yield _of_pair(pair, number)
        if others := [pair for pair in changed_rows if pair not in largest]:
            rest = sum(pair.change(number) for pair in others)
            yield Entry(
                f"{len(others)} more rows", len(others), rest, f"{rest:,}", "Smaller changes of the same kinds."
            )
        outside = getattr(step.after.outside, number) - getattr(step.before.outside, number)
        if outside:
            yield Entry("outside the rows", 1, outside, f"{outside:,}", "Modules that are part of no row.")


def _places(step: Step, number: Number) -> str:
    """Where a named step changes something, in a few words."""
    pairs = [pair for pair in step.pairs if pair.change(number)]
    if step.times and step.change(number) % step.times == 0:
        each = step.change(number) // step.times
        kinds = ", ".join(dict.fromkeys(pair.second.kind for pair in pairs if pair.second))
        return f"{step.times:+,} x {each:,} in {kinds}"
    return f"{len(pairs)} rows"


def _of_pair(pair: Pair, number: Number) -> Entry:
    first, second, amount = pair.first, pair.second, pair.change(number)
    old, new = (getattr(part, number) if part else 0 for part in (first, second))
    if first and second:
        where = first.name if first.name == second.name else f"{first.name} -> {second.name}"
        if first.kind == second.kind:
            cause, why = f"row {where} {first.kind}", "The same block with other numbers."
        else:
            comma = "" if first.name == second.name else ","
            cause, why = f"row {where}{comma} {first.kind} -> {second.kind}", "Another block in the place of the first."
    elif second:
        cause, why = f"row {second.name} {second.kind} added", "A row that the first network does not have."
    else:
        assert first
        cause, why = f"row {first.name} {first.kind} removed", "A row that the second network does not have."
    return Entry(cause, 1, amount, f"{new:,} - {old:,}", why, f"{old:,} -> {new:,}" if old and new else "")


def _of_fuse(first: Side, second: Side, unfused: tuple[int, int], states: tuple[int, int]) -> Iterator[Entry]:
    """The entry for what ``fuse()`` has done to the one and not to the other."""
    a, b = states[0] - unfused[0], states[1] - unfused[1]
    if a == b:
        return
    if first.is_fused and second.is_fused:
        cause = "fuse() of each of them"
    else:
        cause = "fuse() of the second" if second.is_fused else "no fuse() of the second"
    why = "fuse() merges each BatchNorm into the convolution before it."
    yield Entry(cause, 1, b - a, f"{b:,} - {a:,}", why)


def as_json(report: Diff) -> dict[str, object]:
    """The report as plain data; counts are integers, FLOPs are MACs times 2."""
    sides = {"first": report.first, "second": report.second}
    return {
        "schema": SCHEMA,
        "command": "diff",
        **{name: _side_as_json(each) for name, each in sides.items()},
        "ledger": {name: ledger and as_plain(account_of(ledger)) for name, ledger in report.ledgers},
    }


def _side_as_json(side: Side) -> dict[str, object]:
    question = side.question
    return {
        **target_as_json(side.subject),
        "fused": side.is_fused,
        "imgsz": list(question.size),
        "counter": counter_as_json(question.counter.convention),
        "line": side.state.line.text,
        **state_as_json(side.state, question),
    }

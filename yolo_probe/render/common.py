"""The parts that all reports share: heading, host line, footer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from yolo_probe.counters.charges import Uncounted
from yolo_probe.hosts.subject import LiveModel, Subject
from yolo_probe.model.freezing import weights_of_dfl
from yolo_probe.model.structure import Module, named_modules, named_rows
from yolo_probe.model.user_rules import OwnRules
from yolo_probe.render.document import Cause, Figures, Footer, HostLine, Note, Part, Remainder, Section, Words, signed
from yolo_probe.render.verification import verification_words
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.ledger import Ledger
from yolo_probe.reports.question import OF_SOURCE, Question, State

if TYPE_CHECKING:
    from yolo_probe.reports.info import Info


def heading(subject: Subject) -> str:
    """The heading of a report: file or name, network, classes, host."""
    network = subject.network or "a network without a name"
    classes = "" if subject.classes is None else f", {subject.classes} class{'es' * (subject.classes != 1)}"
    origin = subject.origin
    if subject.saved:
        trained = f"trained with {origin.name}"
        if subject.unknown or subject.ruled:
            trained = "trained with a fork of YOLOv5"
        elif origin.asked:
            trained = f"as {origin.name} takes it"
        elif origin.before:
            trained = f"trained with a master before {origin.name}"
        copy = " (the copy model; validation uses ema)" if subject.saved.unused else ""
        known = "" if origin.nearest else f", {trained}"
        return f"{subject.label}{copy}: {network}{classes}{known}"
    if subject.kind == "live":
        return f"{subject.label}: {subject.network or 'a live model'}{classes}"
    return f"{subject.label}: as {subject.origin.name} builds it{classes}"


def ledger_block(name: str, ledger: Ledger, words: str = "", second: Figures | None = None) -> Iterator[Part]:
    """One number before and after, the causes of its change, and what is left of it; ``second``: below the figures."""
    yield Figures(name, (f"{ledger.before:,}", f"{ledger.after:,}", signed(ledger.after - ledger.before)))
    if second:
        yield second
    for entry in ledger.entries:
        yield Cause(f"{entry.cause}: {entry.detail}" if entry.detail else entry.cause, signed(entry.amount))
    yield Remainder(ledger.unexplained)
    if words:
        yield Note(words)


def live_heading(live: LiveModel) -> str:
    """The heading of a report on a live model."""
    classes = "" if live.classes is None else f", {live.classes} class{'es' * (live.classes != 1)}"
    return f"{live.class_path.rpartition('.')[2]}: {live.network or 'a live model'}{classes}"


def host_line(state: State, question: Question, *, fails: str = "") -> HostLine:
    """The line that a host prints, and the reason if it has no GFLOPs.

    ``fails``: why the forward pass of a source fails, before ``fuse()`` too: on shapes, so its host may print some.
    """
    gap = ""
    if state.line.text is None and question.subject.ruled:
        counted = f" Counted with your rules: {giga(state.summary.flops or 0)} GFLOPs."
        gap = f"Its GFLOPs are not known: it runs {question.subject.ruled[0][1]} itself.{counted}"
    elif state.line.unknown and state.summary.flops is not None:
        counted = f"Counted by yolo-probe: {giga(state.summary.flops)} GFLOPs."
        gap = f"Its GFLOPs are not known: yolo-probe cannot count {state.line.unknown}. {counted}"
    elif state.line.text is None and question.subject.has_flops:
        gap = "These numbers are computed: how its host writes them is new to yolo-probe."
    elif state.line.text is None or fails:
        gap = "GFLOPs are not known: see FLOPs below."
    elif state.line.missing:
        counted = "" if state.summary.flops is None else f" Counted by yolo-probe: {giga(state.summary.flops)} GFLOPs."
        theirs = "" if question.subject.origin.by_source else question.subject.class_of_a_fork
        doubt = theirs and f" YOLOv5 has no {theirs}: a fork that has it may count another image, and print them."
        gap = f"No GFLOPs: {state.line.missing}, and the error is hidden.{counted}{doubt}"
    return HostLine(state.line.text or state.line.counts, gap)


def of_no_release(subject: Subject) -> Iterator[Words]:
    """What stands below the lines of a file that does not say which release of its host prints them."""
    origin = subject.origin
    if subject.saved and not origin.host.has_generations and origin.release is None:
        yield Words(
            f"The file names no release of {origin.host.name}: this is how the newest prints it. "
            f"{origin.host.old_versions} count all modules as layers."
        )


def unknown_flops(subject: Subject, *columns: str, fails: str = "") -> Section:
    """The block for unknown FLOPs: what cannot be built, or the unknown classes with the path of the first of each.

    ``fails``: why the forward pass fails, of a file or of a source.
    """
    if fails:
        words = f"The forward pass fails: {fails}."
        if subject.origin.by_source:
            words = f"The source's own forward fails on shapes: {fails}.\n{OF_SOURCE[:1].upper()}{OF_SOURCE[1:]}."
        return Figures("FLOPs", columns), Note(words)
    if gap := subject.gap:
        return Figures("FLOPs", columns), Note(f"{gap.reason[:1].upper()}{gap.reason[1:]}.\n{gap.remedy}")
    found = subject.unknown_classes()
    if not found:
        return Figures("FLOPs", columns), Note("No forward pass can be counted.")
    classes = ", ".join(f"{kind} ({len(paths)} x, first at {paths[0] or 'the model'})" for kind, paths in found.items())
    return Figures("FLOPs", columns), Note(f"yolo-probe does not know what these modules compute: {classes}.")


def activations(root: Module) -> list[Module]:
    """The SiLU of every Conv, one for each Conv, even if it is shared."""
    acts = [m.children.get("act") for _, m in named_modules(root) if m.kind in ("Conv", "DWConv")]
    return [act for act in acts if act is not None and act.kind == "nn.SiLU"]


def fixed_numbers(root: Module) -> str:
    """A sentence on the parameters of DFL, which never train; empty if there are none."""
    tensors = weights_of_dfl(root).values()
    if not tensors or any(tensor.requires_grad for tensor in tensors):
        return ""
    count, largest = sum(tensor.numel for tensor in tensors), max(tensor.numel for tensor in tensors) - 1
    return f"The {count} of DFL never train: they are the numbers 0 to {largest}, fixed when it is built."


def uncounted(state: State, question: Question) -> Iterator[str]:
    """Sentences on the operators without a rule; the counter's own total does not contain them either."""
    found: dict[str, list[Uncounted]] = {}
    for each in question.charges(state).uncounted:
        found.setdefault(each.operator.removeprefix("nn."), []).append(each)
    for operator, places in found.items():
        more = f" and {len(places) - 1} more places" if len(places) > 1 else ""
        share = sum(each.share for each in places)
        yield (
            f"Not counted: {operator} at {places[0].path or 'the model'}{more}, {percent(share)} of all values that "
            "the operators give."
        )


def in_a_row(names: Sequence[str], last: str = "and") -> str:
    """Names with commas between them, and a word before the last."""
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def counted_classes(count: int) -> str:
    """A number of classes in words."""
    return f"{count:,} class{'es' * (count != 1)}"


def percent(share: float) -> str:
    """A share as a percentage with two significant digits."""
    return f"{100 * share:.2g}%" if share < 0.1 else f"{100 * share:.0f}%"


def share(part: int | None, whole: int | None) -> str:
    """A share as a percentage with one decimal; ``-`` where there is no whole or the part is not known."""
    return f"{100 * part / whole:.1f} %" if whole and part is not None else "-"


def first_of(names: Sequence[str], most: int) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def line_differs(states: Sequence[State], question: Question) -> Iterator[str]:
    """Why the GFLOPs in the lines differ from the report: another size, another counter, or the scaling by area."""
    lines = [state.line.gflops for state in states]
    figures = " and ".join(f"{gflops:.1f}" for gflops in lines if gflops is not None)
    if not figures:
        return
    says = f"The lines say {figures}" if len(lines) > 1 else f"The line says {figures}"
    host, form = question.counter.of_host, question.subject.origin.form
    if question.rules and host.name == question.counter.convention.name:
        yield f"{says}: a host has no rules of yours."
    elif host is not question.counter.convention:
        yield f"{says}: a host counts with thop, here by the rules of {host.title}."
    elif question.size != states[0].line.size:
        height, width = form.size((640, 640))
        yield f"{says}, whatever {form.host.option('imgsz')}: {form.host.name} counts at {height}x{width}."
    else:
        pairs = [(round(g * 1e9), state.summary.flops) for g, state in zip(lines, states, strict=True) if g is not None]
        differences = [line - flops for line, flops in pairs if flops is not None]
        if any(differences):
            cell = form.image[0] if form.image else max(question.subject.stride, form.smallest_image)
            words = {f"{abs(d):,} FLOPs {'less' if d < 0 else 'more'}" for d in differences}
            yield (
                f"{says}, {' and '.join(sorted(words))} than counted here: {form.host.name} counts one {cell}x{cell} "
                "image and multiplies by the area (info --stride-scaled)."
            )


PREFIXES = (("T", 10**12), ("G", 10**9), ("M", 10**6), ("k", 10**3))


def prefix_of(flops: int) -> tuple[str, int]:
    """The prefix that leaves one to three digits before the point, and its factor."""
    return next(((name, unit) for name, unit in PREFIXES if flops >= unit), ("", 1))


def flops_words(flops: int) -> str:
    """``4.55 GFLOPs``: three significant digits."""
    name, unit = prefix_of(flops)
    return f"{flops / unit:#.3g} {name}FLOPs".replace(". ", " ") if name else f"{flops} FLOPs"


MAX_NAME_CHARACTERS = 26
"""Characters of a name in a table."""


def shortened(name: str) -> str:
    """A name on one line; of a long name only the end."""
    line = " ".join(name.split())
    return line if len(line) <= MAX_NAME_CHARACTERS else f"...{line[3 - MAX_NAME_CHARACTERS :]}"


def giga(flops: int) -> str:
    """GFLOPs with one decimal, rounded as the hosts do."""
    return f"{flops / 1e9:.1f}"


def footers(report: FuseDiff | Info, options: str, alternatives: Sequence[str]) -> Iterator[Footer]:
    """The footer: counter, version, file, further options, and the figures of the real tools."""
    question = report.question
    here = "" if isinstance(report, FuseDiff) else gflops_here(question)
    yield Footer("Counted", f"{counted(question)}; {here}" if here else counted(question))
    if question.rules:
        state = report.training if isinstance(report, FuseDiff) else report.state
        yield Footer("Rules", own_rules(question.rules, question.rules.unused(state.run.records if state.run else ())))
    yield from about(question.subject, options, alternatives)
    if report.verification:
        yield Footer("Verify", verification_words(report.verification))


MAX_NAMED_MODULES = 5
"""Number of modules that a sentence names; the others are a number."""


def packed_words(packed: Mapping[str, int]) -> str:
    """A sentence on the packed weights of quantised modules, by path, which no summary line counts."""
    places = first_of([path or "the model" for path in packed], MAX_NAMED_MODULES)
    return (
        f"{sum(packed.values()):,} weights and biases of quantised modules ({places}) are not among the parameters: "
        "torch keeps them packed, not as nn.Parameter, and no host counts them"
    )


def own_rules(rules: OwnRules, unused: Sequence[str]) -> str:
    """The user's own rules that are in use, and those that no operator used."""
    used = [name for name in (*rules.modules, *rules.operators) if name not in unused]
    words = f"{rules.path}: {', '.join(used) or 'none'}"
    return words + (f"; nothing here came to {', '.join(unused)}" if unused else "")


def about(subject: Subject, options: str, alternatives: Sequence[str]) -> Iterator[Footer]:
    """The footer on the subject: version, file, further options."""
    yield Footer("Version", _version(subject, alternatives))
    if subject.saved and subject.kind != "run":
        yield Footer("File", _file(subject))
    yield Footer("More", options)


def counted(question: Question) -> str:
    """The counter, and the size at which it counted."""
    counter = question.counter
    thop = counter.installed
    if counter.convention.release:
        beside = counter.convention.release
    elif thop is None:
        beside = "thop not installed"
    elif thop.counter == counter.convention.name:
        beside = f"{thop.version} is installed"
    else:
        beside = f"{thop.title} is installed"
        if thop.counter is None and not counter.asked:
            beside += ", whose rules are not known"
    names = question.subject.images
    images = f"; its forward needs {len(names)} images, {', '.join(names)}: each is of that size" if names else ""
    return f"by the rules of {counter.convention.title} ({beside}), at {size_words(question)}{images}"


def gflops_here(question: Question) -> str:
    """Words on hosts in this environment that print no GFLOPs, for want of a thop or by two; else empty."""
    thop = question.counter.installed
    if thop is None:
        return "without it a host in this environment prints no GFLOPs"
    if thop.shadowed:
        return (
            f"{thop.title} and {thop.shadowed} are both installed: with the old one YOLOv5 HEAD and ultralytics print "
            "no GFLOPs (yolo-probe version)"
        )
    return ""


def kinds_words(root: Module, *, leaves: bool) -> str:
    """The modules of a network by their class, most first: ``60 Conv2d + 57 BatchNorm2d``.

    ``leaves``: whether those alone that hold no others.
    """
    modules = [module for _, module in named_modules(root) if not (leaves and module.children)]
    counts = Counter(module.kind.removeprefix("nn.").rpartition(".")[2] for module in modules)
    acts = activations(root)
    is_shared = len(acts) > 1 and len({id(act) for act in acts}) == 1
    words = [
        f"{count}\N{NO-BREAK SPACE}{kind}" + (f" (shared by {len(acts)} Conv)" if is_shared and kind == "SiLU" else "")
        for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return " +\N{NO-BREAK SPACE}".join(words)


def number_of_rows(root: Module) -> int:
    """How many rows the model YAML of a network has; 0 for a model without rows."""
    kinds, _ = named_rows(root)
    return len(kinds) if isinstance(root.attributes.get("yaml"), Mapping) and len(kinds) > 1 else 0


def rows_words(root: Module, layers: str) -> str:
    """A sentence on the rows of a model YAML, which hold those layers; empty for a model without rows."""
    rows = number_of_rows(root)
    return f"The YAML's {rows} rows hold {layers}: most are blocks of several." if rows else ""


def size_words(question: Question) -> str:
    """The size that was counted, and the size asked for if it is another."""
    height, width = question.size
    rounded = ""
    if question.size != question.asked_size:
        asked = "x".join(map(str, question.asked_size))
        rounded = f" ({asked} rounded up to a multiple of the stride, {question.subject.stride})"
    return f"{height}x{width}{rounded}"


def images_in_words(question: Question) -> str:
    """What one forward pass takes: ``one image``, or as many as it needs."""
    return f"{len(question.subject.images)} images" if question.subject.images else "one image"


def _version(subject: Subject, alternatives: Sequence[str]) -> str:
    origin = subject.origin
    if subject.saved is None:
        label = subject.label.partition("@")[0]
        word = f", or {label}@v7.0" if subject.kind == "name" else ""
        if origin.evidence[0].startswith("--host"):
            return f"{origin.title}, as asked"
        if not origin.host.has_generations:
            return f"{origin.name}, {origin.evidence[0]}"
        if origin.fork or subject.rebuilt:
            return f"{origin.fork or origin.name}: {origin.evidence[0]}"
        return f"{origin.evidence[0]} (--host v7.0{word})"
    title = (origin.fork or origin.title or "not known") if origin.host.has_generations else origin.host.name
    text = f"{title}: {', '.join(origin.evidence)}"
    return "; ".join([text, *alternatives])


def _file(subject: Subject) -> str:
    saved = subject.saved
    assert saved is not None
    host = subject.origin.host
    flag = host.option("freeze")
    if saved.stripped:
        state = f"stripped (epoch {saved.epoch}, no optimizer, no EMA)"
    else:
        has = [name for name, there in (("optimizer", saved.optimizer), ("EMA", saved.has_ema)) if there]
        state = f"not stripped (epoch {saved.epoch}, {' and '.join(has) or 'no optimizer, no EMA'})"
    if saved.freeze is None:
        freeze = f", {flag} not recorded"
    else:
        freeze = f"; {saved.freeze_option}" if saved.freeze else f"; no {flag}"
    unusual = f"; names what no {host.name} file needs: {', '.join(saved.unusual)}" if saved.unusual else ""
    return f"{state}, {saved.dtype}{freeze}{unusual}"

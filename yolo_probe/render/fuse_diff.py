"""The words of a fuse-diff: the two lines, the answer, and a block for each of the four numbers."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from shlex import quote

from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.hosts.subject import NotFused, Subject
from yolo_probe.model.structure import Module, Tensor, named_modules, named_parameters
from yolo_probe.render.common import (
    activations,
    fixed_numbers,
    footers,
    giga,
    heading,
    host_line,
    ledger_block,
    line_differs,
    number_of_rows,
    of_no_release,
    uncounted,
    unknown_flops,
)
from yolo_probe.render.document import (
    Figures,
    Footer,
    Heading,
    Heads,
    Note,
    Part,
    Section,
    Words,
)
from yolo_probe.reports.fuse_diff import FuseDiff


def document(report: FuseDiff) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    question = report.question
    training, validation = _moments(report)
    yield (Heading(heading(question.subject)),)
    yield (
        *_start(report),
        Words(training),
        host_line(report.training, question, fails=report.training.fails),
        Words(validation),
        host_line(report.validation, question, fails=report.training.fails),
        *of_no_release(question.subject),
    )
    yield (Words(_answer(report)),)
    yield from ledgers(report)
    yield (
        *footers(report, _options(report), report.alternatives),
        *([Footer("Run", f"as probe.json tells it: {'; '.join(report.run)}")] if report.run else []),
    )


def ledgers(report: FuseDiff) -> Iterator[Section]:
    """The four numbers, each with the causes of its change."""
    second = "unfused" if report.question.subject.fuse_fails else "validation"
    yield Heads(("training", second, "change")), *ledger_block("layers", report.layers, _layers_note(report))
    yield tuple(ledger_block("parameters", report.parameters))
    yield tuple(ledger_block("gradients", report.gradients, _gradients_note(report)))
    if report.validation.run is None and report.training.run is not None:
        before = f"{report.training.summary.flops:,}"
        yield Figures("FLOPs", (before, "not known", "")), Note("After fuse() no forward pass can be counted.")
    elif report.flops is None:
        yield unknown_flops(report.question.subject, "not known", "not known", "", fails=report.training.fails)
    else:
        yield tuple(ledger_block("FLOPs", report.flops, _flops_note(report), _rounded(report)))


def _start(report: FuseDiff) -> Iterator[Part]:
    """The line at train start, if that was of another network."""
    if report.started:
        yield Words(f"When training starts, {report.question.subject.origin.name} prints")
        yield host_line(report.started, report.question)


def _moments(report: FuseDiff) -> tuple[str, str]:
    """Words on when the host prints each of the two lines."""
    subject = report.question.subject
    host = subject.origin.name
    prints = "would print" if subject.foreign else "prints"
    if subject.kind == "run":
        printed = "the line was" if subject.origin.nearest else f"{host} printed"
        return (
            f"When training started, {printed}" if report.first_printed else "As it trained, its line would be",
            "When it validated the best model, it printed" if report.second_printed else "At the end, its line is",
        )
    if subject.kind == "live":
        return "As it is, its line is", "After its own fuse(), without autograd, it is"
    training = f"When training starts, {host} {prints}"
    if report.late:
        training = f"Its constructor then makes {', '.join(report.late)}: of all of it model.info() prints"
    if not subject.saved:
        return training, _without_fuse(subject) if subject.not_fused else "When it validates, it prints"
    validation = f"When it validates this file, it {prints}"
    if subject.foreign:
        validation += f", {subject.fuse_unless_known}"
    if subject.not_fused:
        return training, _without_fuse(subject)
    if report.started and not report.late:
        training = "It then takes in parts of the pretrained file, and model.info() prints"
    if subject.origin.asked:
        training = f"Of this file before fuse(), {host} {prints}"
    if subject.saved.unused:
        validation = "If it validated this copy, it would print"
    return training, validation


def _without_fuse(subject: Subject) -> str:
    """Words on the second line of a network whose own code gives none after ``fuse()``."""
    if subject.may_merge_elsewhere:
        return (
            "Its class has no fuse(): if its host merges nothing by other code, a validation runs the network as it "
            "is. Of this file its line is"
        )
    if not subject.fuse_fails:
        return "It has no fuse(), so that a validation runs the network as it is. Of this file its line is"
    return "A validation ends in its fuse(), which fails. Without fuse() the line of this file would be"


def _answer(report: FuseDiff) -> str:
    merged, stay = len(report.fusion.merges), len(report.fusion.stays)
    others = "; ".join(change.cause for change in report.fusion.changes if not change.by_training)
    opening = "Nothing is wrong: both lines describe the same network."
    if any(change.by_training for change in report.fusion.changes):
        opening = "Nothing is wrong, but code of the training changed the network itself between the lines."
    if report.started and not report.late:
        opening = (
            "Nothing is wrong. The pretrained file had another number of classes, and training kept the width of its "
            "class branches; that is the network of the last two lines."
        )
    if report.training.fails:
        opening = "What is known of both lines describes the same network. Not known: its FLOPs."
    elif report.validation.fails:
        opening = f"fuse() breaks this network. Its forward pass fails after it: {report.validation.fails}."
    if report.outputs and report.outputs.first:
        opening = f"fuse() {report.outputs.verdict}: {report.outputs.words}."
    if not report.balanced:
        opening = "Not everything is explained: the rows marked ! show what is left over."
    elif report.question.subject.foreign:
        opening = _foreign(report)
    if found := report.question.subject.not_fused:
        return f"{_of_no_fuse(report.question.subject, found, opening)} {_gradients_answer(report)}"
    if report.saved_fused:
        opening += " This file was saved after fuse(): the training column puts back what it merged."
    if merged and not stay:
        fusion = "fuse() merges each BatchNorm into the convolution before it"
    elif merged:
        does = "merges at least" if report.question.subject.foreign else "merges"
        if report.question.subject.origin.of_no_host:  # it may have no fuse() at all
            does = "may merge"
        fusion = f"fuse() {does} {merged} of {merged + stay} BatchNorms into the convolution before them"
    elif report.question.subject.origin.of_no_host:
        return f"{opening} It has no Conv with a BatchNorm. {_gradients_answer(report)}"
    else:
        return f"{opening} fuse() finds no BatchNorm to merge here. {_gradients_answer(report)}"
    also = f" It changes more: {others}." if others else ""
    changes = report.validation.fails or (report.outputs and report.outputs.first)
    same = "" if changes else f", {_predictions(report)}"
    layers = "fewer layers" if report.layers.after < report.layers.before else "as many layers"
    return f"{opening} Before validation, {fusion}: {layers}{same}.{also} {_gradients_answer(report)}"


def _of_no_fuse(subject: Subject, found: NotFused, opening: str) -> str:
    """The answer on a network whose own code gives none after ``fuse()``; ``opening``: what is said of the lines."""
    if subject.may_merge_elsewhere:
        return (
            f"{opening} Its class has no fuse(). Not known: whether its host merges BatchNorms before a validation by "
            "other code; the numbers here are without that."
        )
    if found.has_none:
        return f"{opening} The source has no fuse(), so no BatchNorm is merged before a validation."
    return f"Not known: what fuse() leaves of this network. The source's own fuse() fails: {found.reason}."


def _foreign(report: FuseDiff) -> str:
    """What is not known of a network with classes that its host does not have."""
    subject = report.question.subject
    kinds = [kind.rpartition(".")[2] for kind in dict.fromkeys(kind for _, kind in subject.foreign)]
    paths = tuple(path and f"{path}." for path, _ in subject.foreign)
    held = sum(tensor.numel for name, tensor in named_parameters(report.training.root) if name.startswith(paths))
    flops = "" if subject.has_flops else "its FLOPs, and "
    hold = "holds" if len(kinds) == 1 else "hold"
    return (
        f"What is known of both lines describes the same network. Not known: {flops}what its own fuse() does to "
        f"{', '.join(kinds)}, which {hold} {held:,} of its {report.training.summary.parameters:,} parameters."
    )


def _predictions(report: FuseDiff) -> str:
    """What is known of the predictions after ``fuse()``."""
    if report.outputs:
        return f"the same predictions up to rounding, as {report.outputs.rows} rows compared in float64 show"
    return "meant to leave the predictions the same up to rounding"


def _gradients_answer(report: FuseDiff) -> str:
    saved = report.question.subject.saved
    after = report.validation.summary.gradients
    if after and report.fusion.always_trains:
        also = "" if saved and not saved.stripped else ", also in a finished file"
        return (
            f"Gradients are {after:,} because this fuse() leaves every convolution that it makes anew trainable{also}."
        )
    if after and (report.question.subject.kind in ("run", "live") or _by_its_code(report)):
        trains = {tensor.requires_grad for tensor in _made_anew(report)}
        if not trains:
            return f"Gradients are {after:,}; fuse() has no part in that."
        part = "a part of " if len(trains) == 2 else ""
        does = (
            f"makes trainable {part}what it makes anew"
            if True in trains
            else "leaves none of what it makes anew trainable"
        )
        return f"Gradients are {after:,} because this network's fuse() {does}."
    if after and report.question.subject.rebuilt:
        return f"Gradients are {after:,} because fuse() makes each merged convolution anew, as not trainable."
    if after:
        return (
            f"Gradients are {after:,} because val.py turns autograd off while fuse() makes its convolutions anew; "
            f"with autograd on, as in train.py, the line says {report.gradients_with_autograd:,}."
        )
    if report.question.subject.kind == "live":
        reason = "nothing of this model trains"
    elif saved is None:
        reason = "a finished file, and the EMA copy before it, is marked as not trainable"
    elif saved.stripped:
        reason = "the finished file is marked as not trainable"
    elif saved.copy == "ema":
        reason = "the EMA copy is validated, and that never trains"
    else:
        reason = "the file is marked as not trainable"
    return f"Gradients are 0 because {reason}; fuse() has no part in that."


def _by_its_code(report: FuseDiff) -> bool:
    """Whether the network's own code has fused it."""
    subject = report.question.subject
    return bool(subject.origin.fork) or (subject.rebuilt is not None and subject.origin.host.has_generations)


def _made_anew(report: FuseDiff) -> Iterator[Tensor]:
    """The parameters that ``fuse()`` has made."""
    for merge in report.fusion.merges:
        yield from merge.fused.parameters.values()
    for change in report.fusion.changes:
        for _, module in () if change.by_training else change.new:
            yield from module.parameters.values()


def _layers_note(report: FuseDiff) -> str:
    subject = report.question.subject
    before, after = report.training.summary.layers, report.validation.summary.layers
    old, new = (_convolutions(state.root) for state in (report.training, report.validation))
    convolutions = f"{old} of them are convolutions" + (", before and after" if old == new else f" before, {new} after")
    rows = f"the YAML's {number} rows hold all of them" if (number := number_of_rows(subject.root)) else ""
    convolutions += f"; {rows}" if rows else ""
    host = subject.origin.host
    if subject.origin.form.layers == "leaf_modules":
        return (
            f"A layer here is a module that holds no others. {convolutions}. "
            f"{host.all_layers_by} count any module: {before.modules} and {after.modules}."
        )
    leaves = f"{before.leaf_modules} and {after.leaf_modules}"
    if subject.origin.form.layers == "parameter_tensors":
        return (
            f"A layer here is a parameter tensor, a weight or a bias. {host.all_layers_by} count any module: "
            f"{before.modules} and {after.modules}. {host.leaf_layers()} counts only modules that hold no others: "
            f"{leaves}{rows and f'. T{rows[1:]}'}."
        )
    if not host.shared_activation_since:
        return (
            f"A layer here is any module, also one that only holds others. {convolutions}. "
            f"{host.leaf_layers()} counts only modules that hold no others: {leaves}."
        )
    if not subject.origin.fork and (spare := _spare_activations(subject.root)):
        pair = f"{before.modules - spare} and {after.modules - spare}"
        shared = f"since {host.shared_activation_since} the {spare + 1} Conv share one SiLU"
        opening = f"S{shared[1:]}, which would make {pair}"
        if report.is_shipped:
            opening = f"Your own {subject.network} says {pair}? It is the same network: {shared}"
        return (
            f"{opening}; {'in this file' if subject.saved else 'here'} each has its own, so {spare} more are counted. "
            f"{host.leaf_layers()} prints {leaves} (only modules that hold no others)."
        )
    return (
        f"A layer here is any module, also one that only holds others. {convolutions}. {host.leaf_layers()} counts "
        f"only modules that hold no others: it prints {leaves}."
    )


def _convolutions(root: Module) -> int:
    return sum(module.kind in ("nn.Conv2d", "nn.ConvTranspose2d") for _, module in named_modules(root))


def _spare_activations(root: Module) -> int:
    """Number of activations that would be saved if all Conv shared one."""
    return max(len({id(act) for act in activations(root)}) - 1, 0)


def _trained_words(report: FuseDiff) -> str:
    """How many parameters trained at first and at the end, where that changed while training went on."""
    figures, now = [], report.gradients.before
    for event, entry in zip(report.events, report.gradients.entries, strict=False):
        if event.during_training:
            figures.append(now)
        now += entry.amount
        if event.during_training:
            figures.append(now)
    return f"The flags changed while training went on: {figures[0]:,} trained at first, {figures[-1]:,} at the end."


def _gradients_note(report: FuseDiff) -> str:
    saved = report.question.subject.saved
    meaning = '"gradients" counts the parameters that training may change.'
    fixed = fixed_numbers(report.training.root)
    after = report.validation.summary.gradients
    if any(event.during_training for event in report.events):
        return f"{_trained_words(report)} {fixed}".rstrip()
    if saved and saved.freeze:
        left = report.gradients.before + sum(e.amount for e in report.gradients.entries[:1])
        flag = report.question.subject.origin.host.option("freeze")
        words = "really trained" if not report.events or report.events[0].lasts else "trained at first"
        return f"The training line is printed before {flag} acts: {left:,} {words}. {fixed}".rstrip()
    if after:
        words = _left_by_fuse(report)
    elif saved is None:
        words = ""
    elif saved.stripped and saved.freeze is None:
        words = "A new training that starts from this file sets all of them back to trainable."
    elif saved.stripped:
        words = "An unstripped\nfile gives 0 as well: its EMA copy is validated, and that never trains."
    else:
        words = "The finished file gives 0 as well: strip_optimizer() marks it as not trainable."
    return " ".join(filter(None, (meaning, words, fixed)))


def _left_by_fuse(report: FuseDiff) -> str:
    """Words on what still trains after ``fuse()``; empty unless it is the head alone."""
    names = [name for name, tensor in named_parameters(report.validation.root) if tensor.requires_grad]
    heads = tuple(f"{p}.m." for p, m in named_modules(report.validation.root) if m.kind in ("Detect", "Segment"))
    if not heads or not all(name.startswith(heads) for name in names):
        return ""
    return f"Those left are the {len(names) // 2} convolutions of Detect, which have no BatchNorm to merge."


def _rounded(report: FuseDiff) -> Figures:
    """The GFLOPs as printed in the lines; if these are for another size or counter, the counted ones, rounded."""
    question = report.question
    before, after = report.training, report.validation
    same = question.size == (640, 640) and question.counter.of_host is question.counter.convention
    if same and before.line.gflops is not None and after.line.gflops is not None:
        printed = [f"{state.line.gflops:.1f} GFLOPs" for state in (before, after)]
        return Figures("printed as", (*printed, ""))
    return Figures("rounded to", (*(f"{giga(state.summary.flops or 0)} GFLOPs" for state in (before, after)), ""))


def _flops_note(report: FuseDiff) -> str:
    question = report.question
    convention = question.counter.convention
    states = (report.training, report.validation)
    words = ["No convolution got cheaper."] if not report.fusion.changes else []
    rate = _batch_norm_rate(report)
    old = _old_log(report)
    if rate:
        macs = "" if old or convention.unit != "MACs" else f" ({rate // 2} MACs, 1 MAC = 2 FLOPs)"
        words.append(f"This counter charges BatchNorm {rate} FLOPs per output value{macs}.")
    elif convention.name == "torch":
        words.append("This counter charges only convolutions and matrix products, 2 FLOPs per MAC.")
    words += uncounted(states[0], question)
    words += line_differs(states, question)
    words += [old] if old else ["With --counter torch nothing drops."] if rate and not report.fusion.changes else []
    return " ".join(words)


def _batch_norm_rate(report: FuseDiff) -> int:
    """FLOPs for one value of a BatchNorm if all are charged alike; else 0."""
    charges = report.question.charges(report.training).where(lambda record: record.operator == "batch_norm")
    factor = charges.convention.flops_per_count
    rates = {factor * (count or 0) // prod(record.output) for record, count in charges}
    return rates.pop() if len(rates) == 1 else 0


_YEARS = {
    "v2.0": "2020", "v3.0": "2020", "v3.1": "2020", "v4.0": "early 2021", "v5.0": "2021", "v6.0": "2021",
    "v6.1": "early 2022",
}  # fmt: skip
"""The year in which most people trained with a generation, of those that count an image of 640x640."""


def _old_log(report: FuseDiff) -> str:
    """A sentence on the GFLOPs in logs of 2020 and 2021, which thop 0.0.31 counted."""
    question = report.question
    runs = (report.training.run, report.validation.run)
    old = CONVENTIONS["thop-0.0.31"]
    year = _YEARS.get(question.subject.origin.generation)
    if year is None or question.counter.convention is old or question.subject.kind == "yaml":
        return ""
    before, after = (giga(charge(run.records, old).flops) if run else "" for run in runs)
    return f"Logs of {year} say {before} and {after}: see --counter thop-0.0.31." if question.size == (640, 640) else ""


def _options(report: FuseDiff) -> str:
    pairs = len(report.fusion.merges)
    subject = report.question.subject
    if subject.kind == "run":
        best = f"{subject.path or '.'}/weights/best.pt"
        return f"yolo-probe fuse-diff {quote(best)} --layers (the {pairs} pairs)"
    if subject.kind == "live":
        return "explain_layers(model)  explain_gradients(model)  compare_counters(model)"
    classes = "  --nc" if subject.saved is None else ""
    host = "" if subject.rebuilt else "  --host"
    return f"--layers (the {pairs} pairs)  --imgsz  --counter{host}{classes}  --format\N{NO-BREAK SPACE}json"


def render_pairs(report: FuseDiff) -> str:
    """A table: each convolution with its BatchNorm, its channels, and what layers and parameters it changes."""
    return "\n".join(_pairs(report)) + "\n"


def _pairs(report: FuseDiff) -> Iterator[str]:
    fusion = report.fusion
    yield ""
    yield f"{'':>4}{'convolution <- BatchNorm':<46}{'channels':>10}{'layers':>8}{'parameters':>12}"
    for i, merge in enumerate(fusion.merges, 1):
        bias = 0 if "bias" in merge.convolution.parameters else merge.channels
        change = bias - sum(tensor.numel for tensor in merge.batch_norm.parameters.values())
        pair = f"{merge.convolution_path} <- {merge.batch_norm_name}"
        yield f"{i:>3} {pair:<46}{merge.channels:>10,}{-1:>8}{change:>+12,}"
    for path in fusion.stays:
        yield f"{'-':>3} {f'{path} stays':<46}{'':>10}{0:>8}{0:>12}"

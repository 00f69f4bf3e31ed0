"""The words of an info: each of the four numbers, its meaning, and the parts that add up to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from shlex import quote

from yolo_probe.counters.charges import Charges
from yolo_probe.hosts.summary_line import LineForm
from yolo_probe.model.freezing import frozen_by_rows, weights_of_dfl
from yolo_probe.model.fusion import fused_state
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import LayerCounts, Module, named_modules, named_parameters
from yolo_probe.model.user_rules import CUSTOM
from yolo_probe.render.common import (
    fixed_numbers,
    footers,
    giga,
    heading,
    host_line,
    images_in_words,
    kinds_words,
    line_differs,
    of_no_release,
    percent,
    rows_words,
    size_words,
    unknown_flops,
)
from yolo_probe.render.document import Cause, Figures, Footer, Heading, Note, Part, Remainder, Section, Words
from yolo_probe.render.stride_scaling import scaled_parts
from yolo_probe.reports.info import Info
from yolo_probe.reports.ledger import MERGING_CONVOLUTIONS, several
from yolo_probe.reports.question import Question


def document(report: Info) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    question = report.question
    subject, state = question.subject, report.state
    found: str = "fused" if report.is_fused else fused_state(state.root)
    if not report.is_fused and question.may_be_fused:
        found = "fused or built without BatchNorm"
    state_words = ", not fused" if found == "unfused" else f", {found}"
    new = ", new" if subject.saved is None and not report.is_fused else ""
    yield (Heading(heading(subject) + new + state_words),)
    yield tuple(_line(report))
    yield tuple(_layers(report))
    yield tuple(_parameters(report))
    yield tuple(_gradients(report))
    yield unknown_flops(subject, "not known", fails=state.fails) if state.run is None else tuple(_flops(report))
    if report.scaled:
        yield tuple(scaled_parts(report.scaled, "YOLOv5 to v7.0"))
    if report.values:
        from yolo_probe.render.weight_values import weight_sections

        yield from weight_sections(report.values)
    yield *_for_a_paper(report), *footers(report, _options(report), subject.origin.alternatives)


def _line(report: Info) -> Iterator[Part]:
    """The host's line with the time of its printing, and the line in a log if it differs."""
    question, subject = report.question, report.question.subject
    host = subject.origin.host
    form, (height, width) = subject.origin.form, question.size
    size = f"{host.size_keyword}={height if height == width else [height, width]}"
    if not form.takes_size or question.size == (640, 640):
        size = ""
    if report.is_fused and subject.saved is None:
        yield Words(f"At validation {host.name} prints" + (f", asked for {size}" if size else ""))
    else:
        # hosts load every file as FP32; classic ones would print no GFLOPs of an FP16 model
        loaded = "Loaded as FP32, " if subject.saved and subject.saved.dtype != "FP32" else ""
        prints = f"would print, {subject.fuse_unless_known}" if report.is_fused and subject.foreign else "prints"
        yield Words(f"{loaded}model.info({size}) {prints}")
    yield host_line(report.state, question, fails=report.state.fails)
    yield from of_no_release(subject)
    if not form.takes_size:
        counts = "x".join(map(str, form.size(question.size)))
        if question.size != form.size(question.size):
            yield Words(
                f"YOLOv5 to v3.1 has no image size to set there: its line counts {counts}, the FLOPs below are for "
                f"{size_words(question)}."
            )
    elif report.at_640 and report.at_640.line.gflops is not None:
        gflops = f"{report.at_640.line.gflops:.1f} GFLOPs"
        yield Words(
            f"A training log says {gflops}, whatever its {host.option('imgsz')}: {host.name} counts at 640x640."
        )


def _layers(report: Info) -> Iterator[Part]:
    form = report.question.subject.origin.form
    counts = report.state.summary.layers
    yield Figures("layers", (f"{form.layer_count(counts):,}",))
    rows = rows_words(report.state.root, "all of these")
    if form.layers == "parameter_tensors":
        yield Note(f"{_tensor_meaning(form, counts)} {rows}".rstrip())
        return
    kinds = kinds_words(report.state.root, leaves=form.layers == "leaf_modules")
    yield Note(f"{_layer_meaning(form, counts, kinds)} {rows}".rstrip())


def _layer_meaning(form: LineForm, counts: LayerCounts, parts: str) -> str:
    if form.layers == "leaf_modules":
        return (
            f"Modules that hold no others: {parts}. {form.host.old_versions} count all modules, also those that "
            f"hold others: {counts.modules}{_tensors(form, counts)}."
        )
    return (
        f"All modules, also those that hold others: {parts}. {form.host.leaf_layers()} counts only modules that "
        f"hold no others: {counts.leaf_modules}{_tensors(form, counts)}."
    )


def _tensor_meaning(form: LineForm, counts: LayerCounts) -> str:
    return (
        f"Parameter tensors: each weight and each bias. {form.host.all_layers_by} count all modules: {counts.modules}. "
        f"{form.host.leaf_layers()} counts only modules that hold no others: {counts.leaf_modules}."
    )


def _tensors(form: LineForm, counts: LayerCounts) -> str:
    """What the oldest versions of YOLOv5 count as layers; ultralytics never did."""
    return f"; v3.1 parameter tensors: {counts.parameter_tensors}" if form.host.has_generations else ""


def _parameters(report: Info) -> Iterator[Part]:
    total = report.state.summary.parameters
    yield Figures("parameters", (f"{total:,}",))
    yield Note("Numbers that training learns:")
    rows = list(_parameter_rows(report.state.root))
    for text, amount in rows:
        yield Cause(text, f"{amount:,}")
    yield Remainder(total - sum(amount for _, amount in rows))


def _parameter_rows(root: Module) -> Iterator[tuple[str, int]]:
    """Parameters by the kind of module that has them; a shared tensor counts once."""
    owners: dict[tuple[str, str], list[tuple[str, int]]] = {}
    modules, of_dfl = dict(named_modules(root)), weights_of_dfl(root)
    for name, tensor in named_parameters(root):
        path, _, key = name.rpartition(".")
        kind = modules[path].kind.removeprefix("nn.")
        if name in of_dfl:
            kind = "DFL, which never train"
        group = "convolutions" if kind in ("Conv2d", "ConvTranspose2d", "DWConvTranspose2d") else kind
        owners.setdefault((group, key if group == "convolutions" else ""), []).append((path, tensor.numel))
    for (group, key), places in sorted(owners.items(), key=lambda item: item[0][0] != "convolutions"):
        total = sum(size for _, size in places)
        if group == "convolutions" and key == "weight":
            yield f"weights of {several(len(places), 'convolution')}", total
        elif group == "convolutions":
            yield _bias_row(places, modules), total
        elif group == "BatchNorm2d":
            norms = len({path for path, _ in places})
            yield f"weights and biases of {norms} BatchNorm2d: 2 x {total // 2:,} channels", total
        else:
            yield f"all of {len({path for path, _ in places})} {group}", total


def _bias_row(places: Sequence[tuple[str, int]], modules: Mapping[str, Module]) -> str:
    """Words for the biases of convolutions; in a new network all are in its head."""
    heads = tuple(f"{path}.m." for path, module in modules.items() if module.kind in ("Detect", "Segment"))
    sizes = {size for _, size in places}
    count = f": {len(places)} x {sizes.pop():,}" if len(sizes) == 1 else ""
    if heads and all(path.startswith(heads) for path, _ in places):
        return f"biases of the {len(places)} convolutions in Detect{count}"
    return f"biases of {several(len(places), 'convolution')}{count}"


def _gradients(report: Info) -> Iterator[Part]:
    subject = report.question.subject
    gradients = report.state.summary.gradients
    yield Figures("gradients", (f"{gradients:,}",))
    if subject.saved is None and not report.is_fused:
        frozen = frozen_by_rows(subject.root, tuple(range(10)))
        left = sum(tensor.numel for name, tensor in named_parameters(subject.root) if name not in frozen)
        yield Note(
            "Parameters that training may change: in a new model all of them, in a finished best.pt 0. "
            f"{subject.origin.host.freeze_typed(['10'])} leaves {left:,}, but the line is printed before that."
        )
    elif subject.saved is None:
        whole = report.state.summary.parameters
        yield Note(
            "0 at validation: the EMA copy and strip_optimizer() come before. A new model that is fused with autograd "
            f"on keeps all {whole:,}."
        )
    elif gradients == 0:
        who = "strip_optimizer()" if subject.saved.stripped else "ModelEMA"
        yield Note(
            f"Parameters that training may change: none here, since {who} marked them as not trainable. A new training "
            "that starts from this file sets all of them back."
        )
    else:
        yield Note(f"Parameters that training may change. {fixed_numbers(report.state.root)}".rstrip())


def _flops(report: Info) -> Iterator[Part]:
    charges = report.question.charges(report.state)
    total = report.state.summary.flops or 0
    yield Figures("FLOPs", (f"{total:,}",))
    fed = images_in_words(report.question)
    yield Note(f"Multiplications and additions for {fed}, {giga(total)} GFLOPs. It is not a speed.")
    groups = charges.charged.grouped(_group)
    free = [_group(record) for record, count in charges if count == 0]
    for name, group in sorted(groups.items(), key=lambda item: -item[1].flops):
        number = len(group.records)
        many = several(number, "convolution") if name == "convolutions" else f"{number} {name}"
        yield Cause(f"{many}: {_charge(group)}", f"{group.flops:,}")
    if names := [name for name in dict.fromkeys(free) if name[0].isupper() and name not in groups]:
        modules = [name for name in names if name != "Concat"] + ["Concat"] * ("Concat" in names)
        more = ", ..." if any(name[0].islower() for name in free) else ""
        yield Cause(f"{', '.join(modules)}{more}: free by these rules", "0")
    yield from _left_out(report)
    yield Remainder(total - sum(group.flops for group in groups.values()))
    if words := [*_flops_note(report)]:
        yield Note(" ".join(words))


MAX_LISTED_OPERATORS = 8
"""Number of operators without a rule that are listed; ``--format json`` has all."""


def _left_out(report: Info) -> Iterator[Part]:
    """The operators without a rule, each with its share of the values."""
    found = report.question.charges(report.state).uncounted
    for each in found[:MAX_LISTED_OPERATORS]:
        place = f"{each.operator.removeprefix('nn.')} at {each.path or 'the model'}"
        yield Cause(f"no rule for {place}, {percent(each.share)} of all values", "not counted")
    if more := found[MAX_LISTED_OPERATORS:]:
        share = sum(each.share for each in more)
        yield Cause(f"no rule for {len(more)} more, {percent(share)} of all values", "not counted")


def _group(record: OpRecord) -> str:
    """The name under which an operator is listed: a module's class, a function in small letters."""
    if record.operator in MERGING_CONVOLUTIONS:
        return "convolutions"
    if record.operator == CUSTOM:
        return record.kind.rpartition(".")[2]
    if record.operator == "cat":
        return "Concat"
    return record.kind.removeprefix("nn.") if record.kind.startswith("nn.") else record.operator


def _charge(group: Charges) -> str:
    """The arithmetic of an amount: a number for each output value, or twice the MACs."""
    records, amount, convention = group.records, group.flops, group.convention
    if records[0].operator == CUSTOM or records[0].operator in convention.own:
        return "by your rule"
    values = sum(prod(record.output) for record in records)
    if records[0].operator not in MERGING_CONVOLUTIONS and amount % values == 0:
        return f"{amount // values} x {values:,} output values"
    if convention.unit == "FLOPs" and convention.name != "torch":
        return "each multiplication and addition as 1"
    return f"2 x {amount // 2:,} MACs"


def _flops_note(report: Info) -> Iterator[str]:
    yield from line_differs([report.state], report.question)
    total, small = report.state.summary.flops, report.at_640 and report.at_640.summary.flops
    if not total or not small:
        return
    height, width = report.question.size
    area = height * width / (640 * 640)
    if total * 640 * 640 == small * height * width:
        yield f"{area:g} x the {small:,} at 640x640: {area:g} x the image area."
    else:
        yield (
            f"{total / small:.3g} x the {small:,} at 640x640, for {area:g} x the image area: not all of the cost is "
            "proportional to it."
        )


def _options(report: Info) -> str:
    question = report.question
    size = "" if question.size == (640, 640) else f" --imgsz {_imgsz(question)}"
    command = f"yolo-probe fuse-diff {quote(question.subject.path or question.subject.label)}{size}{question.options}"
    classes = "  --nc" if question.subject.saved is None else ""
    if found := question.subject.not_fused:
        return f"{command} (of fuse(): {found.reason})  --verbose{classes}"
    if report.fused is None:
        return f"--verbose{classes} (fuse() would fail on this network, or what it does is not known)"
    summary, form = report.fused.summary, question.subject.origin.form
    unless = question.subject.fuse_unless_known
    when = f"at validation, {unless}" if unless else "at validation"
    numbers = (
        f"{when}: {form.layer_count(summary.layers)} layers, {summary.parameters:,} parameters, "
        f"{summary.gradients:,} gradients"
    )
    gflops = "" if summary.flops is None else f", {giga(summary.flops)} GFLOPs"
    return f"{command} ({numbers}{gflops})  --verbose{classes}"


def _for_a_paper(report: Info) -> Iterator[Part]:
    """The sentence to copy where these figures are published, if all of them are known."""
    state, question = report.fused, report.question
    if state is None or state.run is None or question.charges(state).uncounted:
        return
    height, width = question.size
    flops, parameters = state.summary.flops or 0, state.summary.parameters
    images = len(question.subject.images)
    fed = f"{images} images of {height}x{width}" if images else f"one {height}x{width} image"
    sentence = (
        f"{parameters / 1e6:.2f} M parameters and {giga(flops)} GFLOPs for {fed}, with BatchNorm "
        f"merged into the convolutions; 1 MAC = 2 FLOPs, counted by the rules of {question.counter.convention.title}."
    )
    size = "That is the network that predicts, at the size that you name with --imgsz."
    if _classifies(state.root):
        size += " A classifier is trained at 224x224, and hosts print 640x640." if (height, width) != (224, 224) else ""
    yield Footer("Paper", f'"{sentence}" {size}')


def _classifies(root: Module) -> bool:
    return any(module.kind.rpartition(".")[2] == "Classify" for _, module in named_modules(root))


def _imgsz(question: Question) -> str:
    height, width = question.size
    return str(height) if height == width else f"{height},{width}"

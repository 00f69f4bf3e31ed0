"""The text of an info: each of the four numbers, what it means, and the parts that add up to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from shlex import quote

from yolo_probe.conventions import Convention
from yolo_probe.gradients import frozen_by_rows
from yolo_probe.ledger import CONVOLUTIONS
from yolo_probe.operators import OpRecord
from yolo_probe.render.layout import Paint, cause, note, row, sentences
from yolo_probe.render.parts import (
    activations,
    footers,
    giga,
    heading,
    host_line,
    line_differs,
    uncounted,
    unexplained,
    unknown_flops,
)
from yolo_probe.report import Info, Question
from yolo_probe.structure import LayerCounts, Module, named_modules, named_parameters


def lines(report: Info, paint: Paint, columns: int | None) -> Iterator[str]:
    """The report line by line."""
    question = report.question
    subject, state = question.subject, report.state
    state_words = ", fused" if report.is_fused else ", not fused"
    new = ", new" if subject.saved is None and not report.is_fused else ""
    yield from sentences(heading(subject) + new + state_words)
    yield ""
    height, width = question.size
    size = "" if question.size == (640, 640) else f"img_size={height if height == width else [height, width]}"
    if report.is_fused and subject.saved is None:
        yield "At validation YOLOv5 prints" + (f", asked for {size}" if size else "")
    else:
        # the hosts load every file as FP32; of an FP16 model the classic ones print no GFLOPs
        loaded = "Loaded as FP32, " if subject.saved and subject.saved.dtype != "FP32" else ""
        yield f"{loaded}model.info({size}) prints"
    yield from host_line(state, question, paint, columns)
    if report.at_640 and report.at_640.line.gflops is not None:
        gflops = f"{report.at_640.line.gflops:.1f} GFLOPs"
        yield from sentences(f"A training log says {gflops}, whatever its --imgsz: YOLOv5 counts at 640x640.")
    yield ""
    yield from _layers(report, paint)
    yield ""
    yield from _parameters(report, paint)
    yield ""
    yield from _gradients(report, paint)
    yield ""
    if state.run is None:
        yield from unknown_flops(report.question.subject.unknown, "not known")
    else:
        yield from _flops(report, paint)
    yield ""
    yield from footers(question, paint, _options(report), subject.origin.alternatives)


def _layers(report: Info, paint: Paint) -> Iterator[str]:
    form = report.question.subject.origin.form
    counts = report.state.summary.layers
    yield paint("bold cyan", row("layers", f"{form.layer_count(counts):,}"))
    modules = [module for _, module in named_modules(report.state.root)]
    listed = modules if form.layers == "modules" else [module for module in modules if not module.children]
    leaves = Counter(module.kind.removeprefix("nn.").rpartition(".")[2] for module in listed)
    parts = [
        f"{count}\N{NO-BREAK SPACE}{kind}"
        for kind, count in sorted(leaves.items(), key=lambda item: (-item[1], item[0]))
    ]
    shared = _sharing(report.state.root)
    parts = [
        part + (f" (shared by {shared} Conv)" if shared and part.endswith("\N{NO-BREAK SPACE}SiLU") else "")
        for part in parts
    ]
    yield from note(_layer_meaning(form.layers, counts, " +\N{NO-BREAK SPACE}".join(parts)))


def _sharing(root: Module) -> int:
    """How many Conv share one activation; 0 where each has its own."""
    acts = activations(root)
    return len(acts) if len(acts) > 1 and len({id(act) for act in acts}) == 1 else 0


def _layer_meaning(definition: str, counts: LayerCounts, parts: str) -> str:
    if definition == "leaf_modules":
        return (
            f"Modules that hold no others: {parts}. v4.0 to v7.0 count all modules, also those that hold others: "
            f"{counts.modules}; v3.1 parameter tensors: {counts.parameter_tensors}."
        )
    return (
        f"All modules, also those that hold others: {parts}. YOLOv5 since July 2026 counts only modules that hold no "
        f"others: {counts.leaf_modules}; v3.1 parameter tensors: {counts.parameter_tensors}."
    )


def _parameters(report: Info, paint: Paint) -> Iterator[str]:
    total = report.state.summary.parameters
    yield paint("bold blue", row("parameters", f"{total:,}"))
    yield "  Numbers that training learns:"
    rows = list(_parameter_rows(report.state.root))
    for text, amount in rows:
        yield from cause(text, f"{amount:,}")
    yield from unexplained(total - sum(amount for _, amount in rows), paint)


def _parameter_rows(root: Module) -> Iterator[tuple[str, int]]:
    """Parameters by the kind of module that owns them; each tensor once."""
    owners: dict[tuple[str, str], list[tuple[str, int]]] = {}
    modules = dict(named_modules(root))
    for name, tensor in named_parameters(root):
        path, _, key = name.rpartition(".")
        kind = modules[path].kind.removeprefix("nn.")
        group = "convolutions" if kind in ("Conv2d", "ConvTranspose2d", "DWConvTranspose2d") else kind
        owners.setdefault((group, key if group == "convolutions" else ""), []).append((path, tensor.numel))
    for (group, key), places in sorted(owners.items(), key=lambda item: item[0][0] != "convolutions"):
        total = sum(size for _, size in places)
        if group == "convolutions" and key == "weight":
            yield f"weights of {len(places)} convolutions", total
        elif group == "convolutions":
            yield _bias_row(places, modules), total
        elif group == "BatchNorm2d":
            norms = len({path for path, _ in places})
            yield f"weights and biases of {norms} BatchNorm2d: 2 x {total // 2:,} channels", total
        else:
            yield f"all of {len({path for path, _ in places})} {group}", total


def _bias_row(places: Sequence[tuple[str, int]], modules: Mapping[str, Module]) -> str:
    """Biases of convolutions; those of a new network are all in its head."""
    heads = tuple(f"{path}.m." for path, module in modules.items() if module.kind in ("Detect", "Segment"))
    sizes = {size for _, size in places}
    count = f": {len(places)} x {sizes.pop():,}" if len(sizes) == 1 else ""
    if heads and all(path.startswith(heads) for path, _ in places):
        return f"biases of the {len(places)} convolutions in Detect{count}"
    return f"biases of {len(places)} convolutions{count}"


def _gradients(report: Info, paint: Paint) -> Iterator[str]:
    subject = report.question.subject
    gradients = report.state.summary.gradients
    yield paint("bold magenta", row("gradients", f"{gradients:,}"))
    if subject.saved is None and not report.is_fused:
        frozen = frozen_by_rows(subject.root, tuple(range(10)))
        left = sum(tensor.numel for name, tensor in named_parameters(subject.root) if name not in frozen)
        yield from note(
            "Parameters that training may change: in a new model all of them, in a finished best.pt 0. --freeze 10 "
            f"leaves {left:,}, but the line is printed before that."
        )
    elif subject.saved is None:
        whole = report.state.summary.parameters
        yield from note(
            "0 at validation: the EMA copy and strip_optimizer() come before. A new model that is fused with autograd "
            f"on keeps all {whole:,}."
        )
    elif gradients == 0:
        who = "strip_optimizer()" if subject.saved.stripped else "ModelEMA"
        yield from note(
            f"Parameters that training may change: none here, since {who} marked them as not trainable. A new training "
            "that starts from this file sets all of them back."
        )
    else:
        yield from note("Parameters that training may change.")


def _flops(report: Info, paint: Paint) -> Iterator[str]:
    state, convention = report.state, report.question.counter.convention
    total, records = state.summary.flops or 0, state.run.records if state.run else ()
    yield paint("bold yellow", row("FLOPs", f"{total:,}"))
    yield from note(f"Multiplications and additions for one image, {giga(total)} GFLOPs. It is not a speed.")
    groups: dict[str, list[OpRecord]] = {}
    free: list[str] = []
    for record in records:
        if convention.count(record):
            groups.setdefault(_group(record), []).append(record)
        else:
            free.append(_group(record))
    amounts = {name: convention.flops(group) for name, group in groups.items()}
    for name in sorted(groups, key=lambda name: -amounts[name]):
        detail = _charge(groups[name], amounts[name], convention)
        yield from cause(f"{len(groups[name])} {name}: {detail}", f"{amounts[name]:,}")
    if names := [name for name in dict.fromkeys(free) if name[0].isupper() and name not in groups]:
        modules = [name for name in names if name != "Concat"] + ["Concat"] * ("Concat" in names)
        more = ", ..." if any(name[0].islower() for name in free) else ""
        yield from cause(f"{', '.join(modules)}{more}: free by these rules", "0")
    yield from unexplained(total - sum(amounts.values()), paint)
    yield from note(" ".join([*uncounted(state, report.question), *_flops_note(report)]))


def _group(record: OpRecord) -> str:
    """Under which name an operator is listed: modules by their class, functions in small letters."""
    if record.operator in CONVOLUTIONS:
        return "convolutions"
    if record.operator == "cat":
        return "Concat"
    return record.kind.removeprefix("nn.") if record.kind.startswith("nn.") else record.operator


def _charge(records: Sequence[OpRecord], amount: int, convention: Convention) -> str:
    """How an amount comes about: so many for each output value, or twice the MACs."""
    values = sum(prod(record.output) for record in records)
    if records[0].operator not in CONVOLUTIONS and amount % values == 0:
        return f"{amount // values} x {values:,} output values"
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
            f"{total / small:.3g} x the {small:,} at 640x640, for {area:g} x the image area: not all of the cost grows "
            "with it."
        )


def _options(report: Info) -> str:
    question = report.question
    size = "" if question.size == (640, 640) else f" --imgsz {_imgsz(question)}"
    command = f"yolo-probe fuse-diff {quote(question.subject.path or question.subject.label)}{size}{question.options}"
    classes = "  --nc" if question.subject.saved is None else ""
    if report.fused is None:
        return f"--verbose{classes} (fuse() would fail on this network, or what it does is not known)"
    summary, form = report.fused.summary, question.subject.origin.form
    numbers = (
        f"at validation: {form.layer_count(summary.layers)} layers, {summary.parameters:,} parameters, "
        f"{summary.gradients:,} gradients"
    )
    gflops = "" if summary.flops is None else f", {giga(summary.flops)} GFLOPs"
    return f"{command} ({numbers}{gflops})  --verbose{classes}"


def _imgsz(question: Question) -> str:
    height, width = question.size
    return str(height) if height == width else f"{height},{width}"

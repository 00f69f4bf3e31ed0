"""The words of a network line by line: the cost of each line, its arithmetic, and the memory that it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yolo_probe.counters.charges import added
from yolo_probe.hosts.subject import Subject
from yolo_probe.model.activations import BYTES, Access, total
from yolo_probe.model.structure import Shape, count_layers, layers_by_row, named_rows, packed_weights
from yolo_probe.render.common import (
    counted,
    first_of,
    heading,
    live_heading,
    own_rules,
    packed_words,
    percent,
    rows_words,
    share,
    shortened,
)
from yolo_probe.render.document import Chart, Footer, Heading, Note, Section, Table, Words, Working
from yolo_probe.render.memory_advice import memory_advice
from yolo_probe.render.stride_scaling import scaled_parts
from yolo_probe.reports.layers import LayerCosts
from yolo_probe.reports.line_costs import Line, Sums
from yolo_probe.reports.row_graph import backbone_rows
from yolo_probe.reports.shufflenet_guidelines import Guideline


def document(report: LayerCosts) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    yield (Heading(_heading(report)),)
    yield tuple(Words(text) for text in _answer(report))
    if report.view.memory:
        yield _moved(report)
        yield from _peak(report)
        yield from _guidelines(report)
        yield tuple(Words(text) for text in memory_advice(report))
    elif report.view.brief:
        yield _brief(report)
    else:
        yield _costs(report)
        if works := tuple(_workings(report)):
            yield (Words(WORKINGS), *works)
        if report.scaled:
            yield tuple(scaled_parts(report.scaled, "model_info"))
    yield tuple(_footers(report))


def _heading(report: LayerCosts) -> str:
    subject = report.subject
    title = heading(subject) if isinstance(subject, Subject) else live_heading(subject)
    return f"{title}, {'after fuse()' if report.is_fused else 'not fused'}"


WORKINGS = (
    "FLOPs each x channels out x height x width x channels in / groups x kernel; several of one size as one, with "
    "channels out x channels in in brackets, and the kernel where it is not 1x1:"
)


# The answer


def _answer(report: LayerCosts) -> Iterator[str]:
    if report.access.values if report.view.memory else report.flops:
        yield _half(report)
    weights, found = report.parameters * BYTES, report.activations
    text = f"In FP32, {BYTES} bytes a value, the weights take {_bytes(weights)}"
    if found is not None:
        text += f", the activations of one image at most {_bytes(found.peak * BYTES)} at a time"
    named = isinstance(report.subject, Subject)
    more = " (--memory)" if named else " (memory=True)"
    yield f"{text}{'' if report.view.memory else more}. FP16 takes half of it, INT8 a quarter."
    if packed := packed_weights(report.root):
        yield f"{packed_words(packed)}. Nor are they in the bytes here."
    if _is_by_row(report) and not report.view.memory and isinstance(report.subject, Subject):
        layers = report.subject.origin.form.layer_count(count_layers(report.root))
        if words := rows_words(report.root, f"the {layers:,} layers of its line"):
            yield words
    if report.unmerged:
        option = ": --fused" if named else ""
        yield f"{report.unmerged} BatchNorms stand here that fuse() merges before validation and export{option}."


def _half(report: LayerCosts) -> str:
    """A sentence on the fewest lines that make up half of the total."""
    memory = report.view.memory

    def amount(sums: Sums) -> int:
        return sums.access.values if memory else sums.flops or 0

    lines = sorted((*report.lines, *report.others), key=amount, reverse=True)
    names: list[str] = []
    reached = 0
    while 2 * reached < amount(report):
        line = lines[len(names)]
        reached += amount(line)
        names.append(shortened(line.name) or "other")
    what = "values moved" if memory else "FLOPs"
    noun = report.view.by if report.view.by != "row" or report.view.depth in (None, 1) else "module"
    shown = first_of(names, MAX_NAMED_LINES)
    return f"Half of the {what} are in {len(names)} of {len(lines)} {noun}s: {shown}."


MAX_NAMED_LINES = 8
"""Number of lines that this sentence names."""


def _bytes(number: int) -> str:
    return f"{number:,} bytes ({number / 1e6:.1f} MB)" if number >= 100_000 else f"{number:,} bytes"


# The table


def _costs(report: LayerCosts) -> Section:
    places = report.view.by in ("row", "module")
    heads = (report.view.by, "class") if places else (report.view.by, "count")
    first = ("parameters", "FLOPs", "share")
    second = ("input", "output") if places else ()
    second = (*second, "bytes moved", "FLOPs/byte", *(() if report.view.by == "operator" else ("fused",)))
    shown = [
        (*_name(line, places), *_figures(line.parameters, line.flops, report.flops), *_traffic(line, report, places))
        for line in report.lines
    ]
    sums = [_sum(lines, report, label, places) for label, lines in _summed(report)]
    chart = Chart(
        (*heads, *first, *second), tuple(shown), tuple(sums), 1 + places, len(heads) + len(first),
        tuple(line.flops or 0 for line in report.lines),
    )  # fmt: skip
    own = f" {OWN}" if _are_apart(report) else ""
    return chart, Note(TRAFFIC + own)


def _brief(report: LayerCosts) -> Section:
    """The costs alone, one unit in each column."""
    places = report.view.by in ("row", "module")
    parts = _parts(report) if places else {}
    heads = (report.view.by, *(("part",) if parts else ()), "class" if places else "count")

    held = _layers(report)

    def cells(
        name: tuple[str, str], part: str, layers: int, parameters: int, flops: int | None
    ) -> tuple[str, ...]:  # fmt: skip
        counted = "not counted" if flops is None else f"{flops / 1e9:.3f}"
        figures = *((f"{layers:,}",) if held else ()), f"{parameters / 1e6:.3f}", counted, share(flops, report.flops)
        return name[0], *((part,) if parts else ()), name[1], *figures

    lines = tuple(
        cells(
            _name(line, places),
            parts.get(line.name.partition(".")[0], ""),
            held.get(line.name, 0),
            line.parameters,
            line.flops,
        )
        for line in report.lines
    )
    sums = tuple(
        cells(
            (label, "" if places else str(sum(line.count for line in lines))), "",
            sum(held.values()) if label == "total" else sum(held.get(line.name, 0) for line in lines),
            sum(line.parameters for line in lines), added(line.flops for line in lines),
        )
        for label, lines in _summed(report)
    )  # fmt: skip
    columns = (*heads, *(("layers",) if held else ()), "M parameters", "GFLOPs", "share")
    amounts = tuple(line.flops or 0 for line in report.lines)
    chart = Chart(columns, lines, sums, len(heads) - (not places), len(columns), amounts)
    view = report.view
    apart = _are_apart(report) or (view.by == "type" and (view.depth or 1) > 1)
    if held.get(""):
        return chart, Note(f"{held['']} more layers are the model and the list of its rows.")
    return (chart, Note(f"{OWN} {INSIDE[view.by]}")) if apart else (chart,)


def _layers(report: LayerCosts) -> dict[str, int]:
    """The layers of each row as its host counts them, and those in no row; empty for lines that are no rows."""
    if not (_is_by_row(report) and isinstance(report.subject, Subject)):
        return {}
    count = report.subject.origin.form.layer_count
    return {name: count(layers) for name, layers in layers_by_row(report.root).items()}


def _is_by_row(report: LayerCosts) -> bool:
    return report.view.by == "row" and report.view.depth in (None, 1)


def _parts(report: LayerCosts) -> dict[str, str]:
    """Whether each row is one of the backbone or of the head, by its name; empty where that is not known."""
    backbone = backbone_rows(report.root)
    if backbone is None:
        return {}
    kinds, _ = named_rows(report.root)
    return {name: "backbone" if name in backbone else "head" for name in kinds}


TRAFFIC = (
    "Bytes moved, in FP32: feature maps in and out and weights, once each, as if every operator ran by itself. Where a "
    "machine can compute more FLOPs than FLOPs/byte while it moves one byte, it waits for its memory."
)


def _are_apart(report: LayerCosts) -> bool:
    """Whether modules stand beside those that hold them, which then seem to cost nothing."""
    if report.view.by != "module":
        return False
    names = {line.name for line in (*report.lines, *report.others)}
    return any(name.rpartition(".")[0] in names for name in names if "." in name)


OWN = "A module that holds others stands for what it computes itself: concatenations, sums, boxes."

INSIDE = {
    "module": "Those that it holds, such as its convolutions, are the rows whose names begin with its own.",
    "type": "Those that it holds, such as its convolutions, are in the rows of their own types.",
}
"""Where the rest of such a module is, in a table of modules or of types."""


def _summed(report: LayerCosts) -> Iterator[tuple[str, Sequence[Line]]]:
    """The sums with their labels: the lines that are not shown, and all lines."""
    if report.others:
        yield f"{len(report.others)} others", report.others
    yield "total", (*report.lines, *report.others)


def _name(line: Line, places: bool) -> tuple[str, str]:
    return shortened(line.name) or "other", shortened(line.kind) if places else str(line.count)


def _figures(parameters: int, flops: int | None, whole: int | None) -> tuple[str, ...]:
    return f"{parameters:,}", "not counted" if flops is None else f"{flops:,}", share(flops, whole)


def _traffic(line: Line, report: LayerCosts, places: bool) -> tuple[str, ...]:
    shapes = (_shapes(line.inputs), _shapes(line.outputs)) if places else ()
    moved = line.access.values * BYTES
    fused = () if report.view.by == "operator" else (_fused(line),)
    return (*shapes, f"{moved:,}", _ratio(line.flops, moved), *fused)


def _sum(lines: Sequence[Line], report: LayerCosts, label: str, places: bool) -> tuple[str, ...]:
    """The cells of a line of sums."""
    flops, parameters = added(line.flops for line in lines), sum(line.parameters for line in lines)
    moved = total(line.access for line in lines).values * BYTES
    figures = _figures(parameters, flops, report.flops)
    fused = () if report.view.by == "operator" else ("",)
    count = "" if places else str(sum(line.count for line in lines))
    return (label, count, *figures, *(("", "") if places else ()), f"{moved:,}", _ratio(flops, moved), *fused)


def _ratio(flops: int | None, moved: int) -> str:
    return f"{flops / moved:.1f}" if moved and flops is not None else "-"


def _fused(line: Line) -> str:
    if line.fused and line.unfused:
        return f"{line.fused} of {line.fused + line.unfused}"
    return "yes" if line.fused else "no" if line.unfused else "-"


def _shapes(shapes: Sequence[Shape]) -> str:
    """``32x320x320``, without the batch; several of one shape with their number."""
    texts = ["x".join(map(str, shape[1:] if shape[:1] == (1,) and len(shape) > 3 else shape)) for shape in shapes]
    if len(texts) > 1:
        return f"{len(texts)} of {texts[0]}" if len(set(texts)) == 1 else f"{len(texts)} tensors"
    return texts[0] if texts else "-"


def _workings(report: LayerCosts) -> Iterator[Working]:
    for line in report.lines:
        sums = tuple((f"{each.text} = {each.value:,}", each.term) for each in line.arithmetic)
        if sums:
            yield Working(" ".join(filter(None, (shortened(line.name), shortened(line.kind)))), sums)


# Memory


def _moved(report: LayerCosts) -> Section:
    by, whole = report.view.by, report.access.values
    classes = by == "row"  # other names are clear without the class, and need its room
    heads = (by, *(("class",) if classes else ()), "read", "written", "weights", "values moved", "share")
    shown = [
        (line.name or "other", *((line.kind,) if classes else ()), *_access(line.access, whole))
        for line in report.lines
    ]
    sums = [
        (label, *(("",) if classes else ()), *_access(total(line.access for line in lines), whole))
        for label, lines in _summed(report)
    ]
    values = tuple(line.access.values for line in report.lines)
    own = f" {OWN}" if _are_apart(report) else ""
    return Chart(heads, tuple(shown), tuple(sums), 1 + classes, len(heads), values), Note(MOVED + own)


MOVED = (
    "The memory access cost of ShuffleNet V2: values of feature maps read and written and weights, once each, as if "
    "every operator ran by itself. A 1x1 convolution: h x w x c1 read, h x w x c2 written, c1 x c2 / groups weights."
)


def _access(cost: Access, whole: int) -> tuple[str, ...]:
    figures = (cost.read, cost.written, cost.weights, cost.values)
    return (*(f"{figure:,}" for figure in figures), share(cost.values, whole))


def _peak(report: LayerCosts) -> Iterator[Section]:
    found = report.activations
    if found is None:
        unknown = "the forward pass depends on values, or runs what torch cannot follow by shapes alone"
        yield (Words(f"The peak of the activations is not known: {unknown}."),)
        return
    peak = _bytes(found.peak * BYTES)
    yield (Words(f"Activations, peak: {peak}, while {_maker(found.path)} runs ({found.operator}). Then there are:"),)
    rows = [(_maker(each.path), _shapes((each.shape,)), f"{each.values * BYTES:,}") for each in found.held]
    table = Table(("made by", "shape", "bytes"), (*rows, ("peak", "", f"{found.peak * BYTES:,}")))
    inside = f" What {', '.join(found.unfollowed)} makes inside is not among them." if found.unfollowed else ""
    yield table, Note(f"{PEAK}{inside} All that are made: {_bytes(found.made * BYTES)}. {OTHERS}")


def _maker(path: str | None) -> str:
    return "input" if path is None else shortened(path) or "the model"


PEAK = (
    "Operators run in the host's order. A tensor is there from the operator that makes it to the last that reads it, "
    "inputs and output of an operator together; results stay. A view makes none, nor does an activation in place."
)
OTHERS = (
    "PyTorch keeps more: a module's input until it returns, rows for later until the end. Less is kept by an exported "
    "network that returns boxes alone, and by a runtime that computes a convolution and its activation in one."
)


def _guidelines(report: LayerCosts) -> Iterator[Section]:
    heads = ("ShuffleNet V2", "against it", "FLOPs", "values moved")
    rows = tuple(
        (
            f"{each.name} {each.title}",
            f"{each.concerned} of {each.checked}",
            share(each.flops, report.flops),
            share(each.values, report.access.values),
        )
        for each in report.guidelines
    )
    yield Table(heads, rows), *(Note(_guideline(each)) for each in report.guidelines)


def _guideline(guideline: Guideline) -> str:
    rows, details = _rows(guideline.rows), guideline.details
    if not guideline.concerned:
        return f"{guideline.name}: {NONE[guideline.name]}."
    match guideline.name:
        case "G1":
            least, values = details["least_values"], guideline.values
            return (
                f"G1: a 1x1 convolution moves least where as many channels come out as go in. Not so in {rows}: "
                f"{values:,} values, {least:,} with equal channels for as many FLOPs ({share(values - least, values)} "
                "less)."
            )
        case "G2":
            return (
                f"G2: groups save FLOPs, not feature maps: fewer FLOPs for each value moved. {guideline.concerned} "
                f"convolutions, {details['depthwise']} of them depthwise, in {rows}."
            )
        case "G3":
            return (
                "G3: many small operators in a block keep a parallel machine less busy than one large one. "
                f"{details['fragments']} convolutions, poolings and products in all, up to {details['most']} in one "
                f"row; more than one in {rows}."
            )
        case _:
            return (
                "G4: BatchNorm, activations, sums and products of single values have few FLOPs, but every value is "
                f"read and written. In {rows}."
            )


NONE = {
    "G1": "every 1x1 convolution has as many channels out as in",
    "G2": "no convolution has groups",
    "G3": "no row has more than one convolution, pooling or product",
    "G4": "no operator works on single values",
}


def _rows(names: Sequence[str]) -> str:
    """``rows 0-4, 6``."""
    if not all(name.isdecimal() for name in names):
        return ", ".join(name or "no row" for name in names)
    spans: list[list[int]] = []
    for number in sorted(map(int, names)):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    words = [f"{first}-{last}" if last > first else f"{first}" for first, last in spans]
    return f"row{'s' * (len(names) > 1)} {', '.join(words)}"


def _footers(report: LayerCosts) -> Iterator[Footer]:
    if report.question:
        yield Footer("Counted", counted(report.question))
    else:
        shape = "x".join(map(str, report.run.input))
        yield Footer("Counted", f"by the rules of {report.charges.convention.title}, of an input of {shape}")
    if missing := report.charges.uncounted:
        names = ", ".join(f"{each.operator} at {each.path or 'the model'} ({percent(each.share)})" for each in missing)
        yield Footer("Missing", f"not counted: {names}")
    if report.rules:
        yield Footer("Rules", own_rules(report.rules, report.rules.unused(report.run.records)))
    if not report.question:
        yield Footer("More", "explain_layers(model, imgsz, counter, by=, depth=, sort=, top=, memory=).as_json()")
        return
    memory = "" if report.view.memory else "  --memory"
    fused = "" if report.is_fused else "  --fused"
    whole = "--all (bytes moved, arithmetic)  " if report.view.brief and not report.view.memory else ""
    yield Footer(
        "More", f"{whole}--by row|module|operator|type  --depth N  --sort  --top N{memory}{fused}  --format json"
    )

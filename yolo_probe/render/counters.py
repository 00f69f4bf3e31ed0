"""The words of a comparison of counters: all figures in one table, then the terms of each and the reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yolo_probe.counters.comparison import ByMode, Comparison, Counted
from yolo_probe.render.common import heading, images_in_words, own_rules, percent, size_words
from yolo_probe.render.document import Footer, Heading, Note, Part, Section, Table, TableRow, Words, signed
from yolo_probe.reports.counters import Counters

RULES = {
    "thop-2019": (
        "BatchNorm as 4 MACs a value, a bias as 1, a fully connected layer as products and sums apart. Until June 2019 "
        "(0.0.22) ReLU and max pooling too: the 2,914,598,912 of densenet121 in tutorials."
    ),
    "thop-0.0.31": "BatchNorm as 2 MACs a value, a bias as 1: the GFLOPs of YOLOv5's README and of logs to June 2022.",
    "thop-0.1": "BatchNorm as 4 MACs a value, no bias, nearest upsampling as 1: logs from June 2022 on.",
    "ultralytics-thop-2.0.16": "As thop 0.1, with transposed convolutions right.",
    "ultralytics-thop-2.1.2": "BatchNorm as 4 MACs a value, no bias, nearest upsampling free.",
    "ultralytics-thop-2.1.3": "As 2.1.2, with nn.MultiheadAttention and the exact windows of average pooling.",
    "ultralytics-thop-2.2": (
        "BatchNorm as 4 MACs a value, no bias; activations, max pooling and upsampling free. As 2.1.3, with the "
        "products that a module computes itself (@, einsum)."
    ),
    "fvcore": (
        'Its "flops" are MACs. BatchNorm as 2 a value, as 5 in training mode, where it computes the statistics; '
        "upsampling as 1."
    ),
    "ptflops": (
        "MACs, its standard backend. BatchNorm as 2 a value, biases, activations, pooling and upsampling. A module "
        "that has a rule and calls a torch function that has one is charged for both."
    ),
    "ptflops-aten": "MACs of ptflops' other backend: convolutions, products of matrices and their biases alone.",
    "torchprofile": "MACs. BatchNorm as 1 a value, and every multiplication of tensors, as Detect does to make boxes.",
    "torch": "FLOPs of torch.utils.flop_counter: convolutions and products of matrices alone, 1 MAC as 2.",
    "torchinfo": (
        'MACs, as "mult-adds": each weight times the places where it acts. BatchNorm\'s weights count once an image, '
        "not once a value."
    ),
    "calflops": (
        "FLOPs. Products as 2, BatchNorm as 2 a value, activations and pooling as 1. The MACs that it prints beside "
        "them are the products that it counts."
    ),
    "deepspeed": "FLOPs. As calflops, its MACs too, with each module once and attention whole.",
    "textbook": (
        "FLOPs: every multiplication and every addition as 1, so n products are 2 n - 1, and 2 n with a bias. "
        "BatchNorm is 2 a value, shortcuts and boxes are counted. Activations stand apart."
    ),
}
"""What each counter charges, in words."""


MAX_NAMED_OPERATORS = 3
"""Number of operators without a rule that are named; ``--format json`` has all."""


def document(report: Counters) -> Iterator[Section]:
    """The report as sections of parts, in reading order."""
    comparison, question = report.comparison, report.question
    yield (Heading(heading(question.subject)),)
    yield (Words(_answer(report)),)
    for unit in dict.fromkeys(counted.convention.unit for counted in comparison.counters.values()):
        rows = [
            row for counted in comparison.counters.values() if counted.convention.unit == unit for row in _rows(counted)
        ]
        yield (Table((f"counted in {unit}", *_HEADS), tuple(rows)),)
    if not report.brief:
        default = comparison.counters[comparison.default]
        yield tuple(_parameters(comparison))
        for counted in comparison.counters.values():
            yield tuple(_block(counted, default, report))
    yield (*(_in_brief(comparison) if report.brief else ()), *_footers(report))


def _in_brief(comparison: Comparison) -> Iterator[Footer]:
    """The faults behind the rows, and the counters whose total of parameters is another."""
    counters = comparison.counters.values()
    by_fault: dict[str, list[str]] = {}
    for counted in counters:
        for fault in counted.faults:
            by_fault.setdefault(fault.name, []).append(counted.convention.name)
    if by_fault:
        yield Footer("Faults", "; ".join(f"{name}: {', '.join(tools)}" for name, tools in by_fault.items()))
    trainable = [counted.convention.name for counted in counters if counted.convention.parameters == "trainable"]
    if trainable:
        yield Footer("Params", f"{', '.join(trainable)} total only what trains: 0 of a finished best.pt")


_HEADS = ("unfused", "fused", "GFLOPs", "fused")
"""The columns of figures: the first two in the unit of the table, which is named before them."""


def _answer(report: Counters) -> str:
    counters, default = report.comparison.counters, report.comparison.counters[report.comparison.default]
    convolutions = default.terms["convolution"].unfused if "convolution" in default.terms else 0
    figures = [counted.flops.unfused or 0 for counted in counters.values()]
    return (
        f"The network is the same in every row. All counters agree on its convolutions, {convolutions or 0:,} MACs, up "
        f"to faults that are named; they differ in what else they charge, from {min(figures) / 1e9:.2f} to "
        f"{max(figures) / 1e9:.2f} GFLOPs. 1 MAC, a multiplication with an addition, is 2 FLOPs: a tool that prints "
        "MACs, or calls them FLOPs, shows half."
    )


def _rows(counted: Counted) -> Iterator[tuple[str, ...]]:
    """The row of a counter, and one more if training mode gives another figure."""
    name, figure, flops = counted.convention.name, counted.figure, counted.flops
    yield (name, _number(figure.unfused), _number(figure.fused), _giga(flops.unfused), _giga(flops.fused))
    if figure.train not in (None, figure.unfused):
        yield ("  in training mode", _number(figure.train), "", _giga(flops.train), "")
    if counted.faults:
        right = counted.right.times(counted.convention.flops_per_count)
        numbers = _number(counted.right.unfused), _number(counted.right.fused)
        yield ("  without its faults", *numbers, _giga(right.unfused), _giga(right.fused))


def _block(counted: Counted, default: Counted, report: Counters) -> Iterator[Part]:
    """The terms of one figure."""
    convention = counted.convention
    trains = counted.figure.train not in (None, counted.figure.unfused)
    mark = ", the default" if counted is default else ""
    columns = ("training", "unfused", "fused") if trains else ("unfused", "fused")
    yield TableRow("", columns)
    yield TableRow(f"{convention.name}, {convention.unit}{mark}", _columns(counted.figure, trains), strong=True)
    faults = {fault.name for fault in counted.faults}
    for name, amount in counted.terms.items():
        if any((amount.train, amount.unfused, amount.fused)):
            yield TableRow(f"  {'fault: ' if name in faults else ''}{name}", _columns(amount, trains))
    yield Note(" ".join(_words(counted, default, report)))


def _words(counted: Counted, default: Counted, report: Counters) -> Iterator[str]:
    convention = counted.convention
    yield RULES[convention.name]
    if counted is not default:
        yield _difference(counted, default)
    yield from dict.fromkeys(fault.why for fault in counted.faults)
    if counted.faults:
        yield f"Without {'that' if len(counted.faults) == 1 else 'these'}: {counted.right.unfused:,} {convention.unit}."
    if convention.name == "textbook" and report.comparison.apart.unfused:
        yield f"Apart: {report.comparison.apart.unfused:,} values of activations."
    if counted.uncounted:
        share = sum(each.share for each in counted.uncounted)
        named = [f"{each.operator} at {each.path or 'the model'}" for each in counted.uncounted[:MAX_NAMED_OPERATORS]]
        more = (
            [f"{len(counted.uncounted) - MAX_NAMED_OPERATORS} more"]
            if len(counted.uncounted) > MAX_NAMED_OPERATORS
            else []
        )
        yield f"It has no rule for {', '.join(named + more)}: {percent(share)} of all values that the operators give."


def _difference(counted: Counted, default: Counted) -> str:
    """Why the unfused figure differs from that of the default counter, term by term, in FLOPs."""
    ours, theirs = _unfused(counted), _unfused(default)
    amounts = {name: ours.get(name, 0) - theirs.get(name, 0) for name in (*ours, *theirs)}
    parts = [f"{name} {signed(amount)}" for name, amount in amounts.items() if amount]
    if not parts:
        return f"On this network the same as {default.convention.name}."
    return f"Against {default.convention.name}, in FLOPs: {signed(sum(amounts.values()))} = {', '.join(parts)}."


def _unfused(counted: Counted) -> dict[str, int]:
    factor = counted.convention.flops_per_count
    return {name: factor * (amount.unfused or 0) for name, amount in counted.terms.items()}


TOTALS = {
    "trainable": (
        "{names} total only what trains, here as in training: little or nothing after fuse(), 0 of a finished best.pt."
    ),
    "leaves": "{names} totals leaves alone: not what an nn.MultiheadAttention itself holds; a tied weight twice.",
    "leaves inside": "The total of {names} leaves out nn.MultiheadAttention, and every layer without a rule.",
    "listed": (
        "{names} counts some again where modules share one activation, as the Conv of YOLOv5 do since September 2022."
    ),
}
"""Why a total of parameters differs from the network's, by the rule of the counter."""


def _parameters(comparison: Comparison) -> Iterator[Part]:
    """The totals of parameters that differ from the network's."""
    right = comparison.parameters
    yield TableRow("", ("unfused", "fused"))
    yield TableRow("parameters", _columns(right, trains=False), strong=True)
    others: dict[tuple[str, ByMode], list[str]] = {}
    for counted in comparison.counters.values():
        ours, rule = counted.parameters, counted.convention.parameters
        if rule in TOTALS and (ours.unfused, ours.fused) not in ((right.unfused, right.fused), (None, None)):
            others.setdefault((rule, ours), []).append(counted.convention.name)
    labels = {
        key: f"{names[0]} to {names[-1]}" if len(names) > 3 else ", ".join(names) for key, names in others.items()
    }
    for (_, ours), label in labels.items():
        yield TableRow(f"  {label}", _columns(ours, trains=False))
    silent = [name for name, counted in comparison.counters.items() if counted.parameters.unfused is None]
    words = [TOTALS[rule].format(names=label) for (rule, _), label in labels.items()]
    yield Note(" ".join([*words, f"{', '.join(silent)} give no total; the others give the network's own."]))


def _columns(numbers: ByMode, trains: bool) -> tuple[str, ...]:
    shown: Sequence[int | None] = (numbers.train, numbers.unfused, numbers.fused)[0 if trains else 1 :]
    return tuple(_number(number) for number in shown)


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _giga(flops: int | None) -> str:
    return "" if flops is None else f"{flops / 1e9:.2f}"


def _footers(report: Counters) -> Iterator[Footer]:
    fed = f"{size_words(report.question)}, {images_in_words(report.question)}"
    yield Footer("Counted", f"at {fed}, by the rules of each release; nothing was run")
    if report.question.rules:
        yield Footer("Rules", own_rules(report.question.rules, report.unused_rules))
    yield Footer("Default", f"{report.comparison.default}: another with --counter NAME, in fuse-diff too")
    whole = "--all (the terms of each, and why they differ)  " if report.brief else ""
    yield Footer("More", f"{whole}--imgsz  --nc  --host  --format json (the same as data)")

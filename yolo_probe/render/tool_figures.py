"""The words on what a FLOP counter prints: the network that it counted, and what its host prints instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.hosts.tool_prints import Amount, ToolPrint
from yolo_probe.render.common import counted_classes, in_a_row
from yolo_probe.render.counters import RULES
from yolo_probe.render.document import Figures, Footer, Heading, Note, Part, Section, Words
from yolo_probe.reports.tool_figures import HOST_SIDE, CountedBy

MOST_OTHERS = 4
"""Most other networks that are named."""

TWICE = 0.05
"""How far from twice the FLOPs of a host may be that are those of MACs by another counter."""


def sections(print_: ToolPrint, found: Sequence[CountedBy]) -> Iterator[Section]:
    """What one print is of."""
    first, *others = found
    yield (Heading(print_.text),)
    named = f"{_told(first)}, {_when(first)},"
    if not first.counters:
        yield (Words(f"{named} has these parameters. {_elsewhere(print_.count, first)}"),)
        yield (_footer(first),)
        return
    titles = [CONVENTIONS[name].title for name in first.counters]
    prints = f"{in_a_row(titles)} {'print' if len(titles) > 1 else 'prints'}"
    where = f"{named} at {first.side}x{first.side}"
    if first.is_doubled:
        yield (Words(f"These FLOPs are twice the MACs that {prints} for {where}."),)
    else:
        yield (Words(f"{prints} these figures for {where}."),)
    yield tuple(_figures(print_, first))
    if likely := [each for each in others if each.counters]:
        told = "; or ".join(f"{_told(each)}, {_when(each)}" for each in likely[:MOST_OTHERS])
        yield (Words(f"It may also be {told}."),)
    yield (_footer(first),)


def _figures(print_: ToolPrint, first: CountedBy) -> Iterator[Part]:
    convention = CONVENTIONS[first.counters[0]]
    yield Figures("FLOPs" if first.is_doubled else convention.unit, (_shown(print_.count),))
    words = []
    if convention.unit == "MACs" and not first.is_doubled:
        words.append(f"1 MAC is 2 FLOPs: {2 * print_.count.value / 1e9:.4g} GFLOPs.")
    yield Note(" ".join([*words, _host(first)]))
    yield Note(f"{convention.title}: {RULES[convention.name]}")
    if print_.parameters:
        yield Figures("parameters", (_shown(print_.parameters),))
        own = f"With {counted_classes(first.likely)} it has {first.parameters:,}."
        if print_.parameters.half_a_digit:
            yield Note(own)
        elif print_.parameters.value != first.parameters:
            yield Note(f"{own} {OTHER_PARAMETERS.get(convention.parameters, '')}".strip())


OTHER_PARAMETERS = {
    "listed": "torchinfo counts some modules twice where several places share one, as YOLOv5's Conv share one SiLU.",
    "trainable": "It counts only those that train.",
}
"""Why a counter prints other parameters."""


def _elsewhere(count: Amount, first: CountedBy) -> str:
    """A sentence on FLOPs that no known counter prints for the network of the parameters."""
    words = f"No counter that is known here prints {_shown(count)} for it at a usual image size. {_host(first)}"
    times = [float(each) * 1e9 / count.value for each in first.gflops]
    if any(abs(each / 2 - 1) < TWICE for each in times):
        words += " That is about twice as much, so these are MACs of another counter: 1 MAC is 2 FLOPs."
    return words


def _host(first: CountedBy) -> str:
    family = first.network.family
    if not first.gflops:
        return f"{family} prints no GFLOPs for it."
    return f"{family} prints {in_a_row(first.gflops, 'or')} GFLOPs for it, at 640x640."


def _shown(amount: Amount) -> str:
    """An amount with the digits that it was printed with, as far as a float has them."""
    if not amount.half_a_digit:
        return f"{amount.value:,.0f}"
    scale, unit = (1e9, "G") if amount.value >= 1e9 else (1e6, "M")
    places = max(len(f"{scale / amount.half_a_digit:.0f}") - 1, 0)
    return f"{amount.value / scale:.{places}f} {unit}"


def _told(each: CountedBy) -> str:
    return f"{each.network.network} with {_classes(each.classes)}"


def _classes(numbers: Sequence[int]) -> str:
    if len(numbers) > 1:
        return f"{numbers[0]:,} to {numbers[-1]:,} classes"
    return counted_classes(numbers[0])


def _when(each: CountedBy) -> str:
    return "after fuse()" if each.fused else "before fuse()"


def _footer(first: CountedBy) -> Part:
    """The command that shows the counters of a network."""
    options = f" --nc {first.likely}" if first.likely != 80 else ""
    options += f" --imgsz {first.side}" if first.side != HOST_SIDE else ""
    command = f"yolo-probe counters {first.network.name}{options}"
    return Footer("Counters", f"{command} shows what 16 counters say, and why they differ")

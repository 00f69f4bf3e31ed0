"""What a training says at its moments, as short lines for the host's own log."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.hosts.images import Size
from yolo_probe.hosts.summary_line import LineForm
from yolo_probe.model.structure import Module, named_parameters
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.question import State
from yolo_probe.training.moments import Change, Start, Validation, places_of
from yolo_probe.training.output_drift import Moved

ROUNDING = 1e-4
"""Of the largest output: how far sums in FP32 may drift when a BatchNorm is computed into the weights."""


def start_lines(start: Start, form: LineForm) -> Iterator[str]:
    """The model as it will train, beside the line that its host printed, and why they differ."""
    yield f"as it trains at {size_words(start.imgsz)}: {numbers(start.training, form)}, {gflops(start.flops)}"
    if start.printed:
        yield from _differences(start, start.printed, form)
    fixed = [name for name in start.frozen if ".dfl." in name]
    if fixed:
        size = sum(tensor.numel for name, tensor in named_parameters(start.training.root) if name in fixed)
        yield f"{size} of the parameters never train: the weights of DFL are the fixed numbers 0 to {size - 1}"
    if start.moving:
        yield (
            f"{len(start.moving)} BatchNorm2d have frozen weights and statistics that still move, because "
            f"{form.host} keeps them in training mode (first: {start.moving[0]})"
        )
    if start.fused:
        layers = form.layer_count(start.fused.layers)
        yield (
            f"fuse() was tried without weights and works: {start.merges} BatchNorm2d merge; {layers:,} layers and "
            f"{start.fused.parameters:,} parameters will be left"
        )


def start_warnings(start: Start) -> Iterator[str]:
    """What will go wrong in this training."""
    if start.unheld:
        yield (
            "parameters that get a gradient and never change, because no group of the optimizer holds them: "
            f"{len(start.unheld)} (first: {start.unheld[0]})"
        )
    if start.fuse_fails:
        yield f"validation of the best model will fail after this training: {start.fuse_fails}"


def change_lines(change: Change) -> Iterator[str]:
    """What trains from now on and what no longer does, and what of it no optimizer holds."""
    root = change.training.root
    seen = "while training" if change.epoch is None else f"in epoch {change.epoch}"
    moved = [
        f"{words}: {places_of(names, root)} ({_numel(names, root)})"
        for names, words in ((change.started, "training from now on"), (change.stopped, "no longer training"))
        if names
    ]
    yield (
        f"requires_grad changed {seen}; {'; '.join(moved)}; {change.before:,} gradients become "
        f"{change.training.summary.gradients:,}"
    )
    if change.unheld:
        yield (
            "parameters that get a gradient and never change, because no group of the optimizer holds them: "
            f"{len(change.unheld)} (first: {change.unheld[0]})"
        )


def _numel(names: frozenset[str], root: Module) -> str:
    return f"{sum(tensor.numel for name, tensor in named_parameters(root) if name in names):,} parameters"


def _differences(start: Start, printed: State, form: LineForm) -> Iterator[str]:
    before, now = printed.summary.gradients, start.training.summary.gradients
    if before != now:
        trained = {name for name, tensor in named_parameters(printed.root) if tensor.requires_grad}
        takers = [each for each in start.decisions if not each.trains and each.names & trained]
        names = {"--freeze": start.freeze or "--freeze"}
        who = [f"{names.get(each.mechanism, each.mechanism)} took {each.place or 'all'}" for each in takers]
        frozen = sum(t.numel for n, t in named_parameters(printed.root) if n in trained & start.frozen)
        words = f"{form.host}'s line says {before:,} gradients: it was printed before "
        taken = f"{' and '.join(who)} out of training" if who else "some were frozen"
        yield f"{words}{taken} ({frozen:,} parameters)"
    if printed.line.gflops is not None and start.imgsz != printed.line.size:
        gigas, size = f"{printed.line.gflops:.1f} GFLOPs", size_words(printed.line.size)
        yield f"{form.host}'s line says {gigas}: that is for {size}, whatever the size of the images is"


def validation_line(validation: Validation, form: LineForm) -> str:
    """Which copy is validated, and what differs from the model that trains."""
    copy = "the EMA copy (an average of the weights, which never trains)" if validation.is_ema else "the training model"
    fused = "fused" if validation.is_fused else "not fused"
    ours, theirs = validation.state.summary, validation.training.summary
    pairs = [
        ("layers", form.layer_count(ours.layers), form.layer_count(theirs.layers)),
        ("parameters", ours.parameters, theirs.parameters),
        ("gradients", ours.gradients, theirs.gradients),
    ]
    differ = [f"{theirs:,} {name} become {ours:,}" for name, ours, theirs in pairs if ours != theirs]
    return f"validation uses {copy}, {fused}: {' and '.join(differ) or 'the same numbers'}"


def end_heading(report: FuseDiff) -> str:
    """Above the ledger of the whole training."""
    if report.balanced:
        return "from the line at train start to the line above, every difference explained"
    return "from the line at train start to the line above: not everything is explained"


def outputs_line(moved: Moved, size: Size) -> str:
    """How far the outputs moved when the best model was fused."""
    verdict = "that is rounding" if moved.difference <= ROUNDING * moved.largest else "more than rounding explains"
    return (
        f"fused and unfused best model on one random {size_words(size)} image: outputs differ by at most "
        f"{moved.difference:.2g}, beside values up to {moved.largest:.3g}: {verdict} ({moved.seconds:.1f} s)"
    )


def numbers(state: State, form: LineForm) -> str:
    """Layers, parameters and gradients of a state."""
    summary = state.summary
    return (
        f"{form.layer_count(summary.layers):,} layers, {summary.parameters:,} parameters, "
        f"{summary.gradients:,} gradients"
    )


def gflops(flops: int | None) -> str:
    """GFLOPs with three digits, since a small image has few."""
    return "GFLOPs not known" if flops is None else f"{flops / 1e9:.3g} GFLOPs"


def size_words(size: Size) -> str:
    """``640x640``."""
    return "x".join(map(str, size))

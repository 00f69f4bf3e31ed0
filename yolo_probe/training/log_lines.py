"""The records of a training as short lines for the host's own log."""

from __future__ import annotations

from collections.abc import Iterator

from yolo_probe.hosts.images import Size
from yolo_probe.hosts.subject import Origin
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.fused_outputs import FusedOutputs
from yolo_probe.reports.training_record import Changed, Numbers, Part, Printed, Started, Validated


def start_lines(start: Started, origin: Origin, *, size_known: bool = True) -> Iterator[str]:
    """Lines on the model that will train, and why its numbers differ from the line that its host printed.

    ``size_known``: whether ``imgsz`` is that of the images; else it is the usual one.
    """
    numbers, gflops = _numbers(start.training), _gflops(start.flops_at_imgsz)
    if size_known:
        yield f"as it trains at {_size(start.imgsz)}: {numbers}, {gflops}"
    elif start.flops_at_imgsz is None:
        yield f"as it trains: {numbers}, {gflops}"
    else:
        yield f"as it trains: {numbers}, {gflops} if images are {_size(start.imgsz)}"
    yield from _other_sizes(start, origin)
    if start.printed:
        yield from _differences(start, start.printed, origin)
    for each in start.mechanisms:
        if each.mechanism == "DFL":
            fixed = each.parameters
            yield f"{fixed} of the parameters never train: the weights of DFL are the fixed numbers 0 to {fixed - 1}"
    if start.moving_batch_norms:
        yield (
            f"{len(start.moving_batch_norms)} BatchNorm2d have frozen weights and statistics that still move, because "
            f"{origin.trainer} keeps them in training mode (first: {start.moving_batch_norms[0]})"
        )
    fuse = start.fuse
    if fuse.layers is not None and fuse.parameters is not None:
        how = "on a copy" if fuse.on_values else "without weights"
        yield (
            f"fuse() was tried {how} and runs: {fuse.merges} BatchNorm2d merge; {fuse.layers:,} layers and "
            f"{fuse.parameters:,} parameters will be left"
        )


def _other_sizes(start: Started, origin: Origin) -> Iterator[str]:
    """Lines on batches of another size."""
    if scales := start.scales:
        low, high = _size(scales.smallest), _size(scales.largest)
        known = scales.flops_of_smallest is not None and scales.flops_of_largest is not None
        costs = f", {_gflops(scales.flops_of_smallest)} to {_gflops(scales.flops_of_largest)}" if known else ""
        option = origin.host.option("multi_scale" if origin.host.keywords else "multi-scale")
        yield f"{option} draws another size for each batch: {low} to {high}{costs}"
    if start.quad:
        asked = _size((start.imgsz[0] // 2, start.imgsz[1] // 2))
        yield f"{origin.host.option('quad')} makes each image of four of {asked}, or of one: {_size(start.imgsz)}"
    if start.rectangular:
        largest = _size(start.scales.largest if start.scales else start.imgsz)
        yield f"{origin.host.option('rect')} gives a batch the shape of its images: {largest} is the largest"


def start_warnings(start: Started) -> Iterator[str]:
    """Lines on what will go wrong in this training."""
    yield from _not_in_optimizer(start.not_in_optimizer)
    if lost := start.fuse.uncalled:
        yield (
            f"after fuse() these are no longer called: {lost.where} ({lost.parameters:,} parameters); unless it has "
            "merged them, the predictions change"
        )
    if start.fuse.fails:
        if start.own_loop:
            yield start.fuse.fails
        elif start.announced:
            yield f"validation of the best model will fail after this training: {start.fuse.fails}"
        else:  # which may validate none, as YOLOv5 to v5.0
            yield f"the best model will fail where its host loads it: {start.fuse.fails}"


def change_lines(change: Changed) -> Iterator[str]:
    """Lines on what became of the network, what trains from now on, and what of it the optimizer does not have."""
    seen = "while training" if change.epoch is None else f"in epoch {change.epoch}"
    gradients = f"{change.gradients_before:,} gradients become {change.training.gradients:,}"
    if change.gone or change.new:
        yield f"the network itself changed {seen}; {_parts(change.gone, change.new)}; {gradients}"
    switched = [
        f"{words}: {each.where} ({each.parameters:,} parameters)"
        for each, words in ((change.train_now, "training from now on"), (change.train_no_more, "no longer training"))
        if each
    ]
    if switched:
        yield f"requires_grad changed {seen}; {'; '.join(switched)}; {gradients}"
    if change.replaced:
        yield f"new objects are in the place of parameters {seen}: {change.replaced.where}"
    yield from _not_in_optimizer(change.not_in_optimizer)


def _parts(gone: Part | None, new: Part | None) -> str:
    """The modules of a network that are gone, and those that are new."""
    named = ((gone, "gone"), (new, "new"))
    return "; ".join(f"{words}: {each.where} ({each.parameters:,} parameters)" for each, words in named if each)


def _not_in_optimizer(names: tuple[str, ...]) -> Iterator[str]:
    if names:
        yield (
            "parameters that get a gradient and do not change, because no group of the optimizer holds them: "
            f"{len(names)} (first: {names[0]})"
        )


def _differences(start: Started, printed: Printed, origin: Origin) -> Iterator[str]:
    if printed.gone or printed.new:
        changes = _parts(printed.gone, printed.new)
        yield f"{origin.trainer}'s line was printed before the network itself changed; {changes}"
    if printed.taken_parameters:
        typed = {"--freeze": start.freeze or origin.host.option("freeze")}
        who = [f"{typed.get(each.mechanism, each.mechanism)} took {each.where or 'all'}" for each in printed.taken]
        taken = f"{' and '.join(who)} out of training" if who else "some were frozen"
        yield (
            f"{origin.trainer}'s line says {printed.gradients:,} gradients: it was printed before {taken} "
            f"({printed.taken_parameters:,} parameters)"
        )
    if printed.given_parameters:
        yield (
            f"{origin.trainer}'s line says {printed.gradients:,} gradients: it was printed before "
            f"{printed.given_parameters:,} more parameters were set to train"
        )
    if printed.gflops is not None and start.imgsz != printed.imgsz:
        gigas, size = f"{printed.gflops:.1f} GFLOPs", _size(printed.imgsz)
        yield f"{origin.trainer}'s line says {gigas}: that is for {size}, whatever the size of the images is"


def validation_line(validated: Validated, training: Numbers) -> str:
    """A line on which copy is validated, and how its numbers differ from those of the model that trains."""
    copies = {"ema": "the EMA copy (an average of the weights, which never trains)", "model": "the training model"}
    fused = "fused" if validated.fused else "not fused"
    theirs, ours = training, validated.validated
    pairs = [
        ("layers", theirs.layers, ours.layers),
        ("parameters", theirs.parameters, ours.parameters),
        ("gradients", theirs.gradients, ours.gradients),
    ]
    differ = [f"{before:,} {name} become {after:,}" for name, before, after in pairs if before != after]
    return f"validation uses {copies[validated.copy]}, {fused}: {' and '.join(differ) or 'the same numbers'}"


def end_lines(report: FuseDiff) -> Iterator[str]:
    """The heading of the ledger of the whole training."""
    if not report.second_printed:
        line = report.validation.line.text or report.validation.line.counts
        if report.question.subject.origin.own_loop:
            yield f"it has ended; {'after fuse() its line is' if report.fusion.merges else 'its line is'}: {line}"
        else:
            fused = "after fuse() that is" if report.fusion.merges else "that is"
            yield f"it ended without a line of the best model; {fused}: {line}"
    first = "the line at train start" if report.first_printed else "the model as it trained"
    lines = f"from {first} to {'the line above' if report.second_printed else 'that'}"
    yield f"{lines}, every difference explained" if report.balanced else f"{lines}: not everything is explained"


def outputs_line(outputs: FusedOutputs, seconds: float, *, own_loop: bool) -> str:
    """A line on whether the rows of the best model give the same after ``fuse()``; in a loop, those of its model."""
    of = "" if own_loop else " of the best model"
    return f"fuse(){of} {outputs.verdict}: {outputs.words} (float64, {seconds:.1f} s)"


def foreseen_line(outputs: FusedOutputs, seconds: float) -> str:
    """A warning, before a model trains, that its ``fuse()`` will change what it gives."""
    return (
        f"fuse() will change the predictions, as a copy with drawn BatchNorms shows: {outputs.words} "
        f"(float64, {seconds:.1f} s)"
    )


def _numbers(numbers: Numbers) -> str:
    return f"{numbers.layers:,} layers, {numbers.parameters:,} parameters, {numbers.gradients:,} gradients"


def _gflops(flops: int | None) -> str:
    """GFLOPs with three significant digits: a small image may have less than one."""
    return "GFLOPs not known" if flops is None else f"{flops / 1e9:.3g} GFLOPs"


def _size(size: Size) -> str:
    """``640x640``."""
    return "x".join(map(str, size))

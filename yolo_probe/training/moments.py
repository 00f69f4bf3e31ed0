"""The records of a training at its start, validation, changes and end, from live models, which are only read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from torch import nn

from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import Counter
from yolo_probe.errors import TraceError
from yolo_probe.hosts import ultralytics
from yolo_probe.hosts.images import Size, image_channels
from yolo_probe.hosts.subject import Origin, Saved, Subject
from yolo_probe.hosts.summary_line import HostLine, host_line
from yolo_probe.hosts.target import classes_of, freeze_of, network_name
from yolo_probe.live.live import Live, has_fuse, unwrapped
from yolo_probe.model.freezing import row_ranges, whole_rows, with_frozen, with_gradients
from yolo_probe.model.fusion import Change, difference, fused_state, merged_names, modules_apart
from yolo_probe.model.structure import Module, named_parameters, row_holder
from yolo_probe.reports.fuse_diff import FuseDiff, explain
from yolo_probe.reports.gradients import CopyGradients, moving_batch_norms
from yolo_probe.reports.ledger import GradientEvent
from yolo_probe.reports.mechanisms import Decision, Known, decide, decided, finished, gradient_events, known_of
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.training_record import (
    Changed,
    Ended,
    Event,
    FuseTrial,
    Printed,
    Scales,
    Started,
    Switched,
    Taken,
    Validated,
    part_of,
)
from yolo_probe.training.fuse_trial import fuse_trial, live_state, numbers_of, saved_of
from yolo_probe.training.host_state import Running


@dataclass(frozen=True, slots=True)
class Start:
    """The state of the model right before its first batch."""

    record: Started
    state: State
    """The model now, after loading and freezing."""
    known: Known
    """What is known of the model apart from its flags."""
    decisions: tuple[Decision, ...]
    """Each mechanism that set ``requires_grad``, and for which parameters."""


def start_of(
    running: Running, printed: State | None, question: Question, *, announced: bool = True, form_known: bool = True
) -> Start:
    """The record of a model right before its first batch; ``running.model`` must not be None.

    ``printed``: its state when its host printed the line; None if the probe did not see that. ``announced``: whether
    the host has callbacks for its start. ``form_known``: whether it is known for what image its GFLOPs are.
    """
    assert running.model is not None
    model = unwrapped(running.model)  # DistributedDataParallel is one module more, and has no fuse()
    live = Live(model)
    inner = live.root
    state = live_state(live, question)
    imgsz = running.imgsz or (640, 640)
    option, rows = freeze_of(running.freeze, inner)
    known = known_live(model, inner, running)
    decisions = decide(inner, known)
    record = Started(
        host_line=printed.line.text if printed else None,
        training=numbers_of(state, question),
        mechanisms=decided(decisions),
        imgsz=imgsz,
        flops_at_imgsz=_flops(live, question, imgsz),
        scales=_scales(live, question, imgsz, running.scales),
        rectangular=running.is_rectangular,
        quad=running.is_quad,
        freeze=option or None,
        frozen_rows=rows or (),
        frozen_parameters=state.summary.parameters - state.summary.gradients,
        moving_batch_norms=tuple(
            path
            for path in moving_batch_norms(CopyGradients("model", inner, decisions), running.always_frozen)
            if announced or model.get_submodule(path).training  # a host calls train() after it has announced its start
        ),
        not_in_optimizer=tuple(_unheld(model, running.parameters_held)),
        fuse=fuse_trial(*saved_of(live, state, running.ema, question), question, running.end_to_end),
        printed=_printed(printed, inner, decisions, form_known) if printed else None,
        announced=announced,
        weights=running.weights or None,
        resumed=running.resumes,
        own_loop=question.subject.origin.own_loop,
    )
    return Start(record, state, known, decisions)


def _printed(printed: State, now: Module, decisions: tuple[Decision, ...], form_known: bool) -> Printed:
    """The numbers of the host's line, and what has changed in the model since."""
    trained = trained_in(printed.root)
    gone, new = modules_apart(printed.root, now)
    trains = trained_in(now)
    taken, given = trained & _names(now) - trains, trains & _names(printed.root) - trained
    return Printed(
        gradients=printed.summary.gradients,
        gflops=printed.line.gflops if form_known else None,
        imgsz=printed.line.size,
        taken=tuple(
            Taken(mechanism=each.mechanism, where=each.place)
            for each in decisions
            if not each.trains and each.names & trained
        ),
        taken_parameters=sum(tensor.numel for name, tensor in named_parameters(printed.root) if name in taken),
        given_parameters=sum(tensor.numel for name, tensor in named_parameters(printed.root) if name in given),
        gone=part_of(gone),
        new=part_of(new),
    )


def run_question(
    model: Module, stride: int, line: HostLine, origin: Origin, counter: Counter, running: Running
) -> Question:
    """The question of a training, about the model that its host has just built, at the size of the host's line."""
    option, rows = freeze_of(running.freeze, model)
    saved = Saved(
        copy="model", epoch=-1, optimizer=False, has_model=True, has_ema=False, dtype="FP16", freeze=rows or (),
        freeze_option=option,
    )  # fmt: skip
    folder = running.save_dir
    subject = Subject(
        "run", f"{folder.name}/weights/best.pt" if folder else "best.pt", str(folder) if folder else None,
        network_name(model, options={}), classes_of(model), origin, model, image_channels(model), stride, None, saved,
    )  # fmt: skip
    return Question(subject, line.size, counter)


def _flops(live: Live, question: Question, imgsz: Size) -> int | None:
    try:
        run = live.trace((1, question.subject.channels, *imgsz))
    except TraceError:
        return None
    return charge(run.records, question.counter.convention).flops


def _scales(live: Live, question: Question, imgsz: Size, share: float) -> Scales | None:
    """The sizes that a host draws for its batches, which are multiples of the stride; None where it draws none.

    Source: train.py of YOLOv5, detect/train.py of ultralytics: that share below and above the image size.
    """
    if not share:
        return None
    step = max(question.subject.stride, 32)
    low, high = (int(max(imgsz) * (1 + part)) for part in (-share, share))
    smallest, largest = max(low, step) // step * step, (high + step - 1) // step * step
    return Scales(
        smallest=(smallest, smallest),
        largest=(largest, largest),
        flops_of_smallest=_flops(live, question, (smallest, smallest)),
        flops_of_largest=_flops(live, question, (largest, largest)),
    )


def known_live(model: nn.Module, root: Module, running: Running) -> Known:
    """What a running training says of its model."""
    option, rows = freeze_of(running.freeze, root)
    return Known(
        "live",
        is_ema=None if running.ema is None else unwrapped(running.ema) is model,
        host=ultralytics.host_of_model(root),
        freeze=rows or () if running.freeze is not None or running.always_frozen else None,
        option=option,
        non_leaf=non_leaf(model),
    )


def non_leaf(model: nn.Module) -> frozenset[str]:
    """Names of the parameters that autograd computed from others; an optimizer refuses those."""
    return frozenset(name for name, parameter in model.named_parameters() if not parameter.is_leaf)


def _unheld(model: nn.Module, held: frozenset[int] | None) -> list[str]:
    if held is None:
        return []
    return [name for name, tensor in model.named_parameters() if tensor.requires_grad and id(tensor) not in held]


def validated_of(
    model: nn.Module, start: Start, question: Question, trained: frozenset[str], *, is_ema: bool
) -> Validated:
    """The record of the first validation in a training.

    ``trained``: names of the parameters that train then. ``is_ema``: whether it validates the running average.
    """
    state = live_state(Live(unwrapped(model)), question)
    known = replace(start.known, is_ema=is_ema, non_leaf=None, thawed=trained)
    return Validated(
        copy="ema" if is_ema else "model",
        fused=fused_state(state.root) == "fused",
        validated=numbers_of(state, question),
        mechanisms=decided(decide(state.root, known)),
    )


def foreseen_after(model: nn.Module, question: Question, form_known: bool) -> State:
    """What is left of a model after its own ``fuse()``, found without weights; the model itself where that fails.

    ``form_known``: whether its host's line can be written; else the state has the numbers alone.
    """
    fused = Live(unwrapped(model))
    if has_fuse(fused.model):
        with suppress(TraceError):  # which was said at the start
            fused = fused.fused()
    subject = question.subject
    line = host_line(
        fused.root, subject.origin.form, question.counter.of_host, subject.stride, question.size, built=True,
        run=fused.trace, fused=fused.is_fused,
    )  # fmt: skip
    state = live_state(fused, question, line)
    if form_known:
        return state
    numbers = numbers_of(state, question)
    counts = f"{numbers.layers:,} layers, {numbers.parameters:,} parameters, {numbers.gradients:,} gradients"
    return replace(state, line=replace(line, text=None, counts=counts))


def is_fused_of(trial: FuseTrial, moments: Sequence[Event], fused: State) -> bool:
    """Whether a fused network can be the one that trains, as its dry run at the start and later changes have it."""
    changed = any(isinstance(each, Changed) and (each.gone or each.new) for each in moments)
    return changed or trial.parameters is None or trial.parameters == fused.summary.parameters


def trained_in(root: Module) -> frozenset[str]:
    """Names of the parameters of a structure that train."""
    return frozenset(name for name, tensor in named_parameters(root) if tensor.requires_grad)


def unheld_of(model: nn.Module, running: Running, names: frozenset[str]) -> frozenset[str]:
    """Those of these parameters that require a gradient and are in no group of the optimizer."""
    return names.intersection(_unheld(model, running.parameters_held))


def changed_of(
    running: Running, live: Live, start: Start, question: Question, before: int, last: Trained,
    replaced: frozenset[str] = frozenset(),
) -> Changed:  # fmt: skip
    """The record of a change in a model while its training goes on.

    ``running``: the state of the training; ``live``: the model that trains, without wrappers, as it is now; ``before``:
    its gradients before the change; ``last``: what trained until then; ``replaced``: names of parameters that are new
    objects, which the optimizer does not hold.
    """
    model, root = live.model, live.root
    now, known = trained_in(root), replace(start.known, non_leaf=non_leaf(model))
    gone, new = modules_apart(last.root, root)
    made = {f"{path}.{name}" for path, module in new for name in module.parameters}
    return Changed(
        epoch=running.epoch,
        training=numbers_of(live_state(live, question), question),
        mechanisms=decided(decide(root, known)),
        gradients_before=before,
        train_now=_switched((now - last.names) & _names(last.root) - made, root),
        train_no_more=_switched((last.names - now) & _names(root) - made, root),
        not_in_optimizer=tuple(
            name
            for name in _unheld(model, running.parameters_held)
            if name in made or name in replaced or name not in last.names
        ),
        gone=part_of(gone),
        new=part_of(new),
        replaced=_switched(replaced - made, root),
    )


def _names(root: Module) -> frozenset[str]:
    """Names of all parameters."""
    return frozenset(name for name, _ in named_parameters(root))


def _switched(names: frozenset[str], root: Module) -> Switched | None:
    """The parameters of these names that the model still has; None for no names."""
    if not names:
        return None
    size = sum(tensor.numel for name, tensor in named_parameters(root) if name in names)
    return Switched(where=_place_of(names, root), tensors=len(names), parameters=size, rows=_rows_of(names, root))


def _rows_of(names: frozenset[str], root: Module) -> tuple[int, ...]:
    """The rows of a network that hold these parameters, in whole or in part; empty for a network without rows."""
    prefix, holder = row_holder(root)
    rows = (f"{prefix}{row}." for row in holder.children) if prefix == "model." else ()
    return tuple(i for i, start in enumerate(rows) if any(name.startswith(start) for name in names))


def _place_of(names: frozenset[str], root: Module) -> str:
    """Parameters in words: their rows if these are whole, else how many and the first."""
    if rows := whole_rows(root, names, frozenset()):
        return row_ranges(rows)
    order = [name for name, _ in named_parameters(root) if name in names]
    return f"{len(names)} tensors (first: {(order or sorted(names))[0]})"


def ended_of(
    report: FuseDiff, trained: frozenset[str], known: Known | None = None, *, earlier_file: bool = False
) -> Ended:
    """The record of the best model after ``fuse()``.

    ``trained``: names of the parameters that trained in the end. ``known``: what is known of the model; None for that
    of a saved file. ``earlier_file``: whether the file of the best model is of an earlier run.
    """
    state, question = report.validation, report.question
    known = replace(known or known_of(question.subject), thawed=trained)
    return Ended(
        host_line=state.line.text,
        printed=report.second_printed,
        validated=numbers_of(state, question),
        mechanisms=decided(decide(state.root, known)),
        outputs=report.outputs,
        earlier_file=earlier_file,
    )


@dataclass(frozen=True, slots=True)
class Trained:
    """What trains from some time on."""

    epoch: int | None
    """The epoch in which it was seen, as the host prints it; None at the start, or if the host does not say."""
    root: Module
    """The model then."""
    names: frozenset[str]
    """Names of the parameters that train."""

    @property
    def when(self) -> str:
        """``epoch 3``."""
        return "a later step" if self.epoch is None else f"epoch {self.epoch}"


def ledger_of(
    question: Question,
    start: Start | None,
    printed: State,
    fused: State,
    history: Sequence[Trained] = (),
    *,
    copy: Literal["file", "model", "ema"] = "file",
    resumed: bool = False,
) -> FuseDiff:
    """The ledger from the line at train start to the line of the fused best model.

    ``history``: what trained at the start, and after each change. ``copy``: what was fused: the model of the finished
    file, the one that trains, or the average of its weights. ``resumed``: whether what is known begins where an
    interrupted training went on, and something else trained before.
    """
    first, there = trained_in(printed.root), _names(printed.root)
    last = history[-1].root if history else printed.root
    history = list(_followed(history, there, first))
    events = list(_events(start, first, history, resumed=resumed)) if start else []
    remaining = history[-1].names if history else first.difference(*(event.names for event in events))
    unfused = printed.root
    if copy == "ema" and question.subject.saved:  # which strip_optimizer() has not finished
        average = replace(question.subject.saved, copy="ema", has_ema=True, epoch=None)
        question = replace(question, subject=replace(question.subject, saved=average))
    if copy != "model" and remaining and not (trained_in(fused.root) & there) - merged_names(fused.root):
        saved = question.subject.saved
        events.append(finished("strip_optimizer()" if saved is not None and saved.stripped else "ModelEMA", remaining))
        unfused, last = with_gradients(unfused, False), with_gradients(last, False)
    elif history:
        unfused = with_frozen(with_gradients(unfused, True), there - remaining)
    gone, new = modules_apart(unfused, last)
    if gone or new:
        why = "Code of the training took modules out, or put others in."
        fusion = difference(last, fused.root)
        change = Change(_remade(printed.root, history), why, gone, new, by_training=True)
        fusion = replace(fusion, changes=(change, *fusion.changes))
    else:
        fusion = difference(unfused, fused.root)
    return explain(question, printed, fused, fusion, tuple(events))


def _remade(root: Module, history: Sequence[Trained]) -> str:
    """The cause of modules that are others than when the line was printed: when code of the training changed them."""
    before = (root, *(each.root for each in history))
    when = [
        "before training" if now is history[0] else f"in {now.when}"
        for was, now in zip(before, history, strict=False)
        if any(modules_apart(was, now.root))
    ]
    return f"modules that code of the training changed {', '.join(dict.fromkeys(when))}"


def _followed(history: Iterable[Trained], there: frozenset[str], names: frozenset[str]) -> Iterator[Trained]:
    """The history of these parameters alone; one that is gone stays as it was. ``names``: which trained before."""
    for each in history:
        names = (each.names & there) | (names - _names(each.root))
        yield replace(each, names=names)


def _events(
    start: Start, first: frozenset[str], history: Sequence[Trained], *, resumed: bool
) -> Iterator[GradientEvent]:
    """What took parameters out of training and put them back, from the host's line to the end of training.

    ``first``: names of the parameters that trained when the line was printed. ``resumed``: as for ``ledger_of``.
    """
    since = " since it was resumed" if resumed else ""
    changes = history[1:]
    for event in gradient_events(start.decisions, start.known, first):
        left = event.names
        for change in changes:
            if back := left & change.names:
                place = _place_of(back, start.state.root)
                cause = f"{event.cause}, lifted in {change.when}"
                came_back = f"trained again from {change.when} on" if resumed else f"did not train before {change.when}"
                yield replace(event, cause=cause, names=back, detail=f"{place} {came_back}", lasts=False)
                left -= back
        if left == event.names:
            yield replace(event, detail=event.detail and event.detail + since, lasts=event.lasts and not resumed)
        elif left:
            detail = f"{_place_of(left, start.state.root)} did not train{since}"
            yield replace(event, names=left, detail=detail, lasts=not resumed)
    before = first & history[0].names if history else first
    for now in history:
        when = "before training" if now is history[0] else f"in {now.when}"
        for names, trains in ((now.names - before, True), (before - now.names, False)):
            if names:
                place = _place_of(names, start.state.root)
                yield GradientEvent(
                    f"requires_grad={trains} {when}",
                    names,
                    "Code of the training set these flags after the line was printed.",
                    f"{place} {_verb(place, trains=trains)} from then on",
                    trains=trains,
                    during_training=now is not history[0],
                )
        before = now.names


def _verb(place: str, *, trains: bool) -> str:
    """What parameters do, in words; ``place``: where they are, one row or several."""
    if place.startswith("row "):
        return "trains" if trains else "does not train"
    return "train" if trains else "do not train"

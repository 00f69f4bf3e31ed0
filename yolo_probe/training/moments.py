"""What a training says of its model at its moments: at the start, at the first validation, and at the end.

Each moment is one value, made from live models that are read and never touched; the words are made elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import nn

from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import Counter
from yolo_probe.errors import TraceError
from yolo_probe.hosts import ultralytics
from yolo_probe.hosts.images import Size, image_channels
from yolo_probe.hosts.subject import Origin, Saved, Subject
from yolo_probe.hosts.summary_line import HostLine, Summary, summarize
from yolo_probe.hosts.target import classes_of, freeze_of, network_name
from yolo_probe.live.live import Live, unwrapped
from yolo_probe.model.freezing import row_ranges, whole_rows, with_gradients
from yolo_probe.model.fusion import difference
from yolo_probe.model.structure import Module, named_parameters, totals_of
from yolo_probe.reports.fuse_diff import FuseDiff, explain
from yolo_probe.reports.gradients import Copy, moving_batch_norms
from yolo_probe.reports.mechanisms import Decision, Known, decide, finished, gradient_events
from yolo_probe.reports.question import Question, State
from yolo_probe.training.host_state import Running


@dataclass(frozen=True, slots=True)
class Start:
    """The model as it will really train."""

    printed: State | None
    """The model when its host printed the line; None where the probe did not see that."""
    training: State
    """The model now, after loading and freezing."""
    imgsz: Size
    """Of the images that it trains on, in pixels."""
    flops: int | None
    """For one image of that size; None where the forward pass cannot be followed."""
    freeze: str
    """The option as it was typed: ``--freeze 10``; empty where there is none."""
    rows: tuple[int, ...]
    """Rows that the option names."""
    frozen: frozenset[str]
    """Names of the parameters that do not train."""
    known: Known
    """What is known of the model beside its flags."""
    decisions: tuple[Decision, ...]
    """Who decided what trains."""
    moving: tuple[str, ...]
    """Paths of the BatchNorms whose weights are frozen and whose running statistics still move."""
    unheld: tuple[str, ...]
    """Names of the parameters that require a gradient and that no optimizer group holds."""
    fused: Summary | None
    """After a dry run of ``fuse()`` as validation does it; None where that fails."""
    merges: int
    """How many BatchNorms ``fuse()`` merges."""
    fuse_fails: str
    """Why it fails, with the module's path."""


def start_of(running: Running, printed: State | None, question: Question) -> Start:
    """The model of that training before its first batch; ``running.model`` must be there."""
    assert running.model is not None
    live = Live(running.model)
    model = unwrapped(running.model)
    training = live_state(live, question)
    imgsz = running.imgsz or (640, 640)
    fused, merges, fails = _dry_fuse(live, question, running.end_to_end)
    inner = live.root if model is running.model else Live(model).root
    option, rows = freeze_of(running.freeze, inner)
    known = known_live(model, inner, running)
    decisions = decide(inner, known)
    return Start(
        printed=printed,
        training=training,
        imgsz=imgsz,
        flops=_flops(live, question, imgsz),
        freeze=option,
        rows=rows or (),
        frozen=frozenset(name for name, tensor in named_parameters(inner) if not tensor.requires_grad),
        known=known,
        decisions=decisions,
        moving=moving_batch_norms(Copy("model", inner, decisions), running.always_frozen),
        unheld=tuple(_unheld(model, running.parameters_held)),
        fused=fused,
        merges=merges,
        fuse_fails=fails,
    )


def run_question(
    model: Module, stride: int, line: HostLine, origin: Origin, counter: Counter, running: Running
) -> Question:
    """The question that a training asks: of the model that its host has just built, at the size of the host's line."""
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


def live_state(live: Live, question: Question, line: HostLine | None = None) -> State:
    """The four numbers of a live model, counted at the question's size."""
    try:
        run = live.trace((1, question.subject.channels, *question.size))
    except TraceError as error:
        run, reason = None, str(error)
    else:
        reason = ""
    summary = summarize(live.root, run, question.counter.convention)
    return State(live.root, run, summary, line or HostLine(None, "", question.size, None, totals_of(live.root), reason))


def _flops(live: Live, question: Question, imgsz: Size) -> int | None:
    try:
        run = live.trace((1, question.subject.channels, *imgsz))
    except TraceError:
        return None
    return charge(run.records, question.counter.convention).flops


def known_live(model: nn.Module, root: Module, running: Running) -> Known:
    """What a training that is going on says of its model."""
    option, rows = freeze_of(running.freeze, root)
    return Known(
        "live",
        is_ema=None if running.ema is None else unwrapped(running.ema) is model,
        is_ultralytics=ultralytics.is_ultralytics(root),
        freeze=rows or () if running.freeze is not None or running.always_frozen else None,
        option=option,
        non_leaf=non_leaf(model),
    )


def non_leaf(model: nn.Module) -> frozenset[str]:
    """Names of the parameters that autograd computed from others, so that no optimizer takes them."""
    return frozenset(name for name, parameter in model.named_parameters() if not parameter.is_leaf)


def _dry_fuse(live: Live, question: Question, end_to_end: bool | None) -> tuple[Summary | None, int, str]:
    try:
        fused = live.fused(end_to_end=end_to_end)
        state = live_state(fused, question)
        return state.summary, len(difference(live.root, fused.root).merges), ""
    except TraceError as error:
        return None, 0, str(error)


def _unheld(model: nn.Module, held: frozenset[int] | None) -> list[str]:
    if held is None:
        return []
    return [name for name, tensor in model.named_parameters() if tensor.requires_grad and id(tensor) not in held]


@dataclass(frozen=True, slots=True)
class Validation:
    """The model that is validated while a training goes on."""

    state: State
    is_ema: bool
    """Whether it is the running average of the weights."""
    is_fused: bool
    training: State
    """The model that trains."""
    decisions: tuple[Decision, ...]
    """Who decided what of it trains."""


@dataclass(frozen=True, slots=True)
class Change:
    """Parameters whose ``requires_grad`` changed while the training went on."""

    epoch: int | None
    """In which it was seen; None where the host does not say."""
    started: frozenset[str]
    """Names of those that train from now on."""
    stopped: frozenset[str]
    """Names of those that no longer train, or are no longer there."""
    before: int
    """Gradients until then."""
    training: State
    """The model now."""
    decisions: tuple[Decision, ...]
    unheld: tuple[str, ...]
    """Names of those that train from now on and that no optimizer group holds."""


def trained_names(model: nn.Module) -> frozenset[str]:
    """Names of the parameters that train."""
    return frozenset(name for name, parameter in model.named_parameters() if parameter.requires_grad)


def change_of(
    running: Running, model: nn.Module, start: Start, question: Question, before: int, names: frozenset[str]
) -> Change:
    """What changed since the parameters of these names trained.

    ``running``: the training, as far as it can be seen; ``model``: the one that trains, not wrapped; ``before``: its
    gradients then.
    """
    live = Live(model)
    now = trained_names(model)
    known = replace(start.known, non_leaf=non_leaf(model))
    unheld = tuple(name for name in _unheld(model, running.parameters_held) if name in now - names)
    state = live_state(live, question)
    return Change(running.epoch, now - names, names - now, before, state, decide(live.root, known), unheld)


def places_of(names: frozenset[str], root: Module) -> str:
    """Parameters in words: the rows where they are whole ones, else how many and the first."""
    if rows := whole_rows(root, names, frozenset()):
        return row_ranges(rows)
    order = [name for name, _ in named_parameters(root) if name in names]
    return f"{len(names)} tensors (first: {(order or sorted(names))[0]})"


def end_of(question: Question, start: Start | None, printed: State, fused: State) -> FuseDiff:
    """The ledger from the line at train start to the line of the fused best model."""
    trained = frozenset(name for name, tensor in named_parameters(printed.root) if tensor.requires_grad)
    events = list(gradient_events(start.decisions, start.known, trained)) if start else []
    left, unfused = trained.difference(*(event.names for event in events)), printed.root
    if left and not fused.summary.gradients:
        saved = question.subject.saved
        events.append(finished("strip_optimizer()" if saved is not None and saved.stripped else "ModelEMA", left))
        unfused = with_gradients(unfused, False)
    return explain(question, printed, fused, difference(unfused, fused.root), tuple(events))

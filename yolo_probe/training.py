"""What a training says of its model at its moments: at the start, at the first validation, and at the end.

Each moment is one value, made from live models that are read and never touched; the words are made elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from torch import nn

from yolo_probe.errors import TraceError
from yolo_probe.fusion import BATCH_NORMS, difference
from yolo_probe.gradients import frozen_rows, row_ranges, with_gradients
from yolo_probe.hosts.running import Running
from yolo_probe.ledger import GradientEvent
from yolo_probe.live import Live, unwrapped
from yolo_probe.report import Counter, FuseDiff, Question, State, explain
from yolo_probe.structure import Module, named_modules, named_parameters, totals_of
from yolo_probe.subject import Origin, Saved, Subject
from yolo_probe.summary import HostLine, Size, Summary, image_channels, summarize
from yolo_probe.target import classes_of


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
    option, rows = _freeze(running.freeze, live.root)
    fused, merges, fails = _dry_fuse(live, question)
    return Start(
        printed=printed,
        training=training,
        imgsz=imgsz,
        flops=_flops(live, question, imgsz),
        freeze=option,
        rows=rows,
        frozen=frozenset(name for name, tensor in named_parameters(live.root) if not tensor.requires_grad),
        moving=tuple(_moving(live.root, running.always_frozen)),
        unheld=tuple(_unheld(model, running.parameters_held)),
        fused=fused,
        merges=merges,
        fuse_fails=fails,
    )


def run_question(
    model: Module, stride: int, line: HostLine, origin: Origin, running: Running, counter: Counter
) -> Question:
    """The question that a training asks: of the model that its host has just built, at the size of the host's line."""
    option, rows = _freeze(running.freeze, model)
    yaml_file = model.attributes.get("yaml_file")
    saved = Saved(
        copy="model", epoch=-1, optimizer=False, has_model=True, has_ema=False, dtype="FP16", freeze=rows,
        freeze_option=option,
    )  # fmt: skip
    folder = running.save_dir
    subject = Subject(
        "run", f"{folder.name}/weights/best.pt" if folder else "best.pt", str(folder) if folder else None,
        PurePath(yaml_file).stem if isinstance(yaml_file, str) else None, classes_of(model),
        origin, model, image_channels(model), stride, None, saved,
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
    return question.counter.convention.flops(run.records)


def _freeze(option: object, root: Module) -> tuple[str, tuple[int, ...]]:
    """The option in words, and its rows."""
    model = root.children.get("model")
    rows = frozen_rows(option, len(model.children) if model else 0) if option is not None else ()
    if not rows:
        return "", ()
    numbers = [option] if isinstance(option, int) else option
    assert isinstance(numbers, list | tuple)
    return f"--freeze {' '.join(map(str, numbers))}", rows


def _dry_fuse(live: Live, question: Question) -> tuple[Summary | None, int, str]:
    try:
        fused = live.fused()
        state = live_state(fused, question)
        return state.summary, len(difference(live.root, fused.root).merges), ""
    except TraceError as error:
        return None, 0, str(error)


def _moving(root: Module, always_frozen: tuple[str, ...]) -> list[str]:
    """BatchNorms whose parameters are frozen; the host moves their statistics unless it names them as frozen."""
    return [
        path
        for path, module in named_modules(root)
        if module.kind in BATCH_NORMS
        and module.parameters
        and not any(tensor.requires_grad for tensor in module.parameters.values())
        and "running_mean" in module.buffers
        and not any(part in path for part in always_frozen)
    ]


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


def end_of(question: Question, start: Start | None, printed: State, fused: State) -> FuseDiff:
    """The ledger from the line at train start to the line of the fused best model."""
    names = {name for name, tensor in named_parameters(printed.root) if tensor.requires_grad}
    events = []
    frozen = frozenset(names) & start.frozen if start else frozenset()
    if frozen:
        option = start.freeze if start and start.freeze else "frozen when training started"
        detail = f"{row_ranges(start.rows)} did not train" if start and start.rows else ""
        why = "These parameters did not train; the line at train start is printed before they are frozen."
        events.append(GradientEvent(option, frozen, why, detail))
    left, unfused = frozenset(names) - frozen, printed.root
    if left and not fused.summary.gradients:
        saved = question.subject.saved
        events.append(_finished(left, stripped=saved is not None and saved.stripped))
        unfused = with_gradients(unfused, False)
    return explain(question, printed, fused, difference(unfused, fused.root), tuple(events))


def _finished(names: frozenset[str], *, stripped: bool) -> GradientEvent:
    """What marked the parameters of the saved model as not trainable."""
    if stripped:
        why = "When training ends, strip_optimizer() marks every parameter of the file as not trainable."
        return GradientEvent("requires_grad=False, set by strip_optimizer()", names, why)
    why = "The EMA copy is an average of the training model's weights; it never trains itself."
    return GradientEvent("requires_grad=False, set by ModelEMA", names, why)

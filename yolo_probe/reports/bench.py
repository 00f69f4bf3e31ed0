"""The report of ``yolo-probe bench``: measured times beside FLOPs, before and after ``fuse()``, and of each row.

In goes a question; each operator of its forward pass runs as torch's own kernel on random tensors, so nothing of the
network's file runs. A network that its host's code has built runs as that code says. FLOPs are those of the counter,
bytes those that operators move if each runs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, SupportsIndex

from yolo_probe.checkpoint.reader import Checkpoint
from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import Convention
from yolo_probe.errors import HostError, TargetError, TraceError, first_words, shown
from yolo_probe.hosts.images import Size, rounded_size
from yolo_probe.hosts.subject import LiveModel, NotFused, Rebuilt, Subject
from yolo_probe.model.activations import BYTES
from yolo_probe.model.fusion import fused_state
from yolo_probe.model.structure import Module, Shape, Tensor, below, named_modules, named_rows
from yolo_probe.model.trace import Trace
from yolo_probe.reports.layers import pass_of
from yolo_probe.reports.line_costs import lines_of, operations_of
from yolo_probe.reports.question import Question
from yolo_probe.reports.timing import SURE, Gain, Timing, gain, timing, timing_of_turns

if TYPE_CHECKING:
    from yolo_probe.live.kernels import Memory, Values
    from yolo_probe.live.stopwatch import Passes, Peak

Bound = Literal["memory", "arithmetic"]
Weights = Literal["random", "the file's", "the model's"]
DEVICES = ("cpu", "cuda")
MOST_SECONDS = 600
"""Time for one measurement, at most."""
NOTICED = 0.01
"""Share of the time from which a row is one that costs more than its FLOPs say."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a network is measured."""

    sizes: tuple[Size, ...] = ((640, 640),)
    """Image sizes in pixels, as they were asked for."""
    batches: tuple[int, ...] = (1,)
    threads: int | None = None
    """Threads on the CPU; None: as many as torch uses."""
    device: str = "cpu"
    half: bool = False
    """Whether values are FP16 instead of FP32."""
    channels_last: bool = False
    compiled: bool = False
    """Whether whole passes run by ``torch.compile``; rows are measured without it."""
    weights: bool = False
    """Whether a checkpoint's weights are read; else they are random."""
    by_row: bool = False
    """Whether the text has every row."""
    seconds: float = 0.5
    """The time that is given to each measurement, at least."""
    channels: int = 3
    """Of the image of a live model; a network has its own."""

    def __post_init__(self) -> None:
        """Refuse a time, a device and numbers that are none. Raises: TargetError."""
        if self.device not in DEVICES:
            raise TargetError(f"bench: found device={shown(self.device)}, expected one of {', '.join(DEVICES)}")
        for name, values in (("batch", self.batches), ("threads", (1 if self.threads is None else self.threads,))):
            if wrong := [value for value in values if not isinstance(value, SupportsIndex) or value.__index__() < 1]:
                raise TargetError(f"bench: found {name}={shown(wrong[0])}, expected a whole number of at least 1")
        if not 0 < self.seconds <= MOST_SECONDS:
            raise TargetError(f"bench: found seconds={self.seconds}, expected more than 0, at most {MOST_SECONDS}")


@dataclass(frozen=True, slots=True)
class Case:
    """A network at one size and batch."""

    size: Size
    batch: int
    unfused: Timing | None
    """None for a network that is fused already, or has no ``fuse()``."""
    fused: Timing
    flops_unfused: int | None
    flops_fused: int
    unmeasured: Mapping[str, int]
    """Operators whose kernels are not known, with their number: the times are without them."""
    joules_unfused: float | None = None
    """Energy of one pass; None where no driver counts it."""
    joules_fused: float | None = None

    @property
    def gain(self) -> Gain | None:
        """What ``fuse()`` saves."""
        return gain(self.unfused, self.fused) if self.unfused else None

    @property
    def rate(self) -> float:
        """FLOPs a second that the fused network reached."""
        return self.flops_fused / self.fused.median


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the fused network, measured inside of whole passes."""

    name: str
    kind: str
    """Its class."""
    timing: Timing
    flops: int
    moved: int
    """Bytes that its operators move if each runs alone."""
    share_of_time: float
    share_of_flops: float
    bound: Bound
    """What limits it: moving its bytes at the measured speed would take longer than its FLOPs, or the reverse."""
    least: float
    """Seconds that the measured peak allows, at the fastest: the roofline."""

    @property
    def seconds(self) -> float:
        """The median of its times."""
        return self.timing.median

    @property
    def intensity(self) -> float:
        """FLOPs for each byte moved."""
        return self.flops / self.moved if self.moved else 0.0


@dataclass(frozen=True, slots=True)
class Bench:
    """What was measured: every case, and the rows of the first one."""

    subject: Subject | LiveModel
    question: Question | None
    """None for a live model."""
    convention: Convention
    """The counter that FLOPs are of."""
    settings: Settings
    machine: str
    threads: int
    peak: Peak
    cases: tuple[Case, ...]
    rows: tuple[Row, ...]
    weights: Weights = "random"
    random: tuple[str, ...] = ()
    """Paths of the modules whose weights are random although those of a file were asked for."""
    no_energy: str = ""
    """Why there is no energy; empty where there is."""
    runs_code: bool = False
    """Whether the code of a host or of a model ran, not its operators alone."""
    not_fused: NotFused | None = None
    """Why only the network before ``fuse()`` is measured; None where both are, or it is fused already."""

    @property
    def ridge(self) -> float:
        """FLOPs for each byte from which arithmetic is the limit of this device, no longer memory."""
        return self.peak.flops / self.peak.bytes

    @property
    def dearer(self) -> tuple[Row, ...]:
        """The rows that take more time than their share of the FLOPs says, beyond their noise, most first."""
        total = sum(row.seconds for row in self.rows)
        excess = {row: row.seconds - row.share_of_flops * total for row in self.rows}
        found = [row for row, more in excess.items() if more > max(SURE * row.timing.noise, NOTICED * total)]
        return tuple(sorted(found, key=lambda row: -excess[row]))


@dataclass(frozen=True, slots=True)
class State:
    """A network before or after ``fuse()``, ready to run."""

    root: Module
    run: Trace
    passes: Passes
    random: tuple[str, ...] = ()
    """As in ``Bench``."""


@dataclass(frozen=True, slots=True)
class States:
    """A network before and after ``fuse()``, or the one of them that there is."""

    ready: tuple[State, ...]
    not_fused: NotFused | None = None
    """As in ``Bench``."""


def states_by_code(found: Iterator[tuple[Module, Trace, Passes, tuple[str, ...]]]) -> States:
    """The states that the code of a model gives, as ``model_passes.states`` does; one where ``fuse()`` breaks it.

    Raises: TraceError where the forward pass before ``fuse()`` cannot be followed.
    """
    first = State(*next(found))
    try:
        return States((first, *(State(*each) for each in found)))
    except TraceError as error:
        return States((first,), NotFused(str(error), has_none=False))


def bench(question: Question, settings: Settings) -> Bench:
    """Measure a network: its operators as torch's own kernels; one that its host's code has built by that code.

    Raises: HostError where torch or the device is missing, TargetError where the forward pass is not known, or an
    option does not fit the network.
    """
    subject, rebuilt = question.subject, question.subject.rebuilt
    question.need_flops()
    _refuse(subject, settings)
    need_torch(settings)
    values = dict(_values(subject)) if settings.weights else None

    def states_of(image: Shape, memory: Memory) -> States:
        if not isinstance(rebuilt, Rebuilt):
            return States(tuple(_operator_states(question, image, memory, values)))
        from yolo_probe.hosts.ultralytics_rebuild import silent
        from yolo_probe.live.model_passes import states

        model: Any = rebuilt.saved  # a Live, as torch is here
        with silent():
            return states_by_code(states(model.model, image, memory, settings.compiled, values))

    sides = tuple(rounded_size(size, subject.stride) for size in settings.sizes)
    convention = question.counter.convention
    found = measured(subject, question, convention, replace(settings, sizes=sides), states_of)
    weights: Weights = "the file's" if settings.weights else "random"
    not_fused = subject.not_fused or found.not_fused
    return replace(found, weights=weights, runs_code=isinstance(rebuilt, Rebuilt), not_fused=not_fused)


def _refuse(subject: Subject, settings: Settings) -> None:
    """Refuse what does not fit the network. Raises: TargetError."""
    if settings.compiled and not isinstance(subject.rebuilt, Rebuilt):
        add = "Add" if subject.path else "Pass its YAML or a checkpoint of it, and add"
        raise TargetError(
            f"{subject.label}: found --compile for operators that run one by one, expected a network of modules",
            f"{add} --source DIR, the folder of the code that builds it; "
            "or call yolo_probe.bench(model, compiled=True).",
        )
    if settings.weights and not isinstance(subject.source, Checkpoint):
        raise TargetError(
            f"{subject.label}: found --weights for a network without weights, expected a checkpoint",
            "Pass the path of a .pt file, or leave --weights out.",
        )


def _values(subject: Subject) -> Iterator[tuple[str, Any]]:
    """The weights of a checkpoint by name."""
    from yolo_probe.checkpoint.weight_statistics import values_of

    source = subject.source
    assert isinstance(source, Checkpoint)
    for path, module in named_modules(subject.root):
        held: Mapping[str, Tensor] = {**module.parameters, **module.buffers}
        for name, tensor in held.items():
            if (found := values_of(source, tensor)) is not None:
                yield below(path, name), found


def _operator_states(question: Question, image: Shape, memory: Memory, values: Values | None) -> Iterator[State]:
    """The states of a network as kernels. ``values``: weights before ``fuse()``; None: they are random."""
    from yolo_probe.live.merged_weights import merged
    from yolo_probe.live.replay import Replay, random_modules

    root = question.subject.root
    fused_already = fused_state(root) == "fused"
    for fused in (True,) if fused_already else (False, True):
        held = values
        if values and fused and not fused_already:
            held = merged(values, question.fusion(root, grad_enabled=False).merges)
        made, run, _ = pass_of(question, image, fused=fused)
        left = () if held is None else random_modules(run, held)
        yield State(made, run, Replay(made, run, memory, held or {}), left)


def need_torch(settings: Settings) -> None:
    """Refuse to measure without torch or the device. Raises: HostError."""
    if find_spec("torch") is None:
        raise HostError("bench: found no torch, expected it: its kernels are what is timed", "pip install torch")
    from yolo_probe.live.stopwatch import has_cuda

    if settings.device == "cuda" and not has_cuda():
        raise HostError(
            "bench: found no CUDA device that torch can use, expected one for --device cuda",
            "Leave --device out to measure on the CPU, or install a torch that was built for CUDA.",
        )


def measured(
    subject: Subject | LiveModel, question: Question | None, convention: Convention, settings: Settings,
    states_of: Callable[[Shape, Memory], States],
) -> Bench:  # fmt: skip
    """Measure the states of a network, one or two, at each size and batch of the settings.

    Raises: HostError where torch cannot run them.
    """
    from yolo_probe.live import stopwatch
    from yolo_probe.live.energy import Meter

    memory = stopwatch.memory_of(settings.device, half=settings.half, channels_last=settings.channels_last)
    threads = settings.threads or stopwatch.default_threads()
    channels = subject.channels if isinstance(subject, Subject) else settings.channels
    cases: list[Case] = []
    rows: tuple[Row, ...] = ()
    random: tuple[str, ...] = ()
    not_fused: NotFused | None = None
    meter = Meter(memory)
    try:
        peak = stopwatch.peak(memory, settings.seconds / 2, threads)
        for size in settings.sizes:
            for batch in settings.batches:
                found = states_of((batch, channels, *size), memory)
                states, not_fused = found.ready, found.not_fused
                case = _case(states, convention, settings, threads, (size, batch))
                joules = [meter.joules(each.passes.run, settings.seconds) for each in states]
                cases.append(replace(case, joules_unfused=joules[-2] if joules[:-1] else None, joules_fused=joules[-1]))
                rows = rows or _rows(states[-1], convention, settings, threads, peak)
                random = random or states[-1].random
    except (RuntimeError, MemoryError) as error:  # of torch: a kernel that the device has not, or no memory left
        raise HostError(
            f"bench: torch cannot run this network on {settings.device}: {first_words(error)}",
            "Choose a smaller --batch or --imgsz, or leave --half and --compile out.",
        ) from None
    machine = stopwatch.machine(settings.device, threads)
    return Bench(
        subject, question, convention, settings, machine, threads, peak, tuple(cases), rows, "the model's", random,
        meter.missing, runs_code=question is None, not_fused=not_fused,
    )  # fmt: skip


def _case(
    states: Sequence[State], convention: Convention, settings: Settings, threads: int, place: tuple[Size, int]
) -> Case:
    from yolo_probe.live.stopwatch import alternated

    *before, after = states
    *slow, fast = map(timing_of_turns, alternated([each.passes.run for each in states], settings.seconds, threads))
    flops = charge(before[0].run.records, convention).flops if before else None
    fused_flops = charge(after.run.records, convention).flops
    return Case(*place, slow[0] if slow else None, fast, flops, fused_flops, after.passes.unmeasured)


def _rows(
    state: State, convention: Convention, settings: Settings, threads: int, peak: Peak
) -> tuple[Row, ...]:  # fmt: skip
    from yolo_probe.live.stopwatch import rows_of

    operations = operations_of(state.root, charge(state.run.records, convention))
    lines = lines_of(state.root, state.run, operations, "row")
    _, row_of = named_rows(state.root)
    times = rows_of(state.passes, row_of, settings.seconds, threads)
    took = {line.name: timing(times.get(line.name, (0.0,))) for line in lines}
    time, flops = sum(each.median for each in took.values()), sum(line.flops or 0 for line in lines)
    size = BYTES // 2 if settings.half else BYTES
    found = []
    for line in lines:
        counted, moved, row = line.flops or 0, line.access.values * size, took[line.name]
        computing, moving = counted / peak.flops, moved / peak.bytes
        bound: Bound = "memory" if moving > computing else "arithmetic"
        shares = row.median / time if time else 0.0, counted / flops if flops else 0.0
        found.append(Row(line.name, line.kind, row, counted, moved, *shares, bound, max(computing, moving)))
    return tuple(found)

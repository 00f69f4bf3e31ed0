"""What a live model is in four numbers, and a dry run of its ``fuse()``: what that leaves, or why it will fail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import nn

from yolo_probe.errors import TraceError
from yolo_probe.hosts.summary_line import HostLine, summarize
from yolo_probe.live.live import Live, has_fuse, unwrapped
from yolo_probe.model.fusion import BATCH_NORMS, difference, modules_apart
from yolo_probe.model.structure import Module, named_modules, named_parameters, totals_of
from yolo_probe.reports.question import Question, State
from yolo_probe.reports.training_record import FuseTrial, Numbers, part_of


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


def numbers_of(state: State, question: Question) -> Numbers:
    """The four numbers of a state as they are recorded."""
    summary = state.summary
    return Numbers(
        layers=question.subject.origin.form.layer_count(summary.layers),
        parameters=summary.parameters,
        gradients=summary.gradients,
        flops=summary.flops,
    )


def saved_of(live: Live, state: State, ema: nn.Module | None, question: Question) -> tuple[Live, State]:
    """The model that a host will save as its best one: the running average, where that is another than what trains.

    Code of a training may have changed a block of its model after its host had copied it for the average.
    """
    if ema is not None:
        average = Live(unwrapped(ema))
        if any(modules_apart(live.root, average.root)):
            return average, live_state(average, question)
    return live, state


def fuse_trial(live: Live, before: State, question: Question, end_to_end: bool | None) -> FuseTrial:
    """A dry run of ``fuse()``, and of the forward pass after it where there is one before it."""
    if not has_fuse(live.model):
        return FuseTrial(merges=0, fails=None)
    try:
        fused = live.fused(end_to_end=end_to_end)
        merges = len(difference(live.root, fused.root).merges)
    except TraceError as error:
        return FuseTrial(merges=0, fails=_failing_fuse(error, live))
    on_values = fused.by_fuse.on_values
    if not fused.by_fuse.returned and not question.subject.origin.own_loop:
        return FuseTrial(merges=merges, fails=_RETURNS_NONE, on_values=on_values)
    after = live_state(fused, question)
    if before.run is not None and (fails := _failing_forward(fused, after, before, question)):
        return FuseTrial(merges=merges, fails=fails, on_values=on_values)
    numbers = numbers_of(after, question)
    return FuseTrial(
        merges=merges, fails=None, layers=numbers.layers, parameters=numbers.parameters, on_values=on_values,
        uncalled=part_of([*_uncalled(before, after, fused)]),
    )  # fmt: skip


def _uncalled(before: State, after: State, fused: Live) -> Iterator[tuple[str, Module]]:
    """The modules with parameters that a forward pass called before ``fuse()``, and that stay and are not called now.

    A BatchNorm may stay where it was merged, and what a block with a fuse() of its own merges, as YOLOv7's heads do.
    """
    if before.run is None or after.run is None:
        return
    called, still = ({record.path for record in run.records} for run in (before.run, after.run))
    lost, modules = called - still, _modules(fused)
    for path, module in named_modules(after.root):
        if path in lost and module.parameters and module.kind not in BATCH_NORMS and not _has_own_fuse(path, modules):
            yield path, module


def _has_own_fuse(path: str, modules: Mapping[str, nn.Module]) -> bool:
    """Whether a module, or one that holds it, has a method that fuses it: ``fuse_repvgg_block``, ``switch_to_deploy``.

    That of the model itself is not meant.
    """
    while path:
        if any("deploy" in name or ("fuse" in name and "forward" not in name) for name in dir(type(modules.get(path)))):
            return True
        path = path.rpartition(".")[0]
    return False


_RETURNS_NONE = "fuse() returns no model, and a host goes on with what it returns. Let it return self"


def _failing_fuse(error: TraceError, live: Live) -> str:
    """Why ``fuse()`` fails: the module and its block with their classes, the host's own error, what to do."""
    path, _, reason = str(error).partition(": fuse() fails there: ")
    if not reason:
        return str(error)
    is_module = _with_class(path, live.root) != path
    remedy = (
        "Let fuse() leave that class out, or give it what it takes" if is_module else "The fault is in fuse() itself"
    )
    return f"fuse() fails at {_place(path, _block_of(path, live), live.root)}: {reason}. {remedy}"


def _failing_forward(fused: Live, after: State, before: State, question: Question) -> str:
    """Why the forward pass of a fused network fails: the module with its class, the host's own error, what to do.

    Empty where it works.
    """
    if after.line.missing:
        return _failing_block(after.line.missing, fused, after.root)
    made = _dtypes(after.root) - _dtypes(before.root)
    if not question.subject.origin.own_loop:
        made -= {"float32"}  # which a host makes of all before it fuses
    if made and before.run:
        try:
            fused.trace_weightless(before.run.input)  # what has given the numbers is float32 in all its parts
        except TraceError as error:
            return _failing_block(str(error), fused, after.root, "Let fuse() keep the dtype of the parameters")
    return ""


def _failing_block(error: str, fused: Live, root: Module, remedy: str = "") -> str:
    """What fails in a fused network: the module, the block whose forward calls it, the error, what to do."""
    path, _, reason = error.partition(": ")
    block = _block_of(path, fused)
    if not remedy:
        remedy = "It uses what fuse() took away or changed: let fuse() leave that"
        if hasattr(_modules(fused).get(block), "forward_fuse"):
            remedy = "What runs then is its forward_fuse(): let that do without what fuse() took away or changed"
    return f"after fuse(), {_place(path, block, root)} fails: {reason}. {remedy}"


def _modules(live: Live) -> Mapping[str, nn.Module]:
    return dict(unwrapped(live.model).named_modules())


def _block_of(path: str, live: Live) -> str:
    """The path of the innermost block that holds a module and is of no class of torch's; empty where there is none."""
    modules, block = _modules(live), path
    while block and type(modules.get(block)).__module__.startswith("torch."):
        block = block.rpartition(".")[0]
    return block


def _place(path: str, block: str, root: Module) -> str:
    """A module and its block, each with its class."""
    place = _with_class(path, root)
    return f"{place} in {_with_class(block, root)}" if block and block != path else place


def _dtypes(root: Module) -> frozenset[str]:
    return frozenset(tensor.dtype for _, tensor in named_parameters(root))


def _with_class(path: str, root: Module) -> str:
    kinds = {name: module.kind.rpartition(".")[2] for name, module in named_modules(root)}
    return f"{path} ({kinds[path]})" if path in kinds else path

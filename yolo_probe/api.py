"""Questions about a live ``nn.Module``: its FLOPs, who set ``requires_grad``, what each layer costs.

In goes a model, which is only read: its own ``forward`` runs on a copy without weights. Out comes a value that prints
as a report, shows as tables in a notebook, and gives its numbers as plain data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from html import escape
from inspect import signature
from numbers import Integral
from os import PathLike, fsdecode
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import torch
from torch import nn

from yolo_probe.counters import comparison
from yolo_probe.counters.charges import charge
from yolo_probe.counters.comparison import Measured, Mode, compare
from yolo_probe.counters.conventions import CONVENTIONS, Convention, choose_counter
from yolo_probe.counters.conventions import Counter as Counting
from yolo_probe.counters.rules_file import read_rules
from yolo_probe.environment import installed_thop
from yolo_probe.errors import CounterError, TargetError, TraceError, shown
from yolo_probe.hosts import ultralytics
from yolo_probe.hosts.images import Size, fitting_image, image_channels, refused
from yolo_probe.hosts.subject import LiveModel, Origin, Rebuilt, Subject
from yolo_probe.hosts.target import classes_of, network_name
from yolo_probe.hosts.yolov5 import identify
from yolo_probe.live.applied_rules import OwnOps
from yolo_probe.live.arguments import Arguments, Inputs
from yolo_probe.live.description import tensors_in
from yolo_probe.live.kernels import Memory
from yolo_probe.live.live import Live, has_fuse, network_of, unwrapped
from yolo_probe.live.model_passes import states
from yolo_probe.live.side_effects import undisturbed
from yolo_probe.live.tensor_lifetimes import observe
from yolo_probe.model.fusion import difference, fused_state
from yolo_probe.model.structure import Module, Shape, count_gradients, packed_weights
from yolo_probe.model.trace import Trace
from yolo_probe.render import bench_picture, notebook, report_page
from yolo_probe.render.gradients import render_rows
from yolo_probe.render.sections import as_json
from yolo_probe.render.text import render
from yolo_probe.reports import flop_count, full_report
from yolo_probe.reports.bench import Bench, Settings, States, measured, need_torch, states_by_code
from yolo_probe.reports.comparison import rows_of as rows_of_comparison
from yolo_probe.reports.diff import Diff, Side
from yolo_probe.reports.diff import diff as diff_of
from yolo_probe.reports.flop_count import count_of
from yolo_probe.reports.full_report import FullReport
from yolo_probe.reports.fuse_diff import FuseDiff, explain
from yolo_probe.reports.gradients import CopyGradients, Fused, OptimizerCheck, Provenance, rows_of
from yolo_probe.reports.info import Info
from yolo_probe.reports.layers import LayerCosts, View, gathered
from yolo_probe.reports.line_costs import By, Sort
from yolo_probe.reports.mechanisms import Known, decide, never_had_batch_norm
from yolo_probe.reports.question import Question
from yolo_probe.reports.stride_scaling import Scaled
from yolo_probe.training.dropin import scaled_of
from yolo_probe.training.host_state import Running
from yolo_probe.training.moments import known_live

if TYPE_CHECKING:
    from yolo_probe.render.sections import Report

Input: TypeAlias = (
    "int | Sequence[int] | Sequence[Sequence[int]] | torch.Tensor | Sequence[object] | Mapping[str, object]"
)
"""The input of a model: 640 (a square image), (height, width), a whole shape, several shapes, a tensor, a list of
arguments, or a dict of arguments by name. Sizes are in pixels; an image has one sample, and as many channels as
the model's forward pass takes. Of a tensor only shape and dtype are used, unless that pass depends on its values."""


class _Shown:
    """A value that prints as its report, and shows as tables in a notebook."""

    __slots__ = ()

    def _shown(self) -> Report:
        raise NotImplementedError

    def __str__(self) -> str:
        return render(self._shown())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return notebook.render(self._shown())

    def as_json(self) -> dict[str, object]:
        """The report as plain data, in the versioned schema of ``--format json``; counts are integers."""
        return dict(as_json(self._shown()))


@dataclass(frozen=True, slots=True, repr=False)
class FlopCount(_Shown, flop_count.FlopCount):
    """The result of ``count_flops``; printed, it is a short table. ``rows()`` is for ``pandas.DataFrame``."""

    def _shown(self) -> FlopCount:
        return self


@dataclass(frozen=True, slots=True, repr=False)
class Comparison(_Shown, comparison.Comparison):
    """The result of ``compare_counters``; printed, it is a short table. ``rows()`` is for ``pandas.DataFrame``."""

    def _shown(self) -> Comparison:
        return self

    def rows(self) -> list[dict[str, object]]:
        """One dict for each counter; None where a tool prints no such figure, or the model has no such mode."""
        return rows_of_comparison(self)


def count_flops(
    model: nn.Module, imgsz: Input = 640, counter: str = "thop", rules: str | PathLike[str] | None = None
) -> FlopCount:
    """The FLOPs of one forward pass in evaluation mode, as one counter counts them: total, by module, by operator.

    ``model`` is any ``nn.Module``. ``imgsz`` is its input: 640 or (height, width) in pixels, a whole shape, a tensor,
    or arguments (see ``Input``). ``counter`` is a name that ``yolo-probe counters`` lists; ``thop`` is the installed
    release of thop. ``rules`` is the path of a file with counting rules of your own, as ``--rules`` takes it; a ``.py``
    file is executed.

    Unit: ``total`` and the sums are in the counter's own unit, MACs or FLOPs; ``flops`` is the total in FLOPs, 1 MAC as
    2. Operators without a rule are in ``uncounted`` and in none of the sums.
    ``torch`` charges ``F.scaled_dot_product_attention`` as its FlopCounterMode does on the meta device; on the CPU that
    mode misses it for contiguous tensors.

    Raises: TargetError where the model is not an ``nn.Module``, CounterError for an unknown counter or an input of
    another form, TraceError where the forward pass cannot be followed, RulesError where the file of rules cannot be
    read or a rule in it fails.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        >>> found = count_flops(model, 64, counter="thop-0.1")  # an image of 3x64x64
        >>> found.by_operator == {"conv2d": 8 * 64 * 64 * 3 * 3 * 3, "batch_norm": 4 * 8 * 64 * 64}
        True
        >>> found.unit, found.total, found.flops
        ('MACs', 1015808, 2031616)
    """
    own = read_rules(fsdecode(rules)) if rules else None
    convention = counting_rules(counter).with_rules(own)
    live = Live(network_of(model, "count_flops"), OwnOps(own) if own else None, every_function=True)
    _, run = followed(imgsz, live)
    charges = charge(run.records, convention)
    return FlopCount(**_fields(count_of(charges, run.input, packed_weights(live.root))))


def compare_counters(
    model: nn.Module,
    imgsz: Input = 640,
    counters: Iterable[str] | None = None,
    rules: str | PathLike[str] | None = None,
) -> Comparison:
    """The figure of each counter for the same forward pass, in three modes: training, evaluation, after ``fuse()``.

    ``model``, ``imgsz`` and ``rules`` are as in ``count_flops``. ``counters`` are the names of those to compare, all by
    default.

    Unit: each figure is in its counter's own unit, MACs or FLOPs, and ``flops`` is the same in FLOPs. A figure is None
    where the model has no such mode: no ``fuse()``, or a training pass that needs more than an image.

    Raises: TargetError where the model is not an ``nn.Module``, CounterError for an unknown counter or an input of
    another form, TraceError where the forward pass cannot be followed, RulesError where the file of rules cannot be
    read or a rule in it fails.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        >>> found = compare_counters(model, 64, ["thop-0.1", "torch"])
        >>> found.counters["thop-0.1"].unfused == 8 * 64 * 64 * 3 * 3 * 3 + 4 * 8 * 64 * 64  # in MACs
        True
        >>> found.counters["torch"].unfused == 2 * 8 * 64 * 64 * 3 * 3 * 3  # in FLOPs, BatchNorm free
        True
        >>> found.counters["torch"].fused is None  # nn.Sequential has no fuse()
        True
    """
    own = read_rules(fsdecode(rules)) if rules else None
    names = CONVENTIONS if counters is None else [counters] if isinstance(counters, str) else counters
    conventions = [counting_rules(name).with_rules(own) for name in names]
    model = network_of(model, "compare_counters")
    live = Live(model, OwnOps(own) if own else None, every_function=True)
    inputs, run = followed(imgsz, live)
    modes: dict[Mode, Measured] = {"unfused": Measured(live.root, run.records)}
    try:
        training = live.in_training()
        modes["train"] = Measured(training.root, training.trace_inputs(inputs).records)
    except TraceError:  # a training pass may need more than an image: targets
        pass
    if callable(getattr(model, "fuse", None)):
        fused = live.fused().with_rules(own) if own else live.fused()
        modes["fused"] = Measured(fused.root, fused.trace_inputs(inputs).records)
    return Comparison(**_fields(compare(modes, conventions, counting_rules("thop").name)))


def _fields(value: flop_count.FlopCount | comparison.Comparison) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in fields(value)}


def counting_rules(name: str) -> Convention:
    """The rules of the counter of that name; for ``thop`` those of the installed release.

    Raises: CounterError for an unknown name.
    """
    if not isinstance(name, str) or (name != "thop" and name not in CONVENTIONS):
        raise CounterError(
            f"found the counter {shown(name)}, expected one that is known", f"one of: {', '.join(CONVENTIONS)}"
        )
    return choose_counter(name, installed_thop()).convention


def followed(given: Input, live: Live) -> tuple[Inputs, Trace]:
    """The arguments of the forward pass, from one of the forms of ``Input``, and that pass.

    Raises: CounterError for a value of another form, TypeError for arguments that the model's forward does not take,
    TraceError where the pass fails, with what was fed.
    """
    sides = _sides(given)
    if _is_shape(sides):
        shape = cast(Shape, sides)
        if len(shape) == 2:
            return fitting_image(live.root, (shape[0], shape[1]), live.trace_weightless, live.trace)
        return _followed(live, shape)
    if sides and all(isinstance(each, list | tuple) and _is_shape(each) for each in sides):
        return _followed(live, Arguments(tuple(torch.empty(cast(Shape, each), device="meta") for each in sides)))
    if not _holds_tensor(given):
        raise CounterError(
            f"found the input {shown(given)}, expected 640, (height, width), a whole shape, a tensor, a list of "
            "arguments, or a dict of them by name"
        )
    return _followed(live, Arguments(named=given) if isinstance(given, Mapping) else Arguments(sides or (given,)))


def _followed(live: Live, inputs: Inputs) -> tuple[Inputs, Trace]:
    """The same arguments with their pass, if the model's forward takes them; Python's own TypeError if not."""
    fed: list[Shape] = []
    if isinstance(inputs, Arguments):
        _bind(live.model, inputs)
        tensors = tensors_in((*inputs.given, *inputs.named.values()))
        fed += [tuple(each.shape) for each in tensors if not each.is_nested]
    else:
        fed.append(inputs)
    try:
        return inputs, live.trace_inputs(inputs)
    except TraceError as error:
        if not fed:
            raise
        raise refused(error, *fed) from error


def _bind(model: nn.Module, inputs: Arguments) -> None:
    """Raise Python's own TypeError, with the function's name, where the model's forward does not take the arguments."""
    try:
        signature(model.forward).bind(*inputs.given, **inputs.named)
    except ValueError:  # of a forward without a signature
        return
    except TypeError as error:
        raise TypeError(f"{type(model).__name__}.forward(): {error}") from None


def _holds_tensor(value: object) -> bool:
    """Whether a value is a tensor or contains one."""
    if isinstance(value, Mapping):
        return any(map(_holds_tensor, value.values()))
    return isinstance(value, torch.Tensor) or (isinstance(value, list | tuple) and any(map(_holds_tensor, value)))


def _is_shape(sides: Sequence[object]) -> bool:
    return bool(sides) and all(type(side) is int and side > 0 for side in sides)


@dataclass(frozen=True, slots=True, repr=False)
class Explanation(_Shown):
    """The result of ``explain_gradients``; printed, it is the text."""

    report: Provenance

    def _shown(self) -> Provenance:
        return self.report

    def __str__(self) -> str:
        return render(self.report) + render_rows(self.report)

    def _repr_html_(self) -> str:
        return f"{notebook.render(self.report)}\n<pre>{escape(render_rows(self.report))}</pre>"


def explain_gradients(model: nn.Module, optimizer: Any = None) -> Explanation:
    """Which parameters of a live model train, row by row, and what set ``requires_grad``.

    ``model`` is any ``nn.Module``; a row is a child of ``model.model``, or of the model itself. ``optimizer``, a torch
    optimizer, is compared with the model: trainable parameters that no group has, frozen ones that a group has, and
    those that groups have twice. Parameters that are not leaves, as ``fuse()`` makes them with autograd on, are named.

    Unit: counts are of single numbers (elements), not of tensors.
    Raises: TargetError where the model is not an ``nn.Module``, or the optimizer has no ``param_groups``.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8))
        >>> model[1].weight.requires_grad = False
        >>> found = explain_gradients(model)
        >>> [row.trainable for row in found.report.rows] == [8 * 3 * 3 * 3, 8]  # of BatchNorm2d the bias alone
        True
    """
    inner = unwrapped(network_of(model, "explain_gradients"))
    live = Live(inner)
    root = live.root
    known = known_live(inner, root, Running())
    copy = CopyGradients("model", root, decide(root, known))
    non_leaf = known.non_leaf or frozenset()
    return Explanation(
        Provenance(
            _live_model(inner, root),
            (copy,),
            "model",
            _fused(live, known),
            _is_fused(root, known),
            rows_of(copy),
            optimizer=None if optimizer is None else check_optimizer(inner, optimizer),
            non_leaf=tuple(name for name, _ in inner.named_parameters() if name in non_leaf),
        )
    )


@dataclass(frozen=True, slots=True, repr=False)
class Layers(_Shown):
    """The result of ``explain_layers``; printed, it is the text."""

    report: LayerCosts

    def _shown(self) -> LayerCosts:
        return self.report


def explain_layers(
    model: nn.Module, imgsz: Input = 640, counter: str = "thop", *, by: By = "row", depth: int | None = None,
    sort: Sort | None = None, top: int | None = None, memory: bool = False, rules: str | PathLike[str] | None = None,
) -> Layers:  # fmt: skip
    """The cost of each row, module, operator or type of a live model, for one forward pass in evaluation mode.

    ``model``, ``imgsz``, ``counter`` and ``rules`` are as in ``count_flops``. The others are the options of
    ``yolo-probe layers``: ``by`` says what a line is (``row``, ``module``, ``operator``, ``type``), ``depth`` how many
    levels of modules are shown (1: the rows), ``sort`` what the lines are sorted by (``flops``, ``parameters``,
    ``bytes``; None: the order in which they run), ``top`` how many lines are shown, the others being added up in one;
    with ``memory`` the text is about memory instead of FLOPs.

    Unit: FLOPs, whatever the counter's own unit; bytes are those of FP32, 4 a value.
    Raises: TargetError where the model is not an ``nn.Module`` or an option has no such value, CounterError for an
    unknown counter or an input of another form, TraceError where the forward pass cannot be followed, RulesError where
    the file of rules cannot be read or a rule in it fails.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        >>> found = explain_layers(model, 64, counter="thop-0.1")
        >>> [line.flops for line in found.report.lines] == [2 * 8 * 64 * 64 * 3 * 3 * 3, 8 * 8 * 64 * 64]
        True
    """
    own = read_rules(fsdecode(rules)) if rules else None
    convention = counting_rules(counter).with_rules(own)
    inner = unwrapped(network_of(model, "explain_layers"))
    live = Live(inner, OwnOps(own) if own else None, every_function=True)
    inputs, run = followed(imgsz, live)
    observed = observe(live, inputs)
    return Layers(
        gathered(
            _live_model(inner, live.root),
            None,
            convention,
            View(by, depth, sort, top, memory),
            live.root,
            replace(run, calls=observed.calls) if observed else run,
            observed.activations if observed else None,
            is_fused=fused_state(live.root) == "fused",
            rules=own,
            scaled=_scaled(inner, run) if counter == "thop" and own is None else None,
        )
    )


@dataclass(frozen=True, slots=True, repr=False)
class Measurement(_Shown):
    """The result of ``bench``; printed, it is the text."""

    report: Bench

    def _shown(self) -> Bench:
        return self.report

    def save(self, path: str | PathLike[str]) -> None:
        """Draw the times and the roofline as a file, SVG if its name ends so, else PNG.

        Raises: PictureError where matplotlib is not installed, TargetError where the file cannot be written.
        """
        bench_picture.draw(self.report, path)


def bench(
    model: nn.Module, imgsz: int | tuple[int, int] = 640, *, batch: int = 1, threads: int | None = None,
    device: str = "cpu", half: bool = False, channels_last: bool = False, compiled: bool = False, seconds: float = 0.5,
) -> Measurement:  # fmt: skip
    """Measure how long a live model takes, before and after its own ``fuse()``, beside its FLOPs.

    Copies of the model run on random images; the model itself does not run. ``compiled``: whether whole passes run by
    ``torch.compile``; rows are measured without it. ``seconds``: the time for each measurement, at least.

    Where ``fuse()`` fails, or the forward pass after it, the model is measured as it is, and the reason is told.

    Raises: TargetError where the model is not an ``nn.Module``, CounterError for a size of another form, HostError
    where it cannot run on the device, TraceError where its forward pass cannot be followed.
    """
    inner = unwrapped(network_of(model, "bench"))
    live = Live(inner, every_function=True)
    size = _size_of(imgsz)
    settings = Settings(
        (size,), (batch,), threads, device, half, channels_last, compiled, seconds=seconds,
        channels=image_channels(live.root),
    )  # fmt: skip
    need_torch(settings)

    def states_of(image: Shape, memory: Memory) -> States:
        return states_by_code(states(inner, image, memory, compiled))

    with undisturbed():
        convention = counting_rules("thop")
        return Measurement(measured(_live_model(inner, live.root), None, convention, settings, states_of))


@dataclass(frozen=True, slots=True, repr=False)
class Difference(_Shown):
    """The result of ``diff``; printed, it is the text."""

    report: Diff

    def _shown(self) -> Diff:
        return self.report


def diff(
    model_a: nn.Module, model_b: nn.Module, imgsz: int | tuple[int, int] = 640, counter: str = "thop"
) -> Difference:
    """Every difference between two live models: layers, parameters, gradients and FLOPs, as ledgers that add up.

    ``model_a`` and ``model_b`` are any ``nn.Module``; a row is a child of ``model.model``, or of the model itself, and
    rows are aligned by their classes. ``imgsz`` is the side of an image, or height and width, in pixels. ``counter`` is
    as in ``count_flops``.

    Unit: FLOPs, whatever the counter's own unit; parameters and gradients are single numbers. Layers are counted as the
    host of the second model does.
    Raises: TargetError where one is not an ``nn.Module``, CounterError for an unknown counter or a size of another
    form, TraceError where a forward pass cannot be followed.

    Example:
        >>> from torch import nn
        >>> wide, narrow = (nn.Sequential(nn.Conv2d(3, n, 3), nn.Conv2d(n, 8, 1)) for n in (16, 4))
        >>> found = diff(wide, narrow, 64).report
        >>> [entry.amount for entry in found.parameters.entries] == [12 * -28, 12 * -8]
        True
        >>> found.parameters.unexplained
        0
    """
    counting_rules(counter)
    size = _size_of(imgsz)
    chosen = choose_counter(counter, installed_thop())
    first, second = (_side(model, name, size, chosen) for model, name in ((model_a, "first"), (model_b, "second")))
    return Difference(diff_of(first, second))


@dataclass(frozen=True, slots=True, repr=False)
class ReportPage(_Shown):
    """The result of ``report``; printed, it is the text, and in a notebook the page."""

    report: FullReport

    def _shown(self) -> Report:
        return self.report.answer

    def _repr_html_(self) -> str:
        return report_page.framed(self.report)

    def as_json(self) -> dict[str, object]:
        """The JSON of every report on the page."""
        return full_report.as_json(self.report)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the page as an ``.html`` file. Raises: TargetError where it cannot be written."""
        report_page.write(self.report, path)


def report(
    model: nn.Module, imgsz: int | tuple[int, int] = 640, counter: str = "thop", *, measured: Measurement | None = None
) -> ReportPage:  # fmt: skip
    """Everything about a live model on one page: its line before and after its own ``fuse()``, and every cause between.

    ``model`` is any ``nn.Module``; one without a ``fuse()`` has one line. ``imgsz`` is the side of an image, or height
    and width, in pixels. ``counter`` is as in ``count_flops``. ``measured``: what ``bench(model)`` gave, which is then
    shown too. ``save("report.html")`` writes the page.

    Unit: FLOPs, whatever the counter's own unit; bytes are those of FP32, 4 a value.
    Raises: TargetError where the model is not an ``nn.Module``, CounterError for an unknown counter or a size of
    another form, TraceError where its forward pass cannot be followed.

    Example:
        >>> from torch import nn
        >>> model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8))
        >>> found = report(model, 64, counter="thop-0.1")
        >>> found.report.answer.state.summary.flops == 2 * 8 * 64 * 64 * 3 * 3 * 3 + 8 * 8 * 64 * 64
        True
        >>> found._repr_html_().startswith("<iframe ")
        True
    """
    counting_rules(counter)
    inner = unwrapped(network_of(model, "report"))
    live = Live(inner)
    root = live.root
    fused = live.fused() if has_fuse(inner) and fused_state(root) != "fused" else None
    subject = Subject(
        "live", type(inner).__name__, None, network_name(root, {}), classes_of(root), _origin(root), root,
        image_channels(root), 32, None, rebuilt=Rebuilt(live, live, fused or live, saved_fused=False),
    )  # fmt: skip
    size = _size_of(imgsz)
    question = Question(subject, size, choose_counter(counter, installed_thop()))
    answer, gradients = _answer(question, live, fused), explain_gradients(inner).report
    found = full_report.report_around(answer, gradients)
    if fused is None:
        reason = f"{subject.label} has no fuse() to come: compare_counters(model) compares the counters."
        found = replace(found, fused_layers=None, counters=None, missing={**found.missing, "counters": reason})
    return ReportPage(replace(found, bench=measured.report if measured else None))


def _answer(question: Question, live: Live, fused: Live | None) -> FuseDiff | Info:
    """What ``fuse()`` changes; of a model that has none, or is fused, its numbers."""
    state = question.state(live.root, question.size, built=True, model=live)
    if fused is None:
        return Info(question, state, fused_state(live.root) == "fused", None, None)
    after = question.state(fused.root, question.size, model=fused, may_fail=True)
    return explain(question, state, after, difference(live.root, fused.root), ())


def _side(model: nn.Module, name: str, size: Size, counter: Counting) -> Side:
    """One side of a diff: a live model as it is."""
    inner = unwrapped(network_of(model, "diff"))
    live = Live(inner, every_function=True)
    root = live.root
    subject = Subject(
        "run", f"the {name} model ({root.kind})", None, network_name(root, {}), classes_of(root), _origin(root), root,
        image_channels(root), 32, None,
    )  # fmt: skip
    question = Question(subject, size, counter)
    return Side(question, question.state(root, built=True, model=live), root, live, is_fused=False)


def _origin(root: Module) -> Origin:
    """The host that a live model is from, as far as its class tells."""
    if ultralytics.is_ultralytics(root):
        return ultralytics.running()
    origin = identify({}, root)
    return replace(origin, evidence=("a model of your own",), of_no_host=False) if origin.of_no_host else origin


def _scaled(model: nn.Module, run: Trace) -> Scaled | None:
    """The FLOPs in the line of ``model_info`` for the image of this pass, if they are not those of the pass."""
    if len(run.input) != 4 or run.input[0] != 1 or run.executed:
        return None
    return scaled_of(model, (run.input[2], run.input[3]))


def _size_of(imgsz: int | tuple[int, int]) -> Size:
    """Height and width, in pixels.

    Raises: CounterError for a value of another form.
    """
    sides = _sides(imgsz)
    if len(sides) != 2 or not _is_shape(sides):
        raise CounterError(f"found the size {shown(imgsz)}, expected 640 or (height, width)", "Sizes are in pixels.")
    return sides[0], sides[1]


def _sides(value: object) -> tuple[Any, ...]:
    """A number twice, as the sides of a square; the parts of a list or tuple; nothing of another value.

    Whole numbers of other libraries, as NumPy's, are Python's own then.
    """
    parts = tuple(value) if isinstance(value, list | tuple) else (value, value)
    numbers = tuple(int(each) if _is_whole(each) else each for each in parts)
    return numbers if isinstance(value, list | tuple) or _is_shape(numbers) else ()


def _is_whole(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _live_model(model: nn.Module, root: Module) -> LiveModel:
    return LiveModel(root.class_path, network_name(root, options={}), classes_of(root), model.training)


def _is_fused(root: Module, known: Known) -> bool:
    return fused_state(root) == "fused" and not never_had_batch_norm(root, known)


def _fused(live: Live, known: Known) -> Fused:
    """The gradients after the model's own ``fuse()``, which is run on copies without weights."""
    if _is_fused(live.root, known):
        return Fused(count_gradients(live.root), count_gradients(live.root))
    try:
        on, off = (count_gradients(live.fused(grad_enabled=grad).root) for grad in (True, False))
    except TraceError as error:
        return Fused(None, None, str(error), error.remedy)
    return Fused(on, off)


def check_optimizer(model: nn.Module, optimizer: Any) -> OptimizerCheck:
    """The differences between the parameters of a model and those that its optimizer has.

    Raises: TargetError where it has no ``param_groups``.
    """
    groups = getattr(optimizer, "param_groups", None)
    if not isinstance(groups, list) or not all(isinstance(group, Mapping) for group in groups):
        raise TargetError(
            f"explain_gradients: found {type(optimizer).__name__} without param_groups, expected a torch optimizer"
        )
    held = Counter(id(parameter) for group in groups for parameter in group.get("params", ()))
    named = list(model.named_parameters())
    return OptimizerCheck(
        groups=len(groups),
        unheld=tuple(name for name, each in named if each.requires_grad and not held[id(each)]),
        frozen=tuple(name for name, each in named if not each.requires_grad and held[id(each)]),
        repeated=tuple(name for name, each in named if held[id(each)] > 1),
        foreign=len(held.keys() - {id(each) for _, each in named}),
    )

"""Layers, parameters, gradients and FLOPs of a structure, and the summary line that each host makes of them.

``Summary.flops`` is the direct count at the asked size. ``host_line`` is what the host itself prints: it counts one
image as large as the model's stride, scales by area, and drops the figure without a word where that run fails.
Source: ``model_info`` in YOLOv5's utils/torch_utils.py; from HEAD of July 2026, the one of ultralytics with
``thop.profile(stride=...)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Literal

from yolo_probe.counters.conventions import Convention, Uncounted
from yolo_probe.errors import TraceError, UnknownModuleError
from yolo_probe.model.structure import (
    LayerCounts,
    Module,
    Shape,
    Totals,
    distinct_modules,
    named_modules,
    named_parameters,
    totals_of,
)
from yolo_probe.model.trace import Trace, trace
from yolo_probe.networks.generations import Generation

Size = tuple[int, int]
"""Height and width of an image in pixels."""


Run = Callable[[Shape], Trace]
"""A forward pass on an image of that shape."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The four numbers of one state of a model."""

    layers: LayerCounts
    parameters: int
    gradients: int
    """Parameters that require a gradient."""
    flops: int | None
    """FLOPs of one image by the rules of one counter; None where the forward pass could not be followed."""


def summarize(root: Module, run: Trace | None, convention: Convention) -> Summary:
    """The four numbers of a structure, and of its forward pass if there is one."""
    flops = None if run is None else convention.flops(run.records)
    totals = totals_of(root)
    return Summary(totals.layers, totals.parameters, totals.gradients, flops)


@dataclass(frozen=True, slots=True)
class LineForm:
    """How one host makes its summary line."""

    layers: Literal["modules", "leaf_modules"]
    """Its definition of a layer."""
    named_after: str = ""
    """The part of the YAML's name that it writes in capitals; empty: the line begins "Model Summary"."""
    unit: Literal["GFLOPs", "GFLOPS"] = "GFLOPs"
    separators: bool = False
    """Whether thousands are separated by commas."""
    channels: Literal["yaml", "first parameter"] = "first parameter"
    """Where it looks up how many channels an image has."""
    writes_anchor_grid: bool = True
    """Whether its ``Detect`` writes into ``anchor_grid``, which fails where that is a buffer."""
    proxies: bool = False
    """Whether it asks thop to extrapolate from small images (needs ultralytics-thop 2.2)."""
    samples: int = 1
    """Images that thop counts then at least: four where a rule of the user's could charge anything."""
    whole_image_too: bool = False
    """Whether it counts the image itself where one as large as the stride fails."""
    marks_fused: bool = False
    """Whether it adds "(fused)" to the name."""
    host: str = "YOLOv5"
    """Its name."""

    def layer_count(self, counts: LayerCounts) -> int:
        """Layers in this host's definition."""
        return counts.modules if self.layers == "modules" else counts.leaf_modules


_V5_0 = LineForm("modules", unit="GFLOPS", channels="yaml", writes_anchor_grid=False)
_V6_0 = LineForm("modules", channels="yaml")
_V6_2 = LineForm("modules", named_after="yolov5")

FORMS: Mapping[Generation, LineForm] = {
    "v5.0": _V5_0,
    "v6.0": _V6_0,
    "v6.1": _V6_0,
    "v6.2": _V6_2,
    "v7.0": _V6_2,
    "head": LineForm("leaf_modules", named_after="yolo", separators=True, proxies=True),
}
"""The line of each generation."""

_ULTRALYTICS = replace(FORMS["head"], writes_anchor_grid=False, marks_fused=True, host="ultralytics")
_SCALED = replace(_ULTRALYTICS, proxies=False, whole_image_too=True)

ULTRALYTICS_FORMS: Sequence[tuple[tuple[int, ...], LineForm]] = (
    ((8, 4, 109), _ULTRALYTICS),
    ((8, 3, 76), _SCALED),
    ((8, 2, 55), replace(_SCALED, layers="modules")),
    ((0,), replace(_SCALED, layers="modules", separators=False)),
)
"""From which release of the ultralytics package on it prints which line of its own models, newest first."""

RELEASE_FORMS: Mapping[str, LineForm] = {
    "5.0.10": replace(_V5_0, unit="GFLOPs"),
    "6.1.9": replace(_V6_0, named_after="yolov5"),
}
"""PyPI releases whose line is not that of their generation."""


@dataclass(frozen=True, slots=True)
class HostLine:
    """A summary line as a host prints it."""

    text: str | None
    """Verbatim; None where its GFLOPs cannot be known."""
    counts: str
    """The part before the GFLOPs."""
    size: Size
    """The image that the GFLOPs are for."""
    gflops: float | None
    """The figure before it is rounded; None where the host leaves it out."""
    totals: Totals
    """What the counts were made of."""
    missing: str = ""
    """Why it is left out."""
    executed: str = ""
    """Why a copy of the model was run, with the module's path; empty where shapes were enough."""
    uncounted: tuple[Uncounted, ...] = ()
    """What the counter has no rule for."""
    uncounted_size: Size = (0, 0)
    """The image that ``uncounted`` is for."""


LONGEST_NAME = 255
"""Characters of a file's name, as file systems have it."""


class MissingGflops(Exception):
    """The host leaves the figure out; the message says why."""


def host_line(
    root: Module,
    form: LineForm,
    convention: Convention,
    stride: int,
    size: Size = (640, 640),
    *,
    built: bool = False,
    run: Run | None = None,
    fused: bool = False,
    totals: Totals | None = None,
) -> HostLine:
    """The line that a host prints for this structure.

    ``stride``: the largest of the model. ``size``: what ``model.info()`` is asked for; training always asks for 640.
    ``built``: a model that the host has just built itself, so that its buffers are as its code expects. ``run``: its
    forward pass; else that of the structure. ``fused``: whether the model itself says that it is, as those of the
    ultralytics package do. ``totals``: of the structure, where they are known.
    """
    totals = totals or totals_of(root)
    numbers = [form.layer_count(totals.layers), totals.parameters, totals.gradients]
    layers, parameters, gradients = (f"{n:,}" if form.separators else str(n) for n in numbers)
    title = f"{_title(root, form)}{' (fused)' if fused else ''}"
    counted = f"{title}: {layers} layers, {parameters} parameters, {gradients} gradients"
    passes: list[Trace] = []

    def observed(image: Shape) -> Trace:
        passes.append(run(image) if run else trace(root, image))
        return passes[-1]

    try:
        gflops = host_gflops(root, form, convention, stride, size, built=built, run=observed)
    except UnknownModuleError:
        return HostLine(None, counted, size, None, totals)
    except MissingGflops as missing:
        return HostLine(counted, counted, size, None, totals, str(missing))
    last = passes[-1]
    left_out = convention.uncounted(last.records)
    if left_out and not last.executed:
        with suppress(TraceError):  # the asked size need not be a multiple of the stride
            last = observed((*last.input[:2], *size))
            left_out = convention.uncounted(last.records)
    height, width = last.input[2:]
    line = f"{counted}, {gflops:.1f} {form.unit}"
    return HostLine(line, counted, size, gflops, totals, "", last.executed, left_out, (height, width))


def _title(root: Module, form: LineForm) -> str:
    if not form.named_after:
        return "Model Summary"
    yaml_file = root.attributes.get("yaml_file")
    if not yaml_file and form.named_after == "yolo" and isinstance(yaml := root.attributes.get("yaml"), Mapping):
        yaml_file = yaml.get("yaml_file")
    stem = PurePath(yaml_file).stem[:LONGEST_NAME] if isinstance(yaml_file, str) else ""
    return f"{stem.replace(form.named_after, form.named_after.replace('yolo', 'YOLO')) or 'Model'} summary"


def host_gflops(
    root: Module, form: LineForm, convention: Convention, stride: int, size: Size, *, built: bool, run: Run
) -> float:
    """The GFLOPs that a host computes, as the floating-point number that it formats.

    Raises: MissingGflops where the host's counting run fails, which it hides; UnknownModuleError where it cannot be
    followed.
    """
    if form.proxies and convention.name != "ultralytics-thop-2.2":
        caller = "YOLOv5 HEAD" if form.host == "YOLOv5" else form.host
        raise MissingGflops(f"{caller} calls thop.profile(stride=...), which {convention.title} does not know")
    channels = _host_channels(root, form)
    cell = max(stride, 32)
    try:
        if form.writes_anchor_grid and not built:
            _check_anchor_grid(root, channels, cell, run)
        if form.proxies:
            return _extrapolated(root, channels, cell, size, convention, run, form.samples) / 1e9 * 2
        try:
            macs = _count(run, channels, (cell, cell), convention) / 1e9 * 2
        except TraceError:
            if not form.whole_image_too:
                raise
            return _count(run, channels, size, convention) / 1e9 * 2
    except UnknownModuleError:
        raise
    except TraceError as error:
        raise MissingGflops(f"the counting run of {form.host} fails at {error}") from None
    # the order of these floating-point operations is the host's
    return macs * size[0] / cell * size[1] / cell


def _count(run: Run, channels: int, size: Size, convention: Convention) -> int:
    return convention.total(run((1, channels, *size)).records)


TERMS: Mapping[str, int] = {
    "multi_head_attention": 4, "linear": 2, "adaptive_avg_pool2d": 2, "adaptive_max_pool2d": 2,
}  # fmt: skip
"""Samples that a module of each operator asks for, also where its class is a subclass of torch's."""


def _counts(run: Run, channels: int, size: Size, convention: Convention) -> tuple[int, int]:
    """The count of one image, and how many samples its operators ask for: four with functions of a module's own."""
    records = run((1, channels, *size)).records
    counts = [convention.count(record) or 0 for record in records]
    if any(count and record.functional for count, record in zip(counts, records, strict=True)):
        return sum(counts), 4
    operators = {each.operator for each in records if not each.functional}
    return sum(counts), max((TERMS.get(operator, 1) for operator in operators), default=1)


def _host_channels(root: Module, form: LineForm) -> int:
    if form.channels == "yaml":
        yaml = root.attributes.get("yaml")
        if not isinstance(yaml, Mapping):
            raise MissingGflops(f"{form.host} looks for the image's channels in model.yaml, which is not there")
        channels = yaml.get("ch", 3)
        return channels if isinstance(channels, int) else 3
    _, first = next(named_parameters(root), ("", None))
    if first is None or len(first.shape) < 2:
        raise MissingGflops(f"{form.host} takes the image's channels from the first parameter, which has none")
    return first.shape[1]


def _check_anchor_grid(root: Module, channels: int, cell: int, run: Run) -> None:
    """From v6.0 Detect assigns a grid of one level to ``anchor_grid[i]``: too large for a buffer of 1x1 grids."""
    for _, module in named_modules(root):
        if module.kind in ("Detect", "Segment") and "anchor_grid" in module.buffers:
            levels = run((1, channels, cell, cell)).output
            if isinstance(levels, list) and any(level[2:4] != (1, 1) for level in levels):
                raise MissingGflops(
                    f"the counting run of YOLOv5 fails in this file's {module.kind} (anchor_grid is a buffer)"
                )


FIXED_COST = frozenset(
    {"nn.Linear", "nn.NonDynamicallyQuantizableLinear", "nn.AdaptiveAvgPool2d", "nn.AdaptiveMaxPool2d"}
)
"""Modules whose cost does not grow with the image."""


def _extrapolated(
    root: Module, channels: int, cell: int, size: Size, convention: Convention, run: Run, least_samples: int
) -> int:
    """MACs as thop.profile(stride=cell, min_cells=...) of ultralytics-thop 2.2 finds them.

    Images of one row of cells are counted, each a cell wider, as many as the cost may have terms (one if it is
    proportional to the area, two with a fixed part, four to prove a square), and continued by Newton's forward
    differences; where a square does not fit, or the image is small, the image itself is counted.
    """
    modules = distinct_modules(root)
    kinds = {module.kind for module in modules}
    samples = max(least_samples, 4 if "nn.MultiheadAttention" in kinds else 2 if kinds & FIXED_COST else 1)
    least = 1
    if any(kind.endswith(DECODER) for kind in kinds):
        least = max(_least_cells(module) for module in modules if module.kind.endswith(DECODER))
    cells = (size[0] // cell) * (size[1] // cell)
    planned = samples * least + samples * (samples - 1) // 2
    counts: list[int] = []
    if size[0] % cell == size[1] % cell == 0 and 4 * planned <= cells:
        try:
            while len(counts) < samples:
                count, needed = _counts(run, channels, (cell, cell * (least + len(counts))), convention)
                counts.append(count)
                samples = max(samples, needed)
        except UnknownModuleError:
            raise
        except TraceError:
            counts = []
    if counts and (len(counts) < 4 or counts[3] - 3 * counts[2] + 3 * counts[1] - counts[0] == 0):
        return _continued(counts, least, cells)
    return _count(run, channels, size, convention)


DECODER = ".RTDETRDecoder"
"""Name of the class that chooses a fixed number of queries."""


def _least_cells(module: Module) -> int:
    """Cells from which on an RT-DETR decoder's cost is regular: it must have all its queries to choose from."""
    queries, levels = module.attributes.get("num_queries"), module.attributes.get("nl")
    assert isinstance(queries, int)
    assert isinstance(levels, int)
    return -(-queries * 3 // (int(4**levels) - 1))


def _continued(counts: Sequence[int], first: int, cells: int) -> int:
    """Value at ``cells`` of a sequence that begins at ``first``, by its first and second differences."""
    steps = cells - first
    slope = counts[1] - counts[0] if len(counts) > 1 else counts[0] // first
    bend = counts[2] - 2 * counts[1] + counts[0] if len(counts) > 2 else 0
    return counts[0] + steps * slope + steps * (steps - 1) // 2 * bend


def image_channels(root: Module) -> int:
    """Number of channels of an image for this model: ``yaml['ch']``, else what its first convolution takes."""
    yaml = root.attributes.get("yaml")
    if isinstance(yaml, Mapping) and isinstance(channels := yaml.get("ch"), int):
        return channels
    rows = root.children.get("model")
    first = next(iter(rows.children.values()), None) if rows else None
    share = 4 if first is not None and first.kind == "Focus" else 1
    for _, module in named_modules(root):
        channels = module.attributes.get("in_channels")
        if module.kind == "nn.Conv2d" and isinstance(channels, int):
            return max(channels // share, 1)
    return 3


def head_stride(root: Module) -> int:
    """The largest stride of a model, found as YOLOv5 does when it builds one: 256 / width of the coarsest level.

    Raises: TraceError where the pass fails.
    """
    side = 256
    levels = trace(root, (1, image_channels(root), side, side)).output
    if not isinstance(levels, list):
        return 32
    return int(max((side / level[3] for level in levels), default=32))


def rounded_size(size: Size, stride: int) -> Size:
    """Height and width rounded up to multiples of the stride, which counts as 32 at least, as in YOLOv5."""
    stride = max(stride, 32)
    return -(-size[0] // stride) * stride, -(-size[1] // stride) * stride

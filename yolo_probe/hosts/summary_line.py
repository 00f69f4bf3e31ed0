"""Layers, parameters, gradients and FLOPs of a structure, and the summary line that each host prints.

``Summary.flops`` is counted directly at the asked size. ``host_line`` is what the host itself prints: it counts one
image as large as the model's stride, multiplies by the area, and leaves the figure out where that run fails.
v1.0 counts 480x640, and v2.0 to v3.1 count 64x64 a hundred times, whatever the stride.
Source: ``model_info`` in YOLOv5's utils/torch_utils.py; from HEAD of July 2026, the one of ultralytics with
``thop.profile(stride=...)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isqrt
from pathlib import PurePath
from typing import Literal

from yolo_probe.counters.charges import Uncounted, charge
from yolo_probe.counters.conventions import Convention
from yolo_probe.errors import TraceError, UnknownModuleError, shown
from yolo_probe.hosts.extrapolation import Count, CountedPass, count_image, extrapolated
from yolo_probe.hosts.host import ULTRALYTICS, YOLOV5, Host
from yolo_probe.hosts.images import Run, Size
from yolo_probe.model.structure import (
    LayerCounts,
    Module,
    Shape,
    Totals,
    named_modules,
    named_parameters,
    totals_of,
)
from yolo_probe.model.trace import Trace, trace
from yolo_probe.networks.generations import Generation


@dataclass(frozen=True, slots=True)
class Summary:
    """The four numbers of one state of a model."""

    layers: LayerCounts
    parameters: int
    gradients: int
    """Parameters with ``requires_grad``."""
    flops: int | None
    """FLOPs of one image by the rules of one counter; None where the forward pass could not be followed."""


def summarize(root: Module, run: Trace | None, convention: Convention) -> Summary:
    """The four numbers of a structure; ``flops`` is None without a forward pass ``run``."""
    flops = None if run is None else charge(run.records, convention).flops
    totals = totals_of(root)
    return Summary(totals.layers, totals.parameters, totals.gradients, flops)


LayerDefinition = Literal["modules", "leaf_modules", "parameter_tensors"]
"""What a host counts as a layer; the names are those of ``LayerCounts``."""


@dataclass(frozen=True, slots=True)
class LineForm:
    """The form of one host's summary line, and how it finds the numbers."""

    layers: LayerDefinition
    """Its definition of a layer."""
    named_after: str = ""
    """The part of the YAML's name that it writes in capitals; empty: the line begins "Model Summary"."""
    written: str = ""
    """What it writes for that part instead."""
    unit: Literal["GFLOPs", "GFLOPS"] = "GFLOPs"
    separators: bool = False
    """Whether thousands are separated by commas."""
    channels: Literal["yaml", "first parameter", "always 3"] = "first parameter"
    """Where it finds the number of an image's channels."""
    shortens: bool = False
    """Whether it writes numbers with six digits at most: ``7.46816e+06``."""
    image: Size | None = None
    """The image that it counts, whatever the stride and the size that it is asked for; None: one of the stride."""
    images: int = 1
    """By how much it multiplies the count of that image."""
    writes_anchor_grid: bool = True
    """Whether its ``Detect`` assigns to ``anchor_grid``, which fails where that is a buffer."""
    proxies: bool = False
    """Whether it asks thop to extrapolate from small images (needs ultralytics-thop 2.2)."""
    samples: int = 1
    """How many small images thop counts at least when it extrapolates: four with rules of the user's."""
    whole_image_too: bool = False
    """Whether it counts the image itself where the one as large as the stride fails."""
    marks_fused: bool = False
    """Whether it adds "(fused)" to the name."""
    host: Host = YOLOV5
    """The host that prints it."""
    smallest_image: int = 32
    """Least side of the image that it counts, in pixels; else that is the model's largest stride."""
    copies: bool = True
    """Whether it counts a copy of the model, and has no figure where that cannot be made."""
    fed: Literal["float32", "cpu_float32", "of_model"] = "float32"
    """The type of the image that it counts, and where that is if not where the model is."""
    looks_into: Literal["none", "parallel", "all"] = "none"
    """Which wrappers of a model it takes off before it counts: those of torch's parallel training, or any."""
    takes_tuple: bool = False
    """Whether a size may be a tuple; else it has no figure then."""

    @property
    def takes_size(self) -> bool:
        """Whether its ``model.info()`` takes the size of an image: since v4.0."""
        return self.image is None

    def layer_count(self, counts: LayerCounts) -> int:
        """Layers in this host's definition."""
        return int(getattr(counts, self.layers))

    def number(self, value: int) -> str:
        """A number as this host writes it."""
        return f"{value:,}" if self.separators else f"{value:g}" if self.shortens else str(value)

    def size(self, asked: Size) -> Size:
        """The image that its GFLOPs are for."""
        if self.image is None:
            return asked
        height, width = self.image
        return height * isqrt(self.images), width * isqrt(self.images)


_V2_0 = LineForm(
    "parameter_tensors", unit="GFLOPS", channels="always 3", writes_anchor_grid=False, shortens=True, image=(64, 64),
    images=100, fed="cpu_float32",
)  # fmt: skip
_V5_0 = LineForm("modules", unit="GFLOPS", channels="yaml", writes_anchor_grid=False)
_V6_0 = LineForm("modules", channels="yaml")
_V6_2 = LineForm("modules", named_after="yolov5")

FORMS: Mapping[Generation, LineForm] = {
    "v1.0": replace(_V2_0, image=(480, 640), images=1, copies=False),
    "v2.0": _V2_0,
    "v3.0": _V2_0,
    "v3.1": _V2_0,
    "v4.0": replace(_V5_0, smallest_image=1),
    "v5.0": _V5_0,
    "v6.0": _V6_0,
    "v6.1": _V6_0,
    "v6.2": _V6_2,
    "v7.0": _V6_2,
    "head": LineForm(
        "leaf_modules", named_after="yolo", separators=True, proxies=True, copies=False, fed="of_model",
        looks_into="all", takes_tuple=True,
    ),
}  # fmt: skip
"""The line of each generation."""

_ULTRALYTICS = replace(FORMS["head"], writes_anchor_grid=False, marks_fused=True, host=ULTRALYTICS)
_SCALED = replace(
    _ULTRALYTICS, proxies=False, whole_image_too=True, copies=True, fed="float32", looks_into="parallel",
    takes_tuple=False,
)  # fmt: skip

ULTRALYTICS_FORMS: Sequence[tuple[tuple[int, ...], LineForm]] = (
    ((8, 4, 109), _ULTRALYTICS),
    ((8, 3, 76), _SCALED),
    ((8, 2, 55), replace(_SCALED, layers="modules")),
    ((0,), replace(_SCALED, layers="modules", separators=False)),
)
"""The first release of the ultralytics package that prints each form of line, the newest first."""

RELEASE_FORMS: Mapping[str, LineForm] = {
    "5.0.10": replace(_V5_0, unit="GFLOPs"),
    "6.1.9": replace(_V6_0, named_after="yolov5"),
}
"""PyPI releases of YOLOv5 whose line has another form than their generation's."""


@dataclass(frozen=True, slots=True)
class HostLine:
    """A summary line as a host prints it."""

    text: str | None
    """The line exactly; None where its GFLOPs cannot be known."""
    counts: str
    """The part before the GFLOPs."""
    size: Size
    """The image that the GFLOPs are for."""
    gflops: float | None
    """The figure before it is rounded; None where the host leaves it out."""
    totals: Totals
    """The numbers of layers, parameters and gradients."""
    missing: str = ""
    """Why the host leaves the figure out."""
    unknown: str = ""
    """Why the figure cannot be known, with the module's path."""
    executed: str = ""
    """Why a copy of the model was run, with the module's path; empty where shapes were enough."""
    uncounted: tuple[Uncounted, ...] = ()
    """Operators that the counter has no rule for."""
    uncounted_size: Size = (0, 0)
    """The image that ``uncounted`` is for."""
    small_images: tuple[Trace, ...] = ()
    """The passes of smaller images from which the figure was found; empty where the image itself was counted."""


EARLIER_STRIDES = ("ultralytics-thop-2.1.2", "ultralytics-thop-2.1.3")
"""Counters whose ``thop.profile(stride=...)`` is another than that of 2.2."""

MAX_FILE_NAME = 255
"""Most characters of a file's name, as in file systems."""


class MissingGflops(Exception):
    """The host leaves the figure out; the message says why."""


def host_line(
    root: Module,
    form: LineForm,
    convention: Convention,
    stride: int | None,
    size: Size = (640, 640),
    *,
    built: bool = False,
    run: Run | None = None,
    fused: bool = False,
    totals: Totals | None = None,
) -> HostLine:
    """The line that a host prints for this structure.

    ``stride``: the model's largest; None where it has one that hosts cannot read. ``size``: the argument of
    ``model.info()``; training always passes 640. ``built``: whether the host has just built the model, so that its
    buffers are as its code expects. ``run``: its forward pass, else that of the structure. ``fused``: whether the model
    itself says that it is fused, as those of the ultralytics package can. ``totals``: of the structure, if they are
    known already.
    """
    totals = totals or totals_of(root)
    numbers = [form.layer_count(totals.layers), totals.parameters, totals.gradients]
    layers, parameters, gradients = map(form.number, numbers)
    size = form.size(size)
    title = f"{_title(root, form)}{' (fused)' if fused else ''}"
    counted = f"{title}: {layers} layers, {parameters} parameters, {gradients} gradients"
    passes: list[CountedPass] = []

    def count(image: Shape) -> CountedPass:
        done = run(image) if run else trace(root, image)
        passes.append(CountedPass(done, charge(done.records, convention)))
        return passes[-1]

    try:
        gflops = host_gflops(root, form, convention, stride, size, built=built, count=count)
    except UnknownModuleError as error:
        return HostLine(None, counted, size, None, totals, unknown=str(error))
    except MissingGflops as missing:
        return HostLine(counted, counted, size, None, totals, str(missing))
    last, charges = passes[-1]
    counts_itself = last.input[2:] == size
    small_images = () if counts_itself else tuple({each.trace.input: each.trace for each in passes}.values())
    if charges.uncounted and not last.executed:
        with suppress(TraceError):  # the asked size need not be a multiple of the stride
            last, charges = count((*last.input[:2], *size))
    height, width = last.input[2:]
    line = f"{counted}, {gflops:.1f} {form.unit}"
    return HostLine(
        line, counted, size, gflops, totals, executed=last.executed, uncounted=charges.uncounted,
        uncounted_size=(height, width), small_images=small_images,
    )  # fmt: skip


def _title(root: Module, form: LineForm) -> str:
    if not form.named_after:
        return "Model Summary"
    yaml_file = root.attributes.get("yaml_file")
    if not yaml_file and form.named_after == "yolo" and isinstance(yaml := root.attributes.get("yaml"), Mapping):
        yaml_file = yaml.get("yaml_file")
    stem = PurePath(yaml_file).stem[:MAX_FILE_NAME] if isinstance(yaml_file, str) else "Model"
    written = form.written or form.named_after.replace("yolo", "YOLO")
    name = stem.replace(form.named_after, written)
    return f"{name or ('Model' if form.named_after == 'yolo' else '')} summary"


def host_gflops(
    root: Module, form: LineForm, convention: Convention, stride: int | None, size: Size, *, built: bool, count: Count
) -> float:
    """The GFLOPs that a host computes, as the floating-point number that it formats.

    Raises: MissingGflops where the host's counting run fails, which the host does not report; UnknownModuleError where
    that run cannot be followed.
    """
    if form.proxies and convention.name in EARLIER_STRIDES:
        raise UnknownModuleError(f"as {convention.title} does with thop.profile(stride=...)")
    if form.proxies and convention.name != "ultralytics-thop-2.2":
        raise MissingGflops(
            f"{form.host.newest} calls thop.profile(stride=...), which {convention.title} does not know"
        )
    if form.image:
        return _of_one_image(form, count)
    channels = _host_channels(root, form)
    try:
        try:
            return _of_strides(root, form, stride, size, channels, built=built, count=count)
        except TraceError:
            if not form.whole_image_too:
                raise
            return count_image(count, channels, size) / 1e9 * 2
    except UnknownModuleError:
        raise
    except TraceError as error:
        raise MissingGflops(f"the counting run of {form.host.name} fails at {error}") from None


def _of_strides(
    root: Module, form: LineForm, stride: int | None, size: Size, channels: int, *, built: bool, count: Count
) -> float:
    """The GFLOPs of a host that counts images as large as the model's stride. Raises: TraceError where that fails."""
    if stride is None:
        raise TraceError("model.stride, which is no tensor")
    cell = max(stride, form.smallest_image)
    if form.writes_anchor_grid and not built:
        _check_anchor_grid(root, channels, cell, count)
    if form.proxies:
        return extrapolated(root, channels, cell, size, count, form.samples) / 1e9 * 2
    macs = count_image(count, channels, (cell, cell)) / 1e9 * 2
    # the order of these floating-point operations is the host's
    return macs * size[0] / cell * size[1] / cell


def _of_one_image(form: LineForm, count: Count) -> float:
    """The GFLOPs of a host that counts the same image of every network. Raises: as ``host_gflops``."""
    assert form.image
    try:
        return count_image(count, 3, form.image) / 1e9 * 2 * form.images
    except UnknownModuleError:
        raise
    except TraceError as error:
        raise MissingGflops(f"the counting run of {form.host.name} fails at {error}") from None


def _host_channels(root: Module, form: LineForm) -> int:
    if form.channels == "yaml":
        yaml = root.attributes.get("yaml")
        if not isinstance(yaml, Mapping):
            raise MissingGflops(f"{form.host.name} looks for the image's channels in model.yaml, which is not there")
        channels = yaml.get("ch", 3)
        if not isinstance(channels, int):
            raise MissingGflops(f"{form.host.name} takes the image's channels from model.yaml, found {shown(channels)}")
        return channels
    _, first = next(named_parameters(root), ("", None))
    if first is None or len(first.shape) < 2:
        raise MissingGflops(f"{form.host.name} takes the image's channels from the first parameter, which has none")
    return first.shape[1]


def _check_anchor_grid(root: Module, channels: int, cell: int, count: Count) -> None:
    """Raise MissingGflops where ``anchor_grid`` is a buffer of 1x1 grids: since v6.0 Detect assigns larger ones."""
    for _, module in named_modules(root):
        if module.kind in ("Detect", "Segment") and "anchor_grid" in module.buffers:
            levels = count((1, channels, cell, cell)).trace.output
            if isinstance(levels, list) and any(level[2:4] != (1, 1) for level in levels):
                raise MissingGflops(
                    f"the counting run of YOLOv5 fails in this file's {module.kind} (anchor_grid is a buffer)"
                )

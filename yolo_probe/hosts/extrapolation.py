"""MACs of an image computed from small ones, as ``thop.profile(stride=...)`` of ultralytics-thop 2.2 does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from yolo_probe.counters.charges import Charges
from yolo_probe.counters.conventions import Convention
from yolo_probe.errors import TraceError, UnknownModuleError
from yolo_probe.hosts.images import Size
from yolo_probe.model.structure import Module, Shape, distinct_modules, is_torch_or_yolov5, kind_of
from yolo_probe.model.trace import Trace


class CountedPass(NamedTuple):
    """A forward pass, and what the host's counter charges for it."""

    trace: Trace
    charges: Charges


Count = Callable[[Shape], CountedPass]
"""A counted forward pass on an image of that shape."""

FIXED_COST = frozenset(
    {"nn.Linear", "nn.NonDynamicallyQuantizableLinear", "nn.AdaptiveAvgPool2d", "nn.AdaptiveMaxPool2d"}
)
"""Kinds of modules whose cost does not grow with the image."""


def extrapolated(root: Module, channels: int, cell: int, size: Size, count: Count, least_samples: int) -> int:
    """MACs as thop.profile(stride=cell, min_cells=...) of ultralytics-thop 2.2 finds them.

    It counts a few images one cell high, each one cell wider than the last: one if the cost is proportional to the
    area, two if a part is fixed, four to test that a part grows with the square of the area. Newton's forward
    differences give the value for the whole image. Where the test fails, or the image is small, it counts the image
    itself. ``cell``: side of a cell in pixels. ``least_samples``: how many images it counts at least.
    """
    modules = distinct_modules(root)
    kinds = {kind_of(class_path) for class_path in {module.class_path for module in modules}}
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
                total, needed = _total(count, channels, (cell, cell * (least + len(counts))))
                counts.append(total)
                samples = max(samples, needed)
        except UnknownModuleError:
            raise
        except TraceError:
            counts = []
    if counts and (len(counts) < 4 or counts[3] - 3 * counts[2] + 3 * counts[1] - counts[0] == 0):
        return continued(counts, least, cells)
    return count_image(count, channels, size)


def count_image(count: Count, channels: int, size: Size) -> int:
    """The count of one image of that height and width, in the counter's unit."""
    return count((1, channels, *size)).charges.total


SAMPLES_OF_OPERATOR: Mapping[str, int] = {
    "multi_head_attention": 4, "linear": 2, "adaptive_avg_pool2d": 2, "adaptive_max_pool2d": 2,
}  # fmt: skip
"""How many images are needed for each operator, also where its module is of a subclass of torch's."""


def _total(count: Count, channels: int, size: Size) -> tuple[int, int]:
    """The count of one image, and how many images its operators need: four with functions that modules call."""
    charges = count((1, channels, *size)).charges
    if any(amount and record.functional for record, amount in charges):
        return charges.total, 4
    operators = {each.operator for each in charges.records if not each.functional}
    return charges.total, max((SAMPLES_OF_OPERATOR.get(operator, 1) for operator in operators), default=1)


def is_proportional(root: Module, image: Trace, convention: Convention) -> bool:
    """Whether the cost is proportional to the area, as far as one pass of a small image shows it.

    It is where torch's modules and those of hosts do all the work, none of them fully connected, attention or a pooling
    to a fixed size. Any other code may cut, pad or pool an image to a size of its own.
    """
    kinds = {module.class_path for module in distinct_modules(root)}
    if not all(path.startswith("ultralytics.") or is_torch_or_yolov5(path) for path in kinds):
        return False
    costly = (record for record in image.records if record.functional and convention.count(record) != 0)
    fixed = (record for record in image.records if SAMPLES_OF_OPERATOR.get(record.operator, 1) > 1)
    return next(costly, None) is next(fixed, None) is None


DECODER = ".RTDETRDecoder"
"""End of the name of the class that chooses a fixed number of queries."""


def _least_cells(module: Module) -> int:
    """Smallest number of cells at which an RT-DETR decoder has as many candidates as queries: below, it costs less."""
    queries, levels = module.attributes.get("num_queries"), module.attributes.get("nl")
    assert isinstance(queries, int)
    assert isinstance(levels, int)
    return -(-queries * 3 // (int(4**levels) - 1))


def continued(counts: Sequence[int], first: int, cells: int) -> int:
    """The value at ``cells`` of a sequence that begins at ``first``, by its first and second differences.

    One count is proportional to the number of cells.
    """
    steps = cells - first
    slope = counts[1] - counts[0] if len(counts) > 1 else counts[0] // first
    bend = counts[2] - 2 * counts[1] + counts[0] if len(counts) > 2 else 0
    return counts[0] + steps * slope + steps * (steps - 1) // 2 * bend

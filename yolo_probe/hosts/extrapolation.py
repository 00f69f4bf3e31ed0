"""MACs of an image out of those of small ones, as ``thop.profile(stride=...)`` of ultralytics-thop 2.2 finds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from yolo_probe.counters.conventions import Convention
from yolo_probe.errors import TraceError, UnknownModuleError
from yolo_probe.hosts.images import Run, Size
from yolo_probe.model.structure import Module, distinct_modules

FIXED_COST = frozenset(
    {"nn.Linear", "nn.NonDynamicallyQuantizableLinear", "nn.AdaptiveAvgPool2d", "nn.AdaptiveMaxPool2d"}
)
"""Modules whose cost does not grow with the image."""


def extrapolated(
    root: Module, channels: int, cell: int, size: Size, convention: Convention, run: Run, least_samples: int
) -> int:
    """MACs as thop.profile(stride=cell, min_cells=...) of ultralytics-thop 2.2 finds them.

    Images of one row of cells are counted, each a cell wider, as many as the cost may have terms (one if it is
    proportional to the area, two with a fixed part, four to prove a square), and continued by Newton's forward
    differences; where a square does not fit, or the image is small, the image itself is counted.
    ``least_samples``: images that are counted at least.
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
    return count_image(run, channels, size, convention)


def count_image(run: Run, channels: int, size: Size, convention: Convention) -> int:
    """The count of one image of that height and width."""
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

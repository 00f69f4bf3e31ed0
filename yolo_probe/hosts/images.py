"""The image that a network is counted on: its channels, and its height and width as multiples of the stride."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from yolo_probe.errors import DataDependentError, TooManyOperatorsError, TraceError, UnknownModuleError
from yolo_probe.model.structure import Module, Shape, named_modules
from yolo_probe.model.trace import Trace, trace

Size = tuple[int, int]
"""Height and width of an image in pixels."""

MAX_SIDE = 65536
"""Largest side of an image that a command or a setting takes, in pixels."""

MAX_NAMED_CHANNELS = 5
"""Number of other numbers of channels that a refusal names."""

Run = Callable[[Shape], Trace]
"""A forward pass on an image of that shape."""


def image_channels(root: Module) -> int:
    """Number of channels of an image for this model: ``yaml['ch']``, else those that its first convolution takes."""
    yaml = root.attributes.get("yaml")
    if isinstance(yaml, Mapping) and isinstance(channels := yaml.get("ch"), int):
        return channels
    rows = root.children.get("model")
    first = next(iter(rows.children.values()), None) if rows else None
    share = 4 if first is not None and first.kind == "Focus" else 1
    for _, module in named_modules(root):
        channels = module.attributes.get("in_channels")
        if module.kind == "nn.Conv2d" and isinstance(channels, int):
            return channels // share if channels % share == 0 else channels
    return 3


def fitting_image(root: Module, size: Size, run: Run, run_for_real: Run) -> tuple[Shape, Trace]:
    """The shape of an image of that height and width whose channels this model takes, and the pass on it.

    The model's own forward pass decides: the likeliest number of channels for which it runs is the answer. ``run`` is
    that pass on shapes, which raises DataDependentError where it needs values; ``run_for_real`` is the one with values.
    Raises: TraceError where no image fits, with the first refusal and what was fed.
    """
    images: list[Shape] = [(1, channels, *size) for channels in _plausible_channels(root)]
    refusals: dict[Shape, TraceError] = {}
    undecided = images
    for attempt in (run, run_for_real):
        for image in undecided:
            try:
                return image, attempt(image)
            except (UnknownModuleError, TooManyOperatorsError):
                raise
            except TraceError as error:
                refusals[image] = error
        undecided = [image for image in images if isinstance(refusals[image], DataDependentError)]
    first, *others = images
    raise refused(refusals[first], first, others=[image[1] for image in others]) from refusals[first]


def fitting_channels(root: Module, usual: int, run: Run) -> int:
    """Number of channels of an image for which the forward of a model runs, the likeliest; the usual where none fits.

    ``run``: that pass on shapes.
    """
    for channels in (usual, *_plausible_channels(root)):
        try:
            run((1, channels, SMALL_SIDE, SMALL_SIDE))
        except TooManyOperatorsError:
            break
        except TraceError:
            continue
        return channels
    return usual


SMALL_SIDE = 256
"""Side of a small image, in pixels, of which each level of a head is left."""


def refused(error: TraceError, *fed: Shape, others: Sequence[int] = ()) -> TraceError:
    """The same error, with the shapes that were fed, and the other numbers of channels that were tried."""
    words = f"fed {', '.join('x'.join(map(str, shape)) or 'a single value' for shape in fed)}"
    if others:
        more = " and more" if len(others) > MAX_NAMED_CHANNELS else ""
        words += f", and in vain also with {', '.join(map(str, others[:MAX_NAMED_CHANNELS]))}{more} channels"
    return type(error)(f"{error} ({words})", error.remedy or "Pass the shape that the model takes, or a tensor.")


def _plausible_channels(root: Module) -> Iterable[int]:
    """Numbers of channels that an image may have, the likeliest first: the usual ones, and those of any convolution."""
    modules = [module for _, module in named_modules(root)]
    taken = [module.attributes.get("in_channels") for module in modules]
    taken += [each.shape[1] for module in modules for each in module.parameters.values() if len(each.shape) == 4]
    usual = image_channels(root)
    known = (each for each in taken if isinstance(each, int) and each)
    return dict.fromkeys((usual, 3, 1, 4, 2 * usual, *known))  # a forward may take two images as one


def head_stride(root: Module) -> int:
    """The largest stride of a model in pixels, as YOLOv5 finds it: 256 / width of the smallest level, of a 256 image.

    Raises: TraceError where the pass fails.
    """
    levels = trace(root, (1, image_channels(root), SMALL_SIDE, SMALL_SIDE)).output
    if not isinstance(levels, list):
        return 32
    return int(max((SMALL_SIDE / level[3] for level in levels), default=32))


def rounded_size(size: Size, stride: int) -> Size:
    """Height and width rounded up to multiples of the stride, or of 32 where the stride is smaller, as in YOLOv5."""
    stride = max(stride, 32)
    return -(-size[0] // stride) * stride, -(-size[1] // stride) * stride

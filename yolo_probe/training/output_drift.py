"""Whether the rows of a model give the same after ``fuse()``. Only here real kernels run, on a copy of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from math import inf, isfinite
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from yolo_probe.hosts.images import Size
from yolo_probe.live.description import Descriptions
from yolo_probe.live.live import fuse_silently, set_end_to_end
from yolo_probe.live.real_copy import real_copy
from yolo_probe.live.side_effects import foreign, kept, undisturbed
from yolo_probe.model.structure import row_holder
from yolo_probe.reports.fused_outputs import ROUNDING, DifferentRow, FusedOutputs

SMALL: Size = (64, 64)
"""Height and width in pixels of the image that is tried first."""
MAX_PARAMETERS = 200_000_000
"""Of a larger model the outputs are not compared: in float64 it would need gigabytes."""
MAX_AT_START = 20_000_000
"""Most parameters of a model whose outputs are compared before it trains, which may be on a device that is full."""

BOXES = 3
"""Number of dimensions of boxes: batch, boxes, numbers of a box."""

_Outputs = Mapping[str, Mapping[str, torch.Tensor]]
"""The tensors that each row and, without a name, the model returned, by their place in what was returned."""


def outputs_of_file(file: Path, channels: int, size: Size, end_to_end: bool | None = None) -> FusedOutputs:
    """The outputs before and after ``fuse()`` of the model in a checkpoint that this training has just written.

    ``size``: height and width of the image where a small one does not fit. The file is loaded with pickle, as the host
    itself has just done. Raises: whatever loading, ``fuse()`` or the forward pass of the model raise.
    """
    saved = torch.load(file, map_location="cpu", weights_only=False)
    model = saved.get("ema") or saved["model"]
    return fused_outputs(model, channels, size, end_to_end)


def foreseen_outputs(
    model: nn.Module, channels: int, size: Size, end_to_end: bool | None = None
) -> FusedOutputs | None:
    """The outputs before and after ``fuse()`` of a model that is about to train, with drawn BatchNorms.

    Those of a new model change nothing, so what ``fuse()`` loses of them would not show. None for a model of more than
    20 million parameters, and for one whose code is torch's and an installed host's alone.
    Raises: as ``fused_outputs``.
    """
    count = sum(parameter.numel() for parameter in model.parameters())
    if count > MAX_AT_START or not foreign(type(module) for module in model.modules()):
        return None
    return fused_outputs(model, channels, size, end_to_end, drawn=True)


def fused_outputs(
    model: nn.Module, channels: int, size: Size, end_to_end: bool | None = None, *, drawn: bool = False
) -> FusedOutputs:
    """The outputs of a model before and after its ``fuse()``, found on a copy of it in float64.

    ``size``: height and width in pixels of the image where one of 64x64 does not fit. ``end_to_end``: what ultralytics
    sets before it fuses. ``drawn``: whether the BatchNorms of the copy get random numbers.
    Raises: ValueError for a model of more than 200 million parameters, or whose outputs are not finite, or others each
    time; whatever ``fuse()`` and the forward pass raise.
    """
    count = sum(parameter.numel() for parameter in model.parameters())
    if count > MAX_PARAMETERS:
        raise ValueError(f"it has {count:,} parameters, more than {MAX_PARAMETERS:,}")
    code = foreign(type(module) for module in model.modules())
    with undisturbed(), kept(code), torch.no_grad(), _Float64():
        copy = _without_hooks(_copied(model)).cpu().double().eval()
        set_end_to_end(copy, end_to_end)
        if drawn:
            _draw_batch_norms(copy)
        try:
            image = _image(channels, SMALL)
            before = _outputs(copy, image)
        except (Exception, SystemExit):  # the model's own forward: this size may not fit
            image = _image(channels, size)
            before = _outputs(copy, image)
        fused = fuse_silently(copy).eval()
        after = _outputs(fused, image)
        height, width = image.shape[2:]
        compared = _compared(fused, (height, width), before, after)
        if compared.first and not _same(after[""], _outputs(fused, image)[""]):
            raise ValueError("it gives something else each time")
        return compared


def _copied(model: nn.Module) -> nn.Module:
    """A copy of a model, also of one with weights that are computed from others, which ``deepcopy`` refuses."""
    try:
        return deepcopy(model)
    except RuntimeError:
        return real_copy(model)[id(model)]


def _without_hooks(model: nn.Module) -> nn.Module:
    """The same model without the hooks of its user, which may keep what they see; those of torch are a part of it."""
    for module in model.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            for key, hook in list(hooks.items()):
                if not getattr(hook, "__module__", type(hook).__module__).startswith("torch."):
                    del hooks[key]
    return model


def _draw_batch_norms(model: nn.Module) -> None:
    """Give the BatchNorms of a model numbers near those of a trained one: the same ones each time."""
    numbers = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                if tensor is not None:
                    tensor.uniform_(0.5, 1.5, generator=numbers)


def _image(channels: int, size: Size) -> torch.Tensor:
    return torch.rand((1, channels, *size), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class _Float64(TorchFunctionMode):  # type: ignore[misc]
    """A context of this thread in which torch makes float64 of what would be float32, in ``fuse()`` as in a forward."""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function is torch.Tensor.float:
            function = torch.Tensor.double
        args = tuple(torch.float64 if each is torch.float32 else each for each in args)
        options = {key: torch.float64 if each is torch.float32 else each for key, each in (kwargs or {}).items()}
        result = function(*args, **options)
        if type(result) is torch.Tensor and result.dtype is torch.float32 and not _float32(args):
            return result.double()  # made from nothing, in torch's default
        return result


def _float32(args: Sequence[Any]) -> bool:
    return any(isinstance(each, torch.Tensor) and each.dtype is torch.float32 for each in args)


def _outputs(model: nn.Module, image: torch.Tensor) -> _Outputs:
    """What each row of a model returns for that image, and the model itself; the hooks that see it are removed."""
    found: dict[str, dict[str, torch.Tensor]] = {}
    prefix, holder = row_holder(Descriptions().module(model))

    def watched(name: str) -> RemovableHandle:
        def see(_: nn.Module, __: object, output: object) -> None:
            seen = found.setdefault(name, {})
            seen.update((place, each.clone()) for place, each in _tensors(output, str(len(seen))))

        return model.get_submodule(name).register_forward_hook(see)

    handles = [watched(f"{prefix}{name}") for name, row in holder.children.items() if row is not None]
    torch.manual_seed(0)  # a forward may draw numbers, each time the same
    try:
        found[""] = dict(_tensors(model(image.clone()), ""))
    finally:
        for handle in handles:
            handle.remove()
    return found


def _tensors(output: object, place: str) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor of an output with its place in it, since ``fuse()`` may remove a head and its outputs."""
    if isinstance(output, torch.Tensor):
        yield place, output
    elif isinstance(output, Mapping):
        for key, each in output.items():
            yield from _tensors(each, f"{place}.{key}")
    elif isinstance(output, Sequence):
        for i, each in enumerate(output):
            yield from _tensors(each, f"{place}.{i}")


def _compared(model: nn.Module, size: Size, before: _Outputs, after: _Outputs) -> FusedOutputs:
    """The verdict on what the model itself returns, and the first row that explains it."""
    common = [place for place in before[""] if place in after[""]]  # fuse() may remove a head and its outputs
    if not common:
        raise ValueError("it returns nothing that it also returned before fuse()")
    if not all(before[""][place].isfinite().all() for place in common):
        raise ValueError("it gives NaN or infinity before fuse(), too")
    moved = {
        name: max(_difference(before[name][place], each) for place, each in tensors.items() if place in before[name])
        for name, tensors in after.items()
        if name in before and before[name].keys() & tensors.keys()
    }
    whole = moved.pop("")
    first = next((name for name, share in moved.items() if not share <= ROUNDING), "")
    return FusedOutputs(
        size=size,
        rows=len(moved),
        largest=whole if isfinite(whole) else None,
        first=None if whole <= ROUNDING else DifferentRow(
            name=first or "the model",
            kind=type(model.get_submodule(first)).__name__,
            difference=share if isfinite(share := moved.get(first, whole)) else None,
        ),
    )  # fmt: skip


def _same(before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor]) -> bool:
    """Whether what a model returned is what it returned before."""
    return before.keys() == after.keys() and all(
        each.shape == after[place].shape
        and torch.allclose(each.double(), after[place].double(), rtol=ROUNDING, equal_nan=True)
        for place, each in before.items()
    )


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest absolute difference as a share of the largest value; infinite for another shape.

    A head that sorts its boxes may give those of equal scores in any order.
    """
    if one.shape != other.shape:
        return inf
    if not one.numel():
        return 0.0
    one, other = one.double(), other.double()
    largest = float(one.abs().max()) or 1.0
    share = float((one - other).abs().max()) / largest
    if share <= ROUNDING or one.dim() != BOXES:
        return share
    return min(share, float((_sorted(one) - _sorted(other)).abs().max()) / largest)


def _sorted(boxes: torch.Tensor) -> torch.Tensor:
    """The boxes of each image in the order of their numbers; shape (batch, boxes, numbers)."""
    digits = boxes.abs().max().clamp(min=1e-300)
    rounded = (boxes / digits * 1e6).round()
    for column in reversed(range(boxes.shape[-1])):
        order = rounded[..., column].argsort(dim=1, stable=True)[..., None].expand_as(boxes)
        rounded, boxes = rounded.gather(1, order), boxes.gather(1, order)
    return boxes

"""Whether the rows of a model give the same after ``fuse()``. Only here real kernels run, on a copy of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from yolo_probe.hosts.images import Size
from yolo_probe.live.description import Descriptions
from yolo_probe.live.live import fuse_silently, set_end_to_end
from yolo_probe.live.side_effects import undisturbed
from yolo_probe.model.structure import row_holder
from yolo_probe.reports.fused_outputs import ROUNDING, DifferentRow, FusedOutputs

SMALL: Size = (64, 64)
"""Height and width in pixels of the image that is tried first."""
MAX_PARAMETERS = 200_000_000
"""Of a larger model the outputs are not compared: in float64 it would need gigabytes."""

_Outputs = Mapping[str, Mapping[str, torch.Tensor]]
"""The tensors that each row returned, by the row's name and their place in what it returned."""


def outputs_of_file(file: Path, channels: int, size: Size, end_to_end: bool | None = None) -> FusedOutputs:
    """The outputs before and after ``fuse()`` of the model in a checkpoint that this training has just written.

    ``size``: height and width of the image where a small one does not fit. The file is loaded with pickle, as the host
    itself has just done. Raises: whatever loading, ``fuse()`` or the forward pass of the model raise.
    """
    saved = torch.load(file, map_location="cpu", weights_only=False)
    model = saved.get("ema") or saved["model"]
    set_end_to_end(model, end_to_end)
    return fused_outputs(model, channels, size)


def fused_outputs(model: nn.Module, channels: int, size: Size) -> FusedOutputs:
    """The outputs of a model before and after its ``fuse()``, found on a copy of it in float64.

    ``size``: height and width in pixels of the image where one of 64x64 does not fit.
    Raises: ValueError for a model of more than 200 million parameters, or whose outputs are not finite; whatever
    ``fuse()`` and the forward pass raise.
    """
    count = sum(parameter.numel() for parameter in model.parameters())
    if count > MAX_PARAMETERS:
        raise ValueError(f"it has {count:,} parameters, more than {MAX_PARAMETERS:,}")
    with undisturbed(), torch.no_grad(), _Float64():
        copy = deepcopy(model).cpu().double().eval()
        try:
            image = _image(channels, SMALL)
            before = _outputs(copy, image)
        except Exception:  # the model's own forward: this size may not fit
            image = _image(channels, size)
            before = _outputs(copy, image)
        fuse_silently(copy)
        after = _outputs(copy, image)
        height, width = image.shape[2:]
        return _compared(copy, (height, width), before, after)


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
    """The tensors that each row of a model returns for that image; the hooks that see them are removed."""
    found: dict[str, dict[str, torch.Tensor]] = {}
    prefix, holder = row_holder(Descriptions().module(model))

    def watched(name: str) -> RemovableHandle:
        def see(_: nn.Module, __: object, output: object) -> None:
            seen = found.setdefault(name, {})
            seen.update((place, each.clone()) for place, each in _tensors(output, str(len(seen))))

        return model.get_submodule(name).register_forward_hook(see)

    handles = [watched(f"{prefix}{name}") for name, row in holder.children.items() if row is not None]
    try:
        model(image)
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
    for name, tensors in before.items():
        if not all(tensor.isfinite().all() for tensor in tensors.values()):
            raise ValueError(f"{name} gives NaN or infinity before fuse(), too")
    moved = {
        name: max(_difference(tensors[place], after[name][place]) for place in common)
        for name, tensors in before.items()
        if (common := [place for place in tensors if _is_like(tensors[place], after.get(name, {}).get(place))])
    }
    if not moved:
        raise ValueError("no row of it gives tensors of the same shape before and after fuse()")
    first = next((name for name, share in moved.items() if not share <= ROUNDING), None)
    largest = max(moved.values(), key=lambda share: (not isfinite(share), share))
    return FusedOutputs(
        size=size,
        rows=len(moved),
        largest=largest if isfinite(largest) else None,
        first=None if first is None else DifferentRow(
            name=first,
            kind=type(model.get_submodule(first)).__name__,
            difference=moved[first] if isfinite(moved[first]) else None,
        ),
    )  # fmt: skip


def _is_like(one: torch.Tensor, other: torch.Tensor | None) -> bool:
    return other is not None and one.shape == other.shape and one.numel() > 0


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest absolute difference as a share of the largest value; a head may give equal scores in any order."""
    one, other = one.double(), other.double()
    largest = float(one.abs().max()) or 1.0
    share = float((one - other).abs().max()) / largest
    if share <= ROUNDING:
        return share
    return min(share, float((one.flatten().sort().values - other.flatten().sort().values).abs().max()) / largest)

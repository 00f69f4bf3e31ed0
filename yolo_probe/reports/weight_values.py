"""The weights of a checkpoint by value: how many are 0, NaN or infinite, in all, in convolutions and by row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from yolo_probe.checkpoint.weight_values import ValueCounts, value_counts
from yolo_probe.model.structure import Module, Tensor, below, named_modules, named_parameters, named_rows

_MASK = "_mask"
"""End of the name of the buffer with which ``torch.nn.utils.prune`` hides weights."""
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked", "anchors", "anchor_grid", _MASK)
"""Ends of the names of buffers; in a state_dict nothing else tells them from parameters."""


@dataclass(frozen=True, slots=True)
class RowValues:
    """The weights of one row."""

    name: str
    """Empty for what is in no row."""
    kind: str
    """Name of its class; empty in a state_dict."""
    counts: ValueCounts


@dataclass(frozen=True, slots=True)
class WeightValues:
    """The counts of all parameters of a network; a shared one counts once."""

    all: ValueCounts
    convolutions: ValueCounts
    """Of the weights of convolutions: parameters with four axes."""
    buffers: ValueCounts
    """Of the floating-point buffers, such as the mean and variance of a BatchNorm."""
    rows: tuple[RowValues, ...]
    masks: tuple[str, ...]
    """Names of pruned weights whose mask is in the file too."""
    unread: tuple[str, ...]
    """Names of the parameters that are no floating-point numbers of 16, 32 or 64 bits."""

    def as_json(self) -> dict[str, object]:
        """The counts as plain data."""
        return {
            "parameters": _plain(self.all),
            "convolutions": _plain(self.convolutions),
            "buffers": _plain(self.buffers),
            "rows": [{"name": row.name, "class": row.kind or None, **_plain(row.counts)} for row in self.rows],
            "masks": list(self.masks),
            "unread": list(self.unread),
        }


def weight_values(read: Callable[[Tensor], bytes], root: Module) -> WeightValues:
    """The counts of one copy of a model. ``read``: gives all bytes of a tensor's storage.

    Raises: CheckpointError where the file has changed since it was read.
    """
    kinds, row_of = named_rows(root)
    buffers = {below(path, name): each for path, module in named_modules(root) for name, each in module.buffers.items()}
    return _values(read, dict(named_parameters(root)), buffers, kinds, row_of)


def state_dict_values(read: Callable[[Tensor], bytes], tensors: Mapping[str, Tensor]) -> WeightValues:
    """The counts of weights without modules, as ``weight_values``; a row is the first number in a name."""
    buffers = {name: each for name, each in tensors.items() if name.endswith(_STATISTICS)}
    parameters = {name: each for name, each in tensors.items() if name not in buffers}
    rows = dict.fromkeys((row for name in parameters if (row := _row_in(name))), "")
    return _values(read, parameters, buffers, rows, _row_in)


def _row_in(name: str) -> str:
    found = re.search(r"(?:^|\.)(\d+)\.", name)
    return found[1] if found else ""


def _values(
    read: Callable[[Tensor], bytes], parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor],
    kinds: Mapping[str, str], row_of: Callable[[str], str],
) -> WeightValues:  # fmt: skip
    found = {name: value_counts(read, tensor) for name, tensor in parameters.items()}
    counted = {name: counts for name, counts in found.items() if counts is not None}
    held = (value_counts(read, each) for name, each in buffers.items() if not name.endswith(_MASK))
    rows: dict[str, ValueCounts] = dict.fromkeys(kinds, ValueCounts())
    for name, counts in counted.items():
        rows[row_of(name)] = rows.get(row_of(name), ValueCounts()) + counts
    return WeightValues(
        all=_sum(counted.values()),
        convolutions=_sum(counts for name, counts in counted.items() if len(parameters[name].shape) == 4),
        buffers=_sum(counts for counts in held if counts is not None),
        rows=tuple(RowValues(name, kinds.get(name, ""), counts) for name, counts in rows.items() if counts.values),
        masks=tuple(name.removesuffix(_MASK) for name in buffers if name.endswith(_MASK)),
        unread=tuple(name for name in found if name not in counted),
    )


def _sum(counts: Iterable[ValueCounts]) -> ValueCounts:
    return sum(counts, ValueCounts())


def _plain(counts: ValueCounts) -> dict[str, int]:
    return {"values": counts.values, "zeros": counts.zeros, "nan": counts.nan, "infinite": counts.infinite}

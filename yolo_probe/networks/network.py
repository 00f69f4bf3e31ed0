"""A network before any host builds it: the rows of its backbone and head, and the settings around them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from yolo_probe.errors import ModelYamlError

MOST_CLASSES = 100_000
MOST_ANCHORS = 1000
"""Anchors of one output."""


@dataclass(frozen=True, slots=True)
class NetworkRow:
    """One row of a backbone or head, as written: ``[from, number, module, args]``."""

    sources: int | tuple[int, ...]
    """The rows whose outputs it takes, the host's ``from``; -1 is the row before it."""
    number: int
    """How often the module is repeated, before the depth multiple."""
    module: str
    """The class as written, ``nn.Upsample``."""
    arguments: tuple[object, ...]
    """As written; texts are not evaluated yet."""
    line: int | None = None
    """The line of the file, from 1."""


@dataclass(frozen=True, slots=True)
class Network:
    """A network before any host builds it."""

    name: str
    """The file's name without its suffix."""
    classes: int
    anchors: int | tuple[tuple[float, ...], ...]
    """For each output their widths and heights in pixels; or only how many each output has."""
    depth_multiple: float
    """Factor of the repeats."""
    width_multiple: float
    """Factor of the output channels."""
    backbone: tuple[NetworkRow, ...]
    head: tuple[NetworkRow, ...]
    channels: int = 3
    """Channels of the image."""
    activation: str | None = None
    """The activation of every ``Conv`` in place of SiLU, as written; hosts before v7.0 do not read it."""
    channel_multiple: int | None = None
    """Scaled widths are rounded up to a multiple of this; hosts before HEAD do not read it and take 8."""
    settings: Mapping[str, int | float] = field(default_factory=dict)
    """The numbers and flags under further keys, of which a fork reads those that it knows."""
    yaml_file: str | None = None
    """Name of the file, which the host makes the model's name of."""
    origin: str = field(default="", compare=False)
    """How messages name the source: a path, or the network's name."""

    def with_classes(self, classes: int) -> Network:
        """The same network for another number of classes."""
        if not 1 <= classes <= MOST_CLASSES:
            raise ModelYamlError(f"{self.origin}: {classes} classes, expected 1 to {MOST_CLASSES:,}")
        return replace(self, classes=classes)

    @property
    def rows(self) -> tuple[NetworkRow, ...]:
        """All rows: backbone, then head."""
        return self.backbone + self.head

    def document(self) -> dict[str, object]:
        """The mapping that the host saves as ``model.yaml``."""
        written: dict[str, object] = {
            "nc": self.classes,
            "depth_multiple": self.depth_multiple,
            "width_multiple": self.width_multiple,
            "anchors": self.anchors if isinstance(self.anchors, int) else [list(sizes) for sizes in self.anchors],
            "backbone": [_written(row) for row in self.backbone],
            "head": [_written(row) for row in self.head],
            "ch": self.channels,
            **self.settings,
        }
        optional = {"activation": self.activation, "channel_multiple": self.channel_multiple}
        return written | {key: value for key, value in optional.items() if value is not None}


def _written(row: NetworkRow) -> list[object]:
    sources = row.sources if isinstance(row.sources, int) else list(row.sources)
    return [sources, row.number, row.module, list(row.arguments)]


def place_of(origin: str, index: int, line: int | None) -> str:
    """How messages name a row; ``index`` from 0, ``line`` from 1."""
    return f"{origin}, line {line}, row {index}" if line else f"{origin}, row {index}"

"""A network before any host builds it: the rows of its backbone and head, and the settings around them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from yolo_probe.errors import ModelYamlError

MOST_CLASSES = 100_000
MOST_ANCHORS = 1000
"""For each output."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a backbone or head: where its input comes from, how often, which class, with which arguments."""

    sources: int | tuple[int, ...]
    """The host's ``from``: -1 is the row before."""
    number: int
    """Repeats before the depth multiple."""
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
    """Sizes for each output, or only how many for each."""
    depth_multiple: float
    width_multiple: float
    backbone: tuple[Row, ...]
    head: tuple[Row, ...]
    channels: int = 3
    """Of the input image."""
    activation: str | None = None
    """What replaces SiLU in every ``Conv``, as written; hosts before v7.0 do not read it."""
    channel_multiple: int | None = None
    """What scaled widths are rounded up to a multiple of; hosts before HEAD do not read it and take 8."""
    yaml_file: str | None = None
    """The name of the file that the host would be given."""
    origin: str = field(default="", compare=False)
    """How messages name the source: a path, or the network's name."""

    def with_classes(self, classes: int) -> Network:
        """The same network for another number of classes."""
        if not 1 <= classes <= MOST_CLASSES:
            raise ModelYamlError(f"{self.origin}: {classes} classes, expected 1 to {MOST_CLASSES:,}")
        return replace(self, classes=classes)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Backbone and head in one."""
        return self.backbone + self.head

    def document(self) -> dict[str, object]:
        """The mapping that the host keeps as ``model.yaml``."""
        written: dict[str, object] = {
            "nc": self.classes,
            "depth_multiple": self.depth_multiple,
            "width_multiple": self.width_multiple,
            "anchors": self.anchors if isinstance(self.anchors, int) else [list(sizes) for sizes in self.anchors],
            "backbone": [_written(row) for row in self.backbone],
            "head": [_written(row) for row in self.head],
            "ch": self.channels,
        }
        optional = {"activation": self.activation, "channel_multiple": self.channel_multiple}
        return written | {key: value for key, value in optional.items() if value is not None}


def _written(row: Row) -> list[object]:
    sources = row.sources if isinstance(row.sources, int) else list(row.sources)
    return [sources, row.number, row.module, list(row.arguments)]


def place_of(origin: str, index: int, line: int | None) -> str:
    """How messages name a row."""
    return f"{origin}, line {line}, row {index}" if line else f"{origin}, row {index}"

"""The rows of a network as a graph: which rows each one reads, and its part: backbone, neck or head."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from yolo_probe.model.structure import Module, named_rows, row_holder

Part = Literal["backbone", "neck", "head"]
IMAGE = "image"
"""Source of a row that reads the image."""


@dataclass(frozen=True, slots=True)
class GraphRow:
    """One row with the rows that it reads."""

    name: str
    path: str
    """Path of its module."""
    kind: str
    """Name of its class."""
    sources: tuple[str, ...] | None
    """Names of the rows that it reads, or ``image``; None where the network does not say."""
    part: Part | None
    """None where it is not known how many rows the backbone has."""


def row_graph(root: Module) -> tuple[GraphRow, ...]:
    """The rows in order. A head is a row of no backbone whose output no other row reads."""
    kinds, _ = named_rows(root)
    prefix, holder = row_holder(root)
    names = list(kinds)
    sources = {name: _sources(holder.child(name), number, names) for number, name in enumerate(names)}
    read = {source for found in sources.values() for source in found or ()}
    backbone = backbone_rows(root)
    return tuple(
        GraphRow(name, f"{prefix}{name}", kinds[name], sources[name], _part(name, backbone, read)) for name in names
    )


def backbone_rows(root: Module) -> frozenset[str] | None:
    """Names of the rows of the backbone; None where it is not known how many there are."""
    yaml = root.attributes.get("yaml")
    backbone = yaml.get("backbone") if isinstance(yaml, Mapping) else None
    if not isinstance(backbone, list):
        return None
    kinds, _ = named_rows(root)
    return frozenset(list(kinds)[: len(backbone)])


def _part(name: str, backbone: Collection[str] | None, read: Collection[str]) -> Part | None:
    if backbone is None:
        return None
    if name in backbone:
        return "backbone"
    return "neck" if name in read else "head"


def _sources(row: Module, number: int, names: list[str]) -> tuple[str, ...] | None:
    """The names of the rows in its ``f``, as YOLOv5 writes it: row numbers, or -1 for the row before it."""
    written = row.attributes.get("f")
    given = list(written) if isinstance(written, list | tuple) else [written]
    found = []
    for each in given:
        if not isinstance(each, int):
            return None
        index = number + each if each < 0 else each
        if not -1 <= index < number:
            return None
        found.append(names[index] if index >= 0 else IMAGE)
    return tuple(dict.fromkeys(found))

"""The networks that YOLOv5 ships, by name and generation: the same ``Network`` as its own model YAML gives."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from functools import cache
from itertools import chain
from typing import Any

from yolo_probe import shipped_files as configs_path
from yolo_probe.errors import TargetError
from yolo_probe.networks.generations import GENERATIONS, Generation, is_since
from yolo_probe.networks.network import Network, NetworkRow
from yolo_probe.yaml_file import YamlKind, read_yaml

FORKS: Mapping[str, str] = {
    "yolov9": "YOLOv9",
    "yolov7": "YOLOv7",
    "yolov5-lite": "YOLOv5-Lite",
    "yolov5-face": "yolov5-face",
}
"""The forks whose networks are known by name: as ``yolov5s@yolov5-face`` names one, and its own name."""

_ROW = re.compile(
    r"(?:(?P<sources>\[\]|-?\d+(?:,-?\d+)*) )?(?P<module>[\w.]+)(?:\*(?P<number>\d+))?"
    r"(?P<arguments>(?: '[^']*'| \S+)*)"
)


def network_names(generation: Generation) -> tuple[str, ...]:
    """The networks that a generation ships and can build."""
    table = _table()
    return tuple(name for name, entry in table["networks"].items() if _layout(entry, generation))


def is_shipped(name: str) -> bool:
    """Whether some generation ships a network of that name."""
    return name in _table()["networks"]


def as_shipped(name: str) -> str | None:
    """A name in the letters of who ships it: ``yolov5s`` for ``YOLOv5s``, as lines have it; None if nobody does."""
    names = [*_table()["networks"], *(each for fork in FORKS for each in fork_network_names(fork))]
    return name if name in names else {each.lower(): each for each in reversed(names)}.get(name.lower())


def find_network(name: str, generation: Generation) -> Network:
    """The network that a generation ships under a name.

    Raises: TargetError for a name that no generation ships, or not this one.
    """
    table = _table()
    entry = table["networks"].get(name)
    if entry is None:
        raise _unknown(name, table)
    reason = table["broken"].get(name, {}).get(generation)
    if reason:
        able = [other for other in GENERATIONS if _layout(entry, other)]
        raise TargetError(f"{name} of YOLOv5 {generation} is broken: {reason}", f"Choose --host {' or '.join(able)}.")
    layout = _layout(entry, generation)
    if layout is None:
        shipped = ", ".join(network_names(generation))
        first = next(other for other in GENERATIONS if _layout(entry, other))
        raise TargetError(
            f"YOLOv5 {generation} did not ship {name}, which came with {first}; it shipped {shipped}",
            f"Choose one of them, or --host {first} or later.",
        )
    return _network(name, entry, layout, table)


def fork_network_names(fork: str) -> tuple[str, ...]:
    """The networks that a fork ships, a key of ``FORKS``."""
    return tuple(_table(fork)["networks"])


def find_fork_network(name: str, fork: str = "") -> Network | None:
    """The network that a fork ships under a name, by default the first fork that has one; None where none has.

    Raises: TargetError where the fork that is named does not ship it.
    """
    for each in (fork,) if fork else FORKS:
        table = _table(each)
        if entry := table["networks"].get(name):
            return _network(name, entry, entry["layout"], table)
    if fork:
        raise TargetError(
            f"{FORKS[fork]} ships no {name}; it ships {', '.join(fork_network_names(fork))}", "Choose one of them."
        )
    return None


@cache
def networks_of_fork(fork: str) -> tuple[Network, ...]:
    """All networks that a fork ships, a key of ``FORKS``."""
    table = _table(fork)
    return tuple(_network(name, entry, entry["layout"], table) for name, entry in table["networks"].items())


@cache
def shipped_networks(generation: Generation) -> tuple[Network, ...]:
    """All networks that a generation ships and can build."""
    table = _table()
    layouts = {name: _layout(entry, generation) for name, entry in table["networks"].items()}
    broken = {name for name, where in table["broken"].items() if generation in where}
    return tuple(
        _network(name, table["networks"][name], layout, table)
        for name, layout in layouts.items()
        if layout and name not in broken
    )


def name_of(network: Network) -> str | None:
    """The shortest name under which YOLOv5 or a fork ships these rows with these factors, for any classes and anchors.

    A model that is built from the mapping in another checkpoint, as ``--weights yolov5s.pt`` without ``--cfg`` does it,
    has no name of its own. None where none of them ships such a network.
    """
    asked = _alike(network)
    shipped = chain(*map(shipped_networks, GENERATIONS), *map(networks_of_fork, FORKS))
    return min((each.name for each in shipped if _alike(each) == asked), key=len, default=None)


def _alike(network: Network) -> tuple[object, ...]:
    """What the networks of one name have in common."""
    rows = [(row.sources, row.number, row.module, row.arguments) for row in network.rows]
    return rows, len(network.backbone), network.depth_multiple, network.width_multiple, network.activation


def _unknown(name: str, table: Mapping[str, Any]) -> TargetError:
    from difflib import get_close_matches

    known = [*table["networks"], *(each for fork in FORKS for each in fork_network_names(fork))]
    folded = {other.lower(): other for other in known}
    nearest = [folded[match] for match in get_close_matches(name.lower(), folded, n=3, cutoff=0.5)]
    remedy = f"Did you mean {' or '.join(nearest)}?" if nearest else f"Known networks: {', '.join(table['networks'])}."
    return TargetError(f"{name!r} is neither a file nor a detection or segmentation network that YOLOv5 ships", remedy)


@cache
def _table(fork: str = "") -> Any:
    name = f"{fork.replace('-', '_') or 'networks'}.yaml"
    return read_yaml(configs_path.path(f"models/{name}"), YamlKind(name, TargetError, "")).document


def _layout(entry: Mapping[str, Any], generation: Generation) -> str | None:
    """The layout that a generation ships: its own, else that of the generation before it; None where it has none."""
    current: str | None = None
    for other in GENERATIONS:
        if other in entry and is_since(generation, other):
            current = entry[other]
    return current


def _network(name: str, entry: Mapping[str, Any], layout: str, table: Mapping[str, Any]) -> Network:
    depth, width = table["sizes"][entry["size"]]
    *parts, anchors = layout.split(" @ ") if " @ " in layout else (layout, entry["anchors"])
    backbone, *heads = (_rows(table["layouts"][part]) for part in parts[0].split(" + "))
    return Network(
        name=name,
        classes=entry.get("classes", 80),
        anchors=anchors if isinstance(anchors, int) else tuple(tuple(row) for row in table["anchors"][anchors]),
        depth_multiple=depth,
        width_multiple=width,
        backbone=backbone,
        head=tuple(row for head in heads for row in head),
        activation=entry.get("activation"),
        settings=entry.get("settings", {}),
        yaml_file=f"{name}.yaml",
        origin=name,
    )


def _rows(layout: str) -> tuple[NetworkRow, ...]:
    return tuple(_row(line) for line in layout.splitlines())


def _row(line: str) -> NetworkRow:
    match = _ROW.fullmatch(line)
    assert match, line
    written = match["sources"] or "-1"
    sources = [] if written == "[]" else [int(source) for source in written.split(",")]
    arguments = tuple(_argument(word) for word in re.findall(r"'[^']*'|\S+", match["arguments"]))
    return NetworkRow(
        sources[0] if len(sources) == 1 else tuple(sources), int(match["number"] or 1), match["module"], arguments
    )


def _argument(word: str) -> object:
    """One argument as YAML reads it: a number, a list, true, false; else a text, which the host would evaluate."""
    if word.startswith("'"):
        return word[1:-1]
    if word in ("True", "False"):
        return word == "True"
    return ast.literal_eval(word) if re.fullmatch(r"-?[\d.]+|\[.*\]", word) else word

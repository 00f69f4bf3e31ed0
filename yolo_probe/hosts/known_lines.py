"""The numbers that every known host prints of every network that it ships, for any number of classes.

They are computed from the networks themselves by ``python -m tests.known_lines`` and kept in
``configs/known_lines.json``. Between two numbers of classes each figure grows evenly, so that a piece keeps its first
number of classes, the figures there, and the growth of each figure for one class more.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal

from yolo_probe import shipped_files

GradientState = Literal["stripped", "no_grad", "autograd"]
GRADIENT_STATES: tuple[GradientState, ...] = ("stripped", "no_grad", "autograd")
"""What was fused, and how: a file that trains nothing; a model that trains, without and with autograd."""

_FIGURES = 2 + len(GRADIENT_STATES)
"""Figures of a piece before its GFLOPs."""

MOST_CLASSES = 10_000
"""Most classes that a printed line is tried with."""


@dataclass(frozen=True)
class Numbers:
    """The figures of one network for one number of classes; of each pair the first is unfused, the second fused."""

    classes: int
    parameters: tuple[int, int]
    gradients: Mapping[GradientState, int]
    """Gradients after ``fuse()``."""
    gflops: Mapping[str, tuple[float | None, float | None]]
    """By counter; None where the host leaves them out."""


@dataclass(frozen=True)
class Piece:
    """Numbers of classes from ``first`` on, between which every figure grows evenly."""

    first: int
    figures: Sequence[float | None]
    growth: Sequence[float | None]
    """Of each figure for one class more."""


@dataclass(frozen=True, eq=False)
class KnownNetwork:
    """One network as some hosts build, print and fuse it."""

    network: str
    family: str
    """Its host: ``YOLOv5``, ``ultralytics``, ``YOLOv7``."""
    hosts: tuple[str, ...]
    """The generations or releases with these numbers, the oldest first; a fork has none."""
    forms: tuple[str, ...]
    """The form of each one's line: a key of ``FORMS``, or a release of ultralytics."""
    note: str
    """What its structure is unlike that of a network built today; empty for one that is."""
    layers: tuple[int, int]
    """Unfused and fused, in the definition of these hosts."""
    fixed: int
    """Parameters that never train: the fixed numbers of DFL."""
    rows: tuple[tuple[int, ...], tuple[int, ...]]
    """Parameters of each row but the last, the head, unfused and fused."""
    counters: tuple[str, ...]
    pieces: tuple[Piece, ...]

    @cached_property
    def _firsts(self) -> list[int]:
        return [piece.first for piece in self.pieces]

    def numbers(self, classes: int) -> Numbers:
        """The figures for a number of classes."""
        piece = self.pieces[max(bisect_right(self._firsts, classes) - 1, 0)]
        more = classes - piece.first
        figures = [
            None if figure is None else figure + more * (growth or 0)
            for figure, growth in zip(piece.figures, piece.growth, strict=True)
        ]
        whole = [round(figure or 0) for figure in figures[:_FIGURES]]
        pairs = [(figures[at], figures[at + 1]) for at in range(_FIGURES, len(figures), 2)]
        return Numbers(
            classes,
            (whole[0], whole[1]),
            dict(zip(GRADIENT_STATES, whole[2:], strict=True)),
            dict(zip(self.counters, pairs, strict=True)),
        )

    def classes_near(self, parameters: int, *, fused: bool) -> Sequence[int]:
        """The numbers of classes whose parameters are nearest to a number, from below and from above."""
        found: list[int] = []
        ends = [*self._firsts[1:], MOST_CLASSES + 1]
        for piece, end in zip(self.pieces, ends, strict=True):
            first, each = piece.figures[fused] or 0, piece.growth[fused] or 0
            steps = int((parameters - first) // each) if each else 0
            found += [piece.first + step for step in (steps, steps + 1) if piece.first <= piece.first + step < end]
        return found or [self.pieces[0].first]


def release_numbers(release: str) -> tuple[int, ...]:
    """A release as numbers that can be sorted: ``8.3.76``."""
    return tuple(int(part) for part in release.split(".") if part.isdecimal())


@cache
def known_networks() -> tuple[KnownNetwork, ...]:
    """Every network of every known host."""
    document = json.loads(shipped_files.path("known_lines.json").read_text(encoding="utf-8"))
    return tuple(_network(entry) for entry in document["networks"])


def _network(entry: Mapping[str, Any]) -> KnownNetwork:
    pairs = {name: tuple(map(_frozen, entry[name])) for name in ("hosts", "forms", "layers", "rows", "counters")}
    return KnownNetwork(
        network=entry["network"],
        family=entry["family"],
        note=entry.get("note", ""),
        fixed=entry.get("fixed", 0),
        pieces=tuple(Piece(*piece) for piece in entry["pieces"]),
        **pairs,
    )


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value

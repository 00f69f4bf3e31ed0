"""The generations of YOLOv5 that build, print and fuse differently, and which of them each PyPI release follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Generation = Literal["v1.0", "v2.0", "v3.0", "v3.1", "v4.0", "v5.0", "v6.0", "v6.1", "v6.2", "v7.0", "head"]

GENERATIONS: tuple[Generation, ...] = get_args(Generation)
"""Oldest first; HEAD builds as v7.0 does and prints as ultralytics does."""


def is_since(generation: Generation, first: Generation) -> bool:
    """Whether a generation is ``first`` or later."""
    return GENERATIONS.index(generation) >= GENERATIONS.index(first)


@dataclass(frozen=True, slots=True)
class HostGenerations:
    """The generation that each part of a host is from; the parts of a PyPI release may be from several."""

    networks: Generation
    """Its model YAML files."""
    modules: Generation
    """The classes of its blocks and how it parses a model YAML."""
    heads: Generation
    """Its ``Detect`` and ``Classify``."""
    root: Generation
    """The class of its model."""


_RELEASES = {
    "5.0.0": HostGenerations("v5.0", "v5.0", "v5.0", "v5.0"),
    "5.0.10": HostGenerations("v5.0", modules="v6.0", heads="v5.0", root="v6.0"),
    "6.0.7": HostGenerations("v6.0", "v6.0", "v6.0", "v6.0"),
    "6.1.9": HostGenerations("v6.1", modules="v6.2", heads="v6.1", root="v6.1"),
    "6.2.3": HostGenerations("v7.0", "v7.0", "v7.0", "v7.0"),
    "7.0.14": HostGenerations("v7.0", "v7.0", "v7.0", "v7.0"),
}

RELEASES: tuple[str, ...] = tuple(_RELEASES)
"""The PyPI releases whose parts are known, the oldest first."""


def host_of(generation: Generation, release: str | None = None) -> HostGenerations:
    """The parts of the PyPI release where one is given and known, else those of the generation."""
    if release in _RELEASES:
        return _RELEASES[release]
    return HostGenerations(generation, generation, generation, generation)


NEWEST = ("head", "main", "master", "latest")
"""What people call the newest state of a repository."""


def generation_named(tag: str) -> Generation | None:
    """The one generation that people call so: ``3.1``, ``V7``, ``master``, or a PyPI release that is one, ``7.0.14``.

    None for any other, and for a number that several have, as ``v6``.
    """
    word = tag.lower().removeprefix("v")
    if word in NEWEST:
        return "head"
    if word in _RELEASES:
        parts = _RELEASES[word]
        one = {parts.networks, parts.modules, parts.heads, parts.root}
        return one.pop() if len(one) == 1 else None
    found = generations_like(word)
    return found[0] if len(found) == 1 else None


def generations_like(tag: str) -> list[Generation]:
    """The generations with a number, or that begin with it: those of ``v6`` are ``v6.0``, ``v6.1`` and ``v6.2``."""
    number = f"v{tag.lower().removeprefix('v')}"
    return [each for each in GENERATIONS if each == number or each.partition(".")[0] == number]

"""A YAML file -> its document as plain data, and the line of each key. Nothing in it is executed.

Every YAML of this package is read here, by the same limits, so that no file takes much time or memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from yolo_probe.errors import ProbeError

MOST_VALUES = 100_000
"""Most values in one file; what an alias repeats counts each time."""
DEEPEST = 32
"""Most levels of nesting."""
TOO_DEEP = f"nested deeper than {DEEPEST} levels, expected 4 at most"
LONGEST_SCALAR = 64 << 10
"""Most bytes of one value."""
MOST_DIGITS = 20
"""Most digits of a number: a longer one, or one of sixty as its base, may take hours to compute with."""
WITH_LINES = 3
"""Levels of nesting for which line numbers are kept; messages name nothing deeper."""

KeyPath: TypeAlias = tuple["str | int", ...]
"""The position of a value: the keys and list positions that lead to it, ``("backbone", 3)``."""


@dataclass(frozen=True, slots=True)
class YamlKind:
    """The limits of one kind of file, and the words for one that breaks them."""

    name: str
    """``a settings file``."""
    error: type[ProbeError]
    remedy: str
    largest: int = 1_000_000
    """Most bytes."""
    too_large: str = ": found more than {largest:,} bytes, expected {name}"
    last_counts: bool = False
    """Whether the last of two equal keys is used, as by the hosts; else they are refused."""
    ascii_alone: bool = False
    """Whether characters outside ASCII are skipped, as by the hosts; else the text is UTF-8."""


@dataclass(frozen=True, slots=True)
class Yaml:
    """The content of a file."""

    document: Any
    """Plain data; None of an empty file."""
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    """The line, from 1, of each key and of each list item."""


def read_yaml(path: str | Path, kind: YamlKind) -> Yaml:
    """The content of a YAML file.

    Raises: the error of its kind, with file and line, where the file cannot be read, is too large, is nested too deep,
    has too many values, a key twice or a tag that is not plain data, or is no YAML.
    """
    return _parsed(str(path), content_of(path, kind), kind)


def content_of(path: str | Path, kind: YamlKind) -> bytes:
    """The bytes of a file.

    Raises: the error of its kind, where the file cannot be read or is too large.
    """
    file = Path(path)
    if file.exists() and not file.is_file():
        what = "Is a directory, which" if file.is_dir() else "it"
        raise kind.error(f"{path}: cannot be read: {what} is no regular file", f"Pass the path of {kind.name}.")
    try:
        with file.open("rb") as stream:
            content = stream.read(kind.largest + 1)
    except OSError as error:
        raise kind.error(f"{path}: cannot be read: {error.strerror or error}", "Check the path.") from None
    if len(content) > kind.largest:
        raise kind.error(f"{path}{kind.too_large.format(largest=kind.largest, name=kind.name)}", kind.remedy)
    return content


def _parsed(path: str, content: bytes, kind: YamlKind) -> Yaml:
    import yaml

    loader_class: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    def refuse(problem: str, line: int | None = None) -> NoReturn:
        raise kind.error(f"{path}, line {line}: {problem}" if line else f"{path}: {problem}", kind.remedy)

    try:
        text = content.decode("ascii", "ignore") if kind.ascii_alone else content.decode()
        for depth, line in _depths(yaml.parse(text, loader_class)):
            if depth > DEEPEST:
                refuse(TOO_DEEP, line)
        loader = loader_class(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Yaml(None)
            lines = _lines(node, kind, refuse)
            return Yaml(loader.construct_document(node), lines)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        if problem and "nesting depth" in problem:  # newer parsers in C have a limit of their own
            refuse(TOO_DEEP, mark and mark.line + 1)
        # the parser in C gives the end of a text as one line more than there is
        last = content.count(b"\n") + 1
        refuse(f"broken YAML, {problem or 'not a YAML text'}", min(mark.line + 1, last) if mark else None)
    except (ValueError, TypeError, RecursionError) as error:
        refuse(f"broken YAML, {error}")


def _depths(events: Iterator[Any]) -> Iterator[tuple[int, int]]:
    """Depth and line at each event: the composer, written in C, must not get a text that is nested too deep."""
    depth = 0
    for event in events:
        name = type(event).__name__
        depth += name.endswith("StartEvent") - name.endswith("EndEvent")
        yield depth, event.start_mark.line + 1


def _lines(root: Any, kind: YamlKind, refuse: Callable[..., NoReturn]) -> Mapping[KeyPath, int]:
    """The line of each key and item; too many values (by aliases) and a key given twice are refused."""
    lines: dict[KeyPath, int] = {}
    nodes: list[tuple[Any, KeyPath | None]] = [(root, ())]
    seen = 0
    while nodes:
        node, place = nodes.pop()
        seen += 1
        if seen > MOST_VALUES:
            refuse(f"more than {MOST_VALUES:,} values, expected some hundred")
        if isinstance(node.value, str):
            _refuse_giant(node, refuse)
            continue
        if node.id == "mapping":
            keys = [key for key, _ in node.value]
            if not kind.last_counts:
                _refuse_repeated(keys, refuse)
            nodes += [(key, None) for key in keys]
            children = [(key.value, key, value) for key, value in node.value]
        else:
            children = [(number, item, item) for number, item in enumerate(node.value)]
        for name, first, value in children:
            below = None
            if place is not None and len(place) < WITH_LINES and isinstance(name, str | int):
                below = (*place, name)
                lines[below] = first.start_mark.line + 1
            nodes.append((value, below))
    return lines


def _refuse_giant(node: Any, refuse: Callable[..., NoReturn]) -> None:
    """Refuse a value that is too long, or a number of too many digits."""
    text, line = node.value, node.start_mark.line + 1
    if len(text) > LONGEST_SCALAR:
        refuse(f"found a value of {len(text):,} characters, expected at most {LONGEST_SCALAR:,}", line)
    is_number = node.tag.endswith((":int", ":float")) and (node.tag.endswith(":int") or ":" in text)
    if is_number and sum(map(str.isalnum, text)) > MOST_DIGITS:
        refuse(f"found a number of {sum(map(str.isalnum, text))} digits, expected at most {MOST_DIGITS}", line)


def _refuse_repeated(keys: Sequence[Any], refuse: Callable[..., NoReturn]) -> None:
    found: dict[tuple[str, str], list[int]] = {}
    for key in keys:
        if isinstance(key.value, str):
            found.setdefault((key.tag, key.value), []).append(key.start_mark.line + 1)
    for (_, name), lines in found.items():
        if len(lines) > 1:
            words = name[:40] if name.isprintable() else ascii(name[:40])
            refuse(f"found {words} {len(lines)} times, expected once", lines[1])

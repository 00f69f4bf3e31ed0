"""The checkpoints below folders and URLs, in order, each once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from yolo_probe.checkpoint.remote import files_at, is_url
from yolo_probe.errors import TargetError

ENDINGS = (".pt", ".pth")
"""How files end that are read in a folder; one that is named itself may end otherwise."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet takes for a formula."""


def checkpoints(places: Iterable[str]) -> Iterator[str]:
    """The paths of files, and of the checkpoints in folders and all folders below, each folder's sorted by name.

    A place may also be a URL. Links to folders are not followed; a file of two places comes once; a folder that may not
    be read comes itself, so that its row says so.
    Raises: TargetError for a place that is not there, at once; ProbeError for a URL when it comes to it.
    """
    known = list(dict.fromkeys(os.path.join(".", place) if place.startswith(FORMULA) else place for place in places))
    for place in known:
        if not is_url(place) and _is_missing(place):
            raise TargetError(f"{place}: no such file or folder", "Check the path.")
    return _walked(known)


def _is_missing(place: str) -> bool:
    try:
        os.stat(place)
    except PermissionError:  # it may be there: its row says that it may not be read
        return False
    except (OSError, ValueError):
        return True
    return False


def _walked(places: Iterable[str]) -> Iterator[str]:
    walked: set[str] = set()
    for place in places:
        if is_url(place):
            yield from files_at(place, ENDINGS)
            continue
        real = _real(place)
        inside = any(above in walked for above in _folders_above(real))
        if real in walked or (inside and (os.path.isdir(place) or place.endswith(ENDINGS))):
            continue
        yield from _below(place, real, walked) if os.path.isdir(place) else [place]
        walked.add(real)


def _below(place: str, real: str, walked: set[str]) -> Iterator[str]:
    """The checkpoints below a folder, but those that were ``walked`` already."""
    closed: list[str] = []
    for folder, folders, files in os.walk(place, onerror=lambda error: closed.append(error.filename)):
        yield from closed
        closed.clear()
        here = os.path.normpath(os.path.join(real, os.path.relpath(folder, place)))
        folders[:] = sorted(name for name in folders if os.path.join(here, name) not in walked)
        found = sorted(name for name in files if name.endswith(ENDINGS) and os.path.join(here, name) not in walked)
        yield from (os.path.join(folder, name) for name in found)
    yield from closed


def _real(place: str) -> str:
    """One name for a place however it is written; a link to a file has its own."""
    if os.path.isdir(place):
        return os.path.realpath(place)
    folder, name = os.path.split(place)
    return os.path.join(os.path.realpath(folder or "."), name)


def _folders_above(path: str) -> Iterator[str]:
    while (above := os.path.dirname(path)) != path:
        yield above
        path = above

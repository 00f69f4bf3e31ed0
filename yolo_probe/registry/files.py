"""The checkpoints below folders and URLs, in order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from yolo_probe.checkpoint.remote import files_at, is_url
from yolo_probe.errors import TargetError

ENDINGS = (".pt", ".pth")
"""How files end that are read in a folder; one that is named itself may end otherwise."""


def checkpoints(places: Iterable[str]) -> Iterator[str]:
    """The paths of files, and of the checkpoints in folders and all folders below, each folder's sorted by name.

    A place may also be a URL. Links to folders are not followed.
    Raises: TargetError for a place that is not there, at once; ProbeError for a URL when it comes to it.
    """
    known = list(places)
    for place in known:
        if not is_url(place) and not os.path.exists(place):
            raise TargetError(f"{place}: no such file or folder", "Check the path.")
    return _walked(known)


def _walked(places: Iterable[str]) -> Iterator[str]:
    for place in places:
        if is_url(place):
            yield from files_at(place, ENDINGS)
            continue
        if not os.path.isdir(place):
            yield place
            continue
        for folder, folders, files in os.walk(place):
            folders.sort()
            yield from (os.path.join(folder, name) for name in sorted(files) if name.endswith(ENDINGS))

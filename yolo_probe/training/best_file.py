"""The file of a run's best model: whether the run has written it, and which copy in it is validated."""

from __future__ import annotations

import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from yolo_probe.checkpoint.reader import read_checkpoint
from yolo_probe.errors import ProbeError
from yolo_probe.hosts.target import resolve_file


@dataclass(frozen=True, slots=True)
class BestFile:
    """The file of the best model, as it was when the run started."""

    path: Path
    identity: object
    """None where there was no such file."""

    @property
    def date(self) -> str | None:
        """The date in the file; None where there was no file, or it has none, as to YOLOv5 v6.0."""
        return self.identity if isinstance(self.identity, str) else None

    def is_earlier(self, path: Path) -> bool:
        """Whether that file is still the one that was there when the run started."""
        return self.identity is not None and path.absolute() == self.path and identity_of(path) == self.identity


def best_of(folder: Path) -> Path:
    """Where hosts save the best model of the run in that folder."""
    return folder / "weights" / "best.pt"


def found_at_start(folder: Path) -> BestFile:
    """The file of the best model that is in the folder of a run before the run has written one."""
    path = best_of(folder).absolute()
    return BestFile(path, identity_of(path))


def validated_copy(best: Path | None) -> Literal["file", "ema"] | None:
    """What its host validates of the best model's file: the stripped model, or the EMA; None where that is not told."""
    saved = None
    if best is not None and best.is_file():
        with suppress(ProbeError, OSError):
            saved = resolve_file(str(best)).saved
    if saved is None or not (saved.stripped or saved.has_ema):
        return None
    return "file" if saved.stripped else "ema"


def identity_of(path: Path) -> object:
    """What tells a checkpoint from any other, and stays when its host strips it; None where there is none.

    That is the date in the file. An older file has none; it is known by the checksums of its tensors, which stay where
    it was stripped before.
    """
    try:
        date = read_checkpoint(path).contents.get("date")
        return date if isinstance(date, str) else _checksums(path)
    except (ProbeError, OSError):
        return None


def _checksums(path: Path) -> object:
    """The checksums of the tensors in a file; of one that is no archive, when it was written."""
    if not zipfile.is_zipfile(path):
        return path.stat().st_mtime_ns
    with zipfile.ZipFile(path) as archive:
        return tuple(each.CRC for each in archive.infolist() if "/data/" in each.filename)

"""Where the record of a training lies: ``probe.json`` in the folder of the run."""

from __future__ import annotations

from pathlib import Path

RECORD = "probe.json"


def record_beside(checkpoint: str) -> Path | None:
    """The record of the run that a checkpoint is of, as the path of the file; None where there is none."""
    folder = Path(checkpoint).absolute().parent
    path = (folder.parent if folder.name == "weights" else folder) / RECORD
    return path if path.is_file() else None

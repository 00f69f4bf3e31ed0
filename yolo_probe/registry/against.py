"""A network beside the one of another git revision: by how much it is heavier."""

from __future__ import annotations

import os.path
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from yolo_probe.errors import ProbeError, TargetError
from yolo_probe.registry.rows import FileRow, target_row


def row_in(revision: str, target: str) -> FileRow | None:
    """The row of a file as a git revision has it, or of another target; None where that revision has no such file.

    Raises: TargetError for a revision that is not known, ProbeError for a file in it that cannot be read.
    """
    path = Path(target)
    if os.path.isfile(revision):
        return target_row(revision)
    if not path.is_file():
        try:
            return target_row(revision)
        except TargetError:
            raise TargetError(
                f"--against {revision}: {target} is no file, and a git revision has files only",
                "Pass a file, or name another network: --against yolov5s.",
            ) from None
    git = shutil.which("git")
    if git is None:
        raise TargetError(f"--against {revision}: found no git", "Install git, or name a file.")
    folder = str(path.resolve().parent)

    def asked(*words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([git, "-C", folder, *words], capture_output=True, check=False)

    if asked("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").returncode:
        raise TargetError(
            f"--against {revision}: found no such revision in the git repository of {target}, nor a file of that name",
            "Fetch it first: a checkout of CI may have one commit only (fetch-depth: 0).",
        )
    shown = asked("show", f"{revision}:./{path.name}")
    if shown.returncode:
        return None
    with TemporaryDirectory() as temporary:
        copy = Path(temporary) / path.name
        copy.write_bytes(shown.stdout)
        try:
            return target_row(str(copy))
        except ProbeError as error:
            raise TargetError(f"{revision}: {str(error).replace(str(copy), target)}", error.remedy) from None


def changes(before: FileRow, after: FileRow) -> str:
    """What changed, each figure in a few words; some other words where nothing did."""
    pairs = (
        ("layers", before.layers, after.layers),
        ("parameters", before.parameters, after.parameters),
        ("GFLOPs", before.gflops, after.gflops),
        ("bytes", before.bytes, after.bytes),
    )
    told = [_change(unit, old, new) for unit, old, new in pairs if old is not None and new is not None and old != new]
    return ", ".join(told) or "as heavy as before"


def _change(unit: str, old: float, new: float) -> str:
    percent = f" ({100 * (new - old) / old:+.1f} %)" if old else ""
    return f"{new - old:+,.6g} {unit}{percent}" if isinstance(old, float) else f"{new - old:+,} {unit}{percent}"

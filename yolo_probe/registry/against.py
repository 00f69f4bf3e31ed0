"""A network beside the one of another git revision: by how much it is heavier."""

from __future__ import annotations

import os.path
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, TypeAlias

from yolo_probe.errors import ProbeError, TargetError
from yolo_probe.registry.rows import FileRow, target_row


def row_in(revision: str, target: str) -> FileRow | None:
    """The row of a file as a git revision has it, or of another target; None where that revision has no such file.

    Its path is the name that the file has there, from the root of the repository if git knows it as renamed. A file
    that has no answer in that revision is a row that says so. Raises: TargetError for a revision that is not known,
    ProbeError for another target without an answer.
    """
    if os.path.isfile(revision):
        return target_row(revision)
    try:
        return _row_of_file(revision, target)
    except TargetError as problem:
        try:
            return target_row(revision)
        except TargetError:
            raise problem from None


def _row_of_file(revision: str, target: str) -> FileRow | None:
    """As ``row_in``, of a file in a git revision. Raises: TargetError for what is no file, or no revision."""
    if not os.path.isfile(target):
        raise TargetError(
            f"--against {revision}: {target} is no file, and a git revision has files only",
            "Pass a file, or name another network: --against yolov5s.",
        )
    with TemporaryDirectory() as temporary:
        path = Path(target).resolve()  # of a link, the file that it leads to
        copy = Path(temporary) / path.name
        name = _checked_out(revision, path, target, copy)
        if not name:
            return None
        try:
            return replace(target_row(str(copy)), path=name)
        except ProbeError as error:
            return FileRow(name, error=str(error).removeprefix(f"{copy}: "))


def _checked_out(revision: str, path: Path, target: str, copy: Path) -> str:
    """Write a file as a git revision has it; the name that it has there, empty where it is not there.

    As git checks it out, so that a pointer of git-lfs becomes the file where git-lfs is set up.
    Raises: TargetError for a revision that is not known.
    """
    git = shutil.which("git")
    if git is None:
        raise TargetError(f"--against {revision}: found no git", "Install git, or name a file.")
    inside = (git, "-C", str(path.parent))

    def asked(*words: str, out: int | BinaryIO = subprocess.PIPE) -> _Done:
        return subprocess.run([*inside, *words], stdout=out, stderr=subprocess.PIPE, check=False)

    found = asked("rev-parse", "--git-dir")
    if found.returncode:
        reason = found.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
        raise TargetError(
            f"--against {revision}: git cannot be asked about {target}: {reason}", "Pass a file of a git repository."
        )
    if asked("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").returncode:
        raise TargetError(
            f"--against {revision}: found no such revision in the git repository of {target}, nor a file of that name",
            "Fetch it first: a checkout of CI may have one commit only (fetch-depth: 0).",
        )
    name, place = target, f"{revision}:./{path.name}"
    if asked("cat-file", "-e", place).returncode:
        name = _before_renaming(asked, revision, path.name)
        place = f"{revision}:{name}"
    for words in (("cat-file", "--filters", place), ("show", place)):
        with copy.open("wb") as stream:
            if name and not asked(*words, out=stream).returncode:
                return name
    return ""


def _before_renaming(asked: Callable[..., _Done], revision: str, name: str) -> str:
    """The path that a file of this folder had in a revision, from the root; empty where git sees no renaming."""
    new = asked("rev-parse", "--show-prefix").stdout.rstrip(b"\n") + os.fsencode(name)
    listed = asked("diff", "--find-renames", "--diff-filter=R", "--name-status", "-z", revision).stdout.split(b"\0")
    return next((os.fsdecode(old) for old, now in zip(listed[1::3], listed[2::3], strict=False) if now == new), "")


_Done: TypeAlias = "subprocess.CompletedProcess[bytes]"


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

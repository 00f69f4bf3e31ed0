"""The rows of a chunk of files, for a worker that may start no processes by multiprocessing: those of Dask are daemons.

A Python of its own does the work, by :mod:`yolo_probe.registry.workers`, with what that allows one file.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pkgutil import resolve_name

from yolo_probe.registry.rows import FileRow, file_row
from yolo_probe.registry.tables import row_of_json
from yolo_probe.registry.workers import rows_of


def rows_of_chunk(paths: Sequence[str], sha256: bool, read: Callable[..., FileRow] = file_row) -> list[FileRow]:
    """The rows of some files, in their order: what a worker does. ``read``: a function of a module, path -> row.

    Raises: RuntimeError with the last line of its errors where the Python that does it fails.
    """
    asked = json.dumps([[*paths], sha256, f"{read.__module__}:{read.__qualname__}"])
    done = subprocess.run([sys.executable, "-m", __name__], input=asked.encode(), capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(said[-1] if said else f"exit code {done.returncode}")
    return [row_of_json(cells) for cells in json.loads(done.stdout)]


def main() -> None:
    """Answer what :func:`rows_of_chunk` asks on standard input."""
    paths, sha256, read = json.load(sys.stdin)
    rows = rows_of(paths, jobs=1, sha256=sha256, read=resolve_name(read))
    json.dump([asdict(row) for row in rows], sys.stdout)


if __name__ == "__main__":
    main()

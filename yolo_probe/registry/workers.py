"""Rows of many files from several processes; a file that takes too long ends its process, and still has its row."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent import futures
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pebble import ProcessExpired, ProcessPool

from yolo_probe.checkpoint.remote import is_url
from yolo_probe.registry.rows import TOO_LARGE, FileRow, file_row

if TYPE_CHECKING:
    from pebble import ProcessFuture

MOST_SECONDS = 5
"""What one file may take."""
MOST_MEMORY = 200 * 2**20
"""Bytes that one file may take, beyond what a worker has before."""
WAITING = 256
"""Files that are handed out before the first of them is answered: one that hangs does not stop the others."""


def rows_of(
    paths: Iterable[str], *, jobs: int, sha256: bool = False, read: Callable[..., FileRow] = file_row
) -> Iterator[FileRow]:
    """The rows of files, in their order, from so many processes. ``read`` makes the row of a path."""
    context = multiprocessing.get_context("forkserver" if _has_forkserver() else "spawn")
    if _has_forkserver():
        context.set_forkserver_preload([__name__])
    pool = ProcessPool(max_workers=jobs, initializer=_limit_memory, context=context)
    waiting: deque[tuple[str, ProcessFuture[FileRow]]] = deque()
    try:
        for path in paths:
            waiting.append((path, pool.submit(read, _most_seconds(path), path, sha256=sha256)))
            if len(waiting) >= WAITING:
                yield _row(*waiting.popleft())
        while waiting:
            yield _row(*waiting.popleft())
    finally:
        pool.stop()
        pool.join()


def _most_seconds(path: str) -> int:
    return 60 if is_url(path) else MOST_SECONDS  # the time of a network is not the file's


def _has_forkserver() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


def _row(path: str, future: ProcessFuture[FileRow]) -> FileRow:
    try:
        row: FileRow = future.result()
        return row
    except futures.TimeoutError:
        return FileRow(path, error=f"took more than {_most_seconds(path)} seconds, and no checkpoint does")
    except MemoryError:
        return FileRow(path, error=TOO_LARGE)
    except ProcessExpired as error:
        return FileRow(path, error=f"ended its process (exit code {error.exitcode})")


def _limit_memory() -> None:
    """Limit the memory of this process, where the system can."""
    with suppress(ImportError, OSError, StopIteration):
        import resource

        status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmData:"))
        resource.setrlimit(resource.RLIMIT_DATA, (1024 * kilobytes + MOST_MEMORY,) * 2)

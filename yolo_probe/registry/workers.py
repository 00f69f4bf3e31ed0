"""Rows of many files from several processes; a file that takes too long ends its process, and still has its row."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent import futures
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pebble import ProcessExpired, ProcessPool

from yolo_probe.checkpoint.remote import is_url
from yolo_probe.errors import TargetError, reason_of
from yolo_probe.registry.rows import TOO_LARGE, FileRow, file_row

if TYPE_CHECKING:
    from pebble import ProcessFuture

MOST_SECONDS = 5
"""What one file may take."""
SECONDS_OF_URL = 60
"""What one file behind a URL may take."""
HASHED_IN_SECOND = 10_000_000
"""Bytes that even a slow disk gives in a second, for a hash."""
MOST_MEMORY = 200 * 2**20
"""Bytes that one file may take, beyond what a worker has before."""
WAITING = 256
"""Files that are handed out before the first of them is answered: one that hangs does not stop the others."""


def rows_of(
    paths: Iterable[str], *, jobs: int, sha256: bool = False, read: Callable[..., FileRow] = file_row
) -> Generator[FileRow, None, None]:
    """The rows of files, in their order, from so many processes. ``read`` makes the row of a path."""
    context = multiprocessing.get_context("forkserver" if _has_forkserver() else "spawn")
    if _has_forkserver():
        context.set_forkserver_preload([__name__])
    pool = ProcessPool(max_workers=jobs, initializer=_limit_memory, context=context)
    waiting: deque[tuple[str, tuple[ProcessFuture[FileRow], float]]] = deque()
    try:
        for path in paths:
            waiting.append((path, _submitted(pool, read, path, sha256)))
            if len(waiting) >= WAITING:
                yield _row(*waiting.popleft())
        while waiting:
            yield _row(*waiting.popleft())
    finally:
        pool.stop()
        pool.join()


def _submitted(
    pool: ProcessPool, read: Callable[..., FileRow], path: str, sha256: bool
) -> tuple[ProcessFuture[FileRow], float]:
    """The row to come of a file, and the seconds that it may take. Raises: TargetError where no process starts."""
    seconds = _most_seconds(path, sha256)
    try:
        with without_interrupts():
            return pool.submit(read, seconds, path, sha256=sha256), seconds
    except (OSError, RuntimeError) as error:
        raise TargetError(
            f"scan: no process can be started: {reason_of(error.__cause__ or error)}",
            "Check the limits of processes and of open files (ulimit -a).",
        ) from None


def _most_seconds(path: str, sha256: bool) -> float:
    """The seconds of a file; the time of a network, and of a hash of all of it, are not the file's."""
    if is_url(path):
        return SECONDS_OF_URL
    with suppress(OSError, ValueError):
        return MOST_SECONDS + (os.path.getsize(path) / HASHED_IN_SECOND if sha256 else 0)
    return MOST_SECONDS


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Start processes and threads that Ctrl-C does not reach: this thread alone is interrupted, and ends them.

    What is blocked when one starts stays so in it and in its children; here the signal waits until the end.
    """
    if not _has_forkserver():
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # which itself unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _has_forkserver() -> bool:
    return "forkserver" in multiprocessing.get_all_start_methods()


def _row(path: str, submitted: tuple[ProcessFuture[FileRow], float]) -> FileRow:
    future, seconds = submitted
    try:
        row: FileRow = future.result()
        return row
    except futures.TimeoutError:
        return FileRow(path, error=f"took more than {seconds:.0f} seconds, and no checkpoint does")
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

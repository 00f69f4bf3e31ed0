"""Rows of many files from the workers of a Dask cluster; a chunk whose worker is lost is done again by another one."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import CancelledError
from itertools import islice
from pkgutil import resolve_name
from typing import Any

from yolo_probe import __version__
from yolo_probe.errors import TargetError, first_words, reason_of
from yolo_probe.registry.chunk import rows_of_chunk
from yolo_probe.registry.rows import FileRow
from yolo_probe.registry.workers import without_interrupts

OPTION = "--engine dask"
CHUNK = 64
"""Files of one task."""
WAITING_TASKS = 64
"""Tasks that are handed out at a time, so that memory stays flat."""
SECONDS_TO_CONNECT = 10
SILENT = logging.CRITICAL + 1


def rows_from_cluster(
    paths: Iterable[str], *, scheduler: str | None, jobs: int, sha256: bool = False
) -> Generator[FileRow, None, None]:
    """The rows of files, each once, in their order.

    ``scheduler``: the address of one; None: a cluster of so many ``jobs`` on this machine.
    Raises: TargetError where Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise TargetError(f"{OPTION} needs dask.distributed", "pip install distributed") from None
    _quieten()
    if scheduler is None:
        with without_interrupts():
            place: Any = LocalCluster(
                n_workers=jobs, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=SILENT
            )
    else:
        place = scheduler
    try:
        client = Client(place, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise TargetError(
            f"--scheduler {scheduler}: no scheduler of Dask answers there: {first_words(error)}",
            "Start one with `dask scheduler`, and name its address, such as tcp://host:8786.",
        ) from None
    return _rows(client, paths, sha256, own=None if scheduler else place)


def _quieten() -> None:
    """Keep the logs of Dask from the screen: what happens to the connection is said once, by this command."""
    for name in [*logging.root.manager.loggerDict]:
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(SILENT)


def _rows(client: Any, paths: Iterable[str], sha256: bool, *, own: Any) -> Generator[FileRow, None, None]:
    """The rows of files from a cluster, and its end; ``own``: one that ends with them."""
    remaining = iter(paths)
    chunks = iter(lambda: list(islice(remaining, CHUNK)), [])
    waiting: deque[tuple[list[str], Any]] = deque()

    def submitted(chunk: list[str]) -> tuple[list[str], Any]:
        return chunk, client.submit(rows_of_chunk, chunk, sha256, pure=False)

    try:
        _require_workers_with_us(client)
        waiting.extend(map(submitted, islice(chunks, WAITING_TASKS)))
        while waiting:
            chunk, future = waiting.popleft()
            try:
                rows = future.result()
                future.release()  # else __del__ does, in which Ctrl-C is lost
                yield from rows
            except CancelledError:
                raise TargetError(
                    f"{OPTION}: the connection to the scheduler is lost",
                    "The rows so far are whole: start it again, and go on with --resume FILE.",
                ) from None
            except Exception as failure:  # whatever the worker met: none of the rows has come
                if len(chunk) == 1:
                    yield FileRow(chunk[0], error=f"its worker failed: {reason_of(failure)}")
                else:  # one of them ended every worker that tried: each by itself
                    waiting.extendleft(submitted([path]) for path in reversed(chunk))
            if following := next(chunks, None):
                waiting.append(submitted(following))
    finally:
        client.close()
        if own is not None:
            own.close()


def _require_workers_with_us(client: Any) -> None:
    """Refuse a cluster with a worker that has no yolo-probe, which a task of it would end. Raises: TargetError."""
    client.wait_for_workers(1)
    found = client.run(resolve_name, f"{__name__}:__version__", on_error="return")
    if without := [address for address, version in found.items() if version != __version__]:
        raise TargetError(
            f"{OPTION}: {len(without):,} of {len(found):,} workers have no yolo-probe {__version__}, such as "
            f"{without[0]}",
            "Install the same version there: pip install yolo-probe.",
        )

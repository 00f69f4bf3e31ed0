"""Rows of many files from the workers of a Dask cluster; a chunk whose worker is lost is done again by another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from yolo_probe.errors import TargetError, first_words, reason_of
from yolo_probe.registry.rows import FileRow, file_row

CHUNK = 32
"""Files of one task."""
WAITING_TASKS = 64
"""Tasks that are handed out at a time, so that memory stays flat."""
SECONDS_TO_CONNECT = 10


def rows_of_chunk(paths: Sequence[str], sha256: bool) -> list[FileRow]:
    """The rows of some files, in their order: what a worker does."""
    return [file_row(path, sha256=sha256) for path in paths]


def rows_from_cluster(
    paths: Iterable[str], *, scheduler: str | None, jobs: int, sha256: bool = False
) -> Iterator[FileRow]:
    """The rows of files, each once, in the order in which chunks are finished.

    ``scheduler``: the address of one; None: a cluster of so many ``jobs`` on this machine.
    Raises: TargetError where Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError:
        raise TargetError("--engine dask needs dask.distributed", "pip install 'yolo-probe[dask]'") from None
    if scheduler is None:
        place: Any = LocalCluster(n_workers=jobs, threads_per_worker=1, dashboard_address=None)
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


def _rows(client: Any, paths: Iterable[str], sha256: bool, *, own: Any) -> Iterator[FileRow]:
    """The rows of files from a cluster, and its end; ``own``: one that ends with them."""
    from distributed import as_completed

    remaining = iter(paths)
    chunks = iter(lambda: list(islice(remaining, CHUNK)), [])
    handed: dict[Any, list[str]] = {}

    def submit(chunk: list[str]) -> Any:
        future = client.submit(rows_of_chunk, chunk, sha256, pure=False)
        handed[future.key] = chunk
        return future

    try:
        done = as_completed([submit(chunk) for chunk in islice(chunks, WAITING_TASKS)], loop=client.loop)
        for future in done:
            chunk = handed.pop(future.key)
            failure = future.exception()
            if failure is None:
                yield from future.result()
            elif len(chunk) == 1:
                yield FileRow(chunk[0], error=f"its worker failed: {reason_of(failure)}")
            else:  # one of them ended every worker that tried: each by itself
                for path in chunk:
                    done.add(submit([path]))
            if following := next(chunks, None):
                done.add(submit(following))
    finally:
        client.close()
        if own is not None:
            own.close()

"""Files behind a URL, of which only what is asked for is transferred: ``https://``, ``s3://``, ``zip://a.pt::b.zip``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from yolo_probe.errors import CheckpointError, first_words, reason_of

BLOCK = 16 << 10
"""Bytes that are transferred at least, so that neighbouring small parts are one request."""
PART, NOT_FOUND, NOTHING_THERE = 206, 404, 416
"""What a server of HTTP answers with a part of a file, without the file, and where a file has no such part."""
MOST_KEPT = 1 << 20
"""Bytes of a part that is kept, to be read again without a request."""


COPY_THE_FILE = "the file is damaged or incomplete: download or copy it again"


def ends_early(missing: int, start: int, length: int) -> CheckpointError:
    """The error of a file, here or elsewhere, that lacks the last of ``length`` bytes from ``start`` on."""
    return CheckpointError(
        f"ends {missing:,} bytes too early while {length:,} are read at byte {start:,}", COPY_THE_FILE
    )


def is_url(path: str) -> bool:
    """Whether a path is a URL as fsspec takes it."""
    return re.match(r"[a-z][a-z0-9+.-]*://", path) is not None


@dataclass(slots=True)
class RemoteFile:
    """A file of an fsspec file system, read by ranges."""

    filesystem: Any
    place: str
    size: int
    """Bytes."""
    modified: int = 0
    """Not known of all file systems, and not asked for."""
    _blocks: list[tuple[int, bytes]] = field(default_factory=list)

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start`` on; CheckpointError if the file has fewer, or is not reachable any more."""
        for first, block in self._blocks:
            if first <= start and start + length <= first + len(block):
                return block[start - first : start - first + length]
        end = min(start + max(length, BLOCK), self.size)
        block = _asked(lambda: self._part(start, end)) if end > start else b""
        if len(block) < length:
            raise ends_early(length - len(block), start, length)
        if length < MOST_KEPT:
            self._blocks.append((start, block))
        return block[:length]

    def _part(self, start: int, end: int) -> bytes:
        """The bytes of a range; of a server of HTTP that sends whole files only, none of them.

        Such a server answers ``cat_file`` with the whole file, whatever its size. Its opened file asks for the same
        range, but reads no further where the answer is none.
        """
        if not _is_http(self.filesystem):
            return bytes(self.filesystem.cat_file(self.place, start=start, end=end))
        with self.filesystem.open(self.place, "rb", block_size=BLOCK, cache_type="none", size=self.size) as file:
            if not hasattr(file, "async_fetch_range"):  # a stream
                raise _whole_only()
            file.seek(start)
            try:
                return bytes(file.read(end - start))
            except ValueError as error:
                raise _whole_only() from error


def _whole_only() -> CheckpointError:
    return CheckpointError("its server sends whole files only, no parts of them", "download it, and pass the file")


@contextmanager
def opened_url(url: str) -> Iterator[RemoteFile]:
    """The file behind a URL. Raises: CheckpointError where there is none, or fsspec or a package of it is missing."""
    filesystem, place = _file_system(url)
    size = _asked(lambda: _size_of(filesystem, place))
    if size is None:
        raise CheckpointError("its server does not say how large it is", "download it, and pass the file")
    yield RemoteFile(filesystem, place, int(size))


def _size_of(filesystem: Any, place: str) -> int | None:
    """The size of a file in bytes; None where its server does not say it."""
    size: int | None
    if _is_http(filesystem):
        from fsspec.asyn import sync

        size = sync(filesystem.loop, _size_by_range, filesystem, place)
    else:
        size = filesystem.size(place)
    return size


async def _size_by_range(filesystem: Any, place: str) -> int | None:
    """The size that a server of HTTP says beside the first byte: where a URL is signed, it may refuse HEAD."""
    session, first = await filesystem.set_session(), {"Range": "bytes=0-0", "Accept-Encoding": "identity"}
    async with session.get(filesystem.encode_url(place), headers=first) as answer:
        if answer.status == NOT_FOUND:
            raise FileNotFoundError(place)
        if answer.status == NOTHING_THERE:
            return 0
        answer.raise_for_status()
        if answer.status != PART:
            raise _whole_only()
        size = answer.headers.get("Content-Range", "").rpartition("/")[2]
        return int(size) if size.isdecimal() else None


def _is_http(filesystem: Any) -> bool:
    return "http" in filesystem.protocol


def files_at(url: str, endings: tuple[str, ...]) -> Iterator[str]:
    """The URLs of the files below a URL that end so, in order; the URL itself where it is a file.

    Raises: CheckpointError as ``opened_url``.
    """
    if url.partition("?")[0].endswith(endings):
        yield url
        return
    filesystem, place = _file_system(url)
    if not _asked(lambda: filesystem.isdir(place)):
        yield url
        return
    chain = "::".join(url.split("::")[1:])
    for name in sorted(_asked(lambda: filesystem.find(place))):
        if name.endswith(endings):
            whole = filesystem.unstrip_protocol(name)
            yield f"{whole}::{chain}" if chain else whole


def _file_system(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise CheckpointError("a URL, and fsspec is not installed", "pip install 'fsspec[http]'") from None
    filesystem, place = _asked(lambda: url_to_fs(url))
    return filesystem, place


def _asked(ask: Any) -> Any:
    """What a file system answers. Raises: CheckpointError for whatever it raises."""
    try:
        return ask()
    except CheckpointError:
        raise
    except FileNotFoundError as error:
        if error.__cause__ and getattr(error.__cause__, "status", None) != NOT_FOUND:  # of HTTP, whatever it is
            raise _unreadable(error.__cause__) from None
        raise CheckpointError("no such file", "check the URL") from None
    except ImportError as error:
        raise CheckpointError(f"its file system cannot be used: {first_words(error)}", "pip install it") from None
    except Exception as error:  # each file system has its own
        raise _unreadable(error) from None


def _unreadable(error: BaseException) -> CheckpointError:
    status, told = getattr(error, "status", 0), getattr(error, "message", "")  # of HTTP: its str() ends with the URL
    words = f"{status} {told.splitlines()[0]}" if status and told else reason_of(error)
    return CheckpointError(f"cannot be read: {words}", "check the URL and the access to it")

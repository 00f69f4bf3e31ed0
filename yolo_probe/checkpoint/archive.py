"""What kind of file this is, and where in a zip archive its parts are.

A path gives an open regular file and, for an archive as ``torch.save`` writes it, the position of every entry. A file
of any other kind is refused: the message says which kind it is and what to do. Nothing is unpacked or decompressed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from stat import S_ISREG
from struct import unpack_from

from yolo_probe.checkpoint.remote import COPY_THE_FILE, RemoteFile, ends_early, is_url, opened_url
from yolo_probe.errors import CheckpointError

PASS_A_CHECKPOINT = "pass a YOLOv5 checkpoint such as best.pt"

_MAX_DIRECTORY_BYTES = 16 << 20
# the signatures of the zip format
_END, _END64, _LOCATOR64, _ENTRY, _HEADER = b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\1\2", b"PK\3\4"


@dataclass(frozen=True, slots=True)
class Entry:
    """One member of the archive, or one storage of a legacy file."""

    name: str
    header: int
    """Offset in the file of its local header, after which its bytes begin."""
    size: int
    """Bytes of its content."""
    stored: bool
    """Whether its bytes are in the file unchanged, neither compressed nor encrypted."""


@dataclass(frozen=True, slots=True)
class File:
    """An open regular file."""

    descriptor: int
    size: int
    """Bytes."""
    modified: int
    """Time of the last change in nanoseconds, to notice a file that was replaced."""

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start`` on; CheckpointError if the file has fewer."""
        os.lseek(self.descriptor, start, os.SEEK_SET)
        parts = []
        missing = length
        while missing > 0 and (part := os.read(self.descriptor, missing)):
            parts.append(part)
            missing -= len(part)
        if missing > 0:
            raise ends_early(missing, start, length)
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Part:
    """A file that an archive holds as it is, neither compressed nor encrypted."""

    archive: File | RemoteFile
    start: int
    """Offset of its first byte in the archive."""
    size: int
    """Bytes."""
    modified: int

    def read(self, start: int, length: int) -> bytes:
        """``length`` bytes from ``start`` on; CheckpointError if the file has fewer."""
        if (missing := start + length - self.size) > 0:
            raise ends_early(missing, start, length)
        return self.archive.read(self.start + start, length)


Readable = File | RemoteFile | Part
"""What is read by ranges of bytes."""


@contextmanager
def opened(path: str) -> Iterator[Readable]:
    """The regular file at that path, or the file behind that URL; symbolic links are followed.

    Raises: CheckpointError for a missing file, a directory, a device, a pipe, or one that may not be read.
    """
    if is_url(path):
        with ExitStack() as stack:
            yield _opened_part(path, stack) or stack.enter_context(opened_url(path))
        return
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        if os.path.isdir(path):
            raise _directory(path)
        if not S_ISREG(os.stat(path).st_mode):
            raise CheckpointError("a device, a pipe or a socket, expected a regular file", PASS_A_CHECKPOINT)
        descriptor = os.open(path, flags)
    except FileNotFoundError as error:
        raise CheckpointError("no such file", "check the path") from error
    except PermissionError as error:
        raise CheckpointError("permission denied", "change its permissions or copy it") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CheckpointError(f"cannot be opened: {reason}", "check the path and where its links lead") from error
    try:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode):
            raise CheckpointError("a device, a pipe or a socket, expected a regular file", PASS_A_CHECKPOINT)
        yield File(descriptor, status.st_size, status.st_mtime_ns)
    finally:
        os.close(descriptor)


def _opened_part(url: str, stack: ExitStack) -> Part | None:
    """The file of ``zip://FILE::ARCHIVE``, where the archive holds it as it is; else None, for fsspec to unpack.

    fsspec itself reads all that is before it, as Python's zipfile does.
    """
    kind, _, chain = url.partition("://")
    inside, _, place = chain.partition("::")
    if kind != "zip" or not place:
        return None
    try:
        outside = stack.enter_context(opened(place))
        if isinstance(outside, Part) or not (entry := entries(outside).get(inside.lstrip("/"))) or not entry.stored:
            return None
        return Part(outside, content_start(outside, entry), entry.size, outside.modified)
    except CheckpointError:  # fsspec says why, or knows more forms
        return None


def _directory(path: str) -> CheckpointError:
    if not os.access(path, os.R_OK | os.X_OK):
        return CheckpointError("a directory, permission denied", "change its permissions")
    for inside in (("weights", "best.pt"), ("best.pt",), ("weights", "last.pt"), ("last.pt",)):
        candidate = os.path.join(path, *inside)
        if os.path.isfile(candidate):
            return CheckpointError("a directory, a training run by its contents", f"pass {candidate}")
    return CheckpointError("a directory, expected a file", PASS_A_CHECKPOINT)


def entries(file: Readable) -> dict[str, Entry]:
    """Every entry of a zip archive by its name, in the order of its directory.

    Raises: CheckpointError for a directory that is missing, broken or larger than the file, and for entries that have
    one name or add up to more than the file has.
    """
    start, size, count = _find_directory(file)
    if size > _MAX_DIRECTORY_BYTES:
        raise CheckpointError(f"its zip directory claims {size:,} bytes, more than any checkpoint needs", COPY_THE_FILE)
    directory = file.read(start, size)
    found: dict[str, Entry] = {}
    position = total = 0
    while position < size:
        if position + 46 > size or directory[position : position + 4] != _ENTRY:
            raise CheckpointError(f"its zip directory is broken at byte {start + position:,}", COPY_THE_FILE)
        flags, method = unpack_from("<2H", directory, position + 8)
        packed, unpacked, name_length, extra_length, comment_length = unpack_from("<2L3H", directory, position + 20)
        header = unpack_from("<L", directory, position + 42)[0]
        name_end = position + 46 + name_length
        name = directory[position + 46 : name_end].decode("utf-8", "backslashreplace")
        if 0xFFFFFFFF in (packed, unpacked, header):
            extra = directory[name_end : name_end + extra_length]
            unpacked, packed, header = _widened(extra, (unpacked, packed, header))
        if name in found:
            raise CheckpointError(
                f"two entries of the archive are called {name}, which torch.save never writes", COPY_THE_FILE
            )
        if header + 30 + packed > start:
            raise CheckpointError(f"entry {name} of the archive lies outside the file", COPY_THE_FILE)
        found[name] = Entry(name, header, unpacked, stored=method == 0 and not flags & 1 and packed == unpacked)
        total += packed
        position = name_end + extra_length + comment_length
    if total > file.size:
        raise CheckpointError(f"its entries claim {total:,} bytes, the file has {file.size:,}", COPY_THE_FILE)
    if len(found) != count:
        raise CheckpointError(f"its zip directory has {len(found):,} entries and claims {count:,}", COPY_THE_FILE)
    return found


def _find_directory(file: Readable) -> tuple[int, int, int]:
    """Offset and size of the zip directory, and the number of entries that it is to have."""
    tail_start = max(file.size - 22 - 0xFFFF, 0)
    tail = file.read(tail_start, file.size - tail_start)
    at = tail.rfind(_END)
    if at >= 0 and at + 22 < len(tail):
        raise CheckpointError(
            f"{len(tail) - at - 22:,} bytes are behind its zip directory, and torch.save ends with that", COPY_THE_FILE
        )
    if at < 0 or at + 22 > len(tail):
        raise CheckpointError(
            f"cut short: the zip directory at its end is missing ({file.size:,} bytes are there)",
            "download or copy the file again",
        )
    count, size, start = unpack_from("<H2L", tail, at + 10)
    end = tail_start + at
    if at >= 20 and tail[at - 20 : at - 16] == _LOCATOR64:
        end = unpack_from("<Q", tail, at - 12)[0]
        if end + 56 > file.size or (record := file.read(end, 56))[:4] != _END64:
            raise CheckpointError("its zip directory is broken: the 64-bit end record is missing", COPY_THE_FILE)
        count, size, start = unpack_from("<3Q", record, 32)
    if start + size > end:
        raise CheckpointError("its zip directory is broken: it would lie outside the file", COPY_THE_FILE)
    return start, size, count


def _widened(extra: bytes, values: tuple[int, int, int]) -> list[int]:
    """The values, each of 0xFFFFFFFF replaced by its 64-bit value from the entry's extra field."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = unpack_from("<2H", extra, position)
        if kind == 1:
            wide = iter(unpack_from(f"<{min(length, len(extra) - position - 4) // 8}Q", extra, position + 4))
            return [next(wide, value) if value == 0xFFFFFFFF else value for value in values]
        position += 4 + length
    return list(values)


def content_start(file: Readable, entry: Entry) -> int:
    """Offset in the file of an entry's first byte.

    Raises: CheckpointError where the local header before it is not this entry's.
    """
    header = file.read(entry.header, 30)
    name_length, extra_length = unpack_from("<2H", header, 26)
    if header[:4] != _HEADER or file.read(entry.header + 30, name_length) != entry.name.encode():
        raise CheckpointError(f"entry {entry.name} of the archive is not where the directory says", COPY_THE_FILE)
    return entry.header + 30 + int(name_length) + int(extra_length)


def foreign(file: Readable) -> CheckpointError | None:
    """The error for a file that is neither a zip archive nor a pickle, by its first bytes; None for one of these."""
    head = file.read(0, min(file.size, 1024))
    if not head:
        return CheckpointError("an empty file (0 bytes)", "download or copy the file again")
    if head[257:262] == b"ustar" or _is_tar(head[:512]):
        hidden = "by the checksum of its first block: PyTorch would unpack it, whatever else it is"
        kind = "perhaps in PyTorch's format before 2017" if head[257:262] == b"ustar" else hidden
        return CheckpointError(
            f"a tar archive, {kind}", "unpack it and pass the .pt inside, or save it again with a current PyTorch"
        )
    if head.startswith(_HEADER) or (head[0] == 0x80 and head[1:2] in (b"\2", b"\3", b"\4", b"\5")):
        return None
    if head.startswith(b"version https://git-lfs"):
        size = next((line[5:] for line in head.split(b"\n") if line.startswith(b"size ") and line[5:].isdigit()), b"")
        real = f"{int(size):,} bytes" if 0 < len(size) < 20 else "unknown"
        return CheckpointError(f"a git-lfs pointer, not the checkpoint itself (real size: {real})", "run git lfs pull")
    for start, found in _MAGIC.items():
        if head.startswith(start):
            return CheckpointError(f"{found}, not a PyTorch checkpoint", PASS_A_CHECKPOINT)
    for start, found in ((_END, "an empty zip archive"), (b"TFL3", "a TensorFlow Lite model")):
        if head.startswith(start) or head[4:8] == start:
            return CheckpointError(f"{found}, not a PyTorch checkpoint", PASS_A_CHECKPOINT)
    if len(head) > 8 and int.from_bytes(head[:8], "little") < file.size and head[8:9] == b"{":
        return CheckpointError("a safetensors file: weights only, without the architecture", PASS_A_CHECKPOINT)
    if head[0] == 8 and head[2:3] == b"\x12" and _is_message(head[3:]):
        return CheckpointError("a CoreML model, which has no YOLOv5 modules", "pass the .pt that it was exported from")
    if head[0] == 8 and len(head) > 2 and head[1] < 32 and head[2] in b"\x12\x1a\x22\x2a\x32\x3a\x42":
        return CheckpointError("an ONNX model, which has no YOLOv5 modules", "pass the .pt that it was exported from")
    return _text(head) or CheckpointError(
        f"not a PyTorch checkpoint (first bytes {head[:8].hex(' ')})", PASS_A_CHECKPOINT
    )


def _is_message(field: bytes) -> bool:
    """Whether a field of a protocol buffer, its length first, holds a message, as CoreML's description; else a text."""
    start = next((i + 1 for i, byte in enumerate(field[:4]) if byte < 128), 0)
    return field[start : start + 1] == b"\n"


def _is_tar(block: bytes) -> bool:
    """Whether a file begins as a tar archive: its first block has the sum of its own bytes in it.

    Source: ``TarInfo.frombuf`` in Python's tarfile, which torch.load asks before it reads a legacy file.
    """
    if len(block) < 512:
        return False
    field = block[148:156]
    if field[0] in (0o200, 0o377):
        told = int.from_bytes(field[1:], "big") - (256**7 if field[0] == 0o377 else 0)
    else:
        text = field.partition(b"\0")[0].strip()
        if not all(byte in b"01234567" for byte in text):
            return False
        told = int(text or b"0", 8)
    others = block[:148] + block[156:]
    signed = sum(byte - 256 * (byte > 127) for byte in others)
    return told in (256 + sum(others), 256 + signed)


_MAGIC = {
    b"\x93NUMPY": "a NumPy file (.npy)",
    b"<?xml": "an XML file, perhaps an OpenVINO model (.xml beside .bin)",
    b"\x1f\x8b": "gzip data",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ": "xz data",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x89HDF": "an HDF5 file",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
}


def _text(head: bytes) -> CheckpointError | None:
    try:
        # the last bytes may be part of a character that the limit has cut
        text = head.decode("utf-8-sig") if len(head) < 1024 else head[:-4].decode("utf-8-sig", "ignore")
    except UnicodeDecodeError:
        return None
    if any(ord(character) < 32 and character not in "\t\n\r\f" for character in text) or "\x7f" in text:
        return None
    start = text.lstrip().lower()
    if start.startswith("<"):
        return CheckpointError("a web page (HTML or XML): the download failed", "download the file itself again")
    if any(line.strip() in ("[net]", "[network]") for line in start.splitlines()):
        return CheckpointError(
            "a .cfg of Darknet, which describes a network that no YOLOv5 builds",
            "pass a checkpoint, a model YAML, or the name of a network such as yolov3",
        )
    if re.match(r'[{\[]\s*["{\[\d}\]-]', start):
        return CheckpointError("JSON text, not a checkpoint: perhaps the download failed", "download the file again")
    return CheckpointError(
        f"text, not a checkpoint (it begins {text.strip()[:24]!r})",
        "download the file again; a model's YAML needs the ending .yaml",
    )


def misplaced(names: Mapping[str, Entry]) -> CheckpointError:
    """The error for a zip archive without ``data.pkl``, by what it has instead."""
    if inside := [name for name in names if name.endswith((".pt", ".pth"))]:
        return CheckpointError(f"a zip archive that contains {inside[0]}", f"unpack it and pass {inside[0]}")
    if names and all(name.endswith(".npy") for name in names):
        return CheckpointError("a NumPy file (.npz), not a PyTorch checkpoint", PASS_A_CHECKPOINT)
    listed = ", ".join(list(names)[:3]) or "nothing"
    return CheckpointError(f"a zip archive without a checkpoint's data.pkl (it has {listed})", PASS_A_CHECKPOINT)

"""Hostile containers: tricks of zips, files that are two kinds at once, and files of other tools that are broken."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile, ZipInfo

from tests.attacks.families import Attack, control, saved, written
from tests.checkpoint_files import LEGACY_MAGIC, save_legacy, save_zip

CALL = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R."
"""A pickle that runs a command when it is loaded."""


def attacks() -> Iterator[Attack]:
    """Every hostile container."""
    yield from zips()
    yield from two_kinds()
    yield from of_other_tools()


def members() -> dict[str, bytes]:
    """The entries of the control."""
    with ZipFile(io.BytesIO(saved())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zips() -> Iterator[Attack]:
    """Zips that no torch.save writes: entries over each other, two of a name, links, packed or streamed ones."""
    for name, method in (("deflated", ZIP_DEFLATED), ("bzip2", ZIP_BZIP2), ("lzma", ZIP_LZMA)):
        for part in ("data.pkl", "data/0", "version", "byteorder"):
            yield Attack(f"zip {name} {part}", lambda path, part=part, method=method: _mixed(path, {part: method}))
    for odd in (
        "../evil.pkl",
        "/etc/passwd",
        "C:\\evil",
        "archive/../archive/data.pkl",
        "archive//data.pkl",
        "archive/data.pkl/",
        "archive\\data.pkl",
        "./archive/data.pkl",
        "archive/data/../data.pkl",
        "archive/\u202edata",
        "archive/\x1b[2Jx",
        "archive/data/00",
        "archive/data/0 ",
        "archive/.data/serialization_id",
        "x" * 60_000,
        "archive/\uff24\uff21\uff34\uff21.pkl",
        "archive/data.PKL",
        "archive/\u017f",
        "archive/S",
    ):
        yield Attack(f"zip more {odd[:40]!a}", lambda path, odd=odd: save_zip(path, {**members(), odd: CALL}))
    for part in ("archive/data.pkl", "archive/data/0", "archive/version"):
        for first in (True, False):
            yield Attack(
                f"zip twice {part} {'before' if first else 'behind'}",
                lambda path, part=part, first=first: _twice(path, part, first),
            )
        yield Attack(f"zip link {part}", lambda path, part=part: _linked(path, part))
        for field in ("flags", "method", "crc", "packed", "size", "name length", "extra length"):
            yield Attack(f"zip local {field} {part}", lambda path, part=part, field=field: _local(path, part, field))
        for field in ("flags", "crc", "packed", "size", "offset", "comment length", "disk"):
            yield Attack(
                f"zip central {field} {part}", lambda path, part=part, field=field: _central(path, part, field)
            )
    yield Attack("zip streamed", _streamed)
    yield Attack("zip entries of one place", _one_place)
    yield Attack("zip entries over each other", _overlapping)
    yield Attack("zip of a password", lambda path: _mixed(path, {}, flags=1))
    yield Attack("zip of strong encryption", lambda path: _mixed(path, {}, flags=0x41))
    yield Attack("zip of masked headers", lambda path: _mixed(path, {}, flags=0x2000))
    yield Attack("zip of patches", lambda path: _mixed(path, {}, flags=0x20))
    for junk in (b"\0" * 4096, b"MZ" + bytes(510), b"#!/bin/sh\nrm -rf /\n", b"%PDF-1.4\n", saved()[:300], CALL):
        yield Attack(f"zip behind {junk[:8]!r}", written(junk + saved()))
        yield Attack(f"zip before {junk[:8]!r}", written(saved() + junk))
    yield Attack("zip of many parts", lambda path: path.write_bytes(_end(4, struct.pack("<HH", 3, 2))))
    yield Attack("zip end of a far directory", lambda path: path.write_bytes(_end(16, b"\xfe\xff\xff\xff")))
    yield Attack("zip end of a long comment", lambda path: path.write_bytes(_end(20, b"\xff\xff")))
    yield Attack("zip without a directory", lambda path: path.write_bytes(_end(12, bytes(8))))


def _mixed(path: Path, packed: dict[str, int], flags: int = 0) -> None:
    """The control with some entries packed by another method, or with flags in every entry."""
    with ZipFile(path, "w") as archive:
        for name, content in members().items():
            archive.writestr(ZipInfo(name), content, packed.get(name.partition("/")[2], ZIP_STORED))
    if flags:
        data = bytearray(path.read_bytes())
        for sign, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
            at = -1
            while (at := data.find(sign, at + 1)) >= 0:
                data[at + place : at + place + 2] = struct.pack("<H", flags)
        path.write_bytes(data)


def _twice(path: Path, name: str, first: bool) -> None:
    """Two entries of one name, the other one with a call in it."""
    found = members()
    with ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if first:
            archive.writestr(name, CALL)
        for each, content in found.items():
            archive.writestr(each, content)
        if not first:
            archive.writestr(ZipInfo(name), CALL)


def _linked(path: Path, name: str) -> None:
    """An entry that is a symbolic link to what would run."""
    with ZipFile(path, "w") as archive:
        for each, content in members().items():
            entry = ZipInfo(each)
            entry.create_system, entry.external_attr = 3, (0o120777 if each == name else 0o100644) << 16
            archive.writestr(entry, b"/etc/passwd" if each == name else content)


_LOCAL = {"flags": 6, "method": 8, "crc": 14, "packed": 18, "size": 22, "name length": 26, "extra length": 28}
_CENTRAL = {"flags": 8, "crc": 16, "packed": 20, "size": 24, "comment length": 32, "disk": 34, "offset": 42}


def _local(path: Path, name: str, field: str) -> None:
    """One field of the header before an entry differs from the directory."""
    data = bytearray(saved())
    with ZipFile(io.BytesIO(saved())) as archive:
        at = archive.getinfo(name).header_offset
    data[at + _LOCAL[field]] ^= 9
    path.write_bytes(data)


def _central(path: Path, name: str, field: str) -> None:
    """One field of an entry in the directory differs from the header before it."""
    data = bytearray(saved())
    at = data.index(name.encode(), data.index(b"PK\1\2")) - 46
    data[at + _CENTRAL[field]] ^= 9
    path.write_bytes(data)


def _streamed(path: Path) -> None:
    """Sizes stand behind each entry, as where a zip is written into a pipe."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

    file = Pipe()
    with ZipFile(file, "w") as archive:
        for name, content in members().items():
            with archive.open(name, "w") as entry:
                entry.write(content)
    path.write_bytes(file.getvalue())


def _one_place(path: Path) -> None:
    """Every storage is the same bytes of the file."""
    data = bytearray(saved())
    first = data.index(b"archive/data/", data.index(b"PK\1\2")) - 46
    place, at = data[first + 42 : first + 46], first
    while (at := data.find(b"PK\1\2", at + 1)) >= 0:
        data[at + 42 : at + 46] = place
    path.write_bytes(data)


def _overlapping(path: Path) -> None:
    """An entry that holds all others, as in the bombs of D. Fifield."""
    inner = saved()
    with ZipFile(path, "w") as archive:
        archive.writestr("archive/data/0", inner)
    data = path.read_bytes()
    start = data.index(inner)
    end = data.rindex(b"PK\5\6")
    directory, at = bytearray(inner[inner.index(b"PK\1\2") : inner.rindex(b"PK\5\6")]), -1
    while (at := directory.find(b"PK\1\2", at + 1)) >= 0:
        offset = struct.unpack("<I", directory[at + 42 : at + 46])[0]
        directory[at + 42 : at + 46] = struct.pack("<I", offset + start)
    size, where = struct.unpack("<II", data[end + 12 : end + 20])
    whole = data[where : where + size] + bytes(directory)
    count = whole.count(b"PK\1\2")
    last = b"PK\5\6" + struct.pack("<4H2LH", 0, 0, count, count, len(whole), where, 0)
    path.write_bytes(data[:where] + whole + last)


def _end(place: int, value: bytes) -> bytes:
    """The control with other bytes in the record at its end."""
    data = bytearray(saved())
    at = data.rindex(b"PK\5\6") + place
    data[at : at + len(value)] = value
    return bytes(data)


def two_kinds() -> Iterator[Attack]:
    """Files that one tool takes for a checkpoint and another for something else."""
    data, header = saved(), json.dumps({"__metadata__": {"format": "pt"}}).encode()
    safetensors = struct.pack("<Q", len(header)) + header
    fronts = {
        "safetensors": safetensors,
        "ONNX": b"\x08\x07\x12\x07pytorch\x1a\x031.9",
        "GGUF": b"GGUF\x03\0\0\0",
        "ELF": b"\x7fELF" + bytes(60),
        "picture": b"\x89PNG\r\n\x1a\n",
        "HDF5": b"\x89HDF\r\n\x1a\n",
        "gzip": b"\x1f\x8b\x08\0\0\0\0\0\0\x03",
        "web page": b"<!doctype html>",
        "YAML": b"nc: 80\n",
        "pickle": CALL,
        "legacy magic": pickle.dumps(LEGACY_MAGIC, 2),
        "legacy head": b"".join(pickle.dumps(part, 2) for part in (LEGACY_MAGIC, 1001, {"little_endian": True})),
    }
    for name, front in fronts.items():
        yield Attack(f"two kinds {name} and zip", written(front + data))
        yield Attack(f"two kinds {name} alone", written(front))
        yield Attack(f"two kinds {name} behind a zip", written(data + front))
    yield Attack("two kinds tar and zip", lambda path: path.write_bytes(_tar(b"best.pt", data) + data))
    yield Attack("two kinds tar of a zip", lambda path: path.write_bytes(_tar(b"archive/data.pkl", CALL)))
    for size in (0, 100, 257, 511, 512, 513, 1024):
        block = bytearray(data[:size].ljust(max(size, 512), b"\0"))
        block[257:262] = b"ustar"
        yield Attack(f"two kinds ustar in {size} bytes", written(bytes(block) + data[size:]))
    yield Attack("two kinds legacy and zip behind it", _legacy_and_zip)
    for name, other in (
        ("constants", "archive/constants.pkl"),
        ("code", "archive/code/__torch__.py"),
        ("debug", "archive/code/__torch__.py.debug_pkl"),
        ("package", "archive/.data/extern_modules"),
        ("mobile", "archive/bytecode.pkl"),
        ("numpy", "archive.npy"),
        ("word", "[Content_Types].xml"),
        ("jar", "META-INF/MANIFEST.MF"),
        ("wheel", "torch-2.0.dist-info/RECORD"),
        ("keras", "config.json"),
        ("apk", "classes.dex"),
    ):
        yield Attack(f"two kinds zip of {name}", lambda path, other=other: save_zip(path, {**members(), other: CALL}))
        yield Attack(f"two kinds {name} alone in a zip", lambda path, other=other: save_zip(path, {other: CALL}))


def _tar(name: bytes, content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo(name.decode())
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def _legacy_and_zip(path: Path) -> None:
    """A whole legacy file, and a whole zip behind it."""
    save_legacy(path, control())
    path.write_bytes(path.read_bytes() + saved())


def of_other_tools() -> Iterator[Attack]:
    """Files of other tools with sizes that lie."""
    for name, length in (("none", 0), ("giant", 2**63), ("half", 2**31), ("past the end", 10**9), ("minus", 2**64 - 1)):
        yield Attack(f"other safetensors {name}", written(struct.pack("<Q", length) + b'{"a":' + b"[" * 4000))
    yield Attack("other safetensors deep", written(struct.pack("<Q", 100_000) + b"{" + b'"a":{' * 20_000))
    for name, head in {
        "TensorRT": b"ftrt\0\0\0\0",
        "TensorRT of ultralytics": struct.pack("<i", 200) + b'{"stride": 32}' + bytes(200),
        "NCNN": b"7767517\n3 3\n",
        "RKNN": b"RKNN\0\0\0\0",
        "ONNX of giants": b"\x08\x07\x12\xff\xff\xff\xff\x7f",
        "OpenVINO": b'<?xml version="1.0"?><net name="\x1b[2J">',
        "TFLite": b"\x1c\0\0\0TFL3" + bytes(16),
        "GGUF of giants": b"GGUF\x03\0\0\0" + b"\xff" * 64,
        "NumPy": b"\x93NUMPY\x01\0\xff\xff{'descr'",
        "MATLAB": b"MATLAB 5.0 MAT-file",
        "SQLite": b"SQLite format 3\0",
        "Java": b"\xca\xfe\xba\xbe\0\0\0\x34",
        "zstd": b"\x28\xb5\x2f\xfd",
        "zlib": zlib.compress(saved()),
        "lzip": b"LZIP\x01",
        "cab": b"MSCF\0\0\0\0",
        "UTF-16": "nc: 80\n".encode("utf-16"),
        "UTF-32": "nc: 80\n".encode("utf-32"),
        "bell": b"\x07" * 900,
        "escapes": b"\x1b[2J\x1b]0;owned\x07 nc: 80",
        "bidi": "\u202eevil\u202c nc: 80".encode(),
        "one byte": b"P",
        "PK": b"PK",
        "end alone": b"PK\5\6" + bytes(18),
        "header alone": b"PK\3\4",
        "0x80": b"\x80",
        "0x80 2": b"\x80\2",
        "git-lfs of giants": b"version https://git-lfs.github.com/spec/v1\nsize " + b"9" * 400 + b"\n",
        "cfg": b"[net]\nwidth=\x1b[31m\n[convolutional]\nfilters=1e999\n",
    }.items():
        yield Attack(f"other {name}", written(head))

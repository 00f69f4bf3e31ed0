"""Hostile files of later kinds: protocol 5, zip64, zips in zips, names of odd signs, archives of old torches."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from tests.attacks import containers, families, objects
from tests.attacks.families import Attack, control, saved, writer, written, zipped
from tests.checkpoint_files import LEGACY_MAGIC, module, network, save, save_zip


def attacks() -> Iterator[Attack]:
    """Every hostile file, also of the other modules."""
    yield from families.attacks()
    yield from newer_pickles()
    yield from names()
    yield from zips()
    yield from old_tars()
    yield from containers.attacks()
    yield from objects.attacks()


def newer_pickles() -> Iterator[Attack]:
    """Opcodes of protocols 4 and 5, numbers without end, and memo entries that are not there."""
    call = b"\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."
    yield Attack("newer STACK_GLOBAL", zipped(b"\x80\x04" + call), runs=True)
    yield Attack("newer STACK_GLOBAL in a FRAME", zipped(b"\x80\x04\x95" + struct.pack("<Q", 28) + call), runs=True)
    hidden = b"\x80\x04\x8c\x05epoch\x94\x8c\x02os\x94\x8c\x06system\x94\x93\x8c\x04true\x85R0}h\x00K\x01s."
    yield Attack("newer STACK_GLOBAL of memoized names", zipped(hidden), runs=True)
    giant = struct.pack("<Q", 2**63)
    bodies = {
        "FRAME past the end": b"\x95" + giant + b"N.",
        "FRAME of a giant": b"\x95" + struct.pack("<Q", 2**40) + b"}.",
        "BINUNICODE8": b"\x8d" + giant + b"a.",
        "BINBYTES8": b"\x8e" + giant + b"a.",
        "BYTEARRAY8": b"\x96" + struct.pack("<Q", 2**33) + b"a.",
        "short BYTEARRAY8": b"\x96" + struct.pack("<Q", 1) + b"a.",
        "NEXT_BUFFER": b"\x97.",
        "READONLY_BUFFER": b"N\x98.",
        "FROZENSET": b"(K\x01K\x02\x91.",
        "ADDITEMS": b"\x8f(K\x01]\x90.",
        "STACK_GLOBAL of numbers": b"K\x01K\x02\x93.",
        "MEMOIZE": b"N" + b"\x94" * 300_000 + b".",
        "far memo": b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff.",
        "no memo": b"j\x01\x00\x00\x00.",
        "BINGET": b"h\x01.",
        "negative LONG4": b"\x8b\xff\xff\xff\xff.",
        "LONG4": b"\x8b" + struct.pack("<i", 1 << 20) + b"\x7f" * (1 << 20) + b".",
        "INT": b"I" + b"9" * 1_000_000 + b"\n.",
        "LONG": b"L" + b"9" * 1_000_000 + b"L\n.",
        "FLOAT": b"F1e999\n.",
        "FLOAT of letters": b"Fabc\n.",
        "nan as a key": b"}(G\x7f\xf8\x00\x00\x00\x00\x00\x00NG\x7f\xf8\x00\x00\x00\x00\x00\x00Nu.",
        "name without end": b"c" + b"a" * 3_000_000,
        "empty name": b"c\n\n.",
        "name of dots": b"c....\n....\n.",
        "a list as a key": b"}(]Nu.",
        "a set in itself": b"\x8f\x94(h\x00\x90.",
        "APPEND to a dict": b"}Na.",
        "SETITEMS of a list": b"](K\x01Nu.",
        "odd SETITEMS": b"}(Nu.",
        "POP of nothing": b"0.",
        "POP_MARK": b"1.",
        "two STOPs": b"N..",
        "TUPLE3": b"\x87.",
    }
    for name, body in bodies.items():
        yield Attack(f"newer {name} zip", zipped(b"\x80\x05" + body))
        yield Attack(f"newer {name} alone", written(b"\x80\x05" + body))
        yield Attack(f"newer {name} legacy", written(_legacy_start() + b"\x80\x02" + body))
    for place in ("epoch", "updates", "best_fitness", "date", "opt"):
        for value, many in (
            (b"\x8b" + struct.pack("<i", 400) + b"\x7f" * 400, "digits"),
            (b"\x8a\xff" + b"\x80" * 255, "sign"),
        ):
            yield Attack(
                f"newer LONG of many {many} in {place}",
                lambda path, place=place, value=value: _in_place(path, place, value),
            )


def _legacy_start() -> bytes:
    parts = [LEGACY_MAGIC, 1001, {"little_endian": True, "protocol_version": 1001, "type_sizes": {}}]
    return b"".join(pickle.dumps(part, 2) for part in parts)


def _in_place(path: Path, key: str, value: bytes) -> None:
    """The control with a value that Python's pickler does not write."""
    marked = 123_456_789
    save(path, control() | {key: marked})
    with ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    name = next(name for name in entries if name.endswith("data.pkl"))
    assert pickle.dumps(marked, 2)[2:-1] in entries[name]
    save_zip(path, entries | {name: entries[name].replace(pickle.dumps(marked, 2)[2:-1], value)})


def names() -> Iterator[Attack]:
    """Names with halves of characters, signs that turn a line round, and names that are twice there."""
    for sign, what in (
        ("\ud800", "half"),
        ("\udfff\ud800", "two halves"),
        ("\u202e", "turned"),
        ("\x00", "zero"),
        ("\x9b31m", "colour"),
        ("\u2028FORGED", "line"),
        ("\x85FORGED", "next line"),
    ):
        odd: Any = network()
        odd.__dict__.update(yaml_file=f"a{sign}.yaml", names=[sign, f"{sign}b"], yaml={"yaml_file": sign, sign: sign})
        yield Attack(f"name {what} of the model", writer(save, control() | {"model": odd}))
        leaf = module("torch.nn.modules.linear.Identity")
        within = module("torch.nn.modules.container.Sequential", children={f"x{sign}": leaf})
        yield Attack(f"name {what} of a module", writer(save, control() | {"model": within}))
        for key in ("date", "git", "opt", "wandb_id", sign):
            value: object = (
                {sign: sign, "freeze": sign, "cfg": f"{sign}.yaml"} if key in ("git", "opt") else f"2021{sign}"
            )
            yield Attack(f"name {what} in {key!a}", writer(save, control() | {key: value}))
        never = module("models.yolo.Model", children={"model": module("models.common.Never", children={sign: leaf})})
        yield Attack(f"name {what} in a class that is not known", writer(save, control() | {"model": never}))


def zips() -> Iterator[Attack]:
    """Zips whose sizes and places are told twice, or that have zips in them."""
    data = saved()
    end = data.rindex(b"PK\5\6")
    size, start = struct.unpack("<II", data[end + 12 : end + 20])
    count = struct.unpack("<H", data[end + 8 : end + 10])[0]
    for name, (entries, length, place, locator) in {
        "right": (count, size, start, end),
        "no entries": (0, size, start, end),
        "many entries": (2**40, size, start, end),
        "long": (count, 2**60, start, end),
        "far": (count, size, 2**62, end),
        "at itself": (count, size, start, end + 56),
        "at 0": (count, size, 0, 0),
        "shifted": (count, size, start + 1, end),
        "negative": (count, size, 2**64 - 1, 2**64 - 1),
    }.items():
        record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, entries, entries, length, place)
        found = record + b"PK\6\7" + struct.pack("<IQI", 0, locator, 1)
        for told in (data[end + 8 : end + 20], b"\xff" * 12):
            last = data[end : end + 8] + told + data[end + 20 :]
            yield Attack(f"zip64 {name}{' alone' * (told[0] == 255)}", written(data[:end] + found + last))
    yield Attack("zip64 another directory", lambda path: path.write_bytes(_two_directories()))
    for extra, name in (
        (struct.pack("<HHQQ", 1, 16, 2**40, 2**40), "giant"),
        (struct.pack("<HHQ", 1, 8, 5), "short"),
        (struct.pack("<HH", 1, 60_000), "cut"),
        (struct.pack("<HHQQQ", 1, 24, 9, 9, 2**50), "far"),
        (struct.pack("<HH", 0x7075, 4) + b"\x01abc", "name"),
    ):
        for full in (False, True):
            yield Attack(
                f"zip64 extra {name}{' of full sizes' * full}",
                lambda path, extra=extra, full=full: path.write_bytes(_with_extra(extra, full)),
            )
    yield Attack("zip in a pickle's place", zipped(data))
    nested = data
    for depth in range(6):
        file = io.BytesIO()
        with ZipFile(file, "w") as archive:
            archive.writestr("best.pt" if depth % 2 else "a/data.pkl", nested)
        nested = file.getvalue()
        yield Attack(f"zip {depth} deep", written(nested))
    yield Attack(
        "zip of many entries",
        lambda path: save_zip(
            path, {f"a/data/{i}": b"" for i in range(70_000)} | {"a/data.pkl": b"\x80\x02}.", "a/version": b"3\n"}
        ),
    )
    yield Attack("zip behind a zip", written(data + data))
    yield Attack(
        "zip of flags",
        lambda path: path.write_bytes(
            data.replace(b"PK\1\2", b"PK\1\2", 1)[: start + 8] + b"\x01\x00" + data[start + 10 :]
        ),
    )


def _two_directories() -> bytes:
    """A zip whose two ends name different directories, one of them with another pickle."""
    call, data = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.", saved()
    file = io.BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", call)
        archive.writestr("archive/version", b"3\n")
    other = file.getvalue()
    end, end_of_other = data.rindex(b"PK\5\6"), other.rindex(b"PK\5\6")
    size, start = struct.unpack("<II", data[end + 12 : end + 20])
    length, place = struct.unpack("<II", other[end_of_other + 12 : end_of_other + 20])
    entries = struct.unpack("<H", other[end_of_other + 8 : end_of_other + 10])[0]
    directory = data[start : start + size]
    front = other[:place] + data[:start]
    theirs = other[place : place + length]
    moved = bytearray(directory)
    at = 0
    while (at := moved.find(b"PK\1\2", at)) >= 0:
        offset = struct.unpack("<I", moved[at + 42 : at + 46])[0]
        moved[at + 42 : at + 46] = struct.pack("<I", offset + place)
        at += 46
    where = len(front)
    body = front + bytes(moved) + theirs
    record = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, entries, entries, length, where + len(moved))
    locator = b"PK\6\7" + struct.pack("<IQI", 0, len(body), 1)
    last = data[end : end + 16] + struct.pack("<I", where) + data[end + 20 :]
    return body + record + locator + last


def _with_extra(extra: bytes, full: bool) -> bytes:
    """The control with an extra field in the directory's first entry. ``full``: its 32-bit sizes say to look there."""
    data = bytearray(saved())
    end = data.rindex(b"PK\5\6")
    size, start = struct.unpack("<II", data[end + 12 : end + 20])
    name_length, extra_length = struct.unpack("<HH", data[start + 28 : start + 32])
    data[start + 30 : start + 32] = struct.pack("<H", extra_length + len(extra))
    if full:
        data[start + 20 : start + 28] = b"\xff" * 8
    place = start + 46 + name_length + extra_length
    data[end + 12 : end + 16] = struct.pack("<I", size + len(extra))
    return bytes(data[:place]) + extra + bytes(data[place:])


def old_tars() -> Iterator[Attack]:
    """Archives of torch before 0.1.10, and what a tar can hold beside files."""
    for name, members in {
        "call": {"pickle": b"cos\nsystem\n(Vtrue\ntR."},
        "sys_info call": {"sys_info": b"cos\nsystem\n(Vtrue\ntR.", "pickle": b"N."},
        "empty": {},
        "no pickle": {"storages": b"\x80\x02K\x00."},
    }.items():
        yield Attack(f"tar {name}", lambda path, members=members: path.write_bytes(_tarred(members)))
    for kind, link in (
        (tarfile.SYMTYPE, "/etc/passwd"),
        (tarfile.LNKTYPE, "pickle"),
        (tarfile.FIFOTYPE, ""),
        (tarfile.CHRTYPE, ""),
    ):
        yield Attack(
            f"tar member of type {kind!r}", lambda path, kind=kind, link=link: path.write_bytes(_tarred({}, kind, link))
        )
    yield Attack(
        "tar giant",
        lambda path: path.write_bytes(_tarred({"pickle": b"N."}).replace(b"00000000002", b"77777777777", 1)),
    )


def _tarred(members: dict[str, bytes], kind: bytes = b"", link: str = "") -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        if kind:
            entry = tarfile.TarInfo("pickle")
            entry.type, entry.linkname = kind, link
            archive.addfile(entry)
    return file.getvalue()

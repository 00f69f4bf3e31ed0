"""Hostile and broken files, family by family, each made of a small network that is the control."""

from __future__ import annotations

import io
import pickle
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from zipfile import ZIP_DEFLATED, ZipFile

from tests.checkpoint_files import (
    LEGACY_MAGIC,
    Asked,
    Storage,
    Writer,
    module,
    named,
    network,
    parameter,
    save,
    save_legacy,
    save_zip,
    tensor,
)

PAYLOADS = (
    "os.system", "posix.system", "nt.system", "os.popen", "os.execv", "os.remove", "subprocess.Popen",
    "subprocess.check_output", "subprocess.run", "builtins.eval", "builtins.exec", "builtins.compile",
    "builtins.__import__", "builtins.open", "builtins.map", "__builtin__.eval", "shutil.rmtree", "pty.spawn",
    "importlib.import_module", "runpy.run_path", "runpy.run_module", "ctypes.CDLL", "pickle.loads", "marshal.loads",
    "timeit.timeit", "cProfile.run", "pdb.run", "code.interact", "webbrowser.open", "socket.create_connection",
    "urllib.request.urlopen", "asyncio.create_subprocess_shell", "multiprocessing.Process", "functools.partial",
    "operator.attrgetter", "operator.methodcaller", "types.FunctionType", "numpy.load", "numpy.testing._private",
    "torch.load", "torch.hub.load", "torch.jit.load", "torch.utils.cpp_extension.load",
    "torch.storage._load_from_bytes",
    "torch.nn.modules.module.torch.hub.load", "models.common.os.system", "models.experimental.attempt_download",
    "utils.general.check_requirements", "ultralytics.utils.checks.check_requirements", "ultralytics.YOLO",
    "pip._internal.main", "setuptools._distutils.spawn", "collections.namedtuple", "argparse.FileType",
)  # fmt: skip
"""Functions and classes that a file could have called."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One hostile file."""

    name: str
    write: Any
    """``write(path)`` makes the file."""
    runs: bool = False
    """Whether loading it would run something, so that the command must exit with 3."""


def control() -> dict[str, object]:
    """The network that most files are made of: 20 parameters in 8 modules."""
    return {"epoch": 3, "best_fitness": 0.5, "model": network(), "ema": None, "optimizer": None, "date": "2024-01-02"}


def attacks() -> Iterator[Attack]:
    """Every hostile file."""
    yield from payloads()
    yield from side_pickles()
    yield from dialects()
    yield from bombs()
    yield from lies()
    yield from differentials()
    yield from flips()
    yield from truncations()


def payloads() -> Iterator[Attack]:
    """A call of each function, in each place of a file, in each container."""
    for path in PAYLOADS:
        for place, content in _places(path):
            for kind, write in (
                ("zip", save), ("zip4", lambda file, value: save(file, value, protocol=4)), ("legacy", save_legacy),
            ):  # fmt: skip
                yield Attack(f"payload {path} {place} {kind}", writer(write, content), runs=True)


def _places(path: str) -> Iterator[tuple[str, object]]:
    call = Asked(path, "true")
    yield "alone", call
    yield "in the date", control() | {"date": call}
    yield "in the options", control() | {"opt": {"epochs": 3, "hyp": {"lr0": [call]}}}
    yield "as a model", control() | {"model": call}
    rebuilt = Asked("torch._tensor._rebuild_from_type_v2", named(path), named("torch.Tensor"), ("true",), None)
    yield "by a function that calls it", control() | {"optimizer": rebuilt}
    hooked: Any = network()
    hooked.__dict__["_forward_hooks"] = {0: call}
    yield "as a hook", control() | {"model": hooked}
    held: Any = network()
    held.__dict__["inplace"] = (call,)
    yield "in an attribute", control() | {"model": held}


def writer(write: Any, content: object) -> Any:
    """What writes a file with that content, by a function of tests/checkpoint_files.py."""
    return lambda path: write(path, content)


def side_pickles() -> Iterator[Attack]:
    """A call in one of the small pickles before the network of a legacy file, or hidden in front of a value."""
    call = b"cos\nsystem\nX\x04\x00\x00\x00true\x85R"
    for place in range(4):
        parts = [LEGACY_MAGIC, 1001, {"little_endian": True, "protocol_version": 1001, "type_sizes": {}}]
        for hidden in (False, True):
            blobs = [pickle.dumps(part, 2) for part in parts]
            if place == 3:
                blobs.append(b"\x80\x02" + call + b"0]." if hidden else b"\x80\x02]" + call + b"a.")
            elif hidden:
                blobs[place] = b"\x80\x02" + call + b"0" + blobs[place][2:]
            else:
                blobs[place] = b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88sX\x01\x00\x00\x00a" + call + b"s."
            whole = b"".join(blobs[:3]) + _body() + b"".join(blobs[3:])
            name = f"side pickle {place}{' hidden' if hidden else ''}"
            yield Attack(name, written(whole), runs=hidden or place in (2, 3))


def _body() -> bytes:
    file = io.BytesIO()
    Writer(file, 2, legacy=True).dump({"epoch": 1})
    return file.getvalue()


def written(content: bytes) -> Any:
    """What writes a file of these bytes."""
    return lambda path: path.write_bytes(content)


def dialects() -> Iterator[Attack]:
    """Opcodes that torch.save never writes."""
    found = b"\x80\x02c__builtin__\ngetattr\ncmodels.common\nConv\nX\x07\x00\x00\x00forward\x86R)R."
    yield Attack("dialect call of what getattr finds", zipped(found), runs=True)
    for name, body in {
        "INST": b"(Vtrue\nios\nsystem\n.", "OBJ": b"(cos\nsystem\nX\x04\x00\x00\x00trueo.", "DUP": b"\x80\x02}2.",
        "NEWOBJ_EX": b"\x80\x04cos\nsystem\n)}\x92.", "EXT1": b"\x80\x02\x82\x01.",
        "LONG4": b"\x80\x02\x8b\xff\xff\xff\x7f.",
        "STRING": b"S'a'\n.", "UNICODE": b"Va\n.", "DICT": b"(d.", "LIST": b"(l.", "GET": b"g0\n.", "PERSID": b"Pa\n.",
        "BYTEARRAY8": b"\x80\x05\x96\x00\x00\x00\x00\xff\xff\xff\x7f.", "NEXT_BUFFER": b"\x80\x05\x97.",
        "PROTO 9": b"\x80\x09N.", "no STOP": b"\x80\x02N", "empty": b"", "a mark": b"\x80\x02(.",
        "BUILD on a name": b"\x80\x02cos\nsystem\n}b.", "call of a call": b"\x80\x02cos\nsystem\n)R)R.",
    }.items():  # fmt: skip
        yield Attack(f"dialect {name} zip", zipped(body))
        yield Attack(f"dialect {name} alone", written(body))


def zipped(body: bytes) -> Any:
    """What writes a zip with that pickle."""
    return lambda path: save_zip(path, {"a/data.pkl": body, "a/version": b"3\n"})


def bombs() -> Iterator[Attack]:
    """Small files that would take much time or memory."""
    yield Attack("bomb nested lists", zipped(b"\x80\x02" + b"(" * 200_000 + b"l" * 200_000 + b"."))
    yield Attack("bomb nested tuples", zipped(b"\x80\x02)" + b"\x85" * 200_000 + b"."))
    yield Attack("bomb hash", zipped(b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"Ns."))
    yield Attack(
        "bomb memo", zipped(b"\x80\x02N" + b"".join(b"r" + struct.pack("<I", i) for i in range(300_000)) + b".")
    )
    yield Attack("bomb names", zipped(b"\x80\x02(" + b"".join(b"ca\nb%d\n" % i for i in range(20_000)) + b"t."))
    yield Attack("bomb opcodes", zipped(b"\x80\x02(" + b"N" * 2_000_000 + b"t."))
    yield Attack("bomb sets", zipped(b"\x80\x04(" + b"\x8f" * 1_400_000 + b"t."))
    yield Attack("bomb frozen sets", zipped(b"\x80\x04(" + b"(\x91" * 700_000 + b"t."))
    yield Attack("bomb deflated pickle", lambda path: save_zip(path, {"a/data.pkl": bytes(1 << 28)}, ZIP_DEFLATED))
    for depth in (70, 1_000):
        deep: object = module("torch.nn.modules.linear.Identity")
        for _ in range(depth):
            deep = module("torch.nn.modules.container.Sequential", children={"0": deep})
        if depth < 100:  # Python's own pickler goes no deeper
            yield Attack(f"bomb {depth} modules deep", writer(save, control() | {"model": deep}))
    within: Any = module("torch.nn.modules.container.Sequential", children={})
    within.__dict__["_modules"]["0"] = within
    yield Attack("bomb a module in itself", writer(save, control() | {"model": within}))
    pair: Any = module("torch.nn.modules.linear.Identity")
    for _ in range(50):
        pair = module("torch.nn.modules.container.Sequential", children={"0": pair, "1": pair})
    yield Attack("bomb 2 ** 50 modules", writer(save, control() | {"model": pair}))
    yield Attack("bomb range", writer(save, control() | {"opt": {"epochs": Asked("builtins.range", 10**15)}}))
    yield Attack("bomb text", writer(save, control() | {"date": "9" * 5_000_000}))
    yield Attack("bomb sparse", _sparse)


def _sparse(path: Path) -> None:
    """A file with a hole, in which the values of a small tensor lie 0.7 GB apart."""
    apart = 700_000_000
    values = Storage("far", "f", [0.0])
    values.numel, values.data = 2 * apart // 4 + 1, b""
    far: Any = network()
    far.__dict__["stride"] = tensor(values, (3,), (apart // 4,))
    save_legacy(path, control() | {"model": far})
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + 2 * apart + 4)


def lies() -> Iterator[Attack]:
    """Tensors that do not fit their storage, and values of a kind that no host writes."""
    values = Storage("x", "f", [1.0, 2.0, 3.0, 4.0])
    for name, shape, strides, offset in (
        ("too many", (5,), (1,), 0), ("offset", (4,), (1,), 1), ("negative", (2,), (-1,), 1),
        ("overflow", (2,), (2**62,), 0),
        ("giant", (2**40, 2**40), (0, 0), 0), ("negative size", (-4,), (1,), 0), ("text", ("4",), (1,), 0),
        ("many axes", (1,) * 100, (1,) * 100, 0), ("huge offset", (1,), (1,), 2**63),
    ):  # fmt: skip
        lied: Any = network()
        lied.__dict__["_parameters"] = {"w": parameter(tensor(values, shape, strides, offset))}  # type: ignore[arg-type]
        yield Attack(f"lie {name}", writer(save, control() | {"model": lied}))
    for name, changes in {
        "in_channels": {"in_channels": 999}, "kernel": {"kernel_size": (99, 99)}, "padding": {"padding": "x"},
        "stride": {"stride": 0}, "groups": {"groups": -1}, "dilation": {"dilation": 10**30},
    }.items():  # fmt: skip
        odd: Any = network()
        rows = odd.__dict__["_modules"]["model"].__dict__["_modules"]
        rows["0"].__dict__["_modules"]["conv"].__dict__.update(changes)
        yield Attack(f"lie of a Conv, {name}", writer(save, control() | {"model": odd}))
    for name in ("weight", "bias"):
        narrow: Any = network()
        norm = narrow.__dict__["_modules"]["model"].__dict__["_modules"]["0"].__dict__["_modules"]["bn"]
        norm.__dict__["_parameters"][name] = parameter(tensor(values, (3,), (1,), 0))
        yield Attack(f"lie of a bn, {name}", writer(save, control() | {"model": narrow}))
    values_of: dict[str, dict[str, object]] = {
        "epoch": {"epoch": 10**300}, "nan": {"best_fitness": float("nan")}, "opt": {"opt": [1]}, "git": {"git": 3},
        "date": {"date": "x\nFORGED: all is well\x1b[2J"}, "freeze": {"opt": {"freeze": "x\nFORGED"}},
    }  # fmt: skip
    for name, value in values_of.items():
        yield Attack(f"lie in {name}", writer(save, control() | value))
    forged: Any = network()
    forged.__dict__.update(yaml_file="a\nFORGED.yaml", names=["x\nFORGED", "y"])
    yield Attack("lie in names", writer(save, control() | {"model": forged}))
    leaf = module("torch.nn.modules.linear.Identity")
    within = module("torch.nn.modules.container.Sequential", children={"x\nFORGED": leaf})
    yield Attack("lie in a module's name", writer(save, control() | {"model": within}))
    never = module("models.yolo.Model", children={"model": module("models.common.Never", children={})})
    yield Attack("lie in a class", writer(save, control() | {"model": never}))


def differentials() -> Iterator[Attack]:
    """Files that two readers take for different ones."""
    yield Attack("differential case", lambda path: _twice(path, "a/DATA.PKL"))
    yield Attack("differential root", lambda path: _twice(path, "b/data.pkl"))
    yield Attack("differential behind the end", lambda path: _appended(path, b"#" * 100))
    yield Attack("differential two ends", lambda path: _appended(path, b"PK\5\6" + bytes(18)))
    yield Attack("differential comment", lambda path: _commented(path, b"PK\5\6" + bytes(18)))
    yield Attack("differential in front", _in_front)
    yield Attack("differential tar", _tar)
    yield Attack("differential byte order", lambda path: save_zip(path, _entries(path) | {"archive/byteorder": b"big"}))
    yield Attack(
        "differential torchscript",
        lambda path: save_zip(path, _entries(path) | {"archive/constants.pkl": b"\x80\x02)."}),
    )
    yield Attack("differential local header", _renamed)


def _entries(path: Path) -> dict[str, bytes]:
    save(path, control())
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _twice(path: Path, second: str) -> None:
    other = b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R."
    save_zip(path, {name.replace("archive/", "a/"): data for name, data in _entries(path).items()} | {second: other})


def _appended(path: Path, more: bytes) -> None:
    save(path, control())
    path.write_bytes(path.read_bytes() + more)


def _commented(path: Path, comment: bytes) -> None:
    save(path, control())
    with ZipFile(path, "a") as archive:
        archive.comment = comment


def _in_front(path: Path) -> None:
    save(path, control())
    path.write_bytes(b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R." + path.read_bytes())


def _tar(path: Path) -> None:
    """A legacy file whose first block is a tar header too, by its checksum."""
    save_legacy(path, control() | {"date": "x" * 600})
    data = bytearray(path.read_bytes())
    block = data[:512]
    block[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(block)
    path.write_bytes(data)


def _renamed(path: Path) -> None:
    """The directory and the header before the entry have different names."""
    save(path, control())
    data = path.read_bytes()
    path.write_bytes(data.replace(b"archive/data.pkl", b"archive/xata.pkl", 1))


def flips() -> Iterator[Attack]:
    """Each byte that is not a weight, changed once."""
    data = saved()
    chance = random.Random(1)
    for position in range(len(data)):
        if data[position] or position % 3 == 0:
            changed = bytearray(data)
            changed[position] ^= 1 << chance.randrange(8)
            yield Attack(f"flip {position}", written(bytes(changed)))


def saved() -> bytes:
    """The control as torch.save writes it."""
    file = io.BytesIO()
    save(cast("Path", file), control())  # zipfile takes an open file too
    return file.getvalue()


def truncations() -> Iterator[Attack]:
    """A file that was cut short."""
    data = saved()
    for length in range(0, len(data), max(len(data) // 60, 1)):
        yield Attack(f"cut at {length}", written(data[:length]))
        yield Attack(f"compressed, cut at {length}", written(zlib.compress(data)[: length // 2]))

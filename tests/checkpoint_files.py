"""Checkpoints for the tests, written without PyTorch by Python's own pickler.

The classes and functions that PyTorch and YOLOv5 would name are stand-ins made here; ``Writer`` writes down their
declared names without looking them up, so nothing has to be importable.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from functools import cache
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_STORAGES = {"e": "HalfStorage", "f": "FloatStorage", "d": "DoubleStorage", "q": "LongStorage", "H": "BFloat16Storage"}


@cache
def named(path: str) -> type:
    """A class of that full name."""
    module, _, name = path.rpartition(".")
    return type(name, (), {"__module__": module, "__qualname__": name, "declared": True})


class Asked:
    """A call that the pickle is to ask for."""

    def __init__(self, path: str, *args: object, state: object = None) -> None:
        self.reduced: tuple[object, ...] = (named(path), args) if state is None else (named(path), args, state)

    def __reduce__(self) -> tuple[object, ...]:
        return self.reduced


class Storage:
    """The values behind one or more tensors."""

    def __init__(self, key: str, layout: str, values: list[float]) -> None:
        self.key, self.kind, self.numel = key, _STORAGES[layout], len(values)
        self.data = struct.pack(f"<{len(values)}{layout}", *values)


class Persistent:
    """Something with a persistent id of any kind."""

    def __init__(self, told: object) -> None:
        self.told = told


def tensor(storage: Storage, shape: tuple[int, ...], strides: tuple[int, ...] | None = None, offset: int = 0) -> Asked:
    if strides is None:
        strides = tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return Asked("torch._utils._rebuild_tensor_v2", storage, offset, shape, strides, False, OrderedDict())


def parameter(data: Asked, requires_grad: bool = True) -> Asked:
    return Asked("torch._utils._rebuild_parameter", data, requires_grad, OrderedDict())


def module(
    path: str,
    parameters: dict[str, object] | None = None,
    buffers: dict[str, object] | None = None,
    children: dict[str, object] | None = None,
    **attributes: object,
) -> object:
    """An object with the inside of an ``nn.Module``."""
    made: object = named(path)()
    made.__dict__.update(
        training=False,
        _parameters=parameters or {},
        _buffers=OrderedDict(buffers or {}),
        _non_persistent_buffers_set=set(),
        _forward_hooks=OrderedDict(),
        _is_full_backward_hook=None,
        _modules={} if children is None else children,
        **attributes,
    )
    return made


def network(requires_grad: bool = True) -> object:
    """Two convolutions with a BatchNorm each and one activation for both: 2 x (2 x 3 + 2 x 2) = 20 parameters."""
    storages = iter(range(100))
    act = module("torch.nn.modules.activation.SiLU", inplace=True)

    def stored(layout: str, *values: float) -> Asked:
        return tensor(Storage(str(next(storages)), layout, list(values)), (len(values),))

    def conv() -> object:
        weight = tensor(Storage(str(next(storages)), "e", [0.5, 1, 1.5, 2, 2.5, 3]), (2, 3, 1, 1))
        inside: dict[str, object] = {
            "conv": module(
                "torch.nn.modules.conv.Conv2d",
                {"weight": parameter(weight, requires_grad), "bias": None},
                kernel_size=(1, 1),
            ),
            "bn": module(
                "torch.nn.modules.batchnorm.BatchNorm2d",
                {
                    "weight": parameter(stored("e", 1, 1), requires_grad),
                    "bias": parameter(stored("e", 0, 0), requires_grad),
                },
                {
                    "running_mean": stored("e", 0, 0),
                    "num_batches_tracked": tensor(Storage(str(next(storages)), "q", [7]), ()),
                },
                eps=0.001,
            ),
            "act": act,
        }
        return module("models.common.Conv", children=inside, i=0, f=-1, type="models.common.Conv")

    rows = module("torch.nn.modules.container.Sequential", children={"0": conv(), "1": conv()})
    return module(
        "models.yolo.DetectionModel",
        children={"model": rows, "empty": None},
        names={0: "cat", 1: "dog"},
        stride=stored("f", 8, 16, 32),
        yaml={"nc": 2, "anchors": [[10, 13], [16, 30]], "depth_multiple": 0.33},
        save=[0, 1],
    )


_Pickler: Any = pickle._Pickler


class Writer(_Pickler):  # type: ignore[misc]
    """Python's own pickler in Python, for classes that cannot be imported and storages kept elsewhere."""

    def __init__(self, file: io.BytesIO, protocol: int, legacy: bool = False) -> None:
        super().__init__(file, protocol)
        self.storages: dict[str, Storage] = {}
        self.legacy = legacy
        self.dispatch = {**_Pickler.dispatch, type: Writer.save_type}

    def save_type(self, made: type) -> None:
        module, name = made.__module__, made.__qualname__
        if not hasattr(made, "declared"):
            self.save_global(made)
            return
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(made)

    def persistent_id(self, value: object) -> object:
        if isinstance(value, Persistent):
            return value.told
        if not isinstance(value, Storage):
            return None
        self.storages[value.key] = value
        told = ("storage", named(f"torch.{value.kind}"), value.key, "cpu", value.numel)
        return (*told, None) if self.legacy else told


def pickled(value: object, protocol: int = 2) -> bytes:
    """The pickle of a value of these stand-ins."""
    file = io.BytesIO()
    Writer(file, protocol).dump(value)
    return file.getvalue()


def save(path: Path, value: object, protocol: int = 2, root: str = "archive") -> Path:
    """Write a value as ``torch.save`` does."""
    file = io.BytesIO()
    writer = Writer(file, protocol)
    writer.dump(value)
    entries = {f"{root}/data.pkl": file.getvalue(), f"{root}/byteorder": b"little"}
    entries |= {f"{root}/data/{key}": storage.data for key, storage in writer.storages.items()}
    return save_zip(path, entries | {f"{root}/version": b"3\n"})


def save_zip(path: Path, entries: dict[str, bytes], compression: int = ZIP_STORED) -> Path:
    with ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def save_legacy(path: Path, value: object) -> Path:
    """Write a value as ``torch.save`` did before PyTorch 1.6."""
    file = io.BytesIO()
    for head in (LEGACY_MAGIC, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}):
        pickle.dump(head, file, 2)
    writer = Writer(file, 2, legacy=True)
    writer.dump(value)
    pickle.dump(list(writer.storages), file, 2)
    for storage in writer.storages.values():
        file.write(struct.pack("<q", storage.numel) + storage.data)
    path.write_bytes(file.getvalue())
    return path

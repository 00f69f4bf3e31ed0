"""A file -> the checkpoint in it as plain data: its copies of the model, its options, where its weights are.

The file is one that ``torch.save`` wrote, zip or legacy. Nothing that it names is imported or called, and no weights
are read before somebody asks for those of one tensor.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from struct import calcsize, unpack
from typing import Literal

from yolo_probe.checkpoint.archive import (
    PASS_A_CHECKPOINT,
    Entry,
    Readable,
    content_start,
    entries,
    foreign,
    misplaced,
    opened,
)
from yolo_probe.checkpoint.decode import LAYOUTS, Records, is_module, layout_of, mapping_of
from yolo_probe.checkpoint.pickle_machine import MAX_BYTES, BrokenPickleError, CallRecord, Name, Pickle, read
from yolo_probe.checkpoint.remote import COPY_THE_FILE
from yolo_probe.checkpoint.usual_names import is_made_bare, is_usual
from yolo_probe.errors import CheckpointError, NoModulesError, UnsafeError, visible
from yolo_probe.model.structure import Location, Module, Tensor, distinct_modules

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001


@dataclass(frozen=True, slots=True)
class Stored:
    """What ``torch.save`` put into a file, before it is decoded."""

    path: str
    size: int
    """Bytes."""
    modified: int
    """Time of the last change in nanoseconds, to notice a file that was replaced."""
    container: Literal["zip", "legacy"]
    pickle: Pickle
    pickle_size: int
    """Bytes of the pickle; of a legacy file those of the five pickles before the weights."""
    storages: Mapping[str, Entry]
    """Where the values of tensors are, by the key that the pickle has for each storage."""
    members: tuple[Entry, ...]
    """All entries of a zip archive; none of a legacy file."""

    @property
    def top(self) -> Mapping[object, object]:
        """The top level of the file: its values by name; of a model saved alone, that model as ``model``."""
        return {"model": self.pickle.value} if self.is_bare else mapping_of(self.pickle.value) or {}

    @property
    def is_bare(self) -> bool:
        """Whether a model was saved alone, without the other entries of a checkpoint."""
        return is_module(self.pickle.value)

    @property
    def has_modules(self) -> bool:
        """Whether it has a model with its modules, not only weights."""
        return any(is_module(self.top.get(name)) for name in ("model", "ema"))

    def storage_bytes(self, tensor: Tensor) -> bytes:
        """As ``Checkpoint.storage_bytes``, for a tensor of a file without modules."""
        entry = self.storages[_location(self.path, self.storages, tensor).storage]
        return _read(self.path, self.container, (self.size, self.modified), entry, [0], entry.size)[0]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint of YOLOv5 as plain data."""

    path: str
    size: int
    """Bytes."""
    container: Literal["zip", "legacy"]
    contents: Mapping[str, object]
    """All entries but the model, its EMA and the optimizer: epoch, options, git commit, date."""
    model: Module | None
    ema: Module | None
    optimizer_present: bool
    optimizer_groups: int
    """Number of the optimizer's parameter groups, 0 without an optimizer."""
    unusual: tuple[str, ...]
    """Names in the file that no checkpoint of a known host has, but for the classes of its own modules."""
    runs: tuple[str, ...]
    """Those of them that loading would run."""
    _entries: Mapping[str, Entry] = field(repr=False)
    _modified: int = field(repr=False)

    def copy(self, name: Literal["model", "ema"] | None = None) -> Module:
        """The copy of that name; without a name the one that validation uses: ``ema`` if there is one, else ``model``.

        Raises: CheckpointError if the file has no such copy.
        """
        copies = {key: module for key, module in (("ema", self.ema), ("model", self.model)) if module is not None}
        if name is None:
            return next(iter(copies.values()))
        if name not in copies:
            there = " and ".join(copies)
            raise CheckpointError(f"{self.path}: has no copy {name!r}, only {there}", f"ask for {there}, or for none")
        return copies[name]

    def storage_bytes(self, tensor: Tensor) -> bytes:
        """All bytes of the storage that has the tensor's values, little-endian, read from the file now.

        Raises: CheckpointError if the tensor has no values in the file or the file has changed.
        """
        entry = self._entries[_location(self.path, self._entries, tensor).storage]
        return self._read(tensor, [0], entry.size)[0]

    def numbers(self, tensor: Tensor, limit: int = 64) -> tuple[float, ...]:
        """The first values of a tensor in row-major order, at most ``limit``.

        Raises: CheckpointError as ``storage_bytes``, and for complex numbers and 8-bit floats.
        """
        location = _location(self.path, self._entries, tensor)
        layout = LAYOUTS.get(tensor.dtype, "")
        if len(layout) != 1:
            raise CheckpointError(f"{self.path}: values of dtype {tensor.dtype} are not read")
        width = calcsize("<" + layout)
        offsets = [offset_of(tensor, location, index) for index in range(min(limit, tensor.numel))]
        parts = self._read(tensor, [offset * width for offset in offsets], width)  # they may be far apart
        if tensor.dtype == "bfloat16":
            return tuple(unpack("<f", b"\0\0" + part)[0] for part in parts)
        return tuple(unpack("<" + layout, part)[0] for part in parts)

    def _read(self, tensor: Tensor, starts: Sequence[int], length: int) -> list[bytes]:
        entry = self._entries[_location(self.path, self._entries, tensor).storage]
        return _read(self.path, self.container, (self.size, self._modified), entry, starts, length)


def _location(path: str, entries: Mapping[str, Entry], tensor: Tensor) -> Location:
    if tensor.location is None or tensor.location.storage not in entries:
        raise CheckpointError(f"{path}: the values of this tensor are not in the file")
    return tensor.location


def _read(
    path: str, container: str, stamp: tuple[int, int], entry: Entry, starts: Sequence[int], length: int
) -> list[bytes]:
    """So many bytes of a storage from each start on. ``stamp``: size and time of the file when it was first read."""
    with _naming(path), opened(path) as file:
        if (file.size, file.modified) != stamp:
            raise CheckpointError("changed since it was read", "run the command again")
        begin = content_start(file, entry) if container == "zip" else entry.header
        return [file.read(begin + start, length) for start in starts]


def offset_of(tensor: Tensor, location: Location, index: int) -> int:
    """Position in the storage of the element with that row-major index, in elements."""
    offset = location.offset
    for size, stride in zip(reversed(tensor.shape), reversed(location.strides), strict=True):
        index, step = divmod(index, size)
        offset += step * stride
    return offset


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Put the file's path before the message of any CheckpointError inside."""
    try:
        yield
    except CheckpointError as error:
        # a message may contain names from the file, and these must not send control characters to a terminal
        raise type(error)(f"{path}: {visible(str(error)[:500])}", error.remedy) from error.__cause__


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The checkpoint in that file.

    Raises: CheckpointError for everything else: another kind of file, a damaged one, weights without modules.
    """
    return describe(read_stored(path))


def read_stored(path: str | os.PathLike[str]) -> Stored:
    """What ``torch.save`` put into that file, a checkpoint or anything else.

    Raises: CheckpointError for a file that ``torch.save`` did not write, or a damaged one.
    """
    path = os.fspath(path)
    with _naming(path), opened(path) as file:
        if (refusal := foreign(file)) is not None:
            raise refusal
        return _read_zip(path, file) if file.read(0, 2) == b"PK" else _read_legacy(path, file)


def _read_zip(path: str, file: Readable) -> Stored:
    """The content of a zip archive: its pickle, and the entries that are its storages."""
    names = entries(file)
    roots = [name[: -len("data.pkl")] for name in names if name.endswith("/data.pkl") and name.count("/") == 1]
    if not roots:
        raise misplaced(names)
    root = roots[0]
    if outside := next((name for name in names if not name.startswith(root)), None):
        raise CheckpointError(f"its archive has more than one root: {root} and {outside}", COPY_THE_FILE)
    if f"{root}constants.pkl" in names or any(name.startswith(f"{root}code/") for name in names):
        raise CheckpointError(
            "an exported TorchScript model, which has no YOLOv5 modules", "pass the best.pt that it was exported from"
        )
    if twice := _same_but_for_case(names):
        raise CheckpointError(
            f"entries {twice[0]} and {twice[1]} of the archive differ in case alone, and PyTorch may read either",
            COPY_THE_FILE,
        )
    if packed := next((entry.name for entry in names.values() if not entry.stored), None):
        raise CheckpointError(
            f"entry {packed} is compressed or encrypted, and torch.save does neither",
            "pass the file that torch.save wrote, not one zipped anew",
        )
    if names[f"{root}data.pkl"].size > MAX_BYTES:
        raise CheckpointError(
            f"its data.pkl claims {names[f'{root}data.pkl'].size:,} bytes, a network needs 0.3 MB", COPY_THE_FILE
        )
    if f"{root}byteorder" in names and _content(file, names[f"{root}byteorder"]) != b"little":
        raise CheckpointError(
            "written on a machine of other byte order (big-endian)", "save it again on a usual machine"
        )
    storages = {name[len(root) + 5 :]: entry for name, entry in names.items() if name.startswith(f"{root}data/")}
    pickle = _pickle(_content(file, names[f"{root}data.pkl"]))
    members = tuple(names.values())
    return Stored(path, file.size, file.modified, "zip", pickle, names[f"{root}data.pkl"].size, storages, members)


def _same_but_for_case(names: Iterable[str]) -> tuple[str, str] | None:
    found: dict[str, str] = {}
    for name in names:
        if (other := found.setdefault(name.casefold(), name)) != name:
            return other, name
    return None


def _content(file: Readable, entry: Entry) -> bytes:
    return file.read(content_start(file, entry), entry.size)


def _read_legacy(path: str, file: Readable) -> Stored:
    """The content of a file as PyTorch wrote it before 1.6: its pickle, and where its storages are."""
    data = file.read(0, min(file.size, MAX_BYTES))
    plain = CheckpointError("a plain pickle, not a PyTorch checkpoint", PASS_A_CHECKPOINT)
    try:
        magic = _pickle(data)
    except UnsafeError:
        raise
    except CheckpointError as error:
        raise plain from error
    _refuse_to_run(magic)
    if type(magic.value) is not int or magic.value != _LEGACY_MAGIC:
        raise plain
    protocol = _pickle(data, magic.end)
    if type(protocol.value) is not int or protocol.value != _LEGACY_PROTOCOL:
        raise CheckpointError("PyTorch's legacy format in an unknown version", "save it again with a current PyTorch")
    system = _pickle(data, protocol.end)
    for part in (protocol, system):
        _refuse_to_run(part)
    if not isinstance(system.value, dict) or system.value.get("little_endian") is not True:
        raise CheckpointError(
            "written on a machine of other byte order (big-endian)", "save it again on a usual machine"
        )
    pickle = _pickle(data, system.end)
    keys = _pickle(data, pickle.end)
    _refuse_to_run(keys)
    if not isinstance(keys.value, list):
        raise CheckpointError("damaged: the list of storages behind the pickle is missing", COPY_THE_FILE)
    widths = {}
    for record in pickle.persistent:
        if (layout := layout_of(record)) is not None:
            widths[layout.storage] = layout.width
    storages: dict[str, Entry] = {}
    position = keys.end
    for key in keys.value:
        if type(key) is not str or key not in widths or key in storages:
            raise CheckpointError("damaged: the list of storages does not fit the pickle", COPY_THE_FILE)
        size = int.from_bytes(file.read(position, 8), "little") * widths[key]
        position += 8
        if position + size > file.size:
            raise CheckpointError(
                f"cut short: {position + size - file.size:,} bytes of weights are missing", COPY_THE_FILE
            )
        storages[key] = Entry(key, position, size, stored=True)
        position += size
    return Stored(path, file.size, file.modified, "legacy", pickle, keys.end, storages, ())


def _pickle(data: bytes, start: int = 0) -> Pickle:
    """As ``read``. Raises: UnsafeError for one that would run something before the place where it is broken."""
    try:
        return read(data, start)
    except BrokenPickleError as error:
        _refuse_to_run(error.before, "before the place where its pickle is broken")
        raise CheckpointError(str(error), error.remedy) from None


DO_NOT_LOAD = "do not load it: torch.load(weights_only=False) and pickle.load run what a file names"


def _refuse_to_run(pickle: Pickle, circumstance: str = "and has no network that would need it") -> None:
    """Raises: UnsafeError for a pickle that would run something when it is loaded. ``circumstance``: ends the words."""
    if runs := would_run(pickle):
        named = ", ".join(runs[:3])
        raise UnsafeError(f"would run {named} when it is loaded, {circumstance}", DO_NOT_LOAD) from None


def describe(stored: Stored) -> Checkpoint:
    """The checkpoint in what was saved.

    Raises: CheckpointError where there are no modules, or damaged ones; UnsafeError where loading them would run
    something too.
    """
    with _naming(stored.path):
        try:
            return _describe(stored)
        except (UnsafeError, NoModulesError):
            raise
        except CheckpointError:
            _refuse_to_run(stored.pickle, "and is damaged")
            raise


def _describe(stored: Stored) -> Checkpoint:
    records, pickle, top = Records(stored.storages), stored.pickle, stored.top
    # a state_dict or None in the place of a model says nothing about its modules
    copies = {name: records.network(top[name], name) for name in ("model", "ema") if is_module(top.get(name))}
    if not copies:
        _refuse_to_run(pickle)
        raise NoModulesError(
            f"weights without modules ({_kind(pickle.value)}), so the network is not in the file",
            "pass the full checkpoint, as YOLOv5's train.py saves it; yolo-probe inspect tells what this one has",
        )
    optimizer = top.get("optimizer")
    groups = (mapping_of(optimizer) or {}).get("param_groups")
    return Checkpoint(
        path=stored.path,
        size=stored.size,
        container=stored.container,
        contents={
            key: records.plain(value)
            for key, value in top.items()
            if type(key) is str and key not in ("model", "ema", "optimizer")
        },
        model=copies.get("model"),
        ema=copies.get("ema"),
        optimizer_present=optimizer is not None,
        optimizer_groups=len(groups) if isinstance(groups, list) else 0,
        unusual=tuple(sorted(_unusual(pickle, copies.values()))),
        runs=would_run(pickle),
        _entries=stored.storages,
        _modified=stored.modified,
    )


def _unusual(pickle: Pickle, copies: Iterable[Module]) -> set[str]:
    """The names that no known host has, without the classes that modules of the network are of."""
    own = {module.class_path for copy in copies for module in distinct_modules(copy)} - set(would_run(pickle))
    return {name.path for name in pickle.names if not is_usual(name)} - own


def _kind(value: object) -> str:
    """What the file has in place of a checkpoint, in words for a message."""
    if (top := mapping_of(value)) is None:
        if isinstance(value, CallRecord):
            return (
                "a tensor" if isinstance(value.function, Name) and "_rebuild" in value.function.name else "one object"
            )
        return f"a {type(value).__name__}"
    if "model" in top:
        return "'model' is None" if top["model"] is None else "'model' is a state_dict or the like"
    return "a state_dict" if top else "an empty dict"


def would_run(pickle: Pickle) -> tuple[str, ...]:
    """What loading would run and no checkpoint needs, by full names; one with a dot in it reaches into a module."""
    names = [name.path for name in pickle.names if _is_run(name, pickle)]
    return (*names, *(("what a call returned",) if pickle.calls_results else ()))


def _is_run(name: Name, pickle: Pickle) -> bool:
    if is_usual(name):
        return is_made_bare(name) and name in pickle.given
    return name in pickle.run or "." in name.name

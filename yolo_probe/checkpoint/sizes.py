"""How many bytes of a file each owner has, and what loading it would run: the names in its pickle.

The file may be a full checkpoint or weights alone. The numbers are integers that add up to the file's size. The records
of the pickle are walked without decoding them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from yolo_probe.checkpoint.decode import Records, is_module, layout_of, mapping_of
from yolo_probe.checkpoint.pickle_machine import CallRecord, Persistent
from yolo_probe.checkpoint.reader import Stored
from yolo_probe.checkpoint.usual_names import is_usual
from yolo_probe.model.structure import Tensor

Owner = Literal["model", "ema", "optimizer", "other"]
OWNERS: tuple[Owner, ...] = get_args(Owner)
"""Tensor data that several of them use belongs to the first of these."""

WEIGHTS = ("state_dict", "model_state_dict", "weights")
"""Keys under which other programs save a state_dict."""

HALVED = ("float32", "float64", "bfloat16")
"""The dtypes that ``half()`` converts to FP16; integers and FP16 stay as they are."""

HEADERS = 198
"""Average number of bytes around each storage in an archive: two headers and its alignment."""

OPTIMIZER_RECORD = 68
"""Average number of bytes in the pickle for each tensor of an optimizer; for one of a model it is more."""

LEGACY_KEY = 35
"""Bytes by which the pickle of a legacy file is longer for each storage."""

MOST_PADDING = 1 << 14
"""Most bytes between two parts of an archive for alignment; torch.save aligns to 64 bytes, on request to a page."""


@dataclass(frozen=True, slots=True)
class Part:
    """Tensor data of one owner."""

    owner: Owner
    dtypes: Mapping[str, int]
    """Bytes by dtype of the storage."""
    storages: int
    """How many storages belong to it; those that an owner before it uses too are not counted."""
    shared: int
    """Bytes that it uses and that belong to an owner before it."""

    @property
    def size(self) -> int:
        """Bytes of all its storages."""
        return sum(self.dtypes.values())


@dataclass(frozen=True, slots=True)
class Stripper:
    """What a host's strip_optimizer() removes and converts."""

    drops: frozenset[str]
    """Entries of the file that it replaces or sets to None."""
    head: tuple[str, ...]
    """Attributes of the head that its ``half()`` converts too, though they are no buffers."""
    root: tuple[str, ...] = ()
    """Attributes of the model that it sets to None."""


_DROPS = frozenset({"model", "ema", "optimizer", "best_fitness", "updates"})
YOLOV5_V5 = Stripper(_DROPS, ())
YOLOV5 = Stripper(_DROPS, ("stride", "grid", "anchor_grid"))
ULTRALYTICS = Stripper(_DROPS | {"scaler", "stopper"}, ("stride", "anchors", "strides"), ("criterion",))


@dataclass(frozen=True, slots=True)
class Strip:
    """What strip_optimizer() would do to the file."""

    tensors: int
    """Bytes of tensor data after it."""
    saved: int
    """Bytes of tensor data that it would remove."""
    file: int
    """Size of the file after it, in bytes, estimated: with the average number of bytes around a tensor in this file."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The bytes of a file by what they are for."""

    file: int
    """Bytes of the whole file."""
    parts: tuple[Part, ...]
    """Model, EMA, optimizer and the rest, in this order."""
    pickle: int
    """Bytes of the pickle, a part of the container."""
    unused: int
    """Bytes of tensor data that nothing in the file refers to; they are a part of ``other``."""
    strays: tuple[str, ...]
    """What is in the archive and was not put there by torch.save, in words."""
    strip: Strip | None
    """None where strip_optimizer() would fail."""

    @property
    def container(self) -> int:
        """Bytes that are not tensor data: the pickle, headers, alignment."""
        return self.file - self.tensors

    @property
    def tensors(self) -> int:
        """Bytes of all tensor data."""
        return sum(part.size for part in self.parts)

    def part(self, owner: Owner) -> Part:
        """The part of that owner."""
        return self.parts[OWNERS.index(owner)]


def dissect(stored: Stored, stripper: Stripper) -> Anatomy:
    """The bytes of a file by owner. ``stripper``: of the host whose strip_optimizer() is asked about.

    Raises: CheckpointError for storages of an unknown kind.
    """
    reached = {owner: _storages(roots) for owner, roots in _roots(stored).items()}
    referred = set().union(*reached.values())
    unused = [key for key in stored.storages if key not in referred]
    reached["other"] |= dict.fromkeys(unused)
    parts = tuple(_parts(stored, reached))
    return Anatomy(
        file=stored.size,
        parts=parts,
        pickle=stored.pickle_size,
        unused=sum(stored.storages[key].size for key in unused),
        strays=tuple(_strays(stored)),
        strip=_strip(stored, parts, stripper),
    )


def _parts(stored: Stored, reached: Mapping[Owner, Mapping[str, None]]) -> Iterator[Part]:
    """The part of each owner, without what belongs to an owner before it."""
    dtypes: dict[str, str] = {}
    for record in stored.pickle.persistent:
        if layout := layout_of(record):
            dtypes.setdefault(layout.storage, layout.dtype)
    owned: set[str] = set()
    for owner in OWNERS:
        here = [key for key in reached[owner] if key in stored.storages]
        own = [key for key in here if key not in owned]
        sizes: dict[str, int] = {}
        for key in own:
            kind = dtypes.get(key, "unknown")
            sizes[kind] = sizes.get(kind, 0) + stored.storages[key].size
        shared = sum(stored.storages[key].size for key in here) - sum(sizes.values())
        yield Part(owner, sizes, len(own), shared)
        owned.update(own)


def weights_in(stored: Stored) -> Mapping[str, Tensor] | None:
    """The tensors of a state_dict by name, where the file is one or has one; else None."""
    records = Records(stored.storages)
    top = stored.top
    for held in (top, *(mapping_of(top.get(key)) for key in ("ema", "model", *WEIGHTS))):
        found = {
            key: tensor
            for key, value in (held or {}).items()
            if type(key) is str and (tensor := records.tensor(value, key)) is not None
        }
        if found and 2 * len(found) > len(held or {}):
            return found
    return None


def _roots(stored: Stored) -> dict[Owner, Sequence[object]]:
    """The records of each owner."""
    top = stored.top
    if not top.keys() & {"model", "ema", "optimizer", *WEIGHTS} and weights_in(stored) is not None:
        return {"model": [stored.pickle.value], "ema": [], "optimizer": [], "other": []}
    named = {"model": "model", "ema": "ema", "optimizer": "optimizer"} | dict.fromkeys(WEIGHTS, "model")
    roots: dict[Owner, list[object]] = {owner: [] for owner in OWNERS}
    for key, value in top.items():
        owner = named.get(key, "other") if isinstance(key, str) else "other"
        roots[owner].append(value)  # type: ignore[index]
    if not top:
        roots["other"].append(stored.pickle.value)
    return roots  # type: ignore[return-value]


def _storages(roots: Sequence[object]) -> dict[str, None]:
    """Keys of all storages that can be reached from these records, each once, in no particular order."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        value = stack.pop()
        if id(value) in seen or type(value) not in _HOLDING:
            continue
        seen.add(id(value))
        inside: Iterable[object] = ()
        if isinstance(value, CallRecord):
            inside = (value.function, value.args, value.state, value.entries, value.elements)
        elif isinstance(value, dict):
            inside = value.values()
        elif isinstance(value, list | tuple):
            inside = value
        elif layout := layout_of(value):
            found[layout.storage] = None
        stack += [each for each in inside if type(each) in _HOLDING]  # for speed: most are numbers and names
    return found


_HOLDING = frozenset({CallRecord, Persistent, dict, list, tuple})


def _strip(stored: Stored, parts: Sequence[Part], stripper: Stripper) -> Strip | None:
    """What strip_optimizer() would do: keep the EMA, else the model, in FP16, and all other entries but the optimizer.

    Source: strip_optimizer in YOLOv5's utils/general.py and in ultralytics' utils/torch_utils.py.
    """
    top = stored.top
    source = top.get("ema") or top.get("model")
    if top is not mapping_of(stored.pickle.value) or not is_module(source):
        return None
    halved, rest = _halved(Records(stored.storages), source, stripper)
    kept = _storages([*rest, *(value for key, value in top.items() if key not in stripper.drops)])
    sizes = [*halved, *(stored.storages[key].size for key in kept if key in stored.storages)]
    before, after = sum(part.size for part in parts), sum(sizes)
    here, optimizer = len(stored.storages), parts[OWNERS.index("optimizer")].storages
    headers = stored.size - before - stored.pickle_size if stored.container == "zip" else HEADERS * here
    pickle = (
        max(_modern_pickle(stored) - OPTIMIZER_RECORD * optimizer, 0) * max(len(sizes), 1) // max(here - optimizer, 1)
    )
    return Strip(after, before - after, after + pickle + headers * len(sizes) // max(here, 1))


def _modern_pickle(stored: Stored) -> int:
    """Bytes of the pickle if it were in an archive: a legacy file also has source code of classes, and longer keys."""
    if stored.container == "zip":
        return stored.pickle_size
    names = [record.id for record in stored.pickle.persistent]
    sources = [each[3] for each in names if isinstance(each, tuple) and len(each) > 3 and each[0] == "module"]
    texts = sum(len(source) for source in sources if isinstance(source, str))
    return stored.pickle_size - texts - LEGACY_KEY * len(stored.storages)


def _halved(records: Records, root: CallRecord, stripper: Stripper) -> tuple[list[int], list[object]]:
    """Bytes of each storage that ``half()`` makes, and the records of all that it does not change."""
    halved: list[int] = []
    rest: list[object] = []

    def halve(record: object) -> None:
        tensor = records.tensor(record, "half()")
        if tensor is not None and tensor.location and tensor.dtype in HALVED:
            halved.append(2 * tensor.numel)
        else:
            rest.append(record)

    head = _last_row(root)
    parameters: dict[int, object] = {}
    for module in _modules(root):
        state = _state(module)
        parameters |= {id(record): record for record in (mapping_of(state["_parameters"]) or {}).values()}
        for record in (mapping_of(state.get("_buffers")) or {}).values():
            halve(record)
        here = stripper.head if module is head and "stride" in state else ()
        for key in here:
            value = state.get(key)
            for record in value if isinstance(value, list) else [value]:
                halve(record)
        handled = {"_parameters", "_buffers", "_modules", *here, *(stripper.root if module is root else ())}
        rest += [value for key, value in state.items() if key not in handled]
    for record in parameters.values():
        halve(record)
    return halved, rest


def _modules(root: CallRecord) -> list[CallRecord]:
    """The records of a module and of all modules inside it, each once."""
    found: dict[int, CallRecord] = {}
    stack: list[object] = [root]
    while stack:
        module = stack.pop()
        if is_module(module) and id(module) not in found:
            found[id(module)] = module
            stack += (mapping_of(_state(module)["_modules"]) or {}).values()
    return list(found.values())


def _last_row(root: CallRecord) -> object:
    """The record of the last row of ``model``, which is the head."""
    rows = (mapping_of(_state(root)["_modules"]) or {}).get("model")
    if not is_module(rows):
        return None
    return next(reversed([*(mapping_of(_state(rows)["_modules"]) or {}).values()]), None)


def _state(module: CallRecord) -> Mapping[object, object]:
    """The ``__dict__`` of a module's record."""
    assert isinstance(module.state, dict)
    return module.state


def _strays(stored: Stored) -> Iterator[str]:
    """What torch.save does not put into a file, in words: other members, and bytes that belong to no member."""
    known = {"data.pkl", "version", "byteorder"}
    position = listed = 0
    for member in sorted(stored.members, key=lambda member: member.header):
        name = member.name.partition("/")[2]
        if name not in known and not name.startswith(("data/", ".data/", ".format_version", ".storage_alignment")):
            yield f"a member {member.name} of {member.size:,} bytes"
        if member.header > position + MOST_PADDING or (position == 0 and member.header > 0):
            yield f"{member.header - position:,} bytes at byte {position:,} that belong to no member"
        position = member.header + 30 + len(member.name) + member.size
        listed += 128 + len(member.name)  # at most its line in the directory, with an extra field
    if stored.container == "legacy":
        position = max((entry.header + entry.size for entry in stored.storages.values()), default=stored.pickle_size)
    if (behind := stored.size - position) > (listed + MOST_PADDING if listed else 0):
        yield f"{behind:,} bytes behind the last {'member' if listed else 'storage'}"


def calls(stored: Stored) -> tuple[str, ...]:
    """Full names of the classes and functions that ``torch.load`` would call, in the file's order."""
    return tuple(name.path for name in stored.pickle.called)


def imports(stored: Stored) -> Mapping[str, tuple[str, ...]]:
    """The modules that ``torch.load`` would import, and the names that it would look up in each."""
    found: dict[str, list[str]] = {}
    for name in stored.pickle.names:
        found.setdefault(name.module, []).append(name.name)
    return {module: tuple(sorted(found[module])) for module in sorted(found)}


def strange(stored: Stored) -> tuple[str, ...]:
    """Full names in the file that no checkpoint of a host needs."""
    return tuple(name.path for name in stored.pickle.names if not is_usual(name))

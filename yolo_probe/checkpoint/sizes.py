"""What takes the room in a checkpoint, and what loading it would run: bytes by owner, and the names in its pickle.

In goes a file as ``checkpoint`` stores it, full checkpoint or weights alone, out come integers that add up to the
file's size and the names of classes and functions. The records are walked as they are; nothing is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from yolo_probe.checkpoint.decode import Records, is_module, layout_of, mapping_of
from yolo_probe.checkpoint.pickle_machine import Call, Persistent
from yolo_probe.checkpoint.reader import Stored, is_expected
from yolo_probe.model.structure import Tensor

Owner = Literal["model", "ema", "optimizer", "other"]
OWNERS: tuple[Owner, ...] = get_args(Owner)
"""In the order in which they own what several of them use."""

WEIGHTS = ("state_dict", "model_state_dict", "weights")
"""Keys under which others save what YOLOv5 has in its model."""

HALVED = ("float32", "float64", "bfloat16")
"""What ``half()`` makes FP16; whole numbers stay, and what is FP16 is not copied."""

HEADERS = 198
"""Bytes around each storage in an archive on the average: two headers and its alignment."""

OPTIMIZER_RECORD = 68
"""Bytes that the pickle has for each tensor of an optimizer, on the average; those of a model take more."""

LEGACY_KEY = 35
"""Bytes that a legacy file has more for each storage."""

MOST_PADDING = 1 << 14
"""Bytes between two parts of an archive that alignment explains; torch.save aligns to 64, on request to a page."""


@dataclass(frozen=True, slots=True)
class Part:
    """Tensor data of one owner."""

    owner: Owner
    dtypes: Mapping[str, int]
    """Bytes by dtype of the storage."""
    storages: int
    """How many, without those that an owner before it has."""
    shared: int
    """Bytes that it uses too, and an owner before it has."""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(self.dtypes.values())


@dataclass(frozen=True, slots=True)
class Stripper:
    """How a host's strip_optimizer() goes about it."""

    drops: frozenset[str]
    """What it replaces or sets to None beside the model."""
    head: tuple[str, ...]
    """Attributes of the head that its ``half()`` takes along, though they are no buffers."""
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
    """Bytes of tensor data that it would leave."""
    saved: int
    """Bytes of tensor data that it would take away."""
    file: int
    """About the size of the file that it would leave: what surrounds a tensor is taken as on the average here."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What takes the room in a file."""

    file: int
    """Bytes."""
    parts: tuple[Part, ...]
    """Model, EMA, optimizer and the rest, in this order."""
    pickle: int
    """Bytes of the pickle, a part of the container."""
    unused: int
    """Bytes of tensor data in the file that nothing refers to, a part of ``other``."""
    strays: tuple[str, ...]
    """What lies in the archive and torch.save did not put there, in words."""
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
    """The parts of a file, exactly. ``stripper``: whose strip_optimizer() is asked about.

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
    """What each owner has that none before it has."""
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
    """The tensors of a state_dict by their names, where the file is one or has one; None where it has none."""
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
    """Keys of all storages that records reach, each once, in no particular order."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    stack = list(roots)
    while stack:
        value = stack.pop()
        if id(value) in seen or type(value) not in _HOLDING:
            continue
        seen.add(id(value))
        inside: Iterable[object] = ()
        if isinstance(value, Call):
            inside = (value.function, value.args, value.state, value.entries, value.elements)
        elif isinstance(value, dict):
            inside = value.values()
        elif isinstance(value, list | tuple):
            inside = value
        elif layout := layout_of(value):
            found[layout.storage] = None
        stack += [each for each in inside if type(each) in _HOLDING]  # most are numbers and names
    return found


_HOLDING = frozenset({Call, Persistent, dict, list, tuple})


def _strip(stored: Stored, parts: Sequence[Part], stripper: Stripper) -> Strip | None:
    """What strip_optimizer() would leave: the EMA, else the model, in FP16, and all but the optimizer beside it.

    Source: strip_optimizer in YOLOv5's utils/general.py and in ultralytics' utils/torch_utils.py.
    """
    top = stored.top
    source = top.get("ema") or top.get("model")
    if top is not mapping_of(stored.pickle.value) or not is_module(source):
        return None
    halved, rest = _halved(Records(stored.storages), source, stripper)
    kept = _storages([*rest, *(value for key, value in top.items() if key not in stripper.drops)])
    sizes = [*halved, *(stored.storages[key].size for key in kept if key in stored.storages)]
    tensors, left = sum(part.size for part in parts), sum(sizes)
    here, optimizer = len(stored.storages), parts[OWNERS.index("optimizer")].storages
    headers = stored.size - tensors - stored.pickle_size if stored.container == "zip" else HEADERS * here
    pickle = (
        max(_modern_pickle(stored) - OPTIMIZER_RECORD * optimizer, 0) * max(len(sizes), 1) // max(here - optimizer, 1)
    )
    return Strip(left, tensors - left, left + pickle + headers * len(sizes) // max(here, 1))


def _modern_pickle(stored: Stored) -> int:
    """Bytes of the pickle as it is in an archive: a legacy file has the source of its classes and longer keys."""
    if stored.container == "zip":
        return stored.pickle_size
    told = [record.id for record in stored.pickle.persistent]
    sources = [each[3] for each in told if isinstance(each, tuple) and len(each) > 3 and each[0] == "module"]
    texts = sum(len(source) for source in sources if isinstance(source, str))
    return stored.pickle_size - texts - LEGACY_KEY * len(stored.storages)


def _halved(records: Records, root: Call, stripper: Stripper) -> tuple[list[int], list[object]]:
    """Sizes of the storages that ``half()`` makes anew, and the records of all that it leaves as it is."""
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
        left = {"_parameters", "_buffers", "_modules", *here, *(stripper.root if module is root else ())}
        rest += [value for key, value in state.items() if key not in left]
    for record in parameters.values():
        halve(record)
    return halved, rest


def _modules(root: Call) -> list[Call]:
    """The records of a module and of all below it, each once."""
    found: dict[int, Call] = {}
    stack: list[object] = [root]
    while stack:
        module = stack.pop()
        if is_module(module) and id(module) not in found:
            found[id(module)] = module
            stack += (mapping_of(_state(module)["_modules"]) or {}).values()
    return list(found.values())


def _last_row(root: Call) -> object:
    """The record of the last row of ``model``, which is the head."""
    rows = (mapping_of(_state(root)["_modules"]) or {}).get("model")
    if not is_module(rows):
        return None
    return next(reversed([*(mapping_of(_state(rows)["_modules"]) or {}).values()]), None)


def _state(module: Call) -> Mapping[object, object]:
    """The ``__dict__`` of a module's record."""
    assert isinstance(module.state, dict)
    return module.state


def _strays(stored: Stored) -> Iterator[str]:
    """What torch.save does not put into a file: other members, and bytes that belong to none."""
    known = {"data.pkl", "version", "byteorder"}
    position = listed = 0
    for member in sorted(stored.members, key=lambda member: member.header):
        name = member.name.partition("/")[2]
        if name not in known and not name.startswith(("data/", ".data/", ".format_version", ".storage_alignment")):
            yield f"a member {member.name} of {member.size:,} bytes"
        if member.header > position + MOST_PADDING or (position == 0 and member.header > 0):
            yield f"{member.header - position:,} bytes at byte {position:,} that belong to no member"
        position = member.header + 30 + len(member.name) + member.size
        listed += 128 + len(member.name)  # its line in the directory, with room for an extra field
    if stored.container == "legacy":
        position = max((entry.header + entry.size for entry in stored.storages.values()), default=stored.pickle_size)
    if (behind := stored.size - position) > (listed + MOST_PADDING if listed else 0):
        yield f"{behind:,} bytes behind the last {'member' if listed else 'storage'}"


def calls(stored: Stored) -> tuple[str, ...]:
    """Full names of what ``torch.load`` would call, in the file's order."""
    return tuple(name.path for name in stored.pickle.called)


def imports(stored: Stored) -> Mapping[str, tuple[str, ...]]:
    """The modules that ``torch.load`` would import, and the names that it would look up in each."""
    found: dict[str, list[str]] = {}
    for name in stored.pickle.names:
        found.setdefault(name.module, []).append(name.name)
    return {module: tuple(sorted(found[module])) for module in sorted(found)}


def strange(stored: Stored) -> tuple[str, ...]:
    """Full names of what no checkpoint of a host needs."""
    return tuple(name.path for name in stored.pickle.names if not is_expected(name))

"""The records of a checkpoint's pickle -> modules, tensors and plain values.

The records are those of ``pickle_machine``; each becomes one ``Module``, ``Tensor`` or plain value, even if it is found
in several places. A record that PyTorch would not have written is refused, with the path of the module that it is in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from struct import calcsize, unpack_from
from typing import TypeGuard

from yolo_probe.checkpoint.archive import Entry
from yolo_probe.checkpoint.pickle_machine import CallRecord, Name, Persistent, is_flat
from yolo_probe.errors import CheckpointError, visible
from yolo_probe.model.structure import Location, Module, Tensor

MAX_DEPTH = 64
"""Deepest nesting of modules and of plain data; YOLOv5's networks have 8 and 6."""
MAX_PLACES = 1 << 16
"""Most places of all modules together, where modules with children are in several; YOLOv5's networks have hundreds."""
MAX_RANGE = 1 << 16
"""Largest number in a range, so that nobody has to walk through a long one."""

LAYOUTS = {
    "float64": "d", "float32": "f", "float16": "e", "bfloat16": "H", "int64": "q", "int32": "i", "int16": "h",
    "int8": "b", "uint8": "B", "bool": "?", "complex64": "ff", "complex128": "dd",
}  # fmt: skip
"""Layout of one element by dtype, as ``struct`` names it; bfloat16 is the upper half of a float32."""

_REMEDY = "take the file from its source again, or save it with the YOLOv5 that trained it"
_WIDTHS = {dtype: calcsize("<" + layout) for dtype, layout in LAYOUTS.items()}
_DTYPES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128", "UntypedStorage": "uint8",
}  # fmt: skip
_TORCH_NAMES = {"half": "float16", "float": "float32", "double": "float64", "long": "int64", "int": "int32"}

# The names that every module has, looked up first for speed; hooks of other PyTorch versions are known by their name.
_BOOKKEEPING = frozenset({
    "_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "_backward_hooks", "_backward_pre_hooks",
    "_is_full_backward_hook", "_forward_hooks_with_kwargs", "_forward_hooks_always_called",
    "_forward_pre_hooks_with_kwargs", "_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
})  # fmt: skip
_HOOKS = frozenset({"_forward_hooks", "_forward_pre_hooks"})
"""Where a module keeps what runs around its own forward."""
_WEIGHT_HOOKS = "torch.nn.utils."
"""Where the hooks are that only compute a weight: of pruning, of weight norm."""
_SCALARS = frozenset({str, int, float, bool, bytes, type(None)})
_TENSORS = frozenset({
    "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_meta_tensor_no_storage", "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state", "torch._tensor._rebuild_from_type_v2",
})  # fmt: skip
_DICTS = {"collections.OrderedDict": 0, "collections.defaultdict": 1}
"""Classes of dicts, and the number of arguments with which a pickle makes one that is empty."""
_BUILTINS = ("builtins", "__builtin__")


@dataclass(frozen=True, slots=True)
class Inert:
    """The name of something that only running Python could make: a class, a device, a bound method."""

    name: str
    """Full name, ``torch.float16`` or ``models.common.Conv.forward_fuse``."""
    is_bound: bool = False
    """Whether it is a method of an object, not a function of a class."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a persistent id says of a storage."""

    storage: str
    """Its key in the file."""
    dtype: str
    width: int
    """Bytes per element."""
    numel: int
    offset: int
    """Elements before the first one that is used: in old legacy files a storage may be a part of another."""


class _Damaged(Exception):
    """A record that PyTorch would not have written; ``_damaged`` adds the path."""


def layout_of(record: object) -> Layout | None:
    """The storage that a persistent record names; None if it names none.

    Raises: CheckpointError for a storage of an unknown kind.
    """
    identity = record.id if isinstance(record, Persistent) else None
    if type(identity) is not tuple or len(identity) not in (5, 6) or identity[0] != "storage":
        return None
    kind, key, numel = identity[1], identity[2], identity[4]
    if type(key) is not str or type(numel) is not int or numel < 0:
        return None
    dtype = _DTYPES.get(kind.name) if isinstance(kind, Name) else None
    if dtype is None:
        raise CheckpointError(f"a storage of an unknown kind, {name_of(kind)}", _REMEDY)
    offset = 0
    if len(identity) == 6 and type(identity[5]) is tuple and len(identity[5]) == 3 and type(identity[5][1]) is int:
        offset = identity[5][1]
    return Layout(key, dtype, _WIDTHS[dtype], numel, offset)


def class_of(record: object) -> Name | None:
    """The class or function that a record calls, also where a legacy file wraps it; None if it calls no name."""
    function = record.function if isinstance(record, CallRecord) else None
    if isinstance(function, Persistent):
        identity = function.id
        if type(identity) is tuple and len(identity) > 1 and identity[0] == "module":
            function = identity[1]
    return function if isinstance(function, Name) else None


def name_of(value: object) -> str:
    """The name of a record or of a value's type, for a message or an ``Inert``."""
    if isinstance(value, Name):
        return value.path
    if (name := class_of(value)) is not None:
        return name.path
    return type(value).__name__


def is_module(value: object) -> TypeGuard[CallRecord]:
    """Whether a record is an object with the attributes of an ``nn.Module``."""
    return (
        type(value) is CallRecord
        and type(value.state) is dict
        and class_of(value) is not None
        and "_modules" in value.state
        and "_parameters" in value.state
    )


def _hooks_in(value: object) -> list[object]:
    """The hooks in a module's dict of them that may change what it computes."""
    hooks = (mapping_of(value) or {}).values()
    return [hook for hook in hooks if not name_of(hook).startswith(_WEIGHT_HOOKS)]


def mapping_of(value: object) -> Mapping[object, object] | None:
    """Keys and values of a dict, or of the record of an OrderedDict; None for anything else."""
    if type(value) is dict:
        return value
    if (
        type(value) is CallRecord
        and type(value.function) is Name
        and _DICTS.get(value.function.path) == len(value.args)
    ):
        return value.entries or {}
    return None


class Records:
    """The records of one file, each turned into its ``Module``, ``Tensor`` or plain value once."""

    def __init__(self, storages: Mapping[str, Entry]) -> None:
        self._storages = storages
        self._modules: dict[int, Module] = {}
        self._tensors: dict[int, Tensor] = {}
        self._plain: dict[int, object] = {}

    def network(self, root: object, name: str) -> Module:
        """The module tree under a record; what is in two places there is one module.

        Raises: CheckpointError for a tree that is too deep, for a module within itself, for modules that share others
        in more places than a network has, and for anything but modules, tensors and None where PyTorch has only those.
        """
        if (known := self._modules.get(id(root))) is not None:
            return known
        found: list[Module] = []
        shares = False
        # of each: a record, its path, its depth, and the parent's children and the name that it gets among them
        stack: list[tuple[object, str, int, dict[str, Module | None], str]] = [(root, name, 0, {}, name)]
        while stack:
            record, path, depth, siblings, key = stack.pop()
            if (module := self._modules.get(id(record))) is not None:
                shares = shares or bool(module.children)
            else:
                if depth > MAX_DEPTH:
                    raise _damaged(path, f"modules nested more than {MAX_DEPTH} deep")
                module, inside = self._module(record, path)
                self._modules[id(record)] = module
                children: dict[str, Module | None] = module.children  # type: ignore[assignment]
                stack += [
                    (child, f"{path}.{child_name}", depth + 1, children, child_name)
                    for child_name, child in reversed(list(inside.items()))
                    if child is not None
                ]
            siblings[key] = module
            found = found or [module]
        if shares:
            _check_places(found[0], name)
        return found[0]

    def _module(self, record: object, path: str) -> tuple[Module, Mapping[str, object]]:
        """The module of a record, with None for every child, and the children's records."""
        if not is_module(record) or not isinstance(state := record.state, dict):
            raise _damaged(path, f"expected a module, found {name_of(record)}")
        inside = self._named(state, "_modules", path)
        module = Module(
            class_path=name_of(record),
            attributes={key: self.plain(value, f"{path}.{key}") for key, value in self._own(state, path)},
            parameters=self._tensors_in(state, "_parameters", path),
            buffers=self._tensors_in(state, "_buffers", path),
            children=dict.fromkeys(inside),
        )
        return module, inside

    @staticmethod
    def _own(state: dict[object, object], path: str) -> list[tuple[str, object]]:
        """The attributes of a module's ``__dict__`` that are not PyTorch's bookkeeping."""
        own: list[tuple[str, object]] = []
        for key, value in state.items():
            if key in _HOOKS:
                if hooks := _hooks_in(value):
                    own.append((key, hooks))
            elif key not in _BOOKKEEPING:
                if type(key) is not str or not key.isprintable():
                    raise _damaged(path, "an attribute whose name is no printable text")
                if not (key[:1] == "_" and "_hook" in key):
                    own.append((key, value))
        return own

    @staticmethod
    def _named(state: dict[object, object], part: str, path: str) -> Mapping[str, object]:
        found = mapping_of(state.get(part))
        if found is None:
            raise _damaged(path, f"{part} is {name_of(state.get(part))}, expected a dict")
        if not all(type(key) is str and key.isprintable() for key in found):
            raise _damaged(path, f"a name in {part} is no printable text")
        if dotted := next((key for key in map(str, found) if "." in key), None):
            raise _damaged(path, f"{dotted!r} in {part} has a dot, which PyTorch allows in no name")
        return found  # type: ignore[return-value]

    def _tensors_in(self, state: dict[object, object], part: str, path: str) -> dict[str, Tensor]:
        tensors = {}
        for name, record in self._named(state, part, path).items():
            if record is None:
                continue
            tensor = self.tensor(record, f"{path}.{name}")
            if tensor is None:
                raise _damaged(f"{path}.{name}", f"expected a tensor, found {name_of(record)}")
            tensors[name] = tensor
        return tensors

    def tensor(self, record: object, path: str) -> Tensor | None:
        """The tensor of a record; None if the record is no tensor. ``path``: for messages.

        Raises: CheckpointError for a tensor that does not fit its storage.
        """
        if (known := self._tensors.get(id(record))) is not None:
            return known
        if type(record) is not CallRecord or type(record.function) is not Name or record.function.path not in _TENSORS:
            return None
        try:
            tensor = self._tensor(record, path)
        except _Damaged as error:
            raise _damaged(path, str(error)) from None
        self._tensors[id(record)] = tensor
        return tensor

    def _tensor(self, record: CallRecord, path: str) -> Tensor:
        function, args = name_of(record).rpartition(".")[2], record.args
        if function.startswith("_rebuild_parameter"):
            # (data, requires_grad, hooks[, state]): a parameter is an object of its own, with the storage of the data
            if len(args) < 3 or type(args[1]) is not bool or type(args[0]) is not CallRecord or args[0] is record:
                raise _Damaged("a parameter whose arguments are not those of torch._utils._rebuild_parameter")
            data = self._plain_tensor(args[0])
            return Tensor(data.shape, data.dtype, args[1], data.location)
        if function == "_rebuild_from_type_v2":
            # (function, type, arguments, state): a tensor with attributes of its own
            if len(args) < 3 or type(args[0]) is not Name or type(args[2]) is not tuple:
                raise _Damaged("a tensor whose arguments are not those of torch._tensor._rebuild_from_type_v2")
            inner = CallRecord(args[0], args[2])
            if name_of(inner).endswith("_rebuild_from_type_v2"):
                raise _Damaged("a tensor wrapped twice")
            return self._tensor(inner, path) if name_of(inner) in _TENSORS else self._plain_tensor(inner)
        return self._plain_tensor(record)

    def _plain_tensor(self, record: CallRecord) -> Tensor:
        """The tensor of a ``_rebuild_tensor...`` record, checked against its storage."""
        function, args = name_of(record), record.args
        if function == "torch._utils._rebuild_meta_tensor_no_storage" and len(args) == 4:
            shape = _sizes(args[1], "shape")
            return Tensor(shape, _dtype(args[0]), args[3] is True)
        if function not in _TENSORS or len(args) < 4:
            raise _Damaged(f"expected a tensor, found {function}")
        layout = layout_of(args[0])
        if layout is None:
            raise _Damaged("a tensor without a storage")
        dtype, width, stored = layout.dtype, layout.width, layout.numel * layout.width
        shape, strides, offset = _sizes(args[2], "shape"), _sizes(args[3], "strides"), args[1]
        if len(shape) != len(strides):
            raise _Damaged(f"{len(shape)} sizes and {len(strides)} strides")
        if type(offset) is not int or offset < 0:
            raise _Damaged("an offset that is no number of elements")
        offset += layout.offset
        if offset < 0:
            raise _Damaged("an offset before its storage")
        if function.endswith("_v3") and len(args) > 6:
            dtype = _dtype(args[6])
            width = _WIDTHS.get(dtype, 1)
        entry = self._storages.get(layout.storage)
        if entry is None:
            raise _Damaged(f"storage {layout.storage[:40]} is not in the file")
        if entry.size != stored:
            raise _Damaged(f"storage {layout.storage[:40]} should have {stored:,} bytes, the file has {entry.size:,}")
        last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        end = last + 1 if prod(shape) else offset
        if end * width > stored:
            raise _Damaged(f"shape {shape} with strides {strides} from {offset:,} reaches beyond its storage")
        requires_grad = args[4] is True if len(args) > 4 else False
        return Tensor(shape, dtype, requires_grad, Location(layout.storage, offset, strides))

    def plain(self, value: object, path: str = "contents", depth: int = 0) -> object:
        """A value without records: containers copied, tensors as ``Tensor``, what is not known as ``Inert``."""
        kind = type(value)
        if kind is str:
            return visible(value)  # type: ignore[arg-type]  # a text
        if kind in _SCALARS:
            return value
        if kind is Name:
            return Inert(name_of(value))
        if id(value) in self._plain:
            return self._plain[id(value)]
        # a value that contains itself, or is nested deeper than any real one, ends in an Inert
        self._plain[id(value)] = Inert(f"{kind.__name__} within itself")
        if depth > MAX_DEPTH:
            return Inert(f"{kind.__name__} nested more than {MAX_DEPTH} deep")
        result = self._container(value, path, depth + 1)
        self._plain[id(value)] = result
        return result

    def _container(self, value: object, path: str, depth: int) -> object:
        if isinstance(value, (list, tuple)):
            items = [self.plain(item, path, depth) for item in value]
            return items if isinstance(value, list) else tuple(items)
        if isinstance(value, (set, frozenset)):
            return frozenset(value)
        if (entries := mapping_of(value)) is not None:
            return {
                visible(key) if type(key) is str else key: self.plain(item, path, depth)
                for key, item in entries.items()
            }
        if not isinstance(value, CallRecord):
            return Inert(name_of(value))
        if (tensor := self.tensor(value, path)) is not None:
            return tensor
        return self._object(value, path, depth)

    def _object(self, call: CallRecord, path: str, depth: int) -> object:
        """The plain value that a call would make, for the few classes that YOLOv5 saves; else ``Inert``."""
        name, args = class_of(call), call.args
        if name is None:
            return Inert(type(call.function).__name__)
        if name.path == "argparse.Namespace" and type(call.state) is dict:
            return self.plain(call.state, path, depth)
        if name.path == "torch.Size" and len(args) == 1:
            return self.plain(args[0], path, depth)
        if name.module.partition(".")[0] == "pathlib" and all(type(part) is str for part in args):
            return _joined(name.name, [str(part) for part in args])
        if name.module in _BUILTINS:
            if name.name in ("range", "xrange"):
                return _range(args)
            items = args[0] if name.name in ("set", "frozenset") and len(args) == 1 else None
            if type(items) is list and all(map(is_flat, items)):
                return frozenset(items)
            if name.name == "getattr" and len(args) == 2 and type(args[1]) is str:
                return Inert(f"{name_of(args[0])}.{args[1]}", is_bound=not isinstance(args[0], Name))
        if name.module.startswith("numpy") and (number := _numpy_number(call)) is not None:
            return number
        return Inert(name.path)


def _damaged(path: str, what: str) -> CheckpointError:
    return CheckpointError(f"damaged or unusual checkpoint: {path}: {what}", _REMEDY)


def _check_places(root: Module, name: str) -> None:
    """Refuse modules that share others so that a walk through all places would not end, or not soon."""
    counted: dict[int, tuple[int, int]] = {}  # of each module, by its identity: places and levels, its own included
    around: set[int] = set()  # the module that is asked, and those that hold it
    stack = [(root, name)]
    while stack:
        module, path = stack[-1]
        children = [(child, f"{path}.{key}") for key, child in module.children.items() if child is not None]
        if id(module) in counted:
            stack.pop()
        elif id(module) in around:
            around.remove(id(module))
            inside = [counted[id(child)] for child, _ in children]
            counted[id(module)] = 1 + sum(places for places, _ in inside), 1 + max((n for _, n in inside), default=0)
            _check_count(*counted[id(module)], path)
        else:
            around.add(id(module))
            for child, place in children:
                if id(child) in around:
                    raise _damaged(place, f"the module {child.class_path} is within itself")
            stack += children


def _check_count(places: int, levels: int, path: str) -> None:
    if places > MAX_PLACES:
        raise _damaged(path, f"modules in more than {MAX_PLACES:,} places")
    if levels > MAX_DEPTH + 1:
        raise _damaged(path, f"modules nested more than {MAX_DEPTH} deep")


def _sizes(value: object, what: str) -> tuple[int, ...]:
    if type(value) is CallRecord and name_of(value) == "torch.Size" and len(value.args) == 1:
        value = value.args[0]
    if type(value) is not tuple or len(value) > MAX_DEPTH or not all(type(n) is int and 0 <= n < 2**63 for n in value):
        raise _Damaged(f"{what} that are no tuple of sizes")
    if prod(value) >= 2**63:
        raise _Damaged(f"{what} {value} of more elements than a tensor can have")
    return value


def _dtype(value: object) -> str:
    if type(value) is not Name or value.module != "torch":
        raise _Damaged(f"expected a dtype, found {name_of(value)}")
    return _TORCH_NAMES.get(value.name, value.name)


def _joined(kind: str, parts: list[str]) -> str:
    """The text of a path; its first part may be a root, which ends in a separator already."""
    separator = "\\" if "Windows" in kind else "/"
    root = parts[0] if parts and parts[0].endswith(separator) else ""
    return root + separator.join(parts[1:] if root else parts)


def _range(args: tuple[object, ...]) -> object:
    numbers = [n for n in args if type(n) is int and abs(n) <= MAX_RANGE]
    if len(numbers) != len(args) or not 1 <= len(numbers) <= 3 or (len(numbers) == 3 and numbers[2] == 0):
        return Inert("builtins.range")
    return range(*numbers)


def _numpy_number(call: CallRecord) -> float | int | bool | None:
    """The number in a NumPy scalar or in an array of one element; None for anything else."""
    name = name_of(call).rpartition(".")[2]
    if name == "scalar" and len(call.args) == 2:
        dtype, data = call.args
    elif name == "_reconstruct" and type(call.state) is tuple and len(call.state) == 5:
        _, shape, dtype, _, data = call.state
        if type(shape) is not tuple or any(size != 1 or type(size) is not int for size in shape):
            return None
    else:
        return None
    if (
        type(data) is CallRecord
        and name_of(data) == "_codecs.encode"
        and len(data.args) == 2
        and type(data.args[0]) is str
    ):
        # protocol 2 has no bytes: those of NumPy are written as text in which each character is one byte
        text = data.args[0]
        data = text.encode("latin1") if all(ord(character) < 256 for character in text) else None
    if type(data) is not bytes or type(dtype) is not CallRecord or not dtype.args or type(dtype.args[0]) is not str:
        return None
    layout = _NUMPY.get(dtype.args[0])
    order = dtype.state[1] if type(dtype.state) is tuple and len(dtype.state) > 1 else "<"
    if layout is None or len(data) != calcsize("<" + layout):
        return None
    number: float | int | bool = unpack_from((">" if type(order) is str and order == ">" else "<") + layout, data)[0]
    return number


_NUMPY = {
    "f8": "d", "f4": "f", "f2": "e", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "u2": "H",
    "u1": "B", "b1": "?",
}  # fmt: skip

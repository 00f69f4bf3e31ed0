"""A reader of pickles that can only build data.

The bytes of a pickle become dicts, lists, tuples, sets, strings, bytes, numbers, and records of what the pickle asks
for: names of classes and functions, and calls of them. This module has no code that imports a module or calls what a
pickle names, so no pickle can make it do so.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from yolo_probe.errors import CheckpointError

MAX_BYTES = 16 << 20
"""Longest pickle that is read, in bytes; the largest in a real checkpoint so far has 0.24 MB."""
MAX_OPCODES = 1_500_000
"""Most opcodes in one pickle; YOLOv5 needs up to 95,475, a network of 30,000 modules in a fork 1,114,407."""
MAX_SETS = 100_000
"""Most sets that opcodes make: each takes more memory than any other value of one opcode."""
MAX_TUPLE_KEYS = 1_000
"""Most tuples hashed as keys: unlike strings, their hashes can be made to collide."""
MAX_TUPLE_KEY_ITEMS = 64
"""Most items of such a tuple."""
MAX_NAMES = 10_000
"""Most different names of classes and functions; real checkpoints have about thirty."""
MAX_NAME_LENGTH = 256
"""Most characters of a full name."""

_REMEDY = "the file is damaged or was not written by YOLOv5: take it from its source again"

_UINT32 = struct.Struct("<I")
_FLAT = frozenset({str, int, float, bytes, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Name:
    """A class or a function that the pickle names; nothing is looked up."""

    module: str
    name: str
    path: str = field(init=False, compare=False)
    """Full name, ``models.common.Conv``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", f"{self.module}.{self.name}")


@dataclass(frozen=True, slots=True, eq=False)
class Persistent:
    """Something that the file has outside its pickle: a storage, or in legacy files a class."""

    id: object
    """How the pickle names it."""


@dataclass(slots=True, eq=False)
class CallRecord:
    """A call that the pickle asks for and that is never made, and what the pickle then puts into its result."""

    function: object
    """A ``Name``, a ``Persistent`` or another ``CallRecord``."""
    args: tuple[object, ...]
    state: object = None
    """What BUILD sets: for an object its ``__dict__``."""
    entries: dict[object, object] | None = None
    """Keys and values set on the result, as for an OrderedDict."""
    elements: list[object] | None = None
    """What is appended to the result."""


@dataclass(frozen=True, slots=True)
class Pickle:
    """One pickle as data."""

    value: object
    """What it builds."""
    end: int
    """Offset of the first byte after it."""
    names: tuple[Name, ...]
    """Every class and function that it names, also those that it does not use."""
    persistent: tuple[Persistent, ...]
    """What it names outside itself, each time that it does."""
    called: tuple[Name, ...]
    """Those of the names that it calls, directly or through a ``Persistent``."""
    run: tuple[Name, ...]
    """Those of them that it calls as functions, or hands to a function that calls them; others it makes objects of."""
    given: tuple[Name, ...]
    """Those of them that it calls with arguments."""
    calls_results: bool
    """Whether it calls the result of a call, or what an object has been given, which no real checkpoint does."""


class BrokenPickleError(CheckpointError):
    """A pickle that is no complete one, with what it asks for before the place where it is broken."""

    def __init__(self, message: str, remedy: str, before: Pickle) -> None:
        super().__init__(message, remedy)
        self.before = before


def read(data: bytes | memoryview, start: int = 0) -> Pickle:
    """The pickle that begins at ``start``, an offset in ``data``.

    Raises: CheckpointError for anything but a complete pickle of the known opcodes within the budgets, in most cases a
    BrokenPickleError.
    """
    if len(data) - start > MAX_BYTES:
        raise CheckpointError(f"a pickle of more than {MAX_BYTES:,} bytes, far more than a network needs", _REMEDY)
    return _Machine(bytes(data)).run(start)


_CALLS_ITS_FIRST = "torch._tensor._rebuild_from_type_v2"
"""The one function of usual checkpoints that calls its first argument."""
_LOADS_A_TYPE = "dill._dill._load_type"
"""What ultralytics 8.1 and 8.2 leave in the place of Python's ``set``, and of methods, where dill is installed."""
_HAND_ON = frozenset({_CALLS_ITS_FIRST, _LOADS_A_TYPE})
_CALLABLE = frozenset({Name, Persistent, CallRecord})


def is_flat(value: object) -> bool:
    """Whether a value may be hashed: no container, and no integer so large that many could share one hash."""
    return type(value) in _FLAT and not (isinstance(value, int) and value.bit_length() > 64)


class _Refused(Exception):
    """What is wrong at an opcode; ``run`` adds its name and offset."""


class _Machine:
    """The stack and memo of one pickle while it is read."""

    __slots__ = (
        "below", "called", "calls_given", "data", "given", "memo", "names", "persistent", "run_names", "sets",
        "stack", "tuple_keys",
    )  # fmt: skip

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.stack: list[object] = []
        self.below: list[list[object]] = []
        """The stacks before each mark, which hides them until it is taken away."""
        self.memo: dict[int, object] = {}
        self.names: dict[Name, Name] = {}
        self.persistent: list[Persistent] = []
        self.called: dict[int, object] = {}
        """What is called, by its identity: to hash a name for each of ten thousand calls takes time."""
        self.run_names: dict[int, object] = {}
        """Those that are called as functions, or by one that they are handed to."""
        self.given: dict[int, object] = {}
        """Those that get arguments."""
        self.calls_given = False
        """Whether loading calls what an object has been given before."""
        self.tuple_keys = self.sets = 0

    def run(self, position: int) -> Pickle:
        """Read one pickle. The eight most frequent opcodes, nine tenths of a checkpoint, are handled here for speed."""
        data, stack, below, memo, called = self.data, self.stack, self.below, self.memo, self.called
        run, given = self.run_names, self.given
        push, pop, rare, number = stack.append, stack.pop, _RARE, _UINT32.unpack_from
        try:
            for _ in range(MAX_OPCODES):
                opcode = data[position]
                if opcode == 0x68:  # BINGET
                    push(memo[data[position + 1]])
                    position += 2
                elif opcode == 0x72:  # LONG_BINPUT
                    memo[number(data, position + 1)[0]] = stack[-1]
                    position += 5
                elif opcode == 0x52 or opcode == 0x81:  # REDUCE, NEWOBJ
                    args = pop()
                    function = stack[-1]
                    if type(args) is not tuple or type(function) not in _CALLABLE:
                        raise _Refused(
                            f"{type(function).__name__} called with {type(args).__name__}, not a name with a tuple"
                        )
                    if type(function) is CallRecord and (method := _method_of_dill(function, args)):
                        stack[-1] = method
                        position += 1
                        continue
                    called[id(function)] = function
                    if opcode == 0x52:
                        run[id(function)] = function
                        if args:
                            given[id(function)] = function
                            if type(function) is Name and function.path in _HAND_ON:
                                stack[-1] = self.handed_on(function, args)
                                position += 1
                                continue
                    stack[-1] = CallRecord(function, args)
                    position += 1
                elif opcode == 0x29:  # EMPTY_TUPLE
                    push(())
                    position += 1
                elif opcode == 0x4B:  # BININT1
                    push(data[position + 1])
                    position += 2
                elif opcode == 0x28:  # MARK
                    below.append(stack)
                    stack = self.stack = []
                    push, pop = stack.append, stack.pop
                    position += 1
                elif opcode == 0x74:  # TUPLE
                    inside = tuple(stack)
                    stack = self.stack = below.pop()
                    push, pop = stack.append, stack.pop
                    push(inside)
                    position += 1
                elif opcode == 0x2E:  # STOP
                    value = pop()
                    if stack or below:
                        left = sum(map(len, below), len(stack))
                        raise _Refused(f"{left} values and {len(below)} marks are left over")
                    return self.read_to(position + 1, value)
                else:
                    position = rare[opcode](self, position + 1)
                    if stack is not self.stack:
                        stack = self.stack
                        push, pop = stack.append, stack.pop
            raise _Refused(f"more than {MAX_OPCODES:,} opcodes")
        except _Refused as error:
            problem = str(error)
        except KeyError:
            # two of these opcodes read the memo; for any other it is the table that has no such key
            problem = "nothing was memoized under its number" if data[position] in b"hj" else "not an opcode known here"
        except (IndexError, struct.error):
            problem = "the pickle ends too early" if position + 9 > len(data) else "it needs more values than there are"
        except UnicodeDecodeError:
            problem = "its text is not UTF-8"
        name = _name_of(data[position]) if position < len(data) else "the end"
        before = self.read_to(position, None)
        raise BrokenPickleError(f"pickle broken at byte {position:,} ({name}): {problem}", _REMEDY, before)

    def read_to(self, end: int, value: object) -> Pickle:
        """The pickle that ends at this offset and builds this value."""
        functions = [_wrapped(function) for function in self.called.values()]
        called = {name for name in functions if type(name) is Name}
        run, given = (
            {name for each in found.values() if type(name := _wrapped(each)) is Name}
            for found in (self.run_names, self.given)
        )
        return Pickle(
            value, end, tuple(self.names), tuple(self.persistent), tuple(name for name in self.names if name in called),
            tuple(name for name in self.names if name in run), tuple(name for name in self.names if name in given),
            calls_results=self.calls_given or any(
                type(function) is CallRecord for function in (*functions, *self.run_names.values())
            ),
        )  # fmt: skip

    def handed_on(self, function: Name, args: tuple[object, ...]) -> object:
        """What a call of one of ``_HAND_ON`` gives; what it calls in turn is noted."""
        first = args[0]
        if function.path == _LOADS_A_TYPE:
            return self.name("builtins", "set") if first == "set" else CallRecord(function, args)
        self.run_names[id(first)] = self.given[id(first)] = first
        if type(first) is Name and first.path == _CALLS_ITS_FIRST:  # what that calls is deeper in the arguments
            self.calls_given = True
        return CallRecord(function, args)

    def cut(self, position: int, length: int) -> bytes:
        """The ``length`` bytes from ``position`` on; refused if there are fewer."""
        if length > len(self.data) - position:
            raise _Refused(f"{length:,} bytes announced, {max(len(self.data) - position, 0):,} left")
        return self.data[position : position + length]

    def popped(self) -> list[object]:
        """The values pushed since the last mark, which are removed with it."""
        values, self.stack = self.stack, self.below.pop()
        return values

    def check_keys(self, keys: list[object]) -> None:
        """Refuse keys that could take much longer to hash or to compare than to read."""
        for key in keys:
            kind = type(key)
            if kind is str:
                continue
            if kind is tuple:
                self.tuple_keys += 1
                if self.tuple_keys > MAX_TUPLE_KEYS or not _is_shallow(key):
                    raise _Refused("a nested or long tuple as a key, or too many tuples as keys")
            elif not is_flat(key):
                raise _Refused(f"a key of type {kind.__name__}" + " with more than 64 bits" * (kind is int))

    def push_set(self, value: set[object] | frozenset[object]) -> None:
        """Push a set; refused where there are too many of them."""
        self.sets += 1
        if self.sets > MAX_SETS:
            raise _Refused(f"more than {MAX_SETS:,} sets")
        self.stack.append(value)

    def set_entries(self, pairs: list[object]) -> None:
        """Put ``[key, value, key, value, ...]`` into the dict or the record on top of the stack."""
        if len(pairs) % 2:
            raise _Refused("a key without a value")
        target = self.stack[-1]
        keys = pairs[::2]
        self.check_keys(keys)
        if type(target) is dict:
            target.update(zip(keys, pairs[1::2], strict=True))
        elif type(target) is CallRecord:
            if target.entries is None:
                target.entries = {}
            target.entries.update(zip(keys, pairs[1::2], strict=True))
        else:
            raise _Refused(f"keys set on a {type(target).__name__}")

    def append(self, values: list[object]) -> None:
        """Put values into the list or the record on top of the stack."""
        target = self.stack[-1]
        if type(target) is list:
            target += values
        elif type(target) is CallRecord:
            # Python calls an ``append`` or ``extend`` that the object has; its pickler appends to what is new alone
            self.calls_given = self.calls_given or target.state is not None or bool(target.args)
            if target.elements is None:
                target.elements = []
            target.elements += values
        else:
            raise _Refused(f"values appended to a {type(target).__name__}")

    def name(self, module: str, name: str) -> Name:
        """The record of that name, always the same one."""
        record = Name(module, name)
        if record not in self.names:
            if len(self.names) >= MAX_NAMES:
                raise _Refused(f"more than {MAX_NAMES:,} different names")
            if len(record.path) > MAX_NAME_LENGTH or not record.path.isprintable():
                raise _Refused("a name that no class or function has")
            self.names[record] = record
        return self.names[record]


def _method_of_dill(function: CallRecord, args: tuple[object, ...]) -> CallRecord | None:
    """The record that pickle writes of a method of an object, where dill has written ``MethodType(function, object)``.

    None for anything but a forward of a class: what calls another method would run whatever that does.
    """
    loads = type(function.function) is Name and function.function.path == _LOADS_A_TYPE
    if not loads or function.args != ("MethodType",) or len(args) != 2:
        return None
    found = args[0]
    if type(found) is not CallRecord or type(found.function) is not Name or found.function.name != "getattr":
        return None
    owner, name = found.args if len(found.args) == 2 else (None, None)
    if type(owner) is not Name or type(name) is not str or not name.startswith(("forward", "fuse")):
        return None
    is_object = type(args[1]) is CallRecord and type(args[1].function) is Name
    return CallRecord(found.function, (args[1], name)) if is_object else None


def _wrapped(function: object) -> object:
    """The class that a legacy file wraps in a ``Persistent``; anything else unchanged."""
    wrapped = function.id if isinstance(function, Persistent) else None
    return wrapped[1] if type(wrapped) is tuple and len(wrapped) > 1 and wrapped[0] == "module" else function


def _is_shallow(key: object) -> bool:
    return isinstance(key, tuple) and len(key) <= MAX_TUPLE_KEY_ITEMS and all(map(is_flat, key))


def _number(layout: str, length: int) -> Callable[[_Machine, int], int]:
    def push(machine: _Machine, position: int) -> int:
        machine.stack.append(struct.unpack_from(layout, machine.cut(position, length))[0])
        return position + length

    return push


def _text(width: int) -> Callable[[_Machine, int], int]:
    def push(machine: _Machine, position: int) -> int:
        length = int.from_bytes(machine.cut(position, width), "little")
        position += width
        machine.stack.append(machine.cut(position, length).decode("utf-8", "surrogatepass"))
        return position + length

    return push


def _bytes(width: int) -> Callable[[_Machine, int], int]:
    def push(machine: _Machine, position: int) -> int:
        length = int.from_bytes(machine.cut(position, width), "little")
        position += width
        machine.stack.append(machine.cut(position, length))
        return position + length

    return push


def _constant(value: object) -> Callable[[_Machine, int], int]:
    def push(machine: _Machine, position: int) -> int:
        machine.stack.append(value)
        return position

    return push


def _tuple(length: int) -> Callable[[_Machine, int], int]:
    def collect(machine: _Machine, position: int) -> int:
        stack = machine.stack
        if len(stack) < length:
            raise IndexError
        stack[-length:] = [tuple(stack[-length:])]
        return position

    return collect


def _get_long(machine: _Machine, position: int) -> int:
    machine.stack.append(machine.memo[int.from_bytes(machine.cut(position, 4), "little")])
    return position + 4


def _put(machine: _Machine, position: int) -> int:
    machine.memo[machine.cut(position, 1)[0]] = machine.stack[-1]
    return position + 1


def _memoize(machine: _Machine, position: int) -> int:
    machine.memo[len(machine.memo)] = machine.stack[-1]
    return position


def _long(machine: _Machine, position: int) -> int:
    length = machine.cut(position, 1)[0]
    machine.stack.append(int.from_bytes(machine.cut(position + 1, length), "little", signed=True))
    return position + 1 + length


def _empty_dict(machine: _Machine, position: int) -> int:
    machine.stack.append({})
    return position


def _empty_list(machine: _Machine, position: int) -> int:
    machine.stack.append([])
    return position


def _empty_set(machine: _Machine, position: int) -> int:
    machine.push_set(set())
    return position


def _global(machine: _Machine, position: int) -> int:
    middle = machine.data.find(b"\n", position)
    end = machine.data.find(b"\n", middle + 1)
    if middle < 0 or end < 0:
        raise _Refused("a name without an end")
    module, name = machine.data[position:middle].decode(), machine.data[middle + 1 : end].decode()
    machine.stack.append(machine.name(module, name))
    return end + 1


def _stack_global(machine: _Machine, position: int) -> int:
    name, module = machine.stack.pop(), machine.stack.pop()
    if not (isinstance(name, str) and isinstance(module, str)):
        raise _Refused("a name that is no text")
    machine.stack.append(machine.name(module, name))
    return position


def _persistent(machine: _Machine, position: int) -> int:
    record = Persistent(machine.stack.pop())
    machine.persistent.append(record)
    machine.stack.append(record)
    return position


def _build(machine: _Machine, position: int) -> int:
    state = machine.stack.pop()
    target = machine.stack[-1]
    if not isinstance(target, CallRecord):
        raise _Refused(f"a state set on a {type(target).__name__}")
    if target.state is not None:
        raise _Refused("a state set twice")
    target.state = state
    return position


def _set_item(machine: _Machine, position: int) -> int:
    value, key = machine.stack.pop(), machine.stack.pop()
    machine.set_entries([key, value])
    return position


def _set_items(machine: _Machine, position: int) -> int:
    machine.set_entries(machine.popped())
    return position


def _append(machine: _Machine, position: int) -> int:
    machine.append([machine.stack.pop()])
    return position


def _appends(machine: _Machine, position: int) -> int:
    machine.append(machine.popped())
    return position


def _add_items(machine: _Machine, position: int) -> int:
    values = machine.popped()
    target = machine.stack[-1]
    if type(target) is not set:
        raise _Refused(f"values added to a {type(target).__name__}")
    machine.check_keys(values)
    target.update(values)
    return position


def _frozenset(machine: _Machine, position: int) -> int:
    values = machine.popped()
    machine.check_keys(values)
    machine.push_set(frozenset(values))
    return position


def _pop(machine: _Machine, position: int) -> int:
    if machine.stack:
        machine.stack.pop()
    else:  # a mark is taken away as a value is
        machine.popped()
    return position


def _pop_mark(machine: _Machine, position: int) -> int:
    machine.popped()
    return position


def _protocol(machine: _Machine, position: int) -> int:
    version = machine.cut(position, 1)[0]
    if version > 5:
        raise _Refused(f"protocol {version}, known are 0 to 5")
    return position + 1


def _frame(machine: _Machine, position: int) -> int:
    machine.cut(position, 8)
    return position + 8


_RARE: dict[int, Callable[[_Machine, int], int]] = {
    ord(code): step
    for code, step in {
        "\x80": _protocol, "\x95": _frame,
        "N": _constant(None), "\x88": _constant(True), "\x89": _constant(False),
        "J": _number("<i", 4), "M": _number("<H", 2), "G": _number(">d", 8), "\x8a": _long,
        "X": _text(4), "\x8c": _text(1), "\x8d": _text(8), "B": _bytes(4), "C": _bytes(1), "\x8e": _bytes(8),
        "}": _empty_dict, "]": _empty_list, "\x8f": _empty_set,
        "\x85": _tuple(1), "\x86": _tuple(2), "\x87": _tuple(3),
        "s": _set_item, "u": _set_items, "a": _append, "e": _appends, "\x90": _add_items, "\x91": _frozenset,
        "j": _get_long, "q": _put, "\x94": _memoize,
        "c": _global, "\x93": _stack_global, "Q": _persistent, "b": _build,
        "0": _pop, "1": _pop_mark,
    }.items()
}  # fmt: skip

# the names of all opcodes, only for messages
_NAMES = {
    "(": "MARK", ".": "STOP", "0": "POP", "1": "POP_MARK", "2": "DUP", "F": "FLOAT", "I": "INT", "J": "BININT",
    "K": "BININT1", "L": "LONG", "M": "BININT2", "N": "NONE", "P": "PERSID", "Q": "BINPERSID", "R": "REDUCE",
    "S": "STRING", "T": "BINSTRING", "U": "SHORT_BINSTRING", "V": "UNICODE", "X": "BINUNICODE", "a": "APPEND",
    "b": "BUILD", "c": "GLOBAL", "d": "DICT", "}": "EMPTY_DICT", "e": "APPENDS", "g": "GET", "h": "BINGET",
    "i": "INST", "j": "LONG_BINGET", "l": "LIST", "]": "EMPTY_LIST", "o": "OBJ", "p": "PUT", "q": "BINPUT",
    "r": "LONG_BINPUT", "s": "SETITEM", "t": "TUPLE", ")": "EMPTY_TUPLE", "u": "SETITEMS", "G": "BINFLOAT",
    "B": "BINBYTES", "C": "SHORT_BINBYTES", "\x80": "PROTO", "\x81": "NEWOBJ", "\x82": "EXT1", "\x83": "EXT2",
    "\x84": "EXT4", "\x85": "TUPLE1", "\x86": "TUPLE2", "\x87": "TUPLE3", "\x88": "NEWTRUE", "\x89": "NEWFALSE",
    "\x8a": "LONG1", "\x8b": "LONG4", "\x8c": "SHORT_BINUNICODE", "\x8d": "BINUNICODE8", "\x8e": "BINBYTES8",
    "\x8f": "EMPTY_SET", "\x90": "ADDITEMS", "\x91": "FROZENSET", "\x92": "NEWOBJ_EX", "\x93": "STACK_GLOBAL",
    "\x94": "MEMOIZE", "\x95": "FRAME", "\x96": "BYTEARRAY8", "\x97": "NEXT_BUFFER", "\x98": "READONLY_BUFFER",
}  # fmt: skip


def _name_of(opcode: int) -> str:
    return _NAMES.get(chr(opcode), f"0x{opcode:02x}")

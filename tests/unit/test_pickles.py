"""Unit: the pickle interpreter, against Python's own pickler and against hand-made opcodes."""

from __future__ import annotations

import collections
import pickle
import struct
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checkpoint_files import Asked, Persistent, module, pickled
from yolo_probe.checkpoint import pickle_machine
from yolo_probe.checkpoint.pickle_machine import CallRecord, Name, read
from yolo_probe.errors import CheckpointError

FLAT = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text() | st.binary()
)
PLAIN = st.recursive(
    FLAT,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(FLAT, inner),
    max_leaves=8,
)


def refusal(data: bytes) -> str:
    with pytest.raises(CheckpointError) as caught:
        read(data)
    assert caught.value.remedy
    return str(caught.value)


def long_tuple_key(depth: int) -> bytes:
    """A dict whose key is a tuple that holds itself twice, over and over: 2 ** depth items to hash."""
    return b"\x80\x02})" + b"q\x00h\x00\x86" * depth + b"Ns."


@given(PLAIN, st.sampled_from([3, 4, 5]))
@settings(max_examples=15, deadline=None)
def test_plain_values_come_back_as_they_were(value: object, protocol: int) -> None:
    assert read(pickle.dumps(value, protocol)).value == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_the_same_object_stays_the_same_object(protocol: int) -> None:
    shared: list[int] = [1]
    value = read(pickle.dumps([shared, shared], protocol)).value
    assert isinstance(value, list)
    assert value[0] is value[1]


@pytest.mark.parametrize("protocol", [4, 5])
def test_sets_of_newer_protocols_are_sets(protocol: int) -> None:
    assert read(pickle.dumps(({1, "a"}, frozenset({None, 2.5})), protocol)).value == ({1, "a"}, frozenset({None, 2.5}))


def test_a_list_that_holds_itself_is_read() -> None:
    endless: list[object] = []
    endless.append(endless)
    value = read(pickle.dumps(endless, 2)).value
    assert isinstance(value, list)
    assert value[0] is value


def test_pickles_in_a_row_are_read_one_after_the_other() -> None:
    data = pickle.dumps(1, 2) + pickle.dumps("two", 2)
    first = read(data)
    second = read(memoryview(data), first.end)
    assert (first.value, second.value, second.end) == (1, "two", len(data))


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_call_is_kept_and_not_made(protocol: int) -> None:
    call = read(pickled(Asked("os.system", "echo", state={"a": 1}), protocol)).value
    assert isinstance(call, CallRecord)
    assert (call.function, call.args, call.state) == (Name("os", "system"), ("echo",), {"a": 1})


@pytest.mark.parametrize("protocol", [2, 4])
def test_an_ordered_dict_keeps_its_entries_in_their_order(protocol: int) -> None:
    call = read(pickled(collections.OrderedDict(b=1, a=2), protocol)).value
    assert isinstance(call, CallRecord)
    assert call.entries is not None
    assert list(call.entries.items()) == [("b", 1), ("a", 2)]


def test_an_object_keeps_its_class_and_its_state() -> None:
    call = read(pickled(module("models.common.Conv", i=3))).value
    assert isinstance(call, CallRecord)
    assert isinstance(call.state, dict)
    assert (call.function, call.state["i"]) == (Name("models.common", "Conv"), 3)


def test_every_name_and_every_persistent_id_is_told() -> None:
    result = read(pickled([Persistent(("storage", 1)), Asked("a.b.C"), Asked("a.b.C")]))
    assert (result.names, [record.id for record in result.persistent]) == ((Name("a.b", "C"),), [("storage", 1)])


def test_what_is_named_is_not_imported() -> None:
    assert "antigravity" not in sys.modules
    read(b"\x80\x02cantigravity\ngeohash\n)R.")
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "byte 0 (the end): the pickle ends too early"),
        (b"\x80\x02", "byte 2 (the end): the pickle ends too early"),
        (b"\x80\x06N.", "byte 0 (PROTO): protocol 6, known are 0 to 5"),
        (b"I1\n.", "byte 0 (INT): not an opcode known here"),
        (b"\x80\x02(S'ls'\nios\nsystem\n.", "byte 3 (STRING): not an opcode known here"),
        (b"\xff.", "byte 0 (0xff): not an opcode known here"),
        (b"N2.", "byte 1 (DUP): not an opcode known here"),
        (b"h\x05.", "byte 0 (BINGET): nothing was memoized under its number"),
        (b"R.........", "byte 0 (REDUCE): it needs more values than there are"),
        (b"K\x01)R.", "byte 3 (REDUCE): int called with tuple, not a name with a tuple"),
        (b"ca\nb\nNR.", "byte 6 (REDUCE): Name called with NoneType, not a name with a tuple"),
        (b"N}b.", "byte 2 (BUILD): a state set on a NoneType"),
        (b"ca\nb\n}b.", "byte 6 (BUILD): a state set on a Name"),
        (b"ca\nb\n)R}b}b.", "byte 10 (BUILD): a state set twice"),
        (b"](K\x01u.", "byte 4 (SETITEMS): a key without a value"),
        (b"](K\x01K\x02u.", "byte 6 (SETITEMS): keys set on a list"),
        (b"}K\x01a.", "byte 3 (APPEND): values appended to a dict"),
        (b"}]Ns.", "byte 3 (SETITEM): a key of type list"),
        (b"NN.", "byte 2 (STOP): 1 values and 0 marks are left over"),
        (b"X\xff\xff\xff\xffab.", "byte 0 (BINUNICODE): 4,294,967,295 bytes announced, 3 left"),
        (b"\x8e" + b"\xff" * 8 + b"ab.", "bytes announced, 3 left"),
        (b"X\x01\x00\x00\x00\xff.", "byte 0 (BINUNICODE): its text is not UTF-8"),
        (b"ca", "byte 0 (GLOBAL): a name without an end"),
        (b"c\x1b[2J\nb\n.", "byte 0 (GLOBAL): a name that no class or function has"),
        (b"NN\x93.", "byte 2 (STACK_GLOBAL): a name that is no text"),
        (b"}\x8a\x09" + b"\xff" * 8 + b"\x7fNs.", "byte 13 (SETITEM): a key of type int with more than 64 bits"),
    ],
)  # fmt: skip
def test_a_broken_or_foreign_opcode_is_named_with_its_place(data: bytes, said: str) -> None:
    assert said in refusal(data)


def test_every_opcode_of_python_is_read_or_refused_by_its_name() -> None:
    import pickletools

    for opcode in pickletools.opcodes:
        try:
            read(opcode.code.encode("latin1"))
        except CheckpointError as error:
            assert f"({opcode.name})" in str(error) or "(the end)" in str(error)  # noqa: PT017


def test_a_nested_tuple_is_never_hashed() -> None:
    started = time.process_time()
    assert "a nested or long tuple as a key" in refusal(long_tuple_key(60))
    assert time.process_time() - started < 1


def test_a_shallow_tuple_may_be_a_key() -> None:
    assert read(pickle.dumps({(1, "a"): 2}, 2)).value == {(1, "a"): 2}


def test_many_tuples_as_keys_are_refused() -> None:
    assert "too many tuples as keys" in refusal(pickle.dumps({(n,): n for n in range(1001)}, 2))


def test_more_opcodes_than_any_network_needs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickle_machine, "MAX_OPCODES", 1000)
    assert "more than 1,000 opcodes" in refusal(b"N0" * 501 + b"N.")


@pytest.mark.parametrize("made", [b"\x8f", b"(\x91"], ids=["set", "frozenset"])
def test_more_sets_than_any_network_needs_are_refused(made: bytes) -> None:
    assert "more than 100,000 sets" in refusal(b"\x80\x04" + made * 100_001 + b".")


def test_more_bytes_than_any_network_needs_are_refused() -> None:
    assert "a pickle of more than 16,777,216 bytes" in refusal(bytes((16 << 20) + 1))


def test_more_names_than_any_network_needs_are_refused() -> None:
    assert "more than 10,000 different names" in refusal(b"".join(b"ca\n%d\n0" % n for n in range(10_001)) + b"N.")


def test_deep_nesting_costs_no_stack() -> None:
    depth = 10_000
    lists = read(b"]" * depth + b"a" * (depth - 1) + b".").value
    calls = read(b"ca\nb\n" + b")R" * depth + b".").value
    assert isinstance(lists, list)
    assert isinstance(calls, CallRecord)


HANDS_ON = b"ctorch._tensor\n_rebuild_from_type_v2\n"
NAMESPACE = b"cargparse\nNamespace\n"


@pytest.mark.parametrize(
    "data",
    [
        HANDS_ON + b"cbuiltins\ngetattr\n)R\x85R.",  # what a call returned
        HANDS_ON + HANDS_ON + b"\x85R.",  # what is called then is deeper in the arguments
        HANDS_ON + b"cdill._dill\n_load_type\nX\x0c\0\0\0FunctionType\x85R\x85R.",
        NAMESPACE + b")R}bK\x01a.",  # its own append, if its state has one
        NAMESPACE + b"}\x85R(K\x01e.",  # or what it was made of
    ],
)
def test_what_a_usual_function_or_object_calls_in_turn_is_told(data: bytes) -> None:
    assert read(data).calls_results


@pytest.mark.parametrize("data", [HANDS_ON + b"ca\nb\n\x85R.", NAMESPACE + b")R(K\x01e}b."])
def test_what_checkpoints_hand_on_and_append_to_is_no_call_of_a_result(data: bytes) -> None:
    assert not read(data).calls_results


def test_a_set_that_dill_has_written_is_a_set() -> None:
    found = read(b"cdill._dill\n_load_type\nX\x03\0\0\0set\x85R]K\x01a\x85R.")
    assert isinstance(found.value, CallRecord)
    assert (found.value.function, found.value.args, found.calls_results) == (Name("builtins", "set"), ([1],), False)


METHOD = b"cdill._dill\n_load_type\nX\x0a\0\0\0MethodType\x85R"
CONV = b"cmodels.common\nConv\n"


def test_a_method_that_dill_has_written_is_that_of_its_object() -> None:
    found = read(METHOD + b"cbuiltins\ngetattr\n" + CONV + b"X\x07\0\0\0forward\x86R" + CONV + b")\x81\x86R.")
    assert isinstance(found.value, CallRecord)
    conv, name = found.value.args
    assert isinstance(conv, CallRecord)
    assert (found.value.function, conv.function, name) == (
        Name("builtins", "getattr"), Name("models.common", "Conv"), "forward"
    )  # fmt: skip
    assert not found.calls_results


@pytest.mark.parametrize(
    "given",
    [
        CONV + CONV + b")\x81",  # no function
        b"cbuiltins\ngetattr\n" + CONV + b"X\x08\0\0\0__init__\x86R" + CONV + b")\x81",  # not a forward
        b"cbuiltins\ngetattr\n" + CONV + b"X\x07\0\0\0forward\x86R}",  # no object
    ],
)
def test_another_method_that_dill_has_written_is_the_call_of_a_result(given: bytes) -> None:
    assert read(METHOD + given + b"\x86R.").calls_results


@pytest.mark.parametrize(
    "data",
    [
        b"](\x94e.", b"](q\x00e.", b"](r\0\0\0\0e.", b"}K\x01(K\x02st0.", b"ca\nb\n()Rt0.", b"ca\nb\n()\x81t0.",
        b"ca\nb\n)R(}bt0.", b"](K\x01at0.", b"K\x01(K\x02\x86t0.", b"](\x85t0.", b"]((et0.", b"}((ut0.",
        b"\x8f((\x90t0.", b"](Qt0.", b"X\x01\0\0\0a(X\x01\0\0\0a\x93t0.",
    ],
)  # fmt: skip
def test_nothing_reaches_below_a_mark(data: bytes) -> None:
    assert "it needs more values than there are" in refusal(data + bytes(9))


def test_many_memo_entries_cost_no_more_than_they_are() -> None:
    puts = b"".join(b"r" + struct.pack("<I", n * 4000) for n in range(20_000))
    assert read(b"N" + puts + b".").value is None


@given(st.binary(max_size=60))
@settings(max_examples=50, deadline=None)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read(b"\x80\x02" + data)
    except CheckpointError as error:
        assert "pickle broken at byte" in str(error)  # noqa: PT017

"""Unit: checkpoints as ``torch.save`` writes them, broken ones, hostile ones, and files of other kinds."""

from __future__ import annotations

import collections
import io
import os
import random
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.checkpoint_files import (
    Asked,
    Persistent,
    Storage,
    module,
    named,
    network,
    parameter,
    pickled,
    save,
    save_legacy,
    save_zip,
    tensor,
)
from yolo_probe.checkpoint.decode import Inert
from yolo_probe.checkpoint.reader import Checkpoint, read_checkpoint
from yolo_probe.errors import CheckpointError, UnsafeError
from yolo_probe.model.forward import hooked, unlike
from yolo_probe.model.structure import LayerCounts, Module, Tensor, count_gradients, count_layers, count_parameters
from yolo_probe.model.trace import unknown_modules

SEQUENTIAL = "torch.nn.modules.container.Sequential"


def read(tmp_path: Path, value: object, protocol: int = 2) -> Checkpoint:
    return read_checkpoint(save(tmp_path / "best.pt", value, protocol))


def model_of(tmp_path: Path, value: object) -> Module:
    return read(tmp_path, {"model": value}).copy()


def refused(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert caught.value.remedy
    return caught.value


def refusal(path: Path) -> str:
    return str(refused(path)).removeprefix(f"{path}: ")


def refusal_of(tmp_path: Path, content: object) -> str:
    """What is said of a file with these bytes, or of a checkpoint with this model."""
    path = tmp_path / "best.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save(path, {"model": content})
    return refusal(path)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("requires_grad", [True, False])
def test_modules_parameters_and_gradients_are_counted(tmp_path: Path, protocol: int, requires_grad: bool) -> None:
    root = read(tmp_path, {"model": network(requires_grad)}, protocol).copy()
    # The model, the rows, two Conv with a convolution and a BatchNorm each, and one SiLU for both.
    assert count_layers(root) == LayerCounts(modules=1 + 1 + 2 * 3 + 1, leaf_modules=2 * 2 + 1, parameter_tensors=2 * 3)
    assert count_parameters(root) == 2 * (2 * 3 + 2 * 2)
    assert count_gradients(root) == (2 * (2 * 3 + 2 * 2) if requires_grad else 0)


def test_a_legacy_file_holds_the_same_as_a_zip(tmp_path: Path) -> None:
    legacy = read_checkpoint(save_legacy(tmp_path / "old.pt", {"model": network(), "epoch": 3}))
    assert (legacy.container, legacy.contents) == ("legacy", {"epoch": 3})
    assert count_layers(legacy.copy()).modules == 9
    assert numbers_of(legacy, "0") == numbers_of(read(tmp_path, {"model": network()}), "0")


def numbers_of(checkpoint: Checkpoint, row: str) -> tuple[float, ...]:
    weight = checkpoint.copy().child("model").child(row).child("conv").parameters["weight"]
    return checkpoint.numbers(weight)


def test_a_legacy_file_may_wrap_its_classes_with_their_source(tmp_path: Path) -> None:
    made = Asked("unused")
    wrapped = Persistent(("module", named("models.common.Concat"), "models/common.py", "class Concat(nn.Module): ..."))
    made.reduced = (called(wrapped), (), {"_parameters": {}, "_buffers": {}, "_modules": {}, "d": 1})
    root = read_checkpoint(save_legacy(tmp_path / "old.pt", made)).copy()
    assert (root.class_path, root.attributes) == ("models.common.Concat", {"d": 1})


def called(record: Persistent) -> Persistent:
    """The record, callable as Python's pickler wants whatever it is to call."""
    record.__class__ = type("Persistent", (Persistent,), {"__call__": lambda self: None})
    return record


def test_a_model_saved_bare_is_the_model(tmp_path: Path) -> None:
    checkpoint = read(tmp_path, network())
    assert (checkpoint.contents, checkpoint.ema) == ({}, None)
    assert checkpoint.copy() is checkpoint.model


def test_validation_uses_the_ema_copy_if_there_is_one(tmp_path: Path) -> None:
    both = read(tmp_path, {"model": network(), "ema": module(SEQUENTIAL)})
    assert both.copy() is both.ema
    assert both.copy("model") is both.model


def test_one_model_saved_under_both_names_is_one_model(tmp_path: Path) -> None:
    one = network()
    checkpoint = read(tmp_path, {"model": one, "ema": one})
    assert checkpoint.model is checkpoint.ema


def test_a_copy_that_is_missing_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no copy 'ema', only model") as caught:
        read(tmp_path, {"model": network(), "ema": None}).copy("ema")
    assert caught.value.remedy == "ask for model, or for none"


def test_bookkeeping_of_torch_is_no_attribute(tmp_path: Path) -> None:
    root = model_of(tmp_path, network())
    assert set(root.attributes) == {"training", "names", "stride", "yaml", "save"}
    assert root.attributes["yaml"] == {"nc": 2, "anchors": [[10, 13], [16, 30]], "depth_multiple": 0.33}


@pytest.mark.parametrize("key", ["_forward_hooks", "_forward_pre_hooks"])
@pytest.mark.parametrize("hook", [named("models.common.scaled"), module("models.common.Scaled")])
def test_a_forward_hook_in_a_file_makes_its_module_another_one(tmp_path: Path, key: str, hook: object) -> None:
    value = network()
    conv = value.__dict__["_modules"]["model"].__dict__["_modules"]["0"]
    conv.__dict__[key] = collections.OrderedDict({7: hook})
    root = model_of(tmp_path, value)
    assert ("model.0", "models.common.Conv") in unknown_modules(root)
    assert unlike(root.child("model").child("0")) == " with a forward hook of its own"
    assert hooked(root) == "model.0"


def test_a_hook_of_torch_that_only_computes_a_weight_is_none(tmp_path: Path) -> None:
    value = network()
    conv = value.__dict__["_modules"]["model"].__dict__["_modules"]["0"].__dict__["_modules"]["conv"]
    conv.__dict__["_forward_pre_hooks"] = collections.OrderedDict(
        {0: Asked("torch.nn.utils.weight_norm.WeightNorm", "weight", 0)}
    )
    assert hooked(model_of(tmp_path, value)) == ""


def test_an_empty_place_for_a_module_is_kept_and_an_empty_parameter_is_not(tmp_path: Path) -> None:
    root = model_of(tmp_path, network())
    assert root.children["empty"] is None
    assert list(root.child("model").child("0").child("conv").parameters) == ["weight"]


def test_the_activation_shared_by_two_convolutions_is_one_module(tmp_path: Path) -> None:
    rows = model_of(tmp_path, network()).child("model")
    assert rows.child("0").child("act") is rows.child("1").child("act")


def test_a_parameter_in_two_places_is_one_tensor(tmp_path: Path) -> None:
    shared = parameter(tensor(Storage("0", "f", [1, 2]), (2,)))
    root = model_of(tmp_path, module(SEQUENTIAL, {"a": shared, "b": shared}))
    assert root.parameters["a"] is root.parameters["b"]
    assert count_parameters(root) == 2


def test_tensors_on_one_storage_are_two_tensors_at_two_places(tmp_path: Path) -> None:
    storage = Storage("0", "f", [1, 2, 3, 4])
    halves = {"a": tensor(storage, (2,)), "b": tensor(storage, (2,), offset=2)}
    checkpoint = read(tmp_path, {"model": module(SEQUENTIAL, buffers=dict(halves))})
    buffers = checkpoint.copy().buffers
    assert [checkpoint.numbers(buffers[name]) for name in "ab"] == [(1, 2), (3, 4)]


@pytest.mark.parametrize(
    ("layout", "dtype", "values", "read_back"),
    [
        ("e", "float16", [0.5, -2], (0.5, -2.0)),
        ("f", "float32", [0.25, 8], (0.25, 8.0)),
        ("d", "float64", [1e300, -1], (1e300, -1.0)),
        ("q", "int64", [-(2**40), 7], (-(2**40), 7)),
        ("H", "bfloat16", [0x3F80, 0xC000], (1.0, -2.0)),
    ],
)
def test_numbers_are_read_on_demand(
    tmp_path: Path, layout: str, dtype: str, values: list[float], read_back: tuple[float, ...]
) -> None:
    checkpoint = read(
        tmp_path, {"model": module(SEQUENTIAL, buffers={"a": tensor(Storage("0", layout, values), (2,))})}
    )
    buffer = checkpoint.copy().buffers["a"]
    assert (buffer.dtype, checkpoint.numbers(buffer)) == (dtype, read_back)
    assert checkpoint.storage_bytes(buffer) == struct.pack(f"<2{layout}", *values)


def test_numbers_come_in_row_major_order_whatever_the_strides(tmp_path: Path) -> None:
    transposed = tensor(Storage("0", "f", [1, 2, 3, 4, 5, 6, 7]), (2, 3), (1, 2), offset=1)
    checkpoint = read(tmp_path, {"model": module(SEQUENTIAL, buffers={"a": transposed})})
    buffer = checkpoint.copy().buffers["a"]
    assert checkpoint.numbers(buffer) == (2, 4, 6, 3, 5, 7)
    assert checkpoint.numbers(buffer, limit=2) == (2, 4)


def test_numbers_of_a_file_that_has_changed_are_refused(tmp_path: Path) -> None:
    checkpoint = read(tmp_path, {"model": network()})
    save(tmp_path / "best.pt", {"model": network(), "epoch": 5})
    stride = checkpoint.copy().attributes["stride"]
    assert isinstance(stride, Tensor)
    with pytest.raises(CheckpointError, match="changed since it was read"):
        checkpoint.numbers(stride)


def test_contents_are_plain_values(tmp_path: Path) -> None:
    numpy_float = Asked("numpy.core.multiarray.scalar", numpy_dtype("f8"), as_latin1(struct.pack("<d", 0.5)))
    array = Asked("numpy.core.multiarray._reconstruct", named("numpy.ndarray"), (0,), as_latin1(b"b"))
    array.reduced += ((1, (1,), numpy_dtype("f4"), False, as_latin1(struct.pack("<f", 0.25))),)
    contents = read(
        tmp_path,
        {
            "epoch": -1,
            "best_fitness": array,
            "fitness": numpy_float,
            "opt": Asked(
                "argparse.Namespace", state={"freeze": [0], "project": Asked("pathlib.PosixPath", "/", "a", "b")}
            ),
            "windows": Asked("pathlib.WindowsPath", "C:\\", "a"),
            "relative": Asked("pathlib._local.PosixPath", "runs", "train"),
            "ordered": collections.OrderedDict(b=1),
            "rows": range(2, 5),
            "set": {1, 2},
            "size": Asked("torch.Size", (1, 3)),
            "device": Asked("torch.device", "cpu"),
            "model": network(),
            "optimizer": {"state": {}, "param_groups": [{}, {}, {}]},
        },
    ).contents
    assert contents == {
        "epoch": -1,
        "best_fitness": 0.25,
        "fitness": 0.5,
        "opt": {"freeze": [0], "project": "/a/b"},
        "windows": "C:\\a",
        "relative": "runs/train",
        "ordered": {"b": 1},
        "rows": range(2, 5),
        "set": frozenset({1, 2}),
        "size": (1, 3),
        "device": Inert("torch.device"),
    }


def numpy_dtype(code: str) -> Asked:
    return Asked("numpy.dtype", code, False, True, state=(3, "<", None, None, None, -1, -1, 0))


def as_latin1(data: bytes) -> Asked:
    return Asked("_codecs.encode", data.decode("latin1"), "latin1")


def test_the_optimizer_is_told_by_its_groups(tmp_path: Path) -> None:
    unstripped = read(tmp_path, {"model": network(), "optimizer": {"param_groups": [{}, {}, {}]}})
    stripped = read(tmp_path, {"model": network(), "optimizer": None})
    assert (unstripped.optimizer_present, unstripped.optimizer_groups) == (True, 3)
    assert (stripped.optimizer_present, stripped.optimizer_groups) == (False, 0)


def test_bound_methods_stay_inert(tmp_path: Path) -> None:
    forward = Asked("__builtin__.getattr", named("models.yolo.Detect"), "forward")
    fused = Asked("__builtin__.getattr", module("models.common.Conv"), "forward_fuse")
    attributes = model_of(tmp_path, module("models.yolo.Segment", detect=forward, forward=fused)).attributes
    assert attributes["detect"] == Inert("models.yolo.Detect.forward")
    assert attributes["forward"] == Inert("models.common.Conv.forward_fuse", is_bound=True)


def test_names_that_no_checkpoint_of_yolov5_needs_are_told(tmp_path: Path) -> None:
    hostile = [Asked("os.system", "true"), Asked("builtins.eval", "1"), Asked("builtins.getattr", 1, "a")]
    checkpoint = read(tmp_path, {"model": network(), "date": hostile})
    assert checkpoint.unusual == ("builtins.eval", "os.system")
    assert checkpoint.contents["date"] == [Inert("os.system"), Inert("builtins.eval"), Inert("int.a", is_bound=True)]


def test_a_dotted_name_cannot_hide_behind_torch(tmp_path: Path) -> None:
    reach = named("torch.serialization.system")
    reach.__qualname__ = "os.system"
    assert read(tmp_path, {"model": network(), "date": reach}, protocol=4).unusual == ("torch.serialization.os.system",)


def test_nothing_is_imported_to_read_a_checkpoint(tmp_path: Path) -> None:
    path = save(tmp_path / "best.pt", {"model": network(), "date": Asked("antigravity.geohash")})
    code = (
        f"import sys; from yolo_probe.checkpoint.reader import read_checkpoint; c = read_checkpoint({str(path)!r});"
        "print([m for m in ('torch', 'numpy', 'models', 'antigravity', 'pickle', 'zipfile') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda: module(SEQUENTIAL, {"a": parameter(tensor(Storage("0", "f", [1]), (3,)))}), "reaches beyond"),
        (lambda: module(SEQUENTIAL, {"a": tensor(Storage("0", "f", [1, 2]), (2,), (2**62,))}), "reaches beyond"),
        (lambda: module(SEQUENTIAL, {"a": tensor(Storage("0", "f", [1, 2]), (2,), (-1,))}), "strides that are no"),
        (lambda: module(SEQUENTIAL, {"a": tensor(Storage("0", "f", [1]), (1,), offset=-1)}), "an offset that is no"),
        (lambda: module(SEQUENTIAL, {"a": tensor(Storage("0", "f", [1]), (2**40, 2**40), (0, 0))}), "more elements"),
        (lambda: module(SEQUENTIAL, {"a": tensor(Storage("0", "f", [1]), (1,), (1, 1))}), "1 sizes and 2 strides"),
        (lambda: module(SEQUENTIAL, {"a": 3}), "model.a: expected a tensor, found int"),
        (lambda: module(SEQUENTIAL, children={"a": 3}), "model.a: expected a module, found int"),
        (lambda: module(SEQUENTIAL, children={3: module(SEQUENTIAL)}), "a name in _modules is no printable text"),  # type: ignore[dict-item]
        (lambda: module(SEQUENTIAL, children={"b.n": module(SEQUENTIAL)}), "'b.n' in _modules has a dot"),
        (lambda: Asked(SEQUENTIAL, state={"_modules": 3, "_parameters": {}}), "_modules is int, expected a dict"),
        (lambda: Asked(SEQUENTIAL, state={"_modules": {}, "_parameters": {}}), "model: _buffers is NoneType"),
        (
            lambda: Asked(SEQUENTIAL, state={"_modules": {}, "_parameters": {}, "_buffers": {}, 3: 4}),
            "model: an attribute whose name is no printable text",
        ),
    ],
)  # fmt: skip
def test_a_model_that_pytorch_would_not_have_written_is_refused_with_its_place(
    tmp_path: Path, changed: Callable[[], object], said: str
) -> None:
    message = refusal_of(tmp_path, changed())
    assert message.startswith("damaged or unusual checkpoint: model")
    assert said in message


@pytest.mark.parametrize("model", ["models.yolo.Model", "ultralytics.nn.tasks.DetectionModel"])
def test_a_model_that_is_built_when_it_is_loaded_is_told(tmp_path: Path, model: str) -> None:
    rows = {"backbone": [[-1, 1, "print('built')", []]], "head": []}  # a host's constructor evaluates these texts
    saved = {"model": network(), "optimizer": Asked(model, rows)}
    assert read_checkpoint(save(tmp_path / "best.pt", saved)).runs == (model,)
    saved["optimizer"] = Asked("torch._tensor._rebuild_from_type_v2", Asked(model), named("torch.Tensor"), (), None)
    assert read_checkpoint(save(tmp_path / "best.pt", saved)).runs == ("what a call returned",)


def test_a_damaged_file_that_would_run_something_is_told_as_that(tmp_path: Path) -> None:
    damaged = module(SEQUENTIAL, {"weight": Asked("os.system", "true")})
    with pytest.raises(UnsafeError, match=r"would run os\.system when it is loaded, and is damaged"):
        read_checkpoint(save(tmp_path / "best.pt", {"model": damaged}))


def test_a_storage_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    storage = Storage("0", "f", [1, 2])
    storage.numel = 10**11
    message = refusal_of(tmp_path, module(SEQUENTIAL, {"a": tensor(storage, (10**11,))}))
    assert "storage 0 should have 400,000,000,000 bytes, the file has 8" in message


def test_modules_nested_too_deep_are_refused(tmp_path: Path) -> None:
    deep = module(SEQUENTIAL)
    for _ in range(66):
        deep = module(SEQUENTIAL, children={"0": deep})
    assert "modules nested more than 64 deep" in refusal_of(tmp_path, deep)


def test_a_module_within_itself_is_refused(tmp_path: Path) -> None:
    own: dict[str, object] = {}
    root = module(SEQUENTIAL, children=own)
    own["0"] = root
    assert f"model.0: the module {SEQUENTIAL} is within itself" in refusal_of(tmp_path, root)


def test_modules_that_share_others_in_too_many_places_are_refused(tmp_path: Path) -> None:
    doubled = module(SEQUENTIAL)
    for _ in range(40):
        doubled = module(SEQUENTIAL, children={"0": doubled, "1": doubled})
    assert "modules in more than 65,536 places" in refusal_of(tmp_path, doubled)


def test_modules_that_share_others_too_deep_are_refused(tmp_path: Path) -> None:
    """Each is next to the root too, which alone would not be deep."""
    deep = module(SEQUENTIAL)
    every = [deep]
    for _ in range(70):
        every.append(deep := module(SEQUENTIAL, children={"0": deep}))
    root = module(SEQUENTIAL, children={str(i): each for i, each in enumerate(every)})
    assert "modules nested more than 64 deep" in refusal_of(tmp_path, root)


def test_a_module_with_children_in_two_places_is_one_module(tmp_path: Path) -> None:
    shared = module(SEQUENTIAL, {"a": tensor(Storage("0", "f", [1, 2]), (2,))}, children={"0": module(SEQUENTIAL)})
    root = model_of(tmp_path, module(SEQUENTIAL, children={"0": shared, "1": shared}))
    assert root.children["0"] is root.children["1"]


def test_plain_data_that_holds_itself_or_doubles_ends(tmp_path: Path) -> None:
    endless: list[object] = []
    endless += [endless, endless]
    doubled: list[object] = []
    for _ in range(60):
        doubled = [doubled, doubled]
    contents = read(tmp_path, {"model": network(), "endless": endless, "doubled": doubled}).contents
    assert contents["endless"] == [Inert("list within itself")] * 2
    assert isinstance(contents["doubled"], list)


def test_an_endless_range_stays_inert(tmp_path: Path) -> None:
    assert read(tmp_path, {"model": network(), "a": range(10**12)}).contents["a"] == Inert("builtins.range")


def test_weights_in_a_legacy_file_that_ends_early_are_missed(tmp_path: Path) -> None:
    path = save_legacy(tmp_path / "old.pt", {"model": network()})
    assert refusal_of(tmp_path, path.read_bytes()[:-5]).startswith("cut short: 5 bytes of weights are missing")


@pytest.mark.parametrize("byteorder", [b"big"])
def test_a_file_of_other_byte_order_is_refused(tmp_path: Path, byteorder: bytes) -> None:
    path = save_zip(tmp_path / "best.pt", {"a/data.pkl": pickled(1), "a/byteorder": byteorder})
    assert "big-endian" in refusal(path)


def test_terminal_commands_in_a_file_do_not_reach_the_message(tmp_path: Path) -> None:
    message = refusal_of(tmp_path, module(SEQUENTIAL, {"\x1b[2J": 3}))
    assert "model: a name in _parameters is no printable text" in message


def test_compressed_entries_are_refused(tmp_path: Path) -> None:
    path = save_zip(tmp_path / "best.pt", {"a/data.pkl": bytes(1 << 20)}, zipfile.ZIP_DEFLATED)
    assert refusal(path) == "entry a/data.pkl is compressed or encrypted, and torch.save does neither"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_entry_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "best.pt", "w") as archive:
        archive.writestr("a/data.pkl", pickled(1))
        archive.writestr("a/data.pkl", pickled(2))
    assert "two entries of the archive are called a/data.pkl" in refusal(tmp_path / "best.pt")


@pytest.mark.parametrize("other", ["b/data.pkl", "b/data/0", "../data/0", "data/0"])
def test_several_roots_are_refused(tmp_path: Path, other: str) -> None:
    path = save_zip(tmp_path / "best.pt", {"a/data.pkl": pickled(1), other: b""})
    assert refusal(path) == f"its archive has more than one root: a/ and {other}"


def test_a_pickle_larger_than_any_network_is_refused(tmp_path: Path) -> None:
    path = save_zip(tmp_path / "best.pt", {"a/data.pkl": bytes((16 << 20) + 1)})
    assert refusal(path).startswith("its data.pkl claims 16,777,217 bytes")


def test_entries_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    path = save_zip(tmp_path / "best.pt", {"a/data.pkl": pickled(1), "a/data/0": bytes(4000), "a/data/1": bytes(4000)})
    data = bytearray(path.read_bytes())
    # Let the second storage begin, in the directory, where the first does, as often as fits.
    directory = data.index(b"PK\1\2")
    first = data.index(b"PK\1\2", directory + 1)
    entry = bytes(data[first : data.index(b"PK\1\2", first + 1)])
    copies = b"".join(entry.replace(b"a/data/0", b"a/data/%c" % (65 + n)) for n in range(9))
    end = data.index(b"PK\5\6")
    tail = bytearray(data[end:])
    tail[12:16] = struct.pack("<L", end - directory + len(copies))
    assert refusal_of(tmp_path, bytes(data[:end]) + copies + bytes(tail)).startswith("its entries claim")


@pytest.mark.parametrize("claimed", [0, 1, 3])
def test_a_directory_of_another_number_of_entries_is_refused(claimed: int, tmp_path: Path) -> None:
    path = save_zip(tmp_path / "best.pt", {"a/data.pkl": pickled(1), "a/data/0": bytes(4)})
    data = bytearray(path.read_bytes())
    end = data.index(b"PK\5\6")
    data[end + 8 : end + 12] = struct.pack("<2H", claimed, claimed)
    assert refusal_of(tmp_path, bytes(data)) == f"its zip directory has 2 entries and claims {claimed}"


@pytest.mark.parametrize("rest", [b"", b".", b"0}(Nu.", b"q\xff"])
def test_what_a_broken_pickle_would_run_before_it_ends_is_told(rest: bytes, tmp_path: Path) -> None:
    call = b"\x80\x02]cos\nsystem\nX\x04\x00\x00\x00true\x85R"
    path = save_zip(tmp_path / "best.pt", {"a/data.pkl": call + rest, "a/version": b"3\n"})
    with pytest.raises(UnsafeError, match=r"would run os\.system when it is loaded, before the place where"):
        read_checkpoint(str(path))


def test_an_archive_with_64_bit_sizes_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "best.pt", {"model": network()})
    data = path.read_bytes()
    end = data.rindex(b"PK\5\6")
    count, size, start = struct.unpack_from("<HLL", data, end + 10)
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    full = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(data[:end] + end64 + locator + full)
    assert count_parameters(read_checkpoint(path).copy()) == 20


@pytest.mark.parametrize("kept", [0.5, 0.95])
def test_a_file_that_is_cut_short_is_said_to_be(tmp_path: Path, kept: float) -> None:
    data = save(tmp_path / "best.pt", {"model": network()}).read_bytes()
    cut = data[: int(len(data) * kept)]
    message = f"cut short: the zip directory at its end is missing ({len(cut):,} bytes are there)"
    assert refusal_of(tmp_path, cut) == message


@pytest.mark.parametrize("writer", [save, save_legacy])
def test_a_flipped_byte_gives_a_checkpoint_or_a_refusal(tmp_path: Path, writer: Callable[[Path, object], Path]) -> None:
    path = writer(tmp_path / "best.pt", {"model": network(), "ema": network(), "date": collections.OrderedDict(a={1})})
    data = path.read_bytes()
    draw = random.Random(5)
    outcomes = set()
    for _ in range(60):
        damaged = bytearray(data)
        for _ in range(draw.choice([1, 1, 3])):
            damaged[draw.randrange(len(data))] = draw.choice([draw.randrange(256), data[draw.randrange(len(data))]])
        path.write_bytes(damaged)
        try:
            count_layers(read_checkpoint(path).copy())
            outcomes.add("read")
        except CheckpointError:
            outcomes.add("refused")
    assert outcomes == {"read", "refused"}


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("pickle"))
    return file.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 14808437\n"
SAFETENSORS = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'


@pytest.mark.parametrize(
    ("content", "said", "remedy"),
    [
        (b"", "an empty file (0 bytes)", "download or copy the file again"),
        (b"\x01\x02\x03random\xff", "not a PyTorch checkpoint (first bytes 01 02 03 72 61 6e 64 6f)", "best.pt"),
        (b"\x1f\x8b\x08\x00\x00", "gzip data, not a PyTorch checkpoint", "best.pt"),
        (pickled({"a": 1}), "a plain pickle, not a PyTorch checkpoint", "best.pt"),
        (pickled({"a": 1}, 4), "a plain pickle, not a PyTorch checkpoint", "best.pt"),
        (b"\x80\x02junk", "a plain pickle, not a PyTorch checkpoint", "best.pt"),
        (b"<!DOCTYPE html><html></html>", "a web page (HTML or XML): the download failed", "download"),
        (b'{"message": "Not Found"}', "JSON text, not a checkpoint: perhaps the download failed", "download"),
        (b'[\n  {"name": "best.pt"}\n]', "JSON text, not a checkpoint: perhaps the download failed", "download"),
        (b"[build-system]\nrequires = []\n", "text, not a checkpoint (it begins '[build-system]", "ending .yaml"),
        (b"nc: 80\ndepth_multiple: 0.33\n", "text, not a checkpoint (it begins 'nc: 80", ".yaml"),
        (LFS, "a git-lfs pointer, not the checkpoint itself (real size: 14,808,437 bytes)", "run git lfs pull"),
        (b"\x08\x07\x12\x07pytorch\x1a\x05", "an ONNX model, which has no YOLOv5 modules", ".pt"),
        (b"\x08\x04\x12\x0b\n\t\n\x05image\x1a\x00", "a CoreML model, which has no YOLOv5 modules", ".pt"),
        (b'<?xml version="1.0"?><net name="yolov5n">', "an XML file, perhaps an OpenVINO model", "best.pt"),
        (b"# YOLOv3\n[net]\nbatch=64\n", "a .cfg of Darknet, which describes a network", "model YAML"),
        (b"\xff" * 600, "not a PyTorch checkpoint (first bytes ff ff", "best.pt"),
        (struct.pack("<Q", len(SAFETENSORS)) + SAFETENSORS + bytes(4), "a safetensors file: weights only", "best.pt"),
        (b"\x93NUMPY\x01\x00", "a NumPy file (.npy), not a PyTorch checkpoint", "best.pt"),
        (zipped({"a.npy": b"", "b.npy": b""}, zipfile.ZIP_DEFLATED), "a NumPy file (.npz), not a PyTorch", "best.pt"),
        (zipped({"weights/best.pt": b""}, zipfile.ZIP_DEFLATED), "a zip archive that contains weights/", "unpack"),
        (zipped({"a.txt": b""}), "a zip archive without a checkpoint's data.pkl (it has a.txt)", "best.pt"),
        (zipped({}), "an empty zip archive, not a PyTorch checkpoint", "best.pt"),
        (zipped({"a/data.pkl": b"", "a/constants.pkl": b""}), "an exported TorchScript model", "best.pt"),
        (zipped({"a/data.pkl": b"", "a/code/x.py": b""}), "an exported TorchScript model", "best.pt"),
        (tarred(), "a tar archive, perhaps in PyTorch's format before 2017", "unpack it"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_named(tmp_path: Path, content: bytes, said: str, remedy: str) -> None:
    path = tmp_path / "best.pt"
    path.write_bytes(content)
    error = refused(path)
    assert str(error).removeprefix(f"{path}: ").startswith(said)
    assert remedy in error.remedy


WEIGHTS = collections.OrderedDict(a=tensor(Storage("0", "f", [1, 2]), (2,)))


@pytest.mark.parametrize("writer", [save, save_legacy])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (WEIGHTS, "a state_dict"),
        ({"model": WEIGHTS}, "'model' is a state_dict or the like"),
        ({"model": None}, "'model' is None"),
        (WEIGHTS["a"], "a tensor"),
        ([1, 2], "a list"),
        ({}, "an empty dict"),
    ],
)
def test_weights_without_modules_are_refused(
    tmp_path: Path, writer: Callable[[Path, object], Path], value: object, said: str
) -> None:
    error = refused(writer(tmp_path / "best.pt", value))
    assert f"weights without modules ({said}), so the network is not in the file" in str(error)
    assert error.remedy.startswith("pass the full checkpoint, as YOLOv5's train.py saves it; yolo-probe inspect tells")


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.pt") == "no such file"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "a directory, expected a file"


def test_a_run_folder_leads_to_its_best_weights(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    save(tmp_path / "weights" / "best.pt", {"model": network()})
    assert refused(tmp_path).remedy == f"pass {tmp_path / 'weights' / 'best.pt'}"
    assert refused(tmp_path / "weights").remedy == f"pass {tmp_path / 'weights' / 'best.pt'}"


def test_a_link_is_followed_and_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "best.pt", {"model": network()})
    (tmp_path / "link.pt").symlink_to("best.pt")
    (tmp_path / "loop.pt").symlink_to("loop.pt")
    assert count_parameters(read_checkpoint(tmp_path / "link.pt").copy()) == 20
    assert refusal(tmp_path / "loop.pt").startswith("cannot be opened: ")


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pt")
    assert refusal(tmp_path / "pipe.pt") == "a device, a pipe or a socket, expected a regular file"


def test_a_device_is_refused() -> None:
    assert refusal(Path(os.devnull)) == "a device, a pipe or a socket, expected a regular file"


@pytest.mark.skipif(os.getuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "best.pt", {"model": network()})
    path.chmod(0)
    assert refusal(path) == "permission denied"


def test_a_path_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(CheckpointError, match="cannot be opened"):
        read_checkpoint("a\0b")

"""Unit: what a file tells of itself: bytes that add up, what it may be used for, what loading it would run."""

from __future__ import annotations

import json
import os
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

from tests.checkpoint_files import (
    Asked,
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
from tests.conftest import Probe
from tests.exhaustive import exhaustive_rows, exhaustively
from yolo_probe.errors import CheckpointError, ProbeError, TargetError
from yolo_probe.model.fusion import fuse
from yolo_probe.model.structure import Module
from yolo_probe.networks.model_yaml import build
from yolo_probe.networks.recognise import expected_shapes
from yolo_probe.networks.shipped import find_network
from yolo_probe.render import markdown, text
from yolo_probe.reports.inspection import Inspection, inspect
from yolo_probe.reports.inspection_json import as_json

OWNERS = ("model", "ema", "optimizer", "other")
MODEL = 2 * (2 * (2 * 3 + 2 + 2 + 2) + 8) + 4 * 3
"""Bytes of ``network()``: twice a weight, three vectors of a BatchNorm in FP16 and a counter; strides in FP32."""


def floats(key: str, count: int) -> Asked:
    return tensor(Storage(key, "f", [0.5] * count), (count,))


def optimizer(count: int) -> dict[str, object]:
    return {"state": {0: {"momentum_buffer": floats("o", count)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}


def unstripped(**contents: object) -> dict[str, object]:
    """What YOLOv5 saves at the end of an epoch, with one copy in FP32 as the EMA."""
    ema = module("models.yolo.DetectionModel", {"w": parameter(floats("e", 10), False)}, children={})
    options = {"epochs": 5, "batch_size": 16, "imgsz": 640, "freeze": [0], "weights": "", "hyp": {"lr0": 0.01}}
    return {
        "epoch": 2,
        "best_fitness": 0.25,
        "model": network(),
        "ema": ema,
        "updates": 3,
        "optimizer": optimizer(20),
        "opt": options,
        "git": {"commit": "0123456789abcdef", "remote": "https://example.org/yolov5", "branch": None},
        "date": "2024-01-02T03:04:05.678901",
    } | contents


def report_of(tmp_path: Path, value: object) -> Inspection:
    return inspect(str(save(tmp_path / "last.pt", value)))


def sizes_of(report: Inspection) -> dict[str, int]:
    return {owner: report.anatomy.part(owner).size for owner in OWNERS}  # type: ignore[arg-type]


def words_of(report: Inspection) -> str:
    """The text in one line."""
    return " ".join(text.render(report).split())


FORMS: dict[str, object] = {
    "unstripped": unstripped(),
    "stripped": unstripped(epoch=-1, ema=None, optimizer=None, best_fitness=None),
    "bare": network(),
    "empty": {"model": module("models.yolo.Model")},
    "state-dict": OrderedDict(a=floats("0", 5), b=floats("1", 7)),
    "nested-state-dict": {"state_dict": {"a": floats("0", 5)}, "epoch": 3},
    "others": unstripped(kept=[floats("k", 9)]),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("write", [save, save_legacy, lambda path, value: save(path, value, protocol=4)])
def test_the_parts_add_up_to_the_size_of_the_file(tmp_path: Path, form: str, write: Any) -> None:
    path = write(tmp_path / "x.pt", FORMS[form])
    sizes = as_json(inspect(str(path)))["bytes"]
    assert isinstance(sizes, dict)
    assert list(sizes) == ["file", "model", "ema", "optimizer", "other", "container"]
    assert sum(sizes.values()) - sizes["file"] == sizes["file"] == os.path.getsize(path)
    assert all(type(size) is int and size >= 0 for size in sizes.values())


def test_each_owner_has_the_bytes_of_its_tensors(tmp_path: Path) -> None:
    report = report_of(tmp_path, unstripped(kept=[floats("k", 9)]))
    assert sizes_of(report) == {"model": MODEL, "ema": 4 * 10, "optimizer": 4 * 20, "other": 4 * 9}
    assert dict(report.anatomy.part("model").dtypes) == {"float16": 2 * 2 * 12, "int64": 2 * 8, "float32": 4 * 3}
    assert [part.storages for part in report.anatomy.parts] == [11, 1, 1, 1]


def test_what_two_owners_use_is_counted_with_the_first_and_said(tmp_path: Path) -> None:
    one = network()
    report = report_of(tmp_path, unstripped(model=one, ema=one, optimizer={"kept": one}))
    assert sizes_of(report) == {"model": MODEL, "ema": 0, "optimizer": 0, "other": 0}
    assert [part.shared for part in report.anatomy.parts] == [0, MODEL, MODEL, 0]
    assert f"the EMA uses {MODEL} bytes that are counted before it and nothing else: stored once" in words_of(report)


def test_two_tensors_on_one_storage_are_stored_once(tmp_path: Path) -> None:
    shared = Storage("s", "f", [1.0] * 8)
    both: dict[str, object] = {"a": parameter(tensor(shared, (8,))), "b": parameter(tensor(shared, (2, 2), offset=4))}
    assert sizes_of(report_of(tmp_path, {"model": module("models.yolo.Model", both)}))["model"] == 4 * 8


def test_tensor_data_that_nothing_refers_to_is_counted_and_said(tmp_path: Path) -> None:
    entries = {"a/data.pkl": pickled({"model": module("models.yolo.Model")}), "a/data/0": b"hidden", "a/note": b"xyz"}
    report = inspect(str(save_zip(tmp_path / "x.pt", entries)))
    assert sizes_of(report)["other"] == len("hidden")
    assert report.unusual[:2] == ("6 bytes of tensor data that nothing refers to", "a member a/note of 3 bytes")


def test_bytes_in_front_of_the_archive_are_said(tmp_path: Path) -> None:
    path = save(tmp_path / "x.pt", unstripped())
    content = path.read_bytes()
    start = content.rindex(b"PK\5\6")
    directory = int.from_bytes(content[start + 16 : start + 20], "little")
    moved = bytearray(b"PK\3\4" + b"#" * 96 + content)
    # each place in the directory, and the place of the directory itself, is 100 bytes later
    position = directory + 100
    while moved[position : position + 4] == b"PK\1\2":
        place = int.from_bytes(moved[position + 42 : position + 46], "little") + 100
        moved[position + 42 : position + 46] = place.to_bytes(4, "little")
        position += 46 + int.from_bytes(moved[position + 28 : position + 30], "little")
    moved[position + 16 : position + 20] = (directory + 100).to_bytes(4, "little")
    path.write_bytes(moved)
    report = inspect(str(path))
    assert "100 bytes at byte 0 that belong to no member" in report.unusual
    assert report.anatomy.file == sum(sizes_of(report).values()) + report.anatomy.container


def test_bytes_at_the_end_that_belong_to_nothing_are_said(tmp_path: Path) -> None:
    path = save_legacy(tmp_path / "x.pt", unstripped())
    assert "last storage" not in words_of(inspect(str(path)))
    path.write_bytes(path.read_bytes() + b"#" * 20_000)
    assert "last storage" in words_of(inspect(str(path)))


def test_bytes_behind_the_directory_of_an_archive_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "x.pt", unstripped())
    path.write_bytes(path.read_bytes() + b"#" * 20_000)
    with pytest.raises(CheckpointError, match="20,000 bytes are behind its zip directory"):
        inspect(str(path))


def test_stripping_keeps_the_ema_in_half_the_bytes(tmp_path: Path) -> None:
    report = report_of(tmp_path, unstripped(kept=[floats("k", 9)]))
    strip = report.anatomy.strip
    assert strip is not None
    assert (strip.tensors, strip.saved) == (2 * 10 + 4 * 9, MODEL + 4 * 10 + 4 * 20 - 2 * 10)
    said = words_of(report)
    assert (
        f"More than a stripped file has, {strip.saved}: the optimizer (80), a second copy of the model ({MODEL})"
        in said
    )


def test_stripping_leaves_numbers_of_fp16_and_whole_numbers_alone(tmp_path: Path) -> None:
    strip = report_of(tmp_path, {"model": network(), "epoch": 4}).anatomy.strip
    assert strip is not None
    assert (strip.tensors, strip.saved) == (MODEL, 0)


@pytest.mark.parametrize("value", [network(), OrderedDict(a=floats("0", 5))])
def test_what_is_no_checkpoint_cannot_be_stripped(tmp_path: Path, value: object) -> None:
    assert report_of(tmp_path, value).anatomy.strip is None


@pytest.mark.parametrize(
    ("contents", "answer", "said"),
    [
        ({}, "yes", "with epoch 4 of 5: the weights of the model, the EMA and the optimizer."),
        ({"optimizer": None}, "yes", "the weights of the model and the EMA, and an optimizer that starts anew."),
        ({"opt": {}}, "yes", "with epoch 4: the weights"),
        ({"epoch": 4}, "no", "epoch 5 of 5 is done."),
        ({"epoch": -1}, "no", "the training is finished (epoch -1)"),
        ({"epoch": None}, "no", "it records no epoch"),
        ({"epoch": "last"}, "no", "it records no epoch"),
    ],
)
def test_a_file_says_whether_training_can_go_on(
    tmp_path: Path, contents: dict[str, object], answer: str, said: str
) -> None:
    report = report_of(tmp_path, unstripped(**contents))
    assert report.resume.answer == answer
    assert f"Resume: {answer}, {said}" in words_of(report) or said in words_of(report)


def test_a_classifier_cannot_be_resumed(tmp_path: Path) -> None:
    report = report_of(tmp_path, {"model": module("models.yolo.ClassificationModel"), "epoch": 3})
    assert report.resume.reason == "classification"
    assert "Validate: yes. classify/val.py uses its only copy" in words_of(report)


def test_a_model_saved_alone_is_not_what_hosts_expect(tmp_path: Path) -> None:
    said = words_of(report_of(tmp_path, network()))
    assert "A model saved alone" in said
    assert "Validate: no, hosts expect a dict" in said


def test_an_unstripped_file_says_what_it_records(tmp_path: Path) -> None:
    said = words_of(report_of(tmp_path, unstripped()))
    for part in (
        "Not stripped: model, EMA and optimizer after epoch 3 of 5.",
        "val.py uses its EMA copy: FP32, 10 parameters, 0 gradients.",
        "Trained 2024-01-02 03:04, epoch 3 of 5 (2 in the file), best fitness 0.25",
        "Options imgsz 640, batch_size 16, epochs 5, no weights to start from, no freeze",
        "Hyp lr0 0.01",
        "Git commit 0123456789ab, no branch, https://example.org/yolov5",
    ):
        assert part in said


def test_a_stripped_file_says_why_it_is_smaller(tmp_path: Path) -> None:
    report = report_of(tmp_path, unstripped(epoch=-1, ema=None, optimizer=None))
    assert report.whole is not None
    assert report.whole.size == 2 * report.anatomy.file + 4 * 20
    assert "2 bytes a parameter (FP16) in place of 8 (model 2, EMA 2, SGD 4)" in words_of(report)


def test_a_stripped_file_in_fp32_is_not_compared_with_one_in_fp16(tmp_path: Path) -> None:
    content = unstripped()
    report = report_of(tmp_path, content | {"epoch": -1, "model": content["ema"], "ema": None, "optimizer": None})
    assert (report.saved and report.saved.dtype, report.whole) == ("FP32", None)


def test_a_shared_activation_is_told_with_what_separate_ones_would_say(tmp_path: Path) -> None:
    found = report_of(tmp_path, {"model": network()}).activations
    assert found is not None
    assert (found.blocks, found.distinct, found.layers.modules, found.otherwise) == (2, 1, 9, 1)
    assert found.fused is not None
    assert found.fused.modules == 9 - 2


def test_what_loading_would_import_and_call_is_named(tmp_path: Path) -> None:
    evil = [Asked("os.system", "echo"), named("shutil.rmtree"), Asked("torch.hub.load", "a/b")]
    report = report_of(tmp_path, unstripped(kept=evil))
    assert report.imports["os"] == ("system",)
    assert {"os.system", "torch.hub.load", "models.yolo.DetectionModel"} <= set(report.calls)
    assert "shutil.rmtree" not in report.calls
    said = words_of(report)
    assert (
        "models.yolo (DetectionModel()), os (system()), shutil (rmtree), torch.hub (load()) and parts of torch" in said
    )
    assert "it names os.system, and loading it runs that: no checkpoint needs it" in said
    assert "it names shutil.rmtree, which no known host has: loading it imports shutil" in said
    assert "Share: no. Loading it runs what no checkpoint needs: os.system, torch.hub.load" in said
    assert report.runs == ("os.system", "torch.hub.load")


def test_a_builtin_that_no_checkpoint_needs_is_not_hidden_among_those_that_it_does(tmp_path: Path) -> None:
    assert "builtins (eval())" in words_of(report_of(tmp_path, unstripped(kept=Asked("builtins.eval", "1"))))


def test_secrets_are_named_and_never_shown(tmp_path: Path, probe: Probe) -> None:
    path = save(tmp_path / "last.pt", unstripped(opt={"hf_token": "hunter2", "roboflow_token": None}))
    for form in ("text", "md", "json"):
        done = probe("inspect", path, "--format", form)
        assert done.returncode == 0
        assert "hf_token" in done.stdout
        assert "hunter2" not in done.stdout
    said = words_of(inspect(str(path)))
    assert "Share: no. It holds secrets, under hf_token in its options, which strip_optimizer() leaves there." in said


def fused_network(*others: str) -> object:
    """A Conv that has lost its BatchNorm, beside modules of other classes."""
    weights: dict[str, object] = {"weight": parameter(floats("w", 1)), "bias": parameter(floats("b", 1))}
    convolution = module("torch.nn.modules.conv.Conv2d", weights)
    inside: dict[str, object] = {"conv": convolution, "act": module("torch.nn.modules.activation.SiLU")}
    rows = [module("models.common.Conv", children=inside), *map(module, others)]
    return module("models.yolo.DetectionModel", children={str(i): row for i, row in enumerate(rows)})


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ({"epoch": -1}, "its epoch is -1, as in a finished file, but it is not stripped"),
        ({"ema": network(True)}, "the EMA has parameters that require a gradient"),
        ({"ema": None, "model": network(), "optimizer": None, "epoch": -1}, "the model has parameters that require"),
        ({"ema": module("models.yolo.DetectionModel", names=["a"], nc=2)}, "1 names for 2 classes"),
        ({"ema": module("models.yolo.Model", buffers={"total_ops": floats("t", 1)})}, "buffers that thop left behind"),
        ({"ema": fused_network()}, "without BatchNorm: saved after fuse()"),
        (
            {"ema": fused_network("torch.nn.modules.batchnorm.BatchNorm2d")},
            "saved after fuse(), which leaves 1 BatchNorm",
        ),
    ],
)
def test_what_is_unusual_is_said(tmp_path: Path, contents: dict[str, object], said: str) -> None:
    assert said in "; ".join(report_of(tmp_path, unstripped(**contents)).unusual)


def test_what_thop_left_is_named_with_the_line_that_removes_it(tmp_path: Path) -> None:
    root = module("models.yolo.Model", buffers={"total_ops": floats("t", 1)})
    said = words_of(report_of(tmp_path, unstripped(ema=root)))
    assert "buffers that thop left behind in 1 module (total_ops, total_params)" in said
    assert "[m._buffers.pop(k, None) for m in model.modules() for k in" in said


def test_weights_that_thop_counted_are_those_of_their_network_all_the_same(tmp_path: Path) -> None:
    kept = state_dict(build(find_network("yolov5n", "head"), "head")) | {"model.0.total_ops": floats("t", 1)}
    report = report_of(tmp_path, kept)
    assert report.weights is not None
    assert report.weights.guess is not None
    assert report.weights.guess.network == "yolov5n"
    said = words_of(report)
    assert "Unusual 1 number that thop left behind (total_ops, total_params)" in said
    assert 'state = {k: v for k, v in state.items() if not k.endswith(("total_ops", "total_params"))}' in said


def test_what_a_plain_load_meets_is_said_with_what_to_do(tmp_path: Path) -> None:
    said = words_of(report_of(tmp_path, unstripped()))
    assert "torch 2.6 and later refuse that by default: pass weights_only=False if you trust the file." in said
    assert "Run it in the clone of YOLOv5, else \"No module named 'models'\"." in said
    assert "slow_conv2d_cpu" not in said
    half = words_of(report_of(tmp_path, unstripped(ema=None, model=network())))
    assert "On a CPU call .float() first: it is FP16" in half
    weights = words_of(report_of(tmp_path, OrderedDict(a=floats("0", 5))))
    assert "torch 2.6" not in weights
    dangerous = words_of(report_of(tmp_path, unstripped(kept=Asked("os.system", "echo"))))
    assert "if you trust" not in dangerous


def test_a_finished_file_of_an_unknown_host_is_not_told_what_yolov5_does(tmp_path: Path) -> None:
    root = module("mine.net.Detector", children={"a": module("mine.net.Inner", {"weight": parameter(floats("w", 4))})})
    said = words_of(report_of(tmp_path, unstripped(model=root, ema=None, optimizer=None, epoch=-1)))
    assert "Finished and stripped: one copy of the model, but FP32 and with parameters that train." in said
    assert "Validate: with the code that trained it; which host that is, is not known. Its only copy: FP32" in said
    assert "strip it first" not in said
    assert "val.py" not in said
    assert "--weights" not in said


def test_a_fork_is_inspected_and_its_host_left_open(tmp_path: Path) -> None:
    report = report_of(tmp_path, unstripped(ema=module("mine.net.Detector")))
    assert report.origin is None
    assert "trained by a host that is not known" in words_of(report)
    assert "Version not known: found a model of class mine.net.Detector" in words_of(report)


def state_dict(root: Module, prefix: str = "") -> OrderedDict[str, object]:
    """Tensors of the model's names and shapes, all on one storage."""
    shapes = expected_shapes(root)
    sizes = [1, *(_count(shape) for shape in shapes.values())]
    storage = Storage("0", "e", [0.0] * max(sizes))
    return OrderedDict((prefix + name, tensor(storage, shape)) for name, shape in shapes.items())


def _count(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


NETWORKS = [
    ("yolov5n", "head"),
    ("yolov5s", "v6.0"),
    ("yolov5n6", "head"),
    ("yolov5n-seg", "head"),
    ("yolov5s", "v5.0"),
]


@pytest.mark.parametrize(("name", "generation"), exhaustive_rows(NETWORKS, few=2))
@pytest.mark.parametrize("fused", exhaustively([True, False]))
def test_weights_alone_lead_to_their_network_and_classes(
    tmp_path: Path, name: str, generation: Any, fused: bool
) -> None:
    root = build(find_network(name, generation).with_classes(7), generation)
    root = fuse(root, grad_enabled=False).root if fused else root
    report = report_of(tmp_path, state_dict(root))
    assert report.weights is not None
    assert report.weights.guess is not None
    found = report.weights.guess
    assert (found.network, found.classes, found.fused) == (name, 7, fused)
    assert found.generation == ("v5.0" if generation == "v5.0" else "head")
    assert report.weights.summary is not None


@pytest.mark.exhaustive
def test_weights_of_a_fused_network_are_those_of_the_network_after_fuse_named_or_not(tmp_path: Path) -> None:
    root = fuse(build(find_network("yolov5-fpn", "v6.0"), "v6.0"), grad_enabled=False).root
    path = str(save(tmp_path / "w.pt", state_dict(root)))
    for asked in (None, "yolov5-fpn", "yolov5-fpn@v6.0"):
        report = inspect(path, asked)
        assert f"those of {asked or 'yolov5-fpn'} after fuse(): build it, fuse() it, load_state_dict()" in words_of(
            report
        )
        weights = as_json(report)["weights"]
        assert isinstance(weights, dict)
        assert weights["fused"] is True
        assert "When YOLOv5 v6.0 builds this network" in words_of(report)


@pytest.mark.parametrize("prefix", exhaustively(["model.model.", "", "module.", "model.", "ema."]))
def test_a_wrapper_in_front_of_the_names_is_seen_through(tmp_path: Path, prefix: str) -> None:
    report = report_of(tmp_path, {"model": state_dict(build(find_network("yolov5n", "head"), "head"), prefix)})
    assert report.network == "yolov5n"
    assert "YOLOv5n summary: 125 layers, 1,872,157 parameters" in words_of(report)


def test_weights_of_no_known_network_are_counted_all_the_same(tmp_path: Path) -> None:
    report = report_of(tmp_path, OrderedDict(a=floats("0", 5), b=floats("1", 7)))
    assert (report.network, report.weights and report.weights.elements) == (None, 5 + 7)
    assert "A state_dict: 2 tensors with 12 elements" in words_of(report)
    assert "name the right one with --cfg" in words_of(report)


def test_the_network_of_weights_can_be_named_and_is_checked(tmp_path: Path) -> None:
    path = str(save(tmp_path / "w.pt", state_dict(build(find_network("yolov5n", "head").with_classes(3), "head"))))
    assert "YOLOv5n summary: 214 layers" in words_of(inspect(path, "yolov5n@v7.0"))
    with pytest.raises(TargetError, match=r"are not those of yolov5s: model\.0\.conv\.weight has shape"):
        inspect(path, "yolov5s")
    with pytest.raises(ProbeError):
        inspect(path, "no-such-network")


def test_a_file_with_modules_takes_no_network(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="the file has its own modules"):
        inspect(str(save(tmp_path / "x.pt", unstripped())), "yolov5s")


@pytest.mark.parametrize(
    ("value", "said"),
    [(tensor(Storage("0", "f", [1.0]), (1,)), "a tensor"), ([1, 2], "a list"), ({"a": 1}, "weights without modules")],
)
def test_what_has_neither_modules_nor_weights_is_refused(tmp_path: Path, value: object, said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        report_of(tmp_path, value)


def nested(depth: int) -> object:
    """A list of two, each the same list of two: small in a file, endless when written out."""
    value: object = ["a"]
    for _ in range(depth):
        value = [value, value]
    return value


HOSTILE: dict[str, dict[str, object]] = {
    "doubling options": {"opt": {"epochs": nested(60), "freeze": nested(60), "hyp": {"lr0": nested(60)}}},
    "doubling names": {"names": nested(60)},
    "terminal": {"opt": {"cfg": "\x1b[2J\x07.yaml"}, "date": "\x1b[31m", "git": {"commit": "\x1b[1m" * 40}},
    "long": {"opt": {f"{'k' * 300}{i}": "v" * 5000 for i in range(2000)}, "date": "d" * 10**6},
    "huge number": {"opt": {"epochs": 2**1000, "batch_size": -(2**1000)}, "best_fitness": float("nan")},
    "many names": {"kept": [named(f"evil{i}{'x' * 200}.run") for i in range(3000)]},
    "many secrets": {"opt": {f"{'token' * 60}{i}": "/v" for i in range(500)}},
    "numbers for names": {"opt": {3: 4, None: 5, True: "x"}},
    "a million storages": {"kept": {i: i for i in range(20_000)}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_harm_gets_a_short_answer(tmp_path: Path, name: str) -> None:
    contents = {"names": ["a"]} | HOSTILE[name]
    ema = module("models.yolo.DetectionModel", names=contents.pop("names"))
    report = report_of(tmp_path, unstripped(ema=ema, **contents))
    assert len(text.render(report)) < 12_000
    assert len(markdown.render(report)) < 16_000
    assert json.loads(json.dumps(as_json(report), allow_nan=False))


@pytest.mark.parametrize("write", [save, save_legacy])
def test_a_flipped_byte_gives_an_answer_that_adds_up_or_a_refusal(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path / "x.pt", unstripped())
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
        try:
            report = inspect(str(path))
            text.render(report)
            json.dumps(as_json(report))
        except ProbeError:
            continue
        assert sum(sizes_of(report).values()) + report.anatomy.container == len(content)


def test_an_inspection_answers_on_the_command_line(probe: Probe, demo_checkpoint: Path) -> None:
    done = probe("inspect", demo_checkpoint)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert len(lines) <= 45
    rows = [line for line in lines if re.match(r"  (model|EMA|optimizer|container|file) ", line)]
    amounts = [int(row.split()[-1].replace(",", "")) for row in rows]
    assert re.search(r"file +382,831", done.stdout)
    assert amounts[-1] == sum(amounts[:-1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no-such.pt",), "no-such.pt: no such file"),
        (("yolov5s",), "inspect takes a checkpoint, info also the name of a network"),
        (("configs/probe.yaml",), "text, not a checkpoint"),
        (("configs/demo/narrow-best.pt", "--cfg", "yolov5s"), "found --cfg yolov5s, but the file has its own modules"),
        ((".",), ".: found a folder without best.pt"),
        ((), "found no TARGET, expected yolo-probe "),
    ],
)
def test_a_wrong_question_is_told_on_stderr_and_exits_with_2(
    arguments: tuple[str, ...], message: str, probe: Probe
) -> None:
    done = probe("inspect", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr

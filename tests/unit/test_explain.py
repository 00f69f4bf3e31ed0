"""Summary lines without a file: the network that prints one, and what is between two."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.conftest import Probe
from tests.exhaustive import exhaustive_rows, exhaustively
from tests.known_lines.curves import unshared
from tests.known_lines.ours import YOLOV9_AT_FIRST, detector, entry, fused_as, leaky
from yolo_probe import shipped_files
from yolo_probe.cli import cli
from yolo_probe.counters.conventions import choose_counter
from yolo_probe.errors import TargetError
from yolo_probe.hosts.known_lines import KnownNetwork, known_networks
from yolo_probe.hosts.line_matches import matches
from yolo_probe.hosts.printed_line import lines_in, misread_in
from yolo_probe.hosts.quoted_figures import candidates, name_in, quoted_in
from yolo_probe.hosts.summary_line import FORMS
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.tool_prints import tool_prints
from yolo_probe.model.freezing import as_built
from yolo_probe.model.structure import count_parameters
from yolo_probe.networks.generations import GENERATIONS, Generation
from yolo_probe.networks.shipped import FORKS, network_names
from yolo_probe.reports.explain import explanation, explanation_of_figures
from yolo_probe.reports.fuse_diff import fuse_diff
from yolo_probe.reports.question import Question

OURS = [
    each for each in known_networks()
    if each.family != "ultralytics" and not each.note and "pose" not in each.network
]  # fmt: skip
"""The networks that are built here."""

QUOTED = {
    # network, classes, fused, a host, a counter, gradients
    "Model Summary: 270 layers, 7235389 parameters, 7235389 gradients, 16.5 GFLOPs":
        ("yolov5s", 80, False, "v6.1", "thop-0.0.31", "new"),
    "Model Summary: 213 layers, 7225885 parameters, 0 gradients, 16.5 GFLOPs":
        ("yolov5s", 80, True, "v6.0", "thop-0.0.31", "stripped"),
    "YOLOv5s summary: 270 layers, 7235389 parameters, 7235389 gradients, 16.6 GFLOPs":
        ("yolov5s", 80, False, "v6.2", "thop-0.1", "new"),
    "270 layers, 7022326 parameters, 7022326 gradients, 15.8 GFLOPs":
        ("yolov5s", 1, False, "v6.1", "thop-0.0.31", "new"),
    "213 layers, 1867405 parameters, 0 gradients, 4.5 GFLOPs":
        ("yolov5n", 80, True, "v6.2", "thop-0.1", "stripped"),
    "290 layers, 21172173 parameters, 0 gradients, 48.9 GFLOPs":
        ("yolov5m", 80, True, "v6.2", "thop-0.1", "stripped"),
    "444 layers, 86705005 parameters, 0 gradients, 205.7 GFLOPs":
        ("yolov5x", 80, True, "v6.1", "thop-0.0.31", "stripped"),
    "YOLOv5s summary: 214 layers, 7235389 parameters, 7235389 gradients, 16.6 GFLOPs":
        ("yolov5s", 80, False, "v7.0", "thop-0.1", "new"),
    "YOLOv5s summary: 213 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs":
        ("yolov5s", 80, True, "v7.0", "thop-0.1", "stripped"),
    "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs":
        ("yolov5s", 2, True, "v7.0", "thop-0.1", "stripped"),
    "214 layers, 7049296 parameters, 7049296 gradients, 16.0 GFLOPs":
        ("yolov5s", 11, False, "v7.0", "thop-0.1", "new"),
    "Model summary: 157 layers, 7039792 parameters, 0 gradients, 15.8 GFLOPs":
        ("yolov5s", 11, True, "v7.0", "thop-0.1", "stripped"),
    "346 layers, 76726332 parameters, 653820 gradients, 111.2 GFLOPs":
        ("yolov5l6", 80, True, "v7.0", "thop-0.1", "no_grad"),
    "165 layers, 7611485 parameters, 0 gradients, 26.4 GFLOPs":
        ("yolov5s-seg", 80, True, "v7.0", "thop-0.1", "stripped"),
    "214 layers, 7235389 parameters, 3063933 gradients": ("yolov5s", 80, False, "v7.0", None, "frozen"),
    "157 layers, 7225885 parameters, 229245 gradients": ("yolov5s", 80, True, "v7.0", None, "no_grad"),
    "157 layers, 7225885 parameters, 7225885 gradients": ("yolov5s", 80, True, "v7.0", None, "autograd"),
    "283 layers, 7082421 parameters, 7082421 gradients, 16.5 GFLOPS":
        ("yolov5s", 8, False, "v5.0", "thop-0.1", "new"),
    "255 layers, 7225885 parameters": None,
    "213 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs":
        ("yolov5s", 2, True, "v6.1", "thop-0.0.31", "stripped"),
}  # fmt: skip


@pytest.mark.parametrize("text", QUOTED)
def test_a_line_of_a_thread_is_known(text: str) -> None:
    (line,) = lines_in(text)
    found, expected = matches(line), QUOTED[text]
    if expected is None:
        assert not found[0].exact
        return
    network, classes, fused, host, counter, gradients = expected
    assert any(
        (match.network.network, match.numbers.classes, match.fused) == (network, classes, fused)
        and host in match.hosts
        and (counter is None or counter in match.counters)
        and (match.gradients is None or match.gradients.cause == gradients)
        for match in found
        if match.exact
    )


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[34m\x1b[1mtrain: \x1b[0mModel summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs",
        "2024-05-01 10:00:00 Fusing layers... Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs",
        "  5%|##  | 3/60\rModel summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs\r 10%|###",
        "Model summary: 157 layers, 7,015,519 parameters, 0 gradients, 15.8 GFLOPs",
        "157 layers, 7015519 params, 0 grads, 15.8 GFLOPs",
        "Model summary: 157 layers, 7015519 parameters, 0\ngradients, 15.8 GFLOPs",
    ],
)
def test_what_stands_around_a_line_does_not_matter(text: str) -> None:
    (line,) = lines_in(text, log=True)
    assert (line.parameters.value, line.gflops) == (7015519, "15.8")
    assert matches(line)[0].network.network == "yolov5s"


def made(rng: random.Random, passes: int) -> Iterator[tuple[str, str, int, str, bool]]:
    """Six lines of each random network as they are computed, not looked up, with its name, classes, host and state."""
    for _ in range(passes):
        host = rng.choice(GENERATIONS)
        name = rng.choice(network_names(host))
        classes = rng.choice((1, 2, 3, 5, 20, 80, rng.randint(4, 600)))
        older = ("thop-0.1", "thop-0.0.31") if host != "head" else ()
        counter = rng.choice((*older, "ultralytics-thop-2.2"))
        report = fuse_diff(
            Question(resolve(name, host=host, classes=classes), (640, 640), choose_counter(counter, None))
        )
        for fused, state in ((False, report.training), (True, report.validation)):
            text = state.line.text or ""
            yield text, name, classes, host, fused
            yield text.partition(": ")[2], name, classes, host, fused
            yield text.rpartition(", ")[0], name, classes, host, fused


@pytest.mark.parametrize("seed", exhaustively(range(1000, 1034)))
def test_lines_of_random_networks_are_known_exactly(seed: int) -> None:
    for text, name, classes, host, fused in made(random.Random(seed), 5):
        (line,) = lines_in(text)
        same = {
            (match.network.network, match.numbers.classes, match.fused)
            for match in matches(line)
            if match.exact and host in match.hosts
        }
        assert (name, classes, fused) in same or "LeakyReLU" in name or len(same) > 4, text


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(2000, 2034))
def test_a_changed_digit_is_not_called_exact_unless_another_line_has_it(seed: int) -> None:
    rng = random.Random(seed)
    for text, *_ in made(rng, 5):
        places = [at for at, sign in enumerate(text) if sign.isdigit() and at > text.find(":")]
        at = rng.choice(places)
        changed = f"{text[:at]}{rng.choice([d for d in '123456789' if d != text[at]])}{text[at + 1 :]}"
        for line in lines_in(changed):
            for match in matches(line):
                if match.exact:
                    assert line.layers is None or line.layers.shows(match.layers)
                    assert line.parameters.shows(match.parameters)
                    gflops = match.gflops(fused=match.fused).values()
                    assert not line.gflops or any(map(line.shows_gflops, gflops))
                    assert line.gradients is None or match.gradients


def test_two_lines_have_all_four_ledgers() -> None:
    text = (
        "Model summary: 214 layers, 7025023 parameters, 7025023 gradients, 16.0 GFLOPs\n"
        "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs"
    )
    report = explanation(list(lines_in(text)))
    assert [name for name, _ in report.ledgers] == ["layers", "parameters", "gradients", "flops"]
    assert all(ledger.unexplained == 0 for _, ledger in report.ledgers)
    assert [ledger.after - ledger.before for _, ledger in report.ledgers][:2] == [-57, -9504]


ULTRALYTICS = {
    "YOLOv8n summary: 168 layers, 3151904 parameters, 0 gradients, 8.7 GFLOPs": ("yolov8n", ("8.0.0 to 8.0.6",)),
    "YOLOv8n summary (fused): 168 layers, 3151904 parameters, 0 gradients, 8.7 GFLOPs":
        ("yolov8n", ("8.0.35 to 8.2.54",)),
    "YOLOv8n summary: 225 layers, 3,157,200 parameters, 3,157,184 gradients, 8.9 GFLOPs":
        ("yolov8n", ("8.2.55 to 8.2.103", "8.3.17 to 8.3.75")),
    "YOLOv8n summary: 249 layers, 2,724,448 parameters, 2,724,432 gradients, 7.1 GFLOPs":
        ("yolov8n", ("8.3.0 to 8.3.16",)),
    "YOLOv8n summary: 129 layers, 3,157,200 parameters, 3,157,184 gradients, 8.9 GFLOPs":
        ("yolov8n", ("8.3.76 to 8.3.253", "8.4.141 to 8.4.190")),
    "YOLOv8n summary: 130 layers, 3,157,200 parameters, 3,157,184 gradients, 8.9 GFLOPs":
        ("yolov8n", ("8.4.0 to 8.4.140",)),
    "YOLO26n summary (fused): 122 layers, 2,408,932 parameters, 0 gradients, 5.4 GFLOPs":
        ("yolo26n", ("8.4.0 to 8.4.108",)),
    "YOLO12n summary: 272 layers, 2,602,288 parameters, 2,602,272 gradients, 6.7 GFLOPs":
        ("yolo12n", ("8.3.78 to 8.4.108",)),
    "rtdetr-l summary: 681 layers, 32,970,476 parameters, 32,970,476 gradients, 108.3 GFLOPs":
        ("rtdetr-l", ("8.2.70 to 8.3.75",)),
}  # fmt: skip
"""Lines of releases of ultralytics, the network and all releases that print them."""


@pytest.mark.parametrize("text", ULTRALYTICS)
def test_a_line_of_ultralytics_names_all_releases_that_print_it(text: str) -> None:
    (line,) = lines_in(text)
    best = matches(line)[0]
    assert (best.exact, best.network.network, best.host_spans) == (True, *ULTRALYTICS[text])


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("385 layers, 2,775,520 parameters, 2,775,504 gradients", "285 layers, 2,762,608 parameters, 0 gradients"),
        ("223 layers, 2,775,520 parameters, 2,775,504 gradients", "102 layers, 2,299,264 parameters, 31,920 gradients"),
        (
            "129 layers, 3,157,200 parameters, 3,157,184 gradients",
            "72 layers, 3,151,904 parameters, 3,151,888 gradients",
        ),
        ("260 layers, 2,572,280 parameters, 2,572,280 gradients", "120 layers, 2,408,932 parameters, 19,644 gradients"),
    ],
)
def test_two_lines_of_ultralytics_are_explained_without_it(first: str, last: str) -> None:
    report = explanation([line for text in (first, last) for line in lines_in(text)])
    assert report.exact
    assert [name for name, _ in report.ledgers] == ["layers", "parameters", "gradients"]
    for _, ledger in report.ledgers:
        assert ledger.unexplained == 0
        assert len(ledger.entries) > 1 or ledger.entries[0].cause.startswith("BatchNorm2d merged")


def test_two_lines_of_an_unknown_network_say_what_follows_from_them() -> None:
    text = "300 layers, 9000000 parameters, 9000000 gradients\n250 layers, 8990000 parameters, 0 gradients"
    report = explanation(list(lines_in(text)))
    assert not report.exact
    assert {name: ledger.entries[0].amount for name, ledger in report.ledgers} == {
        "layers": -50, "parameters": -10_000, "gradients": -9_000_000,
    }  # fmt: skip


def run(*arguments: str, text: str | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["explain", *arguments], input=text)
    return result.exit_code, result.output


def test_the_command_reads_arguments_logs_and_standard_input(tmp_path: object) -> None:
    line = "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs"
    code, output = run(line, "--format", "json")
    (found,) = json.loads(output)["lines"]
    assert (code, found["exact"]) == (0, True)
    best = found["matches"][0]
    assert (best["network"], best["classes"], best["hosts"], best["fused"]) == ("yolov5s", 2, ["v7.0"], True)
    assert run(text=f"epoch 1\n{line}\n")[0] == 0
    assert "yolov5s with 2 classes" in run(line)[1]


def test_a_line_that_nobody_prints_names_the_nearest() -> None:
    code, output = run("Model summary: 158 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs")
    assert code == 1
    assert "layers found 158, expected 157 (1 more)" in " ".join(output.split())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("YOLOv8n summary: 240 layers, 3400000 parameters, 3399984 gradients, 9.4 GFLOPs",
         "nearest is yolov8n with 80 classes; Blocks were added, on maps of stride 19; train but 16, the fixed"),
        ("214 layers, 9049296 parameters, 9049296 gradients, 20.1 GFLOPs",
         "nearest is yolov5s with 80 classes; 1.25 times the parameters and the FLOPs: 1.1 times the channels"),
        ("214 layers, 9049296 parameters, 9049296 gradients, 18.5 GFLOPs",
         "nearest is yolov5s with 80 classes; 1.25 times the parameters: another width; All of its parameters train"),
        ("Model Summary: 261 layers, 15394648 parameters, 0 gradients, 38.9 GFLOPs",
         "nearest is yolov3; 0.249 times the parameters and the FLOPs: 0.5 times the channels; Nothing trains"),
        ("YOLOv5s summary: 150 layers, 6500000 parameters, 0 gradients, 14.0 GFLOPs",
         "nearest is yolov5s; Blocks were taken out; Nothing trains"),
        ("214 layers, 7235389 parameters, 7235300 gradients, 16.5 GFLOPs",
         "nearest is yolov5s with 80 classes; 7,235,300 of its 7,235,389 parameters train, which is not what"),
    ],
)  # fmt: skip
def test_a_changed_network_is_told_by_its_direction_from_the_nearest(line: str, words: str) -> None:
    code, output = run(line)
    assert code == 1
    assert [each for each in words.split("; ") if each not in " ".join(output.split())] == []


def test_figures_of_another_size_are_told() -> None:
    _, output = run("157 layers, 7225885 parameters, 0 gradients, 4.1 GFLOPs")
    assert "4.1 GFLOPs is what it has at 320x320" in " ".join(output.split())
    assert "asks for another size: model.info(img_size=320)." in " ".join(output.split())
    _, output = run("YOLO11n summary: 181 layers, 2,624,080 parameters, 0 gradients, 4.2 GFLOPs")
    assert "asks for another size: model.info(imgsz=512)." in " ".join(output.split())


@pytest.mark.parametrize(
    ("target", "generation"),
    exhaustive_rows(
        [("yolov5s@v2.0", "v2.0"), ("yolov5n6@v6.1", "v6.1"), ("yolov5s-seg@head", "head"),
         ("yolov7-tiny@yolov7", "v5.0"), ("gelan-t@yolov9", "v7.0"), ("v5Lite-g@yolov5-lite", "v5.0")],
        few=2,
    ),
)  # fmt: skip
def test_the_recorded_figures_are_those_of_the_networks_themselves(target: str, generation: Generation) -> None:
    name, _, tag = target.partition("@")
    form = resolve(target).origin.form
    found = json.loads(json.dumps(entry(detector(target), form)))
    recorded = unshared(json.loads(shipped_files.path("known_lines.json").read_text(encoding="utf-8")))
    family = FORKS.get(tag, "YOLOv5")
    same = [
        each for each in recorded
        if (each["network"], each["family"]) == (name, family) and "note" not in each
        and (not each["hosts"] or generation in each["hosts"])
    ]  # fmt: skip
    assert len(same) == 1
    assert {key: same[0][key] for key in found} == found


def test_the_recorded_figures_of_darknets_networks_are_those_that_v1_0_prints_and_fuses() -> None:
    made = fused_as(leaky("yolov3-tiny@v5.0"), "yolov3-spp@v1.0")
    found = json.loads(json.dumps(entry(made, FORMS["v1.0"])))
    recorded = unshared(json.loads(shipped_files.path("known_lines.json").read_text(encoding="utf-8")))
    (same,) = (
        each for each in recorded
        if (each["network"], each["family"], each.get("forms")) == ("yolov3-tiny", "YOLOv3", ["v1.0"])
    )  # fmt: skip
    assert {key: same[key] for key in found} == found


@pytest.mark.parametrize(
    "junk", ["1" * 200_000, "1," * 100_000, "a" * 200_000, "x summary " * 20_000, "12345 " * 30_000]
)
def test_a_log_of_anything_is_read_in_one_go(junk: str) -> None:
    assert list(lines_in(junk, log=True)) == []


def test_a_log_that_is_not_there_is_said_to_be_missing() -> None:
    with pytest.raises(TargetError, match="no such file, expected a log or a summary line"):
        CliRunner().invoke(cli, ["explain", "runs/train.log"], catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ModuleNotFoundError: No module named 'models.yolo'", "Run in the clone of the code that trained the file"),
        ("_pickle.UnpicklingError: Weights only load failed. This file can still be loaded", "weights_only=False"),
        ("TypeError: __init__() got an unexpected keyword argument 'weights_only'", "NO_WEIGHTS_ONLY_LOAD=1"),
        ("No module named 'ultralytics.nn.modules.conv'; 'ultralytics.nn.modules' is not a package", "since 8.0.98"),
        ("ModuleNotFoundError: No module named 'ultralytics.utils'", "since 8.0.136"),
        ("best.pt appears to require 'ultralytics.nn.modules.conv', which is not in requirements", "since 8.0.98"),
        ("AttributeError: 'AAttn' object has no attribute 'qkv'. Did you mean: 'qk'?", "another YOLO12"),
        ("KeyError: 'model.105.im.0.implicit'", "77 of yolov7-tiny"),
        ("_pickle.UnpicklingError: STACK_GLOBAL requires str", "such as train.cache"),
        ("_pickle.UnpicklingError: unpickling stack underflow", "such as train.cache"),
        ("yolox.core.trainer:202 - Model Summary: Params: 8.97M, Gflops: 26.93", "of Meituan's YOLOv6"),
        ("RuntimeError: \"slow_conv2d_cpu\" not implemented for 'Half'", "model.float() before the first pass"),
        ("AttributeError: 'Conv2' object has no attribute 'bn'", "or it is a class of your own"),
        ("'Conv' object has no attribute 'total_params'", "Count a copy"),
        ('Unexpected key(s) in state_dict: "total_ops", "model.0.total_ops"', "Take them out of the state_dict"),
        (
            "TypeError: on_train_batch_end() missing 1 required positional argument: 'mloss'",
            "(model, ni, ...) since v7.0",
        ),
        ("Warning: module SELayer is treated as a zero-op.", "Count operators instead"),
        ("[INFO] Register zero_ops() for <class 'torch.nn.modules.container.Sequential'>.", "It is no error"),
        ("The following submodules of the model were never called during the trace", "by functions is counted all the"),
        ("Unsupported operator aten::mul encountered 201 time(s)", "counts MACs and calls them flops"),
        ("ValueError: Expected more than 1 value per channel when training, got input size", "as small as the stride"),
        ("the Conv2 layer call forward_fuse() but it have self.bn in the formula", "leave self.bn out"),
        ("TypeError: isinstance() arg 2 must be a type or tuple of types", "class DWConv(Conv)"),
        ("AttributeError: 'DeformConv2d' object has no attribute 'in_channels'", "another name than conv"),
        ("AttributeError: 'AutoShape' object has no attribute 'fuse'", "model.model, or model.module"),
        ("'Conv' object has no attribute '_non_persistent_buffers_set'", "as attempt_load does since v3.1"),
        ("RuntimeError: a leaf Variable that requires grad is being used in an in-place operation.", "torch.no_grad()"),
        ("('0.01 GMac', '5.29 M')", "an EfficientNet then has 0.01 GMac"),
        ("Skipped operation aten::batch_norm 69 time(s)", "counts MACs and calls them flops"),
        ("[WARN] Cannot find rule for <class 'torch.nn.modules.container.Sequential'>.", "their parts are counted"),
        ("'NoneType' object has no attribute 'fuse'", "in 'ema' alone since 8.1.39"),
        ("RuntimeError: element 0 of tensors does not require grad and", "p.requires_grad = True, as train.py does"),
        ("AttributeError: bn delattr(m, 'bn')", "perhaps by another thread"),
        ("'Detect' object has no attribute 'm'", "Load it with the code of v1.0"),
        ("ModuleAttributeError: 'Model' object has no attribute 'yaml'", "Load it with the code of v1.0"),
        ("AttributeError: 'v10Detect' object has no attribute 'grid'", "Load it with ultralytics"),
        ("AttributeError: 'list' object has no attribute 'clone'", "the head gets a list of maps"),
        ("AttributeError: Can't get attribute 'SPPF' on <module 'models.common'", "by a newer version, or by a fork"),
        ("AttributeError: Can't get attribute 'C3k2' on <module 'ultralytics.nn.modules.block'", "C2PSA with 8.3.0"),
        ("AttributeError: 'Conv2d' object has no attribute 'accumulate_params'", "Count a fresh copy"),
        ("WARNING no model scale passed. Assuming scale='n'.", "is built as the first scale of the file, mostly n"),
        ("size mismatch for model.24.m.0.weight: copying a param", "another number of classes"),
        (
            "size mismatch for model.24.m.0.weight: copying a param with shape torch.Size([42, 128, 1, 1]) from "
            "checkpoint, the shape in current model is torch.Size([18, 128, 1, 1]).",
            "Classes: 9 in the file, 1 in the network.",
        ),
        ("AttributeError: 'RecursiveScriptModule' object has no attribute 'get'", "The file is TorchScript"),
        ("UserWarning: The .grad attribute of a Tensor that is not a leaf Tensor is being", "with autograd on"),
        ("RuntimeError: Inference tensors cannot be saved for backward.", "Load the file again before it trains"),
        ("RuntimeError: Given groups=1, weight of size [64, 128, 1, 1], expected", "the list of parse_model"),
        ("Given groups=1, weight of size [32, 3, 6, 6], expected input[1, 4, 640, 640] to have 3", "3 channels (cv2"),
        ("KeyError: 'C3_CBAM'", "Import it there"),
        ("TypeError: __init__() missing 1 required positional argument: 'c2'", "the list of parse_model"),
        ("ModuleNotFoundError: No module named 'thop'", "pip install ultralytics-thop"),
        ("RuntimeError: Sizes of tensors must match except in dimension 1. Got 32 and 64", "the from of each Concat"),
    ],
)
def test_an_error_message_is_told_with_its_cause_and_what_to_do(text: str, words: str) -> None:
    code, output = run(text)
    assert (code, words in " ".join(output.split())) == (0, True)
    (told,) = json.loads(run(text, "--format", "json")[1])["errors"]
    assert told["text"] in text


def test_a_warning_of_torch_in_a_log_is_no_error() -> None:
    warning = "FutureWarning: You are using `torch.load` with `weights_only=False`"
    log = f"{warning}\n213 layers, 7225885 parameters, 0 gradients"
    assert "errors" not in json.loads(run(log, "--format", "json")[1])


def test_of_several_lines_the_ledger_is_of_those_of_one_network() -> None:
    lines = (
        "214 layers, 7049296 parameters, 7049296 gradients, 16.0 GFLOPs",
        "157 layers, 7039792 parameters, 0 gradients, 15.8 GFLOPs",
        "213 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs",
    )
    code, output = run(*lines)
    assert code == 0
    assert "From line 1 to line 2" in output
    ledger = json.loads(run(*lines, "--format", "json")[1])["ledger"]["layers"]
    assert (ledger["before"], ledger["after"], ledger["unexplained"]) == (214, 157, 0)


def test_the_fused_line_may_be_pasted_first() -> None:
    fused = "YOLO11s summary (fused): 238 layers, 9,443,760 parameters, 0 gradients, 21.5 GFLOPs"
    built = "summary: 319 layers, 9458752 parameters, 9458736 gradients, 21.7 GFLOPs"
    for lines in ((fused, built), ("157 layers, 6039792 parameters", "200 layers, 6049296 parameters")):
        _, output = run(*lines)
        assert "From line 2 to line 1" in output
        assert "These lines are not of one network" not in output
        turned = json.loads(run(*lines, "--format", "json")[1])["ledger"]
        assert turned == json.loads(run(*reversed(lines), "--format", "json")[1])["ledger"]
        assert turned["layers"]["before"] > turned["layers"]["after"]


def test_the_release_of_thop_that_prints_both_lines_is_named() -> None:
    _, output = run(
        "283 layers, 7082421 parameters, 7082421 gradients, 16.5 GFLOPs",
        "224 layers, 7072789 parameters, 0 gradients, 16.4 GFLOPs",
    )
    assert "thop 2019 prints both lines" in output
    assert "printed as                 16.5 GFLOPs         16.4 GFLOPs" in output


def test_a_line_needs_no_quotes_and_what_has_none_is_named(probe: Probe) -> None:
    line = "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs"
    assert probe("explain", *line.split()).stdout == probe("explain", line).stdout
    beside = probe("explain", line, "my garden")
    assert (beside.returncode, beside.stderr.count("'my garden': found no summary line in it")) == (0, 1)
    assert "2 known networks have these figures" in probe("explain", "7.5M/17.5").stdout
    assert "freeze=10" in probe("explain", "--freeze 10 and the line still says all gradients").stdout


def test_words_without_quotes_are_one_text_and_a_unit_may_be_mistyped(probe: Probe) -> None:
    wrong = probe("explain", "157", "lyers")
    assert (wrong.returncode, wrong.stderr.splitlines()[1]) == (2, "  Did you mean '157 layers'?")
    assert wrong.stderr == probe("explain", "157 lyers").stderr
    assert probe("explain", "157", "layers").stdout == probe("explain", "157 layers").stdout
    assert "who decided it" in probe("explain", "why", "are", "gradients", "0").stdout
    assert "'train.log': no such file" in probe("explain", "train.log", "val.log").stderr


def test_a_question_with_a_figure_is_looked_up_in_the_guide_too() -> None:
    _, output = run("how many FPS on a Jetson Nano with 16.5 GFLOPs")
    assert output.index("FPS cannot be derived from GFLOPs") < output.index("16.5 GFLOPs\n\nThis is no whole line")
    assert run("yolov5s 7.5M params 17.5 GFLOPs")[1].startswith("7.5M params")


@pytest.mark.parametrize("target", ["yolov5x@v7.0", "yolov5m@v6.1", "yolov7-tiny", "yolov9-c"])
def test_a_line_that_only_the_thop_of_ultralytics_gives_is_known(target: str) -> None:
    """It is what `import thop` finds beside a recent ultralytics, also in hosts that are older than it."""
    name, _, host = target.partition("@")
    network = next(
        each for each in known_networks() if each.network == name and host in (each.hosts or ("",)) and not each.note
    )
    pairs = ((classes, fused) for classes in range(1, 200) for fused in (False, True))
    classes, fused = next(
        (classes, fused) for classes, fused in pairs
        if (by := {name: f"{pair[fused]:.1f}" for name, pair in network.numbers(classes).gflops.items()})
        and by["ultralytics-thop-2.2"] not in (by["thop-0.0.31"], by["thop-0.1"])
    )  # fmt: skip
    report = fuse_diff(
        Question(resolve(target, classes=classes), (640, 640), choose_counter("ultralytics-thop-2.2", None))
    )
    text = (report.validation if fused else report.training).line.text
    (line,) = lines_in(text or "")
    best = matches(line)[0]
    assert (best.exact, best.network.network, best.numbers.classes, best.fused, best.counters) == (
        True, network.network, classes, fused, ("ultralytics-thop-2.2",),
    )  # fmt: skip


def test_a_line_without_gflops_is_counted_as_the_other_one_is() -> None:
    _, output = run(
        "Model Summary: 140 layers, 7.29776e+06 parameters, 6.61683e+06 gradients",
        "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs",
    )
    assert "Counted  thop 0.1 at 640x640\n" in output
    assert "counter " not in output.partition("FLOPs                     ")[2]


def test_two_lines_that_no_one_thop_prints_are_each_counted_by_its_own() -> None:
    code, output = run("yolov5n 4.5 GFLOPs", "yolov5n 4.6 GFLOPs")
    assert code == 0
    assert "counter thop 0.0.31 -> thop 0.1: Conv2d -4,284,000, BatchNorm2d" in output
    assert "+47,308,800, Upsample +1,228,800                                   +44,253,600" in output
    _, output = run(
        "214 layers, 7235389 parameters, 7235389 gradients, 16.5 GFLOPs",
        "157 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs",
    )
    words = " ".join(output.split())
    apart = "No one thop prints both lines: the line before fuse() is of thop 0.0.31, that after it of thop 0.1"
    assert apart in words
    assert "rounded to 16.5 GFLOPs 16.4 GFLOPs" in words


def test_what_of_dfl_never_trains_is_told_with_the_gradients() -> None:
    words = " ".join(run("129 layers, 3,157,200 parameters, 3,157,184 gradients, 8.9 GFLOPs")[1].split())
    assert "3,157,184 All of it trains but 16 parameters of DFL" in words
    assert "freeze= never shows in it" in words


def test_one_layer_more_is_the_wrapper_of_several_devices() -> None:
    _, output = run("215 layers, 7235389 parameters, 7235389 gradients, 16.6 GFLOPs")
    assert "take model.module" in " ".join(output.split())


def test_v1_0_counts_another_image() -> None:
    _, output = run("191 layers, 7.46816e+06 parameters, 7.46816e+06 gradients, 13.2 GFLOPS")
    assert "one image of 480x640" in output
    without = "335 layers, 4.78187e+07 parameters, 4.78187e+07 gradients"
    match = json.loads(run(without, "--format", "json")[1])["lines"][0]["matches"][0]
    assert (match["network"], match["hosts"]) == ("yolov5l", ["v1.0", "v2.0", "v3.0", "v3.1"])
    words = " ".join(run(without)[1].split())
    assert "With thop installed, by v1.0: 88.1 or 88.2. With thop installed, by v2.0 and v3.0: 117.5 or" in words


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("family", exhaustively(["YOLOv7", "YOLOv9", "YOLOv5-Lite", "yolov5-face"]))
def test_the_line_of_a_fork_with_its_gflops_is_told_in_words(family: str, fused: bool) -> None:
    network = next(each for each in known_networks() if each.family == family)
    numbers = network.numbers(80)
    pair = next(iter(numbers.gflops.values()))
    code, output = run(
        f"{network.layers[fused]} layers, {numbers.parameters[fused]} parameters, {pair[fused] or 0:.1f} GFLOPs"
    )
    assert (code, "one image of" in output) == (0, True)


def test_two_lines_of_two_networks_are_told_apart_by_ledgers() -> None:
    code, output = run(
        "157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs",
        "157 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs",
    )
    assert code == 0
    assert "classes 2 -> 80: +78 x 2,697 in Detect" in output
    assert "classes 2 -> 80: +78 x 8,601,600 in Detect" in output


def test_a_dash_is_standard_input() -> None:
    assert "yolov5s with 80 classes" in run("-", text="213 layers, 7225885 parameters, 0 gradients\n")[1]


def test_the_published_files_of_segmentation_networks_are_known() -> None:
    code, output = run("YOLOv5s-seg summary: 224 layers, 7611485 parameters, 0 gradients, 26.4 GFLOPs")
    assert (code, "This is yolov5s-seg with 80 classes" in output) == (0, True)


def test_what_is_between_two_known_networks_is_data_too_and_no_merging() -> None:
    lines = (
        "157 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs",
        "157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs",
    )
    parameters = json.loads(run(*lines, "--format", "json")[1])["ledger"]["parameters"]
    assert [entry["cause"] for entry in parameters["entries"]] == ["classes 80 -> 2"]
    assert (parameters["before"], parameters["after"], parameters["unexplained"]) == (7_225_885, 7_015_519, 0)
    assert "merged" not in run(*lines)[1].partition("These lines are not of one network")[2]


# what a line leaves to ask


def words_of(*arguments: str) -> str:
    """The output of the command on one line."""
    return " ".join(run(*arguments)[1].split())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("YOLOv5s summary: 157 layers, 7039792 parameters, 0 gradients, 15.8 GFLOPs",
         "No activation is missing: all Conv share one, which counts once; each Conv has its own, and the same network "
         "has 213 layers; By class: 60 Conv2d + 57 Conv + 11 Bottleneck + 9 Sequential; YAML's 25 rows hold all of"),
        ("213 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs",
         "Each Conv has an activation of its own here. In v7.0 all share one; the same network has 157 layers"),
        ("Model Summary: 140 layers, 7.45958e+06 parameters, 7.45958e+06 gradients",
         "In v1.0, v2.0 and v3.0 fuse() makes each convolution anew as one that trains; prints 6,616,832 there, not 0"),
        ("Model Summary: 120 layers, 6.8612e+06 parameters, 6.31725e+06 gradients",
         "yolov5s with 4 classes; its YAML of 9 to 21 June 2020; so the number rises from 0"),
        ("YOLO11n summary: 319 layers, 2624080 parameters, 2624064 gradients, 6.6 GFLOPs",
         "tables of the documentation are of the fused network with 80 classes: 2.6 M parameters, 6.5 GFLOPs"),
        ("YOLO26n summary (fused): 122 layers, 2,408,932 parameters, 0 gradients, 5.4 GFLOPs",
         "6.1 before fuse(): BatchNorm was charged, and fuse() takes out the head that only training needs."),
        ("YOLOv10n summary (fused): 285 layers, 2762608 parameters, 63840 gradients, 8.6 GFLOPs",
         "From 8.3.111 on fuse() also takes out the head that only training needs, which leaves 2,299,264"),
    ],
)  # fmt: skip
def test_the_answer_is_beside_its_number(line: str, words: str) -> None:
    output = words_of(line)
    assert [each for each in words.split("; ") if each not in output] == []


@pytest.mark.parametrize(
    ("line", "network", "fused", "counter"),
    [
        ("333 layers, 61949149 parameters, 61949149 gradients, 156.4 GFLOPS", "yolov3", False, "thop-0.0.31"),
        ("333 layers, 61949149 parameters, 61949149 gradients, 156.6 GFLOPS", "yolov3", False, "thop-0.1"),
        ("269 layers, 62971933 parameters, 0 gradients, 157.1 GFLOPS", "yolov3-spp", True, "thop-0.0.31"),
        ("59 layers, 8852366 parameters, 8852366 gradients, 13.3 GFLOPS", "yolov3-tiny", False, "thop-0.0.31"),
        ("222 layers, 6.19491e+07 parameters, 6.19491e+07 gradients, 117.3 GFLOPS", "yolov3", False, "thop-0.0.31"),
        ("150 layers, 6.19228e+07 parameters, 6.19228e+07 gradients, 116.9 GFLOPS", "yolov3", True, "thop-0.1"),
        ("225 layers, 6.29987e+07 parameters, 6.29987e+07 gradients, 118.1 GFLOPS", "yolov3-spp", False, "thop-0.1"),
        ("26 layers, 8.84918e+06 parameters, 8.84918e+06 gradients, 9.9 GFLOPS", "yolov3-tiny", True, "thop-0.0.31"),
    ],
)
def test_the_lines_of_yolov3_with_leaky_relu_are_known(line: str, network: str, fused: bool, counter: str) -> None:
    (read,) = lines_in(f"Model Summary: {line}")
    found = [each for each in matches(read) if each.network.family == "YOLOv3"]
    assert [(each.exact, each.network.network, each.fused) for each in found] == [(True, network, fused)]
    assert counter in found[0].counters


def test_figures_of_yolov3_with_leaky_relu_are_its_own() -> None:
    code, output = run("yolov3 61.9M 156.4", "--lang", "en")
    assert (code, "yolov3 does not print" in output, "This is yolov3 with 80 classes" in output) == (0, False, True)


def test_two_lines_of_one_network_are_never_said_to_be_of_two() -> None:
    built = "Model Summary: 333 layers, 61949149 parameters, 61949149 gradients, 156.4 GFLOPS"
    _, output = run(built, "Model Summary: 261 layers, 61922845 parameters, 0 gradients, 156.3 GFLOPS")
    assert "not of one network" not in output
    assert "BatchNorms merged, if fuse() does nothing else" in output


def test_the_lines_of_the_networks_before_v1_0_are_known() -> None:
    printed = {  # by the code of 9 June 2020 and by that of its first notebook
        "165 layers, 7.07417e+06 parameters, 7.07417e+06 gradients, 12.6 GFLOPS": "yolov5s",
        "120 layers, 7.06617e+06 parameters, 6.31725e+06 gradients, 12.6 GFLOPS": "yolov5s",
        "237 layers, 2.20498e+07 parameters, 2.20498e+07 gradients, 39.0 GFLOPS": "yolov5m",
        "168 layers, 2.2033e+07 parameters, 2.05229e+07 gradients, 38.9 GFLOPS": "yolov5m",
        "381 layers, 9.59219e+07 parameters, 9.59219e+07 gradients, 170.3 GFLOPS": "yolov5x",
        "264 layers, 9.58781e+07 parameters, 9.20716e+07 gradients, 170.2 GFLOPS": "yolov5x",
    }
    for text, network in printed.items():
        (line,) = lines_in(f"Model Summary: {text}")
        best = matches(line)[0]
        assert (best.exact, best.network.network, best.numbers.classes) == (True, network, 80)
        assert "June 2020" in best.network.note


def test_half_of_the_gflops_are_macs() -> None:
    output = words_of("214 layers, 7235389 parameters, 7235389 gradients, 8.3 GFLOPs")
    assert "8.3 is half of that: it is GMACs, and 1 MAC is 2 FLOPs." in output


def test_a_line_without_gflops_of_a_changed_network_tells_of_the_small_image() -> None:
    output = words_of("Model Summary: 300 layers, 7300000 parameters, 7300000 gradients")
    assert "an image as small as the stride, 32x32" in output


def test_a_command_is_named_only_where_it_leads_to_the_network_of_the_line() -> None:
    assert "yolo-probe info yolov5s@v7.0" in run("214 layers, 7235389 parameters, 7235389 gradients, 16.6 GFLOPs")[1]
    assert "shows what it is made of" not in run("Model Summary: 120 layers, 6.8612e+06 parameters")[1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs",
            "With thop 0.0.31, yolov5s-LeakyReLU has 169.5 GFLOPs, not 15.8.",
        ),
        (
            "Model summary: 149 layers, 4185290 parameters, 4185290 gradients, 10.5 GFLOPs",
            "yolov5s-cls under YOLOv5 v7.0 is told by the release that ran: a log begins with it.",
        ),
        (
            "YOLO11l-cls summary: 176 layers, 12,937,104 parameters, 12,937,104 gradients, 49.9 GFLOPs",
            "All lines of yolo26l-cls are the same: only its file tells.",
        ),
    ],
)
def test_what_would_tell_apart_several_networks_of_a_line_is_told(line: str, words: str) -> None:
    assert words in " ".join(run(line)[1].split())


@pytest.mark.parametrize("network", exhaustively(OURS, few=12), ids=lambda each: f"{each.network}-{each.family}")
def test_the_name_of_a_known_network_leads_to_it(network: KnownNetwork) -> None:
    subject = resolve(network.name, host=next((each for each in GENERATIONS if each in network.hosts), None))
    found = count_parameters(as_built(subject.root))
    assert found == network.parameters(subject.classes or 80, False)
    if not network.hosts:
        assert subject.origin.fork.lower().startswith(network.family.lower()) or not subject.origin.fork


def test_the_command_for_a_network_of_a_fork_names_the_fork_where_yolov5_has_one_of_that_name() -> None:
    _, output = run("Model Summary: 377 layers, 12386176 parameters, 12386176 gradients, 15.8 GFLOPS")
    assert "yolo-probe info yolov5s6@yolov5-face --nc 1 shows what it is made of" in output


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (
            "284 layers, 7621277 parameters, 7621277 gradients, 26.6",
            "224 layers, 7611485 parameters, 0 gradients, 26.4",
        ),
        ("284 layers, 7621277 parameters, 0 gradients, 26.6", "224 layers, 7611485 parameters, 0 gradients, 26.4"),
        ("270 layers, 7235389 parameters, 0 gradients, 16.6", "213 layers, 7225885 parameters, 0 gradients, 16.4"),
        ("214 layers, 7235389 parameters, 0 gradients, 16.5", "157 layers, 7225885 parameters, 0 gradients, 16.4"),
        (
            "214 layers, 7235389 parameters, 3063933 gradients, 16.6",
            "157 layers, 7225885 parameters, 3059709 gradients, 16.4",
        ),
        (
            "214 layers, 7235389 parameters, 3063933 gradients, 16.6",
            "157 layers, 7225885 parameters, 229245 gradients, 16.4",
        ),
    ],
)
def test_two_lines_of_one_network_have_four_ledgers_whatever_trains(first: str, last: str) -> None:
    lines = [line for text in (first, last) for line in lines_in(f"YOLOv5s summary: {text} GFLOPs")]
    report = explanation(lines)
    assert report.exact
    ledgers = dict(report.ledgers)
    assert list(ledgers) == ["layers", "parameters", "gradients", "flops"]
    for name in ("layers", "parameters", "gradients"):
        expected = [figure.value for line in lines if (figure := getattr(line, name))]
        assert [ledgers[name].before, ledgers[name].after, ledgers[name].unexplained] == [*expected, 0]
    assert "not of one network" not in run(*(f"YOLOv5s summary: {text} GFLOPs" for text in (first, last)))[1]


# figures without a whole line


@pytest.mark.parametrize(
    ("text", "expected"),
    exhaustive_rows(
        [
            ("157 layers", [("yolov5s", 80, True, False)]),
            ("why has the yaml 25 rows, and the summary says 214 layers?", [("yolov5s", 80, False, False)]),
            ("7.5M 17.5", [("yolov5s", 80, False, False)]),
            ("7.5M params, 17.5 GFLOPs", [("yolov5s", 80, False, False)]),
            ("7.07M 8", [("yolov5s", 20, False, True)]),
            ("8.3 GMACs yolov5s 7.2M", [("yolov5s", 80, False, True)]),
            ("#Param.(M): 2.3   FLOPs(G): 6.7", [("yolov10n", 80, True, False)]),
            ("YOLO11n 2.6M 6.5B", [("yolo11n", 80, True, False)]),
            ("7.2 16.5", [("yolov5s", 80, False, False)]),
            ("YOLO11n | 2.6 | 6.5", [("yolo11n", 80, True, False)]),
            ("8.1 GFLOPs", [("yolov8n", 20, True, False)]),
            ("28.8 GFLOPs, not 28.6?", [("yolov8s", 80, False, False), ("yolov8s", 80, True, False)]),
            ("v5l: 335 layers before, 499 layers now", [("yolov5l", 80, False, False), ("yolov5l", 80, False, False)]),
            ("13G vs 17.5G of v5s", [("yolov5s", 80, False, False), ("yolov5s", 80, False, False)]),
            ("\u8bad\u7ec3\u65f6\u6253\u5370 157 \u5c42", [("yolov5s", 80, True, False)]),
        ],
        few=5,
    ),
)
def test_a_part_of_a_line_is_enough(text: str, expected: list[tuple[str, int, bool, bool]]) -> None:
    firsts = [candidates(quoted)[0] for quoted in quoted_in(text)]
    assert [(each.network.network, each.classes, each.fused, each.is_halved) for each in firsts] == expected
    code, output = run(text, "--format", "json")
    found = json.loads(output)
    assert (code, [each["networks"][0]["network"] for each in found["figures"]]) == (0, [each[0] for each in expected])
    assert [line["matches"][0]["network"] for line in found["lines"]] == [each[0] for each in expected]
    lines = [line for line in run(text)[1].splitlines() if not line.startswith(("YOLO", "Model"))]
    assert all(len(line) <= 80 for line in lines if "yolo-probe guide" not in line)  # commands to copy


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Why is yolov8s FLOPS 28.8 instead of 28.6?", [("yolov8s", False), ("yolov8s", True)]),
        ("yolov5s fvcore 8.2 vs 16.5", [("yolov5s", True), ("yolov5s", False)]),
        ("official 15.8 GFLOPs, now 16.4", [("yolov5s", False), ("yolov5s", True)]),
        ("yolov5-face yolov5s 7.075M in the paper", [("yolov5s", False)]),
        ("YOLOv11n 6.5 GFLOPs with torch 2.1 and thop 0.1", [("yolo11n", True)]),
    ],
)
def test_all_figures_of_a_question_are_of_the_network_that_it_names(
    question: str, expected: list[tuple[str, bool]]
) -> None:
    found = [candidates(quoted)[0] for quoted in quoted_in(question)]
    assert [(each.network.network, each.fused) for each in found] == expected


def test_a_named_network_without_the_figures_is_shown_as_it_is() -> None:
    code, output = run("yolov7-tiny 5.2 GFLOPs", "--lang", "en")
    assert code == 1
    assert "yolov7-tiny does not print these figures. Its own lines are these." in output
    assert "yolo26n" not in output
    assert "unlike" in json.loads(run("yolov7-tiny 5.2 GFLOPs", "--format", "json")[1])["figures"][0]["networks"][0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yolov7-tiny 13.9G, in the paper 5.8G", "5.8 GFLOPs is what it has at 416x416"),
        ("\u8bba\u6587\u4e2dYOLOv5s\u7684GFLOPS\u503c\u4e3a5.3\uff0c\u5b9e\u9645\u4e3a16.5",
         "5.3 is half of the GFLOPs that it has at 512x512"),
        ("yolov5m\u6a21\u578b\uff0c\u753142M\u589e\u5927\u523084M", "42 MB is the size of a file of it in FP16"),
        ("yolov5m\u6a21\u578b\uff0c\u753142M\u589e\u5927\u523084M", "84 MB is the size of a file of it in FP32"),
        ("yolov5s 56M, should be 14M", "56 MB is the size of a file of it that is not stripped"),
        ("yolov9-c 25.3M 102.1G", "tables have for yolov9-c: those of gelan-c after fuse()"),
        ("YOLOv9-t 2.0M 7.7G", "gelan-t has 2,407,632 parameters and 9.8 GFLOPs after fuse()"),
        ("yolov9-c 51.3M", "With 80 classes it has 51,182,080 before fuse() and 50,880,768 after it."),
    ],
)  # fmt: skip
def test_figures_of_a_network_that_its_line_has_not_are_told(text: str, words: str) -> None:
    output = " ".join(run(text, "--lang", "en")[1].split())
    assert words in output
    assert run(text, "--lang", "en")[0] == (1 if "yolov9-t" in text.lower() else 0)


def test_a_figure_that_nothing_explains_stays_unexplained() -> None:
    for text in ("yolov7-tiny 5.2 GFLOPs", "yolov5s 3.3 GFLOPs", "yolov5s 33M"):
        found = json.loads(run(text, "--format", "json")[1])["figures"][0]
        assert "elsewhere" not in found
    found = json.loads(run("yolov7-tiny 5.8 GFLOPs", "--format", "json")[1])["figures"][0]
    assert found["elsewhere"] == {"side": 416, "is_halved": False, "bytes_each": 0}
    for text in (
        "yolov5s GFLOPs 16.5 and 37.4 mAP",
        "yolov5s GFLOPs 16.5, mAP@0.5: 37.4",
        "yolov5s 16.5 GFLOPs AP 37.4",
    ):
        assert [quoted.billions for quoted in quoted_in(text)] == ["16.5"]
    assert "yolov7-tiny does not print these figures" in run("yolov7-tiny GFLOPs 5.2 and 13.7", "--lang", "en")[1]
    assert "960x960" not in run("yolov5s has 7.2M and 37.4 mAP, what does it cost", "--lang", "en")[1]


def test_figures_that_are_cut_off_are_those_of_the_named_network() -> None:
    code, output = run("YOLOv8n-p6: 220 layers, 4.9M parameters, 8.7 GFLOPs", "--lang", "en")
    assert (code, "This is yolov8n-p6 with 80 classes" in output, "after fuse()" in output) == (0, True, True)


def test_a_number_with_few_digits_is_rounded_and_no_number_of_classes() -> None:
    assert "with 6 classes" not in run("7.26e+06 parameters", "--lang", "en")[1]
    assert [quoted.millions for quoted in quoted_in("7.26e+06 parameters")] == ["7.26"]
    assert "with 80 classes" in words_of("Model Summary: 191 layers, 7.46816e+06 parameters")
    assert "so that 1 to 4 classes fit." in words_of("191 layers, 7.26e6 parameters, 7.26e6 gradients")


@pytest.mark.exhaustive
def test_the_name_of_a_line_says_which_networks_are_near_it() -> None:
    line = "YOLO11-StarNet summary: 265 layers, 1,826,058 parameters, 1,826,042 gradients, 4.4 GFLOPs"
    assert "The nearest is yolo11n with 80 classes" in words_of(line)
    assert "YOLOv9 with" not in words_of(line)
    before = "yolov5-n: Model Summary: 308 layers, 1705462 parameters, 1705462 gradients, 5.0 GFLOPS"
    assert "The nearest is yolov5n with 1 class, as yolov5-face prints it: layers" in words_of(before)


@pytest.mark.parametrize(
    ("line", "nearest"),
    [
        ("YOLOv12n summary: 465 layers, 2,602,288 parameters, 2,602,272 gradients, 7.7 GFLOPs", "yolo12n with 80"),
        (
            "FastSAM-s summary (fused): 195 layers, 11,779,987 parameters, 0 gradients, 42.7 GFLOPs",
            "yolov8s-seg with 1",
        ),
    ],
)
def test_near_is_what_has_the_name_the_form_and_the_parameters(line: str, nearest: str) -> None:
    assert f"The nearest is {nearest}" in words_of(line)


def test_a_name_that_no_host_has_is_said_to_be_unknown(probe: Probe) -> None:
    assert "found yolov4-p7, which is none of the known networks" in probe("explain", "yolov4-p7").stderr
    assert "meituan/YOLOv6 has other networks" in words_of("YOLOv6-s 17.2M 44.2G")


@pytest.mark.parametrize(
    "text",
    [
        "YOLOv8s-world-t2i summary: 195 layers, 12759880 parameters, 12759864 gradients, 51.0 GFLOPs",
        "YOLO11-cls-resnet18 11,177,025 parameters",
    ],
)
def test_of_a_network_that_is_not_recorded_no_other_is_named(text: str) -> None:
    code, output = run(text, "--lang", "en")
    words = " ".join(output.split())
    assert (code, "in their name are not recorded" in words, "nearest" in words, "yolov8x" in words) == (
        1, True, False, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("YOLOv8x-worldv2 summary: 127 layers, 72,856,217 parameters, 273.3 GFLOPs", "yolov8x-worldv2 with 3 classes"),
        ("YOLOv8s-worldv2 summary: 256 layers, 12759880 parameters, 12759864 gradients, 51.0 GFLOPs",
         "yolov8s-worldv2 with 80 classes"),
        ("YOLO-World-X 74M parameters", "yolov8x-world with 80 classes"),
    ],
)  # fmt: skip
def test_lines_of_yolo_world_are_known(text: str, found: str) -> None:
    assert found in words_of(text)


@pytest.mark.parametrize(("gflops", "first", "last"), [("9.7", 1, 5), ("9.9", 15, 24)])
def test_classes_that_no_figure_tells_are_all_named(gflops: str, first: int, last: int) -> None:
    line = f"YOLOv8n-world summary: 162 layers, 4,052,623 parameters, 4,052,607 gradients, {gflops} GFLOPs"
    assert f"This is yolov8n-world with {first} to {last} classes, as" in run(line)[1]
    (match,) = json.loads(run(line, "--format", "json")[1])["lines"][0]["matches"]
    assert (match["classes_from"], match["classes_to"]) == (first, last)
    (network,) = {each.network for each in matches(next(iter(lines_in(line))))}
    shown = [classes for classes in range(1, 60) if any(
        f"{pair[False] or 0:.1f}" == gflops for pair in network.numbers(classes).gflops.values()
    )]  # fmt: skip
    assert shown == [*range(first, last + 1)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("YOLOe-11n summary: 216 layers, 5,005,286 parameters, 5,005,270 gradients, 7.2 GFLOPs",
         "yoloe-11n with 80 classes, as ultralytics 8.3.99 to 8.3.253"),
        ("YOLOe-v8n-seg summary (fused): 110 layers, 5,784,790 parameters, 0 gradients, 13.3 GFLOPs",
         "yoloe-v8n-seg with 80 classes"),
        ("YOLOe-11n summary: 216 layers, 4,800,246 parameters, 4,800,230 gradients", "yoloe-11n with 1 to 63 classes"),
        ("YOLOe-26n-seg summary (fused): 161 layers, 4,898,698 parameters, 0 gradients, 10.4 GFLOPs",
         "yoloe-26n-seg with 1 to 64 classes"),
    ],
)  # fmt: skip
def test_lines_of_yoloe_are_known(text: str, found: str) -> None:
    assert found in words_of(text)


def test_lines_of_one_network_are_paired_where_the_second_tells_no_classes() -> None:
    """The head that goes counts its product with 80 prompts: 2 x 512 x 80 prompts x 8,400 places."""
    first, last = (
        "YOLOe-26n-seg summary: 347 layers, 5,366,119 parameters, 5,366,119 gradients, 12.8 GFLOPs",
        "YOLOe-26n-seg summary (fused): 161 layers, 4,898,698 parameters, 0 gradients, 10.4 GFLOPs",
    )
    report = explanation(list(lines_in(f"{first}\n{last}")))
    assert [number for number, _ in report.ledgers] == ["layers", "parameters", "gradients", "flops"]
    assert all(ledger.unexplained == 0 for _, ledger in report.ledgers)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("YOLO26n-sem summary: 133 layers, 1,630,822 parameters, 1,630,822 gradients, 4.5 GFLOPs",
         "yolo26n-sem with 3 classes"),
        ("YOLO26n-depth summary (fused): 106 layers, 5,165,705 parameters, 0 gradients, 32.5 GFLOPs",
         "yolo26n-depth with 80 classes or any other number"),
        ("YOLOv8n-rtdetr summary: 243 layers, 9,485,633 parameters, 9,485,633 gradients, 18.3 GFLOPs",
         "yolov8n-rtdetr with 3 classes"),
        ("YOLOv8n-ghost-p6 summary (fused): 192 layers, 2,693,488 parameters, 0 gradients, 5.0 GFLOPs",
         "yolov8n-ghost-p6 with 3 classes"),
        ("YOLOv8-cls-resnet50 summary: 145 layers, 26,135,875 parameters, 26,135,875 gradients, 69.6 GFLOPs",
         "yolov8-cls-resnet50 with 3 classes"),
    ],
)  # fmt: skip
def test_lines_of_rare_networks_of_ultralytics_are_known(text: str, found: str) -> None:
    assert found in words_of(text)


def test_a_unit_ends_where_chinese_begins() -> None:
    line = "YOLOv5s summary: 157 layers, 7020913 parameters, 0 gradients, 15.8 GFLOPs\u6362\u7b97"
    assert next(lines_in(line)).gflops == "15.8"


def test_the_name_of_a_network_is_no_misread_number() -> None:
    assert misread_in("the official yolopose-l6 parameters") == ""
    assert misread_in("l6 parameters") == "l6"


def test_a_line_that_says_fused_is_near_a_fused_network() -> None:
    line = "YOLOv8_HIC summary (fused): 221 layers, 3004550 parameters, 0 gradients, 12.2 GFLOPs"
    nearest = matches(next(lines_in(line)))[0]
    assert (nearest.network.network, nearest.fused) == ("yolov8n", True)


def test_a_figure_alone_is_not_taken_for_macs() -> None:
    (alone,), (named,) = (tuple(quoted_in(text)) for text in ("up to 56.4 GFLOPs", "yolov5s 8.2 GFLOPs"))
    assert candidates(alone) == ()
    assert candidates(named)[0].is_halved


def test_a_line_without_gflops_says_why_whatever_its_network_is() -> None:
    assert "thop is not installed there" in words_of("369 layers, 7514547 parameters, 7514547 gradients")


def test_a_method_that_fuse_misses_is_a_known_error() -> None:
    text = "Fusing layers... AttributeError: 'RepVGGBlock' object has no attribute 'fusevggforward'"
    assert "calls a method of a block that the class of the block does not have" in words_of(text)
    assert "This is not the model but something around it" in words_of("has no attribute 'fuse'")


def test_a_changed_network_is_not_called_a_typing_error() -> None:
    line = "YOLOv8-StarNet summary (fused): 195 layers, 2209299 parameters, 0 gradients, 6.5 GFLOPs"
    words = words_of(line)
    assert "YOLOv8-StarNet is none of the known networks. The nearest is yolov8n with 80 classes" in words
    assert "Somebody has changed a network: pass its file or YAML to fuse-diff" in words
    assert "mistyped" not in words
    chinese = words_of(line, "--lang", "zh")
    assert "layers \u662f 195\uff0c\u5e94\u4e3a 168\uff08\u591a 27\uff09\uff1b" in chinese
    assert not re.search(r"found|more|fewer|expected", chinese)
    assert "mistyped" in words_of("YOLOv8n summary (fused): 168 layers, 3151905 parameters, 0 gradients, 8.7 GFLOPs")


@pytest.mark.parametrize(
    ("text", "owners"),
    [
        ("yolo26n: measured 2.57M params vs docs 2.4M, yolo26s: measured 10.0M params vs docs 9.5M",
         ("yolo26n", "yolo26n", "yolo26s", "yolo26s")),
        ("7.2M for yolov5s, 1.9M for yolov5n", ("yolov5s", "yolov5n")),
        ("yolov5s 7.2M 16.5 GFLOPs\nyolov5n 1.9M 4.5 GFLOPs", ("yolov5s", "yolov5n")),
        ("between yolov5s and yolov5n: 7.2M, 16.5 GFLOPs", ("yolov5n",)),
        ("yolov5s, 7.2M", ("yolov5s",)),
        ("7.2M of yolov5s", ("yolov5s",)),
    ],
)  # fmt: skip
def test_a_figure_is_of_the_network_in_its_clause(text: str, owners: tuple[str, ...]) -> None:
    assert tuple(each.name for each in quoted_in(text)) == owners


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("lite5e", "v5lite-e"), ("lite-e", "v5lite-e"), ("YOLOv5-Lite-s", "v5lite-s"), ("v5Lite-g", "v5lite-g"),
        ("yolov5 lite c", "v5lite-c"), ("yolov5-lite", "yolov5-lite"), ("elite-e", ""), ("v5s", "yolov5s"),
    ],
)  # fmt: skip
def test_short_names_are_known(text: str, name: str) -> None:
    assert name_in(text) == name


def test_megabytes_are_of_a_file_and_never_parameters() -> None:
    assert "218 MB is the size of a file of it in FP32" in words_of("yolo11x.pt 218M")
    assert "size of a file" not in words_of("yolo26n has 10.1M params")
    assert list(quoted_in("yolox-s.pth weight size 71.4M, yolox-s.onnx weight size 35.7M")) == []


def test_figures_that_are_quoted_twice_are_told_once() -> None:
    text = "input 640 FLOPs=26.7G, input 416 FLOPs=26.7G"
    assert words_of(text).count("486 layers, 7,167,475 parameters, 26.7 GFLOPs") == 1


def test_as_many_parameters_are_not_told_as_one_times() -> None:
    words = words_of("yolov5s-SE: 221 layers, 7100000 parameters, 7100000 gradients, 16.2 GFLOPs")
    assert "More layers, and about as many parameters: other blocks." in words


def test_figures_in_a_question_of_chinese_are_looked_up_in_the_guide_too() -> None:
    question = (
        "\u8bba\u6587\u91ccYOLOv5s\u7684GFLOPs\u662f5.3\uff0c"
        "\u6211\u5f97\u523016.5 GFLOPs\uff0c\u4e3a\u4ec0\u4e48\u5dee\u8ddd\u8fd9\u4e48\u5927"
    )
    told = run(question)[1]
    assert "(yolo-probe guide questions)" in told
    assert "16.5" in told
    assert "(yolo-probe guide " not in run("\u5c42\u6570 157 \u53c2\u6570\u91cf 7.0M \u8ba1\u7b97\u91cf 15.8")[1]


def test_a_pasted_text_is_read_as_an_argument_is() -> None:
    text = "YOLOv5m params: 21.2M, 48.9 GFLOPs\nwhy does the README list other numbers?\n"
    assert "yolov5m" in run(text=text)[1]
    assert "(yolo-probe guide " in run(text=text)[1]
    code, told = run(text="why does the README list other numbers of parameters?\n" * 30)
    assert (code, told) == (1, "")  # a log


def test_gradients_that_fuse_leaves_of_the_nearest_network_are_told_so() -> None:
    line = "YOLOv8m summary (fused): 218 layers, 23040064 parameters, {} gradients"
    assert "as many as fuse() leaves of the nearest where it trains and autograd is off." in words_of(
        line.format(58_800)
    )
    assert "rows are frozen, or fuse() ran on a model that trains." in words_of(line.format(58_801))


def test_messages_of_thop_and_of_pruning_are_known() -> None:
    line = "Model Summary: 444 layers, 86705005 parameters, 0 gradients\n"
    assert "torch.nn.utils.prune sets weights to 0." in words_of(f"{line}Pruning model...  0.3 global sparsity")
    hook = (
        "m.total_ops += torch.DoubleTensor([int(total_ops)])\nRuntimeError: expected device cuda:0 but got device cpu"
    )
    assert "Count a copy: thop.profile(deepcopy(model), ...)." in words_of(hook)


def test_a_question_about_a_network_names_the_command_with_its_numbers() -> None:
    told = run("How can I know how many layers YOLOv5x has?")[1]
    assert told.startswith("yolov5x, YOLOv5 HEAD: ")
    assert "\nyolov5x, YOLOv5 HEAD, fused: 134 layers, 86,705,005 parameters, " in told
    assert "\nyolo-probe info yolov5x\n" in told
    own = "yolov8n, ultralytics 8.4.190: 129 layers, 3,157,200 parameters"
    assert run("how many parameters has yolov8n?")[1].startswith(own)
    assert run("how many parameters has gelan-c?")[1].startswith("gelan-c, YOLOv9: 621 layers, ")
    assert not run("how many parameters does fuse remove from yolov5s?")[1].startswith("yolov5s")
    assert "yolo-probe info yolov8n\n" not in run("how many layers has yolov8n?")[1]


def test_hosts_of_several_numbers_stand_beside_their_own_in_chinese() -> None:
    _, output = run("YOLOv8n summary: 129 layers, 3,157,200 parameters, 0 gradients, 8.9 GFLOPs", "--lang", "zh")
    text = "".join(output.split())
    assert "8.4.0\u52308.4.140\u4e3a130\uff0c8.0.0\u52308.2.103\u548c8.3.17\u52308.3.75\u4e3a225" in text


def test_what_of_merged_branches_does_not_train_is_told() -> None:
    words = words_of("gelan-t summary: 489 layers, 2407632 parameters, 2175056 gradients")
    assert "but those of merged branches: 232,560 parameters." in words
    assert "as the old ones did." in words_of("157 layers, 7225885 parameters, 7225885 gradients")


@pytest.mark.exhaustive
def test_the_head_that_only_training_needs_is_told_before_and_after_fuse() -> None:
    old = words_of("2,708,210 parameters, 8.4 GFLOPs")
    assert "From 8.3.111 on fuse() also takes out the head that only training needs, which leaves 2,265,753" in old
    new = words_of("YOLOv10n summary: 223 layers, 2,775,520 parameters, 2,775,504 gradients, 8.7 GFLOPs")
    assert "fuse() takes out the head that only training needs" in new or "From 8.3.111 on" in new
    tables = words_of("yolov9-c summary: 604 layers, 50698278 parameters, 0 gradients, 236.6 GFLOPs")
    assert "gelan-c has 25,288,768 parameters and 102.1 GFLOPs after fuse()" in tables


def test_of_a_network_that_is_not_known_no_other_is_explained() -> None:
    code, output = run("YOLOX-s 26.8 GFLOPs", "--lang", "en")
    assert (code, "yolox-s is none of the known networks." in output, "This is yolo" in output) == (1, True, False)


def test_megabytes_of_a_file_are_no_parameters() -> None:
    assert list(quoted_in("different size of weights: 89M before, now 354M")) == []


def test_figures_beside_a_line_are_compared_with_it() -> None:
    output = run("Model summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs", "7.2M 16.5")[1]
    assert "yolov5s, 2 classes, fused -> yolov5s, 80 classes" in output


@pytest.mark.exhaustive
def test_a_number_alone_is_one_of_parameters() -> None:
    for text in ("7225885", "7,225,885"):
        assert "This is yolov5s with 80 classes" in words_of(text)


def test_all_networks_with_a_figure_are_found() -> None:
    (quoted,) = quoted_in("1.9M 4.6")
    for each in candidates(quoted):
        numbers = each.network.numbers(each.classes)
        assert f"{numbers.parameters[each.fused] / 1e6:.1f}" == "1.9"
        assert "4.6" in {f"{pair[each.fused] or 0:.1f}" for pair in numbers.gflops.values()}
    assert {("yolov5n", "v6.1"), ("yolov5n", "v7.0")} <= {
        (each.network.network, host) for each in candidates(quoted) for host in each.hosts
    }


@pytest.mark.parametrize("text", ["file of 14 MB", "12 ms", "hello 5", "99999 layers", "0.01 GMac", "1" * 5000])
def test_other_figures_are_none(text: str) -> None:
    assert not [each for quoted in quoted_in(text) for each in candidates(quoted)]


def test_a_few_parameters_alone_are_no_line() -> None:
    assert list(lines_in("why do 16 parameters not train")) == []
    assert [line.parameters.value for line in lines_in("7225885 parameters")] == [7225885]


LINE = "YOLOv5s summary: 157 layers, 7015519 parameters, 0 gradients, 15.8 GFLOPs"
SEPARATED = "YOLO11n summary (fused): 100 layers, 2,616,248 parameters, 0 gradients, 6.5 GFLOPs"
AS_PASTED = {
    "a progress bar": f"  0%|          | 0/4 [00:00<?, ?it/s]{LINE}",
    "a table's head behind it": f"{LINE}        Class     Images  Instances          P          R      mAP50:   0%|",
    "Kaggle": f"123.4s\t45\t{LINE}",
    "Comet": f"COMET INFO: {LINE}",
    "W&B": f"wandb: {LINE}",
    "a logger": f"2024-05-01 12:00:00,123 - INFO - {LINE}",
    "a quotation": f"> {LINE}",
    "code": f"`{LINE}`",
    "bold": f"**{LINE}**",
    "HTML": f"<pre>{LINE}</pre>",
    "spaces of a page": LINE.replace(" ", "\u00a0"),
    "Chinese signs": LINE.replace(", ", "\uff0c").replace(": ", "\uff1a"),
    "Chinese words": "157\u5c42\uff0c7015519\u4e2a\u53c2\u6570\uff0c0\u4e2a\u68af\u5ea6\uff0c15.8 GFLOPs",
    "wrapped": LINE.replace("7015519 ", "7015519\n"),
    "capitals": LINE.upper(),
    "small letters": LINE.lower(),
    "another unit": LINE.replace("GFLOPs", "G FLOPs"),
    "a word between": LINE.replace(", 15.8", " and 15.8"),
    "a stop": LINE.replace("layers,", "layers."),
    "a decimal comma": LINE.replace("15.8", "15,8"),
    "thousands apart": LINE.replace("7015519", "7 015 519"),
    "thousands by stops": LINE.replace("7015519", "7.015.519"),
    "JSON": '{"layers": 157, "parameters": 7015519, "gradients": 0, "GFLOPs": 15.8}',
    "a tuple": "(157, 7015519, 0, 15.8)",
    "a list": "157 layers;7015519 parameters;0 gradients;15.8 GFLOPs",
    "cells": "157,layers,7015519,parameters,0,gradients,15.8,GFLOPs",
    "no spaces": "157layers, 7015519parameters, 0gradients, 15.8GFLOPs",
    "a row": "157 7015519 0 15.8",
    "slashes": "157/7015519/0/15.8",
    "a table": "| yolov5s | 157 | 7015519 | 0 | 15.8 |",
    "names before numbers": "Layers 157 Parameters 7015519 Gradients 0 GFLOPs 15.8",
}  # fmt: skip
"""The same figures as people paste them."""


@pytest.mark.parametrize("kind", AS_PASTED)
def test_a_line_is_read_in_whatever_form_it_is_pasted(kind: str) -> None:
    (line,) = lines_in(AS_PASTED[kind])
    assert line.layers is not None
    assert line.gradients is not None
    assert (line.layers.value, line.parameters.value, line.gradients.value, line.gflops) == (157, 7015519, 0, "15.8")
    assert line.name.lower() in ("yolov5s", "")
    best = matches(line)[0]
    assert (best.network.network, best.numbers.classes, best.exact) == ("yolov5s", 2, True)


@pytest.mark.parametrize("kind", exhaustively(AS_PASTED, few=5))
def test_a_changed_digit_is_not_called_exact_in_any_form(kind: str) -> None:
    text = AS_PASTED[kind].replace("519", "529")
    assert text != AS_PASTED[kind]
    (line,) = lines_in(text)
    assert line.parameters.value == 7015529
    assert not matches(line)[0].exact


def test_of_torchinfo_what_trains_are_the_gradients() -> None:
    total = "Total params: 7,235,389\nTrainable params: 0\nNon-trainable params: 7,235,389"
    (line,) = lines_in(total)
    assert line.gradients is not None
    assert (line.parameters.value, line.gradients.value, line.has_separators) == (7235389, 0, None)


def test_names_before_numbers_are_no_units_behind_others() -> None:
    (line,) = lines_in("\u5c42\u6570:213 \u53c2\u6570\u91cf:7225885 \u8ba1\u7b97\u91cf:16.4")
    assert line.layers is not None
    assert (line.layers.value, line.parameters.value, line.gflops) == (213, 7225885, "16.4")


def test_the_data_for_loggers_are_a_line_without_layers() -> None:
    (line,) = lines_in("{'model/parameters': 2616248, 'model/GFLOPs': 6.5, 'model/speed_PyTorch(ms)': 2.1}")
    assert (line.layers, line.parameters.value, line.gflops) == (None, 2616248, "6.5")


@pytest.mark.parametrize(
    "text",
    ["YOLOv5s -> Params: 7,015,519 | Size: 13.6 MB", "Total params: 7,015,519", "number of parameters: 7015519",
     "nparams=7015519", "n_params 7015519", "| Parameters | 7,015,519 |", "**Params:** 7015519",
     "\u53c2\u6570\u91cf\uff1a7015519",
     "\u53c2\u6570\u91cf\u4e3a 7015519", "parameters are 7015519, size 14.4MB"],
)  # fmt: skip
def test_a_number_behind_the_word_parameters_is_a_line_of_no_form(text: str) -> None:
    (line,) = lines_in(text)
    assert (line.parameters.value, line.has_separators, line.layers, line.gflops) == (7015519, None, None, "")
    assert not list(lines_in(text, log=True))


@pytest.mark.parametrize("text", ["params: 7.2M, gflops: 16.5", "parameters of 640", "3 layers of 12000 images"])
def test_a_number_in_millions_or_of_something_else_is_no_line(text: str) -> None:
    assert not list(lines_in(text))


def test_every_group_of_numbers_behind_names_is_a_line() -> None:
    lines = list(lines_in("before: params 7235389 gflops 16.6, after: params 7225885 gflops 16.4"))
    assert [(line.parameters.value, line.gflops) for line in lines] == [(7235389, "16.6"), (7225885, "16.4")]


def test_a_line_with_as_many_layers_is_not_what_fuse_leaves() -> None:
    first = "Model Summary: 261 layers, 61508200 parameters, 0 gradients, 154.7 GFLOPs"
    last = "Model Summary: 261 layers, 15394648 parameters, 0 gradients, 38.9 GFLOPs"
    _, output = run(f"{first}\n{last}")
    assert "channels of the merged BatchNorms" not in output


@pytest.mark.parametrize(
    ("right", "wrong"), [("157", "l57"), ("7015519", "7O15519"), (" 0 g", " O g"), ("15.8", "1S.8")]
)
def test_letters_among_digits_are_refused_with_their_place(right: str, wrong: str, probe: Probe) -> None:
    done = probe("explain", LINE.replace(right, wrong), "--lang=en")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"found {wrong.split()[0]} in it, expected digits alone" in done.stderr
    assert "Correct it by hand." in done.stderr


@pytest.mark.parametrize("text", ["270,layers", "270layers", "7.2B parameters", "157 layers, 15.8 GFLOPs"])
def test_what_has_no_letters_among_its_digits_is_not_misread(text: str) -> None:
    assert misread_in(text) == ""


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        ("270,layers", ("270", "", "")),
        ("16,5 GFLOPs", ("", "", "16.5")),
        ("GFLOPs: 16.6", ("", "", "16.6")),
        ("7235K parameters", ("", "7.235", "")),
        ("7.26e+06", ("", "7.26", "")),
        ("Params 3.01M FLOPs 8.1G", ("", "3.01", "8.1")),
        ("Computational complexity: 8.29 GMac\nNumber of parameters: 7.24 M", ("", "7.24", "8.29")),
    ],
)
def test_figures_are_read_as_tools_and_tables_write_them(text: str, figures: tuple[str, str, str]) -> None:
    (quoted,) = quoted_in(text)
    assert (quoted.layers, quoted.millions, quoted.billions) == figures
    assert candidates(quoted)


@pytest.mark.parametrize(("text", "heading"), [("157", "157 layers"), ("16.5", "16.5 GFLOPs")])
def test_a_number_alone_has_the_unit_of_its_size(text: str, heading: str) -> None:
    assert run(text)[1].startswith(heading)


@pytest.mark.parametrize(
    ("text", "network"), [("flops: 4.35G, params: 3.16M", "yolov8n"), ("8.45 GMac, 7.24 M", "yolov5s")]
)
def test_figures_of_another_counter_are_those_of_the_network_with_the_parameters(text: str, network: str) -> None:
    code, output = run(text)
    words = " ".join(output.split())
    assert (code, "No known host prints both figures." in words) == (1, True)
    assert f"yolo-probe counters {network} shows" in words


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("YOLOv5s 640 37.4 56.8 98 6.4 0.9 7.2 16.5", ("yolov5s", "7.2", "16.5")),
        ("| [YOLOv5s](https://x/yolov5s.pt) | 640 | 37.4 | 56.8 | 98 | 6.4 | 0.9 | **7.2** | **16.5** |",
         ("yolov5s", "7.2", "16.5")),
        ("| YOLO11n | 640 | 39.5 | 56.1 \u00b1 0.8 | 1.5 \u00b1 0.0 | 2.6 | 6.5 |", ("yolo11n", "2.6", "6.5")),
        ("YOLOv5s-seg\t640\t37.6\t37.6\t88:16\t173.3\t1.4\t7.6\t26.4", ("yolov5s-seg", "7.6", "26.4")),
    ],
)  # fmt: skip
def test_of_a_row_of_a_readme_the_last_two_columns_are_the_figures(row: str, expected: tuple[str, str, str]) -> None:
    (quoted,) = quoted_in(row)
    assert (quoted.name, quoted.millions, quoted.billions) == expected
    assert candidates(quoted)[0].network.network == expected[0]


@pytest.mark.parametrize("text", ["335 layers before, 499 now", "335 -> 499 layers", "335\u5c42\u53d8\u6210499"])
def test_of_two_numbers_with_one_word_both_are_layers(text: str) -> None:
    assert [each.layers for each in quoted_in(text)] == ["335", "499"]


@pytest.mark.parametrize(
    "path", ["no such.log/x", "my log.txt", "no-such.pt", "runs/exp", "./a b", "C:\\my logs\\a.log"]
)
def test_a_path_that_is_not_there_is_no_question(path: str, probe: Probe) -> None:
    done = probe("explain", path, "--lang=en")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such file, expected a log or a summary line" in done.stderr


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "found a network, expected a line or a log Run yolo-probe fuse-diff"),
        (b"\x89PNG\0\0", "found no text, expected a line or a log Type the line that a picture shows"),
        (b"Epoch 1", "found no summary line, expected one such as"),
        (b"Epoch 1", "YOLOv5 writes it to standard error"),
    ],
)
def test_a_file_without_a_line_is_said_to_be_what_it_is(
    content: bytes, words: str, tmp_path: Path, probe: Probe
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    done = probe("explain", str(file), "--lang=en")
    assert (done.returncode, words in " ".join(done.stderr.split())) == (2, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "yolov5-lite | 1.43G | 1.62M | 3.3 | 36.2",
            "found 1.43G, 1.62M, expected figures that a known network prints",
        ),
        (".", "found a folder, expected a line or a log Of a run: yolo-probe story ."),
        ("yolov5s.pt", "found the name of a network, expected a line or a log Run yolo-probe info yolov5s."),
        ("https://x.org/a.log", "found a URL, expected a line or a log Download it: curl -LO https://x.org/a.log."),
        ("OSError: [Errno 28] No space left on device", "found an error that is not known here"),
    ],
)
def test_what_is_no_line_is_said_to_be_what_it_is(text: str, words: str, probe: Probe) -> None:
    done = probe("explain", text, "--lang=en")
    assert (done.returncode, words in " ".join(done.stderr.split())) == (2, True)


@pytest.mark.parametrize(
    ("text", "name"),
    [("yolov3 tiny", "yolov3-tiny"), ("YOLO11 nano", "yolo11n"), ("YOLOv8-small", "yolov8s"), ("v5 lite-e", "v5lite-e"),
     ("RT-DETR-R50", "rtdetr-resnet50"), ("RTDETR r101", "rtdetr-resnet101"), ("rt-detr-l", "rtdetr-l")],
)  # fmt: skip
def test_networks_are_known_as_people_name_them(text: str, name: str) -> None:
    assert name_in(f"how many parameters has {text}?") == name


def test_a_series_without_a_scale_is_told_as_all_of_its_networks() -> None:
    _, output = run("what are the GFLOPs of each pretrained model of yolov7?", "--lang", "en")
    assert "yolov7-tiny, fused: 6.2 M parameters, 13.7 GFLOPs\nyolov7, fused: 36.9 M" in output
    _, output = run("what are the parameters of YOLO11", "--lang", "en")
    assert output.count(" fused: ") == 5
    assert " fused: " not in run("how do I freeze layers of YOLO11", "--lang", "en")[1]


def test_gflops_of_the_readers_own_network_are_no_network() -> None:
    _, output = run("my block added too much, 140.3 GFLOPs for the s model, why is it so big", "--lang", "en")
    assert "This is no whole line" not in output
    _, output = run("I want to freeze 15 layers of the 225 layers of yolov8n, not whole blocks", "--lang", "en")
    assert "225 layers\n" in output
    assert "15 layers\n" not in output


def test_millions_of_few_digits_are_no_network_of_hundreds_of_classes() -> None:
    assert "yolov3 does not print these figures" in run("yolov3 65M", "--lang", "en")[1]
    assert all(each.classes <= 100 or each.classes == 1000 for each in candidates(next(quoted_in("14.06M"))))


def test_a_file_that_is_not_stripped_is_told_what_is_left_of_it() -> None:
    assert "leaves the EMA alone: about 90 MB." in " ".join(run("yolov5l 359M", "--lang", "en")[1].split())


def test_a_question_beside_a_line_is_looked_up_too() -> None:
    line = "YOLOv10n summary (fused): 285 layers, 2762608 parameters, 63840 gradients, 8.6 GFLOPs"
    question = "why are the parameters and GFLOPs different from the table of YOLOv10, 2.3M and 6.7"
    output = run(f"{line} {question}", "--lang", "en")[1]
    assert output.index("This is yolov10n") < output.index("Why has YOLOv10 or YOLO26 more parameters")
    assert "(yolo-probe guide " not in run(f"{line}\nTransferred 343/349 items from yolov10n.pt", "--lang", "en")[1]


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("why is the inference speed the same as that of yolov5s", "Why is a network with fewer GFLOPs slower"),
        ("is my pruning correct, the parameters are the same", "What does pruning change"),
    ],
)
def test_a_question_about_no_number_of_a_line_is_answered_before_it(question: str, heading: str) -> None:
    _, output = run(f"{question}? Model Summary: 196 layers, 3387234 parameters, 0 gradients, 7.7 GFLOPS")
    assert output.startswith(heading)
    assert "3387234 parameters" in output


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("yolov5s: Params 7.0, FLOPs 15.9", [("yolov5s", "7.0", "15.9", False)]),
        ("MACs 8.31G params 7.24M", [("", "7.24", "8.31", True)]),
        ("parameters 1.9 of 20", []),
        (
            "Model | mAP | MACs | Params\n---|---|---|---\nyolov5s | 37.4 | 8.3 | 7.2\nyolov8n | 37.3 | 4.4 | 3.2",
            [("yolov5s", "7.2", "8.3", True), ("yolov8n", "3.2", "4.4", True)],
        ),
    ],
)
def test_figures_without_units_are_of_what_stands_before_or_above_them(
    text: str, found: list[tuple[str, str, str, bool]]
) -> None:
    assert [(each.name, each.millions, each.billions, each.says_macs) for each in quoted_in(text)] == found


def test_sizes_of_files_are_those_of_the_network_that_has_them() -> None:
    output = " ".join(run("best.onnx 2M but yolov5n.pt is 4.1M")[1].split())
    assert "in INT8, 1 byte for each parameter" in output
    assert "in FP16, 2 bytes for each parameter" in output
    _, output = run("the size of yolov5s is 14M and that of yolov5m 41M, that of yolov5l 90M")
    for name in ("yolov5s", "yolov5m", "yolov5l"):
        assert f"{name} does not print these figures" in output


def test_a_question_about_two_networks_is_answered_before_their_lines() -> None:
    lines = [
        "Model Summary: 261 layers, 61508200 parameters, 0 gradients, 154.7 GFLOPs",
        "Model Summary: 261 layers, 15394648 parameters, 0 gradients, 38.9 GFLOPs",
    ]
    output = run(
        f"{'; '.join(lines)}. Pruned: why is the inference speed not faster with fewer GFLOPs?", "--lang", "en"
    )[1]
    assert output.startswith("Why is a network with fewer GFLOPs slower, with fewer FPS?")
    assert output.index(lines[0]) > 0
    both = [lines[0], "Model Summary: 333 layers, 61534504 parameters, 61534504 gradients, 154.9 GFLOPs"]
    assert run(f"{'; '.join(both)}: why the inference speed?", "--lang", "en")[1].startswith(both[0])


def test_what_is_known_of_an_error_stands_before_the_line_beside_it() -> None:
    line = "Model summary: 387 layers, 25288768 parameters, 0 gradients, 102.1 GFLOPs"
    output = run(f"{line} AttributeError: 'AutoShape' object has no attribute 'fuse'", "--lang", "en")[1]
    assert output.startswith("has no attribute 'fuse'")
    assert output.index("This is not the model") < output.index("This is gelan-c")


def test_an_optimizer_of_another_network_is_a_known_error() -> None:
    text = "ValueError: loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
    assert "The optimizer in the file has other groups of tensors" in " ".join(run(text, "--lang", "en")[1].split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Input type (torch.FloatTensor) and weight type (torch.HalfTensor) should be the same", "of two precisions"),
        ("RuntimeError: expected scalar type Half but found Float", "of two precisions"),
        ("AttributeError: 'dict' object has no attribute 'load_state_dict'", "gives a dict: the network is one"),
        ("'collections.OrderedDict' object has no attribute 'eval'", "gives a dict: the network is one"),
        ('Missing key(s) in state_dict: "model.0.conv.bn.weight"', "name their tensors differently"),
        ('Unexpected key(s) in state_dict: "epoch", "model"', "name their tensors differently"),
        ('Unexpected key(s) in state_dict: "total_ops"', "thop.profile left its buffers"),
    ],
)
def test_errors_of_loading_are_known(text: str, words: str) -> None:
    assert words in " ".join(run(text, "--lang", "en")[1].split())


def test_several_hosts_print_and_one_prints() -> None:
    words = [" ".join(run(line, "--lang", "en")[1].split()) for line in (
        "Model Summary: 213 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs",
        "YOLOv5s summary: 157 layers, 7225885 parameters, 0 gradients, 16.4 GFLOPs",
    )]  # fmt: skip
    assert "as YOLOv5 v6.0 and v6.1 print it" in words[0]
    assert "as YOLOv5 v7.0 prints it" in words[1]


def test_a_network_of_ultralytics_with_a_name_of_yolov5_is_told_apart() -> None:
    line = "YOLOv5s summary (fused): 193 layers, 9111923 parameters, 0 gradients, 23.8 GFLOPs"
    words = " ".join(run(line, "--lang", "en")[1].split())
    own = 7_225_885 - 79 * 2697
    assert f"Its head is ultralytics' own, without anchors: the yolov5s of YOLOv5 has {own:,}." in words


def test_few_words_that_begin_as_a_question_are_one() -> None:
    output = run("does yolov5s have 7.2M or 7.5M parameters", "--lang", "en")[1]
    assert output.startswith("Which releases changed the networks of YOLOv5")


def test_a_network_that_a_release_builds_otherwise_has_the_usual_parameters_beside_it() -> None:
    words = " ".join(run("249 layers, 9,840,508 parameters, 23.6 GFLOPs", "--lang", "en")[1].split())
    assert "build this network otherwise: it has 11,137,148 there before fuse()." in words
    usual = run("225 layers, 11,166,560 parameters, 28.8 GFLOPs", "--lang", "en")[1]
    assert "otherwise" not in usual


@pytest.mark.parametrize("parameters", ["5.06398e+07", "9.92329e+07", "5.25155e+07"])
def test_six_digits_are_near_no_network_of_thousands_of_classes(parameters: str) -> None:
    (line,) = lines_in(f"Model Summary: 297 layers, {parameters} parameters, {parameters} gradients")
    assert all(match.numbers.classes <= 1000 for match in matches(line))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("YOLOv8n-pose summary: 250 layers, 3,083,424 parameters, 3,083,408 gradients, 8.4 GFLOPs", (1, 5, 3)),
        ("YOLOv8n-pose summary (fused): 187 layers, 3,078,128 parameters, 0 gradients, 8.3 GFLOPs", (1, 5, 3)),
        ("YOLOv8n-pose summary (fused): 187 layers, 3086681 parameters, 0 gradients, 8.4 GFLOPs", (48, 1, 3)),
        ("YOLOv8n-pose summary (RKNN): 81 layers, 3,379,496 parameters, 9.6 GFLOPs", (1, 21, 3)),
        ("YOLOv8m-pose summary (fused): 102 layers, 26,401,822 parameters, 0 gradients, 80.8 GFLOPs", (1, 3, 3)),
    ],
)
def test_a_network_of_poses_is_known_with_any_keypoints(text: str, found: tuple[int, int, int]) -> None:
    (line,) = lines_in(text)
    best = matches(line)[0]
    assert best.exact
    assert best.network.keypoints
    assert (best.numbers.classes, *best.network.keypoints) == found
    assert f"kpt_shape [{found[1]}, {found[2]}]" in words_of(text)


def test_keypoints_change_the_head_alone_and_every_figure_by_what_they_cost_there() -> None:
    network = next(each for each in known_networks() if each.network == "yolov8n-pose")

    def head(values: int) -> int:
        width = max(64 // 4, values)
        return sum(
            9 * inputs * width + 9 * width * width + 4 * width + (width + 1) * values for inputs in (64, 128, 256)
        )

    for keypoints in ((5, 3), (4, 2), (21, 3), (133, 2)):
        found, more = network.with_keypoints(keypoints), head(keypoints[0] * keypoints[1]) - head(51)
        for classes in (1, 30, 80, 300):
            assert found.parameters(classes, False) == network.parameters(classes, False) + more
            fusion = found.fusion(classes)
            assert fusion
            assert found.parameters(classes, True) == found.parameters(classes, False) - fusion.channels


def test_two_lines_of_a_network_of_poses_with_own_keypoints_have_all_four_ledgers() -> None:
    texts = (
        "YOLOv8n-pose summary: 250 layers, 3,083,424 parameters, 3,083,408 gradients, 8.4 GFLOPs",
        "YOLOv8n-pose summary (fused): 187 layers, 3,078,128 parameters, 0 gradients, 8.3 GFLOPs",
    )
    report = explanation([line for text in texts for line in lines_in(text)])
    assert [(name, ledger.unexplained) for name, ledger in report.ledgers] == [
        ("layers", 0), ("parameters", 0), ("gradients", 0), ("flops", 0)
    ]  # fmt: skip
    assert [entry.amount for entry in dict(report.ledgers)["parameters"].entries] == [-2 * 5296, 5296]
    assert "Other releases" not in words_of(texts[0])  # that of 17 keypoints is no other build of it


def test_the_line_that_yolov9_printed_at_first_after_fuse_is_known() -> None:
    texts = (
        "gelan-c summary: 621 layers, 25440156 parameters, 25440140 gradients, 103.2 GFLOPs",
        "gelan-c summary: 467 layers, 25414044 parameters, 0 gradients, 102.5 GFLOPs",
    )
    before, after = (line for text in texts for line in lines_in(text))
    assert [match.network.note for match in matches(before)] == [""]
    (match,) = matches(after)
    assert (match.exact, match.numbers.classes, match.network.is_only_fused) == (True, 4, True)
    report = explanation([before, after])
    assert [(name, ledger.after - ledger.before, ledger.unexplained) for name, ledger in report.ledgers] == [
        ("layers", 467 - 621, 0), ("parameters", 25_414_044 - 25_440_156, 0), ("gradients", -25_440_140, 0)
    ]  # fmt: skip


def test_the_recorded_figures_of_yolov9_at_first_are_those_of_the_networks() -> None:
    target = "gelan-c@yolov9"
    found = json.loads(json.dumps(entry(detector(target), resolve(target).origin.form, fork=YOLOV9_AT_FIRST)))
    recorded = unshared(json.loads(shipped_files.path("known_lines.json").read_text(encoding="utf-8")))
    (same,) = (each for each in recorded if each["network"] == "gelan-c" and each.get("only_fused"))
    assert {key: same[key] for key in found} == found


FUSED_LINE = "YOLOv8n summary (fused): 168 layers, 3006038 parameters, 0 gradients, 8.1 GFLOPs"


@pytest.mark.parametrize(
    ("words", "options", "found"),
    [
        ("\u91cc\u7684fused\u662f\u4ec0\u4e48\u610f\u601d", (), "fuse() \u4e4b\u540e"),  # what does fused mean
        ("\u91cc\u7684fused\u662f\u4ec0\u4e48\u610f\u601d", ("--lang", "en"), "after fuse()"),
        ("what does fused mean?", (), "after fuse()"),
    ],
)
def test_what_is_asked_in_chinese_beside_a_line_is_answered_in_it(
    words: str, options: tuple[str, ...], found: str, probe: Probe
) -> None:
    answer = probe("explain", f"{FUSED_LINE} {words}", *options)
    assert found in " ".join(answer.stdout.split())


def test_figures_of_a_changed_network_are_not_taken_for_those_of_another_generation() -> None:
    question = "yolov5s was 7.0M 15.8, after I added a block it is 7.5M 17.5, why?"
    report = explanation_of_figures([*quoted_in(question)], asked=True)
    assert [each.text for each in report.by_chance] == ["7.5M 17.5"]
    assert report.between is None
    words = CliRunner().invoke(cli, ["explain", question]).output
    assert "+0.5 M parameters, +1.7 GFLOPs" in " ".join(words.split())


def test_a_diff_of_two_lines_of_a_network_that_cannot_be_built_here_is_the_recorded_one(probe: Probe) -> None:
    lines = (
        "YOLO26n summary: 260 layers, 2,506,140 parameters, 2,506,140 gradients, 5.8 GFLOPs",
        "YOLO26n summary (fused): 122 layers, 2,376,006 parameters, 0 gradients, 5.2 GFLOPs",
    )
    answer = probe("diff", *lines)
    assert answer.returncode == 0
    assert answer.stdout == probe("explain", *lines).stdout
    assert answer.stdout.count("unexplained") == 4


@pytest.mark.parametrize(
    ("text", "network", "classes", "side", "counter"),
    [
        ("flops=4097075200.0 params=3011043.0", "yolov8n", 1, 640, "thop-0.1"),
        ("Params: 20879400, FLOPs: 6030643200", "yolov5m", 3, 320, "thop-0.1"),
        ("('7.976G', '7.025M')", "yolov5s", 2, 640, "ultralytics-thop-2.2"),
        ("macs, params = (8311398400, 7235389)", "yolov5s", 80, 640, "ultralytics-thop-2.2"),
        ("7929856000", "yolov5s", 2, 640, "fvcore"),
        ("params: 3.01M flops: 4.10G", "yolov8n", 1, 640, "thop-0.1"),
        ("8.29 GMac, 7.24 M", "yolov5s", 80, 640, "ptflops"),
        ("FLOPs: 16.6227968G, Params: 7.235389M", "yolov5s", 80, 640, "ultralytics-thop-2.2"),
        ("Computational complexity: 7.96 GMac\nNumber of parameters: 7.03 M", "yolov5s", 2, 640, "ptflops"),
        ("Total params: 11,770,751\nTotal mult-adds (G): 7.88\nInput size (MB): 4.92", "yolov5s", 2, 640, "torchinfo"),
        ("FLOPs:17.16 GFLOPS   MACs:7.88 GMACs   Params:7.03 M", "yolov5s", 2, 640, "calflops"),
    ],
)
def test_what_a_counter_prints_is_told_by_network_size_and_counter(
    text: str, network: str, classes: int, side: int, counter: str, probe: Probe
) -> None:
    answer = probe("explain", text, "--format", "json")
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout)
    (print_,) = told["tools"]
    first = print_["networks"][0]
    assert (first["network"], first["imgsz"], first["fused"]) == (network, [side, side], False)
    assert classes in first["classes"]
    assert counter in first["counters"]
    assert (told["lines"], told.get("figures")) == ([], None)


def test_figures_that_no_known_counter_prints_are_not_told_as_its(probe: Probe) -> None:
    answer = probe("explain", "flops=4134849536.0 params=3011043.0")
    assert answer.returncode == 1
    words = " ".join(answer.stdout.split())
    assert "yolov8n with 1 class, before fuse(), has these parameters" in words
    assert "No counter that is known here prints 4,134,849,536 for it" in words


@pytest.mark.parametrize(
    "text",
    [
        "flops: 8.2G, params: 7.2M",
        "15.9 GMac",
        "7,235,389",
        "7235389 7225885",
        "16.5, 7.2",
        "nothing flops params",
        "FLOPs: 16.5",
    ],
)
def test_figures_of_few_digits_are_no_print_of_a_counter(text: str) -> None:
    assert [*tool_prints(text)] == []


def test_the_head_of_a_column_may_stand_behind_its_figure(probe: Probe) -> None:
    answer = probe("explain", "yolov5s: 7.2 params (M), 16.5 FLOPs @640 (B)")
    assert answer.returncode == 0
    assert "270 7,235,389 16.5" in " ".join(answer.stdout.split())


@pytest.mark.parametrize(
    "text",
    [
        "\u8bad\u7ec3\u540e {line} \u5c42\u6570\u548b\u5c11\u4e86",  # after training ... how come fewer layers
        "{line} \u6bd4\u522b\u4eba\u7684\u5c11\u597d\u591a",  # far fewer than those of others
    ],
)
def test_whoever_writes_chinese_beside_a_line_is_answered_in_it(text: str) -> None:
    asked = text.format(line=FUSED_LINE)
    for told in (run(asked)[1], run(text=asked)[1]):
        assert "fuse() \u4e4b\u540e" in told
        assert "This is" not in told
    assert "This is" in run(text=f"{asked}\n" + "epoch\n" * 30)[1]  # a log in a folder with such a name


def test_the_ledgers_of_a_log_are_between_neighbours_of_one_network() -> None:
    of_80, of_2 = (
        "YOLOv8n summary: 225 layers, 3157200 parameters, 3157184 gradients, 8.9 GFLOPs",
        "YOLOv8n summary: 225 layers, 3011238 parameters, 3011222 gradients, 8.2 GFLOPs",
    )
    report = explanation([*lines_in("\n".join((of_80, of_2, FUSED_LINE)))])
    assert (report.first, report.last) == (1, 2)
    assert [ledger.unexplained for _, ledger in report.ledgers] == [0] * 4
    assert "From line 2 to line 3" in run("\n".join((of_80, of_2, FUSED_LINE)))[1]
    changed = [
        f"mine summary{fused}: {layers} layers, {parameters} parameters, {gradients} gradients, 9.9 GFLOPs"
        for fused, layers, parameters, gradients in (
            ("", 367, 44_631_383, 44_631_367), ("", 366, 43_631_383, 43_631_367), (" (fused)", 269, 43_608_151, 0)
        )
    ]  # fmt: skip
    report = explanation([*lines_in("\n".join(changed))])
    assert (report.first, report.last) == (1, 2)
    parameters = dict(report.alone)["parameters"]
    assert (parameters.before, parameters.after) == (43_631_383, 43_608_151)


def test_a_classifier_of_head_is_known() -> None:
    line = "Model summary: 68 layers, 1,214,562 parameters, 1,214,562 gradients, 3.0 GFLOPs"
    assert "This is yolov5n-cls with 2 classes, as YOLOv5 HEAD prints it, before fuse()" in words_of(line)


def table_of(target: str, prefix: str = "", end: str = "\n") -> str:
    """The table that a host prints when it builds a network."""
    rows = [row for row in resolve(target).root.child("model").children.values() if row]
    lines = ["                 from  n    params  module                                  arguments"]
    lines += [
        f"{number:>3}{row.attributes['f']!s:>18}{1:>3}{row.attributes['np']:>10}  {row.attributes['type']:<40}[3, 32]"
        for number, row in enumerate(rows)
    ]
    return end.join(f"{prefix}{line}" for line in lines) + end


@pytest.mark.parametrize(("prefix", "end"), [("", "\n"), ("", "\r\n"), ("> ", "\n"), ("0: ", "\n")])
def test_a_table_without_its_line_is_that_of_a_network(prefix: str, end: str, tmp_path: Path) -> None:
    table = table_of("yolov5n@v7.0", prefix, end)
    (tmp_path / "train.log").write_text(table, newline="")
    for told in (run(table)[1], run(text=table)[1], run(str(tmp_path / "train.log"))[1]):
        words = " ".join(told.split())
        assert "1,872,157 parameters This is yolov5n with 80 classes, as YOLOv5 v6.0, v6.1 and v6.2 print it" in words
        assert "The 25 rows of the table add up to it." in words
        assert "loaded from" not in words
        assert "(yolo-probe guide " not in words


def test_a_part_of_a_table_and_a_table_beside_its_line_are_no_line_of_their_own() -> None:
    table = table_of("yolov5n@v7.0")
    assert [*lines_in("\n".join(table.splitlines()[:-1]))] == []
    assert [line.text for line in lines_in(f"{table}{LINE}")] == [line.text for line in lines_in(LINE)]


def test_what_is_asked_beside_a_table_is_looked_up_without_its_rows() -> None:
    told = run(f"{table_of('yolov5n@v7.0')}what is from, number, module, args in these rows?")[1]
    assert "What do from, number, module, args and the multiples in the YAML mean?" in told
    assert "freeze" not in told


@pytest.mark.parametrize(
    "pasted",
    [
        "YOLOv5s summary: 157 1ayers, 7012822 pararneters, 0 gradlents, 15.8 GFL0Ps",  # as a picture is read
        "YOLOv5s summary:157layers,7012822parameters,0gradients,15.8GFL0Ps",
        "YOLOv5s summary: 157 layers, 7012822 parameters, 0 gradients, 15\uff0e8 GFLOPs",
        "YOLOv5s summary: 157 layers, 7012822 para\nmeters, 0 gradients, 15.8 GFLOPs",  # from a narrow window
        "YOLOv5s summary: 157 layers, 7012\r\n822 parameters, 0 gradients, 15.8 GF\r\nLOPs",
        "YOLOv5s summary: 157 layers, 7012822 parameters, 0 gradients, 15.\n8 GFLOPs",
        "yolov5\n157 layers, 7012822 parameters, 0 gradients, 15.8 GFLOPs",
    ],
)
def test_words_that_a_picture_or_a_narrow_window_has_broken_are_mended(pasted: str) -> None:
    (line,) = lines_in(pasted)
    figures = (line.layers, line.parameters, line.gradients)
    assert [each and each.value for each in figures] == [157, 7_012_822, 0]
    assert line.gflops == "15.8"


PAPER = {
    "Markdown": "| Model | Params (M) | FLOPs (G) | mAP |\n|---|---|---|---|\n| YOLOv5s | 7.2 | 16.5 | 37.4 |\n"
    "| YOLOv5s+CBAM | 7.3 | 16.7 | 38.0 |\n| YOLOv8n | 3.2 | 8.7 | 37.3 |\n| Ours | 5.1 | 11.9 | 40.0 |",
    "tabs": "Method\tmAP50\tParams/M\tGFLOPs\tFPS\nYOLOv5s\t0.81\t7.2\t16.5\t98\nYOLOv5s-CBAM\t0.8\t7.3\t16.7\t90\n"
    "YOLOv8n\t0.80\t3.2\t8.7\t110\nOurs\t0.86\t5.1\t11.9\t105",
    "Chinese": "\u6a21\u578b  \u53c2\u6570\u91cf(M)  \u8ba1\u7b97\u91cf(G)\nYOLOv5s  7.2M  16.5G\nYOLOv8n  3.2M  8.7G",
    "whole numbers": "name params GFLOPs\nyolov5s 7,225,885 16.5\nyolov8n 3,151,904 8.7",
}
"""Tables of papers."""


@pytest.mark.parametrize("table", PAPER)
def test_each_row_of_a_table_is_held_against_the_network_that_it_names(table: str) -> None:
    found = [*quoted_in(PAPER[table])]
    assert [(each.name, each.billions) for each in found] == [("yolov5s", "16.5"), ("yolov8n", "8.7")]
    assert [round(float(each.millions), 1) for each in found] == [7.2, 3.2]
    code, told = run(PAPER[table])
    assert code == 0
    assert "(yolo-probe guide " not in told
    assert "does not print" not in told


def test_what_is_asked_below_a_table_is_looked_up_without_it() -> None:
    told = run(f"{PAPER['tabs']}\nhow do papers count GFLOPs, before or after fuse, which line do I report?")[1]
    assert told.startswith("Which of the two lines do I report")
    assert "YOLOv8n 3.2M 8.7" in told


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gbk"])
def test_a_log_of_windows_is_read_in_its_encoding(encoding: str, tmp_path: Path, probe: Probe) -> None:
    log = f"\u8bad\u7ec3\r\n{LINE}\r\n".encode(encoding)
    (tmp_path / "train.log").write_bytes(log)
    told = [probe("explain", str(tmp_path / "train.log"), "--lang", "en").stdout]
    told += [CliRunner().invoke(cli, ["explain", "--lang", "en"], input=log).output]
    assert all(each.startswith(LINE) for each in told), told


@pytest.mark.parametrize(
    ("text", "millions", "billions"),
    [
        ("FLOPs 15.9", "", "15.9"),
        ("my FLOPs is 15.9, why", "", "15.9"),
        ("GFLOPS 17.5 params 7.5M", "7.5", "17.5"),
        ("16.5 GFLOPs 7.2M", "7.2", "16.5"),
        ("layers 157, FLOPs: 16.4", "", "16.4"),
    ],
)
def test_gflops_behind_their_name_need_no_unit(text: str, millions: str, billions: str) -> None:
    (quoted,) = quoted_in(text)
    assert (quoted.millions, quoted.billions) == (millions, billions)


@pytest.mark.parametrize(
    "words",
    [
        "my yolov8n.pt has 3.2M parameters on the website and the summary shows 3151904",
        "is 3,151,904 right for yolov8n",
        "\u65e5\u5fd7\u91cc\u7684 3151904 \u662f\u4ec0\u4e48",
    ],
)
def test_a_number_of_parameters_among_words_needs_no_unit(words: str, probe: Probe) -> None:
    (line,) = json.loads(probe("explain", words, "--format", "json").stdout)["lines"]
    assert (line["exact"], line["matches"][0]["network"], line["matches"][0]["classes"]) == (True, "yolov8n", 80)


def test_another_number_among_words_is_none_of_parameters(probe: Probe) -> None:
    for words in ("my dataset has 123456 labels, why", "why yolov5s has 7235389 at first and 7225885 at last"):
        assert probe("explain", words, "--format", "json").returncode == 2


def test_a_long_log_is_read_without_its_progress_bars(tmp_path: Path, probe: Probe) -> None:
    bar = "\r    0/299  3.41G  0.043  0.031  211  640:  12%|#1  | 12/100 [00:01<00:08,  9.9it/s]"
    log = tmp_path / "train.log"
    log.write_text(f"{LINE}\n{bar * 3000}{bar}{SEPARATED}\n", newline="")
    told = probe("explain", str(log), "--lang", "en").stdout
    assert told == probe("explain", LINE, SEPARATED, "--lang", "en").stdout


@pytest.mark.parametrize("name", ["train.ipynb", "issue.md"])
def test_a_notebook_and_a_page_are_read_as_logs(name: str, tmp_path: Path, probe: Probe) -> None:
    cell = {"output_type": "stream", "text": ["Fusing layers...\n", f"{LINE}\n"]}
    pages = {"train.ipynb": json.dumps({"cells": [{"outputs": [cell]}]}, indent=1), "issue.md": f"```\n{LINE}\n```\n"}
    (tmp_path / name).write_text(pages[name])
    assert probe(str(tmp_path / name)).stdout.startswith(LINE)


def test_tags_of_a_page_are_no_part_of_a_line() -> None:
    tagged = re.sub(r"(\d+) layers", r"<b>\1</b> layers", LINE).replace(" GFLOPs", "&nbsp;GFLOPs")
    assert [line.text for line in lines_in(f"<p>{tagged}</p>")] == [LINE]


ASKED_OF_A_LOG = "\u4e3a\u4ec0\u4e48\u8bad\u7ec3\u548c\u9a8c\u8bc1\u7684\u5c42\u6570\u4e0d\u4e00\u6837"


def test_of_a_log_that_is_pasted_only_what_somebody_asks_is_looked_up() -> None:
    noise = "optimizer: SGD(lr=0.01) with parameter groups 57 weight(decay=0.0), but: D:\\\u8bad\u7ec3\n"
    log = f"{table_of('yolov5n@v7.0')}{LINE}\n{noise}Optimizer stripped from best.pt, 3.9MB\n"
    assert "(yolo-probe guide " not in run(log)[1]
    told = run(f"{log}{ASKED_OF_A_LOG}")[1]
    assert "\u7b2c\u4e8c\u884c\u6765\u81ea\u6d4b\u8bd5\u6216\u9a8c\u8bc1" in told
    assert told.count("(yolo-probe guide ") == 1

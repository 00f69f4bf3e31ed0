"""Unit: YOLOv5 before v5.0, which is not on PyPI: lines that its own code printed, and what its files say.

The figures were measured with the code of each tag of the repository (v1.0 to v3.1 build under no_grad), every network
that it ships, under torch 2.13, with thop 0.0.31.post2005241907 and 0.1.1.post2209072238.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.exhaustive import exhaustive_rows, exhaustively
from tests.networks import difference
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.errors import ModelYamlError, TargetError, TraceError
from yolo_probe.hosts.summary_line import FORMS, host_line
from yolo_probe.hosts.target import resolve
from yolo_probe.hosts.yolov5 import identify
from yolo_probe.model.forks.registry import fuse_as_host
from yolo_probe.model.freezing import with_gradients
from yolo_probe.model.fusion import fuse, fused_state, restore
from yolo_probe.model.structure import Module, count_gradients, named_modules, named_parameters
from yolo_probe.networks.before_v5_0 import BEFORE, generations_that_name
from yolo_probe.networks.constructors import Blocks
from yolo_probe.networks.generations import Generation
from yolo_probe.networks.model_yaml import build
from yolo_probe.networks.network import Network, NetworkRow
from yolo_probe.networks.shipped import find_network, network_names
from yolo_probe.render.host_tables import render_tables
from yolo_probe.render.text import render

_MEASURED = """
yolov5s@v1.0       191 7.46816e+06 13.2/13.2    140 7.45958e+06 13.1/13.1    7.45958e+06 7.45958e+06 6.61683e+06
yolov5m@v1.0       263 2.18051e+07 39.4/39.4    188 2.17879e+07 39.3/39.2    2.17879e+07 2.17879e+07 2.00672e+07
yolov5l@v1.0       335 4.78187e+07 88.1/88.2    236 4.77901e+07 88.0/87.8    4.77901e+07 4.77901e+07 4.48868e+07
yolov5x@v1.0       407 8.89652e+07 166.4/166.6  284 8.89222e+07 166.3/166.0  8.89222e+07 8.89222e+07 8.45317e+07
yolov5-fpn@v1.0    309 5.02628e+07 89.0/89.1    216 5.02341e+07 88.9/88.7    5.02341e+07 5.02341e+07 4.77048e+07
yolov5-panet@v1.0  335 4.78187e+07 88.1/88.2    236 4.77901e+07 88.0/87.8    4.77901e+07 4.77901e+07 4.48868e+07
yolov3-spp@v1.0    225 6.29987e+07 118.0/118.1  152 6.29719e+07 117.8/117.5  6.29719e+07 6.29719e+07 6.25142e+07
yolov5s@v2.0       191 7.46816e+06 17.5/17.6    140 7.45958e+06 17.5/17.4    7.45958e+06 7.45958e+06 6.61683e+06
yolov5m@v2.0       263 2.18051e+07 52.5/52.6    188 2.17879e+07 52.4/52.2    2.17879e+07 2.17879e+07 2.00672e+07
yolov5l@v2.0       335 4.78187e+07 117.5/117.6  236 4.77901e+07 117.3/117.0  4.77901e+07 4.77901e+07 4.48868e+07
yolov5x@v2.0       407 8.89652e+07 221.9/222.2  284 8.89222e+07 221.7/221.3  8.89222e+07 8.89222e+07 8.45317e+07
yolov5s@v3.0       191 7.46816e+06 17.5/17.6    140 7.45958e+06 17.5/17.4    7.45958e+06 7.45958e+06 6.61683e+06
yolov5m@v3.0       263 2.18051e+07 52.5/52.6    188 2.17879e+07 52.4/52.2    2.17879e+07 2.17879e+07 2.00672e+07
yolov5l@v3.0       335 4.78187e+07 117.5/117.6  236 4.77901e+07 117.3/117.0  4.77901e+07 4.77901e+07 4.48868e+07
yolov5x@v3.0       407 8.89652e+07 221.9/222.2  284 8.89222e+07 221.7/221.3  8.89222e+07 8.89222e+07 8.45317e+07
yolov5-fpn@v3.0    309 5.02628e+07 118.7/118.9  216 5.02341e+07 118.5/118.3  5.02341e+07 5.02341e+07 4.77048e+07
yolov5-panet@v3.0  335 4.78187e+07 117.5/117.6  236 4.77901e+07 117.3/117.0  4.77901e+07 4.77901e+07 4.48868e+07
yolov3-spp@v3.0    225 6.29987e+07 157.3/157.5  152 6.29719e+07 157.1/156.7  6.29719e+07 6.29719e+07 6.25142e+07
yolov5s@v3.1       191 7.46816e+06 17.5/17.6    140 7.45958e+06 17.5/17.4    842749 7.45958e+06 0
yolov5m@v3.1       263 2.18051e+07 52.4/52.6    188 2.17879e+07 52.3/52.2    1.7207e+06 2.17879e+07 0
yolov5l@v3.1       335 4.78187e+07 117.3/117.6  236 4.77901e+07 117.2/117.0  2.90329e+06 4.77901e+07 0
yolov5x@v3.1       407 8.89652e+07 221.7/222.2  284 8.89222e+07 221.5/221.3  4.39052e+06 8.89222e+07 0
yolov5-fpn@v3.1    309 5.02628e+07 118.5/118.9  216 5.02341e+07 118.4/118.3  2.52928e+06 5.02341e+07 0
yolov5-panet@v3.1  335 4.78187e+07 117.3/117.6  236 4.77901e+07 117.2/117.0  2.90329e+06 4.77901e+07 0
yolov3-spp@v3.1    225 6.29987e+07 157.1/157.5  152 6.29719e+07 156.9/156.7  457725 6.29719e+07 0
yolov5s@v4.0       283 7276605 17.1/17.2        224 7266973 17.0/17.0        229245 7266973 0
yolov5m@v4.0       391 21375645 51.4/51.6       308 21356877 51.3/51.2       343485 21356877 0
yolov5l@v4.0       499 47056765 115.6/115.9     392 47025981 115.4/115.3     457725 47025981 0
yolov5x@v4.0       607 87775965 219.0/219.5     476 87730285 218.8/218.6     571965 87730285 0
yolov5-fpn@v4.0    462 50262781 118.5/118.9     369 50234109 118.4/118.3     2529277 50234109 0
yolov5-panet@v4.0  499 47818749 117.3/117.6     400 47790077 117.2/117.0     2903293 47790077 0
yolov3-spp@v4.0    342 62998749 157.1/157.5     269 62971933 156.9/156.7     457725 62971933 0
yolov3@v4.0        333 61949149 156.3/156.6     261 61922845 156.1/155.9     457725 61922845 0
yolov3-tiny@v4.0   59 8852366 13.2/13.3         48 8849182 13.2/13.2         196350 8849182 0
yolov5-p2@v4.0     574 47953533 130.6/131.0     451 47920829 130.4/130.2     457725 47920829 0
yolov5-p6@v4.0     638 77263228 117.8/118.2     501 77218620 117.7/117.5     653820 77218620 0
yolov5-p7@v4.0     776 143955579 122.4/122.8    609 143889339 122.3/122.1    980475 143889339 0
"""
"""Layers, parameters and GFLOPS (thop 0.0.31/0.1.1) as built, and the same after fuse(); then gradients after fuse() of
a trainable network under no_grad, of one with autograd on, and of a finished file."""

MEASURED = [
    (target, " ".join(words[:3]), " ".join(words[3:6]), " ".join(words[6:]))
    for target, *words in (line.split() for line in _MEASURED.strip().splitlines())
]


@pytest.mark.parametrize("measured", exhaustively(MEASURED, few=3))
def test_each_network_prints_the_lines_of_its_own_host(measured: tuple[str, str, str, str]) -> None:
    target, built, fused, gradients = measured
    subject = resolve(target)
    as_v3_0 = subject.origin.fuses_as_v3_0
    no_grad, grad, finished = gradients.split()
    merged = (
        fuse_as_host(subject.root, grad_enabled=False, as_v3_0=as_v3_0).root,
        fuse_as_host(subject.root, grad_enabled=True, as_v3_0=as_v3_0).root,
        fuse_as_host(with_gradients(subject.root, False), grad_enabled=False, as_v3_0=as_v3_0).root,
    )
    states = [(subject.root, built, built.split()[1])]
    states += [(root, fused, count) for root, count in zip(merged, (no_grad, grad, finished), strict=True)]
    for root, figures, trained in states:
        layers, parameters, gflops = figures.split()
        for name, figure in zip(("thop-0.0.31", "thop-0.1"), gflops.split("/"), strict=True):
            line = host_line(root, subject.origin.form, CONVENTIONS[name], subject.stride, built=True)
            assert line.text == (
                f"Model Summary: {layers} layers, {parameters} parameters, {trained} gradients, {figure} GFLOPS"
            )


@pytest.mark.parametrize(("target", "built", "fused", "gradients"), exhaustive_rows(MEASURED[::3], few=4))
def test_every_change_is_explained(target: str, built: str, fused: str, gradients: str) -> None:
    report = difference(target)
    assert report.balanced
    assert (report.training.line.text or "").split()[2] == built.split()[0]
    assert (report.validation.line.text or "").split()[2] == fused.split()[0]
    assert (report.validation.line.text or "").split()[6] == gradients.split()[2]


def test_the_networks_of_each_tag_are_those_that_it_can_build() -> None:
    five = ("yolov5s", "yolov5m", "yolov5l", "yolov5x")
    hub = ("yolov3-spp", "yolov5-fpn", "yolov5-panet")
    assert network_names("v1.0") == network_names("v3.0") == network_names("v3.1") == (*five, *hub)
    assert network_names("v2.0") == five
    assert {target for target, *_ in MEASURED} == {f"{name}@{host}" for host in BEFORE for name in network_names(host)}


@pytest.mark.parametrize("name", ["yolov3-spp", "yolov5-fpn", "yolov5-panet"])
def test_three_yamls_of_v2_0_name_no_rows_to_detect_on(name: str) -> None:
    with pytest.raises(TargetError, match=r"of YOLOv5 v2.0 is broken: its Detect names no rows") as caught:
        resolve(f"{name}@v2.0")
    assert caught.value.remedy.startswith("Choose --host v1.0 or v3.0 or v3.1 or v4.0 or")


def test_a_network_of_later_is_refused() -> None:
    with pytest.raises(TargetError, match=r"^YOLOv5 v3.1 did not ship yolov5s6, which came with v5.0; it shipped "):
        resolve("yolov5s6@v3.1")
    with pytest.raises(TargetError, match=r"^YOLOv5 v3.0 did not ship yolov3-tiny, which came with v4.0"):
        resolve("yolov3-tiny", host="v3.0")


def test_the_help_lists_every_host() -> None:
    from click.testing import CliRunner

    from yolo_probe.cli.network_commands import info_command

    text = "".join(CliRunner().invoke(info_command, ["--help"]).output.split())
    assert "[v1.0|v2.0|v3.0|v3.1|v4.0|v5.0|v6.0|v6.1|v6.2|v7.0|head]" in text


# what a row can name, and how the parser reads it


def network(*rows: tuple[int | tuple[int, ...], str, tuple[object, ...]]) -> Network:
    """A network of these rows, each [from, 1, class, arguments], and a Detect on the last one."""
    made = [NetworkRow(sources, 1, kind, arguments) for sources, kind, arguments in rows]
    anchors = ((10.0, 13.0, 16.0, 30.0, 33.0, 23.0),)
    return Network("custom", 80, anchors, 1.0, 1.0, tuple(made), (), origin="custom.yaml")


CONV = (-1, "Conv", (16, 3, 2))


def message_of(host: Generation, *rows: tuple[int | tuple[int, ...], str, tuple[object, ...]]) -> tuple[str, str]:
    """What is said of a network that a host cannot build, and the remedy."""
    with pytest.raises(ModelYamlError) as caught:
        build(network(*rows), host)
    return str(caught.value), caught.value.remedy


def test_a_class_that_a_tag_does_not_import_is_refused_with_those_that_do() -> None:
    assert message_of("v3.0", CONV, (-1, "GhostConv", (16, 16))) == (
        "custom.yaml, row 1: YOLOv5 v3.0 has no GhostConv and fails with NameError; v1.0, v2.0, v5.0 and later have it",
        "Choose --host v5.0 or later.",
    )
    assert message_of("head", (-1, "ConvPlus", (16,))) == (
        "custom.yaml, row 0: YOLOv5 head has no ConvPlus and fails with NameError; v1.0 has it",
        "Choose --host v1.0.",
    )
    assert generations_that_name("C3") == ("v2.0", "v3.0", "v3.1", "v4.0")


def test_c3_holds_crosses_to_v3_1() -> None:
    rows = (CONV, (-1, "C3", (16,)))
    for host, path, inner in (
        ("v2.0", "models.experimental.C3", "CrossConv"), ("v3.1", "models.experimental.C3", "CrossConv"),
        ("v4.0", "models.common.C3", "Bottleneck"),
    ):  # fmt: skip
        block = build(network(*rows), host).child("model").child("1")  # type: ignore[arg-type]
        assert (block.class_path, block.child("m").child("0").kind) == (path, inner)


def test_nn_conv2d_is_scaled_in_a_row_to_v3_0() -> None:
    rows = (CONV, (-1, "nn.Conv2d", (8, 1)))
    assert build(network(*rows), "v3.0").child("model").child("1").attributes["in_channels"] == 16
    as_written = network(CONV, (-1, "nn.Conv2d", (16, 8, 1)))
    assert build(as_written, "v3.1").child("model").child("1").attributes["in_channels"] == 16


def test_a_row_counted_from_the_start_gets_the_width_of_the_row_before_it() -> None:
    rows = (CONV, (-1, "Conv", (32, 3, 2)), (-1, "Conv", (64, 3, 2)), (1, "Conv", (8, 1)))
    widths = {
        host: build(network(*rows), host).child("model").child("3").child("conv").attributes["in_channels"]
        for host in ("v3.1", "v4.0", "v5.0")
    }  # fmt: skip
    assert widths == {"v3.1": 16, "v4.0": 16, "v5.0": 32}


def test_concat_of_minus_2_gets_the_width_of_the_row_before_it_to_v3_1() -> None:
    rows = (CONV, (-1, "Conv", (32, 3, 2)), ((-1, -2), "Concat", (1,)), (-1, "Conv", (8, 1)))
    widths = {
        host: build(network(*rows), host).child("model").child("3").child("conv").attributes["in_channels"]
        for host in ("v3.1", "v4.0")
    }
    assert widths == {"v3.1": 32 + 32, "v4.0": 32 + 16}


def test_detect_of_v1_0_finds_the_rows_that_are_as_wide_as_its_outputs() -> None:
    root = build(find_network("yolov5s", "v1.0"), "v1.0")
    head = root.child("model").child("27")
    assert (head.attributes["f"], dict(head.children)) == ([-1, 22, 18], {})
    assert root.attributes["save"] == [4, 6, 10, 14, 17, 18, 21, 22]
    text, _ = message_of("v1.0", CONV, ((), "Detect", ("nc", "anchors")))
    assert text == ("custom.yaml, row 1 (Detect): from is an empty list, and no row has 255 channels, as Detect takes")
    text, _ = message_of("v3.0", CONV, ((), "Detect", ("nc", "anchors")))
    assert "from is an empty list, expected row numbers; only Detect of v1.0 finds its own" in text


def blocks(host: Generation) -> Blocks:
    """The constructors of a host."""
    from yolo_probe.networks.generations import host_of

    return BEFORE[host].constructors(host_of(host), None)


@pytest.mark.parametrize(
    ("host", "act", "eps"),
    [("v1.0", "nn.LeakyReLU", 1e-4), ("v2.0", "nn.LeakyReLU", 1e-3), ("v3.0", "nn.LeakyReLU", 1e-3),
     ("v3.1", "nn.Hardswish", 1e-3), ("v4.0", "nn.SiLU", 1e-3)],
)  # fmt: skip
def test_each_tag_has_its_own_activation(host: Generation, act: str, eps: float) -> None:
    conv = blocks(host).make("Conv", [8, 8])
    assert (conv.child("act").kind, conv.child("bn").attributes["eps"]) == (act, eps)
    assert blocks(host).make("Bottleneck", [8, 8]).child("cv1").child("act").kind == act


def test_the_blocks_of_v1_0_and_v2_0_have_their_own_arguments() -> None:
    assert blocks("v1.0").make("Conv", [8, 8, 3, 1, 8]).child("conv").attributes["groups"] == 8
    assert blocks("v2.0").make("Conv", [8, 8, 3, 1, 0]).child("conv").attributes["padding"] == (0, 0)
    plus = blocks("v1.0").make("ConvPlus", [8, 8])
    assert [plus.child(name).attributes["kernel_size"] for name in plus.children] == [(3, 1), (1, 3)]
    ghost = blocks("v2.0").make("GhostConv", [8, 8])
    assert [ghost.child(name).child("conv").attributes["padding"] for name in ghost.children] == [(1, 1), (4, 4)]
    assert "bias" not in blocks("v2.0").make("Classify", [8, 2]).child("conv").parameters


# fuse() of v1.0 to v3.0


def test_fuse_of_v3_0_keeps_the_name_of_the_batchnorm_and_makes_trainable_weights() -> None:
    root = with_gradients(build(find_network("yolov5s", "v3.0"), "v3.0"), False)
    fused = fuse(root, grad_enabled=False, as_v3_0=True).root
    conv = dict(named_modules(fused))["model.1"]
    assert (list(conv.children), conv.children["bn"]) == (["conv", "bn", "act"], None)
    trained = [name for name, tensor in named_parameters(fused) if tensor.requires_grad]
    assert len(trained) == 2 * 51
    assert count_gradients(fused) == 6_616_832
    assert fused_state(fused) == "fused"
    assert fused_state(restore(fused)) == "unfused"


def test_fuse_of_v3_0_fails_a_second_time() -> None:
    fused = fuse(build(find_network("yolov5s", "v3.0"), "v3.0"), grad_enabled=False, as_v3_0=True).root
    with pytest.raises(TraceError, match=r"found bn = None"):
        fuse(fused, grad_enabled=False, as_v3_0=True)


def test_fuse_of_v3_0_fails_at_a_depthwise_convolution() -> None:
    root = build(network(CONV, (-1, "DWConv", (16, 3, 1))), "v3.0")
    with pytest.raises(TraceError, match=r"^model\.1: found a convolution of 16 groups, expected one group"):
        fuse(root, grad_enabled=False, as_v3_0=True)
    assert len(fuse(root, grad_enabled=False).merges) == 2


def test_the_report_says_what_a_layer_is_and_why_gradients_rise() -> None:
    text = " ".join(render(difference("yolov5s@v3.0")).split())
    assert "BatchNorm2d merged into the convolution before it: 153 tensors become 102 -51" in text
    assert "A layer here is a parameter tensor, a weight or a bias." in text
    assert "this fuse() leaves every convolution that it makes anew trainable, also in a finished file" in text


def test_the_table_of_rows_of_v1_0_is_three_columns_narrower() -> None:
    hosts: tuple[Generation, ...] = ("v1.0", "v2.0")
    roots = [build(find_network("yolov5s", host), host) for host in hosts]
    tables = [render_tables(root, FORMS[host], (), lambda _: ("", "")) for root, host in zip(roots, hosts, strict=True)]
    assert [table.splitlines()[1].index("from") for table in tables] == [14, 17]


# which host wrote a file


def built(name: str, host: Generation) -> Module:
    """A network as its host trains it."""
    return build(find_network(name, host), host)


def finished(root: Module) -> Module:
    """The same network of which nothing trains."""
    return with_gradients(root, False)


TEXT = {"epoch": 3, "training_results": "..."}
STRIPPED = {"epoch": -1, "training_results": None}


@pytest.mark.parametrize(
    ("contents", "root", "host", "alternative"),
    [
        (TEXT, finished(built("yolov5s", "v1.0")), "v1.0", ""),
        (TEXT, finished(built("yolov5s", "v2.0")), "v2.0", "v3.0: its unfinished files"),
        (STRIPPED, finished(built("yolov5s", "v3.0")), "v3.0", ""),
        (STRIPPED, built("yolov5s", "v3.0"), "v3.0", "v2.0: create_pretrained()"),
        (STRIPPED, finished(built("yolov5s", "v3.1")), "v3.1", "a master of August or September 2020"),
        (STRIPPED | {"wandb_id": None}, finished(built("yolov5s", "v3.1")), "v3.1", "a master from 14 November 2020"),
        (STRIPPED | {"wandb_id": None}, finished(built("yolov5s", "v4.0")), "v4.0", ""),
        (STRIPPED | {"updates": None}, finished(built("yolov5s", "v5.0")), "v5.0", ""),
        ({}, finished(built("yolov5s", "v5.0")), "v5.0", "v4.0: nothing in the file excludes it"),
    ],
)
def test_a_file_tells_its_host(contents: dict[str, object], root: Module, host: Generation, alternative: str) -> None:
    origin = identify(contents, root)
    assert (origin.generation, origin.fork) == (host, "")
    assert "".join(origin.alternatives)[: len(alternative)] == alternative
    assert bool(origin.alternatives) is bool(alternative)


def leaky(root: Module) -> Module:
    """The same network with a LeakyReLU in place of every SiLU, as YOLOv3 had them."""
    if root.kind == "nn.SiLU":
        return Module("torch.nn.modules.activation.LeakyReLU", {"negative_slope": 0.1, "inplace": True})
    return replace(root, children={name: child and leaky(child) for name, child in root.children.items()})


GIT = {"git": {"remote": "https://github.com/ultralytics/yolov3"}, "opt": {}}


@pytest.mark.parametrize(
    ("contents", "root", "line"),
    [
        (STRIPPED | {"wandb_id": None}, leaky(built("yolov3-tiny", "v4.0")), "v4.0"),
        (STRIPPED | {"updates": None}, leaky(built("yolov3", "v5.0")), "v5.0"),
        ({"date": "2022-03-01T00:00:00", "updates": None}, built("yolov3-spp", "v6.0"), "v6.1"),
        ({"date": "2023-03-01T00:00:00", **GIT}, built("yolov3-tiny", "v7.0"), "v7.0"),
        ({"date": "2026-11-01T00:00:00", **GIT}, built("yolov3-tiny", "head"), "head"),
    ],
)
def test_a_file_of_yolov3_is_told_as_such(contents: dict[str, object], root: Module, line: Generation) -> None:
    origin = identify(contents, root)
    assert (origin.name, origin.generation) == ("YOLOv3", line)
    assert origin.fuses_frozen is (line == "head")
    assert origin.evidence


def test_a_network_of_yolov5_with_another_activation_is_not_taken_for_yolov3() -> None:
    origin = identify(STRIPPED | {"updates": None}, leaky(built("yolov5s", "v5.0")))
    assert (origin.fork, origin.generation) == ("", "v5.0")


def test_an_unknown_model_is_of_no_known_host() -> None:
    assert identify({}, Module("models.yolo.Other")).of_no_host

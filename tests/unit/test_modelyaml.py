"""Model YAMLs and the table of networks: what is read, what is built, and what is said of a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from yolo_probe.errors import ModelYamlError, TargetError
from yolo_probe.expressions import ConstructorCall, ExpressionError, evaluate
from yolo_probe.model.structure import (
    LayerCounts,
    Module,
    Tensor,
    count_gradients,
    count_layers,
    count_parameters,
    named_modules,
    named_parameters,
)
from yolo_probe.networks.generations import GENERATIONS, Generation
from yolo_probe.networks.model_yaml import Network, NetworkRow, build, read_model_yaml
from yolo_probe.networks.shipped import find_network, network_names

Write = Callable[..., Path]

SMALL = """\
nc: 2
depth_multiple: 0.33
width_multiple: 0.5
anchors: 3
backbone:
  [[-1, 1, Conv, [32, 6, 2, 2]],  # a comment
   [-1, 6, C3, [64]]]
head:
  [[-1, 1, nn.Upsample, [None, 2, 'nearest']],
   [[-1, 1], 1, Concat, [1]],
   [[1, 3], 1, Detect, [nc, anchors]]]
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a model YAML, by default ``SMALL`` with texts replaced, and returns its path."""

    def write_file(*replacements: tuple[str, str], content: str = SMALL, name: str = "small.yaml") -> Path:
        for old, new in replacements:
            assert old in content
            content = content.replace(old, new)
        path = tmp_path / name
        path.write_bytes(content.encode("utf-8"))
        return path

    return write_file


def counts(name: str, generation: Generation) -> tuple[int, int, int, int]:
    root = build(find_network(name, generation), generation)
    layers = count_layers(root)
    assert count_gradients(root) == count_parameters(root)
    return layers.modules, layers.leaf_modules, layers.parameter_tensors, count_parameters(root)


def child(root: Module, path: str) -> Module:
    return dict(named_modules(root))[path]


# The networks that YOLOv5 ships


@pytest.mark.parametrize(
    ("name", "generation", "expected"),
    [
        ("yolov5s", "v5.0", (283, 189, 183, 7_276_605)),
        ("yolov5n", "v6.0", (270, 181, 177, 1_872_157)),
        ("yolov5s", "v6.0", (270, 181, 177, 7_235_389)),
        ("yolov5s", "v6.1", (270, 181, 177, 7_235_389)),
        ("yolov5s", "v6.2", (270, 181, 177, 7_235_389)),
        ("yolov5s", "v7.0", (214, 125, 177, 7_235_389)),
        ("yolov5s", "head", (214, 125, 177, 7_235_389)),
    ],
)
def test_yolov5_has_the_counts_of_its_generation(
    name: str, generation: Generation, expected: tuple[int, int, int, int]
) -> None:
    assert counts(name, generation) == expected


@pytest.mark.parametrize(
    ("name", "generation", "layers", "parameters"),
    [
        ("yolov5m", "v6.1", 369, 21_190_557),
        ("yolov5l", "v6.2", 468, 46_563_709),
        ("yolov5x", "v6.0", 567, 86_749_405),
        ("yolov5n", "v7.0", 214, 1_872_157),
        ("yolov5m", "v7.0", 291, 21_190_557),
        ("yolov5x", "v7.0", 445, 86_749_405),
        ("yolov5l6", "v7.0", 477, 76_770_172),
        ("yolov5x6", "head", 575, 140_794_780),
        ("yolov5n-seg", "v7.0", 225, 1_991_549),
        ("yolov5s-seg", "v7.0", 225, 7_621_277),
        ("yolov5s-LeakyReLU", "v7.0", 214, 7_235_389),
    ],
)
def test_networks_have_the_counts_that_their_users_quote(
    name: str, generation: Generation, layers: int, parameters: int
) -> None:
    modules, _, _, found = counts(name, generation)
    assert (modules, found) == (layers, parameters)


@pytest.mark.parametrize(
    ("name", "generation", "classes", "parameters"),
    [
        ("yolov5s", "v6.1", 1, 7_022_326),
        ("yolov5s", "v7.0", 2, 7_025_023),
        ("yolov5s", "v7.0", 11, 7_049_296),
        ("yolov5n", "v7.0", 2, 1_872_157 - 78 * 1_353),
    ],
)
def test_each_class_costs_its_outputs_at_every_anchor(
    name: str, generation: Generation, classes: int, parameters: int
) -> None:
    network = find_network(name, generation).with_classes(classes)
    assert count_parameters(build(network, generation)) == parameters


@pytest.mark.exhaustive
def test_every_network_of_every_generation_builds() -> None:
    shipped: dict[Generation, tuple[str, ...]] = {generation: network_names(generation) for generation in GENERATIONS}
    assert [len(shipped[generation]) for generation in GENERATIONS] == [7, 4, 7, 7, 12, 17, 20, 22, 22, 28, 28]
    layouts: tuple[Generation, ...] = ("v1.0", "v2.0", "v3.0", "v3.1", "v4.0", "v5.0", "v6.0", "v6.1", "v7.0")
    for generation in layouts:
        for name in shipped[generation]:
            assert build(find_network(name, generation), generation).children["model"] is not None


def test_an_unknown_name_gets_the_nearest_known_ones() -> None:
    with pytest.raises(
        TargetError, match=r"^'yolov5z' is neither a file nor a detection or segmentation network that YOLOv5 ships$"
    ) as caught:
        find_network("yolov5z", "head")
    assert caught.value.remedy.startswith("Did you mean yolov5")


def test_a_name_like_nothing_known_gets_all_of_them() -> None:
    with pytest.raises(TargetError) as caught:
        find_network("resnet", "head")
    assert caught.value.remedy.startswith("Known networks: yolov5n, yolov5s,")


def test_the_nearest_name_is_found_whatever_its_case() -> None:
    with pytest.raises(TargetError) as caught:
        find_network("YOLOV5S-LEAKYRELU", "head")
    assert "yolov5s-LeakyReLU" in caught.value.remedy


def test_a_name_that_its_generation_did_not_ship_gets_those_that_it_did() -> None:
    with pytest.raises(
        TargetError, match=r"^YOLOv5 v5.0 did not ship yolov5n, which came with v6.0; it shipped yolov5s, .*, yolov3,"
    ) as caught:
        find_network("yolov5n", "v5.0")
    assert caught.value.remedy == "Choose one of them, or --host v6.0 or later."


def test_the_bifpn_of_v6_0_is_broken_in_its_host_too() -> None:
    with pytest.raises(TargetError, match=r"^yolov5-bifpn of YOLOv5 v6.0 is broken: a comma is missing"):
        find_network("yolov5-bifpn", "v6.0")
    assert "yolov5-bifpn" not in network_names("v6.0")


def test_a_table_row_is_what_the_file_of_the_host_would_give() -> None:
    network = find_network("yolov5s", "v7.0")
    assert network.backbone[0] == NetworkRow(-1, 1, "Conv", (64, 6, 2, 2))
    assert network.head[1] == NetworkRow(-1, 1, "nn.Upsample", ("None", 2, "nearest"))
    assert network.head[2] == NetworkRow((-1, 6), 1, "Concat", (1,))
    assert network.head[3] == NetworkRow(-1, 3, "C3", (512, False))
    assert find_network("yolov3", "v6.0").head[1].arguments == (512, [1, 1])


# The model that a host builds


def test_the_root_is_what_the_host_calls_it() -> None:
    def root(name: str, generation: Generation) -> str:
        return build(find_network(name, generation), generation).class_path

    assert root("yolov5s", "v6.1") == "models.yolo.Model"
    assert root("yolov5s", "v6.2") == "models.yolo.DetectionModel"
    assert root("yolov5s-seg", "v7.0") == "models.yolo.SegmentationModel"


def test_the_root_carries_what_the_host_writes_on_it() -> None:
    root = build(find_network("yolov5n", "v7.0").with_classes(2), "v7.0")
    assert set(root.attributes) == {"yaml_file", "yaml", "save", "names", "inplace", "stride"}
    assert root.attributes["yaml_file"] == "yolov5n.yaml"
    assert root.attributes["save"] == [4, 6, 10, 14, 17, 20, 23]
    assert root.attributes["names"] == ["0", "1"]
    document = root.attributes["yaml"]
    assert isinstance(document, dict)
    assert (document["nc"], document["ch"], document["width_multiple"]) == (2, 3, 0.25)
    assert root.attributes["stride"] is child(root, "model.24").attributes["stride"]


def test_each_row_carries_its_index_source_class_and_parameters() -> None:
    root = build(find_network("yolov5s", "v7.0"), "v7.0")
    row = child(root, "model.0").attributes
    assert (row["i"], row["f"], row["type"], row["np"]) == (0, -1, "models.common.Conv", 32 * 3 * 6 * 6 + 2 * 32)
    assert child(root, "model.12").attributes["f"] == [-1, 6]
    assert child(root, "model.11").attributes["type"] == "torch.nn.modules.upsampling.Upsample"


def test_repeats_that_are_no_argument_become_a_sequence() -> None:
    root = build(find_network("yolov3", "v7.0"), "v7.0")
    row = child(root, "model.6")
    assert (row.kind, row.attributes["type"], len(row.children)) == ("nn.Sequential", "models.common.Bottleneck", 8)
    assert row.attributes["np"] == 8 * (256 * 128 + 2 * 128 + 128 * 256 * 9 + 2 * 256)


def test_to_v6_2_each_conv_has_its_activation_and_from_v7_0_all_share_one() -> None:
    def activations(generation: Generation) -> int:
        root = build(find_network("yolov5s", generation), generation)
        return sum(module.kind == "nn.SiLU" for _, module in named_modules(root))

    assert [activations(generation) for generation in GENERATIONS[4:]] == [59, 59, 57, 57, 57, 1, 1]


def test_a_release_on_pypi_builds_as_the_generation_that_its_code_follows() -> None:
    network = find_network("yolov5s", "v6.0")

    def layers(release: str) -> LayerCounts:
        return count_layers(build(network, "v6.2", release))

    assert (layers("6.1.9").modules, layers("6.2.3").modules) == (270, 214)
    assert build(network, "v6.2", "6.1.9").class_path == "models.yolo.Model"


def test_anchor_grid_is_a_buffer_to_v5_0_alone() -> None:
    old = child(build(find_network("yolov5s", "v5.0"), "v5.0"), "model.24").buffers
    new = child(build(find_network("yolov5s", "v6.0"), "v6.0"), "model.24").buffers
    assert {name: tensor.shape for name, tensor in old.items()} == {
        "anchors": (3, 3, 2),
        "anchor_grid": (3, 1, 3, 1, 1, 2),
    }
    assert list(new) == ["anchors"]


def test_all_parameters_are_trainable_float32() -> None:
    root = build(find_network("yolov5s-transformer", "v7.0"), "v7.0")
    assert {(tensor.dtype, tensor.requires_grad) for _, tensor in named_parameters(root)} == {("float32", True)}


# Reading a file


def test_a_file_is_read_with_the_lines_of_its_rows(write: Write) -> None:
    network = read_model_yaml(write())
    assert (network.name, network.yaml_file, network.classes, network.channels) == ("small", "small.yaml", 2, 3)
    assert (network.anchors, network.depth_multiple, network.width_multiple) == (3, 0.33, 0.5)
    assert network.backbone == (NetworkRow(-1, 1, "Conv", (32, 6, 2, 2), 6), NetworkRow(-1, 6, "C3", (64,), 7))
    assert [row.line for row in network.rows] == [6, 7, 9, 10, 11]


def test_depth_rounds_repeats_and_width_rounds_channels_up(write: Write) -> None:
    root = build(read_model_yaml(write(("[64]", "[52]"))), "v7.0")
    assert child(root, "model.0.conv").attributes["out_channels"] == 16
    assert child(root, "model.1.cv3.conv").attributes["out_channels"] == 32  # 52 x 0.5 = 26, to a multiple of 8
    assert len(child(root, "model.1.m").children) == 2  # 6 x 0.33 = 1.98


def test_a_width_equal_to_the_outputs_is_not_scaled(write: Write) -> None:
    root = build(read_model_yaml(write(("[64]", "[21]"))), "v7.0")
    assert child(root, "model.1.cv3.conv").attributes["out_channels"] == 3 * (2 + 5)


def test_only_head_reads_the_channel_multiple(write: Write) -> None:
    network = read_model_yaml(write(("anchors: 3", "anchors: 3\nchannel_multiple: 20")))

    def width(generation: Generation) -> object:
        return child(build(network, generation), "model.0.conv").attributes["out_channels"]

    assert (width("v7.0"), width("head")) == (16, 20)


def test_the_image_may_have_other_channels(write: Write) -> None:
    root = build(read_model_yaml(write(("anchors: 3", "anchors: 3\nch: 1"))), "v7.0")
    assert child(root, "model.0.conv").attributes["in_channels"] == 1


def test_anchors_may_be_a_list(write: Write) -> None:
    network = read_model_yaml(write(("anchors: 3", "anchors: [[1, 2, 3, 4], [5, 6, 7, 8]]")))
    detect = child(build(network, "v7.0"), "model.4")
    assert detect.attributes["na"] == 2
    assert detect.buffers["anchors"].shape == (2, 2, 2)
    assert child(detect, "m.0").attributes["out_channels"] == 2 * (2 + 5)


def test_an_activation_replaces_silu_from_v7_0_on(write: Write) -> None:
    network = read_model_yaml(write(("anchors: 3", "anchors: 3\nactivation: nn.LeakyReLU(0.1)")))

    def activation(generation: Generation) -> Module:
        return child(build(network, generation), "model.0.act")

    assert [activation(generation).kind for generation in ("v6.2", "v7.0")] == ["nn.SiLU", "nn.LeakyReLU"]
    assert activation("v7.0").attributes == {"negative_slope": 0.1, "inplace": True}


def test_what_is_not_ascii_is_dropped_as_the_hosts_do(write: Write) -> None:
    assert read_model_yaml(write(("# a comment", "# ein Kommentar über 🚀"))).classes == 2


def test_the_document_is_what_the_host_keeps(write: Write) -> None:
    document = read_model_yaml(write()).with_classes(7).document()
    assert document["nc"] == 7
    assert document["head"] == [
        [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
        [[-1, 1], 1, "Concat", [1]],
        [[1, 3], 1, "Detect", ["nc", "anchors"]],
    ]


def test_classes_must_be_a_number_that_a_network_can_have() -> None:
    with pytest.raises(ModelYamlError, match=r"^yolov5s: 0 classes, expected 1 to 100,000$"):
        find_network("yolov5s", "head").with_classes(0)


# The grammar of texts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("None", None),
        ("True", True),
        ("nc", 80),
        ("anchors", [[1, 2]]),
        ("12", 12),
        ("-0.5", -0.5),
        ("64 // 2 + 1", 33),
        ("(nc + 5) * 3", 255),
        ("2 ** 5 - 7 % 4", 29),
        ("3 / 2", 1.5),
        ("(1, 2)", (1, 2)),
        ("[1, [2, nc]]", [1, [2, 80]]),
        ("'same'", "same"),
        ("nearest", "nearest"),
        ("a.b", "a.b"),
        ("[nearest, 1]", "[nearest, 1]"),
        ("nn.SiLU()", ConstructorCall("nn.SiLU", (), {})),
        ("nn.LeakyReLU(0.1, inplace=True)", ConstructorCall("nn.LeakyReLU", (0.1,), {"inplace": True})),
        ("torch.nn.Softmax(dim=-1)", ConstructorCall("nn.Softmax", (), {"dim": -1})),
    ],
)
def test_a_text_has_the_value_that_the_hosts_give_it(text: str, value: object) -> None:
    assert evaluate(text, {"nc": 80, "anchors": [[1, 2]]}) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "open('x')",
        "().__class__()",
        "(lambda: 1)()",
        "[x for x in (1, 2)]",
        "nc if 1 else 2",
        "1 < 2",
        "f'{nc}'",
        "[1] * 9",
        "'a' * 9",
        "9 ** 9 ** 9",
        "1 << 99",
        "10 ** 60",
        "1 / 0",
        "-nearest()",
        "nn.SiLU",
        "nn.ReLU(**{})",
        "1j",
        "b'x'",
        "...",
        "a b",
        "",
        "(" * 150,
        "1 + " * 2000 + "1",
    ],
)
def test_a_text_that_would_execute_or_grow_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, {"nc": 80})


# Messages


def message_of(path: Path, generation: Generation = "v7.0") -> str:
    with pytest.raises(ModelYamlError) as caught:
        build(read_model_yaml(path), generation)
    assert caught.value.remedy.endswith((".", "?", ")."))
    return str(caught.value).removeprefix(str(path))


DETECT = "[[1, 3], 1, Detect, [nc, anchors]]]"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "head:\n  [[",
            "head: {a: 1}\nrest:\n  [[",
            ": head is {'a': 1}, expected a list of rows [from, number, module, args]",
        ),
        ("[64]]]", "[64]]", ", line 8: broken YAML, did not find expected ',' or ']'"),
        ("nc: 2", "nc: two", ": nc is 'two', expected a whole number from 1 to 100,000"),
        ("nc: 2", "nc: 0", ": nc is 0, expected a whole number from 1 to 100,000"),
        ("0.33", "deep", ": depth_multiple is 'deep', expected a number above 0, at most 1000"),
        (
            "anchors: 3",
            "anchors: [[1, 2], [3]]",
            ": anchors is [[1, 2], [3]], expected a number for each output, at most 1000, or a list of widths and "
            "heights for each output",
        ),
        ("anchors: 3", "anchors: 3\nch: RGB", ": ch is 'RGB', expected a whole number from 1 to 1,000"),
        ("anchors: 3", "anchors: 3\nactivation: [1]", ": activation is [1], expected a text such as nn.LeakyReLU(0.1)"),
        (
            "anchors: 3",
            "anchors: 3\nactivation: nn.SiLU",
            ": activation: nn.SiLU names a class; a module needs its parentheses: nn.SiLU()",
        ),
        (
            "anchors: 3",
            "anchors: 3\nactivation: silu",
            ": activation: 'silu' is no module, expected nn.SiLU(), nn.LeakyReLU(0.1) or another",
        ),
        (
            "anchors: 3",
            "anchors: 3\nactivation: nn.Swish()",
            ": activation: nn.Swish() is no module that can be made here",
        ),
        (
            "[-1, 6, C3, [64]]",
            "[-1, 6, C3]",
            ", line 7, row 1: 3 items, expected the four of [from, number, module, args]",
        ),
        (
            "[-1, 6, C3, [64]]",
            "[x, 6, C3, [64]]",
            ", line 7, row 1: from is 'x', expected a row number or a list of them",
        ),
        ("[-1, 6, C3, [64]]", "[-1, x, C3, [64]]", ", line 7, row 1: number is 'x', expected a whole number"),
        ("[-1, 6, C3, [64]]", "[-1, 6, 3, [64]]", ", line 7, row 1: module is 3, expected the name of a class"),
        ("[-1, 6, C3, [64]]", "[-1, 6, C3, 64]", ", line 7, row 1: args is 64, expected a list"),
        (
            "[-1, 6, C3, [64]]",
            "[5, 6, C3, [64]]",
            ", line 7, row 1 (C3): from is 5, but only the rows 0 to 0 stand before it",
        ),
        (
            "[-1, 1, Conv",
            "[0, 1, Conv",
            ", line 6, row 0 (Conv): from is 0, but the first row can only take the image: -1",
        ),
        ("[-1, 6, C3, [64]]", "[[-1, 0], 6, C3, [64]]", ", line 7, row 1 (C3): from is a list, but C3 takes one row"),
        (
            "[[-1, 1], 1, Concat",
            "[-1, 1, Concat",
            ", line 10, row 3 (Concat): from is one row, but Concat takes a list of rows",
        ),
        (
            "C3, [64]",
            "C9, [64]",
            ", line 7, row 1: C9 is no class of YOLOv5 or torch.nn that yolo-probe knows (a custom module)",
        ),
        ("C3, [64]", "C3, []", ", line 7, row 1 (C3): 0 arguments, expected the output width at place 1"),
        ("C3, [64]", "C3, [wide]", ", line 7, row 1 (C3): the output width is 'wide', expected a whole number from 1"),
        ("[32, 6, 2, 2]", "[32, k]", ", line 6, row 0 (Conv): k is 'k', expected a whole number or two of them"),
        (
            "[32, 6, 2, 2]",
            "[32, 3, 1, None, 2]",
            ", line 6, row 0 (Conv): 3 input channels, which 2 groups do not divide",
        ),
        (
            "[32, 6, 2, 2]",
            "[32, 3, 1, None, 1, 1, True, 9]",
            ", line 6, row 0 (Conv): 9 arguments, expected at most 8 (c1, c2, k, s, p, g, d, act)",
        ),
        (
            "[32, 6, 2, 2]",
            "[32, 3, 1, None, 1, 1, 'exit()']",
            ", line 6, row 0 (Conv): exit() calls something; only modules of torch.nn, such as nn.ReLU(), can stand",
        ),
        (
            DETECT,
            "[[1, 3], 1, Detect, [nc]]]",
            ", line 11, row 4 (Detect): 1 arguments, expected 2 (nc, anchors)",
        ),
        (
            DETECT,
            "[[1, 3], 1, Segment, [nc, anchors]]]",
            ", line 11, row 4 (Segment): 2 arguments, expected 4 (nc, anchors, masks, prototypes)",
        ),
        (
            DETECT,
            "[[1, 3], 1, Detect, [nc, [[1, 2]]]]]",
            ", line 11, row 4 (Detect): 2 rows to detect on, but anchors for 1",
        ),
        (
            "[-1, 6, C3, [64]]",
            "[-1, 1000, nn.Conv2d, [16]]",
            ", line 7, row 1 (nn.Conv2d): 1 arguments, expected at least 3",
        ),
    ],
)
def test_a_wrong_file_is_told_where_and_why(write: Write, old: str, new: str, message: str) -> None:
    found = message_of(write((old, new)))
    assert found[: len(message)] == message


def test_too_many_blocks_are_refused_before_they_are_made(write: Write) -> None:
    path = write(("depth_multiple: 0.33", "depth_multiple: 20"), ("[-1, 6, C3", "[-1, 999, C3"))
    assert message_of(path) == ", line 7, row 1 (C3): more than 10000 repeated blocks in one network"


def test_a_class_of_a_later_generation_is_named_with_its_generations(write: Write) -> None:
    path = write(("C3, [64]", "SPPF, [64]"))
    assert message_of(path, "v5.0") == (
        ", line 7, row 1: YOLOv5 v5.0 has no SPPF and fails with NameError; v6.0 and later have it"
    )
    assert build(read_model_yaml(path), "v6.0").children["model"] is not None


def test_a_yaml_of_anchors_is_no_network(write: Write) -> None:
    path = write(content="anchors_p5_640:\n  - [10, 13]\n")
    assert message_of(path) == (
        " is no network: it has no nc, anchors, depth_multiple, width_multiple, backbone, head; "
        "found the keys anchors_p5_640"
    )


@pytest.mark.parametrize(
    ("content", "remedy"),
    [
        (
            "nc: 80\nscales: {n: [0.3, 0.2, 1024]}\n",
            "This is a model YAML of ultralytics; yolo-probe reads those of YOLOv5.",
        ),
        ("train: a\nnc: 1\nnames: [a]\n", "This is a data set; pass the model YAML that is trained on it."),
    ],
)
def test_other_yamls_of_yolo_users_are_recognized(write: Write, content: str, remedy: str) -> None:
    with pytest.raises(ModelYamlError, match="is no network") as caught:
        read_model_yaml(write(content=content))
    assert caught.value.remedy == remedy


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", " is no network: it holds nothing, expected the keys"),
        ("- 1", " is no network: it holds a list, expected the keys"),
        ("[" * 900, ", line 1: nested deeper than 32 levels, expected 4"),
        ("- " * 900, ", line 1: nested deeper than 32 levels, expected 4"),
        ("[" * 100_000, ", line 1: "),  # PyYAML 6.0.4 refuses this itself
        ("a: &a [*a, *a]", ": more than 100,000 values, expected some hundred"),
        ("a: 1\n" * 250_000, " is larger than 1,000,000 bytes"),
        ("a: !!python/object/apply:os.system [id]", ", line 1: broken YAML, could not determine a constructor"),
        ("nc: " + "9" * 5000, ", line 1: found a number of 5000 digits, expected at most 20"),
    ],
)
def test_a_hostile_file_is_refused(write: Write, content: str, message: str) -> None:
    assert message_of(write(content=content)).startswith(message)


def test_of_a_key_given_twice_the_last_counts_as_in_the_hosts(write: Write) -> None:
    assert read_model_yaml(write(("nc: ", "nc: 7\nnc: "))).classes == read_model_yaml(write()).classes != 7


def test_aliases_that_multiply_are_refused(write: Write) -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [
        f"{key}: &{key} [{', '.join(['*' + last] * 10)}]" for last, key in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert message_of(write(content="\n".join(lines))) == ": more than 100,000 values, expected some hundred"


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelYamlError, match=r"cannot be read: No such file or directory$"):
        read_model_yaml(tmp_path / "missing.yaml")
    with pytest.raises(ModelYamlError, match=r"is no regular file$"):
        read_model_yaml(tmp_path)


def test_a_network_of_no_rows_is_refused(write: Write) -> None:
    network = Network("none", 1, 3, 1.0, 1.0, (), (), origin="none")
    with pytest.raises(ModelYamlError, match=r"^none: backbone and head are empty$"):
        build(network, "v7.0")


def test_strides_are_left_to_a_forward_pass() -> None:
    stride = build(find_network("yolov5s", "v7.0"), "v7.0").attributes["stride"]
    assert isinstance(stride, Tensor)
    assert stride.shape == (3,)

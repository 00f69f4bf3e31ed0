"""Blocks of YOLOv5 made of their arguments: parameters, children, sharing and classes, by hand and by generation."""

from __future__ import annotations

import pytest

from yolo_probe.expressions import ConstructorCall
from yolo_probe.model.structure import Module, count_layers, count_parameters, named_modules
from yolo_probe.networks.constructors import BLOCKS, Blocks, generations_with
from yolo_probe.networks.generations import GENERATIONS, Generation, host_of
from yolo_probe.networks.torch_nn import TORCH_NAMES, ArgumentError


def make(name: str, *arguments: object, generation: Generation = "v7.0") -> Module:
    return Blocks(host_of(generation)).make(name, arguments)


def conv(c1: int, c2: int, k: int = 1, groups: int = 1) -> int:
    """Parameters of a ``Conv``: the convolution has no bias, the normalization a weight and a bias."""
    return c2 * (c1 // groups) * k * k + 2 * c2


@pytest.mark.parametrize(
    ("name", "arguments", "parameters"),
    [
        ("Conv", (3, 16, 6, 2, 2), conv(3, 16, 6)),
        ("DWConv", (8, 16, 3), conv(8, 16, 3, groups=8)),
        ("GhostConv", (8, 16, 3), conv(8, 8, 3) + conv(8, 8, 5, groups=8)),
        (
            "GhostBottleneck",
            (16, 16),
            conv(16, 4) + conv(4, 4, 5, groups=4) + conv(8, 8) + conv(8, 8, 5, groups=8),
        ),
        (
            "GhostBottleneck",
            (8, 16, 3, 2),
            conv(8, 4)
            + conv(4, 4, 5, groups=4)  # to half
            + conv(8, 8, 3, groups=8)  # stride
            + conv(8, 8)
            + conv(8, 8, 5, groups=8)  # to all
            + conv(8, 8, 3, groups=8)
            + conv(8, 16),  # shortcut
        ),
        ("Bottleneck", (16, 16), conv(16, 8) + conv(8, 16, 3)),
        (
            "BottleneckCSP",
            (16, 16, 2),
            conv(16, 8) + 16 * 8 + 8 * 8 + conv(16, 16) + 2 * 16 + 2 * (conv(8, 8) + conv(8, 8, 3)),
        ),
        ("CrossConv", (16, 16), 16 * 16 * 3 + 2 * 16 + 16 * 16 * 3 + 2 * 16),
        ("C3", (16, 16, 2), 2 * conv(16, 8) + conv(16, 16) + 2 * (conv(8, 8) + conv(8, 8, 3))),
        ("C3x", (16, 16, 1), 2 * conv(16, 8) + conv(16, 16) + 2 * (8 * 8 * 3 + 2 * 8)),
        (
            "C3TR",
            (16, 16, 1),
            2 * conv(16, 8) + conv(16, 16) + (8 * 8 + 8) + 5 * 8 * 8 + (3 * 8 * 8 + 3 * 8) + (8 * 8 + 8),
        ),
        ("C3SPP", (16, 16), 2 * conv(16, 8) + conv(16, 16) + conv(8, 4) + conv(4 * 4, 8)),
        ("SPP", (16, 32, (5, 9)), conv(16, 8) + conv(3 * 8, 32)),
        ("SPPF", (16, 32), conv(16, 8) + conv(4 * 8, 32)),
        ("Focus", (3, 16, 3), conv(12, 16, 3)),
        ("DWConvTranspose2d", (8, 16, 2, 2), 8 * 2 * 2 * 2 + 16),
        ("TransformerBlock", (8, 16, 4, 0), conv(8, 16) + 16 * 16 + 16),
        ("Proto", (8, 16, 4), conv(8, 16, 3) + conv(16, 16, 3) + conv(16, 4)),
        ("Classify", (8, 10), conv(8, 1280) + 1280 * 10 + 10),
        ("Sum", (3, True), 2),
        ("Sum", (3,), 0),
        ("Concat", (1,), 0),
        ("nn.Conv2d", (4, 8, (1, 3)), 8 * 4 * 1 * 3 + 8),
        ("nn.ConvTranspose2d", (4, 8, 2, 2, 0, 0, 2), 4 * 4 * 2 * 2 + 8),
        ("nn.BatchNorm2d", (8,), 2 * 8),
        ("nn.Linear", (8, 4, False), 8 * 4),
        ("nn.PReLU", (8,), 8),
    ],
)
def test_a_block_has_the_parameters_of_its_formula(name: str, arguments: tuple[object, ...], parameters: int) -> None:
    assert count_parameters(make(name, *arguments)) == parameters


def test_every_name_of_torch_can_be_made() -> None:
    arguments: dict[str, tuple[object, ...]] = {
        "nn.Conv2d": (1, 1, 1),
        "nn.ConvTranspose2d": (1, 1, 1),
        "nn.Linear": (1, 1),
        "nn.BatchNorm2d": (1,),
        "nn.MaxPool2d": (2,),
        "nn.AvgPool2d": (2,),
        "nn.ZeroPad2d": (1,),
        "nn.AdaptiveAvgPool2d": (1,),
        "nn.PixelShuffle": (2,),
        "nn.PixelUnshuffle": (2,),
    }
    for name in TORCH_NAMES:
        assert make(name, *arguments.get(name, ())).kind == name


def test_attributes_have_the_forms_of_torch() -> None:
    convolution = make("nn.Conv2d", 4, 8, 3, 2, [1, 0])
    assert convolution.attributes == {
        "in_channels": 4,
        "out_channels": 8,
        "kernel_size": (3, 3),
        "stride": (2, 2),
        "padding": (1, 0),
        "dilation": (1, 1),
        "transposed": False,
        "output_padding": (0, 0),
        "groups": 1,
        "padding_mode": "zeros",
    }
    assert make("nn.Upsample", None, 2, "nearest").attributes["scale_factor"] == 2.0
    assert make("nn.MaxPool2d", 2).attributes["stride"] == 2
    assert make("nn.ZeroPad2d", [0, 1, 0, 1]).attributes == {"value": 0.0, "padding": (0, 1, 0, 1)}
    assert make("Sum", 3, True).attributes == {"weight": True, "iter": range(2)}


def test_the_host_initializes_normalization_and_activations() -> None:
    norm = make("nn.BatchNorm2d", 8)
    assert (norm.attributes["eps"], norm.attributes["momentum"]) == (1e-3, 0.03)
    assert {name: (buffer.shape, buffer.dtype) for name, buffer in norm.buffers.items()} == {
        "running_mean": ((8,), "float32"),
        "running_var": ((8,), "float32"),
        "num_batches_tracked": ((), "int64"),
    }
    inplace = [make("nn.SiLU", generation=generation).attributes["inplace"] for generation in GENERATIONS]
    assert dict(zip(GENERATIONS, inplace, strict=True)) == {
        generation: generation in ("v6.1", "v6.2", "v7.0", "head") for generation in GENERATIONS
    }


@pytest.mark.parametrize(
    ("name", "first", "arguments", "paths"),
    [
        ("CrossConv", "v5.0", (8, 8), ("models.experimental.CrossConv", "models.common.CrossConv")),
        ("GhostConv", "v5.0", (8, 8), ("models.experimental.GhostConv", "models.common.GhostConv")),
        ("GhostBottleneck", "v5.0", (8, 8), ("models.experimental.GhostBottleneck", "models.common.GhostBottleneck")),
        ("DWConv", "v5.0", (8, 8), ("models.common.Conv", "models.common.DWConv")),
        ("MixConv2d", "v5.0", (8, 8), ("models.experimental.MixConv2d", "models.experimental.MixConv2d")),
    ],
)
def test_a_class_stands_where_its_generation_defines_it(
    name: str, first: Generation, arguments: tuple[object, ...], paths: tuple[str, str]
) -> None:
    found = tuple(make(name, *arguments, generation=generation).class_path for generation in (first, GENERATIONS[-1]))
    assert found == paths


def test_a_class_is_known_from_its_generation_on() -> None:
    assert generations_with("C3") == ("v5.0", "v6.0", "v6.1", "v6.2", "v7.0", "head")
    assert generations_with("SPPF") == ("v6.0", "v6.1", "v6.2", "v7.0", "head")
    assert generations_with("C3x") == ("v6.2", "v7.0", "head")
    assert generations_with("Segment") == ("v7.0", "head")
    assert generations_with("nn.Mish") == GENERATIONS
    assert generations_with("CoordAtt") == ()


def test_every_class_that_a_row_can_name_has_a_constructor() -> None:
    blocks = Blocks(host_of("head"))
    for name in BLOCKS:
        with pytest.raises(ArgumentError):
            blocks.make(name, (None,) * 20)


def test_mix_conv2d_has_groups_and_silu_from_v6_1_on() -> None:
    def facts(generation: Generation) -> tuple[list[object], str]:
        module = make("MixConv2d", 8, 12, (1, 3, 5), generation=generation)
        return [part.attributes["groups"] for part in module.child("m").children.values() if part], module.child(
            "act"
        ).kind

    assert facts("v6.0") == ([1, 1, 1], "nn.LeakyReLU")
    assert facts("v6.1") == ([4, 4, 4], "nn.SiLU")


@pytest.mark.parametrize(
    ("c2", "k", "equal_channels", "widths"),
    [
        (12, (1, 3, 5), True, [4, 4, 4]),
        (8, (1, 3, 5), True, [3, 2, 3]),
        (255, (3, 5), True, [128, 127]),
        (16, (1, 3), False, [14, 2]),  # 16 x 9/10, 16 x 1/10
        (49, (1, 2, 3), False, [36, 9, 4]),
    ],
)
def test_mix_conv2d_divides_its_channels(c2: int, k: tuple[int, ...], equal_channels: bool, widths: list[int]) -> None:
    parts = make("MixConv2d", 1, c2, k, 1, equal_channels).child("m").children.values()
    assert [part.attributes["out_channels"] for part in parts if part] == widths


def test_classify_changed_with_v6_2() -> None:
    assert list(make("Classify", 8, 10, generation="v6.1").children) == ["aap", "conv", "flat"]
    assert list(make("Classify", 8, 10, generation="v6.2").children) == ["conv", "pool", "drop", "linear"]


def test_an_inner_block_takes_the_place_of_the_one_it_replaces() -> None:
    for name in ("C3", "C3TR", "C3Ghost", "C3SPP", "C3x"):
        assert list(make(name, 16, 16).children) == ["cv1", "cv2", "cv3", "m"]


def test_a_transformer_block_has_a_convolution_only_where_widths_differ() -> None:
    same, other = make("TransformerBlock", 8, 8, 2, 1), make("TransformerBlock", 8, 16, 2, 1)
    assert (list(same.children), same.attributes) == (["linear", "tr"], {"conv": None, "c2": 8})
    assert (list(other.children), other.attributes) == (["conv", "linear", "tr"], {"c2": 16})


def test_attention_has_the_tensors_and_the_child_of_torch() -> None:
    attention = make("TransformerLayer", 8, 2).child("ma")
    assert [(name, tensor.shape) for name, tensor in attention.parameters.items()] == [
        ("in_proj_weight", (24, 8)),
        ("in_proj_bias", (24,)),
    ]
    out = attention.child("out_proj")
    assert out.class_path == "torch.nn.modules.linear.NonDynamicallyQuantizableLinear"
    assert [tensor.shape for tensor in out.parameters.values()] == [(8, 8), (8,)]


def test_one_activation_is_shared_from_v7_0_on_and_one_argument_always() -> None:
    def activations(*arguments: object, generation: Generation) -> int:
        ghost = make("GhostConv", 8, 8, *arguments, generation=generation)
        return len({id(module) for _, module in named_modules(ghost) if module.kind in ("nn.SiLU", "nn.ReLU")})

    assert activations(generation="v6.2") == 2
    assert activations(generation="v7.0") == 1
    assert activations(1, 1, 1, ConstructorCall("nn.ReLU", (), {}), generation="v6.2") == 1


def test_what_makes_its_own_activation_keeps_it() -> None:
    blocks = Blocks(host_of("v7.0"), ConstructorCall("nn.ReLU", (), {}))
    csp = blocks.make("BottleneckCSP", (16, 16))
    assert (csp.child("act").kind, csp.child("cv1").child("act").kind) == ("nn.SiLU", "nn.ReLU")


def test_a_convolution_without_activation_holds_an_identity() -> None:
    assert make("Conv", 8, 8, 1, 1, None, 1, 1, False).child("act").kind == "nn.Identity"


def test_dilation_is_an_argument_of_conv_from_v7_0_on() -> None:
    dilated = make("Conv", 8, 8, 3, 1, None, 1, 2).child("conv")
    assert (dilated.attributes["dilation"], dilated.attributes["padding"]) == ((2, 2), (2, 2))
    assert make("Conv", 8, 8, 3, 1, None, 1, 2, generation="v6.2").child("act").kind == "nn.Identity"  # its act is 2


def test_segment_predicts_masks_beside_boxes() -> None:
    segment = make("Segment", 2, [[1, 2, 3, 4]] * 3, 8, 16, [4, 8, 16])
    assert segment.attributes["no"] == 5 + 2 + 8
    outputs = [part.attributes["out_channels"] for part in segment.child("m").children.values() if part]
    assert outputs == [2 * 15] * 3
    assert list(segment.children) == ["m", "proto"]


def test_an_empty_sequence_counts_as_one_layer_that_holds_no_others() -> None:
    assert count_layers(make("C3", 16, 16, 0)).leaf_modules == 1 + 3 * 2 + 1  # nn.Sequential(), Conv2d + norm, SiLU


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Conv", (8,), "1 arguments, expected at least 2 (missing: c2)"),
        ("Conv", (8, True), "c2 is True, expected a whole number from 1"),
        ("Conv", (8, 8, -1), "k is -1, expected a whole number or two of them"),
        ("Conv", (8, 8, [1, 2, 3]), "k is [1, 2, 3], expected a whole number or two of them"),
        ("Conv", (8, 2**21), "c2 is 2097152, expected a whole number from 1"),
        ("C3", (8, 8, 1, True, 3), "4 input channels, which 3 groups do not divide"),
        ("C3", (8, 1), "1 channels x 0.5 leaves none inside the block"),
        ("C3TR", (8, 12), "6 channels, which 4 attention heads do not divide"),
        ("GhostConv", (8, 1), "1 channel cannot be halved"),
        ("SPP", (8, 8, []), "k is [], expected a list of whole numbers"),
        ("Bottleneck", (8, 8, True, 1, "half"), "e is 'half', expected a number"),
        ("MixConv2d", (8, 2, (1, 3, 5)), "2 channels, too few for 3 kernel sizes"),
        ("Detect", (2, 3, [8]), "anchors that are no list with as many pairs (width, height) for each output"),
        ("nn.ReLU", (1, 2), "2 arguments that do not fit those it takes (inplace)"),
        ("nn.LeakyReLU", ("x",), "negative_slope is 'x', expected a number"),
        ("nn.PixelShuffle", (), "0 arguments that do not fit those it takes (upscale_factor)"),
        ("nn.PixelShuffle", (0,), "upscale_factor is 0, expected a whole number from 1"),
        ("nn.ZeroPad2d", ([1, 2],), "padding is [1, 2], expected a whole number or four of them"),
        ("nn.Upsample", (None, "two"), "scale_factor is 'two', expected a number"),
        (
            "nn.Conv2d",
            (1, 1, ConstructorCall("nn.ReLU", (), {})),
            "kernel_size is a module nn.ReLU, expected a whole number or two",
        ),
    ],
)
def test_arguments_that_make_no_module_are_named(name: str, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(name, *arguments)
    assert str(caught.value)[: len(message)] == message


def test_keywords_are_checked_as_arguments_are() -> None:
    blocks = Blocks(host_of("v7.0"))
    assert (
        blocks.make_call(ConstructorCall("nn.LeakyReLU", (), {"negative_slope": 0.2})).attributes["negative_slope"]
        == 0.2
    )
    with pytest.raises(ArgumentError, match="those it takes"):
        blocks.make_call(ConstructorCall("nn.LeakyReLU", (0.1,), {"negative_slope": 0.2}))
    with pytest.raises(ArgumentError, match="an argument 'channels' that it does not take here"):
        blocks.make_call(ConstructorCall("nn.PReLU", (), {"channels": 1}))

"""Unit: what fuse() changes in a structure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yolo_probe.errors import TraceError
from yolo_probe.hosts.target import resolve
from yolo_probe.model.freezing import with_gradients
from yolo_probe.model.fusion import fuse, fused_state, restore
from yolo_probe.model.structure import (
    Module,
    Tensor,
    count_gradients,
    count_layers,
    count_parameters,
    named_modules,
    named_parameters,
)


def conv(*, bias: bool = False, trains: bool = True) -> Module:
    """A Conv of 3 to 8 channels, 3x3."""
    weights = {"weight": Tensor((8, 3, 3, 3), requires_grad=trains)}
    if bias:
        weights["bias"] = Tensor((8,), requires_grad=trains)
    norm = {name: Tensor((8,), requires_grad=trains) for name in ("weight", "bias")}
    return Module(
        "models.common.Conv",
        children={
            "conv": Module("torch.nn.modules.conv.Conv2d", parameters=weights),
            "bn": Module("torch.nn.modules.batchnorm.BatchNorm2d", parameters=norm),
            "act": Module("torch.nn.modules.activation.SiLU"),
        },
    )


def test_folding_removes_one_module_and_one_parameter_per_channel() -> None:
    before = conv()
    after = fuse(before, grad_enabled=False).root
    assert count_layers(before).modules - count_layers(after).modules == 1
    assert count_parameters(before) == 8 * 3 * 3 * 3 + 2 * 8
    assert count_parameters(after) == 8 * 3 * 3 * 3 + 8
    assert [name for name, _ in named_parameters(after)] == ["conv.weight", "conv.bias"]


def test_a_convolution_that_has_a_bias_keeps_one() -> None:
    assert count_parameters(fuse(conv(bias=True), grad_enabled=False).root) == 8 * 3 * 3 * 3 + 8


@pytest.mark.parametrize(
    ("trains", "grad_enabled", "gradients"),
    [(True, True, 8 * 3 * 3 * 3 + 8), (True, False, 0), (False, True, 0), (False, False, 0)],
)
def test_merged_weights_train_only_if_the_old_ones_did_and_autograd_is_on(
    trains: bool, grad_enabled: bool, gradients: int
) -> None:
    assert count_gradients(fuse(conv(trains=trains), grad_enabled=grad_enabled).root) == gradients


def test_a_fused_bias_takes_its_gradient_from_the_batchnorm_alone() -> None:
    before = conv()
    frozen = with_gradients(before.child("bn"), False)
    fused = fuse(replace(before, children={**before.children, "bn": frozen}), grad_enabled=True).root
    assert [name for name, tensor in named_parameters(fused) if tensor.requires_grad] == ["conv.weight"]


def test_the_structure_itself_is_not_changed_and_what_is_shared_stays_shared() -> None:
    root = resolve("yolov5s").root
    fusion = fuse(root, grad_enabled=False)
    assert count_layers(root).modules == 214
    assert count_layers(fusion.root).modules == 157
    assert sum(module.kind == "nn.SiLU" for _, module in named_modules(fusion.root)) == 1


def test_batchnorms_outside_a_conv_stay_and_are_named() -> None:
    fusion = fuse(resolve("yolov5-fpn@v6.0").root, grad_enabled=False)
    assert fusion.stays == tuple(f"model.{row}.bn" for row in (4, 6, 9, 10, 14, 18))


@pytest.mark.parametrize("name", ["yolov5n", "yolov5n-seg", "yolov5s-ghost", "yolov5-fpn@v6.0", "yolov5-panet@v5.0"])
def test_a_network_is_unfused_as_built_and_fused_afterwards_whatever_batchnorms_stay(name: str) -> None:
    root = resolve(name).root
    assert fused_state(root) == "unfused"
    assert fused_state(fuse(root, grad_enabled=False).root) == "fused"


def test_a_network_is_partly_fused_where_some_blocks_still_have_their_batchnorm() -> None:
    fused = fuse(conv(), grad_enabled=False).root
    assert fused_state(Module("models.yolo.Model", children={"0": fused, "1": conv()})) == "partly fused"


def test_a_batchnorm_after_a_concat_says_nothing_of_fuse() -> None:
    mixed = Module("models.experimental.MixConv2d", children={"bn": conv().child("bn"), "act": None})
    assert fused_state(Module("models.yolo.Model", children={"0": mixed, "1": conv()})) == "unfused"
    fused = fuse(conv(), grad_enabled=False).root
    assert fused_state(Module("models.yolo.Model", children={"0": mixed, "1": fused})) == "fused"


def test_a_network_without_anything_to_merge_is_unfused() -> None:
    assert fused_state(Module("mine.Net", children={"conv": conv(bias=True).child("conv")})) == "unfused"


def test_fusing_twice_changes_nothing_more() -> None:
    once = fuse(resolve("yolov5n").root, grad_enabled=False)
    twice = fuse(once.root, grad_enabled=False)
    assert twice.merges == ()
    assert twice.root is once.root


def test_a_batchnorm_without_weights_is_told_as_what_the_host_would_fail_on() -> None:
    broken = conv()
    bare = replace(broken.child("bn"), parameters={})
    with pytest.raises(TraceError, match=r"YOLOv5's fuse\(\) fails here"):
        fuse(replace(broken, children={**broken.children, "bn": bare}), grad_enabled=False)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("in_channels", 999), ("out_channels", 4), ("kernel_size", (99, 99)), ("padding", "x"), ("groups", "1")],
)
def test_a_convolution_that_contradicts_its_weight_is_told_as_what_the_host_would_fail_on(
    attribute: str, value: object
) -> None:
    broken = conv()
    odd = replace(broken.child("conv"), attributes={attribute: value})
    with pytest.raises(TraceError, match=rf"found {attribute}=.*YOLOv5's fuse\(\) fails here"):
        fuse(replace(broken, children={**broken.children, "conv": odd}), grad_enabled=False)


@pytest.mark.parametrize("name", ["weight", "bias", "running_mean", "running_var"])
def test_a_batch_norm_of_other_channels_is_told_as_what_the_host_would_fail_on(name: str) -> None:
    norm = conv().child("bn")
    other = {name: Tensor((3,))}
    odd = (
        replace(norm, parameters={**norm.parameters, **other})
        if name in norm.parameters
        else replace(norm, buffers=other)
    )
    broken = replace(conv(), children={**conv().children, "bn": odd})
    with pytest.raises(TraceError, match=r"found a bn with a tensor of shape .*YOLOv5's fuse\(\) fails here"):
        fuse(broken, grad_enabled=False)


def test_what_was_saved_after_fuse_is_put_back_as_it_was_built() -> None:
    root = resolve("yolov5s").root
    fused = fuse(root, grad_enabled=False).root
    restored = restore(fused)
    assert [(name, t.shape) for name, t in named_parameters(restored)] == [
        (name, t.shape) for name, t in named_parameters(root)
    ]
    assert count_layers(restored) == count_layers(root)
    assert restore(root) is root

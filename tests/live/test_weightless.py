"""The weightless copy has everything of a model but its values, shares what the model shares, and nothing with it."""

from __future__ import annotations

import gc
import random
from collections import deque
from copy import deepcopy
from typing import Any
from weakref import ref

import pytest
import torch
from torch import nn

from yolo_probe import count_flops
from yolo_probe.live.live import Live, weightless


class Block(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution with an activation of its own or another's."""

    def __init__(self, act: nn.Module, notes: list[Any]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.act = act
        self.notes = notes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.notes.append(x.shape)
        self.nested["rows"][0].append(1)
        return self.act(self.conv(x))


def model() -> nn.Module:
    """Two blocks that share an activation, a weight and a list."""
    act, notes = nn.SiLU(inplace=True), list[Any]()
    first, second = Block(act, notes), Block(act, notes)
    second.conv.weight = first.conv.weight
    for each in (first, second):
        each.nested = {"rows": [[0]]}
    return nn.Sequential(first, second, nn.BatchNorm2d(4))


def test_what_a_model_shares_its_copy_shares() -> None:
    copy = weightless(model())
    assert copy[0].act is copy[1].act
    assert copy[0].conv.weight is copy[1].conv.weight
    assert copy[0].notes is copy[1].notes


def test_a_copys_tensors_have_shapes_flags_and_strides_but_no_values() -> None:
    real = model().to(memory_format=torch.channels_last).half()
    real[0].conv.bias.requires_grad_(False)
    copy = weightless(real)
    for name, tensor in (*real.named_parameters(), *real.named_buffers()):
        found = dict((*copy.named_parameters(), *copy.named_buffers()))[name]
        assert found.is_meta
        assert type(found) is type(tensor)
        assert (found.shape, found.stride(), found.dtype) == (tensor.shape, tensor.stride(), tensor.dtype)
        assert found.requires_grad == tensor.requires_grad


class Filtered(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A convolution of what a fixed matrix gives, which is kept in one of torch's other layouts."""

    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.register_buffer("matrix", matrix)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) + self.matrix.to_dense()[0, 0]


@pytest.mark.filterwarnings("ignore:Sparse CSR")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr, torch._mkldnn])
def test_a_tensor_in_a_layout_that_torch_has_no_meta_tensors_of_is_no_obstacle(layout: Any) -> None:
    matrix = torch.eye(3).to_mkldnn() if layout is torch._mkldnn else torch.eye(3).to_sparse(layout=layout)
    assert count_flops(Filtered(matrix), 64).total == 3 * 4 * 64 * 64


def test_tensors_of_one_shape_are_tensors_of_their_own() -> None:
    copy = weightless(nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)))
    copy[0].weight.requires_grad_(False)
    assert copy[0].weight is not copy[1].weight
    assert copy[1].weight.requires_grad


@pytest.mark.parametrize(
    "read", [dict, lambda held: {**held}, lambda held: held | {}, lambda held: held.copy(), deepcopy, lambda held: held]
)
def test_tensors_are_there_however_a_copys_tables_are_read(read: Any) -> None:
    found = read(weightless(model())[0].conv._parameters)
    assert list(found) == ["weight", "bias"]
    assert all(isinstance(found[name], nn.Parameter) and found[name].is_meta for name in found)


def test_a_forward_that_changes_attributes_changes_those_of_the_copy() -> None:
    real = model()
    Live(real).trace((1, 4, 8, 8))
    assert (real[0].notes, real[0].nested) == ([], {"rows": [[0]]})


def test_an_activation_in_place_gives_its_input_back() -> None:
    class Same(nn.Sequential):  # type: ignore[misc]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert self[0](x) is x
            assert self[1](x) is not x
            return x

    trace = Live(Same(nn.ReLU(inplace=True), nn.ReLU())).trace((1, 4, 8, 8))
    assert [record.operator for record in trace.records] == ["relu", "relu"]


def test_a_pass_leaves_nothing_behind_for_the_garbage_collector() -> None:
    live = Live(model())
    live.trace((1, 4, 8, 8))
    copy = ref(live._places[0][2])
    gc.disable()
    try:
        del live
        assert copy() is None
    finally:
        gc.enable()


def test_hooks_of_the_model_run_on_the_copy_and_leave_the_users_own_alone_and_hooks_of_torch_are_not_called() -> None:
    called: list[object] = []
    real = model()

    def twice(*given: Any) -> torch.Tensor:
        called.append(given)
        return given[2].repeat(2, 1, 1, 1)

    real[0].register_forward_hook(twice)
    everywhere = nn.modules.module.register_module_forward_hook(lambda *given: called.append(given))
    trace = Live(real).trace((1, 4, 8, 8))
    everywhere.remove()
    assert called == []
    assert trace.output == (2, 4, 8, 8)


def test_a_hook_can_be_registered_on_one_module_of_a_copy() -> None:
    copy = weightless(model())
    copy[0].register_forward_hook(lambda *_: None)
    assert (len(copy[0]._forward_hooks), len(copy[1]._forward_hooks)) == (1, 0)


def test_what_a_models_own_objects_hold_is_the_copys_own() -> None:
    real = model()
    real.seen, real.numbers, real.draws = deque([torch.zeros(())], maxlen=4), random.Random(0), torch.Generator()
    before = real.numbers.getstate()
    copy = weightless(real)
    copy.seen.append(torch.zeros((), device="meta"))
    copy.numbers.random()
    assert (len(real.seen), copy.seen.maxlen, copy.seen[0].is_meta) == (1, 4, True)
    assert real.numbers.getstate() == before
    assert copy.draws is not real.draws


def test_a_structure_does_not_keep_the_models_buffers_alive() -> None:
    real = model()
    held, root = ref(real[2].running_mean), Live(real).root
    del real
    gc.collect()
    assert held() is None
    assert root.child("2").buffers["running_mean"].shape == (4,)


def test_a_structure_is_that_of_the_model_when_it_was_read() -> None:
    real = nn.Sequential(nn.SiLU())
    root = Live(real).root
    real[0].register_parameter("scale", nn.Parameter(torch.ones(1)))
    real[0].register_buffer("shift", torch.ones(1))
    assert (root.child("0").parameters, root.child("0").buffers) == ({}, {})


def test_a_copy_does_not_keep_the_models_tensors_alive() -> None:
    real = model()
    held, copy = ref(real[2].running_mean), weightless(real)
    del real
    gc.collect()
    assert held() is None
    assert copy[2].running_mean.shape == (4,)


def test_modules_may_be_called_with_their_input_by_name() -> None:
    class Named(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.bn, self.act = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.SiLU()
            self.doubled = Doubled(4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.act(input=self.bn(input=self.conv(input=x)))
            return self.doubled(x=x.mean((2, 3)))

    class Doubled(nn.Linear):  # type: ignore[misc]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(input=x) * 2

    run = Live(Named()).trace((1, 3, 8, 8))
    records = [record for record in run.records if record.seen_by != "functions"]  # those inside the subclass
    assert [record.operator for record in records] == ["conv2d", "batch_norm", "silu", "mean", "linear"]
    assert (run.executed, run.output) == ("", (1, 2))


def test_a_forward_that_exits_on_meta_is_run_on_values() -> None:
    class Leaves(nn.Sequential):  # type: ignore[misc]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.is_meta:
                raise SystemExit("no meta here")
            return super().forward(x)

    assert Live(Leaves(nn.ReLU())).trace((1, 4, 8, 8)).executed

"""A module that calls a convolution, a normalization and an activation is followed the same, however it is written."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any
from weakref import ref

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

from yolo_probe.errors import TraceError
from yolo_probe.live.live import Live
from yolo_probe.live.real_copy import copy_fault
from yolo_probe.model.operators import OpRecord

IMAGE = (1, 4, 8, 8)


class Conv(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """As YOLOv5's."""

    def __init__(self, act: nn.Module) -> None:
        super().__init__()
        self.conv, self.bn, self.act = nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.bn(self.conv(x)))


class Spelled(Conv):
    """The same in other instructions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.bn(self.conv(x))
        return self.act(x)


class Negative(Conv):
    """One that does more."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return -super().forward(x)


class Scaled(Conv):
    """One that torch calls through code of its own."""

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return super().__call__(x).repeat(1, 1, 2, 2)


def model(kind: type[Conv] = Conv) -> nn.Module:
    """Two modules that share an activation."""
    act = nn.SiLU(inplace=True)
    return nn.Sequential(kind(act), kind(act))


def records_of(live: Live) -> list[OpRecord]:
    records = live.trace(IMAGE).records
    kinds = [record.kind.replace("Spelled", "Conv") for record in records]
    return [each._replace(kind=kind, options=dict(each.options)) for each, kind in zip(records, kinds, strict=True)]


def operators(real: nn.Module) -> list[str]:
    return [record.operator for record in Live(real).trace(IMAGE).records]


def test_a_chain_is_recorded_as_any_other_module() -> None:
    chain, spelled = Live(model()), Live(model(Spelled))
    records = records_of(chain)
    assert records == records_of(spelled)
    assert [(record.path, record.slots) for record in records] == [
        ("0.conv", 1), ("0.bn", 1), ("0.act", 2), ("1.conv", 1), ("1.bn", 1), ("1.act", 2),
    ]  # fmt: skip


def test_a_chain_has_the_structure_of_any_other_module() -> None:
    chain, spelled = Live(model()).root, Live(model(Spelled)).root
    for place in ("0", "1"):
        for name in ("conv", "bn", "act"):
            child, other = chain.child(place).child(name), spelled.child(place).child(name)
            assert (child.class_path, child.attributes) == (other.class_path, other.attributes)
            assert [each.shape for each in child.parameters.values()] == [e.shape for e in other.parameters.values()]
            assert child.buffers.keys() == other.buffers.keys()


class Wide(nn.Conv2d):  # type: ignore[misc]
    """A class of the user's."""


def _own_forward(real: nn.Module) -> None:
    real[0].forward = lambda x: x


def _childs_own_forward(real: nn.Module) -> None:
    real[0].conv.forward = lambda x: x


def _another_class(real: nn.Module) -> None:
    real[0].conv = Wide(4, 4, 1)


def _pruned(real: nn.Module) -> None:
    prune.l1_unstructured(real[0].conv, "weight", 0.5)


def _noted(real: nn.Module) -> None:
    real[0].conv.note = "the user's"


def _missing(real: nn.Module) -> None:
    real[0].act = None
    real[0].forward = lambda x: x


def _named_otherwise(real: nn.Module) -> None:
    real[0].more = nn.Identity()


def _shared(real: nn.Module) -> None:
    real.insert(0, real[0].conv)


@pytest.mark.parametrize(
    "change",
    [_own_forward, _childs_own_forward, _another_class, _pruned, _noted, _missing, _named_otherwise, _shared],
)
def test_what_is_not_as_torch_makes_it_is_followed_too(change: Callable[[nn.Module], None]) -> None:
    real, same = model(), model(Spelled)
    change(real)
    change(same)
    assert records_of(Live(real)) == records_of(Live(same))


@pytest.mark.parametrize("kind", [Negative, Scaled])
def test_a_forward_or_a_call_that_does_more_runs_itself(kind: type[Conv]) -> None:
    live = Live(model(kind))
    shape = {Negative: (1, 4, 8, 8), Scaled: (1, 4, 32, 32)}[kind]
    assert live.trace(IMAGE).output == shape


def test_a_forward_that_was_replaced_since_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert operators(model()) == ["conv2d", "batch_norm", "silu"] * 2
    monkeypatch.setattr(Conv, "forward", lambda self, x: self.act(self.conv(x)))
    assert operators(model()) == ["conv2d", "silu"] * 2


class Looking(nn.Sequential):  # type: ignore[misc]
    """A model whose forward looks at the children of a chain, or changes them."""

    def __init__(self, look: Callable[[nn.Module], Any]) -> None:
        super().__init__(*model())
        self.look = look

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.look(self[0])
        return super().forward(x)


def _replace(chain: nn.Module) -> None:
    chain.act = nn.ReLU()


def _remove(chain: nn.Module) -> None:
    del chain._modules["act"]
    chain.act = lambda x: x


@pytest.mark.parametrize(
    ("look", "found"),
    [
        (lambda chain: chain.conv.weight.shape, ["conv2d", "batch_norm", "silu"]),
        (lambda chain: list(chain.named_modules()), ["conv2d", "batch_norm", "silu"]),
        (lambda chain: chain.conv(torch.zeros(IMAGE, device="meta")), ["conv2d", "conv2d", "batch_norm", "silu"]),
        (_replace, ["conv2d", "batch_norm", "relu"]),
        (_remove, ["conv2d", "batch_norm"]),
    ],
)
def test_children_that_somebody_looks_at_or_changes_run(look: Any, found: list[str]) -> None:
    live = Live(Looking(look))
    records = live.trace(IMAGE).records
    assert [record.operator for record in records] == [*found, "conv2d", "batch_norm", "silu"]
    assert {record.path for record in records if record.operator == "conv2d"} == {"0.conv", "1.conv"}


def test_a_child_in_a_list_beside_the_chain_is_the_same_child() -> None:
    class Held(nn.Sequential):  # type: ignore[misc]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(self.held[0](x))

    real = Held(*model())
    real.held = [real[1].conv]
    assert [record.path for record in Live(real).trace(IMAGE).records][:2] == ["1.conv", "0.conv"]


def test_a_chain_may_be_called_with_its_input_by_name() -> None:
    class Named(nn.Sequential):  # type: ignore[misc]
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self[1](x=self[0](x))

    assert operators(Named(*model())) == ["conv2d", "batch_norm", "silu"] * 2


def test_a_pass_of_training_tells_a_chain_and_its_children() -> None:
    def look(chain: nn.Module) -> None:
        if not all(each.training for each in chain.modules()):
            chain.act = nn.ReLU()

    records = Live(Looking(look), training=True).trace(IMAGE).records
    assert [record.operator for record in records] == ["conv2d", "batch_norm", "silu"] * 2
    assert [record.operator for record in Live(Looking(look)).trace(IMAGE).records][2] == "relu"
    assert [record.options["training"] for record in records if record.operator == "batch_norm"] == [True, True]


def test_shapes_that_do_not_fit_are_told_with_the_childs_path() -> None:
    with pytest.raises(TraceError, match=r"^0\.conv: conv2d: found 3 input channels, expected 4"):
        Live(model()).trace((1, 3, 8, 8))


def test_what_cannot_be_copied_in_a_chain_is_found() -> None:
    real = model()
    real[0].bn.register_buffer("ready", torch.zeros(1, requires_grad=True) + 1)
    assert copy_fault(real).startswith("0.bn: _buffers cannot be copied")


def test_a_chain_leaves_nothing_behind_for_the_garbage_collector() -> None:
    live = Live(Looking(lambda chain: chain.conv))
    live.trace(IMAGE)
    copies = [ref(place.copy) for place in live._places]
    gc.disable()
    try:
        del live
        assert [copy() for copy in copies] == [None] * len(copies)
    finally:
        gc.enable()

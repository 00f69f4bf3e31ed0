"""Unit: weights alone lead to the network that YOLOv5 ships with their names and shapes."""

from __future__ import annotations

import pytest

from yolo_probe.model.fusion import BATCH_NORMS, fuse
from yolo_probe.model.structure import Tensor, named_modules
from yolo_probe.networks.generations import GENERATIONS, Generation
from yolo_probe.networks.model_yaml import build
from yolo_probe.networks.network import Network
from yolo_probe.networks.recognise import compare, expected_shapes, guess
from yolo_probe.networks.shipped import find_network, shipped_networks


def weights_of(network: Network, generation: Generation, *, fused: bool) -> dict[str, Tensor]:
    """Tensors of its names and shapes, as it is built or after fuse()."""
    root = build(network, generation)
    shapes = expected_shapes(fuse(root, grad_enabled=False).root if fused else root)
    return {name: Tensor(shape) for name, shape in shapes.items()}


def each_of_other_rows() -> dict[tuple[bool, str], tuple[str, Generation]]:
    """The narrowest shipped network of each list of rows, by what the rows say; sizes only scale them."""
    found = {
        (generation == "v5.0", repr(network.rows)): (network.name, generation)
        for generation in GENERATIONS
        for network in sorted(shipped_networks(generation), key=lambda each: -each.width_multiple)
    }
    assert {name for name, _ in found.values()} >= {"yolov5n", "yolov5-fpn", "yolov5-panet", "yolov5n-seg"}
    return found


@pytest.mark.exhaustive
@pytest.mark.parametrize("fused", [False, True], ids=["unfused", "fused"])
@pytest.mark.parametrize(("name", "generation"), each_of_other_rows().values())
def test_every_shipped_network_is_recognised_before_and_after_fuse(
    name: str, generation: Generation, fused: bool
) -> None:
    found = guess(weights_of(find_network(name, generation), generation, fused=fused))
    assert found is not None
    assert name in (found.network, *found.also)
    assert found.fused is fused


@pytest.mark.parametrize(("name", "batch_norms"), [("yolov5-fpn", 6), ("yolov5-panet", 8)])
@pytest.mark.parametrize("generation", ["v5.0", "v6.0"])
def test_a_fused_network_whose_batchnorms_partly_stay_is_the_fused_one(
    name: str, batch_norms: int, generation: Generation
) -> None:
    network = find_network(name, generation)
    fused = fuse(build(network, generation), grad_enabled=False).root
    assert sum(module.kind in BATCH_NORMS for _, module in named_modules(fused)) == batch_norms
    found = guess(weights_of(network, generation, fused=True))
    assert found is not None
    assert (found.network, found.fused) == (name, True)


def test_weights_of_another_network_are_compared_with_the_state_that_they_are_in() -> None:
    weights = weights_of(find_network("yolov5n", "head"), "head", fused=True)
    other = compare(weights, find_network("yolov5s", "head"), "head")
    assert other.fused
    assert other.differences[0] == "model.0.conv.weight has shape [16, 3, 6, 6], the network has [32, 3, 6, 6]"
    assert len(other.differences) == 4

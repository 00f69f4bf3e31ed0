"""Unit: weights alone lead to the network that YOLOv5 ships with their names and shapes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from yolo_probe.hosts.target import network_name
from yolo_probe.model.fusion import BATCH_NORMS, fuse
from yolo_probe.model.structure import Module, Tensor, named_modules
from yolo_probe.networks.generations import GENERATIONS, Generation
from yolo_probe.networks.model_yaml import build, network_in
from yolo_probe.networks.network import Network
from yolo_probe.networks.recognise import compare, expected_shapes, guess
from yolo_probe.networks.shipped import FORKS, find_network, name_of, networks_of_fork, shipped_networks


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


SAME_ROWS = {"yolov5-panet": "yolov5l", "yolov5-p6": "yolov5l6"}
"""Networks that YOLOv5 ships twice since v1.0 and v6.1, with the name that people know."""


SHIPPED: dict[str, tuple[Network, ...]] = {
    **{each: shipped_networks(each) for each in GENERATIONS},
    **{each: networks_of_fork(each) for each in FORKS},
}


@pytest.mark.parametrize("networks", SHIPPED.values(), ids=SHIPPED)
def test_rows_and_factors_lead_to_the_name_of_a_network_whatever_its_classes(networks: tuple[Network, ...]) -> None:
    for network in networks:
        recorded = network_in(network.with_classes(3).document(), "model.yaml")
        assert name_of(recorded) in (network.name, SAME_ROWS.get(network.name)), network.name
        assert name_of(replace(recorded, depth_multiple=0.123)) is None
        assert name_of(replace(recorded, head=recorded.head[:-1])) is None


@pytest.mark.parametrize(
    ("recorded", "options", "name"),
    [
        ({"yaml_file": "narrow.yaml"}, {"cfg": "yolov5m.yaml"}, "narrow"),
        ({}, {"cfg": "", "weights": "yolov5m.pt"}, "yolov5m"),
        ({}, {"weights": "runs/train/exp3/weights/best.pt"}, "yolov5s"),
        ({}, {"model": "last.pt"}, "yolov5s"),
        ({}, {}, "yolov5s"),
        ({"nc": "none"}, {}, None),
    ],
)
def test_a_network_is_named_by_its_yaml_or_the_options_or_its_rows(
    recorded: dict[str, object], options: dict[object, object], name: str | None
) -> None:
    yaml = find_network("yolov5s", "v7.0").document()
    assert network_name(Module("models.yolo.DetectionModel", {"yaml": yaml | recorded}), options) == name

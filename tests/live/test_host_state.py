"""What a running host says of its options, read from its own objects."""

from __future__ import annotations

from argparse import Namespace
from types import SimpleNamespace

import pytest

from yolo_probe.training.host_state import Running, classic, of_trainer


def train(opt: Namespace) -> Running:
    """A training of classic YOLOv5, by the names that are read of it."""
    return classic()


@pytest.mark.parametrize(
    ("options", "freeze"),
    [({"freeze": None}, ()), ({"freeze": [3]}, [3]), ({}, ())],
)
def test_an_option_freeze_that_is_not_set_has_frozen_nothing(options: dict[str, object], freeze: object) -> None:
    assert of_trainer(SimpleNamespace(args=SimpleNamespace(**options))).freeze == freeze
    assert train(Namespace(**options)).freeze == freeze


@pytest.mark.parametrize(
    ("options", "scales", "is_rectangular"),
    [
        ({}, 0, False),
        ({"multi_scale": False, "rect": False}, 0, False),
        ({"multi_scale": True, "rect": True}, 0.5, True),
        ({"multi_scale": 0.25}, 0.25, False),
        ({"multi_scale": 0.0}, 0, False),
    ],
)
def test_the_sizes_of_batches_follow_the_options(
    options: dict[str, object], scales: float, is_rectangular: bool
) -> None:
    for running in (of_trainer(SimpleNamespace(args=SimpleNamespace(**options))), train(Namespace(**options))):
        assert (running.scales, running.is_rectangular) == (scales, is_rectangular)
    classifies = SimpleNamespace(args=SimpleNamespace(task="classify", **options))
    assert (of_trainer(classifies).scales, of_trainer(classifies).is_rectangular) == (0, False)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({}, (64, 64)),
        ({"quad": False}, (64, 64)),
        ({"quad": True}, (128, 128)),
        ({"quad": True, "multi_scale": True}, (64, 64)),
    ],
)
def test_an_image_that_is_joined_from_four_is_twice_as_large_unless_it_gets_another_size_then(
    options: dict[str, object], size: tuple[int, int]
) -> None:
    running = train(Namespace(imgsz=64, **options))
    assert (running.imgsz, running.is_quad) == (size, size == (128, 128))


def test_an_epoch_is_counted_as_its_host_prints_it() -> None:
    trainer = SimpleNamespace(args=SimpleNamespace(), epoch=0)
    assert of_trainer(trainer).epoch == 1
    assert of_trainer(SimpleNamespace(args=SimpleNamespace())).epoch is None

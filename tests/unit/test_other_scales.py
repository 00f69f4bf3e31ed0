"""The line of a YOLOv5 with multiples of somebody's own tells them, and one with another digit does not."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tests.exhaustive import exhaustively
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.hosts.other_scales import OtherScale, other_scale
from yolo_probe.hosts.printed_line import PrintedLine, lines_in
from yolo_probe.hosts.summary_line import FORMS, host_line
from yolo_probe.model.fusion import fuse
from yolo_probe.networks.generations import Generation
from yolo_probe.networks.model_yaml import build
from yolo_probe.networks.shipped import find_network

HOSTS: tuple[Generation, ...] = ("v4.0", "v5.0", "v6.0", "v6.1", "v6.2", "v7.0", "head")


def line_of(text: str) -> PrintedLine:
    return next(iter(lines_in(text)))


def test_the_line_of_a_thread_tells_the_multiples_that_its_author_names() -> None:
    """yolov5#2135: depth_multiple 0.10 and width_multiple 0.35."""
    found = other_scale(line_of("Model Summary: 196 layers, 3387234 parameters, 0 gradients, 7.7 GFLOPS"))
    assert found == OtherScale(("v4.0", "v5.0"), 0.1, 0.35, 1, fused=True)


@pytest.mark.parametrize("seed", exhaustively(range(40), few=4))
def test_multiples_and_classes_are_found_again(seed: int) -> None:
    dice = random.Random(seed)
    host = dice.choice(HOSTS)
    depth, width = dice.choice((0.1, 0.25, 0.33, 0.5, 0.67)), dice.choice((0.1, 0.2, 0.3, 0.35, 0.375, 0.4, 0.6, 0.9))
    classes, fused = dice.choice((1, 2, 5, 20, 80)), dice.random() < 0.5
    network = replace(find_network("yolov5s", host), depth_multiple=depth, width_multiple=width, classes=classes)
    root = build(network, host)
    root = fuse(root, grad_enabled=False).root if fused else root
    text = host_line(root, FORMS[host], CONVENTIONS["thop-0.1"], 32, built=not fused).text or ""
    found = other_scale(line_of(text))
    assert found
    assert (found.width, found.classes, found.fused, host in found.hosts) == (width, classes, fused, True)
    number = next(word for word in text.replace(",", "").split() if len(word) > 5 and word.isdecimal())
    changed = text.replace(",", "").replace(number, str(int(number) + 1))
    assert other_scale(line_of(changed)) is None


@pytest.mark.parametrize(
    "text",
    [
        "157 layers, 7015520 parameters, 0 gradients, 15.8 GFLOPs",
        "YOLOv8n summary: 200 layers, 3387234 parameters, 0 gradients, 7.7 GFLOPs",
        "214 layers, 7235389 parameters, 7235300 gradients, 16.5 GFLOPs",
        "Model Summary: 140 layers, 7.29776e+06 parameters, 6.61683e+06 gradients",
    ],
)
def test_other_lines_have_no_multiples(text: str) -> None:
    assert other_scale(line_of(text)) is None

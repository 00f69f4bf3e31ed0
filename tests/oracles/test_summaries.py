"""Summary lines as users and repositories quote them: yolo-probe prints each from the network's name alone."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.oracles.agreement import report_of, unbalanced

OLD, NEW = ("thop-0.0.31",), ("thop-0.1", "ultralytics-thop-2.2")
"""The old and the new thop of these logs; nearest upsampling, since free, shows in yolov5x alone: 205.5, now 205.4."""

NEW_OF_2022 = ("thop-0.1",)

V6_0_AND_6_1, V6, V7 = ("v6.0", "v6.1"), ("v6.0", "v6.1", "v6.2"), ("v7.0",)


class Row(NamedTuple):
    """A quoted pair of lines, at train start and at validation; gradients are all and none."""

    number: str
    hosts: tuple[str, ...]
    network: str
    classes: int
    counters: tuple[str, ...]
    training: tuple[int, int, str]
    """Layers, parameters, GFLOPs."""
    validation: tuple[int, int, str]


ROWS = (
    Row("A12", V6_0_AND_6_1, "yolov5s", 80, OLD, (270, 7235389, "16.5"), (213, 7225885, "16.5")),
    Row("A13", ("v6.2",), "yolov5s", 80, NEW, (270, 7235389, "16.6"), (213, 7225885, "16.4")),
    Row("A14", V6, "yolov5s", 1, OLD, (270, 7022326, "15.8"), (213, 7012822, "15.8")),
    Row("A15 old", V6, "yolov5n", 80, OLD, (270, 1872157, "4.5"), (213, 1867405, "4.5")),
    Row("A15 new", V6, "yolov5n", 80, NEW, (270, 1872157, "4.6"), (213, 1867405, "4.5")),
    Row("A17 old", V6, "yolov5m", 80, OLD, (369, 21190557, "49.1"), (290, 21172173, "49.0")),
    Row("A17 new", V6, "yolov5m", 80, NEW, (369, 21190557, "49.2"), (290, 21172173, "48.9")),
    Row("A18 old", V6, "yolov5l", 80, OLD, (468, 46563709, "109.3"), (367, 46533693, "109.1")),
    Row("A18 new", V6, "yolov5l", 80, NEW, (468, 46563709, "109.6"), (367, 46533693, "109.0")),
    Row("A20 old", V6, "yolov5x", 80, OLD, (567, 86749405, "205.9"), (444, 86705005, "205.7")),
    Row("A20 new", V6, "yolov5x", 80, NEW_OF_2022, (567, 86749405, "206.3"), (444, 86705005, "205.5")),
    Row("A23", V7, "yolov5n", 80, NEW, (214, 1872157, "4.6"), (157, 1867405, "4.5")),
    Row("A24", V7, "yolov5s", 80, NEW, (214, 7235389, "16.6"), (157, 7225885, "16.4")),
    Row("A27", V7, "yolov5s", 2, NEW, (214, 7025023, "16.0"), (157, 7015519, "15.8")),
    Row("A28", V7, "yolov5s", 11, NEW, (214, 7049296, "16.0"), (157, 7039792, "15.8")),
    Row("A30", V7, "yolov5m", 80, NEW, (291, 21190557, "49.2"), (212, 21172173, "48.9")),
    Row("A33", V7, "yolov5x", 80, NEW_OF_2022, (445, 86749405, "206.3"), (322, 86705005, "205.5")),
    Row("A35", V7, "yolov5l6", 80, NEW, (477, 76770172, "111.8"), (346, 76726332, "111.2")),
    Row("A36", V7, "yolov5n-seg", 80, NEW, (225, 1991549, "7.2"), (165, 1986637, "7.1")),
    Row("A37", V7, "yolov5s-seg", 80, NEW, (225, 7621277, "26.6"), (165, 7611485, "26.4")),
    Row("A41", V7, "yolov5s-LeakyReLU", 80, NEW, (214, 7235389, "16.6"), (157, 7225885, "16.4")),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.number.replace(" ", "-"))
def test_a_quoted_pair_of_lines_is_printed_from_the_name(row: Row) -> None:
    for host in row.hosts:
        for counter in row.counters:
            options = ("--host", host, "--nc", str(row.classes), "--counter", counter)
            report = report_of(row.network, *options)
            begin = "Model Summary" if host in V6_0_AND_6_1 else f"{row.network.replace('yolov5', 'YOLOv5')} summary"
            assert report["host_lines"] == {
                "training": _line(begin, row.training, row.training[1]),
                "validation": _line(begin, row.validation, 0),
            }, options
            assert list(unbalanced(report)) == []


def _line(begin: str, figures: tuple[int, int, str], gradients: int) -> str:
    layers, parameters, gflops = figures
    return f"{begin}: {layers} layers, {parameters} parameters, {gradients} gradients, {gflops} GFLOPs"

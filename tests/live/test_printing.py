"""What the functions for a live model return: printed, in a notebook, as JSON, and as rows for pandas."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from importlib import import_module
from typing import Any

import pytest
import torch
from torch import nn

import yolo_probe
from yolo_probe.api import Comparison, Explanation, FlopCount, Layers

CONV = 8 * 62 * 62 * 3 * 9
"""MACs of a 3x3 convolution of an image of 64x64, without a border."""
NORM = 4 * 8 * 62 * 62


class Block(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """Two modules in one, a transform that no counter has a rule for, and what can be fused."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.fft.fft2(self.inner(x))

    def fuse(self) -> None:
        self.inner = nn.Sequential(nn.Conv2d(3, 8, 3))


def model() -> nn.Module:
    return nn.Sequential(Block())


class Tags(HTMLParser):
    """Tags of a piece of HTML: those that were seen, and those that are still open."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.opened += [] if tag == "br" else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


def returned() -> list[FlopCount | Comparison | Explanation | Layers]:
    network = model()
    return [
        yolo_probe.count_flops(network, 64),
        yolo_probe.compare_counters(network, 64),
        yolo_probe.compare_counters(network[0], 64),
        yolo_probe.explain_gradients(network),
        yolo_probe.explain_layers(network, 64),
    ]


def test_the_parents_have_what_is_inside_and_the_leaves_add_up() -> None:
    counted = yolo_probe.count_flops(model(), 64)
    inner = {"0.inner": CONV + NORM, "0.inner.0": CONV, "0.inner.1": NORM}
    assert counted.by_module == {"": CONV + NORM, "0": CONV + NORM} | inner
    assert counted.by_module_alone == {"0.inner.0": CONV, "0.inner.1": NORM}
    assert sum(counted.by_module_alone.values()) == counted.total == CONV + NORM


def test_a_count_prints_as_a_table_that_adds_up() -> None:
    printed = str(yolo_probe.count_flops(model(), 64)).splitlines()
    assert printed[0] == "1.91 MFLOPs for an input of 1x3x64x64, by the rules of ultralytics-thop-2.2"
    assert [line.split() for line in printed if line.startswith(("0.inner", "total"))] == [
        ["total", f"{CONV + NORM:,}", "100.0", "%"],
        ["0.inner.0", f"{CONV:,}", "87.1", "%"],
        ["0.inner.1", f"{NORM:,}", "12.9", "%"],
        ["total", f"{CONV + NORM:,}", "100.0", "%"],
    ]
    assert "Missing  not counted: fft.fft2 at 0 (33%)" in printed


def test_a_comparison_prints_what_each_tool_prints_and_what_it_leaves_out() -> None:
    printed = str(yolo_probe.compare_counters(model(), 64))
    rows = {line.split()[0]: line.split()[-4:] for line in printed.splitlines() if line.endswith(" 240")}
    assert rows["torchinfo"] == ["861,072", "MACs", "1.72", "240"]
    assert rows["calflops"] == ["1,752,864", "FLOPs", "1.75", "240"]
    assert "\nBatchNorm  ptflops-aten, torch\n" in printed
    assert "\nfft.fft2  all of them (33% of all values)\n" in printed


def test_a_model_with_a_fuse_has_a_column_for_it() -> None:
    printed = str(yolo_probe.compare_counters(model()[0], 64, ["ultralytics-thop-2.2", "torch"])).splitlines()
    assert printed[2].split() == ["counter", "prints", "unit", "MFLOPs", "fused", "parameters"]
    assert printed[4].split() == ["torch", f"{2 * CONV:,}", "FLOPs", "1.66", "1.66", "-"]


@pytest.mark.parametrize("value", returned(), ids=lambda value: type(value).__name__)
def test_what_is_returned_prints_plainly_and_shows_in_a_notebook(
    value: FlopCount | Comparison | Explanation | Layers,
) -> None:
    printed = str(value)
    assert repr(value) == printed
    assert printed.isascii()
    assert [line for line in printed.splitlines() if len(line) > 80 or line != line.rstrip()] == []
    parser = Tags()
    parser.feed(value._repr_html_())
    assert parser.opened == []
    assert "table" in parser.seen
    assert json.loads(json.dumps(value.as_json()))["schema"] == 1


def test_the_rows_are_a_table_of_pandas() -> None:
    pandas: Any = import_module("pandas")  # which has no types here
    counted = pandas.DataFrame(yolo_probe.count_flops(model(), 64).rows()).set_index("module")
    assert counted.loc["0.inner", ["count", "alone", "flops", "uncounted"]].tolist() == [
        CONV + NORM, 0, 2 * (CONV + NORM), 0,
    ]  # fmt: skip
    assert counted.loc["0", "uncounted"] == 1
    assert pandas.isna(counted.loc["0", "alone"])
    compared = pandas.DataFrame(yolo_probe.compare_counters(model(), 64).rows()).set_index("counter")
    assert compared.loc["torch", ["unit", "unfused", "flops"]].tolist() == ["FLOPs", 2 * CONV, 2 * CONV]
    assert pandas.isna(compared.loc["torch", "parameters"])
    assert compared["parameters"].max() == 240


def test_a_large_network_is_shown_in_its_largest_modules() -> None:
    network = nn.Sequential(*(nn.Conv2d(3, 3, 1, bias=False) for _ in range(20)))
    printed = str(yolo_probe.count_flops(network, 8)).splitlines()
    assert [line.split() for line in printed if "others" in line] == [["8", "others", f"{8 * 9 * 64:,}", "40.0", "%"]]


def test_nothing_is_counted_where_no_counter_is_named_or_none_has_a_rule() -> None:
    assert str(yolo_probe.compare_counters(model(), 64, [])) == "No counter was named\n"
    lone = yolo_probe.count_flops(nn.LSTM(4, 6), (3, 1, 4), "torch")
    assert (lone.total, lone.by_module, lone.by_module_alone) == (0, {}, {})
    assert "not counted: lstm at the model (100%)" in str(lone)
    assert [row["count"] for row in lone.rows()] == [None]

"""Modules and functions of torch one by one: each counter's real figure, but for known differences, each with a reason.

`python -m tests.sweep` prints the same as a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import nn

from tests.environments import HOST_NEEDS, ROOT, TOOLS, counter, host, release
from tests.oracles.real_host import RELEASES
from tests.processes import run_python
from tests.sweep.__main__ import SCRIPTS, swept, verdict
from tests.sweep.blocks import BLOCKS
from tests.sweep.cases import CASES, LEFT_OUT
from tests.sweep.known_differences import DIFFERENT, DIFFERENT_BLOCKS, NAMED_BLOCKS, ONE_KERNEL, TRAINING


def other(rows: Iterable[dict[str, Any]]) -> set[str]:
    """The cases in which two figures are not the same."""
    return {row["case"] for row in rows if verdict(row) in ("different", "named")}


@pytest.mark.parametrize("counter", [*RELEASES, *TOOLS])
def test_every_module_and_function_has_the_real_figure_but_the_listed_ones(counter: str) -> None:
    rows = swept(counter)
    assert len(rows) > 300
    assert [row for row in rows if verdict(row) == "no figure"] == []
    assert other(rows) == DIFFERENT.get(counter, {}).keys()
    totals = {row["case"]: (row["real parameters"], row["our parameters"]) for row in rows if "real parameters" in row}
    assert {case: total for case, total in totals.items() if None not in total and total[0] != total[1]} == {}


@pytest.mark.parametrize("counter", TRAINING)
def test_in_training_mode_too(counter: str) -> None:
    rows = swept(counter, mode="train")
    assert [row for row in rows if verdict(row) == "no figure"] == []
    assert other(rows) == TRAINING[counter].keys()


@pytest.mark.parametrize("name", [*RELEASES, *TOOLS])
def test_pasted_blocks_have_the_real_figure_but_the_listed_ones(name: str) -> None:
    rows = swept(name, "blocks")
    assert [row["case"] for row in rows] == [*BLOCKS]
    assert [row for row in rows if verdict(row) == "no figure"] == []
    assert {row["case"] for row in rows if verdict(row) == "different"} == DIFFERENT_BLOCKS.get(name, {}).keys()
    assert {row["case"] for row in rows if verdict(row) == "named"} == NAMED_BLOCKS.get(name, set())
    listed = {operator for row in rows for operator in row["named"]}
    assert listed.isdisjoint(("_set_grad_enabled()", "complex()", "profiler._record_function_enter_new"))


@pytest.mark.parametrize("name", [*RELEASES, *TOOLS])
def test_each_way_to_write_a_sum_or_a_product_counts_as_in_the_real_counter(name: str) -> None:
    rows = swept(name, "spellings")
    assert len(rows) == 19
    assert {row["case"]: row["ours"] for row in rows} == {row["case"]: row["real"] for row in rows}


@pytest.mark.parametrize(
    ("cases", "thop"),
    [("cases", "ultralytics-thop-2.2"), ("blocks", "ultralytics-thop-2.2"), ("blocks", "thop-0.1")],
)
def test_in_a_row_of_a_network_the_line_is_the_hosts(cases: str, thop: str) -> None:
    paths = [ROOT, counter(*RELEASES[thop]), host("7.0.14"), *(release(*each) for each in HOST_NEEDS)]
    output = run_python(SCRIPTS / "in_a_row.py", cases, paths=paths).stdout
    rows = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert [row["case"] for row in rows] == [*(CASES if cases == "cases" else BLOCKS)]
    assert [row for row in rows if row["host"] != row["ours"][:1]] == []  # what follows says what thop left out


@pytest.mark.parametrize("name", [*RELEASES, *(tool for tool in TOOLS if tool != "calflops")])
def test_a_deformable_convolution_has_the_real_figure_and_is_named_where_that_leaves_it_out(name: str) -> None:
    rows = swept(name, "deformable")
    assert [row["case"] for row in rows if row["real"] != row["ours"]] == []
    module = [] if name in ("ptflops", "torchinfo") else ["deformable_conv2d"]
    assert [row["named"] for row in rows] == [module] * 5 + [["deform_conv2d"]]


@pytest.mark.parametrize("name", [*RELEASES, *TOOLS])
def test_timms_attention_has_the_real_figure(name: str) -> None:
    rows = swept(name, "attention_of_timm")
    assert other(rows) == ({row["case"] for row in rows} if name == "torch" else set()), ONE_KERNEL
    if name == "ptflops":  # its rule covers all inside, but for a subclass
        assert [bool(row["named"]) for row in rows] == [False, False, True]


def test_no_name_of_torch_is_forgotten() -> None:
    cases = {name.split(" ")[0].rstrip(",").removeprefix("F.") for name in CASES}
    modules = {name for name, each in vars(nn).items() if isinstance(each, type) and issubclass(each, nn.Module)}
    functions = {name for name in dir(nn.functional) if name.islower() and callable(getattr(nn.functional, name))}
    named = {name for name in modules | functions if not name.startswith("_")}
    assert named - cases - LEFT_OUT.keys() == set(), f"new in torch {torch.__version__}"

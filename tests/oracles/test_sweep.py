"""Modules and functions of torch one by one: each real counter's figure, but for the listed cases, each with a reason.

`python -m tests.sweep` prints the same as a table.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import nn

from tests.environments import HOST_NEEDS, ROOT, counter, host, release, run_python
from tests.oracles.real_host import RELEASES
from tests.sweep.__main__ import SCRIPTS, TOOLS, swept, verdict
from tests.sweep.cases import CASES, LEFT_OUT

UNUSED = "the tool follows the output back, and what nobody uses is not on that way"
ONE_KERNEL = "on the CPU attention is one kernel, which FlopCounterMode has no formula for"
OLD_NAME = "F.upsample calls F.interpolate, and both names are replaced; the call of the first cannot be seen from here"
FROZEN = "a frozen encoder layer is one operator of torch, for which there is no rule"
SIZE = "tracing takes a product of sizes inside the loss for work"

ATTENTION = ("attention", "attention, causal", "MultiheadAttention, no weights asked")

DIFFERENT: dict[str, dict[str, str]] = {
    "fvcore": {"a result that nobody uses": UNUSED},
    "ptflops": {"F.upsample": OLD_NAME},
    "torchprofile": {
        "a result that nobody uses": UNUSED,
        "F.gaussian_nll_loss": SIZE,
        "TransformerEncoderLayer, frozen": FROZEN,
    },
    "torch": {
        **dict.fromkeys((*ATTENTION, "MultiheadAttention, masked, no weights asked"), ONE_KERNEL),
        **dict.fromkeys(("TransformerEncoderLayer", "TransformerEncoder", "Transformer"), ONE_KERNEL),
        **dict.fromkeys(("TransformerDecoderLayer", "TransformerDecoder"), ONE_KERNEL),
        "TransformerEncoderLayer, frozen": FROZEN,
    },
    "calflops": {"F.upsample": OLD_NAME},
    "deepspeed": {"F.upsample": OLD_NAME},
}
"""By counter: the cases in which ours is not the real figure in evaluation mode, and why."""

TRAINING: dict[str, dict[str, str]] = {
    "fvcore": {"a result that nobody uses": UNUSED},
    "torchprofile": {"a result that nobody uses": UNUSED, "F.gaussian_nll_loss": SIZE},
    "torch": dict.fromkeys(
        (*ATTENTION, "MultiheadAttention, masked, no weights asked", "MultiheadAttention, frozen, no weights asked"),
        ONE_KERNEL,
    ),
}
"""As ``DIFFERENT``, in training mode, of the counters that count a model as it trains."""


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


def test_in_row_9_of_yolov5n_the_line_is_the_hosts() -> None:
    paths = [ROOT, counter(*RELEASES["ultralytics-thop-2.2"]), host("7.0.14"), *(release(*each) for each in HOST_NEEDS)]
    rows = list(map(json.loads, run_python(SCRIPTS / "in_row_9.py", paths=paths).stdout.splitlines()))
    assert [row["case"] for row in rows] == [*CASES]
    assert [row for row in rows if row["host"] != row["ours"][:1]] == []  # what follows says what thop left out


def test_no_name_of_torch_is_forgotten() -> None:
    cases = {name.split(" ")[0].rstrip(",").removeprefix("F.") for name in CASES}
    modules = {name for name, each in vars(nn).items() if isinstance(each, type) and issubclass(each, nn.Module)}
    functions = {name for name in dir(nn.functional) if name.islower() and callable(getattr(nn.functional, name))}
    named = {name for name in modules | functions if not name.startswith("_")}
    assert named - cases - LEFT_OUT.keys() == set(), f"new in torch {torch.__version__}"

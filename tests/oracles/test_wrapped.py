"""A wrapped, pruned or prepared model gets its own host's line, and stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import environments, processes

SCRIPT = Path(__file__).with_name("wrapped_check.py")
NO_FIGURE = {
    "classic": {
        "half": "the first layer: a float32 image into a float16 model",
        "bfloat16": "the first layer: a float32 image into a bfloat16 model",
        "pruned while gradients are on": "model.0.conv: weight cannot be copied",
        "weight norm": "model.0.conv: Given groups=1, weight of size [8, 3, 3, 3], expected input",
        "weight norm by hooks": "model.0.conv: weight cannot be copied",
        "a lock": "the model: lock cannot be copied",
        "a generator": "the model: numbers cannot be copied",
    },
    "ultralytics": {
        "weight norm": "model.0.conv: Given groups=1, weight of size [8, 3, 3, 3], expected input",
        "weight norm by hooks": "model.0.conv: Given groups=1, weight of size [8, 3, 3, 3], expected input",
    },
}
"""Where the host itself prints no GFLOPs, and what the probe says of it in a second line."""
QUANTISED = (
    "  A copy of the model was run on zeros, as its shapes depend on values (model.1.mix.0: ",
    "  Not counted by ultralytics-thop 2.2, at ",
    "  272 weights and biases of quantised modules (model.1.mix.0) are not among the parameters: ",
)
"""What the probe says of a model with a linear layer from 16 channels to 16, of which torch has packed the weights."""


@pytest.mark.parametrize("host", ["classic", "ultralytics"])
def test_whatever_is_around_a_model_it_gets_its_hosts_line_and_stays_as_it_is(host: str) -> None:
    paths = [environments.ROOT, environments.host("7.0.14"), environments.counter("ultralytics-thop", "2.2.3")]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    done = processes.run_python(SCRIPT, host, paths=paths)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == 24
    for each in found:
        where, (line, *remarks) = each["wrapping"], each["probe"][0]
        assert (where, [line], each["probe"][1]) == (where, *each["host"])
        assert (where, each["unchanged"]) == (where, True)
        if where == "quantised":
            assert all(map(str.startswith, remarks, QUANTISED))
            assert len(remarks) == len(QUANTISED)
            continue
        reason = NO_FIGURE[host].get(where)
        assert (where, "GFLOPs" in line) == (where, reason is None)
        assert (where, len(remarks)) == (where, 0 if reason is None else 1)
        assert f"fails at {reason}" in "".join(remarks) or reason is None


@pytest.fixture(scope="module")
def starts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The record of the start of each training."""
    paths = [environments.ROOT, environments.host("7.0.14"), environments.counter("ultralytics-thop", "2.2.3")]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    folder = tmp_path_factory.mktemp("starts")
    done = processes.run_python(Path(__file__).with_name("start_check.py"), folder, paths=paths)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_a_training_in_ddp_starts_with_the_numbers_of_the_model_and_not_of_its_wrapper(
    starts: list[dict[str, Any]],
) -> None:
    bare, wrapped, _, _ = starts
    assert bare == wrapped
    assert (bare["fuse"]["merges"], bare["fuse"]["fails"], bare["training"]["layers"]) == (57, None, 214)


def test_a_fused_network_whose_forward_fails_is_found_at_the_start(starts: list[dict[str, Any]]) -> None:
    norm, half = (each["fuse"]["fails"].removeprefix("after fuse(), ") for each in starts[2:])
    assert norm.startswith(
        "model.3 (UsesNorm) fails: AttributeError: 'UsesNorm' object has no attribute 'bn'. What runs"
    )
    place, problem = half.split(" fails: ")
    assert place == "model.4.cv1.conv (Conv2d) in model.4.cv1 (Conv)"
    assert problem.startswith("conv2d: found 32 input channels, expected 64. What runs")

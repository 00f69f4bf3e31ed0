"""Modules and functions of torch one by one: each real counter's figure, or a difference with a known reason.

`python -m tests.sweep` prints the same as a table.
"""

from __future__ import annotations

import pytest

from tests.sweep.__main__ import RELEASES, TOOLS, swept, verdict

ENCODER = "in evaluation its fast path runs, in which attention gives no weights and one fused kernel does all"
EINSUM = "it counts by the plan of opt_einsum, with one more operation, and a reordering of axes as one for each value"
KNOWN = {
    "fvcore": {
        "TransformerEncoderLayer": ENCODER,
        "einsum of one": EINSUM,
        "einsum of two": EINSUM,
        "broadcast matmul": "it takes the sizes of the first operand alone",
    },
    "ptflops": {"TransformerEncoderLayer": ENCODER},
    "torchprofile": {"TransformerEncoderLayer": ENCODER, "einsum of one": EINSUM},
    "torch": {"attention": "on the CPU its mode misses contiguous tensors; ours is the figure of the meta device"},
    "calflops": {
        "TransformerEncoderLayer": ENCODER,
        "einsum of one": EINSUM,
        "einsum of two": EINSUM,
        "ConvTranspose1d": "it adds no bias there",
        "ConvTranspose3d": "it adds no bias there",
    },
    "deepspeed": {
        "TransformerEncoderLayer": ENCODER,
        "einsum of one": EINSUM,
        "einsum of two": EINSUM,
        "matrix @ vector": "it takes the vector for a matrix",
        "broadcast matmul": "it takes the sizes of the first operand alone",
    },
}
"""By counter: the cases in which its figure is another, and why."""


@pytest.mark.parametrize("counter", [*RELEASES, *TOOLS])
def test_every_module_and_function_has_the_real_figure_or_a_known_reason(counter: str) -> None:
    rows = swept(counter)
    assert len(rows) > 100
    assert [row for row in rows if verdict(row) == "no figure"] == []
    different = {row["case"] for row in rows if verdict(row) == "different"}
    assert different == set(KNOWN.get(counter, {}))

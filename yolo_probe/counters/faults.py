"""The cases in which counters charge something by mistake: the name of each, and the right rule.

A rule says what a counter charges, right or wrong; a fault says which rule would be right. A choice (BatchNorm free, a
bias charged) is no fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from yolo_probe.counters import rules
from yolo_probe.counters.rules import TRANSPOSED_CONVOLUTIONS
from yolo_probe.counters.tool_tables import DEEPSPEED, twice
from yolo_probe.counters.tool_tables import TORCHPROFILE as TORCHPROFILE_TABLE
from yolo_probe.model.operators import Rule


@dataclass(frozen=True, slots=True)
class Fault:
    """A case in which a counter charges something else than its own rules intend."""

    name: str
    """Its name as a term of the figure."""
    right: Rule
    """What the counter would charge without it."""
    why: str
    """One sentence for the report."""


SHARED = "shared modules again"
"""The fault of counting a module that is in n places of the model n times, or n x n times."""
SHARED_WHY = "A module that is in several places of the network is charged again for each of them."

TWICE = "counted twice"
"""The fault of counting both a module and the function that it calls."""
TWICE_WHY = "A module and the torch function that it calls are both charged."

HIDDEN = "inside autograd functions"
"""The fault of not counting what a torch.autograd.Function of the model's own runs."""
HIDDEN_WHY = "A torch.autograd.Function of the model's own is one node of the traced graph: what it runs is not seen."

Faults = Mapping[str, Fault]
"""The faults of one counter by operator."""


def _transposed(right: Rule) -> dict[str, Fault]:
    why = "Transposed convolutions are charged over their output, stride x stride times too much."
    return dict.fromkeys(TRANSPOSED_CONVOLUTIONS, Fault("transposed x stride^2", right, why))


def _attention(right: Rule) -> dict[str, Fault]:
    why = "nn.MultiheadAttention is left out: its products run in functions that the counter does not see."
    return {"multi_head_attention": Fault("attention not counted", right, why)}


THOP_2019 = _transposed(rules.transposed_with_bias) | _attention(rules.attention_products)
THOP_0_1 = _transposed(rules.transposed_convolution) | _attention(rules.attention_products)
THOP_2_0_16 = _attention(rules.attention_products)

TORCHINFO: Faults = {
    **_transposed(rules.transposed_with_bias),
    **_attention(rules.attention_with_biases),
    "linear": Fault(
        "fully connected: axes left out",
        rules.linear_with_bias,
        "A fully connected layer is charged once for each entry of the first axis, whatever the axes between hold.",
    ),
}

_SDPA = Fault(
    "attention not counted",
    rules.scaled_dot_product,
    "F.scaled_dot_product_attention is left out.",
)

_MATRICES = "Query x key and attention x value are torch.bmm, which the counter does not see."

_FIRST = "A product of matrices is charged by its first input: what that is repeated for is left out."
_PRINTED = (
    "einsum is charged by the text that NumPy prints: one too many, rounded to four digits, moves of values as work."
)


def _by_text(matmul: Rule, einsum: Rule) -> Faults:
    return {
        "matmul": Fault("products by their first input", matmul, _FIRST),
        "einsum": Fault("einsum as printed", einsum, _PRINTED),
    }


DEEPSPEED_FAULTS = _by_text(twice(rules.matrix_product), twice(rules.einsum_products))

CALFLOPS: Faults = {
    **DEEPSPEED_FAULTS,
    "scaled_dot_product_attention": Fault(_SDPA.name, twice(_SDPA.right), _SDPA.why),
    "multi_head_attention": Fault("attention products left out", DEEPSPEED["multi_head_attention"], _MATRICES),
    "upsample": Fault(
        "upsampling by its input",
        DEEPSPEED["upsample"],
        "The scale of an Upsample is multiplied and the product thrown away: it is charged for its input.",
    ),
    **dict.fromkeys(
        TRANSPOSED_CONVOLUTIONS,
        Fault(
            "transposed / groups again",
            DEEPSPEED["conv_transpose2d"],
            "Transposed convolutions are divided by their groups twice, and their bias by a wrong output size.",
        ),
    ),
}

PTFLOPS_ATEN: Faults = {"scaled_dot_product_attention": _SDPA}

_SIZES = (
    "Tracing takes products of sizes for work: na * nx * ny in Detect, four in attention, numbers that only say how "
    "large a tensor is."
)

TORCHPROFILE: Faults = {
    **_transposed(rules.transposed_convolution),
    "cat": Fault(
        "products of sizes",
        lambda r: 0,
        _SIZES,
    ),
    "multi_head_attention": Fault(
        "products of sizes",
        lambda r: TORCHPROFILE_TABLE["multi_head_attention"](r) - rules.attention_sizes(r),
        _SIZES,
    ),
}

FVCORE: Faults = {
    **_by_text(rules.matrix_product, rules.einsum_products),
    "scaled_dot_product_attention": _SDPA,
    "multi_head_attention": Fault(
        "attention not counted",
        rules.attention_products,
        "Attention whose weights nobody asks for, or with a mask, runs in functions that the counter does not see.",
    ),
}

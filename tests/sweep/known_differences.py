"""The cases in which the probe's figure is not the real counter's, each with the reason."""

from __future__ import annotations

UNUSED = "the tool follows the output back, and what nobody uses is not on that way"
ONE_KERNEL = "on the CPU attention is one kernel, which FlopCounterMode has no formula for"
FROZEN = "a frozen encoder layer is one operator of torch, for which there is no rule"

ATTENTION = (
    *("attention", "attention, causal", "attention with a mask", "attention of heads in groups"),
    "MultiheadAttention, no weights asked",
)
MASKED = ("MultiheadAttention, masked, no weights asked", "MultiheadAttention, keys hidden, no weights asked")

DIFFERENT: dict[str, dict[str, str]] = {
    "fvcore": {"a result that nobody uses": UNUSED},
    "torchprofile": {"a result that nobody uses": UNUSED, "TransformerEncoderLayer, frozen": FROZEN},
    "torch": {
        **dict.fromkeys((*ATTENTION, *MASKED), ONE_KERNEL),
        **dict.fromkeys(("TransformerEncoderLayer", "TransformerEncoder", "Transformer"), ONE_KERNEL),
        **dict.fromkeys(("TransformerDecoderLayer", "TransformerDecoder"), ONE_KERNEL),
        "TransformerEncoderLayer, frozen": FROZEN,
    },
}
"""By counter: the cases in which ours is not the real figure in evaluation mode, and why."""

TRAINING: dict[str, dict[str, str]] = {
    "fvcore": {"a result that nobody uses": UNUSED},
    "torchprofile": {"a result that nobody uses": UNUSED},
    "torch": dict.fromkeys(
        (*ATTENTION, *MASKED, "MultiheadAttention, frozen, no weights asked"),
        ONE_KERNEL,
    ),
}
"""As ``DIFFERENT``, in training mode, of the counters that count a model as it trains."""

SIZES = "tracing takes products of sizes, and a scale of a product, for work"

DIFFERENT_BLOCKS: dict[str, dict[str, str]] = {
    "torchprofile": dict.fromkeys(("dynamic kernels", "carafe", "linear attention", "non-local"), SIZES),
    "calflops": {"compiled child": "torch.compile calls the function that the module hook has charged"},
}
"""By counter: the blocks of which ours is not the real figure, and why."""

DIFFERENT_ZOO: dict[str, dict[str, str]] = {
    "torchprofile": dict.fromkeys(
        (
            "torchvision maxvit_t", "torchvision swin_t", "torchvision swin_v2_t", "torchvision vit_b_32",
            *map("timm {}".format, """
                bat_resnext26ts coat_tiny davit_tiny edgenext_xx_small efficientvit_b0 efficientvit_m0 halonet26t
                hiera_tiny_224 lambda_resnet26t mobilevit_xxs mvitv2_tiny nest_tiny tiny_vit_5m_224 tnt_s_patch16_224
                tresnet_m twins_svt_small volo_d1_224
            """.split()),
        ),
        SIZES,
    ),
}  # fmt: skip
"""By counter: the networks of which ours is not the real figure, and why."""

NAMED_BLOCKS: dict[str, set[str]] = {
    "ptflops": {"products from the right"},
    "ptflops-aten": {"covariance", "matrix power"},
    "torch": {"covariance", "matrix power"},
    "deepspeed": {"products from the right"},
}  # fmt: skip
"""By counter: the blocks of which it counts more than ours, which names what it leaves out."""


def reason(counter: str, module: str, case: str, mode: str) -> str:
    """Why ours is not the real figure of a case; empty where no difference is known."""
    known = {
        ("cases", "eval"): DIFFERENT,
        ("cases", "train"): TRAINING,
        ("blocks", "eval"): DIFFERENT_BLOCKS,
        ("zoo", "eval"): DIFFERENT_ZOO,
    }
    return known.get((module, mode), {}).get(counter, {}).get(case, "")

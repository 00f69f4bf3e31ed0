"""Torchvision's deformable convolution beside a torch that its compiled part was not built for."""

from __future__ import annotations

import torch
from torch.library import Library


def define_deformable_convolution() -> Library:
    """Torchvision's operator, by its shapes alone, where its compiled part is not there."""
    import torchvision  # noqa: F401  # defines the others

    library = Library("torchvision", "FRAGMENT")
    if not hasattr(torch.ops.torchvision, "deform_conv2d"):
        arguments = "Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias"
        numbers = ", ".join(f"int {name}" for name in ("sh", "sw", "ph", "pw", "dh", "dw", "groups", "offset_groups"))
        library.define(f"deform_conv2d({arguments}, {numbers}, bool use_mask) -> Tensor")
        library.impl(
            "deform_conv2d",
            lambda x, weight, offset, *_: x.new_zeros(x.shape[0], weight.shape[0], *offset.shape[2:]),
            "CompositeExplicitAutograd",
        )
    return library

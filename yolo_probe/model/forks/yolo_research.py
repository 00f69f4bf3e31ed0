"""yolo_research: the heads of YOLOv7 in models of YOLOv5 v7.0, with all that YOLOv7's ``fuse()`` merges.

Source: https://github.com/positive666/yolo_research (2023).
"""

from __future__ import annotations

from yolo_probe.model.forks.fork import Fork, merged_conv
from yolo_probe.model.forks.yolov7 import fused_head, fused_rep_conv, head_before, is_of_u7, rep_conv_before
from yolo_probe.model.structure import Module, distinct_modules

_HEADS = frozenset({"IDetect", "IAuxDetect"})


def _has_own_head(root: Module) -> bool:
    """Whether a head of YOLOv7 has ``inplace``, as in its branch u7, and yet the grid of anchors as a buffer."""
    heads = (module for module in distinct_modules(root) if module.kind in _HEADS)
    return any(is_of_u7(head) and "anchor_grid" in head.buffers for head in heads)


YOLO_RESEARCH = Fork(
    "yolo_research",
    line="v7.0",
    marks=_HEADS,
    builds=lambda root: root.kind == "DetectionModel" and _has_own_head(root),
    fuses={
        "Conv": merged_conv, "DWConv": merged_conv, "RepConv": fused_rep_conv, "IDetect": fused_head,
        "IAuxDetect": fused_head,
    },
    restores={"RepConv": rep_conv_before, "IDetect": head_before, "IAuxDetect": head_before},
)  # fmt: skip

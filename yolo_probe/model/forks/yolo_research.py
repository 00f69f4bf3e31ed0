"""yolo_research: the heads of YOLOv7 in models of YOLOv5 v7.0, with all that YOLOv7's ``fuse()`` merges.

Its head runs the first implicit tensor alone. After ``fuse()`` a head for masks makes none: the forward that is set
for it is that of the head for boxes.

Source: https://github.com/positive666/yolo_research (2023).
"""

from __future__ import annotations

from yolo_probe.model.forks.fork import Fork, merged_conv
from yolo_probe.model.forks.orepa import deployed_orepa, orepa_before
from yolo_probe.model.forks.yolov7 import fused_head, fused_rep_conv, head_before, is_of_u7, rep_conv_before
from yolo_probe.model.forward import Frame, Value, block
from yolo_probe.model.structure import Module, Shape, distinct_modules
from yolo_probe.model.yolov5_blocks import HEAD, boxes, boxes_of_level, several

_BUFFERS = "anchors anchor_grid"


@block("IDetect", holds="m ia im", sets=f"{HEAD} forward?", tensors=_BUFFERS, takes="several", when=is_of_u7)
@block("ISegment", holds="m ia im proto", sets=f"{HEAD} forward? nm npr detect", tensors=_BUFFERS, takes="several")
def i_detect(f: Frame, x: Value) -> list[Shape]:
    levels, convolutions = several(x)[: f.get("nl", int)], f.inside("m")
    if "forward" in f.module.attributes:
        outputs = [convolutions(str(i), level) for i, level in enumerate(levels)]
    else:
        if f.has("proto"):
            f("proto", levels[0])
        outputs = [convolutions(str(i), f.inside("ia")(str(i), level)) for i, level in enumerate(levels)]
    return boxes(f, outputs, boxes_of_level)


_HEADS = frozenset({"IDetect", "IAuxDetect", "ISegment"})


def _has_own_head(root: Module) -> bool:
    """Whether a head of YOLOv7 has ``inplace``, as in its branch u7, and yet the grid of anchors as a buffer."""
    heads = (module for module in distinct_modules(root) if module.kind in _HEADS)
    return any(is_of_u7(head) and "anchor_grid" in head.buffers for head in heads)


YOLO_RESEARCH = Fork(
    "yolo_research",
    line="v7.0",
    marks=_HEADS,
    builds=lambda root: root.kind in ("DetectionModel", "SegmentationModel") and _has_own_head(root),
    fuses={
        "Conv": merged_conv, "DWConv": merged_conv, "RepConv": fused_rep_conv, "IDetect": fused_head,
        "IAuxDetect": fused_head, "ISegment": fused_head, "RepConv_OREPA": deployed_orepa,
    },
    restores={
        "RepConv": rep_conv_before, "IDetect": head_before, "IAuxDetect": head_before, "ISegment": head_before,
        "RepConv_OREPA": orepa_before,
    },
)  # fmt: skip

"""yolov7-face: a head of YOLOv7's branch pose for five points, and a ``fuse()`` that leaves every RepConv as it is.

Source: https://github.com/derronqi/yolov7-face (2022).
"""

from __future__ import annotations

from yolo_probe.model.forks.fork import Fork, has_head_of_yolov5, merged_conv
from yolo_probe.model.forks.yolov7 import PERSON_POINTS
from yolo_probe.model.forward import Frame, block
from yolo_probe.model.structure import Module, Shape, distinct_modules


@block("SPF", holds="m", sets="n")
def several_pools(f: Frame, x: Shape) -> Shape:
    return f("m", x)


@block("SPPFCSPC", holds="cv1 cv2 cv3 cv4 m cv5 cv6 cv7")
def sppfcspc(f: Frame, x: Shape) -> Shape:
    y = f("cv4", f("cv3", f("cv1", x)))
    parts = [y]
    for _ in range(3):
        parts.append(f("m", parts[-1]))
    return f("cv7", f.cat([f("cv6", f("cv5", f.cat(parts))), f("cv2", x)]))


@block("DWConvblock", holds="conv1 bn1 act1 conv2 bn2 act2", sets="p")
def dw_conv_block(f: Frame, x: Shape) -> Shape:
    for name in ("conv1", "bn1", "act1", "conv2", "bn2", "act2"):
        x = f(name, x)
    return x


def _has_points_of_its_own(root: Module) -> bool:
    return any(
        module.kind == "IKeypoint" and module.attributes.get("nkpt") != PERSON_POINTS
        for module in distinct_modules(root)
    )


YOLOV7_FACE = Fork(
    "yolov7-face",
    line="v5.0",
    marks=frozenset({"IKeypoint"}),
    builds=lambda root: root.kind == "Model" and not has_head_of_yolov5(root) and _has_points_of_its_own(root),
    fuses={"Conv": merged_conv},
)

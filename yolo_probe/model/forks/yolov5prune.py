"""yolov5prune: a YOLOv5 of which channels were cut out, so that each block is built with widths of its own.

Source: https://github.com/midasklr/yolov5prune (2021), models/pruned_common.py; other collections for pruning have the
same classes. It prints and fuses as YOLOv5 does.
"""

from __future__ import annotations

from yolo_probe.model.forks.pasted import pasted
from yolo_probe.model.forward import Frame
from yolo_probe.model.structure import Shape
from yolo_probe.model.yolov5_blocks import bottleneck, c3, spp, sppf

pasted("BottleneckPruned", holds="cv1 cv2", sets="add")(bottleneck)
pasted("C3Pruned", holds="cv1 cv2 cv3 m")(c3)
pasted("SPPPruned", holds="cv1 cv2 m")(spp)
pasted("SPPFPruned", holds="cv1 cv2 m")(sppf)


@pasted("C3PrunedNoRes", holds="cv1 cv2 cv3")
def c3_without_bottlenecks(f: Frame, x: Shape) -> Shape:
    return f("cv3", f.cat([f("cv1", x), f("cv2", x)]))

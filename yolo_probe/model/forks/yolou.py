"""YOLOU: heads of many detectors, each in a module of its own; its ``fuse()`` also merges YOLOv7's RepConv and OREPA.

Source: https://github.com/jizhishutong/YOLOU (2022).
"""

from __future__ import annotations

from yolo_probe.model.forks.fork import Fork, merged_conv
from yolo_probe.model.forks.orepa import deployed_orepa, orepa_before
from yolo_probe.model.forks.yolov7 import fused_rep_conv, rep_conv_before

_HEADS = (
    "FastestDet.Detect_FastestDet lf_yolo.Detect_LF yolo_fasterV2.DetectFaster yolo_pose.IKeypoint yolo_seg.Segment "
    "yoloe.DetectE yolor.IDetect yolosa.Detect_YOLOSA yolov5.ASFF_Detect yolov5.Decoupled_Detect yolov5.Detect "
    "yolov6_v1.Detectv6 yolov6_v2.Detectv6_E yolov7.Detectv7 yolov7.IAuxDetect yolov7.IBin yolox.DetectX"
)

YOLOU = Fork(
    "YOLOU",
    line="v7.0",
    marks=frozenset(f"models.{head}" for head in _HEADS.split()),
    builds=lambda root: root.kind in ("DetectionModel", "SegmentationModel"),
    fuses={"Conv": merged_conv, "DWConv": merged_conv, "RepConv": fused_rep_conv, "RepConv_OREPA": deployed_orepa},
    restores={"RepConv": rep_conv_before, "RepConv_OREPA": orepa_before},
    channels_of_yaml=True,
)

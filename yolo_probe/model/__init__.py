"""Modules, parameters and operators as plain data: one pass on shapes, and what ``fuse()`` and ``--freeze`` do.

From the ground up; a module imports only from lines above its own::

    structure     a model as plain data: modules, parameters, buffers
    operators     one record for each operator of a pass, and the shape of its output
    fusion        what fuse() does, and whether it has run
    freezing      which rows and parameters --freeze takes out of training
    user_rules    counting rules of the user's own
    forward       a pass on shapes: what it records, which block answers for a module
    torch_blocks  the modules of torch that YOLOv5's networks have
    yolov5_blocks  the blocks of YOLOv5
    forks.fork         what a fork is, and how its fuse() makes a structure anew
    forks.orepa        convolutions whose weight many parameters make
    forks.yolov7       YOLOv7
    forks.yolou        YOLOU
    forks.kapao        KAPAO
    forks.yolo_research  yolo_research
    forks.yolov7_face  yolov7-face
    forks.yolov9       YOLOv9
    forks.yolov5_lite  YOLOv5-Lite
    forks.yolov5_face  yolov5-face
    forks.pasted       blocks that people paste into YOLOv5
    forks.tph_yolov5   blocks of TPH-YOLOv5
    forks.swin_v2      blocks of Swin Transformer V2
    forks.bottleneck_transformers  attention between all places of a feature map
    forks.yolo_facev2  blocks of YOLO-FaceV2
    forks.light_backbones  MobileNetV3, EfficientNet-Lite, GhostNet V2 and others
    forks.ppyoloe      blocks of PP-YOLOE
    forks.lf_yolo      LF-YOLO
    forks.receptive_fields  blocks with dilated convolutions or attention along lines
    forks.yoloair      YOLOAir, and its blocks
    forks.yolox        the head of YOLOX, as YOLOAir has it
    forks.yolov6       heads of YOLOv6, as YOLOU has them
    forks.yolo_sa      blocks of YOLO-SA, as YOLOU has them
    forks.yolov5_obb   the head of yolov5_obb
    forks.yolov5_q     the head for masks of yolov5-q
    forks.yolov5prune  pruned blocks
    forks.yolov7_with_attributes  the head of yolov7WithAttributes
    forks.torchvision_layers  layers of torchvision
    forks.yolo11       blocks of YOLOv10 and YOLO11
    forks.yolo12       blocks of YOLOv12
    forks.yolo13       blocks of YOLOv13
    forks.rotation_yolov5  the head of rotation-yolov5
    forks.decoupled_heads  heads with branches for classes and boxes
    forks.before_v5_0  blocks that YOLOv5 had before v5.0 alone
    forks.scaled_yolov4  Scaled-YOLOv4
    forks.mobile_yolov5  mobile-yolov5
    forks.registry     all forks, and fuse() by the rules of a network's own
    trace         one whole pass: structure and image size -> operator records
    activations   what a pass reads, writes and keeps in memory
"""

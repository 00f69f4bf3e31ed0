"""What each real FLOP counter prints of a network of YOLOv5, as its documentation has it printed.

Arguments: the network, its number of classes, and the side of its image. Each print follows a line ``## name``.
"""

from __future__ import annotations

import logging
import sys
import warnings
from copy import deepcopy
from pathlib import Path

import torch
import yolov5.models
from torch.utils.flop_counter import FlopCounterMode
from yolov5.models.yolo import DetectionModel


def main() -> None:
    """Print them all."""
    name, classes, side = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")
    logging.disable()
    (path,) = Path(yolov5.models.__file__).parent.rglob(f"{name}.yaml")
    model, shape = DetectionModel(str(path), nc=classes).eval(), (1, 3, side, side)
    image = torch.zeros(shape)

    import thop

    macs, parameters = thop.profile(deepcopy(model), (image,), verbose=False)
    print("## thop\n", f"FLOPs = {macs}, Params = {parameters}")
    print("## thop\n", thop.clever_format([macs, parameters], "%.3f"))
    print("## thop\n", f"MACs: {macs / 1e9}G, params: {parameters / 1e6}M")

    from ptflops import get_model_complexity_info

    print("## ptflops")
    complexity, number = get_model_complexity_info(
        deepcopy(model), shape[1:], print_per_layer_stat=False, backend="pytorch"
    )
    print("{:<30}  {:<8}".format("Computational complexity: ", complexity))
    print("{:<30}  {:<8}".format("Number of parameters: ", number))

    import torchinfo

    print("## torchinfo\n", torchinfo.summary(deepcopy(model), shape, verbose=0))

    from fvcore.nn import FlopCountAnalysis, flop_count_table

    print("## fvcore\n", flop_count_table(FlopCountAnalysis(deepcopy(model), image)))
    print("## fvcore alone\n", FlopCountAnalysis(deepcopy(model), image).total())

    from calflops import calculate_flops

    print("## calflops")
    print(calculate_flops(model=deepcopy(model), input_shape=shape, print_detailed=False))

    from deepspeed.profiling.flops_profiler import get_model_profile

    print("## deepspeed")
    print(get_model_profile(deepcopy(model), shape, detailed=False))

    print("## torch")
    with FlopCounterMode(depth=1):
        model(image)


main()

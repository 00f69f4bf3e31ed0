"""Classic YOLOv5 loads its own checkpoints as before torch 2.6, which refuses them since: when, and what helps.

Source: ``torch.load`` since 2.6, whose ``weights_only`` is True by default; strip_optimizer() of YOLOv5 to v7.0.
"""

from __future__ import annotations

import inspect
import os
import pickle
import sys

REMEDY = "set TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 in the environment, or train with torch before 2.6"


def is_refused(error: BaseException) -> bool:
    """Whether this is torch's refusal of a checkpoint that holds a whole model."""
    return isinstance(error, pickle.UnpicklingError) and "weights_only" in str(error)


def strip_optimizer_will_fail() -> bool:
    """Whether the host that runs in this process will fail when it finishes the files of its training."""
    import torch

    if torch.__version__ < "2.6" or torch.load.__module__ != "torch.serialization":
        return False
    if os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD") in ("1", "y", "yes", "true"):
        return False
    for name in ("yolov5.utils.general", "utils.general", "utils.utils"):
        strip = getattr(sys.modules.get(name), "strip_optimizer", None)
        if inspect.isfunction(strip):
            try:
                source = inspect.getsource(strip)
            except OSError:
                return False
            return "torch.load(" in source and "weights_only" not in source
    return False

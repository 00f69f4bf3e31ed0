"""Error messages that people paste beside a summary line or instead of one: what they mean, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KnownError:
    """One error message of a host, of torch or of thop."""

    pattern: str
    """A regular expression that finds it in a text."""
    cause: str
    remedy: str


KNOWN_ERRORS = (
    KnownError(
        r"No module named '(?:models|utils)(?:\.\w+)*'",
        "The checkpoint is a pickle of whole modules, and names their classes where YOLOv5 (or a fork of it) has them. "
        "torch.load looks for the folder models on the path, and it is not there.",
        "Run in the clone of the code that trained the file, or torch.hub.load('ultralytics/yolov5', 'custom', "
        "'best.pt'). yolo-probe reads the file without that code.",
    ),
    KnownError(
        r"No module named '(?:ultralytics|yolov5)(?:\.\w+)*'",
        "The checkpoint is a pickle of whole modules, and names classes of a package that is not installed.",
        "pip install the package that the message names. yolo-probe reads the file without it.",
    ),
    KnownError(
        r"Weights only load failed|WeightsUnpickler error",
        "Since torch 2.6 torch.load refuses whatever is not weights, unless it is told otherwise, and a checkpoint of "
        "YOLOv5 is a pickle of whole modules.",
        "If you trust the file: torch.load(path, weights_only=False), or YOLOv5's newest code, which says so itself. "
        "yolo-probe inspect shows what loading would run.",
    ),
    KnownError(
        r"Can't get attribute '\w+' on <module",
        "The file names a class that this code does not have: it was trained by a newer version, or by a fork.",
        "Use the code that trained it; the line Version of yolo-probe fuse-diff says which one that is.",
    ),
    KnownError(
        r"\S* not implemented for 'Half'",
        "A finished checkpoint holds FP16 weights, and the CPU operators of that torch compute FP32 only.",
        "model.float() before the first pass, or leave --half out.",
    ),
    KnownError(
        r"has no attribute 'bn'",
        "fuse() takes the bn of each Conv. This one has none: it is fused already, or it is a class of your own that "
        "inherits from Conv and does not build one.",
        "Call fuse() once; for a class of your own, yolo-probe train tries fuse() before the first epoch and names the "
        "module.",
    ),
    KnownError(
        r"has no attribute 'total_(?:ops|params)'",
        "thop keeps its counts as buffers of the modules. Two counts at once, or one that failed, leave its hooks "
        "behind while the buffers are gone.",
        "Count a copy: thop.profile(deepcopy(model), ...). yolo_probe.count_flops(model) changes nothing.",
    ),
    KnownError(
        r"(?:Missing|Unexpected) key\(s\)[^\n]*total_(?:ops|params)",
        "thop.profile left its buffers total_ops and total_params in the model, and they were saved with it.",
        "Take them out of the state_dict before loading: its keys that end with total_ops or total_params.",
    ),
    KnownError(
        r"has no attribute 'recompute_scale_factor'",
        "nn.Upsample has this attribute since torch 1.11, and a file that an older torch saved has not.",
        "Use YOLOv5 v6.2 or newer, which puts it in after loading: m.recompute_scale_factor = None.",
    ),
    KnownError(
        r"invalid load key, '(?:v|<)'",
        "The file is no checkpoint: it begins as a pointer of git-lfs (v) or as a web page (<).",
        "git lfs pull, or download the file itself again.",
    ),
    KnownError(
        r"failed finding central directory|PytorchStreamReader failed",
        "The end of the file is missing: the download or the copy was cut short.",
        "Download or copy it again.",
    ),
)
"""The more special of two that a text may match first."""


def errors_in(text: str) -> Iterator[tuple[str, KnownError]]:
    """The known errors in a text, each once with the words that were found."""
    for known in KNOWN_ERRORS:
        if found := re.search(known.pattern, text):
            yield found[0], known
            text = re.sub(known.pattern, "", text)

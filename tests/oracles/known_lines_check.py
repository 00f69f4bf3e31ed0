"""Run inside one release of ultralytics: the two lines of networks, as the release itself prints them.

Arguments: a number of classes, and names of networks, of poses also with keypoints: ``yolov8n-pose:5:3``. Prints one
line of JSON for each.
"""

from __future__ import annotations

import json
import sys
from functools import partial

import torch
from ultralytics.nn import tasks

from tests.fingerprints import said
from tests.known_lines.of_ultralytics import model_class, torch_utils


def main(classes: int, names: list[str]) -> None:
    """Print the lines of a training's start and of its validation."""
    logger = torch_utils().LOGGER
    for name in names:
        network, *keypoints = name.split(":")
        shape = {"data_kpt_shape": tuple(map(int, keypoints))} if keypoints else {}
        model = model_class(network)(f"{network}.yaml", nc=classes, verbose=False, **shape)
        (before,), _ = said(logger, partial(tasks.model_info, model))
        model.requires_grad_(False).eval()
        with torch.no_grad():
            said(logger, model.fuse)
        (after,), _ = said(logger, partial(tasks.model_info, model))
        print(json.dumps([name, before, after]), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

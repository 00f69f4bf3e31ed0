"""Inside the process of a real host: networks whose cost does not grow with the area, by the host and by yolo-probe.

Argument: ``classic`` or ``ultralytics``. Prints one line of JSON for each network: the lines of both, and the FLOPs of
the image itself by the real thop.
"""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from functools import partial

import thop
import torch

from tests.fingerprints import said
from tests.fixed_sizes import NETWORKS
from yolo_probe.training import dropin

SIZE = 640


def main(host: str) -> None:
    if host == "classic":
        from yolov5.utils import torch_utils
    else:
        from ultralytics.utils import torch_utils
    for network in NETWORKS:
        model = network().eval()
        (line, *_), _ = said(torch_utils.LOGGER, partial(torch_utils.model_info, model, imgsz=SIZE))
        dropin.install()
        ours, _ = said(torch_utils.LOGGER, lambda: torch_utils.model_info(model, imgsz=SIZE))  # noqa: B023  # the drop-in
        dropin.uninstall()
        image = torch.zeros(1, 3, SIZE, SIZE, device="meta")
        direct = 2 * int(thop.profile(deepcopy(model).to("meta"), inputs=(image,), verbose=False)[0])
        answer = {"network": network.__name__, "host": line, "probe": ours, "direct": direct}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])

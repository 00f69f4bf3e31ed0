"""Inside the process of a real host: every call of its own ``model_info``, by the host and by yolo-probe.

Arguments: the package of the host's modules (``yolov5`` or ``ultralytics``), a folder for files. The drop-in is
installed before the host is imported. Prints one line of JSON for each call, and one of what uninstall() left.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import yolo_probe
from tests.fingerprints import said
from tests.oracles.wrapped_check import CLASSIC, NEWER
from yolo_probe.training import dropin

CALLS: dict[str, list[tuple[tuple[Any, ...], dict[str, Any]]]] = {
    "img_size": [
        ((), {}), ((False,), {}), ((True,), {}), ((False, 640), {}), ((False, [640, 320]), {}),
        ((), {"verbose": False, "img_size": 320}), ((), {"img_size": (96, 64)}),
    ],
    "imgsz": [
        ((), {}), ((False,), {}), ((True,), {}), ((False, 640), {}), ((False, [640, 320]), {}),
        ((), {"verbose": False, "imgsz": 320}), ((), {"imgsz": (96, 64)}),
    ],
    "detailed": [
        ((), {}), ((), {"detailed": False, "imgsz": 640}), ((), {"detailed": True, "imgsz": 320}),
        ((), {"detailed": False, "verbose": True, "imgsz": [640, 320]}), ((), {"verbose": False}), ((False, False), {}),
        ((True, True, 64), {}), ((), {"imgsz": (100, 60)}),
    ],
}  # fmt: skip


def answer(logger: Any, call: Callable[[], object]) -> tuple[list[str], str, object]:
    """What a call logs, prints and returns."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        lines, result = said(logger, call)
    return lines, printed.getvalue(), result


def main(package: str, folder: Path) -> None:
    yolo_probe.install()
    torch_utils = importlib.import_module(f"{package}.utils.torch_utils")
    home = importlib.import_module(f"{package}.{'nn.tasks' if package == 'ultralytics' else 'models.yolo'}")
    later = ModuleType("classify.train")
    exec(f"from {package}.utils.torch_utils import model_info", later.__dict__)  # noqa: S102
    sys.modules["classify.train"] = later
    places = (torch_utils, home, later)
    bound = [hasattr(place.model_info, "_yolo_probe_replaces") for place in places]
    yolo_probe.uninstall()
    own = torch_utils.model_info
    back = [place.model_info is own and not hasattr(own, "_yolo_probe_replaces") for place in places]
    print(json.dumps({"bound": bound, "back": back, "finders": "Arrivals" in str(sys.meta_path)}))
    file = folder / "yolov5-small.yaml"
    file.write_text(NEWER if package == "ultralytics" else CLASSIC, encoding="utf-8")
    logger = getattr(torch_utils, "LOGGER", None) or torch_utils.logger
    build = home.DetectionModel if package == "ultralytics" else home.Model
    model: Any = answer(logger, lambda: build(str(file)))[2]
    names = own.__code__.co_varnames[: own.__code__.co_argcount]
    for args, kwargs in next(calls for name, calls in CALLS.items() if name in names):
        real = answer(logger, partial(own, model, *args, **kwargs))
        dropin.install()
        put = answer(logger, partial(torch_utils.model_info, model, *args, **kwargs))
        dropin.uninstall()
        direct = answer(logger, partial(yolo_probe.model_info, model, *args, **kwargs))
        print(json.dumps({"call": f"{args} {kwargs}", "host": real, "installed": put, "direct": direct}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

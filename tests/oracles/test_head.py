"""HEAD's line is the one of ultralytics' ``model_info``, which HEAD imports: run for real on networks of v7.0."""

from __future__ import annotations

import json

import pytest

from tests import environments, processes
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.hosts.summary_line import host_line
from yolo_probe.hosts.target import resolve
from yolo_probe.model.freezing import with_gradients
from yolo_probe.model.fusion import fuse

NETWORKS = (
    "yolov3-tiny", "yolov5-p2", "yolov5-p7", "yolov5n", "yolov5n-seg", "yolov5n6", "yolov5s-ghost",
    "yolov5s-transformer",
)  # fmt: skip
SIZES = ((640, 640), (1280, 640), (1280, 1280), (384, 512), (128, 128))

PRINT_LINES = """
import json, logging, sys
from pathlib import Path
import torch, ultralytics
from ultralytics.utils import LOGGER
from ultralytics.utils.torch_utils import model_info
from yolov5.models.yolo import Model

lines = []
handler = logging.Handler()
handler.emit = lambda record: lines.append(record.getMessage())
LOGGER.handlers = [handler]
models, sizes = Path(sys.argv[1]), json.loads(sys.argv[2])
for name in sys.argv[3:]:
    model = Model(str(next(models.rglob(f"{name}.yaml"))))
    strides = model.stride
    for state in ("new", "fused"):
        model = model.to("meta")
        model.stride = strides  # the host's _apply sends it to meta too, where it has no value
        for size in sizes:
            lines.clear()
            model_info(model, detailed=False, imgsz=size)
            print(json.dumps([name, state, size, lines[-1]]), flush=True)
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        model.fuse()
"""


@pytest.fixture(scope="module")
def lines() -> dict[tuple[str, str, tuple[int, int]], str]:
    """What ultralytics prints of each network, by its state and the size asked for."""
    models = environments.host("7.0.14") / "yolov5" / "models"
    paths = [environments.host("7.0.14"), environments.counter("ultralytics-thop", "2.2.3")]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    done = processes.run_python(PRINT_LINES, models, json.dumps(SIZES), *NETWORKS, paths=paths)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {(name, state, (size[0], size[1])): line for name, state, size, line in rows}


@pytest.mark.parametrize("network", NETWORKS)
def test_every_line_of_head_is_printed_to_the_letter(
    network: str, lines: dict[tuple[str, str, tuple[int, int]], str]
) -> None:
    subject = resolve(f"{network}@head")
    fused = fuse(with_gradients(subject.root, False), grad_enabled=False).root
    convention = CONVENTIONS["ultralytics-thop-2.2"]
    for state, root in (("new", subject.root), ("fused", fused)):
        for size in SIZES:
            ours = host_line(root, subject.origin.form, convention, subject.stride, size, built=True)
            assert ours.text == lines[network, state, size]

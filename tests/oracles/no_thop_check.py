"""Run inside one release of ultralytics without thop: its lines of one network, as JSON (see ``both``)."""

from __future__ import annotations

import json

from ultralytics.nn.tasks import DetectionModel

from tests.oracles.releases_check import both

print(json.dumps(both(DetectionModel("yolov8n.yaml", verbose=False))))

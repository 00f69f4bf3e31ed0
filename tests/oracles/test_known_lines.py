"""The recorded lines of ultralytics are those that the release itself gives."""

from __future__ import annotations

import json

import pytest

from tests.environments import OLDER_ULTRALYTICS_NEEDS, ROOT, counter, release, run_python
from yolo_probe.hosts.line_matches import matches
from yolo_probe.hosts.printed_line import lines_in

ASK = """
import json, sys
from tests.known_lines.of_ultralytics import Network, silent, torch, Weightless
with silent(), torch.device("meta"), Weightless():
    found = {name: Network(name).figures(int(sys.argv[1])) for name in sys.argv[2:]}
print(json.dumps(found))
"""


NEWEST, OLDER = ("ultralytics-thop", "2.2.3"), ("thop", "0.1.1.post2209072238")


@pytest.mark.parametrize(
    ("version", "thop", "classes", "layers"),
    [
        ("8.4.190", NEWEST, 80, {"yolov8s": (129, 72), "yolo26n": (260, 120)}),
        ("8.2.54", OLDER, 7, {"yolov8s": (225, 168), "yolov8n": (225, 168)}),
    ],
)
def test_a_line_made_of_the_releases_own_figures_is_known(
    version: str, thop: tuple[str, str], classes: int, layers: dict[str, tuple[int, int]]
) -> None:
    needs = [release(*each) for each in OLDER_ULTRALYTICS_NEEDS]
    done = run_python(ASK, classes, *layers, paths=[ROOT, release("ultralytics", version), counter(*thop), *needs])
    for name, figures in json.loads(done.stdout.splitlines()[-1]).items():
        for fused in (False, True):
            gradients = figures[2] if fused else figures[0] - (0 if "26" in name else 16)
            text = (
                f"{layers[name][fused]} layers, {figures[fused]} parameters, {gradients} gradients, "
                f"{figures[5 + fused]:.1f} GFLOPs"
            )
            (line,) = lines_in(text)
            best = matches(line)[0]
            assert (best.exact, best.network.network, best.numbers.classes, best.fused) == (True, name, classes, fused)

"""Where a real host's figure is not that of the image itself, its line stays and the next one has the real thop's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests import environments, processes
from tests.fixed_sizes import NETWORKS

SCRIPT = Path(__file__).with_name("small_images_check.py")
RIGHT = {"classic": set(), "ultralytics": {"Attention", "Classifier"}}
"""Networks whose figure in the line is that of the image itself: ultralytics counts up to four small images."""


@pytest.mark.parametrize("host", RIGHT)
def test_below_a_figure_that_is_not_the_images_own_stands_the_direct_count(host: str) -> None:
    paths = [environments.ROOT, environments.host("7.0.14"), environments.counter("ultralytics-thop", "2.2.3")]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    done = processes.run_python(SCRIPT, host, paths=paths)
    found = {each["network"]: each for each in map(json.loads, filter(_is_json, done.stdout.splitlines()))}
    assert list(found) == [each.__name__ for each in NETWORKS]
    for name, each in found.items():
        line, *remarks = each["probe"]
        assert line == each["host"]
        printed = re.search(r"([\d.]+) GFLOPs$", line)
        assert printed
        direct = f"{each['direct'] / 1e9:.1f}"
        assert (name, direct == printed[1]) == (name, name in RIGHT[host])
        said = f"  Counted directly it is {direct} GFLOPs, not {printed[1]}. The line's figure is "
        assert (name, [remark[: len(said)] for remark in remarks]) == (name, [] if name in RIGHT[host] else [said])


def _is_json(line: str) -> bool:
    return line.startswith("{")

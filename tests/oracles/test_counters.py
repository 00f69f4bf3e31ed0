"""Oracle: every real FLOP counter, run on real networks: the probe's figures are the same to the last digit."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from tests import environments, processes
from tests.oracles.real_host import RELEASES
from yolo_probe.hosts.tool_prints import tool_prints
from yolo_probe.reports.tool_figures import counted_by

SCRIPT = environments.ROOT / "tests" / "oracles" / "counters_check.py"
YOLO = ("yolov5n", "yolov5n6", "yolov5s-ghost", "yolov5s-transformer", "yolov5n-seg")
TORCHVISION = ("resnet50", "densenet121")

ON_CPU = ("fvcore", "torchprofile", "ptflops", "deepspeed")
"""These run their model; on the meta device two of them fail, and two count torch's own decompositions."""

ON_META = [name for name in environments.TOOLS if name not in ON_CPU]
THOPS = [name for name in RELEASES if name != "thop-2019"]
"""The releases of 2019 add up in FP32 and lose the last digits."""


def check(name: str, names: Sequence[str], size: str, device: str, *networks: str) -> None:
    """Hold what one counter says of networks, among those that are asked in the same process."""
    found = {answer["network"]: answer["modes"] for answer in answers(tuple(names), size, device, networks)[name]}
    assert list(found) == list(networks)
    for network, answer in found.items():
        assert answer.keys() >= ({"train", "unfused", "fused"} if network in YOLO else {"train", "unfused"})
        for mode, each in answer.items():
            assert (network, mode, each["probe"]) == (network, mode, each["real"])


@cache
def answers(names: tuple[str, ...], size: str, device: str, networks: tuple[str, ...]) -> dict[str, list[Any]]:
    """By counter what it and the probe say of each network."""
    told, paths = environments.real_counters(names)
    paths = [environments.ROOT, environments.host("7.0.14"), *paths]
    done = processes.run_python(SCRIPT, told, size, device, *networks, paths=paths, timeout=1800)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {name: [answer for answer in found if answer["counter"] == name] for name in names}


@pytest.mark.parametrize("name", environments.TOOLS)
def test_the_probe_counts_as_the_real_counter(name: str) -> None:
    if name in ON_CPU:
        check(name, ON_CPU, "128", "cpu", *YOLO, *TORCHVISION)
    else:
        check(name, ON_META, "0", "meta", *YOLO, *TORCHVISION)


@pytest.mark.parametrize("name", ON_CPU)
def test_the_probe_counts_as_the_real_counter_on_a_whole_image(name: str) -> None:
    check(name, ON_CPU, "640", "cpu", "yolov5n")


@pytest.mark.parametrize("name", THOPS)
def test_the_probe_counts_torchvision_s_networks_as_every_generation_of_thop(name: str) -> None:
    check(name, THOPS, "0", "meta", *TORCHVISION)


def test_torchvision_s_networks_have_the_figures_that_were_measured() -> None:
    script = (
        "import json, torchvision, yolo_probe\n"
        f"for name in {TORCHVISION}:\n"
        "    model = torchvision.models.get_model(name, weights=None)\n"
        "    counters = yolo_probe.compare_counters(model, 224).counters\n"
        "    print(json.dumps({name: [each.train, each.unfused] for name, each in counters.items()}))\n"
    )
    done = processes.run_python(script, paths=[environments.ROOT])
    measured = json.loads((environments.ROOT / "tests" / "golden" / "counters.json").read_text())
    for network, line in zip(TORCHVISION, done.stdout.splitlines(), strict=True):
        ours = json.loads(line)
        assert {name: ours[name] for name in measured[network]} == measured[network]


def test_both_ways_in_give_the_same_operators() -> None:
    script = environments.ROOT / "tests" / "oracles" / "routes_check.py"
    done = processes.run_python(script, *YOLO, paths=[environments.ROOT, environments.host("7.0.14")])
    assert [line for line in done.stdout.splitlines() if line.startswith("differs")] == []
    assert done.stdout.count("same ") == 2 * len(YOLO)


def test_the_tutorials_figure_for_densenet121_is_of_thop_0_0_22() -> None:
    script = (
        "import thop, torchvision\n"
        "model = torchvision.models.densenet121(weights=None).eval()\n"
        "print(*map(int, thop.profile(model, (1, 3, 224, 224))))\n"
    )
    done = processes.run_python(script, paths=[environments.release("thop", "0.0.22")])
    assert done.stdout.splitlines()[-1] == "2914598912 7978856"


PRINTS = environments.ROOT / "tests" / "oracles" / "prints_check.py"


@cache
def prints() -> list[tuple[str, str]]:
    """What each real counter prints of yolov5n with 3 classes at 320x320, behind its name."""
    _, paths = environments.real_counters(("ultralytics-thop-2.2", *environments.TOOLS))
    paths = [environments.ROOT, environments.host("7.0.14"), *paths]
    printed = processes.run_python(PRINTS, "yolov5n", 3, 320, paths=paths, timeout=1800).stdout
    _, *parts = re.split(r"^## (.+)$", printed, flags=re.MULTILINE)
    return list(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize(
    "name", ["thop", "ptflops", "torchinfo", "fvcore", "fvcore alone", "calflops", "deepspeed", "torch"]
)
def test_what_a_real_counter_prints_is_told_as_its(name: str) -> None:
    texts = [text for each, text in prints() if each == name]
    assert texts
    for text in texts:
        found = [network for each in tool_prints(text) for network in counted_by(each)]
        assert found, text
        first = found[0]
        assert (first.network.network, first.side, first.fused) == ("yolov5n", 320, False), text
        assert 3 in first.classes
        assert any(counter.startswith(name.partition(" ")[0]) or "-thop-" in counter for counter in first.counters)
        assert first.parameters == first.network.parameters(first.likely, False)

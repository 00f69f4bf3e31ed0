"""Oracle: every real FLOP counter, run on real networks: the probe's figures are the same to the last digit."""

from __future__ import annotations

import json

import pytest

from tests import environments
from tests.oracles.real_host import RELEASES

SCRIPT = environments.ROOT / "tests" / "oracles" / "counters_check.py"
YOLO = ("yolov5n", "yolov5n6", "yolov5s-ghost", "yolov5s-transformer", "yolov5n-seg")
TORCHVISION = ("resnet50", "densenet121")

# 0: full size. These run their model; on the meta device two of them fail, and two count torch's own decompositions.
ON_CPU = dict.fromkeys(("fvcore", "torchprofile", "ptflops", "deepspeed"), "128")


def check(name: str, size: str, device: str, *networks: str) -> None:
    paths = [environments.ROOT, environments.host("7.0.14"), *environments.tool(name)]
    done = environments.run_python(SCRIPT, name, size, device, *networks, paths=paths)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [answer.pop("network") for answer in answers] == list(networks)
    for network, answer in zip(networks, answers, strict=True):
        assert answer.keys() >= ({"train", "unfused", "fused"} if network in YOLO else {"train", "unfused"})
        for mode, (real, probe) in ((mode, (each["real"], each["probe"])) for mode, each in answer.items()):
            assert (network, mode, probe[0]) == (network, mode, real[0])
            assert (network, mode, probe[1]) == (network, mode, real[1])


@pytest.mark.parametrize("name", environments.TOOLS)
def test_the_probe_counts_as_the_real_counter(name: str) -> None:
    if name in ON_CPU:
        check(name, ON_CPU[name], "cpu", *YOLO, *TORCHVISION)
    else:
        check(name, "0", "meta", *YOLO, *TORCHVISION)


@pytest.mark.parametrize("name", ON_CPU)
def test_the_probe_counts_as_the_real_counter_on_a_whole_image(name: str) -> None:
    check(name, "640", "cpu", "yolov5n")


# The releases of 2019 add up in FP32 and lose the last digits.
@pytest.mark.parametrize("name", [name for name in RELEASES if name != "thop-2019"])
def test_the_probe_counts_torchvision_s_networks_as_every_generation_of_thop(name: str) -> None:
    check(name, "0", "meta", *TORCHVISION)


@pytest.mark.parametrize("name", [*environments.TOOLS, "ultralytics-thop-2.2"])
def test_each_way_to_write_a_sum_or_a_product_counts_as_in_the_real_counter(name: str) -> None:
    script = environments.ROOT / "tests" / "oracles" / "spellings_check.py"
    done = environments.run_python(script, name, paths=[environments.ROOT, *environments.tool(name)])
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == 19
    assert {each["spelling"]: each["probe"] for each in found} == {each["spelling"]: each["real"] for each in found}


def test_torchvision_s_networks_have_the_figures_that_were_measured() -> None:
    script = (
        "import json, torchvision, yolo_probe\n"
        f"for name in {TORCHVISION}:\n"
        "    model = torchvision.models.get_model(name, weights=None)\n"
        "    counters = yolo_probe.compare_counters(model, 224).counters\n"
        "    print(json.dumps({name: [each.train, each.unfused] for name, each in counters.items()}))\n"
    )
    done = environments.run_python(script, paths=[environments.ROOT])
    measured = json.loads((environments.ROOT / "tests" / "golden" / "counters.json").read_text())
    for network, line in zip(TORCHVISION, done.stdout.splitlines(), strict=True):
        ours = json.loads(line)
        assert {name: ours[name] for name in measured[network]} == measured[network]


def test_both_ways_in_give_the_same_operators() -> None:
    script = environments.ROOT / "tests" / "oracles" / "routes_check.py"
    done = environments.run_python(script, *YOLO, paths=[environments.ROOT, environments.host("7.0.14")])
    assert [line for line in done.stdout.splitlines() if line.startswith("differs")] == []
    assert done.stdout.count("same ") == 2 * len(YOLO)


def test_the_tutorials_figure_for_densenet121_is_of_thop_0_0_22() -> None:
    script = (
        "import thop, torchvision\n"
        "model = torchvision.models.densenet121(weights=None).eval()\n"
        "print(*map(int, thop.profile(model, (1, 3, 224, 224))))\n"
    )
    done = environments.run_python(script, paths=[environments.release("thop", "0.0.22")])
    assert done.stdout.splitlines()[-1] == "2914598912 7978856"

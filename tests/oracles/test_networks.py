"""Every network that the real hosts ship: of its checkpoint and of its name, yolo-probe says what host and thop say."""

from __future__ import annotations

import pytest

from tests import environments
from tests.oracles.agreement import disagreements
from tests.oracles.conftest import Facts
from tests.oracles.real_host import COUNTERS, GENERATIONS, RELEASES, SIZE, TWO_RULES, TWO_SIZES, Case

V5 = """yolov3 yolov3-spp yolov3-tiny yolov5-fpn yolov5-p2 yolov5-p6 yolov5-p7 yolov5-panet yolov5l yolov5l6 yolov5m
    yolov5m6 yolov5s yolov5s-transformer yolov5s6 yolov5x yolov5x6""".split()
V6_0 = [*V5, *"yolov5n yolov5n6 yolov5s-ghost".split()]
V6_1 = [*V6_0, *"yolov5-bifpn yolov5-p34".split()]
V7 = [*V6_1, *"yolov5s-LeakyReLU yolov5l-seg yolov5m-seg yolov5n-seg yolov5s-seg yolov5x-seg".split()]
NETWORKS = {"5.0.0": V5, "5.0.10": V5, "6.0.7": V6_0, "6.1.9": V6_1, "6.2.3": V7, "7.0.14": V7}

NOT_NETWORKS = {"anchors": set(NETWORKS), "yolov5-bifpn": {"6.0.7"}}
"""A table of anchors; a network that its own host cannot build."""

ON_KERNELS = {("5.0.0", "yolov5s"), ("6.1.9", "yolov5s-ghost"), ("7.0.14", "yolov5s-transformer")}
"""Networks that are counted once more at their full size with real kernels."""

BY_EVERY_COUNTER = ("5.0.0", "7.0.14")
"""The hosts between those build the same rows of the same modules."""

LARGER = "yolov5m yolov5l yolov5x yolov5m6 yolov5l6 yolov5x6 yolov5m-seg yolov5l-seg yolov5x-seg".split()
"""Networks with the modules of a smaller one, in other numbers and widths; of the hosts between, by name alone."""

CASES = [
    Case(
        host,
        network,
        {"network": network, "kernels": (host, network) in ON_KERNELS},
        count=TWO_SIZES if host in BY_EVERY_COUNTER and network not in LARGER else TWO_RULES,
        lines=tuple(RELEASES) if network in ("yolov5s", "yolov5s-transformer") else Case.lines,
        saves=host in BY_EVERY_COUNTER or network not in LARGER,
    )
    for host, networks in NETWORKS.items()
    for network in networks
]


@pytest.mark.parametrize("host", NETWORKS)
def test_every_network_that_a_host_ships_is_compared(host: str) -> None:
    files = (environments.host(host) / "yolov5" / "models").rglob("*.yaml")
    shipped = {file.stem for file in files if host not in NOT_NETWORKS.get(file.stem, ())}
    assert shipped == set(NETWORKS[host])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_network_comes_out_as_its_host_and_thop_have_it(case: Case, facts: Facts) -> None:
    answer = facts.answer
    assert answer["built_line"] == answer["training"]["lines"]["ultralytics-thop-2.2"]
    assert answer["validation"]["line"] == answer["validation"]["lines"]["ultralytics-thop-2.2"]
    if "loaded" in answer:
        assert answer["loaded"].items() <= answer["validation"].items()
    for name, flops in answer.get("kernels", {}).items():
        assert flops == answer["training"]["flops"][name][f"{SIZE[0]},{SIZE[1]}"]

    if case.saves:
        assert disagreements(str(facts.checkpoint), answer) == []
    of_name = answer
    if case.host == "5.0.10":  # prints as v6.0 does what it builds as v5.0 does
        of_name = answer | {column: _in_form_of_5_0(answer[column]) for column in ("training", "validation")}
    assert disagreements(case.name, of_name, "--host", GENERATIONS[case.host]) == []


def _in_form_of_5_0(state: dict[str, object]) -> dict[str, object]:
    lines = state["lines"]
    assert isinstance(lines, dict)
    return state | {"lines": {name: line.replace("GFLOPs", "GFLOPS") for name, line in lines.items()}}


def test_every_set_of_rules_has_a_real_counter() -> None:
    from yolo_probe.counters.conventions import CONVENTIONS

    assert {*COUNTERS, *environments.TOOLS, "textbook"} == set(CONVENTIONS)

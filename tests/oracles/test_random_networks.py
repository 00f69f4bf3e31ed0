"""Networks that nobody drew before: as a checkpoint and as a YAML, yolo-probe says what host and thop say."""

from __future__ import annotations

import pytest
import yaml

from tests.environments import HOSTS
from tests.oracles.agreement import disagreements
from tests.oracles.conftest import Facts
from tests.oracles.random_networks import random_network
from tests.oracles.real_host import GENERATIONS, Case

NUMBER = 15


def _case(host: str, seed: int) -> Case:
    network = random_network(seed, host)
    text = yaml.safe_dump(network, sort_keys=False, default_flow_style=None)
    return Case(host, f"random-{seed:02}", {"yaml": text, "segmentation": network["head"][-1][2] == "Segment"})


@pytest.mark.parametrize("case", [_case(host, seed) for host in HOSTS for seed in range(NUMBER)], ids=str)
def test_a_random_network_comes_out_as_its_host_and_thop_have_it(case: Case, facts: Facts) -> None:
    assert disagreements(str(facts.checkpoint), facts.answer) == []
    generation = "v6.0" if case.host == "5.0.10" else GENERATIONS[case.host]  # 5.0.10 has v6.0's modules
    # v6.2 finds the image's channels in the first weight, where a Focus has four times as many; 6.1.9 in the YAML
    same_line = case.host != "6.1.9" or yaml.safe_load(case.request["yaml"])["backbone"][0][2] == "Conv"
    assert disagreements(str(facts.yaml), facts.answer, "--host", generation, lines=same_line) == []

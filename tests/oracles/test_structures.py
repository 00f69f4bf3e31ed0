"""Module by module: what yolo-probe builds of a name or a YAML is what the real host builds, attributes included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests import environments
from tests.oracles.random_networks import random_network
from tests.oracles.structures import differences, real_structures
from yolo_probe.networks.generations import RELEASES, Generation, host_of
from yolo_probe.networks.model_yaml import Network, build, read_model_yaml
from yolo_probe.networks.shipped import find_network, network_names

BROKEN = {"anchors", "yolov5-bifpn@6.0.7"}
"""Files that their host cannot read as a network."""

ONLY_LARGER = re.compile(r"yolov5[mlx](6|-seg)?")
"""The rows of a smaller network with other multiples: building them for real takes most of the time."""


def generation_of(release: str) -> Generation:
    return host_of("head", release).networks


def shipped(release: str) -> list[Path]:
    models = environments.host(release) / "yolov5" / "models"
    files = sorted(models.rglob("*.yaml"))
    return [file for file in files if not {file.stem, f"{file.stem}@{release}"} & BROKEN]


def drawn(release: str, folder: Path) -> list[Path]:
    files = [folder / f"random-{seed}.yaml" for seed in range(10)]
    for seed, file in enumerate(files):
        file.write_text(yaml.safe_dump(random_network(seed, release)))
    return files


@pytest.mark.parametrize("release", RELEASES)
def test_a_generation_has_the_networks_that_its_release_ships(release: str) -> None:
    generation = generation_of(release)
    files = {file.stem: read_model_yaml(file) for file in shipped(release)}
    assert sorted(files) == sorted(network_names(generation))
    for name, network in files.items():
        assert find_network(name, generation).document() == network.document()


@pytest.mark.parametrize("release", RELEASES)
def test_every_module_is_built_as_the_release_builds_it(release: str, tmp_path: Path) -> None:
    generation = generation_of(release)
    files = [file for file in shipped(release) if not ONLY_LARGER.fullmatch(file.stem)] + drawn(release, tmp_path)
    for file, real in zip(files, real_structures(release, files), strict=True):
        for network in _networks(file, generation):
            assert differences(build(network, generation, release), real) == [], file.name


def _networks(file: Path, generation: Generation) -> Iterator[Network]:
    yield read_model_yaml(file)
    if file.stem in network_names(generation):
        yield find_network(file.stem, generation)

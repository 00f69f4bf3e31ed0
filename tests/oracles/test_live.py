"""Every network that the hosts ship: the line of a live model, its FLOPs and what fuse() will make of it are the real
ones, nothing is left unexplained, and the model stays as it is.

The host's own code builds, tells, counts and fuses on the meta device, which takes a second for each network; a few
are built with all their weights too, and must give the same answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import environments, processes

SCRIPT = Path(__file__).with_name("live_check.py")
NOT_BUILT = {
    "yolov5": {"anchors.yaml": "KeyError"},  # a list of anchors, no network
    "ultralytics": {"yolo11-cls-resnet18.yaml": "URLError"},  # its backbone takes pretrained weights from the network
}
"""What the hosts cannot build here, and what they then raise; without weights, yolo11-cls-resnet18 is asked too."""

REAL_ULTRALYTICS = (
    "yolov3-tiny.yaml", "yolov5n.yaml", "yolov8n-worldv2.yaml", "yoloe-v8n.yaml", "yolov9t.yaml", "yolov10n.yaml",
    "yolo11n-obb.yaml", "yolo11n-pose.yaml", "yolo11n-cls.yaml", "yolo12n.yaml", "yolo26n-seg.yaml",
    "yolo26n-depth.yaml", "yolov8n-rtdetr.yaml",
)  # fmt: skip
REAL_YOLOV5 = (
    "yolov5n.yaml", "segment/yolov5n-seg.yaml", "hub/yolov3-tiny.yaml", "hub/yolov5-bifpn.yaml",
    "hub/yolov5s-transformer.yaml", "hub/yolov5s-ghost.yaml",
)  # fmt: skip
"""Networks that are built with real weights as well."""

CLASSIFIERS = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "maxvit_t", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_x_400mf",
    "regnet_y_400mf", "resnet18", "resnet50", "resnext50_32x4d", "shufflenet_v2_x1_0", "squeezenet1_1", "swin_t",
    "swin_v2_t", "vgg16", "vgg16_bn", "vit_b_16", "wide_resnet50_2",
)  # fmt: skip
"""Networks of torchvision by name: the smaller ones of every family that it has."""

NOT_RUN = ["alexnet", "maxvit_t", "mobilenet_v3_large", "mobilenet_v3_small", "vgg16", "vgg16_bn"]
"""Classifiers that YOLOv5's script breaks: it gives the ten classes to the first of their linear layers."""


def asked(host: str, device: str, networks: Sequence[object], folder: Path, counter: Path) -> dict[str, Any]:
    """What the real host and the probe say of each network, by its name; two processes, nothing is downloaded."""
    paths = [environments.ROOT, environments.host("7.0.14"), counter]
    paths += [environments.release(*each) for each in environments.HOST_NEEDS]
    offline = {"https_proxy": "http://127.0.0.1:9", "TORCH_HOME": str(folder)}

    def part(mine: Sequence[object]) -> str:
        return processes.run_python(
            SCRIPT, host, device, *mine, paths=paths, env=offline, cwd=folder, timeout=1800
        ).stdout

    with ThreadPoolExecutor(2) as pool:
        lines = "".join(pool.map(part, [networks[::2], networks[1::2]])).splitlines()
    found = [json.loads(line) for line in lines if line.startswith('{"network"')]
    assert len(found) == len(networks)
    return {each.pop("network"): each for each in found}


def latest_thop() -> Path:
    return environments.counter("ultralytics-thop", "2.2.3")


def ultralytics_networks(folder: Path) -> Iterator[str]:
    """Every YAML of ultralytics at its smallest scale, by names such as yolo11n-seg.yaml.

    From YOLO11 on it is asked at its largest too: before, the scales have the same modules in other numbers and widths.
    """
    models = environments.release("ultralytics", "8.4.190") / "ultralytics" / "cfg" / "models"
    for file in sorted(models.rglob("*.yaml")):
        text = file.read_text()
        scales = list(yaml.safe_load(text).get("scales", ()))
        name = re.fullmatch(r"(yolo(?:e-)?(v?)\d+)(.*)", file.name)
        if len(scales) < 2 or name is None:
            yield file.name
        else:
            yield from (f"{name[1]}{scale}{name[3]}" for scale in (scales[:1] if name[2] else (scales[0], scales[-1])))
        if file.name in NOT_BUILT["ultralytics"]:
            changed = folder / file.name.replace("resnet18", "without-weights")
            changed.write_text(text.replace("DEFAULT", "None"))
            yield str(changed)


def yolov5_networks() -> list[Path]:
    """Every YAML of PyPI yolov5 7.0.14."""
    return sorted((environments.host("7.0.14") / "yolov5" / "models").rglob("*.yaml"))


ON_THE_FIGURE = ("  Not counted by ", "  Counted directly it is ")
"""How remarks begin that stand below a figure, and not in the place of one."""


def disagreements(answers: Mapping[str, Any]) -> list[object]:
    """Every place where the probe says something else than the host, with both."""
    found: list[object] = []
    for network, states in answers.items():
        for state, each in states.items():
            (line, *more), result = each["host"]
            (ours, *remarks), returned = each["probe"]
            reasons = [remark for remark in remarks if not remark.startswith(ON_THE_FIGURE)]
            pairs = {"line": (ours, line), "result": (returned, result), "FLOPs": (each["flops"], each["thop"])}
            pairs["lines"] = (len(reasons), len(more) + ("GFLOPs" not in line))  # where they are missing, the reason
            pairs["unchanged"] = (each["unchanged"], True)
            if foretold := each.get("foretold"):
                pairs["line foretold"] = (foretold["line"], line)
                pairs["FLOPs foretold"] = (foretold["flops"], each["thop"])
                pairs["unexplained"] = (foretold["unexplained"], [0, 0, 0, 0])
            found += [(network, state, what, *pair) for what, pair in pairs.items() if pair[0] != pair[1]]
    return found


def not_run(answers: Mapping[str, Any]) -> list[str]:
    """Networks that the real thop cannot run."""
    return [network for network, states in answers.items() if any(each["thop"] is None for each in states.values())]


def not_built(answers: Mapping[str, Any]) -> dict[str, str]:
    """What the host raised instead of a network."""
    return {network: states["failed"] for network, states in answers.items() if "failed" in states}


def built(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The answers on networks that the host builds."""
    return {network: states for network, states in answers.items() if "failed" not in states}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where hosts run and write."""
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def ultralytics(folder: Path) -> Mapping[str, Any]:
    """What is said of every network that ultralytics ships."""
    return asked("ultralytics", "meta", list(ultralytics_networks(folder)), folder, latest_thop())


@pytest.fixture(scope="module")
def yolov5(folder: Path) -> Mapping[str, Any]:
    """What is said of every network that PyPI yolov5 7.0.14 ships."""
    return asked("yolov5", "meta", yolov5_networks(), folder, latest_thop())


def test_every_network_of_ultralytics_gets_its_line_and_flops_and_a_fuse_without_remainder(
    ultralytics: Mapping[str, Any],
) -> None:
    assert len(ultralytics) > 85
    assert not_built(ultralytics) == NOT_BUILT["ultralytics"]
    assert not_run(built(ultralytics)) == []
    assert disagreements(built(ultralytics)) == []


def test_every_network_of_yolov5_gets_its_line_and_flops_and_a_fuse_without_remainder(
    yolov5: Mapping[str, Any],
) -> None:
    assert len(yolov5) == 29
    assert not_built(yolov5) == NOT_BUILT["yolov5"]
    assert not_run(built(yolov5)) == []
    assert disagreements(built(yolov5)) == []


def test_networks_of_ultralytics_with_real_weights_give_the_same_answers(
    ultralytics: Mapping[str, Any], folder: Path
) -> None:
    real = asked("ultralytics", "cpu", REAL_ULTRALYTICS, folder, latest_thop())
    assert real == {network: ultralytics[network] for network in REAL_ULTRALYTICS}


def test_networks_of_yolov5_with_real_weights_give_the_same_answers(yolov5: Mapping[str, Any], folder: Path) -> None:
    files = [environments.host("7.0.14") / "yolov5" / "models" / name for name in REAL_YOLOV5]
    real = asked("yolov5", "cpu", files, folder, latest_thop())
    assert real == {file.name: yolov5[file.name] for file in files}


@pytest.mark.parametrize(
    ("counter", "networks"),
    [
        (("ultralytics-thop", "2.2.3"), (*CLASSIFIERS, *(f"{network}:1000" for network in NOT_RUN))),
        (
            ("thop", "0.1.1.post2209072238"),
            ("convnext_tiny", "maxvit_t", "swin_t", "vgg16_bn:1000", "vit_b_16"),
        ),
    ],
)
def test_torchvisions_classifiers_get_the_line_of_yolov5s_classify_script(
    counter: tuple[str, str], networks: Sequence[str], folder: Path
) -> None:
    answers = asked("torchvision", "meta", networks, folder, environments.counter(*counter))
    assert not_built(answers) == {}
    assert sorted(not_run(answers)) == sorted({*NOT_RUN}.intersection(networks))
    assert disagreements(answers) == []

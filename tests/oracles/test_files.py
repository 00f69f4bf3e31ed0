"""Checkpoints in every form that trainings leave behind: yolo-probe says of the file what host and thop say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import environments
from tests.environments import HOSTS
from tests.oracles.agreement import disagreements, report_of, reports, text_of, unbalanced
from tests.oracles.conftest import Facts
from tests.oracles.real_host import TWO_RULES, Case

FORMS: dict[str, dict[str, Any]] = {
    "unstripped": {"form": "unstripped"},
    "fp32": {"form": "fp32"},
    "legacy": {"zip": False},
    "pruned": {"prune": [0.5, 0.3, 0.9]},
    "unstripped-pruned-legacy": {"form": "unstripped", "prune": [0.7], "zip": False},
}


def network_of(host: str) -> str:
    """The smallest network with a classic backbone that a release ships."""
    return "yolov5s" if host.startswith("5") else "yolov5n"


def case(host: str, name: str, **request: Any) -> Case:
    return Case(host, name, {"network": network_of(host), "nc": 2, "trainable": True} | request, count=TWO_RULES)


@pytest.mark.parametrize(
    "case", [case(host, form, **request) for host in HOSTS for form, request in FORMS.items()], ids=str
)
def test_a_file_of_any_form_comes_out_as_its_host_and_thop_have_it(case: Case, facts: Facts) -> None:
    assert facts.answer["loaded"]["gradients"] == 0
    assert disagreements(str(facts.checkpoint), facts.answer) == []


@pytest.mark.parametrize("case", [case(host, "weights", by_path=False) for host in HOSTS], ids=str)
def test_a_training_from_weights_alone_leaves_a_model_without_a_name(case: Case, facts: Facts) -> None:
    assert facts.answer["built_line"].startswith(("Model Summary: ", "Model summary: "))
    assert disagreements(str(facts.checkpoint), facts.answer) == []


@pytest.mark.parametrize("case", [case(host, "trainable", form="model_only") for host in HOSTS], ids=str)
def test_a_trainable_model_without_ema_keeps_gradients_where_val_keeps_them(case: Case, facts: Facts) -> None:
    trainable = facts.answer["trainable"]
    if case.host == "7.0.14":
        assert trainable == {"grad": 1_761_871, "no_grad": 9_471}
    assert facts.answer["loaded"]["gradients"] == trainable["grad"]  # attempt_load itself does not turn autograd off

    in_val = facts.answer | {"validation": facts.answer["validation"] | {"gradients": trainable["no_grad"]}}
    assert disagreements(str(facts.checkpoint), in_val, lines=False) == []
    for report in reports(str(facts.checkpoint), in_val):
        assert f", {trainable['no_grad']} gradients" in report["host_lines"]["validation"]
    assert f"{trainable['grad']:,}" in text_of(str(facts.checkpoint))


@pytest.mark.parametrize(
    "case",
    [case(host, "frozen", freeze=[10], freeze_rows=10) for host in ("6.1.9", "6.2.3", "7.0.14")],
    ids=str,
)
def test_rows_that_did_not_train_are_an_entry_of_their_own(case: Case, facts: Facts) -> None:
    everything = facts.answer["training"]["parameters"]
    trained = facts.answer["gradients_frozen"]
    started = facts.answer | {"training": facts.answer["training"] | {"gradients": everything}}
    assert disagreements(str(facts.checkpoint), started, lines=False) == []
    for report in reports(str(facts.checkpoint), started):
        amounts = [entry["amount"] for entry in report["ledger"]["gradients"]["entries"] if entry["amount"]]
        assert amounts == [trained - everything, -trained]


@pytest.mark.parametrize("case", [case(host, "classifier", classify=10) for host in ("6.2.3", "7.0.14")], ids=str)
def test_a_classification_model_comes_out_as_its_host_and_thop_have_it(case: Case, facts: Facts) -> None:
    assert disagreements(str(facts.checkpoint), facts.answer) == []


def opened(host: str, name: str) -> Case:
    file = {"yolov5s": environments.official_yolov5s, "yolov5s-seg": environments.official_yolov5s_seg}[name]
    return Case(host, f"official-{name}", {"official": file.__name__}, saves=False)


OFFICIAL = [opened("6.0.7", "yolov5s"), opened("7.0.14", "yolov5s"), opened("7.0.14", "yolov5s-seg")]


@pytest.mark.parametrize("case", OFFICIAL, ids=str)
def test_an_official_file_comes_out_as_a_host_loads_it(case: Case, facts: Facts) -> None:
    file = str(getattr(environments, case.request["official"])())
    host = ("--host", "v6.0" if case.host == "6.0.7" else "v7.0")
    answer, loaded = facts.answer, facts.answer["loaded"]
    everything = answer["training"]["parameters"]
    expected = answer | {"training": answer["training"] | {"gradients": everything}}
    assert loaded.items() <= (expected["validation"] | {"line": loaded["line"]}).items()
    assert disagreements(file, expected, *host, lines=False) == []
    for report in reports(file, expected, *host):
        assert report["host_lines"]["validation"] == loaded["line"]
    assert disagreements(file, expected, lines=False) == []


def test_the_demo_checkpoint_comes_out_as_its_training_logged_it(
    demo_checkpoint: Path, demo_lines: tuple[str, str]
) -> None:
    report = report_of(str(demo_checkpoint), "--counter", "ultralytics-thop-2.2")
    assert (report["host_lines"]["training"], report["host_lines"]["validation"]) == demo_lines
    assert list(unbalanced(report)) == []

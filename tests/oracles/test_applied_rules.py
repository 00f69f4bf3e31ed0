"""Rules of the user's own on a live model: ``custom_ops=`` and ``rules=`` run, check and refuse them alike."""

from __future__ import annotations

import logging
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import torch
from torch import nn

from yolo_probe import count_flops, model_info
from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.errors import RulesError
from yolo_probe.live.applied_rules import CustomOps
from yolo_probe.live.live import Live


class Half(nn.Module):  # type: ignore[misc]  # torch is not read by mypy
    """A module without any work of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


CLASS = f"{__name__}.Half"
WHOLE = "expected a whole number of MACs, 0 or more"
BODIES = {
    "m.total_ops += 1_000_000.5": f"the rule for 1 in total_ops: found 1000000.5, {WHOLE}",
    "m.total_ops -= 5": f"the rule for 1 in total_ops: found -5.0, {WHOLE}",
    "m.total_ops += float('nan')": f"the rule for 1 in total_ops: found nan, {WHOLE}",
    "import torch; m.total_ops = torch.zeros(3)": f"the rule for 1 in total_ops: found a tensor of shape (3,), {WHOLE}",
    "m.total_ops = 'many'": f"the rule for 1 in total_ops: found 'many', {WHOLE}",
    "raise ValueError('no')": "the rule for 1 fails: ValueError: no",
}


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3), Half(), Half()).eval()


def rule_of(body: str) -> Any:
    names: dict[str, Any] = {}
    exec(f"def rule(m, x, y):\n{indent(body, '    ')}", names)  # noqa: S102  # the same text as in the file
    return names["rule"]


def file_of(body: str, tmp_path: Path) -> str:
    path = tmp_path / "rules.py"
    path.write_text(f"def rule(m, x, y):\n{indent(body, '    ')}\ncustom_ops = {{{CLASS!r}: rule}}\n")
    return str(path)


def printed(log: pytest.LogCaptureFixture, **given: Any) -> tuple[object, list[str], list[str]]:
    """What model_info returns, prints and warns of."""
    log.clear()
    with log.at_level(logging.INFO, "yolo_probe"):
        result = model_info(network(), **given)
    said = [(record.levelname, record.getMessage()) for record in log.records]
    lines, warnings = ([text for level, text in said if level == wanted] for wanted in ("INFO", "WARNING"))
    return result, lines, warnings


@pytest.mark.parametrize("body", BODIES)
def test_a_rule_that_is_no_count_is_refused_once_with_its_class_and_path_and_the_hosts_line_stays(
    body: str, caplog: pytest.LogCaptureFixture
) -> None:
    result, lines, warnings = printed(caplog, custom_ops={Half: rule_of(body)})
    assert (result, lines, []) == printed(caplog)
    assert lines == ["Model summary: 3 layers, 224 parameters, 224 gradients, 0.2 GFLOPs"]
    assert warnings == [
        f"  custom_ops: {CLASS}: {BODIES[body]}. This line is without your rules, as the host itself prints it."
    ]


@pytest.mark.parametrize("body", BODIES)
def test_a_file_of_rules_is_refused_with_the_same_words(body: str, tmp_path: Path) -> None:
    path = file_of(body, tmp_path)
    with pytest.raises(RulesError) as caught:
        count_flops(network(), 64, rules=path)
    assert str(caught.value).removesuffix(" (line 2)") == f"{path}: {CLASS}: {BODIES[body]}"


@pytest.mark.parametrize("body", ["m.total_ops += 7", "m.total_ops += torch.DoubleTensor([int(7)])"])
def test_a_whole_number_counts_in_both(body: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = f"import torch; {body}"
    counted = count_flops(network(), 64, counter="ultralytics-thop-2.2", rules=file_of(body, tmp_path))
    convolution = 8 * 3 * 3 * 3 * 62 * 62
    assert counted.by_module == {"": convolution + 14, "0": convolution, "1": 7, "2": 7}
    live = Live(network(), CustomOps({Half: rule_of(body)}))
    records = live.trace((1, 3, 64, 64)).records
    assert charge(records, CONVENTIONS["ultralytics-thop-2.2"]).flops == counted.flops
    assert printed(caplog, custom_ops={Half: rule_of(body)})[2] == []


def test_a_rule_that_asks_for_values_is_run_with_them_in_both(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    body = "m.total_ops += int((y == y).sum())"
    counted = count_flops(network(), 64, rules=file_of(body, tmp_path))
    assert (counted.by_module["1"], counted.by_module["2"]) == (8 * 62 * 62, 8 * 62 * 62)
    _, (_, remark), warnings = printed(caplog, custom_ops={Half: rule_of(body)})
    assert "A copy of the model was run on zeros" in remark
    assert warnings == []

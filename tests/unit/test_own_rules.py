"""Unit: rules of a user's own, out of a Python file or a YAML, on a file that is read without torch."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner, Result

from tests.conftest import Probe
from tests.environments import ROOT
from tests.exhaustive import exhaustively
from yolo_probe.cli import cli
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.counters.rules_file import read_rules
from yolo_probe.errors import RulesError, TraceError

FORMULA = "modules: {SPPX: {macs: parameters * h * w, output: input}}"
PYTHON = """
def rule(m, x, y):
    m.total_ops += sum(p.numel() for p in m.parameters()) * x[0].shape[2] * y.size(3)

custom_ops = {"SPPX": rule}
outputs = {"SPPX": "input"}
"""


@pytest.fixture(scope="module")
def fork(tmp_path_factory: pytest.TempPathFactory, demo_checkpoint: Path) -> Path:
    """The demo's file as a fork would write it, whose SPPF has a name that YOLOv5 does not know."""
    path = tmp_path_factory.mktemp("fork") / "fork-best.pt"
    with ZipFile(demo_checkpoint) as original, ZipFile(path, "w") as written:
        for entry in original.infolist():
            written.writestr(entry, original.read(entry).replace(b"\nSPPF\n", b"\nSPPX\n"))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


def info(*arguments: object) -> dict[str, object]:
    done = run("info", *arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    data: dict[str, object] = json.loads(done.stdout)
    return data


def flops(*arguments: object) -> int:
    summary = info(*arguments)["summary"]
    assert isinstance(summary, dict)
    return int(summary["flops"])


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_class_that_yolov5_does_not_have_counts_by_a_formula(fork: Path, tmp_path: Path) -> None:
    free = written(tmp_path, "free.yaml", "modules: {SPPX: {macs: 0, output: input}}")
    rules = written(tmp_path, "rules.yaml", FORMULA)
    added = flops(fork, "--rules", rules) - flops(fork, "--rules", free)
    text = run("info", fork, "--rules", rules).stdout
    weights = 64 * 32 + 32 * 2 + 128 * 64 + 64 * 2  # of the two convolutions inside, and of their BatchNorms
    assert added == 2 * weights * 20 * 20
    assert f"  1 SPPX: by your rule{added:>58,}\n" in text
    assert "\nRules    " in text


def test_a_rule_of_thop_s_signature_gives_the_same_without_torch(fork: Path, tmp_path: Path) -> None:
    rules = [written(tmp_path, "rules.py", PYTHON), written(tmp_path, "rules.yaml", FORMULA)]
    assert len({flops(fork, "--rules", each) for each in rules}) == 1


STAND_INS = """
class Conv: pass
Conv.__module__ = "models.common"

def rule(m, x, y):
    assert isinstance(x, tuple) and x[0].dim() == x[0].ndim == len(x[0].size()) == 4
    assert m.conv.weight.nelement() == m.conv.weight.shape[0] * x[0].size(1) * m.conv.kernel_size[0] ** 2
    assert m.conv.out_channels == y.size(1) and m.conv.groups == 1 and not hasattr(m, "other")
    assert (m.conv.bias is None) == hasattr(m, "bn")  # the rule is asked for the fused network too
    assert len(m.children()) == len(m.modules()) - 1 == 2 + hasattr(m, "bn")
    m.total_ops += 1

custom_ops = {Conv: rule}
"""


def test_a_rule_sees_shapes_and_attributes_of_a_file_and_a_class_of_any_host(
    demo_checkpoint: Path, tmp_path: Path
) -> None:
    """The demo's Conv is one of PyPI's yolov5, the rule's one of the repository."""
    rules = written(tmp_path, "rules.py", STAND_INS)
    heads = 2 * sum(21 * side * side * width for side, width in ((80, 16), (40, 32), (20, 64)))
    assert flops(demo_checkpoint, "--rules", rules) == 2 * 57 + heads
    assert "nothing here came to" not in run("info", demo_checkpoint, "--rules", rules).stdout


def test_a_rule_of_a_known_class_stands_for_all_that_is_inside(demo_checkpoint: Path, tmp_path: Path) -> None:
    nothing = written(tmp_path, "nothing.yaml", "modules: {SPPF: {macs: 0}}")
    fork_free = written(tmp_path, "one.yaml", "modules: {SPPF: {macs: 1}}")
    assert flops(demo_checkpoint, "--rules", nothing) < flops(demo_checkpoint)
    assert flops(demo_checkpoint, "--rules", fork_free) - flops(demo_checkpoint, "--rules", nothing) == 2


@pytest.mark.parametrize("counter", exhaustively(CONVENTIONS, few=4))
def test_a_rule_gives_macs_which_are_two_flops_each_by_every_counter(counter: str, tmp_path: Path) -> None:
    free = written(tmp_path, "free.yaml", "operators: {silu: {macs: 0}}")
    four = written(tmp_path, "four.py", "operators = {'silu': lambda r: 4 * r.output[1] * r.output[2] * r.output[3]}")
    asked = ("yolov5s", "--counter", counter, "--rules")
    assert flops(*asked, four) - flops(*asked, free) == 2 * 4 * 23_654_400


@pytest.mark.exhaustive
def test_what_only_has_an_output_is_listed_as_uncounted_and_strict_exits_with_1(fork: Path, tmp_path: Path) -> None:
    rules = written(tmp_path, "rules.yaml", "modules: {SPPX: {output: [n, c, h, w]}}")
    every = info(fork, "--rules", rules)["uncounted"]
    assert isinstance(every, list)
    (left_out,) = every
    assert (left_out["operator"], left_out["path"]) == ("SPPX", "model.9")
    assert 0 < left_out["share"] < 0.01
    for command in ("info", "fuse-diff", "counters", "layers"):
        assert run(command, fork, "--rules", rules).exit_code == 0
        assert run(command, fork, "--rules", rules, "--strict").exit_code == 1
    words = run("info", fork, "--rules", rules).stdout
    assert "no rule for SPPX at model.9" in words
    assert "Paper " not in words  # no figure to publish where one operator is not counted
    assert "Not counted: SPPX at model.9" in " ".join(run("fuse-diff", fork, "--rules", rules).stdout.split())


def test_strict_is_content_where_everything_has_a_rule() -> None:
    assert run("info", "yolov5n", "--strict").exit_code == 0
    assert run("info", "yolov5s-transformer", "--counter", "thop-0.1", "--strict").exit_code == 1


def test_the_ledger_still_adds_up_and_the_host_s_line_knows_no_rule(fork: Path, tmp_path: Path) -> None:
    done = run("fuse-diff", fork, "--rules", written(tmp_path, "rules.yaml", FORMULA), "--format", "json")
    data = json.loads(done.stdout)
    assert (done.exit_code, data["ledger"]["flops"]["unexplained"]) == (0, 0)
    assert data["host_lines"] == {"training": None, "validation": None}
    silu = written(tmp_path, "silu.yaml", "operators: {silu: {macs: outputs}}")
    assert info("yolov5n", "--rules", silu)["line"] == info("yolov5n")["line"]


def test_the_counters_all_take_the_rules_as_a_term_of_its_own(fork: Path, tmp_path: Path) -> None:
    rules = written(tmp_path, "rules.yaml", "modules: {SPPX: {macs: 1000, output: input}, Other: {macs: 1}}")
    done = run("counters", fork, "--rules", rules, "--format", "json")
    data = json.loads(done.stdout)
    for counter in data["counters"].values():
        assert counter["terms"]["your own rules"]["unfused"] == (1000 if counter["unit"] == "MACs" else 2000)
    assert data["rules"] == {"file": str(rules), "unused": ["Other"]}


@pytest.mark.parametrize("by", exhaustively(["row", "module", "operator", "type"]))
def test_layers_count_by_the_same_rules(by: str, fork: Path, tmp_path: Path) -> None:
    rules = written(tmp_path, "rules.yaml", FORMULA)
    done = run("layers", fork, "--rules", rules, "--by", by, "--format", "json")
    assert done.exit_code == 0, done.output
    data = json.loads(done.stdout)
    assert data["total"]["flops"] == flops(fork, "--rules", rules)
    assert data["rules"] == {"file": str(rules), "unused": []}


def test_what_a_rule_prints_is_not_the_report(fork: Path, tmp_path: Path, probe: Probe) -> None:
    text = "print('read')\ndef rule(m, x, y):\n    print('called')\n    m.total_ops += 1\n"
    rules = written(tmp_path, "rules.py", text + "custom_ops, outputs = {'SPPX': rule}, {'SPPX': 'input'}\n")
    done = probe("layers", fork, "--rules", rules, "--format", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["rules"]["unused"] == []
    assert done.stderr.startswith("read\ncalled\n")
    assert f"Rules {rules}: SPPX More" in " ".join(probe("layers", fork, "--rules", rules).stdout.split())


def test_the_rules_are_named_where_the_output_that_they_give_does_not_fit(fork: Path, tmp_path: Path) -> None:
    rules = written(tmp_path, "rules.yaml", "modules: {SPPX: {macs: 0, output: [n, c * 2, h, w]}}")
    error = run("info", fork, "--rules", rules).exception
    assert isinstance(error, TraceError)
    assert f"or correct the output that {rules} gives SPPX" in error.remedy


def test_the_example_is_read() -> None:
    rules = read_rules(str(ROOT / "configs" / "rules.yaml"))
    assert (list(rules.modules), list(rules.operators)) == (["SE"], ["hardswish"])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("no.yaml", None, "cannot be read: No such file or directory"),
        ("no.txt", "", "found another kind of file, expected .py or .yaml"),
        ("a.py", "x = = 3", "a.py, line 1: broken Python, invalid syntax"),
        ("a.py", "x = 3", "found no rules, expected custom_ops, operators or outputs"),
        ("a.py", "import no_such_module", "running it fails: ModuleNotFoundError"),
        ("a.py", "raise SystemExit('gone')", "running it fails: SystemExit: gone (line 1)"),
        ("a.py", "custom_ops = [1]", "found custom_ops = [1], expected a dict"),
        ("a.py", "custom_ops = {'SE': 3}", "custom_ops['SE']: found 3, expected a function"),
        ("a.py", "custom_ops = {3: print}", "found 3, expected a class or its name"),
        ("a.py", "outputs = {'SE': 'same'}", "found 'same', expected a function or 'input'"),
        ("a.yaml", "", "found no rules, expected modules: or operators:"),
        ("a.yaml", "modules: [\n", "line 2: broken YAML"),
        ("a.yaml", "- 1", "found [1], expected modules: and operators:"),
        ("a.yaml", "moduls: {}", "found the key 'moduls', expected modules or operators"),
        ("a.yaml", "modules: {SE: {mac: 3}}", "modules: SE: found the key 'mac', expected macs or output"),
        ("a.yaml", "modules: {SE: 3}", "modules: SE: found 3, expected lines with macs or output"),
        ("a.yaml", "modules: {SE: {output: same}}", "output: found 'same', expected input, or a list"),
        ("a.yaml", "operators: {silu: {}}", "operators: silu: macs: found None, expected a formula"),
        ("a.yaml", "operators: {silu: {macs: '2 *'}}", "'2 *' is neither a value nor a word"),
        ("a.yaml", "operators: {silu: {macs: 'open(1)'}}", "calls something"),
        (
            "a.yaml",
            "operators:\n  silu: {macs: 1 * outputs}\n  silu: {macs: 4 * outputs}\n",
            "a.yaml, line 3: found silu 2 times, expected once",
        ),
        ("a.yaml", "modules:\n\n  SE:\n    mac: 3", "a.yaml, line 3: modules: SE: found the key 'mac', expected macs"),
        ("a.yaml", "[" * 100_000, "a.yaml, line 1: nested deeper than 32 levels"),
    ],
)
def test_a_wrong_file_of_rules_is_told(name: str, text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(RulesError) as caught:
        read_rules(str(path))
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.py", "def r(m, x, y):\n    1 / 0\ncustom_ops = {'Conv': r}", "model.0 fails: ZeroDivisionError: division"),
        ("a.py", "def r(m, x, y):\n    m.nothing\ncustom_ops = {'Conv': r}", "found no nothing in a models"),
        ("a.py", "def r(m, x, y):\n    m.total_ops = '12'\ncustom_ops = {'Conv': r}", "found '12', expected a whole"),
        ("a.py", "def r(m, x, y):\n    m.total_ops = True\ncustom_ops = {'Conv': r}", "found True, expected a whole"),
        ("a.py", "def r(m, x, y):\n    m.total_ops = None\ncustom_ops = {'Conv': r}", "fails: TypeError"),
        ("a.py", "def r(m, x, y):\n    m.total_ops -= 1\ncustom_ops = {'Conv': r}", "found -1.0, expected a whole"),
        ("a.py", "operators = {'silu': lambda r: None}", "silu at model.0.act: found None, expected a whole number"),
        ("a.yaml", "operators: {silu: {macs: foo * 2}}", "found foo * 2, expected arithmetic with c, h, inputs"),
        ("a.yaml", "operators: {silu: {macs: outputs / 3}}", "expected a whole number of MACs, 0 or more"),
        ("a.yaml", "modules: {Conv: {macs: stride}}", "found stride, expected arithmetic with"),
    ],
)
def test_a_rule_that_fails_names_the_file_and_exits_with_2(name: str, text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, name, text)
    with pytest.raises(RulesError) as caught:
        CliRunner().invoke(cli, ["info", "yolov5n", "--rules", str(path)], catch_exceptions=False)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert caught.value.remedy


def test_a_rule_without_an_output_says_what_it_needs(fork: Path, tmp_path: Path) -> None:
    rules = written(tmp_path, "rules.yaml", "modules: {SPPX: {macs: 1}}")
    with pytest.raises(Exception, match="FLOPs are not known") as caught:
        CliRunner().invoke(cli, ["info", str(fork), "--rules", str(rules)], catch_exceptions=False)
    assert "the rule for yolov5.models.common.SPPX needs its output" in caught.value.remedy  # type: ignore[attr-defined]


def test_rules_are_not_verified_by_a_thop_that_has_none(tmp_path: Path, probe: Probe) -> None:
    done = probe("info", "yolov5n", "--verify", "--rules", written(tmp_path, "rules.yaml", FORMULA))
    assert done.returncode == 2
    assert "--verify: found --rules beside it, expected rules of a real thop" in done.stderr

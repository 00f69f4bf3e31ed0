"""Unit: what each line of a network costs, that every way of gathering adds up, and the words, without torch."""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.conftest import Probe
from tests.exhaustive import exhaustively
from tests.networks import question
from yolo_probe.cli import cli
from yolo_probe.counters.charges import charge
from yolo_probe.counters.conventions import CONVENTIONS
from yolo_probe.counters.formulas import arithmetic
from yolo_probe.errors import TargetError
from yolo_probe.model.activations import Access, access, activations
from yolo_probe.model.operators import OpRecord
from yolo_probe.model.structure import Module, Tensor, count_parameters
from yolo_probe.networks.shipped import network_names
from yolo_probe.render import markdown
from yolo_probe.render.common import share
from yolo_probe.render.memory_advice import memory_advice
from yolo_probe.render.text import render
from yolo_probe.render.text_layout import WIDTH
from yolo_probe.reports.layers import LayerCosts, View, as_json, gathered, layer_costs
from yolo_probe.reports.line_costs import BY, SORTS, UNUSED, By, lines_of, operations_of
from yolo_probe.reports.shufflenet_guidelines import least_access

GOLDEN = Path(__file__).parents[1] / "golden"
NETWORKS = [(name, host) for host in ("v5.0", "v6.0", "v7.0") for name in network_names(host)]
IMAGE = (1, 3, 640, 640)


@cache
def report(target: str, view: View = View(), *, fused: bool = False, counter: str | None = None) -> LayerCosts:  # noqa: B008
    return layer_costs(question(target, name=counter), view, fused=fused)


def data(target: str, *options: str) -> dict[str, Any]:
    """What the command says as JSON."""
    done = CliRunner().invoke(cli, ["layers", target, "--format", "json", *options])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def worked_out(formula: str) -> int:
    """The value of a sum of products as it is written."""

    def value(node: ast.expr) -> int:
        if isinstance(node, ast.UnaryOp):  # what a counter leaves out
            return -value(node.operand)
        if isinstance(node, ast.BinOp):
            left, right = value(node.left), value(node.right)
            return left * right if isinstance(node.op, ast.Mult) else left + right
        assert isinstance(node, ast.Constant)
        assert isinstance(node.value, int)
        return node.value

    return value(ast.parse(formula.replace("x", "*"), mode="eval").body)


# Everything adds up


@pytest.mark.exhaustive
@pytest.mark.parametrize(("name", "host"), NETWORKS)
@pytest.mark.parametrize("fused", [False, True])
def test_rows_modules_operators_and_types_add_up_to_the_totals(name: str, host: str, fused: bool) -> None:
    asked = question(f"{name}@{host}")
    whole = layer_costs(asked, View(), fused=fused)
    assert whole.flops == charge(whole.run.records, asked.counter.convention).flops
    assert whole.parameters == count_parameters(whole.root)
    for by, depth in [*((by, None) for by in BY), ("module", 2), ("type", 3)]:
        lines = lines_of(whole.root, whole.run, whole.operations, by, depth)
        assert sum(line.flops or 0 for line in lines) == whole.flops
        assert sum(line.parameters for line in lines) == whole.parameters
        assert sum(line.access.values for line in lines) == whole.access.values


@pytest.mark.parametrize("counter", CONVENTIONS)
@pytest.mark.parametrize(
    "target", exhaustively(["yolov5s-transformer", "yolov5s", "yolov5s-ghost", "yolov5s-seg", "yolov5-bifpn"])
)
def test_every_formula_gives_its_charge_when_it_is_worked_out(target: str, counter: str) -> None:
    found = report(target, View("module"), counter=counter)
    for operation in found.operations:
        assert sum(worked_out(str(product)) for product in operation.products) == (operation.flops or 0)
        for product in operation.products:
            assert worked_out(str(product)) == product.value
    for line in found.lines:
        assert sum(worked_out(each.text) for each in line.arithmetic) == (line.flops or 0)
    every = arithmetic(product for operation in found.operations for product in operation.products)
    assert sum(worked_out(each.text) for each in every) == found.flops


@pytest.mark.parametrize("sort", SORTS)
def test_what_is_left_out_is_one_line_with_the_rest(sort: str) -> None:
    whole, top = data("yolov5s"), data("yolov5s", "--top", "10", "--sort", sort)
    assert len(top["lines"]) == 10
    assert top["others"]["count"] == 15
    assert top["total"] == whole["total"]
    for figure in ("flops", "parameters", "bytes", "memory_access_cost"):
        assert sum(line[figure] for line in top["lines"]) + top["others"][figure] == whole["total"][figure]
    figures = [line[sort] for line in top["lines"]]
    assert figures == sorted(figures, reverse=True)
    assert min(figures) >= max(line[sort] for line in whole["lines"] if line["name"] not in names(top))


def names(found: dict[str, Any]) -> list[str]:
    return [line["name"] for line in found["lines"]]


@pytest.mark.parametrize(
    "target", exhaustively(["yolov5s@v7.0", "yolov5s@v6.1", "yolov5s@v3.1", "yolov5n@head", "yolov7-tiny"], few=2)
)
def test_the_layers_of_the_rows_and_the_rest_are_those_of_the_line(target: str) -> None:
    (_, *rows) = CliRunner().invoke(cli, ["layers", target, "--lang", "en"]).output.partition("row  ")[2].splitlines()
    counts = [int(line.split()[3]) for line in rows if line[:1].isdigit()]
    (total,) = (int(line.split()[1]) for line in rows if line.startswith("total"))
    (rest,) = [int(line.split()[0]) for line in rows if "the list of its rows" in line] or [0]
    line = json.loads(CliRunner().invoke(cli, ["info", target, "--format", "json"]).output)
    assert sum(counts) + rest == total == line["summary"]["layers"]


def test_a_depth_gathers_what_lies_below_it() -> None:
    assert names(data("yolov5s", "--depth", "1")) == names(data("yolov5s")) == [str(row) for row in range(25)]
    two = data("yolov5s", "--depth", "2")
    assert names(two)[:9] == ["0.conv", "0.bn", "0.act", "1.conv", "1.bn", "1.act", "2.cv1", "2.m", "2.cv2"]
    deepest = data("yolov5s", "--by", "module")
    inside = [line for line in deepest["lines"] if line["name"].startswith("2.m.")]
    (line,) = (line for line in two["lines"] if line["name"] == "2.m")
    for figure in ("flops", "parameters", "bytes"):
        assert sum(each[figure] for each in inside) == line[figure]


@pytest.mark.parametrize(("depth", "is_told"), [("1", False), ("2", True), ("9", True)])
def test_modules_that_seem_empty_are_told_to_hold_others_at_every_depth(depth: str, is_told: bool) -> None:
    for more in ((), ("--top", "3"), ("--all",)):
        output = CliRunner().invoke(cli, ["layers", "yolov5s", "--by", "module", "--depth", depth, *more]).output
        assert ("stands for what it computes itself" in " ".join(output.split())) == is_told


def test_types_are_counted_as_modules_and_operators_as_calls() -> None:
    kinds = {line["name"]: line["count"] for line in data("yolov5s", "--by", "type")["lines"]}
    assert kinds == {"Conv": 9, "C3": 8, "SPPF": 1, "Upsample": 2, "Concat": 4, "Detect": 1}
    deep = {line["name"]: line["count"] for line in data("yolov5s", "--by", "type", "--depth", "9")["lines"]}
    assert (deep["Conv2d"], deep["BatchNorm2d"], deep["SiLU"]) == (60, 57, 57)
    calls = {line["name"]: line["count"] for line in data("yolov5s", "--by", "operator")["lines"]}
    assert (calls["conv2d"], calls["batch_norm"], calls["silu"], calls["max_pool2d"]) == (60, 57, 57, 3)


# Single figures, written out


def test_the_first_row_of_yolov5s_is_one_convolution_and_its_batch_norm() -> None:
    line = data("yolov5s")["lines"][0]
    pixels = 320 * 320
    assert (line["inputs"], line["outputs"]) == ([[1, 3, 640, 640]], [[1, 32, 320, 320]])
    assert line["parameters"] == 32 * 3 * 6 * 6 + 2 * 32
    assert line["formulas"] == [
        {"term": "convolution", "formula": "2 x 32 x 320 x 320 x 3 x 6 x 6", "flops": 707_788_800},
        {"term": "BatchNorm", "formula": "8 x 32 x 320 x 320", "flops": 8 * 32 * pixels},
    ]
    convolution = 3 * 640 * 640 + 32 * pixels + 32 * 3 * 6 * 6
    batch_norm = silu = 2 * 32 * pixels
    assert line["memory_access_cost"] == convolution + batch_norm + silu
    assert line["bytes"] == 4 * line["memory_access_cost"]
    assert (line["fused"], line["unfused"]) == (0, 1)


def test_fusing_turns_every_pair_into_one_convolution() -> None:
    before, after = data("yolov5s"), data("yolov5s", "--fused")
    assert (before["fused"], after["fused"]) == (False, True)
    assert sum(line["unfused"] for line in before["lines"]) == sum(line["fused"] for line in after["lines"]) == 57
    assert sum(line["fused"] for line in before["lines"]) == sum(line["unfused"] for line in after["lines"]) == 0
    assert before["total"]["flops"] - after["total"]["flops"] == 8 * 23_654_400
    assert before["total"]["bytes"] - after["total"]["bytes"] == 4 * 2 * 23_654_400


@pytest.mark.parametrize(("groups", "weights"), [(1, 64 * 32), (4, 64 * 32 // 4), (32, 64)])
def test_a_1x1_convolution_moves_what_shufflenet_v2_says(groups: int, weights: int) -> None:
    h, w, c1, c2 = 20, 30, 32, 64
    shape = (c2, c1 // groups, 1, 1)
    record = OpRecord("conv2d", "", "nn.Conv2d", ((1, c1, h, w),), (1, c2, h, w), shape, {"groups": groups})
    assert access(record) == Access(h * w * c1, h * w * c2, weights)
    assert access(record).values == h * w * (c1 + c2) + c1 * c2 // groups


def test_the_least_access_is_that_of_equal_channels() -> None:
    equal = OpRecord("conv2d", "", "", ((1, 64, 20, 30),), (1, 64, 20, 30), (64, 64, 1, 1), {"groups": 1})
    unequal = OpRecord("conv2d", "", "", ((1, 16, 20, 30),), (1, 256, 20, 30), (256, 16, 1, 1), {"groups": 1})
    assert access(equal).values == least_access(equal) == least_access(unequal)
    assert access(unequal).values - least_access(unequal) == 20 * 30 * (16 + 256 - 2 * 64)


def test_the_guidelines_of_yolov5s_and_of_its_ghost() -> None:
    plain, ghost = data("yolov5s"), data("yolov5s-ghost")
    width, groups, fragments, single = plain["guidelines"]
    assert [each["name"] for each in plain["guidelines"]] == ["G1", "G2", "G3", "G4"]
    assert (groups["concerned"], groups["checked"], groups["rows"]) == (0, 60, [])
    assert (ghost["guidelines"][1]["concerned"], ghost["guidelines"][1]["depthwise"]) == (30, 30)
    assert width["memory_access_cost"] > width["least_values"]
    assert width["checked"] == sum(
        each["operator"] == "conv2d" and each["weight"][2:] == [1, 1] for each in plain["operators"]
    )
    assert fragments["fragments"] == 60 + 3  # convolutions, and the poolings of SPPF
    assert fragments["rows"] == ["2", "4", "6", "8", "9", "13", "17", "20", "23", "24"]
    assert single["memory_access_cost"] == sum(
        each["memory_access_cost"]
        for each in plain["operators"]
        if each["operator"] in ("batch_norm", "silu", "sigmoid", "add", "sub", "mul", "pow")
    )


def test_parameters_that_no_operator_uses_are_a_line_of_their_own() -> None:
    used = Module("torch.nn.modules.conv.Conv2d", parameters={"weight": Tensor((4, 3, 1, 1))})
    spare = Module("torch.nn.modules.conv.Conv2d", parameters={"weight": Tensor((5, 3, 1, 1))})
    root = Module("a.Net", children={"used": used, "spare": spare}, parameters={"token": Tensor((7,))})
    record = OpRecord("conv2d", "used", "nn.Conv2d", ((1, 3, 8, 8),), (1, 4, 8, 8), (4, 3, 1, 1), {"groups": 1})
    found = operations_of(root, charge([record], CONVENTIONS["torch"]))
    assert [(each.record.path, each.record.operator, each.parameters) for each in found] == [
        ("used", "conv2d", 12),
        ("", UNUSED, 7),
        ("spare", UNUSED, 15),
    ]


# Memory


def test_the_peak_is_the_tensors_that_are_there_together() -> None:
    found = activations(report("yolov5s").run)
    assert found is not None
    assert (found.path, found.operator) == ("model.0.bn", "batch_norm")
    assert [(each.path, each.values) for each in found.held] == [
        ("model.0.conv", 32 * 320 * 320),
        ("model.0.bn", 32 * 320 * 320),
    ]
    assert found.peak == sum(each.values for each in found.held)


def test_what_works_in_place_makes_no_tensor() -> None:
    own, in_place = (activations(report(target).run) for target in ("yolov5s@v6.0", "yolov5s@v7.0"))
    assert own is not None
    assert in_place is not None
    assert own.made - in_place.made == 23_654_400  # the 57 SiLU


def test_json_names_the_unit_and_the_type_of_memory() -> None:
    memory = data("yolov5n", "--memory")["memory"]
    assert memory["dtype"] == "float32"
    assert memory["weights_bytes"] == 4 * 1_872_157
    boxes, levels = 25_200 * 85, [3 * side * side * 85 for side in (80, 40, 20)]
    assert sum(levels) == boxes
    assert memory["peak"]["bytes"] == 4 * (2 * sum(levels) + boxes)  # predictions, their boxes, the boxes as one
    assert memory["peak"]["bytes"] == sum(each["bytes"] for each in memory["peak"]["tensors"])


# Words


def test_the_ten_largest_rows_read_as_reviewed() -> None:
    assert render(report("yolov5s@v7.0", View(sort="flops", top=10))) == (GOLDEN / "layers-yolov5s.txt").read_text()


def test_the_memory_of_a_network_reads_as_reviewed() -> None:
    found = render(report("yolov5s-ghost@v7.0", View(memory=True)))
    assert found == (GOLDEN / "layers-memory-yolov5s-ghost.txt").read_text()


@pytest.mark.parametrize("target", exhaustively(["yolov5s-transformer", "yolov5x6", "yolov5s-seg", "yolov5s-ghost"]))
@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("by", BY)
def test_the_words_keep_to_the_body_and_to_ascii(target: str, by: By, memory: bool) -> None:
    for fused in (False, True):
        text = render(report(target, View(by, memory=memory), fused=fused))
        assert text.isascii()
        assert [line for line in text.splitlines() if len(line) > WIDTH + line.startswith("Counted")] == []


def test_a_wide_terminal_has_all_columns_beside_each_other() -> None:
    found = report("yolov5s@v7.0", View(top=3))
    wide, narrow = render(found, columns=120), render(found, columns=80)
    assert wide.count("\ntotal") == 1
    assert narrow.count("\ntotal") == 2
    assert narrow == render(found)
    assert [line for line in wide.splitlines() if len(line) > 120] == []
    (row,) = (line for line in wide.splitlines() if line.startswith("6 ") and "#" in line)
    assert row.split()[:6] == ["6", "C3", "625,152", "2,008,678,400", "12.1", "%"]
    assert row.split()[6:11] == ["256x40x40", "256x40x40", "63,930,368", "31.4", "no"]


def test_markdown_has_the_table_the_sums_and_the_arithmetic() -> None:
    text = markdown.render(report("yolov5s@v7.0", View(top=2)))
    assert "| 6 | C3 | 625,152 | 2,008,678,400 | 12.1 % | 256x40x40 | 256x40x40 | 63,930,368 | 31.4 | no |" in text
    assert "| **total** |  | **7,235,389** | **16,622,796,800** | **100.0 %** |" in text
    assert "- **6 C3** 8 x 40 x 40 x (8 x 128 + 256) = 16,384,000 BatchNorm" in text


def test_a_file_and_the_network_that_it_holds_cost_the_same(demo_checkpoint: Path) -> None:
    of_file, of_yaml = (
        data(str(target), "--host", "v7.0") for target in (demo_checkpoint, demo_checkpoint.with_name("narrow.yaml"))
    )
    for part in ("total", "lines", "operators", "memory", "guidelines"):
        assert of_file[part] == of_yaml[part]


def test_a_line_without_a_rule_has_no_figure_instead_of_0() -> None:
    found = report("yolov5s-transformer", View("module"), counter="thop-2019")
    (attention,) = [line for line in found.lines if line.kind == "MultiheadAttention"]
    (data,) = [line for line in json.loads(json.dumps(as_json(found)))["lines"] if line["name"] == attention.name]
    assert (attention.flops, data["flops"], data["flops_per_byte"]) == (None, None, None)
    assert " not counted " in render(found)


def test_the_data_is_the_same_whatever_is_shown() -> None:
    whole, part = as_json(report("yolov5n")), as_json(report("yolov5n", View("type", top=1, memory=True)))
    for key in ("total", "operators", "memory", "guidelines"):
        assert whole[key] == part[key]


def test_a_long_or_broken_name_stays_on_its_line() -> None:
    name = "a\n\x1b[31mb" + "c" * 100
    stage = Module("a.Stage", parameters={"weight": Tensor((7,))})
    found = report("yolov5n@v7.0")
    root = Module("a.Net", children={name: stage, "other": stage})
    text = render(
        gathered(found.subject, None, found.charges.convention, View(), root, found.run, None, is_fused=False)
    )
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []
    assert "...ccc" in text


# Wrong input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("yolov5s", "--top", "0"), "--top: found 0, expected a whole number of at least 1"),
        (("yolov5s", "--top", "x"), "--top: found x, expected a whole number of at least 1"),
        (("yolov5s", "--depth", "0"), "--depth: found 0, expected a whole number of at least 1"),
        (("yolov5s", "--sort", "nonsense"), "--sort: found nonsense, expected one of flops, parameters, bytes"),
        (("yolov5s", "--by", "layer"), "--by: found layer, expected one of row, module, operator, type"),
        (
            ("yolov5s", "--by", "operator", "--depth", "2"),
            "found a depth for operators, expected it for rows, modules or types",
        ),
        (("yolov5q",), "is neither a file nor a detection or segmentation network that YOLOv5 ships\n  Did you mean"),
        (("no-such.pt",), "no-such.pt: no such file"),
        (("yolov5s", "--imgsz", "0"), "found '0', expected pixels"),
        ((), "found no TARGET, expected yolo-probe "),
    ],
)
def test_wrong_input_is_told_on_stderr_and_exits_with_2(arguments: tuple[str, ...], message: str, probe: Probe) -> None:
    done = probe("layers", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "wrong", [{"by": "x"}, {"sort": "x"}, {"top": 0}, {"depth": -1}, {"by": "operator", "depth": 1}]
)
def test_a_view_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TargetError, match=r"layers: found .*, expected "):
        View(**wrong)


def test_a_network_that_cannot_be_followed_says_where(tmp_path: Path, probe: Probe) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(
        "nc: 2\ndepth_multiple: 1.0\nwidth_multiple: 1.0\nanchors: 3\n"
        "backbone: [[-1, 1, Conv, [8, 3, 2]], [[-1, 0], 1, Concat, [2]]]\nhead: [[[1], 1, Detect, [nc, anchors]]]\n"
    )
    done = probe("layers", wrong)
    assert (done.returncode, done.stdout) == (2, "")
    assert str(wrong) in done.stderr


def test_a_module_that_holds_others_is_said_to_stand_for_its_own_operators_alone() -> None:
    for view, where in (
        (View("module", brief=True), "are the rows whose names begin with its own."),
        (View("type", depth=5, brief=True), "are in the rows of their own types."),
    ):
        text = " ".join(render(report("yolov5s", view)).split())
        assert "A module that holds others stands for what it computes itself: concatenations, sums, boxes." in text
        assert where in text
    assert "holds others" not in render(report("yolov5s", View(brief=True)))


def test_rows_are_told_from_layers() -> None:
    said = "The YAML's 25 rows hold the 214 layers of its line: most are blocks of several."
    assert said in render(report("yolov5s@v7.0", View(brief=True)))
    assert "The YAML's 25 rows" not in render(report("yolov5s@v7.0", View("module", brief=True)))


def test_the_table_fits_a_screen_unless_all_is_asked_for() -> None:
    brief, whole = (CliRunner().invoke(cli, ["layers", "yolov5n", *more]).output for more in ((), ("--all",)))
    assert len(brief.splitlines()) <= 42
    assert "9      backbone  SPPF" in brief
    assert "10     head      Conv" in brief
    assert "1,872,157" in whole
    assert "bytes moved" in whole


@pytest.mark.parametrize("target", ["yolov5n", "yolov5s-ghost", "yolov5-bifpn"])
def test_the_memory_ends_with_advice_of_at_most_three_sentences_each_with_its_figure(target: str) -> None:
    found = report(target, View(memory=True))
    advice = memory_advice(found)
    assert 1 <= len(advice) <= 3
    assert all(" %" in sentence for sentence in advice)
    most = max(found.lines, key=lambda line: line.access.values)
    assert advice[0].startswith(f"Look at row {most.name} first: {share(most.access.values, found.access.values)}")
    assert [sentence for sentence in memory_advice(report(target, fused=True)) if "after fuse()" in sentence] == []

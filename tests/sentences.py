"""The sentences of reports as the source has them: each string of the rooms that write them, by its fixed parts."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache

from tests.environments import ROOT
from yolo_probe import errors

SPOKEN = (
    *("render/common", "render/document", "render/explain", "render/fuse_diff", "render/gradients", "render/info"),
    *("render/stride_scaling", "render/verification", "render/weight_values", "reports/explain", "reports/fuse_diff"),
    *("reports/fused_outputs", "reports/gradients", "reports/ledger", "reports/mechanisms", "reports/story"),
    *("hosts/host", "hosts/summary_line", "hosts/ultralytics", "hosts/yolov5", "model/freezing", "model/fusion"),
    *("training/log_lines", "training/moments", "training/probe", "training/run_files", "training/dropin"),
    "training/left_to_host",
    *("render/diff", "reports/diff", "render/side_by_side", "render/layers", "render/memory_advice"),
    *(
        "reports/shufflenet_guidelines",
        "render/counters",
        "render/tool_figures",
        "counters/faults",
        "render/story",
        "render/bench",
    ),
    "reports/bench_advice",
    *("render/inspection", "reports/inspection", "reports/unusual", "registry/limits", "registry/against"),
    "registry/rows",
)
"""The modules whose strings are read in the reports that are also in Chinese, and in a training's messages."""
UNSPOKEN = {
    "Functions": ("as_json", "_without_thop"),
    "Heads of a table whose columns are names": ("_pairs", "_table"),
}
"""Functions and names whose strings no such report shows."""


def fixed_parts() -> Iterator[tuple[str, str]]:
    """Module and text of each fixed part of a sentence: what is between two values of an f-string, or a string."""
    for name in SPOKEN:
        tree = ast.parse((ROOT / "yolo_probe" / f"{name}.py").read_text(encoding="utf-8"))
        unread = set(_unread(tree))
        parts = {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unread:
                for part in re.split(r"(?<=\S[.?!])\s|\n", node.value):
                    words = part.strip(" .,;:?(\N{NO-BREAK SPACE}")
                    if re.search(r"(?<!\S)[a-z]{2,}(?!\S)", words) and (" " in words or id(node) in parts):
                        yield name, words


ERRORS = (
    *("cli/guide_command", "cli/in_browser", "cli/line_commands", "cli/network_commands", "cli/output"),
    *("cli/registry_commands", "cli/training_commands"),
    *("checkpoint/archive", "checkpoint/decode", "checkpoint/pickle_machine", "checkpoint/reader", "checkpoint/remote"),
    *("hosts/target", "hosts/yolov5", "networks/model_yaml", "networks/network", "networks/parse_model"),
    *("networks/before_v5_0", "networks/constructors", "networks/shipped", "networks/torch_nn"),
    *("expressions", "registry/against", "yaml_file"),
    *("registry/files", "registry/tables", "render/picture", "render/site", "reports/bench", "reports/diff"),
    *("reports/inspection", "reports/layers", "reports/question", "reports/story"),
    *("counters/rules", "counters/rules_file", "hosts/installed_network", "hosts/source"),
    *("hosts/ultralytics_architecture", "hosts/ultralytics_names", "hosts/ultralytics_rebuild"),
    *("model/forward", "model/fusion", "model/torch_blocks", "model/trace", "model/user_rules", "model/yolov5_blocks"),
    *("networks/forks/yolov5_face", "networks/forks/yolov5_lite", "networks/forks/yolov7", "networks/forks/yolov9"),
    *("registry/cluster", "render/report_page", "reports/gradients", "reports/verify"),
    *("training/runner", "training/settings"),
)
"""The modules whose errors are also in Chinese: all that a command or the page shows; not those of Python's calls."""


def parts_of_errors() -> Iterator[tuple[str, str]]:
    """Module and text of each fixed part of an error, of what failed and of what to do."""
    for name in ERRORS:
        tree = ast.parse((ROOT / "yolo_probe" / f"{name}.py").read_text(encoding="utf-8"))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and getattr(call.func, "id", getattr(call.func, "attr", "")) in _OURS:
                for node in (node for argument in call.args for node in ast.walk(argument)):
                    if isinstance(node, ast.Constant) and isinstance(node.value, str):
                        yield from ((name, part.strip(" .,:;()")) for part in re.split(r"(?<=[.?!])\s", node.value))


_OURS = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
_OURS |= {"ArgumentError", "ExpressionError", "placed", "refuse"}  # which become one of those


def is_of_the_source(english: str) -> bool:
    """Whether the fixed parts of a sentence of the catalogue are in the source: each whole, or from part to part."""
    pieces = (piece for text in re.split(r"\{\w+\}", english) for piece in re.split(_NUMBER, text))
    return all(_is_in_a_row(tuple(_words(piece)), from_start=False) for piece in pieces)


_NUMBER = r"\d[\d,.x]*"


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z_-]+|'[a-z]*", text.lower())


def _marked(words: Iterable[str]) -> str:
    """Words that are found in a text of words as a whole alone."""
    return "".join(f" {word} " for word in words)


def _is_in_a_row(words: tuple[str, ...], *, from_start: bool) -> bool:
    """Whether a part of the source has these words, or several parts of which each goes on where another ends."""
    for count in range(len(words), 0, -1):
        found = ("|" if from_start else "") + _marked(words[:count]) + ("" if count == len(words) else "|")
        if found in _source() and _is_in_a_row(words[count:], from_start=True):
            return True
    return not words


@cache
def _source() -> str:
    """The words of every string of the package and of every note in its data, with a bar where a part ends."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "yolo_probe").rglob("*.py"))
    nodes = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    known = json.loads((ROOT / "configs" / "known_lines.json").read_text(encoding="utf-8"))
    data = [each.get("note", "") for each in known["networks"]] + [text for cause in known["causes"] for text in cause]
    texts = (text for text in (*nodes, *data) if isinstance(text, str))
    parts = {_marked(_words(part)) for text in texts for part in re.split(rf"\{{\w*\}}|{_NUMBER}", text)}
    return f"|{'|'.join(parts)}|"


def _unread(tree: ast.Module) -> Iterator[int]:
    """The strings that no report shows: docstrings, errors, formats of figures, those of ``UNSPOKEN``."""
    unspoken = {name for names in UNSPOKEN.values() for name in names}
    for node in ast.walk(tree):
        inside: ast.AST | None = None
        if isinstance(node, ast.Raise) or (isinstance(node, ast.FunctionDef) and node.name in unspoken):
            inside = node
        elif isinstance(node, ast.FormattedValue):
            inside = node.format_spec
        elif (
            isinstance(node, ast.Assign) and {each.id for each in node.targets if isinstance(each, ast.Name)} & unspoken
        ):
            inside = node.value
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside = node
        yield from map(id, ast.walk(inside) if inside else ())

"""A file of counting rules, Python or YAML -> ``OwnRules``.

A Python file is the user's own code and is executed, because they named it. A YAML is read by the closed grammar of
``expressions``; nothing in it is executed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import prod
from pathlib import Path
from runpy import run_path
from typing import Any, NoReturn

from yolo_probe.errors import RulesError, shown
from yolo_probe.expressions import ExpressionError, evaluate
from yolo_probe.model.operators import OpRecord, Rule
from yolo_probe.model.structure import Shape
from yolo_probe.model.user_rules import ModuleRule, OutputRule, OwnRules, class_path, users_code, whole
from yolo_probe.yaml_file import Yaml, YamlKind, content_of, read_yaml

_EXAMPLE = "configs/rules.yaml of yolo-probe is an example to start from."
KIND = YamlKind("a file of rules", RulesError, _EXAMPLE)


def read_rules(path: str) -> OwnRules:
    """The rules in a file: ``.py`` is executed, ``.yaml`` or ``.yml`` is read.

    Raises: RulesError with the file, what was found and what was expected.
    """
    if not path.endswith((".py", ".yaml", ".yml")):
        raise RulesError(f"{path}: found another kind of file, expected .py or .yaml", _EXAMPLE)
    found = _from_python(path) if path.endswith(".py") else _from_yaml(path)
    if not found.modules and not found.operators:
        expected = "custom_ops, operators or outputs" if path.endswith(".py") else "modules: or operators:"
        raise RulesError(f"{path}: found no rules, expected {expected} with at least one", _EXAMPLE)
    return found


# Python


def _from_python(path: str) -> OwnRules:
    content_of(path, KIND)  # only for its errors: a missing, unreadable or too large file
    folder = str(Path(path).resolve().parent)
    sys.path.insert(0, folder)  # as python my_rules.py would
    try:
        with users_code(path, "running it fails", "Run it with python to see why."):
            try:
                names = run_path(path, run_name="yolo_probe_rules")
            except SyntaxError as error:
                place = f"{path}, line {error.lineno}" if error.lineno else path
                raise RulesError(f"{place}: broken Python, {error.msg}", "Correct that line.") from None
    finally:
        sys.path.remove(folder)
    counts = {_class_name(path, key): rule for key, rule in _functions(path, names, "custom_ops").items()}
    outputs = {_class_name(path, key): rule for key, rule in _functions(path, names, "outputs", "input").items()}
    modules = {
        name: ModuleRule(counts.get(name), same_shape if outputs.get(name) == "input" else outputs.get(name))
        for name in (*counts, *(name for name in outputs if name not in counts))
    }
    operators = _functions(path, names, "operators")
    if wrong := [name for name in operators if not isinstance(name, str)]:
        raise RulesError(f"{path}: operators: found {shown(wrong[0])}, expected names such as 'silu'", _EXAMPLE)
    return OwnRules(path, modules, {str(name): _checked(path, str(name), rule) for name, rule in operators.items()})


def _functions(path: str, names: Mapping[str, Any], name: str, *words: str) -> dict[object, Any]:
    """The table ``name`` of a Python file; its values are functions, or one of ``words``."""
    table = names.get(name, {})
    if not isinstance(table, Mapping):
        raise RulesError(f"{path}: found {name} = {shown(table)}, expected a dict", _EXAMPLE)
    for key, rule in table.items():
        if not callable(rule) and rule not in words:
            expected = " or ".join(["a function", *map(repr, words)])
            raise RulesError(f"{path}: {name}[{shown(key)}]: found {shown(rule)}, expected {expected}", _EXAMPLE)
    return dict(table)


def _class_name(path: str, key: object) -> str:
    if isinstance(key, type):
        return class_path(key)
    if not isinstance(key, str):
        raise RulesError(f"{path}: found {shown(key)}, expected a class or its name, such as 'SE'", _EXAMPLE)
    return key


def _checked(path: str, name: str, function: Callable[[OpRecord], object]) -> Rule:
    """The user's function as a rule that raises RulesError if it fails or returns no whole number."""

    def rule(r: OpRecord) -> int:
        with users_code(path, f"the rule for {name} fails at {r.path}", _EXAMPLE):
            found = function(r)
        return whole(found, f"{path}: the rule for {name} at {r.path}")

    return rule


def same_shape(module: Any, x: Shape) -> Shape:
    """The output rule ``input``: the output has the shape of the input."""
    return x


# YAML


def _from_yaml(path: str) -> OwnRules:
    file = read_yaml(path, KIND)
    document = {} if file.document is None else file.document
    if not isinstance(document, dict):
        _refuse(path, document, "modules: and operators:")
    _known(path, document, "modules", "operators")
    modules = {}
    for name, place, given in _table(file, path, "modules"):
        _known(place, given, "macs", "output")
        modules[name] = ModuleRule(
            _count(place, given["macs"]) if "macs" in given else None,
            _output(place, given["output"]) if "output" in given else None,
        )
    operators: dict[str, Rule] = {}
    for name, place, given in _table(file, path, "operators"):
        _known(place, given, "macs")
        operators[name] = _operator(place, given.get("macs"))
    return OwnRules(path, modules, operators)


def _refuse(place: str, found: object, expected: str) -> NoReturn:
    raise RulesError(f"{place}: found {shown(found)}, expected {expected}", _EXAMPLE)


def _known(place: str, given: object, *keys: str) -> None:
    """Refuse anything but a mapping with only these keys."""
    if not isinstance(given, dict):
        _refuse(place, given, f"lines with {' or '.join(keys)}")
    for key in given:
        if key not in keys:
            raise RulesError(f"{place}: found the key {shown(key)}, expected {' or '.join(keys)}", _EXAMPLE)


def _table(file: Yaml, path: str, key: str) -> Iterator[tuple[str, str, Any]]:
    """The rules under a key: the name of each, its place for messages, and what the file has there."""
    table = (file.document or {}).get(key) or {}
    if not isinstance(table, dict):
        _refuse(f"{path}: {key}", table, "names, each with its rule")
    for name, given in table.items():
        line = file.lines.get((key, str(name)))
        yield str(name), f"{path}{f', line {line}' if line else ''}: {key}: {name}", given


def _count(place: str, formula: object) -> Callable[[Any, tuple[Any, ...], Any], None]:
    """A formula as a rule with thop's signature, which adds MACs to ``module.total_ops``."""
    text = _formula(f"{place}: macs", formula)

    def rule(module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        first = next((tuple(x.shape) for x in inputs if hasattr(x, "shape")), ())
        out = tuple(output.shape) if hasattr(output, "shape") else ()
        module.total_ops += whole(_value(f"{place}: macs", text, _names(first, out, module)), f"{place}: macs: {text}")

    return rule


def _output(place: str, given: object) -> OutputRule:
    place = f"{place}: output"
    if given == "input":
        return same_shape
    if not isinstance(given, list) or not given:
        _refuse(place, given, "input, or a list such as [n, c, h // 2, w // 2]")
    return partial(_sides, place, [_formula(place, side) for side in given])


def _sides(place: str, texts: list[str], module: Any, x: Shape) -> Shape:
    return tuple(whole(_value(place, text, _names(x, (), module)), f"{place}: {text}") for text in texts)


def _operator(place: str, formula: object) -> Rule:
    text = _formula(f"{place}: macs", formula)

    def rule(r: OpRecord) -> int:
        names = _names(r.inputs[0] if r.inputs else (), r.output, None) | {"weight": prod(r.weight) if r.weight else 0}
        return whole(_value(f"{place}: macs", text, names), f"{place}: macs: {text}")

    return rule


def _formula(place: str, given: object) -> str:
    """The text of a formula; refused where it cannot be arithmetic, whatever values its names will have."""
    if isinstance(given, bool) or not isinstance(given, int | str) or given == "":
        _refuse(place, given, "a formula such as 2 * c * h * w")
    text = str(given)
    try:
        evaluate(text, {})
    except ExpressionError as error:
        raise RulesError(f"{place}: {error}", _EXAMPLE) from None
    return text


def _value(place: str, text: str, names: Mapping[str, object]) -> object:
    try:
        value = evaluate(text, names)
    except ExpressionError as error:
        raise RulesError(f"{place}: {error}", _EXAMPLE) from None
    if not isinstance(value, int | float):
        known = ", ".join(sorted(names))
        raise RulesError(f"{place}: found {text}, expected arithmetic with {known}", _EXAMPLE)
    return value


def _names(first: Shape, out: Shape, module: Any) -> dict[str, object]:
    """The names in a formula: axes of the first input and the output, numbers of values, the module's own numbers."""
    own = {} if module is None else _numbers(module)
    axes = dict(zip("nchw", first, strict=True)) if len(first) == 4 else {}
    after = dict(zip(("on", "oc", "oh", "ow"), out, strict=True)) if len(out) == 4 else {}
    sizes = {"inputs": prod(first)} | ({"outputs": prod(out)} if out else {})
    if module is not None:
        sizes["parameters"] = sum(each.numel() for each in module.parameters())
    return {**own, **axes, **after, **sizes}


def _numbers(module: Any) -> dict[str, object]:
    attributes = module._described.attributes if hasattr(module, "_described") else vars(module)
    return {name: value for name, value in attributes.items() if type(value) in (int, float) and name != "total_ops"}

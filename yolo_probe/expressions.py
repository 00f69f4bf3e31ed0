"""The text arguments of a model YAML, read by a closed grammar: text in, plain data or a ``ConstructorCall`` out.

The hosts hand such texts to Python's ``eval``. Here nothing is executed: Python's parser gives the tree, and a walk
over a short list of its nodes computes the value: numbers, text, None, True, False, lists and tuples, arithmetic on
bounded numbers, the names that the host has at hand (``nc``, ``anchors``), and ``nn.LeakyReLU(0.1)``, which becomes a
``ConstructorCall``.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_NUMBER = 2**53
"""Numbers beyond this are refused, in results and on the way."""
MAX_CHARACTERS = 1000
"""Characters of an expression."""


@dataclass(frozen=True, slots=True)
class ConstructorCall:
    """A constructor of torch with its arguments, as ``nn.LeakyReLU(0.1, inplace=True)`` names it."""

    name: str
    arguments: tuple[object, ...]
    keywords: Mapping[str, object]


class ExpressionError(ValueError):
    """A text outside the grammar; the message says which part, without the place."""


class _UnknownName(Exception):
    """A bare word: the hosts then keep the whole text as it is."""


_BINARY: dict[type[ast.operator], Callable[[int | float, int | float], int | float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[int | float], int | float]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}


def evaluate(text: str, names: Mapping[str, object]) -> object:
    """The value of a text; a text that names something unknown, such as ``nearest``, is itself.

    Raises: ExpressionError where the hosts would execute something, or fail.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"an expression of {len(text)} characters, expected at most {MAX_CHARACTERS}")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ExpressionError(f"{text!r} is neither a value nor a word") from None
    try:
        return _value(tree.body, names)
    except _UnknownName:
        return text
    except RecursionError:
        raise ExpressionError(f"{_shown(tree.body)} is nested too deeply") from None


def _value(node: ast.expr, names: Mapping[str, object]) -> object:
    match node:
        case ast.Constant(value=None | bool() | str() as plain):
            return plain
        case ast.Constant(value=int() | float() as number):
            return _bounded(number, node)
        case ast.Name(id=name):
            if name not in names:
                raise _UnknownName
            return names[name]
        case ast.List(elts=elements):
            return [_value(element, names) for element in elements]
        case ast.Tuple(elts=elements):
            return tuple(_value(element, names) for element in elements)
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _bounded(_UNARY[type(op)](_number(operand, names)), node)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _arithmetic(type(op), _number(left, names), _number(right, names), node)
        case ast.Call(func=func, args=arguments, keywords=keywords):
            return _call(node, func, arguments, keywords, names)
        case ast.Attribute() if _dotted(node) is None:
            raise _UnknownName
        case ast.Attribute():
            raise ExpressionError(f"{_shown(node)} names a class; a module needs its parentheses: {_shown(node)}()")
    raise ExpressionError(f"{_shown(node)} is not a number, a text, a list or a module of torch.nn")


def _number(node: ast.expr, names: Mapping[str, object]) -> int | float:
    value = _value(node, names)
    if not isinstance(value, (int, float)):
        raise ExpressionError(f"{_shown(node)} is no number, so it cannot be calculated with")
    return value


def _arithmetic(op: type[ast.operator], left: int | float, right: int | float, node: ast.expr) -> int | float:
    if op is ast.Pow and (abs(right) > 64 or abs(left) > 2**32):
        raise ExpressionError(f"{_shown(node)} is too large")
    try:
        return _bounded(_BINARY[op](left, right), node)
    except (ZeroDivisionError, OverflowError) as error:
        raise ExpressionError(f"{_shown(node)} cannot be calculated: {error}") from None


def _bounded(number: object, node: ast.expr) -> int | float:
    if not isinstance(number, (int, float)) or not abs(number) <= MAX_NUMBER:
        raise ExpressionError(f"{_shown(node)} is too large")
    return number


def _call(
    node: ast.expr,
    func: ast.expr,
    arguments: list[ast.expr],
    keywords: list[ast.keyword],
    names: Mapping[str, object],
) -> ConstructorCall:
    name = _dotted(func)
    if name is None:
        raise ExpressionError(
            f"{_shown(node)} calls something; only modules of torch.nn, such as nn.ReLU(), can stand here"
        )
    given: dict[str, object] = {}
    for keyword in keywords:
        if keyword.arg is None:
            raise ExpressionError(f"{_shown(node)} unpacks arguments; write them out")
        given[keyword.arg] = _value(keyword.value, names)
    return ConstructorCall(f"nn.{name}", tuple(_value(argument, names) for argument in arguments), given)


def _dotted(node: ast.expr) -> str | None:
    """The class of ``nn.X`` or ``torch.nn.X``, None for anything else."""
    match node:
        case ast.Attribute(value=ast.Name(id="nn"), attr=name):
            return name
        case ast.Attribute(value=ast.Attribute(value=ast.Name(id="torch"), attr="nn"), attr=name):
            return name
    return None


def _shown(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{text[:57]}..."

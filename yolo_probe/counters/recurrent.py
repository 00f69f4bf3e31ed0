"""What each tool charges for recurrent modules: RNN, GRU and LSTM, whole or as one cell.

For a step of one sample, a cell with I inputs and H hidden values multiplies G x H weights with I and with H values;
G, the gates, is 1, 3 or 4. Measured on single modules: thop 0.0.31 to 0.1.1, ultralytics-thop 2.0.0 to 2.2.3, ptflops
0.7.5, torchprofile 0.1.0, torchinfo 1.8.0, fvcore 0.1.5, torch 2.13, calflops 0.3.2, deepspeed 0.19.8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from yolo_probe.model.operators import OpRecord, Rule

GATES: Mapping[str, int] = {"rnn": 1, "gru": 3, "lstm": 4}
LAYERS = tuple(GATES)
CELLS = tuple(f"{name}_cell" for name in GATES)

_ADDED_BY_THOP = {"rnn": 0, "gru": 4, "lstm": 4}
"""How often thop adds the hidden size once more in each cell: the products of gates with the state."""
_ADDED_BY_PTFLOPS = {"rnn": 1, "gru": 7, "lstm": 10}
_PRODUCTS_TRACED = {"rnn": 0, "gru": 2, "lstm": 3}
"""Products of gates with the state that torchprofile sees in a cell."""

Cell = Callable[[str, int, int, int], int]
"""The charge of one cell for one step of one sample: its kind, I, H, and 1 if it has biases, else 0."""


def charged(cell: Cell) -> Rule:
    """A rule that adds up all cells of a module, for each step of each sample."""

    def rule(r: OpRecord) -> int:
        return _steps(r) * _each_cell(r, cell)

    return rule


def _steps(r: OpRecord) -> int:
    """Steps of all samples: of a cell, its samples."""
    return prod(r.inputs[0][:-1])


def by_first_axes(cell: Cell) -> Rule:
    """As ``charged``, by the first two axes, of a cell the first one, also where there is no batch."""
    return lambda r: prod(r.inputs[0][: 1 if r.operator in CELLS else 2]) * _each_cell(r, cell)


def _each_cell(r: OpRecord, cell: Cell) -> int:
    cells, bias = r.options["cells"], int(bool(r.options["bias"]))
    assert isinstance(cells, tuple)
    return sum(cell(r.operator.removesuffix("_cell"), inputs, hidden, bias) for inputs, hidden in cells)


def _weights(kind: str, inputs: int, hidden: int) -> int:
    return GATES[kind] * hidden * (inputs + hidden)


def _of_thop(kind: str, inputs: int, hidden: int, bias: int) -> int:
    gates = GATES[kind] * hidden
    return _weights(kind, inputs, hidden) + gates + 2 * bias * gates + _ADDED_BY_THOP[kind] * hidden


def _of_ptflops(kind: str, inputs: int, hidden: int, bias: int) -> int:
    return _weights(kind, inputs, hidden) + 2 * bias * GATES[kind] * hidden + _ADDED_BY_PTFLOPS[kind] * hidden


def _of_deepspeed(kind: str, inputs: int, hidden: int, bias: int) -> int:
    gates = GATES[kind] * hidden
    return 2 * _weights(kind, inputs, hidden) - 2 * gates + 2 * bias * gates + _ADDED_BY_PTFLOPS[kind] * hidden


def _products(kind: str, inputs: int, hidden: int, bias: int) -> int:  # the products alone
    return _weights(kind, inputs, hidden)


def _with_biases(kind: str, inputs: int, hidden: int, bias: int) -> int:
    return _weights(kind, inputs, hidden) + 2 * bias * GATES[kind] * hidden


def _with_added_biases(r: OpRecord) -> int:
    """Products with their biases; torch adds none in the product of a first layer whose input is scattered."""
    cells, scattered = r.options["cells"], r.options.get("scattered", 0)
    assert isinstance(cells, tuple)
    assert isinstance(scattered, int)
    gates = sum(GATES[r.operator] * hidden for _, hidden in cells[:scattered])
    return charged(_with_biases)(r) - (_steps(r) * gates if r.options["bias"] else 0)


def _as_traced(kind: str, inputs: int, hidden: int, bias: int) -> int:  # the same without biases
    return _weights(kind, inputs, hidden) + _PRODUCTS_TRACED[kind] * hidden


def _parameters_by_output(r: OpRecord) -> int:
    """Torchinfo multiplies the parameters of a cell with the values of its output."""
    return prod(r.output) * _each_cell(r, _with_biases)


def _parameters_by_first_axes(r: OpRecord) -> int:
    """Torchinfo multiplies the parameters of the cells with the first two axes of the output."""
    return prod(r.output[:2]) * _each_cell(r, _with_biases)


def _each(names: tuple[str, ...], rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


THOP = _each((*LAYERS, *CELLS), by_first_axes(_of_thop))
THOP_BY_STEPS = _each((*LAYERS, *CELLS), charged(_of_thop))
PTFLOPS = _each((*LAYERS, *CELLS), by_first_axes(_of_ptflops))
PTFLOPS_ATEN = _each(("rnn", "gru"), _with_added_biases) | _each(CELLS, charged(_with_biases))
FVCORE = _each(CELLS, charged(_products))
TORCH = _each(("rnn", "gru", *CELLS), lambda r: 2 * charged(_products)(r))
TORCHPROFILE = _each(("lstm",), charged(_products)) | _each(CELLS, charged(_as_traced))
TORCHINFO = _each(LAYERS, _parameters_by_first_axes) | _each(CELLS, _parameters_by_output)
DEEPSPEED = _each((*LAYERS, *CELLS), by_first_axes(_of_deepspeed))

"""What each tool charges for recurrent modules: RNN, GRU and LSTM, whole or as one cell.

For a step of one sample, a cell with I inputs and H hidden values multiplies G x H weights with I and with S values;
G, the gates, is 1, 3 or 4, and S, the state that the next step takes, is H. An LSTM with projections makes S values of
the H, by S x H weights more. Measured on single modules: thop 0.0.31 to 0.1.1, ultralytics-thop 2.0.0 to 2.2.3, ptflops
0.7.5, torchprofile 0.1.0, torchinfo 1.8.0, fvcore 0.1.5, torch 2.13, calflops 0.3.2, deepspeed 0.19.8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import NamedTuple

from yolo_probe.model.operators import PROJECTED_LSTM, OpRecord, Rule

GATES: Mapping[str, int] = {"rnn": 1, "gru": 3, "lstm": 4}
LAYERS = tuple(GATES)
CELLS = tuple(f"{name}_cell" for name in GATES)

_ADDED_BY_THOP = {"rnn": 0, "gru": 4, "lstm": 4}
"""How often thop adds the hidden size once more in each cell: the products of gates with the state."""
_ADDED_BY_PTFLOPS = {"rnn": 1, "gru": 7, "lstm": 10}
_PRODUCTS_TRACED = {"rnn": 0, "gru": 2, "lstm": 3}
"""Products of gates with the state that torchprofile sees in a cell."""


class Cell(NamedTuple):
    """One cell for one step of one sample."""

    kind: str
    inputs: int
    hidden: int
    state: int
    """Number of the values that the next step takes: the hidden ones, or what they are projected to."""
    bias: bool

    @property
    def gates(self) -> int:
        """Number of values of all gates."""
        return GATES[self.kind] * self.hidden

    @property
    def weights(self) -> int:
        """Number of weights of the gates."""
        return self.gates * (self.inputs + self.state)

    @property
    def projection(self) -> int:
        """Number of weights that project the hidden values."""
        return self.hidden * self.state if self.state != self.hidden else 0


Charge = Callable[[Cell], int]


def charged(charge: Charge) -> Rule:
    """A rule that adds up all cells of a module, for each step of each sample."""

    def rule(r: OpRecord) -> int:
        return _steps(r) * _each_cell(r, charge)

    return rule


def _steps(r: OpRecord) -> int:
    """Steps of all samples: of a cell, its samples."""
    return prod(r.inputs[0][:-1])


def by_first_axes(charge: Charge) -> Rule:
    """As ``charged``, by the first two axes, of a cell the first one, also where there is no batch."""
    return lambda r: prod(r.inputs[0][: 1 if r.operator in CELLS else 2]) * _each_cell(r, charge)


def _each_cell(r: OpRecord, charge: Charge) -> int:
    cells, bias = r.options["cells"], bool(r.options["bias"])
    assert isinstance(cells, tuple)
    return sum(charge(Cell(_kind(r), inputs, hidden, _state(r) or hidden, bias)) for inputs, hidden in cells)


def _state(r: OpRecord) -> int:
    """Number of the values that an LSTM projects its hidden ones to; 0 where it does not."""
    state = r.options.get("state", 0)
    assert isinstance(state, int)
    return state


def _kind(r: OpRecord) -> str:
    return r.operator.removeprefix("projected_").removesuffix("_cell")


def as_wide_as_hidden(rule: Rule) -> Rule:
    """A rule that overlooks projections, as if each layer gave its hidden values."""
    return lambda r: rule(_of_states(r, r.options["cells"][0][1]))  # type: ignore[index]


def as_narrow_as_state(rule: Rule) -> Rule:
    """A rule that takes the projected values for the hidden ones."""
    return lambda r: rule(_of_states(r, _state(r)))


def _of_states(r: OpRecord, hidden: int) -> OpRecord:
    """The record of the same layers without projections, with so many hidden values."""
    cells, directions = r.options["cells"], r.options["directions"]
    assert isinstance(cells, tuple)
    assert isinstance(directions, int)
    above = directions * hidden
    sizes = tuple((inputs if n < directions else above, hidden) for n, (inputs, _) in enumerate(cells))
    return r._replace(options={**r.options, "cells": sizes, "state": hidden})


def _of_thop(cell: Cell) -> int:
    added = cell.gates * (1 + 2 * cell.bias) + _ADDED_BY_THOP[cell.kind] * cell.hidden
    return cell.weights + cell.projection + added


def _of_ptflops(cell: Cell) -> int:
    return cell.weights + 2 * cell.bias * cell.gates + _ADDED_BY_PTFLOPS[cell.kind] * cell.hidden


def _of_deepspeed(cell: Cell) -> int:
    return _of_ptflops(cell) + cell.weights - 2 * cell.gates


def _products(cell: Cell) -> int:  # the products alone
    return cell.weights + cell.projection


def _with_biases(cell: Cell) -> int:
    return _products(cell) + 2 * cell.bias * cell.gates


def _with_added_biases(r: OpRecord) -> int:
    """Products with their biases; torch adds none in the product of a first layer whose input is scattered."""
    cells, scattered = r.options["cells"], r.options.get("scattered", 0)
    assert isinstance(cells, tuple)
    assert isinstance(scattered, int)
    gates = sum(GATES[_kind(r)] * hidden for _, hidden in cells[:scattered])
    return charged(_with_biases)(r) - (_steps(r) * gates if r.options["bias"] else 0)


def _as_traced(cell: Cell) -> int:  # the same without biases
    return cell.weights + _PRODUCTS_TRACED[cell.kind] * cell.hidden


def _parameters_by_output(r: OpRecord) -> int:
    """Torchinfo multiplies the parameters of a cell with the values of its output."""
    return prod(r.output) * _each_cell(r, _with_biases)


def _parameters_by_first_axes(r: OpRecord) -> int:
    """Torchinfo multiplies the parameters of the cells with the first two axes of the output."""
    return prod(r.output[:2]) * _each_cell(r, _with_biases)


def _each(names: tuple[str, ...], rule: Rule) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


_ALL = (*LAYERS, PROJECTED_LSTM, *CELLS)
THOP = _each((*LAYERS, *CELLS), by_first_axes(_of_thop)) | {PROJECTED_LSTM: as_wide_as_hidden(by_first_axes(_of_thop))}
THOP_BY_STEPS = _each(_ALL, charged(_of_thop))
PTFLOPS = _each(_ALL, by_first_axes(_of_ptflops))
PTFLOPS_ATEN = _each(("rnn", "gru", PROJECTED_LSTM), _with_added_biases) | _each(CELLS, charged(_with_biases))
FVCORE = _each(CELLS, charged(_products))
TORCH = _each(("rnn", "gru", PROJECTED_LSTM, *CELLS), lambda r: 2 * charged(_products)(r))
TORCHPROFILE = {
    "lstm": charged(_products),
    PROJECTED_LSTM: as_narrow_as_state(charged(_products)),
    **_each(CELLS, charged(_as_traced)),
}
TORCHINFO = _each((*LAYERS, PROJECTED_LSTM), _parameters_by_first_axes) | _each(CELLS, _parameters_by_output)
DEEPSPEED = _each(_ALL, by_first_axes(_of_deepspeed))

"""What FLOP counters print of a whole network: a text -> the counter, its figure and its parameters, to their digits.

Each as its release prints it: ptflops ``Computational complexity: 7.96 GMac``, torchinfo ``Total mult-adds (G): 7.88``,
fvcore a table, calflops and DeepSpeed a profile. thop returns two numbers, which people print in many ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

_SCALES = {"": 0, "K": 3, "M": 6, "G": 9, "B": 9, "T": 12}


def _number(name: str) -> str:
    """A number with a letter for its power of ten, as groups ``name`` and ``name_scale``."""
    return rf"(?P<{name}>\d[\d,]{{0,20}}(?:\.\d{{1,12}})?)\s?(?P<{name}_scale>[kKMGBT]?)"


_COUNT, _PARAMETERS = _number("count"), _number("parameters")
_IS = r"[\"'*_]{0,3}\s{0,30}(?:[:=]|(?<=\s))\s{0,30}[\"']?"
"""What is between the name of a number and the number."""
THOP = "thop"
"""Whose figures those are that a text gives without a counter's name, as most of them are."""
_PRINTS: dict[str, tuple[str, ...]] = {
    "ptflops": (rf"computational complexity:\s*{_COUNT}MACs?\b(?:\s+number of parameters:\s*{_PARAMETERS}\b)?",),
    "torchinfo": (
        rf"total params:\s*{_PARAMETERS}\s[^|]{{0,200}}?"
        rf"total mult-adds \((?:units\.)?(?P<head>[KMGT])\w*\):\s*{_COUNT}",
    ),
    "fvcore": (rf"#parameters or shape\s*\|\s*#flops\s*\|[\s|:-]+model\s*\|\s*{_PARAMETERS}\s*\|\s*{_COUNT}\s*\|",),
    "calflops": (
        rf"total training params:\s*{_PARAMETERS}\s+fwd MACs:[^\n]{{0,80}}\s+fwd FLOPs:\s*{_COUNT}FLOPS",
        rf"FLOPs:\s?{_COUNT}FLOPS\s+MACs:\s?[\d.]+ \w*MACs\s+Params:\s?{_PARAMETERS}\b",
        rf"\('{_COUNT}FLOPS', '[\d.]+ \w*MACs', '{_PARAMETERS}\s?'\)",
    ),
    "deepspeed": (
        rf"params per GPU:\s*{_PARAMETERS}\b[^|]{{0,200}}?fwd flops per GPU:\s*{_COUNT}\b",
        rf"\('{_COUNT}', '[\d.]+ \w*MACs', '{_PARAMETERS}\s?'\)",
    ),
    "torch": (rf"module\s+FLOP\s+% total[\s-]+\S+\s+{_COUNT}\s+100\.00%",),
    THOP: (
        rf"\b(?:total )?(?:flops?|macs?){_IS}{_COUNT}\b\W{{0,4}}(?:flops?|macs?)?[\s,;/|)\"']{{0,8}}"
        rf"(?:(?:total|model|number of)\s)?param\w*{_IS}{_PARAMETERS}(?![\w.])",
        rf"(?<![\w.]){_COUNT}MACs?\b[\s,;/|]{{1,8}}(?:and\s)?{_PARAMETERS}(?:\s?param\w*)?(?![\w.])",
        rf"\bparam\w*{_IS}{_PARAMETERS}[\s,;/|)\"']{{1,8}}(?:flops?|macs?){_IS}{_COUNT}(?![\w.])",
    ),
}
"""How the counters print; what nobody else prints comes first, and what thop returns last."""
_ALONE = (
    rf"(?:(?:flops?|macs?),\s?param\w*\s?[:=]\s?)?"
    rf"[(\[]?['\"]?{_COUNT}['\"]?(?:,|\s)\s{{0,8}}['\"]?{_PARAMETERS}['\"]?[)\]]?",
    rf"(?:(?:total )?(?:flops?|macs?){_IS})?{_COUNT}",
)
"""What ``print(macs, parameters)`` leaves, which says something only where a text has nothing else."""

_FOUND = {
    name: [re.compile(each, re.IGNORECASE | re.MULTILINE) for each in patterns] for name, patterns in _PRINTS.items()
}

FEWEST, FEWEST_OPERATIONS = 10_000, 250_000_000
"""Parameters or operations that a network has at least, and operations of a number that stands alone."""

LEAST_TIMES = 10
"""How often each parameter of a network is used at least."""

PRECISE, FEW_DIGITS = 5.1e-3, 1e-4
"""How far a number of three digits may be from the one that was counted, and a number of four at least."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number as it was printed, and how far a rounded one may be from the counted one."""

    value: float
    half_a_digit: float

    def shows(self, number: float) -> bool:
        """Whether a counter that counts this number prints that amount."""
        return abs(number - self.value) <= self.half_a_digit

    @property
    def has_few_digits(self) -> bool:
        """Whether it is rounded to three digits or so, which other counts may have by chance."""
        return self.half_a_digit > FEW_DIGITS * self.value

    @property
    def half(self) -> Amount:
        """Half of it, with as many digits."""
        return Amount(self.value / 2, self.half_a_digit / 2)

    @property
    def is_precise(self) -> bool:
        """Whether it has digits enough to tell a network."""
        return self.half_a_digit <= PRECISE * self.value


@dataclass(frozen=True, slots=True)
class ToolPrint:
    """What one counter prints of a network."""

    text: str
    """As it stands there, where it is one line without the name of a counter; else that name and the figures."""
    whole: str
    """All of it that the text has."""
    tool: str
    """The name of the counter; ``thop`` also where the text does not say it, since most texts are of it."""
    count: Amount
    """Its MACs or FLOPs."""
    parameters: Amount | None


def tool_prints(text: str) -> Iterator[ToolPrint]:
    """What counters print in a text, each once."""
    if len(text) > LONGEST:
        return
    whole: set[str] = set()
    for tool, match in _matches(text):
        count = _amount(match, "count")
        parameters = _amount(match, "parameters") if match.groupdict().get("parameters") else None
        found = match[0].strip()
        if _is_of_network(tool, count, parameters) and not any(found in each for each in whole):
            told = found if tool == THOP and "\n" not in found else f"{tool}: {_figures(match)}"
            yield ToolPrint(told, found, tool, count, parameters)
            whole.add(found)


def _matches(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Where counters print in a text, each with its name."""
    for tool, patterns in _FOUND.items():
        for pattern in patterns:
            yield from ((tool, match) for match in pattern.finditer(text))
    for alone in _ALONE:
        if match := re.fullmatch(alone, text.strip(), re.IGNORECASE):
            yield THOP, match


LONGEST = 200_000
"""Characters of a text in which prints are looked for: torchinfo lists each module."""


def _is_of_network(tool: str, count: Amount, parameters: Amount | None) -> bool:
    """Whether figures are of a network; without the name of a counter only those that have digits enough to tell it."""
    if tool != THOP:
        return min(count.value, parameters.value if parameters else FEWEST) >= FEWEST
    if parameters is None:
        return count.value >= FEWEST_OPERATIONS and not count.half_a_digit
    are_precise = count.is_precise and parameters.is_precise
    return are_precise and FEWEST <= parameters.value * LEAST_TIMES <= count.value


def _figures(match: re.Match[str]) -> str:
    """The figures of a print in a few words."""
    groups = match.groupdict()
    count = f"{groups['count']} {groups.get('head') or groups['count_scale']}".strip()
    if not groups.get("parameters"):
        return count
    return f"{count}, {' '.join(filter(None, (groups['parameters'], groups['parameters_scale'], 'parameters')))}"


def _amount(match: re.Match[str], name: str) -> Amount:
    digits = Decimal(match[name].replace(",", ""))
    scale = match[f"{name}_scale"] or (match.groupdict().get("head") or "" if name == "count" else "")
    power = _SCALES[scale.upper()]
    exponent = digits.as_tuple().exponent
    assert isinstance(exponent, int)
    return Amount(float(digits.scaleb(power)), 0.51 * 10.0 ** (power + exponent) if power else 0.0)

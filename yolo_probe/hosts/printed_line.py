"""Summary lines as they stand in logs and threads: a text -> the numbers in it, to the digits that it has.

All generations of all hosts are read: ``7.46816e+06`` and ``7,468,157``, GFLOPS and GFLOPs, with a log's prefix or
colour codes around the line, and with parts missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

_NUMBER = r"\d[\d,]{0,20}(?:\.\d{1,9})?(?:e[+-]?\d{1,2})?"
_THOUSANDS = r"\d{1,3}(?:[ '.\u2019]\d{3}){2,}"
_GROUPED = rf"(?:{_THOUSANDS}|{_NUMBER})"
"""A number, also one whose thousands are separated as some languages do it: ``7.015.519``, ``7 015 519``."""
_BETWEEN = r"(?:[,;.\s]|\band\b)+"
_LINE = re.compile(
    rf"(?:(?<![^\s:|\]])(?P<name>[^\s:|\]]{{1,255}})[ \t]+(?P<word>summary)(?P<fused>[ \t]*\(fused\))?:?\s*)?"
    rf"(?<![\w.,])(?:(?P<layers>{_NUMBER})\s*(?:layers?|\u5c42){_BETWEEN})?"
    rf"(?P<parameters>{_GROUPED})(?:\s+param(?:eter)?s?|\s*\u4e2a?\u53c2\u6570)"
    rf"(?:{_BETWEEN}(?P<gradients>{_GROUPED})"
    rf"(?:\s+grad(?:ient)?s?|\s*\u4e2a?\u68af\u5ea6))?"
    rf"(?:{_BETWEEN}(?P<gflops>{_NUMBER})\s*(?P<unit>G ?FLOPs?)(?![a-z\d]))?",
    re.IGNORECASE,
)
SIGNS = str.maketrans({"\uff0c": ", ", "\uff1a": ": ", "\uff1b": "; ", "\u00a0": " ", "\u2009": " ", "\u202f": " ",
                       "\uff0e": ".", **{chr(0xFF10 + digit): str(digit) for digit in range(10)}})  # fmt: skip
"""Signs of Chinese text and spaces that pages and editors put in, as hosts print them."""

_UNITS = ("GFLOPs", "GFLOPS", "GFlops")
"""What hosts print; another spelling is the writer's own, and says nothing of the host."""

_CAPITALS = {"Summary": True, "summary": False}

_UNIT = r"(?:layers?|param(?:eter)?s?|grad(?:ient)?s?|G ?FLOPs?)(?![a-z\d])"

_MISREAD = re.compile(rf"(?<![\w.,-])([\dlIOoSB.,]{{1,15}}?)(?=\s*{_UNIT})")
"""What stands before a unit and may be a number with letters among its digits, as reading a picture leaves them."""

_BESIDE = re.compile(rf"(?<=\d)(?:,[ \t]*|(?=[a-z]))(?={_UNIT})", re.IGNORECASE)
"""Where a number and its unit stand together, or in two cells: ``270,layers``, ``7235389parameters``."""

_PAIR = re.compile(
    r"(?:\b|_|\bn(?:um)?)(?P<trains>(?:non-?)?trainable\s+)?"
    r"(?P<name>layers?|param(?:eter)?s?|gradients?|GFLOPs|\u53c2\u6570\u91cf?|\u5c42\u6570|\u68af\u5ea6|\u8ba1\u7b97\u91cf)"
    r"(?![a-z])[\"'*`]*\s*(?:[:=|]|\u4e3a|\u662f|\bis\b|\bare\b|\bof\b)?[\"'*`\s]*"
    r"(?P<number>\d(?:[\d,]*\d)?(?:\.\d+)?)(?![\d.,]*\s?[kMGB]\b)",
    re.IGNORECASE,
)
"""A number behind its name, as data and scripts have it: ``"parameters": 7015519``, ``Params: 25,111,456``."""

_CELL = r"[ \t]*[,;/|\t ][ \t]*"
_ROW = re.compile(
    rf"[\s(|]*(?:[a-z][\w.+-]{{1,60}}{_CELL})?(?P<layers>\d{{2,4}}){_CELL}"
    rf"(?P<parameters>\d{{5,10}}|\d{{1,4}}(?:,\d{{3}})+)(?:{_CELL}(?P<gradients>\d{{1,10}}|\d{{1,4}}(?:,\d{{3}})+))?"
    rf"(?:{_CELL}(?P<gflops>\d{{1,5}}\.\d{{1,9}}))?[\s)|]*",
    re.IGNORECASE,
)
"""What ``model.info()`` of ultralytics returns, and a row of a table: ``157/7015519/0/15.8``."""
_TABLE_ROW = re.compile(
    r"(?:^|[\s>|])(?P<number>\d{1,3})[ \t|]+(?:-?\d{1,3}|\[[-\d, ]{1,60}\])[ \t|]+\d{1,3}"
    r"[ \t|]+(?P<parameters>\d{1,10})[ \t|]+(?P<module>[a-z_][\w.]{1,120})[ \t|]+\[",
    re.IGNORECASE,
)
"""A row of the table of a network: ``0  -1  1  3520  models.common.Conv  [3, 32, 6, 2, 2]``."""

_COLUMNS = re.compile(r"\bfrom\s+n\s+params\s+module\b", re.IGNORECASE)
"""What stands above those rows."""

_HEAD = re.compile(r"detect|segment|pose|obb|classify|keypoint|decoder|head", re.IGNORECASE)
"""What the class of a network's last row has in its name: a table that ends otherwise is a part of one."""

_COLOUR = re.compile(r"\x1b\[[\d;?]*[ -/]*[@-~]|\x1b|\[(?:\d{1,3}(?:;\d{1,3})*)?m")
"""Colour codes, also those of a text from which copying took the escape character."""

OWN_LINES = "yolo-probe: "
"""What the probe's own lines in a log begin with."""

LOG_ENDINGS = (".log", ".txt", ".out", ".ipynb", ".md")
"""How the names of logs end."""

FEWEST = 10_000
"""Parameters of a network, at least, where a text has no other number of it."""

LARGEST_TEXT = 64 * 2**20
"""Most characters of a log that are read."""


FEW_DIGITS = 4
"""Digits of a number that is more likely rounded than one of those whose other digits ``%g`` drops as zeros."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as it was printed."""

    text: str
    """Without separators: ``7.46816e+06``."""

    @property
    def value(self) -> int:
        """The whole number; of ``%g`` only the first six digits are known."""
        return round(float(self.text)) if self.is_rounded else int(self.text)

    @property
    def is_rounded(self) -> bool:
        """Whether it has six digits alone, as ``%g`` writes it."""
        return "e" in self.text or "." in self.text

    @property
    def is_short(self) -> bool:
        """Whether it has so few of the six digits that somebody has rounded it: ``7.26e+06``."""
        return self.is_rounded and self._digits <= FEW_DIGITS

    @property
    def _digits(self) -> int:
        return len(re.sub(r"\D", "", self.text.partition("e")[0]))

    def shows(self, number: int) -> bool:
        """Whether a host that prints this number prints these digits, or somebody has rounded it to them."""
        if self.is_short:
            return float(f"{number:.{self._digits - 1}e}") == float(self.text)
        return f"{number:g}" == self.text if self.is_rounded else number == int(self.text)


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One summary line, as far as it is there."""

    text: str
    name: str
    """The word before ``summary``: ``Model``, ``YOLOv5s``; empty where it is missing."""
    is_capital: bool | None
    """Whether ``Summary`` has a capital; None where the word is missing."""
    says_fused: bool
    """Whether ``(fused)`` stands behind it."""
    has_separators: bool | None
    """Whether thousands are separated by commas; None where one number stands alone, as somebody has written it."""
    layers: Figure | None
    parameters: Figure
    gradients: Figure | None
    gflops: str
    """The digits, ``15.8``; empty where they are missing."""
    unit: str
    """``GFLOPs`` or ``GFLOPS``; empty where they are missing."""
    rows: int = 0
    """Rows of the table whose parameters it adds up; 0 where it was printed."""
    of_ultralytics: bool = False
    """Whether the classes of that table are those of ultralytics."""

    def shows_gflops(self, gflops: float) -> bool:
        """Whether a host that prints these GFLOPs prints these digits."""
        return f"{gflops:.{len(self.gflops.partition('.')[2])}f}" == self.gflops


def lines_in(text: str, *, log: bool = False) -> Iterator[PrintedLine]:
    """The summary lines in a text, each once, in their order; where there are none, those that its tables add up to.

    ``log``: whether it is a whole log, in which a number of parameters alone is no summary line.
    """
    seen = set()
    printed = as_printed(text[:LARGEST_TEXT])
    of_data = "" if any(map(_is_line, _LINE.finditer(printed))) else _of_data(printed)
    for match in _LINE.finditer(of_data or printed):
        if _is_ours(match):
            continue
        if log and not any(match[part] for part in ("layers", "gradients", "gflops", "word")):
            continue
        line = _as_data(_line(match)) if of_data else _line(match)
        if line.parameters.is_short and not (line.name or line.layers or line.gradients or line.gflops):
            continue
        if not _is_line(match):
            continue
        key = (line.name, line.layers, line.parameters, line.gradients, line.gflops)
        if key not in seen:
            seen.add(key)
            yield line
    if not seen:
        yield from _of_tables(printed)


def _of_tables(text: str) -> Iterator[PrintedLine]:
    """The parameters that the rows of each table of a network add up to, each sum once, where the table is whole."""
    tables: list[list[re.Match[str]]] = []
    for row in _TABLE_ROW.finditer(text):
        if row["number"] == "0":
            tables.append([])
        if tables and len(tables[-1]) == int(row["number"]):
            tables[-1].append(row)
    whole = [table for table in tables if _HEAD.search(table[-1]["module"].rpartition(".")[2])]
    for parameters, table in {sum(int(row["parameters"]) for row in table): table for table in whole}.items():
        yield PrintedLine(
            text=f"{parameters:,} parameters", name="", is_capital=None, says_fused=False, has_separators=None,
            layers=None, parameters=Figure(str(parameters)), gradients=None, gflops="", unit="", rows=len(table),
            of_ultralytics=table[-1]["module"].startswith("ultralytics."),
        )  # fmt: skip


def without_tables(text: str) -> str:
    """A text without the rows of tables of networks, and without what stands above their columns."""
    rows = [line for line in text.splitlines() if not (_TABLE_ROW.search(line) or _COLUMNS.search(line))]
    return "\n".join(rows)


def misread_in(text: str) -> str:
    """The first number before a unit that has letters among its digits; empty where there is none.

    ``7.2B`` is none: a B behind a number is billions.
    """
    found = (match[1] for match in _MISREAD.finditer(text[:LARGEST_TEXT]))
    return next((each for each in found if each == "O" or _is_misread(each)), "")


def _is_misread(word: str) -> bool:
    return bool(re.search(r"\d", word) and re.search("[lIOoSB]", word) and not re.fullmatch(r"\d+(?:\.\d+)?B", word))


def as_printed(text: str) -> str:
    """A text as hosts print lines: without colours, and each number apart from its unit."""
    plain = _COLOUR.sub("", text).translate(SIGNS).replace("\r\n", "\n").replace("\r", "\n")
    return _BESIDE.sub(" ", _with_whole_words(plain) if len(plain) <= LONGEST_PASTED else plain)


LONGEST_PASTED = 100_000
"""Most characters of a text in which words are mended; a log of more was not copied from a window or a picture."""

_WORDS = ("layers", "parameters", "gradients", "GFLOPs", "GFLOPS", "summary")

_BROKEN_WORD = re.compile("|".join("\n?".join(word) for word in _WORDS), re.IGNORECASE)
_BROKEN_NUMBER = re.compile(
    r"(\b(?:layers|parameters|gradients|summary(?: \(fused\))?)[,:] ?\d[\d,.]*)\n"
    r"(?=[\d,.]*\d[ \t]*(?:layer|param|grad|GFLOP))",
    re.IGNORECASE,
)
"""A word, and a number, that a window as narrow as its text has broken in two."""

_MISREAD_WORDS = {
    "layers": re.compile(r"(?<![A-Za-z0-9])[1I]ayers"),
    "parameters": re.compile(r"(?<![A-Za-z])para(?:rn|m)eter[s5]", re.IGNORECASE),
    "gradients": re.compile(r"(?<![A-Za-z])grad[1li]ents", re.IGNORECASE),
    "GFLOPs": re.compile(r"(?<![A-Za-z])GFL(?:0P[sS5]?|OP5)(?![A-Za-z])"),
}
"""Units as reading a picture leaves them, by what they are: no digit of a number is guessed by that."""


_TAG = re.compile(r"</?(?:b|strong|em|i|code|span|mark|td|th|tr|br|p|pre|div)(?:\s[^<>]{0,200})?/?>", re.IGNORECASE)
"""What a copied page has around words."""


def _with_whole_words(text: str) -> str:
    """A text with its units as hosts spell them, where a narrow window has broken them or a picture was misread."""
    text = _TAG.sub("", text).replace("&nbsp;", " ")
    text = _BROKEN_NUMBER.sub(r"\1", _BROKEN_WORD.sub(lambda word: word[0].replace("\n", ""), text))
    for word, pattern in _MISREAD_WORDS.items():
        text = pattern.sub(word, text)
    return text


def _as_data(line: PrintedLine) -> PrintedLine:
    """A line that no host has printed: how its numbers are written says nothing of one."""
    return replace(line, has_separators=None, unit="")


def _is_line(match: re.Match[str]) -> bool:
    """Whether numbers are those of a network: not where names stand before them, so that each has another's unit."""
    line = _line(match)
    if line.gradients and line.gradients.value > line.parameters.value:
        return bool(line.layers)
    return bool(line.name or line.layers or line.gradients or line.gflops or line.parameters.value >= FEWEST)


def _of_data(text: str) -> str:
    """The lines that a row, or numbers behind their names, make; empty where there are none."""
    if found := _ROW.fullmatch(text):
        return ", ".join(f"{found[unit.lower()]} {unit}" for unit in ORDER if found[unit.lower()])
    each: list[dict[str, str]] = [{}]
    for match in _PAIR.finditer(text):
        trains = (match["trains"] or "").lower()
        if trains.startswith("non"):
            continue
        unit = "gradients" if trains else UNIT_OF[match["name"].lower()[:5]]
        if unit in each[-1]:
            each.append({})
        each[-1][unit] = match["number"]
    lines = [
        ", ".join(f"{pairs[unit]} {unit}" for unit in ORDER if unit in pairs)
        for pairs in each
        if re.fullmatch(r"[\d,]+", pairs.get("parameters", "")) and int(pairs["parameters"].replace(",", "")) >= FEWEST
    ]
    return "\n".join(lines)


ORDER = ("layers", "parameters", "gradients", "GFLOPs")
"""What the numbers of a line are of, in the order of hosts."""

UNIT_OF = {
    **{unit.lower()[:5]: unit for unit in ORDER},
    "\u53c2\u6570": "parameters", "\u53c2\u6570\u91cf": "parameters", "\u5c42\u6570": "layers",
    "\u68af\u5ea6": "gradients", "\u8ba1\u7b97\u91cf": "GFLOPs",
}  # fmt: skip
"""The units by the beginning of the names that people give to numbers, in both languages."""


def _is_ours(match: re.Match[str]) -> bool:
    """Whether a line is one of the probe's own, which it adds to a training's log."""
    start = match.string.rfind("\n", 0, match.start()) + 1
    return OWN_LINES in match.string[start : match.start()]


def _line(match: re.Match[str]) -> PrintedLine:
    def figure(part: str) -> Figure | None:
        if not match[part]:
            return None
        return Figure(re.sub(r"\D" if re.fullmatch(_THOUSANDS, match[part]) else ",", "", match[part]))

    parameters = figure("parameters")
    assert parameters
    counted = [match[part] or "" for part in ("layers", "parameters", "gradients")]
    return PrintedLine(
        text=" ".join(match[0].split()).lstrip("\"'`([{<>*"),
        name=re.split(r"[^\w.+-]", match["name"] or "")[-1],
        is_capital=_CAPITALS.get(match["word"] or ""),
        says_fused=bool(match["fused"]),
        has_separators=any("," in each for each in counted) if sum(map(bool, counted)) > 1 else None,
        layers=figure("layers"),
        parameters=parameters,
        gradients=figure("gradients"),
        gflops=re.sub(r"^(\d+),(\d{1,2})$", r"\1.\2", match["gflops"] or "").replace(",", ""),
        unit=match["unit"] if match["unit"] in _UNITS else "",
    )

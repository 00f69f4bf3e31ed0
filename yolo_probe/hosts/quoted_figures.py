"""Figures that people quote without a whole line, and the networks that have them: ``157 layers``, ``7.5M 17.5``.

Tables and threads round parameters to millions, and give FLOPs as billions or as MACs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from yolo_probe.hosts.known_lines import KnownNetwork, known_networks, spans
from yolo_probe.hosts.printed_line import FEWEST, SIGNS, Figure, PrintedLine

_DECIMAL = r"\d{1,6}(?:\.\d{1,6})?"
_ASCII = re.IGNORECASE | re.ASCII
"""Chinese stands right beside figures and names: only letters without accents make a word longer."""
_LAYERS = re.compile(r"(?<![\d.,])(?P<layers>\d[\d,]{0,6})[ \t-]*(?:layers?\b|\u5c42)", _ASCII)
_MILLIONS = re.compile(
    rf"\bparam\w*\.?\s*(?:\(M\)\s*[:=]?\s*(?P<headed>{_DECIMAL})|[:=]?\s*(?P<labelled>{_DECIMAL})\s*(?:M\b|million)"
    r"|[:= ]\s*(?P<bare>\d{1,3}\.\d{1,3})(?![\d%.]|\s*[a-zA-Z%]))"
    rf"|(?<![\da-zA-Z.,])(?P<millions>{_DECIMAL})\s*(?:M|million)\b(?!\s*(?:i?B\b|FLOP|MAC|\W*FLOP))"
    rf"(?:\s*param\w*)?(?:[\s,/;&]+(?P<beside>{_DECIMAL})(?=[\s,;?)]|\.?$|\.\s)(?!\s*(?:[%GBM]|\w*B\b|ms\b|layer|epoch)))?",
    _ASCII,
)
_OF_MILLIONS = ("headed", "labelled", "bare", "millions")
"""The groups that have the digits."""
_BILLIONS = re.compile(
    rf"\b(?P<macs>G?MACs?)\s*(?:\(G\))?\s*[:=]?\s*(?P<labelled>{_DECIMAL})\s*G?(?![\w.])"
    rf"|\b(?:FLOPs?\s*\((?:G|B)\)\s*[:=]?|[GB][ \t]?FLOPs?\s*[:=])\s*(?P<headed>{_DECIMAL})"
    rf"|(?<![\da-zA-Z.,])(?P<billions>{_DECIMAL})\s*"
    r"(?P<unit>G[ \t]?(?:MACs?|Mac)|[GB][ \t]?FLOP\w*|G(?![\w/])|B(?![\w/]|\s*param))",
    _ASCII,
)
_NAME = re.compile(
    r"\b(?:yolo)?(?:v?5)?[-_ ]?lite[-_ ]?5?(?P<lite>[cegs])\b"
    r"|\b(?P<series>yolo-?v?\d+)[-_ ]?(?P<scale>tiny|spp|nano|small|medium|large)\b"
    r"|\brt-?detr[-_ ]?(?:(?P<detr>[lx])\b|r(?:esnet)?-?(?P<resnet>50|101)\b)"
    r"|\b(?:yolo|v5lite-|gelan-|rtdetr-)[\w-]*\w|\bv5(?P<size>[nsmlx]6?)\b",
    _ASCII,
)

_BARE = re.compile(
    r"(?<![\w.,@=:-])(?<!thop )(?<!torch )(?<!version )(?<!release )(?<!python )(?<!ultralytics )"
    r"(?P<billions>\d{1,4}\.\d{1,2})(?P<unit>)(?=[\s,;?)]|\.?$|\.\s)(?!\s*(?:[%x]|\w*B\b|ms\b|M\b|times\b|epoch))",
    _ASCII,
)
"""A figure beside others of GFLOPs, or beside the name of a network, without its unit."""

_ELSE = r"(?:mAP|AP)[\d@:.-]*|accuracy|recall|precision|FPS|fitness"
"""What other figures beside the name of a network are of."""


def _is_of_something_else(text: str, figure: re.Match[str]) -> bool:
    """Whether the words right beside a figure without a unit say that it is no FLOPs."""
    before = re.search(rf"\b(?:{_ELSE})\W{{0,4}}(?:(?:is|of|was)\W)?$", text[: figure.start()], re.IGNORECASE)
    return bool(before or re.match(rf"[ %]{{0,2}}(?:{_ELSE})(?![\w])", text[figure.end() :], re.IGNORECASE))


_FILE = re.compile(
    r"\b(?:weights?|files?|size[ds]?|\d+ ?MB)\b|\.pt\b|\u6587\u4ef6|\u6743\u91cd|\u4f53\u79ef"
    r"|\u6a21\u578b(?:\u662f|\u6709|\u5927)|\u8fd8\u8981\u5927|\u53d8\u5927",
    re.IGNORECASE,
)
_NETWORK = re.compile(r"param|flop|mac|layer|\u53c2\u6570|\u8ba1\u7b97\u91cf|\u5c42", re.IGNORECASE)
"""Words of a question about the bytes of a file, and about a network: 89M are megabytes there, and parameters here."""

_ROW = re.compile(rf"(?P<name>[^\s|]*[a-zA-Z][^\s|]*[\s|]+)?(?P<millions>{_DECIMAL})[\s,/|]+(?P<billions>{_DECIMAL})")
"""A row of a table, whose heads have the units."""

CONVERTED = {f"yolov9-{scale}": f"gelan-{scale}" for scale in "tsmce"}
"""Networks that train a branch which ``tools/reparameterization.ipynb`` takes out: the network that tables are of."""

LONGEST, LONGEST_ROW = 10_000, 120
"""Most characters of a text, and of a row, in which figures are looked for."""

USUAL_CLASSES = (80, 20, 1, 10, 15, 1000)
"""The numbers of classes that are tried: those of COCO, VOC, one class, VisDrone, DOTA and ImageNet."""

POPULAR = (("YOLOv5", "yolov5s"), ("ultralytics", "yolov8n"), ("ultralytics", "yolo11n"), ("ultralytics", "yolov8s"))
"""The networks that most questions are about."""


@dataclass(frozen=True, slots=True)
class Quoted:
    """Figures of a text, each with the digits that it has; empty where it has none."""

    text: str
    """The words that were found."""
    name: str
    """The name of a network beside them, in small letters."""
    layers: str
    millions: str
    """Millions of parameters."""
    billions: str
    """GFLOPs, or GMACs."""
    says_macs: bool
    is_bare: bool = False
    """Whether it has no unit, so that it may be no GFLOPs at all."""
    has_unit: bool = False
    """Whether the billions have a unit."""
    says_flops: bool = False
    """Whether the text speaks of FLOPs, so that billions without a unit may be them too."""
    is_cut: bool = False
    """Whether the digits may be cut off instead of rounded: 4.9M for 4,976,656."""
    is_file: bool = False
    """Whether millions stand behind the name of a file, so that all are megabytes: ``best.onnx 2M``."""

    @property
    def is_short(self) -> bool:
        """Whether it has millions alone, of so few digits that they fit many networks by chance."""
        return bool(self.millions) and not (self.billions or self.layers) and len(self.millions.replace(".", "")) < 5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that has quoted figures."""

    network: KnownNetwork
    hosts: tuple[str, ...]
    classes: int
    fused: bool
    gflops: float | None
    is_halved: bool
    """Whether its GFLOPs are twice those that are quoted, which then are MACs."""
    is_unlike: bool = False
    """Whether it has not the figures, but the name that is quoted beside them."""

    @property
    def line(self) -> PrintedLine:
        """The figures of its own line."""
        layers, parameters = self.network.layers[self.fused], self.network.parameters(self.classes, self.fused)
        gflops = "" if self.gflops is None else f"{self.gflops:.1f}"
        words = f"{layers:,} layers, {parameters:,} parameters" + (f", {gflops} GFLOPs" if gflops else "")
        return PrintedLine(
            words, "", None, False, True, Figure(str(layers)), Figure(str(parameters)), None, gflops, "",
        )  # fmt: skip

    @property
    def host_spans(self) -> tuple[str, ...]:
        """Its hosts, with releases that follow each other joined."""
        return spans(self.hosts)


def quoted_in(text: str) -> Iterator[Quoted]:
    """The figures of a text that is no whole line, those of one network together."""
    if any(rows := _rows_of_table(text[:LONGEST])):
        yield from rows.values()
        return
    text = _DECIMAL_COMMA.sub(r"\1.\2", _with_each_unit(text[:LONGEST].translate(SIGNS)))
    text = _HEADED_BEFORE.sub(r"\1G", _HEADED_BEHIND.sub(r"\g<number> \g<unit>", text))
    text = _THOUSANDS.sub(_of_thousands, _POWERS.sub(_in_millions, text))
    text = _benchmark(text) or text
    if len(text) <= LONGEST_ROW and (row := _ROW.fullmatch(text.strip())):
        text = f"{row['name'] or ''}{row['millions']}M {row['billions']}"
    named, says_flops = name_in(text), "flop" in text.lower()
    if _FILE.search(text) and not (is_known(named) or _NETWORK.search(text)):
        return
    found = [(match.start(), kind, match) for kind, pattern in _KINDS.items() for match in pattern.finditer(text)]
    if is_known(named) or any(kind == "billions" for _, kind, _ in found):
        taken = [match.span() for *_, match in found]
        free = (each for each in _BARE.finditer(text) if not any(a < each.end() and each.start() < b for a, b in taken))
        bare = [each for each in free if not _is_of_something_else(text, each)]
        if len({kind for _, kind, _ in found}) > 1 and len(bare) > 1:
            bare = []  # a row of a table that has its figures with units: the others are sizes and accuracies
        found += [(match.start(), "billions", match) for match in bare]
    found.sort(key=lambda each: each[:2])
    group: dict[str, re.Match[str]] = {}
    for _, kind, match in found:
        if kind in group or (kind == "billions" and group and _beside(group)):
            yield _quoted(group, text, says_flops)
            group = {}
        group[kind] = match
    if group:
        yield _quoted(group, text, says_flops)


_HEADS = {
    "layers": re.compile(r"layers?|\u5c42\u6570", re.IGNORECASE),
    "millions": re.compile(r"(?:#\s?)?param\w*|\u53c2\u6570\u91cf?", re.IGNORECASE),
    "billions": re.compile(r"[GB]?\s?(?:FLOPs?|MACs?)|\u8ba1\u7b97\u91cf|\u8fd0\u7b97\u91cf", re.IGNORECASE),
}
"""What the heads of columns begin with, by the figure of ``Quoted`` that is in them."""

_OF_UNIT = re.compile(r" ?[(/] ?(?:M|G|B|10\^?[69])(?: ?\)|(?![\w)]))", re.IGNORECASE)
"""The unit in a head, with the space before it: ``Params (M)``, ``FLOPs / G``."""


def _rows_of_table(text: str) -> dict[int, Quoted]:
    """The figures of known networks in a table with heads for parameters and FLOPs, by the number of their line.

    Rows of other networks, such as those of a paper's own, are left out: their figures are another's by chance.
    """
    found: dict[int, Quoted] = {}
    places: dict[str, int] = {}
    width, splits, says_macs = 0, "", False
    for number, line in enumerate(text.translate(SIGNS).splitlines()):
        head = _OF_UNIT.sub("", line)
        splits_now = next(
            each for each in (r"\|", r"\t", r"\s{2,}", r"\s+") if re.search(each, head.strip()) or each == r"\s+"
        )
        cells = _cells(head, splits_now)
        heads = {name: at for name, of in _HEADS.items() for at, cell in enumerate(cells) if of.fullmatch(cell)}
        if {"millions", "billions"} <= {*heads}:
            places, width, splits = heads, len(cells), splits_now
            says_macs = "mac" in cells[heads["billions"]].lower()
        elif places and len(cells := _cells(line, splits)) == width and (row := _of_cells(cells, places, says_macs)):
            found[number] = row
    return found


def _cells(line: str, splits: str) -> list[str]:
    return [cell.strip(" *`~") for cell in re.split(splits, line.strip().strip("|"))]


def _of_cells(cells: Sequence[str], places: Mapping[str, int], says_macs: bool) -> Quoted | None:
    """The figures of a row; None where it names no known network, or a changed one."""
    name = name_in(cells[0])
    figures = {
        kind: re.fullmatch(rf"({_DECIMAL}|\d{{1,3}}(?:,\d{{3}})+)\s?[MGB]?", cells[at]) for kind, at in places.items()
    }
    if not (is_known(name) and spelled(cells[0]) == name) or not all(figures.values()):
        return None
    digits = {kind: figure[1].replace(",", "") for kind, figure in figures.items() if figure}
    if float(digits["millions"]) > FEWEST:
        digits["millions"] = f"{int(float(digits['millions'])) / 1e6:.6f}"
    return Quoted(
        f"{cells[0]} {digits['millions']}M {digits['billions']}", name, digits.get("layers", ""), digits["millions"],
        digits["billions"], says_macs, has_unit=True, says_flops=True,
    )  # fmt: skip


def without_rows(text: str) -> str:
    """A text without the lines of a table of figures, from its heads on."""
    rows = _rows_of_table(text[:LONGEST])
    lines = text.splitlines()
    first = min(rows, default=0)
    kept = [
        line for number, line in enumerate(lines) if not (rows and _is_of_table(line, first <= number <= max(rows)))
    ]
    return "\n".join(kept)


def _is_of_table(line: str, is_between: bool) -> bool:
    """Whether a line is a row of figures, or the heads above them."""
    heads = sum(bool(re.search(of.pattern, line, re.IGNORECASE)) for of in _HEADS.values())
    return is_between or heads > 1 or bool(re.search(r"(?:[\s|]+\d[\d.,]*[MGB%]?){2,}[\s|]*$", line))


_CELLS = re.compile(
    r"\s*(?P<name>\S+)\s+(?:[\d.:%-]+\s+){2,10}(?P<millions>\d{1,3}(?:\.\d+)?)\s+(?P<billions>\d{1,4}(?:\.\d+)?)\s*"
)
"""A row of the tables of READMEs, whose last two columns are the parameters and the FLOPs."""


def _benchmark(text: str) -> str:
    """The parameters and FLOPs of a row of a README's table, with its name; empty for any other text."""
    if "\n" in text.strip():
        return ""
    bare = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    bare = re.sub(r"\u00b1\s*[\d.]+|[|*`]", " ", bare)
    row = _CELLS.fullmatch(bare)
    return f"{row['name']} {row['millions']}M {row['billions']}" if row and is_known(name_in(row["name"])) else ""


_SECOND_LAYERS = re.compile(
    r"(?<![\d.,])(?P<first>\d{2,4})(?P<between>\s*(?:->|=>|\u2192|vs\.?|to|and|\u53d8\u6210|\u53d8\u4e3a|\u5230)\s*)"
    r"(?=\d{2,4}\s*(?:layers?\b|\u5c42))"
    r"|(?P<unit>(?:layers?|\u5c42)(?:\s+(?:before|earlier|then))?[\s,]*(?:->|=>|\u2192|vs\.?|to|but|now|\u53d8\u6210|\u53d8\u4e3a)?\s*)"
    r"(?P<last>\d{2,4})(?=\s*(?:now|after|later|$|[,;?!\u3002\uff0c\uff1f]))(?![.,]\d)",
    re.IGNORECASE,
)
"""Two numbers of layers with one word: ``335 layers before, 499 now``, ``214 -> 157 layers``."""


def _with_each_unit(text: str) -> str:
    """The text with the word layers behind each of two numbers that share it."""

    def written(match: re.Match[str]) -> str:
        if match["first"]:
            return f"{match['first']} layers{match['between']}"
        return f"{match['unit']}{match['last']} layers"

    return _SECOND_LAYERS.sub(written, text)


_DECIMAL_COMMA = re.compile(
    r"(?<![\d.,])(\d{1,3}),(\d{1,2})(?=\s*(?:[MGB]|million)(?![a-z])|\s*[GB][ \t]?(?:FLOP|MAC))", _ASCII
)
"""A decimal comma, as many languages have it: ``16,5 GFLOPs``."""

_HEADED_BEHIND = re.compile(rf"(?P<number>{_DECIMAL})\s?(?:params?|FLOPs?)(?:\s?@\d+)?\s\((?P<unit>[MB])\)", _ASCII)
"""A figure before the head of its column: ``7.2 params (M), 16.5 FLOPs @640 (B)``."""

_HEADED_BEFORE = re.compile(
    r"(?<!\d)(?<!\d[ (])\b[GB]?FLOPs?[ \t]*(?:[:=]|\bis\b|\bare\b|\bof\b)?[ \t]*(\d{1,4}\.\d{1,2})"
    r"(?![\w.%]|[ \t]*(?:%|(?:[GBMTKx]|ms|[MG]i?B)\b|[GBMT]?(?:FLOP|MAC)))",
    _ASCII,
)
"""GFLOPs without a unit behind their name, with digits behind the point: ``FLOPs 15.9``."""

_THOUSANDS = re.compile(r"(?<![\w.,])(\d{1,6})(?:\.\d{1,3})?\s*K(?=\s*param)", _ASCII)


def _of_thousands(match: re.Match[str]) -> str:
    """Thousands as millions with as many digits: 7235K is 7.235M."""
    return f"{int(match[1]) / 1000:.3f}M"


_POWERS = re.compile(r"(?<![\w.])(\d(?:\.\d{1,3})?)e\+?0?([67])(?=\s*param|\W*$)", _ASCII)


def _in_millions(match: re.Match[str]) -> str:
    """A number with a power of ten, as far as it has digits: 7.26e+06 is 7.26M, and no whole number."""
    digits, shift = match[1], int(match[2]) - 6
    places = max(len(digits.partition(".")[2]) - shift, 0)
    return f"{float(digits) * 10**shift:.{places}f}M"


def name_in(text: str) -> str:
    """The first known network that a text names, else the first name in it, in small letters as hosts spell it."""
    names = [name for _, name in _names_in(text)]
    return next((each for each in names if is_known(each)), names[0] if names else "")


def _names_in(text: str) -> Iterator[tuple[int, str]]:
    """Where a text names networks, and the names."""
    for found in _NAME.finditer(text):
        name = spelled(_written_out(found))
        name = re.sub(r"^yolo-?world-?(v2)?-?([nsmlx])$", r"yolov8\2-world\1", name)
        short = re.sub(r"^(yolov?\d+)-(?=[nsmblx](?:-|$))", r"\1", name)  # YOLOv10-N
        yield found.start(), short if is_known(short) and not is_known(name) else name


def spelled(name: str) -> str:
    """A name in small letters, with the v that hosts have from 5 to 10 and not later: ``yolo12n`` for ``YOLOv12n``."""
    return re.sub(r"^yolov(?=1[1-9]|2\d)", "yolo", re.sub(r"^yolo(?=[5-9])", "yolov", name.lower()))


def _owner(text: str, figure: int) -> str:
    """The network that a figure is of, by its place: one that is named in its clause, else the last one before it."""
    names = [(place, name) for place, name in _names_in(text) if is_known(name)]
    if len({name for _, name in names}) < 2:
        return name_in(text)
    begin = max((end.end() for end in _CLAUSE.finditer(text) if end.end() <= figure), default=0)
    stop = next((end.start() for end in _CLAUSE.finditer(text) if end.start() > figure), len(text))
    before = [name for place, name in reversed(names) if place < figure]
    inside = [name for place, name in names if begin <= place < stop]
    earlier = [name for place, name in reversed(names) if begin <= place < figure]
    return [*earlier[:1], *inside[:1], *before[:1], names[0][1]][0]


_CLAUSE = re.compile(r"[,;!?\n](?!\d)|\.(?=\s|$)")
"""What ends a part of a sentence."""


def _written_out(name: re.Match[str]) -> str:
    """The name of a network that people may shorten or write out: ``v5s``, ``lite-e``, ``YOLO11 nano``."""
    if name["lite"]:
        return f"v5lite-{name['lite']}"
    if name["series"]:
        scale = name["scale"].lower()
        return name["series"].replace("-", "") + (f"-{scale}" if scale in ("tiny", "spp") else scale[0])
    if name["detr"] or name["resnet"]:
        return f"rtdetr-{name['detr'] or 'resnet' + name['resnet']}"
    return f"yolov5{name['size']}" if name["size"] else name[0]


def is_known(name: str) -> bool:
    """Whether a host ships a network of that name, in small letters."""
    return name in _known_names()


def is_foreign(name: str) -> bool:
    """Whether a name is that of one network, of a host that is not known."""
    return bool(name) and not is_known(name) and not re.fullmatch(r"yolo(?:v?\d+)?(?:[-_]?(?:face|lite))?", name)


@cache
def _known_names() -> frozenset[str]:
    return frozenset(network.network.lower() for network in known_networks())


_KINDS = {"layers": _LAYERS, "millions": _MILLIONS, "billions": _BILLIONS}


def _beside(group: Mapping[str, re.Match[str]]) -> str:
    """The number right behind the parameters, which is of GFLOPs."""
    return (group["millions"]["beside"] or "") if "millions" in group else ""


def _digits(billions: re.Match[str]) -> str:
    groups = billions.groupdict()
    return groups.get("labelled") or groups.get("headed") or groups["billions"]


def _quoted(group: Mapping[str, re.Match[str]], text: str, says_flops: bool) -> Quoted:
    layers, millions, billions = (group.get(kind) for kind in _KINDS)
    quoted = Quoted(
        text=", ".join(" ".join(match[0].split()) for match in group.values()),
        name=_owner(text, min(match.start() for match in group.values())),
        layers=layers["layers"].replace(",", "") if layers else "",
        millions=next(filter(None, (millions[each] for each in _OF_MILLIONS)), "") if millions else "",
        billions=_digits(billions) if billions else _beside(group),
        says_macs=bool(billions and "mac" in f"{billions['unit']}{billions.groupdict().get('macs')}".lower()),
        is_bare=set(group) == {"billions"} and group["billions"].re is _BARE,
        has_unit=billions is not None and billions.re is not _BARE,
        says_flops=says_flops,
        is_file=bool(millions and _OF_A_FILE.search(text) and not _NETWORK.search(text)),
    )
    if not _FILE.search(text) or _NETWORK.search(text):
        return quoted
    names = dict.fromkeys((quoted.name, *(name for _, name in _names_in(text) if is_known(name))))
    finished = (name for name in names if bytes_each(quoted, own_lines(name)) == FINISHED)
    return replace(quoted, name=next(finished, quoted.name))


_OF_A_FILE = re.compile(
    r"\.(?:pth?|onnx|engine|tflite|torchscript)\W{0,3}(?:(?:is|has|of|\u662f|\u6709)\W)?\W?"
    rf"{_DECIMAL} ?M(?![a-z])",
    _ASCII,
)
"""A file with its size."""


def candidates(quoted: Quoted) -> tuple[Candidate, ...]:
    """The networks that have all of the figures, the likeliest first; each once, with all of its hosts.

    Beside the name of a known network, that one alone; as its host ships it where it has not the figures.
    """
    found = list(_found(quoted, halved=quoted.says_macs))
    if not found and quoted.name in CONVERTED:
        left = _found(replace(quoted, name=CONVERTED[quoted.name]), halved=quoted.says_macs)
        found = [each for each in left if each.fused and each.classes == 80]
    if not found and not quoted.says_macs and (quoted.name or quoted.millions or quoted.layers):
        found = list(_found(quoted, halved=True))
    if not any(each.classes <= FEW_CLASSES or each.classes in USUAL_CLASSES for each in found):
        found = list(_counted_otherwise(quoted)) or found
    usual = own_lines(quoted.name)
    if quoted.is_short:
        found = [each for each in found if _is_likely(each, quoted, usual)]
    if bytes_each(quoted, usual) and quoted.is_file:
        found = [replace(each, is_unlike=True) for each in usual]
    elif bytes_each(quoted, usual) and not any(each.classes in USUAL_CLASSES for each in found):
        found = []
    if not found and usual and (quoted.says_flops or not quoted.is_bare):
        cut = _found(replace(quoted, is_cut=True), halved=quoted.says_macs)
        found = [each for each in cut if any(each.classes == other.classes for other in usual)]
        found = found or [replace(each, is_unlike=True) for each in usual]
    found = [each for each in found if each.classes in USUAL_CLASSES] or found
    groups: dict[tuple[object, ...], list[Candidate]] = {}
    for each in found:
        groups.setdefault((each.network.network, each.classes, each.fused, each.line.text), []).append(each)
    joined = [
        Candidate(
            group[0].network, tuple(dict.fromkeys(host for each in group for host in each.hosts)), group[0].classes,
            group[0].fused, group[0].gflops, group[0].is_halved, group[0].is_unlike,
        )
        for group in groups.values()
    ]  # fmt: skip
    return tuple(sorted(joined, key=_likeliest_first))


def _counted_otherwise(quoted: Quoted) -> Iterator[Candidate]:
    """Networks that have the parameters, and FLOPs that no host prints, as those of another counter are.

    Those whose FLOPs or MACs are near; where none are, all of which another image size may make them.
    """
    if quoted.name or quoted.layers or not (quoted.millions and float(quoted.billions or 0)):
        return
    found = [each for each in _found(replace(quoted, billions=""), halved=False) if each.classes in USUAL_CLASSES]
    times = [(each, (each.gflops or 0) / float(quoted.billions)) for each in found]
    near = [each for each, part in times if any(abs(part / number - 1) < NEARLY for number in (1, 2))]
    other_size = [each for each, part in times if 1 / MOST_TIMES < part < MOST_TIMES]
    yield from (replace(each, is_unlike=True) for each in near or other_size)


MOST_TIMES = 10
"""How many times the FLOPs of 640x640 those of another size may be: at 224x224 they are an 8th."""


def _is_likely(each: Candidate, quoted: Quoted, usual: Sequence[Candidate]) -> bool:
    """Whether millions of a few digits are of a network: with many classes nearly every one has them by chance."""
    if each.classes <= FEW_CLASSES or each.classes in USUAL_CLASSES:
        return True
    stock = (own.network.parameters(80, own.fused) / 1e6 for own in usual)
    return any(abs(float(quoted.millions) / millions - 1) < NEARLY for millions in stock)


FEW_CLASSES = 100
"""Most classes that millions of a few digits tell."""


def has_parameters(number: int) -> bool:
    """Whether a known network has so many parameters, with one of the usual numbers of classes."""
    return any(
        network.parameters(classes, fused) == number
        for network in known_networks() for classes in USUAL_CLASSES for fused in (False, True)
    )  # fmt: skip


def own_lines(name: str) -> list[Candidate]:
    """What a known network prints, as its host ships it, the newest host first; of another name nothing."""
    return list(_found(Quoted("", name, "", "", "", False), halved=False, newest_first=True)) if is_known(name) else []


def series_in(text: str) -> tuple[Candidate, ...]:
    """The networks of the series that a text names, such as YOLO11, each as its newest host fuses it."""
    found = re.search(r"\byolo-?v?(\d+)", text, _ASCII)
    if not found:
        return ()
    names = dict.fromkeys(network.network for network in known_networks())
    own = re.compile(rf"yolov?{found[1]}(?:-?[nstmblxce]|-tiny|-spp|-[wed]6e?)?")
    fused = (next((each for each in own_lines(name) if each.fused), None) for name in names if own.fullmatch(name))
    return tuple(sorted(filter(None, fused), key=lambda each: each.network.parameters(80, True)))


FINISHED, INT8 = 2, 1
BYTES = (FINISHED, 4, 8)
"""Bytes for each parameter of a file: in FP16, in FP32, and where it is not stripped; and in INT8."""
MEGABYTES = (1e6, 2**20)
"""What people call so."""
NEARLY = 0.04
"""How far the megabytes of a file may be from those of its parameters alone."""


def bytes_each(quoted: Quoted, networks: Sequence[Candidate]) -> int:
    """Bytes for each parameter of networks, if the millions are the megabytes of a file of one; else 0."""
    if not quoted.millions or quoted.billions or quoted.layers or "param" in quoted.text.lower():
        return 0
    parameters = {each.network.parameters(each.classes, each.fused) for each in networks}
    counts = (*BYTES, INT8) if quoted.is_file else BYTES
    sizes = ((count, count * number / unit) for unit in MEGABYTES for count in counts for number in parameters)
    shown = (count for count, size in sizes if abs(float(quoted.millions) / size - 1) < NEARLY)
    return next(shown, INT8 if quoted.is_file and _shows_bytes_of_int8(quoted, parameters) else 0)


def _shows_bytes_of_int8(quoted: Quoted, parameters: Iterable[int]) -> bool:
    """Whether one byte for each parameter, rounded as the megabytes are, makes so many of them."""
    return any(f"{each / 1e6:.{len(quoted.millions.partition('.')[2])}f}" == quoted.millions for each in parameters)


def _found(quoted: Quoted, *, halved: bool, newest_first: bool = False) -> Iterator[Candidate]:
    networks: Sequence[KnownNetwork] = known_networks()
    if newest_first:
        families = dict.fromkeys(each.family for each in networks)
        networks = [each for family in families for each in reversed(networks) if each.family == family]
    for network in networks:
        is_other_build = network.note and not (quoted.name and network.family == "YOLOv3")
        if is_other_build or (is_known(quoted.name) and network.network.lower() != quoted.name):
            continue
        for fused in (False, True):
            if quoted.layers and int(quoted.layers) != network.layers[fused]:
                continue
            for classes in _classes(quoted, network, fused):
                for gflops in _gflops(quoted, network, classes, fused, halved=halved):
                    yield Candidate(network, network.hosts, classes, fused, gflops, halved)


def _classes(quoted: Quoted, network: KnownNetwork, fused: bool) -> Iterator[int]:
    """The usual number of classes with which a network has the parameters; else the nearest one that has."""
    if not quoted.millions:
        yield from USUAL_CLASSES[:3] if quoted.billions else ()
        yield 1000 if network.network.endswith("-cls") else 80
        return
    wanted = round(float(quoted.millions) * 1e6)
    tried = (*USUAL_CLASSES, *network.classes_near(wanted, fused=fused))
    shown = (each for each in tried if shows(quoted.millions, network.parameters(each, fused) / 1e6, quoted))
    yield from (each for each in [next(shown, 0)] if 0 < each <= max(USUAL_CLASSES))


def _gflops(
    quoted: Quoted, network: KnownNetwork, classes: int, fused: bool, *, halved: bool
) -> Iterator[float | None]:
    """The first GFLOPs that are shown by the quoted ones; where none are quoted, those of its newest usual counter."""
    pairs = network.numbers(classes).gflops
    figures = [pair[fused] for pair in pairs.values() if pair[fused] is not None]
    if not quoted.billions:
        yield pairs[network.usual_counters[-1]][fused]
        return
    shown = (each for each in figures if each and shows(quoted.billions, each / 2 if halved else each, quoted))
    yield from (each for each in [next(shown, None)] if each)


def shows(digits: str, figure: float, quoted: Quoted) -> bool:
    """Whether a figure has these digits, rounded or, where the text may do so, cut off."""
    places = len(digits.partition(".")[2])
    is_cut = quoted.is_cut and f"{int(figure * 10**places) / 10**places:.{places}f}" == digits
    return is_cut or f"{figure:.{places}f}" == digits


def _likeliest_first(each: Candidate) -> tuple[object, ...]:
    named = (each.network.family, each.network.network)
    return (
        each.network.network.count("-"),
        each.network.family not in ("YOLOv5", "ultralytics"),
        USUAL_CLASSES.index(each.classes) if each.classes in USUAL_CLASSES else len(USUAL_CLASSES),
        POPULAR.index(named) if named in POPULAR else len(POPULAR),
    )

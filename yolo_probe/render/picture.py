"""One picture of a fuse-diff: the two lines, the causes, and FLOPs and parameters of every row.

Drawn by matplotlib's objects alone: no pyplot, no backend, no setting is touched, and none of the user's settings
changes the picture. A row is a light bar (training) with a dark one in it (after ``fuse()``), its figures, and its
change as a bar of a scale of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING

from yolo_probe.errors import PictureError
from yolo_probe.render.common import counted, heading
from yolo_probe.render.document import Cause, Figures, Remainder, signed
from yolo_probe.render.fuse_diff import ledgers
from yolo_probe.render.text_layout import printable
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.ledger import Ledger
from yolo_probe.reports.row_costs import RowCost, rows_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS_PER_INCH = 120
ROW = 0.2
"""Inches from one row to the next; the other lengths are inches too."""
BAR, FIGURE, CHANGE, GAP, MARGIN = 2.1, 1.1, 1.15, 0.45, 0.3
PANEL = BAR + FIGURE + CHANGE
CHANGE_BAR = 0.4
LINES = 0.72
"""Distance of the first of the two lines from the upper edge."""
HEADS = 0.75
"""From the words above the rows to the first row."""
LETTER = 0.071
"""Width of a letter, to find the width of a column of names."""
MONO, MONO_SIZE = 0.075, 8.97
"""Width of a letter in the host's lines, a whole number of pixels, and the size in points that has it."""
STEP = 0.08
"""From one stripe to the next."""
MAX_NAME_LETTERS = 28
"""Number of letters of a name that are shown."""
CAUSE_LETTERS = 70
"""Number of letters of a cause and its amount together."""
MAX_LINE_LETTERS = 120

LIGHT, DARK, STRIPE = "#9ecae9", "#08519c", "#f3f5f8"
"""Two blues of different lightness, which can be told apart without colour vision and in a grey print."""
INK, FAINT, LOST = "#1a1a1a", "#767676", "#b35806"
COLOURS = {"layers": "#0b7285", "parameters": "#1c4ed8", "gradients": "#a3197a", "FLOPs": "#8a5a00"}
"""The hues of the four numbers, as in a terminal."""
_NUMBER = re.compile(r"\d[\d,.]*(?:e[+-]\d+)? (layers|parameters|gradients|GFLOP[sS])")


def draw(report: FuseDiff, path: str | PathLike[str], frozen: Collection[str] = ()) -> None:
    """Write the picture as a file, SVG if its name ends so, else PNG. ``frozen``: names of rows that did not train.

    Raises: PictureError where matplotlib is not installed, OSError where the file cannot be written.
    """
    require_matplotlib(path)
    rows = rows_of(report)
    names = LETTER * max((len(_short(row.name)) for row in rows), default=0)
    kinds = LETTER * max((len(_short(row.kind)) for row in rows), default=0)
    left = MARGIN + names + 0.1 + kinds + 0.2
    second = left + PANEL + GAP
    width = second + PANEL + MARGIN
    blocks = [tuple(_block(section)) for section in ledgers(report)]
    top = LINES + 0.6 + ROW * max(_height(blocks[:2]), _height(blocks[2:])) + HEADS
    bottom = top + ROW * len(rows)
    page = _Page(figure_of(width, bottom + 0.5), bottom + 0.5)
    _head(page, report, width, top - HEADS, any_frozen=bool(frozen))
    _causes(page, blocks, width)
    for i, row in enumerate(rows):
        y = top + ROW * i
        if i % 2 == 0:
            page.bar(MARGIN - 0.1, y, width - 2 * MARGIN + 0.2, ROW, STRIPE)
        page.text(MARGIN + names, y + ROW / 2, _short(row.name), FAINT, right=True)
        page.text(MARGIN + names + 0.1, y + ROW / 2, _short(row.kind))
    hatched = tuple(i for i, row in enumerate(rows) if row.name in frozen)
    _flops(page, report, rows, (left, top), hatched)
    parameters = [(row.training.parameters, row.validation.parameters) for row in rows]
    panel = _Panel("parameters", "training", report.parameters, parameters, "{:,}".format)
    _panel(page, panel, (second, top), hatched)
    page.text(MARGIN, bottom + 0.25, f"FLOPs counted {counted(report.question)}; 1 MAC = 2 FLOPs.", FAINT)
    lines = (state.line.text or "" for state in (report.training, report.validation))
    write(page.figure, fspath(path), heading(report.question.subject), "; ".join(lines))


def require_matplotlib(path: str | PathLike[str]) -> None:
    """Raises: PictureError where what draws a picture is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise PictureError(
            f"the picture {path}: found no matplotlib ({error}), expected it installed", "pip install matplotlib"
        ) from None


def figure_of(width: float, height: float) -> Figure:
    """An empty figure of that size in inches."""
    from matplotlib.figure import Figure

    figure = Figure((width, height), PIXELS_PER_INCH, facecolor="white")
    figure.set_layout_engine("none")
    return figure


def write(figure: Figure, path: str, title: str, description: str) -> None:
    """Write the figure; savefig would follow the user's settings."""
    if not path.lower().endswith(".svg"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        FigureCanvasAgg(figure).print_png(path, pil_kwargs={"compress_level": 3})
        return
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    about = {"Title": _plain(title), "Description": _plain(description), "Date": None}
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "yolo-probe", "svg.id": None}):
        FigureCanvasSVG(figure).print_svg(path, metadata=about)


@dataclass(frozen=True, slots=True)
class _Page:
    """A figure with coordinates in inches, from its upper left corner."""

    figure: Figure
    height: float

    def bar(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle; ``y`` is its upper edge."""
        from matplotlib.patches import Rectangle

        place = (x, self.height - y - height)
        self.figure.add_artist(
            Rectangle(place, width, height, facecolor=colour, linewidth=0, transform=self.figure.dpi_scale_trans)
        )

    def stripes(self, x: float, y: float, width: float, height: float) -> None:
        """Thin upright stripes in the colour of the paper."""
        for i in range(int(width / STEP)):
            self.bar(x + STEP * (i + 0.5), y, STEP * 0.35, height, "white")

    def line(self, x: float, y: float, text: str) -> None:
        """A host's line, with each of its four numbers in its colour."""
        end = 0
        for found in _NUMBER.finditer(text):
            self.text(x + MONO * end, y, text[end : found.start()], mono=True)
            colour = COLOURS["FLOPs" if found[1].startswith("G") else found[1]]
            self.text(x + MONO * found.start(), y, found[0], colour, mono=True, bold=True)
            end = found.end()
        self.text(x + MONO * end, y, text[end:], mono=True)

    def text(self, x: float, y: float, text: str, colour: str = INK, size: float = 8.5, *,
             right: bool = False, bold: bool = False, mono: bool = False) -> None:  # fmt: skip
        """Text without markup, vertically centred on ``y``."""
        from matplotlib.text import Text

        self.figure.add_artist(
            Text(
                x,
                self.height - y,
                text,
                color=colour,
                fontsize=MONO_SIZE if mono else size,
                family="DejaVu Sans Mono" if mono else "DejaVu Sans",
                weight="bold" if bold else "normal",
                horizontalalignment="right" if right else "left",
                verticalalignment="center_baseline",
                parse_math=False,
                usetex=False,
                transform=self.figure.dpi_scale_trans,
            )
        )


def _head(page: _Page, report: FuseDiff, width: float, y: float, *, any_frozen: bool) -> None:
    """Draw the heading, the two lines, and at ``y`` the legend of the bars."""
    page.text(MARGIN, 0.35, drawable(heading(report.question.subject), 80), size=12, bold=True)
    for i, state in enumerate((report.training, report.validation)):
        page.line(MARGIN, LINES + 0.24 * i, drawable(state.line.text or "no line", MAX_LINE_LETTERS))
    stripes = " Striped rows did not train." if any_frozen else ""
    page.text(MARGIN, y, f"Each row of the network, in training and at validation, after fuse().{stripes}", FAINT)
    x = width - MARGIN - 3.3
    page.bar(x, y - ROW * 0.36, 0.35, ROW * 0.72, LIGHT)
    page.text(x + 0.43, y, "training")
    page.bar(x + 1.15, y - ROW * 0.18, 0.35, ROW * 0.36, DARK)
    page.text(x + 1.58, y, "validation")
    page.bar(x + 2.45, y - ROW * 0.18, 0.25, ROW * 0.36, LOST)
    page.text(x + 2.78, y, "change")


@dataclass(frozen=True, slots=True)
class _Sum:
    """One line of a block of causes."""

    text: str
    amount: str
    label: str = ""
    """The number that the block is about, if this is its first line."""
    is_left: bool = False
    """Whether it is an amount that nothing explains."""


def _block(parts: Sequence[object]) -> Iterator[_Sum]:
    """The lines of one number: its change, and its causes as the text of the report has them."""
    for part in parts:
        match part:
            case Figures(label, (before, after, change)) if label in COLOURS:
                yield _Sum(f"{before} \N{RIGHTWARDS ARROW} {after}", change, label)
            case Cause(text, amount):
                yield _Sum(text, amount)
            case Remainder(amount):
                yield _Sum("unexplained", signed(amount), is_left=amount != 0)
            case _:
                pass


def _height(blocks: Sequence[Sequence[_Sum]]) -> float:
    """Height of blocks below each other, in rows."""
    return sum(len(block) + 0.8 for block in blocks)


def _causes(page: _Page, blocks: Sequence[Sequence[_Sum]], width: float) -> None:
    """Draw the four numbers with their causes, two beside two."""
    column = (width - 2 * MARGIN - GAP) / 2
    for x, both in ((MARGIN, blocks[:2]), (MARGIN + column + GAP, blocks[2:])):
        y = LINES + 0.6
        for block in both:
            for each in block:
                bold = bool(each.label) or each.is_left
                if each.label:
                    page.text(x, y, each.label, COLOURS[each.label], bold=True)
                    page.text(x + 0.9, y, each.text, bold=True)
                else:
                    page.text(
                        x + 0.15, y, drawable(each.text, CAUSE_LETTERS - len(each.amount)), FAINT if not bold else INK
                    )
                page.text(x + column, y, each.amount, INK if bold else FAINT, right=True, bold=bold)
                y += ROW
            y += ROW * 0.8


@dataclass(frozen=True, slots=True)
class _Panel:
    """One of the numbers, of every row and in both states."""

    label: str
    head: str
    """Heads of the figures: their state, and their unit if they have one."""
    ledger: Ledger
    values: Sequence[tuple[int, int]]
    shown: Callable[[int], str]
    """Returns a value as text."""


def _mega(flops: int) -> str:
    return f"{flops / 1e6:,.1f}" if flops else "0"


def _flops(
    page: _Page, report: FuseDiff, rows: Sequence[RowCost], place: tuple[float, float], hatched: Sequence[int]
) -> None:
    if report.flops is None:
        page.text(place[0], place[1] - 0.39, "FLOPs are not known", size=10, bold=True)
        return
    values = [(row.training.flops or 0, row.validation.flops or 0) for row in rows]
    _panel(page, _Panel("FLOPs", "MFLOPs, training", report.flops, values, _mega), place, hatched)


def _panel(page: _Page, panel: _Panel, place: tuple[float, float], hatched: Sequence[int]) -> None:
    """Draw bars and figures of one number row by row, with the totals above. ``place``: of the first row."""
    x, top = place
    before, after = panel.ledger.before, panel.ledger.after
    page.text(x, top - 0.39, panel.label, COLOURS[panel.label], size=10, bold=True)
    page.text(x + PANEL, top - 0.39, f"{before:,} \N{RIGHTWARDS ARROW} {after:,}", size=10, bold=True, right=True)
    page.text(x + BAR + FIGURE, top - 0.14, panel.head, FAINT, right=True)
    page.text(x + PANEL, top - 0.14, "change", FAINT, right=True)
    scale = BAR / max([1, *(max(pair) for pair in panel.values)])
    change_scale = CHANGE_BAR / max([1, *(abs(after - before) for before, after in panel.values)])
    for i, (training, validation) in enumerate(panel.values):
        y = top + ROW * i
        page.bar(x, y + ROW * 0.14, training * scale, ROW * 0.72, LIGHT)
        page.bar(x, y + ROW * 0.32, validation * scale, ROW * 0.36, DARK)
        if i in hatched:
            page.stripes(x, y + ROW * 0.14, max(training, validation) * scale, ROW * 0.72)
        change = validation - training
        page.text(x + BAR + FIGURE, y + ROW / 2, panel.shown(training), INK if training else FAINT, right=True)
        if change:
            length = abs(change) * change_scale
            page.bar(x + BAR + FIGURE + 0.1, y + ROW * 0.32, length, ROW * 0.36, LOST if change < 0 else INK)
            sign = "+" if change > 0 else "-"
            page.text(x + PANEL, y + ROW / 2, f"{sign}{panel.shown(abs(change))}", INK, right=True)


def _short(name: str) -> str:
    return drawable(name, MAX_NAME_LETTERS)


def _plain(text: str) -> str:
    return printable(" ".join(text.split()))


def drawable(text: str, longest: int) -> str:
    """Words on one line of at most ``longest`` letters, with ? for letters that the font does not have."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont("DejaVu Sans"))
    line = _plain(text)
    line = line if len(line) <= longest else f"{line[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
    return "".join(letter if font.get_char_index(ord(letter)) else "?" for letter in line)

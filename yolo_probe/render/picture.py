"""One picture of a fuse-diff: FLOPs and parameters of every row of the network, training against validation.

Drawn by matplotlib's objects alone: no pyplot, no backend, no setting is touched, and none of the user's settings
changes the picture. A row is a light bar (training) with a dark one in it (after ``fuse()``), and its figures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING

from yolo_probe.errors import PictureError
from yolo_probe.render.common import counted, heading
from yolo_probe.render.text_layout import printable
from yolo_probe.reports.fuse_diff import FuseDiff
from yolo_probe.reports.ledger import Ledger
from yolo_probe.reports.row_costs import RowCost, rows_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS_PER_INCH = 120
ROW = 0.2
"""Inches from one row to the next; the other lengths are inches too."""
BAR, FIGURE, CHANGE, GAP, MARGIN = 2.1, 1.1, 0.75, 0.45, 0.3
PANEL = BAR + FIGURE + CHANGE
TOP = 1.47
"""Distance of the first row from the upper edge."""
LETTER = 0.071
"""Width of a letter, to find the width of a column of names."""
MAX_NAME_LETTERS = 28
"""Number of letters of a name that are shown."""

LIGHT, DARK, STRIPE = "#9ecae9", "#08519c", "#f3f5f8"
"""Two blues of different lightness, which can be told apart without colour vision and in a grey print."""
INK, FAINT = "#1a1a1a", "#767676"


def draw(report: FuseDiff, path: str | PathLike[str]) -> None:
    """Write the picture as a PNG file.

    Raises: PictureError where matplotlib is not installed, OSError where the file cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PictureError(
            f"the picture {path}: found no matplotlib ({error}), expected it installed", "pip install matplotlib"
        ) from None
    rows = rows_of(report)
    names = LETTER * max((len(_short(row.name)) for row in rows), default=0)
    kinds = LETTER * max((len(_short(row.kind)) for row in rows), default=0)
    left = MARGIN + names + 0.1 + kinds + 0.2
    second = left + PANEL + GAP
    width, bottom = second + PANEL + MARGIN, TOP + ROW * len(rows)
    page = _Page(Figure((width, bottom + 0.5), PIXELS_PER_INCH, facecolor="white"), bottom + 0.5)
    page.figure.set_layout_engine("none")
    _head(page, report, width)
    for i, row in enumerate(rows):
        y = TOP + ROW * i
        if i % 2 == 0:
            page.bar(MARGIN - 0.1, y, width - 2 * MARGIN + 0.2, ROW, STRIPE)
        page.text(MARGIN + names, y + ROW / 2, _short(row.name), FAINT, right=True)
        page.text(MARGIN + names + 0.1, y + ROW / 2, _short(row.kind))
    _flops(page, report, rows, left)
    parameters = [(row.training.parameters, row.validation.parameters) for row in rows]
    _panel(page, _Panel("parameters", "training", report.parameters, parameters, "{:,}".format), second)
    page.text(MARGIN, bottom + 0.25, f"FLOPs counted {counted(report.question)}; 1 MAC = 2 FLOPs.", FAINT)
    # savefig would follow the user's settings
    FigureCanvasAgg(page.figure).print_png(path, pil_kwargs={"compress_level": 3})


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

    def text(self, x: float, y: float, text: str, colour: str = INK, size: float = 8.5, *,
             right: bool = False, bold: bool = False) -> None:  # fmt: skip
        """Text without markup, vertically centred on ``y``."""
        from matplotlib.text import Text

        self.figure.add_artist(
            Text(
                x,
                self.height - y,
                text,
                color=colour,
                fontsize=size,
                family="DejaVu Sans",
                weight="bold" if bold else "normal",
                horizontalalignment="right" if right else "left",
                verticalalignment="center_baseline",
                parse_math=False,
                usetex=False,
                transform=self.figure.dpi_scale_trans,
            )
        )


def _head(page: _Page, report: FuseDiff, width: float) -> None:
    """Draw the heading and the legend of the two kinds of bar."""
    page.text(MARGIN, 0.35, _drawable(heading(report.question.subject), 80), size=12, bold=True)
    page.text(MARGIN, 0.68, "Each row of the network, in training and at validation, after fuse().", FAINT)
    x = width - MARGIN - 2.3
    page.bar(x, 0.68 - ROW * 0.36, 0.35, ROW * 0.72, LIGHT)
    page.text(x + 0.43, 0.68, "training")
    page.bar(x + 1.15, 0.68 - ROW * 0.18, 0.35, ROW * 0.36, DARK)
    page.text(x + 1.58, 0.68, "validation")


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


def _flops(page: _Page, report: FuseDiff, rows: Sequence[RowCost], x: float) -> None:
    if report.flops is None:
        page.text(x, 1.08, "FLOPs are not known", size=10, bold=True)
        return
    values = [(row.training.flops or 0, row.validation.flops or 0) for row in rows]
    _panel(page, _Panel("FLOPs", "MFLOPs, training", report.flops, values, _mega), x)


def _panel(page: _Page, panel: _Panel, x: float) -> None:
    """Draw bars and figures of one number row by row, with the totals above."""
    before, after = panel.ledger.before, panel.ledger.after
    page.text(x, 1.08, panel.label, size=10, bold=True)
    page.text(x + PANEL, 1.08, f"{before:,} \N{RIGHTWARDS ARROW} {after:,}", size=10, bold=True, right=True)
    page.text(x + BAR + FIGURE, 1.33, panel.head, FAINT, right=True)
    page.text(x + PANEL, 1.33, "change", FAINT, right=True)
    scale = BAR / max([1, *(max(pair) for pair in panel.values)])
    for i, (training, validation) in enumerate(panel.values):
        y = TOP + ROW * i
        page.bar(x, y + ROW * 0.14, training * scale, ROW * 0.72, LIGHT)
        page.bar(x, y + ROW * 0.32, validation * scale, ROW * 0.36, DARK)
        change = validation - training
        page.text(x + BAR + FIGURE, y + ROW / 2, panel.shown(training), INK if training else FAINT, right=True)
        if change:
            sign = "+" if change > 0 else "-"
            page.text(x + PANEL, y + ROW / 2, f"{sign}{panel.shown(abs(change))}", FAINT, right=True)


def _short(name: str) -> str:
    return _drawable(name, MAX_NAME_LETTERS)


def _drawable(text: str, longest: int) -> str:
    """Words on one line of at most ``longest`` letters, with ? for letters that the font does not have."""
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont("DejaVu Sans"))
    line = printable(" ".join(text.split()))
    line = line if len(line) <= longest else f"{line[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
    return "".join(letter if font.get_char_index(ord(letter)) else "?" for letter in line)

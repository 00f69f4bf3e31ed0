"""One picture of what was measured: each time before and after ``fuse()`` with its spread, and the roofline with rows.

Drawn by matplotlib's objects alone, as the picture of a fuse-diff is; none of the user's settings changes it.
"""

from __future__ import annotations

from os import PathLike, fspath
from textwrap import wrap
from typing import TYPE_CHECKING

from yolo_probe.errors import TargetError
from yolo_probe.render.bench import answer, title
from yolo_probe.render.picture import DARK, FAINT, INK, LIGHT, LOST, drawable, figure_of, require_matplotlib, write
from yolo_probe.reports.bench import Bench, Case, Row
from yolo_probe.reports.timing import Timing, giga, milliseconds, percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 10.0
"""Inches, as all lengths here."""
LEFT, RIGHT = 1.5, 0.35
HEAD, CASE, BETWEEN, ROOFLINE, FOOT = 1.15, 0.75, 0.85, 4.6, 1.25
LETTERS = 118
"""Letters of a line of words."""
APART = 0.045
"""Distance of two names in the roofline, as a part of its width and height, below which the second is left out."""


def draw(report: Bench, path: str | PathLike[str]) -> None:
    """Write the picture as a file, SVG if its name ends so, else PNG.

    Raises: PictureError where matplotlib is not installed, TargetError where the file cannot be written.
    """
    require_matplotlib(path)
    times = CASE * sum(2 if case.unfused else 1 for case in report.cases) / 2 + 0.1
    height = HEAD + times + BETWEEN + ROOFLINE + FOOT
    figure = figure_of(WIDTH, height)
    from matplotlib import style

    with style.context("default"):

        def axes(top: float, tall: float) -> Axes:
            place = (LEFT / WIDTH, 1 - (top + tall) / height, (WIDTH - LEFT - RIGHT) / WIDTH, tall / height)
            return figure.add_axes(place)

        def words(y: float, text: str, colour: str = INK, size: float = 9, weight: str = "normal") -> None:
            figure.text(0.35 / WIDTH, 1 - y / height, text, color=colour, fontsize=size, weight=weight, va="top",
                        parse_math=False)  # fmt: skip

        words(0.3, drawable(title(report), 80), size=12, weight="bold")
        words(0.62, "\n".join(wrap(answer(report), LETTERS)))
        _draw_times(axes(HEAD, times), report)
        _draw_roofline(axes(HEAD + times + BETWEEN, ROOFLINE), report)
        words(height - 0.68, "\n".join(wrap(_foot(report), LETTERS)), FAINT)
        try:
            write(figure, fspath(path), title(report), answer(report))
        except OSError as error:
            raise TargetError(
                f"{path}: the picture cannot be written: {error.strerror}", "Name another file."
            ) from None


def _draw_times(axes: Axes, report: Bench) -> None:
    """Bars of the medians, with the quartiles as whiskers."""
    bars = [bar for case in report.cases for bar in _bars(case)]
    most = max(1000 * time.high for _, time, _ in bars)
    for y, (_, time, colour) in enumerate(bars):
        middle, low, high = (1000 * each for each in (time.median, time.low, time.high))
        axes.barh(y, middle, 0.7, color=colour, xerr=[[middle - low], [high - middle]], ecolor=INK, capsize=3)
        axes.text(high + most / 60, y, f"{milliseconds(time.median)} ms", va="center", color=INK, fontsize=9)
    axes.set_yticks(range(len(bars)), [name for name, _, _ in bars])
    axes.invert_yaxis()
    axes.set_xlim(0, most * 1.15)
    axes.set_xlabel("milliseconds of one pass: the median; whiskers are the quartiles", color=FAINT, fontsize=8.5)
    _plain(axes)


def _bars(case: Case) -> list[tuple[str, Timing, str]]:
    place = f"{'x'.join(map(str, case.size))}, batch {case.batch}"
    if case.unfused is None:
        return [(place, case.fused, DARK)]
    return [(f"{place}\nunfused", case.unfused, LIGHT), ("fused", case.fused, DARK)]


def _draw_roofline(axes: Axes, report: Bench) -> None:
    """FLOPs a second over FLOPs for each byte: what the device allows, and what each row reached."""
    from matplotlib.ticker import LogLocator, NullFormatter

    peak, shown = report.peak, [row for row in report.rows if row.flops and row.seconds]
    across = [*(row.intensity for row in shown), report.ridge]
    low, high = min(across) / 2, max(across) * 3
    axes.loglog([low, report.ridge, high], [low * peak.bytes / 1e9, peak.flops / 1e9, peak.flops / 1e9], color=FAINT)
    axes.axvline(report.ridge, color=FAINT, linewidth=0.6, linestyle=":")
    for bound, colour, marker in (("memory", LOST, "s"), ("arithmetic", DARK, "o")):
        rows = [row for row in shown if row.bound == bound]
        axes.scatter([row.intensity for row in rows], [_reached(row) for row in rows], 26, colour, marker=marker,
                     label=f"rows that {bound} limits" if rows else None, zorder=3)  # fmt: skip
    axes.set_xlim(low, high)
    axes.set_xlabel("FLOPs for each byte moved", color=FAINT, fontsize=8.5)
    axes.set_ylabel("GFLOPS reached", color=FAINT, fontsize=8.5)
    fastest = f"{giga(peak.flops)} GFLOPS, as a product of two matrices"
    words = f"Line: {fastest}; below {report.ridge:.1f} FLOPs a byte {giga(peak.bytes)} GB/s, as a copy"
    axes.set_title(words, loc="left", fontsize=8.5, color=INK)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(NullFormatter())
    axes.legend(loc="lower right", frameon=False, fontsize=8.5)
    _plain(axes)
    _name(axes, report, shown)


def _name(axes: Axes, report: Bench, rows: list[Row]) -> None:
    """Write the names beside the points, those that cost more than their FLOPs say first; none over another."""
    to_place = axes.transData + axes.transAxes.inverted()
    placed: list[tuple[float, float]] = []
    first = [row for row in report.dearer if row in rows]
    for row in (*first, *sorted((row for row in rows if row not in first), key=lambda row: -row.seconds)):
        x, y = to_place.transform((row.intensity, _reached(row)))
        if any(abs(x - a) < 2 * APART and abs(y - b) < APART for a, b in placed):
            continue
        placed.append((x, y))
        name = drawable(f"{row.name or 'other'} {row.kind}", 24)
        axes.annotate(name, (row.intensity, _reached(row)), (5, 3), textcoords="offset points", fontsize=8,
                      color=INK if row in first else FAINT, weight="bold" if row in first else "normal",
                      parse_math=False)  # fmt: skip


def _reached(row: Row) -> float:
    return row.flops / row.seconds / 1e9


def _foot(report: Bench) -> str:
    """What is not in the roofline, and where it was measured."""
    first = report.cases[0]
    state = ", fused" if first.unfused else ""
    place = f"Rows{state}, at {'x'.join(map(str, first.size))}, batch {first.batch}"
    free = [row for row in report.rows if not row.flops]
    share = percent(sum(row.share_of_time for row in free))
    names = f" {len(free)} rows without FLOPs, with {share} of the time, are not shown." if free else ""
    above = (
        " Above the line: values stay in the cache, or the machine was busier when the line was measured."
        if any(map(_is_above, report.rows))
        else ""
    )
    return drawable(f"{place}.{names}{above} {report.machine}.", 3 * LETTERS)


def _is_above(row: Row) -> bool:
    return bool(row.flops) and row.seconds < row.least


def _plain(axes: Axes) -> None:
    """Nothing but the axes themselves."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=8.5)
